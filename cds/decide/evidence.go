package decide

import (
	"context"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/rag"
)

// cite gives what a reader sees of a source: with its wording when the document
// is loaded and the place is certain, without it when not. It keeps no lookups:
// the snapshot answers from memory.
func cite(evidence Evidence) func(rag.Locator) rag.Citation {
	return func(l rag.Locator) rag.Citation {
		c := rag.Citation{Document: l.Document, Title: l.Document, Version: l.Version, Section: l.Section}
		if l.Page > 0 {
			page := l.Page
			c.Page = &page
		}
		if evidence == nil {
			return c
		}
		passage, document, ok := evidence.Resolve(l)
		if !ok {
			return c
		}
		c.Title = document.Title
		if document.Version != "" {
			c.Version = document.Version
		}
		if n := len(passage.Section); c.Section == "" && n > 0 {
			c.Section = passage.Section[n-1]
		}
		quote := passage.Quoted
		c.Quote = &quote
		return c
	}
}

// passages is how many supporting passages an answer carries.
const passages = 10

// support finds passages that speak of what was asked. The query is built of
// codes; what a person typed stays out of it.
func (s *Service) support(ctx context.Context, evidence Evidence, chart *facts.Chart, rec cds.Recommendation) []rag.Evidence {
	list := []rag.Evidence{}
	if evidence == nil || s.c.Queries == nil || rec.Indication == nil {
		return list
	}
	q := s.c.Queries.Build(question(chart, rec), string(rec.Language))
	q.Indications = []string{rec.Indication.Code}
	q.K = passages
	q.Local = rec.Restricted
	result := evidence.Search(ctx, q)
	if result.Abstained {
		return list
	}
	for _, hit := range result.Hits {
		e := rag.Evidence{
			Document: hit.Document.Identifier, Title: hit.Document.Title, Version: hit.Document.Version,
			Expired: hit.Document.Expired, Section: strings.Join(hit.Passage.Section, " › "),
			Quote: hit.Passage.Quoted, Score: hit.Score,
		}
		if hit.Passage.Page > 0 {
			page := hit.Passage.Page
			e.Page = &page
		}
		if !hit.Document.ValidUntil.IsZero() {
			until := hit.Document.ValidUntil.Format(time.DateOnly)
			e.ValidUntil = &until
		}
		list = append(list, e)
	}
	return list
}

// impaired is the clearance in mL/min below which dosing in renal impairment is
// part of the question.
const impaired = 60

// question states the case in codes, most important first.
func question(chart *facts.Chart, rec cds.Recommendation) rag.Request {
	req := rag.Request{Indication: rec.Indication.Code}
	if rec.Severity != nil {
		req.Severity = rec.Severity.Value
	}
	asked := chart.Request()
	req.Site, req.RiskFactors, req.Pathogens = asked.Site, asked.RiskFactors, asked.Pathogens
	add := func(f rag.CodedFact) {
		for _, have := range req.Facts {
			if have == f {
				return
			}
		}
		req.Facts = append(req.Facts, f)
	}
	add(rag.CodedFact{System: rec.Indication.System, Code: rec.Indication.Code, Display: rec.Indication.Display})
	for _, o := range rec.Options {
		for _, i := range o.Ingredients {
			add(rag.CodedFact{System: atc, Code: i.ATC, Display: i.Name})
		}
	}
	if clearance, ok := chart.Number("creatinine-clearance-cockcroft-gault").Exact(); ok && clearance < impaired {
		add(rag.CodedFact{Display: cds.Text{DE: "Niereninsuffizienz", EN: "renal impairment"}.In(rec.Language)})
	}
	for _, c := range chart.Conditions() {
		for _, coding := range c.Concept.Codings {
			add(rag.CodedFact{System: coding.System, Code: coding.Code, Display: coding.Display})
			break
		}
	}
	return req
}

// atc is the code system of substances (WHO).
const atc = "http://www.whocc.no/atc"

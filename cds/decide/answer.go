package decide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/cds/recommend"
	"cdss/cds/render"
	"cdss/cds/trial"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/rag"
)

// Ask is a question from the API: what is known of one patient, and what a person
// adds.
type Ask struct {
	Patient   string // bare id; "" takes the only Patient of Resources
	Resources []*fhir.Resource
	Request   *cds.StructuredRequest
	Language  cds.Lang
	URLs      map[string]*fhir.Resource // Medications among Resources, by the fullUrl of their entry
	Received  map[string]facts.Received // as in facts.Input, where more is known than came
	Service   string                    // the door, for the record; "" means "recommendations"
	Plain     bool                      // neither supporting passages nor cards are wanted
	// Unreadable are entries that are no resource, Truncated says that the Bundle
	// has a next page: both are told, since what is not there cannot be checked.
	Unreadable []issue.Issue
	Truncated  bool
	Restricted bool      // the Bundle itself is labelled as confidential; see Restricted
	Now        time.Time // the zero time means Config.Now
	// Snapshot is the knowledge to answer with; nil: that of this moment.
	Snapshot *knowledge.Snapshot
	// Step, when not nil, is called as each part of the answer is ready: "facts",
	// "options", "evidence", with what the answer will hold of it.
	Step func(name string, part any)

	Came *prefetch.Result // set by Gather
}

// Answer gives the whole recommendation. It never fails: what did not work is in
// notChecked.
func (s *Service) Answer(ctx context.Context, ask Ask) cds.Recommendation {
	start := time.Now()
	now := ask.Now
	if now.IsZero() {
		now = s.c.Now()
	}
	step := ask.Step
	if step == nil {
		step = func(string, any) {}
	}
	id := s.c.NewID()
	ctx, cancel := context.WithTimeout(ctx, s.c.Patience)
	defer cancel()
	snapshot, evidence := ask.Snapshot, s.c.Evidence()
	if snapshot == nil {
		snapshot = s.c.Knowledge()
	}
	broken := false
	rec := cds.Recommendation{}
	products, received, lacking := s.products(ask)
	chart, err := within(ctx, s, "facts", func(context.Context) *facts.Chart {
		return facts.Build(facts.Input{
			Now: now, Patient: ask.Patient, Resources: s.translate(ask.Resources), Request: ask.Request, Received: received, Products: products,
			Indications: indications(snapshot), Formulary: s.c.Tables.Formulary, Allergy: s.c.Tables.Allergy, Organisms: s.c.Tables.Organisms,
		})
	})
	trace := s.tracing()
	in := recommend.Input{
		Snapshot: snapshot, Tables: s.c.Tables, Chart: chart, Lang: ask.Language, Demo: s.c.Demo,
		Cite: cite(evidence), ID: id, Now: now, Trace: trace,
	}
	if err == nil {
		rec, err = within(ctx, s, "recommend", func(ctx context.Context) cds.Recommendation { return s.c.Rules.Recommend(ctx, in) })
	}
	if err != nil {
		broken, trace = true, nil // the step may still write to it
		reason := cds.Text{DE: "Es konnte keine Empfehlung berechnet werden.", EN: "No recommendation could be computed."}.In(ask.Language)
		rec = cds.Recommendation{Abstained: true, AbstainReason: &reason, NotChecked: []cds.NotChecked{failed(err, checkAll, ask.Language)}}
	}
	rec.ID, rec.Language = id, ask.Language
	rec.Restricted = ask.Restricted || restricted(ask.Resources)
	if rec.CreatedAt == "" {
		rec.CreatedAt = now.Format(time.RFC3339)
	}
	if ask.Came != nil {
		c := &call{came: ask.Came, rec: rec, req: cds.Request{Language: ask.Language, Question: cds.AskOptions}}
		c.because()
		if rec.Indication == nil {
			c.gaps("Condition")
		}
		rec = c.rec
	}
	incomplete(&rec, ask, lacking)
	whole(&rec)
	step("facts", rec.Facts)
	step("options", rec.Options)
	if err == nil && !ask.Plain {
		found, err := within(ctx, s, "evidence", func(ctx context.Context) []rag.Evidence { return s.support(ctx, evidence, chart, rec) })
		if err != nil {
			found = []rag.Evidence{}
		}
		rec.Evidence = found
	}
	step("evidence", rec.Evidence)
	aged := s.aged(ask.Language, s.c.Now())
	if !ask.Plain {
		rec.Cards = render.Cards(rec, render.Options{Lang: ask.Language, Notice: aged, Reserved: rec.Restricted, NewUUID: func(key string) string { return derive(id, key) }})
	}
	if aged != "" { // the cards have it already
		rec.Notes = append([]string{aged}, rec.Notes...)
	}
	patient := ask.Patient
	if patient == "" && chart != nil {
		patient = chart.PatientID()
	}
	service := ask.Service
	if service == "" {
		service = "recommendations"
	}
	s.record(cds.Decision{
		ID: id, At: s.c.Now(), Service: service, Language: ask.Language, Inputs: s.asked(ask), References: references(chart), Artifacts: pinned(rec.Knowledge, snapshot),
		Ran: ran(rec), Skipped: skipped(rec.NotChecked), Duration: time.Since(start), Degraded: broken || aged != "", Cards: issued(rec.Cards), Trace: looked(trace),
		Asked: askedBy(ctx, patient, ""),
	})
	if !broken {
		s.compare(in, trial.Answer{Recommendation: rec}, false)
	}
	return rec
}

// incomplete says what of the data could not be read.
func incomplete(rec *cds.Recommendation, ask Ask, lacking bool) {
	lang := ask.Language
	for _, i := range ask.Unreadable {
		rec.Ignored = append(rec.Ignored, cds.Ignored{Reference: strings.Join(i.Expression, ", "), Reason: i.Diagnostics})
	}
	note := func(reason cds.Text) {
		rec.NotChecked = append(rec.NotChecked, cds.NotChecked{Check: checkData.In(lang), Reason: reason.In(lang), Missing: []string{}})
	}
	if len(ask.Unreadable) > 0 {
		note(cds.Text{DE: "ein Eintrag des Bundles ist keine lesbare FHIR-Ressource", EN: "an entry of the Bundle is no readable FHIR resource"})
	}
	if lacking {
		note(cds.Text{DE: "zu einem Medikament fehlt das Arzneimittel, auf das es verweist", EN: "the Medication that a medicine refers to is not there"})
	}
	if ask.Truncated {
		note(cds.Text{DE: "das Bundle ist nur eine Seite von mehreren", EN: "the Bundle is one page of several"})
	}
}

var checkData = cds.Text{DE: "Vollständigkeit der Patientendaten", EN: "completeness of the patient data"}

// asked tells what was asked, by its hashes.
func (s *Service) asked(ask Ask) map[string]cds.DecisionInput {
	if ask.Came != nil {
		return inputs(ask.Came, cds.Request{})
	}
	out := map[string]cds.DecisionInput{
		"bundle": {SHA256: hash(ask.Resources), Origin: string(prefetch.Sent), Resources: len(ask.Resources)},
	}
	if ask.Request != nil {
		h := sha256.New()
		_ = json.NewEncoder(h).Encode(ask.Request) // a hash takes what it is given
		out["request"] = cds.DecisionInput{SHA256: hex.EncodeToString(h.Sum(nil)), Origin: string(prefetch.Sent)}
	}
	return out
}

// whole gives every list of a recommendation a value: the contract promises
// lists, not null.
func whole(r *cds.Recommendation) {
	fill(&r.Knowledge)
	fill(&r.Facts)
	fill(&r.Options)
	fill(&r.Excluded)
	fill(&r.Warnings)
	fill(&r.NotChecked)
	fill(&r.Notes)
	fill(&r.Ignored)
	fill(&r.Evidence)
	fill(&r.Cards)
	for i := range r.Facts {
		fill(&r.Facts[i].Inputs)
	}
	for i := range r.NotChecked {
		fill(&r.NotChecked[i].Missing)
	}
	for i := range r.Excluded {
		fill(&r.Excluded[i].Citations)
	}
	for i := range r.Warnings {
		fill(&r.Warnings[i].Citations)
	}
	for i := range r.Options {
		o := &r.Options[i]
		fill(&o.Ingredients)
		fill(&o.Monitoring)
		fill(&o.SideEffects)
		fill(&o.Interactions)
		fill(&o.Citations)
		for j := range o.Ingredients {
			fill(&o.Ingredients[j].Adjustments)
		}
	}
}

func fill[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

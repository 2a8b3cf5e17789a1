package concept

import (
	"strings"

	"cdss/rag"
)

// maxFacts bounds the facts of a line: the passage that speaks of all of a long
// history does not exist.
const maxFacts = 12

// Weights of what a structured request adds to the words of its line.
const (
	intentWeight   = 0.2 // a recommendation is what is looked for
	freeTextWeight = 0.7
)

// Build makes a query out of a structured request and coded facts: a line of facts,
// most important first, separated by semicolons. Retrieval lets the first gate the
// others. Denied facts are left out. Codes are said by the name the table has for
// them, so that what is searched for does not depend on a system's displays.
func (t *Table) Build(req rag.Request, language string) rag.Query {
	q := rag.Query{Language: language}
	if language != "en" {
		q.Language = "de"
	}
	l := line{t: t, language: q.Language, seen: map[string]bool{}}
	l.value(req.Indication)
	l.value(req.Site)
	for _, v := range req.Pathogens {
		l.value(v)
	}
	for _, v := range req.RiskFactors {
		l.value(v)
	}
	for _, f := range req.Facts {
		if !f.Negated {
			l.fact(f)
		}
	}
	l.value(req.Severity)
	q.Text = strings.Join(l.facts, "; ")
	if text := strings.TrimSpace(req.FreeText); text != "" {
		q.Terms = append(q.Terms, rag.Term{Text: text, Weight: freeTextWeight, Origin: rag.FromQuery})
		for _, m := range t.Annotate(text) {
			if !l.seen[m.Concept] {
				l.seen[m.Concept] = true
				c := t.concepts[t.byID[m.Concept]]
				q.Concepts = append(q.Concepts, rag.Concept{ID: c.ID, DE: c.DE, EN: c.EN})
			}
		}
	}
	if q.Text != "" {
		for _, id := range []string{"empirical-therapy", "dosing"} {
			if c, ok := t.Lookup(id); ok && !l.seen[id] {
				q.Terms = append(q.Terms, rag.Term{Text: c.name(q.Language), Weight: intentWeight, Origin: rag.FromFact})
			}
		}
	}
	if req.Indication != "" {
		q.Indications = []string{req.Indication}
	}
	return q
}

func (c Concept) name(language string) string {
	if language == "en" {
		return c.EN
	}
	return c.DE
}

// line collects facts, each said once.
type line struct {
	t        *Table
	language string
	facts    []string
	seen     map[string]bool
}

func (l *line) add(text string, concepts ...string) {
	if text == "" || len(l.facts) == maxFacts {
		return
	}
	fresh := len(concepts) == 0
	for _, c := range concepts {
		fresh = fresh || !l.seen[c]
		l.seen[c] = true
	}
	if fresh {
		// A semicolon separates facts; within one it would make two of it.
		l.facts = append(l.facts, strings.ReplaceAll(text, ";", ","))
	}
}

// value adds a code of ours ("community-acquired-pneumonia") or a value of the
// prototype ("AMBULANT_ERWORBENE_PNEUMONIE").
func (l *line) value(v string) {
	v = strings.TrimSpace(v)
	if v == "" {
		return
	}
	if c, ok := l.t.Lookup(v); ok {
		l.add(c.name(l.language), c.ID)
		return
	}
	text := strings.NewReplacer("_", " ", "-", " ").Replace(v)
	if text == strings.ToUpper(text) {
		text = strings.ToLower(text)
	}
	l.say(text)
}

// say adds a text: by the name of its concept when it is one, else as it is.
func (l *line) say(text string) {
	mentions := l.t.Annotate(text)
	if len(mentions) > 0 && mentions[0].Start == 0 && mentions[0].End == len(text) {
		c := l.t.concepts[l.t.byID[mentions[0].Concept]]
		l.add(c.name(l.language), c.ID)
		return
	}
	ids := make([]string, len(mentions))
	for i, m := range mentions {
		ids[i] = m.Concept
	}
	l.add(text, ids...)
}

// fact adds a coded fact: the concept of its code, else its display.
func (l *line) fact(f rag.CodedFact) {
	if system := systemOf(f.System); system != "" {
		if c, ok := l.t.Code(system, f.Code); ok {
			l.add(c.name(l.language), c.ID)
			return
		}
	}
	if text := strings.TrimSpace(f.Display); text != "" {
		l.say(text)
		return
	}
	if c, ok := l.t.Lookup(f.Code); ok {
		l.add(c.name(l.language), c.ID)
	}
}

// systemOf names the code systems the table has codes of.
func systemOf(uri string) string {
	uri = strings.ToLower(uri)
	switch {
	case strings.Contains(uri, "icd-10"):
		return "ICD10"
	case strings.Contains(uri, "atc"):
		return "ATC"
	case strings.Contains(uri, "loinc"):
		return "LOINC"
	}
	return ""
}

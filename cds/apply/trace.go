package apply

import (
	"slices"
	"strings"

	"cdss/cds/knowledge"
)

// Trace collects every action whose conditions were looked at, in order. What was
// looked at again with the same outcome stands once.
type Trace struct {
	Entries []Entry

	seen map[traced]bool
}

// Entry is one action that was looked at.
type Entry struct {
	Plan    *knowledge.Plan
	Action  *knowledge.Action
	At      string // ids of the path, slashes between; of a safety rule its own id
	Outcome Outcome
	Missing []Gap // what would decide it
	Steps   []Step
}

type traced struct {
	action  *knowledge.Action
	outcome Outcome
	listed  string
}

// String names the outcome as traces and reports do.
func (o Outcome) String() string {
	switch o {
	case Holds:
		return "true"
	case Open:
		return "undetermined"
	case Assumed:
		return "assumed"
	}
	return "false"
}

// add keeps an entry.
func (t *Trace) add(e Entry) {
	key := traced{action: e.Action, outcome: e.Outcome}
	for _, s := range e.Steps { // what the caller said decides too
		for _, r := range s.Reads {
			if r.Name == "listed" {
				key.listed = r.Value
			}
		}
	}
	if t.seen == nil {
		t.seen = map[traced]bool{}
	}
	if !t.seen[key] {
		t.seen[key] = true
		t.Entries = append(t.Entries, e)
	}
}

// Traced gives the scope with a trace that everything it decides is written to. A
// nil trace changes nothing.
func (s *Scope) Traced(t *Trace) *Scope {
	c := *s
	c.trace = t
	return &c
}

// read tells what a name was worth, and what it rests on.
func (s *Scope) read(plan definitions, name string, depth int) (Read, bool) {
	v, known := s.lookup(plan, name)
	if !known {
		return Read{}, false
	}
	r := Read{Name: name, Value: show(v), Source: v.source}
	if s.trace == nil {
		return r, true
	}
	fact := kebab(name)
	f := s.chart.Fact(fact)
	r.Unknown, r.Display, r.Unit = v.unknown, displayed(f.Display, fact), f.Unit
	if f.Date.Known() {
		r.Date = f.Date.String()
	}
	for _, in := range f.Inputs {
		if in.Reference != "" && in.Reference != r.Source && !slices.Contains(r.Inputs, in.Reference) {
			r.Inputs = append(r.Inputs, in.Reference)
		}
	}
	if !strings.Contains(r.Source, "/") && len(r.Inputs) == 0 {
		r.Inputs = s.listed(name)
	}
	if d, ok := plan.Definition(name); ok && depth < 8 {
		r.Display, r.Expression = displayed(d.Display, fact), d.Expression.String()
		for _, inner := range d.Expression.Variables() {
			if x, ok := s.read(plan, inner, depth+1); ok {
				r.Reads = append(r.Reads, x)
			}
		}
	}
	return r, true
}

// listed names the resources that a list of codes was read from.
func (s *Scope) listed(name string) (references []string) {
	switch name {
	case "conditions", "diagnoses", "diagnosisTexts", "indication":
		for _, c := range s.chart.Conditions() {
			references = append(references, c.Reference)
		}
	case "history", "historyTexts":
		for _, c := range s.chart.FormerConditions() {
			references = append(references, c.Reference)
		}
	case "isolates", "organisms":
		for _, i := range s.chart.Isolates() {
			references = append(references, i.Reference)
		}
	case "allergies":
		for _, a := range s.chart.Allergies() {
			references = append(references, a.Reference)
		}
	case "medications":
		for _, m := range s.chart.Medications() {
			references = append(references, m.Reference)
		}
	}
	return references
}

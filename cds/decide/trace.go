package decide

import (
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
)

// maxLooked bounds what is kept of a trace.
const maxLooked = 400

// tracing gives a trace to write to when decisions are kept.
func (s *Service) tracing() *apply.Trace {
	if s.c.Recorder == nil {
		return nil
	}
	return &apply.Trace{}
}

// looked tells what was looked at, without any value of the patient.
func looked(t *apply.Trace) []cds.Looked {
	if t == nil {
		return nil
	}
	var out []cds.Looked
	applied := map[string]bool{} // plans of which an action is told that applies
	for _, e := range t.Entries {
		if len(e.Steps) == 0 || len(out) == maxLooked {
			continue
		}
		l := cds.Looked{Plan: e.Plan.Canonical(), At: e.At, Outcome: e.Outcome.String()}
		for _, step := range e.Steps {
			if e.Outcome == apply.Fails && step.Outcome == "true" {
				continue
			}
			l.Conditions = append(l.Conditions, cds.LookedCondition{Expression: step.Expression, Outcome: step.Outcome, Reads: from(step.Reads)})
		}
		out = append(out, l)
		applied[l.Plan] = applied[l.Plan] || e.Outcome == apply.Holds || e.Outcome == apply.Assumed
	}
	// A plan without any condition took part as well: its first action stands for it.
	for _, e := range t.Entries {
		if name := e.Plan.Canonical(); !applied[name] && e.Outcome == apply.Holds && len(out) < maxLooked {
			applied[name] = true
			out = append(out, cds.Looked{Plan: name, At: e.At, Outcome: e.Outcome.String()})
		}
	}
	return out
}

// from names where values came from, those that a named expression read with it.
func from(reads []apply.Read) (out []cds.LookedRead) {
	for _, r := range reads {
		l := cds.LookedRead{Name: r.Name}
		gather(&l.From, r)
		out = append(out, l)
	}
	return out
}

func gather(list *[]string, r apply.Read) {
	for _, ref := range append([]string{r.Source}, r.Inputs...) {
		if ref != "" && ref != "library" && !strings.HasPrefix(ref, "Patient/") && !slices.Contains(*list, ref) {
			*list = append(*list, ref)
		}
	}
	for _, inner := range r.Reads {
		gather(list, inner)
	}
}

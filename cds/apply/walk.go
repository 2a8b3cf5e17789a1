package apply

import (
	"strings"

	"cdss/cds/content"
	"cdss/cds/knowledge"
)

// walker collects what a plan gives.
type walker struct {
	scope  *Scope
	plan   *knowledge.Plan
	result Result
}

// children walks actions in order. With firstOnly the first that applies ends it;
// one that cannot be decided is told and passed over.
func (w *walker) children(actions []*knowledge.Action, path []*knowledge.Action, population *knowledge.Action, assumed []Undetermined, firstOnly bool) {
	for _, a := range actions {
		here := append(path[:len(path):len(path)], a)
		v := w.holds(a, here)
		switch v.Outcome {
		case Fails:
			continue
		case Open:
			w.result.NotChecked = append(w.result.NotChecked, Undetermined{Plan: w.plan, Action: a, At: at(here), Missing: v.Missing})
			continue
		}
		with := assumed
		if v.Outcome == Assumed {
			u := Undetermined{Plan: w.plan, Action: a, At: at(here), Missing: v.Missing, Assumed: true}
			with = append(assumed[:len(assumed):len(assumed)], u)
			w.result.NotChecked = append(w.result.NotChecked, u)
		}
		w.take(a, here, population, with)
		if firstOnly {
			return
		}
	}
}

// take does what an applicable action is for.
func (w *walker) take(a *knowledge.Action, path []*knowledge.Action, population *knowledge.Action, assumed []Undetermined) {
	selected := Selected{Plan: w.plan, Action: a, Path: path, Assumed: assumed}
	switch a.Role {
	case content.RoleOption:
		c := Candidate{Selected: selected, Population: population}
		for _, child := range a.Actions {
			if child.Role != content.RoleIngredient || child.Regimen == nil {
				continue
			}
			here := append(path[:len(path):len(path)], child)
			v := w.holds(child, here)
			switch {
			case v.Outcome == Open: // half a combination is no option
				w.result.NotChecked = append(w.result.NotChecked, Undetermined{Plan: w.plan, Action: child, At: at(here), Missing: v.Missing})
				return
			case v.Applies():
				c.Ingredients = append(c.Ingredients, child)
			}
		}
		if len(c.Ingredients) > 0 {
			w.result.Candidates = append(w.result.Candidates, c)
		}
	case content.RoleAdvice, content.RoleNoAntibiotic, content.RoleOutOfScope, content.RoleRule:
		w.result.Advice = append(w.result.Advice, selected)
	case content.RolePopulation:
		w.children(a.Actions, path, a, assumed, a.FirstOnly)
	default:
		w.children(a.Actions, path, population, assumed, a.FirstOnly)
	}
}

// holds decides the conditions of an action and keeps the trace.
func (w *walker) holds(a *knowledge.Action, path []*knowledge.Action) Verdict {
	v, steps, issues := w.scope.holds(w.plan, a, at(path))
	w.result.Trace = append(w.result.Trace, steps...)
	w.result.Issues = append(w.result.Issues, issues...)
	return v
}

// at names a path of actions.
func at(path []*knowledge.Action) string {
	ids := make([]string, len(path))
	for i, a := range path {
		ids[i] = a.ID
	}
	return strings.Join(ids, "/")
}

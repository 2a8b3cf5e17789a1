package trial

import (
	"context"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/knowledge"
)

// CaseRun is what came of the cases of one artifact.
type CaseRun struct {
	Artifact string       `json:"artifact"` // url|version that was tried
	Passed   int          `json:"passed"`
	Failed   int          `json:"failed"`
	Cases    []CaseResult `json:"cases"`
	Coverage CaseCoverage `json:"coverage"`
}

// CaseResult is what came of one case.
type CaseResult struct {
	ID          string      `json:"id"`
	Title       string      `json:"title"`
	Passed      bool        `json:"passed"`
	Differences []Deviation `json:"differences"`
}

// CaseCoverage tells which actions and conditions of a plan the cases reached.
type CaseCoverage struct {
	Actions    int           `json:"actions"`
	Conditions int           `json:"conditions"`
	Never      []ActionReach `json:"never"`  // of the actions: never taken
	Always     []ActionReach `json:"always"` // taken whenever it was looked at, though it has conditions
	Untried    []string      `json:"untried"`
	Reached    []ActionReach `json:"reached"` // every action, in the order of the plan
}

// ActionReach is how often an action was looked at and taken, over all cases.
type ActionReach struct {
	At         string           `json:"at"` // ids of the path, slashes between
	Title      cds.Text         `json:"title"`
	Role       string           `json:"role"`
	Looked     int              `json:"looked"`
	Taken      int              `json:"taken"`
	Conditions []ConditionReach `json:"conditions"`
}

// ConditionReach is how often a condition came out which way.
type ConditionReach struct {
	Expression   string `json:"expression"`
	True         int    `json:"true"`
	False        int    `json:"false"`
	Undetermined int    `json:"undetermined"` // or assumed
	Error        int    `json:"error"`
}

// Test runs the cases that belong to an artifact, in both languages, and tells what
// of it they reached. The artifact is a canonical url, with or without version; one
// that does not run gives a coverage without actions. The context ends it early: the
// cases that were not run are then missing.
func (k Knowledge) Test(ctx context.Context, artifact string, cases []Case) CaseRun {
	plan, ok := k.Snapshot.Plan(artifact)
	r := CaseRun{Artifact: artifact, Cases: []CaseResult{}}
	url := artifact
	c := newCoverage(nil)
	if ok {
		r.Artifact, url = plan.Canonical(), plan.URL
		c = newCoverage(plan)
	}
	for _, x := range cases {
		if ctx.Err() != nil {
			break
		}
		if !x.BelongsTo(url) {
			continue
		}
		result := CaseResult{ID: x.ID, Title: x.Title, Differences: []Deviation{}}
		for _, lang := range []cds.Lang{cds.DE, cds.EN} {
			a := k.Ask(ctx, x.Question(lang), lang == cds.DE)
			result.Differences = append(result.Differences, x.Expect.Judge(a)...)
			if lang == cds.DE {
				c.add(a.Trace)
			}
			if len(result.Differences) > 0 {
				break // the other language would say the same again
			}
		}
		result.Passed = len(result.Differences) == 0
		if result.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
		r.Cases = append(r.Cases, result)
	}
	r.Coverage = c.result()
	return r
}

// coverage counts what traces reached of one plan.
type coverage struct {
	plan  *knowledge.Plan
	order []string
	reach map[string]*ActionReach
}

func newCoverage(plan *knowledge.Plan) *coverage {
	c := &coverage{plan: plan, reach: map[string]*ActionReach{}}
	if plan != nil {
		c.walk(plan.Actions, "")
	}
	return c
}

func (c *coverage) walk(actions []*knowledge.Action, above string) {
	for _, a := range actions {
		at := a.ID
		if above != "" {
			at = above + "/" + a.ID
		}
		r := &ActionReach{At: at, Title: a.Title, Role: a.Role, Conditions: []ConditionReach{}}
		for _, x := range a.Conditions {
			r.Conditions = append(r.Conditions, ConditionReach{Expression: x.Expression.String()})
		}
		c.order = append(c.order, at)
		c.reach[at] = r
		c.walk(a.Actions, at)
	}
}

// add counts one case: an action counts once, as taken if it was taken at all.
func (c *coverage) add(t apply.Trace) {
	looked, taken := map[string]bool{}, map[string]bool{}
	for _, e := range t.Entries {
		r := c.reach[e.At]
		if c.plan == nil || r == nil || e.Plan.URL != c.plan.URL {
			continue
		}
		if !looked[e.At] {
			looked[e.At] = true
			r.Looked++
		}
		if (e.Outcome == apply.Holds || e.Outcome == apply.Assumed) && !taken[e.At] {
			taken[e.At] = true
			r.Taken++
		}
		for i, s := range e.Steps {
			if i >= len(r.Conditions) {
				break
			}
			switch s.Outcome {
			case "true":
				r.Conditions[i].True++
			case "false":
				r.Conditions[i].False++
			case "error":
				r.Conditions[i].Error++
			default:
				r.Conditions[i].Undetermined++
			}
		}
	}
}

func (c *coverage) result() CaseCoverage {
	out := CaseCoverage{Never: []ActionReach{}, Always: []ActionReach{}, Untried: []string{}, Reached: []ActionReach{}}
	for _, at := range c.order {
		r := *c.reach[at]
		out.Actions++
		out.Conditions += len(r.Conditions)
		out.Reached = append(out.Reached, r)
		switch {
		case r.Looked == 0 && r.Role != "ingredient": // an ingredient goes with its option
			out.Untried = append(out.Untried, at)
			out.Never = append(out.Never, r)
		case r.Looked > 0 && r.Taken == 0:
			out.Never = append(out.Never, r)
		case r.Taken == r.Looked && len(r.Conditions) > 0:
			out.Always = append(out.Always, r)
		}
	}
	return out
}

// Package apply runs a compiled plan against one patient's Chart: which actions
// apply, which do not, and which cannot be decided.
//
// It owns the walk of PlanDefinition/$apply and the trace that explains it. It is
// stricter than the specification where that is safer: a condition that rests on
// an unknown fact is undetermined and becomes "not checked", never silently false.
// It refuses to rank, dose, or exclude, which is recommend's.
package apply

import (
	"context"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
)

// Result is what a plan gives for one patient.
type Result struct {
	Candidates []Candidate
	Advice     []Selected // what is not an option: advice, no antibiotic due, out of scope
	NotChecked []Undetermined
	Issues     []Issue
	Trace      []Step
}

// Selected is an action that applies.
type Selected struct {
	Plan    *knowledge.Plan
	Action  *knowledge.Action
	Path    []*knowledge.Action // from the top of the plan, the action itself last
	Assumed []Undetermined      // what had to be assumed for it
}

// Candidate is a therapy option that applies, with its ingredients.
type Candidate struct {
	Selected
	Population  *knowledge.Action
	Ingredients []*knowledge.Action
}

// Undetermined is an action whose conditions could not be decided.
type Undetermined struct {
	Plan    *knowledge.Plan
	Action  *knowledge.Action
	At      string // ids of the path, slashes between
	Missing []Gap  // what would decide it
	Assumed bool   // the action was worked with all the same
}

// Gap is a fact that is not known.
type Gap struct {
	Fact    string // kebab case
	Display cds.Text
}

// Issue is a condition that could not be evaluated, or gave no boolean.
type Issue struct {
	Plan                    *knowledge.Plan
	At, Expression, Message string
}

// Step is one condition that was looked at.
type Step struct {
	At         string
	Expression string
	Reads      []Read
	Outcome    string // true | false | undetermined | assumed | error
}

// Read is a named value that a condition read, as text, and where it came from. All
// but the first three is told in a Trace alone.
type Read struct {
	Name, Value, Source string
	Unknown             bool
	Display             cds.Text
	Unit, Date          string   // UCUM; FHIR dateTime
	Inputs              []string // references of the resources it was computed from
	Expression          string   // of a named expression, with what it read
	Reads               []Read
}

// Apply walks the plan depth first. It is pure: now is the time for expressions.
func Apply(ctx context.Context, plan *knowledge.Plan, chart *facts.Chart, now time.Time) Result {
	return NewScope(ctx, chart, now).Apply(plan)
}

// Apply walks a plan with the values of this scope, reading each named value once.
func (s *Scope) Apply(plan *knowledge.Plan) Result {
	w := &walker{scope: s, plan: plan}
	w.children(plan.Actions, nil, nil, nil, false)
	return w.result
}

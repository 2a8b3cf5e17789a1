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
	Advice     []Selected // advice, and statements that no antibiotic is due
	NotChecked []Undetermined
	Issues     []Issue
	Trace      []Step
}

// Selected is an action that applies.
type Selected struct {
	Plan   *knowledge.Plan
	Action *knowledge.Action
	Path   []*knowledge.Action // from the top of the plan, the action itself last
}

// Candidate is a therapy option that applies, with its ingredients.
type Candidate struct {
	Selected
	Population  *knowledge.Action
	Ingredients []*knowledge.Action
	Assumed     []Undetermined // what had to be assumed for it
}

// Undetermined is a condition that could not be decided.
type Undetermined struct {
	Action     string // path of ids, dots between
	Title      cds.Text
	Expression string
	Missing    []string // fact names, kebab case
	Assumed    bool     // the action was worked with all the same
}

// Issue is an expression that could not be evaluated, or gave no boolean.
type Issue struct {
	Action, Expression, Message string
}

// Step is one condition that was looked at.
type Step struct {
	Action     string
	Expression string
	Reads      []Read
	Outcome    string // true | false | undetermined | error
}

// Read is a named value an expression read, as text, and where it came from.
type Read struct {
	Name, Value, Source string
}

// Apply walks the plan depth first. It is pure: now is the time for expressions.
func Apply(ctx context.Context, plan *knowledge.Plan, chart *facts.Chart, now time.Time) Result {
	return walk(ctx, plan, chart, now)
}

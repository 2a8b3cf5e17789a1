package trial

import (
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/knowledge"
)

// Explanation is why an answer is as it is.
type Explanation struct {
	Indication    string       `json:"indication" doc:"code, or empty"`
	AbstainReason string       `json:"abstainReason" doc:"why there is no option, or empty"`
	Options       []string     `json:"options" doc:"as they are read, best first"`
	Warnings      []string     `json:"warnings" doc:"indicator, code and summary"`
	Plans         []TracedPlan `json:"plans"`
	WhyNot        *WhyNot      `json:"whyNot,omitempty"`
}

// TracedPlan is what was looked at of a plan.
type TracedPlan struct {
	URL     string         `json:"url"`
	Version string         `json:"version"`
	Title   cds.Text       `json:"title"`
	Actions []TracedAction `json:"actions" doc:"in the order in which they were looked at"`
}

// TracedAction is an action with what decided it.
type TracedAction struct {
	At         string            `json:"at" doc:"ids of the path, slashes between"`
	Title      cds.Text          `json:"title"`
	Role       string            `json:"role"`
	Outcome    string            `json:"outcome" enum:"true,false,undetermined,assumed"`
	Missing    []TracedGap       `json:"missing" doc:"what would decide it"`
	Conditions []TracedCondition `json:"conditions"`
}

// TracedGap is a fact that is not known.
type TracedGap struct {
	Fact    string   `json:"fact"`
	Display cds.Text `json:"display"`
}

// TracedCondition is a condition with the values it read.
type TracedCondition struct {
	Expression string        `json:"expression"`
	Outcome    string        `json:"outcome" enum:"true,false,undetermined,assumed,error"`
	Reads      []TracedValue `json:"reads"`
}

// TracedValue is a named value with where it came from. That of a named expression
// holds the expression and what it read.
type TracedValue struct {
	Name       string        `json:"name"`
	Display    cds.Text      `json:"display"`
	Value      string        `json:"value"`
	Known      bool          `json:"known"`
	Unit       string        `json:"unit,omitempty"`
	Date       string        `json:"date,omitempty"`
	Source     string        `json:"source,omitempty" doc:"reference of the resource, or request, computed, library"`
	Inputs     []string      `json:"inputs,omitempty" doc:"references of the resources it was computed from"`
	Expression string        `json:"expression,omitempty"`
	Reads      []TracedValue `json:"reads,omitempty"`
}

// Explain tells why an answer is as it is, which was asked for with its trace. Why
// names a substance by its ATC code, of which it is to be told why it is or is not
// offered; "" asks nothing.
func Explain(k Knowledge, a Answer, why string) Explanation {
	rec := a.Recommendation
	e := Explanation{Options: []string{}, Warnings: []string{}, Plans: TracePlans(a.Trace)}
	if rec.Indication != nil {
		e.Indication = rec.Indication.Code
	}
	if rec.AbstainReason != nil {
		e.AbstainReason = *rec.AbstainReason
	}
	for _, o := range rec.Options {
		e.Options = append(e.Options, lineOf(o))
	}
	for _, list := range [][]cds.Warning{rec.Warnings, a.Orders.Warnings} {
		for _, w := range list {
			e.Warnings = append(e.Warnings, string(w.Indicator)+" "+w.Code+": "+w.Summary)
		}
	}
	if why != "" {
		w := whyNot(k, a, why)
		e.WhyNot = &w
	}
	return e
}

// TracePlans arranges a trace by plan, in the order in which they were looked at.
func TracePlans(t apply.Trace) []TracedPlan {
	list := []TracedPlan{}
	at := map[*knowledge.Plan]int{}
	for _, e := range t.Entries {
		n, ok := at[e.Plan]
		if !ok {
			n = len(list)
			at[e.Plan] = n
			list = append(list, TracedPlan{URL: e.Plan.URL, Version: e.Plan.Version, Title: e.Plan.Title, Actions: []TracedAction{}})
		}
		list[n].Actions = append(list[n].Actions, traceAction(e))
	}
	return list
}

func traceAction(e apply.Entry) TracedAction {
	a := TracedAction{At: e.At, Title: e.Action.Title, Role: e.Action.Role, Outcome: e.Outcome.String(), Missing: []TracedGap{}, Conditions: []TracedCondition{}}
	for _, g := range e.Missing {
		a.Missing = append(a.Missing, TracedGap{Fact: g.Fact, Display: g.Display})
	}
	for _, s := range e.Steps {
		a.Conditions = append(a.Conditions, TracedCondition{Expression: s.Expression, Outcome: s.Outcome, Reads: traceReads(s.Reads)})
	}
	return a
}

func traceReads(list []apply.Read) []TracedValue {
	out := []TracedValue{}
	for _, r := range list {
		v := TracedValue{
			Name: r.Name, Display: r.Display, Value: r.Value, Known: !r.Unknown, Unit: r.Unit, Date: r.Date, Source: r.Source, Inputs: r.Inputs, Expression: r.Expression,
		}
		if len(r.Reads) > 0 {
			v.Reads = traceReads(r.Reads)
		}
		out = append(out, v)
	}
	return out
}

// WhyNot tells why a substance is offered, or what stands against it.
type WhyNot struct {
	Substance string         `json:"substance" doc:"ATC code"`
	Offered   bool           `json:"offered"`
	Rank      int            `json:"rank" doc:"of the best option that holds it; 0 when it is not offered"`
	Reasons   []WhyNotReason `json:"reasons"`
}

// WhyNotReason is one thing that stands against a substance, or for it.
type WhyNotReason struct {
	Kind       string            `json:"kind" enum:"no-indication,no-plan,not-listed,abstained,condition-false,undetermined,earlier-taken,excluded,behind,offered"`
	At         string            `json:"at" doc:"the action it is about, or empty"`
	Title      cds.Text          `json:"title"`
	Detail     string            `json:"detail" doc:"in the language of the answer"`
	Conditions []TracedCondition `json:"conditions" doc:"those that were not true"`
}

func whyNot(k Knowledge, a Answer, atc string) WhyNot {
	rec := a.Recommendation
	w := WhyNot{Substance: atc, Reasons: []WhyNotReason{}}
	add := func(r WhyNotReason) {
		if r.Conditions == nil {
			r.Conditions = []TracedCondition{}
		}
		w.Reasons = append(w.Reasons, r)
	}
	for n, o := range rec.Options {
		if !holds(o, atc) {
			continue
		}
		if !w.Offered {
			w.Offered, w.Rank = true, o.Rank
		}
		kind := "offered"
		if n >= shownOptions {
			kind = "behind" // those before it fill the card
		}
		add(WhyNotReason{Kind: kind, At: o.Definition, Detail: lineOf(o) + " – " + o.Why})
	}
	for _, x := range rec.Excluded {
		if x.ATC == atc {
			add(WhyNotReason{Kind: "excluded", Detail: x.Reason + ": " + x.Detail})
		}
	}
	if w.Offered {
		return w
	}
	if rec.AbstainReason != nil {
		add(WhyNotReason{Kind: "abstained", Detail: *rec.AbstainReason})
	}
	if rec.Indication == nil {
		add(WhyNotReason{Kind: "no-indication"})
		return w
	}
	plan, ok := k.Snapshot.PlanFor(rec.Indication.Code)
	if !ok {
		add(WhyNotReason{Kind: "no-plan"})
		return w
	}
	looked := map[string]apply.Entry{}
	for _, e := range a.Trace.Entries {
		if e.Plan == plan {
			looked[e.At] = e
		}
	}
	s := search{atc: atc, looked: looked, add: add}
	s.walk(plan.Actions, "", false)
	if !s.listed {
		add(WhyNotReason{Kind: "not-listed", Title: plan.Title})
	}
	return w
}

func holds(o cds.Option, atc string) bool {
	for _, i := range o.Ingredients {
		if i.ATC == atc {
			return true
		}
	}
	return false
}

// search looks for the options of a plan that hold a substance, and for what stands
// against each.
type search struct {
	atc    string
	looked map[string]apply.Entry
	add    func(WhyNotReason)
	listed bool
}

// walk looks at the actions below a place; of those below one that is blocked it is
// told already why.
func (s *search) walk(actions []*knowledge.Action, above string, blocked bool) {
	taken := cds.Text{}
	for _, a := range actions {
		at := strings.TrimPrefix(above+"/"+a.ID, "/")
		e, seen := s.looked[at]
		against := blocked
		holds := s.holds(a)
		if holds && !blocked {
			against = s.against(a, at, e, seen, taken)
		}
		if holds {
			s.listed = true
			if a.Role != content.RoleOption {
				s.walk(a.Actions, at, against)
			}
		}
		if seen && (e.Outcome == apply.Holds || e.Outcome == apply.Assumed) && taken.IsZero() {
			taken = a.Title
		}
	}
}

// against tells what stands against an action, if anything does.
func (s *search) against(a *knowledge.Action, at string, e apply.Entry, seen bool, taken cds.Text) bool {
	r := WhyNotReason{At: at, Title: a.Title}
	switch {
	case !seen:
		r.Kind = "earlier-taken"
		r.Detail = taken.DE
		if taken.DE != taken.EN {
			r.Detail += " / " + taken.EN
		}
	case e.Outcome == apply.Fails:
		r.Kind = "condition-false"
	case e.Outcome == apply.Open:
		r.Kind = "undetermined"
	default:
		return false
	}
	if seen {
		r.Conditions = notTrue(traceAction(e).Conditions)
	}
	s.add(r)
	return true
}

func notTrue(list []TracedCondition) (out []TracedCondition) {
	for _, c := range list {
		if c.Outcome != "true" {
			out = append(out, c)
		}
	}
	return out
}

// holds tells whether an action or one below it gives the substance.
func (s *search) holds(a *knowledge.Action) bool {
	if a.Regimen != nil && a.Regimen.ATC == s.atc {
		return true
	}
	for _, child := range a.Actions {
		if s.holds(child) {
			return true
		}
	}
	return false
}

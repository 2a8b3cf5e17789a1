package apply

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir/fhirpath"
)

// Outcome is what became of the conditions of an action.
type Outcome int

// The outcomes. An action applies when it Holds, or when what could not be
// decided is Assumed.
const (
	Fails   Outcome = iota // at least one condition is false
	Holds                  // all are true, or there are none
	Open                   // undetermined, or not to be evaluated
	Assumed                // undetermined, and the plan says to go on
)

// Verdict is the outcome with what would decide it.
type Verdict struct {
	Outcome Outcome
	Missing []Gap
}

// Applies tells whether the action is to be taken.
func (v Verdict) Applies() bool { return v.Outcome == Holds || v.Outcome == Assumed }

// Scope holds the named values of one Chart for expressions: those of the Chart,
// the codes below, and the definitions of a plan's libraries. Each is computed
// once. A Scope is for one goroutine.
//
// Beside the Chart's values it names %diagnoses ("icd-10-gm|J18.9", "snomed|…"),
// %diagnosisTexts and %requestTexts (what diagnoses and the form's free text say),
// %history and %historyTexts (the same with the diagnoses that are over),
// %deniedTexts (what either denies), %organisms, all in lower case, %isolates
// ("group|name|specimen", recent ones), %medications (ATC) and %indication.
type Scope struct {
	ctx   context.Context
	chart *facts.Chart
	now   time.Time
	extra map[string]named
	memo  map[string]named
	trace *Trace // nil: nobody wants to know
}

// definitions finds the named expressions that an artifact may use.
type definitions interface {
	Definition(name string) (*knowledge.Definition, bool)
}

// named is the value of a name.
type named struct {
	value   fhirpath.Collection
	unknown bool
	gaps    []Gap
	source  string
	private bool // free text, which no trace repeats
}

// NewScope makes the scope of a Chart.
func NewScope(ctx context.Context, chart *facts.Chart, now time.Time) *Scope {
	s := &Scope{ctx: ctx, chart: chart, now: now, extra: map[string]named{}, memo: map[string]named{}}
	s.codes()
	return s
}

// With gives a scope that also knows a boolean of the caller; known false makes
// it unknown. What was computed is shared.
func (s *Scope) With(name string, value, known bool) *Scope {
	c := &Scope{ctx: s.ctx, chart: s.chart, now: s.now, extra: map[string]named{}, memo: s.memo, trace: s.trace}
	for k, v := range s.extra {
		c.extra[k] = v
	}
	c.extra[name] = named{value: fhirpath.Collection{fhirpath.FromBool(value)}, unknown: !known, gaps: gapsIf(!known, name)}
	return c
}

// fork gives a scope for another artifact: the Chart's values are shared, what its
// libraries define is its own.
func (s *Scope) fork() *Scope {
	c := &Scope{ctx: s.ctx, chart: s.chart, now: s.now, extra: s.extra, memo: make(map[string]named, len(s.memo)), trace: s.trace}
	for k, v := range s.memo {
		c.memo[k] = v
	}
	return c
}

// Decide gives the outcome of an action's conditions.
func (s *Scope) Decide(plan *knowledge.Plan, a *knowledge.Action) Verdict {
	v, _, _ := s.holds(plan, a, a.ID)
	return v
}

// holds evaluates the conditions of an action, which stands at a path: all must be
// true.
func (s *Scope) holds(plan *knowledge.Plan, a *knowledge.Action, at string) (Verdict, []Step, []Issue) {
	v := Verdict{Outcome: Holds}
	var steps []Step
	var issues []Issue
	for _, c := range a.Conditions {
		step := Step{At: at, Expression: c.Expression.String()}
		truth, missing, reads, err := s.truth(plan, c.Expression)
		step.Reads = reads
		switch {
		case err != nil:
			step.Outcome = "error"
			issues = append(issues, Issue{Plan: plan, At: at, Expression: step.Expression, Message: err.Error()})
			if v.Outcome != Fails {
				v.Outcome = Open
			}
		case truth == fhirpath.True:
			step.Outcome = "true"
		case truth == fhirpath.False:
			step.Outcome = "false"
			v.Outcome = Fails
		case c.Assume:
			step.Outcome = "assumed"
			if v.Outcome == Holds {
				v.Outcome = Assumed
			}
			v.Missing = addGaps(v.Missing, missing)
		default:
			step.Outcome = "undetermined"
			if v.Outcome != Fails {
				v.Outcome = Open
			}
			v.Missing = addGaps(v.Missing, missing)
		}
		steps = append(steps, step)
	}
	if s.trace != nil {
		s.trace.add(Entry{Plan: plan, Action: a, At: at, Outcome: v.Outcome, Missing: v.Missing, Steps: steps})
	}
	return v, steps, issues
}

// truth evaluates one condition.
func (s *Scope) truth(plan definitions, e *fhirpath.Expression) (fhirpath.Truth, []Gap, []Read, error) {
	r, err := e.Eval(s.ctx, nil, s.env(plan))
	if err != nil {
		return fhirpath.Undetermined, nil, nil, err
	}
	var reads []Read
	for _, name := range r.Reads {
		if x, known := s.read(plan, name, 0); known {
			reads = append(reads, x)
		}
	}
	var missing []Gap
	for _, name := range r.Unknown {
		v, _ := s.lookup(plan, name)
		missing = addGaps(missing, v.gaps)
	}
	t := r.Truth()
	if t == fhirpath.NotBoolean {
		return t, nil, reads, fmt.Errorf("condition gives no single boolean")
	}
	return t, missing, reads, nil
}

func (s *Scope) env(plan definitions) fhirpath.Env {
	return fhirpath.Env{
		Now: s.now,
		Var: func(name string) (fhirpath.Collection, bool, bool) {
			v, known := s.lookup(plan, name)
			return v.value, known, v.unknown
		},
	}
}

// lookup finds a name: the caller's, the codes, the Chart's, the plan's library.
func (s *Scope) lookup(plan definitions, name string) (named, bool) {
	if v, ok := s.extra[name]; ok {
		return v, true
	}
	if v, ok := s.memo[name]; ok {
		return v, true
	}
	if value, known, unknown := s.chart.Var(name); known {
		fact := kebab(name)
		f := s.chart.Fact(fact)
		v := named{value: value, unknown: unknown, source: f.Source}
		if unknown {
			v.gaps = []Gap{{Fact: fact, Display: displayed(f.Display, fact)}}
			for _, m := range f.Missing {
				v.gaps = addGaps(v.gaps, []Gap{{Fact: m, Display: displayed(s.chart.Fact(m).Display, m)}})
			}
		}
		s.memo[name] = v
		return v, true
	}
	d, ok := plan.Definition(name)
	if !ok {
		// A value that this Chart does not hold is not known, which is not an error.
		fact := kebab(name)
		v := named{unknown: true, gaps: []Gap{{Fact: fact, Display: displayed(s.chart.Fact(fact).Display, fact)}}}
		s.memo[name] = v
		return v, true
	}
	v := s.define(plan, d)
	s.memo[name] = v
	return v, true
}

// define computes a named expression. An empty value means "not known"; one that
// cannot be evaluated is not known either.
func (s *Scope) define(plan definitions, d *knowledge.Definition) named {
	own := []Gap{{Fact: d.Fact, Display: d.Display}}
	r, err := d.Expression.Eval(s.ctx, nil, s.env(plan))
	if err != nil {
		return named{unknown: true, gaps: own}
	}
	if r.Undetermined {
		v := named{value: r.Values, unknown: true}
		for _, name := range r.Unknown {
			inner, _ := s.lookup(plan, name)
			v.gaps = addGaps(v.gaps, inner.gaps)
		}
		if len(v.gaps) == 0 {
			v.gaps = own
		}
		return v
	}
	if len(r.Values) == 0 {
		return named{unknown: true, gaps: own}
	}
	return named{value: r.Values, source: "library"}
}

// kebab turns a name in camel case into a fact name: crb65 -> crb-65.
func kebab(name string) string {
	if name == "news2" {
		return name // the digit belongs to the word
	}
	var b strings.Builder
	digit := false
	for i, r := range name {
		isDigit := unicode.IsDigit(r)
		if i > 0 && (unicode.IsUpper(r) || isDigit && !digit) {
			b.WriteByte('-')
		}
		digit = isDigit
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func displayed(t cds.Text, name string) cds.Text {
	if t.IsZero() {
		return facts.Display(name)
	}
	return t
}

func gapsIf(unknown bool, name string) []Gap {
	if !unknown {
		return nil
	}
	return []Gap{{Fact: kebab(name), Display: facts.Display(kebab(name))}}
}

// addGaps appends gaps that are not there yet.
func addGaps(list, more []Gap) []Gap {
	for _, g := range more {
		found := false
		for _, h := range list {
			found = found || h.Fact == g.Fact
		}
		if !found {
			list = append(list, g)
		}
	}
	return list
}

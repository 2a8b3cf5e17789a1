package cql

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Limits bound one evaluation. A zero field means its default.
type Limits struct {
	Steps int // values looked at; default 10,000,000
	Made  int // items of lists and tuples made, all together; default 1,000,000
	Items int // of one list; default 100,000
	Text  int // bytes of one text made; default 1 MiB
	Calls int // functions within each other; default 200
}

// Data gives what a retrieve may find. It is the given data first, and whatever
// else its owner lets it reach.
type Data interface {
	// Retrieve gives the resources of a type; known is false where nothing can be
	// said about that type, since its data were not received.
	Retrieve(ctx context.Context, resourceType string) (list []*fhir.Node, known bool, err error)
}

// Env is what an evaluation may look at. All fields are optional; what is needed
// and not there is an error or makes the result undetermined, never a guess.
// Functions must be safe for concurrent use when the Env is shared.
type Env struct {
	Now        time.Time // Now(), Today(), TimeOfDay(), and the offset of moments without one
	Patient    *fhir.Node
	Data       Data
	Parameters map[string]Value // by name, those of the library itself; included ones as Library.name
	// MemberOf tells whether a code is in a value set; ok is false where that cannot
	// be told.
	MemberOf func(coding fhir.Coding, valueSet string) (in, ok bool)
	// Expand gives the codes of a value set; ok is false where they are not known.
	Expand func(valueSet string) (codes []fhir.Coding, ok bool)
	// Resolve gives the resource that a reference names, or nil.
	Resolve func(reference string) *fhir.Node
	// Var gives a name that the library does not define, as %name or as it is.
	Var func(name string) (value Value, ok bool)
	// Message receives what Message() says, but for errors.
	Message func(severity, code, text string, source Value)
	// Trace receives the value of each definition when it was computed.
	Trace func(library, name string, v Value)

	Limits Limits
}

// code is a compiled expression.
type code func(ev *evaluation, f *frame) (Value, error)

// frame holds the values of aliases, operands and lets of one definition or call.
type frame struct {
	slots []Value
}

// evaluation is the state of one Run.
type evaluation struct {
	ctx      context.Context
	env      *Env
	limits   Limits
	offset   int // minutes east of UTC of the evaluation
	steps    int
	count    int // of items made
	checked  int
	calls    int
	stack    []Value
	defs     map[*definition]remembered
	types    map[string]remembered
	fetched  map[*retrieveCode]remembered
	unknown  []string
	at       *site // where it is working, for what is stopped
	members  map[string]memberAnswer
	patterns map[string]*regexp.Regexp
}

type memberAnswer struct{ in, ok bool }

// remembered is a value with what it rests on and is not known.
type remembered struct {
	value   Value
	unknown []string
}

// apart computes something with the unknown that it rests on kept apart, so that
// it can be told again when the value is used again.
func (ev *evaluation) apart(f func() (Value, error)) (remembered, error) {
	before := ev.unknown
	ev.unknown = nil
	v, err := f()
	r := remembered{v, ev.unknown}
	ev.unknown = before
	return r, err
}

// recall gives a remembered value.
func (ev *evaluation) recall(r remembered) Value {
	for _, u := range r.unknown {
		ev.note(u)
	}
	return r.value
}

func newEvaluation(ctx context.Context, env *Env) *evaluation {
	ev := &evaluation{ctx: ctx, env: env, limits: env.Limits, defs: map[*definition]remembered{}}
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&ev.limits.Steps, 10_000_000)
	def(&ev.limits.Made, 1_000_000)
	def(&ev.limits.Items, 100_000)
	def(&ev.limits.Text, 1<<20)
	def(&ev.limits.Calls, 200)
	_, seconds := env.Now.Zone()
	ev.offset = seconds / 60
	return ev
}

// work counts n steps.
func (ev *evaluation) work(n int) error {
	ev.steps += n + 1
	if ev.steps > ev.limits.Steps {
		return ev.stop("more than %d steps", ev.limits.Steps)
	}
	if ev.steps-ev.checked > 1024 {
		ev.checked = ev.steps
		if err := ev.ctx.Err(); err != nil {
			return fmt.Errorf("evaluate CQL: %w", err)
		}
	}
	return nil
}

// spent tells that all steps are taken: what compares goes no further, and the
// evaluation is stopped.
func (ev *evaluation) spent() bool { return ev.steps > ev.limits.Steps }

// finish tells that a comparison was cut short, whatever it gave.
func (ev *evaluation) finish(v Value, err error) (Value, error) {
	if err == nil && ev.spent() {
		return null, ev.stop("more than %d steps", ev.limits.Steps)
	}
	return v, err
}

// stop tells where a limit was met.
func (ev *evaluation) stop(format string, a ...any) error {
	if ev.at == nil {
		return issue.New(issue.TooCostly, "CQL: "+format, a...)
	}
	return ev.at.fail(issue.TooCostly, format, a...)
}

// made checks a list that was made at once, and counts its items.
func (ev *evaluation) made(n int) error {
	ev.count += n
	if err := ev.grown(n); err != nil {
		return err
	}
	return ev.work(n)
}

// grown checks the size of a list that is being made.
func (ev *evaluation) grown(n int) error {
	if n > ev.limits.Items {
		return ev.stop("a list of more than %d items", ev.limits.Items)
	}
	if ev.count++; ev.count > ev.limits.Made {
		return ev.stop("more than %d items of lists are made", ev.limits.Made)
	}
	return ev.work(1)
}

// note remembers something that is not known and that was asked for.
func (ev *evaluation) note(what string) {
	for _, u := range ev.unknown {
		if u == what {
			return
		}
	}
	ev.unknown = append(ev.unknown, what)
}

// site is a place in a library that something is computed at.
type site struct {
	source *source
	pos    int
	prec   precision
	typ    *Type
	single bool // one side of an inclusion is an item or a point
	lists  bool // its other side is a list
}

func (s *site) fail(kind issue.Kind, format string, a ...any) error {
	return s.source.fail(kind, s.pos, format, a...)
}

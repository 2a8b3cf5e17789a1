package fhirpath

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Limits bound one evaluation. A zero field means its default.
type Limits struct {
	Steps int // items touched; default 1,000,000
	Items int // of one collection; default 100,000
	Text  int // bytes of one string made; default 1 MiB
}

const (
	defaultSteps = 1_000_000
	defaultItems = 100_000
	defaultText  = 1 << 20
)

// Env is what an expression may look at beside its focus. All fields are
// optional; what an expression needs and does not find is an error, never a
// guess. Functions must be safe for concurrent use when the Env is shared.
type Env struct {
	Resource *fhir.Node // %resource; default: the root of the focus
	Root     *fhir.Node // %rootResource; default: Resource
	Now      time.Time  // now(), today(), timeOfDay()

	// Var gives a named value. Known is false for a name that nobody defines,
	// unknown is true when the name is defined and its value is not known.
	Var func(name string) (value Collection, known, unknown bool)
	// Resolve gives the resource that a reference or canonical names, or nil.
	Resolve func(reference string) *fhir.Node
	// MemberOf tells whether a code is in a value set; ok is false where that
	// cannot be told.
	MemberOf func(coding fhir.Coding, valueSet string) (in, ok bool)
	// Trace receives what trace() sees.
	Trace func(name string, c Collection)

	Limits Limits
}

// Result is the value of an expression, and what it rests on.
type Result struct {
	Values Collection
	// Undetermined tells that the value rests on something unknown and could be
	// another if it were known. Values then holds what is certain, often nothing.
	Undetermined bool
	Reads        []string // variables that were read, in the order of the text
	Unknown      []string // the unknown ones that mattered
}

// Truth is the value of a condition.
type Truth uint8

// The values of a condition.
const (
	False        Truth = iota // false, or empty on known data
	True                      // true
	Undetermined              // rests on something unknown
	NotBoolean                // several values, or one that is no boolean
)

func (t Truth) String() string {
	return [...]string{"false", "true", "undetermined", "not-boolean"}[t]
}

// Truth reads the result as a condition: true only for the single value true.
func (r Result) Truth() Truth {
	if r.Undetermined {
		return Undetermined
	}
	if len(r.Values) == 0 {
		return False
	}
	b, ok := r.Values[0].Bool()
	switch {
	case len(r.Values) > 1 || !ok:
		return NotBoolean
	case b:
		return True
	}
	return False
}

// Expression is a compiled expression, safe for concurrent use.
type Expression struct {
	source string
	tree   *expr
	run    eval
	vars   []string // variables, in the order of the text
	labels []string // what may be unknown: the variables, then value sets
}

// Compile parses and compiles src. Errors are of kind issue.Invalid and name
// line and column.
func Compile(src string) (*Expression, error) {
	tree, err := parse(src)
	if err != nil {
		return nil, err
	}
	c := &compiler{src: src}
	run, err := c.compile(tree)
	if err != nil {
		return nil, err
	}
	return &Expression{source: src, tree: tree, run: run, vars: c.vars, labels: append(c.vars, c.sets...)}, nil
}

// String gives the source.
func (e *Expression) String() string { return e.source }

// Variables lists the names behind % that the text holds, but for those that
// FHIRPath itself defines.
func (e *Expression) Variables() []string { return append([]string(nil), e.vars...) }

// Eval evaluates the expression on focus. Errors are of kind issue.Processing
// (the data do not fit the expression), issue.TooCostly (a limit), or the
// context's.
func (e *Expression) Eval(ctx context.Context, focus Collection, env Env) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("evaluate FHIRPath: %w", err)
	}
	ev := &evaluation{expr: e, ctx: ctx, env: &env, model: r4(), limits: env.Limits}
	if ev.limits.Steps <= 0 {
		ev.limits.Steps = defaultSteps
	}
	if ev.limits.Items <= 0 {
		ev.limits.Items = defaultItems
	}
	if ev.limits.Text <= 0 {
		ev.limits.Text = defaultText
	}
	if n := len(e.vars); n > 0 {
		ev.values = make([]variable, n)
	}
	ev.focus = focus
	f := ev.frame()
	f.this = set{items: focus}
	out, err := e.run(ev, f)
	if err != nil {
		return Result{}, err
	}
	r := Result{Undetermined: out.unknown != 0}
	if len(out.items) > 0 {
		r.Values = append(make(Collection, 0, len(out.items)), out.items...)
	}
	r.Reads = e.names(ev.reads)
	r.Unknown = e.names(out.unknown)
	return r, nil
}

// names gives the labels of the bits that are set. The last bit stands for all
// labels that have none of their own.
func (e *Expression) names(mask uint64) []string {
	if mask == 0 {
		return nil
	}
	list := make([]string, 0, bits.OnesCount64(mask))
	for i, label := range e.labels {
		if mask&bit(i) != 0 {
			list = append(list, label)
		}
	}
	return list
}

// bit is the mark of the i-th label.
func bit(i int) uint64 { return 1 << min(i, 63) }

// set is a collection during evaluation. What is unknown is marked; items are
// then those that are certain to be in it.
type set struct {
	items   Collection
	unknown uint64
}

// eval is a compiled expression.
type eval func(ev *evaluation, f *frame) (set, error)

// frame holds the $ variables.
type frame struct {
	this  set
	index int // -1 where there is none
	total *set
}

type variable struct {
	value set
	read  bool
}

// evaluation is the state of one Eval.
type evaluation struct {
	expr   *Expression
	ctx    context.Context
	env    *Env
	model  *model
	limits Limits
	focus  Collection
	steps  int
	reads  uint64
	values []variable

	frames [6]frame
	depth  int
	pool
}

// pool lends the memory of short collections. A nil pool allocates.
type pool struct {
	lent [24]Value
	used int
}

// frame gives a fresh frame; the first ones cost no allocation.
func (ev *evaluation) frame() *frame {
	if ev.depth < len(ev.frames) {
		f := &ev.frames[ev.depth]
		ev.depth++
		*f = frame{index: -1}
		return f
	}
	return &frame{index: -1}
}

// child gives a frame for the items of a collection. It keeps the aggregate's
// total.
func (ev *evaluation) child(f *frame) *frame {
	c := ev.frame()
	c.index, c.total = f.index, f.total
	return c
}

// take gives an empty collection with room for n items.
func (p *pool) take(n int) Collection {
	if n <= 0 {
		return nil
	}
	if p != nil && p.used+n <= len(p.lent) {
		c := p.lent[p.used:p.used:(p.used + n)]
		p.used += n
		return c
	}
	return make(Collection, 0, n)
}

// one gives a collection of one item.
func (ev *evaluation) one(v Value) set {
	return set{items: append(ev.take(1), v)}
}

// Booleans are shared and never changed.
var (
	trueSet  = set{items: Collection{FromBool(true)}}
	falseSet = set{items: Collection{FromBool(false)}}
)

func boolean(b bool) set {
	if b {
		return trueSet
	}
	return falseSet
}

// undetermined is a result of which nothing is certain.
func undetermined(unknown uint64) set { return set{unknown: unknown} }

// touch counts n steps.
func (ev *evaluation) touch(n int) error {
	before := ev.steps
	ev.steps += n + 1
	if ev.steps > ev.limits.Steps {
		return issue.New(issue.TooCostly, "evaluate FHIRPath: more than %d steps", ev.limits.Steps)
	}
	if before>>10 != ev.steps>>10 {
		if err := ev.ctx.Err(); err != nil {
			return fmt.Errorf("evaluate FHIRPath: %w", err)
		}
	}
	return nil
}

// fits checks the size of a collection.
func (ev *evaluation) fits(c Collection) error {
	if len(c) > ev.limits.Items {
		return issue.New(issue.TooCostly, "evaluate FHIRPath: more than %d items", ev.limits.Items)
	}
	return nil
}

// fail makes an error at a place in the source. It never holds data.
func (ev *evaluation) fail(pos int, format string, a ...any) error {
	e := positioned(ev.expr.source, pos, format, a...).(*issue.Error)
	e.Code = string(issue.Processing)
	return e
}

// variable reads a named value, once.
func (ev *evaluation) variable(i, pos int) (set, error) {
	ev.reads |= bit(i)
	v := &ev.values[i]
	if v.read {
		return v.value, nil
	}
	name := ev.expr.vars[i]
	if ev.env.Var == nil {
		return set{}, ev.fail(pos, "the variable %%%s is not defined", clip(name))
	}
	value, known, unknown := ev.env.Var(name)
	if !known {
		return set{}, ev.fail(pos, "the variable %%%s is not defined", clip(name))
	}
	if unknown {
		v.value = undetermined(bit(i))
	} else {
		v.value = set{items: value}
	}
	v.read = true
	return v.value, nil
}

// resource is %resource.
func (ev *evaluation) resource() *fhir.Node {
	if ev.env.Resource != nil {
		return ev.env.Resource
	}
	for _, v := range ev.focus {
		if v.kind != Element {
			continue
		}
		// The nearest resource, or the one that holds it where it is contained.
		n := v.node
		for n != nil && n.ResourceType() == "" {
			n = n.Parent()
		}
		return n
	}
	return nil
}

func (ev *evaluation) rootResource() *fhir.Node {
	if ev.env.Root != nil {
		return ev.env.Root
	}
	n := ev.resource()
	for p := n; p != nil; p = p.Parent() {
		if p.Name() == "contained" {
			return p.Parent()
		}
	}
	return n
}

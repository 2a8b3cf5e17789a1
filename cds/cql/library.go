package cql

import (
	"context"
	"slices"
	"strings"
	"sync"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Source is a library as it came: its text, or its ELM in JSON where there is no
// text.
type Source struct {
	Name string // for messages until the library tells its own
	Text string
	ELM  []byte
}

// Finder gives the source of a library that another includes. An empty version
// means the newest.
type Finder func(namespace, name, version string) (Source, bool)

// Problem is something wrong in a library, with its place.
type Problem struct {
	Definition   string // "" for the library
	Line, Column int
	Err          error
}

// Library is a compiled library. It is immutable and safe for concurrent use.
type Library struct {
	Name, Version string
	Problems      []Problem // what could not be compiled; the rest can be used
	source        *source
	fhir          bool
	includes      map[string]*Library
	helpers       map[string]bool // aliases of FHIRHelpers
	defs          map[string]*definition
	order         []*definition
	functions     map[string][]*definition
	parameters    map[string]*parameter
	terms         map[string]term
	needs         []Requirement
	contexts      []string
}

// term is a code, concept, value set or code system that a library names.
type term struct {
	value Value
	typ   *Type
}

// parameter of a library.
type parameter struct {
	lib   *Library
	name  string
	typ   *Type
	value code // the default, or nil
}

// definition is a named expression or a function.
type definition struct {
	lib    *Library
	node   *defineNode
	typ    *Type
	params []*Type
	run    code
	slots  int
	state  uint8
	err    error
}

const (
	stateNew uint8 = iota
	stateOpen
	stateDone
)

// maxIncludes bounds the libraries that one brings along.
const maxIncludes = 100

// Compiler compiles libraries that share what they include. It is safe for
// concurrent use.
type Compiler struct {
	find  Finder
	mu    sync.Mutex
	done  map[string]*Library
	open  []string
	count int
}

// NewCompiler makes a compiler that finds included libraries with find.
func NewCompiler(find Finder) *Compiler {
	return &Compiler{find: find, done: map[string]*Library{}}
}

// Compile compiles a library and what it includes. An error means that the library
// cannot be used at all: it cannot be read, includes itself, or includes what is
// not there. Faults of single definitions are Problems.
func Compile(src Source, find Finder) (*Library, error) {
	return NewCompiler(find).Compile(src)
}

// Compile compiles a library; included ones are compiled once.
func (c *Compiler) Compile(src Source) (*Library, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open, c.count = nil, 0
	return c.compile(src)
}

func (c *Compiler) compile(src Source) (*Library, error) {
	if c.count++; c.count > maxIncludes {
		return nil, issue.New(issue.TooCostly, "CQL: %s: more than %d libraries are included", clip(src.Name), maxIncludes)
	}
	s := &source{name: src.Name, text: src.Text}
	var tree *libraryNode
	var err error
	if strings.TrimSpace(src.Text) == "" && len(src.ELM) > 0 {
		tree, err = readELM(src.ELM, s)
		s.text = ""
	} else {
		tree, err = parseLibrary(src.Text, s)
	}
	if err != nil {
		return nil, err
	}
	return c.library(tree, s)
}

func (c *Compiler) library(tree *libraryNode, s *source) (*Library, error) {
	lib := &Library{
		Name: tree.name, Version: tree.version, source: s, contexts: tree.contexts,
		includes: map[string]*Library{}, helpers: map[string]bool{}, defs: map[string]*definition{}, functions: map[string][]*definition{},
		parameters: map[string]*parameter{}, terms: map[string]term{},
	}
	for _, u := range tree.usings {
		switch u.name {
		case "FHIR", "QICore", "USCore":
			if u.name == "FHIR" && u.version != "" && !strings.HasPrefix(u.version, "4.") {
				return nil, s.fail(issue.NotSupported, u.pos, "FHIR %s is not supported, only 4.0.1", clip(u.version))
			}
			if u.name != "FHIR" {
				return nil, s.fail(issue.NotSupported, u.pos, "the model %s is not supported, only FHIR 4.0.1", clip(u.name))
			}
			lib.fhir = true
		case "System":
		default:
			return nil, s.fail(issue.NotSupported, u.pos, "the model %s is not known", clip(u.name))
		}
	}
	if err := c.includeAll(lib, tree); err != nil {
		return nil, err
	}
	k := &checker{lib: lib, src: s}
	k.terms(tree)
	for i := range tree.parameters {
		k.parameter(&tree.parameters[i])
	}
	for _, d := range tree.defines {
		k.declare(d)
	}
	for _, d := range lib.order {
		k.check(d) //nolint:errcheck // kept in the definition, and listed below
	}
	for _, d := range lib.order {
		if d.err != nil {
			lib.problem(d.node.name, d.node.pos, d.err)
		}
		d.node = &defineNode{pos: d.node.pos, name: d.node.name, context: d.node.context, private: d.node.private, function: d.node.function, fluent: d.node.fluent, operands: d.node.operands}
	}
	return lib, nil
}

func (l *Library) problem(name string, pos int, err error) {
	line, column := l.source.place(pos)
	l.Problems = append(l.Problems, Problem{Definition: name, Line: line, Column: column, Err: err})
}

// includeAll compiles what a library includes.
func (c *Compiler) includeAll(lib *Library, tree *libraryNode) error {
	self := tree.name + "|" + tree.version
	c.open = append(c.open, self)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	for _, inc := range tree.includes {
		if _, twice := lib.includes[inc.call]; twice || lib.helpers[inc.call] {
			return lib.source.fail(issue.Invalid, inc.pos, "the name %s stands twice", clip(inc.call))
		}
		if inc.name == "FHIRHelpers" {
			lib.helpers[inc.call] = true // what it does is built in
			continue
		}
		id := inc.name + "|" + inc.ver
		if done := c.done[id]; done != nil {
			lib.includes[inc.call] = done
			continue
		}
		if slices.ContainsFunc(c.open, func(o string) bool {
			return o == id || strings.HasPrefix(o, inc.name+"|") && (inc.ver == "" || strings.HasSuffix(o, "|"))
		}) {
			return lib.source.fail(issue.BusinessRule, inc.pos, "library %s includes itself: %s", clip(inc.name), clip(strings.Join(append(c.open, id), " > ")))
		}
		if c.find == nil {
			return lib.source.fail(issue.NotFound, inc.pos, "library %s is not there", clip(strings.TrimSuffix(id, "|")))
		}
		src, ok := c.find(inc.namespace, inc.name, inc.ver)
		if !ok {
			return lib.source.fail(issue.NotFound, inc.pos, "library %s is not there", clip(strings.TrimSuffix(id, "|")))
		}
		if src.Name == "" {
			src.Name = inc.name
		}
		sub, err := c.compile(src)
		if err != nil {
			return err
		}
		c.done[id] = sub
		lib.includes[inc.call] = sub
	}
	return nil
}

// Definition tells what a library defines.
type Definition struct {
	Name, Context string
	Type          *Type // nil where it could not be compiled
	Private       bool
	Function      bool
	Line, Column  int
	Err           error
}

// Definitions lists the expressions and functions in the order of the text.
func (l *Library) Definitions() []Definition {
	list := make([]Definition, 0, len(l.order))
	for _, d := range l.order {
		line, column := l.source.place(d.node.pos)
		list = append(list, Definition{d.node.name, d.node.context, d.typ, d.node.private, d.node.function, line, column, d.err})
	}
	return list
}

// Parameter is a parameter of a library.
type Parameter struct {
	Name       string
	Type       *Type
	HasDefault bool
}

// Parameters lists the parameters by name.
func (l *Library) Parameters() []Parameter {
	var list []Parameter
	for _, p := range l.parameters {
		list = append(list, Parameter{p.name, p.typ, p.value != nil})
	}
	slices.SortFunc(list, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Defines tells whether the library has an expression of that name.
func (l *Library) Defines(name string) bool { return l.defs[name] != nil }

// HasParameter tells whether the library has a parameter, or one it includes has it
// as Library.name.
func (l *Library) HasParameter(name string) bool {
	if l.parameters[name] != nil {
		return true
	}
	for _, included := range l.includes {
		if own, ok := strings.CutPrefix(name, included.Name+"."); ok && included.parameters[own] != nil || included.HasParameter(name) {
			return true
		}
	}
	return false
}

// Included gives the library that a name of an include stands for.
func (l *Library) Included(alias string) (*Library, bool) {
	lib, ok := l.includes[alias]
	return lib, ok
}

// Expression is an expression that was compiled in the scope of a library.
type Expression struct {
	lib   *Library
	run   code
	slots int
	Type  *Type
	// Requirements is what the expression itself retrieves, beside its library.
	Requirements []Requirement
}

// Expression compiles an expression in the scope of the library; all it may name
// is what the library may. Names that it does not define are left to Env.Var.
func (l *Library) Expression(text string) (*Expression, error) {
	s := &source{text: text, name: ""}
	n, err := parseExpression(text, s)
	if err != nil {
		return nil, err
	}
	k := &checker{lib: l, src: s, adHoc: true, context: "Patient"}
	t, err := k.expr(n)
	if err != nil {
		return nil, err
	}
	return &Expression{lib: l, run: t.run, slots: k.most, Type: t.typ, Requirements: k.needs}, nil
}

// Empty gives a library without definitions that uses FHIR, for expressions that
// stand alone.
func Empty() *Library {
	return &Library{source: &source{}, fhir: true}
}

// Result is the value of an expression, and what it rests on.
type Result struct {
	Value Value
	// Unknown names what was asked for and is not known: value sets, data of a type.
	// Where there is any, the value could be another if it were known.
	Unknown []string
}

// Run is one evaluation: definitions are computed once and remembered. It is not
// safe for concurrent use; the libraries are.
type Run struct {
	ev *evaluation
}

// NewRun begins an evaluation.
func NewRun(ctx context.Context, env Env) *Run {
	return &Run{newEvaluation(ctx, &env)}
}

// Evaluate computes a definition of a library.
func (r *Run) Evaluate(l *Library, name string) (Result, error) {
	d := l.defs[name]
	if d == nil {
		return Result{}, issue.New(issue.NotFound, "CQL: library %s defines no %s", clip(l.Name), clip(name))
	}
	if d.err != nil {
		return Result{}, d.err
	}
	r.ev.unknown, r.ev.calls, r.ev.stack = nil, 0, r.ev.stack[:0]
	v, err := r.ev.finish(r.ev.define(d))
	return Result{v, slices.Clone(r.ev.unknown)}, err
}

// Eval computes an expression.
func (r *Run) Eval(e *Expression) (Result, error) {
	r.ev.unknown, r.ev.calls, r.ev.stack = nil, 0, r.ev.stack[:0]
	v, err := r.ev.finish(e.run(r.ev, &frame{slots: make([]Value, e.slots)}))
	return Result{v, slices.Clone(r.ev.unknown)}, err
}

// define computes a definition, each once.
func (ev *evaluation) define(d *definition) (Value, error) {
	if r, ok := ev.defs[d]; ok {
		return ev.recall(r), nil
	}
	if d.err != nil {
		return null, d.err
	}
	if err := ev.enter(); err != nil {
		return null, err
	}
	r, err := ev.apart(func() (Value, error) { return d.run(ev, &frame{slots: make([]Value, d.slots)}) })
	ev.calls--
	if err != nil {
		return null, err
	}
	ev.defs[d] = r
	if ev.env.Trace != nil {
		ev.env.Trace(d.lib.Name, d.node.name, r.value)
	}
	return ev.recall(r), nil
}

// enter counts calls within each other.
func (ev *evaluation) enter() error {
	if ev.calls++; ev.calls > ev.limits.Calls {
		return ev.stop("definitions call each other more than %d deep", ev.limits.Calls)
	}
	return ev.work(1)
}

// patient gives the Patient of the evaluation.
func (ev *evaluation) patient() Value {
	n := ev.env.Patient
	if n == nil {
		ev.note("Patient")
		return null
	}
	return element(n)
}

// resources gives what the data hold of a type, read once.
func (ev *evaluation) resources(name string) (List, error) {
	if r, ok := ev.types[name]; ok {
		list, _ := asList(ev.recall(r))
		return list, nil
	}
	list := List{}
	var lacks []string
	if ev.env.Data == nil {
		lacks = []string{name}
	} else {
		nodes, known, err := ev.env.Data.Retrieve(ev.ctx, name)
		if err != nil {
			return nil, err
		}
		if !known {
			lacks = []string{name}
		}
		list = make(List, 0, len(nodes))
		for _, n := range nodes {
			if n != nil {
				list = append(list, element(n))
			}
		}
	}
	if err := ev.grown(len(list)); err != nil {
		return nil, err
	}
	if ev.types == nil {
		ev.types = map[string]remembered{}
	}
	ev.types[name] = remembered{composite(list), lacks}
	ev.recall(ev.types[name])
	return list, nil
}

// Requirement is what a library retrieves.
type Requirement struct {
	Type       string
	Path       string // of the code filter, "" where there is none
	ValueSet   string
	Codes      []fhir.Coding
	DatePath   string
	Definition string
}

// Requirements lists what the library and those it includes retrieve, each once.
func (l *Library) Requirements() []Requirement {
	var list []Requirement
	seen := map[string]bool{}
	done := map[*Library]bool{}
	var walk func(l *Library)
	walk = func(l *Library) {
		if done[l] {
			return
		}
		done[l] = true
		for _, r := range l.needs {
			k := r.Type + "|" + r.Path + "|" + r.ValueSet + "|" + r.DatePath
			for _, c := range r.Codes {
				k += "|" + c.System + "#" + c.Code
			}
			if !seen[k] {
				seen[k] = true
				list = append(list, r)
			}
		}
		names := make([]string, 0, len(l.includes))
		for name := range l.includes {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			walk(l.includes[name])
		}
	}
	walk(l)
	return list
}

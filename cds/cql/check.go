package cql

import (
	"strings"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// typed is a compiled expression with its type.
type typed struct {
	run   code
	typ   *Type
	isNil bool  // the word null
	konst Value // of a literal
}

// checker finds the types of a library's expressions, chooses overloads, inserts
// conversions and compiles to closures.
type checker struct {
	lib     *Library
	src     *source
	scope   *scope
	used    int // slots in use
	most    int // slots at most
	adHoc   bool
	needs   []Requirement // of an expression that stands alone
	context string
	name    string // of the definition
	depth   int
}

// scope is a name that a query, a function or $this brings.
type scope struct {
	name   string
	slot   int
	typ    *Type
	fields bool // its elements can be named without it, as in sort by
	outer  *scope
}

func (k *checker) fail(pos int, format string, a ...any) error {
	return k.src.fail(issue.Invalid, pos, format, a...)
}

func (k *checker) site(pos int) *site { return &site{source: k.src, pos: pos} }

// push opens a scope with a slot of its own.
func (k *checker) push(name string, t *Type) *scope {
	s := &scope{name: name, slot: k.used, typ: t, outer: k.scope}
	k.used++
	k.most = max(k.most, k.used)
	k.scope = s
	return s
}

func constant(v Value, t *Type) typed {
	return typed{run: func(*evaluation, *frame) (Value, error) { return v, nil }, typ: t, konst: v}
}

// terms reads code systems, value sets, codes and concepts.
func (k *checker) terms(tree *libraryNode) {
	lib := k.lib
	add := func(name string, pos int, v any, t *Type) {
		if _, twice := lib.terms[name]; twice {
			lib.problem(name, pos, k.fail(pos, "%s is defined twice", clip(name)))
			return
		}
		lib.terms[name] = term{composite(v), t}
	}
	for _, c := range tree.codeSystems {
		add(c.name, c.pos, &CodeSystem{ID: c.id, Version: c.version, Name: c.name}, typeCodeSystem)
	}
	for _, v := range tree.valueSets {
		id, version := v.id, v.version
		if at := strings.IndexByte(id, '|'); at >= 0 && version == "" {
			id, version = id[:at], id[at+1:]
		}
		add(v.name, v.pos, &ValueSet{ID: id, Version: version, Name: v.name}, typeValueSet)
	}
	for _, c := range tree.codes {
		t, ok := k.term(c.system)
		system, isSystem := t.value.Composite().(*CodeSystem)
		if !ok || !isSystem {
			lib.problem(c.name, c.pos, k.fail(c.pos, "there is no code system %s", clip(c.system)))
			continue
		}
		add(c.name, c.pos, &Code{Code: c.id, System: system.ID, Version: system.Version, Display: c.display}, typeCode)
	}
	for _, c := range tree.concepts {
		concept := &Concept{Display: c.display}
		for _, name := range c.codes {
			t, ok := k.term(name)
			code, isCode := t.value.Composite().(*Code)
			if !ok || !isCode {
				lib.problem(c.name, c.pos, k.fail(c.pos, "there is no code %s", clip(name)))
				continue
			}
			concept.Codes = append(concept.Codes, *code)
		}
		add(c.name, c.pos, concept, typeConcept)
	}
}

// term finds a term, also of an included library as Alias.name.
func (k *checker) term(name string) (term, bool) {
	if t, ok := k.lib.terms[name]; ok {
		return t, true
	}
	if alias, own, ok := strings.Cut(name, "."); ok {
		if lib := k.lib.includes[alias]; lib != nil {
			t, ok := lib.terms[own]
			return t, ok
		}
	}
	return term{}, false
}

func (k *checker) parameter(p *parameterNode) {
	out := &parameter{lib: k.lib, name: p.name, typ: typeAny}
	fail := func(err error) { k.lib.problem(p.name, p.pos, err) }
	if p.spec != nil {
		t, err := k.typeOf(p.spec)
		if err != nil {
			fail(err)
			return
		}
		out.typ = t
	}
	if p.value != nil {
		d, err := k.expr(p.value)
		if err != nil {
			fail(err)
			return
		}
		if p.spec == nil {
			out.typ = d.typ
		} else if _, ok := conversion(d.typ, out.typ, true); !ok {
			fail(k.fail(p.pos, "the default is a %s and no %s", d.typ, out.typ))
			return
		}
		d = k.coerce(d, out.typ)
		slots := k.most
		run := d.run
		out.value = func(ev *evaluation, _ *frame) (Value, error) { return run(ev, &frame{slots: make([]Value, slots)}) }
	}
	if k.lib.parameters[p.name] != nil {
		fail(k.fail(p.pos, "parameter %s is defined twice", clip(p.name)))
		return
	}
	k.lib.parameters[p.name] = out
}

func (k *checker) declare(d *defineNode) {
	def := &definition{lib: k.lib, node: d}
	k.lib.order = append(k.lib.order, def)
	if d.function {
		for _, o := range d.operands {
			t, err := k.typeOf(o.spec)
			if err != nil {
				def.err, def.state = err, stateDone
				t = typeAny
			}
			def.params = append(def.params, t)
		}
		for _, other := range k.lib.functions[d.name] {
			same := len(other.params) == len(def.params)
			for i := range min(len(other.params), len(def.params)) {
				same = same && other.params[i].Equal(def.params[i])
			}
			if same && def.err == nil && len(def.params) > 0 && def.params[0].kind != kFHIR {
				def.err, def.state = k.fail(d.pos, "function %s is defined twice for the same types", clip(d.name)), stateDone
			}
		}
		k.lib.functions[d.name] = append(k.lib.functions[d.name], def)
		return
	}
	_, isTerm := k.lib.terms[d.name]
	if k.lib.defs[d.name] != nil || isTerm || k.lib.parameters[d.name] != nil {
		def.err, def.state = k.fail(d.pos, "%s is defined twice", clip(d.name)), stateDone
		return
	}
	k.lib.defs[d.name] = def
}

// check compiles a definition; it is done when another names it first.
func (k *checker) check(d *definition) error {
	switch d.state {
	case stateDone:
		return d.err
	case stateOpen:
		return k.src.fail(issue.BusinessRule, d.node.pos, "%s depends on itself", clip(d.node.name))
	}
	d.state = stateOpen
	own := &checker{lib: d.lib, src: d.lib.source, context: d.node.context, name: d.node.name, depth: k.depth + 1}
	if own.depth > maxDepth {
		d.err = k.fail(d.node.pos, "definitions depend on each other more than %d deep", maxDepth)
	} else {
		d.err = own.body(d)
	}
	d.state = stateDone
	return d.err
}

func (k *checker) body(d *definition) error {
	if d.node.external || d.node.body == nil {
		if d.node.external {
			return k.src.fail(issue.NotSupported, d.node.pos, "function %s is external and not available", clip(d.node.name))
		}
		return k.fail(d.node.pos, "%s has no expression", clip(d.node.name))
	}
	for i, o := range d.node.operands {
		k.push(o.name, d.params[i])
	}
	t, err := k.expr(d.node.body)
	if err != nil {
		return err
	}
	if d.node.returns != nil {
		want, err := k.typeOf(d.node.returns)
		if err != nil {
			return err
		}
		if _, ok := conversion(t.typ, want, true); !ok {
			return k.fail(d.node.pos, "%s gives a %s and no %s", clip(d.node.name), t.typ, want)
		}
		t = k.coerce(t, want)
		t.typ = want
	}
	d.typ, d.run, d.slots = t.typ, t.run, k.most
	return nil
}

// typeOf resolves a type as it was written. Without model FHIR goes before System
// where the library uses it.
func (k *checker) typeOf(s *typeSpec) (*Type, error) {
	if s == nil {
		return typeAny, nil // ELM may leave it out
	}
	switch s.kind {
	case 'l', 'i':
		e, err := k.typeOf(s.args[0])
		if err != nil {
			return nil, err
		}
		if s.kind == 'l' {
			return listOf(e), nil
		}
		return intervalOf(e), nil
	case 't', 'c':
		t := &Type{kind: kTuple, names: s.fieldNames}
		for _, a := range s.args {
			e, err := k.typeOf(a)
			if err != nil {
				return nil, err
			}
			t.fields = append(t.fields, e)
		}
		if s.kind == 'c' {
			return choiceOf(t.fields...), nil
		}
		return t, nil
	}
	if s.model == "System" || s.model == "" {
		if t := systemTypes[s.name]; t != nil && (s.model != "" || !k.lib.fhir || !fhirFirst[s.name]) {
			return t, nil
		}
	}
	name := s.name
	model, rest, nested := strings.Cut(s.model, ".")
	if nested {
		name = rest + "." + name // FHIR.Patient.Contact
	}
	if (model == "" || model == "FHIR") && k.lib.fhir {
		if id, ok := fhirTypeName(name); ok {
			t := fhirType(id)
			t.either = model == "" && fhirFirst[name]
			return t, nil
		}
	}
	if s.model != "" && s.model != "System" && model != "FHIR" {
		if id, ok := fhirTypeName(s.model + "." + s.name); ok && k.lib.fhir {
			return fhirType(id), nil
		}
	}
	full := s.name
	if s.model != "" {
		full = s.model + "." + full
	}
	if !k.lib.fhir && model == "FHIR" {
		return nil, k.fail(s.pos, "the library does not say: using FHIR version '4.0.1'")
	}
	return nil, k.fail(s.pos, "there is no type %s", clip(full))
}

// fhirFirst are the names that FHIR and System both have.
var fhirFirst = wordSet("Quantity Ratio")

// fhirTypeName finds a FHIR type; elements with a type of their own are written
// Patient.Contact there and Patient.contact here. What FHIR's model calls by the
// name of a value set is a code.
func fhirTypeName(name string) (fhirpath.TypeID, bool) {
	if id, ok := fhirpath.TypeByName(name); ok {
		return id, true
	}
	if strings.Contains(name, ".") {
		parts := strings.Split(name, ".")
		for i := 1; i < len(parts); i++ {
			if parts[i] != "" {
				parts[i] = strings.ToLower(parts[i][:1]) + parts[i][1:]
			}
		}
		return fhirpath.TypeByName(strings.Join(parts, "."))
	}
	if name == "SimpleQuantity" || name == "MoneyQuantity" {
		return fhirpath.TypeByName("Quantity") // profiles of it
	}
	if enumerations[name] {
		return fhirpath.TypeByName("code")
	}
	return 0, false
}

// coerce makes an expression of one type one of another, where conversion allowed
// it.
func (k *checker) coerce(t typed, to *Type) typed {
	convert := converter(t.typ, to)
	if convert == nil || t.isNil {
		return typed{run: t.run, typ: t.typ, isNil: t.isNil, konst: t.konst}
	}
	run := t.run
	if !isNull(t.konst) {
		ev := &evaluation{env: &Env{}}
		if v, err := convert(ev, t.konst); err == nil {
			return constant(v, to)
		}
	}
	return typed{typ: to, run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := run(ev, f)
		if err != nil || isNull(v) {
			return v, err
		}
		return convert(ev, v)
	}}
}

// apply calls an operator of the table.
func (k *checker) apply(name string, pos int, prec precision, args ...typed) (typed, error) {
	o := operators()[name]
	types := make([]*Type, len(args))
	for i, a := range args {
		types[i] = a.typ
	}
	sig, params, result, ok := resolve(o.signatures, types, choiceOperators[name])
	if !ok {
		return typed{}, k.fail(pos, "%s has no meaning", signatureText(name, types))
	}
	s := k.site(pos)
	s.prec, s.typ = prec, result
	for i, p := range sig.params {
		s.lists = s.lists || p.kind == kList
		s.single = s.single || p.kind == kParam
		if !spanOperators[name] || params[i].kind != kSystem && params[i].kind != kInterval {
			args[i] = k.coerce(args[i], params[i])
		}
	}
	return typed{run: operatorCode(o, s, args), typ: result}, nil
}

// spanOperators take points and intervals as they are; comparing makes them one
// type.
var spanOperators = wordSet(`Before After SameOrBefore SameOrAfter SameAs Overlaps OverlapsBefore OverlapsAfter Meets MeetsBefore MeetsAfter Starts Ends
 Includes IncludedIn ProperIncludes ProperIncludedIn`)

// operatorCode compiles a call of an operator.
func operatorCode(o *operator, s *site, args []typed) code {
	run, strict := o.run, o.strict
	switch len(args) {
	case 1:
		x := args[0].run
		return func(ev *evaluation, f *frame) (Value, error) {
			a, err := x(ev, f)
			if err != nil {
				return null, err
			}
			if strict {
				if a = plain(a); isNull(a) {
					return null, nil
				}
			}
			ev.at = s
			n := len(ev.stack)
			ev.stack = append(ev.stack, a)
			v, err := run(ev, s, ev.stack[n:n+1:n+1])
			ev.stack = ev.stack[:n]
			return v, err
		}
	case 2:
		x, y := args[0].run, args[1].run
		return func(ev *evaluation, f *frame) (Value, error) {
			a, err := x(ev, f)
			if err != nil {
				return null, err
			}
			if strict {
				if a = plain(a); isNull(a) {
					return null, nil
				}
			}
			b, err := y(ev, f)
			if err != nil {
				return null, err
			}
			if strict {
				if b = plain(b); isNull(b) {
					return null, nil
				}
			}
			ev.at = s
			n := len(ev.stack)
			ev.stack = append(ev.stack, a, b)
			v, err := run(ev, s, ev.stack[n:n+2:n+2])
			ev.stack = ev.stack[:n]
			return v, err
		}
	}
	return func(ev *evaluation, f *frame) (Value, error) {
		n := len(ev.stack)
		defer func() { ev.stack = ev.stack[:n] }()
		for _, x := range args {
			a, err := x.run(ev, f)
			if err != nil {
				return null, err
			}
			if strict {
				if a = plain(a); isNull(a) {
					return null, nil
				}
			}
			ev.stack = append(ev.stack, a)
		}
		ev.at = s
		return run(ev, s, ev.stack[n:len(ev.stack):len(ev.stack)])
	}
}

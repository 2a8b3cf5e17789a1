package cql

import (
	"slices"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// expr finds the type of an expression and compiles it.
func (k *checker) expr(n *node) (typed, error) {
	if k.depth++; k.depth > 4*maxDepth {
		return typed{}, k.fail(n.pos, "expressions stand too deep within each other")
	}
	defer func() { k.depth-- }()
	t, err := k.compile(n)
	if err == nil {
		n.typ = t.typ
	}
	return t, err
}

func (k *checker) exprs(list []*node) ([]typed, error) {
	out := make([]typed, len(list))
	for i, n := range list {
		if n == nil {
			continue
		}
		t, err := k.expr(n)
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

func (k *checker) compile(n *node) (typed, error) {
	switch n.kind {
	case nLiteral:
		return constant(n.value, n.typ), nil
	case nNull:
		t := constant(null, typeAny)
		t.isNil = true
		return t, nil
	case nName:
		return k.named(n)
	case nThis:
		for s := k.scope; s != nil; s = s.outer {
			if s.name == "$"+n.name {
				return slot(s), nil
			}
		}
		return typed{}, k.fail(n.pos, "$%s has no meaning here", n.name)
	case nMember:
		return k.member(n)
	case nCall:
		return k.call(n)
	case nOp:
		return k.operator(n)
	case nInterval:
		return k.interval(n)
	case nList:
		return k.list(n)
	case nTuple:
		return k.tuple(n)
	case nInstance:
		return k.instance(n)
	case nIf:
		return k.ifThen(n)
	case nCase:
		return k.caseWhen(n)
	case nIs, nAs:
		return k.typeTest(n)
	case nConvert:
		return k.convertTo(n)
	case nConvertUnit:
		args, err := k.exprs(n.args)
		if err != nil {
			return typed{}, err
		}
		return k.apply("ConvertQuantity", n.pos, precNone, args[0], constant(fhirpath.FromString(n.name), typeString))
	case nQuery:
		return k.query(n)
	case nRetrieve:
		return k.retrieve(n)
	case nMinimum, nMaximum:
		t, err := k.typeOf(n.spec)
		if err != nil {
			return typed{}, err
		}
		v, ok := extreme(t.name, n.kind == nMaximum, 0)
		if !ok || t.kind != kSystem {
			return typed{}, k.fail(n.pos, "%s has no least or greatest value", t)
		}
		return constant(v, t), nil
	case nTiming:
		return k.timing(n)
	case nExpand:
		args, err := k.exprs(n.args)
		if err != nil {
			return typed{}, err
		}
		if n.args[1] == nil {
			args[1] = constant(null, typeAny)
		}
		return k.apply(map[string]string{"expand": "Expand", "collapse": "Collapse"}[n.name], n.pos, precNone, args...)
	}
	return typed{}, k.fail(n.pos, "this expression is not supported")
}

func slot(s *scope) typed {
	at := s.slot
	return typed{typ: s.typ, run: func(_ *evaluation, f *frame) (Value, error) { return f.slots[at], nil }}
}

// named resolves a name: aliases and operands first, then the library.
func (k *checker) named(n *node) (typed, error) {
	for s := k.scope; s != nil; s = s.outer {
		if s.name == n.name {
			return slot(s), nil
		}
		if s.fields {
			if t, err := k.property(slot(s), n.name, n.pos); err == nil {
				return t, nil
			}
		}
	}
	if t, ok, err := k.global(k.lib, n.name, n.pos); ok || err != nil {
		return t, err
	}
	if k.lib.includes[n.name] != nil || k.lib.helpers[n.name] {
		return typed{}, k.fail(n.pos, "%s is a library and no value", clip(n.name))
	}
	if id, ok := fhirpath.TypeByName(n.name); ok && id.IsResource() && k.lib.fhir && (n.name == "Patient" || slices.Contains(k.lib.contexts, n.name)) {
		return typed{typ: fhirType(id), run: func(ev *evaluation, _ *frame) (Value, error) { return ev.patient(), nil }}, nil
	}
	if k.adHoc {
		name := n.name
		at := k.site(n.pos)
		return typed{typ: typeAny, run: func(ev *evaluation, _ *frame) (Value, error) {
			if ev.env.Var != nil {
				if v, ok := ev.env.Var(name); ok {
					return v, nil
				}
			}
			return null, at.fail(issue.NotFound, "there is no definition, parameter or alias %s", clip(name))
		}}, nil
	}
	return typed{}, k.fail(n.pos, "there is no definition, parameter or alias %s", clip(n.name))
}

// global resolves a name of a library.
func (k *checker) global(lib *Library, name string, pos int) (typed, bool, error) {
	if d := lib.defs[name]; d != nil {
		if lib != k.lib && d.node.private {
			return typed{}, true, k.fail(pos, "%s is private", clip(name))
		}
		if d.state != stateDone {
			if err := k.check(d); err != nil {
				return typed{}, true, err
			}
		}
		if d.err != nil {
			return typed{}, true, k.fail(pos, "%s cannot be used: %v", clip(name), d.err)
		}
		return typed{typ: d.typ, run: func(ev *evaluation, _ *frame) (Value, error) { return ev.define(d) }}, true, nil
	}
	if p := lib.parameters[name]; p != nil {
		return typed{typ: p.typ, run: p.read(k.lib)}, true, nil
	}
	if t, ok := lib.terms[name]; ok {
		return constant(t.value, t.typ), true, nil
	}
	return typed{}, false, nil
}

// read gives the value that the evaluation has for a parameter, or the default.
func (p *parameter) read(_ *Library) code {
	convert := converter(typeAny, p.typ)
	full := p.lib.Name + "." + p.name
	return func(ev *evaluation, f *frame) (Value, error) {
		v, ok := ev.env.Parameters[full]
		if !ok {
			v, ok = ev.env.Parameters[p.name]
		}
		if ok {
			if convert != nil && !isNull(v) {
				return convert(ev, v)
			}
			return v, nil
		}
		if p.value == nil {
			return null, nil
		}
		return p.value(ev, f)
	}
}

// member compiles a.b: a name of an included library, or a property.
func (k *checker) member(n *node) (typed, error) {
	if left := n.args[0]; left.kind == nName && !k.isScoped(left.name) {
		if lib := k.lib.includes[left.name]; lib != nil {
			t, ok, err := k.global(lib, n.name, n.pos)
			if err == nil && !ok {
				err = k.fail(n.pos, "library %s defines no %s", clip(left.name), clip(n.name))
			}
			return t, err
		}
		if k.lib.Name != "" && left.name == k.lib.Name {
			if t, ok, err := k.global(k.lib, n.name, n.pos); ok || err != nil {
				return t, err
			}
		}
	}
	t, err := k.expr(n.args[0])
	if err != nil {
		return typed{}, err
	}
	return k.property(t, n.name, n.pos)
}

func (k *checker) isScoped(name string) bool {
	for s := k.scope; s != nil; s = s.outer {
		if s.name == name {
			return true
		}
	}
	return false
}

// property compiles the reading of an element.
func (k *checker) property(t typed, name string, pos int) (typed, error) {
	typ := propertyType(t.typ, name)
	if typ == nil {
		return typed{}, k.fail(pos, "a %s has no %s", t.typ, clip(name))
	}
	run := t.run
	return typed{typ: typ, run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := run(ev, f)
		if err != nil || isNull(v) {
			return null, err
		}
		ev.steps++
		return member(v, name), nil
	}}, nil
}

var intervalFields = map[string]bool{"low": true, "high": true}

// propertyType gives the type of an element, nil where there is none.
func propertyType(t *Type, name string) *Type {
	switch t.kind {
	case kAny:
		return typeAny
	case kFHIR:
		if name == "value" && t.fhir.Primitive() != 0 {
			return t.systemOf()
		}
		types, list, ok := t.fhir.Element(name)
		if !ok {
			return nil
		}
		options := make([]*Type, len(types))
		for i, id := range types {
			options[i] = fhirType(id)
		}
		out := choiceOf(options...)
		if list {
			return listOf(out)
		}
		return out
	case kList:
		e := propertyType(t.elem, name)
		if e == nil {
			return nil
		}
		if e.kind == kList {
			return e
		}
		return listOf(e)
	case kInterval:
		switch {
		case intervalFields[name]:
			return t.elem
		case name == "lowClosed" || name == "highClosed":
			return typeBoolean
		}
		return nil
	case kTuple:
		return t.field(name)
	case kChoice:
		var found []*Type
		for _, o := range t.fields {
			if p := propertyType(o, name); p != nil {
				found = append(found, p)
			}
		}
		if len(found) == 0 {
			return nil
		}
		return choiceOf(found...)
	}
	return systemFields[t.name+"."+name]
}

var systemFields = map[string]*Type{
	"Quantity.value": typeDecimal, "Quantity.unit": typeString,
	"Code.code": typeString, "Code.system": typeString, "Code.version": typeString, "Code.display": typeString,
	"Concept.codes": listOf(typeCode), "Concept.display": typeString,
	"Ratio.numerator": typeQuantity, "Ratio.denominator": typeQuantity,
	"ValueSet.id": typeString, "ValueSet.version": typeString, "ValueSet.name": typeString,
	"CodeSystem.id": typeString, "CodeSystem.version": typeString, "CodeSystem.name": typeString,
}

// operator compiles what the parser named by its ELM operator.
func (k *checker) operator(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	switch n.name {
	case "And", "Or", "Implies":
		return k.logic(n, args)
	case "Negate":
		if v := args[0].konst; v.Kind() == fhirpath.Integer || v.Kind() == fhirpath.Decimal || v.Kind() == fhirpath.Long {
			neg, err := negate(nil, nil, []Value{v})
			if err == nil && !isNull(neg) {
				return constant(neg, args[0].typ), nil
			}
		}
	case "Ratio":
		return k.apply("ToRatio", n.pos, precNone, args...)
	}
	return k.apply(n.name, n.pos, n.prec, args...)
}

// logic looks at the right side only where it matters.
func (k *checker) logic(n *node, args []typed) (typed, error) {
	for i, a := range args {
		if _, ok := conversion(a.typ, typeBoolean, true); !ok {
			return typed{}, k.fail(n.args[i].pos, "a %s is no Boolean", a.typ)
		}
		args[i] = k.coerce(a, typeBoolean)
	}
	x, y := args[0].run, args[1].run
	var stop tri // the left side that decides alone
	var join func(a, b tri) tri
	switch n.name {
	case "And":
		stop, join = no, tri.and
	case "Or":
		stop, join = yes, tri.or
	default:
		stop, join = no, func(a, b tri) tri { return a.not().or(b) }
	}
	return typed{typ: typeBoolean, run: func(ev *evaluation, f *frame) (Value, error) {
		before := len(ev.unknown)
		a, err := x(ev, f)
		if err != nil {
			return null, err
		}
		left := triOf(a)
		if left == stop {
			return join(left, unknown).value(), nil
		}
		between := len(ev.unknown)
		b, err := y(ev, f)
		if err != nil {
			return null, err
		}
		right := triOf(b)
		if len(ev.unknown) == between && join(unknown, right) != unknown {
			// The right side decides, whatever the left one rests on.
			ev.unknown = ev.unknown[:before:before]
		}
		return join(left, right).value(), nil
	}}, nil
}

func (k *checker) ifThen(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	if _, ok := conversion(args[0].typ, typeBoolean, true); !ok {
		return typed{}, k.fail(n.args[0].pos, "a %s is no Boolean", args[0].typ)
	}
	t := common(args[1].typ, args[2].typ)
	cond, yesRun, noRun := k.coerce(args[0], typeBoolean).run, k.coerce(args[1], t).run, k.coerce(args[2], t).run
	return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
		c, err := cond(ev, f)
		if err != nil {
			return null, err
		}
		if triOf(c) == yes {
			return yesRun(ev, f)
		}
		return noRun(ev, f)
	}}, nil
}

func (k *checker) caseWhen(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	comparand := n.args[0] != nil
	t := args[len(args)-1].typ
	for i := 2; i < len(args); i += 2 {
		t = common(t, args[i].typ)
	}
	for i := 1; i < len(args); i++ {
		isWhen := i%2 == 1 && i < len(args)-1
		switch {
		case !isWhen:
			args[i] = k.coerce(args[i], t)
		case comparand:
			u := unify(args[0].typ, args[i].typ)
			if u == nil {
				return typed{}, k.fail(n.args[i].pos, "a %s is never a %s", args[0].typ, args[i].typ)
			}
		default:
			if _, ok := conversion(args[i].typ, typeBoolean, true); !ok {
				return typed{}, k.fail(n.args[i].pos, "a %s is no Boolean", args[i].typ)
			}
			args[i] = k.coerce(args[i], typeBoolean)
		}
	}
	return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
		var of Value
		if comparand {
			v, err := args[0].run(ev, f)
			if err != nil {
				return null, err
			}
			of = v
		}
		for i := 1; i+1 < len(args); i += 2 {
			w, err := args[i].run(ev, f)
			if err != nil {
				return null, err
			}
			hit := triOf(w) == yes
			if comparand {
				hit = ev.equal(of, w) == yes
			}
			if hit {
				return args[i+1].run(ev, f)
			}
		}
		return args[len(args)-1].run(ev, f)
	}}, nil
}

func (k *checker) typeTest(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	t, err := k.typeOf(n.spec)
	if err != nil {
		return typed{}, err
	}
	run := args[0].run
	if n.kind == nIs {
		return typed{typ: typeBoolean, run: func(ev *evaluation, f *frame) (Value, error) {
			v, err := run(ev, f)
			if err != nil {
				return null, err
			}
			return boolean(!isNull(v) && isType(v, t)), nil
		}}, nil
	}
	at, strict := k.site(n.pos), n.strict
	return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := run(ev, f)
		if err != nil || isNull(v) {
			return null, err
		}
		out, ok := cast(v, t)
		if !ok && strict {
			return null, at.fail(issue.Processing, "the value is no %s", t)
		}
		return out, nil
	}}, nil
}

func (k *checker) convertTo(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	t, err := k.typeOf(n.spec)
	if err != nil {
		return typed{}, err
	}
	if t.kind == kFHIR && fhirFirst[t.name] && n.spec.model == "" {
		t = systemTypes[t.name]
	}
	if t.kind == kSystem && operators()["To"+t.name] != nil {
		return k.apply("To"+t.name, n.pos, precNone, args...)
	}
	if _, ok := conversion(args[0].typ, t, true); !ok {
		return typed{}, k.fail(n.pos, "a %s cannot be converted to a %s", args[0].typ, t)
	}
	out := k.coerce(args[0], t)
	out.typ = t
	return out, nil
}

package cql

import (
	"slices"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Selectors make values: intervals, lists, tuples and instances of a class.

func (k *checker) interval(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	point := unify(args[0].typ, args[1].typ)
	if point == nil {
		return typed{}, k.fail(n.pos, "an interval cannot begin with a %s and end with a %s", args[0].typ, args[1].typ)
	}
	if s := point.systemOf(); s != nil {
		point = s
	}
	if point.kind == kChoice {
		for _, o := range point.fields {
			if s := o.systemOf(); s != nil {
				o = s
			}
			if o.kind == kSystem && pointTypes[o.name] {
				point = o
				break
			}
		}
	}
	if point.kind != kAny && (point.kind != kSystem || !pointTypes[point.name]) {
		return typed{}, k.fail(n.pos, "a %s is no point of an interval", point)
	}
	low, high := k.coerce(args[0], point).run, k.coerce(args[1], point).run
	at := k.site(n.pos)
	lowOpen, highOpen := n.open[0], n.open[1]
	var ends [2]code
	for i, e := range n.ends {
		if e == nil {
			continue
		}
		t, err := k.boolean(e)
		if err != nil {
			return typed{}, err
		}
		ends[i] = t.run
	}
	return typed{typ: intervalOf(point), run: func(ev *evaluation, f *frame) (Value, error) {
		a, err := low(ev, f)
		if err != nil {
			return null, err
		}
		b, err := high(ev, f)
		if err != nil {
			return null, err
		}
		i := &Interval{Low: plain(a), High: plain(b), LowClosed: !lowOpen, HighClosed: !highOpen, point: point}
		for n, to := range []*bool{&i.LowClosed, &i.HighClosed} {
			if ends[n] != nil {
				c, err := ends[n](ev, f)
				if err != nil {
					return null, err
				}
				*to = triOf(c) == yes
			}
		}
		if ev.compare(i.Low, i.High, precNone) == greater || i.LowClosed != i.HighClosed && ev.compare(i.Low, i.High, precNone) == equal {
			return null, at.fail(issue.Processing, "the interval ends before it begins")
		}
		return composite(i), nil
	}}, nil
}

var pointTypes = wordSet("Integer Long Decimal Quantity Date DateTime Time String")

func (k *checker) list(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	elem := typeAny
	if n.spec != nil {
		if elem, err = k.typeOf(n.spec); err != nil {
			return typed{}, err
		}
		for i, a := range args {
			if _, ok := conversion(a.typ, elem, true); !ok {
				return typed{}, k.fail(n.args[i].pos, "a %s is no %s", a.typ, elem)
			}
		}
	} else {
		for _, a := range args {
			elem = common(elem, a.typ)
		}
	}
	for i := range args {
		args[i] = k.coerce(args[i], elem)
	}
	return typed{typ: listOf(elem), run: func(ev *evaluation, f *frame) (Value, error) {
		out := make(List, len(args))
		for i, a := range args {
			v, err := a.run(ev, f)
			if err != nil {
				return null, err
			}
			out[i] = v
		}
		return composite(out), ev.made(len(out))
	}}, nil
}

func (k *checker) tuple(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	t := &Type{kind: kTuple, names: n.names}
	for _, a := range args {
		t.fields = append(t.fields, a.typ)
	}
	return typed{typ: t, run: tupleCode(n.names, args, "", t)}, nil
}

func tupleCode(names []string, args []typed, typ string, t *Type) code {
	return func(ev *evaluation, f *frame) (Value, error) {
		out := &Tuple{Names: names, Values: make([]Value, len(args)), Type: typ, typ: t}
		for i, a := range args {
			v, err := a.run(ev, f)
			if err != nil {
				return null, err
			}
			out.Values[i] = v
		}
		return composite(out), ev.made(len(args))
	}
}

// instance compiles a selector of a class: Quantity { value: 1, unit: 'mg' }.
func (k *checker) instance(n *node) (typed, error) {
	t, err := k.typeOf(n.spec)
	if err == nil && t.kind == kFHIR && fhirFirst[t.name] && n.spec.model == "" && !slices.ContainsFunc(n.args, func(a *node) bool { return a.kind != nLiteral }) {
		t = systemTypes[t.name] // plain values make System's
	}
	if err != nil {
		return typed{}, err
	}
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	for i, name := range n.names {
		want := propertyType(t, name)
		if want == nil {
			return typed{}, k.fail(n.args[i].pos, "a %s has no %s", t, clip(name))
		}
		if t.kind == kFHIR {
			continue
		}
		if _, ok := conversion(args[i].typ, want, true); !ok {
			return typed{}, k.fail(n.args[i].pos, "%s is a %s and no %s", clip(name), want, args[i].typ)
		}
		args[i] = k.coerce(args[i], want)
	}
	if t.kind == kFHIR {
		return typed{typ: t, run: tupleCode(n.names, args, "FHIR."+t.name, t)}, nil
	}
	if t.kind != kSystem {
		return typed{}, k.fail(n.pos, "a %s cannot be made like this", t)
	}
	build := tupleCode(n.names, args, "", nil)
	at := k.site(n.pos)
	return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := build(ev, f)
		if err != nil {
			return null, err
		}
		out, ok := systemInstance(t.name, v)
		if !ok {
			return null, at.fail(issue.Processing, "a %s cannot be made of this", t)
		}
		return out, nil
	}}, nil
}

func systemInstance(name string, v Value) (Value, bool) {
	get := func(field string) Value { return plain(member(v, field)) }
	str := func(field string) string { return get(field).Text() }
	switch name {
	case "Quantity":
		d := numberOf(get("value"))
		if d == nil {
			return null, true
		}
		unit := str("unit")
		if unit == "" {
			unit = "1"
		}
		return fhirpath.FromDecUnit(d, unit), true
	case "Code":
		return composite(&Code{str("code"), str("system"), str("version"), str("display")}), true
	case "Concept":
		c, ok := toConcept(get("codes")).Composite().(*Concept)
		if !ok {
			c = &Concept{}
		}
		return composite(&Concept{Codes: c.Codes, Display: str("display")}), true
	case "ValueSet":
		return composite(&ValueSet{str("id"), str("version"), str("name")}), true
	case "CodeSystem":
		return composite(&CodeSystem{str("id"), str("version"), str("name")}), true
	case "Ratio":
		return composite(&Ratio{get("numerator"), get("denominator")}), true
	}
	return null, false
}

package cql

import (
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// element gives a resource's node as a value.
func element(n *fhir.Node) Value {
	t, _ := fhirpath.TypeByName(n.ResourceType())
	return fhirpath.FromElement(n, t)
}

// convert changes a value that is not null.
type convert func(ev *evaluation, v Value) (Value, error)

// converter gives what makes values of one type values of another, nil where they
// are already.
func converter(from, to *Type) convert {
	if from.kind != kAny && from.kind != kChoice && from.subtype(to) || to.kind == kAny || to.kind == kParam {
		return nil
	}
	switch to.kind {
	case kSystem:
		return toSystem(from, to)
	case kInterval:
		return toInterval(from, to)
	case kList:
		return toList(from, to)
	case kTuple:
		return toTuple(from, to)
	case kFHIR:
		return func(_ *evaluation, v Value) (Value, error) {
			if l, ok := asList(v); ok {
				v = single(l)
			}
			if v.Kind() == fhirpath.Element && !v.TypeID().Is(to.fhir) && v.TypeID() != 0 {
				return null, nil
			}
			return v, nil
		}
	}
	return nil
}

// single gives the item of a list of one.
func single(l List) Value {
	if len(l) == 1 {
		return l[0]
	}
	return null
}

func toSystem(from, to *Type) convert {
	name := to.name
	maybe := from.kind == kAny || from.kind == kChoice
	return func(ev *evaluation, v Value) (Value, error) {
		if l, ok := asList(v); ok {
			if len(l) > 1 && name != "Concept" {
				return null, issue.New(issue.Processing, "CQL: a list of %d items stands where one %s is needed", len(l), name)
			}
			if name != "Concept" || len(l) == 1 {
				v = single(l)
			}
		}
		v = plain(v)
		if isNull(v) {
			return null, nil
		}
		if out, ok := implicitly(v, name); ok {
			return out, nil
		}
		if maybe && from.kind == kChoice {
			return null, nil
		}
		return v, nil
	}
}

// implicitly makes the conversions that need no word; true also where there is
// nothing to do.
func implicitly(v Value, name string) (Value, bool) {
	kind := v.Kind()
	if kind != fhirpath.Composite && kind.String() == name {
		return v, true
	}
	if i, ok := asInterval(v); ok && i.uncertain {
		return v, true
	}
	switch name {
	case "Long":
		if kind == fhirpath.Integer {
			return fhirpath.FromLong(v.Num()), true
		}
	case "Decimal":
		if kind == fhirpath.Integer || kind == fhirpath.Long {
			return fhirpath.FromDec(numberOf(v)), true
		}
	case "Quantity":
		if kind == fhirpath.Integer || kind == fhirpath.Long || kind == fhirpath.Decimal {
			return toQuantity(v)
		}
	case "DateTime":
		if kind == fhirpath.Date {
			return fhirpath.FromMoment(fhirpath.DateTime, v.Moment()), true
		}
	case "Concept":
		c := toConcept(v)
		return c, !isNull(c)
	case "Code":
		_, ok := v.Composite().(*Code)
		return v, ok
	case "Ratio":
		_, ok := v.Composite().(*Ratio)
		return v, ok
	case "ValueSet", "CodeSystem", "Vocabulary":
		_, set := v.Composite().(*ValueSet)
		_, system := v.Composite().(*CodeSystem)
		return v, set && name != "CodeSystem" || system && name != "ValueSet"
	}
	return null, false
}

func toInterval(from, to *Type) convert {
	elem := from.elem
	if from.kind != kInterval {
		elem = typeAny
	}
	inner := converter(elem, to.elem)
	return func(ev *evaluation, v Value) (Value, error) {
		v = plain(v)
		if isNull(v) {
			return null, nil
		}
		i, ok := asInterval(v)
		if !ok {
			if from.kind == kChoice || from.kind == kAny {
				if from.kind == kChoice {
					return null, nil
				}
				return v, nil
			}
			if inner != nil {
				var err error
				if v, err = inner(ev, v); err != nil || isNull(v) {
					return null, err
				}
			}
			return composite(&Interval{Low: v, High: v, LowClosed: true, HighClosed: true, point: to.elem}), nil
		}
		out := *i
		if out.point == nil || out.point.kind == kAny && !boundless(v) {
			out.point = to.elem
		}
		if inner == nil {
			return composite(&out), nil
		}
		var err error
		if !isNull(i.Low) {
			if out.Low, err = inner(ev, i.Low); err != nil {
				return null, err
			}
		}
		if !isNull(i.High) {
			if out.High, err = inner(ev, i.High); err != nil {
				return null, err
			}
		}
		return composite(&out), nil
	}
}

func toList(from, to *Type) convert {
	elem := typeAny
	if from.kind == kList {
		elem = from.elem
	}
	inner := converter(elem, to.elem)
	if from.kind == kList && inner == nil {
		return nil
	}
	return func(ev *evaluation, v Value) (Value, error) {
		if set, ok := v.Composite().(*ValueSet); ok {
			return ev.expandValueSet(&site{source: &source{}}, set)
		}
		l, ok := asList(v)
		if !ok {
			if from.kind == kAny {
				return v, nil
			}
			l = List{v}
			if from.kind != kList && from.kind != kChoice {
				if inner := converter(from, to.elem); inner != nil {
					w, err := inner(ev, v)
					if err != nil {
						return null, err
					}
					l = List{w}
				}
				return composite(l), nil
			}
		}
		if inner == nil {
			return composite(l), nil
		}
		if err := ev.made(len(l)); err != nil {
			return null, err
		}
		out := make(List, len(l))
		for i, item := range l {
			if isNull(item) {
				continue
			}
			var err error
			if out[i], err = inner(ev, item); err != nil {
				return null, err
			}
		}
		return composite(out), nil
	}
}

func toTuple(from, to *Type) convert {
	inner := make([]convert, len(to.names))
	for i, name := range to.names {
		elem := typeAny
		if from.kind == kTuple {
			if elem = from.field(name); elem == nil {
				elem = typeAny
			}
		}
		inner[i] = converter(elem, to.fields[i])
	}
	return func(ev *evaluation, v Value) (Value, error) {
		if _, ok := v.Composite().(*Tuple); !ok {
			return v, nil
		}
		out := &Tuple{Names: to.names, Values: make([]Value, len(to.names)), typ: to}
		for i, name := range to.names {
			item := member(v, name)
			if inner[i] != nil && !isNull(item) {
				var err error
				if item, err = inner[i](ev, item); err != nil {
					return null, err
				}
			}
			out.Values[i] = item
		}
		return composite(out), nil
	}
}

// isType tells whether a value is of a type.
func isType(v Value, t *Type) bool {
	switch t.kind {
	case kAny:
		return !isNull(v)
	case kSystem:
		switch v.Composite().(type) {
		case nil:
			return v.Kind().String() == t.name
		case *Code:
			return t.name == "Code"
		case *Concept:
			return t.name == "Concept"
		case *Ratio:
			return t.name == "Ratio"
		case *ValueSet:
			return t.name == "ValueSet" || t.name == "Vocabulary"
		case *CodeSystem:
			return t.name == "CodeSystem" || t.name == "Vocabulary"
		}
		if i, ok := asInterval(v); ok && i.uncertain {
			return t.name == "Integer"
		}
	case kFHIR:
		if v.Kind() == fhirpath.Element {
			return v.TypeID().Is(t.fhir)
		}
		if t.either && isType(v, systemTypes[t.name]) {
			return true
		}
		if tuple, ok := v.Composite().(*Tuple); ok && tuple.Type != "" {
			id, _ := fhirpath.TypeByName(tuple.Type[len("FHIR."):])
			return id.Is(t.fhir)
		}
	case kList:
		l, ok := asList(v)
		for _, item := range l {
			ok = ok && (isNull(item) || isType(item, t.elem))
		}
		return ok
	case kInterval:
		i, ok := asInterval(v)
		if !ok || i.uncertain {
			return false
		}
		return (isNull(i.Low) || isType(i.Low, t.elem)) && (isNull(i.High) || isType(i.High, t.elem))
	case kTuple:
		tuple, ok := v.Composite().(*Tuple)
		if !ok {
			return false
		}
		for i, name := range t.names {
			item := member(v, name)
			if !isNull(item) && !isType(item, t.fields[i]) {
				return false
			}
		}
		return len(tuple.Names) == len(t.names)
	case kChoice:
		for _, o := range t.fields {
			if isType(v, o) {
				return true
			}
		}
	}
	return false
}

// cast gives a value as a type, where it is one: also an element as what
// FHIRHelpers makes of it.
func cast(v Value, t *Type) (Value, bool) {
	if isNull(v) || isType(v, t) {
		return v, true
	}
	if p := plain(v); isType(p, t) {
		return p, true
	}
	if t.kind == kInterval {
		if i, ok := asInterval(plain(v)); ok && isNull(i.Low) && isNull(i.High) {
			out := *i
			out.point = t.elem
			return composite(&out), true
		}
	}
	return null, false
}

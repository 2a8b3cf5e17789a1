package cql

import (
	"strings"
)

// runner computes an operator on its operands. It must not keep the slice.
type runner func(ev *evaluation, s *site, a []Value) (Value, error)

// operator is a named operator or function of CQL with its signatures.
type operator struct {
	signatures []signature
	strict     bool // null where an operand is null; operands are made plain
	run        runner
}

// signature is one overload.
type signature struct {
	params []*Type
	result *Type
}

var paramT = &Type{kind: kParam, name: "T"}

// signatures reads "(Integer,Integer)Integer (List<T>)T".
func signatures(text string) []signature {
	var list []signature
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		text = text[1:]
		var s signature
		for text[0] != ')' {
			var t *Type
			t, text = readType(text)
			s.params = append(s.params, t)
			text = strings.TrimPrefix(text, ",")
		}
		s.result, text = readType(text[1:])
		list = append(list, s)
	}
	return list
}

func readType(text string) (*Type, string) {
	end := strings.IndexAny(text, "<>,) ")
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], text[end:]
	switch name {
	case "T":
		return paramT, rest
	case "List", "Interval":
		elem, rest := readType(rest[1:])
		kind := kList
		if name == "Interval" {
			kind = kInterval
		}
		return &Type{kind: kind, elem: elem}, rest[1:]
	}
	t := systemTypes[name]
	if t == nil {
		panic("cql: no type " + name)
	}
	return t, rest
}

// bind finds what T must be for an argument to stand where param is asked for.
// Choice lets T become a choice of types that have nothing in common.
func bind(param, arg *Type, t **Type, choice bool) bool {
	switch param.kind {
	case kParam:
		if arg.kind == kAny {
			return true
		}
		if *t == nil {
			*t = arg
			return true
		}
		u := unify(*t, arg)
		if u == nil && choice {
			u = choiceOf(*t, arg)
		}
		if u == nil {
			return false
		}
		*t = u
		return true
	case kList:
		if arg.kind == kList {
			return bind(param.elem, arg.elem, t, choice)
		}
		if arg.kind == kSystem && arg.name == "ValueSet" {
			return bind(param.elem, typeCode, t, choice)
		}
		if arg.kind == kChoice {
			for _, o := range arg.fields {
				if o.kind == kList {
					return bind(param.elem, o.elem, t, choice)
				}
			}
		}
	case kInterval:
		if arg.kind == kInterval {
			return bind(param.elem, arg.elem, t, choice)
		}
		if s := arg.systemOf(); s != nil && s.kind == kInterval {
			return bind(param.elem, s.elem, t, choice)
		}
		if arg.kind == kChoice {
			for _, o := range arg.fields {
				if s := o.systemOf(); s != nil && s.kind == kInterval {
					o = s
				}
				if o.kind == kInterval {
					return bind(param.elem, o.elem, t, choice)
				}
			}
		}
	}
	return true
}

// substitute puts a type in the place of T.
func substitute(p, t *Type) *Type {
	switch p.kind {
	case kParam:
		return t
	case kList, kInterval:
		e := substitute(p.elem, t)
		if e == p.elem {
			return p
		}
		return &Type{kind: p.kind, elem: e}
	}
	return p
}

// fit tells what it costs to call a signature with arguments of these types, and
// the types they become.
func (s signature) fit(args []*Type, promotion, choice bool) (cost int, params []*Type, result *Type, ok bool) {
	if len(args) != len(s.params) {
		return 0, nil, nil, false
	}
	var t *Type
	for i, p := range s.params {
		a := args[i]
		if promotion {
			a = promoted(a, p)
		}
		if !bind(p, a, &t, choice) {
			return 0, nil, nil, false
		}
	}
	if t == nil {
		t = typeAny
	}
	for i, p := range s.params {
		want := substitute(p, t)
		if p.kind == kParam && (t.kind == kList || t.kind == kInterval) {
			cost++ // an item that is itself a list is the rarer meaning
		}
		c, ok := conversion(args[i], want, promotion)
		if !ok {
			return 0, nil, nil, false
		}
		cost += c
		params = append(params, want)
	}
	return cost, params, substitute(s.result, t), true
}

// promoted gives what an argument would be after promotion, to find T.
func promoted(arg, param *Type) *Type {
	switch {
	case param.kind == kList && arg.kind != kList && arg.kind != kAny:
		return listOf(arg)
	case param.kind == kInterval && arg.kind != kInterval && arg.kind != kList && arg.kind != kAny && (arg.systemOf() == nil || arg.systemOf().kind != kInterval):
		return intervalOf(arg)
	case param.kind != kList && arg.kind == kList && param.kind != kParam:
		return arg.elem
	}
	return arg
}

// resolve finds the cheapest signature: as it is, then with T as a choice where the
// operator allows that, then with promotion.
func resolve(list []signature, args []*Type, choice bool) (sig *signature, params []*Type, result *Type, ok bool) {
	for _, way := range [3]struct{ promotion, choice bool }{{false, false}, {false, true}, {true, choice}} {
		if way.choice && !choice {
			continue
		}
		best := -1
		for i := range list {
			c, p, r, fits := list[i].fit(args, way.promotion, way.choice)
			if fits && (best < 0 || c < best) {
				best, sig, params, result, ok = c, &list[i], p, r, true
			}
		}
		if ok {
			return sig, params, result, true
		}
	}
	return nil, nil, nil, false
}

// signatureText writes the types of a call for a message.
func signatureText(name string, args []*Type) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.String()
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

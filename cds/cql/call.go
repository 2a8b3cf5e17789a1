package cql

import (
	"slices"

	"cdss/fhir/issue"
)

// call compiles a call: of a function of the library, of one it includes, or of a
// system operator by its name.
func (k *checker) call(n *node) (typed, error) {
	if n.method {
		return k.method(n)
	}
	if n.name == "Coalesce" {
		return k.coalesce(n)
	}
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	if list := k.lib.functions[n.name]; len(list) > 0 {
		t, ok, err := k.function(list, n, args, false)
		if ok || err != nil {
			return t, err
		}
	}
	return k.system(n.name, n.pos, n.prec, args)
}

// aliases of operators: spellings that are also in use.
var otherNames = map[string]string{
	"Descendants": "Descendents", "descendents": "Descendents", "descendants": "Descendents", "children": "Children", "First": "First",
	"Is": "", "As": "",
}

func (k *checker) system(name string, pos int, prec precision, args []typed) (typed, error) {
	if other := otherNames[name]; other != "" {
		name = other
	}
	switch name {
	case "And", "Or", "Implies":
		if len(args) == 2 {
			return k.logic(&node{name: name, pos: pos, args: []*node{{pos: pos}, {pos: pos}}}, args)
		}
	case "ToCalendarUnit":
		if len(args) == 1 {
			return k.coerce(args[0], typeString), nil
		}
	}
	if operators()[name] == nil {
		return typed{}, k.fail(pos, "there is no function %s", clip(name))
	}
	return k.apply(name, pos, prec, args...)
}

// method compiles x.f(args).
func (k *checker) method(n *node) (typed, error) {
	left := n.args[0]
	if left.kind == nName && !k.isScoped(left.name) {
		if lib := k.lib.includes[left.name]; lib != nil {
			args, err := k.exprs(n.args[1:])
			if err != nil {
				return typed{}, err
			}
			if list := lib.functions[n.name]; len(list) > 0 {
				t, ok, err := k.function(list, n, args, false)
				if ok || err != nil {
					return t, err
				}
				return typed{}, k.fail(n.pos, "%s of library %s has no meaning", signatureText(n.name, typesOf(args)), clip(left.name))
			}
			return typed{}, k.fail(n.pos, "library %s has no function %s", clip(left.name), clip(n.name))
		}
		if k.lib.helpers[left.name] || left.name == "System" || left.name == k.lib.Name && k.lib.Name != "" {
			args, err := k.exprs(n.args[1:])
			if err != nil {
				return typed{}, err
			}
			if list := k.lib.functions[n.name]; left.name == k.lib.Name && len(list) > 0 {
				t, ok, err := k.function(list, n, args, false)
				if ok || err != nil {
					return t, err
				}
			}
			return k.system(n.name, n.pos, n.prec, args)
		}
	}
	if t, ok, err := k.fluent(n); ok || err != nil {
		return t, err
	}
	return k.pathFunction(n)
}

func typesOf(args []typed) []*Type {
	list := make([]*Type, len(args))
	for i, a := range args {
		list[i] = a.typ
	}
	return list
}

// fluent finds a fluent function of the library or of one it includes.
func (k *checker) fluent(n *node) (typed, bool, error) {
	var candidates []*definition
	for _, d := range k.lib.functions[n.name] {
		if d.node.fluent {
			candidates = append(candidates, d)
		}
	}
	for _, lib := range k.lib.includes {
		for _, d := range lib.functions[n.name] {
			if d.node.fluent && !d.node.private {
				candidates = append(candidates, d)
			}
		}
	}
	if len(candidates) == 0 {
		return typed{}, false, nil
	}
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, false, err
	}
	t, ok, err := k.function(candidates, n, args, true)
	if !ok && err == nil && !pathFunctions[n.name] {
		err = k.fail(n.pos, "%s has no meaning", signatureText(n.name, typesOf(args)))
	}
	return t, ok, err
}

// function calls the overload that costs least.
func (k *checker) function(list []*definition, n *node, args []typed, _ bool) (typed, bool, error) {
	sigs := make([]signature, len(list))
	for i, d := range list {
		sigs[i] = signature{params: d.params, result: typeAny}
	}
	sig, params, _, ok := resolve(sigs, typesOf(args), false)
	if !ok {
		if operators()[n.name] != nil || n.method && pathFunctions[n.name] {
			return typed{}, false, nil
		}
		return typed{}, false, k.fail(n.pos, "%s has no meaning", signatureText(n.name, typesOf(args)))
	}
	var d *definition
	for i := range sigs {
		if &sigs[i] == sig {
			d = list[i]
		}
	}
	if d.lib != k.lib && d.node.private {
		return typed{}, false, k.fail(n.pos, "function %s is private", clip(n.name))
	}
	if d.state != stateDone {
		if err := k.check(d); err != nil {
			return typed{}, false, err
		}
	}
	if d.err != nil {
		return typed{}, false, k.fail(n.pos, "function %s cannot be used: %v", clip(n.name), d.err)
	}
	for i := range args {
		args[i] = k.coerce(args[i], params[i])
	}
	at := k.site(n.pos)
	return typed{typ: d.typ, run: func(ev *evaluation, f *frame) (Value, error) {
		slots := make([]Value, max(d.slots, len(args)))
		for i, a := range args {
			v, err := a.run(ev, f)
			if err != nil {
				return null, err
			}
			slots[i] = v
		}
		ev.at = at
		if err := ev.enter(); err != nil {
			return null, err
		}
		v, err := d.run(ev, &frame{slots: slots})
		ev.calls--
		return v, err
	}}, true, nil
}

// coalesce gives the first value that is not null, also of a list.
func (k *checker) coalesce(n *node) (typed, error) {
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	if len(args) == 0 {
		return typed{}, k.fail(n.pos, "Coalesce needs values")
	}
	if len(args) == 1 && args[0].typ.kind == kList {
		run := args[0].run
		return typed{typ: args[0].typ.elem, run: func(ev *evaluation, f *frame) (Value, error) {
			v, err := run(ev, f)
			if err != nil {
				return null, err
			}
			list, _ := asList(v)
			for _, item := range list {
				if !isNull(item) {
					return item, nil
				}
			}
			return null, nil
		}}, nil
	}
	t := typeAny
	for _, a := range args {
		t = common(t, a.typ)
	}
	for i := range args {
		args[i] = k.coerce(args[i], t)
	}
	return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
		for _, a := range args {
			v, err := a.run(ev, f)
			if err != nil || !isNull(v) && !isNull(plain(v)) {
				return v, err
			}
		}
		return null, nil
	}}, nil
}

// pathFunctions are the functions of FHIRPath that may follow a dot.
var pathFunctions = wordSet(`exists empty not where select all first last tail skip take count sum min max avg distinct isDistinct single union combine
 intersect exclude subsetOf supersetOf contains startsWith endsWith matches replaceMatches replace indexOf length upper lower substring
 toString toInteger toDecimal toBoolean toDate toDateTime toTime toQuantity children descendants descendents is as ofType iif repeat
 allTrue anyTrue anyFalse allFalse abs ceiling floor truncate round ln exp log power sqrt toChars resolve lowBoundary highBoundary precision hasValue getValue`)

// simplePath are those that are an operator by another name.
var simplePath = map[string]string{
	"first": "First", "last": "Last", "tail": "Tail", "skip": "Skip", "take": "Take", "count": "Count", "sum": "Sum", "min": "Min", "max": "Max", "avg": "Avg",
	"distinct": "Distinct", "single": "SingletonFrom", "union": "Union", "intersect": "Intersect", "exclude": "Except", "supersetOf": "Includes", "subsetOf": "IncludedIn",
	"startsWith": "StartsWith", "endsWith": "EndsWith", "matches": "Matches", "replaceMatches": "ReplaceMatches", "replace": "ReplaceText", "upper": "Upper", "lower": "Lower",
	"substring": "Substring", "toString": "ToString", "toInteger": "ToInteger", "toDecimal": "ToDecimal", "toBoolean": "ToBoolean", "toDate": "ToDate",
	"toDateTime": "ToDateTime", "toTime": "ToTime", "toQuantity": "ToQuantity", "children": "Children", "descendants": "Descendents", "descendents": "Descendents",
	"allTrue": "AllTrue", "anyTrue": "AnyTrue", "abs": "Abs", "ceiling": "Ceiling", "floor": "Floor", "truncate": "Truncate", "round": "Round", "ln": "Ln", "exp": "Exp",
	"log": "Log", "power": "Power", "toChars": "ToChars", "resolve": "Resolve", "lowBoundary": "LowBoundary", "highBoundary": "HighBoundary", "precision": "Precision",
	"not": "Not", "length": "Length",
}

// pathFunction compiles a function of FHIRPath behind a dot.
func (k *checker) pathFunction(n *node) (typed, error) {
	switch n.name {
	case "where", "select", "all", "exists", "repeat":
		if len(n.args) == 2 {
			return k.iterate(n)
		}
	case "is", "as", "ofType":
		return k.pathType(n)
	}
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	call := func(name string, list ...typed) (typed, error) { return k.apply(name, n.pos, precNone, list...) }
	switch n.name {
	case "exists", "hasValue":
		if args[0].typ.kind != kList {
			t, err := call("IsNull", args[0])
			if err != nil {
				return t, err
			}
			return call("Not", t)
		}
		return call("Exists", args[0])
	case "empty":
		t, err := call("Exists", args[0])
		if err != nil {
			return t, err
		}
		return call("Not", t)
	case "getValue":
		return k.property(args[0], "value", n.pos)
	case "contains":
		if len(args) == 2 && args[0].typ.kind == kSystem {
			return call("ContainsText", args...)
		}
		return call("Contains", args...)
	case "indexOf":
		if len(args) == 2 && args[0].typ.kind != kList {
			return call("PositionOf", args[1], args[0])
		}
		return call("IndexOf", args...)
	case "combine":
		if len(args) == 2 {
			return k.combine(args)
		}
	case "iif":
		branches := append(slices.Clone(n.args[1:]), &node{kind: nNull, pos: n.pos})
		if len(branches) < 3 || len(branches) > 4 {
			return typed{}, k.fail(n.pos, "iif needs a criterion and one value or two")
		}
		return k.ifThen(&node{kind: nIf, pos: n.pos, args: branches[:3]})
	}
	name, ok := simplePath[n.name]
	if !ok {
		return k.systemMethod(n, args)
	}
	return call(name, args...)
}

// systemMethod lets an operator follow a dot under its own name.
func (k *checker) systemMethod(n *node, args []typed) (typed, error) {
	if list := k.lib.functions[n.name]; len(list) > 0 {
		t, ok, err := k.function(list, n, args, false)
		if ok || err != nil {
			return t, err
		}
	}
	return k.system(n.name, n.pos, precNone, args)
}

func (k *checker) combine(args []typed) (typed, error) {
	x, y := args[0].run, args[1].run
	return typed{typ: common(args[0].typ, args[1].typ), run: func(ev *evaluation, f *frame) (Value, error) {
		a, err := x(ev, f)
		if err != nil {
			return null, err
		}
		b, err := y(ev, f)
		if err != nil {
			return null, err
		}
		p, _ := asList(a)
		q, _ := asList(b)
		if err := ev.made(len(p) + len(q)); err != nil {
			return null, err
		}
		return composite(append(append(make(List, 0, len(p)+len(q)), p...), q...)), nil
	}}, nil
}

// pathType compiles x.is(T), x.as(T) and x.ofType(T).
func (k *checker) pathType(n *node) (typed, error) {
	if len(n.args) != 2 {
		return typed{}, k.fail(n.pos, "%s needs a type", n.name)
	}
	spec := &typeSpec{pos: n.args[1].pos, kind: 'n', name: n.args[1].name}
	if t := n.args[1]; t.kind == nMember && t.args[0].kind == nName {
		spec.model = t.args[0].name
	} else if t.kind != nName {
		return typed{}, k.fail(n.pos, "%s needs a type", n.name)
	}
	if n.name != "ofType" {
		kind := nAs
		if n.name == "is" {
			kind = nIs
		}
		return k.typeTest(&node{kind: kind, pos: n.pos, args: n.args[:1], spec: spec})
	}
	list, err := k.expr(n.args[0])
	if err != nil {
		return typed{}, err
	}
	t, err := k.typeOf(spec)
	if err != nil {
		return typed{}, err
	}
	run := list.run
	if list.typ.kind != kList {
		return typed{typ: t, run: func(ev *evaluation, f *frame) (Value, error) {
			v, err := run(ev, f)
			out, _ := cast(v, t)
			return out, err
		}}, nil
	}
	return typed{typ: listOf(t), run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := run(ev, f)
		if err != nil {
			return null, err
		}
		items, _ := asList(v)
		out := List{}
		for _, item := range items {
			if c, ok := cast(item, t); ok && !isNull(c) {
				out = append(out, c)
			}
		}
		return composite(out), ev.work(len(items))
	}}, nil
}

// iterate compiles where, select, all, exists and repeat with their criteria, in
// which $this is the item and its elements need no word.
func (k *checker) iterate(n *node) (typed, error) {
	list, err := k.expr(n.args[0])
	if err != nil {
		return typed{}, err
	}
	elem, isList := list.typ, list.typ.kind == kList
	if isList {
		elem = list.typ.elem
	}
	outer, used := k.scope, k.used
	index := k.push("$index", typeInteger)
	this := k.push("$this", elem)
	this.fields = true
	body, err := k.expr(n.args[1])
	k.scope, k.used = outer, used
	if err != nil {
		return typed{}, err
	}
	if n.name == "where" || n.name == "all" || n.name == "exists" {
		if _, ok := conversion(body.typ, typeBoolean, true); !ok {
			return typed{}, k.fail(n.args[1].pos, "a %s is no Boolean", body.typ)
		}
		body = k.coerce(body, typeBoolean)
	}
	run, test, name, at := list.run, body.run, n.name, k.site(n.pos)
	typ := map[string]*Type{"where": listOf(elem), "all": typeBoolean, "exists": typeBoolean}[name]
	if typ == nil {
		typ = body.typ
		if typ.kind != kList {
			typ = listOf(typ)
		}
	}
	return typed{typ: typ, run: func(ev *evaluation, f *frame) (Value, error) {
		v, err := run(ev, f)
		if err != nil {
			return null, err
		}
		items, ok := asList(v)
		if !ok && !isNull(v) {
			items = List{v}
		}
		ev.at = at
		out := List{}
		every, any := yes, no
		for i := 0; i < len(items); i++ {
			if err := ev.work(1); err != nil {
				return null, err
			}
			f.slots[index.slot], f.slots[this.slot] = integer(int64(i)), items[i]
			r, err := test(ev, f)
			if err != nil {
				return null, err
			}
			switch name {
			case "select", "repeat":
				if l, ok := asList(r); ok {
					out = append(out, l...)
				} else if !isNull(r) {
					out = append(out, r)
				}
				if name == "repeat" && i == len(items)-1 && len(out) > 0 && len(out) < ev.limits.Items {
					next, err := ev.distinct(append(append(List{}, items...), out...))
					if err != nil {
						return null, err
					}
					items, out = next, List{}
				}
			default:
				hit := triOf(r)
				every, any = every.and(hit), any.or(hit)
				if hit == yes {
					out = append(out, items[i])
				}
			}
			if err := ev.grown(len(out)); err != nil {
				return null, err
			}
		}
		switch name {
		case "all":
			return every.value(), nil
		case "exists":
			return boolean(any == yes), nil
		case "repeat":
			n, _ := asList(v)
			return composite(items[min(len(n), len(items)):]), nil
		}
		return composite(out), nil
	}}, nil
}

// notSupported tells of a part of the language that is not there.
func (k *checker) notSupported(pos int, what string) error {
	return k.src.fail(issue.NotSupported, pos, "%s is not supported", what)
}

package fhirpath

import (
	"strings"

	"cdss/fhir"
)

// Navigation and the functions FHIR adds (N1, section 5.8; R4, "FHIRPath",
// Additional functions).

func treeFunctions() map[string]function {
	return map[string]function{
		"children": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			out := set{unknown: in.unknown}
			for _, v := range in.items {
				out.items = ev.allChildren(out.items, v)
			}
			return out, ev.fits(out.items)
		}},
		"descendants": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			out := set{unknown: in.unknown}
			for _, v := range in.items {
				out.items = ev.allChildren(out.items, v)
			}
			for i := 0; i < len(out.items); i++ {
				if err := ev.touch(1); err != nil {
					return set{}, err
				}
				out.items = ev.allChildren(out.items, out.items[i])
				if err := ev.fits(out.items); err != nil {
					return set{}, err
				}
			}
			return out, nil
		}},
		"extension": {min: 1, max: 1, certain: extension},
		"hasExtension": {min: 1, max: 1, certain: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			found, err := extension(ev, e, in, args)
			if err != nil {
				return set{}, err
			}
			return some(found, true), nil
		}},
		"hasValue": {strict: func(_ *evaluation, _ *expr, in set, _ []set) (set, error) {
			return boolean(len(in.items) == 1 && in.items[0].hasValue()), nil
		}},
		"getValue": {strict: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			if len(in.items) != 1 || !in.items[0].hasValue() {
				return set{}, nil
			}
			return ev.one(in.items[0].system()), nil
		}},
		"resolve":    {certain: resolve},
		"memberOf":   {min: 1, max: 1, compile: compileMemberOf},
		"conformsTo": {min: 1, max: 1, strict: conformsTo},
		"htmlChecks": {strict: func(_ *evaluation, _ *expr, in set, _ []set) (set, error) {
			for _, v := range in.items {
				if !plainHTML(v.node.String()) {
					return falseSet, nil
				}
			}
			return boolean(len(in.items) > 0), nil
		}},
		"checkModifiers": {max: 20, strict: checkModifiers},
	}
}

func (v Value) hasValue() bool {
	return v.kind != Element && v.kind != 0 || v.node.HasValue()
}

// allChildren appends the child elements of v; resourceType is none.
func (ev *evaluation) allChildren(out Collection, v Value) Collection {
	if v.kind != Element {
		return out
	}
	m := ev.model
	for _, k := range v.node.All() {
		if k.Empty() || k.Name() == "resourceType" {
			continue
		}
		out = append(out, Value{kind: Element, typ: m.ofChild(v.typ, k), node: k})
	}
	return out
}

func extension(ev *evaluation, e *expr, in set, args []set) (set, error) {
	if args[0].unknown != 0 {
		return undetermined(in.unknown | args[0].unknown), nil
	}
	url, ok, err := ev.str(args[0], e.pos, "the url")
	if err != nil || !ok {
		return set{}, err
	}
	out := set{unknown: in.unknown}
	for _, v := range in.items {
		for _, x := range v.node.Extensions(url) {
			out.items = append(out.items, Value{kind: Element, typ: ev.model.extension, node: x})
		}
	}
	return out, ev.fits(out.items)
}

// resolve follows references to contained resources by itself, others through
// the Env. What is not found is left out.
func resolve(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
	out := set{unknown: in.unknown}
	for _, v := range in.items {
		reference := ""
		switch {
		case v.kind == Element && v.node.HasValue():
			reference = v.node.String()
		case v.kind == Element:
			reference = v.node.Child("reference").String()
		case v.kind == String:
			reference = v.text
		}
		var found *fhir.Node
		if id, ok := strings.CutPrefix(reference, "#"); ok {
			found = contained(ev.rootResource(), id)
			if found == nil && v.node != nil {
				found = contained(holder(v.node), id)
			}
		} else if reference != "" && ev.env.Resolve != nil {
			found = ev.env.Resolve(reference)
		}
		if found != nil {
			out.items = append(out.items, FromNode(found)...)
		}
	}
	return out, nil
}

// contained finds the contained resource of that id; "#" alone is the holder.
func contained(root *fhir.Node, id string) *fhir.Node {
	if id == "" {
		return root
	}
	for _, c := range root.Children("contained") {
		if c.Child("id").String() == id {
			return c
		}
	}
	return nil
}

// holder gives the outermost resource that is no Bundle entry.
func holder(n *fhir.Node) *fhir.Node {
	for ; n != nil; n = n.Parent() {
		if n.ResourceType() != "" && n.Name() != "contained" {
			return n
		}
	}
	return nil
}

func conformsTo(ev *evaluation, e *expr, in set, args []set) (set, error) {
	url, ok, err := ev.str(args[0], e.pos, "the url")
	if err != nil || !ok || len(in.items) == 0 {
		return set{}, err
	}
	if len(in.items) > 1 {
		return set{}, ev.fail(e.pos, "conformsTo() works on one item, not on %d", len(in.items))
	}
	name, ok := strings.CutPrefix(url, "http://hl7.org/fhir/StructureDefinition/")
	t := ev.model.byName[name]
	if !ok || t == 0 || ev.model.types[t].kind == kindBackbone {
		return set{}, ev.fail(e.pos, "the profile is not known")
	}
	v := in.items[0]
	return boolean(v.kind == Element && ev.model.is(v.typ, t)), nil
}

// compileMemberOf asks the Env whether a code, Coding or CodeableConcept is in
// a value set. Where that cannot be told the result is undetermined, under the
// name memberOf(url).
func compileMemberOf(c *compiler, e *expr, in eval) (eval, error) {
	arg, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	label := "memberOf()"
	if a := e.args[1]; a.op == opLiteral && len(a.value) == 1 {
		label = "memberOf(" + a.value[0].text + ")"
	}
	at := len(c.sets)
	c.sets = append(c.sets, label)
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		u, err := arg(ev, f)
		if err != nil {
			return set{}, err
		}
		if unknown := s.unknown | u.unknown; unknown != 0 {
			return undetermined(unknown), nil
		}
		url, ok, err := ev.str(u, e.pos, "the value set")
		if err != nil || !ok || len(s.items) == 0 {
			return set{}, err
		}
		if len(s.items) > 1 {
			return set{}, ev.fail(e.pos, "memberOf() works on one item, not on %d", len(s.items))
		}
		if ev.env.MemberOf == nil {
			return set{}, ev.fail(e.pos, "memberOf() needs a terminology, and there is none")
		}
		open := false
		for _, coding := range ev.codings(s.items[0]) {
			in, ok := ev.env.MemberOf(coding, url)
			if ok && in {
				return trueSet, nil
			}
			open = open || !ok
		}
		if open {
			return undetermined(bit(len(ev.expr.vars) + at)), nil
		}
		return falseSet, nil
	}, nil
}

// codings reads a code, Coding or CodeableConcept.
func (ev *evaluation) codings(v Value) []fhir.Coding {
	if s := v.system(); s.kind == String {
		return []fhir.Coding{{Code: s.text}}
	}
	if list := v.node.CodeableConcept().Codings; len(list) > 0 {
		return list
	}
	if c := v.node.Coding(); c.Code != "" {
		return []fhir.Coding{c}
	}
	return nil
}

// checkModifiers refuses modifier extensions that the rule does not name.
func checkModifiers(ev *evaluation, e *expr, in set, args []set) (set, error) {
	for _, v := range in.items {
		for _, x := range v.node.Children("modifierExtension") {
			url, known := x.Child("url").String(), false
			for _, a := range args {
				name, _, err := ev.str(a, e.pos, "the url")
				if err != nil {
					return set{}, err
				}
				known = known || name == url
			}
			if !known {
				return set{}, ev.fail(e.pos, "a modifier extension that the expression does not know")
			}
		}
	}
	return in, nil
}

// forbiddenHTML is what a narrative must not hold (R4, txt-1), as far as it can
// do harm.
var forbiddenHTML = []string{
	"<script", "<object", "<embed", "<iframe", "<form", "<input", "<button", "<base", "<head", "<body", "<meta", "<style", "<link", "<frame",
	"javascript:", "vbscript:", " on", "\ton", "\non",
}

// plainHTML looks for an event handler or a forbidden element; it is a check of
// authored narrative, not a sanitiser.
func plainHTML(s string) bool {
	if !strings.HasPrefix(strings.TrimSpace(s), "<div") {
		return false
	}
	low := strings.ToLower(s)
	for _, bad := range forbiddenHTML {
		for rest := low; ; {
			at := strings.Index(rest, bad)
			if at < 0 {
				break
			}
			if !strings.HasSuffix(bad, "on") || insideTag(rest[:at]) && handler(rest[at+1:]) {
				return false
			}
			rest = rest[at+len(bad):]
		}
	}
	return true
}

// insideTag tells whether the last "<" before is still open.
func insideTag(before string) bool {
	return strings.LastIndexByte(before, '<') > strings.LastIndexByte(before, '>')
}

// handler tells whether s begins like onclick=.
func handler(s string) bool {
	end := strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
	return end > 2 && strings.HasPrefix(strings.TrimLeft(s[end:], " \t\n"), "=")
}

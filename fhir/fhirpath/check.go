package fhirpath

import (
	"slices"
	"strings"

	"cdss/fhir/issue"
)

// CompileFor compiles src and checks its types for a context of the given FHIR
// type ("Patient", "Observation.component"; "" for a context of any type, where
// only paths behind a cast can be checked). A path that no resource can have,
// such as a misspelt element, a choice element by its full name, or the first
// of an unordered list, is an error of kind issue.Invalid that says what would
// be allowed; evaluation would find nothing there, silently.
func CompileFor(src, contextType string) (*Expression, error) {
	e, err := Compile(src)
	if err != nil {
		return nil, err
	}
	root := shape{any: true}
	if contextType != "" {
		t, ok := r4().byName[contextType]
		if !ok {
			return nil, issue.New(issue.Invalid, "read FHIRPath: no type %s", clip(contextType))
		}
		root = shape{types: []static{{fhir: t}}}
	}
	c := &checker{src: src, m: r4(), root: root}
	if _, err := c.check(e.tree, root); err != nil {
		return nil, err
	}
	return e, nil
}

// static is one possible type of an item.
type static struct {
	fhir   typeID
	system Kind
}

// shape is what is known of a collection before there are data.
type shape struct {
	types     []static
	any       bool // items of any type may be in it
	unordered bool
}

func (s shape) add(o shape) shape {
	out := shape{any: s.any || o.any, unordered: s.unordered || o.unordered}
	out.types = append(out.types, s.types...)
	for _, t := range o.types {
		if !slices.Contains(out.types, t) {
			out.types = append(out.types, t)
		}
	}
	return out
}

func of(k Kind) shape { return shape{types: []static{{system: k}}} }

var anything = shape{any: true}

type checker struct {
	src  string
	m    *model
	root shape
}

func (c *checker) fail(pos int, format string, a ...any) error {
	return positioned(c.src, pos, format, a...)
}

// check gives the shape of e, seen with this as $this.
func (c *checker) check(e *expr, this shape) (shape, error) {
	switch e.op {
	case opLiteral:
		var s shape
		for _, v := range e.value {
			s = s.add(of(v.kind))
		}
		return s, nil
	case opThis:
		return this, nil
	case opIndexVar:
		return of(Integer), nil
	case opVariable:
		switch {
		case e.name == "context":
			return c.root, nil
		case e.name == "ucum" || e.name == "sct" || e.name == "loinc" || strings.HasPrefix(e.name, "vs-") || strings.HasPrefix(e.name, "ext-"):
			return of(String), nil
		}
		return anything, nil
	case opMember:
		if e.args[0] != nil {
			in, err := c.check(e.args[0], this)
			if err != nil {
				return shape{}, err
			}
			return c.member(e, in)
		}
		return c.start(e, this)
	case opFunction:
		return c.call(e, this)
	case opIndexer:
		in, err := c.check(e.args[0], this)
		if err != nil {
			return shape{}, err
		}
		if _, err := c.check(e.args[1], this); err != nil {
			return shape{}, err
		}
		return in, c.ordered(e, in)
	case opSign:
		return c.check(e.args[0], this)
	case opType:
		in, err := c.check(e.args[0], this)
		if err != nil {
			return shape{}, err
		}
		if e.name == "is" {
			return of(Boolean), nil
		}
		return c.cast(e, in)
	case opBinary:
		return c.operator(e, this)
	}
	return anything, nil
}

// start checks the first name of a path: the context's type, or a member.
func (c *checker) start(e *expr, this shape) (shape, error) {
	t := typeID(0)
	if e.name[0] >= 'A' && e.name[0] <= 'Z' {
		t = c.m.byName[e.name]
	}
	if t == 0 {
		return c.member(e, this)
	}
	var out shape
	for _, s := range this.types {
		switch {
		case c.m.is(s.fhir, t):
			out = out.add(shape{types: []static{s}})
		case s.fhir != 0 && c.m.is(t, s.fhir):
			// The context is a Resource, which may be one of these.
			out = out.add(shape{types: []static{{fhir: t}}})
		}
	}
	if this.any {
		out = out.add(shape{types: []static{{fhir: t}}})
	}
	if len(out.types) == 0 && len(this.types) > 0 {
		return shape{}, c.fail(e.pos, "the context is %s and never a %s", c.names(this), e.name)
	}
	return out, nil
}

func (c *checker) names(s shape) string {
	var list []string
	for _, t := range s.types {
		name := t.system.String()
		if t.fhir != 0 {
			name = c.m.types[t.fhir].name
		}
		list = append(list, name)
	}
	if len(list) > 4 {
		list = append(list[:4], "…")
	}
	return strings.Join(list, " or ")
}

// member checks that one of the types has the element.
func (c *checker) member(e *expr, in shape) (shape, error) {
	out := shape{any: in.any, unordered: in.unordered}
	found := in.any || len(in.types) == 0
	for _, s := range in.types {
		if s.fhir == 0 {
			switch {
			case s.system == Quantity && (e.name == "unit" || e.name == "code"), s.system == TypeInfo && (e.name == "name" || e.name == "namespace"):
				found = true
				out = out.add(of(String))
			case s.system == Quantity && e.name == "value":
				found = true
				out = out.add(of(Decimal))
			}
			continue
		}
		def := c.m.find(s.fhir, e.name)
		switch t := c.m.types[s.fhir]; {
		case def != nil:
			found = true
			for _, child := range def.types {
				out = out.add(shape{types: []static{{fhir: child}}})
			}
		case e.name == "value" && t.kind == kindPrimitive:
			found = true
			out = out.add(of(t.system))
		case t.abstract:
			// Any resource may stand here, and may have the element.
			found = true
			out.any = true
		}
	}
	if !found {
		return shape{}, c.fail(e.pos, "no element %s in %s%s", clip(e.name), c.names(in), c.hint(in, e.name))
	}
	return out, nil
}

// hint names the element that was probably meant.
func (c *checker) hint(in shape, name string) string {
	for _, s := range in.types {
		for t := s.fhir; t != 0; t = c.m.types[t].base {
			for _, e := range c.m.types[t].elements {
				if e.choice && strings.HasPrefix(name, e.name) && c.m.suffix[name[len(e.name):]] != 0 {
					return ": a choice element is read as " + e.name
				}
				if strings.EqualFold(e.name, name) {
					return ": it is written " + e.name
				}
			}
		}
	}
	return ""
}

func (c *checker) ordered(e *expr, in shape) error {
	if in.unordered {
		return c.fail(e.pos, "the order of children() and descendants() is not defined, so no place in it is")
	}
	return nil
}

// cast gives the shape of as and ofType.
func (c *checker) cast(e *expr, in shape) (shape, error) {
	comp := &compiler{src: c.src}
	ref, err := comp.lookUp(e.typ, e.pos)
	if err != nil {
		return shape{}, err
	}
	if ref.any {
		return in, nil
	}
	out := shape{unordered: in.unordered}
	if ref.fhir != 0 {
		out.types = append(out.types, static{fhir: ref.fhir})
	}
	if ref.system != 0 {
		out.types = append(out.types, static{system: ref.system})
	}
	for _, s := range in.types {
		if in.any || s.fhir == 0 || ref.fhir == 0 || c.m.is(s.fhir, ref.fhir) || c.m.is(ref.fhir, s.fhir) {
			return out, nil
		}
		if c.m.types[s.fhir].kind == kindPrimitive && c.m.types[ref.fhir].kind == kindPrimitive {
			// Asking a code whether it is an id is legal, and the answer is no.
			return out, nil
		}
	}
	if len(in.types) > 0 && !in.any {
		return shape{}, c.fail(e.pos, "%s is never a %s", c.names(in), e.typ)
	}
	return out, nil
}

func (c *checker) operator(e *expr, this shape) (shape, error) {
	left, err := c.check(e.args[0], this)
	if err != nil {
		return shape{}, err
	}
	right, err := c.check(e.args[1], this)
	if err != nil {
		return shape{}, err
	}
	switch e.name {
	case "|":
		return left.add(right), nil
	case "&":
		return of(String), nil
	case "+", "-", "*", "/", "div", "mod":
		return anything, nil
	}
	return of(Boolean), nil
}

// results gives the type of functions that make values of one System type.
var results = map[string]Kind{
	"empty": Boolean, "exists": Boolean, "all": Boolean, "allTrue": Boolean, "anyTrue": Boolean, "allFalse": Boolean, "anyFalse": Boolean,
	"subsetOf": Boolean, "supersetOf": Boolean, "isDistinct": Boolean, "not": Boolean, "hasValue": Boolean, "hasExtension": Boolean, "memberOf": Boolean, "conformsTo": Boolean,
	"startsWith": Boolean, "endsWith": Boolean, "contains": Boolean, "matches": Boolean, "matchesFull": Boolean, "comparable": Boolean, "htmlChecks": Boolean,
	"count": Integer, "length": Integer, "indexOf": Integer, "lastIndexOf": Integer, "precision": Integer,
	"upper": String, "lower": String, "trim": String, "substring": String, "replace": String, "replaceMatches": String, "join": String, "split": String,
	"toChars": String, "encode": String, "decode": String, "escape": String, "unescape": String,
	"now": DateTime, "today": Date, "timeOfDay": Time, "type": TypeInfo,
	"toBoolean": Boolean, "toInteger": Integer, "toDecimal": Decimal, "toString": String, "toDate": Date, "toDateTime": DateTime, "toTime": Time, "toQuantity": Quantity,
}

// onItems are the functions whose arguments are seen from each item.
var onItems = map[string]bool{"where": true, "exists": true, "all": true, "select": true, "repeat": true, "aggregate": true, "sort": true, "iif": true, "trace": true}

// placed are the functions that need an order.
var placed = map[string]bool{"first": true, "last": true, "tail": true, "skip": true, "take": true}

func (c *checker) call(e *expr, this shape) (shape, error) {
	in := this
	var err error
	if e.args[0] != nil {
		if in, err = c.check(e.args[0], this); err != nil {
			return shape{}, err
		}
	}
	if typeFunctions[e.name] {
		if e.name == "is" {
			return of(Boolean), nil
		}
		return c.cast(e, in)
	}
	if placed[e.name] {
		if err := c.ordered(e, in); err != nil {
			return shape{}, err
		}
	}
	seenFrom := this
	if onItems[e.name] {
		seenFrom = in
	}
	args := make([]shape, 0, len(e.args))
	for i, a := range e.args[1:] {
		from := seenFrom
		if e.name == "repeat" {
			// What is found is looked at again.
			first, err := c.check(a, in)
			if err != nil {
				return shape{}, err
			}
			from = in.add(first)
		}
		if e.name == "trace" && i == 0 {
			from = this
		}
		s, err := c.check(a, from)
		if err != nil {
			return shape{}, err
		}
		args = append(args, s)
	}
	if _, ok := stringFunctions()[e.name]; ok && !c.may(in, String) {
		return shape{}, c.fail(e.pos, "%s() works on strings, not on %s", e.name, c.names(in))
	}
	if kind, ok := results[e.name]; ok {
		return of(kind), nil
	}
	if strings.HasPrefix(e.name, "convertsTo") {
		return of(Boolean), nil
	}
	switch e.name {
	case "where", "first", "last", "tail", "skip", "take", "single", "distinct", "intersect", "exclude", "trace":
		return in, nil
	case "sort":
		in.unordered = false
		return in, nil
	case "select", "repeat":
		s := args[0]
		s.unordered = s.unordered || in.unordered
		return s, nil
	case "union", "combine":
		return in.add(args[0]), nil
	case "iif":
		s := args[1]
		if len(args) > 2 {
			s = s.add(args[2])
		}
		if !c.may(args[0], Boolean) {
			return shape{}, c.fail(e.pos, "the condition of iif() is a %s and no boolean", c.names(args[0]))
		}
		return s, nil
	case "extension":
		return shape{types: []static{{fhir: c.m.extension}}}, nil
	case "children", "descendants":
		return shape{any: true, unordered: true}, nil
	}
	return anything, nil
}

// may tells whether an item of s can be a value of kind k; nothing can.
func (c *checker) may(s shape, k Kind) bool {
	if s.any || len(s.types) == 0 {
		return true
	}
	for _, t := range s.types {
		if t.system == k || t.fhir != 0 && c.m.types[t.fhir].system == k || t.fhir != 0 && c.m.types[t.fhir].abstract {
			return true
		}
	}
	return false
}

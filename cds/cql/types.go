package cql

import (
	"slices"
	"strings"

	"cdss/fhir/fhirpath"
)

// typeKind tells what a Type is.
type typeKind uint8

const (
	kAny typeKind = iota
	kSystem
	kFHIR
	kList
	kInterval
	kTuple
	kChoice
	kParam // T of a signature
)

// Type is the type of an expression. Types are compared by Equal, not by
// pointer.
type Type struct {
	kind   typeKind
	name   string
	fhir   fhirpath.TypeID
	elem   *Type    // of a list or an interval
	names  []string // of a tuple
	fields []*Type  // of a tuple; of a choice its options
	// either tells that the name was written without model and that System has it,
	// too: a value of System's is one of the type as well.
	either bool
}

func systemType(name string) *Type { return &Type{kind: kSystem, name: name} }

var (
	typeAny        = &Type{kind: kAny, name: "Any"}
	typeBoolean    = systemType("Boolean")
	typeInteger    = systemType("Integer")
	typeLong       = systemType("Long")
	typeDecimal    = systemType("Decimal")
	typeString     = systemType("String")
	typeDate       = systemType("Date")
	typeDateTime   = systemType("DateTime")
	typeTime       = systemType("Time")
	typeQuantity   = systemType("Quantity")
	typeRatio      = systemType("Ratio")
	typeCode       = systemType("Code")
	typeConcept    = systemType("Concept")
	typeValueSet   = systemType("ValueSet")
	typeCodeSystem = systemType("CodeSystem")
	typeVocabulary = systemType("Vocabulary")
)

var systemTypes = func() map[string]*Type {
	m := map[string]*Type{"Any": typeAny}
	for _, t := range []*Type{
		typeBoolean, typeInteger, typeLong, typeDecimal, typeString, typeDate, typeDateTime, typeTime,
		typeQuantity, typeRatio, typeCode, typeConcept, typeValueSet, typeCodeSystem, typeVocabulary,
	} {
		m[t.name] = t
	}
	return m
}()

func listOf(t *Type) *Type     { return &Type{kind: kList, elem: t} }
func intervalOf(t *Type) *Type { return &Type{kind: kInterval, elem: t} }

func fhirType(id fhirpath.TypeID) *Type { return &Type{kind: kFHIR, name: id.Name(), fhir: id} }

// choiceOf gives the choice of types, flat and each once.
func choiceOf(types ...*Type) *Type {
	var options []*Type
	var add func(t *Type)
	add = func(t *Type) {
		if t.kind == kChoice {
			for _, o := range t.fields {
				add(o)
			}
			return
		}
		if t.kind != kAny && !slices.ContainsFunc(options, t.Equal) {
			options = append(options, t)
		}
	}
	for _, t := range types {
		add(t)
	}
	switch len(options) {
	case 0:
		return typeAny
	case 1:
		return options[0]
	}
	return &Type{kind: kChoice, fields: options}
}

// String writes the type as CQL does.
func (t *Type) String() string {
	switch t.kind {
	case kAny, kSystem:
		return "System." + t.name
	case kFHIR:
		return "FHIR." + t.name
	case kParam:
		return t.name
	case kList:
		return "List<" + t.elem.String() + ">"
	case kInterval:
		return "Interval<" + t.elem.String() + ">"
	case kTuple:
		parts := make([]string, len(t.names))
		for i, n := range t.names {
			parts[i] = n + " " + t.fields[i].String()
		}
		return "Tuple{" + strings.Join(parts, ", ") + "}"
	}
	parts := make([]string, 0, len(t.fields))
	for i, f := range t.fields {
		if i == 6 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, f.String())
	}
	return "Choice<" + strings.Join(parts, ", ") + ">"
}

// Equal tells whether two types are the same.
func (t *Type) Equal(o *Type) bool {
	if t == o {
		return true
	}
	if t.kind != o.kind {
		return false
	}
	switch t.kind {
	case kAny:
		return true
	case kSystem, kParam:
		return t.name == o.name
	case kFHIR:
		return t.fhir == o.fhir
	case kList, kInterval:
		return t.elem.Equal(o.elem)
	case kTuple:
		if len(t.names) != len(o.names) {
			return false
		}
		for i, n := range t.names {
			f := o.field(n)
			if f == nil || !t.fields[i].Equal(f) {
				return false
			}
		}
		return true
	}
	return len(t.fields) == len(o.fields) && !slices.ContainsFunc(t.fields, func(a *Type) bool { return !slices.ContainsFunc(o.fields, a.Equal) })
}

// field gives the type of a tuple's element, or nil.
func (t *Type) field(name string) *Type {
	if i := slices.Index(t.names, name); i >= 0 {
		return t.fields[i]
	}
	return nil
}

// subtype tells whether a value of t is one of o as it is.
func (t *Type) subtype(o *Type) bool {
	switch {
	case o.kind == kAny || t.Equal(o):
		return true
	case o.kind == kChoice:
		if t.kind == kChoice {
			return !slices.ContainsFunc(t.fields, func(f *Type) bool { return !f.subtype(o) })
		}
		return slices.ContainsFunc(o.fields, t.subtype)
	case t.kind != o.kind:
		return false
	}
	switch t.kind {
	case kSystem:
		return o.name == "Vocabulary" && (t.name == "ValueSet" || t.name == "CodeSystem")
	case kFHIR:
		return t.fhir.Is(o.fhir)
	case kList, kInterval:
		return t.elem.subtype(o.elem)
	case kTuple:
		if len(t.names) != len(o.names) {
			return false
		}
		for i, n := range t.names {
			f := o.field(n)
			if f == nil || !t.fields[i].subtype(f) {
				return false
			}
		}
		return true
	}
	return false
}

// systemOf gives the System type that FHIRHelpers makes of a FHIR type, or nil.
func (t *Type) systemOf() *Type {
	if t.kind != kFHIR {
		return nil
	}
	switch t.fhir.Primitive() {
	case fhirpath.Boolean:
		return typeBoolean
	case fhirpath.Integer:
		return typeInteger
	case fhirpath.Decimal:
		return typeDecimal
	case fhirpath.String:
		return typeString
	case fhirpath.Date:
		return typeDate
	case fhirpath.DateTime:
		return typeDateTime
	case fhirpath.Time:
		return typeTime
	}
	for id := t.fhir; id != 0; id = id.Base() {
		switch id.Name() {
		case "Quantity":
			return typeQuantity
		case "CodeableConcept":
			return typeConcept
		case "Coding":
			return typeCode
		case "Period":
			return intervalDateTime
		case "Range":
			return intervalQuantity
		case "Ratio":
			return typeRatio
		}
	}
	return nil
}

var (
	intervalDateTime = intervalOf(typeDateTime)
	intervalQuantity = intervalOf(typeQuantity)
)

// implicit are the conversions between System types that need no word, with their
// cost.
var implicit = map[[2]string]int{
	{"Integer", "Long"}: 4, {"Integer", "Decimal"}: 5, {"Long", "Decimal"}: 5,
	{"Integer", "Quantity"}: 8, {"Long", "Quantity"}: 8, {"Decimal", "Quantity"}: 7,
	{"Date", "DateTime"}: 5, {"Code", "Concept"}: 5,
}

// Costs of conversions.
const (
	costSubtype   = 1
	costUnknown   = 2
	costChoice    = 3
	costFHIR      = 6
	costExpansion = 12
	costInterval  = 40
	costDemotion  = 60
	costPromotion = 80
)

// conversion tells whether a value of type from may stand where to is asked for,
// and what that costs. Promotion lets a point stand for an interval, an item for a
// list, and a list of one for its item.
func conversion(from, to *Type, promotion bool) (cost int, ok bool) {
	switch {
	case from.Equal(to):
		return 0, true
	case to.kind == kAny:
		return costSubtype, true
	case from.kind == kAny:
		return costUnknown, true
	case from.kind != kChoice && from.subtype(to):
		return costSubtype, true
	}
	if from.kind == kChoice {
		best, found := 0, false
		for _, o := range from.fields {
			if c, ok := conversion(o, to, false); ok && (!found || c < best) {
				best, found = c, true
			}
		}
		if found {
			return costChoice + best, true
		}
	}
	if to.kind == kChoice {
		best, found := 0, false
		for _, o := range to.fields {
			if c, ok := conversion(from, o, false); ok && (!found || c < best) {
				best, found = c, true
			}
		}
		return costChoice + best, found
	}
	switch {
	case from.kind == kSystem && to.either && from.name == to.name:
		return costFHIR, true
	case from.kind == kSystem && to.kind == kSystem:
		if c, ok := implicit[[2]string{from.name, to.name}]; ok {
			return c, true
		}
	case from.kind == kFHIR && to.kind != kFHIR:
		if s := from.systemOf(); s != nil {
			if c, ok := conversion(s, to, false); ok {
				return costFHIR + c, true
			}
		}
	case from.kind == kList && to.kind == kList, from.kind == kInterval && to.kind == kInterval:
		if c, ok := conversion(from.elem, to.elem, false); ok {
			return c, true
		}
	case from.kind == kSystem && from.name == "ValueSet" && to.kind == kList:
		if c, ok := conversion(typeCode, to.elem, false); ok {
			return costExpansion + c, true
		}
	case from.kind == kTuple && to.kind == kTuple && len(from.names) == len(to.names):
		total := 0
		for i, n := range from.names {
			f := to.field(n)
			if f == nil {
				return 0, false
			}
			c, ok := conversion(from.fields[i], f, false)
			if !ok {
				return 0, false
			}
			total = max(total, c)
		}
		return total, true
	}
	if !promotion {
		return 0, false
	}
	if to.kind == kInterval && from.kind != kList && from.kind != kInterval {
		if c, ok := conversion(from, to.elem, false); ok {
			return costInterval + c, true
		}
	}
	if from.kind == kList && to.kind != kList {
		if c, ok := conversion(from.elem, to, false); ok {
			return costDemotion + c, true
		}
	}
	if to.kind == kList && from.kind != kList {
		if c, ok := conversion(from, to.elem, false); ok {
			return costPromotion + c, true
		}
	}
	return 0, false
}

// unify gives a type that both become without a word, or nil.
func unify(a, b *Type) *Type {
	switch {
	case a.kind == kAny:
		return b
	case b.kind == kAny:
		return a
	case a.subtype(b):
		return b
	case b.subtype(a):
		return a
	}
	if a.kind == b.kind && (a.kind == kList || a.kind == kInterval) {
		if u := unify(a.elem, b.elem); u != nil {
			return &Type{kind: a.kind, elem: u}
		}
		return nil
	}
	if a.kind == kTuple && b.kind == kTuple && len(a.names) == len(b.names) {
		t := &Type{kind: kTuple, names: a.names}
		for i, n := range a.names {
			f := b.field(n)
			if f == nil {
				return nil
			}
			u := unify(a.fields[i], f)
			if u == nil {
				return nil
			}
			t.fields = append(t.fields, u)
		}
		return t
	}
	candidates := []*Type{a, b, a.systemOf(), b.systemOf()}
	for _, t := range []*Type{a, b} {
		if t.kind == kChoice {
			for _, o := range t.fields {
				candidates = append(candidates, o, o.systemOf())
			}
		}
	}
	candidates = append(candidates, typeConcept)
	var best *Type
	least := 0
	for _, t := range candidates {
		if t == nil || t.kind == kChoice {
			continue
		}
		x, ok1 := conversion(a, t, false)
		y, ok2 := conversion(b, t, false)
		if ok1 && ok2 && (best == nil || x+y < least) {
			best, least = t, x+y
		}
	}
	return best
}

// common gives the type of what is either a or b: what both become, or a choice.
func common(a, b *Type) *Type {
	if a.kind == kAny || b.kind == kAny {
		if a.kind == kAny {
			return b
		}
		return a
	}
	if a.kind != kChoice && b.kind != kChoice {
		if u := unify(a, b); u != nil {
			return u
		}
	}
	if a.kind == kList && b.kind == kList {
		return listOf(choiceOf(a.elem, b.elem))
	}
	return choiceOf(a, b)
}

package cql

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// Value is a value of CQL: one of FHIRPath's, or a Composite that holds a List,
// *Interval, *Tuple, *Code, *Concept, *Ratio, *ValueSet or *CodeSystem. The zero
// Value is null.
type Value = fhirpath.Value

// List is a list of values, some of which may be null. It is never changed once it
// is made.
type List []Value

// Interval is an interval of points. A bound that is null and closed is the least
// or greatest value of the point type; one that is null and open is not known.
type Interval struct {
	Low, High             Value
	LowClosed, HighClosed bool
	point                 *Type // where it is known
	uncertain             bool  // a number that is not known exactly
}

// Tuple is a tuple, or an instance of a FHIR type that an expression made.
type Tuple struct {
	Names  []string
	Values []Value
	Type   string // "FHIR.Quantity"; "" for a tuple
	typ    *Type
}

// Code is a code of a code system.
type Code struct{ Code, System, Version, Display string }

// Concept is a list of codes that mean the same.
type Concept struct {
	Codes   []Code
	Display string
}

// Ratio is the ratio of two Quantities.
type Ratio struct{ Numerator, Denominator Value }

// ValueSet names a value set.
type ValueSet struct{ ID, Version, Name string }

// CodeSystem names a code system.
type CodeSystem struct{ ID, Version, Name string }

func composite(x any) Value { return fhirpath.FromComposite(x) }

func listValue(items []Value) Value { return composite(List(items)) }

func isNull(v Value) bool { return v.Kind() == 0 }

var (
	null     Value
	trueVal  = fhirpath.FromBool(true)
	falseVal = fhirpath.FromBool(false)
)

func boolean(b bool) Value {
	if b {
		return trueVal
	}
	return falseVal
}

// tri is a truth value of three.
type tri int8

const (
	unknown tri = iota
	no
	yes
)

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

func (t tri) not() tri {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func (t tri) and(o tri) tri {
	switch {
	case t == no || o == no:
		return no
	case t == yes && o == yes:
		return yes
	}
	return unknown
}

func (t tri) or(o tri) tri { return t.not().and(o.not()).not() }

func (t tri) value() Value {
	switch t {
	case yes:
		return trueVal
	case no:
		return falseVal
	}
	return null
}

// triOf reads a Boolean, also of a FHIR element; other values are unknown.
func triOf(v Value) tri {
	switch v.Kind() {
	case fhirpath.Boolean:
		return truth(v.Num() != 0)
	case fhirpath.Element:
		if b, ok := v.Bool(); ok {
			return truth(b)
		}
	}
	return unknown
}

// asList gives the items of a list; null is none.
func asList(v Value) (List, bool) {
	l, ok := v.Composite().(List)
	return l, ok
}

func asInterval(v Value) (*Interval, bool) {
	i, ok := v.Composite().(*Interval)
	return i, ok
}

// plain gives what FHIRHelpers makes of an element: the value of a primitive, a
// Quantity, Code, Concept, Interval or Ratio. Others come back as they are.
func plain(v Value) Value {
	switch v.Kind() {
	case fhirpath.Element:
	case fhirpath.Composite:
		if t, ok := v.Composite().(*Tuple); ok && t.Type != "" {
			return plainInstance(v, t)
		}
		return v
	default:
		return v
	}
	t := v.TypeID()
	if t != 0 && t.Primitive() != 0 || v.Node().HasValue() {
		if !v.Node().HasValue() {
			return null
		}
		s := v.System()
		if s.Kind() == fhirpath.DateTime || s.Kind() == fhirpath.Time {
			return fhirpath.FromMoment(s.Kind(), millis(s.Moment()))
		}
		return s
	}
	for ; t != 0; t = t.Base() {
		switch t.Name() {
		case "Quantity":
			return quantityOf(v.Node())
		case "Coding":
			return composite(codeOf(v.Node()))
		case "CodeableConcept":
			c := &Concept{Display: v.Node().Child("text").String()}
			for _, n := range v.Node().Children("coding") {
				c.Codes = append(c.Codes, *codeOf(n))
			}
			return composite(c)
		case "Period":
			return period(v.Node())
		case "Range":
			low, high := v.Node().Child("low"), v.Node().Child("high")
			return composite(&Interval{Low: quantityOf(low), High: quantityOf(high), LowClosed: low != nil, HighClosed: true, point: typeQuantity})
		case "Ratio":
			return composite(&Ratio{quantityOf(v.Node().Child("numerator")), quantityOf(v.Node().Child("denominator"))})
		}
	}
	return v
}

// plainInstance does the same for an instance of a FHIR type.
func plainInstance(v Value, t *Tuple) Value {
	get := func(name string) Value {
		for i, n := range t.Names {
			if n == name {
				return plain(t.Values[i])
			}
		}
		return null
	}
	switch t.Type {
	case "FHIR.Quantity":
		if d := numberOf(get("value")); d != nil {
			unit := get("code").Text()
			if unit == "" {
				unit = get("unit").Text()
			}
			return fhirpath.FromDecUnit(d, calendarWord(unit))
		}
		return null
	case "FHIR.Coding":
		return composite(&Code{Code: get("code").Text(), System: get("system").Text(), Version: get("version").Text(), Display: get("display").Text()})
	case "FHIR.CodeableConcept":
		c := &Concept{Display: get("text").Text()}
		list, _ := asList(get("coding"))
		for _, item := range list {
			if code, ok := plain(item).Composite().(*Code); ok {
				c.Codes = append(c.Codes, *code)
			}
		}
		return composite(c)
	case "FHIR.Period":
		return composite(&Interval{Low: get("start"), High: get("end"), LowClosed: !isNull(get("start")), HighClosed: true, point: typeDateTime})
	}
	if len(t.Names) == 1 && t.Names[0] == "value" {
		return get("value") // an instance of a primitive
	}
	return v
}

func codeOf(n *fhir.Node) *Code {
	return &Code{
		Code: n.Child("code").String(), System: n.Child("system").String(),
		Version: n.Child("version").String(), Display: n.Child("display").String(),
	}
}

// quantityOf reads a FHIR Quantity. One with a comparator is no definite value.
func quantityOf(n *fhir.Node) Value {
	d, ok := n.Child("value").Decimal()
	if !ok || n.Child("comparator").String() != "" {
		return null
	}
	unit := n.Child("code").String()
	if unit == "" || n.Child("system").String() != "" && n.Child("system").String() != fhir.UCUM {
		unit = n.Child("unit").String()
	}
	return fhirpath.FromQuantity(d, calendarWord(unit))
}

var calendarWords = map[string]string{
	"ms": "millisecond", "s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year",
}

// calendarWord gives the calendar's word for a UCUM code of time, as FHIRHelpers
// does.
func calendarWord(unit string) string {
	if w, ok := calendarWords[unit]; ok {
		return w
	}
	return unit
}

func period(n *fhir.Node) Value {
	read := func(name string) Value {
		m, ok := parseDateTime(n.Child(name).String())
		if !ok {
			return null
		}
		return fhirpath.FromMoment(fhirpath.DateTime, m)
	}
	i := &Interval{Low: read("start"), High: read("end"), HighClosed: true, point: typeDateTime}
	i.LowClosed = !isNull(i.Low)
	return composite(i)
}

// numberOf gives an Integer, Long or Decimal as a decimal, nil for others.
func numberOf(v Value) *apd.Decimal {
	switch v.Kind() {
	case fhirpath.Integer, fhirpath.Long:
		return apd.New(v.Num(), 0)
	case fhirpath.Decimal, fhirpath.Quantity:
		return v.Dec()
	}
	return nil
}

// toQuantity gives a number as a Quantity of unit 1.
func toQuantity(v Value) (Value, bool) {
	if v.Kind() == fhirpath.Quantity {
		return v, true
	}
	d := numberOf(v)
	if d == nil {
		return null, false
	}
	return fhirpath.FromDecUnit(d, "1"), true
}

// member gives a property of a value; an element of a list type gives a List.
func member(v Value, name string) Value {
	switch v.Kind() {
	case fhirpath.Element:
		return elementMember(v, name)
	case fhirpath.Quantity:
		switch name {
		case "value":
			return fhirpath.FromDec(v.Dec())
		case "unit", "code":
			return fhirpath.FromString(v.Text())
		}
		return null
	case fhirpath.Composite:
		return compositeMember(v, name)
	case fhirpath.DateTime, fhirpath.Date, fhirpath.Time, fhirpath.String, fhirpath.Boolean, fhirpath.Integer, fhirpath.Decimal:
		if name == "value" {
			return v
		}
		return momentMember(v, name)
	}
	return null
}

func elementMember(v Value, name string) Value {
	_, list, known := v.TypeID().Element(name)
	if name == "value" && v.Node().HasValue() {
		return plain(v)
	}
	kids := v.Children(name)
	if !known && len(kids) > 0 {
		list = kids[0].Node() != nil && kids[0].Node().Index() >= 0
	}
	if list {
		return listValue(kids)
	}
	if len(kids) == 0 {
		return null
	}
	return kids[0]
}

func text(s string) Value {
	if s == "" {
		return null
	}
	return fhirpath.FromString(s)
}

func compositeMember(v Value, name string) Value {
	switch c := v.Composite().(type) {
	case *Tuple:
		for i, n := range c.Names {
			if n == name {
				return c.Values[i]
			}
		}
	case *Interval:
		switch name {
		case "low":
			return c.Low
		case "high":
			return c.High
		case "lowClosed":
			return boolean(c.LowClosed)
		case "highClosed":
			return boolean(c.HighClosed)
		}
	case *Code:
		switch name {
		case "code":
			return text(c.Code)
		case "system":
			return text(c.System)
		case "version":
			return text(c.Version)
		case "display":
			return text(c.Display)
		}
	case *Concept:
		switch name {
		case "codes":
			items := make([]Value, len(c.Codes))
			for i := range c.Codes {
				items[i] = composite(&c.Codes[i])
			}
			return listValue(items)
		case "display":
			return text(c.Display)
		}
	case *Ratio:
		switch name {
		case "numerator":
			return c.Numerator
		case "denominator":
			return c.Denominator
		}
	case *ValueSet:
		switch name {
		case "id":
			return text(c.ID)
		case "version":
			return text(c.Version)
		case "name":
			return text(c.Name)
		}
	case *CodeSystem:
		switch name {
		case "id":
			return text(c.ID)
		case "version":
			return text(c.Version)
		case "name":
			return text(c.Name)
		}
	case List:
		var out []Value
		for _, item := range c {
			m := member(item, name)
			if l, ok := asList(m); ok {
				out = append(out, l...)
			} else if !isNull(m) {
				out = append(out, m)
			}
		}
		return listValue(out)
	}
	return null
}

// Text writes a value for people: as CQL would, lists and tuples too.
func Text(v Value) string {
	var b strings.Builder
	writeValue(&b, v, 0)
	return b.String()
}

func writeValue(b *strings.Builder, v Value, depth int) {
	if depth > 20 || b.Len() > 1<<16 {
		b.WriteString("…")
		return
	}
	switch v.Kind() {
	case 0:
		b.WriteString("null")
	case fhirpath.String:
		b.WriteString("'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v.Text()) + "'")
	case fhirpath.Date, fhirpath.DateTime:
		b.WriteString("@" + v.String())
		if v.Kind() == fhirpath.DateTime && v.Moment().Precision() <= fhirpath.Day && !strings.Contains(v.String(), "T") {
			b.WriteString("T")
		}
	case fhirpath.Time:
		b.WriteString("@T" + v.String())
	case fhirpath.Long:
		b.WriteString(v.String() + "L")
	case fhirpath.Composite:
		writeComposite(b, v, depth)
	default:
		b.WriteString(v.String())
	}
}

func writeComposite(b *strings.Builder, v Value, depth int) {
	join := func(items []Value) {
		for i, item := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeValue(b, item, depth+1)
		}
	}
	switch c := v.Composite().(type) {
	case List:
		b.WriteString("{")
		join(c)
		b.WriteString("}")
	case *Interval:
		b.WriteString("Interval" + map[bool]string{true: "[", false: "("}[c.LowClosed])
		join([]Value{c.Low, c.High})
		b.WriteString(map[bool]string{true: "]", false: ")"}[c.HighClosed])
	case *Tuple:
		name := c.Type
		if name == "" {
			name = "Tuple"
		}
		b.WriteString(name + " {")
		for i, n := range c.Names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(n + ": ")
			writeValue(b, c.Values[i], depth+1)
		}
		b.WriteString("}")
	case *Code:
		b.WriteString("Code '" + c.Code + "'")
		if c.System != "" {
			b.WriteString(" from '" + c.System + "'")
		}
	case *Concept:
		b.WriteString("Concept {")
		for i := range c.Codes {
			if i > 0 {
				b.WriteString(", ")
			}
			writeComposite(b, composite(&c.Codes[i]), depth+1)
		}
		b.WriteString("}")
	case *Ratio:
		writeValue(b, c.Numerator, depth+1)
		b.WriteString(":")
		writeValue(b, c.Denominator, depth+1)
	case *ValueSet:
		b.WriteString("ValueSet '" + c.ID + "'")
	case *CodeSystem:
		b.WriteString("CodeSystem '" + c.ID + "'")
	}
}

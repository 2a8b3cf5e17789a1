package fhirpath

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// Kind tells what a Value is: an element of a resource, or a value of one of
// FHIRPath's own types.
type Kind uint8

// The kinds of values.
const (
	Element Kind = iota + 1
	Boolean
	String
	Integer
	Decimal
	Date
	DateTime
	Time
	Quantity
	TypeInfo
	Long      // CQL's Integer of 64 bits
	Composite // of a language that stands on these values: CQL's lists, intervals, codes
)

var kindNames = [...]string{
	Element: "Element", Boolean: "Boolean", String: "String", Integer: "Integer", Decimal: "Decimal",
	Date: "Date", DateTime: "DateTime", Time: "Time", Quantity: "Quantity", TypeInfo: "TypeInfo", Long: "Long", Composite: "Composite",
}

// String gives the name of the System type.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Value is one item of a collection. The zero Value is nothing.
type Value struct {
	kind Kind
	typ  typeID     // of an element
	node *fhir.Node // of an element
	num  int64      // Integer, Long; Boolean as 0 and 1
	text string     // String; the unit of a Quantity; the name of a TypeInfo
	x    any        // *apd.Decimal of Decimal and Quantity; *Moment of Date, DateTime, Time; of a Composite what it holds
}

// Collection is an ordered list of values.
type Collection []Value

// FromNode gives the element n, or nothing for nil.
func FromNode(n *fhir.Node) Collection {
	if n == nil {
		return nil
	}
	return Collection{{kind: Element, typ: r4().ofNode(n), node: n}}
}

// FromNodes gives the elements of a list.
func FromNodes(nodes []*fhir.Node) Collection {
	var c Collection
	for _, n := range nodes {
		c = append(c, FromNode(n)...)
	}
	return c
}

// FromBool gives a Boolean.
func FromBool(b bool) Value {
	v := Value{kind: Boolean}
	if b {
		v.num = 1
	}
	return v
}

// FromString gives a String.
func FromString(s string) Value { return Value{kind: String, text: s} }

// FromInt gives an Integer.
func FromInt(i int64) Value { return Value{kind: Integer, num: i} }

// FromDecimal gives a Decimal.
func FromDecimal(d apd.Decimal) Value {
	c := new(apd.Decimal)
	c.Set(&d)
	return Value{kind: Decimal, x: c}
}

// FromQuantity gives a Quantity with a UCUM code or a calendar word ("days").
func FromQuantity(d apd.Decimal, unit string) Value {
	v := FromDecimal(d)
	v.kind, v.text = Quantity, unit
	if v.text == "" {
		v.text = "1"
	}
	return v
}

// FromTime gives a Date where t has the precision of a day or less, else a
// DateTime.
func FromTime(t fhir.Time) Value {
	if !t.Known() {
		return Value{}
	}
	m, ok := parseMoment(t.String())
	if !ok {
		return Value{}
	}
	if t.Precision <= fhir.Day {
		return Value{kind: Date, x: m}
	}
	return Value{kind: DateTime, x: m}
}

// Kind tells what the value is.
func (v Value) Kind() Kind { return v.kind }

// Node gives the element's node, nil for the values of FHIRPath's own types.
func (v Value) Node() *fhir.Node { return v.node }

// Type gives the qualified type: "FHIR.Patient", "System.Boolean".
func (v Value) Type() string {
	if v.kind == Element {
		return "FHIR." + r4().publicName(v.typ)
	}
	return "System." + v.kind.String()
}

func (v Value) dec() *apd.Decimal { return v.x.(*apd.Decimal) }
func (v Value) moment() *Moment   { return v.x.(*Moment) }

// system gives the value of a primitive element, and of a FHIR Quantity, as one
// of FHIRPath's own types. Other values come back as they are.
func (v Value) system() Value {
	if v.kind != Element {
		return v
	}
	m := r4()
	if !v.node.HasValue() {
		if v.typ != 0 && m.is(v.typ, m.quantity) || v.typ == 0 && v.node.Child("value").Kind() == fhir.KindNumber {
			return v.quantity()
		}
		return v
	}
	kind := Kind(0)
	if v.typ != 0 {
		kind = m.types[v.typ].system
	}
	if kind == 0 {
		kind = guess(v.node)
	}
	if s, ok := parseAs(kind, v.node.String()); ok {
		return s
	}
	// A malformed date or number is still a text.
	return FromString(v.node.String())
}

// guess gives the type of a primitive that no definition names.
func guess(n *fhir.Node) Kind {
	switch n.Kind() {
	case fhir.KindBool:
		return Boolean
	case fhir.KindNumber:
		if strings.ContainsAny(n.String(), ".eE") {
			return Decimal
		}
		return Integer
	}
	return String
}

// parseAs reads the text of a primitive element.
func parseAs(kind Kind, text string) (Value, bool) {
	switch kind {
	case String:
		return FromString(text), true
	case Boolean:
		return FromBool(text == "true"), text == "true" || text == "false"
	case Integer:
		i, err := strconv.ParseInt(text, 10, 64)
		return FromInt(i), err == nil
	case Decimal:
		d, ok := fhir.ParseDecimal(text)
		if !ok {
			return Value{}, false
		}
		return FromDecimal(d), true
	case Date, DateTime:
		m, ok := parseMoment(text)
		if !ok || kind == Date && m.prec > precDay {
			return Value{}, false
		}
		return Value{kind: kind, x: m}, true
	case Time:
		m, ok := parseTimeOfDay(text)
		if !ok {
			return Value{}, false
		}
		return Value{kind: Time, x: m}, true
	}
	return Value{}, false
}

// quantity reads a FHIR Quantity. One with a comparator is no definite value
// and stays an element, so that comparing it gives nothing.
func (v Value) quantity() Value {
	q, ok := v.node.Quantity()
	if !ok || q.Comparator != "" {
		return v
	}
	unit := q.Code
	if unit == "" || q.System != "" && q.System != fhir.UCUM {
		unit = q.Unit
	}
	return FromQuantity(q.Value, unit)
}

// Bool gives the value of a Boolean or of a boolean element.
func (v Value) Bool() (value, ok bool) {
	s := v.system()
	return s.num != 0, s.kind == Boolean
}

// Int gives the value of an Integer or of an integer element.
func (v Value) Int() (int64, bool) {
	s := v.system()
	if s.kind != Integer {
		return 0, false
	}
	return s.num, true
}

// Decimal gives the value of a Decimal or an Integer, also of an element.
func (v Value) Decimal() (apd.Decimal, bool) {
	s := v.system()
	d, ok := s.number()
	if !ok {
		return apd.Decimal{}, false
	}
	var out apd.Decimal
	out.Set(d)
	return out, true
}

// Quantity gives value and unit of a Quantity, also of an element.
func (v Value) Quantity() (value apd.Decimal, unit string, ok bool) {
	s := v.system()
	if s.kind != Quantity {
		return apd.Decimal{}, "", false
	}
	value.Set(s.dec())
	return value, s.text, true
}

// number gives an Integer or a Decimal as a decimal.
func (v Value) number() (*apd.Decimal, bool) {
	switch v.kind {
	case Integer, Long:
		return apd.New(v.num, 0), true
	case Decimal:
		return v.dec(), true
	}
	return nil, false
}

// String gives the text of toString(); of a complex element its JSON.
func (v Value) String() string {
	s := v.system()
	switch s.kind {
	case String, TypeInfo:
		return s.text
	case Boolean:
		return strconv.FormatBool(s.num != 0)
	case Integer, Long:
		return strconv.FormatInt(s.num, 10)
	case Decimal:
		return s.dec().Text('f')
	case Date, DateTime, Time:
		return s.moment().String()
	case Quantity:
		if v.kind == Element {
			return string(v.node.JSON())
		}
		if calendar(s.text) != nil {
			return s.dec().Text('f') + " " + s.text
		}
		return s.dec().Text('f') + " '" + s.text + "'"
	case Element:
		return string(s.node.JSON())
	}
	return ""
}

// JSON gives the value as FHIR writes it, with its FHIR type: an element as it
// came, a Quantity with the UCUM system, a Date as "date".
func (v Value) JSON() (json []byte, fhirType string) {
	text := func(s string) []byte {
		return []byte(strings.TrimSuffix(strings.TrimPrefix(string(fhir.NewObject().Set("x", s).JSON()), `{"x":`), "}"))
	}
	switch v.kind {
	case Element:
		return v.node.JSON(), r4().publicName(v.typ)
	case Boolean:
		return []byte(v.String()), "boolean"
	case Integer:
		return []byte(v.String()), "integer"
	case Decimal:
		return []byte(v.String()), "decimal"
	case Date:
		return text(v.String()), "date"
	case DateTime:
		return text(v.String()), "dateTime"
	case Time:
		return text(v.String()), "time"
	case Quantity:
		q := fhir.Quantity{Value: *v.dec(), Unit: v.text, System: fhir.UCUM, Code: v.text}
		if c := calendar(v.text); c != nil {
			q.Code = c.ucum
		}
		return q.Object().JSON(), "Quantity"
	case String, TypeInfo:
		if v.text == "" {
			return []byte(`""`), "string"
		}
		return text(v.text), "string"
	}
	return []byte("null"), ""
}

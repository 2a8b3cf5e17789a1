package fhirpath

import (
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/ucum"
)

// What another language needs to stand on the same values: CQL's numbers,
// moments, quantities and FHIR elements are these.

// FromLong gives a Long.
func FromLong(i int64) Value { return Value{kind: Long, num: i} }

// FromDec gives a Decimal that shares d, which nobody may change afterwards.
func FromDec(d *apd.Decimal) Value { return Value{kind: Decimal, x: d} }

// FromDecUnit gives a Quantity that shares d, which nobody may change afterwards.
func FromDecUnit(d *apd.Decimal, unit string) Value { return Value{kind: Quantity, x: d, text: unit} }

// FromMoment gives a Date, a DateTime or a Time.
func FromMoment(kind Kind, m *Moment) Value { return Value{kind: kind, x: m} }

// FromComposite gives a Composite that holds x.
func FromComposite(x any) Value { return Value{kind: Composite, x: x} }

// FromElement gives the element n as the type t.
func FromElement(n *fhir.Node, t TypeID) Value { return Value{kind: Element, typ: t, node: n} }

// System gives the value of a primitive element, and of a FHIR Quantity, as one
// of FHIRPath's own types. Other values come back as they are.
func (v Value) System() Value { return v.system() }

// Num gives the number of an Integer or a Long, and 0 or 1 for a Boolean; it
// looks into no element.
func (v Value) Num() int64 { return v.num }

// Text gives the characters of a String and the unit of a Quantity; it looks into
// no element.
func (v Value) Text() string { return v.text }

// Dec gives the number of a Decimal or a Quantity. It is shared and must not be
// changed.
func (v Value) Dec() *apd.Decimal {
	d, _ := v.x.(*apd.Decimal)
	return d
}

// Moment gives the moment of a Date, DateTime or Time, nil for other values.
func (v Value) Moment() *Moment {
	m, _ := v.x.(*Moment)
	return m
}

// Composite gives what a Composite holds.
func (v Value) Composite() any {
	if v.kind != Composite {
		return nil
	}
	return v.x
}

// TypeID gives the FHIR type of an element, 0 where it is not known.
func (v Value) TypeID() TypeID { return v.typ }

// Children gives the child elements of that name, typed; of a choice element by
// its base name.
func (v Value) Children(name string) Collection {
	return r4().children(nil, nil, v, name)
}

// AllChildren gives all child elements, typed.
func (v Value) AllChildren() Collection {
	if v.kind != Element {
		return nil
	}
	var out Collection
	m := r4()
	for _, k := range v.node.All() {
		if !k.Empty() && k.Name() != "resourceType" {
			out = append(out, Value{kind: Element, typ: m.ofChild(v.typ, k), node: k})
		}
	}
	return out
}

// Convert gives the value as another of FHIRPath's own types, as the function
// to<Type>() does.
func Convert(v Value, to Kind) (Value, bool) {
	convert, ok := conversions[to.String()]
	if !ok {
		return Value{}, false
	}
	return convert(v)
}

// Calculate computes "+", "-", "*", "/", "div" or "mod" with 34 digits; false for
// a division by zero or a result out of range.
func Calculate(x, y *apd.Decimal, op string) (*apd.Decimal, bool) { return calculate(x, y, op) }

// CompareQuantities orders quantities, a number counting as one of unit 1. Ok is
// false for units that measure different things, known for calendar words against
// UCUM's definite years and months.
func CompareQuantities(a, b Value) (c int, ok, known bool) { return compareQuantities(a, b) }

// EquivalentQuantities compares at the precision of the less precise.
func EquivalentQuantities(a, b Value) bool { return equivalentQuantities(a, b) }

// EquivalentDecimals compares at the precision of the less precise.
func EquivalentDecimals(x, y *apd.Decimal) bool { return equivalentNumbers(x, y) }

// ConvertUnit gives a Quantity in another unit, a UCUM code or a calendar word;
// false where they measure different things or a unit is not known.
func ConvertUnit(q Value, unit string) (Value, bool) {
	if q.kind != Quantity {
		return Value{}, false
	}
	if q.text == unit {
		return q, true
	}
	from, err1 := unitOf(q.text)
	to, err2 := unitOf(unit)
	if err1 != nil || err2 != nil {
		return Value{}, false
	}
	d, err := from.Convert(*q.dec(), to)
	if err != nil {
		return Value{}, false
	}
	return FromQuantity(d, unit), true
}

// ProductUnit gives the unit of a product, or of a quotient.
func ProductUnit(a, b string, quotient bool) (string, bool) {
	u, err1 := unitOf(a)
	v, err2 := unitOf(b)
	if err1 != nil || err2 != nil {
		return "", false
	}
	if quotient {
		return ucum.Quotient(u, v), true
	}
	return ucum.Product(u, v), true
}

// CalendarUnit tells what a word like "days" stands for: its UCUM code, and
// whether that is the same length.
func CalendarUnit(word string) (code string, definite, ok bool) {
	c := calendar(word)
	if c == nil {
		return "", false, false
	}
	return c.ucum, c.definite, true
}

// Precision tells how much of a Moment is known.
type Precision uint8

// The precisions of a Moment.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
	Millisecond
)

// NewMoment makes a moment from a wall clock in UTC; what is finer than the
// precision is cut off. Of a time of day only the clock counts. The offset is in
// minutes east of UTC, and counts only if zone.
func NewMoment(wall time.Time, p Precision, timeOfDay, zone bool, offset int) *Moment {
	m := &Moment{wall: wall, prec: min(precision(p), precSecond), clock: timeOfDay, zone: zone, offset: offset}
	if p == Millisecond {
		m.fraction = 3
		m.wall = m.wall.Truncate(time.Millisecond)
	}
	if timeOfDay {
		m.wall = midnight.Add(m.wall.Sub(time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)))
	}
	m.cut()
	return m
}

// ParseMoment reads a date or dateTime as FHIR and FHIRPath write it.
func ParseMoment(s string) (*Moment, bool) { return parseMoment(s) }

// ParseTimeOfDay reads hh, hh:mm, hh:mm:ss or hh:mm:ss.fff.
func ParseTimeOfDay(s string) (*Moment, bool) { return parseTimeOfDay(s) }

// Wall gives the wall clock as if it were in UTC, the first the moment may mean.
func (m *Moment) Wall() time.Time { return m.wall }

// Precision tells how much of the moment is known.
func (m *Moment) Precision() Precision {
	if m.prec == precSecond && m.fraction > 0 {
		return Millisecond
	}
	return Precision(m.prec)
}

// Zone gives the offset in minutes east of UTC, where one was written.
func (m *Moment) Zone() (offset int, ok bool) { return m.offset, m.zone }

// Fraction gives how many digits of the fraction of a second were written.
func (m *Moment) Fraction() int { return int(m.fraction) }

// IsTime tells whether it is a time of day.
func (m *Moment) IsTime() bool { return m.clock }

// Digits is the number of digits of the precision: 4 for a year, 17 for a
// DateTime to the millisecond.
func (m *Moment) Digits() int { return m.digits() }

// Add moves the moment by n units of a calendar word or its UCUM code, as
// FHIRPath's + does; false outside of the years 1 to 9999 or for other units.
func (m *Moment) Add(n int64, unit string) (*Moment, bool) {
	c := calendar(unit)
	if c == nil {
		for _, word := range []string{"year", "month", "week", "day", "hour", "minute", "second", "millisecond"} {
			if u := calendar(word); u.ucum == unit {
				c = u
			}
		}
	}
	if c == nil || n > 1e12 || n < -1e12 {
		return nil, false
	}
	return m.add(n, c)
}

// TypeID names a type of FHIR R4; 0 is a type that is not known.
type TypeID = typeID

// TypeByName finds a type: "Patient", "code", "Patient.contact".
func TypeByName(name string) (TypeID, bool) {
	t, ok := r4().byName[name]
	return t, ok && t != 0
}

// Name gives the type's name.
func (t typeID) Name() string { return r4().types[t].name }

// Is tells whether the type is, or is derived from, base.
func (t typeID) Is(base TypeID) bool { return base != 0 && r4().is(t, base) }

// Base gives the type that t is derived from, or 0.
func (t typeID) Base() TypeID { return r4().types[t].base }

// Primitive gives what the value of a primitive is, or 0.
func (t typeID) Primitive() Kind {
	if def := &r4().types[t]; def.kind == kindPrimitive {
		return def.system
	}
	return 0
}

// IsResource tells whether the type is one of a resource.
func (t typeID) IsResource() bool { return r4().types[t].kind == kindResource }

// Element finds an element of t or of what t is derived from.
func (t typeID) Element(name string) (types []TypeID, list, ok bool) {
	e := r4().find(t, name)
	if e == nil {
		return nil, false, false
	}
	return e.types, e.list, true
}

// EqualNodes compares elements by their children, whatever the order of the
// members.
func EqualNodes(a, b *fhir.Node) bool { return equalNodes(a, b) }

// Elements lists the elements of the type and of those it is made from, by name.
func (t typeID) Elements() []string {
	m := r4()
	var names []string
	for ; t != 0; t = m.types[t].base {
		for _, e := range m.types[t].elements {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Resources lists the types of resources, by name.
func Resources() []string {
	var names []string
	for _, t := range r4().types {
		if t.kind == kindResource && !t.abstract {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	return names
}

// Functions lists the functions of the language, by name.
func Functions() []string {
	names := slices.Collect(maps.Keys(functions()))
	for name := range typeFunctions {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

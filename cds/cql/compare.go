package cql

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// compare orders two values to a precision; 0 where they have no order.
func (ev *evaluation) compare(a, b Value, prec precision) order {
	a, b = plain(a), plain(b)
	if isNull(a) || isNull(b) {
		return 0
	}
	if x, ok := asInterval(a); ok && x.uncertain {
		return ev.compareUncertain(x, b, prec)
	}
	if y, ok := asInterval(b); ok && y.uncertain {
		return flip(ev.compareUncertain(y, a, prec))
	}
	switch {
	case a.Kind() == fhirpath.Integer && b.Kind() == fhirpath.Integer:
		return orderOf(cmp(a.Num(), b.Num()))
	case a.Kind() == fhirpath.String && b.Kind() == fhirpath.String:
		return orderOf(strings.Compare(a.Text(), b.Text()))
	case a.Kind() == fhirpath.Quantity || b.Kind() == fhirpath.Quantity:
		p, ok1 := toQuantity(a)
		q, ok2 := toQuantity(b)
		if !ok1 || !ok2 {
			return 0
		}
		c, ok, known := compareQuantities(p, q)
		if !ok || !known {
			return 0
		}
		return orderOf(c)
	}
	m, n := a.Moment(), b.Moment()
	if m != nil && n != nil {
		if m.IsTime() != n.IsTime() {
			return 0
		}
		return compareMoments(m, n, prec, ev.offset)
	}
	x, y := numberOf(a), numberOf(b)
	if x == nil || y == nil {
		return 0
	}
	return orderOf(x.Cmp(y))
}

// compareQuantities orders quantities; calendar years and months against UCUM's
// definite ones are not known.
func compareQuantities(p, q Value) (c int, ok, known bool) {
	if p.Text() == q.Text() {
		return p.Dec().Cmp(q.Dec()), true, true
	}
	x, px := calendarMonths(p)
	y, qy := calendarMonths(q)
	if px && qy {
		return x.Cmp(y), true, true
	}
	return fhirpath.CompareQuantities(p, q)
}

// calendarMonths gives calendar years and months in months.
func calendarMonths(q Value) (*apd.Decimal, bool) {
	switch strings.TrimSuffix(q.Text(), "s") {
	case "year":
		return fhirpath.Calculate(q.Dec(), apd.New(12, 0), "*")
	case "month":
		return q.Dec(), true
	}
	return nil, false
}

func cmp(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func flip(o order) order {
	return o&equal | (o&less)<<2 | (o&greater)>>2
}

// compareUncertain orders a number between bounds against another.
func (ev *evaluation) compareUncertain(x *Interval, b Value, prec precision) order {
	lowB, highB := b, b
	if y, ok := asInterval(b); ok {
		lowB, highB = y.Low, y.High
	}
	o := order(0)
	if ev.compare(x.Low, highB, prec)&less != 0 {
		o |= less
	}
	if ev.compare(x.High, lowB, prec)&greater != 0 {
		o |= greater
	}
	if ev.compare(x.Low, highB, prec)&(less|equal) != 0 && ev.compare(x.High, lowB, prec)&(greater|equal) != 0 {
		o |= equal
	}
	return o
}

// equal is "=": unknown where a part is null or precisions leave it open.
func (ev *evaluation) equal(a, b Value) tri {
	if ev.steps++; isNull(a) || isNull(b) {
		return unknown
	}
	if a.Kind() == fhirpath.Element && b.Kind() == fhirpath.Element && a.Node() == b.Node() {
		return yes
	}
	a, b = plain(a), plain(b)
	if isNull(a) || isNull(b) {
		return unknown
	}
	if a.Kind() == fhirpath.Element || b.Kind() == fhirpath.Element {
		if a.Kind() != b.Kind() {
			return no
		}
		return truth(ev.equalNodes(a.Node(), b.Node()))
	}
	if a.Kind() == fhirpath.Composite || b.Kind() == fhirpath.Composite {
		return ev.equalComposites(a, b)
	}
	switch {
	case a.Kind() == fhirpath.Boolean && b.Kind() == fhirpath.Boolean:
		return truth(a.Num() == b.Num())
	case a.Kind() == fhirpath.Quantity && b.Kind() == fhirpath.Quantity:
		c, ok, known := compareQuantities(a, b)
		if !known || !ok {
			return unknown // units that measure different things
		}
		return truth(c == 0)
	}
	o := ev.compare(a, b, precNone)
	if o == 0 {
		return no // of different types
	}
	return o.is(equal)
}

func (ev *evaluation) equalNodes(a, b *fhir.Node) bool {
	ev.steps += 4
	return fhirpath.EqualNodes(a, b)
}

// equalOrBothNull is "=", where null is the same as null.
func (ev *evaluation) equalOrBothNull(a, b Value) tri {
	if isNull(a) && isNull(b) {
		return yes
	}
	return ev.equal(a, b)
}

func (ev *evaluation) equalComposites(a, b Value) tri {
	if o, ok := asInterval(a); ok && o.uncertain {
		return ev.compare(a, b, precNone).is(equal)
	}
	if o, ok := asInterval(b); ok && o.uncertain {
		return ev.compare(a, b, precNone).is(equal)
	}
	switch x := a.Composite().(type) {
	case List:
		y, ok := asList(b)
		if !ok || len(x) != len(y) {
			return no
		}
		for i := range x {
			if ev.spent() {
				return unknown
			}
			if r := ev.equalOrBothNull(x[i], y[i]); r != yes {
				return r
			}
		}
		return yes
	case *Interval:
		y, ok := asInterval(b)
		if !ok {
			return no
		}
		r := ev.equalBounds(x, y, false).and(ev.equalBounds(x, y, true))
		return r
	case *Tuple:
		y, ok := b.Composite().(*Tuple)
		if !ok || len(x.Names) != len(y.Names) || x.Type != y.Type {
			return no
		}
		for i, name := range x.Names {
			if r := ev.equalOrBothNull(x.Values[i], member(b, name)); r != yes {
				return r
			}
		}
		return yes
	case *Code:
		switch y := b.Composite().(type) {
		case *Code:
			return truth(*x == *y)
		case *Concept:
			return truth(len(y.Codes) == 1 && y.Codes[0] == *x)
		}
	case *Concept:
		switch y := b.Composite().(type) {
		case *Concept:
			if len(x.Codes) != len(y.Codes) || x.Display != y.Display {
				return no
			}
			for i := range x.Codes {
				if x.Codes[i] != y.Codes[i] {
					return no
				}
			}
			return yes
		case *Code:
			return ev.equalComposites(b, a)
		}
	case *Ratio:
		if y, ok := b.Composite().(*Ratio); ok {
			return ev.equal(x.Numerator, y.Numerator).and(ev.equal(x.Denominator, y.Denominator))
		}
	case *ValueSet:
		if y, ok := b.Composite().(*ValueSet); ok {
			return truth(x.ID == y.ID && x.Version == y.Version)
		}
	case *CodeSystem:
		if y, ok := b.Composite().(*CodeSystem); ok {
			return truth(x.ID == y.ID && x.Version == y.Version)
		}
	}
	return no
}

func (ev *evaluation) equalBounds(x, y *Interval, high bool) tri {
	a, b := ev.bound(x, high), ev.bound(y, high)
	return ev.equal(a, b)
}

// equivalent is "~": it is always known.
func (ev *evaluation) equivalent(a, b Value) bool {
	ev.steps++
	a, b = plain(a), plain(b)
	if isNull(a) || isNull(b) {
		return isNull(a) && isNull(b)
	}
	if a.Kind() == fhirpath.Element || b.Kind() == fhirpath.Element {
		return a.Kind() == b.Kind() && ev.equalNodes(a.Node(), b.Node())
	}
	if a.Kind() == fhirpath.Composite || b.Kind() == fhirpath.Composite {
		return ev.equivalentComposites(a, b)
	}
	switch {
	case a.Kind() == fhirpath.String && b.Kind() == fhirpath.String:
		fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
		return fold(a.Text()) == fold(b.Text())
	case a.Kind() == fhirpath.Quantity && b.Kind() == fhirpath.Quantity:
		return equivalentQuantities(a, b)
	case a.Moment() != nil && b.Moment() != nil:
		return ev.compare(a, b, precNone) == equal
	case a.Kind() == fhirpath.Decimal || b.Kind() == fhirpath.Decimal:
		x, y := numberOf(a), numberOf(b)
		if x != nil && y != nil && a.Kind() != fhirpath.Quantity && b.Kind() != fhirpath.Quantity {
			return fhirpath.EquivalentDecimals(x, y)
		}
	}
	return ev.equal(a, b) == yes
}

func equivalentQuantities(a, b Value) bool {
	x, okX := calendarDays(a)
	y, okY := calendarDays(b)
	if okX && okY && x.Cmp(y) == 0 {
		return true
	}
	if p, ok := calendarMonths(a); ok {
		if q, ok := calendarMonths(b); ok {
			return p.Cmp(q) == 0
		}
	}
	return fhirpath.EquivalentQuantities(a, b)
}

// calendarDays gives calendar years, months, weeks and days in days, a year being
// 365 and a month 30 of them (CQL, "Time-valued quantities").
func calendarDays(q Value) (*apd.Decimal, bool) {
	days := map[string]int64{"year": 365, "month": 30, "week": 7, "day": 1}[strings.TrimSuffix(q.Text(), "s")]
	if days == 0 {
		return nil, false
	}
	return fhirpath.Calculate(q.Dec(), apd.New(days, 0), "*")
}

func (ev *evaluation) equivalentComposites(a, b Value) bool {
	switch x := a.Composite().(type) {
	case List:
		y, ok := asList(b)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if ev.spent() || !ev.equivalent(x[i], y[i]) {
				return false
			}
		}
		return true
	case *Interval:
		y, ok := asInterval(b)
		return ok && ev.equivalent(ev.bound(x, false), ev.bound(y, false)) && ev.equivalent(ev.bound(x, true), ev.bound(y, true))
	case *Tuple:
		y, ok := b.Composite().(*Tuple)
		if !ok || len(x.Names) != len(y.Names) || x.Type != y.Type {
			return false
		}
		for i, name := range x.Names {
			if !ev.equivalent(x.Values[i], member(b, name)) {
				return false
			}
		}
		return true
	case *Code:
		switch y := b.Composite().(type) {
		case *Code:
			return x.Code == y.Code && x.System == y.System
		case *Concept:
			return ev.equivalentComposites(b, a)
		}
	case *Concept:
		for _, c := range x.Codes {
			switch y := b.Composite().(type) {
			case *Code:
				if c.Code == y.Code && c.System == y.System {
					return true
				}
			case *Concept:
				for _, d := range y.Codes {
					if c.Code == d.Code && c.System == d.System {
						return true
					}
				}
			}
		}
		return false
	case *Ratio:
		y, ok := b.Composite().(*Ratio)
		if !ok {
			return false
		}
		p, ok1 := divideQuantities(x.Numerator, x.Denominator)
		q, ok2 := divideQuantities(y.Numerator, y.Denominator)
		return ok1 && ok2 && equivalentQuantities(p, q)
	}
	return ev.equal(a, b) == yes
}

// sortLess orders values for a sort: null first, and what has no known order by
// what is known of it.
func (ev *evaluation) sortOrder(a, b Value) (int, bool) {
	a, b = plain(a), plain(b)
	switch {
	case isNull(a) && isNull(b):
		return 0, true
	case isNull(a):
		return -1, true
	case isNull(b):
		return 1, true
	}
	switch ev.compare(a, b, precNone) {
	case less:
		return -1, true
	case greater:
		return 1, true
	case equal:
		return 0, true
	}
	if m, n := a.Moment(), b.Moment(); m != nil && n != nil {
		if c := shifted(m, ev.offset).Compare(shifted(n, ev.offset)); c != 0 {
			return c, true
		}
		return int(m.Precision()) - int(n.Precision()), true
	}
	if a.Kind() == fhirpath.Boolean && b.Kind() == fhirpath.Boolean {
		return cmp(a.Num(), b.Num()), true
	}
	return 0, false
}

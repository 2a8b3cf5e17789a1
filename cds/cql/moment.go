package cql

import (
	"strings"
	"time"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// Moments. A DateTime without an offset has that of the evaluation; CQL knows
// milliseconds and nothing finer.

// millis cuts a moment to milliseconds.
func millis(m *fhirpath.Moment) *fhirpath.Moment {
	if n := m.Fraction(); n == 0 || n == 3 {
		return m
	}
	offset, zone := m.Zone()
	return fhirpath.NewMoment(m.Wall(), m.Precision(), m.IsTime(), zone, offset)
}

// parseDateTime reads a DateTime, also of a day or less.
func parseDateTime(s string) (*fhirpath.Moment, bool) {
	m, ok := fhirpath.ParseMoment(s)
	if !ok || strings.Contains(s, ":60") {
		return nil, false
	}
	return millis(m), true
}

// parseTime reads a time of day without offset.
func parseTime(s string) (*fhirpath.Moment, bool) {
	m, ok := fhirpath.ParseTimeOfDay(s)
	if !ok || len(s) >= 8 && s[6:8] == "60" {
		return nil, false
	}
	return millis(m), true
}

// fields of a moment from the year to the millisecond.
func fieldsOf(w time.Time) [7]int {
	y, mo, d := w.Date()
	h, mi, s := w.Clock()
	return [7]int{y, int(mo), d, h, mi, s, w.Nanosecond() / int(time.Millisecond)}
}

// shifted gives the wall clock at another offset, where the moment has hours.
func shifted(m *fhirpath.Moment, offset int) time.Time {
	own, zone := m.Zone()
	if m.IsTime() || m.Precision() < fhirpath.Hour || !zone || own == offset {
		return m.Wall()
	}
	return m.Wall().Add(time.Duration(offset-own) * time.Minute)
}

// order tells how a value may stand to another: a set of less, equal and greater.
// One of them means that it is known; none that nothing can be said.
type order uint8

const (
	less order = 1 << iota
	equal
	greater
	anyOrder = less | equal | greater
)

func orderOf(c int) order {
	switch {
	case c < 0:
		return less
	case c > 0:
		return greater
	}
	return equal
}

// is tells whether the order lies in the set for certain.
func (o order) is(set order) tri {
	switch {
	case o == 0:
		return unknown
	case o&^set == 0:
		return yes
	case o&set == 0:
		return no
	}
	return unknown
}

// compareMoments compares to a precision, or as far as both go.
func compareMoments(a, b *fhirpath.Moment, prec precision, offset int) order {
	x, y := a.Wall(), b.Wall()
	if prec == precNone || prec >= precHour {
		za, oka := a.Zone()
		zb, okb := b.Zone()
		if oka && !okb || okb && !oka || za != zb {
			x, y = shifted(a, offset), shifted(b, offset)
		}
	}
	p, q := fieldsOf(x), fieldsOf(y)
	first := 0
	if a.IsTime() {
		first = 3
	}
	last := 7
	if prec != precNone {
		last = int(prec)
	}
	for i := first; i < last; i++ {
		haveA, haveB := i < int(a.Precision()), i < int(b.Precision())
		if !haveA && !haveB && prec == precNone {
			return equal
		}
		if !haveA || !haveB {
			return anyOrder
		}
		if p[i] != q[i] {
			return orderOf(p[i] - q[i])
		}
	}
	return equal
}

// span gives the first and the last millisecond that a moment may mean. A Date is
// its day and no less.
func span(m *fhirpath.Moment, isDate bool, offset int) (low, high time.Time) {
	low = shifted(m, offset)
	switch m.Precision() {
	case fhirpath.Year:
		high = low.AddDate(1, 0, 0)
	case fhirpath.Month:
		high = low.AddDate(0, 1, 0)
	case fhirpath.Day:
		high = low.AddDate(0, 0, 1)
	case fhirpath.Hour:
		high = low.Add(time.Hour)
	case fhirpath.Minute:
		high = low.Add(time.Minute)
	default:
		// A second is a point: it and its fraction are one precision.
		return low, low
	}
	if isDate {
		return low, high.AddDate(0, 0, -1)
	}
	return low, high.Add(-time.Millisecond)
}

// between gives the whole periods between two moments, or the boundaries that are
// crossed; an uncertain number where the precision of the moments leaves it open.
func between(a, b Value, prec precision, count func(x, y time.Time, prec precision) int64, offset int) Value {
	dates := a.Kind() == fhirpath.Date && b.Kind() == fhirpath.Date
	aLow, aHigh := span(a.Moment(), dates, offset)
	bLow, bHigh := span(b.Moment(), dates, offset)
	low, high := count(aHigh, bLow, prec), count(aLow, bHigh, prec)
	return uncertain(low, high)
}

// uncertain gives a number that lies between two.
func uncertain(low, high int64) Value {
	if low == high {
		return fhirpath.FromInt(low)
	}
	return composite(&Interval{Low: fhirpath.FromInt(low), High: fhirpath.FromInt(high), LowClosed: true, HighClosed: true, point: typeInteger, uncertain: true})
}

func periods(x, y time.Time, prec precision) int64 {
	if y.Before(x) {
		return -periods(y, x, prec)
	}
	switch prec {
	case precYear, precMonth:
		p, q := fieldsOf(x), fieldsOf(y)
		months := int64(q[0]-p[0])*12 + int64(q[1]-p[1])
		for i := 2; i < 7; i++ {
			day := p[i]
			if i == 2 && q[2] == fhir.DaysIn(q[0], q[1]) && day > q[2] {
				day = q[2] // 31 January and a month is the last of February
			}
			if q[i] != day {
				if q[i] < day {
					months--
				}
				break
			}
		}
		if prec == precYear {
			return months / 12
		}
		return months
	}
	return int64(y.Sub(x) / unitOf(prec))
}

func unitOf(prec precision) time.Duration {
	switch prec {
	case precWeek:
		return 7 * 24 * time.Hour
	case precDay:
		return 24 * time.Hour
	case precHour:
		return time.Hour
	case precMinute:
		return time.Minute
	case precSecond:
		return time.Second
	}
	return time.Millisecond
}

// boundaries counts how often a boundary of the precision lies between.
func boundaries(x, y time.Time, prec precision) int64 {
	p, q := fieldsOf(x), fieldsOf(y)
	switch prec {
	case precYear:
		return int64(q[0] - p[0])
	case precMonth:
		return int64(q[0]-p[0])*12 + int64(q[1]-p[1])
	case precWeek, precDay:
		day := func(t time.Time) time.Time {
			y, m, d := t.Date()
			t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
			if prec == precWeek {
				t = t.AddDate(0, 0, -int(t.Weekday())) // weeks begin on Sunday
			}
			return t
		}
		return int64(day(y).Sub(day(x)) / unitOf(prec))
	}
	unit := unitOf(prec)
	return int64(y.Truncate(unit).Sub(x.Truncate(unit)) / unit)
}

// step gives the next or the one before of a moment, at its own precision.
func step(v Value, by int64) (Value, bool) {
	m := v.Moment()
	word := precision(m.Precision()).String()
	if m.IsTime() {
		next := m.Wall().Add(time.Duration(by) * unitOf(precision(m.Precision())))
		if next.Day() != m.Wall().Day() {
			return null, false
		}
	}
	next, ok := m.Add(by, word)
	if !ok {
		return null, false
	}
	return fhirpath.FromMoment(v.Kind(), next), true
}

// addQuantity moves a moment by a quantity of time.
func addQuantity(v, q Value, sign int64) (Value, bool, bool) {
	unit := calendarWord(q.Text())
	if _, _, ok := fhirpath.CalendarUnit(unit); !ok {
		return null, false, false
	}
	d := q.Dec()
	n, ok := whole(d)
	if word := strings.TrimSuffix(unit, "s"); word == "second" && d.Exponent < 0 {
		var ms Value
		if ms, ok = fhirpath.ConvertUnit(q, "ms"); ok {
			n, ok = whole(ms.Dec())
			unit = "millisecond"
		}
	}
	if !ok {
		return null, false, true
	}
	m := v.Moment()
	// What a time of day gains beyond midnight begins anew.
	out, ok := m.Add(sign*n, unit)
	if !ok {
		return null, false, true
	}
	return fhirpath.FromMoment(v.Kind(), out), true, true
}

// momentMember gives a component under its name; FHIRPath's spelling.
func momentMember(v Value, name string) Value {
	if p, ok := precisionWords[name]; ok && v.Moment() != nil {
		return component(v, p)
	}
	return null
}

func component(v Value, p precision) Value {
	m := v.Moment()
	if m == nil || p > precMilli || int(m.Precision()) < int(p) || m.IsTime() && p < precHour {
		return null
	}
	return fhirpath.FromInt(int64(fieldsOf(m.Wall())[p-1]))
}

// makeMoment builds a Date, DateTime or Time of components; false where one is out
// of range.
func makeMoment(kind fhirpath.Kind, parts []int, zone bool, offset int) (Value, bool) {
	f := [7]int{1, 1, 1, 0, 0, 0, 0}
	first := 0
	if kind == fhirpath.Time {
		first = 3
		f[0] = 2000
	}
	copy(f[first:], parts)
	p := fhirpath.Precision(first + len(parts))
	if f[0] < 1 || f[0] > 9999 || f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > fhir.DaysIn(f[0], f[1]) ||
		f[3] < 0 || f[3] > 23 || f[4] < 0 || f[4] > 59 || f[5] < 0 || f[5] > 59 || f[6] < 0 || f[6] > 999 {
		return null, false
	}
	wall := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], f[6]*int(time.Millisecond), time.UTC)
	return fhirpath.FromMoment(kind, fhirpath.NewMoment(wall, p, kind == fhirpath.Time, zone, offset)), true
}

// atPrecision cuts a moment to a precision, or fills it up from its first or last
// millisecond.
func atPrecision(v Value, p fhirpath.Precision, high bool) Value {
	m := v.Moment()
	wall := m.Wall()
	if high {
		if _, wall = span(m, v.Kind() == fhirpath.Date, 0); m.Precision() == fhirpath.Second {
			wall = wall.Add(999 * time.Millisecond)
		}
		if offset, zone := m.Zone(); zone && m.Precision() >= fhirpath.Hour {
			wall = wall.Add(time.Duration(offset) * time.Minute)
		}
	}
	offset, zone := m.Zone()
	return fhirpath.FromMoment(v.Kind(), fhirpath.NewMoment(wall, p, m.IsTime(), zone, offset))
}

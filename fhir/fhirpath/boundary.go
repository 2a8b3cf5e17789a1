package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// Boundaries and precision: the least and greatest value that a number or a
// moment of limited precision may stand for.

// maxPlaces is the most decimals that a boundary is given in.
const maxPlaces = 28

func boundaryFunctions() map[string]function {
	return map[string]function{
		"lowBoundary":  {max: 1, strict: boundary(false)},
		"highBoundary": {max: 1, strict: boundary(true)},
		"precision": {strict: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			v, ok, err := ev.single(in, e.pos, "the input of precision()")
			if err != nil || !ok {
				return set{}, err
			}
			switch v.kind {
			case Decimal:
				return ev.one(FromInt(int64(max(0, -v.dec().Exponent)))), nil
			case Integer:
				return ev.one(FromInt(0)), nil
			case Date, DateTime, Time:
				return ev.one(FromInt(int64(v.moment().digits()))), nil
			}
			return set{}, nil
		}},
	}
}

func boundary(high bool) func(ev *evaluation, e *expr, in set, args []set) (set, error) {
	return func(ev *evaluation, e *expr, in set, args []set) (set, error) {
		v, ok, err := ev.single(in, e.pos, "the input of "+e.name+"()")
		if err != nil || !ok {
			return set{}, err
		}
		places, given := int64(0), false
		if len(args) > 0 {
			if places, given, err = ev.integer(args[0], e.pos, "the precision"); err != nil {
				return set{}, err
			}
		}
		switch v.kind {
		case Integer, Decimal, Quantity:
			if !given {
				places = 8
			}
			x, isNumber := v.number()
			if !isNumber {
				x = v.dec()
			}
			d, ok := decimalBoundary(x, places, high)
			if !ok {
				return set{}, nil
			}
			if v.kind == Quantity {
				return ev.one(Value{kind: Quantity, x: d, text: v.text}), nil
			}
			return ev.one(Value{kind: Decimal, x: d}), nil
		case Date, DateTime, Time:
			if !given {
				places = map[Kind]int64{Date: 8, DateTime: 17, Time: 9}[v.kind]
			}
			m, ok := v.moment().boundary(places, high, v.kind)
			if !ok {
				return set{}, nil
			}
			return ev.one(Value{kind: v.kind, x: m}), nil
		}
		return set{}, ev.fail(e.pos, "a %s has no boundary", v.kind)
	}
}

// decimalBoundary moves x by half a unit of its last place and gives it with
// that many decimals. As the official tests have it, the boundary away from
// zero is rounded half up and the one towards zero is cut.
func decimalBoundary(x *apd.Decimal, places int64, high bool) (*apd.Decimal, bool) {
	if places < 0 || places > maxPlaces {
		return nil, false
	}
	ctx := wide
	ctx.Precision = 100
	half := apd.New(5, min(x.Exponent, 0)-1)
	d := new(apd.Decimal)
	var err error
	if high {
		_, err = ctx.Add(d, x, half)
	} else {
		_, err = ctx.Sub(d, x, half)
	}
	if err != nil {
		return nil, false
	}
	ctx.Rounding = apd.RoundHalfUp
	if high == x.Negative {
		ctx.Rounding = apd.RoundDown
	}
	if !quantize(&ctx, d, d, -int32(places)) {
		return nil, false
	}
	return d, true
}

// digits is the precision of a moment: the number of its digits.
func (m *Moment) digits() int {
	n := map[precision]int{precYear: 4, precMonth: 6, precDay: 8, precHour: 10, precMinute: 12, precSecond: 14}[m.prec]
	if m.prec == precSecond && m.fraction > 0 {
		n = 17
	}
	if m.clock {
		n -= 8
	}
	return n
}

// boundary gives the first or last moment that m may mean, to a number of
// digits. Without a zone the first is that of UTC+14, the last of UTC-12.
func (m *Moment) boundary(places int64, high bool, kind Kind) (*Moment, bool) {
	if m.clock {
		places += 8
	}
	prec, ok := map[int64]precision{4: precYear, 6: precMonth, 8: precDay, 10: precHour, 12: precMinute, 14: precSecond, 17: precSecond}[places]
	if !ok || kind == Date && places > 8 || m.clock && places < 10 {
		return nil, false
	}
	out := *m
	switch {
	case !high:
	case m.prec == precSecond && m.fraction == 0:
		out.wall = m.wall.Add(999 * time.Millisecond)
	case m.prec < precSecond:
		out.wall = m.end().Add(-time.Millisecond)
	}
	out.prec, out.fraction = prec, 0
	if places == 17 {
		out.fraction = 3
	}
	out.cut()
	switch {
	case prec <= precDay:
		out.zone, out.offset = false, 0
	case !m.clock && !m.zone:
		out.zone, out.offset = true, eastmost
		if high {
			out.offset = westmost
		}
	}
	return &out, true
}

// cut takes off what is finer than the precision.
func (m *Moment) cut() {
	y, mo, d := m.wall.Date()
	h, mi, s := m.wall.Clock()
	n := m.wall.Nanosecond()
	if m.fraction == 0 {
		n = 0
	}
	if m.prec < precSecond {
		s = 0
	}
	if m.prec < precMinute {
		mi = 0
	}
	if m.prec < precHour {
		h = 0
	}
	if m.prec < precDay {
		d = 1
	}
	if m.prec < precMonth {
		mo = 1
	}
	d = min(d, fhir.DaysIn(y, int(mo)))
	m.wall = time.Date(y, mo, d, h, mi, s, n, time.UTC)
}

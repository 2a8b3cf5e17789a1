package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/ucum"
)

// wide is the context of decimal arithmetic: the precision of IEEE decimal128,
// and exponents small enough that no operation takes much memory.
var wide = apd.Context{Precision: 34, MaxExponent: 400, MinExponent: -400, Rounding: apd.RoundHalfUp}

// quantize gives x with 10^exp as its last place, rounded as c does; false where
// that takes more digits than c has.
func quantize(c *apd.Context, d, x *apd.Decimal, exp int32) bool {
	_, err := c.Quantize(d, x, exp)
	return err == nil && d.Form == apd.Finite
}

// concatenation is &: an empty operand counts as ”.
func concatenation(ev *evaluation, l, r set, e *expr) (set, error) {
	a, _, err := ev.str(l, e.pos, "the left side")
	if err != nil {
		return set{}, err
	}
	b, _, err := ev.str(r, e.pos, "the right side")
	if err != nil {
		return set{}, err
	}
	return ev.text(a+b, e.pos)
}

// arithmetic is + - * / div mod.
func arithmetic(ev *evaluation, l, r set, e *expr) (set, error) {
	a, ok1, err := ev.single(l, e.pos, "the left side")
	if err != nil {
		return set{}, err
	}
	b, ok2, err := ev.single(r, e.pos, "the right side")
	if err != nil || !ok1 || !ok2 {
		return set{}, err
	}
	switch {
	case a.kind == String && b.kind == String && e.name == "+":
		return ev.text(a.text+b.text, e.pos)
	case isMoment(a.kind) && b.kind == Quantity && (e.name == "+" || e.name == "-"):
		return ev.addTime(a, b, e)
	case a.kind == Integer && b.kind == Integer && e.name != "/":
		return ev.integers(a.num, b.num, e.name), nil
	case a.kind == Quantity || b.kind == Quantity:
		return ev.quantities(a, b, e)
	}
	x, ok1 := a.number()
	y, ok2 := b.number()
	if !ok1 || !ok2 {
		return set{}, ev.fail(e.pos, "%s has no meaning for a %s and a %s", e.name, a.kind, b.kind)
	}
	d, ok := calculate(x, y, e.name)
	if !ok {
		return set{}, nil
	}
	if e.name == "div" {
		if i, err := d.Int64(); err == nil {
			return ev.one(FromInt(i)), nil
		}
		return set{}, nil
	}
	return ev.one(Value{kind: Decimal, x: d}), nil
}

// integers computes on integers; an overflow and a division by zero are empty.
func (ev *evaluation) integers(a, b int64, op string) set {
	var c int64
	ok := true
	switch op {
	case "+":
		c = a + b
		ok = (c > a) == (b > 0)
	case "-":
		c = a - b
		ok = (c < a) == (b > 0)
	case "*":
		c = a * b
		ok = a == 0 || c/a == b && !(a == -1 && b == -1<<63)
	default:
		if b == 0 || a == -1<<63 && b == -1 {
			return set{}
		}
		if op == "div" {
			c = a / b
		} else {
			c = a % b
		}
	}
	if !ok {
		return set{}
	}
	return ev.one(FromInt(c))
}

// calculate computes on decimals; false for a division by zero or a result out
// of range.
func calculate(x, y *apd.Decimal, op string) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	var err error
	var cond apd.Condition
	switch op {
	case "+":
		cond, err = wide.Add(d, x, y)
	case "-":
		cond, err = wide.Sub(d, x, y)
	case "*":
		cond, err = wide.Mul(d, x, y)
	case "/":
		if y.IsZero() {
			return nil, false
		}
		cond, err = wide.Quo(d, x, y)
		d.Reduce(d)
	case "div":
		if y.IsZero() {
			return nil, false
		}
		cond, err = wide.QuoInteger(d, x, y)
	case "mod":
		if y.IsZero() {
			return nil, false
		}
		cond, err = wide.Rem(d, x, y)
	}
	if err != nil || cond.Overflow() || d.Form != apd.Finite {
		return nil, false
	}
	if d.Exponent > 0 {
		// 1E+2 is written 100, as FHIR writes decimals.
		if !quantize(&wide, d, d, 0) {
			return nil, false
		}
	}
	return d, true
}

// quantities computes on quantities. Units that cannot be added give an empty
// result; numbers count as quantities of unit 1 in a product.
func (ev *evaluation) quantities(a, b Value, e *expr) (set, error) {
	if e.name == "*" || e.name == "/" {
		a, b = toQuantity(a), toQuantity(b)
	}
	if a.kind != Quantity || b.kind != Quantity || e.name == "div" || e.name == "mod" {
		return set{}, ev.fail(e.pos, "%s has no meaning for a %s and a %s", e.name, a.kind, b.kind)
	}
	u, err1 := unitOf(a.text)
	v, err2 := unitOf(b.text)
	if e.name == "+" || e.name == "-" {
		right := *b.dec()
		if a.text != b.text {
			ca, cb := calendar(a.text), calendar(b.text)
			if err1 != nil || err2 != nil || indefinite(ca) != indefinite(cb) {
				return set{}, nil
			}
			var err error
			if right, err = v.Convert(right, u); err != nil {
				return set{}, nil
			}
		}
		d, ok := calculate(a.dec(), &right, e.name)
		if !ok {
			return set{}, nil
		}
		return ev.one(Value{kind: Quantity, x: d, text: a.text}), nil
	}
	if err1 != nil || err2 != nil {
		return set{}, nil
	}
	d, ok := calculate(a.dec(), b.dec(), e.name)
	if !ok {
		return set{}, nil
	}
	unit := ucum.Product(u, v)
	if e.name == "/" {
		unit = ucum.Quotient(u, v)
	}
	return ev.one(Value{kind: Quantity, x: d, text: unit}), nil
}

// addTime adds a time-valued quantity to a Date, DateTime or Time. The
// fraction of the quantity is dropped (N1, "Date/Time Arithmetic").
func (ev *evaluation) addTime(v, q Value, e *expr) (set, error) {
	c := calendar(q.text)
	if c == nil {
		for _, word := range []string{"week", "day", "hour", "minute", "second", "millisecond"} {
			if u := calendar(word); u.ucum == q.text {
				c = u
			}
		}
	}
	if c == nil {
		return set{}, ev.fail(e.pos, "%q is no unit of calendar time", clip(q.text))
	}
	var whole apd.Decimal
	if !quantize(&truncating, &whole, q.dec(), 0) {
		return set{}, nil
	}
	n, err := whole.Int64()
	if err != nil || n > 1e12 || n < -1e12 {
		return set{}, nil
	}
	if e.name == "-" {
		n = -n
	}
	m, ok := v.moment().add(n, c)
	if !ok {
		return set{}, nil
	}
	return ev.one(Value{kind: v.kind, x: m}), nil
}

var truncating = apd.Context{Precision: 34, MaxExponent: 400, MinExponent: -400, Rounding: apd.RoundDown}

// add gives m moved by n units; a unit finer than the precision of m is
// reckoned in that precision, days as 1/30 month and 1/365 year. It is false
// outside the years 1 to 9999.
func (m *Moment) add(n int64, c *calendarUnit) (*Moment, bool) {
	const (
		dayMillis = 86_400_000
		most      = 10_000 * 366 * dayMillis
	)
	if limit := int64(most) / max(c.millis, 1); c.millis > 0 && (n > limit || n < -limit) {
		return nil, false
	}
	out := *m
	days := n * c.millis / dayMillis
	rest := time.Duration(n*c.millis%dayMillis) * time.Millisecond
	if m.clock {
		h, mi, s := m.wall.Add(rest).Clock()
		nano := m.wall.Add(rest).Nanosecond()
		out.wall = midnight.Add(time.Duration(h)*time.Hour + time.Duration(mi)*time.Minute + time.Duration(s)*time.Second + time.Duration(nano))
		return &out, c.months == 0
	}
	months := n * int64(c.months)
	switch m.prec {
	case precYear:
		months = (months/12 + days/365) * 12
		days, rest = 0, 0
	case precMonth:
		months += days / 30
		days, rest = 0, 0
	case precDay:
		rest = 0
	}
	year, month, day := out.wall.Date()
	total := int64(year)*12 + int64(month) - 1 + months
	y, mo := int(total/12), int(total%12)+1
	if total < 12 || y > 9999 {
		return nil, false
	}
	if months != 0 {
		// 31 January and a month is the last of February.
		day = min(day, fhir.DaysIn(y, mo))
	}
	h, mi, s := out.wall.Clock()
	out.wall = time.Date(y, time.Month(mo), day+int(days), h, mi, s, out.wall.Nanosecond(), time.UTC).Add(rest)
	if y := out.wall.Year(); y < 1 || y > 9999 {
		return nil, false
	}
	return &out, true
}

// sign compiles unary + and -.
func (c *compiler) sign(e *expr) (eval, error) {
	operand, err := c.compile(e.args[0])
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := operand(ev, f)
		if err != nil {
			return set{}, err
		}
		if s.unknown != 0 {
			return undetermined(s.unknown), nil
		}
		v, ok, err := ev.single(s, e.pos, "the operand")
		if err != nil || !ok {
			return set{}, err
		}
		switch v.kind {
		case Integer, Decimal, Quantity:
			if e.name == "+" {
				return ev.one(v), nil
			}
		default:
			return set{}, ev.fail(e.pos, "a %s has no sign", v.kind)
		}
		if v.kind == Integer {
			if v.num == -1<<63 {
				return set{}, nil
			}
			v.num = -v.num
			return ev.one(v), nil
		}
		d := new(apd.Decimal)
		d.Neg(v.dec())
		v.x = d
		return ev.one(v), nil
	}, nil
}

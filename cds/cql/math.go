package cql

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// sameKind gives d as a number of the kind of like.
func sameKind(like Value, d *apd.Decimal) Value {
	switch like.Kind() {
	case fhirpath.Quantity:
		return fhirpath.FromDecUnit(d, like.Text())
	case fhirpath.Integer, fhirpath.Long:
		n, err := d.Int64()
		if err != nil {
			return null
		}
		if like.Kind() == fhirpath.Long {
			return fhirpath.FromLong(n)
		}
		return integer(n)
	}
	return fhirpath.FromDec(d)
}

func negate(ev *evaluation, _ *site, a []Value) (Value, error) {
	if i, ok := asInterval(a[0]); ok && i.uncertain {
		v, _ := ev.calculateUncertain(fhirpath.FromInt(0), a[0], "-")
		return v, nil
	}
	x := numberOf(a[0])
	if x == nil {
		return null, nil
	}
	if x.IsZero() {
		return a[0], nil
	}
	d := new(apd.Decimal)
	d.Neg(x)
	return sameKind(a[0], d), nil
}

func absolute(_ *evaluation, _ *site, a []Value) (Value, error) {
	x := numberOf(a[0])
	if x == nil {
		return null, nil
	}
	d := new(apd.Decimal)
	d.Abs(x)
	return sameKind(a[0], d), nil
}

// What functions that compute for long count as, in steps.
const (
	costPower     = 1000
	costLogarithm = 100
)

// power of whole numbers is whole, but for a negative exponent.
func power(ev *evaluation, _ *site, a []Value) (Value, error) {
	if err := ev.work(costPower); err != nil {
		return null, err
	}
	x, y := numberOf(a[0]), numberOf(a[1])
	if x == nil || y == nil {
		return null, nil
	}
	if y.IsZero() {
		return sameKind(a[0], apd.New(1, 0)), nil
	}
	if y.Exponent > 6 || y.Cmp(apd.New(100_000, 0)) > 0 || y.Cmp(apd.New(-100_000, 0)) < 0 {
		if x.Cmp(apd.New(1, 0)) == 0 {
			return a[0], nil
		}
		return null, nil
	}
	ctx := exact
	ctx.Precision, ctx.MaxExponent, ctx.MinExponent = 60, 2000, -2000
	d := new(apd.Decimal)
	if cond, err := ctx.Pow(d, x, y); err != nil || cond.Overflow() || d.Form != apd.Finite {
		if d.Form == apd.Finite && cond.Underflow() {
			return fhirpath.FromDec(apd.New(0, 0)), nil
		}
		return null, nil
	}
	wholeNumbers := a[0].Kind() != fhirpath.Decimal && a[1].Kind() != fhirpath.Decimal
	if wholeNumbers && !y.Negative {
		out := new(apd.Decimal)
		if _, err := exact.Quantize(out, d, 0); err != nil {
			return null, nil
		}
		return sameKind(a[0], out), nil
	}
	d.Reduce(d)
	v, _ := decimal(d)
	return v, nil
}

func rounded(how string) runner {
	ctx := exact
	switch how {
	case "ceiling":
		ctx.Rounding = apd.RoundCeiling
	case "floor":
		ctx.Rounding = apd.RoundFloor
	default:
		ctx.Rounding = apd.RoundDown
	}
	return func(_ *evaluation, _ *site, a []Value) (Value, error) {
		x := numberOf(a[0])
		var d apd.Decimal
		if x == nil {
			return null, nil
		}
		c := ctx
		if _, err := c.Quantize(&d, x, 0); err != nil {
			return null, nil
		}
		n, err := d.Int64()
		if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
			return null, nil
		}
		return fhirpath.FromInt(n), nil
	}
}

func round(_ *evaluation, _ *site, a []Value) (Value, error) {
	x := numberOf(plain(a[0]))
	if x == nil {
		return null, nil
	}
	digits := int64(0)
	if len(a) > 1 && !isNull(a[1]) {
		digits = plain(a[1]).Num()
	}
	if digits < -28 || digits > 28 {
		return null, nil
	}
	d := new(apd.Decimal)
	if _, err := exact.Quantize(d, x, -int32(digits)); err != nil {
		return null, nil
	}
	if d.IsZero() {
		d.Negative = false
	}
	v, _ := decimal(d)
	return v, nil
}

var wide = apd.Context{Precision: 40, MaxExponent: 400, MinExponent: -400, Rounding: apd.RoundHalfUp}

func logarithm(ev *evaluation, s *site, a []Value) (Value, error) {
	if err := ev.work(costLogarithm); err != nil {
		return null, err
	}
	x := numberOf(a[0])
	switch {
	case x == nil || x.Negative && !x.IsZero():
		return null, nil
	case x.IsZero():
		return null, s.fail(issue.Processing, "Ln(0) is no number")
	}
	d := new(apd.Decimal)
	c := wide
	if _, err := c.Ln(d, x); err != nil {
		return null, nil
	}
	v, _ := decimal(d)
	return v, nil
}

func exponential(ev *evaluation, s *site, a []Value) (Value, error) {
	if err := ev.work(costLogarithm); err != nil {
		return null, err
	}
	x := numberOf(a[0])
	if x == nil {
		return null, nil
	}
	if x.Cmp(apd.New(70, 0)) > 0 {
		return null, s.fail(issue.Processing, "Exp: the result is out of range")
	}
	if x.Cmp(apd.New(-100, 0)) < 0 {
		return fhirpath.FromDec(apd.New(0, 0)), nil
	}
	d := new(apd.Decimal)
	c := wide
	if _, err := c.Exp(d, x); err != nil {
		return null, nil
	}
	v, ok := decimal(d)
	if !ok {
		return null, s.fail(issue.Processing, "Exp: the result is out of range")
	}
	return v, nil
}

func logBase(ev *evaluation, _ *site, a []Value) (Value, error) {
	if err := ev.work(2 * costLogarithm); err != nil {
		return null, err
	}
	x, y := numberOf(a[0]), numberOf(a[1])
	if x == nil || y == nil || x.Sign() <= 0 || y.Sign() <= 0 {
		return null, nil
	}
	c := wide
	p, q, d := new(apd.Decimal), new(apd.Decimal), new(apd.Decimal)
	if _, err := c.Ln(p, x); err != nil {
		return null, nil
	}
	if _, err := c.Ln(q, y); err != nil || q.IsZero() {
		return null, nil
	}
	if _, err := c.Quo(d, p, q); err != nil {
		return null, nil
	}
	v, ok := decimal(d)
	if ok {
		r := new(apd.Decimal)
		r.Reduce(v.Dec())
		v, _ = decimal(r)
	}
	return v, nil
}

func precisionOf(_ *evaluation, _ *site, a []Value) (Value, error) {
	if m := a[0].Moment(); m != nil {
		return fhirpath.FromInt(int64(m.Digits())), nil
	}
	if d := numberOf(a[0]); d != nil {
		return fhirpath.FromInt(int64(places(d))), nil
	}
	return null, nil
}

// boundary gives the least or greatest value that one of limited precision stands
// for, at another precision.
func boundary(high bool) runner {
	return func(_ *evaluation, _ *site, a []Value) (Value, error) {
		v := plain(a[0])
		if isNull(v) {
			return null, nil
		}
		digits, given := int64(0), !isNull(a[1])
		if given {
			digits = plain(a[1]).Num()
		}
		if m := v.Moment(); m != nil {
			if !given {
				digits = map[fhirpath.Kind]int64{fhirpath.Date: 8, fhirpath.DateTime: 17, fhirpath.Time: 9}[v.Kind()]
			}
			if m.IsTime() {
				digits += 8
			}
			p, ok := map[int64]fhirpath.Precision{
				4: fhirpath.Year, 6: fhirpath.Month, 8: fhirpath.Day, 10: fhirpath.Hour, 12: fhirpath.Minute, 14: fhirpath.Second, 17: fhirpath.Millisecond,
			}[digits]
			if !ok || v.Kind() == fhirpath.Date && p > fhirpath.Day || m.IsTime() && p < fhirpath.Hour {
				return null, nil
			}
			return atPrecision(v, p, high), nil
		}
		x := numberOf(v)
		if !given {
			digits = scale
		}
		if x == nil || digits < 0 || digits > scale {
			return null, nil
		}
		ctx := exact
		ctx.Rounding = apd.RoundDown
		d := new(apd.Decimal)
		if places(x) < int32(digits) && high != x.Negative {
			last := apd.New(1, -places(x))
			if x.Negative {
				last.Negative = true
			}
			exact.Add(d, x, last)
			least := apd.New(1, -int32(digits))
			if x.Negative {
				exact.Add(d, d, least)
			} else {
				exact.Sub(d, d, least)
			}
		} else if _, err := ctx.Quantize(d, x, -int32(digits)); err != nil {
			return null, nil
		}
		out, _ := decimal(d)
		return out, nil
	}
}

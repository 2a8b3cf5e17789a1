package cql

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
)

// decimals of a CQL Decimal.
const scale = 8

var (
	exact    = apd.Context{Precision: 100, MaxExponent: 400, MinExponent: -400, Rounding: apd.RoundHalfUp}
	maxWhole = apd.New(1, 28) // the greatest number; beyond it is an overflow
)

// decimal gives d as CQL keeps it: at most eight decimals; false when it is out of
// range.
func decimal(d *apd.Decimal) (Value, bool) {
	if d == nil || d.Form != apd.Finite {
		return null, false
	}
	out := d
	switch {
	case d.Exponent < -scale:
		out = new(apd.Decimal)
		if _, err := exact.Quantize(out, d, -scale); err != nil {
			return null, false
		}
	case d.Exponent > 0:
		out = new(apd.Decimal)
		if _, err := exact.Quantize(out, d, 0); err != nil {
			return null, false
		}
	}
	var size apd.Decimal
	size.Abs(out)
	if size.Cmp(maxWhole) > 0 {
		return null, false
	}
	return fhirpath.FromDec(out), true
}

// whole gives the integer part of d.
func whole(d *apd.Decimal) (int64, bool) {
	ctx := exact
	ctx.Rounding = apd.RoundDown
	var w apd.Decimal
	if _, err := ctx.Quantize(&w, d, 0); err != nil {
		return 0, false
	}
	n, err := w.Int64()
	return n, err == nil
}

func integer(n int64) Value {
	if n < math.MinInt32 || n > math.MaxInt32 {
		return null
	}
	return fhirpath.FromInt(n)
}

// calculate is + - * / div mod on what plain gives. Null, an overflow and a
// division by zero give null; false means that the operator has no meaning.
func (ev *evaluation) calculate(a, b Value, op string) (Value, bool) {
	if isNull(a) || isNull(b) {
		return null, true
	}
	x, isX := asInterval(a)
	y, isY := asInterval(b)
	if isX && x.uncertain || isY && y.uncertain {
		return ev.calculateUncertain(a, b, op)
	}
	ka, kb := a.Kind(), b.Kind()
	switch {
	case ka == fhirpath.Integer && kb == fhirpath.Integer && op != "/":
		n, ok := integers(a.Num(), b.Num(), op)
		if !ok {
			return null, true
		}
		return integer(n), true
	case (ka == fhirpath.Long || ka == fhirpath.Integer) && (kb == fhirpath.Long || kb == fhirpath.Integer) && op != "/":
		n, ok := integers(a.Num(), b.Num(), op)
		if !ok {
			return null, true
		}
		return fhirpath.FromLong(n), true
	case ka == fhirpath.String && kb == fhirpath.String && op == "+":
		return fhirpath.FromString(a.Text() + b.Text()), true
	case a.Moment() != nil && kb == fhirpath.Quantity:
		return null, false
	case ka == fhirpath.Quantity || kb == fhirpath.Quantity:
		return quantities(a, b, op)
	}
	p, q := numberOf(a), numberOf(b)
	if p == nil || q == nil {
		return null, false
	}
	d, ok := decimals(p, q, op)
	if !ok {
		return null, true
	}
	v, _ := decimal(d)
	return v, true
}

func decimals(p, q *apd.Decimal, op string) (*apd.Decimal, bool) {
	if op != "+" && op != "-" {
		return fhirpath.Calculate(p, q, op)
	}
	// Sums are exact: 28 digits before and 8 after the point are more than 34.
	d := new(apd.Decimal)
	var err error
	if op == "+" {
		_, err = exact.Add(d, p, q)
	} else {
		_, err = exact.Sub(d, p, q)
	}
	return d, err == nil
}

func integers(a, b int64, op string) (int64, bool) {
	switch op {
	case "+":
		c := a + b
		return c, (c > a) == (b > 0)
	case "-":
		c := a - b
		return c, (c < a) == (b > 0)
	case "*":
		c := a * b
		return c, a == 0 || c/a == b && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
	}
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, false
	}
	if op == "div" {
		return a / b, true
	}
	return a % b, true
}

func (ev *evaluation) calculateUncertain(a, b Value, op string) (Value, bool) {
	bounds := func(v Value) (low, high Value) {
		if i, ok := asInterval(v); ok {
			return i.Low, i.High
		}
		return v, v
	}
	aLow, aHigh := bounds(a)
	bLow, bHigh := bounds(b)
	if op != "+" && op != "-" && op != "*" {
		return null, false
	}
	if op == "-" {
		bLow, bHigh = bHigh, bLow
	}
	var pairs [][2]Value
	if op == "*" {
		pairs = [][2]Value{{aLow, bLow}, {aLow, bHigh}, {aHigh, bLow}, {aHigh, bHigh}}
	} else {
		pairs = [][2]Value{{aLow, bLow}, {aHigh, bHigh}}
	}
	var low, high Value
	for _, p := range pairs {
		v, ok := ev.calculate(p[0], p[1], op)
		if !ok || isNull(v) {
			return null, ok
		}
		if isNull(low) || ev.compare(v, low, precNone) == less {
			low = v
		}
		if isNull(high) || ev.compare(v, high, precNone) == greater {
			high = v
		}
	}
	return composite(&Interval{Low: low, High: high, LowClosed: true, HighClosed: true, uncertain: true}), true
}

// quantities computes on quantities; units that do not fit give null.
func quantities(a, b Value, op string) (Value, bool) {
	p, ok1 := toQuantity(a)
	q, ok2 := toQuantity(b)
	if !ok1 || !ok2 {
		return null, false
	}
	unit := p.Text()
	switch op {
	case "*", "/":
		if a.Kind() == fhirpath.Quantity && b.Kind() == fhirpath.Quantity {
			u, ok := fhirpath.ProductUnit(p.Text(), q.Text(), op == "/")
			if !ok {
				if p.Text() != q.Text() || op == "*" {
					return null, true
				}
				u = "1"
			}
			unit = u
		} else if b.Kind() == fhirpath.Quantity {
			unit = q.Text()
			if op == "/" {
				u, ok := fhirpath.ProductUnit("1", q.Text(), true)
				if !ok {
					return null, true
				}
				unit = u
			}
		}
	default:
		converted, ok := fhirpath.ConvertUnit(q, p.Text())
		if !ok {
			return null, true
		}
		q = converted
	}
	d, ok := decimals(p.Dec(), q.Dec(), op)
	if !ok {
		return null, true
	}
	v, ok := decimal(d)
	if !ok {
		return null, true
	}
	return fhirpath.FromDecUnit(v.Dec(), unit), true
}

func divideQuantities(a, b Value) (Value, bool) {
	if isNull(a) || isNull(b) {
		return null, false
	}
	v, ok := quantities(a, b, "/")
	return v, ok && !isNull(v)
}

// neighbour gives the successor or predecessor of a point; false beyond the type.
func neighbour(v Value, by int64) (Value, bool) {
	switch v.Kind() {
	case fhirpath.Integer:
		n := v.Num() + by
		return fhirpath.FromInt(n), n >= math.MinInt32 && n <= math.MaxInt32
	case fhirpath.Long:
		n, ok := integers(v.Num(), by, "+")
		return fhirpath.FromLong(n), ok
	case fhirpath.Decimal, fhirpath.Quantity:
		d := new(apd.Decimal)
		if _, err := exact.Add(d, v.Dec(), apd.New(by, -scale)); err != nil {
			return null, false
		}
		out, ok := decimal(d)
		if ok && v.Kind() == fhirpath.Quantity {
			return fhirpath.FromDecUnit(out.Dec(), v.Text()), true
		}
		return out, ok
	case fhirpath.Date, fhirpath.DateTime, fhirpath.Time:
		return step(v, by)
	}
	return null, false
}

var (
	maxDecimal = mustDecimal("99999999999999999999.99999999")
	minDecimal = mustDecimal("-99999999999999999999.99999999")
)

func mustDecimal(s string) *apd.Decimal {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		panic(err)
	}
	return d
}

// extreme gives the least or greatest value of a type by its name; false where it
// has none.
func extreme(name string, high bool, offset int) (Value, bool) {
	pick := func(a, b Value) (Value, bool) {
		if high {
			return b, true
		}
		return a, true
	}
	moment := func(kind fhirpath.Kind, low, high []int) (Value, bool) {
		a, _ := makeMoment(kind, low, false, 0)
		b, _ := makeMoment(kind, high, false, 0)
		return pick(a, b)
	}
	switch name {
	case "Integer":
		return pick(fhirpath.FromInt(math.MinInt32), fhirpath.FromInt(math.MaxInt32))
	case "Long":
		return pick(fhirpath.FromLong(math.MinInt64), fhirpath.FromLong(math.MaxInt64))
	case "Decimal":
		return pick(fhirpath.FromDec(minDecimal), fhirpath.FromDec(maxDecimal))
	case "Quantity":
		return pick(fhirpath.FromDecUnit(minDecimal, "1"), fhirpath.FromDecUnit(maxDecimal, "1"))
	case "Date":
		return moment(fhirpath.Date, []int{1, 1, 1}, []int{9999, 12, 31})
	case "DateTime":
		return moment(fhirpath.DateTime, []int{1, 1, 1, 0, 0, 0, 0}, []int{9999, 12, 31, 23, 59, 59, 999})
	case "Time":
		return moment(fhirpath.Time, []int{0, 0, 0, 0}, []int{23, 59, 59, 999})
	}
	return null, false
}

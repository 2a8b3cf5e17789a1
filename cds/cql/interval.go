package cql

import (
	"slices"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
)

// bound gives the first or the last point of an interval, null where it is not
// known.
func (ev *evaluation) bound(i *Interval, high bool) Value {
	v, closed, other, by := i.Low, i.LowClosed, i.High, int64(1)
	if high {
		v, closed, other, by = i.High, i.HighClosed, i.Low, -1
	}
	if isNull(v) {
		if !closed {
			return null
		}
		name := other.Kind().String()
		if isNull(other) {
			if i.point == nil {
				return null
			}
			name = i.point.name
		}
		v, _ := extreme(name, high, ev.offset)
		if v.Kind() == fhirpath.Quantity && other.Kind() == fhirpath.Quantity {
			return fhirpath.FromDecUnit(v.Dec(), other.Text())
		}
		return v
	}
	if closed {
		return v
	}
	v, _ = neighbour(v, by)
	return v
}

// points gives the first and last point of an interval, or a point twice.
func (ev *evaluation) points(v Value) (low, high Value) {
	v = plain(v)
	if i, ok := asInterval(v); ok && !i.uncertain {
		return ev.bound(i, false), ev.bound(i, true)
	}
	return v, v
}

func isInterval(v Value) bool {
	i, ok := asInterval(plain(v))
	return ok && !i.uncertain
}

// boundless tells whether neither bound nor point type of an interval is known.
func boundless(v Value) bool {
	i, ok := asInterval(plain(v))
	return ok && isNull(i.Low) && isNull(i.High)
}

func (ev *evaluation) before(a, b Value, p precision) tri {
	_, ah := ev.points(a)
	bl, _ := ev.points(b)
	return ev.compare(ah, bl, p).is(less)
}

func (ev *evaluation) sameOrBefore(a, b Value, p precision) tri {
	_, ah := ev.points(a)
	bl, _ := ev.points(b)
	return ev.compare(ah, bl, p).is(less | equal)
}

func (ev *evaluation) sameAs(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	low := ev.compare(al, bl, p).is(equal)
	if !isInterval(a) && !isInterval(b) {
		return low
	}
	return low.and(ev.compare(ah, bh, p).is(equal))
}

// contains tells whether a point lies in an interval.
func (ev *evaluation) contains(i, point Value, p precision) tri {
	if isNull(point) {
		return unknown
	}
	if isNull(i) {
		return no
	}
	if x, ok := asInterval(plain(i)); ok && boundless(i) && (x.point == nil || x.point.kind == kAny) {
		return no
	}
	low, high := ev.points(i)
	point = plain(point)
	return ev.compare(low, point, p).is(less | equal).and(ev.compare(point, high, p).is(less | equal))
}

func (ev *evaluation) properContains(i, point Value, p precision) tri {
	if isNull(i) || isNull(point) {
		return unknown
	}
	low, high := ev.points(i)
	point = plain(point)
	return ev.compare(low, point, p).is(less).and(ev.compare(point, high, p).is(less))
}

func (ev *evaluation) includes(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	return ev.compare(al, bl, p).is(less | equal).and(ev.compare(ah, bh, p).is(greater | equal))
}

func (ev *evaluation) properIncludes(a, b Value, p precision) tri {
	if i, ok := asInterval(plain(a)); ok && boundless(a) && i.LowClosed && i.HighClosed && !boundless(b) {
		return yes
	}
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	proper := ev.compare(al, bl, p).is(less).or(ev.compare(ah, bh, p).is(greater))
	return ev.includes(a, b, p).and(proper)
}

func (ev *evaluation) overlaps(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	return ev.compare(al, bh, p).is(less | equal).and(ev.compare(ah, bl, p).is(greater | equal))
}

func (ev *evaluation) overlapsBefore(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, _ := ev.points(b)
	return ev.compare(al, bl, p).is(less).and(ev.compare(ah, bl, p).is(greater | equal))
}

func (ev *evaluation) overlapsAfter(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	_, bh := ev.points(b)
	return ev.compare(ah, bh, p).is(greater).and(ev.compare(al, bh, p).is(less | equal))
}

// meetsBefore tells whether b begins right after the end of a.
func (ev *evaluation) meetsBefore(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	if ev.compare(al, bh, p).is(greater) == yes || ev.compare(ah, bl, p).is(greater|equal) == yes {
		return no
	}
	if isNull(ah) || isNull(bl) {
		return unknown
	}
	next, ok := neighbour(ah, 1)
	if !ok {
		return no
	}
	return ev.compare(next, bl, p).is(equal)
}

func (ev *evaluation) starts(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	return ev.compare(al, bl, p).is(equal).and(ev.compare(ah, bh, p).is(less | equal))
}

func (ev *evaluation) ends(a, b Value, p precision) tri {
	al, ah := ev.points(a)
	bl, bh := ev.points(b)
	return ev.compare(al, bl, p).is(greater | equal).and(ev.compare(ah, bh, p).is(equal))
}

func closed(low, high Value, like *Interval) Value {
	return composite(&Interval{Low: low, High: high, LowClosed: !isNull(low), HighClosed: !isNull(high), point: like.point})
}

func (ev *evaluation) unionIntervals(a, b Value) Value {
	x, ok1 := asInterval(plain(a))
	y, ok2 := asInterval(plain(b))
	if !ok1 || !ok2 {
		return null
	}
	touch := ev.overlaps(a, b, precNone).or(ev.meetsBefore(a, b, precNone)).or(ev.meetsBefore(b, a, precNone))
	if touch != yes {
		return null
	}
	low, high := ev.bound(x, false), ev.bound(x, true)
	if l := ev.bound(y, false); ev.compare(l, low, precNone) == less {
		low = l
	}
	if h := ev.bound(y, true); ev.compare(h, high, precNone) == greater {
		high = h
	}
	return closed(low, high, x)
}

func (ev *evaluation) intersectIntervals(a, b Value) Value {
	x, ok1 := asInterval(plain(a))
	y, ok2 := asInterval(plain(b))
	if !ok1 || !ok2 || ev.overlaps(a, b, precNone) == no {
		return null
	}
	pick := func(high bool) Value {
		p, q := ev.bound(x, high), ev.bound(y, high)
		o := ev.compare(p, q, precNone)
		switch {
		case o == 0 || o == anyOrder:
			return null
		case (o == less) == high:
			return p
		}
		return q
	}
	low, high := pick(false), pick(true)
	if isNull(low) && isNull(high) {
		return null
	}
	return closed(low, high, x)
}

func (ev *evaluation) exceptIntervals(a, b Value) Value {
	x, ok1 := asInterval(plain(a))
	y, ok2 := asInterval(plain(b))
	if !ok1 || !ok2 {
		return null
	}
	switch ev.overlaps(a, b, precNone) {
	case unknown:
		return null
	case no:
		return a
	}
	al, ah, bl, bh := ev.bound(x, false), ev.bound(x, true), ev.bound(y, false), ev.bound(y, true)
	left := ev.compare(al, bl, precNone).is(less)
	right := ev.compare(ah, bh, precNone).is(greater)
	switch {
	case left == yes && right == no:
		if end, ok := neighbour(bl, -1); ok {
			return closed(al, end, x)
		}
	case left == no && right == yes:
		if start, ok := neighbour(bh, 1); ok {
			return closed(start, ah, x)
		}
	}
	return null
}

// collapse merges intervals that overlap, meet, or stand no further apart than
// per.
func (ev *evaluation) collapse(list List, per Value) (Value, error) {
	type pair struct{ low, high Value }
	var pairs []pair
	for _, v := range list {
		i, ok := asInterval(plain(v))
		if !ok {
			continue
		}
		low, high := ev.bound(i, false), ev.bound(i, true)
		if isNull(low) || isNull(high) {
			continue
		}
		pairs = append(pairs, pair{low, high})
	}
	if err := ev.work(len(pairs) * 4); err != nil {
		return null, err
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		c, _ := ev.sortOrder(a.low, b.low)
		return c
	})
	var out []pair
	for _, p := range pairs {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if ev.near(last.high, p.low, per) {
				if ev.compare(p.high, last.high, precNone) == greater {
					last.high = p.high
				}
				continue
			}
		}
		out = append(out, p)
	}
	items := make([]Value, len(out))
	for i, p := range out {
		items[i] = composite(&Interval{Low: p.low, High: p.high, LowClosed: true, HighClosed: true})
	}
	return listValue(items), nil
}

// near tells whether an interval that starts at low goes on from one that ends at
// high.
func (ev *evaluation) near(high, low, per Value) bool {
	if ev.compare(low, high, precNone).is(less|equal) == yes {
		return true
	}
	if next, ok := neighbour(high, 1); ok && ev.compare(low, next, precNone).is(less|equal) == yes {
		return true
	}
	if isNull(per) {
		return false
	}
	if high.Moment() != nil {
		end, ok, _ := addQuantity(high, per, 1)
		return ok && ev.compare(low, end, precNone).is(less|equal) == yes
	}
	if high.Kind() != fhirpath.Quantity && per.Text() == "1" {
		per = fhirpath.FromDec(per.Dec())
	}
	end, ok := ev.calculate(high, per, "+")
	return ok && ev.compare(low, end, precNone).is(less|equal) == yes
}

// expand gives the pieces of an interval that are as long as per: as intervals, or
// their starts.
func (ev *evaluation) expand(v, per Value, starts bool) ([]Value, error) {
	i, ok := asInterval(plain(v))
	if !ok {
		return nil, nil
	}
	low, high := ev.bound(i, false), ev.bound(i, true)
	if isNull(low) || isNull(high) {
		return nil, nil
	}
	if low.Moment() != nil {
		return ev.expandMoments(low, high, per, starts)
	}
	return ev.expandNumbers(low, high, per, starts)
}

func piece(low, high Value, starts bool) Value {
	if starts {
		return low
	}
	return composite(&Interval{Low: low, High: high, LowClosed: true, HighClosed: true})
}

func (ev *evaluation) expandMoments(low, high, per Value, starts bool) ([]Value, error) {
	p := min(low.Moment().Precision(), high.Moment().Precision())
	n, word := int64(1), precision(p).String()
	if !isNull(per) {
		var ok bool
		if n, ok = whole(per.Dec()); !ok || n < 1 {
			return nil, nil
		}
		word = calendarWord(per.Text())
		unit := precisionWords[word]
		if unit == precNone {
			unit = pluralWords[word]
		}
		if unit == precWeek {
			unit, word, n = precDay, "day", n*7
		}
		if unit == precNone || fhirpath.Precision(unit) > p {
			return nil, nil
		}
		p = fhirpath.Precision(unit)
	}
	low, high = atPrecision(low, p, false), atPrecision(high, p, false)
	var out []Value
	for {
		end, ok := low.Moment().Add(n-1, word)
		if !ok {
			return out, nil
		}
		last := fhirpath.FromMoment(low.Kind(), end)
		if ev.compare(last, high, precNone).is(less|equal) != yes || low.Moment().IsTime() && end.Wall().Before(low.Moment().Wall()) {
			return out, nil
		}
		out = append(out, piece(low, last, starts))
		if err := ev.grown(len(out)); err != nil {
			return nil, err
		}
		next, ok := low.Moment().Add(n, word)
		if !ok || low.Moment().IsTime() && !next.Wall().After(low.Moment().Wall()) {
			return out, nil
		}
		low = fhirpath.FromMoment(low.Kind(), next)
	}
}

func places(d *apd.Decimal) int32 { return max(0, -d.Exponent) }

func (ev *evaluation) expandNumbers(low, high, per Value, starts bool) ([]Value, error) {
	unit := low.Text()
	isQuantity := low.Kind() == fhirpath.Quantity
	by := apd.New(1, 0)
	switch {
	case !isNull(per) && isQuantity:
		q, ok := fhirpath.ConvertUnit(per, unit)
		if !ok {
			return nil, nil
		}
		by = q.Dec()
	case !isNull(per):
		if per.Kind() == fhirpath.Quantity && per.Text() != "1" {
			return nil, nil
		}
		by = numberOf(per)
	case low.Kind() != fhirpath.Integer && low.Kind() != fhirpath.Long:
		by = apd.New(1, -min(places(numberOf(low)), places(numberOf(high))))
	}
	if by == nil || by.Sign() <= 0 {
		return nil, nil
	}
	digits := places(by)
	ctx := exact
	ctx.Rounding = apd.RoundFloor
	at, end := new(apd.Decimal), new(apd.Decimal)
	if _, err := ctx.Quantize(at, numberOf(low), -digits); err != nil {
		return nil, nil
	}
	h := numberOf(high)
	if isQuantity {
		q, ok := fhirpath.ConvertUnit(high, unit)
		if !ok {
			return nil, nil
		}
		h = q.Dec()
	}
	if places(h) < digits {
		// 10 stands for all from 10.0 to 10.9.
		exact.Add(end, h, apd.New(1, -places(h)))
		exact.Sub(end, end, apd.New(1, -digits))
	} else if _, err := ctx.Quantize(end, h, -digits); err != nil {
		return nil, nil
	}
	reach := new(apd.Decimal)
	exact.Sub(reach, by, apd.New(1, -digits))
	value := func(d *apd.Decimal) Value {
		switch {
		case isQuantity:
			return fhirpath.FromDecUnit(d, unit)
		case digits == 0 && (low.Kind() == fhirpath.Integer || low.Kind() == fhirpath.Long):
			n, _ := d.Int64()
			if low.Kind() == fhirpath.Long {
				return fhirpath.FromLong(n)
			}
			return fhirpath.FromInt(n)
		}
		return fhirpath.FromDec(d)
	}
	var out []Value
	for {
		last := new(apd.Decimal)
		exact.Add(last, at, reach)
		if last.Cmp(end) > 0 {
			return out, nil
		}
		out = append(out, piece(value(at), value(last), starts))
		if err := ev.grown(len(out)); err != nil {
			return nil, err
		}
		next := new(apd.Decimal)
		exact.Add(next, at, by)
		at = next
	}
}

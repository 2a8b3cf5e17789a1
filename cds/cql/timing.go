package cql

import (
	"cdss/fhir/fhirpath"
)

// timing compiles a timing phrase to the operator it stands for.
func (k *checker) timing(n *node) (typed, error) {
	tm := n.timing
	args, err := k.exprs(n.args)
	if err != nil {
		return typed{}, err
	}
	end := func(t typed, which byte, pos int) (typed, error) {
		switch which {
		case 's':
			return k.apply("Start", pos, precNone, t)
		case 'e':
			return k.apply("End", pos, precNone, t)
		}
		return t, nil
	}
	left, err := end(args[0], tm.leftEnd, n.args[0].pos)
	if err != nil {
		return typed{}, err
	}
	right, err := end(args[1], tm.rightEnd, n.args[1].pos)
	if err != nil {
		return typed{}, err
	}
	if tm.offset != nil {
		return k.offsetTiming(n, left, right)
	}
	name := ""
	switch tm.relation {
	case 's':
		name = map[byte]string{0: "SameAs", 'b': "SameOrBefore", 'a': "SameOrAfter"}[tm.side]
	case 'i':
		name = "Includes"
	case 'd':
		name = "IncludedIn"
	case 'b':
		name = "Before"
		if tm.on {
			name = "SameOrBefore"
		}
	case 'a':
		name = "After"
		if tm.on {
			name = "SameOrAfter"
		}
	case 'm':
		name = map[byte]string{0: "Meets", 'b': "MeetsBefore", 'a': "MeetsAfter"}[tm.side]
	case 'o':
		name = map[byte]string{0: "Overlaps", 'b': "OverlapsBefore", 'a': "OverlapsAfter"}[tm.side]
	case 'S':
		name = "Starts"
	case 'E':
		name = "Ends"
	}
	if tm.properly {
		name = "Proper" + name
	}
	return k.apply(name, n.pos, n.prec, left, right)
}

// offsetTiming compiles "3 days or more before" and "within 3 days of".
func (k *checker) offsetTiming(n *node, left, right typed) (typed, error) {
	tm := n.timing
	for i, t := range []typed{left, right} {
		point := false
		for _, want := range []*Type{typeDateTime, typeDate, typeTime, intervalDateTime, intervalOf(typeDate), intervalOf(typeTime), typeQuantity, typeDecimal, intervalQuantity, intervalOf(typeDecimal)} {
			_, ok := conversion(t.typ, want, false)
			point = point || ok
		}
		if !point {
			return typed{}, k.fail(n.args[i].pos, "a %s has no place in time", t.typ)
		}
	}
	q := tm.offset.value
	x, y, at := left.run, right.run, k.site(n.pos)
	prec := n.prec
	return typed{typ: typeBoolean, run: func(ev *evaluation, f *frame) (Value, error) {
		a, err := x(ev, f)
		if err != nil {
			return null, err
		}
		b, err := y(ev, f)
		if err != nil {
			return null, err
		}
		aLow, aHigh := ev.points(a)
		bLow, bHigh := ev.points(b)
		ev.at = at
		return ev.offsetTest(tm, prec, q, [4]Value{aLow, aHigh, bLow, bHigh}), nil
	}}, nil
}

// shift moves a point by a quantity; null where it cannot.
func (ev *evaluation) shift(v, q Value, sign int64) Value {
	switch {
	case isNull(v):
		return null
	case v.Moment() != nil:
		out, _, _ := addQuantity(v, q, sign)
		return out
	}
	if v.Kind() != fhirpath.Quantity && q.Text() == "1" {
		q = fhirpath.FromDec(q.Dec())
	}
	op := "+"
	if sign < 0 {
		op = "-"
	}
	out, _ := ev.calculate(v, q, op)
	return out
}

// offsetTest looks at [low, high] of the left and of the right side.
func (ev *evaluation) offsetTest(tm *timing, prec precision, q Value, p [4]Value) Value {
	if tm.relation == 'w' {
		within := less | equal
		if tm.properly {
			within = less
		}
		low, high := ev.shift(p[2], q, -1), ev.shift(p[3], q, 1)
		return ev.compare(low, p[0], prec).is(within).and(ev.compare(p[1], high, prec).is(within)).value()
	}
	// What is said of "before" holds mirrored of "after".
	from, to, sign, towards := p[1], p[2], int64(-1), less
	if tm.relation == 'a' {
		from, to, sign, towards = p[0], p[3], 1, greater
	}
	away := (less | greater) &^ towards
	limit := ev.shift(to, q, sign)
	toLimit, toEvent := ev.compare(from, limit, prec), ev.compare(from, to, prec)
	near := towards
	if tm.on {
		near |= equal
	}
	switch tm.offsetHow {
	case 'm':
		return toLimit.is(towards | equal).value()
	case 'M':
		return toLimit.is(towards).value()
	case 'l':
		return toLimit.is(away | equal).and(toEvent.is(near)).value()
	case 'L':
		return toLimit.is(away).and(toEvent.is(near)).value()
	}
	if prec == precNone {
		prec = precisionOfUnit(q)
		toLimit = ev.compare(from, limit, prec)
	}
	return toLimit.is(equal).value()
}

// precisionOfUnit gives the precision that an exact offset is compared at: 3 days
// before is on that day.
func precisionOfUnit(q Value) precision {
	unit := calendarWord(q.Text())
	p := precisionWords[unit]
	if p == precNone {
		p = pluralWords[unit]
	}
	if p == precWeek {
		return precDay
	}
	return p
}

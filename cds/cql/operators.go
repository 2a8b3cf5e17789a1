package cql

import (
	"sync"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

const (
	momentPairs = " (DateTime,DateTime)Boolean (Date,Date)Boolean (Time,Time)Boolean"
	orderPairs  = "(Integer,Integer)Boolean (Long,Long)Boolean (Decimal,Decimal)Boolean (Quantity,Quantity)Boolean (String,String)Boolean" + momentPairs
	spanPairs   = "(Interval<T>,Interval<T>)Boolean (T,Interval<T>)Boolean (Interval<T>,T)Boolean" + momentPairs +
		" (Integer,Integer)Boolean (Long,Long)Boolean (Decimal,Decimal)Boolean (Quantity,Quantity)Boolean"
	sums = "(Integer,Integer)Integer (Long,Long)Long (Decimal,Decimal)Decimal (Quantity,Quantity)Quantity"
	ones = "(Integer)Integer (Long)Long (Decimal)Decimal (Quantity)Quantity"
)

// operators is the table of all operators and functions, by their names in ELM.
var operators = sync.OnceValue(func() map[string]*operator {
	m := map[string]*operator{}
	for _, group := range []map[string]*operator{
		arithmeticOperators(), comparisonOperators(), intervalOperators(), listOperators(), stringOperators(),
		momentOperators(), conversionOperators(), aggregateOperators(), clinicalOperators(),
	} {
		for name, o := range group {
			m[name] = o
		}
	}
	return m
})

// choiceOperators may mix types: their T becomes a choice.
var choiceOperators = wordSet("Union Intersect Except In Contains Includes IncludedIn ProperIncludes ProperIncludedIn IndexOf Flatten")

func strict(sigs string, run runner) *operator {
	return &operator{signatures: signatures(sigs), strict: true, run: run}
}

func lenient(sigs string, run runner) *operator {
	return &operator{signatures: signatures(sigs), run: run}
}

// tests makes an operator of two operands that gives a truth value.
func tests(sigs string, f func(ev *evaluation, a, b Value, p precision) tri) *operator {
	return lenient(sigs, func(ev *evaluation, s *site, a []Value) (Value, error) {
		ev.steps++
		return f(ev, a[0], a[1], s.prec).value(), nil
	})
}

// ordered makes a comparison.
func ordered(set order) *operator {
	return strict(orderPairs, func(ev *evaluation, s *site, a []Value) (Value, error) {
		ev.steps++
		return ev.compare(a[0], a[1], s.prec).is(set).value(), nil
	})
}

func comparisonOperators() map[string]*operator {
	equality := func(f func(ev *evaluation, a, b Value, _ precision) tri) *operator { return tests("(T,T)Boolean", f) }
	return map[string]*operator{
		"Equal":         equality(func(ev *evaluation, a, b Value, _ precision) tri { return ev.equal(a, b) }),
		"NotEqual":      equality(func(ev *evaluation, a, b Value, _ precision) tri { return ev.equal(a, b).not() }),
		"Equivalent":    equality(func(ev *evaluation, a, b Value, _ precision) tri { return truth(ev.equivalent(a, b)) }),
		"NotEquivalent": equality(func(ev *evaluation, a, b Value, _ precision) tri { return truth(!ev.equivalent(a, b)) }),
		"Less":          ordered(less), "LessOrEqual": ordered(less | equal),
		"Greater": ordered(greater), "GreaterOrEqual": ordered(greater | equal),
		"Not": lenient("(Boolean)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) { return triOf(a[0]).not().value(), nil }),
		"Xor": lenient("(Boolean,Boolean)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			x, y := triOf(a[0]), triOf(a[1])
			if x == unknown || y == unknown {
				return null, nil
			}
			return boolean(x != y), nil
		}),
		"IsNull": lenient("(Any)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return boolean(isNull(plain(a[0]))), nil
		}),
		"IsTrue":  lenient("(Boolean)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) { return boolean(triOf(a[0]) == yes), nil }),
		"IsFalse": lenient("(Boolean)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) { return boolean(triOf(a[0]) == no), nil }),
		"Message": lenient("(T,Boolean,String,String,String)T", message),
	}
}

// message tells something about a value, which comes back as it is; of severity
// Error it stops the evaluation.
func message(ev *evaluation, s *site, a []Value) (Value, error) {
	if triOf(a[1]) != yes {
		return a[0], nil
	}
	if a[3].String() == "Error" {
		return null, s.fail(issue.Processing, "%s: %s", clip(plain(a[2]).String()), clip(plain(a[4]).String()))
	}
	if ev.env.Message != nil {
		ev.env.Message(plain(a[3]).String(), plain(a[2]).String(), plain(a[4]).String(), a[0])
	}
	return a[0], nil
}

func intervalOperators() map[string]*operator {
	swap := func(f func(ev *evaluation, a, b Value, p precision) tri) func(ev *evaluation, a, b Value, p precision) tri {
		return func(ev *evaluation, a, b Value, p precision) tri { return f(ev, b, a, p) }
	}
	pair := "(Interval<T>,Interval<T>)Boolean"
	meets := func(ev *evaluation, a, b Value, p precision) tri { return ev.meetsBefore(a, b, p) }
	m := map[string]*operator{
		"Before":         tests(spanPairs, (*evaluation).before),
		"After":          tests(spanPairs, swap((*evaluation).before)),
		"SameOrBefore":   tests(spanPairs, (*evaluation).sameOrBefore),
		"SameOrAfter":    tests(spanPairs, swap((*evaluation).sameOrBefore)),
		"SameAs":         tests(spanPairs, (*evaluation).sameAs),
		"Overlaps":       tests(pair, (*evaluation).overlaps),
		"OverlapsBefore": tests(pair, (*evaluation).overlapsBefore),
		"OverlapsAfter":  tests(pair, (*evaluation).overlapsAfter),
		"MeetsBefore":    tests(pair, meets),
		"MeetsAfter":     tests(pair, swap(meets)),
		"Meets": tests(pair, func(ev *evaluation, a, b Value, p precision) tri {
			return ev.meetsBefore(a, b, p).or(ev.meetsBefore(b, a, p))
		}),
		"Starts": tests(pair, (*evaluation).starts),
		"Ends":   tests(pair, (*evaluation).ends),
		"Start": strict("(Interval<T>)T", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			low, _ := ev.points(a[0])
			return low, nil
		}),
		"End": strict("(Interval<T>)T", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			_, high := ev.points(a[0])
			return high, nil
		}),
		"PointFrom": strict("(Interval<T>)T", func(ev *evaluation, s *site, a []Value) (Value, error) {
			low, high := ev.points(a[0])
			if isNull(low) || isNull(high) {
				return null, nil
			}
			if ev.equal(low, high) != yes {
				return null, s.fail(issue.Processing, "the interval holds more than one point")
			}
			return low, nil
		}),
		"Width": strict("(Interval<T>)T", width(false)),
		"Size":  strict("(Interval<T>)T", width(true)),
	}
	for name, of := range map[string]struct {
		lists, spans func(ev *evaluation, a, b Value, p precision) (tri, error)
	}{
		"In":       {inverse(lists((*evaluation).listContains)), inverse(spans((*evaluation).contains))},
		"Contains": {lists((*evaluation).listContains), spans((*evaluation).contains)},
	} {
		sigs := "(List<T>,T)Boolean (Interval<T>,T)Boolean"
		if name == "In" {
			sigs = "(T,List<T>)Boolean (T,Interval<T>)Boolean (Code,ValueSet)Boolean (Concept,ValueSet)Boolean (String,ValueSet)Boolean " +
				"(List<Code>,ValueSet)Boolean (List<Concept>,ValueSet)Boolean (List<String>,ValueSet)Boolean (Code,CodeSystem)Boolean (String,CodeSystem)Boolean (Concept,CodeSystem)Boolean"
		}
		m[name] = membership(sigs, of.lists, of.spans, name == "In")
	}
	m["Includes"] = inclusion("(List<T>,List<T>)Boolean (Interval<T>,Interval<T>)Boolean (List<T>,T)Boolean (Interval<T>,T)Boolean", false, false)
	m["IncludedIn"] = inclusion("(List<T>,List<T>)Boolean (Interval<T>,Interval<T>)Boolean (T,List<T>)Boolean (T,Interval<T>)Boolean", true, false)
	m["ProperIncludes"] = inclusion("(List<T>,T)Boolean (Interval<T>,T)Boolean (List<T>,List<T>)Boolean (Interval<T>,Interval<T>)Boolean", false, true)
	m["ProperIncludedIn"] = inclusion("(T,List<T>)Boolean (T,Interval<T>)Boolean (List<T>,List<T>)Boolean (Interval<T>,Interval<T>)Boolean", true, true)
	return m
}

type setTest func(ev *evaluation, a, b Value, p precision) (tri, error)

func lists(f func(ev *evaluation, a, b Value) (tri, error)) setTest {
	return func(ev *evaluation, a, b Value, _ precision) (tri, error) { return f(ev, a, b) }
}

func spans(f func(ev *evaluation, a, b Value, p precision) tri) setTest {
	return func(ev *evaluation, a, b Value, p precision) (tri, error) { return f(ev, a, b, p), nil }
}

func inverse(f setTest) setTest {
	return func(ev *evaluation, a, b Value, p precision) (tri, error) { return f(ev, b, a, p) }
}

// membership is In and Contains; the site's type tells what the container is.
func membership(sigs string, ofLists, ofSpans setTest, in bool) *operator {
	return lenient(sigs, func(ev *evaluation, s *site, a []Value) (Value, error) {
		ev.steps++
		container := a[0]
		if in {
			container = a[1]
		}
		switch plain(container).Composite().(type) {
		case *ValueSet:
			return ev.inValueSet(s, a[0], plain(container).Composite().(*ValueSet))
		case *CodeSystem:
			return ev.inCodeSystem(a[0], plain(container).Composite().(*CodeSystem)), nil
		case *Interval:
			r, err := ofSpans(ev, a[0], a[1], s.prec)
			return r.value(), err
		case List:
			r, err := ofLists(ev, a[0], a[1], s.prec)
			return r.value(), err
		}
		return falseVal, nil // a container that is null holds nothing
	})
}

// inclusion is Includes, IncludedIn and the proper forms. A right side that is one
// point or item makes it a test of membership.
func inclusion(sigs string, inverted, proper bool) *operator {
	return lenient(sigs, func(ev *evaluation, s *site, a []Value) (Value, error) {
		ev.steps++
		whole, part := a[0], a[1]
		if inverted {
			whole, part = part, whole
		}
		single := s.single
		var r tri
		var err error
		switch {
		case s.lists && single && proper:
			r, err = ev.listProperContains(whole, part)
		case s.lists && single:
			r, err = ev.listContains(whole, part)
		case s.lists:
			if r, err = ev.listIncludes(whole, part); err == nil && proper && r != no {
				x, _ := asList(whole)
				y, _ := asList(part)
				if isNull(whole) || isNull(part) {
					r = unknown
				} else {
					r = r.and(truth(len(x) > len(y)))
				}
			}
		case isNull(part) || isNull(whole) && !single:
			return null, nil
		case !isInterval(part) && proper:
			r = ev.properContains(whole, part, s.prec)
		case !isInterval(part):
			r = ev.contains(whole, part, s.prec)
		case proper:
			r = ev.properIncludes(whole, part, s.prec)
		default:
			r = ev.includes(whole, part, s.prec)
		}
		return r.value(), err
	})
}

func width(size bool) runner {
	return func(ev *evaluation, s *site, a []Value) (Value, error) {
		low, high := ev.points(a[0])
		if isNull(low) || isNull(high) {
			return null, nil
		}
		if low.Moment() != nil {
			return null, s.fail(issue.Processing, "an interval of dates or times has no width; use duration in days of")
		}
		v, _ := ev.calculate(high, low, "-")
		if !size || isNull(v) {
			return v, nil
		}
		next, ok := neighbour(v, 1)
		if !ok {
			return null, nil
		}
		return next, nil
	}
}

func arithmeticOperators() map[string]*operator {
	calc := func(op string) runner {
		return func(ev *evaluation, s *site, a []Value) (Value, error) {
			if m := a[0].Moment(); m != nil && a[1].Kind() == fhirpath.Quantity && (op == "+" || op == "-") {
				sign := int64(1)
				if op == "-" {
					sign = -1
				}
				v, ok, unit := addQuantity(a[0], a[1], sign)
				switch {
				case !unit:
					return null, s.fail(issue.Processing, "%q is no unit of time that can be added", clip(a[1].Text()))
				case !ok:
					return null, s.fail(issue.Processing, "the result lies outside of the years 1 to 9999")
				}
				return v, nil
			}
			v, ok := ev.calculate(a[0], a[1], op)
			if !ok {
				return null, s.fail(issue.Processing, "%s has no meaning for a %s and a %s", op, kindName(a[0]), kindName(a[1]))
			}
			if v.Kind() == fhirpath.String && len(v.Text()) > ev.limits.Text {
				return null, ev.stop("a text of more than %d bytes", ev.limits.Text)
			}
			return v, nil
		}
	}
	move := " (DateTime,Quantity)DateTime (Date,Quantity)Date (Time,Quantity)Time"
	m := map[string]*operator{
		"Add":             strict(sums+move+" (String,String)String", calc("+")),
		"Subtract":        strict(sums+move, calc("-")),
		"Multiply":        strict("(Integer,Integer)Integer (Long,Long)Long (Decimal,Decimal)Decimal (Decimal,Quantity)Quantity (Quantity,Decimal)Quantity (Quantity,Quantity)Quantity", calc("*")),
		"Divide":          strict("(Decimal,Decimal)Decimal (Quantity,Decimal)Quantity (Quantity,Quantity)Quantity", calc("/")),
		"TruncatedDivide": strict(sums, calc("div")),
		"Modulo":          strict(sums, calc("mod")),
		"Positive":        strict(ones, func(_ *evaluation, _ *site, a []Value) (Value, error) { return a[0], nil }),
		"Negate":          strict(ones, negate),
		"Abs":             strict(ones, absolute),
		"Power":           strict("(Integer,Integer)Integer (Long,Long)Long (Decimal,Decimal)Decimal", power),
		"Ceiling":         strict("(Decimal)Integer", rounded("ceiling")),
		"Floor":           strict("(Decimal)Integer", rounded("floor")),
		"Truncate":        strict("(Decimal)Integer", rounded("truncate")),
		"Round":           lenient("(Decimal)Decimal (Decimal,Integer)Decimal", round),
		"Ln":              strict("(Decimal)Decimal", logarithm),
		"Exp":             strict("(Decimal)Decimal", exponential),
		"Log":             strict("(Decimal,Decimal)Decimal", logBase),
		"Precision":       strict("(Decimal)Integer (Date)Integer (DateTime)Integer (Time)Integer", precisionOf),
		"LowBoundary":     lenient("(Decimal,Integer)Decimal (Date,Integer)Date (DateTime,Integer)DateTime (Time,Integer)Time", boundary(false)),
		"HighBoundary":    lenient("(Decimal,Integer)Decimal (Date,Integer)Date (DateTime,Integer)DateTime (Time,Integer)Time", boundary(true)),
	}
	points := ones + " (Date)Date (DateTime)DateTime (Time)Time"
	next := func(by int64) runner {
		return func(_ *evaluation, s *site, a []Value) (Value, error) {
			v, ok := neighbour(a[0], by)
			if !ok {
				return null, s.fail(issue.Processing, "the result lies outside of the type")
			}
			return v, nil
		}
	}
	m["Successor"], m["Predecessor"] = strict(points, next(1)), strict(points, next(-1))
	return m
}

func kindName(v Value) string {
	switch v.Composite().(type) {
	case List:
		return "List"
	case *Interval:
		return "Interval"
	case *Tuple:
		return "Tuple"
	case nil:
		return v.Kind().String()
	}
	return "value of that type"
}

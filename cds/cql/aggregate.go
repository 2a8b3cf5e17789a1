package cql

import (
	"slices"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// aggregates leave null out.
func aggregateOperators() map[string]*operator {
	numbers := "(List<Integer>)Integer (List<Long>)Long (List<Decimal>)Decimal (List<Quantity>)Quantity"
	measures := "(List<Decimal>)Decimal (List<Quantity>)Quantity"
	values := numbers + " (List<Date>)Date (List<DateTime>)DateTime (List<Time>)Time (List<String>)String"
	known := func(a Value) List {
		list, _ := asList(a)
		out := make(List, 0, len(list))
		for _, v := range list {
			if v = plain(v); !isNull(v) {
				out = append(out, v)
			}
		}
		return out
	}
	of := func(sigs string, f func(ev *evaluation, s *site, list List) (Value, error)) *operator {
		return lenient(sigs, func(ev *evaluation, s *site, a []Value) (Value, error) {
			list := known(a[0])
			if err := ev.work(len(list)); err != nil {
				return null, err
			}
			if len(list) == 0 {
				return null, nil
			}
			return f(ev, s, list)
		})
	}
	extremeOf := func(want order) *operator {
		return of(values, func(ev *evaluation, s *site, list List) (Value, error) {
			best := list[0]
			for _, v := range list[1:] {
				o := ev.compare(v, best, precNone)
				if o == 0 {
					return null, s.fail(issue.Processing, "a %s and a %s have no order", kindName(v), kindName(best))
				}
				if o == want {
					best = v
				}
			}
			return best, nil
		})
	}
	spread := func(sample, root bool) *operator {
		return of(measures, func(ev *evaluation, s *site, list List) (Value, error) { return ev.variance(s, list, sample, root) })
	}
	return map[string]*operator{
		"Count": lenient("(List<T>)Integer", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			list, _ := asList(a[0])
			n := int64(0)
			for _, v := range list {
				if !isNull(v) {
					n++
				}
			}
			return fhirpath.FromInt(n), nil
		}),
		"Sum": of(numbers, func(ev *evaluation, s *site, list List) (Value, error) { return ev.fold(s, list, "+") }),
		"Product": of(numbers, func(ev *evaluation, s *site, list List) (Value, error) {
			return ev.fold(s, list, "*")
		}),
		"Min": extremeOf(less), "Max": extremeOf(greater),
		"Avg": of(measures, func(ev *evaluation, s *site, list List) (Value, error) {
			return ev.average(s, list)
		}),
		"Median": of(measures, func(ev *evaluation, s *site, list List) (Value, error) {
			list = slices.Clone(list)
			slices.SortStableFunc(list, func(a, b Value) int { c, _ := ev.sortOrder(a, b); return c })
			n := len(list)
			if n%2 == 1 {
				return list[n/2], nil
			}
			return ev.average(s, list[n/2-1:n/2+1])
		}),
		"Mode": of("(List<T>)T", func(ev *evaluation, _ *site, list List) (Value, error) {
			counts := make([]int, 0, len(list))
			var seen List
			for _, v := range list {
				at, _, err := ev.find(seen, v)
				if err != nil {
					return null, err
				}
				if at < 0 {
					seen, counts = append(seen, v), append(counts, 1)
				} else {
					counts[at]++
				}
			}
			best := 0
			for i, c := range counts {
				if c > counts[best] {
					best = i
				}
			}
			return seen[best], nil
		}),
		"Variance": spread(true, false), "StdDev": spread(true, true),
		"PopulationVariance": spread(false, false), "PopulationStdDev": spread(false, true),
		"GeometricMean": of("(List<Decimal>)Decimal", func(ev *evaluation, _ *site, list List) (Value, error) {
			if err := ev.work(costLogarithm * len(list)); err != nil {
				return null, err
			}
			sum := new(apd.Decimal)
			c := wide
			for _, v := range list {
				x, d := numberOf(v), new(apd.Decimal)
				if x == nil || x.Sign() <= 0 {
					return null, nil
				}
				if _, err := c.Ln(d, x); err != nil {
					return null, nil
				}
				c.Add(sum, sum, d)
			}
			c.Quo(sum, sum, apd.New(int64(len(list)), 0))
			if _, err := c.Exp(sum, sum); err != nil {
				return null, nil
			}
			v, _ := decimal(sum)
			return v, nil
		}),
		"AllTrue": lenient("(List<Boolean>)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return boolean(!slices.ContainsFunc(known(a[0]), func(v Value) bool { return triOf(v) == no })), nil
		}),
		"AnyTrue": lenient("(List<Boolean>)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			return boolean(slices.ContainsFunc(known(a[0]), func(v Value) bool { return triOf(v) == yes })), nil
		}),
	}
}

func (ev *evaluation) fold(s *site, list List, op string) (Value, error) {
	total := list[0]
	for _, v := range list[1:] {
		next, ok := ev.calculate(total, v, op)
		if !ok {
			return null, s.fail(issue.Processing, "a %s cannot be taken together with a %s", kindName(total), kindName(v))
		}
		if total = next; isNull(total) {
			return null, nil
		}
	}
	return total, nil
}

func (ev *evaluation) average(s *site, list List) (Value, error) {
	sum, err := ev.fold(s, list, "+")
	if err != nil {
		return null, err
	}
	v, _ := ev.calculate(sum, fhirpath.FromDec(apd.New(int64(len(list)), 0)), "/")
	return v, nil
}

// variance computes with the unit of the first value.
func (ev *evaluation) variance(s *site, list List, sample, root bool) (Value, error) {
	n := int64(len(list))
	if sample && n < 2 {
		return null, nil
	}
	mean, err := ev.average(s, list)
	if err != nil || isNull(mean) {
		return null, err
	}
	c := wide
	total := new(apd.Decimal)
	for _, v := range list {
		d, ok := ev.calculate(v, mean, "-")
		if !ok || isNull(d) {
			return null, nil
		}
		sq := new(apd.Decimal)
		c.Mul(sq, numberOf(d), numberOf(d))
		c.Add(total, total, sq)
	}
	if sample {
		n--
	}
	c.Quo(total, total, apd.New(n, 0))
	if root {
		if _, err := c.Sqrt(total, total); err != nil {
			return null, nil
		}
	}
	total.Reduce(total)
	v, ok := decimal(total)
	if ok && mean.Kind() == fhirpath.Quantity {
		v = fhirpath.FromDecUnit(v.Dec(), mean.Text())
	}
	return v, nil
}

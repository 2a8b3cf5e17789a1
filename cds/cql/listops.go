package cql

import (
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

func listOperators() map[string]*operator {
	both := "(List<T>,List<T>)List<T> (Interval<T>,Interval<T>)Interval<T>"
	count := func(f func(list List, n int64) Value) runner {
		return func(_ *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			n := plain(a[1])
			if isNull(n) {
				return f(list, -1), nil
			}
			return f(list, max(n.Num(), 0)), nil
		}
	}
	one := func(sigs string, f func(list List) Value) *operator {
		return lenient(sigs, func(_ *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			return f(list), nil
		})
	}
	return map[string]*operator{
		"Union": lenient(both, func(ev *evaluation, s *site, a []Value) (Value, error) {
			if !s.lists {
				return ev.unionIntervals(a[0], a[1]), nil
			}
			x, _ := asList(a[0])
			y, _ := asList(a[1])
			if isNull(a[0]) && isNull(a[1]) {
				return null, nil
			}
			return ev.unionLists(x, y)
		}),
		"Intersect": lenient(both, func(ev *evaluation, s *site, a []Value) (Value, error) {
			if !s.lists {
				return ev.intersectIntervals(a[0], a[1]), nil
			}
			x, ok1 := asList(a[0])
			y, ok2 := asList(a[1])
			if !ok1 || !ok2 {
				return null, nil
			}
			return ev.filterBy(x, y, true)
		}),
		"Except": lenient(both, func(ev *evaluation, s *site, a []Value) (Value, error) {
			if !s.lists {
				return ev.exceptIntervals(a[0], a[1]), nil
			}
			x, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			y, _ := asList(a[1])
			return ev.filterBy(x, y, false)
		}),
		"Exists": lenient("(List<T>)Boolean", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			list, _ := asList(a[0])
			for _, v := range list {
				if !isNull(v) {
					return trueVal, nil
				}
			}
			return falseVal, nil
		}),
		"Distinct": lenient("(List<T>)List<T>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			out, err := ev.distinct(list)
			return composite(out), err
		}),
		"Flatten": lenient("(List<List<T>>)List<T> (List<T>)List<T>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			out, err := ev.flatten(list)
			return composite(out), err
		}),
		"First": one("(List<T>)T", func(list List) Value {
			if len(list) == 0 {
				return null
			}
			return list[0]
		}),
		"Last": one("(List<T>)T", func(list List) Value {
			if len(list) == 0 {
				return null
			}
			return list[len(list)-1]
		}),
		"SingletonFrom": lenient("(List<T>)T", func(_ *evaluation, s *site, a []Value) (Value, error) {
			list, _ := asList(a[0])
			switch len(list) {
			case 0:
				return null, nil
			case 1:
				return list[0], nil
			}
			return null, s.fail(issue.Processing, "singleton from: the list holds %d items", len(list))
		}),
		"IndexOf": lenient("(List<T>,T)Integer", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok || isNull(a[1]) {
				return null, nil
			}
			at, _, err := ev.find(list, a[1])
			return fhirpath.FromInt(int64(at)), err
		}),
		"Length": lenient("(String)Integer (List<T>)Integer", func(_ *evaluation, s *site, a []Value) (Value, error) {
			if s.lists {
				list, _ := asList(a[0])
				return fhirpath.FromInt(int64(len(list))), nil
			}
			v := plain(a[0])
			if list, ok := asList(v); ok {
				return fhirpath.FromInt(int64(len(list))), nil
			}
			if v.Kind() != fhirpath.String {
				return null, nil
			}
			return fhirpath.FromInt(int64(len([]rune(v.Text())))), nil
		}),
		"Indexer": lenient("(String,Integer)String (List<T>,Integer)T", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			v, i := plain(a[0]), plain(a[1])
			if isNull(v) || isNull(i) || i.Num() < 0 {
				return null, nil
			}
			if list, ok := asList(v); ok {
				if i.Num() >= int64(len(list)) {
					return null, nil
				}
				return list[i.Num()], nil
			}
			if r := []rune(v.Text()); i.Num() < int64(len(r)) {
				return fhirpath.FromString(string(r[i.Num()])), nil
			}
			return null, nil
		}),
		"Skip": lenient("(List<T>,Integer)List<T>", count(func(list List, n int64) Value { return slice(list, max(n, 0), int64(len(list))) })),
		"Take": lenient("(List<T>,Integer)List<T>", count(func(list List, n int64) Value { return slice(list, 0, n) })),
		"Tail": one("(List<T>)List<T>", func(list List) Value { return slice(list, 1, int64(len(list))) }),
		"Slice": lenient("(List<T>)List<T> (List<T>,Integer)List<T> (List<T>,Integer,Integer)List<T>", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			n := int64(len(list))
			start, end := int64(0), n
			if len(a) > 1 && !isNull(a[1]) {
				if start = plain(a[1]).Num(); start < 0 {
					start += n
				}
			}
			if len(a) > 2 && !isNull(a[2]) {
				if end = plain(a[2]).Num(); end < 0 {
					end += n
				}
			}
			return slice(list, start, end), nil
		}),
		"Collapse": lenient("(List<Interval<T>>,Quantity)List<Interval<T>>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			list, ok := asList(a[0])
			if !ok {
				return null, nil
			}
			return ev.collapse(list, a[1])
		}),
		"Expand": lenient("(List<Interval<T>>,Quantity)List<Interval<T>> (Interval<T>,Quantity)List<T>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			v := plain(a[0])
			if isNull(v) {
				return null, nil
			}
			list, ok := asList(v)
			if !ok {
				out, err := ev.expand(v, a[1], true)
				return listValue(out), err
			}
			var all []Value
			for _, i := range list {
				out, err := ev.expand(i, a[1], false)
				if err != nil {
					return null, err
				}
				all = append(all, out...)
				if err := ev.grown(len(all)); err != nil {
					return null, err
				}
			}
			out, err := ev.distinct(all)
			return composite(out), err
		}),
		"Children": strict("(Any)List<Any>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			out := children(a[0])
			return listValue(out), ev.made(len(out))
		}),
		"Descendents": lenient("(Any)List<Any>", func(ev *evaluation, _ *site, a []Value) (Value, error) {
			if isNull(a[0]) {
				return null, nil
			}
			out, err := ev.descendants(a[0], nil)
			return listValue(out), err
		}),
		"ToList": lenient("(T)List<T>", func(_ *evaluation, _ *site, a []Value) (Value, error) {
			if isNull(a[0]) {
				return composite(List{}), nil
			}
			return listValue([]Value{a[0]}), nil
		}),
	}
}

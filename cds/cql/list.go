package cql

import (
	"strconv"

	"cdss/fhir/fhirpath"
)

// Lists. Membership takes null as equal to null; everything else is equality.

// find gives the place of v in a list, -1 where it is not; open tells that it may
// be there.
func (ev *evaluation) find(list List, v Value) (at int, open bool, err error) {
	if err := ev.work(len(list)); err != nil {
		return -1, false, err
	}
	for i, item := range list {
		if ev.spent() {
			return -1, false, ev.work(0)
		}
		switch ev.equalOrBothNull(item, v) {
		case yes:
			return i, false, nil
		case unknown:
			open = open || !isNull(item) && !isNull(v)
		}
	}
	return -1, open, nil
}

// key gives a text that equal values share and others do not, where a value has
// one.
func (ev *evaluation) key(v Value, depth int) (string, bool) {
	v = plain(v)
	switch v.Kind() {
	case 0:
		return "n", true
	case fhirpath.Boolean, fhirpath.Integer, fhirpath.Long:
		return "i" + v.String(), true
	case fhirpath.String:
		return "s" + v.Text(), true
	case fhirpath.Date, fhirpath.DateTime, fhirpath.Time:
		m := v.Moment()
		return "m" + strconv.Itoa(int(m.Precision())) + "@" + strconv.FormatInt(shifted(m, ev.offset).UnixMilli(), 36), true
	case fhirpath.Composite:
		switch c := v.Composite().(type) {
		case *Code:
			return "c" + c.System + "\x00" + c.Code + "\x00" + c.Version + "\x00" + c.Display, true
		case *Tuple:
			if depth > 3 {
				return "", false
			}
			k := "t" + c.Type
			for i, name := range c.Names {
				part, ok := ev.key(c.Values[i], depth+1)
				if !ok {
					return "", false
				}
				k += name + strconv.Itoa(len(part)) + ":" + part
			}
			return k, true
		}
	}
	return "", false
}

// distinct gives each value once, in the order they came.
func (ev *evaluation) distinct(list List) (List, error) {
	if len(list) < 2 {
		return list, nil
	}
	if err := ev.made(len(list)); err != nil {
		return nil, err
	}
	out := make(List, 0, len(list))
	keys := make(map[string]bool, len(list))
	nodes := map[any]bool{}
	var others List // what has no key
	for _, v := range list {
		if k, ok := ev.key(v, 0); ok {
			if !keys[k] {
				keys[k] = true
				out = append(out, v)
			}
			continue
		}
		if n := v.Node(); n != nil {
			if nodes[n] {
				continue
			}
			nodes[n] = true
			if n.ResourceType() != "" && n.Child("id") != nil {
				// Resources of one type with different ids differ.
				k := "r" + n.ResourceType() + "/" + n.Child("id").String()
				if !keys[k] {
					keys[k] = true
					out = append(out, v)
				}
				continue
			}
		}
		at, _, err := ev.find(others, v)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			others = append(others, v)
			out = append(out, v)
		}
	}
	return out, nil
}

func (ev *evaluation) unionLists(a, b List) (Value, error) {
	if err := ev.made(len(a) + len(b)); err != nil {
		return null, err
	}
	all := make(List, 0, len(a)+len(b))
	all = append(append(all, a...), b...)
	out, err := ev.distinct(all)
	return composite(out), err
}

// filterBy keeps what is, or is not, in other.
func (ev *evaluation) filterBy(list, other List, keep bool) (Value, error) {
	out := List{}
	for _, v := range list {
		at, _, err := ev.find(other, v)
		if err != nil {
			return null, err
		}
		if (at >= 0) == keep {
			out = append(out, v)
		}
	}
	out, err := ev.distinct(out)
	return composite(out), err
}

func (ev *evaluation) listContains(list Value, v Value) (tri, error) {
	l, ok := asList(list)
	if !ok {
		return no, nil
	}
	at, open, err := ev.find(l, v)
	switch {
	case at >= 0:
		return yes, err
	case open:
		return unknown, err
	}
	return no, err
}

// listIncludes tells whether all of b is in a.
func (ev *evaluation) listIncludes(a, b Value) (tri, error) {
	_, ok1 := asList(a)
	other, ok2 := asList(b)
	if !ok1 || !ok2 {
		return unknown, nil
	}
	out := yes
	for _, v := range other {
		r, err := ev.listContains(a, v)
		if err != nil {
			return unknown, err
		}
		out = out.and(r)
	}
	return out, nil
}

// listProperContains tells whether v is in a list that holds something else, too.
func (ev *evaluation) listProperContains(list, v Value) (tri, error) {
	l, ok := asList(list)
	if !ok {
		return no, nil
	}
	in, err := ev.listContains(list, v)
	if err != nil || in == no {
		return in, err
	}
	other := no
	for _, item := range l {
		r := ev.equalOrBothNull(item, v)
		if r == unknown && isNull(v) {
			r = no
		}
		other = other.or(r.not())
	}
	return in.and(other), nil
}

// flatten takes lists of lists apart.
func (ev *evaluation) flatten(list List) (List, error) {
	out := List{}
	for _, v := range list {
		if l, ok := asList(v); ok {
			out = append(out, l...)
		} else if !isNull(v) {
			out = append(out, v)
		}
		if err := ev.grown(len(out)); err != nil {
			return nil, err
		}
	}
	return out, ev.work(len(out))
}

// slice gives the items from start to before end.
func slice(list List, start, end int64) Value {
	n := int64(len(list))
	start, end = min(max(start, 0), n), min(max(end, 0), n)
	if start >= end {
		return composite(List{})
	}
	return composite(list[start:end:end])
}

// descendants gives all below a value.
func (ev *evaluation) descendants(v Value, out []Value) ([]Value, error) {
	kids := children(v)
	for _, k := range kids {
		if err := ev.grown(len(out)); err != nil {
			return nil, err
		}
		out = append(out, k)
		var err error
		if out, err = ev.descendants(k, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func children(v Value) []Value {
	switch c := v.Composite().(type) {
	case List:
		var out []Value
		for _, item := range c {
			out = append(out, children(item)...)
		}
		return out
	case *Tuple:
		var out []Value
		for _, item := range c.Values {
			if l, ok := asList(item); ok {
				out = append(out, l...)
			} else if !isNull(item) {
				out = append(out, item)
			}
		}
		return out
	}
	return v.AllChildren()
}

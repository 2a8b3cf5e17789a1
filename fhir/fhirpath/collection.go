package fhirpath

import (
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// Subsetting and combining (N1, sections 5.3 and 5.4).

func collectionFunctions() map[string]function {
	return map[string]function{
		"distinct": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			return ev.union(in, set{})
		}},
		"isDistinct": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			once, err := ev.union(in, set{})
			if err != nil {
				return set{}, err
			}
			if len(once.items) < len(in.items) {
				return falseSet, nil
			}
			if in.unknown != 0 {
				return undetermined(in.unknown), nil
			}
			return trueSet, nil
		}},
		"single": {strict: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			if len(in.items) > 1 {
				return set{}, ev.fail(e.pos, "single() on a list of %d", len(in.items))
			}
			return in, nil
		}},
		"first": {strict: func(_ *evaluation, _ *expr, in set, _ []set) (set, error) {
			return set{items: in.items[:min(1, len(in.items)):min(1, len(in.items))]}, nil
		}},
		"last": {strict: func(_ *evaluation, _ *expr, in set, _ []set) (set, error) {
			return set{items: in.items[max(0, len(in.items)-1):]}, nil
		}},
		"tail": {strict: func(_ *evaluation, _ *expr, in set, _ []set) (set, error) {
			return set{items: in.items[min(1, len(in.items)):]}, nil
		}},
		"skip": {min: 1, max: 1, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			n, ok, err := ev.integer(args[0], e.pos, "the number")
			if err != nil || !ok {
				return set{}, err
			}
			return set{items: in.items[clamp(n, len(in.items)):]}, nil
		}},
		"take": {min: 1, max: 1, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			n, ok, err := ev.integer(args[0], e.pos, "the number")
			if err != nil || !ok {
				return set{}, err
			}
			at := clamp(n, len(in.items))
			return set{items: in.items[:at:at]}, nil
		}},
		"intersect": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			out := set{unknown: in.unknown | args[0].unknown}
			seen := newSeen(ev, false)
			for _, v := range in.items {
				has, err := ev.has(args[0].items, v)
				if err != nil {
					return set{}, err
				}
				if !has {
					continue
				}
				fresh, err := seen.add(v)
				if err != nil {
					return set{}, err
				}
				if fresh {
					out.items = append(out.items, v)
				}
			}
			return out, nil
		}},
		"exclude": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			out := set{unknown: in.unknown | args[0].unknown}
			if args[0].unknown != 0 {
				return out, nil
			}
			for _, v := range in.items {
				has, err := ev.has(args[0].items, v)
				if err != nil {
					return set{}, err
				}
				if !has {
					out.items = append(out.items, v)
				}
			}
			return out, nil
		}},
		"union": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			return ev.union(in, args[0])
		}},
		"combine": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			out := set{unknown: in.unknown | args[0].unknown}
			out.items = append(append(out.items, in.items...), args[0].items...)
			return out, ev.fits(out.items)
		}},
	}
}

func clamp(n int64, most int) int {
	return int(max(0, min(n, int64(most))))
}

// union gives the items of both, each once.
func (ev *evaluation) union(a, b set) (set, error) {
	out := set{unknown: a.unknown | b.unknown, items: ev.take(len(a.items) + len(b.items))}
	seen := newSeen(ev, false)
	for _, list := range []Collection{a.items, b.items} {
		for _, v := range list {
			fresh, err := seen.add(v)
			if err != nil {
				return set{}, err
			}
			if fresh {
				out.items = append(out.items, v)
			}
		}
	}
	return out, ev.fits(out.items)
}

// has tells whether an item equal to v is in list.
func (ev *evaluation) has(list Collection, v Value) (bool, error) {
	for _, w := range list {
		if err := ev.touch(1); err != nil {
			return false, err
		}
		if equal, known := ev.equal(v, w); equal && known {
			return true, nil
		}
	}
	return false, nil
}

// contains is "list contains item" and "item in list".
func (ev *evaluation) contains(list, item set, pos int) (set, error) {
	if item.unknown != 0 {
		if len(list.items) == 0 && list.unknown == 0 {
			return falseSet, nil
		}
		return undetermined(list.unknown | item.unknown), nil
	}
	if len(item.items) == 0 {
		return set{}, nil
	}
	if len(item.items) > 1 {
		return set{}, ev.fail(pos, "a list of %d stands where one item is needed", len(item.items))
	}
	has, err := ev.has(list.items, item.items[0])
	if err != nil {
		return set{}, err
	}
	if !has && list.unknown != 0 {
		return undetermined(list.unknown), nil
	}
	return boolean(has), nil
}

// seen remembers items. Simple values are looked up, the others compared; short
// lists are always compared.
type seen struct {
	ev    *evaluation
	place bool // elements are told apart by where they stand
	few   Collection
	keys  map[string]struct{}
	nodes map[*fhir.Node]struct{}
	other Collection
}

// fewItems is the length up to which comparing is cheaper than a map.
const fewItems = 12

func newSeen(ev *evaluation, place bool) seen { return seen{ev: ev, place: place} }

// add tells whether v is new.
func (s *seen) add(v Value) (bool, error) {
	if s.place && v.kind == Element {
		if _, ok := s.nodes[v.node]; ok {
			return false, nil
		}
		if s.nodes == nil {
			s.nodes = map[*fhir.Node]struct{}{}
		}
		s.nodes[v.node] = struct{}{}
		return true, s.ev.touch(1)
	}
	if s.keys == nil {
		has, err := s.ev.has(s.few, v)
		if err != nil || has {
			return false, err
		}
		s.few = append(s.few, v)
		if len(s.few) > fewItems {
			s.keys = make(map[string]struct{}, 4*fewItems)
			for _, w := range s.few {
				s.keep(w)
			}
		}
		return true, nil
	}
	if err := s.ev.touch(1); err != nil {
		return false, err
	}
	if key, ok := simpleKey(v); ok {
		if _, has := s.keys[key]; has {
			return false, nil
		}
		s.keys[key] = struct{}{}
		return true, nil
	}
	has, err := s.ev.has(s.other, v)
	if err != nil || has {
		return false, err
	}
	s.other = append(s.other, v)
	return true, nil
}

func (s *seen) keep(v Value) {
	if key, ok := simpleKey(v); ok {
		s.keys[key] = struct{}{}
		return
	}
	s.other = append(s.other, v)
}

// simpleKey gives a text that two values share exactly when they are equal,
// for the types where there is one.
func simpleKey(v Value) (string, bool) {
	v = v.system()
	switch v.kind {
	case String:
		return "s" + v.text, true
	case Boolean:
		return "b" + strconv.FormatInt(v.num, 10), true
	case Integer:
		return "n" + strconv.FormatInt(v.num, 10), true
	case Decimal:
		var d apd.Decimal
		d.Reduce(v.dec())
		if d.IsZero() {
			return "n0", true
		}
		return "n" + d.Text('f'), true
	}
	return "", false
}

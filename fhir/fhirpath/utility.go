package fhirpath

import (
	"slices"
	"sync"
	"time"
)

// Utility functions (N1, section 5.9) and sorting.

func utilityFunctions() map[string]function {
	return map[string]function{
		"trace":     {min: 1, max: 2, compile: compileTrace},
		"sort":      {max: 20, compile: compileSort},
		"now":       clockFunction(func(m *Moment) (Kind, *Moment) { return DateTime, m }),
		"today":     clockFunction(func(m *Moment) (Kind, *Moment) { return Date, m.date() }),
		"timeOfDay": clockFunction(func(m *Moment) (Kind, *Moment) { return Time, m.timeOfDay() }),
		"type": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			out := set{unknown: in.unknown}
			for _, v := range in.items {
				out.items = append(out.items, Value{kind: TypeInfo, text: v.Type()})
			}
			return out, nil
		}},
		"comparable": {min: 1, max: 1, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			a, ok1, err := ev.single(in, e.pos, "the input of comparable()")
			if err != nil {
				return set{}, err
			}
			b, ok2, err := ev.single(args[0], e.pos, "the argument of comparable()")
			if err != nil || !ok1 || !ok2 {
				return set{}, err
			}
			if a.kind != Quantity || b.kind != Quantity {
				return set{}, ev.fail(e.pos, "comparable() works on quantities")
			}
			_, ok, known := compareQuantities(a, b)
			return boolean(ok && known), nil
		}},
	}
}

func (m *Moment) date() *Moment {
	y, mo, d := m.wall.Date()
	return &Moment{wall: time.Date(y, mo, d, 0, 0, 0, 0, time.UTC), prec: precDay}
}

func (m *Moment) timeOfDay() *Moment {
	h, mi, s := m.wall.Clock()
	return &Moment{
		wall: time.Date(0, 1, 1, h, mi, s, m.wall.Nanosecond(), time.UTC),
		prec: precSecond, fraction: 3, clock: true,
	}
}

// clockFunction reads the moment of the Env, in its zone.
func clockFunction(f func(m *Moment) (Kind, *Moment)) function {
	return function{certain: func(ev *evaluation, e *expr, _ set, _ []set) (set, error) {
		if ev.env.Now.IsZero() {
			return set{}, ev.fail(e.pos, "%s() needs a moment, and none was given", e.name)
		}
		kind, m := f(fromClock(ev.env.Now))
		return ev.one(Value{kind: kind, x: m}), nil
	}}
}

// compileTrace shows the input, or a projection of it, and passes it on.
func compileTrace(c *compiler, e *expr, in eval) (eval, error) {
	name, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	shown := in
	if len(e.args) > 2 {
		body, err := c.compile(e.args[2])
		if err != nil {
			return nil, err
		}
		shown = lambda(in, body, func(_ *evaluation, _ Collection, r set, out *set) error {
			out.items = append(out.items, r.items...)
			return nil
		})
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		if ev.env.Trace == nil {
			return s, nil
		}
		n, err := name(ev, f)
		if err != nil {
			return set{}, err
		}
		label, _, err := ev.str(n, e.pos, "the name")
		if err != nil {
			return set{}, err
		}
		p := s
		if len(e.args) > 2 {
			if p, err = shown(ev, f); err != nil {
				return set{}, err
			}
		}
		ev.env.Trace(label, append(Collection(nil), p.items...))
		return s, nil
	}, nil
}

// sortKey is one argument of sort(); a minus before it turns the order.
type sortKey struct {
	run  eval
	down bool
	pos  int
}

// compileSort orders by the keys, or by the items themselves. An item without a
// key stands first.
func compileSort(c *compiler, e *expr, in eval) (eval, error) {
	var keys []sortKey
	for _, a := range e.args[1:] {
		k := sortKey{pos: a.pos}
		if a.op == opSign && a.name == "-" {
			a, k.down = a.args[0], true
		}
		var err error
		if k.run, err = c.compile(a); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		keys = []sortKey{{run: func(_ *evaluation, f *frame) (set, error) { return f.this, nil }, pos: e.pos}}
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		type row struct {
			item Value
			keys []Value
		}
		rows := make([]row, 0, len(s.items))
		unknown := s.unknown
		g := ev.child(f)
		for i, v := range s.items {
			r := row{item: v}
			g.this, g.index = set{items: s.items[i : i+1 : i+1]}, i
			for _, k := range keys {
				if err := ev.touch(1); err != nil {
					return set{}, err
				}
				value, err := k.run(ev, g)
				if err != nil {
					return set{}, err
				}
				unknown |= value.unknown
				key, _, err := ev.single(value, k.pos, "the key")
				if err != nil {
					return set{}, err
				}
				r.keys = append(r.keys, key)
			}
			rows = append(rows, r)
		}
		var failed error
		slices.SortStableFunc(rows, func(a, b row) int {
			for i, k := range keys {
				x, y := a.keys[i], b.keys[i]
				ev.steps++
				switch {
				case x.kind == 0 && y.kind == 0:
					continue
				case x.kind == 0:
					return -1
				case y.kind == 0:
					return 1
				}
				order, ok, comparable := compare(x, y)
				if !comparable {
					failed = ev.fail(k.pos, "a %s cannot be compared with a %s", x.kind, y.kind)
					return 0
				}
				if !ok || order == 0 {
					continue
				}
				if k.down {
					return -order
				}
				return order
			}
			return 0
		})
		if failed != nil {
			return set{}, failed
		}
		out := set{items: ev.take(len(rows)), unknown: unknown}
		for _, r := range rows {
			out.items = append(out.items, r.item)
		}
		return out, ev.touch(0)
	}, nil
}

// table holds all functions. It is made once and never changed.
var table struct {
	once sync.Once
	all  map[string]function
}

func functions() map[string]function {
	table.once.Do(func() {
		table.all = map[string]function{}
		for _, group := range []map[string]function{
			existenceFunctions(), collectionFunctions(), stringFunctions(), mathFunctions(), conversionFunctions(),
			treeFunctions(), boundaryFunctions(), utilityFunctions(),
		} {
			for name, f := range group {
				table.all[name] = f
			}
		}
	})
	return table.all
}

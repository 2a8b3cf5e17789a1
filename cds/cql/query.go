package cql

import (
	"slices"
	"sort"

	"cdss/fhir/issue"
)

// sourceCode is a compiled source of a query.
type sourceCode struct {
	run  code
	slot int
	list bool
}

// relationCode is a compiled with or without.
type relationCode struct {
	sourceCode
	without bool
	test    code
}

// sortCode is a compiled sort item; run is nil for the item itself.
type sortCode struct {
	run  code
	desc bool
}

// queryCode is a compiled query.
type queryCode struct {
	at        *site
	sources   []sourceCode
	names     []string
	lets      []sourceCode
	relations []relationCode
	where     code
	ret       code
	distinct  bool
	list      bool // the result is a list
	total     int  // slot of the aggregate
	starting  code
	aggregate code
	aggDist   bool
	sort      []sortCode
	sortSlot  int
}

// query compiles a query.
func (k *checker) query(n *node) (typed, error) {
	q := n.query
	outer, used := k.scope, k.used
	defer func() { k.scope, k.used = outer, used }()
	c := &queryCode{at: k.site(n.pos), sortSlot: -1, total: -1}
	tuple := &Type{kind: kTuple}
	seen := map[string]bool{}
	for _, s := range q.sources {
		if seen[s.alias] {
			return typed{}, k.fail(s.pos, "alias %s stands twice", clip(s.alias))
		}
		seen[s.alias] = true
		src, elem, err := k.source(s)
		if err != nil {
			return typed{}, err
		}
		c.sources, c.names = append(c.sources, src), append(c.names, s.alias)
		c.list = c.list || src.list
		tuple.names, tuple.fields = append(tuple.names, s.alias), append(tuple.fields, elem)
	}
	for _, l := range q.lets {
		t, err := k.expr(l.expr)
		if err != nil {
			return typed{}, err
		}
		s := k.push(l.name, t.typ)
		c.lets = append(c.lets, sourceCode{run: t.run, slot: s.slot})
	}
	for i := range q.relations {
		if err := k.relation(c, &q.relations[i]); err != nil {
			return typed{}, err
		}
	}
	if q.where != nil {
		t, err := k.boolean(q.where)
		if err != nil {
			return typed{}, err
		}
		c.where = t.run
	}
	result := tuple.fields[0]
	if len(c.sources) > 1 {
		result, c.distinct = tuple, true
	}
	switch {
	case q.aggregate != nil:
		return k.aggregate(c, q.aggregate, tuple)
	case q.ret != nil:
		t, err := k.expr(q.ret)
		if err != nil {
			return typed{}, err
		}
		c.ret, c.distinct, result = t.run, !q.retAll, t.typ
	case len(c.sources) > 1:
		items := make([]typed, len(c.sources))
		for i, s := range c.sources {
			items[i] = slot(&scope{slot: s.slot})
		}
		c.ret = tupleCode(tuple.names, items, "", tuple)
	}
	if err := k.sorted(c, q.sort, result, outer); err != nil {
		return typed{}, err
	}
	if c.list {
		result = listOf(result)
	}
	return typed{typ: result, run: c.run}, nil
}

func (k *checker) boolean(n *node) (typed, error) {
	t, err := k.expr(n)
	if err != nil {
		return t, err
	}
	if _, ok := conversion(t.typ, typeBoolean, true); !ok {
		return t, k.fail(n.pos, "a %s is no Boolean", t.typ)
	}
	return k.coerce(t, typeBoolean), nil
}

func (k *checker) source(s sourceNode) (sourceCode, *Type, error) {
	t, err := k.expr(s.expr)
	if err != nil {
		return sourceCode{}, nil, err
	}
	elem, list := t.typ, t.typ.kind == kList
	if list {
		elem = t.typ.elem
	}
	alias := k.push(s.alias, elem)
	return sourceCode{t.run, alias.slot, list}, elem, nil
}

func (k *checker) relation(c *queryCode, r *relationNode) error {
	outer := k.scope
	src, _, err := k.source(r.sourceNode)
	if err != nil {
		return err
	}
	t, err := k.boolean(r.suchThat)
	if err != nil {
		return err
	}
	k.scope = outer
	c.relations = append(c.relations, relationCode{src, r.without, t.run})
	return nil
}

func (k *checker) aggregate(c *queryCode, a *aggregateNode, tuple *Type) (typed, error) {
	total := typeAny
	if a.starting != nil {
		outer := k.scope
		t, err := k.expr(a.starting)
		if err != nil {
			return typed{}, err
		}
		k.scope = outer
		total, c.starting = t.typ, t.run
	}
	s := k.push(a.name, total)
	c.total, c.aggDist = s.slot, a.distinct
	t, err := k.expr(a.expr)
	if err != nil {
		return typed{}, err
	}
	if total.kind == kAny {
		// Once more with what the first round gives.
		if u := t.typ; u.kind != kAny {
			s.typ = u
			if again, err := k.expr(a.expr); err == nil {
				t = again
			}
		}
		total = t.typ
	} else if _, ok := conversion(t.typ, total, true); !ok {
		total = t.typ
	}
	c.aggregate = t.run
	if c.aggDist {
		items := make([]typed, len(c.sources))
		for i, src := range c.sources {
			items[i] = slot(&scope{slot: src.slot})
		}
		c.ret = tupleCode(tuple.names, items, "", tuple)
	}
	return typed{typ: total, run: c.fold}, nil
}

func (k *checker) sorted(c *queryCode, items []sortNode, elem *Type, outer *scope) error {
	if len(items) == 0 {
		return nil
	}
	k.scope = outer
	this := k.push("$this", elem)
	this.fields = true
	c.sortSlot = this.slot
	for _, s := range items {
		if s.expr == nil {
			c.sort = append(c.sort, sortCode{desc: s.desc})
			continue
		}
		t, err := k.expr(s.expr)
		if err != nil {
			return err
		}
		c.sort = append(c.sort, sortCode{t.run, s.desc})
	}
	return nil
}

// each calls f for each combination of the sources' items that passes.
func (c *queryCode) each(ev *evaluation, f *frame, at int, call func() error) error {
	if at == len(c.sources) {
		ok, err := c.passes(ev, f)
		if err != nil || !ok {
			return err
		}
		return call()
	}
	s := &c.sources[at]
	v, err := s.run(ev, f)
	if err != nil {
		return err
	}
	if !s.list {
		if isNull(v) && len(c.sources) > 1 {
			return nil
		}
		f.slots[s.slot] = v
		return c.each(ev, f, at+1, call)
	}
	items, _ := asList(v)
	for _, item := range items {
		ev.at = c.at
		if err := ev.work(1); err != nil {
			return err
		}
		f.slots[s.slot] = item
		if err := c.each(ev, f, at+1, call); err != nil {
			return err
		}
	}
	return nil
}

// passes computes the lets and looks at relations and where.
func (c *queryCode) passes(ev *evaluation, f *frame) (bool, error) {
	for _, l := range c.lets {
		v, err := l.run(ev, f)
		if err != nil {
			return false, err
		}
		f.slots[l.slot] = v
	}
	for i := range c.relations {
		ok, err := c.relations[i].holds(ev, f, c.at)
		if err != nil || !ok {
			return false, err
		}
	}
	if c.where == nil {
		return true, nil
	}
	v, err := c.where(ev, f)
	return triOf(v) == yes, err
}

func (r *relationCode) holds(ev *evaluation, f *frame, at *site) (bool, error) {
	v, err := r.run(ev, f)
	if err != nil {
		return false, err
	}
	items, ok := asList(v)
	if !ok && !isNull(v) {
		items = List{v}
	}
	for _, item := range items {
		ev.at = at
		if err := ev.work(1); err != nil {
			return false, err
		}
		f.slots[r.slot] = item
		t, err := r.test(ev, f)
		if err != nil {
			return false, err
		}
		if triOf(t) == yes {
			return !r.without, nil
		}
	}
	return r.without, nil
}

// run evaluates a query that returns its rows.
func (c *queryCode) run(ev *evaluation, f *frame) (Value, error) {
	if len(c.sources) == 1 && c.list {
		// A source that is null gives null and no empty list.
		v, err := c.sources[0].run(ev, f)
		if err != nil || isNull(v) {
			return null, err
		}
		own := *c
		own.sources = []sourceCode{{run: func(*evaluation, *frame) (Value, error) { return v, nil }, slot: c.sources[0].slot, list: true}}
		return own.rows(ev, f)
	}
	return c.rows(ev, f)
}

func (c *queryCode) rows(ev *evaluation, f *frame) (Value, error) {
	out := List{}
	err := c.each(ev, f, 0, func() error {
		row := f.slots[c.sources[0].slot]
		if c.ret != nil {
			var err error
			if row, err = c.ret(ev, f); err != nil {
				return err
			}
		}
		out = append(out, row)
		if len(out)&255 == 0 {
			ev.at = c.at
			ev.count += 255
			return ev.grown(len(out))
		}
		return nil
	})
	if err != nil {
		return null, err
	}
	ev.at = c.at
	if err := ev.grown(len(out)); err != nil {
		return null, err
	}
	if !c.list {
		if len(out) == 0 {
			return null, nil
		}
		return out[0], nil
	}
	if c.ret != nil && c.distinct {
		if out, err = ev.distinct(out); err != nil {
			return null, err
		}
	}
	if len(c.sort) > 0 {
		if out, err = c.sortRows(ev, f, out); err != nil {
			return null, err
		}
	}
	return composite(out), nil
}

// fold evaluates an aggregate.
func (c *queryCode) fold(ev *evaluation, f *frame) (Value, error) {
	var total Value
	if c.starting != nil {
		var err error
		if total, err = c.starting(ev, f); err != nil {
			return null, err
		}
	}
	step := func() error {
		f.slots[c.total] = total
		v, err := c.aggregate(ev, f)
		total = v
		return err
	}
	if !c.aggDist {
		if err := c.each(ev, f, 0, step); err != nil {
			return null, err
		}
		return total, nil
	}
	var rows List
	err := c.each(ev, f, 0, func() error {
		row, err := c.ret(ev, f)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		return ev.grown(len(rows))
	})
	if err != nil {
		return null, err
	}
	if rows, err = ev.distinct(rows); err != nil {
		return null, err
	}
	for _, row := range rows {
		t := row.Composite().(*Tuple)
		for i, s := range c.sources {
			f.slots[s.slot] = t.Values[i]
		}
		for _, l := range c.lets {
			if f.slots[l.slot], err = l.run(ev, f); err != nil {
				return null, err
			}
		}
		if err := step(); err != nil {
			return null, err
		}
	}
	return total, nil
}

// sortRows orders rows by the keys of the sort clause, null first.
func (c *queryCode) sortRows(ev *evaluation, f *frame, rows List) (List, error) {
	type keyed struct {
		row  Value
		keys []Value
	}
	list := make([]keyed, len(rows))
	for i, row := range rows {
		list[i].row = row
		f.slots[c.sortSlot] = row
		for _, s := range c.sort {
			v := row
			if s.run != nil {
				var err error
				if v, err = s.run(ev, f); err != nil {
					return nil, err
				}
			}
			list[i].keys = append(list[i].keys, plain(v))
		}
	}
	if err := ev.work(8 * len(rows)); err != nil {
		return nil, err
	}
	known := true
	sort.SliceStable(list, func(i, j int) bool {
		for n, s := range c.sort {
			o, ok := ev.sortOrder(list[i].keys[n], list[j].keys[n])
			known = known && ok
			if o != 0 {
				return (o < 0) != s.desc
			}
		}
		return false
	})
	if !known {
		return nil, c.at.fail(issue.Processing, "the items have no order")
	}
	out := make(List, len(list))
	for i := range list {
		out[i] = list[i].row
	}
	return slices.Clip(out), nil
}

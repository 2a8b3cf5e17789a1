package fhirpath

// Existence, filtering and projection (N1, sections 5.1 and 5.2), with what is
// certain of a collection that rests on something unknown.

func existenceFunctions() map[string]function {
	return map[string]function{
		"empty": {certain: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			return some(in, false), nil
		}},
		"exists": {max: 1, compile: compileExists},
		"not": {strict: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			t, err := ev.truth(in, e.pos)
			if err != nil || t == isEmpty {
				return set{}, err
			}
			return boolean(t == isFalse), nil
		}},
		"all": {min: 1, max: 1, compile: compileAll},
		"allTrue": {certain: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			return ev.quantify(in, e, false, false)
		}},
		"allFalse": {certain: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			return ev.quantify(in, e, true, false)
		}},
		"anyTrue": {certain: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			return ev.quantify(in, e, true, true)
		}},
		"anyFalse": {certain: func(ev *evaluation, e *expr, in set, _ []set) (set, error) {
			return ev.quantify(in, e, false, true)
		}},
		"count": {strict: func(ev *evaluation, _ *expr, in set, _ []set) (set, error) {
			return ev.one(FromInt(int64(len(in.items)))), nil
		}},
		"subsetOf": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			return ev.subset(in, args[0])
		}},
		"supersetOf": {min: 1, max: 1, certain: func(ev *evaluation, _ *expr, in set, args []set) (set, error) {
			return ev.subset(args[0], in)
		}},
		"where":     {min: 1, max: 1, compile: compileWhere},
		"select":    {min: 1, max: 1, compile: compileSelect},
		"repeat":    {min: 1, max: 1, compile: compileRepeat},
		"aggregate": {min: 1, max: 2, compile: compileAggregate},
		"iif":       {min: 2, max: 3, compile: compileIif},
	}
}

// some answers whether there is an item, as found or negated: one that is
// certain settles it.
func some(in set, found bool) set {
	if len(in.items) > 0 {
		return boolean(found)
	}
	if in.unknown != 0 {
		return undetermined(in.unknown)
	}
	return boolean(!found)
}

// quantify looks for an item of value look: finding one gives found, else its
// opposite, unless more items may be there.
func (ev *evaluation) quantify(in set, e *expr, look, found bool) (set, error) {
	hit := false
	for _, v := range in.items {
		b, ok := v.Bool()
		if !ok {
			return set{}, ev.fail(e.pos, "%s() works on booleans", e.name)
		}
		hit = hit || b == look
	}
	switch {
	case hit:
		return boolean(found), nil
	case in.unknown != 0:
		return undetermined(in.unknown), nil
	}
	return boolean(!found), nil
}

// subset answers whether all of a are in b.
func (ev *evaluation) subset(a, b set) (set, error) {
	missing := false
	for _, v := range a.items {
		in, err := ev.has(b.items, v)
		if err != nil {
			return set{}, err
		}
		missing = missing || !in
	}
	switch {
	case missing && b.unknown == 0:
		return falseSet, nil
	case missing || a.unknown != 0:
		return undetermined(a.unknown | b.unknown), nil
	}
	return trueSet, nil
}

// lambda evaluates body on each item and hands the result to visit.
func lambda(in, body eval, visit func(ev *evaluation, item Collection, r set, out *set) error) eval {
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		out := set{unknown: s.unknown}
		if len(s.items) == 0 {
			return out, nil
		}
		g := ev.child(f)
		for i := range s.items {
			if err := ev.touch(1); err != nil {
				return set{}, err
			}
			item := s.items[i : i+1 : i+1]
			g.this, g.index = set{items: item}, i
			r, err := body(ev, g)
			if err != nil {
				return set{}, err
			}
			if err := visit(ev, item, r, &out); err != nil {
				return set{}, err
			}
		}
		return out, ev.fits(out.items)
	}
}

// filter keeps the items for which the criteria hold; one for which they are
// undetermined is not certain to be kept.
func (c *compiler) filter(e *expr, in eval) (eval, error) {
	body, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	return lambda(in, body, func(ev *evaluation, item Collection, r set, out *set) error {
		t, err := ev.truth(r, e.pos)
		if err != nil {
			return err
		}
		switch t {
		case isTrue:
			out.items = append(out.items, item[0])
		case isUnknown:
			out.unknown |= r.unknown
		}
		return nil
	}), nil
}

func compileWhere(c *compiler, e *expr, in eval) (eval, error) { return c.filter(e, in) }

func compileExists(c *compiler, e *expr, in eval) (eval, error) {
	if len(e.args) > 1 {
		var err error
		if in, err = c.filter(e, in); err != nil {
			return nil, err
		}
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		return some(s, true), nil
	}, nil
}

func compileAll(c *compiler, e *expr, in eval) (eval, error) {
	body, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	// The items for which the criteria do not hold.
	failing := lambda(in, body, func(ev *evaluation, item Collection, r set, out *set) error {
		t, err := ev.truth(r, e.pos)
		if err != nil {
			return err
		}
		switch t {
		case isFalse, isEmpty:
			out.items = append(out.items, item[0])
		case isUnknown:
			out.unknown |= r.unknown
		}
		return nil
	})
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := failing(ev, f)
		if err != nil {
			return set{}, err
		}
		return some(s, false), nil
	}, nil
}

func compileSelect(c *compiler, e *expr, in eval) (eval, error) {
	body, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	return lambda(in, body, func(ev *evaluation, _ Collection, r set, out *set) error {
		out.items = append(out.items, r.items...)
		out.unknown |= r.unknown
		return ev.fits(out.items)
	}), nil
}

// compileRepeat applies the projection to what it finds until nothing new
// comes. Elements are told apart by where they stand, other values by equality.
func compileRepeat(c *compiler, e *expr, in eval) (eval, error) {
	body, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		out := set{unknown: s.unknown}
		seen := newSeen(ev, true)
		g := ev.child(f)
		queue := s.items
		for len(queue) > 0 {
			if err := ev.touch(1); err != nil {
				return set{}, err
			}
			g.this, g.index = set{items: queue[0:1:1]}, 0
			queue = queue[1:]
			r, err := body(ev, g)
			if err != nil {
				return set{}, err
			}
			out.unknown |= r.unknown
			for _, v := range r.items {
				fresh, err := seen.add(v)
				if err != nil {
					return set{}, err
				}
				if fresh {
					out.items = append(out.items, v)
					queue = append(queue[:len(queue):len(queue)], v)
				}
			}
			if err := ev.fits(out.items); err != nil {
				return set{}, err
			}
		}
		return out, nil
	}, nil
}

func compileAggregate(c *compiler, e *expr, in eval) (eval, error) {
	body, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	start := func(*evaluation, *frame) (set, error) { return set{}, nil }
	if len(e.args) > 2 {
		if start, err = c.compile(e.args[2]); err != nil {
			return nil, err
		}
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		total, err := start(ev, f)
		if err != nil {
			return set{}, err
		}
		g := ev.child(f)
		for i := range s.items {
			if err := ev.touch(1); err != nil {
				return set{}, err
			}
			before := total
			g.this, g.index, g.total = set{items: s.items[i : i+1 : i+1]}, i, &before
			if total, err = body(ev, g); err != nil {
				return set{}, err
			}
			if err := ev.fits(total.items); err != nil {
				return set{}, err
			}
		}
		if s.unknown != 0 {
			return undetermined(s.unknown | total.unknown), nil
		}
		return total, nil
	}, nil
}

// compileIif evaluates only the branch that is taken. Where the condition is
// undetermined the result is certain only if both branches agree.
func compileIif(c *compiler, e *expr, in eval) (eval, error) {
	parts := make([]eval, 3)
	for i, a := range e.args[1:] {
		var err error
		if parts[i], err = c.compile(a); err != nil {
			return nil, err
		}
	}
	if parts[2] == nil {
		parts[2] = func(*evaluation, *frame) (set, error) { return set{}, nil }
	}
	method := e.args[0] != nil
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		g := f
		if method {
			if len(s.items) > 1 {
				return set{}, ev.fail(e.pos, "iif() works on one item, not on %d", len(s.items))
			}
			g = ev.child(f)
			g.this = s
		}
		cond, err := parts[0](ev, g)
		if err != nil {
			return set{}, err
		}
		if cond.unknown == 0 {
			b, ok := false, true
			if len(cond.items) == 1 {
				b, ok = cond.items[0].Bool()
			}
			switch {
			case len(cond.items) > 1 || !ok:
				return set{}, ev.fail(e.pos, "the condition of iif() is no boolean")
			case b:
				return parts[1](ev, g)
			}
			return parts[2](ev, g)
		}
		// A branch that cannot be evaluated may be the one that would not be.
		yes, err1 := parts[1](ev, g)
		no, err2 := parts[2](ev, g)
		if err1 == nil && err2 == nil && yes.unknown|no.unknown == 0 && ev.same(yes.items, no.items) {
			return yes, nil
		}
		return undetermined(cond.unknown | yes.unknown | no.unknown), nil
	}, nil
}

// same tells whether two collections are equal item by item.
func (ev *evaluation) same(a, b Collection) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if equal, known := ev.equal(a[i], b[i]); !equal || !known {
			return false
		}
	}
	return true
}

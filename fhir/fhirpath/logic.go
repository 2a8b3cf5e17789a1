package fhirpath

// truth is the value of an operand of and, or, xor, implies.
type truth uint8

const (
	isFalse truth = iota
	isTrue
	isEmpty
	isUnknown
)

// truth reads s as an operand: a single value that is no boolean counts as
// true (N1, "Singleton Evaluation of Collections").
func (ev *evaluation) truth(s set, pos int) (truth, error) {
	if s.unknown != 0 {
		return isUnknown, nil
	}
	switch len(s.items) {
	case 0:
		return isEmpty, nil
	case 1:
		v := s.items[0]
		if v.kind != Boolean {
			v = v.system()
		}
		if v.kind == Boolean && v.num == 0 {
			return isFalse, nil
		}
		return isTrue, nil
	}
	return 0, ev.fail(pos, "a condition is a list of %d", len(s.items))
}

// logic compiles and, or, xor, implies. They are Kleene's, with one value more:
// an operand that rests on something unknown makes the result undetermined,
// unless the other one settles it.
func (c *compiler) logic(e *expr, left, right eval) eval {
	// settles gives the result that the left or the right operand alone forces.
	var settlesLeft, settlesRight func(truth) (result, ok bool)
	var both func(l, r truth) truth
	never := func(truth) (bool, bool) { return false, false }
	switch e.name {
	case "and":
		settlesLeft = func(t truth) (bool, bool) { return false, t == isFalse }
		settlesRight = settlesLeft
		both = func(l, r truth) truth {
			if l == isEmpty || r == isEmpty {
				return isEmpty
			}
			return isTrue
		}
	case "or":
		settlesLeft = func(t truth) (bool, bool) { return true, t == isTrue }
		settlesRight = settlesLeft
		both = func(l, r truth) truth {
			if l == isEmpty || r == isEmpty {
				return isEmpty
			}
			return isFalse
		}
	case "implies":
		settlesLeft = func(t truth) (bool, bool) { return true, t == isFalse }
		settlesRight = func(t truth) (bool, bool) { return true, t == isTrue }
		both = func(l, r truth) truth {
			if l == isEmpty || r == isEmpty {
				return isEmpty
			}
			return isFalse
		}
	default: // xor
		settlesLeft, settlesRight = never, never
		both = func(l, r truth) truth {
			switch {
			case l == isEmpty || r == isEmpty:
				return isEmpty
			case l != r:
				return isTrue
			}
			return isFalse
		}
	}
	xor := e.name == "xor"
	return func(ev *evaluation, f *frame) (set, error) {
		ls, err := left(ev, f)
		if err != nil {
			return set{}, err
		}
		l, err := ev.truth(ls, e.pos)
		if err != nil {
			return set{}, err
		}
		if result, ok := settlesLeft(l); ok {
			return boolean(result), nil
		}
		rs, err := right(ev, f)
		if err != nil {
			return set{}, err
		}
		r, err := ev.truth(rs, e.pos)
		if err != nil {
			return set{}, err
		}
		if result, ok := settlesRight(r); ok {
			return boolean(result), nil
		}
		if l == isUnknown || r == isUnknown {
			if xor && (l == isEmpty || r == isEmpty) {
				return set{}, nil
			}
			return undetermined(ls.unknown | rs.unknown), nil
		}
		switch both(l, r) {
		case isTrue:
			return trueSet, nil
		case isFalse:
			return falseSet, nil
		}
		return set{}, nil
	}
}

// binary compiles an operator with two operands.
func (c *compiler) binary(e *expr) (eval, error) {
	left, err := c.compile(e.args[0])
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	var f func(ev *evaluation, l, r set, e *expr) (set, error)
	switch e.name {
	case "and", "or", "xor", "implies":
		return c.logic(e, left, right), nil
	case "|":
		return both(left, right, func(ev *evaluation, l, r set) (set, error) { return ev.union(l, r) }), nil
	case "in":
		return both(left, right, func(ev *evaluation, l, r set) (set, error) { return ev.contains(r, l, e.pos) }), nil
	case "contains":
		return both(left, right, func(ev *evaluation, l, r set) (set, error) { return ev.contains(l, r, e.pos) }), nil
	case "=", "!=":
		f = equality
	case "~", "!~":
		f = equivalence
	case "<", ">", "<=", ">=":
		f = comparison
	case "&":
		f = concatenation
	default:
		f = arithmetic
	}
	return both(left, right, func(ev *evaluation, l, r set) (set, error) {
		if unknown := l.unknown | r.unknown; unknown != 0 {
			return undetermined(unknown), nil
		}
		return f(ev, l, r, e)
	}), nil
}

// both evaluates two operands and applies f.
func both(left, right eval, f func(ev *evaluation, l, r set) (set, error)) eval {
	return func(ev *evaluation, fr *frame) (set, error) {
		l, err := left(ev, fr)
		if err != nil {
			return set{}, err
		}
		r, err := right(ev, fr)
		if err != nil {
			return set{}, err
		}
		if err := ev.touch(1); err != nil {
			return set{}, err
		}
		return f(ev, l, r)
	}
}

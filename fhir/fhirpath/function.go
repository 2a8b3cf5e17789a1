package fhirpath

import "fmt"

// function is how a function of the language is compiled. Exactly one of
// compile, strict and certain is set.
type function struct {
	min, max int // arguments
	// compile makes the function by hand: those with an expression as argument.
	compile func(c *compiler, e *expr, in eval) (eval, error)
	// strict gets evaluated arguments, and is not called when one of them, or
	// the input, rests on something unknown: the result is then undetermined.
	strict func(ev *evaluation, e *expr, in set, args []set) (set, error)
	// certain is called with the marks still on: it says itself what is certain.
	certain func(ev *evaluation, e *expr, in set, args []set) (set, error)
}

func (c *compiler) function(e *expr) (eval, error) {
	if typeFunctions[e.name] {
		if len(e.args) > 1 || e.typ.name == "" {
			return nil, c.fail(e.pos, "%s() takes one type", e.name)
		}
		if e.name != "ofType" {
			return c.typeOperator(e, e.args[0])
		}
		return c.ofType(e)
	}
	fn, ok := functions()[e.name]
	if !ok {
		return nil, c.fail(e.pos, "no function %s()", clip(e.name))
	}
	if n := len(e.args) - 1; n < fn.min || n > fn.max {
		want := fmt.Sprint(fn.min)
		if fn.max != fn.min {
			want = fmt.Sprintf("%d to %d", fn.min, fn.max)
		}
		return nil, c.fail(e.pos, "%s() takes %s arguments, not %d", e.name, want, n)
	}
	in, err := c.input(e.args[0])
	if err != nil {
		return nil, err
	}
	if fn.compile != nil {
		return fn.compile(c, e, in)
	}
	args := make([]eval, 0, len(e.args)-1)
	for _, a := range e.args[1:] {
		arg, err := c.compile(a)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		if err := ev.touch(len(s.items)); err != nil {
			return set{}, err
		}
		unknown := s.unknown
		var room [3]set
		values := room[:0]
		for _, arg := range args {
			v, err := arg(ev, f)
			if err != nil {
				return set{}, err
			}
			unknown |= v.unknown
			values = append(values, v)
		}
		if fn.certain != nil {
			return fn.certain(ev, e, s, values)
		}
		if unknown != 0 {
			return undetermined(unknown), nil
		}
		return fn.strict(ev, e, s, values)
	}, nil
}

// ofType keeps the items of a type.
func (c *compiler) ofType(e *expr) (eval, error) {
	in, err := c.input(e.args[0])
	if err != nil {
		return nil, err
	}
	ref, err := c.lookUp(e.typ, e.pos)
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		if err := ev.touch(len(s.items)); err != nil {
			return set{}, err
		}
		out := set{items: ev.take(len(s.items)), unknown: s.unknown}
		for _, v := range s.items {
			if ev.matches(v, ref, true) {
				out.items = append(out.items, v)
			}
		}
		return out, nil
	}, nil
}

// text gives a string that was made, within the limit.
func (ev *evaluation) text(s string, pos int) (set, error) {
	if len(s) > ev.limits.Text {
		return set{}, ev.fail(pos, "a text of more than %d bytes", ev.limits.Text)
	}
	ev.steps += len(s) >> 6
	return ev.one(FromString(s)), nil
}

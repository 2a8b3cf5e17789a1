package fhirpath

import (
	"github.com/cockroachdb/apd/v3"
)

// Mathematics (N1, section 5.7). What has no result in the decimals is empty.

// onNumber makes a function of a number and at most one number more.
func onNumber(args int, f func(x *apd.Decimal, args []*apd.Decimal, whole bool) (Value, bool)) function {
	return function{min: args, max: args, strict: func(ev *evaluation, e *expr, in set, rest []set) (set, error) {
		v, ok, err := ev.single(in, e.pos, "the input of "+e.name+"()")
		if err != nil || !ok {
			return set{}, err
		}
		x, isNumber := v.number()
		if v.kind == Quantity {
			x, isNumber = v.dec(), true
		}
		if !isNumber {
			return set{}, ev.fail(e.pos, "%s() works on numbers, not on a %s", e.name, v.kind)
		}
		var list []*apd.Decimal
		whole := v.kind == Integer
		for _, a := range rest {
			w, ok, err := ev.single(a, e.pos, "the argument of "+e.name+"()")
			if err != nil || !ok {
				return set{}, err
			}
			y, isNumber := w.number()
			if !isNumber {
				return set{}, ev.fail(e.pos, "%s() works on numbers, not on a %s", e.name, w.kind)
			}
			whole = whole && w.kind == Integer
			list = append(list, y)
		}
		ev.steps += 50
		out, ok := f(x, list, whole)
		if !ok {
			return set{}, nil
		}
		if v.kind == Quantity {
			d, isNumber := out.number()
			if !isNumber || !keepsUnit[e.name] {
				return set{}, ev.fail(e.pos, "%s() works on numbers, not on a Quantity", e.name)
			}
			out = Value{kind: Quantity, x: d, text: v.text}
		}
		return ev.one(out), nil
	}}
}

// keepsUnit names the functions that make sense of a quantity.
var keepsUnit = map[string]bool{"abs": true, "ceiling": true, "floor": true, "truncate": true, "round": true}

// rounded makes a function that gives an Integer.
func rounded(how apd.Rounder) function {
	ctx := wide
	ctx.Rounding = how
	return onNumber(0, func(x *apd.Decimal, _ []*apd.Decimal, _ bool) (Value, bool) {
		var d apd.Decimal
		if !quantize(&ctx, &d, x, 0) {
			return Value{}, false
		}
		i, err := d.Int64()
		return FromInt(i), err == nil
	})
}

// computed makes a function that apd computes.
func computed(f func(d, x *apd.Decimal) (apd.Condition, error), domain func(x *apd.Decimal) bool) function {
	return onNumber(0, func(x *apd.Decimal, _ []*apd.Decimal, _ bool) (Value, bool) {
		if !domain(x) {
			return Value{}, false
		}
		d := new(apd.Decimal)
		if cond, err := f(d, x); err != nil || cond.Overflow() {
			return Value{}, false
		}
		return tidy(d)
	})
}

// tidy gives a computed decimal without trailing zeros or a positive exponent.
func tidy(d *apd.Decimal) (Value, bool) {
	if d.Form != apd.Finite {
		return Value{}, false
	}
	d.Reduce(d)
	if d.Exponent > 0 {
		if !quantize(&wide, d, d, 0) {
			return Value{}, false
		}
	}
	return Value{kind: Decimal, x: d}, true
}

// small tells whether exp, ln and powers of x stay cheap.
func small(x *apd.Decimal) bool {
	return x.Exponent+int32(x.NumDigits()) <= 4 && x.Exponent > -100
}

func positive(x *apd.Decimal) bool { return x.Sign() > 0 && x.Exponent > -100 && x.Exponent < 100 }

func mathFunctions() map[string]function {
	return map[string]function{
		"ceiling":  rounded(apd.RoundCeiling),
		"floor":    rounded(apd.RoundFloor),
		"truncate": rounded(apd.RoundDown),
		"abs": onNumber(0, func(x *apd.Decimal, _ []*apd.Decimal, whole bool) (Value, bool) {
			d := new(apd.Decimal)
			d.Abs(x)
			if !whole {
				return Value{kind: Decimal, x: d}, true
			}
			i, err := d.Int64()
			return FromInt(i), err == nil
		}),
		"sqrt": computed(wide.Sqrt, func(x *apd.Decimal) bool { return x.Sign() >= 0 }),
		"exp":  computed(wide.Exp, small),
		"ln":   computed(wide.Ln, positive),
		"log": onNumber(1, func(x *apd.Decimal, args []*apd.Decimal, _ bool) (Value, bool) {
			base := args[0]
			if !positive(x) || !positive(base) {
				return Value{}, false
			}
			var a, b apd.Decimal
			if _, err := wide.Ln(&a, x); err != nil {
				return Value{}, false
			}
			if _, err := wide.Ln(&b, base); err != nil || b.IsZero() {
				return Value{}, false
			}
			d := new(apd.Decimal)
			if _, err := wide.Quo(d, &a, &b); err != nil {
				return Value{}, false
			}
			// Two roundings lie behind: 16.log(2) is 4, not 3.999….
			if !quantize(&wide, d, d, -28) {
				return Value{}, false
			}
			return tidy(d)
		}),
		"power": onNumber(1, func(x *apd.Decimal, args []*apd.Decimal, whole bool) (Value, bool) {
			y := args[0]
			if !small(y) || x.Sign() < 0 && !isWhole(y) || x.IsZero() && y.Sign() < 0 {
				return Value{}, false
			}
			d := new(apd.Decimal)
			if cond, err := wide.Pow(d, x, y); err != nil || cond.Overflow() {
				return Value{}, false
			}
			v, ok := tidy(d)
			if ok && whole && y.Sign() >= 0 {
				if i, err := d.Int64(); err == nil {
					return FromInt(i), true
				}
			}
			return v, ok
		}),
		"round": {max: 1, strict: func(ev *evaluation, e *expr, in set, args []set) (set, error) {
			places := int64(0)
			if len(args) > 0 {
				n, ok, err := ev.integer(args[0], e.pos, "the precision")
				if err != nil || !ok {
					return set{}, err
				}
				if n < 0 || n > 28 {
					return set{}, ev.fail(e.pos, "the precision is not within 0 and 28")
				}
				places = n
			}
			return onNumber(0, func(x *apd.Decimal, _ []*apd.Decimal, _ bool) (Value, bool) {
				d := new(apd.Decimal)
				if x.Exponent >= -int32(places) {
					d.Set(x)
				} else if !quantize(&wide, d, x, -int32(places)) {
					return Value{}, false
				}
				return Value{kind: Decimal, x: d}, true
			}).strict(ev, e, in, nil)
		}},
	}
}

func isWhole(d *apd.Decimal) bool {
	var r apd.Decimal
	r.Reduce(d)
	return r.Exponent >= 0
}

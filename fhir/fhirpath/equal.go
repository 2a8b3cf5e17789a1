package fhirpath

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// equality is = and != (N1, "Equality"): empty where an operand is empty or
// precisions leave it open.
func equality(ev *evaluation, l, r set, e *expr) (set, error) {
	if len(l.items) == 0 || len(r.items) == 0 {
		return set{}, nil
	}
	negate := e.name == "!="
	if len(l.items) != len(r.items) {
		return boolean(negate), nil
	}
	open := false
	for i := range l.items {
		if err := ev.touch(1); err != nil {
			return set{}, err
		}
		equal, known := ev.equal(l.items[i], r.items[i])
		switch {
		case !known:
			open = true
		case !equal:
			return boolean(negate), nil
		}
	}
	if open {
		return set{}, nil
	}
	return boolean(!negate), nil
}

// equal compares two items; known is false where the answer is open.
func (ev *evaluation) equal(a, b Value) (equal, known bool) {
	if a.kind == Element && b.kind == Element && a.node == b.node {
		return true, true
	}
	a, b = a.system(), b.system()
	if a.kind == Element || b.kind == Element {
		if a.kind != b.kind {
			return false, true
		}
		ev.steps += 8
		return equalNodes(a.node, b.node), true
	}
	switch {
	case a.kind == String && b.kind == String:
		return a.text == b.text, true
	case a.kind == Boolean && b.kind == Boolean, a.kind == Integer && b.kind == Integer:
		return a.num == b.num, true
	case a.kind == TypeInfo && b.kind == TypeInfo:
		return a.text == b.text, true
	case a.kind == Quantity || b.kind == Quantity:
		c, ok, comparable := compareQuantities(a, b)
		return comparable && ok && c == 0, comparable
	case isMoment(a.kind) && isMoment(b.kind):
		if (a.kind == Time) != (b.kind == Time) {
			return false, true
		}
		return a.moment().equal(b.moment())
	}
	x, ok1 := a.number()
	y, ok2 := b.number()
	return ok1 && ok2 && x.Cmp(y) == 0, true
}

func isMoment(k Kind) bool { return k == Date || k == DateTime || k == Time }

// equalNodes compares elements by their children, whatever the order of the
// members.
func equalNodes(a, b *fhir.Node) bool {
	if a == b {
		return true
	}
	if a.HasValue() || b.HasValue() {
		return a.Kind() == b.Kind() && equalText(a, b)
	}
	fields := 0
	for name, nodes := range a.Fields() {
		others := b.Children(name)
		if len(nodes) != len(others) {
			return false
		}
		for i := range nodes {
			if !equalNodes(nodes[i], others[i]) {
				return false
			}
		}
		fields++
	}
	for range b.Fields() {
		fields--
	}
	return fields == 0
}

func equalText(a, b *fhir.Node) bool {
	if a.String() == b.String() {
		return true
	}
	x, ok1 := a.Decimal()
	y, ok2 := b.Decimal()
	return ok1 && ok2 && x.Cmp(&y) == 0
}

// equivalence is ~ and !~ (N1, "Equivalence"): order, case and white space do
// not count, numbers are compared at the lesser precision.
func equivalence(ev *evaluation, l, r set, e *expr) (set, error) {
	negate := e.name == "!~"
	if len(l.items) != len(r.items) {
		return boolean(negate), nil
	}
	free := append(Collection(nil), r.items...)
	for _, a := range l.items {
		at := -1
		for i, b := range free {
			if err := ev.touch(1); err != nil {
				return set{}, err
			}
			if ev.equivalent(a, b) {
				at = i
				break
			}
		}
		if at < 0 {
			return boolean(negate), nil
		}
		free = append(free[:at], free[at+1:]...)
	}
	return boolean(!negate), nil
}

func (ev *evaluation) equivalent(a, b Value) bool {
	a, b = a.system(), b.system()
	if a.kind == Element || b.kind == Element {
		return a.kind == b.kind && equivalentNodes(a.node, b.node)
	}
	switch {
	case a.kind == String && b.kind == String:
		return plainText(a.text) == plainText(b.text)
	case isMoment(a.kind) && isMoment(b.kind):
		x, y := a.moment(), b.moment()
		if x.prec != y.prec || x.clock != y.clock {
			return false
		}
		c, ok := x.compare(y)
		return ok && c == 0
	case a.kind == Quantity && b.kind == Quantity:
		return equivalentQuantities(a, b)
	}
	x, ok1 := a.number()
	y, ok2 := b.number()
	if ok1 && ok2 {
		return equivalentNumbers(x, y)
	}
	equal, known := ev.equal(a, b)
	return known && equal
}

// plainText folds case and white space.
func plainText(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// equivalentNumbers rounds both to the fewer decimals; trailing zeros do not
// count as precision.
func equivalentNumbers(x, y *apd.Decimal) bool {
	if x.Cmp(y) == 0 {
		return true
	}
	places := min(decimals(x), decimals(y))
	var a, b apd.Decimal
	if !quantize(&wide, &a, x, -places) {
		return false
	}
	if !quantize(&wide, &b, y, -places) {
		return false
	}
	return a.Cmp(&b) == 0
}

// decimals counts the decimals of d without trailing zeros.
func decimals(d *apd.Decimal) int32 {
	var r apd.Decimal
	r.Reduce(d)
	return max(0, -r.Exponent)
}

func equivalentQuantities(a, b Value) bool {
	u, err1 := unitOf(a.text)
	v, err2 := unitOf(b.text)
	if err1 != nil || err2 != nil {
		return a.text == b.text && equivalentNumbers(a.dec(), b.dec())
	}
	converted, err := v.Convert(*b.dec(), u)
	return err == nil && equivalentNumbers(a.dec(), &converted)
}

func equivalentNodes(a, b *fhir.Node) bool {
	if a.HasValue() || b.HasValue() {
		if a.Kind() != b.Kind() {
			return false
		}
		return equalText(a, b) || a.Kind() == fhir.KindString && plainText(a.String()) == plainText(b.String())
	}
	fields := 0
	for name, nodes := range a.Fields() {
		others := append([]*fhir.Node(nil), b.Children(name)...)
		if len(nodes) != len(others) {
			return false
		}
	next:
		for _, n := range nodes {
			for i, o := range others {
				if equivalentNodes(n, o) {
					others = append(others[:i], others[i+1:]...)
					continue next
				}
			}
			return false
		}
		fields++
	}
	for range b.Fields() {
		fields--
	}
	return fields == 0
}

// comparison is < > <= >= (N1, "Comparison").
func comparison(ev *evaluation, l, r set, e *expr) (set, error) {
	a, ok1, err := ev.single(l, e.pos, "the left side")
	if err != nil {
		return set{}, err
	}
	b, ok2, err := ev.single(r, e.pos, "the right side")
	if err != nil || !ok1 || !ok2 {
		return set{}, err
	}
	c, ok, comparable := compare(a, b)
	if !comparable {
		return set{}, ev.fail(e.pos, "a %s cannot be compared with a %s", a.kind, b.kind)
	}
	if !ok {
		return set{}, nil
	}
	switch e.name {
	case "<":
		return boolean(c < 0), nil
	case ">":
		return boolean(c > 0), nil
	case "<=":
		return boolean(c <= 0), nil
	}
	return boolean(c >= 0), nil
}

// compare orders two values: ok is false where the order is open, comparable
// is false for types that have none.
func compare(a, b Value) (c int, ok, comparable bool) {
	switch {
	case a.kind == String && b.kind == String:
		return strings.Compare(a.text, b.text), true, true
	case a.kind == Integer && b.kind == Integer:
		return compareInts(a.num, b.num), true, true
	case isMoment(a.kind) && isMoment(b.kind) && (a.kind == Time) == (b.kind == Time):
		c, ok = a.moment().compare(b.moment())
		return c, ok, true
	case a.kind == Quantity || b.kind == Quantity:
		if a.kind == Element || b.kind == Element {
			// A quantity with a comparator is no definite value.
			return 0, false, isQuantityElement(a) || isQuantityElement(b)
		}
		if _, isNumber := a.number(); !isNumber && a.kind != Quantity {
			return 0, false, false
		}
		if _, isNumber := b.number(); !isNumber && b.kind != Quantity {
			return 0, false, false
		}
		c, ok, comparable = compareQuantities(a, b)
		return c, ok && comparable, true
	}
	x, ok1 := a.number()
	y, ok2 := b.number()
	if !ok1 || !ok2 {
		return 0, false, isQuantityElement(a) && (isQuantityElement(b) || ok2) || isQuantityElement(b) && ok1
	}
	return x.Cmp(y), true, true
}

func isQuantityElement(v Value) bool {
	return v.kind == Element && v.typ != 0 && r4().is(v.typ, r4().quantity)
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareQuantities orders quantities; a number counts as one of unit 1. Ok is
// false for units of different dimensions, known for calendar words against
// UCUM's definite years and months, whose length differs (N1, "Time-valued
// Quantities").
func compareQuantities(a, b Value) (c int, ok, known bool) {
	a, b = toQuantity(a), toQuantity(b)
	if a.kind != Quantity || b.kind != Quantity {
		return 0, false, true
	}
	if a.text == b.text {
		return a.dec().Cmp(b.dec()), true, true
	}
	ca, cb := calendar(a.text), calendar(b.text)
	if indefinite(ca) != indefinite(cb) {
		return 0, false, false
	}
	if ca != nil && ca == cb {
		return a.dec().Cmp(b.dec()), true, true
	}
	u, err1 := unitOf(a.text)
	v, err2 := unitOf(b.text)
	if err1 != nil || err2 != nil {
		return 0, false, false
	}
	c, ok = u.Compare(*a.dec(), *b.dec(), v)
	return c, ok, true
}

func toQuantity(v Value) Value {
	if d, ok := v.number(); ok {
		return Value{kind: Quantity, x: d, text: "1"}
	}
	return v
}

package cql

// Levels of binding of the operators between expressions, from the loosest.
const (
	levelUnion = iota + 1
	levelImplies
	levelOr
	levelAnd
	levelIn
	levelEqual
	levelTiming
	levelCompare
	levelBetween
	levelNot
	levelIs
)

// expression reads an expression.
func (p *parser) expression() (*node, error) { return p.binary(levelUnion) }

func (p *parser) nested() (func(), error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(p.tok().pos, "expressions stand more than %d deep within each other", maxDepth)
	}
	return func() { p.depth-- }, nil
}

var equalities = map[string]string{"=": "Equal", "!=": "NotEqual", "<>": "NotEqual", "~": "Equivalent", "!~": "NotEquivalent"}

var inequalities = map[string]string{"<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual"}

func op(name string, pos int, args ...*node) *node {
	return &node{kind: nOp, name: name, pos: pos, args: args}
}

// binary reads operators that bind at least as tight as level.
func (p *parser) binary(level int) (*node, error) {
	leave, err := p.nested()
	if err != nil {
		return nil, err
	}
	defer leave()
	left, err := p.prefix(level)
	if err != nil {
		return nil, err
	}
	for count := 0; ; count++ {
		if count > 5000 {
			return nil, p.fail(p.tok().pos, "more than 5000 operators in a row")
		}
		next, err := p.infix(left, level)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return left, nil
		}
		left = next
	}
}

// prefix reads not, exists, cast, and the forms with between that begin with a
// word.
func (p *parser) prefix(level int) (*node, error) {
	pos := p.tok().pos
	switch {
	case p.is("not"), p.is("exists"):
		name := map[string]string{"not": "Not", "exists": "Exists"}[p.tok().text]
		p.i++
		a, err := p.binary(levelNot)
		if err != nil {
			return nil, err
		}
		return op(name, pos, a), nil
	case p.is("cast"):
		p.i++
		a, err := p.binary(levelIs + 1)
		if err != nil {
			return nil, err
		}
		if err := p.expect("as"); err != nil {
			return nil, err
		}
		spec, err := p.typeSpec()
		return &node{kind: nAs, pos: pos, strict: true, args: []*node{a}, spec: spec}, err
	}
	start := p.i
	name := "DurationBetween"
	if p.accept("difference", "in") {
		name = "DifferenceBetween"
	} else {
		p.accept("duration", "in")
	}
	if prec, ok := pluralWords[p.tok().text]; ok && p.tok().kind == tokWord && p.isAt(1, "between") {
		p.i += 2
		a, err := p.term()
		if err != nil {
			return nil, err
		}
		if err := p.expect("and"); err != nil {
			return nil, err
		}
		b, err := p.term()
		if err != nil {
			return nil, err
		}
		n := op(name, pos, a, b)
		n.prec = prec
		return n, nil
	}
	p.i = start
	return p.term()
}

// infix reads one operator and its right side, or nil.
func (p *parser) infix(left *node, level int) (*node, error) {
	t := p.tok()
	two := func(at int, name string, width int) (*node, error) {
		if at < level {
			return nil, nil
		}
		p.i += width
		right, err := p.binary(at + 1)
		if err != nil {
			return nil, err
		}
		return op(name, t.pos, left, right), nil
	}
	if t.kind == tokSymbol {
		if name, ok := equalities[t.text]; ok {
			return two(levelEqual, name, 1)
		}
		if name, ok := inequalities[t.text]; ok {
			return two(levelCompare, name, 1)
		}
		if t.text == "|" {
			return two(levelUnion, "Union", 1)
		}
		return nil, nil
	}
	if t.kind == tokInteger || t.kind == tokDecimal {
		if levelTiming < level {
			return nil, nil
		}
		return p.timingPhrase(left)
	}
	if t.kind != tokWord {
		return nil, nil
	}
	switch t.text {
	case "union":
		return two(levelUnion, "Union", 1)
	case "intersect":
		return two(levelUnion, "Intersect", 1)
	case "except":
		return two(levelUnion, "Except", 1)
	case "implies":
		return two(levelImplies, "Implies", 1)
	case "or":
		return two(levelOr, "Or", 1)
	case "xor":
		return two(levelOr, "Xor", 1)
	case "and":
		return two(levelAnd, "And", 1)
	case "in", "contains":
		if levelIn < level {
			return nil, nil
		}
		p.i++
		prec, err := p.precisionOf()
		if err != nil {
			return nil, err
		}
		right, err := p.binary(levelIn + 1)
		if err != nil {
			return nil, err
		}
		n := op(map[string]string{"in": "In", "contains": "Contains"}[t.text], t.pos, left, right)
		n.prec = prec
		return n, nil
	case "is":
		if levelIs < level {
			return nil, nil
		}
		p.i++
		return p.isTest(left, t.pos)
	case "as":
		if levelIs < level {
			return nil, nil
		}
		p.i++
		spec, err := p.typeSpec()
		return &node{kind: nAs, pos: t.pos, args: []*node{left}, spec: spec}, err
	case "between":
		return p.between(left, level, false)
	case "properly":
		if p.isAt(1, "between") {
			return p.between(left, level, true)
		}
	}
	if timingWords[t.text] && levelTiming >= level {
		return p.timingPhrase(left)
	}
	return nil, nil
}

func (p *parser) between(left *node, level int, properly bool) (*node, error) {
	if levelBetween < level {
		return nil, nil
	}
	pos := p.tok().pos
	if properly {
		p.i++
	}
	p.i++
	low, err := p.term()
	if err != nil {
		return nil, err
	}
	if err := p.expect("and"); err != nil {
		return nil, err
	}
	high, err := p.term()
	if err != nil {
		return nil, err
	}
	a, b := "GreaterOrEqual", "LessOrEqual"
	if properly {
		a, b = "Greater", "Less"
	}
	return op("And", pos, op(a, pos, left, low), op(b, pos, left, high)), nil
}

func (p *parser) isTest(left *node, pos int) (*node, error) {
	not := p.accept("not")
	name := ""
	switch {
	case p.accept("null"):
		name = "IsNull"
	case p.accept("true"):
		name = "IsTrue"
	case p.accept("false"):
		name = "IsFalse"
	}
	if name != "" {
		n := op(name, pos, left)
		if not {
			n = op("Not", pos, n)
		}
		return n, nil
	}
	if not {
		return nil, p.fail(p.tok().pos, "null, true or false is expected, not %s", p.found())
	}
	spec, err := p.typeSpec()
	return &node{kind: nIs, pos: pos, args: []*node{left}, spec: spec}, err
}

// term reads arithmetic.
func (p *parser) term() (*node, error) { return p.arithmetic(0) }

var arithmeticOps = map[string]struct {
	name  string
	level int
}{
	"+": {"Add", 1}, "-": {"Subtract", 1}, "&": {"ConcatenateAnd", 1},
	"*": {"Multiply", 2}, "/": {"Divide", 2}, "div": {"TruncatedDivide", 2}, "mod": {"Modulo", 2},
	"^": {"Power", 3},
}

func (p *parser) arithmetic(level int) (*node, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for count := 0; ; count++ {
		t := p.tok()
		o, ok := arithmeticOps[t.text]
		if !ok || t.kind != tokSymbol && t.kind != tokWord || o.level <= level {
			return left, nil
		}
		if count > 5000 {
			return nil, p.fail(t.pos, "more than 5000 operators in a row")
		}
		p.i++
		right, err := p.arithmetic(o.level)
		if err != nil {
			return nil, err
		}
		left = op(o.name, t.pos, left, right)
	}
}

var components = wordSet("year month day hour minute second millisecond date time timezone timezoneoffset week")

// unary reads what stands before a term.
func (p *parser) unary() (*node, error) {
	leave, err := p.nested()
	if err != nil {
		return nil, err
	}
	defer leave()
	t := p.tok()
	of := func(width int, name string) (*node, error) {
		p.i += width
		a, err := p.unary()
		if err != nil {
			return nil, err
		}
		return op(name, t.pos, a), nil
	}
	if t.kind == tokSymbol && (t.text == "-" || t.text == "+") {
		if n := p.signedLiteral(t); n != nil {
			return p.postfix(n)
		}
		if t.text == "+" {
			return of(1, "Positive")
		}
		return of(1, "Negate")
	}
	if t.kind == tokWord {
		switch {
		case p.words("start", "of"):
			return of(2, "Start")
		case p.words("end", "of"):
			return of(2, "End")
		case p.words("width", "of"):
			return of(2, "Width")
		case p.words("successor", "of"):
			return of(2, "Successor")
		case p.words("predecessor", "of"):
			return of(2, "Predecessor")
		case p.words("singleton", "from"):
			return of(2, "SingletonFrom")
		case p.words("point", "from"):
			return of(2, "PointFrom")
		case components[t.text] && p.isAt(1, "from"):
			return p.component(t)
		case p.words("duration", "in") || p.words("difference", "in"):
			return p.durationOf(t)
		case t.text == "minimum" || t.text == "maximum":
			p.i++
			spec, err := p.typeSpec()
			kind := nMinimum
			if t.text == "maximum" {
				kind = nMaximum
			}
			return &node{kind: kind, pos: t.pos, spec: spec}, err
		case t.text == "convert":
			return p.convert(t)
		case t.text == "if":
			return p.ifThen(t)
		case t.text == "case":
			return p.caseWhen(t)
		case t.text == "distinct" || t.text == "flatten":
			p.i++
			a, err := p.expression()
			if err != nil {
				return nil, err
			}
			return op(map[string]string{"distinct": "Distinct", "flatten": "Flatten"}[t.text], t.pos, a), nil
		case t.text == "expand" || t.text == "collapse":
			return p.expandCollapse(t)
		}
	}
	primary, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.postfix(primary)
}

func (p *parser) component(t token) (*node, error) {
	p.i += 2
	a, err := p.unary()
	if err != nil {
		return nil, err
	}
	switch t.text {
	case "date":
		return op("DateFrom", t.pos, a), nil
	case "time":
		return op("TimeFrom", t.pos, a), nil
	case "timezone", "timezoneoffset":
		return op("TimezoneOffsetFrom", t.pos, a), nil
	}
	n := op("DateTimeComponentFrom", t.pos, a)
	n.prec = precisionWords[t.text]
	return n, nil
}

func (p *parser) durationOf(t token) (*node, error) {
	p.i += 2
	prec, ok := pluralWords[p.tok().text]
	if !ok {
		return nil, p.fail(p.tok().pos, "a precision like \"days\" is expected, not %s", p.found())
	}
	p.i++
	if err := p.expect("of"); err != nil {
		return nil, err
	}
	a, err := p.unary()
	if err != nil {
		return nil, err
	}
	name := "DurationBetween"
	if t.text == "difference" {
		name = "DifferenceBetween"
	}
	n := op(name, t.pos, op("Start", t.pos, a), op("End", t.pos, a))
	n.prec = prec
	return n, nil
}

func (p *parser) convert(t token) (*node, error) {
	p.i++
	a, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect("to"); err != nil {
		return nil, err
	}
	if u := p.tok(); u.kind == tokString || u.kind == tokWord && (pluralWords[u.text] != 0 || precisionWords[u.text] != 0) {
		p.i++
		return &node{kind: nConvertUnit, pos: t.pos, name: u.text, args: []*node{a}}, nil
	}
	spec, err := p.typeSpec()
	return &node{kind: nConvert, pos: t.pos, args: []*node{a}, spec: spec}, err
}

func (p *parser) ifThen(t token) (*node, error) {
	p.i++
	n := &node{kind: nIf, pos: t.pos}
	for _, word := range []string{"then", "else", ""} {
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, a)
		if word != "" {
			if err := p.expect(word); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

func (p *parser) caseWhen(t token) (*node, error) {
	p.i++
	n := &node{kind: nCase, pos: t.pos, args: []*node{nil}}
	if !p.is("when") {
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.args[0] = a
	}
	for p.accept("when") {
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect("then"); err != nil {
			return nil, err
		}
		b, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, a, b)
	}
	if len(n.args) == 1 {
		return nil, p.fail(p.tok().pos, "\"when\" is expected, not %s", p.found())
	}
	if err := p.expect("else"); err != nil {
		return nil, err
	}
	a, err := p.expression()
	if err != nil {
		return nil, err
	}
	n.args = append(n.args, a)
	return n, p.expect("end")
}

func (p *parser) expandCollapse(t token) (*node, error) {
	p.i++
	a, err := p.expression()
	if err != nil {
		return nil, err
	}
	n := &node{kind: nExpand, name: t.text, pos: t.pos, args: []*node{a, nil}}
	if !p.accept("per") {
		return n, nil
	}
	if u := p.tok(); u.kind == tokWord && (precisionWords[u.text] != 0 || pluralWords[u.text] != 0) && !p.isAt(1, "from") {
		p.i++
		n.args[1] = &node{kind: nLiteral, pos: u.pos, typ: typeQuantity, value: quantity("1", u.text)}
		return n, nil
	}
	n.args[1], err = p.expression()
	return n, err
}

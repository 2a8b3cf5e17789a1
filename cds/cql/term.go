package cql

import (
	"math"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// Terms: names, literals, selectors, and what stands behind a dot.

// signedLiteral reads a sign with the number that only fits with it.
func (p *parser) signedLiteral(sign token) *node {
	n := p.at(1)
	if sign.text != "-" {
		return nil
	}
	switch {
	case n.kind == tokInteger && n.text == "2147483648":
		p.i += 2
		return &node{kind: nLiteral, pos: sign.pos, value: fhirpath.FromInt(math.MinInt32), typ: typeInteger}
	case n.kind == tokLong && n.text == "9223372036854775808":
		p.i += 2
		return &node{kind: nLiteral, pos: sign.pos, value: fhirpath.FromLong(math.MinInt64), typ: typeLong}
	}
	return nil
}

// quantity makes a Quantity of a number's text, which must be one.
func quantity(text, unit string) Value {
	d, _ := fhir.ParseDecimal(text)
	return fhirpath.FromQuantity(d, unit)
}

// postfix reads members, indexers and calls behind a term, and what makes it a
// query.
func (p *parser) postfix(n *node) (*node, error) {
	for count := 0; ; count++ {
		if count > 2000 {
			return nil, p.fail(p.tok().pos, "more than 2000 steps in a row")
		}
		t := p.tok()
		if t.kind != tokSymbol {
			break
		}
		switch t.text {
		case ".":
			p.i++
			if p.accept("$") {
				return nil, p.fail(t.pos, "a name is expected")
			}
			pos := p.tok().pos
			name, err := p.elementName()
			if err != nil {
				return nil, err
			}
			if p.is("(") {
				call := &node{kind: nCall, pos: pos, name: name, method: true, args: []*node{n}}
				if err := p.arguments(call); err != nil {
					return nil, err
				}
				n = call
				continue
			}
			n = &node{kind: nMember, pos: pos, name: name, args: []*node{n}}
			continue
		case "[":
			p.i++
			i, err := p.expression()
			if err != nil {
				return nil, err
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			n = op("Indexer", t.pos, n, i)
			continue
		}
		break
	}
	if p.canBeSource(n) && p.atAlias() {
		return p.query(n)
	}
	return n, nil
}

// canBeSource tells whether n may be the source of a query.
func (p *parser) canBeSource(n *node) bool {
	switch n.kind {
	case nName, nRetrieve:
		return true
	case nMember:
		return p.canBeSource(n.args[0])
	case nCall:
		return true
	}
	return p.toks[p.i-1].text == ")" && p.toks[p.i-1].kind == tokSymbol
}

// atAlias tells whether a name comes that can only be an alias.
func (p *parser) atAlias() bool {
	t := p.tok()
	return t.kind == tokQuoted || t.kind == tokWord && !reserved[t.text] && !notAlias[t.text] && !arithmeticWord(t.text)
}

func arithmeticWord(w string) bool { return w == "div" || w == "mod" }

var notAlias = wordSet("less more version returns external display called Message")

func (p *parser) arguments(call *node) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.is(")") {
		a, err := p.expression()
		if err != nil {
			return err
		}
		call.args = append(call.args, a)
		if !p.accept(",") {
			break
		}
	}
	return p.expect(")")
}

// primary reads a term.
func (p *parser) primary() (*node, error) {
	t := p.tok()
	switch t.kind {
	case tokInteger, tokLong, tokDecimal:
		return p.number(t)
	case tokString:
		p.i++
		return &node{kind: nLiteral, pos: t.pos, value: fhirpath.FromString(t.text), typ: typeString}, nil
	case tokDate, tokDateTime, tokTime:
		return p.momentLiteral(t)
	case tokQuoted:
		p.i++
		return p.nameOrCall(t)
	case tokSymbol:
		switch t.text {
		case "(":
			p.i++
			n, err := p.expression()
			if err != nil {
				return nil, err
			}
			return n, p.expect(")")
		case "{":
			return p.braces(t)
		case "[":
			return p.retrieve(t)
		case "$":
			p.i++
			name, err := p.elementName()
			if err != nil || name != "this" && name != "index" && name != "total" {
				return nil, p.fail(t.pos, "$this, $index or $total is expected")
			}
			return &node{kind: nThis, pos: t.pos, name: name}, nil
		case "%":
			p.i++
			if s := p.tok(); s.kind == tokString {
				p.i++
				return &node{kind: nName, pos: t.pos, name: s.text}, nil
			}
			name, err := p.elementName()
			return &node{kind: nName, pos: t.pos, name: "%" + name}, err
		}
	case tokWord:
		return p.word(t)
	}
	return nil, p.fail(t.pos, "an expression is expected, not %s", p.found())
}

func (p *parser) nameOrCall(t token) (*node, error) {
	if p.is("(") {
		call := &node{kind: nCall, pos: t.pos, name: t.text}
		return call, p.arguments(call)
	}
	if p.is("{") && p.typeAhead(t) {
		return p.instance(&typeSpec{pos: t.pos, kind: 'n', name: t.text}, t.pos)
	}
	return &node{kind: nName, pos: t.pos, name: t.text}, nil
}

// typeAhead tells whether "{" begins the elements of an instance.
func (p *parser) typeAhead(t token) bool {
	next := p.at(1)
	if next.kind == tokSymbol && next.text == ":" || p.isAt(1, "}") {
		return t.kind == tokWord || t.kind == tokQuoted
	}
	return (next.kind == tokWord || next.kind == tokQuoted) && p.isAt(2, ":")
}

// word reads a term that begins with a word.
func (p *parser) word(t token) (*node, error) {
	p.i++
	switch t.text {
	case "null":
		return &node{kind: nNull, pos: t.pos}, nil
	case "true", "false":
		return &node{kind: nLiteral, pos: t.pos, value: fhirpath.FromBool(t.text == "true"), typ: typeBoolean}, nil
	case "Interval":
		return p.interval(t)
	case "List":
		if p.is("<") || p.is("{") {
			return p.list(t)
		}
	case "Tuple":
		return p.tuple(t)
	case "from":
		return p.fromQuery(t)
	}
	if p.is("(") && !strictlyReserved[t.text] {
		call := &node{kind: nCall, pos: t.pos, name: t.text}
		return call, p.arguments(call)
	}
	// A named type with elements: Code { … }, FHIR.Quantity { … }.
	if p.is("{") && p.typeAhead(t) && (!reserved[t.text]) {
		return p.instance(&typeSpec{pos: t.pos, kind: 'n', name: t.text}, t.pos)
	}
	if p.is(".") && p.at(1).kind == tokWord && p.isAt(2, "{") {
		save := p.i
		p.i += 2
		if p.typeAhead(p.toks[p.i-1]) {
			return p.instance(&typeSpec{pos: t.pos, kind: 'n', model: t.text, name: p.toks[p.i-1].text}, t.pos)
		}
		p.i = save
	}
	if reserved[t.text] && !keywordNames[t.text] {
		p.i--
		return nil, p.fail(t.pos, "an expression is expected, not %s", p.found())
	}
	return &node{kind: nName, pos: t.pos, name: t.text}, nil
}

var strictlyReserved = wordSet("and or xor implies not in is as then else when end if case where return sort let with without such that union intersect except mod div from")

// number reads a number, a quantity or a ratio.
func (p *parser) number(t token) (*node, error) {
	n, err := p.quantityOrNumber(t)
	if err != nil {
		return nil, err
	}
	if n.typ == typeQuantity && p.is(":") {
		if next := p.at(1); next.kind == tokInteger || next.kind == tokDecimal {
			p.i++
			d, err := p.quantityOrNumber(next)
			if err != nil {
				return nil, err
			}
			den := d.value
			if d.typ != typeQuantity {
				den, _ = toQuantity(den)
			}
			return &node{kind: nLiteral, pos: t.pos, typ: typeRatio, value: composite(&Ratio{Numerator: n.value, Denominator: den})}, nil
		}
	}
	if n.typ != typeQuantity && p.is(":") {
		if next := p.at(1); (next.kind == tokInteger || next.kind == tokDecimal) && p.at(2).kind == tokString {
			p.i++
			d, err := p.quantityOrNumber(next)
			if err != nil {
				return nil, err
			}
			num, _ := toQuantity(n.value)
			return &node{kind: nLiteral, pos: t.pos, typ: typeRatio, value: composite(&Ratio{Numerator: num, Denominator: d.value})}, nil
		}
	}
	return n, nil
}

func (p *parser) quantityOrNumber(t token) (*node, error) {
	p.i++
	unit, isQuantity := "", false
	switch u := p.tok(); {
	case t.kind == tokLong:
	case u.kind == tokString:
		unit, isQuantity = u.text, true
	case u.kind == tokWord && (precisionWords[u.text] != 0 || pluralWords[u.text] != 0) && !p.isAt(1, "between") && !p.isAt(1, "from"):
		unit, isQuantity = u.text, true
	}
	n := &node{kind: nLiteral, pos: t.pos}
	if isQuantity {
		p.i++
		d, ok := fhir.ParseDecimal(t.text)
		if !ok {
			return nil, p.fail(t.pos, "the number is out of range")
		}
		n.value, n.typ = fhirpath.FromQuantity(d, unit), typeQuantity
		return n, nil
	}
	switch t.kind {
	case tokInteger:
		i, err := strconv.ParseInt(t.text, 10, 32)
		if err != nil {
			return nil, p.fail(t.pos, "the number is no Integer: its range is -2147483648 to 2147483647")
		}
		n.value, n.typ = fhirpath.FromInt(i), typeInteger
	case tokLong:
		i, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.fail(t.pos, "the number is no Long")
		}
		n.value, n.typ = fhirpath.FromLong(i), typeLong
	default:
		whole, fraction, _ := strings.Cut(t.text, ".")
		d, ok := fhir.ParseDecimal(t.text)
		if !ok || len(strings.TrimLeft(whole, "0")) > 28 || len(fraction) > 8 {
			return nil, p.fail(t.pos, "the number is no Decimal: it has at most 28 digits before and 8 after the point")
		}
		n.value, n.typ = fhirpath.FromDecimal(d), typeDecimal
	}
	return n, nil
}

func (p *parser) momentLiteral(t token) (*node, error) {
	p.i++
	n := &node{kind: nLiteral, pos: t.pos}
	kind, typ := fhirpath.Date, typeDate
	var m *fhirpath.Moment
	var ok bool
	switch t.kind {
	case tokTime:
		kind, typ = fhirpath.Time, typeTime
		m, ok = parseTime(t.text)
	case tokDateTime:
		kind, typ = fhirpath.DateTime, typeDateTime
		m, ok = parseDateTime(t.text)
	default:
		m, ok = fhirpath.ParseMoment(t.text)
	}
	if !ok {
		return nil, p.fail(t.pos, "%s is no date or time of the calendar", clip("@"+t.text))
	}
	n.value, n.typ = fhirpath.FromMoment(kind, m), typ
	return n, nil
}

// braces reads { … }: a list, or a tuple without its word.
func (p *parser) braces(t token) (*node, error) {
	if p.isAt(1, ":") && p.isAt(2, "}") {
		p.i += 3
		return &node{kind: nTuple, pos: t.pos}, nil
	}
	if k := p.at(1).kind; (k == tokWord || k == tokQuoted) && p.isAt(2, ":") {
		return p.tuple(t)
	}
	return p.list(t)
}

func (p *parser) list(t token) (*node, error) {
	n := &node{kind: nList, pos: t.pos}
	if p.accept("<") {
		spec, err := p.typeSpec()
		if err != nil {
			return nil, err
		}
		n.spec = spec
		if err := p.expect(">"); err != nil {
			return nil, err
		}
	}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.is("}") {
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, a)
		if !p.accept(",") {
			break
		}
	}
	return n, p.expect("}")
}

func (p *parser) tuple(t token) (*node, error) {
	n := &node{kind: nTuple, pos: t.pos}
	return n, p.elements(n)
}

func (p *parser) instance(spec *typeSpec, pos int) (*node, error) {
	n := &node{kind: nInstance, pos: pos, spec: spec}
	return n, p.elements(n)
}

func (p *parser) elements(n *node) error {
	if err := p.expect("{"); err != nil {
		return err
	}
	if p.accept(":") {
		return p.expect("}")
	}
	for !p.is("}") {
		pos := p.tok().pos
		name, err := p.elementName()
		if err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		a, err := p.expression()
		if err != nil {
			return err
		}
		for _, other := range n.names {
			if other == name {
				return p.fail(pos, "element %s stands twice", clip(name))
			}
		}
		n.names, n.args = append(n.names, name), append(n.args, a)
		if !p.accept(",") {
			break
		}
	}
	return p.expect("}")
}

func (p *parser) interval(t token) (*node, error) {
	n := &node{kind: nInterval, pos: t.pos}
	switch {
	case p.accept("["):
	case p.accept("("):
		n.open[0] = true
	default:
		return nil, p.fail(p.tok().pos, "\"[\" or \"(\" is expected, not %s", p.found())
	}
	low, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	high, err := p.expression()
	if err != nil {
		return nil, err
	}
	n.args = []*node{low, high}
	switch {
	case p.accept("]"):
	case p.accept(")"):
		n.open[1] = true
	default:
		return nil, p.fail(p.tok().pos, "\"]\" or \")\" is expected, not %s", p.found())
	}
	return n, nil
}

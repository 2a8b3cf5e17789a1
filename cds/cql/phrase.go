package cql

// Timing phrases, retrieves and queries.

var timingWords = wordSet("starts ends occurs same properly includes during included before after on within meets overlaps less more")

// precisionOf reads "day of".
func (p *parser) precisionOf() (precision, error) {
	t := p.tok()
	if t.kind != tokWord || precisionWords[t.text] == 0 || !p.isAt(1, "of") {
		return precNone, nil
	}
	if t.text == "week" {
		return precNone, p.fail(t.pos, "a week is no precision of a comparison")
	}
	p.i += 2
	return precisionWords[t.text], nil
}

// timingPhrase reads the phrase and its right side.
func (p *parser) timingPhrase(left *node) (*node, error) {
	pos := p.tok().pos
	n := &node{kind: nTiming, pos: pos, timing: &timing{}}
	tm := n.timing
	start := p.i
	switch {
	case p.accept("starts"):
		tm.leftEnd = 's'
	case p.accept("ends"):
		tm.leftEnd = 'e'
	case p.accept("occurs"):
		tm.leftEnd = 'o'
	}
	if err := p.relation(n, start); err != nil {
		return nil, err
	}
	if tm.relation != 'w' && tm.relation != 's' || n.prec == precNone && tm.relation == 's' {
		prec, err := p.precisionOf()
		if err != nil {
			return nil, err
		}
		if prec != precNone {
			n.prec = prec
		}
	}
	switch {
	case tm.relation == 'd' || tm.relation == 'm' || tm.relation == 'o' || tm.relation == 'S' || tm.relation == 'E':
	case p.is("start") && !p.isAt(1, "of"):
		p.i++
		tm.rightEnd = 's'
	case p.is("end") && !p.isAt(1, "of"):
		p.i++
		tm.rightEnd = 'e'
	}
	right, err := p.binary(levelTiming + 1)
	if err != nil {
		return nil, err
	}
	n.args = []*node{left, right}
	return n, nil
}

func (p *parser) relation(n *node, start int) error {
	tm := n.timing
	pos := p.tok().pos
	tm.properly = p.accept("properly")
	switch {
	case p.accept("same"):
		return p.sameAs(n)
	case p.accept("includes"):
		tm.relation = 'i'
		return nil
	case p.accept("during"), p.accept("included", "in"):
		tm.relation = 'd'
		return nil
	case p.accept("meets"):
		tm.relation = 'm'
		p.side(tm)
		return nil
	case p.accept("overlaps"):
		tm.relation = 'o'
		p.side(tm)
		return nil
	case p.accept("within"):
		tm.relation = 'w'
		q, err := p.quantityLiteral()
		if err != nil {
			return err
		}
		tm.offset = q
		return p.expect("of")
	}
	if tm.properly {
		return p.fail(pos, "\"properly\" needs includes, during, included in or within")
	}
	return p.beforeAfter(n, start)
}

func (p *parser) side(tm *timing) {
	switch {
	case p.accept("before"):
		tm.side = 'b'
	case p.accept("after"):
		tm.side = 'a'
	}
}

func (p *parser) sameAs(n *node) error {
	tm := n.timing
	tm.relation = 's'
	if t := p.tok(); t.kind == tokWord && precisionWords[t.text] != 0 && t.text != "week" {
		n.prec = precisionWords[t.text]
		p.i++
	}
	switch {
	case p.accept("as"):
	case p.accept("or", "before"):
		tm.side = 'b'
	case p.accept("or", "after"):
		tm.side = 'a'
	default:
		return p.fail(p.tok().pos, "\"as\", \"or before\" or \"or after\" is expected, not %s", p.found())
	}
	return nil
}

func (p *parser) quantityLiteral() (*node, error) {
	t := p.tok()
	if t.kind != tokInteger && t.kind != tokDecimal {
		return nil, p.fail(t.pos, "a quantity is expected, not %s", p.found())
	}
	n, err := p.quantityOrNumber(t)
	if err == nil && n.typ != typeQuantity {
		n.value, _ = toQuantity(n.value)
		n.typ = typeQuantity
	}
	return n, err
}

// beforeAfter reads "[3 days or more] [on or] before", or starts and ends alone.
func (p *parser) beforeAfter(n *node, start int) error {
	tm := n.timing
	var err error
	switch t := p.tok(); {
	case p.words("less", "than"), p.words("more", "than"):
		tm.offsetHow = 'L'
		if t.text == "more" {
			tm.offsetHow = 'M'
		}
		p.i += 2
		if tm.offset, err = p.quantityLiteral(); err != nil {
			return err
		}
	case t.kind == tokInteger || t.kind == tokDecimal:
		if tm.offset, err = p.quantityLiteral(); err != nil {
			return err
		}
		switch {
		case p.accept("or", "more"):
			tm.offsetHow = 'm'
		case p.accept("or", "less"):
			tm.offsetHow = 'l'
		}
	}
	tm.on = p.accept("on", "or")
	switch {
	case p.accept("before"):
		tm.relation = 'b'
	case p.accept("after"):
		tm.relation = 'a'
	case tm.offset == nil && !tm.on && tm.leftEnd == 's':
		p.i = start + 1
		tm.leftEnd, tm.relation = 0, 'S'
		return nil
	case tm.offset == nil && !tm.on && tm.leftEnd == 'e':
		p.i = start + 1
		tm.leftEnd, tm.relation = 0, 'E'
		return nil
	default:
		return p.fail(p.tok().pos, "\"before\" or \"after\" is expected, not %s", p.found())
	}
	if p.accept("or", "on") {
		tm.on = true
	}
	return nil
}

// retrieve reads [Type: path in codes].
func (p *parser) retrieve(t token) (*node, error) {
	p.i++
	n := &node{kind: nRetrieve, pos: t.pos, fetch: &retrieveNode{}}
	f := n.fetch
	start := p.i
	if c, err := p.term(); err == nil && p.accept("->") {
		f.context = c
	} else {
		p.i = start
	}
	var err error
	if f.typ, err = p.typeSpec(); err != nil {
		return nil, err
	}
	if !p.accept(":") {
		return n, p.expect("]")
	}
	// "path in codes" or "path ~ code", else codes alone.
	save := p.i
	path := ""
	for {
		name, err := p.elementName()
		if err != nil {
			break
		}
		path += name
		if !p.accept(".") {
			break
		}
		path += "."
	}
	switch {
	case path != "" && (p.is("in") || p.is("~") || p.is("=")):
		f.path, f.compare = path, p.tok().text
		p.i++
	default:
		p.i = save
	}
	if f.codes, err = p.expression(); err != nil {
		return nil, err
	}
	return n, p.expect("]")
}

// fromQuery reads "from A a, B b …".
func (p *parser) fromQuery(t token) (*node, error) {
	q := &queryNode{from: true}
	for {
		s, err := p.aliased()
		if err != nil {
			return nil, err
		}
		q.sources = append(q.sources, s)
		if len(q.sources) > 20 {
			return nil, p.fail(t.pos, "a query has more than 20 sources")
		}
		if !p.accept(",") {
			break
		}
	}
	n := &node{kind: nQuery, pos: t.pos, query: q}
	return n, p.clauses(q)
}

// query reads the rest of a query whose source was read.
func (p *parser) query(src *node) (*node, error) {
	t := p.tok()
	p.i++
	q := &queryNode{sources: []sourceNode{{pos: t.pos, alias: t.text, expr: src}}}
	n := &node{kind: nQuery, pos: src.pos, query: q}
	return n, p.clauses(q)
}

// aliased reads a source and its alias.
func (p *parser) aliased() (sourceNode, error) {
	var s sourceNode
	t := p.tok()
	var err error
	switch {
	case p.is("["):
		s.expr, err = p.retrieve(t)
	case p.accept("("):
		if s.expr, err = p.expression(); err == nil {
			err = p.expect(")")
		}
	default:
		s.expr, err = p.sourceName()
	}
	if err != nil {
		return s, err
	}
	s.pos = p.tok().pos
	s.alias, err = p.identifier("an alias")
	return s, err
}

// sourceName reads a name with members and calls, but no alias.
func (p *parser) sourceName() (*node, error) {
	t := p.tok()
	if t.kind != tokWord && t.kind != tokQuoted || t.kind == tokWord && reserved[t.text] && !keywordNames[t.text] {
		return nil, p.fail(t.pos, "a source is expected, not %s", p.found())
	}
	p.i++
	n := &node{kind: nName, pos: t.pos, name: t.text}
	if p.is("(") {
		n = &node{kind: nCall, pos: t.pos, name: t.text}
		if err := p.arguments(n); err != nil {
			return nil, err
		}
	}
	for p.accept(".") {
		pos := p.tok().pos
		name, err := p.elementName()
		if err != nil {
			return nil, err
		}
		if !p.is("(") {
			n = &node{kind: nMember, pos: pos, name: name, args: []*node{n}}
			continue
		}
		n = &node{kind: nCall, pos: pos, name: name, method: true, args: []*node{n}}
		if err := p.arguments(n); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// clauses reads what follows the sources.
func (p *parser) clauses(q *queryNode) error {
	if p.accept("let") {
		for {
			pos := p.tok().pos
			name, err := p.identifier("a name")
			if err != nil {
				return err
			}
			if err := p.expect(":"); err != nil {
				return err
			}
			e, err := p.expression()
			if err != nil {
				return err
			}
			q.lets = append(q.lets, letNode{pos, name, e})
			if !p.accept(",") {
				break
			}
		}
	}
	for p.is("with") || p.is("without") {
		r := relationNode{without: p.is("without")}
		p.i++
		s, err := p.aliased()
		if err != nil {
			return err
		}
		r.sourceNode = s
		if !p.accept("such", "that") {
			return p.fail(p.tok().pos, "\"such that\" is expected, not %s", p.found())
		}
		if r.suchThat, err = p.expression(); err != nil {
			return err
		}
		q.relations = append(q.relations, r)
	}
	var err error
	if p.accept("where") {
		if q.where, err = p.expression(); err != nil {
			return err
		}
	}
	switch {
	case p.accept("return"):
		q.hasRet = true
		q.retAll = p.accept("all")
		if !q.retAll {
			p.accept("distinct")
		}
		if q.ret, err = p.expression(); err != nil {
			return err
		}
	case p.is("aggregate"):
		if err := p.aggregate(q); err != nil {
			return err
		}
	}
	if p.accept("sort") {
		return p.sort(q)
	}
	return nil
}

func (p *parser) aggregate(q *queryNode) error {
	a := &aggregateNode{pos: p.tok().pos}
	p.i++
	if p.accept("distinct") {
		a.distinct = true
	} else {
		p.accept("all")
	}
	var err error
	if a.name, err = p.identifier("a name"); err != nil {
		return err
	}
	if p.accept("starting") {
		if a.starting, err = p.term(); err != nil {
			return err
		}
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	q.aggregate = a
	a.expr, err = p.expression()
	return err
}

func (p *parser) direction() (desc, ok bool) {
	switch {
	case p.accept("asc"), p.accept("ascending"):
		return false, true
	case p.accept("desc"), p.accept("descending"):
		return true, true
	}
	return false, false
}

func (p *parser) sort(q *queryNode) error {
	pos := p.tok().pos
	if desc, ok := p.direction(); ok {
		q.sort = []sortNode{{pos: pos, desc: desc}}
		return nil
	}
	if err := p.expect("by"); err != nil {
		return err
	}
	for {
		pos := p.tok().pos
		e, err := p.term()
		if err != nil {
			return err
		}
		desc, _ := p.direction()
		q.sort = append(q.sort, sortNode{pos, e, desc})
		if !p.accept(",") {
			return nil
		}
	}
}

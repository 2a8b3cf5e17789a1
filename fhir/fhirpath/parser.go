package fhirpath

import (
	"strconv"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

// expr is a node of the syntax tree.
type expr struct {
	op    exprOp
	pos   int
	name  string // of a member, function, variable or operator
	value Collection
	typ   typeName // of is and as
	args  []*expr  // operands; of an invocation the input comes first, nil for $this
}

type exprOp uint8

const (
	opLiteral exprOp = iota
	opMember
	opFunction
	opVariable
	opThis
	opIndexVar
	opTotal
	opIndexer
	opSign // unary + and -
	opBinary
	opType // is, as
)

// typeName is a type specifier: "FHIR.Patient", "Quantity".
type typeName struct{ namespace, name string }

func (t typeName) String() string {
	if t.namespace == "" {
		return t.name
	}
	return t.namespace + "." + t.name
}

// binding powers, low to high (N1, "Operator Precedence").
var powers = map[string]int{
	"implies": 1,
	"or":      2, "xor": 2,
	"and": 3,
	"in":  4, "contains": 4,
	"=": 5, "~": 5, "!=": 5, "!~": 5,
	"<": 6, ">": 6, "<=": 6, ">=": 6,
	"|":  7,
	"is": 8, "as": 8,
	"+": 9, "-": 9, "&": 9,
	"*": 10, "/": 10, "div": 10, "mod": 10,
}

const powerSign = 11

// maxDepth bounds how deep expressions nest, and how many operators stand in a
// row; maxNodes bounds the whole tree.
const (
	maxDepth = 500
	maxNodes = 20_000
)

type parser struct {
	lex   lexer
	tok   token
	depth int
	nodes int
}

func parse(src string) (*expr, error) {
	p := &parser{lex: lexer{src: src}}
	if len(src) > maxSource {
		return nil, p.lex.fail(0, "longer than %d bytes", maxSource)
	}
	if !utf8.ValidString(src) {
		return nil, p.lex.fail(0, "the text is not valid UTF-8")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected()
	}
	return e, nil
}

func (p *parser) advance() error {
	tok, err := p.lex.next()
	p.tok = tok
	return err
}

func (p *parser) unexpected() error {
	if p.tok.kind == tokEnd {
		return p.lex.fail(p.tok.pos, "the expression ends too early")
	}
	return p.lex.fail(p.tok.pos, "unexpected %q", clip(p.tok.text))
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func (p *parser) isSymbol(s string) bool { return p.tok.kind == tokSymbol && p.tok.text == s }

func (p *parser) expect(s string) error {
	if !p.isSymbol(s) {
		if p.tok.kind == tokEnd {
			return p.lex.fail(p.tok.pos, "the expression ends where %q should stand", s)
		}
		return p.lex.fail(p.tok.pos, "%q should stand here, not %q", s, clip(p.tok.text))
	}
	return p.advance()
}

func (p *parser) node(op exprOp, pos int, name string, args ...*expr) (*expr, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, p.lex.fail(pos, "more than %d parts", maxNodes)
	}
	return &expr{op: op, pos: pos, name: name, args: args}, nil
}

// expression parses operators that bind at least as tight as power.
func (p *parser) expression(power int) (*expr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, p.lex.fail(p.tok.pos, "nested deeper than %d", maxDepth)
	}
	left, err := p.prefix()
	if err != nil {
		return nil, err
	}
	for row := 0; ; row++ {
		if row > maxDepth {
			return nil, p.lex.fail(p.tok.pos, "more than %d operators in a row", maxDepth)
		}
		op := p.tok
		if op.kind != tokSymbol && op.kind != tokIdent {
			return left, nil
		}
		own, ok := powers[op.text]
		if !ok || own < power {
			return left, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if op.text == "is" || op.text == "as" {
			t, err := p.typeSpecifier()
			if err != nil {
				return nil, err
			}
			if left, err = p.node(opType, op.pos, op.text, left); err != nil {
				return nil, err
			}
			left.typ = t
			continue
		}
		right, err := p.expression(own + 1)
		if err != nil {
			return nil, err
		}
		if left, err = p.node(opBinary, op.pos, op.text, left, right); err != nil {
			return nil, err
		}
	}
}

func (p *parser) typeSpecifier() (typeName, error) {
	var t typeName
	name, err := p.identifier()
	if err != nil {
		return t, err
	}
	t.name = name
	if p.isSymbol(".") {
		if err := p.advance(); err != nil {
			return t, err
		}
		t.namespace = name
		if t.name, err = p.identifier(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// identifier takes a name; the words of some operators are names too.
func (p *parser) identifier() (string, error) {
	if p.tok.kind != tokIdent && p.tok.kind != tokQuotedIdent {
		return "", p.unexpected()
	}
	name := p.tok.text
	return name, p.advance()
}

func (p *parser) prefix() (*expr, error) {
	if p.isSymbol("-") || p.isSymbol("+") {
		op := p.tok
		if err := p.advance(); err != nil {
			return nil, err
		}
		operand, err := p.expression(powerSign)
		if err != nil {
			return nil, err
		}
		return p.node(opSign, op.pos, op.text, operand)
	}
	e, err := p.term()
	if err != nil {
		return nil, err
	}
	return p.postfix(e)
}

// postfix parses .member, .function() and [index].
func (p *parser) postfix(e *expr) (*expr, error) {
	for row := 0; ; row++ {
		if row > maxDepth {
			return nil, p.lex.fail(p.tok.pos, "more than %d steps in a row", maxDepth)
		}
		pos := p.tok.pos
		switch {
		case p.isSymbol("."):
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.kind == tokDollar {
				return nil, p.unexpected()
			}
			next, err := p.invocation(e)
			if err != nil {
				return nil, err
			}
			e = next
		case p.isSymbol("["):
			if err := p.advance(); err != nil {
				return nil, err
			}
			index, err := p.expression(0)
			if err != nil {
				return nil, err
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			if e, err = p.node(opIndexer, pos, "", e, index); err != nil {
				return nil, err
			}
		default:
			return e, nil
		}
	}
}

// invocation parses a member or a function on input.
func (p *parser) invocation(input *expr) (*expr, error) {
	pos, quoted := p.tok.pos, p.tok.kind == tokQuotedIdent
	name, err := p.identifier()
	if err != nil {
		return nil, err
	}
	if quoted || !p.isSymbol("(") {
		return p.node(opMember, pos, name, input)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.node(opFunction, pos, name, input)
	if err != nil {
		return nil, err
	}
	if typeFunctions[name] && !p.isSymbol(")") {
		if e.typ, err = p.typeSpecifier(); err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	for !p.isSymbol(")") {
		if len(e.args) > 1 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, arg)
	}
	return e, p.advance()
}

// typeFunctions take a type specifier as their argument.
var typeFunctions = map[string]bool{"is": true, "as": true, "ofType": true}

func (p *parser) literal(v ...Value) (*expr, error) {
	e, err := p.node(opLiteral, p.tok.pos, "")
	if err != nil {
		return nil, err
	}
	e.value = v
	return e, p.advance()
}

func (p *parser) term() (*expr, error) {
	tok := p.tok
	switch tok.kind {
	case tokString:
		return p.literal(FromString(tok.text))
	case tokNumber:
		return p.number()
	case tokDate, tokDateTime:
		kind := Date
		if tok.kind == tokDateTime {
			kind = DateTime
		}
		m, ok := parseMoment(tok.text)
		if !ok {
			return nil, p.lex.fail(tok.pos, "no date")
		}
		return p.literal(Value{kind: kind, x: m})
	case tokTime:
		m, ok := parseTimeOfDay(tok.text)
		if !ok {
			return nil, p.lex.fail(tok.pos, "no time of day")
		}
		return p.literal(Value{kind: Time, x: m})
	case tokVariable:
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.node(opVariable, tok.pos, tok.text)
	case tokDollar:
		op, ok := map[string]exprOp{"this": opThis, "index": opIndexVar, "total": opTotal}[tok.text]
		if !ok {
			return nil, p.lex.fail(tok.pos, "no variable $%s", clip(tok.text))
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.node(op, tok.pos, tok.text)
	case tokIdent:
		if tok.text == "true" || tok.text == "false" {
			return p.literal(FromBool(tok.text == "true"))
		}
		return p.invocation(nil)
	case tokQuotedIdent:
		return p.invocation(nil)
	}
	switch {
	case p.isSymbol("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case p.isSymbol("{"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.isSymbol("}") {
			return nil, p.unexpected()
		}
		return p.literal()
	}
	return nil, p.unexpected()
}

// number parses an integer, a decimal, or a quantity: 4 days, 10 'mg'.
func (p *parser) number() (*expr, error) {
	tok := p.tok
	dec, ok := fhir.ParseDecimal(tok.text)
	if !ok {
		return nil, p.lex.fail(tok.pos, "the number has too many digits")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.node(opLiteral, tok.pos, "")
	if err != nil {
		return nil, err
	}
	if p.tok.kind == tokString || p.tok.kind == tokIdent && calendar(p.tok.text) != nil {
		e.value = Collection{FromQuantity(dec, p.tok.text)}
		return e, p.advance()
	}
	e.value = Collection{numeral(tok.text, dec)}
	return e, nil
}

func numeral(text string, dec apd.Decimal) Value {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return FromInt(i)
	}
	return FromDecimal(dec)
}

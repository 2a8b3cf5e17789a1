package cql

import (
	"fmt"
	"strings"

	"cdss/fhir/issue"
)

// Bounds of a source.
const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 250     // of expressions within each other
	maxTokens = 400_000
)

// parser reads a library by recursive descent.
type parser struct {
	src    string
	toks   []token
	i      int
	depth  int
	source *source
}

// source is a text that errors point into.
type source struct {
	name string
	text string
	elm  bool // places are packed, see elmNode.pos
}

// place gives line and column of a byte, from 1.
func (s *source) place(pos int) (line, column int) {
	if s.elm {
		return pos >> 12, pos & (1<<12 - 1)
	}
	pos = min(max(pos, 0), len(s.text))
	line = 1 + strings.Count(s.text[:pos], "\n")
	return line, len([]rune(s.text[strings.LastIndexByte(s.text[:pos], '\n')+1:pos])) + 1
}

// fail gives an error of a kind at a place.
func (s *source) fail(kind issue.Kind, pos int, format string, a ...any) error {
	line, column := s.place(pos)
	name := ""
	if s.name != "" {
		name = clip(s.name) + ", "
	}
	return issue.New(kind, "CQL: %sline %d, column %d: %s", name, line, column, fmt.Sprintf(format, a...))
}

// clip shortens what came from outside for a message.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func newParser(src string, s *source) (*parser, error) {
	if len(src) > maxSource {
		s.text = ""
		return nil, issue.New(issue.TooLong, "CQL: %s: the source has %d bytes, more than %d", clip(s.name), len(src), maxSource)
	}
	p := &parser{src: src, source: s}
	l := lexer{src: src}
	for {
		t := l.next()
		if t.kind == tokBad {
			return nil, s.fail(issue.Invalid, t.pos, "%s", t.text)
		}
		p.toks = append(p.toks, t)
		if t.kind == tokEnd {
			return p, nil
		}
		if len(p.toks) > maxTokens {
			return nil, s.fail(issue.TooLong, t.pos, "more than %d words", maxTokens)
		}
	}
}

func (p *parser) fail(pos int, format string, a ...any) error {
	return p.source.fail(issue.Invalid, pos, format, a...)
}

func (p *parser) tok() token { return p.toks[p.i] }

func (p *parser) at(n int) token { return p.toks[min(p.i+n, len(p.toks)-1)] }

// is tells whether the next token is this word or symbol.
func (p *parser) is(text string) bool {
	t := p.tok()
	return (t.kind == tokWord || t.kind == tokSymbol) && t.text == text
}

func (p *parser) isAt(n int, text string) bool {
	t := p.at(n)
	return (t.kind == tokWord || t.kind == tokSymbol) && t.text == text
}

// words tells whether these words come next.
func (p *parser) words(list ...string) bool {
	for i, w := range list {
		if !p.isAt(i, w) {
			return false
		}
	}
	return true
}

func (p *parser) accept(list ...string) bool {
	if !p.words(list...) {
		return false
	}
	p.i += len(list)
	return true
}

func (p *parser) found() string {
	t := p.tok()
	if t.kind == tokEnd {
		return "the end"
	}
	return "\"" + clip(p.src[t.pos:t.end]) + "\""
}

func (p *parser) expect(text string) error {
	if p.accept(text) {
		return nil
	}
	return p.fail(p.tok().pos, "%q is expected, not %s", text, p.found())
}

// identifier reads a name: a word that is not reserved, or a quoted one.
func (p *parser) identifier(what string) (string, error) {
	t := p.tok()
	if t.kind == tokQuoted || t.kind == tokWord && !reserved[t.text] {
		p.i++
		return t.text, nil
	}
	return "", p.fail(t.pos, "%s is expected, not %s", what, p.found())
}

func (p *parser) str(what string) (string, error) {
	t := p.tok()
	if t.kind != tokString {
		return "", p.fail(t.pos, "%s is expected, not %s", what, p.found())
	}
	p.i++
	return t.text, nil
}

// qualified reads a.b.c.
func (p *parser) qualified(what string) (namespace, name string, err error) {
	name, err = p.identifier(what)
	for err == nil && p.accept(".") {
		if namespace != "" {
			namespace += "."
		}
		namespace += name
		name, err = p.identifier(what)
	}
	return namespace, name, err
}

func (p *parser) version() (string, error) {
	if !p.accept("version") {
		return "", nil
	}
	return p.str("a version")
}

// reserved are the words that cannot be names without quotes.
var reserved = wordSet(`after aggregate all and as asc ascending before between by case cast code codesystem codesystems collapse
 concept contains context convert date day days default define desc descending difference display distinct div duration during else end
 ends except exists expand false flatten fluent from function hour hours if implies in include includes included intersect Interval is let
 library List maximum meets millisecond milliseconds minimum minute minutes mod month months not null occurs of on or overlaps
 parameter per point predecessor private properly public return same second seconds singleton sort start starting
 starts successor such that then time timezoneoffset to true Tuple union using valueset week weeks when where width
 with within without xor year years called Choice`)

// keywordNames are reserved words that may still name something: after a dot, as
// a tuple's element, and where nothing else can stand.
var keywordNames = wordSet(`code codesystem codesystems concept context date day days default display duration end hour hours include
 let library minute minutes month months second seconds start starting time timezoneoffset using valueset week weeks year years version
 parameter point per where return sort public private of on per fluent function called aggregate all distinct`)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// elementName reads a name that may be any word.
func (p *parser) elementName() (string, error) {
	t := p.tok()
	if t.kind == tokQuoted || t.kind == tokWord {
		p.i++
		return t.text, nil
	}
	return "", p.fail(t.pos, "a name is expected, not %s", p.found())
}

// parseLibrary reads a whole library.
func parseLibrary(src string, s *source) (*libraryNode, error) {
	p, err := newParser(src, s)
	if err != nil {
		return nil, err
	}
	lib := &libraryNode{}
	if p.accept("library") {
		_, name, err := p.qualified("the library's name")
		if err != nil {
			return nil, err
		}
		lib.name = name
		if lib.version, err = p.version(); err != nil {
			return nil, err
		}
		s.name = name
	}
	context := ""
	for p.tok().kind != tokEnd {
		if err := p.declaration(lib, &context); err != nil {
			return nil, err
		}
	}
	return lib, nil
}

// parseExpression reads a text that is one expression.
func parseExpression(src string, s *source) (*node, error) {
	p, err := newParser(src, s)
	if err != nil {
		return nil, err
	}
	n, err := p.expression()
	if err == nil && p.tok().kind != tokEnd {
		err = p.fail(p.tok().pos, "the end is expected, not %s", p.found())
	}
	return n, err
}

// declaration reads a definition of a library.
func (p *parser) declaration(lib *libraryNode, context *string) error {
	pos := p.tok().pos
	private := false
	if p.is("public") || p.is("private") {
		private = p.is("private")
		p.i++
	}
	switch {
	case p.accept("using"):
		return p.using(lib, pos)
	case p.accept("include"):
		return p.include(lib, pos)
	case p.accept("codesystem"):
		return p.codeSystem(lib, pos)
	case p.accept("valueset"):
		return p.valueSet(lib, pos)
	case p.accept("code"):
		return p.code(lib, pos)
	case p.accept("concept"):
		return p.concept(lib, pos)
	case p.accept("parameter"):
		return p.parameter(lib, pos)
	case p.accept("context"):
		name, err := p.identifier("a context")
		if err == nil && p.accept(".") {
			name, err = p.identifier("a context")
		}
		if err != nil {
			return err
		}
		*context = name
		lib.contexts = append(lib.contexts, name)
		return nil
	case p.accept("define"):
		if p.is("public") || p.is("private") {
			private = p.is("private")
			p.i++
		}
		return p.define(lib, pos, *context, private)
	}
	return p.fail(pos, "a definition is expected, not %s", p.found())
}

func (p *parser) using(lib *libraryNode, pos int) error {
	_, name, err := p.qualified("a model")
	if err != nil {
		return err
	}
	u := usingNode{pos: pos, name: name, alias: name}
	if u.version, err = p.version(); err != nil {
		return err
	}
	if p.accept("called") {
		if u.alias, err = p.identifier("a name"); err != nil {
			return err
		}
	}
	lib.usings = append(lib.usings, u)
	return nil
}

func (p *parser) include(lib *libraryNode, pos int) error {
	namespace, name, err := p.qualified("a library")
	if err != nil {
		return err
	}
	n := includeNode{pos: pos, namespace: namespace, name: name, call: name}
	if n.ver, err = p.version(); err != nil {
		return err
	}
	if p.accept("called") {
		if n.call, err = p.identifier("a name"); err != nil {
			return err
		}
	}
	lib.includes = append(lib.includes, n)
	return nil
}

// named reads "name: 'id'".
func (p *parser) named() (name, id string, err error) {
	if name, err = p.identifier("a name"); err == nil {
		if err = p.expect(":"); err == nil {
			id, err = p.str("an id")
		}
	}
	return name, id, err
}

func (p *parser) codeSystem(lib *libraryNode, pos int) error {
	name, id, err := p.named()
	if err != nil {
		return err
	}
	version, err := p.version()
	lib.codeSystems = append(lib.codeSystems, codeSystemNode{pos, name, id, version})
	return err
}

func (p *parser) valueSet(lib *libraryNode, pos int) error {
	name, id, err := p.named()
	if err != nil {
		return err
	}
	v := valueSetNode{pos: pos, name: name, id: id}
	if v.version, err = p.version(); err != nil {
		return err
	}
	if p.accept("codesystems") {
		if v.systems, err = p.references("{", "}"); err != nil {
			return err
		}
	}
	lib.valueSets = append(lib.valueSets, v)
	return nil
}

// references reads names in brackets.
func (p *parser) references(open, end string) ([]string, error) {
	var list []string
	if err := p.expect(open); err != nil {
		return nil, err
	}
	for {
		namespace, name, err := p.qualified("a name")
		if err != nil {
			return nil, err
		}
		if namespace != "" {
			name = namespace + "." + name
		}
		list = append(list, name)
		if p.accept(",") {
			continue
		}
		return list, p.expect(end)
	}
}

func (p *parser) code(lib *libraryNode, pos int) error {
	name, id, err := p.named()
	if err != nil {
		return err
	}
	c := codeNode{pos: pos, name: name, id: id}
	if err := p.expect("from"); err != nil {
		return err
	}
	namespace, system, err := p.qualified("a code system")
	if err != nil {
		return err
	}
	if c.system = system; namespace != "" {
		c.system = namespace + "." + system
	}
	if p.accept("display") {
		if c.display, err = p.str("a display"); err != nil {
			return err
		}
	}
	lib.codes = append(lib.codes, c)
	return nil
}

func (p *parser) concept(lib *libraryNode, pos int) error {
	name, err := p.identifier("a name")
	if err != nil {
		return err
	}
	c := conceptNode{pos: pos, name: name}
	if err := p.expect(":"); err != nil {
		return err
	}
	if c.codes, err = p.references("{", "}"); err != nil {
		return err
	}
	if p.accept("display") {
		if c.display, err = p.str("a display"); err != nil {
			return err
		}
	}
	lib.concepts = append(lib.concepts, c)
	return nil
}

func (p *parser) parameter(lib *libraryNode, pos int) error {
	name, err := p.identifier("a name")
	if err != nil {
		return err
	}
	n := parameterNode{pos: pos, name: name}
	if !p.is("default") && !p.atDeclaration() {
		if n.spec, err = p.typeSpec(); err != nil {
			return err
		}
	}
	if p.accept("default") {
		if n.value, err = p.expression(); err != nil {
			return err
		}
	}
	if n.spec == nil && n.value == nil {
		return p.fail(pos, "parameter %s has neither a type nor a default", clip(name))
	}
	lib.parameters = append(lib.parameters, n)
	return nil
}

func (p *parser) atDeclaration() bool {
	t := p.tok()
	if t.kind == tokEnd {
		return true
	}
	switch t.text {
	case "define", "parameter", "context", "code", "concept", "valueset", "codesystem", "using", "include", "public", "private":
		return t.kind == tokWord
	}
	return false
}

func (p *parser) define(lib *libraryNode, pos int, context string, private bool) error {
	d := &defineNode{pos: pos, context: context, private: private}
	if p.words("fluent", "function") {
		p.i += 2
		d.function, d.fluent = true, true
	} else if p.is("function") {
		p.i++
		d.function = true
	}
	d.pos = p.tok().pos
	var err error
	if d.function {
		t := p.tok()
		if t.kind != tokWord && t.kind != tokQuoted {
			return p.fail(t.pos, "a name is expected, not %s", p.found())
		}
		p.i++
		d.name = t.text
		if err := p.operands(d); err != nil {
			return err
		}
		if p.accept("returns") {
			if d.returns, err = p.typeSpec(); err != nil {
				return err
			}
		}
	} else if d.name, err = p.identifier("a name"); err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	if d.function && p.accept("external") {
		d.external = true
	} else if d.body, err = p.expression(); err != nil {
		return err
	}
	lib.defines = append(lib.defines, d)
	return nil
}

func (p *parser) operands(d *defineNode) error {
	if err := p.expect("("); err != nil {
		return err
	}
	for !p.is(")") {
		pos := p.tok().pos
		name, err := p.elementName()
		if err != nil {
			return err
		}
		spec, err := p.typeSpec()
		if err != nil {
			return err
		}
		d.operands = append(d.operands, operandNode{pos, name, spec})
		if !p.accept(",") {
			break
		}
	}
	return p.expect(")")
}

// typeWords are reserved words that FHIR calls types by.
var typeWords = wordSet("code date time")

// typeSpec reads a type.
func (p *parser) typeSpec() (*typeSpec, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(p.tok().pos, "types stand too deep within each other")
	}
	defer func() { p.depth-- }()
	pos := p.tok().pos
	inner := func(kind byte) (*typeSpec, error) {
		p.i++
		s := &typeSpec{pos: pos, kind: kind}
		if err := p.expect("<"); err != nil {
			return nil, err
		}
		for {
			a, err := p.typeSpec()
			if err != nil {
				return nil, err
			}
			s.args = append(s.args, a)
			if kind != 'c' || !p.accept(",") {
				return s, p.expect(">")
			}
		}
	}
	switch {
	case p.is("List"):
		return inner('l')
	case p.is("Interval"):
		return inner('i')
	case p.words("Choice", "<"):
		return inner('c')
	case p.words("Tuple", "{"):
		p.i += 2
		s := &typeSpec{pos: pos, kind: 't'}
		for {
			name, err := p.elementName()
			if err != nil {
				return nil, err
			}
			field, err := p.typeSpec()
			if err != nil {
				return nil, err
			}
			s.fieldNames, s.args = append(s.fieldNames, name), append(s.args, field)
			if !p.accept(",") {
				return s, p.expect("}")
			}
		}
	}
	t := p.tok()
	if t.kind != tokWord && t.kind != tokQuoted || t.kind == tokWord && reserved[t.text] && !typeWords[t.text] {
		return nil, p.fail(t.pos, "a type is expected, not %s", p.found())
	}
	p.i++
	s := &typeSpec{pos: pos, kind: 'n', name: t.text}
	for p.is(".") && (p.at(1).kind == tokWord || p.at(1).kind == tokQuoted) {
		p.i++
		if s.model != "" {
			s.model += "."
		}
		s.model += s.name
		s.name = p.tok().text
		p.i++
	}
	return s, nil
}

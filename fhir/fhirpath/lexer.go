package fhirpath

import (
	"strings"
	"unicode/utf8"

	"cdss/fhir/issue"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokIdent
	tokQuotedIdent // `…`
	tokString
	tokNumber
	tokDate
	tokDateTime
	tokTime
	tokVariable // %name
	tokDollar   // $this
	tokSymbol
)

type token struct {
	kind tokenKind
	text string // unescaped
	pos  int
}

// maxSource bounds the text of an expression.
const maxSource = 64 << 10

type lexer struct {
	src string
	pos int
}

func (l *lexer) fail(pos int, format string, a ...any) error {
	return positioned(l.src, pos, format, a...)
}

// positioned makes a parse error with line and column, both from 1; columns
// count characters.
func positioned(src string, pos int, format string, a ...any) error {
	pos = min(pos, len(src))
	line := 1 + strings.Count(src[:pos], "\n")
	column := 1 + utf8.RuneCountInString(src[strings.LastIndexByte(src[:pos], '\n')+1:pos])
	return issue.New(issue.Invalid, "read FHIRPath, line %d, column %d: "+format, append([]any{line, column}, a...)...)
}

func isIdentStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// space skips white space and comments.
func (l *lexer) space() error {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.pos++
		case strings.HasPrefix(l.src[l.pos:], "//"):
			end := strings.IndexAny(l.src[l.pos:], "\r\n")
			if end < 0 {
				l.pos = len(l.src)
				return nil
			}
			l.pos += end
		case strings.HasPrefix(l.src[l.pos:], "/*"):
			end := strings.Index(l.src[l.pos+2:], "*/")
			if end < 0 {
				return l.fail(l.pos, "the comment is not closed")
			}
			l.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEnd, pos: start}, nil
	}
	c := l.src[start]
	switch {
	case isIdentStart(c):
		return token{tokIdent, l.word(), start}, nil
	case isDigit(c):
		return token{tokNumber, l.numberText(), start}, nil
	case c == '\'':
		text, err := l.quoted('\'')
		return token{tokString, text, start}, err
	case c == '`':
		text, err := l.quoted('`')
		if err == nil && text == "" {
			err = l.fail(start, "an empty name")
		}
		return token{tokQuotedIdent, text, start}, err
	case c == '@':
		return l.temporal()
	case c == '$':
		l.pos++
		return token{tokDollar, l.word(), start}, nil
	case c == '%':
		l.pos++
		if l.pos < len(l.src) && (l.src[l.pos] == '`' || l.src[l.pos] == '\'') {
			text, err := l.quoted(l.src[l.pos])
			return token{tokVariable, text, start}, err
		}
		name := l.word()
		if name == "" {
			return token{}, l.fail(start, "a name should stand behind %%")
		}
		return token{tokVariable, name, start}, nil
	}
	for _, symbol := range []string{"<=", ">=", "!=", "!~"} {
		if strings.HasPrefix(l.src[start:], symbol) {
			l.pos += 2
			return token{tokSymbol, symbol, start}, nil
		}
	}
	if strings.IndexByte(".,()[]{}+-*/&|=~<>", c) >= 0 {
		l.pos++
		return token{tokSymbol, string(c), start}, nil
	}
	r, _ := utf8.DecodeRuneInString(l.src[start:])
	return token{}, l.fail(start, "unexpected character %q", r)
}

func (l *lexer) word() string {
	start := l.pos
	for l.pos < len(l.src) && (isIdentStart(l.src[l.pos]) || l.pos > start && isDigit(l.src[l.pos])) {
		l.pos++
	}
	return l.src[start:l.pos]
}

// numberText reads an integer, or a decimal: a point belongs to it only when
// a digit follows ("1.toString()").
func (l *lexer) numberText() string {
	start := l.pos
	for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		l.pos++
	}
	if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && isDigit(l.src[l.pos+1]) {
		l.pos++
		for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
			l.pos++
		}
	}
	return l.src[start:l.pos]
}

// quoted reads to the closing quote and decodes the escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	start := l.pos
	l.pos++
	var b strings.Builder
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch c {
		case quote:
			l.pos++
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
			continue
		}
		b.WriteByte(c)
		l.pos++
	}
	return "", l.fail(start, "the quote is not closed")
}

func (l *lexer) escape(b *strings.Builder) error {
	if l.pos+1 >= len(l.src) {
		return l.fail(l.pos, "the quote is not closed")
	}
	at := l.pos
	c := l.src[l.pos+1]
	l.pos += 2
	switch c {
	case '\'', '"', '`', '\\', '/':
		b.WriteByte(c)
	case 'r':
		b.WriteByte('\r')
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'f':
		b.WriteByte('\f')
	case 'u':
		if l.pos+4 > len(l.src) {
			return l.fail(at, "four hexadecimal digits should stand behind \\u")
		}
		var r rune
		for _, h := range l.src[l.pos : l.pos+4] {
			v := strings.IndexRune("0123456789abcdef", toLower(h))
			if v < 0 {
				return l.fail(at, "four hexadecimal digits should stand behind \\u")
			}
			r = r<<4 | rune(v)
		}
		l.pos += 4
		b.WriteRune(r)
	default:
		return l.fail(at, "no escape")
	}
	return nil
}

func toLower(r rune) rune {
	if r >= 'A' && r <= 'F' {
		return r + 'a' - 'A'
	}
	return r
}

// temporal reads @2015-02-04, @2015-02-04T14:34:28Z, @2015T or @T14:34.
func (l *lexer) temporal() (token, error) {
	start := l.pos
	l.pos++
	take := func(set string) string {
		from := l.pos
		for l.pos < len(l.src) && strings.IndexByte(set, l.src[l.pos]) >= 0 {
			l.pos++
		}
		return l.src[from:l.pos]
	}
	if l.pos < len(l.src) && l.src[l.pos] == 'T' {
		l.pos++
		text := l.clock()
		return token{tokTime, text, start}, nil
	}
	date := take("0123456789-")
	if l.pos < len(l.src) && l.src[l.pos] == 'T' {
		l.pos++
		text := date + "T" + l.clock()
		if l.pos < len(l.src) && l.src[l.pos] == 'Z' {
			l.pos++
			text += "Z"
		} else if zone := l.src[l.pos:]; len(zone) >= 6 && (zone[0] == '+' || zone[0] == '-') && isDigit(zone[1]) && isDigit(zone[2]) && zone[3] == ':' && isDigit(zone[4]) && isDigit(zone[5]) {
			l.pos += 6
			text += zone[:6]
		}
		return token{tokDateTime, text, start}, nil
	}
	return token{tokDate, date, start}, nil
}

// clock reads hh[:mm[:ss[.fff]]]; a point belongs to it only before a digit.
func (l *lexer) clock() string {
	start := l.pos
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if isDigit(c) || c == ':' || c == '.' && l.pos+1 < len(l.src) && isDigit(l.src[l.pos+1]) {
			l.pos++
			continue
		}
		break
	}
	return l.src[start:l.pos]
}

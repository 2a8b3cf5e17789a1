package cql

import (
	"strings"
	"unicode/utf8"
)

// tokenKind tells what a token is.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokWord
	tokQuoted // "name" or `name`
	tokString
	tokInteger
	tokLong
	tokDecimal
	tokDate // @2014-01-01 and the like
	tokDateTime
	tokTime
	tokSymbol
	tokBad
)

// token is a piece of the source. Of a quoted name or a string, text is without
// quotes and escapes.
type token struct {
	kind tokenKind
	text string
	pos  int
	end  int
}

// lexer cuts a source into tokens.
type lexer struct {
	src string
	i   int
}

func (l *lexer) skip() (ok bool, at int) {
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.i++
		case strings.HasPrefix(l.src[l.i:], "//"):
			end := strings.IndexByte(l.src[l.i:], '\n')
			if end < 0 {
				l.i = len(l.src)
				return true, 0
			}
			l.i += end
		case strings.HasPrefix(l.src[l.i:], "/*"):
			end := strings.Index(l.src[l.i+2:], "*/")
			if end < 0 {
				return false, l.i
			}
			l.i += end + 4
		case strings.HasPrefix(l.src[l.i:], "\u00a0"):
			l.i += 2
		case strings.HasPrefix(l.src[l.i:], "\ufeff"):
			l.i += 3
		default:
			return true, 0
		}
	}
	return true, 0
}

var symbols = []string{"<=", ">=", "!=", "!~", "<>", "->", "(", ")", "[", "]", "{", "}", "<", ">", "=", "~", ".", ",", ":", ";", "+", "-", "*", "/", "^", "&", "|", "%", "$"}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) peekAt(i int) byte {
	if i < len(l.src) {
		return l.src[i]
	}
	return 0
}

// next gives the next token.
func (l *lexer) next() token {
	if ok, at := l.skip(); !ok {
		l.i = len(l.src)
		return token{kind: tokBad, text: "a comment has no end", pos: at, end: len(l.src)}
	}
	start := l.i
	if start >= len(l.src) {
		return token{kind: tokEnd, pos: start, end: start}
	}
	c := l.src[start]
	switch {
	case letter(c):
		for l.i < len(l.src) && (letter(l.src[l.i]) || digit(l.src[l.i])) {
			l.i++
		}
		return token{tokWord, l.src[start:l.i], start, l.i}
	case digit(c):
		return l.number()
	case c == '@':
		return l.moment()
	case c == '\'' || c == '"' || c == '`':
		return l.quoted(c)
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.src[start:], s) {
			l.i += len(s)
			return token{tokSymbol, s, start, l.i}
		}
	}
	_, n := utf8.DecodeRuneInString(l.src[start:])
	l.i += n
	return token{tokBad, "this character has no meaning here", start, l.i}
}

func (l *lexer) digits() int {
	from := l.i
	for l.i < len(l.src) && digit(l.src[l.i]) {
		l.i++
	}
	return l.i - from
}

func (l *lexer) number() token {
	start := l.i
	l.digits()
	kind := tokInteger
	if l.peekAt(l.i) == '.' && digit(l.peekAt(l.i+1)) {
		l.i++
		l.digits()
		kind = tokDecimal
	}
	text := l.src[start:l.i]
	if kind == tokInteger && l.peekAt(l.i) == 'L' && !letter(l.peekAt(l.i+1)) {
		l.i++
		kind = tokLong
	}
	return token{kind, text, start, l.i}
}

// moment reads @2014-01-01T10:00:00.000+01:00 and its parts, and @T10:00.
func (l *lexer) moment() token {
	start := l.i
	l.i++
	fixed := func(n int) bool {
		for k := range n {
			if !digit(l.peekAt(l.i + k)) {
				return false
			}
		}
		l.i += n
		return true
	}
	clock := func() bool {
		if !fixed(2) {
			return false
		}
		for range 2 {
			if l.peekAt(l.i) != ':' || !digit(l.peekAt(l.i+1)) {
				return true
			}
			l.i++
			if !fixed(2) {
				return false
			}
		}
		if l.peekAt(l.i) == '.' && digit(l.peekAt(l.i+1)) {
			l.i++
			l.digits()
		}
		return true
	}
	bad := token{kind: tokBad, text: "no date or time", pos: start}
	if l.peekAt(l.i) == 'T' {
		l.i++
		if !clock() {
			bad.end = l.i
			return bad
		}
		return token{tokTime, l.src[start+2 : l.i], start, l.i}
	}
	if !fixed(4) {
		bad.end = l.i
		return bad
	}
	for range 2 {
		if l.peekAt(l.i) == '-' && digit(l.peekAt(l.i+1)) && digit(l.peekAt(l.i+2)) {
			l.i += 3
		} else {
			break
		}
	}
	kind := tokDate
	if l.peekAt(l.i) == 'T' {
		l.i++
		kind = tokDateTime
		if digit(l.peekAt(l.i)) {
			if !clock() {
				bad.end = l.i
				return bad
			}
			switch c := l.peekAt(l.i); {
			case c == 'Z':
				l.i++
			case (c == '+' || c == '-') && digit(l.peekAt(l.i+1)) && digit(l.peekAt(l.i+2)) && l.peekAt(l.i+3) == ':':
				l.i += 4
				if !fixed(2) {
					bad.end = l.i
					return bad
				}
			}
		}
	}
	return token{kind, l.src[start+1 : l.i], start, l.i}
}

func (l *lexer) quoted(quote byte) token {
	start := l.i
	l.i++
	kind := tokQuoted
	if quote == '\'' {
		kind = tokString
	}
	from := l.i
	for l.i < len(l.src) && l.src[l.i] != quote {
		if l.src[l.i] == '\\' {
			return l.escaped(quote, kind, start, from)
		}
		l.i++
	}
	if l.i >= len(l.src) {
		return token{tokBad, "a quotation has no end", start, l.i}
	}
	l.i++
	return token{kind, l.src[from : l.i-1], start, l.i}
}

var escapes = map[byte]byte{'\'': '\'', '"': '"', '`': '`', '\\': '\\', '/': '/', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (l *lexer) escaped(quote byte, kind tokenKind, start, from int) token {
	var b strings.Builder
	b.WriteString(l.src[from:l.i])
	for l.i < len(l.src) {
		c := l.src[l.i]
		switch {
		case c == quote:
			l.i++
			return token{kind, b.String(), start, l.i}
		case c != '\\':
			b.WriteByte(c)
			l.i++
		case l.peekAt(l.i+1) == 'u':
			v := rune(0)
			for k := range 4 {
				h := strings.IndexByte("0123456789abcdef", l.peekAt(l.i+2+k)|0x20)
				if d := l.peekAt(l.i + 2 + k); digit(d) {
					h = int(d - '0')
				}
				if h < 0 || l.i+2+k >= len(l.src) {
					return token{tokBad, "an escape \\u needs four hexadecimal digits", l.i, l.i + 2}
				}
				v = v<<4 | rune(h)
			}
			b.WriteRune(v)
			l.i += 6
		default:
			e, ok := escapes[l.peekAt(l.i+1)]
			if !ok {
				if l.i+1 >= len(l.src) {
					l.i++
					continue
				}
				return token{tokBad, "this escape is not known", l.i, l.i + 2}
			}
			b.WriteByte(e)
			l.i += 2
		}
	}
	return token{tokBad, "a quotation has no end", start, l.i}
}

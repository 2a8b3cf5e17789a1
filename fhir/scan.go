package fhir

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"cdss/fhir/issue"
)

// Limits bound what the scan lets through. A zero field means its default.
type Limits struct {
	Depth       int // nesting of objects and arrays; default 64
	Tokens      int // values and member names; default 200,000
	StringBytes int // of one string or number as written; default 1 MiB
	Entries     int // Bundle.entry; default 1,000
}

// DefaultLimits are those of every door that names no others.
var DefaultLimits = Limits{Depth: 64, Tokens: 200_000, StringBytes: 1 << 20, Entries: 1000}

func (l Limits) orDefault() Limits {
	if l.Depth <= 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Tokens <= 0 {
		l.Tokens = DefaultLimits.Tokens
	}
	if l.StringBytes <= 0 {
		l.StringBytes = DefaultLimits.StringBytes
	}
	if l.Entries <= 0 {
		l.Entries = DefaultLimits.Entries
	}
	return l
}

// Scan is layer L0: one pass over raw that accepts exactly one JSON value
// (RFC 8259) within the limits, with no duplicate member in any object, valid
// UTF-8, no NUL character, no lone surrogate and nothing behind it but white
// space. Errors are of kind issue.Structure or issue.TooLong and name line and
// column, never content beyond a member's name.
func Scan(raw []byte, limits Limits) error {
	s := scanner{b: view(raw), lim: limits.orDefault()}
	return s.document()
}

// view shares the bytes as a string; callers of this package promise not to
// change them (see ParseResource).
func view(raw []byte) string {
	return unsafe.String(unsafe.SliceData(raw), len(raw))
}

type scanner struct {
	b      string
	pos    int
	lim    Limits
	tokens int
	// keys holds the names of all open objects, one after the other.
	keys []string
}

// wide is the number of members from which an object's names are kept in a
// map: below it a linear look is cheaper.
const wide = 24

func (s *scanner) document() error {
	if strings.HasPrefix(s.b, "\ufeff") {
		return s.fail("a byte order mark stands before the JSON")
	}
	s.space()
	if s.pos == len(s.b) {
		return s.fail("no JSON value")
	}
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.b) {
		return s.fail("bytes stand behind the JSON value")
	}
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) token() error {
	if s.tokens++; s.tokens > s.lim.Tokens {
		return s.over("more than %d JSON values and names", s.lim.Tokens)
	}
	return nil
}

func (s *scanner) value(depth int) error {
	if err := s.token(); err != nil {
		return err
	}
	if s.pos >= len(s.b) {
		return s.fail("the JSON ends where a value should stand")
	}
	switch c := s.b[s.pos]; c {
	case '{':
		return s.object(depth + 1)
	case '[':
		return s.array(depth + 1)
	case '"':
		_, _, err := s.str()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return s.number()
		}
		return s.fail("a value cannot begin like this")
	}
}

func (s *scanner) object(depth int) error {
	if depth > s.lim.Depth {
		return s.fail("nested deeper than %d", s.lim.Depth)
	}
	s.pos++
	base := len(s.keys)
	var names map[string]struct{}
	s.space()
	if s.pos < len(s.b) && s.b[s.pos] == '}' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if s.pos >= len(s.b) || s.b[s.pos] != '"' {
			return s.fail("a member name in quotes should stand here")
		}
		if err := s.token(); err != nil {
			return err
		}
		at := s.pos
		key, escaped, err := s.str()
		if err != nil {
			return err
		}
		if escaped {
			key = unescape(key)
		}
		duplicate := false
		switch {
		case names != nil:
			_, duplicate = names[key]
			names[key] = struct{}{}
		default:
			for _, k := range s.keys[base:] {
				if k == key {
					duplicate = true
					break
				}
			}
			s.keys = append(s.keys, key)
			if len(s.keys)-base == wide {
				names = make(map[string]struct{}, 4*wide)
				for _, k := range s.keys[base:] {
					names[k] = struct{}{}
				}
			}
		}
		if duplicate {
			s.pos = at
			return s.fail("the member %q stands twice", clip(key))
		}
		s.space()
		if s.pos >= len(s.b) || s.b[s.pos] != ':' {
			return s.fail("a colon should stand behind the member name")
		}
		s.pos++
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		if s.pos >= len(s.b) {
			return s.fail("the object is not closed")
		}
		switch s.b[s.pos] {
		case ',':
			s.pos++
		case '}':
			s.pos++
			s.keys = s.keys[:base]
			return nil
		default:
			return s.fail("a comma or closing brace should stand here")
		}
	}
}

func (s *scanner) array(depth int) error {
	if depth > s.lim.Depth {
		return s.fail("nested deeper than %d", s.lim.Depth)
	}
	s.pos++
	s.space()
	if s.pos < len(s.b) && s.b[s.pos] == ']' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		if s.pos >= len(s.b) {
			return s.fail("the array is not closed")
		}
		switch s.b[s.pos] {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return s.fail("a comma or closing bracket should stand here")
		}
	}
}

// str checks a string and gives what stands between its quotes, as written.
func (s *scanner) str() (text string, escaped bool, err error) {
	start := s.pos + 1
	i := start
	high := false
	for {
		if i >= len(s.b) {
			s.pos = start - 1
			return "", false, s.fail("the string is not closed")
		}
		c := s.b[i]
		if c == '"' {
			break
		}
		switch {
		case c == '\\':
			escaped = true
			s.pos = i
			n, err := s.escape()
			if err != nil {
				return "", false, err
			}
			i += n
		case c < 0x20:
			s.pos = i
			return "", false, s.fail("a control character stands in a string")
		case c >= utf8.RuneSelf:
			high = true
			i++
		default:
			i++
		}
	}
	s.pos = start
	text = s.b[start:i]
	if len(text) > s.lim.StringBytes {
		return "", false, s.over("a string is longer than %d bytes", s.lim.StringBytes)
	}
	if high && !utf8.ValidString(text) {
		return "", false, s.fail("the string is not valid UTF-8")
	}
	s.pos = i + 1
	return text, escaped, nil
}

// escape checks the escape at pos and gives its length. Of a surrogate pair it
// takes both halves.
func (s *scanner) escape() (int, error) {
	if s.pos+1 >= len(s.b) {
		return 0, s.fail("the string is not closed")
	}
	switch s.b[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, s.fail("no JSON escape")
	}
	r, ok := hex4(s.b, s.pos+2)
	if !ok {
		return 0, s.fail("no JSON escape")
	}
	switch {
	case r == 0:
		return 0, s.fail("a NUL character stands in a string")
	case r >= 0xDC00 && r <= 0xDFFF:
		return 0, s.fail("a lone surrogate stands in a string")
	case r >= 0xD800 && r <= 0xDBFF:
		at := s.pos + 6
		if at+1 < len(s.b) && s.b[at] == '\\' && s.b[at+1] == 'u' {
			if low, ok := hex4(s.b, at+2); ok && low >= 0xDC00 && low <= 0xDFFF {
				return 12, nil
			}
		}
		return 0, s.fail("a lone surrogate stands in a string")
	}
	return 6, nil
}

func hex4(b string, at int) (rune, bool) {
	if at+4 > len(b) {
		return 0, false
	}
	var r rune
	for i := at; i < at+4; i++ {
		c := b[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (s *scanner) number() error {
	start := s.pos
	i := start
	digits := func() bool {
		from := i
		for i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
			i++
		}
		return i > from
	}
	if s.b[i] == '-' {
		i++
	}
	if i < len(s.b) && s.b[i] == '0' {
		i++
	} else if !digits() {
		return s.fail("no JSON number")
	}
	if i < len(s.b) && s.b[i] == '.' {
		i++
		if !digits() {
			return s.fail("no JSON number")
		}
	}
	if i < len(s.b) && (s.b[i] == 'e' || s.b[i] == 'E') {
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		if !digits() {
			return s.fail("no JSON number")
		}
	}
	if i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
		return s.fail("a number cannot begin with 0")
	}
	if i-start > s.lim.StringBytes {
		return s.over("a number is longer than %d bytes", s.lim.StringBytes)
	}
	s.pos = i
	return nil
}

func (s *scanner) word(w string) error {
	if !strings.HasPrefix(s.b[s.pos:], w) {
		return s.fail("a value cannot begin like this")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) fail(format string, a ...any) error {
	return s.errorAt(issue.Structure, format, a...)
}

func (s *scanner) over(format string, a ...any) error {
	return s.errorAt(issue.TooLong, format, a...)
}

func (s *scanner) errorAt(k issue.Kind, format string, a ...any) error {
	pos := min(s.pos, len(s.b))
	line := 1 + strings.Count(s.b[:pos], "\n")
	column := pos - strings.LastIndexByte(s.b[:pos], '\n')
	return issue.New(k, "read JSON, line %d, column %d: "+format, append([]any{line, column}, a...)...)
}

// clip shortens a member name that a caller sent, so that an error stays short.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// unescape decodes the escapes of a string that the scan let through.
func unescape(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i+1:]
		n := 1
		switch s[0] {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, _ := hex4(s, 1)
			n = 5
			if r >= 0xD800 && r <= 0xDBFF {
				low, _ := hex4(s, 7)
				r = 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
				n = 11
			}
			b.WriteRune(r)
		default:
			b.WriteByte(s[0])
		}
		s = s[n:]
		i = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String()
}

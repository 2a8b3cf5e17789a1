package search

import (
	"strings"
	"unicode/utf8"

	"cdss/fhir/issue"
)

// Pair is one name and value of a request.
type Pair struct{ Name, Value string }

// Bounds of a request, so that no search costs more than it is worth.
const (
	maxPairs = 100
	maxBytes = 64 << 10
)

// Split reads "a=b&c=d" (application/x-www-form-urlencoded), in its order. It
// refuses broken escapes, what is no UTF-8, NUL, and more than 100 parameters or
// 64 KiB. Errors are of kind issue.Invalid or issue.TooLong.
func Split(query string) ([]Pair, error) {
	if len(query) > maxBytes {
		return nil, issue.New(issue.TooLong, "read search: longer than %d bytes", maxBytes)
	}
	var list []Pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		if len(list) == maxPairs {
			return nil, issue.New(issue.TooLong, "read search: more than %d parameters", maxPairs)
		}
		name, value, _ := strings.Cut(part, "=")
		var p Pair
		var ok, ok2 bool
		p.Name, ok = unescape(name)
		p.Value, ok2 = unescape(value)
		if !ok || !ok2 {
			return nil, issue.New(issue.Invalid, "read search: the parameter %q is not encoded as a url wants it", clip(name))
		}
		list = append(list, p)
	}
	return list, nil
}

// unescape decodes %xx and "+".
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		var b strings.Builder
		b.Grow(len(s))
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '+':
				b.WriteByte(' ')
			case '%':
				if i+2 >= len(s) {
					return "", false
				}
				high, ok := hex(s[i+1])
				low, ok2 := hex(s[i+2])
				if !ok || !ok2 {
					return "", false
				}
				b.WriteByte(high<<4 | low)
				i += 2
			default:
				b.WriteByte(s[i])
			}
		}
		s = b.String()
	}
	return s, utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

func hex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Encode writes pairs so that Split reads them again.
func Encode(pairs []Pair) string {
	var b []byte
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(escape(b, p.Name), '=')
		b = escape(b, p.Value)
	}
	return string(b)
}

func escape(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~:/,*$|", c) >= 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return b
}

// clip shortens what a caller sent, so that an error stays short.
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

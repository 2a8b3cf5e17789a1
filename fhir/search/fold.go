package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold makes texts comparable: without case, accents, and runs of space, "ß" as
// "ss" (R4, 3.1.1.4.8).
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := true // none at the beginning
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.IsSpace(r):
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		case unicode.Is(unicode.Mn, r):
			continue
		case r == 'ß' || r == 'ẞ':
			b.WriteString("ss")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		space = false
	}
	return strings.TrimSuffix(b.String(), " ")
}

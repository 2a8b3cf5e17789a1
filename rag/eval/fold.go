package eval

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// tag is a real tag: "<10 ml/min" is text.
var tag = regexp.MustCompile(`</?[a-zA-Z!][^<>]*>`)

// Fold strips tags, unescapes entities, lower-cases and keeps letters and digits
// only, so that matching does not depend on how a table or a line break is
// rendered. It is the normalisation that judged quotes are defined by.
func Fold(text string) string {
	text = html.UnescapeString(tag.ReplaceAllString(text, ""))
	text = norm.NFKC.String(strings.ReplaceAll(text, "×", "x"))
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range strings.ToLower(text) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// source is a folded file in which quotes are located. Positions are in runes,
// because windows around quotes are.
type source struct {
	flat  string
	runes []int32 // rune index at each byte offset
	ratio float64 // folded runes per rune of the file
}

func newSource(text string) *source {
	s := &source{flat: Fold(text), ratio: 0.7}
	s.runes = runeIndex(s.flat)
	if n := utf8.RuneCountInString(text); n > 0 && len(s.flat) > 0 {
		s.ratio = float64(s.runes[len(s.flat)]) / float64(n)
	}
	return s
}

func runeIndex(s string) []int32 {
	index := make([]int32, len(s)+1)
	n := int32(-1)
	for i := 0; i < len(s); i++ {
		if utf8.RuneStart(s[i]) {
			n++
		}
		index[i] = n
	}
	index[len(s)] = n + 1
	return index
}

// cutRunes gives the first n runes.
func cutRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

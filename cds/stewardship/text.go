package stewardship

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"cdss/cds"
)

// Decimal writes a number as people read it: at most the given digits behind the
// separator, none that are zero, a comma in German.
func Decimal(v float64, digits int, lang cds.Lang) string {
	scale := math.Pow(10, float64(digits))
	s := strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
	if lang != cds.EN {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// Both makes a text of two languages from a function of the language.
func Both(f func(cds.Lang) string) cds.Text { return cds.Text{DE: f(cds.DE), EN: f(cds.EN)} }

// MaxText bounds the bytes of a free text that are searched for names and signs;
// what a person writes in a field is shorter by far.
const MaxText = 4000

// Clip cuts a text to at most n bytes, never inside a character.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

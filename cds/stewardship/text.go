package stewardship

import (
	"math"
	"strconv"
	"strings"

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

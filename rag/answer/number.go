package answer

import (
	"regexp"
	"slices"
	"strings"
)

// figure is a number with the unit that follows it.
type figure struct {
	number string // as written, with a point for a comma
	unit   string // unified; "" when none that is known follows
}

// units maps what is written, folded, to one form. The longer forms stand first in
// the expression made of it.
var units = map[string]string{
	"mg/kg/d": "mg/kg/d", "mg/kg/tag": "mg/kg/d", "mg/kg/day": "mg/kg/d", "mg/kg kg/d": "mg/kg/d",
	"mg/kgkg": "mg/kg", "mg/kg": "mg/kg", "mg/dl": "mg/dl", "mg/l": "mg/l", "µg/ml": "mg/l", "mmol/l": "mmol/l", "µmol/l": "µmol/l",
	"ml/min": "ml/min", "mg": "mg", "milligramm": "mg", "milligram": "mg", "milligrams": "mg",
	"µg": "µg", "mcg": "µg", "ug": "µg", "mikrogramm": "µg", "microgram": "µg", "micrograms": "µg",
	"g": "g", "gramm": "g", "gram": "g", "grams": "g", "ml": "ml", "l": "l", "liter": "l", "litre": "l", "litres": "l",
	"ie": "iu", "i.e.": "iu", "iu": "iu", "mio. ie": "miu", "mio ie": "miu", "mio. i.e.": "miu", "mio iu": "miu", "million iu": "miu", "mu": "miu", "miu": "miu", "mega": "miu", "u": "iu", "units": "iu", "einheiten": "iu",
	"h": "h", "std": "h", "std.": "h", "stunde": "h", "stunden": "h", "hour": "h", "hours": "h", "hrs": "h",
	"d": "d", "tag": "d", "tage": "d", "tagen": "d", "day": "d", "days": "d",
	"woche": "wk", "wochen": "wk", "week": "wk", "weeks": "wk", "monat": "mo", "monate": "mo", "monaten": "mo", "month": "mo", "months": "mo",
	"jahr": "a", "jahre": "a", "jahren": "a", "year": "a", "years": "a", "min": "min", "minuten": "min", "minutes": "min",
	"%": "%", "prozent": "%", "percent": "%", "mmhg": "mmhg", "°c": "°c",
}

// doseUnits are those in which doses, intervals and durations are given.
var doseUnits = []string{"mg/kg/d", "mg/kg", "mg", "µg", "g", "ml", "iu", "miu", "h", "d", "wk", "mo", "min"}

var figurePattern = func() *regexp.Regexp {
	var list []string
	for u := range units {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	for i, u := range list {
		list[i] = strings.ReplaceAll(regexp.QuoteMeta(u), " ", " ?")
	}
	return regexp.MustCompile(`(\d+(?:[.,]\d+)*)(?: ?(` + strings.Join(list, "|") + `))?`)
}()

// numberWords are read like digits. "one" is left out: it is mostly an article.
var numberWords = map[string]string{
	"zwei": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9", "zehn": "10",
	"elf": "11", "zwölf": "12", "vierzehn": "14", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
	"eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "fourteen": "14", "zweimal": "2", "dreimal": "3", "viermal": "4",
	"twice": "2",
}

var wordPattern = regexp.MustCompile(`\p{L}+`)

// figures reads the numbers of a folded text. A unit counts only where no letter
// follows it: "5 leukocytes" are no litres.
func figures(text string) []figure {
	text = wordPattern.ReplaceAllStringFunc(text, func(w string) string {
		if digits, ok := numberWords[w]; ok {
			return digits
		}
		return w
	})
	var list []figure
	for from := 0; from < len(text); {
		m := figurePattern.FindStringSubmatchIndex(text[from:])
		if m == nil {
			break
		}
		for i := range m {
			if m[i] >= 0 {
				m[i] += from
			}
		}
		f := figure{number: strings.ReplaceAll(text[m[2]:m[3]], ",", ".")}
		from = m[3]
		if m[4] >= 0 {
			// The longest unit that ends where a word ends.
			for end := m[5]; end > m[4]; end-- {
				unit, ok := units[strings.ReplaceAll(text[m[4]:end], "  ", " ")]
				if ok && (whole(text, end) || text[end-1] == '%' || text[end-1] == '.') {
					f.unit, from = unit, end
					break
				}
			}
		}
		list = append(list, f)
	}
	return list
}

// supported tells whether each number of a claim is in its quotation, with the same
// unit where the claim gives one.
func supported(claim, quote string) bool {
	in := figures(fold(quote, joinLines).text)
	for _, f := range figures(fold(claim, joinLines).text) {
		if !slices.ContainsFunc(in, func(q figure) bool { return q.number == f.number && (f.unit == "" || q.unit == f.unit) }) {
			return false
		}
	}
	return true
}

var frequency = regexp.MustCompile(`\d ?[x×*](?:$|[^\p{L}])|\d ?mal |mal (?:am |pro )?tag|täglich|\btimes (?:a|per) day|\b(?:daily|once a day|twice|every \d|alle \d)`)

// dosing tells whether a text gives a dose, an interval or a duration. Such a text
// is never a sentence of a model's: who needs the number reads the source's own row.
func dosing(text string) bool {
	f := fold(text, joinLines).text
	if frequency.MatchString(f) {
		return true
	}
	return slices.ContainsFunc(figures(f), func(f figure) bool { return slices.Contains(doseUnits, f.unit) })
}

package ucum

import (
	"strings"
	"unicode"

	"cdss/fhir/issue"
)

// NormaliseUnit gives the UCUM code of a unit as clinics write it, German or
// English: "mg/dl", "µmol/l", "ml/min/1,73 m²", "Mio. IE", "g/24h". A UCUM code
// comes back as itself, litre always with a capital L and international units as
// [iU], so that equal units have equal codes. What stays unknown after that is
// an error of kind issue.Value; "Mg" is a megagram and not guessed to be "mg".
func NormaliseUnit(s string) (string, error) {
	unknown := issue.New(issue.Value, "read unit: the spelling is not known")
	if len(s) > 2*maxCode {
		return "", unknown
	}
	text := tidy(s)
	if text == "" {
		return "", unknown
	}
	if code, ok := counts[text]; ok {
		return code, nil
	}
	if code, ok := wholes[strings.ToLower(text)]; ok {
		return code, nil
	}
	if before, ok := bodySurfaceTail(text); ok {
		code, err := NormaliseUnit(before)
		if err != nil || strings.Contains(code, bodySurface) {
			return "", unknown
		}
		code += "/" + bodySurface
		if _, err := Parse(code); err != nil {
			return "", unknown
		}
		return code, nil
	}
	code, ok := compose(text)
	if !ok {
		return "", unknown
	}
	if _, err := Parse(code); err != nil {
		return "", unknown
	}
	return code, nil
}

// runes that stand for others in units.
var runes = strings.NewReplacer(
	"µ", "u", "μ", "u", // micro sign, Greek mu
	"²", "2", "³", "3", "⁶", "^6", "⁹", "^9", "¹²", "^12", "¹", "1",
	"·", ".", "×", "x", "∙", ".", "*", "*", "−", "-", "⁄", "/", "∕", "/", "÷", "/",
	"º", "°", "’", "'", "‰", "[ppth]",
)

// tidy replaces look-alike characters and takes out white space, but for that
// between words.
func tidy(s string) string {
	s = runes.Replace(s)
	var b strings.Builder
	b.Grow(len(s))
	pending := false
	var last rune
	for _, r := range s {
		if unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' {
			pending = true
			continue
		}
		if pending && unicode.IsLetter(last) && unicode.IsLetter(r) {
			b.WriteByte(' ')
		}
		pending = false
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// bodySurfaceTail cuts "per 1.73 m2" off.
func bodySurfaceTail(s string) (string, bool) {
	low := strings.ReplaceAll(strings.ToLower(s), ",", ".")
	for _, tail := range []string{
		"/{1.73_m2}", "/1.73m2", "/1.73_m2", "/1.73.m2", "/(1.73.m2)", "/(1.73m2)", "/1.73m^2", "/1.73 m2", "/{1.73m2}", "/[1.73_m2]",
		"/1.73m2kof", "/1.73m2koerperoberflaeche", "/1.73m2bsa", "/{bsa}", "/1.73qm",
		"/1.73m*2", "per1.73m2", "pro1.73m2", "per 1.73m2", "/1.73sqm", "/173.10*-2.m2",
	} {
		if strings.HasSuffix(low, tail) && len(low) == len(s) {
			return s[:len(s)-len(tail)], true
		}
	}
	return "", false
}

// compose normalises the parts of a quotient one by one.
func compose(text string) (string, bool) {
	text = per(text)
	parts := splitOutside(text)
	out := make([]string, 0, len(parts))
	for i, part := range parts {
		if part == "" {
			if i > 0 {
				return "", false
			}
			out = append(out, "")
			continue
		}
		code, ok := component(part, i > 0)
		if !ok {
			return "", false
		}
		out = append(out, code)
	}
	if len(out) > 1 && out[0] == "1" {
		out[0] = "" // "1/min" is "/min"
	}
	return strings.Join(out, "/"), true
}

// per writes "je", "pro" and "per" as a slash.
func per(s string) string {
	low := strings.ToLower(s)
	for _, word := range []string{" pro ", " per ", " je "} {
		for {
			at := strings.Index(low, word)
			if at < 0 || len(low) != len(s) {
				break
			}
			s = s[:at] + "/" + s[at+len(word):]
			low = strings.ToLower(s)
		}
	}
	return s
}

// splitOutside splits at slashes that stand in no bracket.
func splitOutside(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '/':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}

// component normalises what stands between two slashes.
func component(part string, below bool) (string, bool) {
	low := strings.ToLower(part)
	if code, ok := exact[part]; ok {
		return code, true
	}
	if _, err := Parse(part); err == nil {
		return part, true
	}
	if code, ok := aliases[low]; ok {
		return code, true
	}
	// "10^9", "10E9", "x10^9", "10e9".
	power := strings.TrimPrefix(strings.TrimPrefix(low, "x"), "*")
	if exp, ok := strings.CutPrefix(power, "10"); ok {
		exp = strings.TrimLeft(exp, "^e*")
		if exp == "3" || exp == "6" || exp == "9" || exp == "12" {
			return "10*" + exp, true
		}
	}
	// "24h" and "24 Std" below the line: per day, and so on for other counts.
	if digits := len(part) - len(strings.TrimLeft(part, "0123456789")); digits > 0 && digits < len(part) {
		rest, ok := component(strings.TrimLeft(part[digits:], ". "), below)
		if ok && below {
			switch {
			case part[:digits] == "24" && rest == "h":
				return "d", true
			case part[:digits] == "1":
				return rest, true
			}
			return "(" + part[:digits] + "." + rest + ")", true
		}
		return "", false
	}
	// "Mio.IE", "Tsd.E": a number word before a unit.
	for _, m := range multiples {
		if rest, ok := strings.CutPrefix(low, m.word); ok {
			if strings.Trim(rest, ". ") == "" {
				return m.code, true
			}
			rest = strings.TrimLeft(part[len(m.word):], ". ")
			code, ok := component(rest, below)
			if ok && !strings.HasPrefix(code, "10*") {
				return m.code + "." + code, true
			}
		}
	}
	return "", false
}

var multiples = []struct{ word, code string }{
	{"mega", "10*6"}, {"millionen", "10*6"}, {"million", "10*6"}, {"mill.", "10*6"}, {"mio", "10*6"}, {"mrd", "10*9"}, {"tsd", "10*3"}, {"tausend", "10*3"},
}

// wholes are spellings that are no quotient of known parts, in lower case.
var wholes = map[string]string{
	"mmhg": "mm[Hg]", "mm hg": "mm[Hg]", "cmh2o": "cm[H2O]", "cm h2o": "cm[H2O]", "mbar": "mbar",
	"°c": "Cel", "c": "Cel", "grad": "Cel", "grad c": "Cel", "grad celsius": "Cel", "celsius": "Cel", "degc": "Cel", "deg c": "Cel", "cel": "Cel", "degrees celsius": "Cel",
	"°f": "[degF]", "f": "[degF]", "fahrenheit": "[degF]", "degf": "[degF]", "deg f": "[degF]", "[degf]": "[degF]",
	"bpm": "/min", "beats/min": "/min", "beats/minute": "/min", "breaths/min": "/min", "breaths/minute": "/min", "{beats}/min": "/min", "{breaths}/min": "/min",
	"schläge/min": "/min", "atemzüge/min": "/min", "beats per minute": "/min", "breaths per minute": "/min", "min-1": "/min", "min^-1": "/min", "1/minute": "/min", "/minute": "/min",
	"gpt/l": "10*9/L", "giga/l": "10*9/L", "tpt/l": "10*12/L", "tera/l": "10*12/L", "k/ul": "10*3/uL", "k/mm3": "10*3/uL", "thou/ul": "10*3/uL",
	"/nl": "10*9/L", "1/nl": "10*9/L", "/pl": "10*12/L", "1/pl": "10*12/L", "cells/ul": "/uL", "zellen/ul": "/uL", "cells/mm3": "/mm3",
	"vol%": "%", "vol.%": "%", "vol-%": "%", "prozent": "%", "percent": "%", "pct": "%",
	"punkt": "{score}", "punkte": "{score}", "point": "{score}", "points": "{score}", "score": "{score}", "pkt": "{score}", "pkt.": "{score}", "{points}": "{score}",
	"tablette": "{tbl}", "tabletten": "{tbl}", "tbl": "{tbl}", "tbl.": "{tbl}", "tab": "{tbl}", "tablet": "{tbl}", "tablets": "{tbl}",
	"qm": "m2", "m^2": "m2", "kg/m^2": "kg/m2", "kg/qm": "kg/m2", "kg/m²": "kg/m2",
	"lbs": "[lb_av]", "lb": "[lb_av]", "pound": "[lb_av]", "pounds": "[lb_av]", "in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]", "zoll": "[in_i]", "oz": "[oz_av]", "ft": "[ft_i]", "feet": "[ft_i]",
	"mm/std": "mm/h", "mm/1h": "mm/h", "1": "1",
}

// counts are spellings where the case alone tells units apart: "G/l" counts
// cells (giga per litre) and "g/l" weighs.
var counts = map[string]string{"G/l": "10*9/L", "G/L": "10*9/L", "T/l": "10*12/L", "T/L": "10*12/L"}

// exact give units with two UCUM codes, or nearly so, one.
var exact = map[string]string{
	"l": "L", "ml": "mL", "dl": "dL", "cl": "cL", "ul": "uL", "nl": "nL", "pl": "pL", "fl": "fL", "hl": "hL",
	"[IU]": "[iU]", "m[IU]": "m[iU]", "u[IU]": "u[iU]", "k[IU]": "k[iU]", "M[IU]": "10*6.[iU]", "M[iU]": "10*6.[iU]", "10*6.[IU]": "10*6.[iU]",
	"Eq": "eq", "mEq": "meq", "uEq": "ueq", "sec": "s", "10^3": "10*3", "10^6": "10*6", "10^9": "10*9", "10^12": "10*12",
	"E": "U",
}

// aliases of one part, in lower case.
var aliases = map[string]string{
	"ie": "[iU]", "i.e.": "[iU]", "i.e": "[iU]", "iu": "[iU]", "i.u.": "[iU]", "ui": "[iU]", "units": "U", "unit": "U", "einheiten": "U", "einheit": "U",
	"mie": "10*6.[iU]", "miu": "10*6.[iU]", "m.i.e.": "10*6.[iU]", "mega": "10*6.[iU]", "ku": "kU",
	"g": "g", "gramm": "g", "gram": "g", "grams": "g", "gr": "g", "mg": "mg", "milligramm": "mg", "milligram": "mg", "milligrams": "mg",
	"ug": "ug", "mcg": "ug", "mikrogramm": "ug", "microgram": "ug", "micrograms": "ug", "ng": "ng", "pg": "pg", "kg": "kg", "kilogramm": "kg", "kilogram": "kg", "kilograms": "kg", "kilo": "kg", "kilos": "kg",
	"kg kg": "kg", "kgkg": "kg", "kg kgw": "kg", "kgkgw": "kg", "kg bw": "kg", "kgbw": "kg", "kg körpergewicht": "kg", "kg body weight": "kg", "kg bodyweight": "kg",
	"l": "L", "liter": "L", "litre": "L", "liters": "L", "litres": "L", "ml": "mL", "milliliter": "mL", "millilitre": "mL", "milliliters": "mL", "dl": "dL", "deziliter": "dL", "deciliter": "dL",
	"ul": "uL", "mikroliter": "uL", "microliter": "uL", "nl": "nL", "fl": "fL", "cm": "cm", "zentimeter": "cm", "centimeter": "cm", "centimetre": "cm", "mm": "mm", "m": "m", "meter": "m",
	"mm^3": "mm3", "cmm": "mm3", "m^2": "m2", "qm": "m2",
	"mol": "mol", "mmol": "mmol", "umol": "umol", "nmol": "nmol", "pmol": "pmol", "mval": "meq", "meq": "meq", "mosm": "mosm", "mosmol": "mosm",
	"kpa": "kPa", "mmhg": "mm[Hg]",
	"h": "h", "std": "h", "std.": "h", "stunde": "h", "stunden": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
	"min": "min", "min.": "min", "minute": "min", "minuten": "min", "minutes": "min", "s": "s", "sek": "s", "sek.": "s", "sec": "s", "sec.": "s", "sekunde": "s", "sekunden": "s", "second": "s", "seconds": "s",
	"d": "d", "die": "d", "tag": "d", "tage": "d", "tagen": "d", "day": "d", "days": "d", "wk": "wk", "woche": "wk", "wochen": "wk", "week": "wk", "weeks": "wk",
	"mo": "mo", "monat": "mo", "monate": "mo", "month": "mo", "months": "mo", "a": "a", "jahr": "a", "jahre": "a", "year": "a", "years": "a", "yr": "a", "yrs": "a",
	"mg krea": "mg", "g krea": "g", "g kreatinin": "g", "mmol krea": "mmol", "g creatinine": "g",
	"u": "U", "nkat": "nkat", "ukat": "ukat", "%": "%",
}

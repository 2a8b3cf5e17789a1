package facts

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// ParseAmount reads a number with an optional comparator and unit as people type
// it: "1,2 mg/dl", "< 0.3", "≥30/min". The comma is a decimal separator, as in
// German; a text with both comma and point, or with more than one number, is not
// read, since it could be guessed two ways.
func ParseAmount(s string) (value float64, comparator, unit string, ok bool) {
	s = strings.TrimSpace(s)
	for _, c := range []struct{ written, code string }{{"<=", "<="}, {">=", ">="}, {"≤", "<="}, {"≥", ">="}, {"<", "<"}, {">", ">"}} {
		if rest, found := strings.CutPrefix(s, c.written); found {
			comparator, s = c.code, strings.TrimSpace(rest)
			break
		}
	}
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || s[end] == ',' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	digits := s[:end]
	unit = strings.TrimSpace(s[end:])
	if strings.Count(digits, ",")+strings.Count(digits, ".") > 1 || len(digits) > 20 {
		return 0, "", "", false
	}
	v, err := strconv.ParseFloat(strings.Replace(digits, ",", ".", 1), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, "", "", false
	}
	for _, r := range unit {
		// "1.2 - 1.4", "5 (alt: 4)": a second number may be the meant one. Digits that
		// belong to units ("10*3/uL", "mL/min/1.73 m2") follow a letter, "*", "/" or "^".
		if unicode.IsControl(r) {
			return 0, "", "", false
		}
	}
	if secondNumber(unit) {
		return 0, "", "", false
	}
	return v, comparator, unit, true
}

// secondNumber tells whether a unit text holds a number of its own.
func secondNumber(unit string) bool {
	previous := ' '
	for i, r := range unit {
		if unicode.IsDigit(r) && (previous == ' ' || previous == '-' || previous == '(' || previous == ':' || previous == '–') && !strings.HasPrefix(unit[i:], "10") {
			return true
		}
		previous = r
	}
	return false
}

package dose

import (
	"math"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Line writes an ingredient as one line: substance, dose, route, interval,
// duration; without a dose (zero) that part is left out.
func Line(i cds.Ingredient, lang cds.Lang) string {
	parts := []string{i.Name}
	if i.Dose.Value > 0 {
		parts = append(parts, Amount(i.Dose.Value, i.Dose.Unit, lang))
	}
	parts = append(parts, RouteWord(i.Route, lang))
	if i.Schedule != nil {
		parts = append(parts, *i.Schedule)
	} else {
		parts = append(parts, Interval(i.Frequency, lang))
	}
	if i.Infusion != nil {
		parts = append(parts, *i.Infusion)
	}
	line := strings.Join(filled(parts), " ")
	if d := Length(i.Duration, lang); d != "" && !(i.Schedule != nil && single(i)) {
		line += ", " + d
	}
	if i.LoadingDose != nil && *i.LoadingDose != "" {
		line += " (" + pick(lang, "Ladedosis: ", "loading dose: ") + *i.LoadingDose + ")"
	}
	return line
}

// single tells a regimen of one dose on one day, which its schedule words.
func single(i cds.Ingredient) bool {
	return i.Duration.High != nil && *i.Duration.High == 1 && i.Duration.Low == 1 && i.Duration.Unit == "d" &&
		i.Frequency == cds.Frequency{Count: 1, Period: 1, PeriodUnit: "d"}
}

func filled(parts []string) []string {
	out := parts[:0]
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

func pick(lang cds.Lang, de, en string) string { return cds.Text{DE: de, EN: en}.In(lang) }

// Amount writes a dose with its unit; international units as million units.
func Amount(value float64, unit string, lang cds.Lang) string {
	switch unit {
	case "10*6.[iU]":
		unit = pick(lang, "Mio. I.E.", "million IU")
	case "mg/kg/d":
		unit = pick(lang, "mg/kg/Tag", "mg/kg/day")
	}
	return stewardship.Decimal(value, 3, lang) + " " + unit
}

// RouteWord writes a route of administration.
func RouteWord(route string, lang cds.Lang) string {
	switch route {
	case "iv":
		return pick(lang, "i.v.", "IV")
	case "po":
		return pick(lang, "p.o.", "PO")
	case "im":
		return pick(lang, "i.m.", "IM")
	case "inh":
		return pick(lang, "inhalativ", "inhaled")
	case "rectal":
		return pick(lang, "rektal", "rectal")
	}
	return route
}

// Interval writes a frequency as an interval and, for whole numbers, times a day:
// "alle 8 h (3x täglich)"; weekly ones as times a week.
func Interval(f cds.Frequency, lang cds.Lang) string {
	perDay, ok := perDay(f)
	if !ok {
		return ""
	}
	times := func(n float64) string { return stewardship.Decimal(n, 2, lang) + "×" }
	if f.PeriodUnit == "wk" {
		return times(f.Count) + pick(lang, " pro ", " per ") + period(f, lang)
	}
	if f.CountMax > f.Count {
		return stewardship.Decimal(perDay, 2, lang) + "–" + times(f.CountMax*perDay/f.Count) + pick(lang, " täglich", " daily")
	}
	hours := 24 / perDay
	every := pick(lang, "alle ", "every ") + stewardship.Decimal(hours, 1, lang) + " h"
	switch {
	case perDay == math.Trunc(perDay) && perDay > 1:
		return every + " (" + times(perDay) + pick(lang, " täglich)", " daily)")
	case perDay == 1:
		return pick(lang, "1× täglich (alle 24 h)", "once daily (every 24 h)")
	case hours > 72:
		return times(f.Count) + pick(lang, " pro ", " per ") + period(f, lang)
	}
	return every
}

func period(f cds.Frequency, lang cds.Lang) string {
	unit := map[string]string{"h": "h", "d": pick(lang, "Tage", "days"), "wk": pick(lang, "Wochen", "weeks")}[f.PeriodUnit]
	if f.Period == 1 {
		return map[string]string{"h": "h", "d": pick(lang, "Tag", "day"), "wk": pick(lang, "Woche", "week")}[f.PeriodUnit]
	}
	return stewardship.Decimal(f.Period, 1, lang) + " " + unit
}

// Length writes a duration.
func Length(d *cds.Duration, lang cds.Lang) string {
	if d == nil {
		return ""
	}
	unit := map[string]string{"h": "h", "d": pick(lang, "Tage", "days"), "wk": pick(lang, "Wochen", "weeks")}[d.Unit]
	low := stewardship.Decimal(d.Low, 1, lang)
	switch {
	case d.High == nil:
		return pick(lang, "mindestens ", "at least ") + low + " " + unit
	case *d.High == d.Low:
		if d.Low == 1 {
			unit = map[string]string{"h": "h", "d": pick(lang, "Tag", "day"), "wk": pick(lang, "Woche", "week")}[d.Unit]
		}
		return low + " " + unit
	}
	return low + "–" + stewardship.Decimal(*d.High, 1, lang) + " " + unit
}

// perDay gives administrations per day.
func perDay(f cds.Frequency) (float64, bool) {
	days := f.Period
	switch f.PeriodUnit {
	case "h":
		days /= 24
	case "d":
	case "wk":
		days *= 7
	default:
		return 0, false
	}
	if f.Count <= 0 || days <= 0 {
		return 0, false
	}
	return f.Count / days, true
}

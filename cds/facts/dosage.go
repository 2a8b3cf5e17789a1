package facts

import (
	"regexp"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/ucum"
)

// readDosage reads the first dosage: coded elements first, then the words for what
// the code leaves open. It gives nil when nothing could be read.
func readDosage(dosage []*fhir.Node) *cds.Ingredient {
	if len(dosage) == 0 {
		return nil
	}
	coded := codedDosage(dosage[0])
	written := ParseDosage(dosage[0].Child("text").String())
	merge(&coded, written)
	if coded.Dose.Value == 0 && coded.Frequency.Count == 0 && coded.Route == "" {
		return nil
	}
	return &coded
}

// merge fills what is open in the coded dosage from the written one.
func merge(coded *cds.Ingredient, written cds.Ingredient) {
	if coded.Dose.Value == 0 {
		coded.Dose = written.Dose
	}
	if coded.Frequency.Count == 0 {
		coded.Frequency = written.Frequency
	}
	if coded.Route == "" {
		coded.Route = written.Route
	}
}

func codedDosage(d *fhir.Node) cds.Ingredient {
	var out cds.Ingredient
	out.Route = Route(d.Child("route").CodeableConcept())
	quantity := d.Get("doseAndRate", "doseQuantity")
	if quantity == nil {
		quantity = d.Child("doseQuantity") // R3 and some R4 senders
	}
	if q, ok := quantity.Quantity(); ok {
		if v, err := q.Value.Float64(); err == nil && v > 0 {
			if unit, ok := doseUnit(q); ok {
				out.Dose = cds.Dose{Value: v, Unit: unit}
				normal(&out.Dose)
			}
		}
	}
	out.Frequency = frequency(d.Child("timing"))
	return out
}

// doseUnit gives the unit of a dose in the form regimens use, false for tablets,
// ampoules and whatever else is no amount of substance.
func doseUnit(q fhir.Quantity) (string, bool) {
	for _, raw := range []string{q.Code, q.Unit} {
		if unit, err := ucum.NormaliseUnit(raw); err == nil {
			switch unit {
			case "g", "mg", "ug", "mg/kg", "mg/kg/d", "[iU]", "10*6.[iU]":
				return unit, true
			}
		}
	}
	return "", false
}

// normal brings rare units to the usual ones.
func normal(d *cds.Dose) {
	switch d.Unit {
	case "ug":
		d.Value, d.Unit = d.Value/1000, "mg"
	case "[iU]":
		d.Value, d.Unit = d.Value/1e6, "10*6.[iU]"
	}
}

// timingCodes are the abbreviations of the code system GTSAbbreviation that give a
// plain frequency.
var timingCodes = map[string]cds.Frequency{
	"QD": {Count: 1, Period: 1, PeriodUnit: "d"}, "BID": {Count: 2, Period: 1, PeriodUnit: "d"},
	"TID": {Count: 3, Period: 1, PeriodUnit: "d"}, "QID": {Count: 4, Period: 1, PeriodUnit: "d"},
	"Q4H": {Count: 1, Period: 4, PeriodUnit: "h"}, "Q6H": {Count: 1, Period: 6, PeriodUnit: "h"},
	"Q8H": {Count: 1, Period: 8, PeriodUnit: "h"}, "Q12H": {Count: 1, Period: 12, PeriodUnit: "h"},
	"Q24H": {Count: 1, Period: 24, PeriodUnit: "h"}, "QOD": {Count: 1, Period: 2, PeriodUnit: "d"},
}

func frequency(timing *fhir.Node) cds.Frequency {
	repeat := timing.Child("repeat")
	period, okPeriod := number(repeat.Child("period"))
	count, okCount := number(repeat.Child("frequency"))
	if most, ok := number(repeat.Child("frequencyMax")); ok && most > count {
		// Kept as the upper bound; the lower one is the frequency itself.
		f := cds.Frequency{Count: count, CountMax: most, Period: period, PeriodUnit: unitOfPeriod(repeat)}
		if okCount && okPeriod && f.PeriodUnit != "" {
			return f
		}
	}
	if okPeriod && period > 0 {
		if !okCount {
			count = 1 // FHIR R4, Timing.repeat.frequency: "default is 1"
		}
		if unit := unitOfPeriod(repeat); unit != "" {
			return minutes(cds.Frequency{Count: count, Period: period, PeriodUnit: unit})
		}
	}
	if n := len(repeat.Children("timeOfDay")); n > 0 {
		return cds.Frequency{Count: float64(n), Period: 1, PeriodUnit: "d"}
	}
	for _, c := range timing.Child("code").CodeableConcept().Codings {
		if f, ok := timingCodes[strings.ToUpper(c.Code)]; ok {
			return f
		}
	}
	return cds.Frequency{}
}

func unitOfPeriod(repeat *fhir.Node) string {
	switch u := repeat.Child("periodUnit").String(); u {
	case "h", "d", "wk", "min":
		return u
	}
	return ""
}

func minutes(f cds.Frequency) cds.Frequency {
	if f.PeriodUnit == "min" {
		f.Period, f.PeriodUnit = f.Period/60, "h"
	}
	return f
}

func number(n *fhir.Node) (float64, bool) {
	d, ok := n.Decimal()
	if !ok {
		return 0, false
	}
	v, err := d.Float64()
	return v, err == nil
}

// routes are codes of ways of administration: SNOMED CT, EDQM, and the v3 codes.
var routes = map[string]string{
	"47625008": "iv", "20045000": "iv", "20044000": "iv", "IV": "iv", "IVPB": "iv",
	"26643006": "po", "20053000": "po", "PO": "po",
	"78421000": "im", "20035000": "im", "IM": "im",
	"34206005": "sc", "20066000": "sc", "SC": "sc",
	"37161004": "rectal", "20061000": "rectal", "PR": "rectal",
	"447694001": "inh", "20020000": "inh", "IPINHL": "inh",
}

// Route gives our code of a way of administration, "" when it is not known.
func Route(c fhir.CodeableConcept) string {
	for _, coding := range c.Codings {
		if r, ok := routes[coding.Code]; ok {
			return r
		}
	}
	for _, words := range texts(c) {
		if r := routeIn(words); r != "" {
			return r
		}
	}
	return ""
}

var routeWords = []struct {
	route string
	words *regexp.Regexp
}{
	{"iv", regexp.MustCompile(`(?i)\bi\.?\s?v\b\.?|intraven|infusion|kurzinf`)},
	{"po", regexp.MustCompile(`(?i)\bp\.?\s?o\b\.?|\boral|per ?os|tablette|\btbl\b|kapsel|by mouth`)},
	{"im", regexp.MustCompile(`(?i)\bi\.?\s?m\b\.|intramusk|intramusc`)},
	{"sc", regexp.MustCompile(`(?i)\bs\.?\s?c\b\.|subkutan|subcutan`)},
	{"inh", regexp.MustCompile(`(?i)inhal|vernebel|nebuli`)},
	{"rectal", regexp.MustCompile(`(?i)rektal|rectal`)},
}

func routeIn(s string) string {
	for _, r := range routeWords {
		if r.words.MatchString(s) {
			return r.route
		}
	}
	return ""
}

var (
	// An amount with its unit; parts of a combination stand before a slash.
	amountWords = regexp.MustCompile(`(?i)((?:\d[\d.,]*\s*(?:mg|g)?\s*/\s*)*)(\d[\d.,]*)\s*(mg/kg(?:\s?kg|\s?bw)?(?:/d|/tag|/day)?|(?:g|mg)\s?(?:/|pro |per |am )\s?(?:d|tag|day|24 ?h)|mio\.?\s*(?:i\.?\s?e\.?|iu|einheiten)|mega|i\.?\s?e\.|ie|iu|g|mg|µg|μg|ug|mcg)(?:\W|$)`)
	partWords   = regexp.MustCompile(`(?i)(\d[\d.,]*)\s*(mg|g)?\s*/`)
	splitWords  = regexp.MustCompile(`(?i)\bin\s+(\d)\s+(?:dosen|einzeldosen|gaben|einzelgaben|(?:divided )?doses)`)
	timesWords  = regexp.MustCompile(`(?i)(\d+)\s*(?:[-–]\s*(\d+)\s*)?(?:x|×|mal)(?:\W|$)`)
	everyWords  = regexp.MustCompile(`(?i)(?:alle|every|\bq)\s*(\d+)\s*-?\s*(?:h\b|std|stunden|hours?)`)
	hourlyWords = regexp.MustCompile(`(?i)(\d+)\s*-?\s*(?:stündlich|stdl|hourly)`)
	schemeWords = regexp.MustCompile(`(?:^|\s)(\d)\s*-\s*(\d)\s*-\s*(\d)(?:\s*-\s*(\d))?(?:\s|$)`)
	dailyWords  = regexp.MustCompile(`(?i)\b(once|twice|three times|four times|einmal|zweimal|dreimal|viermal|bid|tid|qid)\b(?:\W+(?:täglich|daily|a day|per day|am tag|pro tag))?`)
)

var counts = map[string]float64{"once": 1, "einmal": 1, "twice": 2, "zweimal": 2, "three times": 3, "dreimal": 3, "four times": 4, "viermal": 4, "bid": 2, "tid": 3, "qid": 4}

// ParseDosage reads dose, frequency and route from words: "4,5 g i.v. 3x täglich",
// "400 mg IV every 12 hours", "1 g 1-1-1". What it does not find stays zero; of
// several doses none is taken, since which is meant is open.
func ParseDosage(s string) cds.Ingredient {
	var out cds.Ingredient
	if len(s) > 1000 {
		return out
	}
	out.Route = routeIn(s)
	out.Frequency = writtenFrequency(s)
	if found := amountWords.FindAllStringSubmatch(s, 3); len(found) == 1 {
		out.Dose = writtenDose(found[0][1], found[0][2], strings.ToLower(found[0][3]), &out.Frequency)
	}
	return out
}

// writtenDose reads an amount. The parts of a combination are added up, as its
// regimens are; an amount of a day is divided by how often it is given.
func writtenDose(parts, amount, unit string, f *cds.Frequency) cds.Dose {
	small := strings.HasPrefix(unit, "mg") && !strings.HasPrefix(unit, "mg/kg")
	v, ok := grouped(amount, small || strings.Contains(unit, "e") || unit == "iu")
	if !ok || v <= 0 {
		return cds.Dose{}
	}
	factor := 1.0 // of a part in the unit of the last
	for _, m := range partWords.FindAllStringSubmatch(parts, 4) {
		switch own := strings.ToLower(m[2]); {
		case own == "g" && small:
			factor = 1000
		case own == "mg" && strings.HasPrefix(unit, "g"):
			factor = 0.001
		}
		p, ok := grouped(m[1], small)
		if !ok {
			return cds.Dose{}
		}
		v += p * factor
	}
	switch {
	case strings.HasPrefix(unit, "mg/kg"):
		if strings.HasSuffix(unit, "/d") || strings.HasSuffix(unit, "/tag") || strings.HasSuffix(unit, "/day") {
			return cds.Dose{Value: v, Unit: "mg/kg/d"}
		}
		return cds.Dose{Value: v, Unit: "mg/kg"}
	case strings.HasPrefix(unit, "mio") || unit == "mega":
		return cds.Dose{Value: v, Unit: "10*6.[iU]"}
	case unit == "ie" || unit == "iu" || strings.HasPrefix(unit, "i."):
		return cds.Dose{Value: v / 1e6, Unit: "10*6.[iU]"}
	case unit == "g" || unit == "mg":
		return cds.Dose{Value: v, Unit: unit}
	case strings.HasPrefix(unit, "g") || strings.HasPrefix(unit, "mg"): // of a day
		if f.Count == 0 {
			*f = cds.Frequency{Count: 1, Period: 1, PeriodUnit: "d"}
		}
		perDay := f.Count / f.Period
		if f.PeriodUnit == "h" {
			perDay *= 24
		}
		letter := "mg"
		if unit[0] == 'g' {
			letter = "g"
		}
		return cds.Dose{Value: v / perDay, Unit: letter}
	}
	return cds.Dose{Value: v / 1000, Unit: "mg"}
}

// firstPart gives the first part of a combination that a text writes, in milligrams,
// 0 where it writes none.
func firstPart(text string) float64 {
	found := amountWords.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	m := partWords.FindStringSubmatch(found[1])
	if m == nil {
		return 0
	}
	unit := strings.ToLower(m[2])
	if unit == "" {
		unit = strings.ToLower(found[3])
	}
	v, ok := grouped(m[1], unit == "mg")
	switch {
	case ok && unit == "g":
		return v * 1000
	case ok && unit == "mg":
		return v
	}
	return 0
}

// grouped reads a number as written in German or English. Before milligrams and
// units a mark with three digits behind it parts thousands ("1.000 mg"); before
// grams it is a decimal mark ("1.125 g").
func grouped(s string, thousands bool) (float64, bool) {
	s = strings.TrimRight(s, ".,")
	if thousands && thousandsOf.MatchString(s) {
		s = strings.NewReplacer(".", "", ",", "").Replace(s)
	}
	v, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	return v, err == nil
}

var thousandsOf = regexp.MustCompile(`^\d{1,3}(?:[.,]\d{3})+$`)

func writtenFrequency(s string) cds.Frequency {
	perDay := func(count, most string) cds.Frequency {
		a, _ := strconv.ParseFloat(count, 64)
		f := cds.Frequency{Count: a, Period: 1, PeriodUnit: "d"}
		if b, err := strconv.ParseFloat(most, 64); err == nil && b > a {
			f.CountMax = b
		}
		if a <= 0 || a > 24 {
			return cds.Frequency{}
		}
		return f
	}
	every := func(hours string) cds.Frequency {
		h, err := strconv.ParseFloat(hours, 64)
		if err != nil || h <= 0 || h > 24*14 {
			return cds.Frequency{}
		}
		return cds.Frequency{Count: 1, Period: h, PeriodUnit: "h"}
	}
	if m := splitWords.FindStringSubmatch(s); m != nil {
		return perDay(m[1], "")
	}
	if m := everyWords.FindStringSubmatch(s); m != nil {
		return every(m[1])
	}
	if m := hourlyWords.FindStringSubmatch(s); m != nil {
		return every(m[1])
	}
	if m := timesWords.FindStringSubmatch(s); m != nil {
		return perDay(m[1], m[2])
	}
	if m := schemeWords.FindStringSubmatch(s); m != nil {
		n := 0.0
		for _, part := range m[1:] {
			if part != "" && part != "0" {
				n++
			}
		}
		if n > 0 {
			return cds.Frequency{Count: n, Period: 1, PeriodUnit: "d"}
		}
	}
	if m := dailyWords.FindStringSubmatch(s); m != nil {
		return cds.Frequency{Count: counts[strings.ToLower(m[1])], Period: 1, PeriodUnit: "d"}
	}
	return cds.Frequency{}
}

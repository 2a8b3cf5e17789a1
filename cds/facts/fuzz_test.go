package facts_test

import (
	"fmt"
	"math"
	"testing"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/fhir"
)

func TestParseAmount(t *testing.T) {
	for _, tc := range []struct {
		in, comparator, unit string
		value                float64
		ok                   bool
	}{
		{"1,2 mg/dl", "", "mg/dl", 1.2, true},
		{"1.2", "", "", 1.2, true},
		{"< 0,3 mg/dl", "<", "mg/dl", 0.3, true},
		{"≥30/min", ">=", "/min", 30, true},
		{"12 10*3/uL", "", "10*3/uL", 12, true},
		{"40 mL/min/1.73 m2", "", "mL/min/1.73 m2", 40, true},
		{"1.200,5 mg", "", "", 0, false},
		{"1.2 - 1.4 mg/dl", "", "", 0, false},
		{"1.2 (alt: 4)", "", "", 0, false},
		{"hoch", "", "", 0, false},
		{"", "", "", 0, false},
		{"12345678901234567890123", "", "", 0, false},
	} {
		v, comparator, unit, ok := facts.ParseAmount(tc.in)
		if v != tc.value || comparator != tc.comparator || unit != tc.unit || ok != tc.ok {
			t.Errorf("ParseAmount(%q) = %g, %q, %q, %v", tc.in, v, comparator, unit, ok)
		}
	}
}

func TestParseDosage(t *testing.T) {
	for in, want := range map[string]string{
		"4,5 g i.v. 3x täglich":            "4.5 g iv 3/1d",
		"400 mg IV every 12 hours":         "400 mg iv 1/12h",
		"1 g p.o. 1-1-1":                   "1 g po 3/1d",
		"500 mg 1-0-1":                     "500 mg  2/1d",
		"2 x 1 g":                          "1 g  2/1d",
		"3-4x 5 Mio. I.E. i.v.":            "5 10*6.[iU] iv 3/1d",
		"5 mg/kg KG einmal täglich":        "5 mg/kg  1/1d",
		"20 mg/kg/Tag":                     "20 mg/kg/d  0/0",
		"1 g q8h oral":                     "1 g po 1/8h",
		"6-stündlich 2 g als Kurzinfusion": "2 g iv 1/6h",
		"erst 200 mg, dann 100 mg":         "0   0/0",
		"nach Spiegel":                     "0   0/0",
		"250 µg":                           "0.25 mg  0/0",
		"1 Tablette morgens":               "0  po 0/0",
		"40x täglich 1 g":                  "1 g  0/0",
		"875/125 mg p.o. 1-0-1":            "1000 mg po 2/1d",
		"4 g/0,5 g i.v. alle 8 h":          "4.5 g iv 1/8h",
		"2000 mg/200 mg i.v. 3x täglich":   "2200 mg iv 3/1d",
		"1 g/200 mg i.v. 3x täglich":       "1200 mg iv 3/1d",
		"1.000 mg i.v. 3x täglich":         "1000 mg iv 3/1d",
		"1.125 g 2x täglich":               "1.125 g  2/1d",
		"5.000.000 IE i.v. 4x täglich":     "5 10*6.[iU] iv 4/1d",
		"12 g/Tag i.v. in 3 Dosen":         "4 g iv 3/1d",
		"50 mg/kg/d p.o. in 3 Dosen":       "50 mg/kg/d po 3/1d",
		"15 mg/kgKG i.v. alle 12 h":        "15 mg/kg iv 1/12h",
		"2 g IV tid":                       "2 g iv 3/1d",
		"2 g pro Tag i.v.":                 "2 g iv 1/1d",
	} {
		g := facts.ParseDosage(in)
		got := fmt.Sprintf("%g %s %s %g/%g%s", g.Dose.Value, g.Dose.Unit, g.Route, g.Frequency.Count, g.Frequency.Period, g.Frequency.PeriodUnit)
		if got != want {
			t.Errorf("ParseDosage(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"1,2 mg/dl", "<0.3", "≥30/min", "1.2-1.4", "1e9", "+5", "-", ",", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, comparator, _, ok := facts.ParseAmount(s)
		if ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%q gave %g", s, v)
		}
		if !ok && (v != 0 || comparator != "") {
			t.Errorf("%q was refused with %g %q", s, v, comparator)
		}
	})
}

func FuzzParseDosage(f *testing.F) {
	for _, s := range []string{"4,5 g i.v. 3x täglich", "1-1-1", "q0h", "1.000/", "1,,. mg", "g/Tag", "1/2/3/4/5 mg in 0 Dosen", "999999999999x", "alle 0 h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := facts.ParseDosage(s)
		if g.Dose.Value < 0 || math.IsInf(g.Dose.Value, 0) || g.Frequency.Count < 0 || g.Frequency.Count > 24 || (g.Frequency.Count > 0) != (g.Frequency.Period > 0) {
			t.Errorf("%q gave %+v", s, g)
		}
	})
}

// Whatever a client sends as a resource, a Chart comes of it, and every fact of it
// can be shown.
func FuzzBuild(f *testing.F) {
	for _, s := range []string{
		adult, observation("2160-0", today, quantity("1.2", "mg/dL")), condition("J18.9", "Pneumonie", `"onsetDateTime":"2026"`),
		allergyEntry("91936005", "Penicillin", `"reaction":[{"manifestation":[{}]}]`), medication("active", `{"text":"Ramipril"}`, `"dosage":[{}]`),
		encounter("IMP", "2026"), draft(atc(german, "J01CR05"), `{"text":"4,5 g"}`), `{"resourceType":"Observation","status":"final","component":[{"code":1}]}`,
		`{"resourceType":"MedicationRequest","status":"active","contained":[{}],"medicationReference":{"reference":"#"}}`,
		`{"resourceType":"Procedure","status":"in-progress","code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/ops","code":"8"}]}}`,
	} {
		f.Add(s)
	}
	in := input(f)
	base := resources(f, adult)
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := fhir.ParseResource([]byte(raw))
		if err != nil {
			return
		}
		in.Resources = append(base[:1:1], r)
		in.Drafts = []*fhir.Resource{r}
		for _, fact := range facts.Build(in).Facts() {
			fact.In(cds.DE)
		}
	})
}

// The aim is 10 ms of CPU for a whole recommendation over 200 observations; the
// Chart must be a small part of it.
func BenchmarkBuild200Observations(b *testing.B) {
	raw := []string{adult, encounter("IMP", "2026-03-12T06:00:00+01:00"), condition("J18.9", "Pneumonie", `"onsetDateTime":"2026-03-12"`), allergyEntry("91936005", "Penicillin", "")}
	codes := []string{"2160-0", "29463-7", "8302-2", "8310-5", "9279-1", "8867-4", "1988-5", "6690-2", "2524-7", "2823-3"}
	units := []string{"mg/dL", "kg", "cm", "Cel", "/min", "/min", "mg/L", "10*3/uL", "mmol/L", "mmol/L"}
	for i := range 200 {
		raw = append(raw, observation(codes[i%10], fmt.Sprintf("2026-03-%02dT08:%02d:00+01:00", 6+i%10, i%60), quantity("37", units[i%10])))
	}
	in := input(b)
	b.ReportAllocs()
	for b.Loop() {
		in.Resources = resources(b, raw...)
		facts.Build(in)
	}
}

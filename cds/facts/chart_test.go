package facts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
)

// Short forms of resources of the patient "p".
func patient(more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"resourceType":"Patient","id":"p"` + more + `}`
}

var id int

func next() string { id++; return fmt.Sprintf("r%d", id) }

// observation is a final Observation of LOINC code; value is any further members.
func observation(code, at, value string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"effectiveDateTime":"%s",%s}`, next(), code, at, value)
}

func quantity(v, unit string) string {
	return fmt.Sprintf(`"valueQuantity":{"value":%s,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, v, unit, unit)
}

// condition is an active confirmed Condition with an ICD-10-GM code and a text.
func condition(code, words, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"resourceType":"Condition","id":"%s","subject":{"reference":"Patient/p"},"clinicalStatus":{"coding":[{"code":"active"}]},"verificationStatus":{"coding":[{"code":"confirmed"}]},"code":{"coding":[{"system":"%s","code":"%s"}],"text":"%s"}%s}`, next(), icd, code, words, more)
}

func encounter(class, start string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":"%s","status":"in-progress","class":{"code":"%s"},"subject":{"reference":"Patient/p"},"period":{"start":"%s"}}`, next(), class, start)
}

func build(t testing.TB, raw ...string) *facts.Chart {
	t.Helper()
	in := input(t)
	in.Resources = resources(t, raw...)
	return facts.Build(in)
}

const today = "2026-03-16T08:00:00+01:00"

// value writes a fact as state and value, with the range where there is one.
func value(c *facts.Chart, name string) string {
	f := c.Fact(name)
	switch {
	case f.Low != nil:
		return fmt.Sprintf("%s %g-%g", f.State, *f.Low, *f.High)
	case f.Value != nil:
		if v, ok := f.Value.(float64); ok {
			return fmt.Sprintf("%s %.4g", f.State, v)
		}
		return fmt.Sprintf("%s %v", f.State, f.Value)
	}
	return string(f.State)
}

func TestAge(t *testing.T) {
	for _, tc := range []struct{ name, birth, want string }{
		{"birthday today", "1961-03-16", "known 65"},
		{"birthday tomorrow", "1961-03-17", "known 64"},
		{"year only", "1961", "known 64-65"},
		{"month only, past", "1961-02", "known 65"},
		{"month only, this month", "1961-03", "known 64-65"},
		{"missing", "", "unknown"},
		{"future", "2027-01-01", "unknown"},
		{"implausible", "1850-01-01", "unknown"},
		{"no date", "1961-13-45", "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := ""
			if tc.birth != "" {
				more = `"birthDate":"` + tc.birth + `"`
			}
			if got := value(build(t, patient(more)), "age"); got != tc.want {
				t.Errorf("age = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestMeasurements(t *testing.T) {
	const comma = `"valueQuantity":{"value":"1,8","unit":"mg/dl"}`
	for _, tc := range []struct {
		name, fact string
		raw        []string
		want       string
		ignored    string // in the English reason of something ignored
	}{
		{"plain", "creatinine", []string{observation("2160-0", today, quantity("1.2", "mg/dL"))}, "known 1.2", ""},
		{"micromoles", "creatinine", []string{observation("14682-9", today, quantity("180", "umol/L"))}, "known 2.036", ""},
		{"clinical spelling of the unit", "creatinine", []string{observation("2160-0", today, `"valueQuantity":{"value":1.2,"unit":"mg/dl"}`)}, "known 1.2", ""},
		{"unit beats the code's own", "creatinine", []string{observation("2160-0", today, quantity("106", "umol/L"))}, "known 1.199", ""},
		{"comma decimal", "creatinine", []string{observation("2160-0", today, comma)}, "known 1.8", ""},
		{"number in words", "creatinine", []string{observation("2160-0", today, `"valueString":"1,8 mg/dl"`)}, "known 1.8", ""},
		{"90 mg/dL is no creatinine and not converted", "creatinine", []string{observation("2160-0", today, quantity("90", "mg/dL"))}, "unknown", "implausible"},
		{"1.2 umol/L neither", "creatinine", []string{observation("14682-9", today, quantity("1.2", "umol/L"))}, "unknown", "implausible"},
		{"unit missing", "creatinine", []string{observation("2160-0", today, `"valueQuantity":{"value":1.2}`)}, "unknown", "unit missing"},
		{"unknown unit", "creatinine", []string{observation("2160-0", today, `"valueQuantity":{"value":1.2,"unit":"Striche"}`)}, "unknown", "unit missing, not known"},
		{"code and unit contradict each other", "creatinine", []string{observation("2160-0", today, `"valueQuantity":{"value":1.2,"unit":"µmol/l","system":"http://unitsofmeasure.org","code":"mg/dL"}`)}, "unknown", "contradictory"},
		{"wrong dimension", "creatinine", []string{observation("2160-0", today, quantity("1.2", "kg"))}, "unknown", "does not fit"},
		{"entered in error", "creatinine", []string{strings.Replace(observation("2160-0", today, quantity("1.2", "mg/dL")), `"final"`, `"entered-in-error"`, 1)}, "unknown", "entered in error"},
		{"cancelled", "creatinine", []string{strings.Replace(observation("2160-0", today, quantity("1.2", "mg/dL")), `"final"`, `"cancelled"`, 1)}, "unknown", "cancelled"},
		{"preliminary", "creatinine", []string{strings.Replace(observation("2160-0", today, quantity("1.2", "mg/dL")), `"final"`, `"preliminary"`, 1)}, "unknown", "preliminary"},
		{"future", "creatinine", []string{observation("2160-0", "2026-03-16T09:30:00+01:00", quantity("1.2", "mg/dL"))}, "unknown", "future"},
		{"today without a time is not the future", "creatinine", []string{observation("2160-0", "2026-03-16", quantity("1.2", "mg/dL"))}, "known 1.2", ""},
		{"stale outside hospital", "creatinine", []string{observation("2160-0", "2025-12-01", quantity("1.2", "mg/dL"))}, "unknown", ""},
		{"ten days hold outside hospital", "creatinine", []string{observation("2160-0", "2026-03-06", quantity("1.2", "mg/dL"))}, "known 1.2", ""},
		{"ten days are stale in hospital", "creatinine", []string{encounter("IMP", "2026-03-15T10:00:00+01:00"), observation("2160-0", "2026-03-06", quantity("1.2", "mg/dL"))}, "unknown", ""},
		{"newest wins", "creatinine", []string{observation("2160-0", "2026-03-15", quantity("1.0", "mg/dL")), observation("2160-0", today, quantity("2.0", "mg/dL"))}, "known 2", ""},
		{"newest unreadable: the newest valid one", "creatinine", []string{observation("2160-0", "2026-03-15", quantity("1.0", "mg/dL")), observation("2160-0", today, quantity("90", "mg/dL"))}, "known 1", "implausible"},
		{"more than", "creatinine", []string{observation("2160-0", today, `"valueQuantity":{"value":20,"comparator":">","unit":"mg/dL"}`)}, "known 20-30", ""},
		{"weight in grams", "weight", []string{observation("29463-7", today, quantity("72500", "g"))}, "known 72.5", ""},
		{"weight implausible", "weight", []string{observation("29463-7", today, quantity("7250", "kg"))}, "unknown", "implausible"},
		{"height in metres", "height", []string{observation("8302-2", "2020-01-01", quantity("1.7", "m"))}, "known 170", ""},
		{"temperature in Fahrenheit", "temperature", []string{observation("8310-5", today, quantity("102.2", "[degF]"))}, "known 39", ""},
		{"urea nitrogen", "urea", []string{observation("3094-0", today, quantity("28", "mg/dL"))}, "known 9.996", ""},
		{"urea in mg/dL", "urea", []string{observation("3091-6", today, quantity("60", "mg/dL"))}, "known 9.99", ""},
		{"potassium in milliequivalents is not guessed", "potassium", []string{observation("2823-3", today, `"valueQuantity":{"value":4.1,"unit":"bananas"}`)}, "unknown", "unit missing, not known"},
		{"component", "systolic-blood-pressure", []string{observation("85354-9", today, `"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},`+quantity("88", "mm[Hg]")+`}]`)}, "known 88", ""},
		{"bare score", "glasgow-coma-scale", []string{observation("9269-2", today, `"valueInteger":14`)}, "known 14", ""},
		{"corrected QT interval", "qtc", []string{observation("8636-3", today, quantity("512", "ms"))}, "known 512", ""},
		{"QT interval called corrected", "qtc", []string{strings.Replace(observation("8634-8", today, quantity("512", "ms")), `"code":"8634-8"`, `"code":"8634-8","display":"QTc interval"`, 1)}, "known 512", ""},
		{"no value", "creatinine", []string{observation("2160-0", today, `"dataAbsentReason":{"text":"clotted"}`)}, "unknown", "no value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{patient(`"birthDate":"1960-01-01","gender":"male"`)}, tc.raw...)...)
			if got := value(c, tc.fact); got != tc.want {
				t.Errorf("%s = %s (%s), want %s", tc.fact, got, c.Fact(tc.fact).Reason.EN, tc.want)
			}
			if f := c.Fact(tc.fact); f.State == facts.Unknown && (f.Reason.EN == "" || f.Reason.DE == "" || len(f.Missing) == 0) {
				t.Errorf("unknown without reason or what is missing: %+v", f)
			}
			reasons := ""
			for _, i := range c.Ignored() {
				reasons += i.Reason.EN + "; "
			}
			if !strings.Contains(reasons, tc.ignored) {
				t.Errorf("ignored: %q, want a reason with %q", reasons, tc.ignored)
			}
		})
	}
}

func TestConflictingValuesAreShown(t *testing.T) {
	c := build(t, patient(""), observation("2160-0", "2026-03-14T08:00:00+01:00", quantity("0.9", "mg/dL")), observation("2160-0", today, quantity("2.1", "mg/dL")))
	f := c.Fact("creatinine")
	if len(f.Others) != 1 || f.Others[0].Number != 0.9 {
		t.Errorf("others = %+v, want the older value beside the used one", f.Others)
	}
	if got := value(c, "creatinine-unstable"); got != "known true" {
		t.Errorf("unstable = %s", got)
	}
}

// A patient whose renal function can be computed; tests take single facts away.
func renalPatient() map[string]string {
	return map[string]string{
		"age and sex": patient(`"birthDate":"1948-01-01","gender":"female"`),
		"creatinine":  observation("2160-0", today, quantity("1.8", "mg/dL")),
		"weight":      observation("29463-7", today, quantity("55", "kg")),
		"height":      observation("8302-2", today, quantity("160", "cm")),
		"diagnoses":   condition("J18.9", "Pneumonie", ""),
		"encounter":   encounter("IMP", "2026-03-16T06:00:00+01:00"),
	}
}

func list(m map[string]string, without ...string) []string {
	var out []string
	for _, k := range []string{"age and sex", "creatinine", "weight", "height", "diagnoses", "encounter"} {
		skip := false
		for _, w := range without {
			skip = skip || w == k
		}
		if v, ok := m[k]; ok && !skip {
			out = append(out, v)
		}
	}
	return out
}

func TestRenalFunction(t *testing.T) {
	c := build(t, list(renalPatient())...)
	for name, want := range map[string]string{
		"egfr-ckd-epi-2021": "known 28.48", "creatinine-clearance-cockcroft-gault": "known 22.36", "bmi": "known 21.48",
		"ideal-body-weight": "known 52.38", "dialysis": "absent false", "creatinine-unstable": "unknown", "body-surface-area": "known 1.563",
	} {
		if got := value(c, name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := c.Fact("creatinine-clearance-cockcroft-gault").In(cds.DE).Formula; got != "Cockcroft-Gault 1976, tatsächliches Gewicht 55 kg" {
		t.Errorf("formula = %q", got)
	}
	obese := renalPatient()
	obese["weight"] = observation("29463-7", today, quantity("110", "kg"))
	c = build(t, list(obese)...)
	if got := c.Fact("creatinine-clearance-cockcroft-gault").In(cds.EN).Formula; got != "Cockcroft-Gault 1976, adjusted weight (BMI ≥ 30) 75.4 kg" {
		t.Errorf("formula = %q", got)
	}
}

// Each needed fact is taken away in turn: what rests on it becomes unknown and
// names it, and nothing else is silently put in its place.
func TestNoSilentMiss(t *testing.T) {
	for _, tc := range []struct{ without, fact, names string }{
		{"creatinine", "egfr-ckd-epi-2021", "creatinine"},
		{"creatinine", "creatinine-clearance-cockcroft-gault", "creatinine"},
		{"weight", "creatinine-clearance-cockcroft-gault", "weight"},
		{"age and sex", "egfr-ckd-epi-2021", "age"},
		{"age and sex", "pregnancy", "pregnancy"},
		{"height", "bmi", "height"},
		{"height", "ideal-body-weight", "height"},
		{"diagnoses", "dialysis", "dialysis"},
		{"diagnoses", "mrsa", "mrsa"},
		{"encounter", "nosocomial", "admission"},
		{"encounter", "severity", "severity"},
	} {
		c := build(t, list(renalPatient(), tc.without)...)
		f := c.Fact(tc.fact)
		if f.State != facts.Unknown || f.Reason.EN == "" || !contains(f.Missing, tc.names) {
			t.Errorf("without %s: %s is %s, missing %v (%s)", tc.without, tc.fact, f.State, f.Missing, f.Reason.EN)
		}
		if _, known, unknown := c.Var(camel(tc.fact)); !known || !unknown {
			t.Errorf("without %s: %%%s known %v, unknown %v; expressions must see that it is unknown", tc.without, camel(tc.fact), known, unknown)
		}
	}
}

func camel(name string) string {
	parts := strings.Split(name, "-")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestWhosePatient(t *testing.T) {
	other := strings.Replace(observation("2160-0", today, quantity("5", "mg/dL")), "Patient/p", "Patient/q", 1)
	c := build(t, patient(`"gender":"male"`), other)
	if got := value(c, "creatinine"); got != "unknown" {
		t.Errorf("another patient's creatinine was used: %s", got)
	}
	if len(c.Ignored()) != 1 || c.Ignored()[0].Reason.EN != "data of another patient" {
		t.Errorf("ignored = %+v", c.Ignored())
	}
	two := build(t, patient(""), `{"resourceType":"Patient","id":"q"}`, observation("2160-0", today, quantity("1", "mg/dL")))
	if got := value(two, "creatinine"); got != "unknown" || len(two.Ignored()) != 3 {
		t.Errorf("two patients and none named: creatinine %s, ignored %d", got, len(two.Ignored()))
	}
	in := input(t)
	in.Patient = "p"
	in.Resources = resources(t, observation("2160-0", today, quantity("1", "mg/dL")))
	if got := value(facts.Build(in), "creatinine"); got != "known 1" {
		t.Errorf("the patient is named by the call and no Patient came: %s", got)
	}
}

func TestPregnancy(t *testing.T) {
	status := func(code, at string) string {
		return observation("82810-3", at, `"valueCodeableConcept":{"coding":[{"system":"`+sct+`","code":"`+code+`"}]}`)
	}
	woman := patient(`"birthDate":"1996-01-01","gender":"female"`)
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"nothing said at 30", []string{woman}, "unknown"},
		{"pregnant", []string{woman, status("77386006", "2026-01-10")}, "known true"},
		{"not pregnant", []string{woman, status("60001007", "2026-03-10")}, "absent false"},
		{"older than 42 weeks", []string{woman, status("77386006", "2025-05-01")}, "unknown"},
		{"newest counts", []string{woman, status("60001007", "2025-12-01"), status("77386006", "2026-03-01")}, "known true"},
		{"negative test today", []string{woman, observation("2106-3", today, `"valueCodeableConcept":{"coding":[{"code":"260385009"}]}`)}, "absent false"},
		{"negative test two months ago", []string{woman, observation("2106-3", "2026-01-10", `"valueCodeableConcept":{"coding":[{"code":"260385009"}]}`)}, "unknown"},
		{"week of pregnancy", []string{woman, observation("18185-9", "2026-03-01", quantity("24", "wk"))}, "known true"},
		{"diagnosis", []string{woman, condition("O23.0", "Infektionen der Niere in der Schwangerschaft", `"onsetDateTime":"2026-03-15"`)}, "known true"},
		{"childbed is no pregnancy", []string{woman, condition("O85", "Puerperalfieber", `"onsetDateTime":"2026-03-15"`)}, "unknown"},
		{"above 50", []string{patient(`"birthDate":"1970-01-01","gender":"female"`)}, "absent false"},
		{"exactly 50", []string{patient(`"birthDate":"1976-01-01","gender":"female"`)}, "unknown"},
		{"child of 11", []string{patient(`"birthDate":"2014-06-01","gender":"female"`)}, "absent false"},
		{"man", []string{patient(`"birthDate":"1996-01-01","gender":"male"`)}, "absent false"},
		{"man with a pregnancy: contradiction", []string{patient(`"birthDate":"1996-01-01","gender":"male"`), status("77386006", "2026-03-01")}, "unknown"},
		{"sex unknown", []string{patient(`"birthDate":"1996-01-01"`)}, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, tc.raw...)
			if got := value(c, "pregnancy"); got != tc.want {
				t.Errorf("pregnancy = %s (%s), want %s", got, c.Fact("pregnancy").Reason.EN, tc.want)
			}
		})
	}
}

func TestChildrenHaveNoAdultFormulas(t *testing.T) {
	raw := list(renalPatient(), "age and sex")
	c := build(t, append(raw, patient(`"birthDate":"2016-08-20","gender":"male"`), observation("9279-1", today, quantity("30", "/min")))...)
	for _, name := range []string{"egfr-ckd-epi-2021", "creatinine-clearance-cockcroft-gault", "crb-65", "qsofa"} {
		if f := c.Fact(name); f.State != facts.Unknown || f.Low != nil || f.Reason.EN == "" {
			t.Errorf("%s of a child: %s", name, value(c, name))
		}
	}
	if c.Kidney().Adult != stewardship.No {
		t.Error("a child counts as an adult for dosing")
	}
}

func TestDialysis(t *testing.T) {
	male := patient(`"gender":"male","birthDate":"1950-01-01"`)
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"coded", []string{condition("Z99.2", "Abhängigkeit von Dialyse", "")}, "known true"},
		{"in words", []string{condition("N18.5", "Chronische Nierenkrankheit, dialysepflichtig", "")}, "known true"},
		{"denied in words", []string{condition("N18.5", "CKD Stadium 5, nicht dialysepflichtig", "")}, "absent false"},
		{"kidney failure alone", []string{condition("N18.5", "Chronische Nierenkrankheit, Stadium 5", "")}, "absent false"},
		{"resolved", []string{strings.Replace(condition("Z99.2", "Dialyse", ""), `"active"`, `"resolved"`, 1), condition("I10", "Hypertonie", "")}, "absent false"},
		{"recent procedure", []string{`{"resourceType":"Procedure","id":"pr","status":"completed","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"302497006"}]},"performedDateTime":"2026-03-14"}`}, "known true"},
		{"nothing sent", nil, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{male}, tc.raw...)...)
			if got := value(c, "dialysis"); got != tc.want {
				t.Errorf("dialysis = %s, want %s", got, tc.want)
			}
		})
	}
}

// The way of dialysis decides which row of a source may be used.
func TestDialysisMode(t *testing.T) {
	male := patient(`"gender":"male","birthDate":"1950-01-01"`)
	procedure := func(id, code, text, start string) string {
		return `{"resourceType":"Procedure","id":"` + id + `","status":"in-progress","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/ops","code":"` + code + `"}],"text":"` + text + `"},"performedPeriod":{"start":"` + start + `"}}`
	}
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"not stated", []string{condition("Z99.2", "Abhängigkeit von Dialyse", "")}, "unknown"},
		{"haemodialysis in words", []string{condition("Z99.2", "Chronische Hämodialyse", "")}, "known haemodialysis"},
		{"peritoneal in words", []string{condition("Z99.2", "Peritonealdialyse (CAPD)", "")}, "known peritoneal"},
		{"continuous by code", []string{procedure("a", "8-854.71", "", "2026-03-15T10:00:00+01:00")}, "known continuous"},
		{"continuous in words", []string{procedure("a", "8-855", "CVVHDF", "2026-03-15T10:00:00+01:00")}, "known continuous"},
		{"prolonged", []string{procedure("a", "8-854.4", "", "2026-03-15T10:00:00+01:00")}, "known prolonged"},
		{"the running procedure before the standing diagnosis", []string{condition("Z99.2", "Chronische Hämodialyse", ""), procedure("a", "8-853.8", "", "2026-03-15T10:00:00+01:00")}, "known continuous"},
		{"the later procedure", []string{procedure("a", "8-854.2", "", "2026-03-10"), procedure("b", "8-853.7", "", "2026-03-15")}, "known continuous"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := value(build(t, append([]string{male}, tc.raw...)...), "dialysis-mode"); got != tc.want {
				t.Errorf("dialysis-mode = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestEmptyInput(t *testing.T) {
	c := facts.Build(facts.Input{Now: now})
	for _, f := range c.Facts() {
		if f.State == facts.Known {
			t.Errorf("%s is known of nobody: %v", f.Name, f.Value)
		}
		if f.Display.DE == "" || f.Display.EN == "" {
			t.Errorf("%s has no name in both languages", f.Name)
		}
	}
}

func TestSameInputSameChart(t *testing.T) {
	raw := list(renalPatient())
	a, b := build(t, raw...), build(t, raw...)
	if diff := cmp.Diff(shown(a), shown(b)); diff != "" {
		t.Error(diff)
	}
	in := input(t)
	in.Resources = resources(t, raw...)
	for i, j := 0, len(in.Resources)-1; i < j; i, j = i+1, j-1 {
		in.Resources[i], in.Resources[j] = in.Resources[j], in.Resources[i]
	}
	if diff := cmp.Diff(shown(a), shown(facts.Build(in))); diff != "" {
		t.Errorf("another order of resources gives another chart:\n%s", diff)
	}
}

func shown(c *facts.Chart) []cds.Fact {
	var out []cds.Fact
	for _, f := range c.Facts() {
		out = append(out, f.In(cds.EN))
	}
	return out
}

package facts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir/fhirpath"
)

var adult = patient(`"birthDate":"1950-01-01","gender":"male"`)

// vital gives a full set of vital signs at a time.
func vital(at string, rate, systolic, diastolic, glasgow int) []string {
	return []string{
		observation("9279-1", at, quantity(fmt.Sprint(rate), "/min")),
		observation("85354-9", at, fmt.Sprintf(`"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},%s},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},%s}]`,
			quantity(fmt.Sprint(systolic), "mm[Hg]"), quantity(fmt.Sprint(diastolic), "mm[Hg]"))),
		observation("9269-2", at, quantity(fmt.Sprint(glasgow), "{score}")),
	}
}

func join(parts ...any) []string {
	var out []string
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			out = append(out, v)
		case []string:
			out = append(out, v...)
		}
	}
	return out
}

func TestScoresUseTheWorstValueOfTheirWindow(t *testing.T) {
	for _, tc := range []struct {
		name string
		raw  []string
		want map[string]string
	}{
		{"one set", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15)), map[string]string{"crb-65": "known 1", "qsofa": "known 1"}},
		{"the worst of the day, not the newest", join(encounter("IMP", "2026-03-16T02:00:00+01:00"), vital("2026-03-16T02:10:00+01:00", 32, 85, 50, 14), vital(today, 18, 130, 80, 15)),
			map[string]string{"crb-65": "known 4", "qsofa": "known 3"}},
		{"CRB-65 of the presenting day, qSOFA of now", join(encounter("IMP", "2026-03-12T22:00:00+01:00"), vital("2026-03-12T22:10:00+01:00", 32, 85, 50, 15), vital(today, 18, 130, 80, 15)),
			map[string]string{"crb-65": "known 3", "qsofa": "known 0"}},
		{"no vital signs at presentation: the last day", join(encounter("IMP", "2026-03-12T22:00:00+01:00"), vital(today, 18, 130, 80, 15)), map[string]string{"crb-65": "known 1", "qsofa": "known 0"}},
		{"two days old is not now", join(encounter("IMP", "2026-03-13T22:00:00+01:00"), vital("2026-03-14T06:00:00+01:00", 32, 85, 50, 14)), map[string]string{"crb-65": "known 4", "qsofa": "unknown"}},
		{"on the way to hospital", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital("2026-03-16T04:00:00+01:00", 32, 120, 70, 15)), map[string]string{"crb-65": "known 2"}},
		{"state of mind missing", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15)[:2]), map[string]string{"crb-65": "unknown 1-2", "qsofa": "unknown 1-2"}},
		{"delirium coded", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15)[:2], condition("F05.0", "Delir", `"onsetDateTime":"2026-03-16"`)),
			map[string]string{"crb-65": "known 2", "qsofa": "known 2"}},
		{"urea adds the fifth point", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15), observation("22664-7", today, quantity("7.1", "mmol/L"))), map[string]string{"curb-65": "known 2"}},
		{"urea missing", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15)), map[string]string{"curb-65": "unknown 1-2"}},
		{"nothing measured gives no range", join(encounter("IMP", "2026-03-16T06:00:00+01:00")), map[string]string{"crb-65": "unknown", "qsofa": "unknown"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			got := map[string]string{}
			for name := range tc.want {
				got[name] = value(c, name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRangeOfAScoreNamesWhatIsMissing(t *testing.T) {
	c := build(t, join(adult, encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15)[:2])...)
	if f := c.Fact("crb-65"); !contains(f.Missing, "glasgow-coma-scale") || len(f.Inputs) == 0 {
		t.Errorf("missing %v, inputs %v", f.Missing, f.Inputs)
	}
}

func allergyEntry(code, words, more string) string {
	if more != "" {
		more = "," + more
	}
	coding := ""
	if code != "" {
		coding = `"coding":[{"system":"` + sct + `","code":"` + code + `"}],`
	}
	return fmt.Sprintf(`{"resourceType":"AllergyIntolerance","id":"%s","patient":{"reference":"Patient/p"},"code":{%s"text":"%s"}%s}`, next(), coding, words, more)
}

func TestAllergies(t *testing.T) {
	verification := func(code string) string { return `"verificationStatus":{"coding":[{"code":"` + code + `"}]}` }
	for _, tc := range []struct {
		name       string
		raw        []string
		received   map[string]facts.Received
		state      facts.State
		records    int
		penicillin string
		reason     string // part of the English reason
	}{
		{name: "penicillin", raw: []string{allergyEntry("91936005", "Penicillin", "")}, state: facts.Known, records: 1, penicillin: "known true"},
		{name: "nothing sent", state: facts.Unknown, penicillin: "unknown", reason: "no allergy data"},
		{name: "asked and none recorded", received: map[string]facts.Received{"AllergyIntolerance": facts.NoneRecorded}, state: facts.Unknown, penicillin: "unknown", reason: "none recorded"},
		{name: "complete and empty", received: map[string]facts.Received{"AllergyIntolerance": facts.Complete}, state: facts.Unknown, penicillin: "unknown", reason: "none recorded"},
		{name: "explicitly none", raw: []string{allergyEntry("716186003", "", "")}, state: facts.Absent, penicillin: "absent false"},
		{name: "explicitly none, in words", raw: []string{allergyEntry("", "Keine bekannten Allergien", "")}, state: facts.Absent, penicillin: "absent false"},
		{name: "another allergy", raw: []string{allergyEntry("", "Clindamycin", "")}, state: facts.Known, records: 1, penicillin: "absent false"},
		{name: "refuted", raw: []string{allergyEntry("91936005", "Penicillin", verification("refuted"))}, state: facts.Unknown, penicillin: "unknown", reason: "none recorded"},
		{name: "entered in error", raw: []string{allergyEntry("91936005", "Penicillin", verification("entered-in-error"))}, state: facts.Unknown, penicillin: "unknown"},
		{name: "unconfirmed counts", raw: []string{allergyEntry("91936005", "Penicillin", verification("unconfirmed"))}, state: facts.Known, records: 1, penicillin: "known true"},
		{name: "resolved", raw: []string{allergyEntry("91936005", "Penicillin", `"clinicalStatus":{"coding":[{"code":"resolved"}]}`)}, state: facts.Unknown, penicillin: "unknown"},
		{name: "side effect is no allergy", raw: []string{allergyEntry("91936005", "Penicillin", `"reaction":[{"manifestation":[{"coding":[{"system":"`+sct+`","code":"422587007"}]}]}]`)}, state: facts.Known, records: 1, penicillin: "absent false"},
		{name: "unreadable text", raw: []string{allergyEntry("", "weiße Tabletten", "")}, state: facts.Known, records: 1, penicillin: "unknown", reason: "not recognised"},
		{name: "food only", raw: []string{allergyEntry("", "Erdnuss", `"category":["food"]`)}, state: facts.Unknown, records: 1, penicillin: "unknown", reason: "not about medicines"},
		{name: "ICD-10-GM status", raw: []string{condition("Z88.0", "Allergie gegenüber Penizillin", "")}, state: facts.Known, records: 1, penicillin: "known true"},
		{name: "cut off list", raw: []string{allergyEntry("", "Clindamycin", "")}, received: map[string]facts.Received{"AllergyIntolerance": facts.Truncated}, state: facts.Unknown, records: 1, penicillin: "unknown", reason: "incompletely"},
		{name: "failed", received: map[string]facts.Received{"AllergyIntolerance": facts.Failed}, state: facts.Unknown, penicillin: "unknown", reason: "failed"},
		{name: "only another patient's", raw: []string{strings.Replace(allergyEntry("91936005", "Penicillin", ""), "Patient/p", "Patient/q", 1)}, state: facts.Unknown, penicillin: "unknown", reason: "another patient"},
		{name: "entry without any word", raw: []string{allergyEntry("", "", "")}, state: facts.Known, records: 1, penicillin: "unknown", reason: "not recognised"},
		{name: "contradiction", raw: []string{allergyEntry("716186003", "", ""), allergyEntry("91936005", "Penicillin", "")}, state: facts.Known, records: 1, penicillin: "known true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources, in.Received = resources(t, append([]string{adult}, tc.raw...)...), tc.received
			c := facts.Build(in)
			state, reason := c.AllergyState()
			if state != tc.state || len(c.Allergies()) != tc.records {
				t.Errorf("state %s (%s), %d records; want %s, %d", state, reason.EN, len(c.Allergies()), tc.state, tc.records)
			}
			if got := value(c, "allergy-penicillin"); got != tc.penicillin {
				t.Errorf("allergy-penicillin = %s, want %s", got, tc.penicillin)
			}
			if f := c.Fact("allergy-penicillin"); !strings.Contains(f.Reason.EN, tc.reason) {
				t.Errorf("reason %q, want one with %q", f.Reason.EN, tc.reason)
			}
		})
	}
	c := build(t, adult, allergyEntry("91936005", "Penicillin", `"reaction":[{"description":"Anaphylaxie nach 5 Minuten"}]`))
	if got := c.Allergies()[0].Mechanism; got != allergy.ImmediateSevere {
		t.Errorf("mechanism = %s", got)
	}
}

func TestIndication(t *testing.T) {
	onset := `"onsetDateTime":"2026-03-15"`
	ward := encounter("IMP", "2026-03-15T10:00:00+01:00")
	for _, tc := range []struct {
		name    string
		raw     []string
		request string
		want    string
	}{
		{"pneumonia", []string{condition("J18.9", "Pneumonie", onset)}, "", "community-acquired-pneumonia"},
		{"the request wins", []string{condition("J18.9", "Pneumonie", onset)}, "uncomplicated-pyelonephritis", "uncomplicated-pyelonephritis"},
		{"the prototype's value", nil, "UROSEPSIS", "urosepsis"},
		{"sepsis with a urinary focus", []string{condition("A41.9", "Sepsis", onset), condition("N39.0", "Harnwegsinfektion", onset)}, "", "urosepsis"},
		{"sepsis of unknown focus", []string{condition("A41.9", "Sepsis", onset)}, "", "sepsis"},
		{"sepsis with pneumonia is that pneumonia", []string{condition("A41.9", "Sepsis", onset), condition("J18.9", "Pneumonie", onset)}, "", "community-acquired-pneumonia"},
		{"pneumonia that began in hospital", []string{encounter("IMP", "2026-03-10T10:00:00+01:00"), condition("J18.9", "Pneumonie", onset)}, "", "hospital-acquired-pneumonia"},
		{"called community-acquired all the same", []string{encounter("IMP", "2026-03-10T10:00:00+01:00"), condition("J18.9", "Ambulant erworbene Pneumonie", onset)}, "", "community-acquired-pneumonia"},
		{"coded as hospital-acquired", []string{ward, condition("U69.00", "Im Krankenhaus erworbene Pneumonie", onset), condition("J18.9", "Pneumonie", onset)}, "", "hospital-acquired-pneumonia"},
		{"newest of equals", []string{condition("N10", "Pyelonephritis", `"onsetDateTime":"2025-03-15"`), condition("J36", "Peritonsillarabszess", onset)}, "", "peritonsillar-abscess"},
		{"refuted", []string{strings.Replace(condition("J18.9", "Pneumonie", onset), `"confirmed"`, `"refuted"`, 1)}, "", ""},
		{"resolved", []string{strings.Replace(condition("J18.9", "Pneumonie", onset), `"active"`, `"resolved"`, 1)}, "", ""},
		{"ended", []string{condition("J18.9", "Pneumonie", onset+`,"abatementDateTime":"2026-03-15"`)}, "", ""},
		{"no infection", []string{condition("I10", "Hypertonie", onset)}, "", ""},
		{"code with a mark", []string{condition("A41.9+", "Sepsis", onset)}, "", "sepsis"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources = resources(t, append([]string{adult}, tc.raw...)...)
			if tc.request != "" {
				in.Request = &cds.StructuredRequest{Indication: tc.request}
			}
			got, basis := facts.Build(in).Indication()
			code := ""
			if got != nil {
				code = got.Code
				if basis.DE == "" || basis.EN == "" {
					t.Error("no basis given")
				}
			}
			if code != tc.want {
				t.Errorf("indication = %q (%s), want %q", code, basis.EN, tc.want)
			}
		})
	}
}

func TestSeverity(t *testing.T) {
	pneumonia := condition("J18.9", "Pneumonie", `"onsetDateTime":"2026-03-16"`)
	ward := encounter("IMP", "2026-03-16T06:00:00+01:00")
	for _, tc := range []struct {
		name, request, want, basis string
		raw                        []string
	}{
		{name: "of the request", request: "SCHWER", raw: []string{ward}, want: "severe", basis: "stated in the request"},
		{name: "sepsis coded", raw: []string{ward, condition("A41.9", "Sepsis", "")}, want: "septic", basis: "diagnosis Sepsis"},
		{name: "sepsis in words", raw: []string{ward, condition("N39.0", "Urosepsis", "")}, want: "septic", basis: "diagnosis Urosepsis"},
		{name: "qSOFA 2", raw: join(ward, pneumonia, vital(today, 24, 98, 60, 15)), want: "septic", basis: "qSOFA 2"},
		{name: "two signs without an infection are no sepsis", raw: join(ward, vital(today, 24, 98, 60, 15)), want: "moderate", basis: "in hospital"},
		{name: "CRB-65 3", raw: join(ward, pneumonia, vital(today, 31, 120, 55, 15)), want: "severe", basis: "CRB-65 3"},
		{name: "in hospital", raw: join(ward, pneumonia, vital(today, 18, 120, 70, 15)), want: "moderate", basis: "in hospital"},
		{name: "in hospital, signs of sepsis not complete", raw: join(ward, pneumonia, vital(today, 24, 120, 70, 15)[:1]), want: "moderate", basis: "in hospital; qSOFA incomplete, sepsis cannot be judged"},
		{name: "intensive care", raw: []string{strings.Replace(ward, `"class"`, `"serviceType":{"text":"Intensivstation"},"class"`, 1), pneumonia}, want: "severe", basis: "intensive care"},
		{name: "outpatient", raw: join(encounter("AMB", today), condition("N10", "Pyelonephritis", ""), vital(today, 16, 120, 70, 15)), want: "mild", basis: "outpatient"},
		{name: "outpatient pneumonia at 76", raw: join(encounter("AMB", today), pneumonia, vital(today, 16, 120, 70, 15)), want: "moderate", basis: "outpatient, CRB-65 1"},
		{name: "nothing known", raw: []string{pneumonia}, want: "", basis: ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources = resources(t, append([]string{adult}, tc.raw...)...)
			if tc.request != "" {
				in.Request = &cds.StructuredRequest{Severity: tc.request}
			}
			got, basis, known := facts.Build(in).Severity()
			if got != tc.want || known != (tc.want != "") || basis.EN != tc.basis {
				t.Errorf("severity = %q, %q, %v; want %q, %q", got, basis.EN, known, tc.want, tc.basis)
			}
		})
	}
}

func TestNosocomial(t *testing.T) {
	for _, tc := range []struct {
		name string
		raw  []string
		want string
		days string
	}{
		{"two days after admission", []string{encounter("IMP", "2026-03-12T10:00:00+01:00"), condition("N39.0", "HWI", `"onsetDateTime":"2026-03-14T10:00:00+01:00"`)}, "known true", "known 2"},
		{"an hour before two days", []string{encounter("IMP", "2026-03-12T10:00:00+01:00"), condition("N39.0", "HWI", `"onsetDateTime":"2026-03-14T09:00:00+01:00"`)}, "absent false", "known 1"},
		{"outpatient", []string{encounter("AMB", today)}, "absent false", "known 0"},
		{"admitted today, onset not stated", []string{encounter("IMP", "2026-03-16T06:00:00+01:00"), condition("N39.0", "HWI", "")}, "absent false", "known 0"},
		{"admitted last week, onset not stated", []string{encounter("IMP", "2026-03-09T06:00:00+01:00"), condition("N39.0", "HWI", "")}, "unknown", "known 7"},
		{"said in words", []string{encounter("IMP", "2026-03-16T06:00:00+01:00"), condition("N39.0", "Nosokomiale Harnwegsinfektion", "")}, "known true", "known 0"},
		{"no encounter", []string{condition("N39.0", "HWI", "")}, "unknown", "unknown"},
		{"ended encounter", []string{strings.Replace(encounter("IMP", "2026-03-01"), "in-progress", "finished", 1), condition("N39.0", "HWI", "")}, "unknown", "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			if got := value(c, "nosocomial"); got != tc.want {
				t.Errorf("nosocomial = %s, want %s", got, tc.want)
			}
			if got := value(c, "hospital-days"); got != tc.days {
				t.Errorf("hospital-days = %s, want %s", got, tc.days)
			}
		})
	}
}

func TestRisks(t *testing.T) {
	positive := `"valueCodeableConcept":{"coding":[{"code":"260373001"}]}`
	negative := `"valueCodeableConcept":{"coding":[{"code":"260415000"}]}`
	named := func(words, at, v string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"%s"},"effectiveDateTime":"%s",%s}`, next(), words, at, v)
	}
	for _, tc := range []struct {
		name, fact string
		raw        []string
		request    []string
		want       string
	}{
		{"MRSA coded", "mrsa", []string{condition("U80.00", "S. aureus mit Resistenz gegen Oxacillin", "")}, nil, "known true"},
		{"MRSA in words", "mrsa", []string{condition("Z22.8", "MRSA-Träger", "")}, nil, "known true"},
		{"MRSA denied in words", "mrsa", []string{condition("Z11", "kein MRSA", "")}, nil, "absent false"},
		{"MRSA screening positive", "mrsa", []string{named("MRSA-Screening Nase", "2026-02-01", positive)}, nil, "known true"},
		{"MRSA screening negative", "mrsa", []string{named("MRSA-Screening Nase", "2026-03-14", negative)}, nil, "absent false"},
		{"organism of a culture", "mrsa", []string{observation("600-7", "2026-01-01", `"valueCodeableConcept":{"coding":[{"system":"`+sct+`","code":"115329001"}]}`)}, nil, "known true"},
		{"organism of two years ago", "mrsa", []string{observation("600-7", "2024-01-01", `"valueCodeableConcept":{"coding":[{"system":"`+sct+`","code":"115329001"}]}`), condition("I10", "Hypertonie", "")}, nil, "absent false"},
		{"ticked in the form", "mrsa", nil, []string{"MRSA_VERDACHT"}, "known true"},
		{"problems came and hold none", "mrsa", []string{condition("I10", "Hypertonie", "")}, nil, "absent false"},
		{"nothing came", "mrsa", nil, nil, "unknown"},
		{"MRGN class by LOINC answer", "mrgn", []string{observation("99780-9", "2026-03-01", `"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA33215-7"}]}`)}, nil, "known true"},
		{"ESBL in words", "mrgn", []string{condition("U81.3", "ESBL-bildende E. coli", "")}, nil, "known true"},
		{"VRE", "vre", []string{condition("Z22.3", "VRE-Besiedlung", "")}, nil, "known true"},
		{"flag", "vre", []string{`{"resourceType":"Flag","id":"f","status":"active","subject":{"reference":"Patient/p"},"code":{"text":"VRE"}}`}, nil, "known true"},
		{"urinary catheter", "urinary-catheter", []string{`{"resourceType":"Device","id":"d","status":"active","patient":{"reference":"Patient/p"},"type":{"text":"Harnblasendauerkatheter"}}`}, nil, "known true"},
		{"catheter unknown without devices", "urinary-catheter", []string{condition("I10", "Hypertonie", "")}, nil, "unknown"},
		{"removed device", "urinary-catheter", []string{`{"resourceType":"Device","id":"d","status":"inactive","patient":{"reference":"Patient/p"},"type":{"text":"Harnblasendauerkatheter"}}`}, nil, "absent false"},
		{"catheter no longer in use", "urinary-catheter", []string{`{"resourceType":"Device","id":"d","status":"active","patient":{"reference":"Patient/p"},"type":{"text":"Harnblasendauerkatheter"}}`,
			`{"resourceType":"DeviceUseStatement","id":"u","status":"completed","subject":{"reference":"Patient/p"},"device":{"reference":"Device/d"}}`}, nil, "absent false"},
		{"catheter in use, contained", "urinary-catheter", []string{`{"resourceType":"DeviceUseStatement","id":"u","status":"active","subject":{"reference":"Patient/p"},
			"contained":[{"resourceType":"Device","id":"d","type":{"coding":[{"system":"http://snomed.info/sct","code":"23973005"}]}}],"device":{"reference":"#d"}}`}, nil, "known true"},
		{"catheter in use, in words", "urinary-catheter", []string{`{"resourceType":"DeviceUseStatement","id":"u","status":"active","subject":{"reference":"Patient/p"},
			"device":{"reference":"Device/elsewhere","display":"Harnblasendauerkatheter"}}`}, nil, "known true"},
		{"catheter whose use has ended", "urinary-catheter", []string{`{"resourceType":"DeviceUseStatement","id":"u","status":"active","subject":{"reference":"Patient/p"},
			"timingPeriod":{"end":"2025-01-01"},"device":{"display":"Harnblasendauerkatheter"}}`}, nil, "absent false"},
		{"ventilation running", "ventilation", []string{`{"resourceType":"Procedure","id":"v","status":"in-progress","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/ops","code":"8-713.0"}]}}`}, nil, "known true"},
		{"outpatients are not ventilated", "ventilation", []string{encounter("AMB", today)}, nil, "absent false"},
		{"bronchiectasis", "pseudomonas-risk", []string{condition("J47", "Bronchiektasen", "")}, nil, "known true"},
		{"immunosuppressant", "immunosuppression", []string{medication("active", atc(german, "L04AD02"), "")}, nil, "known true"},
		{"transplant", "immunosuppression", []string{condition("Z94.0", "Nierentransplantation", "")}, nil, "known true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources = resources(t, append([]string{adult}, tc.raw...)...)
			if tc.request != nil {
				in.Request = &cds.StructuredRequest{RiskFactors: tc.request}
			}
			c := facts.Build(in)
			if got := value(c, tc.fact); got != tc.want {
				t.Errorf("%s = %s (%s), want %s", tc.fact, got, c.Fact(tc.fact).Reason.EN, tc.want)
			}
		})
	}
	c := build(t, adult, condition("U81.6", "4MRGN Klebsiella pneumoniae", ""))
	if got := value(c, "mrgn-class"); got != "known 4MRGN" {
		t.Errorf("mrgn-class = %s", got)
	}
}

func TestIsolates(t *testing.T) {
	culture := `{"resourceType":"Observation","id":"c","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"600-7"}]},"effectiveDateTime":"2026-03-15","valueCodeableConcept":{"coding":[{"system":"` + sct + `","code":"112283007","display":"Escherichia coli"}]},"hasMember":[{"reference":"Observation/s1"},{"reference":"Observation/s2"},{"reference":"Observation/s3"}]}`
	susceptible := func(id, words, category, method string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"%s"},"effectiveDateTime":"2026-03-15","valueQuantity":{"value":1,"unit":"mg/L"},"interpretation":[{"coding":[{"code":"%s"}]}],"method":{"text":"%s"}}`, id, words, category, method)
	}
	c := build(t, adult, culture, susceptible("s1", "Ceftriaxon [Empfindlichkeit]", "S", "EUCAST v14 2024"), susceptible("s2", "Ciprofloxacin", "R", ""), susceptible("s3", "Unbekanntomycin", "S", ""),
		observation("600-7", "2026-03-14", `"valueCodeableConcept":{"coding":[{"code":"264868006"}]}`))
	if len(c.Isolates()) != 1 {
		t.Fatalf("isolates = %+v; no growth is none", c.Isolates())
	}
	i := c.Isolates()[0]
	want := []microbiology.Result{
		{ATC: "J01DD04", Interpretation: microbiology.Susceptible, Norm: "EUCAST", Year: 2024, Reference: "Observation/s1"},
		{ATC: "J01MA02", Interpretation: microbiology.Resistant, Reference: "Observation/s2"},
	}
	if diff := cmp.Diff(want, i.Results); diff != "" || i.Organism.Group != "enterobacterales" || i.Specimen != "blood" {
		t.Errorf("isolate %+v\n%s", i, diff)
	}
}

func TestSepticShock(t *testing.T) {
	lactate := observation("2524-7", today, quantity("3.2", "mmol/L"))
	pressor := medication("active", atc(german, "C01CA03"), "")
	for _, tc := range []struct {
		name    string
		raw     []string
		want    string
		missing []string
	}{
		{"vasopressor and lactate", []string{lactate, pressor}, "known true", nil},
		{"lactate normal", []string{observation("2524-7", today, quantity("1.2", "mmol/L")), pressor}, "absent false", nil},
		{"pressure kept without a vasopressor", join(lactate, vital(today, 20, 110, 60, 15)), "absent false", nil},
		{"pressure not kept, vasopressor not recorded", join(lactate, vital(today, 20, 80, 40, 15)), "unknown", []string{"medications"}},
		{"lactate alone", []string{lactate}, "unknown", []string{"mean-blood-pressure"}},
		{"vasopressor alone", []string{pressor}, "unknown", []string{"lactate"}},
		{"pressure not kept, no lactate", join(vital(today, 20, 80, 40, 15)), "unknown", []string{"lactate"}},
		{"coded", []string{condition("R57.2", "Septischer Schock", "")}, "known true", nil},
		{"nothing measured", nil, "unknown", []string{"lactate", "mean-blood-pressure"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			if got := value(c, "septic-shock"); got != tc.want {
				t.Errorf("septic-shock = %s, want %s", got, tc.want)
			}
			if diff := cmp.Diff(tc.missing, c.Fact("septic-shock").Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

// Facts as expressions see them.
func TestVar(t *testing.T) {
	c := build(t, join(adult, encounter("IMP", "2026-03-16T06:00:00+01:00"), vital(today, 24, 118, 70, 15), condition("J18.9", "Pneumonie", ""), allergyEntry("91936005", "Penicillin", ""))...)
	for _, tc := range []struct {
		expression string
		want       fhirpath.Truth
	}{
		{"%age >= 65", fhirpath.True},
		{"%crb65 = 1", fhirpath.True},
		{"%egfrCkdEpi2021 < 30", fhirpath.Undetermined},
		{"%egfrCkdEpi2021 < 30 or %age > 70", fhirpath.True},
		{"%allergyPenicillin", fhirpath.True},
		{"%allergies.where(startsWith('J01C')).exists()", fhirpath.True},
		{"%conditions.where($this = 'J18.9').exists()", fhirpath.True},
		{"%mrsa", fhirpath.False},
		{"%pregnancy.not()", fhirpath.True},
		{"%severity = 'moderate'", fhirpath.True},
		{"%priorAntibiotics90d", fhirpath.Undetermined},
		{"%medications.exists()", fhirpath.Undetermined},
		{"%site = 'lung'", fhirpath.Undetermined},
		{"%riskFactors.exists()", fhirpath.False},
	} {
		e, err := fhirpath.Compile(tc.expression)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Eval(context.Background(), nil, fhirpath.Env{Now: now, Var: c.Var})
		if err != nil {
			t.Errorf("%s: %v", tc.expression, err)
			continue
		}
		if r.Truth() != tc.want {
			t.Errorf("%s = %v, want %v", tc.expression, r.Truth(), tc.want)
		}
	}
	if _, known, _ := c.Var("noSuchFact"); known {
		t.Error("a name the Chart does not have is known")
	}
}

func TestOralSwitch(t *testing.T) {
	running := func(status string) string {
		return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"%s","status":"%s","intent":"order","subject":{"reference":"Patient/p"},"authoredOn":"2026-03-12T23:00:00+01:00","medicationCodeableConcept":%s,"dosageInstruction":[{"text":"3 g i.v. 3x täglich"}]}`, next(), status, atc(german, "J01CR01"))
	}
	ward := encounter("IMP", "2026-03-12T22:00:00+01:00")
	stable := join(vital(today, 17, 130, 80, 15), observation("8867-4", today, quantity("78", "/min")), observation("8310-5", today, quantity("36.9", "Cel")), observation("59408-5", today, quantity("96", "%")))
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"stable under an IV antibiotic", join(ward, running("active"), stable), "known true"},
		{"feverish", join(ward, running("active"), stable, observation("8310-5", "2026-03-16T08:30:00+01:00", quantity("38.5", "Cel"))), "absent false"},
		{"saturation missing", join(ward, running("active"), stable[:len(stable)-1]), "unknown"},
		{"IV antibiotic stopped", join(ward, running("stopped"), medication("active", atc(german, "C09AA05"), ""), stable), "absent false"},
		{"medication not sent on day four", join(ward, stable), "unknown"},
		{"medication not sent on the first day", join(encounter("IMP", "2026-03-16T06:00:00+01:00"), stable), "absent false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			if got := value(c, "oral-switch-possible"); got != tc.want {
				t.Errorf("got %s (%s), want %s", got, c.Fact("oral-switch-possible").Reason.EN, tc.want)
			}
		})
	}
}

// Of values that contradict each other the newest is used, and the other is shown.
func TestContradictoryValuesAreShown(t *testing.T) {
	creatinine := func(id, at, v string) string {
		return strings.Replace(observation("2160-0", at, quantity(v, "mg/dL")), `"resourceType"`, `"note":[{"text":"`+id+`"}],"resourceType"`, 1)
	}
	c := build(t, adult, creatinine("a", "2026-03-16T06:00:00+01:00", "0.9"), creatinine("b", "2026-03-16T05:30:00+01:00", "2.4"))
	f := c.Fact("creatinine")
	if v, _ := f.Number().Exact(); v != 0.9 || !strings.Contains(f.Reason.EN, "also 2.4 mg/dL") || !strings.Contains(f.In("en").Formula, "contradictory") {
		t.Errorf("creatinine %v: %q", f.Value, f.Reason.EN)
	}
	c = build(t, adult, creatinine("a", "2026-03-16T06:00:00+01:00", "0.9"), creatinine("b", "2026-03-14T05:30:00+01:00", "2.4"))
	if f := c.Fact("creatinine"); f.Reason.EN != "" {
		t.Errorf("a course is no contradiction: %q", f.Reason.EN)
	}
}

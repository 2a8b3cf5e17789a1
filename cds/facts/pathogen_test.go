package facts_test

import (
	"fmt"
	"strings"
	"testing"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
)

// tested gives a urine culture with E. coli and one observation per result, written
// as substance and category.
func tested(at string, results ...string) []string {
	members, out := "", []string{}
	for n := 0; n < len(results); n += 2 {
		id := next()
		if members != "" {
			members += ","
		}
		members += `{"reference":"Observation/` + id + `"}`
		out = append(out, fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"%s"},"effectiveDateTime":"%s","interpretation":[{"coding":[{"code":"%s"}]}]}`,
			id, results[n], at, results[n+1]))
	}
	return append(out, fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"630-4"}]},"effectiveDateTime":"%s","valueCodeableConcept":{"coding":[{"system":"%s","code":"112283007"}],"text":"Escherichia coli"},"hasMember":[%s]}`,
		next(), at, sct, members))
}

// An isolate that was tested as resistant as MRGN and ESBL producers are counts as
// one, whether or not anybody wrote the word.
func TestMultiresistanceIsReadFromTheAntibiogram(t *testing.T) {
	for _, tc := range []struct {
		name        string
		raw         []string
		mrgn, class string
	}{
		{"three of four lead classes", tested("2026-02-01", "Cefotaxim", "R", "Ciprofloxacin", "R", "Piperacillin/Tazobactam", "R", "Meropenem", "S"), "known true", "known 3MRGN"},
		{"carbapenem resistant", tested("2026-02-01", "Cefotaxim", "R", "Meropenem", "R"), "known true", "known 4MRGN"},
		{"as an ESBL producer", tested("2026-02-01", "Ceftriaxon", "R", "Meropenem", "S"), "known true", "unknown"},
		{"susceptible", tested("2026-02-01", "Ceftriaxon", "S", "Ciprofloxacin", "R"), "absent false", ""},
		{"older than a year", tested("2025-02-01", "Ceftriaxon", "R"), "absent false", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult, condition("I10", "Hypertonie", "")}, tc.raw...)...)
			if got := value(c, "mrgn"); got != tc.mrgn {
				t.Errorf("mrgn = %s (%s), want %s", got, c.Fact("mrgn").Reason.EN, tc.mrgn)
			}
			if tc.class != "" && value(c, "mrgn-class") != tc.class {
				t.Errorf("mrgn-class = %s, want %s", value(c, "mrgn-class"), tc.class)
			}
		})
	}
}

// The form's pathogens and what it affirms in words count like its risk factors.
func TestRisksFromTheForm(t *testing.T) {
	for _, tc := range []struct {
		name, fact string
		request    cds.StructuredRequest
		want       string
	}{
		{"pathogen", "pseudomonas-risk", cds.StructuredRequest{Pathogens: []string{"Pseudomonas aeruginosa"}}, "known true"},
		{"pathogen MRSA", "mrsa", cds.StructuredRequest{Pathogens: []string{"MRSA"}}, "known true"},
		{"another pathogen", "mrsa", cds.StructuredRequest{Pathogens: []string{"Staphylococcus aureus"}}, "absent false"},
		{"words", "mrgn", cds.StructuredRequest{FreeText: "Pflegeheim, ESBL im Urin 2025."}, "known true"},
		{"words deny", "mrsa", cds.StructuredRequest{FreeText: "Kein MRSA. Kein ESBL."}, "absent false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := input(t)
			in.Resources = resources(t, adult, condition("I10", "Hypertonie", ""))
			in.Request = &tc.request
			if got := value(facts.Build(in), tc.fact); got != tc.want {
				t.Errorf("%s = %s, want %s", tc.fact, got, tc.want)
			}
		})
	}
}

// An allergy that only the form's free text tells counts like one of the list; a
// denial there is no list.
func TestAllergyFromTheForm(t *testing.T) {
	for _, tc := range []struct{ text, penicillin, list string }{
		{"Bekannte Penicillin-Anaphylaxie 2010", "known true", "known [Bekannte Penicillin-Anaphylaxie 2010]"},
		{"Fieber seit 3 Tagen. Allergie gegen Amoxicillin (Ausschlag)", "known true", "known [Allergie gegen Amoxicillin (Ausschlag)]"},
		{"Keine Allergien bekannt", "unknown", "unknown"},
		{"Keine Penicillinallergie", "unknown", "unknown"},
		{"Husten, Auswurf", "unknown", "unknown"},
	} {
		in := input(t)
		in.Resources = resources(t, adult)
		in.Request = &cds.StructuredRequest{FreeText: tc.text}
		c := facts.Build(in)
		if got := value(c, "allergy-penicillin"); got != tc.penicillin {
			t.Errorf("%q: allergy-penicillin = %s, want %s", tc.text, got, tc.penicillin)
		}
		if got := value(c, "allergies"); got != tc.list {
			t.Errorf("%q: allergies = %s, want %s", tc.text, got, tc.list)
		}
	}
}

// A new drug cannot have been given before admission; a later start stays unknown.
func TestOrderInTheFirstHours(t *testing.T) {
	for _, tc := range []struct {
		name      string
		resources []string
		grace     stewardship.Truth // whether fewer than 24 hours have passed
	}{
		{"just admitted, other medicines known", []string{encounter("IMP", "2026-03-16T06:00:00+01:00"), medication("active", atc(german, "C07AB02"), "")}, stewardship.Yes},
		{"medicines not known", []string{encounter("IMP", "2026-03-16T06:00:00+01:00")}, stewardship.Unknown},
		{"admitted days ago", []string{encounter("IMP", "2026-03-12T06:00:00+01:00"), medication("active", atc(german, "C07AB02"), "")}, stewardship.Unknown},
		{"outpatient", []string{encounter("AMB", "2026-03-16T06:00:00+01:00"), medication("active", atc(german, "C07AB02"), "")}, stewardship.Unknown},
	} {
		in := input(t)
		in.Resources = resources(t, append([]string{adult}, tc.resources...)...)
		in.Drafts = resources(t, draft(atc(german, "J01CR05"), ""))
		o := facts.Build(in).Orders()[0]
		if got := o.Hours.Below(24); got != tc.grace {
			t.Errorf("%s: in the first 24 hours = %v (%s), want %v", tc.name, got, o.HoursWhy.EN, tc.grace)
		}
	}
}

// Antigens and nucleic acids prove pathogens that are rarely grown, but not those
// that people carry.
func TestProofWithoutCulture(t *testing.T) {
	named := func(words, v string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"32781-7","display":"%s"}]},"effectiveDateTime":"2026-03-15","valueCodeableConcept":{"coding":[{"system":"%s","code":"%s"}]}}`, next(), words, sct, v)
	}
	const positive, negative = "10828004", "260385009"
	for _, tc := range []struct{ name, raw, want, specimen string }{
		{"Legionella antigen in urine", named("Legionella pneumophila 1 Ag [Presence] in Urine", positive), "legionella", ""},
		{"negative", named("Legionella pneumophila 1 Ag [Presence] in Urine", negative), "", ""},
		{"Mycoplasma PCR", named("Mycoplasma pneumoniae DNA [Presence] in Respiratory specimen", positive), "atypical", ""},
		{"C. difficile toxin is of the gut", named("Clostridioides difficile toxin A+B [Presence] in Stool", positive), "clostridioides-difficile", "stool"},
		{"meningococci in CSF", named("Neisseria meningitidis DNA [Presence] in Cerebral spinal fluid", positive), "neisseria", "csf"},
		{"MRSA on a swab is carried", named("MRSA DNA [Presence] in Nose", positive), "", ""},
		{"a virus is no bacterium", named("Influenza virus A RNA [Presence]", positive), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list := build(t, adult, tc.raw).Isolates()
			if tc.want == "" {
				if len(list) != 0 {
					t.Errorf("isolates = %+v", list)
				}
				return
			}
			if len(list) != 1 || list[0].Organism.Group != tc.want || list[0].Specimen != tc.specimen {
				t.Errorf("isolates = %+v, want %s in %q", list, tc.want, tc.specimen)
			}
		})
	}
}

// Where no code means an indication its words do, but not those of the past, of
// another word, or denied.
func TestIndicationFromWords(t *testing.T) {
	for _, tc := range []struct{ code, words, want string }{
		{"T89.02", "Infizierter Menschenbiss der linken Hand", "infected-bite-wound"},
		{"T89.02", "Z. n. infizierter Menschenbiss 2024", ""},
		{"T89.02", "kein infizierter Menschenbiss", ""},
		{"T82.6", "Klappenprotheseninfektion", ""},
		{"T84.8", "Protheseninfektion Knie rechts", "prosthesis-associated-infection"},
	} {
		got := ""
		if i, _ := build(t, adult, condition(tc.code, tc.words, "")).Indication(); i != nil {
			got = i.Code
		}
		if got != tc.want {
			t.Errorf("%q means %q, want %q", tc.words, got, tc.want)
		}
	}
}

// A disease that is called septic is no sepsis, nor is one of long ago.
func TestSepticIsNotAlwaysSepsis(t *testing.T) {
	for _, tc := range []struct{ code, words, at, want string }{
		{"A41.9", "Sepsis", "2026-03-15", "known septic"},
		{"A41.9", "Sepsis", "2021-03-15", "unknown"},
		{"J18.9", "Pneumonie, septischer Schock", "", "known septic"},
		{"J18.9", "Pneumonie, septisch", "", "known septic"},
		{"J18.9", "septic pneumonia", "", "known septic"},
		{"M00.06", "Septische Gonarthritis links", "", "unknown"},
		{"M00.06", "septic arthritis", "", "unknown"},
		{"M87.05", "aseptische Hüftkopfnekrose", "", "unknown"},
		{"Z86.1", "Z. n. Urosepsis 2019", "", "unknown"},
		{"J18.9", "Pneumonie, kein Hinweis auf Sepsis", "", "unknown"},
	} {
		in := `{"resourceType":"Condition","id":"` + next() + `","subject":{"reference":"Patient/p"},"code":{"text":"` + tc.words + `","coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"` + tc.code + `"}]}`
		if tc.at != "" {
			in += `,"onsetDateTime":"` + tc.at + `"`
		}
		if got := value(build(t, adult, in+"}"), "severity"); got != tc.want {
			t.Errorf("%s %q of %q: severity = %s, want %s", tc.code, tc.words, tc.at, got, tc.want)
		}
	}
}

// A report may name more results than came.
func TestIsolateLacksResults(t *testing.T) {
	whole := tested("2026-02-01", "Ceftriaxon", "S", "Meropenem", "S")
	for _, tc := range []struct {
		name string
		raw  []string
		want bool
	}{
		{"all there", whole, false},
		{"one missing", whole[1:], true},
	} {
		list := build(t, append([]string{adult}, tc.raw...)...).Isolates()
		if len(list) != 1 || list[0].Lacking != tc.want {
			t.Errorf("%s: isolates = %+v", tc.name, list)
		}
	}
}

// A weight of 8 kg is a slip in an adult, and none in a child.
func TestWeightOfAnAdult(t *testing.T) {
	weight := func(kg float64, at string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"%s","valueQuantity":{"value":%g,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`, next(), at, kg)
	}
	c := build(t, adult, weight(80, "2026-03-15T08:00:00+01:00"), weight(8, "2026-03-15T09:00:00+01:00"))
	if got := value(c, "weight"); got != "known 80" || len(c.Ignored()) != 1 {
		t.Errorf("weight = %s, ignored %v", got, c.Ignored())
	}
	child := strings.Replace(adult, "1950-01-01", "2025-01-01", 1)
	if got := value(build(t, child, weight(8, "2026-03-15T09:00:00+01:00")), "weight"); got != "known 8" {
		t.Errorf("weight of a child = %s", got)
	}
}

// The product of a draft may come beside it.
func TestDraftRefersToAProduct(t *testing.T) {
	in := input(t)
	in.Resources = resources(t, adult)
	in.Drafts = resources(t, `{"resourceType":"MedicationRequest","id":"d","status":"draft","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/m"}}`,
		`{"resourceType":"Medication","id":"m","code":{"text":"Amoxicillin 1 g"}}`)
	if list := facts.Build(in).Orders(); len(list) != 1 || list[0].ATC != "J01CA04" {
		t.Errorf("orders = %+v", list)
	}
}

// What is over may leave a disposition.
func TestFormerConditions(t *testing.T) {
	c := build(t, adult, `{"resourceType":"Condition","id":"old","clinicalStatus":{"coding":[{"code":"resolved"}]},"subject":{"reference":"Patient/p"},"code":{"text":"Aortendissektion"}}`)
	if len(c.Conditions()) != 0 || len(c.FormerConditions()) != 1 {
		t.Errorf("active %v, former %v", c.Conditions(), c.FormerConditions())
	}
}

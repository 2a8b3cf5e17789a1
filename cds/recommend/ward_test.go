package recommend_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/recommend"
	"cdss/fhir"
)

// ward makes small patients for the tests of single checks: an inpatient of the
// 16th of March 2026, 9 o'clock, admitted two hours before.
type ward struct {
	house
	at time.Time
}

func newWard(t testing.TB) ward {
	return ward{newHouse(t, true), time.Date(2026, 3, 16, 9, 0, 0, 0, time.FixedZone("", 3600))}
}

const patientRef = `"subject":{"reference":"Patient/p"}`

func man(birth string) string {
	return `{"resourceType":"Patient","id":"p","gender":"male","birthDate":"` + birth + `"}`
}

func woman(birth string) string {
	return `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"` + birth + `"}`
}

var admitted = `{"resourceType":"Encounter","id":"e","status":"in-progress","class":{"code":"IMP"},` + patientRef + `,"period":{"start":"2026-03-16T07:00:00+01:00"},"serviceType":{"text":"Innere Medizin"}}`

var nka = `{"resourceType":"AllergyIntolerance","id":"nka","patient":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}}`

// dx is an active diagnosis by ICD-10-GM code and words.
func dx(code, words, onset string) string {
	return fmt.Sprintf(`{"resourceType":"Condition","id":"c-%s-%d",%s,"clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"%s"}],"text":"%s"},"onsetDateTime":"%s"}`, strings.ReplaceAll(code, ".", ""), len(words), patientRef, code, words, onset)
}

// value is a measurement of this morning.
func value(loinc string, v float64, unit string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"o-%s","status":"final",%s,"effectiveDateTime":"2026-03-16T08:00:00+01:00","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"valueQuantity":{"value":%g,"unit":"%s"}}`, loinc, patientRef, loinc, v, unit)
}

// takes is a current medicine with its start.
func takes(atc, words, start, dosage string) string {
	return fmt.Sprintf(`{"resourceType":"MedicationStatement","id":"m-%s","status":"active",%s,"medicationCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"%s"}],"text":"%s"},"effectivePeriod":{"start":"%s"},"dosage":[{"text":"%s"}]}`, atc, patientRef, atc, words, start, dosage)
}

// grown is a culture with what was tested, as substance and category in turn.
func grown(loinc, organism, at string, tested ...string) []string {
	var out, members []string
	for n := 0; n+1 < len(tested); n += 2 {
		id := fmt.Sprintf("s-%s-%d", organism, n)
		members = append(members, `{"reference":"Observation/`+id+`"}`)
		out = append(out, fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final",%s,"effectiveDateTime":"%s","code":{"text":"%s"},"interpretation":[{"coding":[{"code":"%s"}]}],"note":[{"text":"EUCAST 2025"}]}`, id, patientRef, at, tested[n], tested[n+1]))
	}
	return append(out, fmt.Sprintf(`{"resourceType":"Observation","id":"k-%s","status":"final",%s,"effectiveDateTime":"%s","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"%s"}]},"hasMember":[%s]}`, organism, patientRef, at, loinc, organism, strings.Join(members, ",")))
}

// draft is an order with its dosage in words.
func draft(atc, words, dosage string) string {
	return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"d-%s","status":"draft","intent":"order",%s,"medicationCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"%s"}],"text":"%s"},"dosageInstruction":[{"text":"%s"}]}`, atc, patientRef, atc, words, dosage)
}

// adult is a man of 60 with a normal kidney, no allergy and one harmless medicine.
func adult(more ...string) []string {
	return append([]string{man("1966-01-15"), admitted, nka, value("2160-0", 0.9, "mg/dL"), value("29463-7", 78, "kg"), value("8302-2", 175, "cm"), takes("C07AB02", "Metoprolol", "2025-01-01", "47,5 mg")}, more...)
}

func (w ward) chart(t testing.TB, request *cds.StructuredRequest, raw, drafts []string) recommend.Input {
	t.Helper()
	parse := func(list []string) []*fhir.Resource {
		var out []*fhir.Resource
		for _, s := range list {
			r, err := fhir.ParseResource([]byte(s))
			if err != nil {
				t.Fatalf("%v in %s", err, s)
			}
			out = append(out, r)
		}
		return out
	}
	chart := facts.Build(facts.Input{
		Now: w.at, Resources: parse(raw), Drafts: parse(drafts), Request: request, Indications: w.snapshot.Indications(),
		Formulary: w.tables.Formulary, Allergy: w.tables.Allergy, Organisms: w.tables.Organisms,
	})
	return recommend.Input{Snapshot: w.snapshot, Tables: w.tables, Chart: chart, Lang: cds.EN, Demo: true, Now: w.at}
}

func (w ward) ask(t testing.TB, request *cds.StructuredRequest, raw ...string) cds.Recommendation {
	t.Helper()
	return recommend.Recommend(context.Background(), w.chart(t, request, raw, nil))
}

func (w ward) orders(t testing.TB, raw []string, drafts ...string) recommend.Findings {
	t.Helper()
	return recommend.CheckOrders(context.Background(), w.chart(t, nil, raw, drafts))
}

// warned gives the warnings of a code, and the gaps whose check holds a word.
func warned(warnings []cds.Warning, code string) (list []cds.Warning) {
	for _, w := range warnings {
		if w.Code == code {
			list = append(list, w)
		}
	}
	return list
}

func gap(gaps []cds.NotChecked, words string) bool {
	for _, g := range gaps {
		if strings.Contains(g.Check, words) {
			return true
		}
	}
	return false
}

// lines gives the options as they are read, the substances of one joined by "+".
func lines(options []cds.Option) (out []string) {
	for _, o := range options {
		var parts []string
		for _, i := range o.Ingredients {
			parts = append(parts, i.Text)
		}
		out = append(out, strings.Join(parts, " + "))
	}
	return out
}

func offers(options []cds.Option, atc string) bool {
	for _, o := range options {
		for _, i := range o.Ingredients {
			if i.ATC == atc {
				return true
			}
		}
	}
	return false
}

func excludes(list []cds.Exclusion, atc, reason string) bool {
	for _, x := range list {
		if x.ATC == atc && x.Reason == reason {
			return true
		}
	}
	return false
}

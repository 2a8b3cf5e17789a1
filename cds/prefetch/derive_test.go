package prefetch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/prefetch"
	"cdss/fhir"
)

func TestTemplatesOfRequirements(t *testing.T) {
	code := func(system, code string) string {
		return `{"type":"Observation","codeFilter":[{"path":"code","code":[{"system":"` + system + `","code":"` + code + `"}]}]}`
	}
	type key struct{ Key, Query string }
	patient := key{"patient", "Patient/{{context.patientId}}"}
	for _, tc := range []struct {
		name         string
		requirements []string
		want         []key
	}{
		{"codes of one type together", []string{code("http://loinc.org", "1-8"), `{"type":"Condition"}`, code("http://loinc.org", "2-6")}, []key{
			patient, {"observations", "Observation?patient={{context.patientId}}&code=http://loinc.org|1-8,http://loinc.org|2-6"}, {"conditions", "Condition?patient={{context.patientId}}"},
		}},
		{"once without a code, all of them", []string{code("http://loinc.org", "1-8"), `{"type":"Observation"}`}, []key{patient, {"observations", "Observation?patient={{context.patientId}}"}}},
		{"a value set", []string{`{"type":"Observation","codeFilter":[{"path":"code","valueSet":"https://x.example/vs"}]}`}, []key{patient, {"observations", "Observation?patient={{context.patientId}}"}}},
		{"codes where no query takes them", []string{`{"type":"Flag","codeFilter":[{"path":"code","code":[{"system":"http://x","code":"1"}]}]}`, `{"type":"MedicationDispense"}`}, []key{
			patient, {"flags", "Flag?patient={{context.patientId}}"}, {"medicationDispenses", "MedicationDispense?patient={{context.patientId}}"},
		}},
		{"a code that would be read as a query", []string{code("http://x", "1&patient=2")}, []key{patient, {"observations", "Observation?patient={{context.patientId}}"}}},
		{"the patient, and what no query by patient finds", []string{`{"type":"Patient"}`, `{"type":"Organization"}`}, []key{patient}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var nodes []*fhir.Node
			for _, text := range tc.requirements {
				n, err := fhir.ParseJSON([]byte(text), fhir.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				nodes = append(nodes, n)
			}
			var got []key
			for _, x := range prefetch.Derive(nodes) {
				got = append(got, key{x.Key, x.Query})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(prefetch.Derive(nil)) != len(prefetch.Templates()) {
		t.Error("a plan without requirements does not get what the built-in services ask for")
	}
}

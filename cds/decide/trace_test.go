package decide_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cdss/cds/decide"
)

// A decision keeps what was looked at, and where the values came from; of the
// patient it holds none.
func TestDecisionKeepsItsTrace(t *testing.T) {
	seen := &recorder{}
	s := realRules(t, func(c *decide.Config) { c.Recorder = seen })
	known := `{"patient":` + patient + `,"encounters":null,"medicationStatements":null,"medicationRequests":null,"procedures":null,"devices":null,"flags":null,"allergies":` + penicillin + `,
		"conditions":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9"}]}}}]},
		"observations":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Observation","id":"rr","status":"final","subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-15T07:00:00Z","code":{"coding":[{"system":"http://loinc.org","code":"9279-1"}]},"valueQuantity":{"value":4711,"code":"/min"}}}]}}`
	if _, err := s.Hook(t.Context(), view(t, known)); err != nil {
		t.Fatal(err)
	}
	if len(seen.list) != 1 || len(seen.list[0].Trace) < 3 {
		t.Fatalf("%d decisions, with %d actions looked at", len(seen.list), len(seen.list[0].Trace))
	}
	sources, outcomes := []string{}, []string{}
	for _, l := range seen.list[0].Trace {
		outcomes = append(outcomes, l.Outcome)
		if l.Plan == "" || l.At == "" || len(l.Conditions) == 0 {
			t.Errorf("%+v", l)
		}
		for _, c := range l.Conditions {
			for _, r := range c.Reads {
				sources = append(sources, r.From...)
			}
		}
	}
	if !slices.Contains(outcomes, "false") || !slices.Contains(sources, "Condition/c") {
		t.Errorf("outcomes %q, sources %q", outcomes, sources)
	}
	raw, err := json.Marshal(seen.list[0].Trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Patient/p", "4711", "Musterfrau", "1950", "Anaphylaxie"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the trace holds %q", secret)
		}
	}
	t.Logf("%d bytes", len(raw))
}

package recommend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/recommend"
)

// Where no source gives a dose for the kidney, a mild impairment is told without
// interrupting; below 30 mL/min it is a warning.
func TestDoseThatNoSourceReduces(t *testing.T) {
	h := newHouse(t, true)
	for _, tc := range []struct {
		creatinine float64
		why        string
	}{{1.5, cds.NoBand}, {4, ""}} {
		q := question{Now: time.Date(2026, 5, 20, 9, 0, 0, 0, time.UTC), Language: cds.EN}
		q.Bundle = fmt.Appendf(nil, `{"resourceType":"Bundle","type":"collection","entry":[
{"resource":{"resourceType":"Patient","id":"p","gender":"male","birthDate":"1955-01-01"}},
{"resource":{"resourceType":"Observation","id":"w","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"2026-05-20T07:00:00Z","valueQuantity":{"value":75,"code":"kg"}}},
{"resource":{"resourceType":"Observation","id":"c","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"effectiveDateTime":"2026-05-20T07:00:00Z","valueQuantity":{"value":%g,"code":"mg/dL"}}}]}`, tc.creatinine)
		q.Drafts = []json.RawMessage{json.RawMessage(`{"resourceType":"MedicationRequest","id":"d","status":"draft","intent":"order","subject":{"reference":"Patient/p"},
"medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"J01CF04"}]},"dosageInstruction":[{"text":"2 g i.v. 4x täglich"}]}`)}
		found := recommend.CheckOrders(context.Background(), h.input(t, q))
		told := false
		for _, g := range found.NotChecked {
			if g.Check == "renal dose: oxacillin" {
				told = true
				if g.Why != tc.why {
					t.Errorf("creatinine %g: why %q, want %q", tc.creatinine, g.Why, tc.why)
				}
			}
		}
		if !told {
			t.Errorf("creatinine %g: the renal dose is not told as not checked: %+v", tc.creatinine, found.NotChecked)
		}
	}
}

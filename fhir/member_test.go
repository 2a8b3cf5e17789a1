package fhir_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
)

func TestAsKeepsAllOtherBytes(t *testing.T) {
	at := fhir.Time{Time: time.Date(2024, 5, 1, 8, 30, 0, 120_000_000, time.UTC), Precision: fhir.Milli, HasZone: true}
	tests := []struct{ name, in, id, want string }{
		{
			"nothing was there", `{"resourceType":"Observation", "valueQuantity": {"value": 1.500}}`, "o1",
			`{"resourceType":"Observation","id":"o1","meta":{"versionId":"3","lastUpdated":"2024-05-01T08:30:00.120Z"}, "valueQuantity": {"value": 1.500}}`,
		},
		{
			"in place, the rest of meta kept",
			"{\n  \"id\" : \"old\",\n  \"meta\": {\"profile\": [\"http://x/p\"], \"versionId\": \"9\"},\n  \"resourceType\": \"Basic\",\n  \"_id\": null\n}", "new",
			"{\n  \"id\":\"new\",\n  \"meta\":{\"profile\":[\"http://x/p\"],\"versionId\":\"3\",\"lastUpdated\":\"2024-05-01T08:30:00.120Z\"},\n  \"resourceType\": \"Basic\",\n  \"_id\": null\n}",
		},
		{
			"the id stays", `{"resourceType":"Basic","id":"b","meta":null}`, "",
			`{"resourceType":"Basic","id":"b","meta":{"versionId":"3","lastUpdated":"2024-05-01T08:30:00.120Z"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mustParse(t, tt.in).As(tt.id, "3", at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got.Raw())); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMembersAsTheyCame(t *testing.T) {
	var got []string
	for name, value := range mustParse(t, `{"resourceType":"Patient","_a":{"id":"x"},"a":[1.0, null],"b":{"c": 1E3}}`).Root().Members() {
		got = append(got, name+"="+string(value))
	}
	want := []string{`resourceType="Patient"`, `_a={"id":"x"}`, `a=[1.0, null]`, `b={"c": 1E3}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

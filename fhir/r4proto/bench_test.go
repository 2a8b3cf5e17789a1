package r4proto_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"

	"cdss/fhir"
)

// hospitalBundle gives a searchset Bundle of about size bytes, of the kind an
// EHR prefetches: laboratory results of one patient.
func hospitalBundle(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"https://ehr.example/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1","gender":"female","birthDate":"1950-05-01"}}`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `,{"fullUrl":"https://ehr.example/fhir/Observation/%d","resource":{"resourceType":"Observation","id":"%d","meta":{"versionId":"1","lastUpdated":"2024-03-01T08:00:00Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine [Mass/volume] in Serum or Plasma"}],"text":"Kreatinin"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-%02dT08:00:00+01:00","valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":0.5,"unit":"mg/dL"},"high":{"value":0.9,"unit":"mg/dL"}}]},"search":{"mode":"match"}}`,
			i, i, 1+i%28, 1+i%3, i%100)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkBundle compares, on one body in one run, what it costs to make a
// Bundle usable: split it, read every creatinine from it, encoding/json into a
// map, and google/fhir's jsonformat.
func BenchmarkBundle(b *testing.B) {
	raw := hospitalBundle(257_000)
	split := func(b *testing.B) *fhir.Bundle {
		r, err := fhir.ParseResource(raw)
		if err != nil {
			b.Fatal(err)
		}
		bundle, err := fhir.SplitBundle(r)
		if err != nil {
			b.Fatal(err)
		}
		return bundle
	}
	measure := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				f(b)
			}
		})
	}
	measure("split", func(b *testing.B) { split(b) })
	measure("read", func(b *testing.B) {
		found := 0
		entries := split(b).Entries
		for _, e := range entries {
			root := e.Resource.Root()
			value, _ := root.Choice("value")
			if _, ok := value.Quantity(); ok && root.Child("code").CodeableConcept().Has("http://loinc.org", "2160-0") {
				found++
			}
		}
		if found != len(entries)-1 {
			b.Fatalf("read %d of %d", found, len(entries))
		}
	})
	measure("map", func(b *testing.B) {
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			b.Fatal(err)
		}
	})
	in, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		b.Fatal(err)
	}
	measure("jsonformat", func(b *testing.B) {
		if _, err := in.Unmarshal(raw); err != nil {
			b.Fatal(err)
		}
	})
}

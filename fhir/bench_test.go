package fhir_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
)

func decimal(s string) apd.Decimal {
	d, ok := fhir.ParseDecimal(s)
	if !ok {
		panic(s)
	}
	return d
}

// hospitalBundle gives a searchset Bundle of about size bytes, of the kind an
// EHR prefetches: one patient and laboratory results.
func hospitalBundle(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"https://ehr.example/fhir/Patient/1","resource":` + patient + `}`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `,{"fullUrl":"https://ehr.example/fhir/Observation/%d","resource":{"resourceType":"Observation","id":"%d","meta":{"versionId":"1","lastUpdated":"2024-03-01T08:00:00Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine [Mass/volume] in Serum or Plasma"}],"text":"Kreatinin"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-%02dT08:00:00+01:00","valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":0.5,"unit":"mg/dL"},"high":{"value":0.9,"unit":"mg/dL"}}]},"search":{"mode":"match"}}`,
			i, i, 1+i%28, 1+i%3, i%100)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkBundle compares, on one body in one run: splitting; splitting and
// reading every creatinine from parsed trees; encoding/json into a map. The
// google jsonformat figure on the same body is in fhir/r4proto.
func BenchmarkBundle(b *testing.B) {
	raw := hospitalBundle(257_000)
	b.Run("split", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			r, err := fhir.ParseResource(raw)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := fhir.SplitBundle(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			r, err := fhir.ParseResource(raw)
			if err != nil {
				b.Fatal(err)
			}
			bundle, err := fhir.SplitBundle(r)
			if err != nil {
				b.Fatal(err)
			}
			found := 0
			for _, e := range bundle.Entries {
				root := e.Resource.Root()
				value, _ := root.Choice("value")
				if _, ok := value.Quantity(); ok && root.Child("code").CodeableConcept().Has("http://loinc.org", "2160-0") {
					found++
				}
			}
			if found != len(bundle.Entries)-1 {
				b.Fatalf("read %d of %d", found, len(bundle.Entries))
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			var m map[string]any
			if err := json.Unmarshal(raw, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

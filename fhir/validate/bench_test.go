package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/validate"
)

// prefetch gives a searchset Bundle of at least size bytes.
func prefetch(b *testing.B, size int) *fhir.Resource {
	var body strings.Builder
	body.WriteString(`{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"1"}}`)
	for i := 0; body.Len() < size; i++ {
		fmt.Fprintf(&body, `,{"resource":{"resourceType":"Observation","id":"%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}],"text":"Kreatinin"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-03-01T08:00:00+01:00","valueQuantity":{"value":1.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}`, i, i%100)
	}
	body.WriteString("]}")
	return parse(b, body.String())
}

// BenchmarkLayers is what each layer costs on a parsed resource. What they cost
// beside other ways to check stands in fhir/r4proto.
func BenchmarkLayers(b *testing.B) {
	all := examples(b)
	for _, in := range []struct {
		name string
		r    *fhir.Resource
	}{
		{"patient-4KB", all["Patient-f201.json"]},
		{"observation-6KB", all["Observation-f205.json"]},
		{"plan-9KB", all["PlanDefinition-opioidcds-05.json"]},
		{"prefetch-20KB", prefetch(b, 20_000)},
		{"prefetch-257KB", prefetch(b, 257_000)},
	} {
		in.r.Root()
		layer := func(name string, f func() error) {
			b.Run(in.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		layer("structure", func() error { validate.Structure(in.r); return nil })
		layer("schema", func() error { _, err := validate.Schema(b.Context(), in.r); return err })
		layer("invariants", func() error {
			_, err := validate.Invariants(b.Context(), in.r, fhirpath.Env{})
			return err
		})
	}
}

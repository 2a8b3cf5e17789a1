package store_test

import (
	"fmt"
	"testing"

	"cdss/fhir"
	"cdss/fhir/store"
)

// fillWards stores 500 patients with 20 observations each.
func fillWards(b *testing.B, s *store.Store) {
	b.Helper()
	for at := range 20 {
		var resources []*fhir.Resource
		for i := range 25 {
			p := at*25 + i
			resources = append(resources, parse(b, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Name%d"}],"birthDate":"19%02d-01-01"}`, p, p, p%100)))
			for o := range 20 {
				resources = append(resources, parse(b, fmt.Sprintf(`{"resourceType":"Observation","id":"p%d-o%d","status":"final","subject":{"reference":"Patient/p%d"},
					"effectiveDateTime":"2024-05-%02dT08:00:00Z","code":{"coding":[{"system":"http://loinc.org","code":"c%d"}]},
					"valueQuantity":{"value":%d.5,"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}`, p, o, p, o+1, o, p%50)))
			}
		}
		if _, err := s.Load(b.Context(), resources); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStore measures reads and searches over 10,500 resources, and writes.
func BenchmarkStore(b *testing.B) {
	s := open(b)
	fillWards(b, s)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Read(b.Context(), "Patient", "p77", 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, text := range map[string]string{
		"patient": "patient=p77", "patient and code": "patient=p77&code=http://loinc.org|c3", "chain": "patient.family=name77",
		"quantity sorted": "value-quantity=gt49|http://unitsofmeasure.org|mg/dL&_sort=-date&_count=20", "count": "code=c3&_summary=count",
	} {
		q := query(b, "Observation", text)
		b.Run("search "+name, func(b *testing.B) {
			for b.Loop() {
				if p, err := s.Search(b.Context(), q); err != nil || p.Total == 0 {
					b.Fatal(p.Total, err)
				}
			}
		})
	}
	b.Run("update", func(b *testing.B) {
		c := put(b, `{"resourceType":"Patient","id":"p1","name":[{"family":"Name"}],"birthDate":"1950-01-01"}`)
		for b.Loop() {
			apply(b, s, c)
		}
	})
}

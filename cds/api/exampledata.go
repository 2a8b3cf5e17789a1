package api

import (
	"fmt"
	"time"

	"cdss/fhir"
)

// examplePractitioner is who uses the hooks of the examples; her language is that of
// the cards where neither client nor call says another.
const examplePractitioner = `{
	"resourceType": "Practitioner", "id": "example", "active": true,
	"name": [{"use": "official", "text": "Dr. med. Beispiel Ärztin", "family": "Ärztin", "given": ["Beispiel"], "prefix": ["Dr. med."]}],
	"communication": [{"coding": [{"system": "urn:ietf:bcp:47", "code": "de", "display": "German"}]}]
}`

// ExampleResources gives the resources of all example patients, their times as
// seen from now, and who treats them, for a demonstration whose FHIR REST has patients
// too.
func ExampleResources(now time.Time) ([]*fhir.Resource, error) {
	examples, err := readExamples()
	if err != nil {
		return nil, err
	}
	practitioner, err := fhir.ParseResource([]byte(examplePractitioner))
	if err != nil {
		return nil, fmt.Errorf("read the example practitioner: %w", err)
	}
	list := []*fhir.Resource{practitioner}
	for _, e := range examples {
		r, err := fhir.ParseResource(e.at(now, e.Bundle))
		if err != nil {
			return nil, fmt.Errorf("read example %s: %w", e.ID, err)
		}
		b, err := fhir.SplitBundle(r)
		if err != nil {
			return nil, fmt.Errorf("read example %s: %w", e.ID, err)
		}
		for _, entry := range b.Entries {
			if entry.Err != nil {
				return nil, fmt.Errorf("read example %s: %w", e.ID, entry.Err)
			}
			list = append(list, entry.Resource)
		}
	}
	return list, nil
}

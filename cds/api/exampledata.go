package api

import (
	"fmt"
	"time"

	"cdss/fhir"
)

// ExampleResources gives the resources of all example patients, their times as
// seen from now, for a demonstration whose FHIR REST has patients too.
func ExampleResources(now time.Time) ([]*fhir.Resource, error) {
	examples, err := readExamples()
	if err != nil {
		return nil, err
	}
	var list []*fhir.Resource
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

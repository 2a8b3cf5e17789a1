package search_test

import (
	"context"
	"fmt"
	"time"

	"cdss/fhir"
	"cdss/fhir/search"
)

// A search is read into a tree whose values have types; what is not known is
// refused by name.
func ExampleParse() {
	pairs, _ := search.Split("status=active&date=ge2024&_sort=-date&_count=10")
	q, err := search.Parse("PlanDefinition", pairs, search.Options{Now: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range q.Criteria {
		fmt.Println(c.Parameter.Name, c.Parameter.Type, len(c.Values))
	}
	_, err = search.Parse("PlanDefinition", []search.Pair{{Name: "_content", Value: "lung"}}, search.Options{})
	fmt.Println(err)
	// Output:
	// status token 1
	// date date 1
	// search PlanDefinition, parameter "_content": is not supported (not-supported)
}

// The same table tells what a resource is found by.
func ExampleIndexOf() {
	r, _ := fhir.ParseResource([]byte(`{"resourceType":"PlanDefinition","status":"active","title":"Größere Eingriffe"}`))
	x, err := search.IndexOf(context.Background(), r, "")
	fmt.Println(x.Tokens, x.Strings, err)
	// Output:
	// [{status http://hl7.org/fhir/publication-status active }] [{title Größere Eingriffe grossere eingriffe}] <nil>
}

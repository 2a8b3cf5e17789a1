package fhir_test

import (
	"fmt"

	"cdss/fhir"
)

func ExampleSplitBundle() {
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[
	  {"resource":{"resourceType":"Patient","id":"1","birthDate":"1950-05-01"}},
	  {"resource":{"resourceType":"Observation","id":"2","status":"final","valueQuantity":{"value":2.10,"unit":"mg/dL"}}},
	  {"resource":{"id":"3"}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	bundle, err := fhir.SplitBundle(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range bundle.Entries {
		if e.Err != nil {
			fmt.Println("not usable:", e.Err)
			continue
		}
		value, typ := e.Resource.Root().Choice("value")
		fmt.Printf("%s %q %q\n", e.Resource.Ref(), typ, value.Child("value"))
	}
	// Output:
	// Patient/1 "" ""
	// Observation/2 "Quantity" "2.10"
	// not usable: Bundle.entry[2].resource.resourceType: read resource: resourceType is missing (invalid)
}

func ExampleObject() {
	action := fhir.NewObject().SetText("title", "Dosis anpassen", fhir.Translation{Lang: "en", Content: "Adjust the dose"})
	plan := fhir.NewResource("PlanDefinition", "dose").Set("status", "draft").Append("action", action)
	fmt.Println(string(plan.JSON()))
	// Output:
	// {"resourceType":"PlanDefinition","id":"dose","status":"draft","action":[{"title":"Dosis anpassen","_title":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"en"},{"url":"content","valueString":"Adjust the dose"}]}]}}]}
}

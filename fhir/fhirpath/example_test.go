package fhirpath_test

import (
	"context"
	"fmt"

	"cdss/fhir/fhirpath"
)

// A condition over facts: what is unknown does not become false.
func ExampleExpression_Eval() {
	e, err := fhirpath.CompileFor("%pregnancy and Patient.gender = 'female' or %egfr < 30 'mL/min'", "Patient")
	if err != nil {
		fmt.Println(err)
		return
	}
	facts := func(name string) (value fhirpath.Collection, known, unknown bool) {
		switch name {
		case "pregnancy":
			return nil, true, true
		case "egfr":
			return fhirpath.Collection{fhirpath.FromQuantity(decimal("85"), "mL/min")}, true, false
		}
		return nil, false, false
	}
	r, err := e.Eval(context.Background(), nil, fhirpath.Env{Var: facts})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Truth(), r.Unknown)
	// Output: undetermined [pregnancy]
}

func ExampleCompileFor() {
	_, err := fhirpath.CompileFor("name.familly", "Patient")
	fmt.Println(err)
	// Output: read FHIRPath, line 1, column 6: no element familly in HumanName (invalid)
}

package cql

import (
	"context"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// given are data that came with a call.
type given struct {
	byType map[string][]*fhir.Node
	state  func(resourceType string) (known, told bool)
}

// Given makes Data of resources. State tells whether all of a type came, and
// whether anybody told; nil: nobody did. Where nobody did, a type of which something
// came is taken as complete, and of any other nothing is known.
func Given(resources []*fhir.Resource, state func(resourceType string) (known, told bool)) Data {
	g := given{byType: map[string][]*fhir.Node{}, state: state}
	for _, r := range resources {
		g.byType[r.Type()] = append(g.byType[r.Type()], r.Root())
	}
	return g
}

func (g given) Retrieve(_ context.Context, resourceType string) (list []*fhir.Node, known bool, err error) {
	list = g.byType[resourceType]
	known = len(list) > 0
	if g.state != nil {
		if k, told := g.state(resourceType); told {
			known = k
		}
	}
	return list, known, nil
}

// FromFHIR gives items of FHIR as one value: none as null, several as a List.
func FromFHIR(c fhirpath.Collection) Value {
	switch len(c) {
	case 0:
		return null
	case 1:
		return c[0]
	}
	return composite(List(c))
}

// Object writes the requirement as a FHIR DataRequirement.
func (r Requirement) Object() *fhir.Object {
	o := fhir.NewObject().Set("type", r.Type).Set("profile", []string{"http://hl7.org/fhir/StructureDefinition/" + r.Type})
	if r.Path != "" && (r.ValueSet != "" || len(r.Codes) > 0) {
		f := fhir.NewObject().Set("path", r.Path).Set("valueSet", r.ValueSet)
		for _, c := range r.Codes {
			f.Append("code", fhir.NewObject().Set("system", c.System).Set("version", c.Version).Set("code", c.Code).Set("display", c.Display))
		}
		o.Append("codeFilter", f)
	}
	if r.DatePath != "" {
		o.Append("dateFilter", fhir.NewObject().Set("path", r.DatePath))
	}
	return o
}

// Scope gives a library without definitions in which others are included under
// names; beside them stands FHIRHelpers.
func Scope(includes map[string]*Library) *Library {
	l := Empty()
	l.includes, l.helpers = includes, map[string]bool{"FHIRHelpers": true}
	return l
}

package translate

import (
	"strings"

	"cdss/fhir"
)

// Kind is what a code stands for.
type Kind string

// The kinds that are counted.
const (
	Drug       Kind = "drug"
	Laboratory Kind = "laboratory"
)

// Seen is one code as it came, and whether decision support reads it. The code of
// one that is read is left out, as nobody looks for it.
type Seen struct {
	Kind   Kind
	System string
	Code   string
	Known  bool
}

// See tells of each drug and each observation of the resources, translated, whether
// its code is one that is read. What has no code, or one of no usual form, is told
// without it: words may be about the patient.
func See(resources []*fhir.Resource, tell func(Seen)) {
	for _, r := range resources {
		root := r.Root()
		switch r.Type() {
		case "MedicationRequest", "MedicationStatement", "MedicationAdministration":
			see(Drug, ATC, root.Child("medicationCodeableConcept"), tell)
			for _, contained := range root.Children("contained") {
				if contained.ResourceType() == "Medication" {
					see(Drug, ATC, contained.Child("code"), tell)
				}
			}
		case "Medication":
			see(Drug, ATC, root.Child("code"), tell)
		case "Observation":
			see(Laboratory, LOINC, root.Child("code"), tell)
		}
	}
}

func see(kind Kind, system string, n *fhir.Node, tell func(Seen)) {
	if n == nil {
		return
	}
	s := Seen{Kind: kind}
	for _, c := range n.CodeableConcept().Codings {
		if c.System == system && c.Code != "" {
			tell(Seen{Kind: kind, Known: true})
			return
		}
		if s.Code == "" && orderly(c.System, 200) && orderly(c.Code, 40) {
			s.System, s.Code = c.System, c.Code
		}
	}
	tell(s)
}

// orderly tells whether a text can be a code or the name of a system: visible ASCII
// characters that codes are made of.
func orderly(s string, most int) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return s != "" && len(s) <= most && strings.Trim(s, letters+"._:/+-#^") == ""
}

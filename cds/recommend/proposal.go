package recommend

import (
	"strings"

	"cdss/cds"
	"cdss/fhir"
)

// Proposals writes an option as one MedicationRequest for each of its substances,
// with a dosage for each phase. Id, subject and encounter are the caller's to set.
func Proposals(o cds.Option, lang cds.Lang) []*fhir.Object {
	s := &session{Input: Input{Lang: lang}}
	phases := map[string]int{}
	for _, i := range o.Ingredients {
		phases[i.ATC]++
	}
	requests := map[string]*fhir.Object{}
	done := map[string]int{}
	var list []*fhir.Object
	for _, i := range o.Ingredients {
		r, ok := requests[i.ATC]
		if !ok {
			r = fhir.NewResource("MedicationRequest", "").
				Set("status", "draft").
				Set("intent", "proposal").
				Set("medicationCodeableConcept", fhir.CodeableConcept{
					Codings: []fhir.Coding{{System: atcDE, Code: i.ATC, Display: i.Name}, {System: atcWHO, Code: i.ATC, Display: i.Name}},
					Text:    i.Name,
				})
			requests[i.ATC] = r
			list = append(list, r)
		}
		done[i.ATC]++
		sequence := 0
		if phases[i.ATC] > 1 {
			sequence = done[i.ATC]
		}
		d := s.dosage(i, sequence)
		if strings.HasSuffix(i.Dose.Unit, "/d") {
			d.Remove("doseAndRate") // a total of the day is no dose of one administration
		}
		r.Append("dosageInstruction", d)
	}
	return list
}

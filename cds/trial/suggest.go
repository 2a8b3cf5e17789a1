package trial

import (
	"cdss/cds"
	"cdss/fhir"
)

// suggested gives what accepting the suggestions of warnings would order.
func suggested(list []cds.Warning) [][]cds.Ingredient {
	var out [][]cds.Ingredient
	for _, w := range list {
		for _, f := range w.Fix {
			var option []cds.Ingredient
			for _, a := range f.Actions {
				if a.Type == "delete" {
					continue
				}
				r, err := fhir.ParseResource(a.Resource)
				if err != nil {
					continue
				}
				option = append(option, ordered(r.Root())...)
			}
			if len(option) > 0 {
				out = append(out, option)
			}
		}
	}
	return out
}

// ordered reads substance and dosages of a suggested MedicationRequest.
func ordered(n *fhir.Node) []cds.Ingredient {
	atc := ""
	for _, c := range n.Child("medicationCodeableConcept").CodeableConcept().Codings {
		if atc == "" {
			atc = c.Code
		}
	}
	if atc == "" {
		return nil
	}
	var out []cds.Ingredient
	for _, d := range n.Children("dosageInstruction") {
		repeat := d.Get("timing", "repeat")
		i := cds.Ingredient{ATC: atc, Text: d.Child("text").String()}
		i.Frequency = cds.Frequency{Count: float(repeat.Child("frequency")), Period: float(repeat.Child("period")), PeriodUnit: repeat.Child("periodUnit").String()}
		q := d.Get("doseAndRate", "doseQuantity")
		i.Dose = cds.Dose{Value: float(q.Child("value")), Unit: q.Child("code").String()}
		out = append(out, i)
	}
	return out
}

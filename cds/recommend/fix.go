package recommend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/fhir"
)

// Code systems of what a suggestion orders.
const (
	atcDE  = "http://fhir.de/CodeSystem/bfarm/atc"
	atcWHO = "http://www.whocc.no/atc"
	snomed = "http://snomed.info/sct"
)

// routeCodes are SNOMED CT routes of administration.
var routeCodes = map[string]fhir.Coding{
	"iv":     {System: snomed, Code: "47625008", Display: "Intravenous route"},
	"po":     {System: snomed, Code: "26643006", Display: "Oral route"},
	"im":     {System: snomed, Code: "78421000", Display: "Intramuscular route"},
	"rectal": {System: snomed, Code: "37161004", Display: "Rectal route"},
}

// remove suggests to delete an order.
func (s *session) remove(o facts.Order) cds.Fix {
	label := s.t("Verordnung entfernen", "Remove the order")
	return cds.Fix{Label: label, Actions: []cds.Action{{Type: "delete", Description: label, ResourceID: o.Reference}}}
}

// correct suggests the same order with another dose: the whole resource, with only
// its dosage changed, and with what FHIR requires of an order where the draft has it
// not yet.
func (s *session) correct(o facts.Order, sub formulary.Substance, right cds.Ingredient) cds.Fix {
	right.Duration, right.Name = nil, s.say(sub.Name)
	line := dose.Line(right, s.Lang)
	res := o.Resource.Root().Object().Set("dosageInstruction", []*fhir.Object{s.dosage(right, 0)}).Set("subject", s.subjectOf(o))
	for _, usual := range [][2]string{{"status", "draft"}, {"intent", "order"}} {
		if !res.Has(usual[0]) {
			res.Set(usual[0], usual[1])
		}
	}
	return cds.Fix{
		Label:       s.t("Dosis ändern: ", "Change dose: ") + line,
		Recommended: true,
		Actions:     []cds.Action{{Type: "update", Description: line, Resource: json.RawMessage(res.JSON())}},
	}
}

// subjectOf gives the patient as the order names them, or as the Chart does.
func (s *session) subjectOf(o facts.Order) any {
	if n := o.Resource.Root().Child("subject"); !n.Empty() {
		return n
	}
	if id := s.Chart.PatientID(); id != "" {
		return fhir.Reference{Reference: "Patient/" + id}
	}
	return nil
}

// replace suggests the best option of the plan in place of an order, when there is
// one without the ordered substance.
func (r *reviewer) replace(o facts.Order) (cds.Fix, bool) {
	for _, j := range r.instead {
		same := false
		for _, p := range j.parts {
			same = same || p.sub.ATC == o.ATC
		}
		if same {
			continue
		}
		var lines []string
		actions := []cds.Action{{Type: "delete", Description: r.t("Verordnung entfernen", "Remove the order"), ResourceID: o.Reference}}
		for _, p := range j.parts {
			for _, l := range p.lines {
				lines = append(lines, dose.Line(l, r.Lang))
			}
			actions = append(actions, cds.Action{
				Type: "create", Description: p.sub.Name.In(r.Lang), Resource: json.RawMessage(r.request(o, p).JSON()),
			})
		}
		return cds.Fix{Label: r.t("Ersetzen durch ", "Replace by ") + strings.Join(lines, " + "), Actions: actions}, true
	}
	return cds.Fix{}, false
}

// request is the draft order of one part of an option for the patient of an order.
func (s *session) request(o facts.Order, p part) *fhir.Object {
	root := o.Resource.Root()
	res := fhir.NewResource("MedicationRequest", proposalID(o.Reference, p.sub.ATC)).
		Set("status", "draft").
		Set("intent", "proposal").
		Set("medicationCodeableConcept", fhir.CodeableConcept{
			Codings: []fhir.Coding{
				{System: atcDE, Code: p.sub.ATC, Display: p.sub.Name.DE},
				{System: atcWHO, Code: p.sub.ATC, Display: p.sub.Name.EN},
			},
			Text: p.sub.Name.In(s.Lang),
		}).
		Set("subject", s.subjectOf(o)).
		Set("encounter", root.Child("encounter"))
	for n, l := range p.lines {
		sequence := 0
		if len(p.lines) > 1 {
			sequence = n + 1
		}
		res.Append("dosageInstruction", s.dosage(l, sequence))
	}
	return res
}

// proposalID gives a proposed order an id of its own, the same at every call; the
// client gives it a real one when it takes the proposal over.
func proposalID(order, atc string) string {
	sum := sha256.Sum256([]byte(order + "\x00" + atc))
	return "proposal-" + hex.EncodeToString(sum[:8])
}

// dosage writes an ingredient as a Dosage.
func (s *session) dosage(i cds.Ingredient, sequence int) *fhir.Object {
	d := fhir.NewObject()
	if sequence > 0 {
		d.Set("sequence", sequence)
	}
	repeat := fhir.NewObject()
	if i.Duration != nil {
		bound := func(v float64) *fhir.Object {
			return fhir.NewObject().Set("value", decimal(v)).Set("system", fhir.UCUM).Set("code", i.Duration.Unit)
		}
		bounds := fhir.NewObject().Set("low", bound(i.Duration.Low))
		if i.Duration.High != nil {
			bounds.Set("high", bound(*i.Duration.High))
		}
		repeat.Set("boundsRange", bounds)
	}
	repeat.Set("frequency", decimal(i.Frequency.Count))
	if i.Frequency.CountMax > i.Frequency.Count {
		repeat.Set("frequencyMax", decimal(i.Frequency.CountMax))
	}
	repeat.Set("period", decimal(i.Frequency.Period)).Set("periodUnit", i.Frequency.PeriodUnit)
	d.Set("text", dose.Line(i, s.Lang)).Set("timing", fhir.NewObject().Set("repeat", repeat))
	if c, ok := routeCodes[i.Route]; ok {
		d.Set("route", fhir.CodeableConcept{Codings: []fhir.Coding{c}})
	}
	quantity := fhir.NewObject().Set("value", decimal(i.Dose.Value)).Set("unit", i.Dose.Unit).
		Set("system", fhir.UCUM).Set("code", i.Dose.Unit)
	return d.Append("doseAndRate", fhir.NewObject().Set("doseQuantity", quantity))
}

func decimal(v float64) json.Number { return json.Number(strconv.FormatFloat(v, 'f', -1, 64)) }

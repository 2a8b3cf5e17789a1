package trial

import (
	"time"

	"cdss/fhir"
)

// known gives the resources as they were at a time: what came later is left out, and
// what has ended since is as it was before. Drafts are left out; ended orders keep
// their state.
func (x Admissions) known(resources []*fhir.Resource, drafts map[*fhir.Resource]bool, states map[*fhir.Resource]course, at time.Time) []*fhir.Resource {
	out := make([]*fhir.Resource, 0, len(resources))
	for _, r := range resources {
		if drafts[r] || !x.came(r, at) {
			continue
		}
		out = append(out, before(r, states[r], at))
	}
	return out
}

// came tells whether a resource was there at a time. One that says nothing of a time
// was.
func (x Admissions) came(r *fhir.Resource, at time.Time) bool {
	n := r.Root()
	var t fhir.Time
	switch r.Type() {
	case "Observation", "DiagnosticReport":
		t = timeOf(n, "issued", "effective")
	case "Condition":
		if x.AllDiagnoses {
			t = timeOf(n, "onset")
		} else {
			t = timeOf(n, "recordedDate", "onset")
		}
	case "AllergyIntolerance":
		t = timeOf(n, "recordedDate")
	case "MedicationRequest", "ServiceRequest":
		t = timeOf(n, "authoredOn")
	case "MedicationStatement", "MedicationAdministration":
		t = timeOf(n, "effective")
	case "Procedure":
		t = timeOf(n, "performed")
	case "Encounter", "Flag":
		t = n.Child("period").Period().Start
	}
	return !t.Known() || !t.Time.After(at)
}

// timeOf gives the first element that holds a time, plain or as a choice.
func timeOf(n *fhir.Node, names ...string) fhir.Time {
	for _, name := range names {
		v := n.Child(name)
		if v == nil {
			v, _ = n.Choice(name)
		}
		if t, ok := v.Time(); ok {
			return t
		}
		if p := v.Period(); p.Start.Known() {
			return p.Start
		}
	}
	return fhir.Time{}
}

// before gives a resource as it was at a time, when its state has changed since.
func before(r *fhir.Resource, state course, at time.Time) *fhir.Resource {
	n := r.Root()
	var o *fhir.Object
	switch r.Type() {
	case "Encounter":
		end := n.Child("period").Period().End
		if n.Child("status").String() == "finished" && (!end.Known() || end.End().After(at)) {
			o = n.Object().Set("status", "in-progress")
			o.Set("period", fhir.Period{Start: n.Child("period").Period().Start}.Object())
		}
	case "Condition":
		// The abatement of a condition that has not ended yet is in the future.
		abatement := timeOf(n, "abatement")
		if abatement.Known() && abatement.Time.After(at) {
			o = n.Object()
			if _, kind := n.Choice("abatement"); kind != "" {
				o.Remove("abatement" + kind)
			}
			o.Set("clinicalStatus", fhir.CodeableConcept{Codings: []fhir.Coding{{System: "http://terminology.hl7.org/CodeSystem/condition-clinical", Code: "active"}}}.Object())
		}
	case "MedicationRequest":
		status := n.Child("status").String()
		past := status == "completed" || status == "stopped"
		switch end := endOf(n); {
		case state == ended && !past:
			o = n.Object().Set("status", "completed")
		case state == runs && past, state == unplaced && past && end.Known() && end.End().After(at):
			o = n.Object().Set("status", "active")
		case state == continued:
			o = ending(n, fhir.Time{}).Set("status", "active")
		case state == replaced:
			o = ending(n, fhir.Instant(at)).Set("status", "completed")
		}
	}
	if o == nil {
		return r
	}
	if changed, err := o.Resource(); err == nil {
		return changed
	}
	return r
}

// ending gives an order with another end, or with none: what it was going to be
// nobody knew before.
func ending(n *fhir.Node, end fhir.Time) *fhir.Object {
	o := n.Object()
	dosage := n.Children("dosageInstruction")
	if len(dosage) == 0 {
		return o
	}
	list := make([]*fhir.Object, len(dosage))
	for i, d := range dosage {
		list[i] = d.Object()
		timing := d.Child("timing")
		bounds := timing.Get("repeat", "boundsPeriod").Period()
		if bounds.End == end {
			continue
		}
		bounds.End = end
		repeat := fhir.NewObject()
		if r := timing.Child("repeat"); r != nil {
			repeat = r.Object()
		}
		t := fhir.NewObject()
		if timing != nil {
			t = timing.Object()
		}
		list[i].Set("timing", t.Set("repeat", repeat.Set("boundsPeriod", bounds.Object())))
	}
	return o.Set("dosageInstruction", list)
}

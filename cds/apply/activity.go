package apply

import (
	"slices"
	"strings"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

// request says for what an ActivityDefinition is applied: alone, or as the
// definition of an action.
type request struct {
	id    string // of the action, "" takes that of the definition
	group *made
	goals []string
}

// statuses are the kinds of request that can be made, each with the status of one
// that nobody has agreed to yet.
var statuses = map[string]string{
	"CommunicationRequest": "draft", "DeviceRequest": "draft", "MedicationRequest": "draft", "NutritionOrder": "draft",
	"ServiceRequest": "draft", "SupplyRequest": "draft", "Task": "ready",
}

// renamed are members that a kind of request calls otherwise.
var renamed = map[string]map[string]string{
	"Task":                 {"subject": "for"},
	"NutritionOrder":       {"subject": "patient", "requester": "orderer"},
	"SupplyRequest":        {"subject": "deliverTo"},
	"MedicationRequest":    {"dosage": "dosageInstruction", "product": "medication"},
	"DeviceRequest":        {"product": "code"},
	"CommunicationRequest": {"code": "category"},
}

// activity makes the request that an ActivityDefinition defines. Its own dynamic
// values are set; those of the action come after.
func (e *engine) activity(r *fhir.Resource, n *notes, of request) (*made, error) {
	root := r.Root()
	kind := root.Child("kind").String()
	status, ok := statuses[kind]
	if !ok {
		return nil, issue.New(issue.NotSupported, "a request of the kind %q is not made here", clip(kind)).At("ActivityDefinition.kind")
	}
	a := e.artifact(r, n)
	id := of.id
	if id == "" {
		id = r.ID()
	}
	m := &made{typ: kind, goals: of.goals, notes: nil}
	if of.group == nil {
		m.id = cleanID(id)
	} else {
		m.id = e.id(id)
	}
	b := &builder{typ: kind, object: fhir.NewResource(kind, m.id)}
	m.object = b.object
	if profile := root.Child("profile"); profile != nil {
		b.object.Set("meta", fhir.NewObject().Append("profile", profile))
	}
	for _, id := range of.goals {
		goal := &made{typ: "Goal", id: id}
		b.object.Append("extension", fhir.NewObject().Set("url", goalURL).Set("valueReference", e.reference(goal)))
	}
	extend(b.object, root)
	if canonical := canonicalOf(root); canonical != "" {
		b.set("instantiatesCanonical", canonical)
	}
	if of.group != nil && kind == "Task" { // most other requests may not rest on a RequestGroup
		b.set("basedOn", e.reference(of.group))
	}
	b.object.Set("status", status)
	intent := root.Child("intent").String()
	if intent == "" {
		intent = "proposal"
	}
	b.set("intent", intent)
	b.set("priority", root.Child("priority"))
	if not, _ := root.Child("doNotPerform").Bool(); not && !b.set("doNotPerform", true) {
		// Without this member the request would say the opposite.
		return nil, issue.New(issue.NotSupported, "a %s cannot say that something is not to be done", kind).At("ActivityDefinition.doNotPerform")
	}
	b.set("subject", ref(e.in.Subject))
	b.set("encounter", ref(e.in.Encounter))
	b.set("requester", ref(e.in.Practitioner))
	if kind == "Task" {
		b.set("description", root.Child("description"))
	}
	b.what(root)
	b.when(root, a)
	for _, p := range root.Children("participant") {
		b.set("performerType", p.Child("role"))
	}
	for _, site := range root.Children("bodySite") {
		b.set("bodySite", site)
	}
	b.set("locationReference", root.Child("location"))
	e.dynamic(a, root, nil, nil, m)
	return m, nil
}

// builder sets what the kind of request has a member for.
type builder struct {
	typ    string
	object *fhir.Object
}

// set gives a member a value, or adds it where the member is a list. False means
// that this kind of request has no such member.
func (b *builder) set(name string, value any) bool {
	if other, ok := renamed[b.typ][name]; ok {
		name = other
	}
	m, ok := validate.MemberOf(b.typ, name)
	switch {
	case !ok || m.Name == "":
		return false
	case m.List:
		b.object.Append(name, value)
	default:
		b.object.Set(name, value)
	}
	return true
}

// choice sets a choice element, when the kind of request has it in this type.
func (b *builder) choice(name string, value *fhir.Node, typ string) bool {
	if value == nil {
		return false
	}
	if other, ok := renamed[b.typ][name]; ok {
		name = other
	}
	return b.set(name+typ, value)
}

// what says what is requested: the product, else the code, its dose and amount.
func (b *builder) what(root *fhir.Node) {
	code := root.Child("code")
	product, typ := root.Choice("product")
	switch b.typ {
	case "MedicationRequest", "DeviceRequest", "SupplyRequest":
		if product == nil {
			product, typ = code, "CodeableConcept"
		}
		if b.typ == "SupplyRequest" {
			b.choice("item", product, typ)
		} else {
			b.choice("product", product, typ)
		}
	default:
		b.set("code", code)
	}
	quantity := root.Child("quantity")
	if quantity != nil && b.typ == "MedicationRequest" {
		b.object.Set("dispenseRequest", fhir.NewObject().Set("quantity", quantity))
	} else if quantity != nil && !b.set("quantity", quantity) {
		b.choice("quantity", quantity, "Quantity")
	}
	for _, d := range root.Children("dosage") {
		b.set("dosage", d)
	}
}

// when says when it is due.
func (b *builder) when(root *fhir.Node, a *artifact) {
	timing, typ := root.Choice("timing")
	if timing == nil {
		return
	}
	switch {
	case b.typ == "MedicationRequest" && typ == "Timing":
		if !b.object.Has("dosageInstruction") {
			b.object.Append("dosageInstruction", fhir.NewObject().Set("timing", timing))
		}
		return
	case b.typ == "Task" && typ == "Period":
		b.object.Set("executionPeriod", timing)
		return
	case b.choice("occurrence", timing, typ):
		return
	}
	a.notes.add(problem{
		severity: issue.SeverityWarning, code: issue.NotSupported, at: timing.Location(),
		text: cds.Text{DE: "Zeitangabe nicht übernommen: " + b.typ + " kann sie nicht ausdrücken", EN: "timing was left out: a " + b.typ + " cannot express it"},
	})
}

// check tells what of a made resource is not right, after everything was set.
func (e *engine) check(m *made, n *notes) {
	if m.typ == "Questionnaire" {
		return // as its author wrote it
	}
	if m.typ == "MedicationRequest" {
		what := tree(m.object).Get("medicationCodeableConcept").CodeableConcept().Display()
		if what == "" {
			what = m.typ + "/" + m.id
		}
		n.add(problem{
			severity: issue.SeverityWarning, code: issue.Incomplete, diagnostics: "the request stands as its definition has it",
			text: cds.Text{
				DE: "Nicht geprüft: Dosis, Allergien, Gegenanzeigen und Wechselwirkungen von " + clip(what),
				EN: "Not checked: dose, allergies, contraindications and interactions of " + clip(what),
			},
		})
	}
	r, err := m.object.Resource()
	if err != nil {
		return
	}
	found := validate.Structure(r)
	found = slices.DeleteFunc(found, func(i issue.Issue) bool {
		// On its own the resource does not see what stands beside it.
		inner := !e.in.Bundle && len(i.Expression) > 0 && strings.HasSuffix(i.Expression[0], ".reference")
		return inner || i.Severity != issue.SeverityError
	})
	for i, f := range found {
		if i == 5 {
			break
		}
		at := ""
		if len(f.Expression) > 0 {
			at = f.Expression[0]
		}
		n.add(problem{
			severity: issue.SeverityWarning, code: issue.Kind(f.Code), diagnostics: f.Diagnostics, at: at,
			text: cds.Text{DE: "Ergebnis " + m.typ + "/" + m.id + " ist nicht vollständig", EN: "result " + m.typ + "/" + m.id + " is not complete"},
		})
	}
}

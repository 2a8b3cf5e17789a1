package apply

import (
	"cdss/fhir"
	"cdss/fhir/issue"
)

// result puts together what was made, in the form that was asked for.
func (e *engine) result(plan *fhir.Resource) (*fhir.Resource, error) {
	for _, m := range e.made[1:] {
		if m.typ != "RequestGroup" && m.typ != "Goal" {
			e.check(m, e.made[0].notes)
		}
	}
	response := e.response(plan)
	if e.in.Bundle {
		return e.bundle(plan, response)
	}
	if response != nil {
		return response.Resource()
	}
	return e.carePlan(plan)
}

// response is the GuidanceResponse that asks for data, nil when something applies,
// or when it is not for lack of data that nothing does.
func (e *engine) response(plan *fhir.Resource) *fhir.Object {
	if e.applied > 0 || len(e.lacking) == 0 {
		return nil
	}
	id := cleanID(plan.ID())
	if e.in.Bundle {
		id = e.id("guidance")
	}
	o := fhir.NewResource("GuidanceResponse", id)
	all := &notes{}
	for _, m := range e.made {
		if m.notes != nil {
			all.problems = append(all.problems, m.notes.problems...)
			all.unchecked = append(all.unchecked, m.notes.unchecked...)
		}
	}
	if !e.in.Bundle { // there the RequestGroup has them
		all.extensions(o)
		if outcome := all.outcome("outcome", e.in.Lang); outcome != nil {
			o.Append("contained", outcome).Append("evaluationMessage", ref("#outcome"))
		}
	}
	canonical := canonicalOf(plan.Root())
	if canonical != "" {
		o.Set("moduleCanonical", canonical)
	} else {
		o.Set("moduleUri", "urn:inline:"+cleanID(plan.ID()))
	}
	o.Set("status", "data-required").Set("subject", ref(e.in.Subject)).Set("encounter", ref(e.in.Encounter))
	seen := map[string]bool{}
	for _, d := range e.lacking {
		if text := string(d.JSON()); !seen[text] {
			seen[text] = true
			o.Append("dataRequirement", d)
		}
	}
	return o
}

// carePlan contains the RequestGroup of the plan and all it refers to.
func (e *engine) carePlan(plan *fhir.Resource) (*fhir.Resource, error) {
	top := e.made[0]
	o := fhir.NewResource("CarePlan", top.id)
	if language := plan.Root().Child("language"); language != nil {
		o.Set("language", language)
	}
	all := &notes{}
	for _, m := range e.made {
		o.Append("contained", m.object)
		if m.notes != nil {
			all.problems = append(all.problems, m.notes.problems...)
		}
	}
	id := "outcome"
	if e.taken[id] {
		id = e.id(id)
	}
	if outcome := all.outcome(id, e.in.Lang); outcome != nil {
		contain(o, outcome, id)
	}
	if canonical := canonicalOf(plan.Root()); canonical != "" {
		o.Set("instantiatesCanonical", []string{canonical})
	}
	o.Set("status", "active").Set("intent", "proposal").
		Set("subject", ref(e.in.Subject)).Set("encounter", ref(e.in.Encounter)).Set("author", ref(e.in.Practitioner))
	for _, id := range e.goals {
		o.Append("goal", ref("#"+id))
	}
	o.Append("activity", fhir.NewObject().Set("reference", ref("#"+top.id)))
	return o.Resource()
}

// bundle holds the RequestGroup first, each with the problems of its own plan.
func (e *engine) bundle(plan *fhir.Resource, response *fhir.Object) (*fhir.Resource, error) {
	o := fhir.NewResource("Bundle", cleanID(plan.ID())).Set("type", "collection")
	for _, m := range e.made {
		object := m.object
		for _, id := range m.goals {
			if m.typ == "RequestGroup" {
				object.Append("extension", fhir.NewObject().Set("url", goalURL).Set("valueReference", ref("Goal/"+id)))
			}
		}
		if m.notes != nil {
			if outcome := m.notes.outcome("outcome", e.in.Lang); outcome != nil {
				contain(object, outcome, "outcome")
			}
		}
		o.Append("entry", fhir.NewObject().Set("resource", object))
	}
	if response != nil {
		o.Append("entry", fhir.NewObject().Set("resource", response))
	}
	r, err := o.Resource()
	if err != nil {
		return nil, issue.Wrap(issue.Exception, err, "$apply %s: the result cannot be read", nameOf(plan))
	}
	return r, nil
}

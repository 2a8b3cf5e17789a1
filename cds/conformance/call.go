package conformance

import (
	"encoding/json"
	"maps"
	"strings"
)

// The patient that the kit calls about, and what is ordered: nobody, and a common
// medicine.
const (
	patientID   = "conformance-patient"
	encounterID = "conformance-encounter"
	orderID     = "conformance-order"
)

func medicationRequest(status string) map[string]any {
	return map[string]any{
		"resourceType": "MedicationRequest", "id": orderID, "status": status, "intent": "order",
		"subject": map[string]any{"reference": "Patient/" + patientID},
		"medicationCodeableConcept": map[string]any{
			"text":   "Amoxicillin",
			"coding": []any{map[string]any{"system": "http://www.whocc.no/atc", "code": "J01CA04", "display": "amoxicillin"}},
		},
		"dosageInstruction": []any{map[string]any{
			"text":   "1 g p.o. every 8 h",
			"timing": map[string]any{"repeat": map[string]any{"frequency": 1, "period": 8, "periodUnit": "h"}},
			"doseAndRate": []any{map[string]any{"doseQuantity": map[string]any{
				"value": 1, "unit": "g", "system": "http://unitsofmeasure.org", "code": "g",
			}}},
		}},
	}
}

func bundle(resources ...any) map[string]any {
	entries := make([]any, len(resources))
	for i, r := range resources {
		entries[i] = map[string]any{"resource": r}
	}
	out := map[string]any{"resourceType": "Bundle", "type": "collection"}
	if len(entries) > 0 {
		out["entry"] = entries
	}
	return out
}

// contexts are the contexts of the published hooks beside user, patient and
// encounter (HL7 cds-hooks-library).
func contexts(hook string) (map[string]any, bool) {
	draft := medicationRequest("draft")
	switch hook {
	case "patient-view", "encounter-start", "encounter-discharge":
		return map[string]any{}, true
	case "order-select":
		return map[string]any{"selections": []any{"MedicationRequest/" + orderID}, "draftOrders": bundle(draft)}, true
	case "order-sign":
		return map[string]any{"draftOrders": bundle(draft)}, true
	case "order-dispatch":
		return map[string]any{"dispatchedOrders": []any{"MedicationRequest/" + orderID}, "performer": "Organization/conformance"}, true
	case "appointment-book":
		return map[string]any{"appointments": bundle()}, true
	case "problem-list-item-create":
		return map[string]any{"conditions": bundle(map[string]any{
			"resourceType": "Condition", "id": "conformance-condition", "subject": map[string]any{"reference": "Patient/" + patientID},
			"code": map[string]any{"text": "Hypertension"},
		})}, true
	case "allergyintolerance-create":
		return map[string]any{"allergyIntolerance": map[string]any{
			"resourceType": "AllergyIntolerance", "id": "conformance-allergy", "patient": map[string]any{"reference": "Patient/" + patientID},
			"code": map[string]any{"text": "Peanut"},
		}}, true
	case "medication-refill", "medication-prescribe":
		return map[string]any{"medications": bundle(draft)}, true
	case "medication-verify":
		return map[string]any{"medication": medicationRequest("active")}, true
	case "order-review":
		return map[string]any{"orders": bundle(draft)}, true
	}
	return nil, false
}

// call is a call of a service, to be changed before it is sent.
type call struct{ members map[string]any }

// newCall makes a call with every key of the service's prefetch answered; known is
// false for a hook that is not published.
func newCall(s service) (c call, known bool) {
	context, known := contexts(s.Hook)
	if !known {
		return c, false
	}
	context["patientId"], context["encounterId"] = patientID, encounterID
	if s.Hook != "order-dispatch" {
		context["userId"] = "Practitioner/conformance"
	}
	prefetch := map[string]any{}
	for key, query := range s.Prefetch {
		prefetch[key] = value(query)
	}
	return call{map[string]any{
		"hook": s.Hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context, "prefetch": prefetch,
	}}, true
}

// value answers a query: the patient, or that there is none of what is asked for.
func value(query string) any {
	if strings.HasPrefix(query, "Patient/") {
		return map[string]any{"resourceType": "Patient", "id": patientID, "gender": "female", "birthDate": "1960-05-17"}
	}
	if typ, _, search := strings.Cut(query, "?"); search || !strings.Contains(typ, "/") {
		return map[string]any{"resourceType": "Bundle", "type": "searchset", "total": 0}
	}
	return nil
}

func (c call) body() []byte {
	raw, err := json.Marshal(c.members)
	if err != nil {
		panic("conformance: " + err.Error()) // maps of strings
	}
	return raw
}

// with gives the call with members replaced; nil removes one.
func (c call) with(changes map[string]any) call {
	members := maps.Clone(c.members)
	for name, v := range changes {
		if m, ok := v.(map[string]any); v == nil || ok && m == nil {
			delete(members, name)
			continue
		}
		members[name] = v
	}
	return call{members}
}

func (c call) inContext(name string, v any) call {
	context := maps.Clone(c.members["context"].(map[string]any))
	context[name] = v
	return c.with(map[string]any{"context": context})
}

func (c call) prefetch() map[string]any { return maps.Clone(c.members["prefetch"].(map[string]any)) }

// allergic is the prefetch of a patient with an allergy to penicillin.
func (c call) allergic(s service) map[string]any {
	values := c.prefetch()
	for key, query := range s.Prefetch {
		if strings.HasPrefix(query, "AllergyIntolerance") {
			values[key] = map[string]any{"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": []any{map[string]any{"resource": map[string]any{
				"resourceType": "AllergyIntolerance", "id": "conformance-penicillin", "patient": map[string]any{"reference": "Patient/" + patientID},
				"clinicalStatus": map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}}},
				"code":           map[string]any{"text": "Penicillin", "coding": []any{map[string]any{"system": "http://snomed.info/sct", "code": "91936005"}}},
				"reaction":       []any{map[string]any{"severity": "severe", "manifestation": []any{map[string]any{"text": "Anaphylaxis"}}}},
			}}}}
		}
	}
	return values
}

// orders are the references of the orders that a suggestion may change.
func (c call) orders() []string {
	context := c.members["context"].(map[string]any)
	for _, member := range []string{"draftOrders", "medications", "medication", "orders", "dispatchedOrders"} {
		if context[member] != nil {
			return []string{"MedicationRequest/" + orderID}
		}
	}
	return nil
}

package validate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/validate"
)

func TestMemberOf(t *testing.T) {
	for _, test := range []struct {
		typ, name string
		want      validate.Member
		ok        bool
	}{
		{"CommunicationRequest", "payload", validate.Member{Name: "payload", Type: "CommunicationRequest.payload", List: true}, true},
		{"CommunicationRequest.payload", "contentString", validate.Member{Name: "contentString", Type: "string"}, true},
		{"CommunicationRequest.payload", "content", validate.Member{}, true},
		{"CommunicationRequest.payload", "contentQuantity", validate.Member{}, false},
		{"MedicationRequest", "medicationCodeableConcept", validate.Member{Name: "medicationCodeableConcept", Type: "CodeableConcept"}, true},
		{"MedicationRequest", "extension", validate.Member{Name: "extension", Type: "Extension", List: true}, true},
		{"Extension", "valueBoolean", validate.Member{Name: "valueBoolean", Type: "boolean"}, true},
		{"Task", "nonsense", validate.Member{}, false},
		{"Nonsense", "id", validate.Member{}, false},
	} {
		got, ok := validate.MemberOf(test.typ, test.name)
		if diff := cmp.Diff(test.want, got); diff != "" || ok != test.ok {
			t.Errorf("%s.%s: %v %s", test.typ, test.name, ok, diff)
		}
	}
}

package apply_test

import (
	"context"
	"errors"
	"testing"

	"cdss/cds/apply"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// FuzzPlanDefinition applies whatever calls itself a plan, in both forms: the
// result is a resource, or an error with a kind.
func FuzzPlanDefinition(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"PlanDefinition","id":"plan","url":"u","version":"1","status":"active","library":["l"],"goal":[{"id":"g","description":{"text":"x"},"target":[{"due":{"value":1}}]}],` +
			`"contained":[{"resourceType":"ActivityDefinition","id":"c","kind":"Task","dynamicValue":[{"path":"input[0].type.text","expression":{"language":"text/fhirpath","expression":"'a' + %patient.id"}}]}],` +
			`"action":[{"id":"a","goalId":["g"],"title":"t","definitionCanonical":"#c","timingTiming":{"repeat":{"count":"1"}},"participant":[{"type":"patient"}],` +
			`"relatedAction":[{"actionId":"b","relationship":"before"}],"input":[{"id":"i","type":"Patient","codeFilter":[{"path":"gender","code":[{"code":"female"}]}],"dateFilter":[{"path":"birthDate","valuePeriod":{"start":"1900"}}]}],` +
			`"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%i.exists() and %creatinine > 1"}}],` +
			`"dynamicValue":[{"path":"action.title","expression":{"language":"text/fhirpath","expression":"%context.status"}},{"path":"code","expression":{"language":"text/fhirpath","expression":"'a'|'b'"}}]},` +
			`{"id":"b","definitionUri":"http://x","action":[{"definitionCanonical":"u"}]}]}`,
		`{"resourceType":"PlanDefinition","action":[{"action":[{"action":{}}]}]}`,
		`{"resourceType":"PlanDefinition","action":"x","goal":1,"library":[null],"contained":[1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<14 {
			return
		}
		plan, err := fhir.ParseResource(raw)
		if err != nil {
			return
		}
		in := given(t, []string{dalteparin, form, `{"resourceType":"PlanDefinition","id":"plan","url":"u","version":"1","action":[{"title":"x"}]}`})
		for _, in.Bundle = range []bool{false, true} {
			got, err := apply.PlanDefinition(context.Background(), plan, in)
			var kind *issue.Error
			switch {
			case err != nil && !errors.As(err, &kind):
				t.Fatalf("an error without a kind: %v", err)
			case err == nil && got.Type() != "CarePlan" && got.Type() != "Bundle" && got.Type() != "GuidanceResponse":
				t.Fatalf("%s", got.Raw())
			}
		}
	})
}

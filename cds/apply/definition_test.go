package apply_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

func parsed(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

const person = `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1950-05-05","name":[{"family":"Muster"}]}`

// given is a call about one person, with these artifacts and further data.
func given(t testing.TB, artifacts []string, data ...string) apply.Input {
	t.Helper()
	var list []*fhir.Resource
	for _, a := range artifacts {
		list = append(list, parsed(t, a))
	}
	in := apply.Input{
		Definitions: knowledge.NewCatalogue(list), Subject: "Patient/p", Now: time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC), Lang: cds.EN,
		Data: []*fhir.Resource{parsed(t, person)},
	}
	for _, d := range data {
		in.Data = append(in.Data, parsed(t, d))
	}
	return in
}

func planOf(t testing.TB, actions string, more ...string) *fhir.Resource {
	t.Helper()
	return parsed(t, `{"resourceType":"PlanDefinition","id":"plan","url":"http://example.org/PlanDefinition/plan","version":"1.0.0","status":"active"`+
		strings.Join(more, "")+`,"action":[`+actions+`]}`)
}

func condition(expression string) string {
	return fmt.Sprintf(`"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":%q}}]`, expression)
}

// titles writes the actions of a RequestGroup as an outline.
func titles(n *fhir.Node) []string {
	var list []string
	for _, a := range n.Children("action") {
		title := a.Child("title").String()
		if a.Child("action") != nil {
			title += "(" + strings.Join(titles(a), " ") + ")"
		}
		list = append(list, title)
	}
	return list
}

// told gives the codes of the issues of a result, with where they stand.
func told(r *fhir.Resource) []string {
	var list []string
	look := func(n *fhir.Node) {
		for _, o := range n.Children("contained") {
			if o.ResourceType() != "OperationOutcome" {
				continue
			}
			for _, i := range o.Children("issue") {
				list = append(list, i.Child("severity").String()+" "+i.Child("code").String()+" "+i.Child("expression").String())
			}
		}
	}
	look(r.Root())
	for _, e := range r.Root().Children("entry") {
		look(e.Child("resource"))
	}
	return list
}

func groupOf(t testing.TB, r *fhir.Resource) *fhir.Node {
	t.Helper()
	for ref, n := range entriesOf(t, r) {
		if ref == "RequestGroup/plan" {
			return n
		}
	}
	t.Fatalf("no RequestGroup in %s", r.Raw())
	return nil
}

func TestConditions(t *testing.T) {
	library := `{"resourceType":"Library","id":"l","url":"http://example.org/Library/l","version":"1","status":"active","extension":[` +
		`{"url":"http://hl7.org/fhir/StructureDefinition/cqf-expression","valueExpression":{"name":"oldWoman","language":"text/fhirpath","expression":"%age > 65 and %sex = 'female'"}}]}`
	with := `,"library":["http://example.org/Library/l|1"]`
	for _, test := range []struct {
		name, actions string
		want          []string
		issues        []string
	}{
		{"none", `{"title":"a"}`, []string{"a"}, nil},
		{"true and false", `{"title":"a",` + condition("true") + `},{"title":"b",` + condition("false") + `}`, []string{"a"}, nil},
		{"of the patient", `{"title":"a",` + condition("Patient.gender = 'female'") + `}`, []string{"a"}, nil},
		{"a fact, a name of a library", `{"title":"a",` + condition("%age > 65") + `},{"title":"b",` + condition("%oldWoman") + `}`, []string{"a", "b"}, nil},
		{"unknown fact", `{"title":"a",` + condition("%creatinine > 2") + `}`, nil, []string{"warning incomplete PlanDefinition.action[0]"}},
		{"false whatever is unknown", `{"title":"a",` + condition("%age < 18 and %creatinine > 2") + `}`, nil, nil},
		{"a name that nobody knows", `{"title":"a",` + condition("%craetinine > 2") + `}`, nil, []string{"warning incomplete PlanDefinition.action[0]"}},
		{"nothing is not false", `{"title":"a",` + condition("Patient.multipleBirthInteger > 1") + `},{"title":"b"}`, []string{"b"}, []string{"error value PlanDefinition.action[0].condition[0].expression"}},
		{"a list where a boolean is due", `{"title":"a",` + condition("(true | false)") + `},{"title":"b"}`, []string{"b"}, []string{"error value PlanDefinition.action[0].condition[0].expression"}},
		{"a syntax error", `{"title":"a",` + condition("1 +") + `},{"title":"b"}`, []string{"b"}, []string{"error invalid PlanDefinition.action[0].condition[0].expression"}},
		{
			"another language", `{"title":"a","condition":[{"kind":"applicability","expression":{"language":"text/x-rules","expression":"x"}}]},{"title":"b"}`,
			[]string{"b"}, []string{"error not-supported PlanDefinition.action[0].condition[0].expression"},
		},
		{"start and stop do not count", `{"title":"a","condition":[{"kind":"start","expression":{"language":"text/fhirpath","expression":"false"}}]}`, []string{"a"}, nil},
		{
			"nested", `{"title":"a","action":[{"title":"b",` + condition("false") + `,"action":[{"title":"c"}]},{"title":"d","action":[{"title":"e"}]}]}`,
			[]string{"a(d(e))"}, nil,
		},
		{
			"the first that applies", `{"title":"a","extension":[{"url":"` + content.AnyApplicable + `","valueCode":"any"}],"action":[` +
				`{"title":"b",` + condition("false") + `},{"title":"c",` + condition("%creatinine > 2") + `},{"title":"d"},{"title":"e"}]}`,
			[]string{"a(d)"}, []string{"warning incomplete PlanDefinition.action[0].action[1]"},
		},
		{
			"assumed, and told", `{"title":"a","condition":[{"extension":[{"url":"` + content.AssumeExtension + `","valueBoolean":true}],"kind":"applicability",` +
				`"expression":{"language":"text/fhirpath","expression":"%creatinine > 2"}}]}`,
			[]string{"a"}, []string{"warning incomplete PlanDefinition.action[0]"},
		},
		{"%context is the plan", `{"title":"a",` + condition("%context.status = 'active'") + `}`, []string{"a"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := given(t, []string{library})
			in.Bundle = true
			got := run(t, planOf(t, test.actions, with), in)
			if diff := cmp.Diff(test.want, titles(groupOf(t, got))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.issues, told(got)); diff != "" {
				t.Errorf("%s in %s", diff, got.Raw())
			}
		})
	}
}

// TestNotReceived: what did not come is not known, and never false.
func TestNotReceived(t *testing.T) {
	plan := planOf(t, `{"id":"a","title":"a",`+condition("Patient.gender = 'male'")+`},{"id":"b","title":"b",`+condition("true")+`}`)
	in := given(t, nil)
	in.Data = nil
	got := run(t, plan, in)
	if got.Type() != "CarePlan" {
		t.Fatalf("%s", got.Raw())
	}
	group := groupOf(t, got)
	if diff := cmp.Diff([]string{"b"}, titles(group)); diff != "" {
		t.Error(diff)
	}
	x := group.Extension(content.NotCheckedExtension)
	if v, _ := x.Extension("action").Choice("value"); v.String() != "a" {
		t.Errorf("not checked: %s", group.JSON())
	}
}

func TestDataRequired(t *testing.T) {
	input := `"input":[{"id":"labs","type":"Observation","codeFilter":[{"path":"code","code":[{"system":"http://loinc.org","code":"1988-5"}]}],` +
		`"dateFilter":[{"path":"effective","valueDuration":{"value":7,"unit":"d","system":"http://unitsofmeasure.org","code":"d"}}]}]`
	plan := planOf(t, `{"id":"a","title":"a",`+input+`,`+condition("%labs.value.ofType(Quantity).value > 100")+`}`)
	observation := func(day, value string) string {
		return `{"resourceType":"Observation","id":"o` + day + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1988-5"}]},` +
			`"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-` + day + `","valueQuantity":{"value":` + value + `,"unit":"mg/L"}}`
	}
	got := run(t, plan, given(t, nil))
	root := got.Root()
	if got.Type() != "GuidanceResponse" || root.Child("status").String() != "data-required" || root.Get("dataRequirement", "type").String() != "Observation" {
		t.Fatalf("%s", got.Raw())
	}
	if found := validate.Structure(got); found != nil {
		t.Error(found)
	}
	for _, test := range []struct {
		name string
		data []string
		want []string
	}{
		{"came and is true", []string{observation("14", "120")}, []string{"a"}},
		{"came and is false", []string{observation("14", "20")}, nil},
		{"only the recent one counts", []string{observation("14", "120"), observation("02", "20")}, []string{"a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := given(t, nil, test.data...)
			if diff := cmp.Diff(test.want, titles(groupOf(t, run(t, plan, in)))); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("not all came", func(t *testing.T) {
		in := given(t, nil, observation("14", "120"))
		in.Received = map[string]facts.Received{"Observation": facts.Truncated}
		if got := run(t, plan, in); got.Type() != "GuidanceResponse" {
			t.Errorf("%s", got.Raw())
		}
	})
	t.Run("as Bundle", func(t *testing.T) {
		in := given(t, nil)
		in.Bundle = true
		if n := entriesOf(t, run(t, plan, in))["GuidanceResponse/guidance"]; n == nil {
			t.Error("no GuidanceResponse")
		}
	})
}

const (
	dalteparin = `{"resourceType":"ActivityDefinition","id":"med","url":"http://example.org/ActivityDefinition/med","version":"1","status":"active",` +
		`"kind":"MedicationRequest","intent":"order","priority":"urgent","productCodeableConcept":{"text":"Example"},` +
		`"dosage":[{"text":"once"}],"quantity":{"value":5},"participant":[{"type":"practitioner","role":{"text":"nurse"}}],` +
		`"dynamicValue":[{"path":"dosageInstruction[0].text","expression":{"language":"text/fhirpath","expression":"'of the definition'"}},` +
		`{"path":"note.text","expression":{"language":"text/fhirpath","expression":"%patient.name.family"}}]}`
	form = `{"resourceType":"Questionnaire","id":"form","url":"http://example.org/Questionnaire/form","status":"active","item":[{"linkId":"1","type":"display","text":"x"}]}`
)

func TestDefinitions(t *testing.T) {
	contained := `,"contained":[{"resourceType":"ActivityDefinition","id":"inner","status":"active","kind":"ServiceRequest","doNotPerform":true,` +
		`"code":{"text":"test"},"timingPeriod":{"start":"2026-02-01"},"bodySite":[{"text":"arm"}]}],` +
		`"goal":[{"id":"well","description":{"text":"be well"},"target":[{"due":{"value":2,"code":"d","system":"http://unitsofmeasure.org"}}]}]`
	sub := `{"resourceType":"PlanDefinition","id":"plan","url":"http://example.org/PlanDefinition/sub","version":"1","status":"active",` +
		`"action":[{"title":"sub","definitionCanonical":"http://example.org/ActivityDefinition/med"}]}`
	actions := `{"id":"one","title":"1","goalId":["well"],"participant":[{"type":"patient"},{"type":"practitioner"},{"type":"device"}],"definitionCanonical":"http://example.org/ActivityDefinition/med|1",` +
		`"dynamicValue":[{"path":"dosageInstruction[0].text","expression":{"language":"text/fhirpath","expression":"'of the action'"}},` +
		`{"path":"%action.title","expression":{"language":"text/fhirpath","expression":"'first'"}},` +
		`{"path":"dispenseRequest.quantity.value","expression":{"language":"text/fhirpath","expression":"2.50 * 2"}},` +
		`{"path":"reasonCode","expression":{"language":"text/fhirpath","expression":"'why' | 'why not'"}},` +
		`{"path":"reported","expression":{"language":"text/fhirpath","expression":"true"}},` +
		`{"path":"statusReason","expression":{"language":"text/fhirpath","expression":"{}"}}]},` +
		`{"id":"two","title":"2","definitionCanonical":"http://example.org/Questionnaire/form","relatedAction":[{"actionId":"one","relationship":"after-end"},{"actionId":"gone","relationship":"before"}]},` +
		`{"id":"three","title":"3","definitionCanonical":"#inner"},` +
		`{"id":"four","title":"4","definitionCanonical":"http://example.org/PlanDefinition/sub","action":[{"title":"5","definitionUri":"http://example.org/x"}]},` +
		`{"id":"gone","title":"6",` + condition("false") + `}`
	in := given(t, []string{dalteparin, form, sub}, `{"resourceType":"Practitioner","id":"d"}`)
	in.Practitioner, in.Encounter = "Practitioner/d", "Encounter/e"
	plan := planOf(t, actions, contained)
	got := run(t, plan, in)
	if again := run(t, plan, in); string(again.Raw()) != string(got.Raw()) {
		t.Error("the same call gave other bytes")
	}
	const unchecked = "warning incomplete " // of each MedicationRequest
	if diff := cmp.Diff([]string{"information incomplete PlanDefinition.action[1].relatedAction[1]", unchecked, unchecked}, told(got)); diff != "" {
		t.Error(diff)
	}
	resources := entriesOf(t, got)
	group := resources["RequestGroup/plan"]
	if diff := cmp.Diff([]string{"first", "2", "3", "4( 5)"}, titles(group)); diff != "" {
		t.Error(diff)
	}
	var participants, references []string
	for _, p := range group.Child("action").Children("participant") {
		participants = append(participants, p.Child("reference").String())
	}
	for _, a := range group.Children("action") {
		references = append(references, a.Get("resource", "reference").String()+a.Get("action", "resource", "reference").String())
	}
	if diff := cmp.Diff([]string{"Patient/p", "Practitioner/d"}, participants); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"#one", "#form", "#three", "#plan-2"}, references); diff != "" {
		t.Error(diff)
	}
	med := resources["MedicationRequest/one"]
	for path, want := range map[string]string{
		"dosageInstruction.text": "of the action", "note.text": "Muster", "dispenseRequest.quantity.value": "5.00", "reportedBoolean": "true",
		"intent": "order", "priority": "urgent", "subject.reference": "Patient/p", "encounter.reference": "Encounter/e", "requester.reference": "Practitioner/d",
		"performerType.text": "nurse", "instantiatesCanonical": "http://example.org/ActivityDefinition/med|1", "basedOn.reference": "",
	} {
		if is := med.Get(strings.Split(path, ".")...).String(); is != want {
			t.Errorf("MedicationRequest.%s is %q, want %q", path, is, want)
		}
	}
	if n := len(med.Children("reasonCode")); n != 2 {
		t.Errorf("%d reasons", n)
	}
	goal, _ := med.Extension("http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal").Choice("value")
	if goal.Child("reference").String() != "#well" || resources["Goal/well"].Get("target", "dueDuration", "value").String() != "2" {
		t.Errorf("goal: %s", got.Raw())
	}
	service := resources["ServiceRequest/three"]
	if not, _ := service.Child("doNotPerform").Bool(); !not || service.Get("occurrencePeriod", "start").String() != "2026-02-01" || service.Get("bodySite", "text").String() != "arm" {
		t.Errorf("%s", service.JSON())
	}
	// The definition that is used twice gives two requests.
	if resources["MedicationRequest/med"] == nil || resources["RequestGroup/plan-2"] == nil {
		t.Errorf("%s", got.Raw())
	}
	found, err := validate.Resource(context.Background(), got, fhirpath.Env{Now: in.Now})
	if err != nil {
		t.Fatal(err)
	}
	if found = slices.DeleteFunc(found, func(i issue.Issue) bool { return strings.Contains(i.Diagnostics, "dom-6") }); len(found) > 0 {
		t.Errorf("the CarePlan is not valid: %v", found)
	}
	in.Bundle = true
	if ref := groupOf(t, run(t, plan, in)).Get("action", "resource", "reference").String(); ref != "MedicationRequest/one" {
		t.Errorf("in the Bundle the reference is %q", ref)
	}
}

func TestWhatGoesWrongIsTold(t *testing.T) {
	calls := func(id, other string) string {
		return `{"resourceType":"PlanDefinition","id":"` + id + `","url":"http://example.org/PlanDefinition/` + id + `","status":"active","action":[{"title":"` + id +
			`","definitionCanonical":"http://example.org/PlanDefinition/` + other + `"},{"title":"and on"}]}`
	}
	version := func(v string) string {
		return `{"resourceType":"ActivityDefinition","id":"twice` + v + `","url":"http://example.org/ActivityDefinition/twice","version":"` + v + `","status":"active","kind":"Task"}`
	}
	kind := func(id, members string) string {
		return `{"resourceType":"ActivityDefinition","id":"` + id + `","url":"http://example.org/ActivityDefinition/` + id + `","status":"active",` + members + `}`
	}
	dynamic := func(path, expression string) string {
		return `{"title":"a","definitionCanonical":"http://example.org/ActivityDefinition/med","dynamicValue":[{"path":"` + path +
			`","expression":{"language":"text/fhirpath","expression":"` + expression + `"}}]}`
	}
	const canonical = `{"title":"a","definitionCanonical":"http://example.org/`
	for _, test := range []struct {
		name, actions, more string
		want                []string
	}{
		{"no such definition", canonical + `PlanDefinition/none"}`, "", []string{"error not-found PlanDefinition.action[0].definitionCanonical"}},
		{"no such contained one", `{"title":"a","definitionCanonical":"#none"}`, "", []string{"error not-found PlanDefinition.action[0].definitionCanonical"}},
		{"no such library", `{"title":"a"}`, `,"library":["http://example.org/Library/none"]`, []string{"error not-found PlanDefinition.library[0]"}},
		{"a circle", canonical + `PlanDefinition/x"}`, "", []string{"error business-rule PlanDefinition.action[0].definitionCanonical"}},
		{"two active versions", canonical + `ActivityDefinition/twice"}`, "", []string{"warning multiple-matches PlanDefinition.action[0].definitionCanonical"}},
		{"a kind that is not made", canonical + `ActivityDefinition/claim"}`, "", []string{"error not-supported PlanDefinition.action[0].definitionCanonical"}},
		{"what must not be done", canonical + `ActivityDefinition/not"}`, "", []string{"error not-supported PlanDefinition.action[0].definitionCanonical"}},
		{"a request that is not whole", canonical + `ActivityDefinition/empty"}`, "", []string{"warning required MedicationRequest.medication"}},
		{"a path that is none", dynamic("a..b", "1"), "", []string{"error value PlanDefinition.action[0].dynamicValue[0]"}},
		{"an element that is none", dynamic("medicine", "1"), "", []string{"error value PlanDefinition.action[0].dynamicValue[0]"}},
		{"a value that does not fit", dynamic("subject", "5 'mg'"), "", []string{"error value PlanDefinition.action[0].dynamicValue[0]"}},
		{"several values for one", dynamic("priority", "'stat' | 'urgent'"), "", []string{"error value PlanDefinition.action[0].dynamicValue[0]"}},
		{"a value that is not known", dynamic("priority", "iif(%creatinine > 2, 'stat', 'urgent')"), "", []string{"warning incomplete PlanDefinition.action[0].dynamicValue[0]"}},
		{"a goal that is none", `{"title":"a","goalId":["none"],"definitionCanonical":"http://example.org/ActivityDefinition/med"}`, "", []string{"error not-found PlanDefinition.action[0]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := given(t, []string{
				dalteparin, calls("x", "y"), calls("y", "x"), version("1.9.0"), version("1.10.0"), kind("claim", `"kind":"Claim"`),
				kind("not", `"kind":"Task","doNotPerform":true`), kind("empty", `"kind":"MedicationRequest"`),
			})
			in.Bundle = true
			got := run(t, planOf(t, test.actions, test.more), in)
			issues := slices.DeleteFunc(told(got), func(i string) bool { return i == "warning incomplete " }) // of each MedicationRequest
			if diff := cmp.Diff(test.want, issues); diff != "" {
				t.Errorf("%s in %s", diff, got.Raw())
			}
			if len(titles(groupOf(t, got))) != 1 {
				t.Errorf("the action is gone: %s", got.Raw())
			}
		})
	}
}

func TestLargePlans(t *testing.T) {
	many := func(n int) *fhir.Resource {
		action := `{"title":"a",` + condition("%age > 65") + `}`
		return planOf(t, strings.TrimSuffix(strings.Repeat(action+",", n), ","))
	}
	got := run(t, many(10_000), given(t, nil))
	if n := len(groupOf(t, got).Children("action")); n != 10_000 {
		t.Errorf("%d actions", n)
	}
	if _, err := apply.PlanDefinition(context.Background(), many(10_001), given(t, nil)); !issue.Is(err, issue.TooCostly) {
		t.Errorf("10,001 actions: %v", err)
	}
	deep := planOf(t, strings.Repeat(`{"title":"a","action":[`, 17)+`{"title":"b"}`+strings.Repeat(`]}`, 17))
	if _, err := apply.PlanDefinition(context.Background(), deep, given(t, nil)); !issue.Is(err, issue.TooCostly) {
		t.Errorf("17 levels: %v", err)
	}
	// A plan that calls another one twice, and so on, grows beyond all bounds.
	var plans []string
	for i := range 20 {
		call := fmt.Sprintf(`{"definitionCanonical":"http://example.org/PlanDefinition/%d"}`, i+1)
		plans = append(plans, fmt.Sprintf(`{"resourceType":"PlanDefinition","id":"p%d","url":"http://example.org/PlanDefinition/%d","status":"active","action":[%s,%s]}`, i, i, call, call))
	}
	if _, err := apply.PlanDefinition(context.Background(), parsed(t, plans[0]), given(t, plans)); !issue.Is(err, issue.TooCostly) {
		t.Errorf("plans that multiply: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := apply.PlanDefinition(ended, many(1), given(t, nil)); !issue.Is(err, issue.Timeout) {
		t.Errorf("no time left: %v", err)
	}
}

func TestActivityDefinition(t *testing.T) {
	in := given(t, nil)
	got, err := apply.ActivityDefinition(context.Background(), parsed(t, dalteparin), in)
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref() != "MedicationRequest/med" || got.Root().Get("dosageInstruction", "text").String() != "of the definition" || got.Root().Child("basedOn") != nil {
		t.Errorf("%s", got.Raw())
	}
	if found := validate.Structure(got); found != nil {
		t.Error(found)
	}
	if text := got.Root().Get("contained", "issue", "details", "text").String(); !strings.HasPrefix(text, "Not checked: dose, allergies") || !strings.HasSuffix(text, "of Example") {
		t.Errorf("of its safety it says %q", text)
	}
	if _, err := apply.ActivityDefinition(context.Background(), planOf(t, `{"title":"a"}`), in); !issue.Is(err, issue.Invalid) {
		t.Errorf("a plan: %v", err)
	}
}

// counting evaluates a language that only counts words.
type counting struct{}

func (counting) Evaluate(_ context.Context, e apply.Expression, _ apply.Names) (fhirpath.Result, error) {
	return fhirpath.Result{Values: fhirpath.Collection{fhirpath.FromBool(len(strings.Fields(e.Text)) == 2)}}, nil
}

func TestEvaluatorOfAnotherLanguage(t *testing.T) {
	in := given(t, nil)
	in.Evaluators = map[string]apply.Evaluator{"text/words": counting{}}
	plan := planOf(t, `{"title":"a","condition":[{"kind":"applicability","expression":{"language":"text/words","expression":"two words"}}]},`+
		`{"title":"b","condition":[{"kind":"applicability","expression":{"language":"text/words","expression":"one"}}]}`)
	if diff := cmp.Diff([]string{"a"}, titles(groupOf(t, run(t, plan, in)))); diff != "" {
		t.Error(diff)
	}
}

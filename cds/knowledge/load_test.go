package knowledge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// indications is a code system with one indication, which every snapshot needs.
var indications = fmt.Sprintf(`{"resourceType":"CodeSystem","id":"i","url":%q,"version":"1","status":"active","content":"complete","concept":[
 {"code":"chest","display":"Brust","designation":[{"language":"en","value":"Chest"}],"property":[{"code":"order","valueInteger":1}]},
 {"code":"pneumonia","display":"Lungenentzündung","designation":[{"language":"en","value":"Pneumonia"}],"property":[
  {"code":"category","valueCode":"chest"},{"code":"alias","valueString":"PNEUMONIE"},{"code":"icd-10-gm","valueString":"J18*"}]}]}`, content.IndicationSystem)

// plan is an active plan with the given members and actions.
func plan(id, members, actions string) string {
	if members != "" {
		members = "," + members
	}
	return fmt.Sprintf(`{"resourceType":"PlanDefinition","id":%q,"url":"https://test.example/%s","version":"1","status":"active","title":"Plan","action":[%s]%s}`, id, id, actions, members)
}

func when(expression string) string {
	return fmt.Sprintf(`"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":%q}}]`, expression)
}

func load(t *testing.T, o knowledge.Options, texts ...string) (*knowledge.Snapshot, error) {
	t.Helper()
	var list []*fhir.Resource
	for _, s := range texts {
		r, err := fhir.ParseResource([]byte(s))
		if err != nil {
			t.Fatalf("%v in %s", err, s)
		}
		list = append(list, r)
	}
	return knowledge.Load(list, o)
}

func TestOneFaultyArtifactLeavesTheOthersWorking(t *testing.T) {
	for _, tc := range []struct {
		name, artifact    string
		location, message string
	}{
		{"an expression that does not parse", plan("bad", "", `{"id":"a",`+when("%severity = ")+`}`),
			"PlanDefinition.action[0].condition[0].expression.expression", ""},
		{"a language nobody speaks", plan("bad", "", `{"condition":[{"kind":"applicability","expression":{"language":"text/x-rules","expression":"true"}}]}`),
			"PlanDefinition.action[0].condition[0].expression.language", `language "text/x-rules"`},
		{"a definition that is missing", plan("bad", "", `{"id":"a","action":[{"definitionCanonical":"https://test.example/nothing|1"}]}`),
			"PlanDefinition.action[0].action[0].definitionCanonical", "no ActivityDefinition https://test.example/nothing|1"},
		{"no version", `{"resourceType":"PlanDefinition","id":"bad","url":"https://test.example/bad","status":"active"}`, "PlanDefinition", "url or version is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := load(t, knowledge.Options{}, indications, plan("good", "", `{"id":"a","title":"A"}`), tc.artifact)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := s.Plan("https://test.example/good|1"); !ok {
				t.Error("the good plan does not run")
			}
			if _, ok := s.Plan("https://test.example/bad|1"); ok {
				t.Error("the faulty plan runs")
			}
			if len(s.Problems()) != 1 {
				t.Fatalf("problems %v, want one", s.Problems())
			}
			p := s.Problems()[0]
			if p.Location != tc.location || !strings.Contains(p.Message, tc.message) {
				t.Errorf("problem %+v, want %q at %s", p, tc.message, tc.location)
			}
		})
	}
}

func TestSetsThatCannotWork(t *testing.T) {
	one := plan("a", "", `{"id":"x"}`)
	if _, err := load(t, knowledge.Options{}, one); issue.KindOf(err) != issue.Required {
		t.Errorf("without indications: %v", err)
	}
	if _, err := load(t, knowledge.Options{}, indications, one, one); issue.KindOf(err) != issue.Conflict {
		t.Errorf("one version twice: %v", err)
	}
}

func TestWhatDoesNotRunIsTold(t *testing.T) {
	now := time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ name, members, want string }{
		{"ended", `"effectivePeriod":{"end":"2025-12-31"}`, "effective period has ended"},
		{"not begun", `"effectivePeriod":{"start":"2027-01-01"}`, "effective period has not begun"},
		{"experimental", `"experimental":true`, "draft or experimental: runs only as a demonstration"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := load(t, knowledge.Options{LoadedAt: now}, indications, plan("a", tc.members, `{"id":"x"}`))
			if err != nil {
				t.Fatal(err)
			}
			want := []knowledge.Problem{{Artifact: "https://test.example/a|1", Message: tc.want}}
			if diff := cmp.Diff(want, s.Withheld()); diff != "" {
				t.Error(diff)
			}
			if len(s.Plans()) != 0 {
				t.Error("the plan runs")
			}
		})
	}
}

func TestDefinitionsThatNeedEachOtherAreTakenOut(t *testing.T) {
	expression := func(name, text string) string {
		return fmt.Sprintf(`{"url":"http://hl7.org/fhir/StructureDefinition/cqf-expression","valueExpression":{"name":%q,"language":"text/fhirpath","expression":%q}}`, name, text)
	}
	library := `{"resourceType":"Library","id":"l","url":"https://test.example/l","version":"1","status":"active","extension":[` +
		expression("a", "%b") + "," + expression("b", "%a.not()") + "," + expression("c", "true") + `]}`
	s, err := load(t, knowledge.Options{}, indications, library)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Definition("c"); !ok {
		t.Error("the sound definition is gone")
	}
	if len(s.Problems()) == 0 {
		t.Error("the circle is not told")
	}
}

func TestIndicationsAreReadInBothLanguages(t *testing.T) {
	s, err := load(t, knowledge.Options{}, indications)
	if err != nil {
		t.Fatal(err)
	}
	want := cds.Indication{
		Code: "pneumonia", Alias: "PNEUMONIE", Name: cds.Text{DE: "Lungenentzündung", EN: "Pneumonia"}, Category: "chest",
		Codes: []cds.Code{{System: "http://fhir.de/CodeSystem/bfarm/icd-10-gm", Code: "J18*"}},
	}
	for _, code := range []string{"pneumonia", "PNEUMONIE"} {
		got, ok := s.Indication(code)
		if !ok {
			t.Fatalf("%s is not known", code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

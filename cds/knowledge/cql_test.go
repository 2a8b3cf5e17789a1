package knowledge_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"cdss/cds/knowledge"
	"cdss/fhir"
)

func cqlLibrary(name, version, text string) string {
	return fmt.Sprintf(`{"resourceType":"Library","id":"%s-%s","url":"https://test.example/%s","version":"%s","name":"%s","status":"active","type":{"coding":[{"code":"logic-library"}]},"content":[{"contentType":"text/cql","data":"%s"}]}`,
		strings.ToLower(name), version, name, version, name, base64.StdEncoding.EncodeToString([]byte(text)))
}

func cqlPlan(id string, library string, expressions ...string) string {
	var actions []string
	for _, e := range expressions {
		language, text, _ := strings.Cut(e, " ")
		actions = append(actions, fmt.Sprintf(`{"title":"A","trigger":[{"type":"named-event","name":"patient-view"}],"condition":[{"kind":"applicability","expression":{"language":%q,"expression":%q}}]}`, language, text))
	}
	return plan(id, `"library":["https://test.example/`+library+`"]`, strings.Join(actions, ","))
}

const kidney = `library Kidney version '1'
using FHIR version '4.0.1'
include Terms version '2' called T
context Patient
define "High": exists [Observation: T."Creatinine"]
define "Pregnant": exists [Condition: T."Pregnancy"]`

const terms = `library Terms version '2'
codesystem "LOINC": 'http://loinc.org'
code "Creatinine": '2160-0' from "LOINC"
valueset "Pregnancy": 'http://example.org/ValueSet/pregnancy'`

// TestCQLIsCompiledAtLoad: what a plan's libraries retrieve is what it requires, and
// what is wrong in one artifact leaves the others working.
func TestCQLIsCompiledAtLoad(t *testing.T) {
	s, err := load(t, knowledge.Options{Hooks: []string{"patient-view"}}, indications, cqlLibrary("Kidney", "1", kidney), cqlLibrary("Terms", "2", terms),
		cqlLibrary("Broken", "1", "library Broken version '1'\ndefine Good: 1\ndefine Bad: 1 + 'a'"), cqlLibrary("Lost", "1", "library Lost version '1'\ninclude Nobody version '9'\ndefine X: 1"),
		cqlLibrary("Circle", "1", "library Circle version '1' include Circle version '1' define X: 1"),
		cqlPlan("good", "Kidney", "text/cql-identifier High", "text/cql.identifier Pregnant", `text/cql "High" and not "Pregnant" and not exists [Procedure]`),
		cqlPlan("mixed", "Kidney", "text/cql-identifier High", "text/fhirpath true"),
		cqlPlan("misspelt", "Kidney", "text/cql-identifier Hihg"), cqlPlan("faulty", "Kidney", `text/cql-expression "High" + 1`))
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, p := range s.Problems() {
		problems = append(problems, p.Artifact+": "+p.Message)
	}
	want := []string{
		`https://test.example/Broken|1: Bad: CQL: Broken, line 3, column 15: Add(System.Integer, System.String) has no meaning`,
		`https://test.example/Circle|1: CQL: Circle, line 1, column 28: library Circle includes itself`,
		`https://test.example/Lost|1: CQL: Lost, line 2, column 1: library Nobody|9 is not there`,
		`https://test.example/faulty|1: CQL: line 1, column 8: Add(System.Boolean, System.Integer) has no meaning`,
		`https://test.example/misspelt|1: no library of the plan defines "Hihg" in CQL`,
	}
	if len(problems) != len(want) {
		t.Fatalf("problems %s", strings.Join(problems, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(problems[i], want[i]) {
			t.Errorf("got %s\nwant %s", problems[i], want[i])
		}
	}
	requirements := map[string]string{}
	for _, p := range s.Plans() {
		var list []string
		for _, r := range p.Requirements {
			list = append(list, r.Child("type").String()+" "+r.Get("codeFilter", "code", "code").String()+r.Get("codeFilter", "valueSet").String())
		}
		requirements[p.ID] = strings.Join(list, ", ")
	}
	if requirements["good"] != "Observation 2160-0, Condition http://example.org/ValueSet/pregnancy, Procedure " {
		t.Errorf("requirements %q", requirements["good"])
	}
	// A plan that looks at other values as well gets the data of the built-in services.
	if requirements["mixed"] != "" {
		t.Errorf("requirements of a mixed plan %q", requirements["mixed"])
	}
}

// TestTryCQL: an upload is compiled with what is there, and is not remembered.
func TestTryCQL(t *testing.T) {
	parse := func(text string) *fhir.Resource {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	c := knowledge.NewCatalogue([]*fhir.Resource{parse(cqlLibrary("Terms", "2", terms))})
	library, err := c.TryCQL(parse(cqlLibrary("Kidney", "1", kidney)))
	if err != nil || len(library.Problems) > 0 || !library.Defines("High") {
		t.Errorf("%v %v", library, err)
	}
	for text, want := range map[string]string{
		"define X: 1 +":                         "line 1, column 14",
		"include Terms version '3' define X: 1": "library Terms|3 is not there",
	} {
		if _, err := c.TryCQL(parse(cqlLibrary("New", "1", text))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if library, err := c.TryCQL(parse(`{"resourceType":"Library","id":"l","status":"active","type":{"coding":[{"code":"logic-library"}]}}`)); library != nil || err != nil {
		t.Errorf("a library without CQL: %v %v", library, err)
	}
	bad := parse(strings.Replace(cqlLibrary("Bad", "1", "define X: 1"), `"data":"`, `"data":"!`, 1))
	if _, err := c.TryCQL(bad); err == nil {
		t.Error("what is no base64 is read")
	}
}

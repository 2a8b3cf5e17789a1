package operation_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"cdss/cds/operation"
	"cdss/fhir"
	"cdss/fhir/issue"
)

func libraryOf(name, version, status, text string) string {
	return fmt.Sprintf(`{"resourceType":"Library","id":"%s","url":"http://example.org/Library/%s","version":"%s","name":"%s","status":"%s","type":{"coding":[{"code":"logic-library"}]},"content":[{"contentType":"text/cql","data":"%s"}]}`,
		strings.ToLower(name), name, version, name, status, base64.StdEncoding.EncodeToString([]byte(text)))
}

const kidneyCQL = `library Kidney version '1.0.0'
using FHIR version '4.0.1'
include Basics version '1.0.0' called B
include FHIRHelpers version '4.0.1'
codesystem "LOINC": 'http://loinc.org'
code "Creatinine": '2160-0' from "LOINC"
valueset "Unknown set": 'http://example.org/ValueSet/nobody'
parameter "Limit" Quantity default 1.2 'mg/dL'
context Patient
define "Values": [Observation: "Creatinine"] O return (O.value as Quantity) sort desc
define "High": First("Values") > "Limit"
define "Greeting": B."Hello" + ' ' + First(First(Patient.name).given)
define "Nothing": null
define "None": [Procedure: "Unknown set"]
define "Row": Tuple { a: 1, b: { 'x', 'y' }, c: Interval[1, 3), d: null }
define "Stay": Interval[@2026-01-01, @2026-01-15]
define "First Observation": First([Observation])
define "Broken": singleton from [Observation]
define "Big": 5L
define private "Hidden": 1
`

func newCQL(t testing.TB) *bench {
	return newBench(t, libraryOf("Kidney", "1.0.0", "active", kidneyCQL), libraryOf("Basics", "1.0.0", "active", "library Basics version '1.0.0' define \"Hello\": 'Hallo'"),
		libraryOf("Draft", "1.0.0", "draft", "define X: 1"), libraryOf("Circle", "1.0.0", "active", "library Circle version '1.0.0' include Circle version '1.0.0' define X: 1"),
		libraryOf("Lost", "1.0.0", "active", "include Nobody version '3' define X: 1"),
		libraryOf("Slow", "1.0.0", "active", "define A: expand Interval[1, 1000] define Good: 1 define Slow: Count(from A X, A Y return all 1)"))
}

const kidneyData = `{"name":"subject","valueString":"Patient/p"},{"name":"data","resource":{"resourceType":"Bundle","type":"collection","entry":[` +
	`{"resource":{"resourceType":"Patient","id":"p","name":[{"given":["Eva"]}]}},` +
	`{"resource":{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"valueQuantity":{"value":1.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}},` +
	`{"resource":{"resourceType":"Observation","id":"o2","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"valueQuantity":{"value":0.9,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}]}}`

// express calls one of the operations of CQL.
func (b *bench) express(name, on string, parameters ...string) (*fhir.Resource, error) {
	b.tb.Helper()
	c := fhir.Call{Parameters: b.parse(`{"resourceType":"Parameters","parameter":[` + strings.Join(parameters, ",") + `]}`)}
	if on != "" {
		c.Type, c.ID, _ = strings.Cut(on, "/")
		if c.ID != "" {
			c.Instance = b.artifact(on)
		}
	}
	for _, o := range operation.Expressions(b.config) {
		if o.Signature().Name == name {
			return o.Run(context.Background(), c)
		}
	}
	b.tb.Fatalf("no operation %s", name)
	return nil, nil
}

func TestEvaluate(t *testing.T) {
	b := newCQL(t)
	got, err := b.express("evaluate", "Library/kidney", kidneyData)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"name":"Values","valueQuantity":{"value":1.4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
		`{"name":"Values","valueQuantity":{"value":0.9,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
		`{"name":"High","valueBoolean":true}`,
		`{"name":"Greeting","valueString":"Hallo Eva"}`,
		`{"name":"Nothing","_valueBoolean":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}`,
		`{"name":"None","_valueBoolean":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/cqf-isEmptyList","valueBoolean":true}]},"extension":[{"url":"https://cdss.example/fhir/StructureDefinition/not-checked","extension":[{"url":"missing","valueString":"Procedure"}]}]}`,
		`{"name":"Row","part":[{"name":"a","valueInteger":1},{"name":"b","part":[{"name":"element","valueString":"x"},{"name":"element","valueString":"y"}]},{"name":"c","valueRange":{"low":{"value":1,"unit":"1","system":"http://unitsofmeasure.org","code":"1"},"high":{"value":2,"unit":"1","system":"http://unitsofmeasure.org","code":"1"}}},{"name":"d","_valueBoolean":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}]}`,
		`{"name":"Stay","valuePeriod":{"start":"2026-01-01","end":"2026-01-15"}}`,
		`{"name":"First Observation","resource":{"resourceType":"Observation","id":"o1","status":"final"`,
		`{"name":"Broken","part":[{"name":"evaluation error","resource":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing","diagnostics":"CQL: Kidney, line 18, column 18: singleton from: the list holds 2 items"}]}}]}`,
		`{"name":"Big","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/cqf-cqlType","valueString":"System.Long"}],"valueString":"5"}`,
	}
	list := got.Root().Children("parameter")
	if len(list) != len(want) {
		t.Fatalf("%d parameters: %s", len(list), got.Raw())
	}
	for i, p := range list {
		if !strings.HasPrefix(string(p.JSON()), want[i]) {
			t.Errorf("got  %s\nwant %s", p.JSON(), want[i])
		}
	}
}

func TestEvaluateChosen(t *testing.T) {
	b := newCQL(t)
	limit := `{"name":"parameters","resource":{"resourceType":"Parameters","parameter":[{"name":"Limit","valueQuantity":{"value":20,"system":"http://unitsofmeasure.org","code":"mg/L"}}]}}`
	got, err := b.express("evaluate", "Library", kidneyData, limit, `{"name":"url","valueUri":"http://example.org/Library/Kidney"}`, `{"name":"version","valueString":"1.0.0"}`, `{"name":"expression","valueString":"High"}`)
	if err != nil {
		t.Fatal(err)
	}
	if list := got.Root().Children("parameter"); len(list) != 1 || string(list[0].JSON()) != `{"name":"High","valueBoolean":false}` {
		t.Errorf("%s", got.Raw())
	}
}

// TestEvaluateInline: in a demonstration a library may come with the call, and what
// it includes among the data.
func TestEvaluateInline(t *testing.T) {
	b := newBench(t)
	inline := libraryOf("New", "1", "draft", "library New version '1' include Old version '1' called O valueset \"V\": 'http://example.org/ValueSet/v' define X: O.Y + 1 define In: 'a' in \"V\" define N: Count(ExpandValueSet(\"V\")) define L: Count((\"V\" union { Code { code: 'b', system: 'http://x' } }) C return C.code)")
	old := libraryOf("Old", "1", "draft", "library Old version '1' define Y: 41")
	set := `{"resourceType":"ValueSet","id":"v","url":"http://example.org/ValueSet/v","status":"active","expansion":{"timestamp":"2026-01-01","contains":[{"system":"http://x","code":"a"}]},"compose":{"include":[{"system":"http://x","concept":[{"code":"a"}]}]}}`
	got, err := b.express("evaluate", "Library", `{"name":"library","resource":`+inline+`}`, `{"name":"data","resource":{"resourceType":"Bundle","type":"collection","entry":[{"resource":`+old+`},{"resource":`+set+`}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got.Raw()); !strings.Contains(text, `{"name":"X","valueInteger":42}`) || !strings.Contains(text, `{"name":"In","valueBoolean":true},{"name":"N","valueInteger":1},{"name":"L","valueInteger":2}`) {
		t.Error(text)
	}
	b.config.Demo = false
	if _, err := b.express("evaluate", "Library", `{"name":"library","resource":`+inline+`}`); !issue.Is(err, issue.BusinessRule) {
		t.Errorf("what nobody released is evaluated: %v", err)
	}
}

// TestEvaluateStops: what one expression costs is no reason to withhold another.
func TestEvaluateStops(t *testing.T) {
	got, err := newCQL(t).express("evaluate", "Library/slow", `{"name":"expression","valueString":"Slow"},{"name":"expression","valueString":"Good"}`)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got.Raw())
	if !strings.Contains(text, `"code":"too-costly"`) || !strings.Contains(text, `{"name":"Good","valueInteger":1}`) {
		t.Error(text)
	}
}

func TestCQLRefuses(t *testing.T) {
	b := newCQL(t)
	for _, c := range []struct {
		op, on, parameters string
		kind               issue.Kind
		text               string
	}{
		{"evaluate", "Library", ``, issue.Required, "name the Library"},
		{"evaluate", "Library", `{"name":"url","valueUri":"http://example.org/Library/Nobody"}`, issue.NotFound, "there is no Library"},
		{"evaluate", "Library/kidney", `{"name":"expression","valueString":"Nope"}`, issue.NotFound, `defines no "Nope"`},
		{"evaluate", "Library/kidney", `{"name":"dataEndpoint","valueString":"x"}`, issue.NotSupported, `"dataEndpoint" is not supported`},
		{"evaluate", "Library/kidney", `{"name":"parameters","resource":{"resourceType":"Parameters","parameter":[{"name":"Nope","valueInteger":1}]}}`, issue.NotFound, `no parameter "Nope"`},
		{"evaluate", "Library/circle", ``, issue.BusinessRule, "includes itself"},
		{"evaluate", "Library/lost", ``, issue.NotFound, "line 1, column 1: library Nobody|3 is not there"},
		{"cql", "", ``, issue.Required, "expression is missing"},
		{"cql", "", `{"name":"expression","valueString":"1 +"}`, issue.Invalid, "line 1, column 4"},
		{"cql", "", `{"name":"expression","valueString":"1 + 'a'"}`, issue.Invalid, "has no meaning"},
		{"cql", "", `{"name":"expression","valueString":"1"},{"name":"library","part":[{"name":"url","valueUri":"http://example.org/Library/Nobody"}]}`, issue.NotFound, "there is no Library"},
		{"cql", "", `{"name":"expression","valueString":"1"},{"name":"subject","valueString":"Group/1"}`, issue.NotSupported, "the subject has to be a Patient"},
	} {
		var list []string
		if c.parameters != "" {
			list = append(list, c.parameters)
		}
		_, err := b.express(c.op, c.on, list...)
		if !issue.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s %s %s: got %v, want %s %q", c.op, c.on, c.parameters, err, c.kind, c.text)
		}
	}
	b.config.Demo = false
	if _, err := b.express("evaluate", "Library/draft"); !issue.Is(err, issue.BusinessRule) {
		t.Errorf("a draft is evaluated: %v", err)
	}
}

func TestCQL(t *testing.T) {
	b := newCQL(t)
	for _, c := range []struct{ expression, more, want string }{
		{"1 + 2 * 3", "", `{"name":"return","valueInteger":7}`},
		{"Today()", "", `{"name":"return","valueDate":"2026-01-15"}`},
		{"First(Patient.name.given)", "," + kidneyData, `{"name":"return","valueString":"Eva"}`},
		{`K.\"High\"`, "," + kidneyData + `,{"name":"library","part":[{"name":"url","valueUri":"http://example.org/Library/Kidney"},{"name":"name","valueString":"K"}]}`, `{"name":"return","valueBoolean":true}`},
		{`%n + 1`, `,{"name":"parameters","resource":{"resourceType":"Parameters","parameter":[{"name":"n","valueInteger":41}]}}`, `{"name":"return","valueInteger":42}`},
		{`Count([Observation] O where O.value > 1 'mg/dL')`, "," + kidneyData, `{"name":"return","valueInteger":1}`},
		{`singleton from {1, 2}`, "", `{"name":"return","part":[{"name":"evaluation error"`},
	} {
		got, err := b.express("cql", "", `{"name":"expression","valueString":"`+c.expression+`"}`+c.more)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if p := string(got.Root().Child("parameter").JSON()); !strings.HasPrefix(p, c.want) {
			t.Errorf("%s: got %s, want %s", c.expression, p, c.want)
		}
	}
}

func TestDataRequirements(t *testing.T) {
	got, err := newCQL(t).express("data-requirements", "Library/kidney")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range got.Root().Children("dataRequirement") {
		list = append(list, string(r.JSON()))
	}
	want := []string{
		`{"type":"Observation","profile":["http://hl7.org/fhir/StructureDefinition/Observation"],"codeFilter":[{"path":"code","code":[{"system":"http://loinc.org","code":"2160-0"}]}]}`,
		`{"type":"Procedure","profile":["http://hl7.org/fhir/StructureDefinition/Procedure"],"codeFilter":[{"path":"code","valueSet":"http://example.org/ValueSet/nobody"}]}`,
		`{"type":"Observation","profile":["http://hl7.org/fhir/StructureDefinition/Observation"]}`,
	}
	if strings.Join(list, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(list, "\n"))
	}
	if p := got.Root().Child("parameter"); p.Child("name").String() != "Limit" || p.Child("type").String() != "Quantity" {
		t.Errorf("parameter %s", p.JSON())
	}
}

package apply_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
)

var now = time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)

const base = "https://test.example/"

// system is what every snapshot needs: one indication.
var system = fmt.Sprintf(`{"resourceType":"CodeSystem","id":"i","url":%q,"version":"1","status":"active","content":"complete","concept":[
 {"code":"chest","display":"Brust","property":[{"code":"order","valueInteger":1}]},
 {"code":"pneumonia","display":"Lungenentzündung","property":[{"code":"category","valueCode":"chest"}]}]}`, content.IndicationSystem)

// library names what the conditions of these tests read beside the Chart.
const library = `{"resourceType":"Library","id":"f","url":"https://test.example/f","version":"1","status":"active",
 "type":{"text":"x"},"extension":[
 {"url":"http://hl7.org/fhir/StructureDefinition/cqf-expression","valueExpression":{"name":"old","description":"alt","language":"text/fhirpath","expression":"%age >= 65"}},
 {"url":"http://hl7.org/fhir/StructureDefinition/cqf-expression","valueExpression":{"name":"never","description":"nie bekannt","language":"text/fhirpath","expression":"{}"}},
 {"url":"http://hl7.org/fhir/StructureDefinition/cqf-expression","valueExpression":{"name":"broken","description":"kaputt","language":"text/fhirpath","expression":"(1 | 2) + 1"}}]}`

const regimen = `{"resourceType":"ActivityDefinition","id":"drug","url":"https://test.example/drug","version":"1","status":"active","kind":"MedicationRequest",
 "productCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"J01CR01"}],"text":"Mittel"},
 "dosage":[{"timing":{"repeat":{"frequency":3,"period":1,"periodUnit":"d"}},"route":{"coding":[{"system":"http://snomed.info/sct","code":"47625008"}]},
  "doseAndRate":[{"doseQuantity":{"value":3,"unit":"g","system":"http://unitsofmeasure.org","code":"g"}}]}]}`

// action writes an action of a plan.
func action(id, role, condition string, children ...string) string {
	s := fmt.Sprintf(`{"id":%q,"code":[{"coding":[{"system":%q,"code":%q}]}]`, id, content.ActionSystem, role)
	if condition != "" {
		assume := ""
		if rest, ok := strings.CutPrefix(condition, "assume "); ok {
			condition = rest
			assume = fmt.Sprintf(`"extension":[{"url":%q,"valueBoolean":true}],`, content.AssumeExtension)
		}
		s += fmt.Sprintf(`,"condition":[{%s"kind":"applicability","expression":{"language":"text/fhirpath","expression":%q}}]`, assume, condition)
	}
	if role == content.RoleIngredient {
		s += `,"definitionCanonical":"https://test.example/drug|1"`
	}
	if len(children) > 0 {
		s += `,"action":[` + strings.Join(children, ",") + `]`
	}
	return s + "}"
}

// firstOnly marks an action: of its children only the first that applies is taken.
func firstOnly(a string) string {
	return fmt.Sprintf(`{"extension":[{"url":%q,"valueCode":"any"}],`, content.AnyApplicable) + strings.TrimPrefix(a, "{")
}

func option(id, condition string, ingredients ...string) string {
	return action(id, content.RoleOption, condition, ingredients...)
}

func ingredient(condition string) string { return action("i", content.RoleIngredient, condition) }

// applied runs a plan of the given actions for a patient born in the year; 0
// leaves the birth date out.
func applied(t *testing.T, year int, actions ...string) apply.Result {
	t.Helper()
	born := ""
	if year > 0 {
		born = fmt.Sprintf(`,"birthDate":"%d-01-01"`, year)
	}
	plan := `{"resourceType":"PlanDefinition","id":"p","url":"https://test.example/p","version":"1","status":"active","library":["https://test.example/f|1"],"action":[` +
		strings.Join(actions, ",") + `]}`
	var resources []*fhir.Resource
	for _, text := range []string{system, library, regimen, plan} {
		resources = append(resources, parse(t, text))
	}
	s, err := knowledge.Load(resources, knowledge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Problems() {
		t.Fatalf("%s %s: %s", p.Artifact, p.Location, p.Message)
	}
	p, ok := s.Plan(base + "p|1")
	if !ok {
		t.Fatalf("the plan does not run: %v", s.Withheld())
	}
	chart := facts.Build(facts.Input{Now: now, Resources: []*fhir.Resource{
		parse(t, `{"resourceType":"Patient","id":"1","gender":"female"`+born+`}`),
	}})
	return apply.Apply(context.Background(), p, chart, now)
}

func parse(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// outline writes a result: candidates and advice by id, what was not checked with
// what is missing.
func outline(r apply.Result) string {
	var b strings.Builder
	for _, c := range r.Candidates {
		fmt.Fprintf(&b, "option %s", c.Action.ID)
		if c.Population != nil {
			fmt.Fprintf(&b, " of %s", c.Population.ID)
		}
		fmt.Fprintf(&b, " with %d", len(c.Ingredients))
		for _, u := range c.Assumed {
			fmt.Fprintf(&b, " assuming %s", u.At)
		}
		b.WriteString("\n")
	}
	for _, a := range r.Advice {
		fmt.Fprintf(&b, "%s %s\n", a.Action.Role, a.Action.ID)
	}
	for _, u := range r.NotChecked {
		fmt.Fprintf(&b, "not checked %s:", u.At)
		for _, g := range u.Missing {
			fmt.Fprintf(&b, " %s", g.Fact)
		}
		b.WriteString("\n")
	}
	for _, i := range r.Issues {
		fmt.Fprintf(&b, "issue %s\n", i.At)
	}
	return b.String()
}

func TestApply(t *testing.T) {
	population := func(id, condition string, options ...string) string {
		return action(id, content.RolePopulation, condition, options...)
	}
	for _, tc := range []struct {
		name    string
		year    int
		actions []string
		want    string
	}{
		{"an action without condition applies", 1950,
			[]string{option("a", "", ingredient(""))}, "option a with 1\n"},
		{"true applies, false does not", 1950,
			[]string{option("a", "%age >= 65", ingredient("")), option("b", "%age < 65", ingredient(""))}, "option a with 1\n"},
		{"a named expression", 1950,
			[]string{option("a", "%old", ingredient("")), option("b", "%old.not()", ingredient(""))}, "option a with 1\n"},
		{"unknown is not false: neither the condition nor its negation applies", 0,
			[]string{option("a", "%age >= 65", ingredient("")), option("b", "%age < 65", ingredient(""))},
			"not checked a: age\nnot checked b: age\n"},
		{"unknown through a named expression names the fact", 0,
			[]string{option("a", "%old", ingredient(""))}, "not checked a: age\n"},
		{"what cannot change the outcome need not be known", 0,
			[]string{option("a", "%age >= 65 and false", ingredient("")), option("b", "%age >= 65 or true", ingredient(""))}, "option b with 1\n"},
		{"an empty named expression is unknown", 1950,
			[]string{option("a", "%never", ingredient("")), option("b", "%never.not()", ingredient(""))},
			"not checked a: never\nnot checked b: never\n"},
		{"a named expression that fails is unknown", 1950,
			[]string{option("a", "%broken = 3", ingredient(""))}, "not checked a: broken\n"},
		{"a name nobody has is unknown", 1950,
			[]string{option("a", "%nobodyKnows", ingredient(""))}, "not checked a: nobody-knows\n"},
		{"an assumed condition goes on and is told", 0,
			[]string{population("p", "assume %age >= 65", option("a", "", ingredient("")))},
			"option a of p with 1 assuming p\nnot checked p: age\n"},
		{"an assumed condition that is false does not apply", 1990,
			[]string{population("p", "assume %age >= 65", option("a", "", ingredient("")))}, ""},
		{"of populations the first that applies", 1950,
			[]string{firstOnly(action("choice", content.RoleChoice, "",
				population("p", "%age < 65", option("a", "", ingredient(""))),
				population("q", "%age >= 65", option("b", "", ingredient(""))),
				population("r", "", option("c", "", ingredient("")))))},
			"option b of q with 1\n"},
		{"one that is undecided is passed over and told", 0,
			[]string{firstOnly(action("choice", content.RoleChoice, "",
				population("p", "%age < 65", option("a", "", ingredient(""))),
				population("q", "", option("b", "", ingredient("")))))},
			"option b of q with 1\nnot checked choice/p: age\n"},
		{"conditions of a parent hold for its children", 1950,
			[]string{population("p", "%age < 65", option("a", "", ingredient("")))}, ""},
		{"both ingredients of a combination", 1950,
			[]string{option("a", "", ingredient(""), ingredient(""))}, "option a with 2\n"},
		{"an ingredient whose condition is false is left out", 1950,
			[]string{option("a", "", ingredient(""), ingredient("%age < 65"))}, "option a with 1\n"},
		{"half a combination is no option", 0,
			[]string{option("a", "", ingredient(""), ingredient("%age < 65"))}, "not checked a/i: age\n"},
		{"an option without ingredients is none", 1950, []string{option("a", "")}, ""},
		{"advice", 1950,
			[]string{action("x", content.RoleAdvice, "%old"), action("y", content.RoleNoAntibiotic, "")}, "advice x\nno-antibiotic y\n"},
		{"a condition that fails is an issue, and its action is not taken", 1950,
			[]string{option("a", "(1 | 2) + 1 = 3", ingredient("")), option("b", "", ingredient(""))},
			"option b with 1\nnot checked a:\nissue a\n"},
		{"a condition that is no boolean is an issue", 1950,
			[]string{option("a", "(1 | 2)", ingredient(""))}, "not checked a:\nissue a\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := outline(applied(t, tc.year, tc.actions...))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTraceTellsWhatWasRead(t *testing.T) {
	r := applied(t, 1950, option("a", "%old and %never", ingredient("")))
	if len(r.Trace) != 1 {
		t.Fatalf("%d steps, want 1", len(r.Trace))
	}
	step := r.Trace[0]
	if step.At != "a" || step.Expression != "%old and %never" || step.Outcome != "undetermined" {
		t.Errorf("step %+v", step)
	}
	want := []apply.Read{{Name: "old", Value: "true", Source: "library"}, {Name: "never", Value: "?"}}
	if diff := cmp.Diff(want, step.Reads); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestScopeKnowsValuesOfTheCaller(t *testing.T) {
	chart := facts.Build(facts.Input{Now: now})
	scope := apply.NewScope(context.Background(), chart, now)
	resources := []*fhir.Resource{parse(t, system), parse(t, `{"resourceType":"PlanDefinition","id":"p","url":"https://test.example/p","version":"1","status":"active","action":[`+
		action("a", content.RoleRule, "%listed.not()")+`]}`)}
	s, err := knowledge.Load(resources, knowledge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.Plan(base + "p|1")
	for _, tc := range []struct {
		value, known bool
		want         apply.Outcome
	}{{true, true, apply.Fails}, {false, true, apply.Holds}, {false, false, apply.Open}, {true, false, apply.Open}} {
		if got := scope.With("listed", tc.value, tc.known).Decide(p, p.Actions[0]).Outcome; got != tc.want {
			t.Errorf("listed %v known %v: outcome %v, want %v", tc.value, tc.known, got, tc.want)
		}
	}
}

// The codes of diagnoses are named with a short system, and an empty problem list
// is not known to be empty.
func TestCodesOfTheChart(t *testing.T) {
	condition := `{"resourceType":"Condition","id":"c","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
	 "verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},
	 "code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9","display":"Pneumonie"}],"text":"Linksseitige Pneumonie"},"subject":{"reference":"Patient/1"}}`
	s, err := knowledge.Load([]*fhir.Resource{parse(t, system), parse(t, `{"resourceType":"PlanDefinition","id":"p","url":"https://test.example/p","version":"1","status":"active","action":[`+
		action("code", content.RoleRule, "%diagnoses contains 'icd-10-gm|J18.9'")+","+action("text", content.RoleRule, "%diagnosisTexts.where($this.contains('linksseitig')).exists()")+`]}`)},
		knowledge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.Plan(base + "p|1")
	with := facts.Build(facts.Input{Now: now, Resources: []*fhir.Resource{parse(t, `{"resourceType":"Patient","id":"1"}`), parse(t, condition)}})
	none := facts.Build(facts.Input{Now: now, Resources: []*fhir.Resource{parse(t, `{"resourceType":"Patient","id":"1"}`)}})
	for _, a := range p.Actions {
		if got := apply.NewScope(context.Background(), with, now).Decide(p, a).Outcome; got != apply.Holds {
			t.Errorf("%s: outcome %v, want holds", a.ID, got)
		}
		v := apply.NewScope(context.Background(), none, now).Decide(p, a)
		if v.Outcome != apply.Open || len(v.Missing) != 1 || v.Missing[0].Fact != "conditions" {
			t.Errorf("%s without diagnoses: %+v, want open for want of conditions", a.ID, v)
		}
	}
}

package runs_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/content/cases"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/trial/runs"
	"cdss/fhir"
	"cdss/fhir/issue"
)

const pneumonia = content.Base + "/PlanDefinition/regimens-community-acquired-pneumonia"

// shelf has what ships, and a draft that breaks the severe pneumonia.
type shelf struct {
	shipped, broken *knowledge.Snapshot
	plan            *fhir.Resource
}

func (s shelf) Artifact(_ context.Context, _, id string) (*fhir.Resource, *knowledge.Snapshot, error) {
	switch id {
	case "shipped":
		return s.plan, s.shipped, nil
	case "broken":
		return s.plan, s.broken, nil
	}
	return nil, nil, issue.New(issue.NotFound, "no artifact %s", id)
}

func (s shelf) With(context.Context, *fhir.Resource) (*knowledge.Snapshot, error) {
	return s.broken, nil
}

func service(t *testing.T, site ...*fhir.Resource) *runs.Service {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{}
	var other []*fhir.Resource
	for _, r := range artifacts {
		if r.Root().Child("url").String() == pneumonia {
			s.plan = r
			text := strings.ReplaceAll(string(r.Raw()), `(%severity = 'severe' or %severity = 'septic')`, `(%severity = 'mild')`)
			if r, err = fhir.ParseResource([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		other = append(other, r)
	}
	if s.shipped, err = knowledge.Load(artifacts, knowledge.Options{Demo: true}); err != nil {
		t.Fatal(err)
	}
	if s.broken, err = knowledge.Load(other, knowledge.Options{Demo: true}); err != nil {
		t.Fatal(err)
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := cases.Bundles()
	if err != nil {
		t.Fatal(err)
	}
	r, err := runs.New(runs.Config{
		Artifacts: s, Knowledge: func() *knowledge.Snapshot { return s.shipped }, Tables: tables, Demo: true, Shipped: bundles, Now: time.Now,
		Site: func(context.Context, string) ([]*fhir.Resource, error) { return site, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A draft that fails its cases is told to whoever would release it; what ships is not.
func TestCasesStopARelease(t *testing.T) {
	s := service(t)
	plan, broken, _ := s.Artifacts.Artifact(t.Context(), "PlanDefinition", "broken")
	failures, err := s.Test(t.Context(), plan, broken)
	if err != nil || len(failures) == 0 || failures[0].Case == "" || failures[0].Message == "" {
		t.Errorf("%+v %v", failures, err)
	}
	if failures, err := s.Test(t.Context(), plan, s.Knowledge()); err != nil || len(failures) != 0 {
		t.Errorf("what ships fails: %+v %v", failures, err)
	}
	m, err := s.Impact(t.Context(), "PlanDefinition", "broken", nil, cds.EN)
	if err != nil || m.Changed == 0 || m.Changed == m.Questions {
		t.Errorf("%d of %d cases change, %v", m.Changed, m.Questions, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := s.Impact(gone, "PlanDefinition", "broken", nil, cds.EN); err == nil {
		t.Errorf("a count that was cut off is told as whole: %+v", m)
	}
	if _, err := s.Run(t.Context(), "PlanDefinition", "none"); !issue.Is(err, issue.NotFound) {
		t.Errorf("an artifact that is not there: %v", err)
	}
}

// A case of the site takes the place of the shipped one of its id.
func TestCasesOfTheSite(t *testing.T) {
	text := `{"resourceType":"Bundle","id":"pneumonia-severe","type":"collection","timestamp":"2026-05-20T10:00:00Z","entry":[
{"resource":{"resourceType":"Parameters","id":"case","parameter":[{"name":"title","valueString":"ours"},{"name":"artifact","valueCanonical":"` + pneumonia + `"},{"name":"indication","valueCode":"sepsis"}]}},
{"resource":{"resourceType":"Patient","id":"p"}}]}`
	mine, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	run, err := service(t, mine).Run(t.Context(), "PlanDefinition", "shipped")
	if err != nil || run.Failed != 1 {
		t.Fatalf("%d failed, %v", run.Failed, err)
	}
	for _, c := range run.Cases {
		if c.ID == "pneumonia-severe" && (c.Title != "ours" || c.Passed) {
			t.Errorf("%+v", c)
		}
	}
}

// Why an option is not offered is told by the condition that stands against it, and
// by what it read.
func TestWhyNot(t *testing.T) {
	s := service(t)
	e, err := s.Trace(t.Context(), runs.Question{Case: "pneumonia-severe", Language: cds.EN, WhyNot: "J01DH02"})
	if err != nil {
		t.Fatal(err)
	}
	if e.WhyNot == nil || e.WhyNot.Offered || len(e.WhyNot.Reasons) == 0 {
		t.Fatalf("%+v", e.WhyNot)
	}
	read := false
	for _, r := range e.WhyNot.Reasons {
		if r.Kind == "condition-false" && (r.At == "" || len(r.Conditions) == 0) {
			t.Errorf("%+v", r)
		}
		for _, c := range r.Conditions {
			read = read || len(c.Reads) > 0 && c.Outcome != "true"
		}
	}
	if !read {
		t.Errorf("nobody says what was read: %+v", e.WhyNot.Reasons)
	}
	e, err = s.Trace(t.Context(), runs.Question{Case: "pneumonia-severe", Language: cds.EN, WhyNot: "J01DD04"})
	if err != nil || !e.WhyNot.Offered || e.WhyNot.Rank == 0 {
		t.Errorf("%+v %v", e.WhyNot, err)
	}
	for _, q := range []runs.Question{{}, {Case: "none"}} {
		if _, err := s.Trace(t.Context(), q); !issue.Is(err, issue.Required) && !issue.Is(err, issue.NotFound) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// An expression is told its faults with their places, how it can go on, and what it is
// worth on the data of a case.
func TestExpression(t *testing.T) {
	s := service(t)
	library := func(text string) *fhir.Resource {
		r, err := fhir.NewResource("Library", "ward").Set("name", "Ward").Set("status", "draft").
			Append("content", fhir.NewObject().Set("contentType", "text/cql").Set("data", base64.StdEncoding.EncodeToString([]byte(text)))).Resource()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	patient, err := fhir.ParseResource([]byte(`{"resourceType":"Bundle","type":"collection","timestamp":"2026-03-16T09:00:00+01:00","entry":[
		{"resource":{"resourceType":"Patient","id":"p","gender":"male","birthDate":"1950-02-01"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(q runs.ExpressionQuestion) runs.ExpressionAnswer {
		t.Helper()
		a, err := s.Expression(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	const head = "library Ward version '1'\nusing FHIR version '4.0.1'\ncontext Patient\n"
	t.Run("value and the definitions behind it", func(t *testing.T) {
		a := ask(runs.ExpressionQuestion{Language: "text/cql-identifier", Text: "Old", Bundle: patient,
			Library: library(head + "define Age: AgeInYears()\ndefine Old: Age >= 65\n")})
		if len(a.Problems) > 0 || a.Value == nil || a.Value.Text != "true" || len(a.Reads) != 2 || a.Reads[0].Name != "Ward.Age" || a.Reads[0].Text != "76" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("what is not known", func(t *testing.T) {
		a := ask(runs.ExpressionQuestion{Language: "text/cql-expression", Text: "exists [Condition]", Bundle: patient})
		if a.Value == nil || len(a.Value.Unknown) != 1 || a.Value.Unknown[0] != "Condition" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a fault in the library, with its place", func(t *testing.T) {
		a := ask(runs.ExpressionQuestion{Language: "text/cql", Library: library(head + "define Old: Patient.birthdate\n")})
		if len(a.Problems) != 1 || a.Problems[0].Line != 4 || a.Problems[0].Column != 21 || a.Problems[0].Definition != "Old" || strings.Contains(a.Problems[0].Message, "line") {
			t.Errorf("%+v", a.Problems)
		}
	})
	t.Run("faults of expressions", func(t *testing.T) {
		for _, q := range []runs.ExpressionQuestion{
			{Language: "text/cql-expression", Text: "1 +\n+ "}, {Language: "text/fhirpath", Text: "%age >=\n"},
		} {
			if a := ask(q); len(a.Problems) != 1 || a.Problems[0].Line == 0 || a.Problems[0].Column == 0 {
				t.Errorf("%s: %+v", q.Language, a.Problems)
			}
		}
		if a := ask(runs.ExpressionQuestion{Language: "text/cql-identifier", Text: "Nobody", Libraries: []string{"http://example.org/Library/none"}}); len(a.Problems) != 2 {
			t.Errorf("%+v", a.Problems)
		}
	})
	t.Run("completion", func(t *testing.T) {
		a := ask(runs.ExpressionQuestion{Language: "text/cql", Before: "define X: Patient.birth", Library: library(head)})
		if a.Typed != "birth" || len(a.Completions) != 1 || a.Completions[0].Text != "birthDate" || a.Completions[0].Type != "FHIR.date" {
			t.Errorf("%+v", a)
		}
	})
	if _, err := s.Expression(t.Context(), runs.ExpressionQuestion{Language: "text/cql-expression", Text: "1", Case: "no such case"}); issue.KindOf(err) != issue.NotFound {
		t.Errorf("%v", err)
	}
}

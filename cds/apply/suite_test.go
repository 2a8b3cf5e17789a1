package apply_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/terminology"
)

// waiting are the cases, and the forms of result, that differ, with the reason. The
// list only shrinks.
var waiting = map[string]string{
	"prepopulate/CarePlan": "no test asserts this file upstream: it is of an earlier state, with references like #RequestGroup/prepopulate and a Questionnaire that SDC filled; the Bundle, which is asserted, is equal",
	"cds-hooks-aslp-crd":   "condition and card are text/cql-identifier, and its libraries are not part of the case; the halves that are asserted upstream belong to plans as CDS services",
}

type suiteCase struct {
	ID        string
	Operation struct {
		PlanDefinition, Subject, Encounter, Practitioner, AdditionalData string
		Parameters                                                       json.RawMessage
	}
	Expected []struct{ Form, File string }
}

func suite(t *testing.T) (string, []string) {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "apply")
	found, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
	if err != nil || len(found) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	return dir, found
}

func entries(t *testing.T, path string) []*fhir.Resource {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := fhir.ParseResource(raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		t.Fatal(err)
	}
	var list []*fhir.Resource
	for _, e := range b.Entries {
		list = append(list, e.Resource)
	}
	return list
}

func readSuite(t *testing.T, path string) (suiteCase, *fhir.Resource, apply.Input) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c suiteCase
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	content := entries(t, filepath.Join(dir, "content.json"))
	in := apply.Input{
		Definitions: knowledge.NewCatalogue(content), Now: time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC), Lang: cds.EN,
		Data: entries(t, filepath.Join(dir, "data.json")), Parameters: map[string]fhirpath.Collection{},
	}
	terms, _ := terminology.Load(content)
	in.MemberOf = terms.MemberOf
	typed := func(typ, s string) string {
		if s == "" || strings.Contains(s, "/") {
			return s
		}
		return typ + "/" + s
	}
	in.Subject, in.Encounter, in.Practitioner = typed("Patient", c.Operation.Subject), typed("Encounter", c.Operation.Encounter), typed("Practitioner", c.Operation.Practitioner)
	if c.Operation.AdditionalData != "" {
		in.Data = append(in.Data, entries(t, filepath.Join(dir, c.Operation.AdditionalData))...)
	}
	if len(c.Operation.Parameters) > 0 {
		p, err := fhir.ParseResource(c.Operation.Parameters)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Root().Children("parameter") {
			v, _ := n.Choice("value")
			in.Parameters[n.Child("name").String()] = fhirpath.FromNode(v)
		}
	}
	for _, r := range content {
		if r.Type() == "PlanDefinition" && r.ID() == c.Operation.PlanDefinition {
			return c, r, in
		}
	}
	t.Fatalf("no PlanDefinition %s", c.Operation.PlanDefinition)
	return c, nil, in
}

// TestSuite runs the cases of the reference implementation whose result is a file.
func TestSuite(t *testing.T) {
	dir, cases := suite(t)
	ran := 0
	compared := map[string]bool{}
	for _, path := range cases {
		c, plan, in := readSuite(t, path)
		for _, want := range c.Expected {
			name := c.ID + "/" + want.Form
			if reason, waits := waiting[name]; waits {
				t.Logf("%s differs: %s", name, reason)
				continue
			}
			ran++
			compared[c.ID] = true
			t.Run(name, func(t *testing.T) {
				in.Bundle = want.Form == "Bundle"
				got, err := apply.PlanDefinition(context.Background(), plan, in)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), want.File))
				if err != nil {
					t.Fatal(err)
				}
				var expected, is any
				if err := json.Unmarshal(raw, &expected); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(got.Raw(), &is); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(expected, is); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
	if ran < 10 {
		t.Errorf("only %d results were compared", ran)
	}
	// Each case is compared, asserted below, or listed.
	accounted := map[string]bool{"discharge-instructions": true, "nested-definition-error": true, "no-subject": true}
	for name := range waiting {
		id, _, _ := strings.Cut(name, "/")
		accounted[id] = true
		if _, err := os.Stat(filepath.Join(dir, id)); err != nil {
			t.Errorf("%s waits and is no case", name)
		}
	}
	for _, path := range cases {
		if id := filepath.Base(filepath.Dir(path)); !accounted[id] && !compared[id] {
			t.Errorf("nobody runs %s", id)
		}
	}
}

// TestSuiteAssertions runs the cases that assert something of the result.
func TestSuiteAssertions(t *testing.T) {
	dir, _ := suite(t)
	read := func(name string) (*fhir.Resource, apply.Input) {
		_, plan, in := readSuite(t, filepath.Join(dir, name, "case.json"))
		in.Bundle = true
		return plan, in
	}
	t.Run("discharge-instructions", func(t *testing.T) {
		plan, in := read("discharge-instructions")
		got := entriesOf(t, run(t, plan, in))
		payload := got["CommunicationRequest/send-discharge-message"].Get("payload", "contentString").String()
		if payload != "Provide patient discharge instructions Alice" {
			t.Errorf("payload %q", payload)
		}
	})
	t.Run("nested-definition-error", func(t *testing.T) {
		plan, in := read("nested-definition-error")
		b := run(t, plan, in).Root().Children("entry")
		if len(b) != 2 {
			t.Fatalf("%d entries", len(b))
		}
		if typ := b[1].Get("resource", "contained").ResourceType(); typ != "OperationOutcome" {
			t.Errorf("entry 1 contains %q", typ)
		}
	})
	t.Run("no-subject", func(t *testing.T) {
		plan, in := read("no-subject")
		in.Subject = ""
		if _, err := apply.PlanDefinition(context.Background(), plan, in); !issue.Is(err, issue.Required) {
			t.Errorf("error %v", err)
		}
	})
}

func run(t testing.TB, plan *fhir.Resource, in apply.Input) *fhir.Resource {
	t.Helper()
	r, err := apply.PlanDefinition(context.Background(), plan, in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// entriesOf gives the resources of a result, contained or in entries, by Type/id.
func entriesOf(t testing.TB, r *fhir.Resource) map[string]*fhir.Node {
	t.Helper()
	found := map[string]*fhir.Node{}
	add := func(n *fhir.Node) {
		key := n.ResourceType() + "/" + n.Child("id").String()
		if found[key] != nil {
			t.Errorf("%s stands twice", key)
		}
		found[key] = n
	}
	for _, n := range r.Root().Children("contained") {
		add(n)
	}
	for _, e := range r.Root().Children("entry") {
		add(e.Child("resource"))
	}
	return found
}

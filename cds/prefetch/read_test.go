package prefetch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
	"cdss/fhir/smart"
)

// values reads a prefetch object as the door does.
func values(t *testing.T, text string) map[string]*fhir.Node {
	t.Helper()
	root, err := fhir.ParseJSON([]byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]*fhir.Node{}
	for key, nodes := range root.Fields() {
		m[key] = nodes[0]
	}
	return m
}

const mine = `{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/p"}}`

func bundle(rest string, resources ...string) string {
	var entries []string
	for _, r := range resources {
		entries = append(entries, `{"resource":`+r+`}`)
	}
	return `{"resourceType":"Bundle","type":"searchset"` + rest + `,"entry":[` + strings.Join(entries, ",") + `]}`
}

func TestReadTellsWhatClientsBlur(t *testing.T) {
	for _, tc := range []struct {
		name, value string // of the key allergies; "" means the key is absent
		want        facts.Received
		used        int
	}{
		{"key absent", "", facts.NotReceived, 0},
		{"null", `null`, facts.NoneRecorded, 0},
		{"a resource instead of a Bundle", mine, facts.Complete, 1},
		{"searchset", bundle(`,"total":1`, mine), facts.Complete, 1},
		{"empty searchset", `{"resourceType":"Bundle","type":"searchset","total":0}`, facts.NoneRecorded, 0},
		{"next page not followed", bundle(`,"link":[{"relation":"next","url":"https://ehr.example/p2"}]`, mine), facts.Truncated, 1},
		{"fewer than the total", bundle(`,"total":2`, mine), facts.Truncated, 1},
		{"OperationOutcome", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden"}]}`, facts.Failed, 0},
		{"OperationOutcome without an issue", `{"resourceType":"OperationOutcome"}`, facts.Failed, 0},
		{"outcome beside matches", bundle("", mine, `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal"}]}`), facts.Truncated, 1},
		{"outcome instead of matches", bundle("", `{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}`), facts.Failed, 0},
		{"a mere warning", bundle("", mine, `{"resourceType":"OperationOutcome","issue":[{"severity":"warning"}]}`), facts.Complete, 1},
		{"old wrapper", `{"response":{"status":"200 OK"},"resource":` + bundle("", mine) + `}`, facts.Complete, 1},
		{"old wrapper, failed", `{"response":{"status":"404"},"resource":` + bundle("", mine) + `}`, facts.Failed, 0},
		{"old wrapper without resource", `{"response":{"status":"200"}}`, facts.Failed, 0},
		{"batch response", `{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"200"},"resource":` + bundle("", mine) + `}]}`, facts.Complete, 1},
		{"batch response, failed", `{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"500"}}]}`, facts.Failed, 0},
		{"another patient's", bundle("", mine, strings.ReplaceAll(mine, "Patient/p", "Patient/q")), facts.Wrong, 1},
		{"another patient's by absolute url", strings.ReplaceAll(mine, "Patient/p", "https://ehr.example/fhir/Patient/q"), facts.Wrong, 0},
		{"absolute url", strings.ReplaceAll(mine, "Patient/p", "https://ehr.example/fhir/Patient/p"), facts.Complete, 1},
		{"nobody's urn", strings.ReplaceAll(mine, "Patient/p", "urn:uuid:0ba1d2b4-6a6c-4d4e-9a51-1b2c3d4e5f60"), facts.Wrong, 0},
		{"no subject", `{"resourceType":"AllergyIntolerance","id":"a"}`, facts.Complete, 1},
		{"an entry that is no resource", bundle("", mine, `{"id":"x"}`), facts.Truncated, 1},
		{"a string", `"none"`, facts.Failed, 0},
		{"an object that is no resource", `{"allergies":"none"}`, facts.Failed, 0},
		{"Bundles too deep", bundle("", bundle("", bundle("", bundle("", mine)))), facts.Truncated, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := `{"patient":{"resourceType":"Patient","id":"p"}`
			if tc.value != "" {
				text += `,"allergies":` + tc.value
			}
			got, err := prefetch.Read("p", prefetch.Templates(), values(t, text+"}"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Received()["AllergyIntolerance"] != tc.want {
				t.Errorf("received %v, want %v", got.Received()["AllergyIntolerance"], tc.want)
			}
			used := 0
			for _, r := range got.Resources() {
				if r.Type() == "AllergyIntolerance" {
					used++
				}
			}
			if used != tc.used {
				t.Errorf("%d allergies are used, want %d", used, tc.used)
			}
			problem := false
			for _, p := range got.Problems() {
				problem = problem || p.Name == "allergies" && p.Reason.DE != "" && p.Reason.EN != ""
			}
			if quiet := tc.want == facts.Complete || tc.want == facts.NoneRecorded; problem == quiet {
				t.Errorf("problem told: %v, with the state %v", problem, tc.want)
			}
		})
	}
}

func TestUrnIsResolvedWithinItsBundle(t *testing.T) {
	const urn = "urn:uuid:0ba1d2b4-6a6c-4d4e-9a51-1b2c3d4e5f60"
	text := `{"all":{"resourceType":"Bundle","entry":[
		{"fullUrl":"` + urn + `","resource":{"resourceType":"Patient","id":"p"}},
		{"resource":` + strings.ReplaceAll(mine, "Patient/p", urn) + `}]}}`
	got, err := prefetch.Read("p", prefetch.Templates(), values(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Resources()) != 2 {
		t.Fatalf("%d resources are used, want 2", len(got.Resources()))
	}
	// Keys of the client's own prove no completeness, except for the one Patient.
	if got.Received()["Patient"] != facts.Complete || got.Received()["AllergyIntolerance"] != facts.Truncated {
		t.Errorf("received %v", got.Received())
	}
}

func TestAnotherPatientIsNotUsed(t *testing.T) {
	got, err := prefetch.Read("p", prefetch.Templates(), values(t, `{"patient":{"resourceType":"Patient","id":"q"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Resources()) != 0 || got.Received()["Patient"] != facts.Wrong {
		t.Errorf("used %d resources, received %v", len(got.Resources()), got.Received()["Patient"])
	}
}

func TestProblemsComeInTheOrderOfTheTemplates(t *testing.T) {
	got, err := prefetch.Read("p", prefetch.Templates(), values(t, `{"conditions":null,"devices":null,"procedures":null,"encounters":null,
		"allergies":{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"patient", "allergies", "medicationRequests", "medicationStatements", "observations", "deviceUseStatements", "flags"}
	var keys []string
	for _, p := range got.Problems() {
		keys = append(keys, p.Name)
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func TestTooManyEntriesAreRefused(t *testing.T) {
	list := make([]string, prefetch.MaxEntries+1)
	for i := range list {
		list[i] = fmt.Sprintf(`{"resourceType":"Observation","id":"o%d"}`, i)
	}
	_, err := prefetch.Read("p", prefetch.Templates(), values(t, `{"observations":`+bundle("", list...)+`}`))
	if issue.Status(err) != 413 {
		t.Errorf("got %v, want 413", err)
	}
}

// TestTemplatesKeepTo20 holds the templates against the subset that CDS Hooks
// 2.0.1 allows.
func TestTemplatesKeepTo20(t *testing.T) {
	templates := prefetch.Templates()
	allowed := map[string]bool{"patient": true, "status": true, "code": true, "_sort": true, "_count": true}
	for _, tmpl := range templates {
		query := strings.ReplaceAll(tmpl.Query, "{{context.patientId}}", "p")
		if strings.Contains(query, "{{") || strings.Contains(query, "%") {
			t.Errorf("%s uses a token beyond context.patientId: %s", tmpl.Key, tmpl.Query)
		}
		u, err := url.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if u.IsAbs() || !strings.HasPrefix(u.Path, tmpl.Type) {
			t.Errorf("%s is no relative query for %s: %s", tmpl.Key, tmpl.Type, tmpl.Query)
		}
		for name := range u.Query() {
			if !allowed[name] {
				t.Errorf("%s searches by %s", tmpl.Key, name)
			}
		}
		// A strict server refuses what R4 cannot search by.
		pairs, err := search.Split(u.RawQuery)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := search.Parse(tmpl.Type, pairs, search.Options{}); err != nil {
			t.Errorf("%s: %v", tmpl.Key, issue.Issues(err))
		}
		if len(tmpl.Query) > 1500 { // RFC 9110 asks servers for 8000
			t.Errorf("%s is %d characters long", tmpl.Key, len(tmpl.Query))
		}
	}
	// The order in discovery is the order of the templates.
	dec := json.NewDecoder(strings.NewReader(string(prefetch.JSON(templates))))
	var keys []string
	for at := 0; dec.More() || at == 0; at++ {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if at%2 == 1 {
			keys = append(keys, token.(string))
		}
	}
	var want []string
	for _, tmpl := range templates {
		want = append(want, tmpl.Key)
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"patient":{"resourceType":"Patient","id":"p"},"allergies":` + bundle(`,"total":3`, mine) + `}`)
	f.Add(`{"a":null,"b":[1],"c":{"response":{"status":2},"resource":{"resourceType":"Bundle","entry":[{},null]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		root, err := fhir.ParseJSON([]byte(text), fhir.Limits{})
		if err != nil {
			return
		}
		m := map[string]*fhir.Node{}
		for key, nodes := range root.Fields() {
			m[key] = nodes[0]
		}
		got, err := prefetch.Read("p", prefetch.Templates(), m)
		if err != nil {
			return
		}
		for _, r := range got.Resources() {
			if r.Type() == "Patient" && r.ID() != "p" {
				t.Errorf("uses Patient %q", r.ID())
			}
		}
	})
}

// TestTemplatesOf30 holds what only clients of CDS Hooks 3.0 are asked for against
// the tokens that 3.0 allows ("Prefetch tokens").
func TestTemplatesOf30(t *testing.T) {
	before := prefetch.Templates()
	list := prefetch.Version3(before, true)
	allowed := regexp.MustCompile(`^(context\.(patientId|userId)|today\(\)( [+-] \d+ days)?)$`)
	for i, tmpl := range list {
		if i < len(before) && tmpl != before[i] {
			t.Errorf("%s is another one than in 2.0", tmpl.Key)
		}
		for _, token := range regexp.MustCompile(`{{([^}]*)}}`).FindAllStringSubmatch(tmpl.Query, -1) {
			if !allowed.MatchString(token[1]) {
				t.Errorf("%s: token %q", tmpl.Key, token[1])
			}
		}
		// What the query asks for once the tokens are filled, a strict server takes.
		query := strings.NewReplacer("{{context.patientId}}", "p", "{{today() - 2 days}}", "2026-01-13").Replace(tmpl.Query)
		if typ, params, ok := strings.Cut(query, "?"); ok {
			pairs, err := search.Split(params)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := search.Parse(typ, pairs, search.Options{}); err != nil {
				t.Errorf("%s: %v", tmpl.Key, issue.Issues(err))
			}
		}
	}
	if len(list) != len(before)+2 || len(prefetch.Version3(before, false)) != len(before)+1 {
		t.Errorf("%d templates", len(list))
	}
	// We fill the tokens ourselves when we read.
	got, err := prefetch.Read("p", prefetch.Version3(before, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	got.Fetch(t.Context(), reading(func(q prefetch.Query) prefetch.Answer {
		asked = append(asked, q.Path)
		return prefetch.Answer{}
	}), smart.Authorization{}, time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC))
	if want := "MedicationAdministration?patient=p&status=in-progress,completed,stopped&effective-time=ge2026-01-13"; !slices.Contains(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

type reading func(prefetch.Query) prefetch.Answer

func (r reading) Read(_ context.Context, queries []prefetch.Query) map[string]prefetch.Answer {
	out := map[string]prefetch.Answer{}
	for _, q := range queries {
		out[q.Key] = r(q)
	}
	return out
}

package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"cdss/migrations/dbtest"
)

// outcome is the first issue of an OperationOutcome, and some of other resources.
type outcome struct {
	ResourceType string
	Total        int
	Issue        []struct{ Severity, Code, Diagnostics string }
	Expansion    struct {
		Contains []struct{ Code, Display string }
	}
	Parameter []struct {
		Name         string
		ValueString  string
		ValueBoolean *bool
		Part         []struct{ ValueBoolean *bool }
	}
}

func (p *program) fhir(method, path, body string) (int, outcome) {
	p.t.Helper()
	status, header, text := p.ask(method, "/fhir/"+path, body, "Content-Type", "application/fhir+json")
	var o outcome
	if text != "" {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
		if !strings.HasPrefix(header.Get("Content-Type"), "application/fhir+json") {
			p.t.Errorf("%s %s: Content-Type %q", method, path, header.Get("Content-Type"))
		}
	}
	return status, o
}

// What an operation reads of a patient that is kept here is in the trail, as any read.
func TestOperationsReadIntoTheTrail(t *testing.T) {
	p := demo(t)
	const id = "example-cap-moderate"
	for n, call := range [][2]string{
		{"$cql", `{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":"Patient/` + id + `"},{"name":"expression","valueString":"AgeInYears() >= 18"}]}`},
		{"PlanDefinition/regimens-community-acquired-pneumonia/$apply", `{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":"Patient/` + id + `"}]}`},
	} {
		if status, _, body := p.ask("POST", "/fhir/"+call[0], call[1], "Content-Type", "application/fhir+json"); status != 200 {
			t.Fatalf("%s: %d %s", call[0], status, body)
		}
		if status, o := p.fhir("GET", "AuditEvent?subtype=read&patient="+id, ""); status != 200 || o.Total != n+1 {
			t.Errorf("%s: %d, %d reads in the trail, want %d", call[0], status, o.Total, n+1)
		}
	}
}

func TestFHIRServesKnowledgeAndPatients(t *testing.T) {
	p := demo(t)
	for _, path := range []string{"PlanDefinition?status=active", "ActivityDefinition?_summary=count", "CodeSystem", "Patient", "Observation?patient=example-cap-moderate"} {
		if status, o := p.fhir("GET", path, ""); status != 200 || o.Total == 0 {
			t.Errorf("%s: %d, total %d", path, status, o.Total)
		}
	}
	// What comes with the program passes its own checks, and is nobody's to change.
	_, _, text := p.ask("GET", "/fhir/PlanDefinition/safety-rules", "")
	if status, o := p.fhir("POST", "PlanDefinition/$validate", text); status != 200 || o.Issue[0].Severity == "error" {
		t.Errorf("the safety rules: %d %+v", status, o)
	}
	if status, o := p.fhir("PUT", "PlanDefinition/safety-rules", text); status != 409 {
		t.Errorf("storing the safety rules again: %d %+v", status, o)
	}
	if status, o := p.fhir("POST", "AuditEvent", `{"resourceType":"AuditEvent"}`); status != 405 || o.Issue[0].Code != "not-supported" {
		t.Errorf("writing an AuditEvent: %d %+v", status, o)
	}
}

func TestFHIRChecksWhatIsWritten(t *testing.T) {
	p := demo(t)
	set := func(id, includes string) string {
		return `{"resourceType":"ValueSet","id":"` + id + `","url":"http://x/ValueSet/` + id + `","status":"active","compose":{"include":[` + includes + `]}}`
	}
	tests := []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"a plan without status", "POST", "PlanDefinition", `{"resourceType":"PlanDefinition"}`, 422, "status"},
		{"a date that is none", "POST", "Patient", `{"resourceType":"Patient","birthDate":"1970-02-30"}`, 422, "1970-02-30"},
		{"an element that is none", "POST", "Patient", `{"resourceType":"Patient","colour":"red"}`, 422, "colour"},
		{"a reference within to nothing", "POST", "Observation", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"#nobody"}}`, 422, "nobody"},
		{"one half of a circle", "PUT", "ValueSet/a", set("a", `{"valueSet":["http://x/ValueSet/b"]}`), 201, ""},
		{"the other half", "PUT", "ValueSet/b", set("b", `{"valueSet":["http://x/ValueSet/a"]}`), 422, "includes itself"},
		{"a circle of one", "PUT", "ValueSet/c", set("c", `{"valueSet":["http://x/ValueSet/c"]}`), 422, "includes itself"},
	}
	for _, tt := range tests {
		status, o := p.fhir(tt.method, tt.path, tt.body)
		text, _ := json.Marshal(o.Issue)
		if status != tt.status || !strings.Contains(string(text), tt.says) {
			t.Errorf("%s: %d %s", tt.name, status, text)
		}
	}
}

func TestFHIRTerminology(t *testing.T) {
	p := demo(t)
	put := func(path, body string) {
		if status, o := p.fhir("PUT", path, body); status != 201 {
			t.Fatalf("%s: %d %+v", path, status, o)
		}
	}
	put("CodeSystem/place", `{"resourceType":"CodeSystem","id":"place","url":"http://x/place","status":"active","content":"complete","concept":[
		{"code":"icu","display":"Intensive care","designation":[{"language":"de","value":"Intensivstation"}]},{"code":"er","display":"Emergency room"}]}`)
	put("ValueSet/place", `{"resourceType":"ValueSet","id":"place","url":"http://x/ValueSet/place","status":"active","compose":{"include":[{"system":"http://x/place"}]}}`)

	_, o := p.fhir("GET", "ValueSet/$expand?url="+url.QueryEscape("http://x/ValueSet/place")+"&displayLanguage=de&filter=intensiv", "")
	if len(o.Expansion.Contains) != 1 || o.Expansion.Contains[0].Display != "Intensivstation" {
		t.Errorf("expansion %+v", o)
	}
	if _, o = p.fhir("GET", "ValueSet/place/$validate-code?system=http://x/place&code=ward", ""); o.Parameter[0].ValueBoolean == nil || *o.Parameter[0].ValueBoolean {
		t.Errorf("a code that is not in the set: %+v", o)
	}
	// A change is known at once.
	put("CodeSystem/more", `{"resourceType":"CodeSystem","id":"more","url":"http://x/more","status":"active","content":"complete","concept":[{"code":"ward","display":"Ward"}]}`)
	if status, o := p.fhir("GET", "CodeSystem/$lookup?system=http://x/more&code=ward", ""); status != 200 || o.ResourceType != "Parameters" {
		t.Errorf("look up: %d %+v", status, o)
	}
	_, o = p.fhir("POST", "$fhirpath", `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"location.physicalType.memberOf('http://x/ValueSet/place')"},
		{"name":"resource","resource":{"resourceType":"Encounter","status":"planned","location":[{"physicalType":{"coding":[{"system":"http://x/place","code":"er"}]}}]}}]}`)
	if len(o.Parameter) != 2 || len(o.Parameter[1].Part) != 1 || o.Parameter[1].Part[0].ValueBoolean == nil || !*o.Parameter[1].Part[0].ValueBoolean {
		t.Errorf("memberOf gives %+v", o)
	}
	if status, o := p.fhir("GET", "ValueSet/$expand?url=http://x/nothing", ""); status != 404 || o.Issue[0].Code != "not-found" {
		t.Errorf("expanding nothing: %d %+v", status, o)
	}
}

// Without a demonstration there are no patients, and drafts are not shown.
func TestFHIRWithoutDemo(t *testing.T) {
	p := start(t, true, "DATABASE_URL="+dbtest.Empty(t))
	if status, o := p.fhir("GET", "Patient", ""); status != 404 || o.Issue[0].Code != "not-supported" {
		t.Errorf("patients: %d %+v", status, o)
	}
	if status, o := p.fhir("GET", "PlanDefinition?status=draft", ""); status != 200 || o.Total != 0 {
		t.Errorf("drafts: %d %+v", status, o)
	}
}

func TestFHIRBeforeTheDatabase(t *testing.T) {
	p := start(t, false, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if status, o := p.fhir("GET", "PlanDefinition", ""); status != 503 || o.Issue[0].Code != "transient" {
		t.Errorf("before the database: %d %+v", status, o)
	}
	if status, _ := p.fhir("GET", "metadata", ""); status != 200 {
		t.Errorf("metadata: %d", status)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/migrations/dbtest"
)

// worker is somebody who is logged in at a server.
type worker struct {
	*program
	cookie string
}

// chosen logs one of the people of open access in.
func (p *program) chosen(name string) worker {
	p.t.Helper()
	status, header, text := p.ask("POST", "/api/session", `{"person":"`+name+`"}`)
	if status != 200 {
		p.t.Fatalf("log in as %s: %d %s", name, status, text)
	}
	response := http.Response{Header: header}
	cookies := []string{}
	for _, c := range response.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	return worker{p, strings.Join(cookies, "; ")}
}

func (p worker) do(method, path, body string, header ...string) (int, http.Header, string) {
	p.t.Helper()
	return p.ask(method, path, body, append([]string{"Cookie", p.cookie}, header...)...)
}

// must does what has to work.
func (p worker) must(method, path, body string, header ...string) string {
	p.t.Helper()
	status, _, text := p.do(method, path, body, header...)
	if status >= 300 {
		p.t.Fatalf("%s %s: %d %.1000s", method, path, status, text)
	}
	return text
}

func step(name string) string { return `{"step":"` + name + `"}` }

// ruleAnswer is what the tests read of a rule.
type ruleAnswer struct {
	Rule struct {
		ID, Version, Status, State, Reason string
		Running                            bool
		VersionID                          int
		ApprovalDate                       string
		Authors                            []string
	}
	Problems []struct {
		Location, Message string
		Blocks            bool
	}
	May []string
}

func read(t *testing.T, text string) (d ruleAnswer) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return d
}

// rule is the body that stores an artifact.
func rule(resource string) string { return `{"resource":` + resource + `}` }

const (
	citation = `"documentation":[{"type":"citation","label":"House rule 7","url":"https://site.example/rules#7"}]`
	rules    = "/api/authoring/rules/"
)

// renalPlan is a plan that is a CDS service: it says what, for whom and on what ground.
func renalPlan(version, title, condition string) string {
	return fmt.Sprintf(`{"resourceType":"PlanDefinition","id":"renal-check","url":"https://site.example/PlanDefinition/renal-check","version":%q,"name":"RenalCheck","title":"Kidney check",
	 "status":"active","approvalDate":"2001-01-01","author":[{"name":"Mallory"}],"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/plan-definition-type","code":"eca-rule"}]},
	 "action":[{"id":"check","title":%q,"description":"Renal function may have changed.","priority":"urgent",
	  "trigger":[{"type":"named-event","name":"patient-view","data":[{"type":"Observation","codeFilter":[{"path":"code","code":[{"system":"http://loinc.org","code":"2160-0"}]}]}]}],
	  "condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":%q}}],%s,
	  "action":[{"id":"order","title":"Order creatinine","definitionCanonical":"https://site.example/ActivityDefinition/creatinine"}]}]}`, version, title, condition, citation)
}

func creatinineOrder(version string) string {
	return fmt.Sprintf(`{"resourceType":"ActivityDefinition","id":"creatinine","url":"https://site.example/ActivityDefinition/creatinine","version":%q,"name":"Creatinine","status":"active",
	 "kind":"ServiceRequest","intent":"proposal","code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Creatinine"}]}}`, version)
}

// release leads an artifact from its draft to its release, by two people.
func release(curator, approver worker, typ, id string) {
	curator.t.Helper()
	curator.must("POST", rules+typ+"/"+id+"/steps", step("submit"))
	approver.must("POST", rules+typ+"/"+id+"/steps", step("approve"))
	approver.must("POST", rules+typ+"/"+id+"/steps", step("release"))
}

// renalCall asks the service about a woman of 80 without creatinine.
func renalCall(p *program) []cds.Card {
	p.t.Helper()
	status, _, text := p.ask("POST", "/cds-services/renal-check", `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/1","patientId":"1"},
	 "prefetch":{"patient":{"resourceType":"Patient","id":"1","gender":"female","birthDate":"1940-01-01"},"observations":{"resourceType":"Bundle","type":"searchset","total":0}}}`)
	if status != 200 {
		p.t.Fatalf("call the plan: %d %.500s", status, text)
	}
	var r cds.Response
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		p.t.Fatal(err)
	}
	return r.Cards
}

// TestTwoPeopleReleaseARule does what a hospital does with a rule of its own: one
// person writes it, another one approves it, and it is a CDS service at once, also of
// another process; then the next version, and back again.
func TestTwoPeopleReleaseARule(t *testing.T) {
	t.Parallel()
	dsn := "DATABASE_URL=" + dbtest.DSN(t)
	p := start(t, true, dsn)
	other := start(t, true, dsn)
	curator, approver := p.chosen("curator"), p.chosen("approver")
	curator.must("POST", "/api/authoring/rules", rule(creatinineOrder("1.0.0")))
	d := read(t, curator.must("POST", "/api/authoring/rules", rule(renalPlan("1.0.0", "Check the kidney", "%age >= 65"))))
	if d.Rule.Status != "draft" || d.Rule.State != "draft" || d.Rule.ApprovalDate != "" || !slices.Equal(d.Rule.Authors, []string{"Kurt Curator"}) {
		t.Errorf("what the client sent of status, approval and author was taken: %+v", d.Rule)
	}
	if !slices.Contains(d.May, "submit") || slices.Contains(d.May, "approve") {
		t.Errorf("the curator may %v", d.May)
	}
	at := rules + "PlanDefinition/" + d.Rule.ID
	plan := strings.Replace(renalPlan("1.0.0", "Check the kidneys", "%age >= 65"), `"id":"renal-check"`, `"id":"`+d.Rule.ID+`"`, 1)
	for _, tc := range []struct {
		name, method, path, body, match string
		who                             worker
		status                          int
	}{
		{"a change that names no version", "PUT", at, rule(plan), "", curator, 428},
		{"a change of an older version", "PUT", at, rule(plan), `W/"7"`, curator, 412},
		{"a change by somebody who only approves", "PUT", at, rule(plan), `W/"1"`, approver, 403},
		{"a change", "PUT", at, rule(plan), `W/"1"`, curator, 200},
		{"the same change again", "PUT", at, rule(plan), `W/"1"`, curator, 412},
		{"an approval before it was submitted", "POST", at + "/steps", step("approve"), "", approver, 409},
		{"a submission of an older version", "POST", at + "/steps", step("submit"), `W/"1"`, curator, 412},
		{"a submission", "POST", at + "/steps", step("submit"), `W/"2"`, curator, 200},
		{"a release before the approval", "POST", at + "/steps", step("release"), "", approver, 409},
		{"an approval by a clinician", "POST", at + "/steps", step("approve"), "", p.chosen("clinician"), 403},
		{"an approval", "POST", at + "/steps", step("approve"), "", approver, 200},
		{"a step that there is not", "POST", at + "/steps", step("publish"), "", approver, 422},
		{"a release", "POST", at + "/steps", step("release"), "", approver, 200},
		{"a change of what was released", "PUT", "/fhir/PlanDefinition/" + d.Rule.ID, plan, "", curator, 409},
		{"its deletion", "DELETE", "/fhir/PlanDefinition/" + d.Rule.ID, "", "", curator, 409},
		{"a change of what came with the program", "PUT", "/fhir/PlanDefinition/safety-rules", `{"resourceType":"PlanDefinition","id":"safety-rules","status":"active"}`, "", curator, 409},
		{"its release again", "POST", at + "/steps", step("release"), "", approver, 409},
	} {
		header := []string{}
		if tc.match != "" {
			header = append(header, "If-Match", tc.match)
		}
		if status, _, text := tc.who.do(tc.method, tc.path, tc.body, header...); status != tc.status {
			t.Fatalf("%s: %d, want %d: %.800s", tc.name, status, tc.status, text)
		}
	}
	released := time.Now()
	cards := renalCall(p)
	if len(cards) != 1 || cards[0].Summary != "Check the kidneys" || cards[0].Indicator != cds.WarningI || cards[0].Source.Label != "House rule 7" {
		t.Fatalf("cards %+v", cards)
	}
	if s := cards[0].Suggestions; len(s) != 1 || s[0].Label != "Order creatinine" || len(s[0].Actions) != 1 || !strings.Contains(string(s[0].Actions[0].Resource), `"ServiceRequest"`) {
		t.Errorf("suggestions %+v", s)
	}
	if !strings.Contains(cards[0].Detail, "1.0.0") || !strings.Contains(cards[0].Detail, "sha256") {
		t.Errorf("the card does not say which version says so: %s", cards[0].Detail)
	}
	other.until(func() bool {
		_, _, text := other.ask("GET", "/cds-services", "")
		return strings.Contains(text, `"renal-check"`) && strings.Contains(strings.ReplaceAll(text, `\u0026`, "&"), "Observation?patient={{context.patientId}}&code=http://loinc.org|2160-0")
	}, "the other process offers the service")
	if took := time.Since(released); took > 5*time.Second {
		t.Errorf("the other process knew after %s", took)
	}
	if cards := renalCall(other); len(cards) != 1 {
		t.Errorf("cards of the other process: %+v", cards)
	}
	// The plan was pinned to the order that was released with it.
	if _, _, text := curator.do("GET", "/fhir/PlanDefinition/"+d.Rule.ID, ""); !strings.Contains(text, `ActivityDefinition/creatinine|1.0.0"`) {
		t.Errorf("the definition is not pinned: %.2000s", text)
	}
	var provenance struct {
		Total int
		Entry []struct {
			Resource struct {
				Activity struct{ Coding []struct{ Code string } }
				Agent    []struct {
					Who struct{ Identifier struct{ Value string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(curator.must("GET", "/fhir/Provenance?target=PlanDefinition/"+d.Rule.ID, "")), &provenance); err != nil {
		t.Fatal(err)
	}
	steps := map[string]string{}
	for _, e := range provenance.Entry {
		for _, c := range e.Resource.Activity.Coding {
			steps[c.Code] = e.Resource.Agent[0].Who.Identifier.Value
		}
	}
	for name, who := range map[string]string{"draft": "curator", "edit": "curator", "submit": "curator", "approve": "approver", "release": "approver"} {
		if steps[name] != who {
			t.Errorf("Provenance of %s names %q", name, steps[name])
		}
	}

	// The next version, for younger people too.
	n := read(t, curator.must("POST", at+"/steps", step("draft")))
	if n.Rule.ID != "renal-check-v1.1.0" || n.Rule.State != "draft" {
		t.Fatalf("draft %+v", n.Rule)
	}
	next := rules + "PlanDefinition/" + n.Rule.ID
	body := strings.Replace(renalPlan("1.1.0", "Check the kidneys now", "%age >= 18"), `"id":"renal-check"`, `"id":"`+n.Rule.ID+`"`, 1)
	curator.must("PUT", next, rule(body), "If-Match", `W/"1"`)
	diff := curator.must("GET", next+"/diff", "")
	for _, want := range []string{`"PlanDefinition.action[0].title"`, `"Check the kidneys now"`, `"version":"1.0.0"`} {
		if !strings.Contains(diff, want) {
			t.Errorf("the difference lacks %s: %.1500s", want, diff)
		}
	}
	release(curator, approver, "PlanDefinition", n.Rule.ID)
	if cards := renalCall(p); len(cards) != 1 || cards[0].Summary != "Check the kidneys now" {
		t.Errorf("cards of the next version: %+v", cards)
	}
	if d := read(t, curator.must("GET", at, "")); d.Rule.Status != "retired" || d.Rule.Running {
		t.Errorf("the version before: %+v", d.Rule)
	}
	back := time.Now()
	approver.must("POST", at+"/steps", step("release"))
	if cards := renalCall(p); len(cards) != 1 || cards[0].Summary != "Check the kidneys" {
		t.Errorf("cards after the roll back: %+v", cards)
	}
	if took := time.Since(back); took > 10*time.Second {
		t.Errorf("rolling back took %s", took)
	}
	approver.must("POST", at+"/steps", step("retire"))
	if status, _, _ := p.ask("POST", "/cds-services/renal-check", "{}"); status != 404 {
		t.Errorf("the retired plan is still called: %d", status)
	}
}

// TestWhoWroteCannotApprove: the one person of open access who has all roles wrote it,
// and so has nobody to approve it.
func TestWhoWroteCannotApprove(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	nobody := worker{p, ""}
	d := read(t, nobody.must("POST", "/api/authoring/rules", rule(creatinineOrder("1.0.0"))))
	at := rules + "ActivityDefinition/" + d.Rule.ID + "/steps"
	nobody.must("POST", at, step("submit"))
	if status, _, text := nobody.do("POST", at, step("approve")); status != 403 || !strings.Contains(text, "cannot approve") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := nobody.do("POST", at, step("release")); status != 409 {
		t.Errorf("%d %s", status, text)
	}
	// Approved by another person, then changed: the approval is gone.
	approver, curator := p.chosen("approver"), p.chosen("curator")
	approver.must("POST", at, step("approve"))
	d = read(t, curator.must("GET", rules+"ActivityDefinition/"+d.Rule.ID, ""))
	curator.must("PUT", "/fhir/ActivityDefinition/"+d.Rule.ID, strings.Replace(creatinineOrder("1.0.0"), `"id":"creatinine"`, `"id":"`+d.Rule.ID+`"`, 1), "If-Match", fmt.Sprintf(`W/"%d"`, d.Rule.VersionID))
	if status, _, text := approver.do("POST", at, step("release")); status != 409 {
		t.Errorf("release of a text that nobody approved: %d %s", status, text)
	}
}

// TestWhatIsWrongStandsInTheWay sends what no curator should: each is refused with the
// place, and nothing of it runs.
func TestWhatIsWrongStandsInTheWay(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator := p.chosen("curator")
	plan := func(id, members, actions string) string {
		return fmt.Sprintf(`{"resourceType":"PlanDefinition","id":%[1]q,"url":"https://site.example/PlanDefinition/%[1]s","version":"1.0.0","name":"X","status":"draft"%s,"action":[%s]}`, id, members, actions)
	}
	condition := func(language, expression string) string {
		return fmt.Sprintf(`{"title":"A",%s,"condition":[{"kind":"applicability","expression":{"language":%q,"expression":%q}}]}`, citation, language, expression)
	}
	names := func(other string) string {
		return `{"title":"A",` + citation + `,"definitionCanonical":"https://site.example/PlanDefinition/` + other + `|1.0.0"}`
	}
	curator.must("POST", "/api/authoring/rules", rule(plan("ring-a", "", names("ring-b"))))
	many := strings.TrimSuffix(strings.Repeat(`{"title":"A",`+citation+`},`, 10_001), ",")
	for _, tc := range []struct{ name, plan, location, message string }{
		{"a ring of plans", plan("ring-b", "", names("ring-a")), "definitionCanonical", "leads back to itself"},
		{"a library that is missing", plan("lib", `,"library":["https://site.example/Library/none|1"]`, `{"title":"A",`+citation+`}`), "PlanDefinition.library[0]", "no Library"},
		{"a definition that is missing", plan("def", "", names("none")), "PlanDefinition.action[0].definitionCanonical", "no ActivityDefinition"},
		{"an expression that does not compile", plan("expr", "", condition("text/fhirpath", "%age >=")), "PlanDefinition.action[0].condition[0].expression.expression", ""},
		{"a language that nobody speaks", plan("lang", "", condition("application/x-fhir-query", "true")), "PlanDefinition.action[0].condition[0].expression.language", "not supported"},
		{"10,001 actions", plan("many", "", many), "PlanDefinition.action[10000]", "10000 actions"},
		{"no source", plan("cite", "", `{"title":"A"}`), "PlanDefinition.action[0]", "cites no source"},
		{"a hook that there is not", plan("hook", "", `{"title":"A",`+citation+`,"trigger":[{"type":"named-event","name":"full-moon"}]}`), "", "no hook is named full-moon"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _, text := curator.do("POST", "/api/authoring/rules", rule(tc.plan))
			if status != 201 {
				t.Fatalf("stored as a draft: %d %.500s", status, text)
			}
			d := read(t, text)
			if !slices.ContainsFunc(d.Problems, func(p struct {
				Location, Message string
				Blocks            bool
			}) bool {
				return p.Blocks && strings.Contains(p.Location, tc.location) && strings.Contains(p.Message, tc.message)
			}) {
				t.Errorf("problems %+v, want %q at %s", d.Problems, tc.message, tc.location)
			}
			status, _, text = curator.do("POST", rules+"PlanDefinition/"+d.Rule.ID+"/steps", step("submit"))
			if status != 422 || !strings.Contains(text, tc.message) {
				t.Errorf("submit: %d %.500s", status, text)
			}
		})
	}
	if status, _, text := curator.do("POST", "/api/authoring/rules", rule(`{"resourceType":"PlanDefinition","url":"https://site.example/x","version":"1","status":"draft","action":"none"}`)); status != 422 || !strings.Contains(text, "PlanDefinition.action") {
		t.Errorf("a plan that is none: %d %.500s", status, text)
	}
	if status, _, text := curator.do("POST", "/api/authoring/rules", rule(plan("ring-a", "", names("ring-b")))); status != 409 {
		t.Errorf("the same url and version again: %d %.300s", status, text)
	}
}

// TestListWhereABooleanIsDue: whether an expression gives one boolean shows when it
// runs; then the action is left out and said not to be checked.
func TestListWhereABooleanIsDue(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator, approver := p.chosen("curator"), p.chosen("approver")
	curator.must("POST", "/api/authoring/rules", rule(creatinineOrder("1.0.0")))
	d := read(t, curator.must("POST", "/api/authoring/rules", rule(renalPlan("1.0.0", "Check", "name.given | name.family | ('a' | 'b')"))))
	release(curator, approver, "PlanDefinition", d.Rule.ID)
	cards := renalCall(p)
	if len(cards) != 1 || cards[0].Source.Topic == nil || cards[0].Source.Topic.Code != "cds-not-checked" {
		t.Errorf("cards %+v", cards)
	}
}

// TestEditedBehindTheAPI: who may switch off what the database refuses can change a
// released rule; then it does not run, says so, and the others go on.
func TestEditedBehindTheAPI(t *testing.T) {
	t.Parallel()
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn)
	curator, approver := p.chosen("curator"), p.chosen("approver")
	curator.must("POST", "/api/authoring/rules", rule(creatinineOrder("1.0.0")))
	d := read(t, curator.must("POST", "/api/authoring/rules", rule(renalPlan("1.0.0", "Check the kidneys", "%age >= 65"))))
	release(curator, approver, "PlanDefinition", d.Rule.ID)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	const edit = `UPDATE resource_version v SET body = replace(body, '%age >= 65', '%age >= 99') FROM resource r WHERE r.key = v.resource AND r.id = 'renal-check-v1.0.0'`
	if _, err := conn.Exec(t.Context(), edit); err == nil || !strings.Contains(err.Error(), "CD001") {
		t.Errorf("the database let it be changed: %v", err)
	}
	if _, err := conn.Exec(t.Context(), `UPDATE artifact_release SET sha256 = repeat('0', 64)`); err == nil || !strings.Contains(err.Error(), "CD001") {
		t.Errorf("the database let the hash be changed: %v", err)
	}
	if _, err := conn.Exec(t.Context(), `ALTER TABLE resource_version DISABLE TRIGGER ALL`); err != nil {
		t.Fatal(err)
	}
	if tag, err := conn.Exec(t.Context(), edit); err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%v %v", tag, err)
	}
	// Nothing announced it; the next look finds it, and this is one.
	if _, err := conn.Exec(t.Context(), `NOTIFY cdss_knowledge`); err != nil {
		t.Fatal(err)
	}
	p.until(func() bool {
		_, _, text := curator.do("GET", "/api/authoring/knowledge", "")
		return strings.Contains(text, `"refused":[{"artifact":"https://site.example/PlanDefinition/renal-check|1.0.0"`)
	}, "the edit is found")
	cards := renalCall(p)
	if len(cards) != 1 || cards[0].Source.Topic == nil || cards[0].Source.Topic.Code != "cds-not-checked" || !strings.Contains(cards[0].Detail, "renal\\-check") && !strings.Contains(cards[0].Detail, "renal-check") {
		t.Errorf("cards %+v", cards)
	}
	if status, _, text := curator.do("POST", "/fhir/PlanDefinition/"+d.Rule.ID+"/$apply", `{"resourceType":"Parameters","parameter":[{"name":"subject","valueString":"Patient/1"},{"name":"data","resource":{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"1"}}]}}]}`); status != 403 && status != 422 {
		t.Errorf("it can be applied: %d %.500s", status, text)
	}
	if status, _, text := p.ask("GET", "/cds-services", ""); status != 200 || !strings.Contains(text, "abs-patient-view") {
		t.Error("the others do not go on")
	}
	if d := read(t, curator.must("GET", rules+"PlanDefinition/"+d.Rule.ID, "")); d.Rule.Running || !strings.Contains(d.Rule.Reason, "not what was released") {
		t.Errorf("rule %+v", d.Rule)
	}
}

// TestReleaseWhileRequestsRun puts two versions of a plan and its order in force in
// turn, while others call: no call is lost, and none mixes the versions.
func TestReleaseWhileRequestsRun(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator, approver := p.chosen("curator"), p.chosen("approver")
	var ids []string
	for _, v := range []string{"1.0.0", "2.0.0"} {
		curator.must("POST", "/api/authoring/rules", rule(strings.Replace(creatinineOrder(v), `"display":"Creatinine"`, `"display":"Creatinine `+v+`"`, 1)))
		plan := strings.Replace(renalPlan(v, "Check "+v, "%age >= 65"), `ActivityDefinition/creatinine"`, `ActivityDefinition/creatinine|`+v+`"`, 1)
		d := read(t, curator.must("POST", "/api/authoring/rules", rule(plan)))
		release(curator, approver, "PlanDefinition", d.Rule.ID)
		ids = append(ids, d.Rule.ID)
	}
	var calls atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				cards := renalCall(p)
				calls.Add(1)
				if len(cards) != 1 || len(cards[0].Suggestions) != 1 {
					t.Errorf("a call was lost: %+v", cards)
					return
				}
				v := strings.TrimPrefix(cards[0].Summary, "Check ")
				if order := string(cards[0].Suggestions[0].Actions[0].Resource); !strings.Contains(order, "Creatinine "+v) || !strings.Contains(cards[0].Detail, v) {
					t.Errorf("version %s with the order %s", v, order)
					return
				}
			}
		})
	}
	for i := range 12 {
		approver.must("POST", rules+"PlanDefinition/"+ids[i%2]+"/steps", step("release"))
	}
	close(stop)
	wait.Wait()
	if calls.Load() < 20 {
		t.Errorf("only %d calls", calls.Load())
	}
}

// TestTwoReleaseAtOnce: of two people who release two versions at once one wins, and
// one version is in force.
func TestTwoReleaseAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator, approver := p.chosen("curator"), p.chosen("approver")
	for _, v := range []string{"1.0.0", "2.0.0"} {
		d := read(t, curator.must("POST", "/api/authoring/rules", rule(creatinineOrder(v))))
		at := rules + "ActivityDefinition/" + d.Rule.ID + "/steps"
		curator.must("POST", at, step("submit"))
		approver.must("POST", at, step("approve"))
	}
	var done [2]int
	var wait sync.WaitGroup
	for i, v := range []string{"1.0.0", "2.0.0"} {
		wait.Go(func() {
			done[i], _, _ = approver.do("POST", rules+"ActivityDefinition/creatinine-v"+v+"/steps", step("release"))
		})
	}
	wait.Wait()
	for _, status := range done {
		if status != 200 && status != 409 && status != 412 {
			t.Errorf("statuses %v", done)
		}
	}
	active := 0
	for _, v := range []string{"1.0.0", "2.0.0"} {
		if d := read(t, curator.must("GET", rules+"ActivityDefinition/creatinine-v"+v, "")); d.Rule.Status == "active" {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d versions are active, statuses %v", active, done)
	}
}

// houseTables is a house guideline in source tables: amoxicillin for pneumonia, in a dose
// that no other source has.
func houseTables(t *testing.T, version, grams string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"name": "house", "base": "https://hospital.example/fhir", "version": version, "guideline": "house",
		"files": map[string]string{
			"sources.csv": "id,title,version,url,read\nhouse,Hausleitlinie,2026,https://hospital.example/abx,yes\n",
			"populations.csv": "plan,population,role,condition,assume,title_de,title_en,note_de,note_en,deescalation_de,deescalation_en,full_dose_h,full_dose_basis,page,section,terms,also\n" +
				"community-acquired-pneumonia,all,population,true,,Alle,All,,,,,,,3,Pneumonie,CAP,\n",
			"regimens.csv": "plan,population,option,line,condition,seq,atc,substance,dose,dose_high,unit,count,count_high,period,period_unit,route,duration_low,duration_high,duration_unit,loading_de,loading_en,infusion_de,infusion_en,schedule_de,schedule_en,grade,note_de,note_en,page,section,terms\n" +
				"community-acquired-pneumonia,all,ceftriaxone,1,,1,J01DD04,Ceftriaxon," + grams + ",,g,1,,1,d,iv,5,,d,,,,,,,,,,3,Pneumonie,CAP\n" +
				"community-acquired-pneumonia,all,cefuroxime,1,,1,J01DC02,Cefuroxim,1.5,,g,3,,1,d,iv,5,,d,,,,,,,,,,4,Pneumonie,CAP\n",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// pneumonia asks for a patient with pneumonia.
func pneumonia(p worker) cds.Recommendation {
	p.t.Helper()
	text := p.must("POST", "/api/recommendations", `{"language":"en","request":{"indication":"community-acquired-pneumonia","severity":"moderate"},"bundle":{"resourceType":"Bundle","type":"collection","entry":[
	 {"resource":{"resourceType":"Patient","id":"1","gender":"male","birthDate":"1970-01-01"}}]}}`)
	var r cds.Recommendation
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// TestHouseGuideline does what a hospital does with its house guideline: as tables it
// comes in, goes through two hands, and its doses are those that are offered; then the
// overlay is laid over it.
func TestHouseGuideline(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator, approver, clinician := p.chosen("curator"), p.chosen("approver"), p.chosen("clinician")
	if r := pneumonia(clinician); !r.Abstained || !strings.Contains(*r.AbstainReason, "No regimen is released") {
		t.Fatalf("before: %+v", r.Options)
	}
	status, _, text := curator.do("POST", "/api/authoring/tables", strings.Replace(houseTables(t, "1.0.0", "2"), ",Ceftriaxon,2,", ",Ceftriaxon,two,", 1))
	if status != 422 || !strings.Contains(text, `"regimens.csv:2:`) {
		t.Errorf("a dose in words: %d %s", status, text)
	}
	var made struct {
		Made []struct{ Type, ID, State string }
	}
	if err := json.Unmarshal([]byte(curator.must("POST", "/api/authoring/tables", houseTables(t, "1.0.0", "3"))), &made); err != nil {
		t.Fatal(err)
	}
	if len(made.Made) != 3 || made.Made[0].State != "draft" {
		t.Fatalf("made %+v", made)
	}
	var again struct{ Skipped []struct{ Reason string } }
	if err := json.Unmarshal([]byte(curator.must("POST", "/api/authoring/tables", houseTables(t, "1.0.0", "3"))), &again); err != nil || len(again.Skipped) != 3 {
		t.Errorf("the same again: %+v %v", again, err)
	}
	plan := made.Made[0].ID
	release(curator, approver, "PlanDefinition", plan)
	r := pneumonia(clinician)
	dose := func(r cds.Recommendation, atc string) float64 {
		for _, o := range r.Options {
			if o.Ingredients[0].ATC == atc {
				return o.Ingredients[0].Dose.Value
			}
		}
		return 0
	}
	if dose(r, "J01DD04") != 3 || dose(r, "J01DC02") != 1.5 || r.Banner != nil {
		t.Fatalf("options %+v, banner %v", r.Options, r.Banner)
	}
	if c := r.Options[0].Citations; len(c) == 0 || c[0].Document != "house" {
		t.Errorf("citations %+v", c)
	}
	// The overlay.
	url := "https://hospital.example/fhir/PlanDefinition/regimens-community-acquired-pneumonia"
	entry := func(kind, target, more string) string {
		return fmt.Sprintf(`{"kind":%q,"target":%q,"reason":{"de":"Lieferengpass","en":"shortage"}%s}`, kind, target, more)
	}
	for _, tc := range []struct {
		name, body string
		who        worker
		status     int
	}{
		{"by a curator", entry("hide", "J01DD04", ""), curator, 403},
		{"an unknown kind", entry("erase", "J01DD04", ""), approver, 422},
		{"a target that is nothing", entry("hide", "ceftriaxone", ""), approver, 422},
		{"a regimen that there is not", entry("replace", "https://hospital.example/a", `,"with":"https://hospital.example/b|1"`), approver, 422},
		{"an indication that there is not", entry("hide", "J01DD04", `,"indication":"hiccups"`), approver, 422},
		{"without a reason", `{"kind":"hide","target":"J01DD04","reason":{"de":"","en":""}}`, approver, 422},
		{"prefer", entry("prefer", url+"#all.cefuroxime", ""), approver, 201},
		{"the same again", entry("prefer", url+"#all.cefuroxime", ""), approver, 409},
	} {
		if status, _, text := tc.who.do("POST", "/api/authoring/overlay", tc.body); status != tc.status {
			t.Errorf("%s: %d, want %d: %.400s", tc.name, status, tc.status, text)
		}
	}
	p.until(func() bool {
		r = pneumonia(clinician)
		return len(r.Options) == 2 && r.Options[0].Ingredients[0].ATC == "J01DC02" && strings.Contains(r.Options[0].Why, "shortage")
	}, "what is preferred comes first, and why is said")
	approver.must("POST", "/api/authoring/overlay", entry("hide", "J01DD", ""))
	p.until(func() bool {
		r = pneumonia(clinician)
		return len(r.Options) == 1 && slices.ContainsFunc(r.Excluded, func(e cds.Exclusion) bool {
			return e.ATC == "J01DD04" && e.Reason == "restricted" && strings.Contains(e.Detail, "shortage")
		})
	}, "what is hidden is named among the excluded")
	// The next edition of the guideline; the overlay stays.
	if err := json.Unmarshal([]byte(curator.must("POST", "/api/authoring/tables", houseTables(t, "2.0.0", "4"))), &made); err != nil {
		t.Fatal(err)
	}
	release(curator, approver, "PlanDefinition", made.Made[0].ID)
	if r = pneumonia(clinician); len(r.Options) != 1 || !slices.Contains(r.Knowledge, cds.Artifact{URL: url, Version: "2.0.0"}) {
		t.Errorf("options %+v of %+v", r.Options, r.Knowledge)
	}
	// Tables, Bundle and package go out and come in elsewhere.
	if text := curator.must("GET", "/api/authoring/tables?name=house", ""); !strings.Contains(text, "Ceftriaxon,4") {
		t.Errorf("tables %.300s", text)
	}
	elsewhere := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	there, approving := elsewhere.chosen("curator"), elsewhere.chosen("approver")
	for _, format := range []string{"bundle", "package"} {
		_, header, body := curator.do("GET", "/api/authoring/export?format="+format+"&url="+url, "")
		if err := json.Unmarshal([]byte(there.must("POST", "/api/authoring/import", body, "Content-Type", header.Get("Content-Type"))), &made); err != nil {
			t.Fatal(err)
		}
		if format == "bundle" && len(made.Made) != 3 || format == "package" && len(made.Made) != 0 {
			t.Errorf("of the %s were made %+v", format, made.Made)
		}
		if format == "bundle" {
			release(there, approving, "PlanDefinition", made.Made[0].ID)
		}
	}
	if r := pneumonia(elsewhere.chosen("clinician")); dose(r, "J01DD04") != 4 {
		t.Errorf("elsewhere: %+v", r.Options)
	}
}

// TestExpiredRegimensAreWithheld unless the hospital says otherwise; then they are
// marked.
func TestExpiredRegimensAreWithheld(t *testing.T) {
	t.Parallel()
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t))
	curator, approver, clinician := p.chosen("curator"), p.chosen("approver"), p.chosen("clinician")
	var made struct{ Made []struct{ ID string } }
	if err := json.Unmarshal([]byte(curator.must("POST", "/api/authoring/tables", houseTables(t, "1.0.0", "2"))), &made); err != nil {
		t.Fatal(err)
	}
	at := rules + "PlanDefinition/" + made.Made[0].ID
	var d struct{ Resource map[string]any }
	if err := json.Unmarshal([]byte(curator.must("GET", at, "")), &d); err != nil {
		t.Fatal(err)
	}
	d.Resource["effectivePeriod"] = map[string]string{"start": "2019-01-01", "end": "2020-12-31"}
	body, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	curator.must("PUT", at, strings.Replace(string(body), `"Resource"`, `"resource"`, 1), "If-Match", `W/"1"`)
	release(curator, approver, "PlanDefinition", made.Made[0].ID)
	if r := pneumonia(clinician); !r.Abstained || !strings.Contains(*r.AbstainReason, "expired") {
		t.Errorf("withheld: %v %+v", r.AbstainReason, r.Options)
	}
	if status, _, _ := curator.do("PUT", "/api/authoring/settings", `{"expired":"show","reviewAfterDays":0}`); status != 403 {
		t.Errorf("a curator changes the settings: %d", status)
	}
	if status, _, text := approver.do("PUT", "/api/authoring/settings", `{"expired":"perhaps","reviewAfterDays":0}`); status != 422 {
		t.Errorf("a setting that there is not: %d %s", status, text)
	}
	approver.must("PUT", "/api/authoring/settings", `{"expired":"show","reviewAfterDays":0}`)
	p.until(func() bool {
		r := pneumonia(clinician)
		return len(r.Options) == 2 && slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "EXPIRED") })
	}, "the expired plan runs and is marked")
}

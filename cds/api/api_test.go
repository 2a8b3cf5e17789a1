package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/api"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/fhir/issue"
)

// decider keeps the last question.
type decider struct{ got *decide.Ask }

func (d *decider) Answer(_ context.Context, ask decide.Ask) cds.Recommendation {
	d.got = &ask
	if ask.Step != nil {
		ask.Step("facts", []cds.Fact{})
		ask.Step("options", []cds.Option{})
		ask.Step("evidence", []string{})
	}
	return cds.Recommendation{ID: "r", Language: ask.Language, Restricted: ask.Restricted}
}

func (d *decider) Gather(_ context.Context, ask decide.Ask, reader prefetch.Reader) (decide.Ask, error) {
	answer := reader.Read(context.Background(), []prefetch.Query{{Key: "patient", Path: "Patient/" + ask.Patient}})["patient"]
	switch answer.Failure {
	case "":
	case "not-found":
		return ask, issue.New(issue.NotFound, "the FHIR server knows no such patient")
	default:
		return ask, issue.New(issue.Transient, "nothing could be read")
	}
	ask.Resources = answer.Resources
	return ask, nil
}

type keeper struct {
	got []cds.Feedback
	err error
}

func (k *keeper) KeepFeedback(_ context.Context, list []cds.Feedback) error {
	k.got = append(k.got, list...)
	return k.err
}

var now = time.Date(2026, 3, 1, 12, 30, 0, 0, time.FixedZone("", 3600))

func door(t *testing.T, d api.Decider, change ...func(*api.Config)) http.Handler {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := knowledge.Load(artifacts, knowledge.Options{Demo: true, LoadedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	c := api.Config{
		Decider: d, Knowledge: func() *knowledge.Snapshot { return snapshot }, Demo: true, Version: "v", Now: func() time.Time { return now },
		Status: func(context.Context) api.Status { return api.Status{Version: "v"} }, Feedback: &keeper{},
	}
	for _, f := range change {
		f(&c)
	}
	r := chi.NewRouter()
	config := huma.DefaultConfig("t", "1")
	config.CreateHooks = nil
	if err := api.Register(humachi.New(r, config), c); err != nil {
		t.Fatal(err)
	}
	return r
}

func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func bundle(entries ...string) string {
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",") + `]}`
}

func patient(id string) string { return `{"resource":{"resourceType":"Patient","id":"` + id + `"}}` }

const anyIndication = "AMBULANT_ERWORBENE_PNEUMONIE"

func TestAskRefused(t *testing.T) {
	deep := strings.Repeat(`[`, 70) + strings.Repeat("]", 70)
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`{"resource":{"resourceType":"Observation","id":"o%d"}}`, i)
	}
	for _, tc := range []struct {
		name, body string
		status     int
		at         string // a location that is named
	}{
		{"no JSON", `{`, 400, ""},
		{"empty", ``, 400, ""},
		{"an array", `[]`, 400, ""},
		{"too deep", `{"bundle":` + deep + `}`, 400, ""},
		{"duplicate member", `{"language":"de","language":"en"}`, 400, ""},
		{"NUL", `{"language":"\u0000"}`, 400, ""},
		{"too large", `{"bundle":"` + strings.Repeat("x", api.MaxBody) + `"}`, 413, ""},
		{"too many entries", `{"bundle":` + bundle(many...) + `}`, 413, "Bundle.entry"},
		{"nothing asked", `{"language":"de"}`, 422, "bundle"},
		{"unknown member", `{"bundel":{}}`, 422, "bundel"},
		{"language", `{"request":{},"language":"fr"}`, 422, "language"},
		{"bundle is a string", `{"bundle":"x"}`, 422, "bundle"},
		{"bundle is a Patient", `{"bundle":{"resourceType":"Patient","id":"p"}}`, 422, "bundle"},
		{"bundle is nothing", `{"bundle":{}}`, 422, "bundle"},
		{"entry is no array", `{"bundle":{"resourceType":"Bundle","entry":{}}}`, 400, "Bundle.entry"},
		{"two Patients, none named", `{"bundle":` + bundle(patient("a"), patient("b")) + `}`, 422, "patient"},
		{"a Patient that is not there", `{"bundle":` + bundle(patient("a")) + `,"patient":"Patient/b"}`, 422, "patient"},
		{"patient of another form", `{"bundle":` + bundle(patient("a")) + `,"patient":"https://x/Patient/a"}`, 422, "patient"},
		{"patient without data", `{"request":{},"patient":"Patient/a"}`, 422, "patient"},
		{"server without a patient", `{"request":{},"server":"x"}`, 422, "patient"},
		{"server and bundle", `{"bundle":` + bundle(patient("a")) + `,"server":"x","patient":"Patient/a"}`, 422, "bundle"},
		{"server that is no name", `{"server":["x"],"patient":"Patient/a"}`, 422, "server"},
		{"server where none is registered", `{"server":"x","patient":"Patient/a"}`, 422, "server"},
		{"asOf without zone", `{"request":{},"asOf":"2026-01-01T10:00:00"}`, 422, "asOf"},
		{"asOf is a day", `{"request":{},"asOf":"2026-01-01"}`, 422, "asOf"},
		{"request is a list", `{"request":[{}]}`, 422, "request[0]"},
		{"indication", `{"request":{"indication":"FLU"}}`, 422, "request.indication"},
		{"indication is a number", `{"request":{"indication":1}}`, 422, "request.indication"},
		{"severity", `{"request":{"severity":"bad"}}`, 422, "request.severity"},
		{"site", `{"request":{"site":"toe"}}`, 422, "request.site"},
		{"risk factor", `{"request":{"riskFactors":["mrsa","luck"]}}`, 422, "request.riskFactors[1]"},
		{"pathogen", `{"request":{"pathogens":["E. coli",7]}}`, 422, "request.pathogens[1]"},
		{"a long text", `{"request":{"freeText":"` + strings.Repeat("ü", 4001) + `"}}`, 422, "request.freeText"},
		{"no options", `{"request":{"maxOptions":0}}`, 422, "request.maxOptions"},
		{"six options", `{"request":{"maxOptions":6}}`, 422, "request.maxOptions"},
		{"a half option", `{"request":{"maxOptions":1.5}}`, 422, "request.maxOptions"},
		{"mistyped with content", `{"request":{"riskfactors":["mrsa"]}}`, 422, "request"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &decider{}
			w := send(door(t, d), "POST", "/recommendations", tc.body, "Content-Type", "application/json")
			if w.Code != tc.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
				t.Fatalf("%d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			var p struct {
				Detail string
				Errors []struct{ Location []string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			var at []string
			for _, e := range p.Errors {
				at = append(at, e.Location...)
			}
			if tc.at != "" && !slices.Contains(at, tc.at) {
				t.Errorf("names %q, want %q: %s", at, tc.at, w.Body)
			}
			if d.got != nil {
				t.Error("it was answered all the same")
			}
		})
	}
	if w := send(door(t, &decider{}), "POST", "/recommendations", `{"request":{}}`, "Content-Type", "text/plain"); w.Code != 415 {
		t.Errorf("text: %d", w.Code)
	}
	if w := send(door(t, &decider{}, func(c *api.Config) { c.Demo = false }), "POST", "/recommendations", `{"request":{},"asOf":"2026-01-01T10:00:00Z"}`); w.Code != 422 {
		t.Errorf("asOf outside of a demonstration: %d", w.Code)
	}
}

func TestAskUnderstood(t *testing.T) {
	when := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, body string
		header     []string
		want       decide.Ask
		resources  int
	}{
		{"the only Patient", `{"bundle":` + bundle(patient("a")) + `,"language":"en"}`, nil, decide.Ask{Patient: "a", Language: "en"}, 1},
		{"one of two", `{"bundle":` + bundle(patient("a"), patient("b")) + `,"patient":"Patient/b"}`, nil, decide.Ask{Patient: "b", Language: "de"}, 2},
		{"language of the header", `{"bundle":` + bundle(patient("a")) + `}`, []string{"Accept-Language", "en"}, decide.Ask{Patient: "a", Language: "en"}, 1},
		{"entries that are no resource", `{"bundle":` + bundle(patient("a"), `{"resource":{"id":"x"}}`, `{}`, `{"request":{"method":"DELETE","url":"x"}}`) + `}`, nil,
			decide.Ask{Patient: "a", Language: "de", Unreadable: make([]issue.Issue, 2)}, 1},
		{"one page of two", `{"bundle":{"resourceType":"Bundle","link":[{"relation":"next","url":"x"}]}}`, nil, decide.Ask{Language: "de", Truncated: true}, 0},
		{"a form without data", `{"request":{"indication":"` + anyIndication + `","severity":"SCHWER","site":"lung","riskFactors":["MRSA_VERDACHT","mrsa"],"pathogens":[" E. coli ",""],"freeText":" x ","maxOptions":3},"bundle":null}`, nil,
			decide.Ask{Language: "de", Request: &cds.StructuredRequest{Indication: "community-acquired-pneumonia", Severity: "severe", Site: "lung",
				RiskFactors: []string{"mrsa"}, Pathogens: []string{"E. coli"}, FreeText: "x", MaxOptions: 3}}, 0},
		{"the prototype's names", `{"request":{"infectionSite":"HARNTRAKT","suspectedPathogens":[],"freeText":null,"severity":null},"asOf":"2026-01-01T11:00:00+01:00"}`, nil,
			decide.Ask{Language: "de", Now: when, Request: &cds.StructuredRequest{Site: "urinary-tract"}}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &decider{}
			w := send(door(t, d), "POST", "/recommendations", tc.body, tc.header...)
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Body.String(), `"id":"r"`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			got := *d.got
			if len(got.Resources) != tc.resources || len(got.Unreadable) != len(tc.want.Unreadable) {
				t.Errorf("%d resources, %d unreadable", len(got.Resources), len(got.Unreadable))
			}
			if !got.Now.Equal(tc.want.Now) {
				t.Errorf("judged at %v", got.Now)
			}
			got.Resources, got.Unreadable, tc.want.Unreadable, got.Now, tc.want.Now = nil, nil, nil, time.Time{}, time.Time{}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	w := send(door(t, &decider{}), "POST", "/recommendations", `{"request":{}}`, "Accept", "text/event-stream")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var names []string
	for _, block := range strings.Split(strings.TrimSpace(w.Body.String()), "\n\n") {
		name, data, ok := strings.Cut(block, "\ndata: ")
		if !ok || !json.Valid([]byte(data)) {
			t.Errorf("no event: %q", block)
		}
		names = append(names, strings.TrimPrefix(name, "event: "))
	}
	want := []string{"progress", "facts", "progress", "options", "progress", "evidence", "narrative", "result"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if w := send(door(t, &decider{}), "POST", "/recommendations", `{}`, "Accept", "text/event-stream"); w.Code != 422 {
		t.Errorf("a bad question as a stream: %d", w.Code)
	}
}

// writer counts what it is asked to say in sentences.
type writer struct{ asked int }

func (w *writer) Narrate(context.Context, cds.Recommendation) *cds.Narrative {
	w.asked++
	return nil
}

// TestRestrictedIsNotNarrated: no model is told of data that are labelled as confidential.
func TestRestrictedIsNotNarrated(t *testing.T) {
	for label, want := range map[string]int{"N": 1, "R": 0, "V": 0, "HIV": 0} {
		n := &writer{}
		body := `{"bundle":{"resourceType":"Bundle","type":"collection","meta":{"security":[{"code":"` + label + `"}]},"entry":[]}}`
		w := send(door(t, &decider{}, func(c *api.Config) { c.Narrator = n }), "POST", "/recommendations", body, "Accept", "text/event-stream")
		if w.Code != 200 || n.asked != want || !strings.Contains(w.Body.String(), "event: result") {
			t.Errorf("%s: asked %d times, %d %s", label, n.asked, w.Code, w.Body)
		}
	}
}

func TestFeedback(t *testing.T) {
	const id = "0190a1b2-0000-7000-8000-000000000001"
	k := &keeper{}
	h := door(t, &decider{}, func(c *api.Config) { c.Feedback = k })
	w := send(h, "POST", "/recommendations/"+id+"/feedback", `{"outcome":"modified","comment":"3 g","reason":{"code":"c","system":"s"}}`)
	if w.Code != 204 || len(k.got) != 1 {
		t.Fatalf("%d %s, kept %d", w.Code, w.Body, len(k.got))
	}
	want := cds.Feedback{Card: id, Service: "recommendations", Outcome: cds.Modified, Comment: "3 g", Reason: &cds.Coding{Code: "c", System: "s"}, At: now.UTC()}
	if diff := cmp.Diff(want, k.got[0]); diff != "" {
		t.Error(diff)
	}
	for name, tc := range map[string]struct{ path, body string }{
		"outcome": {id, `{"outcome":"ignored"}`}, "id": {"1", `{"outcome":"accepted"}`}, "reason": {id, `{"outcome":"overridden","reason":{"code":"","system":"s"}}`},
		"member": {id, `{"outcome":"accepted","outcom":"x"}`},
	} {
		if w := send(h, "POST", "/recommendations/"+tc.path+"/feedback", tc.body); w.Code != 422 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	k.err = issue.New(issue.Transient, "the database is not ready")
	if w := send(h, "POST", "/recommendations/"+id+"/feedback", `{"outcome":"accepted"}`); w.Code != 503 {
		t.Errorf("without a database: %d", w.Code)
	}
	if len(k.got) != 2 {
		t.Errorf("%d were kept", len(k.got))
	}
}

func TestIndicationsAndPlans(t *testing.T) {
	h := door(t, &decider{})
	var list api.IndicationList
	if err := json.Unmarshal(send(h, "GET", "/indications", "").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	count, regimens := 0, 0
	for _, c := range list.Categories {
		if c.DE == "" || c.EN == "" || len(c.Indications) == 0 {
			t.Errorf("category %+v", c)
		}
		for _, i := range c.Indications {
			count++
			if i.DE == "" || i.EN == "" || i.Alias == "" {
				t.Errorf("indication %+v", i)
			}
			if i.Regimens {
				regimens++
			}
		}
	}
	if count != 41 || len(list.Categories) != 9 || regimens == 0 {
		t.Errorf("%d indications in %d categories, %d with regimens", count, len(list.Categories), regimens)
	}
	var plans api.PlanList
	if err := json.Unmarshal(send(h, "GET", "/plandefinitions?language=en", "").Body.Bytes(), &plans); err != nil {
		t.Fatal(err)
	}
	if len(plans.PlanDefinitions) == 0 {
		t.Fatal("no plans run in a demonstration")
	}
	for _, p := range plans.PlanDefinitions {
		var got api.Plan
		w := send(h, "GET", "/plandefinitions/"+p.ID, "", "Accept-Language", "de")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %v", p.ID, w.Code, err)
		}
		if !strings.Contains(string(got.Resource), `"PlanDefinition"`) || len(got.View.Actions) == 0 || got.View.Title == "" || p.Title == got.View.Title && p.Kind == "regimens" {
			t.Errorf("%s: %.300s", p.ID, w.Body)
		}
	}
}

func TestExamples(t *testing.T) {
	h := door(t, &decider{})
	var list api.ExampleList
	if err := json.Unmarshal(send(h, "GET", "/examples", "").Body.Bytes(), &list); err != nil || len(list.Examples) < 5 {
		t.Fatalf("%v, %d examples", err, len(list.Examples))
	}
	for _, e := range list.Examples {
		w := send(h, "GET", "/examples/"+e.ID, "")
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/fhir+json" {
			t.Fatalf("%s: %d", e.ID, w.Code)
		}
		var b struct {
			Entry []struct {
				Resource struct {
					ResourceType, EffectiveDateTime, BirthDate string
				}
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		recent := 0
		for _, entry := range b.Entry {
			if s := entry.Resource.EffectiveDateTime; s != "" {
				when, err := time.Parse(time.RFC3339, s)
				if err != nil || when.After(now) {
					t.Errorf("%s: measured at %s, seen from %s", e.ID, s, now)
				}
				if now.Sub(when) < 24*time.Hour {
					recent++
				}
			}
		}
		if recent < 5 {
			t.Errorf("%s: %d values of the last day", e.ID, recent)
		}
		// Each example is a question the server takes.
		if e.Request != nil {
			raw, err := json.Marshal(e.Request)
			if err != nil {
				t.Fatal(err)
			}
			if w := send(h, "POST", "/recommendations", `{"request":`+string(raw)+`,"bundle":`+w.Body.String()+`}`); w.Code != 200 {
				t.Errorf("%s: %d %s", e.ID, w.Code, w.Body)
			}
		}
		for hook, want := range map[string]int{"patient-view": 200, "order-sign": 422, "encounter-start": 422} {
			if hook == "order-sign" && e.Orders {
				want = 200
			}
			w := send(h, "GET", "/examples/"+e.ID+"/hook?hook="+hook, "")
			if w.Code != want || want == 200 && !strings.Contains(w.Body.String(), `"prefetch"`) {
				t.Errorf("%s %s: %d %.200s", e.ID, hook, w.Code, w.Body)
			}
		}
	}
	closed := door(t, &decider{}, func(c *api.Config) { c.Demo = false })
	if w := send(closed, "GET", "/examples", ""); !strings.Contains(w.Body.String(), `"examples":[]`) {
		t.Errorf("examples outside of a demonstration: %s", w.Body)
	}
	if w := send(closed, "GET", "/examples/cap-moderate", ""); w.Code != 404 {
		t.Errorf("an example outside of a demonstration: %d", w.Code)
	}
}

func FuzzAsk(f *testing.F) {
	f.Add(`{"bundle":` + bundle(patient("a"), `{"resource":null}`) + `,"request":{"riskFactors":["mrsa"],"maxOptions":2},"language":"de"}`)
	f.Add(`{"request":{"pathogens":[[]]},"asOf":"2026-01-01T00:00:00Z","patient":"Patient/a","server":null}`)
	var h http.Handler
	f.Fuzz(func(t *testing.T, body string) {
		if h == nil {
			h = door(t, &decider{})
		}
		if w := send(h, "POST", "/recommendations", body, "Content-Type", "application/json"); w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

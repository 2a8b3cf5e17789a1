package decide_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/prefetch"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// servers are the FHIR servers of a test: a reader, or why there is none.
type servers struct {
	reader prefetch.Reader
	why    string
	err    error
}

func (s servers) Open(req cds.Request) (prefetch.Reader, string, error) {
	if req.FHIRServer == "" {
		return nil, "", nil
	}
	return s.reader, s.why, s.err
}

// record answers queries by key, and notes them.
type record struct {
	answers map[string]prefetch.Answer
	asked   []string
	before  func(ctx context.Context)
}

func (r *record) Read(ctx context.Context, queries []prefetch.Query) map[string]prefetch.Answer {
	if r.before != nil {
		r.before(ctx)
	}
	out := map[string]prefetch.Answer{}
	for _, q := range queries {
		r.asked = append(r.asked, q.Path)
		out[q.Key] = r.answers[q.Key]
		if ctx.Err() != nil {
			out[q.Key] = prefetch.Answer{Failure: "timed-out"}
		}
	}
	return out
}

const (
	penicillin = `{"resourceType":"AllergyIntolerance","id":"a","patient":{"reference":"Patient/p"},"type":"allergy",
		"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},
		"code":{"coding":[{"system":"http://www.whocc.no/atc","code":"J01C"}],"text":"Penicillin"},
		"reaction":[{"severity":"severe","manifestation":[{"coding":[{"system":"http://snomed.info/sct","code":"39579001"}],"text":"Anaphylaxie"}]}]}`
	piperacillin = `{"resourceType":"MedicationRequest","id":"m","status":"STATUS","intent":"order","subject":{"reference":"Patient/p"},
		"medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"J01CR05"}],"text":"Piperacillin/Tazobactam"},
		"dosageInstruction":[{"text":"4,5 g i.v. alle 8 h"}]}`
	paracetamol = `{"resourceType":"MedicationRequest","id":"n","status":"draft","intent":"order","subject":{"reference":"Patient/p"},
		"medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"N02BE01"}],"text":"Paracetamol"}}`
)

func withStatus(status string) string { return strings.Replace(piperacillin, "STATUS", status, 1) }

// realRules makes a service that reasons with the rules and tables that ship.
func realRules(t *testing.T, change ...func(*decide.Config)) *decide.Service {
	t.Helper()
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return service(t, nil, append([]func(*decide.Config){func(c *decide.Config) { c.Rules, c.Tables = nil, tables }}, change...)...)
}

func sign(t *testing.T, prefetch, draft string) cds.Request {
	t.Helper()
	req := view(t, prefetch)
	req.Service, req.Hook, req.Question, req.Language = "abs-order-sign", "order-sign", cds.AskOrders, cds.EN
	req.DraftOrders = []*fhir.Resource{resource(t, draft)}
	return req
}

func topics(r cds.Response) []string {
	list := []string{}
	for _, c := range r.Cards {
		list = append(list, string(c.Indicator)+" "+c.Source.Topic.Code)
	}
	return list
}

// TestWhatEachHookAsks: the same allergy against the same drug, wherever the hook
// carries the one and the other.
func TestWhatEachHookAsks(t *testing.T) {
	known := `{"patient":` + patient + `,"encounters":null,"conditions":null,"medicationStatements":null,"observations":null,"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,`
	allergic := `"allergies":` + penicillin
	running := `"medicationRequests":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":` + withStatus("active") + `}]}`
	stopped := strings.Replace(running, `"active"`, `"stopped"`, 1)
	for _, tc := range []struct {
		name     string
		prefetch string
		change   func(*cds.Request)
		want     string // one of the cards
		deletes  bool   // a suggestion removes the order
	}{
		{"a draft", known + allergic + `,"medicationRequests":null}`, func(r *cds.Request) {
			r.Question, r.DraftOrders = cds.AskOrders, []*fhir.Resource{resource(t, withStatus("draft"))}
		}, "critical allergy", true},
		{"an order in force is not deleted", known + allergic + `,"medicationRequests":null}`, func(r *cds.Request) {
			r.Question, r.DraftOrders = cds.AskOrders, []*fhir.Resource{resource(t, withStatus("active"))}
		}, "critical allergy", false},
		{"an order that is dispatched", known + allergic + `,` + running + `}`, func(r *cds.Request) {
			r.Question, r.Dispatched = cds.AskOrders, []string{"MedicationRequest/m", "ServiceRequest/s"}
		}, "critical allergy", false},
		{"an order that is dispatched and nowhere to be found", known + allergic + `,"medicationRequests":null}`, func(r *cds.Request) {
			r.Question, r.Dispatched = cds.AskOrders, []string{"MedicationRequest/m"}
		}, "warning cds-not-checked", false},
		{"a therapy that runs", known + allergic + `,` + running + `}`, func(r *cds.Request) { r.Question = cds.AskTherapy }, "critical allergy", false},
		{"a new allergy to what runs", known + `"allergies":null,` + running + `}`, func(r *cds.Request) {
			r.Question, r.Context = cds.AskTherapy, []*fhir.Resource{resource(t, penicillin)}
		}, "critical allergy", false},
		{"a new allergy of somebody else", known + `"allergies":null,` + running + `}`, func(r *cds.Request) {
			r.Question, r.Context = cds.AskTherapy, []*fhir.Resource{resource(t, strings.Replace(penicillin, "Patient/p", "Patient/q", 1))}
		}, "warning cds-not-checked", false},
		{"a therapy that has ended", known + allergic + `,` + stopped + `}`, func(r *cds.Request) { r.Question = cds.AskTherapy }, "", false},
		{"whether a therapy runs is not known", known + allergic + `}`, func(r *cds.Request) { r.Question = cds.AskTherapy }, "warning cds-not-checked", false},
		{"a new diagnosis", known + `"allergies":null,"medicationRequests":null}`, func(r *cds.Request) {
			r.Question = cds.AskOptions
			r.Context = []*fhir.Resource{resource(t, `{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9"}]}}`)}
		}, "info community-acquired-pneumonia", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := view(t, tc.prefetch)
			tc.change(&req)
			got, err := realRules(t).Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			if tc.want == "" && len(got.Cards) > 0 || tc.want != "" && !slices.Contains(topics(got), tc.want) {
				t.Errorf("cards %q, want %q", topics(got), tc.want)
			}
			deletes := false
			for _, c := range got.Cards {
				for _, s := range c.Suggestions {
					for _, a := range s.Actions {
						deletes = deletes || a.Type == "delete"
					}
				}
			}
			if deletes != tc.deletes {
				t.Errorf("an order is deleted: %v, want %v", deletes, tc.deletes)
			}
		})
	}
}

// TestWhatIsFetched: what did not come, and nothing else.
func TestWhatIsFetched(t *testing.T) {
	came := `{"patient":` + patient + `,"allergies":null,"conditions":{"resourceType":"OperationOutcome"},"flags":{"resourceType":"Bundle","link":[{"relation":"next","url":"x"}]},
		"encounters":null,"medicationRequests":null,"procedures":null,"devices":null,"deviceUseStatements":null}`
	for _, tc := range []struct {
		name   string
		draft  string
		access smart.Authorization
		asked  []string
	}{
		{"the rest", withStatus("draft"), smart.Authorization{}, []string{"MedicationStatement?patient=p", "Observation?patient=p", "Flag?patient=p"}},
		{"what the scope covers", withStatus("draft"), smart.Authorization{Token: smart.NewToken("t"), Scope: "patient/Observation.rs user/Flag.read"}, []string{"Observation?patient=p", "Flag?patient=p"}},
		{"nothing for a drug that is none of ours", paracetamol, smart.Authorization{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &record{}
			req := sign(t, came, tc.draft)
			req.FHIRServer, req.Access = "https://ehr.example/fhir", tc.access
			got, err := realRules(t, func(c *decide.Config) { c.Servers = servers{reader: r} }).Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			var asked []string
			for _, path := range r.asked {
				path, _, _ = strings.Cut(path, "&")
				asked = append(asked, path)
			}
			if diff := cmp.Diff(tc.asked, asked); diff != "" {
				t.Error(diff)
			}
			if tc.asked == nil && len(got.Cards) > 0 {
				t.Errorf("got %v", summaries(got))
			}
		})
	}
	t.Run("nothing that the client may not name", func(t *testing.T) {
		req := sign(t, came, withStatus("draft"))
		req.FHIRServer = "https://other.example/fhir"
		forbidden := issue.New(issue.Forbidden, "this client may not name this FHIR server")
		_, err := realRules(t, func(c *decide.Config) { c.Servers = servers{err: forbidden} }).Hook(t.Context(), req)
		if issue.Status(err) != 403 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("why nothing could be fetched is said", func(t *testing.T) {
		for why, says := range map[string]string{prefetch.NoServer: "the FHIR server is not registered", prefetch.TokenUnfit: "the access token is not valid for this"} {
			req := sign(t, `{"patient":`+patient+`}`, withStatus("draft"))
			req.FHIRServer = "https://ehr.example/fhir"
			got, err := realRules(t, func(c *decide.Config) { c.Servers = servers{why: why} }).Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if body := string(check(t, got)); !strings.Contains(body, says) {
				t.Errorf("%s: %s", why, body)
			}
		}
	})
}

// TestAPartnerOfWhatRuns: a drug that is no antimicrobial matters when one runs that
// should not meet it. Whether one runs is looked up where that is possible.
func TestAPartnerOfWhatRuns(t *testing.T) {
	valproate := strings.NewReplacer("N02BE01", "N03AG01", "Paracetamol", "Valproinsäure").Replace(paracetamol)
	meropenem := resource(t, strings.NewReplacer("J01CR05", "J01DH02", "Piperacillin/Tazobactam", "Meropenem", "STATUS", "active").Replace(piperacillin))
	for _, tc := range []struct {
		name, draft string
		reader      *record
		want        []string
		asked       bool
	}{
		{"meropenem runs", valproate, &record{answers: map[string]prefetch.Answer{"medicationRequests": {Resources: []*fhir.Resource{meropenem}}}}, []string{"critical"}, true},
		{"nothing runs", valproate, &record{}, []string{}, true},
		{"whether one runs could not be learned", valproate, &record{answers: map[string]prefetch.Answer{"medicationRequests": {Failure: "server-error"}}}, []string{"warning"}, true},
		{"there is nobody to ask", valproate, nil, []string{}, false},
		{"no antimicrobial should not meet it", paracetamol, &record{}, []string{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := sign(t, `{"patient":`+patient+`}`, tc.draft)
			s := realRules(t, func(c *decide.Config) {
				if tc.reader != nil {
					c.Servers, req.FHIRServer = servers{reader: tc.reader}, "https://ehr.example/fhir"
				}
			})
			got, err := s.Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			indicators := []string{}
			for _, c := range got.Cards {
				indicators = append(indicators, string(c.Indicator))
			}
			if diff := cmp.Diff(tc.want, indicators); diff != "" {
				t.Errorf("%s: %q", diff, summaries(got))
			}
			if asked := tc.reader != nil && len(tc.reader.asked) > 0; asked != tc.asked {
				t.Errorf("asked the server: %v, want %v", asked, tc.asked)
			}
		})
	}
}

// TestAServerThatDoesNotAnswerCostsNoTimeToThink: fetching ends before the deadline,
// and what came is judged.
func TestAServerThatDoesNotAnswerCostsNoTimeToThink(t *testing.T) {
	r := &record{before: func(ctx context.Context) { <-ctx.Done() }}
	req := sign(t, `{"patient":`+patient+`,"allergies":`+penicillin+`}`, withStatus("draft"))
	req.FHIRServer, req.Profile.Deadline = "https://ehr.example/fhir", 2*time.Second
	got, err := realRules(t, func(c *decide.Config) { c.Servers = servers{reader: r} }).Hook(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	body := string(check(t, got))
	if !slices.Contains(topics(got), "critical allergy") || !strings.Contains(body, "no complete answer of the patient data system") {
		t.Errorf("got %s", body)
	}
}

// TestReuse: what a registered client's call knew serves its next one about the same
// patient for some minutes, and nobody else's.
func TestReuse(t *testing.T) {
	whole := `{"patient":` + patient + `,"allergies":` + penicillin + `,"encounters":null,"conditions":null,"medicationRequests":null,"medicationStatements":null,
		"observations":null,"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null}`
	for _, tc := range []struct {
		name   string
		first  func(*cds.Request)
		second func(*cds.Request)
		later  time.Duration
		want   string // a card; "" when nothing is known
	}{
		{"the same patient", nil, nil, time.Minute, "critical allergy"},
		{"after a while", nil, nil, 6 * time.Minute, ""},
		{"another encounter", nil, func(r *cds.Request) { r.Encounter = "f" }, time.Minute, ""},
		{"another patient", nil, func(r *cds.Request) {
			r.Patient, r.DraftOrders = "q", []*fhir.Resource{resource(t, strings.Replace(withStatus("draft"), "Patient/p", "Patient/q", 1))}
		}, time.Minute, ""},
		{"another user", nil, func(r *cds.Request) { r.User = "Practitioner/2" }, time.Minute, ""},
		{"another client", nil, func(r *cds.Request) { r.Client = "other" }, time.Minute, ""},
		{"another tenant", nil, func(r *cds.Request) { r.Tenant = "other" }, time.Minute, ""},
		{"another server", nil, func(r *cds.Request) { r.FHIRServer = "https://b.example/fhir" }, time.Minute, ""},
		{"callers nobody can tell apart", func(r *cds.Request) { r.Client = "" }, func(r *cds.Request) { r.Client = "" }, time.Minute, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clock := now
			s := realRules(t, func(c *decide.Config) { c.Now = func() time.Time { return clock } })
			first, second := view(t, whole), sign(t, "", withStatus("draft"))
			for i, req := range []*cds.Request{&first, &second} {
				req.Client, req.Encounter, req.User = "ehr", "e", "Practitioner/1"
				if change := []func(*cds.Request){tc.first, tc.second}[i]; change != nil {
					change(req)
				}
			}
			if _, err := s.Hook(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			clock = clock.Add(tc.later)
			got, err := s.Hook(t.Context(), second)
			if tc.want == "" {
				if issue.Status(err) != 412 {
					t.Errorf("%v, cards %q", err, topics(got))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			if !slices.Contains(topics(got), tc.want) {
				t.Errorf("cards %q, want %q", topics(got), tc.want)
			}
		})
	}
}

// TestANewEntryEndsReuse: after an allergy was entered, the old list is not taken for
// the present one.
func TestANewEntryEndsReuse(t *testing.T) {
	s := realRules(t)
	whole := view(t, `{"patient":`+patient+`,"allergies":null,"conditions":null,"medicationRequests":null,"observations":null}`)
	entry := view(t, `{"patient":`+patient+`,"medicationRequests":null}`)
	entry.Question, entry.Context = cds.AskTherapy, []*fhir.Resource{resource(t, penicillin)}
	order := sign(t, `{"patient":`+patient+`}`, withStatus("draft"))
	var last cds.Response
	for _, req := range []cds.Request{whole, entry, order} {
		req.Client, req.Encounter = "ehr", "e"
		var err error
		if last, err = s.Hook(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if body := string(check(t, last)); !strings.Contains(body, "allergies") {
		t.Errorf("the allergies are not known, and it says %s", body)
	}
}

// TestReuseIsBounded: many patients, and large ones, cost no more than the bound.
func TestReuseIsBounded(t *testing.T) {
	s := realRules(t)
	large := strings.Repeat("x", 1<<20)
	for i := range 40 {
		id := fmt.Sprintf("p%d", i)
		req := view(t, "")
		req.Client, req.Encounter, req.Patient = "ehr", "e", id
		req.Prefetch = map[string]*fhir.Node{"patient": node(t, `{"resourceType":"Patient","id":"`+id+`","name":[{"text":"`+large+`"}]}`), "conditions": node(t, `null`)}
		if _, err := s.Hook(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	known := 0
	for i := range 40 {
		req := sign(t, "", strings.ReplaceAll(withStatus("draft"), "Patient/p", fmt.Sprintf("Patient/p%d", i)))
		req.Client, req.Encounter, req.Patient = "ehr", "e", fmt.Sprintf("p%d", i)
		if _, err := s.Hook(t.Context(), req); err == nil {
			known++
		}
	}
	if known == 0 || known > 16 {
		t.Errorf("%d of 40 patients of a megabyte each are remembered, want some and at most 16", known)
	}
}

// TestNotCheckedIsToldOncePerEncounter: at length the first time, in a line after
// that, and at length again when it is something else.
func TestNotCheckedIsToldOncePerEncounter(t *testing.T) {
	s := realRules(t)
	lacking, less := `{"patient":`+patient+`}`, `{"patient":`+patient+`,"allergies":null}`
	for i, tc := range []struct {
		name, prefetch string
		change         func(*cds.Request)
		full           bool
	}{
		{"first", lacking, nil, true},
		{"again", lacking, nil, false},
		{"to another user", lacking, func(r *cds.Request) { r.User = "Practitioner/2" }, true},
		{"in another encounter", lacking, func(r *cds.Request) { r.Encounter = "f" }, true},
		{"with other data", less, nil, true},
		{"at another service", lacking, func(r *cds.Request) { r.Service = "abs-order-select" }, true},
		{"without an encounter", lacking, func(r *cds.Request) { r.Encounter = "" }, true},
		{"without an encounter again", lacking, func(r *cds.Request) { r.Encounter = "" }, true},
		{"to a client in the shadow", lacking, func(r *cds.Request) { r.Encounter, r.Profile.Shadow = "g", true }, false},
		{"and then in the light", lacking, func(r *cds.Request) { r.Encounter = "g" }, true},
	} {
		req := sign(t, tc.prefetch, withStatus("draft"))
		req.Encounter, req.User = "e", "Practitioner/1"
		if tc.change != nil {
			tc.change(&req)
		}
		got, err := s.Hook(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if req.Profile.Shadow {
			if len(got.Cards) != 0 {
				t.Errorf("the shadow shows %q", topics(got))
			}
			continue
		}
		check(t, got)
		if len(got.Cards) != 1 || got.Cards[0].Source.Topic.Code != "cds-not-checked" {
			t.Fatalf("%d %s: %q", i, tc.name, topics(got))
		}
		if full := got.Cards[0].Indicator == cds.WarningI && strings.Contains(got.Cards[0].Detail, "Please make these checks yourself"); full != tc.full {
			t.Errorf("%d %s: at length %v, want %v: %s", i, tc.name, full, tc.full, got.Cards[0].Detail)
		}
	}
}

// TestBlocked: 412, or a card for whom an error is no answer, or nothing for whom
// nothing is shown; recorded in any case.
func TestBlocked(t *testing.T) {
	for name, tc := range map[string]struct {
		profile cds.Profile
		status  int
		cards   []string
	}{
		"status": {cds.Profile{}, 412, nil},
		"card":   {cds.Profile{BlockedCard: true}, 0, []string{"warning cds-not-checked"}},
		"shadow": {cds.Profile{Shadow: true}, 0, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			req := view(t, "")
			req.Profile = tc.profile
			got, err := service(t, rules{}, func(c *decide.Config) { c.Recorder = r }).Hook(t.Context(), req)
			if tc.status != 0 {
				if issue.Status(err) != tc.status {
					t.Errorf("got %v", err)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				check(t, got)
				if diff := cmp.Diff(tc.cards, topics(got)); diff != "" {
					t.Error(diff)
				}
			}
			if len(r.list) != 1 || len(r.list[0].Skipped) == 0 || r.list[0].Shadow != tc.profile.Shadow {
				t.Errorf("recorded %+v", r.list)
			}
		})
	}
}

// TestDecisionTellsWhatItRestsOn: where each input came from, which resources were
// read, how long each step took.
func TestDecisionTellsWhatItRestsOn(t *testing.T) {
	r := &recorder{}
	reader := &record{answers: map[string]prefetch.Answer{
		"observations": {Resources: []*fhir.Resource{resource(t, `{"resourceType":"Observation","id":"o","status":"final","subject":{"reference":"Patient/p"},
			"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"2026-01-14","valueQuantity":{"value":70,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`)}, SHA256: "cd"},
		"flags": {Failure: "timed-out"},
	}}
	req := view(t, `{"patient":`+patient+`,"allergies":`+penicillin+`}`)
	req.FHIRServer, req.Client = "https://ehr.example/fhir", "ehr"
	s := realRules(t, func(c *decide.Config) { c.Recorder, c.Servers = r, servers{reader: reader} })
	for range 2 {
		if _, err := s.Hook(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	first, second := r.list[0], r.list[1]
	for key, want := range map[string]cds.DecisionInput{
		"patient":      {Origin: "sent", Resources: 1},
		"observations": {Origin: "fetched", Resources: 1, SHA256: "cd"},
		"flags":        {Why: "timed-out"},
		"conditions":   {Origin: "fetched"},
	} {
		got := first.Inputs[key]
		if want.SHA256 == "" {
			got.SHA256 = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if second.Inputs["observations"].Origin != "prepared" || second.Inputs["allergies"].Origin != "sent" {
		t.Errorf("the second call rests on %+v", second.Inputs)
	}
	if diff := cmp.Diff([]string{"AllergyIntolerance/a", "Observation/o"}, slices.Sorted(slices.Values(first.References))); diff != "" {
		t.Error(diff)
	}
	steps := map[string]bool{}
	for _, step := range first.Timings {
		steps[step.Step] = true
	}
	if diff := cmp.Diff(map[string]bool{"read": true, "gather": true, "facts": true, "rules": true, "render": true}, steps); diff != "" {
		t.Error(diff)
	}
	raw, err := json.Marshal(slices.Collect(maps.Values(first.Inputs)))
	if err != nil || strings.Contains(string(raw), "Musterfrau") {
		t.Errorf("%v %s", err, raw)
	}
}

// TestSuggestionsAreWholeResources: what is offered in place of a draft is valid FHIR
// even where the draft is not, as that of clients that leave out what they will fill
// in later.
func TestSuggestionsAreWholeResources(t *testing.T) {
	observation := func(id, code, value string) string {
		return `{"resource":{"resourceType":"Observation","id":"` + id + `","status":"final","subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-14T08:00:00Z",
			"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},"valueQuantity":{` + value + `}}}`
	}
	known := `{"patient":` + patient + `,"encounters":null,"conditions":null,"allergies":null,"medicationRequests":null,"medicationStatements":null,"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,
		"observations":{"resourceType":"Bundle","type":"searchset","entry":[` +
		observation("k", "2160-0", `"value":4,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"`) + `,` +
		observation("w", "29463-7", `"value":70,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"`) + `]}}`
	for _, missing := range []string{"", "intent", "status", "subject"} {
		t.Run("without "+missing, func(t *testing.T) {
			draft := strings.Replace(withStatus("draft"), `alle 8 h"`, `alle 6 h","timing":{"repeat":{"frequency":1,"period":6,"periodUnit":"h"}},
				"doseAndRate":[{"doseQuantity":{"value":4.5,"unit":"g","system":"http://unitsofmeasure.org","code":"g"}}]`, 1)
			for _, member := range []string{`"status":"draft",`, `"intent":"order",`, `"subject":{"reference":"Patient/p"},`} {
				if missing != "" && strings.Contains(member, missing) {
					draft = strings.Replace(draft, member, "", 1)
				}
			}
			got, err := realRules(t).Hook(t.Context(), sign(t, known, draft))
			if err != nil {
				t.Fatal(err)
			}
			body := string(check(t, got))
			if !strings.Contains(body, `"type":"update"`) {
				t.Errorf("nothing is offered: %s", body)
			}
		})
	}
}

// TestDraftsOfAnotherKind: an antimicrobial that is drafted in another form than a
// MedicationRequest of R4 is not passed over without a word.
func TestDraftsOfAnotherKind(t *testing.T) {
	known := `{"patient":` + patient + `,"encounters":null,"conditions":null,"medicationRequests":null,"medicationStatements":null,"observations":null,
		"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,"allergies":` + penicillin + `}`
	for _, tc := range []struct {
		name, draft string
		want        string // what was not checked, "" for no card
	}{
		{"an order of DSTU2", `{"resourceType":"MedicationOrder","id":"m","patient":{"reference":"Patient/p"},"medicationCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"J01CA04"}],"text":"Amoxicillin"}}`, `order "Amoxicillin"`},
		{"a statement", `{"resourceType":"MedicationStatement","id":"m","subject":{"reference":"Patient/p"},"medicationCodeableConcept":{"text":"Amoxicillin"}}`, `order "Amoxicillin"`},
		{"a dispense of what is somewhere else", `{"resourceType":"MedicationDispense","id":"m","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/x"}}`, `order "MedicationDispense/m"`},
		{"none of ours", `{"resourceType":"MedicationOrder","id":"m","patient":{"reference":"Patient/p"},"medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"N02BE01"}]}}`, ""},
		{"no medicine", `{"resourceType":"ServiceRequest","id":"m","subject":{"reference":"Patient/p"},"code":{"text":"Amoxicillin-Spiegel"}}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := realRules(t).Hook(t.Context(), sign(t, known, tc.draft))
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			if tc.want == "" && len(got.Cards) == 0 {
				return
			}
			if len(got.Cards) != 1 || tc.want == "" || !strings.Contains(got.Cards[0].Summary, tc.want) || !strings.Contains(got.Cards[0].Detail, "no MedicationRequest of FHIR R4") {
				t.Errorf("%q", summaries(got))
			}
		})
	}
}

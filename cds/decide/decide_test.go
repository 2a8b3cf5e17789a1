package decide_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/conformance"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/rag"
)

// rules answer what a test wants them to.
type rules struct {
	recommend func(context.Context, recommend.Input) cds.Recommendation
	check     func(context.Context, recommend.Input) recommend.Findings
}

func (r rules) Recommend(ctx context.Context, in recommend.Input) cds.Recommendation {
	if r.recommend == nil {
		return cds.Recommendation{Abstained: true}
	}
	return r.recommend(ctx, in)
}

func (r rules) CheckOrders(ctx context.Context, in recommend.Input) recommend.Findings {
	if r.check == nil {
		return recommend.Findings{}
	}
	return r.check(ctx, in)
}

type recorder struct {
	mu   sync.Mutex
	list []cds.Decision
	full bool
}

func (r *recorder) Record(d cds.Decision) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, d)
	return !r.full
}

var now = time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC)

func service(t *testing.T, r decide.Rules, change ...func(*decide.Config)) *decide.Service {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := knowledge.Load(artifacts, knowledge.Options{Demo: true, LoadedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var mu sync.Mutex
	c := decide.Config{
		Knowledge: func() *knowledge.Snapshot { return snapshot }, Rules: r, Demo: true, Deadline: time.Minute,
		Now: func() time.Time { return now },
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("00000000-0000-7000-8000-%012d", n)
		},
	}
	for _, f := range change {
		f(&c)
	}
	return decide.New(c)
}

func node(t *testing.T, text string) *fhir.Node {
	t.Helper()
	n, err := fhir.ParseJSON([]byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func resource(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const patient = `{"resourceType":"Patient","id":"p","name":[{"family":"Musterfrau"}],"gender":"female","birthDate":"1950-01-01"}`

// view is a patient-view call with these prefetch values.
func view(t *testing.T, prefetch string) cds.Request {
	t.Helper()
	req := cds.Request{Service: "abs-patient-view", Hook: "patient-view", Question: cds.AskOptions, HookInstance: "h", Language: cds.DE, Patient: "p"}
	if prefetch != "" {
		req.Prefetch = map[string]*fhir.Node{}
		for key, nodes := range node(t, prefetch).Fields() {
			req.Prefetch[key] = nodes[0]
		}
	}
	return req
}

func check(t *testing.T, r cds.Response) []byte {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range conformance.Response(body, nil) {
		t.Error(v)
	}
	return body
}

func summaries(r cds.Response) []string {
	var list []string
	for _, c := range r.Cards {
		list = append(list, c.Summary)
	}
	return list
}

func TestNothingKnownIs412(t *testing.T) {
	for name, tc := range map[string]struct{ prefetch, says string }{
		"no prefetch": {"", "prefetch patient, encounters"},
		"all failed":  {`{"patient":{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}}`, "prefetch patient: the query"},
		"another's":   {`{"patient":{"resourceType":"Patient","id":"q"}}`, "prefetch patient: data of another patient"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			_, err := service(t, rules{}, func(c *decide.Config) { c.Recorder = r }).Hook(t.Context(), view(t, tc.prefetch))
			if issue.Status(err) != 412 {
				t.Fatalf("got %v", err)
			}
			if len(r.list) != 1 || len(r.list[0].Skipped) == 0 || len(r.list[0].Cards) != 0 {
				t.Errorf("that nothing was checked is recorded as %+v", r.list)
			}
			var at []string
			for _, i := range issue.Issues(err) {
				at = append(at, i.Expression...)
			}
			if text := string(issue.Outcome(err)); !strings.Contains(text, tc.says) {
				t.Errorf("%s does not say %q", text, tc.says)
			}
			if len(at) < 5 || at[0] != "prefetch.patient" || !strings.Contains(string(issue.Outcome(err)), "allergies") {
				t.Errorf("the missing keys are not named: %v", at)
			}
		})
	}
}

func TestSilenceOnlyWhenDiagnosesAreKnown(t *testing.T) {
	empty := `{"resourceType":"Bundle","type":"searchset","total":0}`
	for _, tc := range []struct {
		name, conditions string
		want             []string
	}{
		{"none recorded", empty, nil},
		{"null", `null`, nil},
		{"not sent", ``, []string{"Nicht geprüft: Indikation für ein Antibiotikum"}},
		{"failed", `{"resourceType":"OperationOutcome"}`, []string{"Nicht geprüft: Indikation für ein Antibiotikum"}},
		{"one page of two", `{"resourceType":"Bundle","link":[{"relation":"next","url":"x"}]}`, []string{"Nicht geprüft: Indikation für ein Antibiotikum"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			prefetch := `{"patient":` + patient
			if tc.conditions != "" {
				prefetch += `,"conditions":` + tc.conditions
			}
			got, err := service(t, rules{}).Hook(t.Context(), view(t, prefetch+"}"))
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			if diff := cmp.Diff(tc.want, summaries(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultOfARuleIsNotChecked(t *testing.T) {
	order := cds.Request{
		Service: "abs-order-sign", Hook: "order-sign", Question: cds.AskOrders, Language: cds.EN, Patient: "p",
		DraftOrders: []*fhir.Resource{resource(t, `{"resourceType":"MedicationRequest","id":"m"}`)},
	}
	boom := rules{
		recommend: func(context.Context, recommend.Input) cds.Recommendation { panic("Musterfrau") },
		check:     func(context.Context, recommend.Input) recommend.Findings { panic("Musterfrau") },
	}
	stuck := make(chan struct{})
	defer close(stuck)
	slow := rules{
		recommend: func(context.Context, recommend.Input) cds.Recommendation { <-stuck; return cds.Recommendation{} },
		check:     func(context.Context, recommend.Input) recommend.Findings { <-stuck; return recommend.Findings{} },
	}
	for _, tc := range []struct {
		name, says string
		rules      rules
		req        cds.Request
	}{
		{"panic at patient-view", "Programmfehler", boom, view(t, `{"patient":`+patient+`}`)},
		{"panic at order-sign", "a fault of this program", boom, order},
		{"no end at patient-view", "Zeit", slow, view(t, `{"patient":`+patient+`}`)},
		{"no end at order-sign", "time for the answer", slow, order},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder{}
			s := service(t, tc.rules, func(c *decide.Config) {
				c.Recorder = r
				if strings.HasPrefix(tc.name, "no end") {
					c.Deadline = 20 * time.Millisecond
				}
			})
			got, err := s.Hook(t.Context(), tc.req)
			if err != nil {
				t.Fatal(err)
			}
			body := string(check(t, got))
			if len(got.Cards) != 1 || !strings.Contains(got.Cards[0].Detail, tc.says) || got.Cards[0].Source.Topic.Code != "cds-not-checked" {
				t.Errorf("got %s", body)
			}
			if strings.Contains(body, "Musterfrau") {
				t.Error("the panic speaks of the patient")
			}
			if len(r.list) != 1 || !r.list[0].Degraded {
				t.Errorf("recorded %+v", r.list)
			}
		})
	}
}

func TestWithoutOrdersNothingIsAsked(t *testing.T) {
	asked := false
	s := service(t, rules{check: func(context.Context, recommend.Input) recommend.Findings { asked = true; return recommend.Findings{} }})
	got, err := s.Hook(t.Context(), cds.Request{Service: "abs-order-select", Hook: "order-select", Question: cds.AskOrders, Patient: "p", Language: cds.DE})
	if err != nil || asked {
		t.Fatalf("%v, asked %v", err, asked)
	}
	if body := string(check(t, got)); body != `{"cards":[]}` {
		t.Errorf("got %s", body)
	}
}

// TestOrderBeingWritten: while it is selected, an order without a drug is not
// there yet; when it is signed, nothing about it could be checked.
func TestOrderBeingWritten(t *testing.T) {
	const begun = `{"resourceType":"MedicationRequest","id":"m","status":"draft","subject":{"reference":"Patient/p"}`
	for _, tc := range []struct {
		name, hook, draft string
		orders            int
	}{
		{"nothing is chosen", "order-select", begun + `}`, 0},
		{"an empty medication", "order-select", begun + `,"medicationCodeableConcept":{}}`, 0},
		{"a drug is chosen", "order-select", begun + `,"medicationCodeableConcept":{"text":"Amoxicillin"}}`, 1},
		{"a drug nobody reads", "order-select", begun + `,"medicationReference":{"reference":"Medication/1"}}`, 1},
		{"a dose without a drug", "order-select", begun + `,"dosageInstruction":[{"text":"Amoxicillin 1 g"}]}`, 1},
		{"signed", "order-sign", begun + `}`, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			orders := 0
			s := service(t, rules{check: func(_ context.Context, in recommend.Input) recommend.Findings {
				orders = len(in.Chart.Orders())
				return recommend.Findings{}
			}})
			req := view(t, `{"patient":`+patient+`}`)
			req.Service, req.Hook, req.Question = "abs-"+tc.hook, tc.hook, cds.AskOrders
			req.DraftOrders = []*fhir.Resource{resource(t, tc.draft)}
			got, err := s.Hook(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if orders != tc.orders {
				t.Errorf("%d orders are checked, want %d", orders, tc.orders)
			}
			if body := string(check(t, got)); tc.orders == 0 && body != `{"cards":[]}` {
				t.Errorf("got %s", body)
			}
		})
	}
}

func TestOrdersThatCannotBeUsedAreTold(t *testing.T) {
	req := cds.Request{
		Service: "abs-order-sign", Hook: "order-sign", Question: cds.AskOrders, Patient: "p", Language: cds.EN, Unreadable: 1,
		DraftOrders: []*fhir.Resource{resource(t, `{"resourceType":"MedicationRequest","id":"m","subject":{"reference":"Patient/q"}}`)},
	}
	var drafts int
	s := service(t, rules{check: func(_ context.Context, in recommend.Input) recommend.Findings {
		drafts = len(in.Chart.Orders())
		return recommend.Findings{}
	}})
	got, err := s.Hook(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	check(t, got)
	if drafts != 0 || len(got.Cards) != 1 || !strings.Contains(got.Cards[0].Detail, "another patient") || !strings.Contains(got.Cards[0].Detail, "no readable FHIR resource") {
		t.Errorf("%d drafts were checked, cards %+v", drafts, got.Cards)
	}
}

func TestDecisionNamesNoPatient(t *testing.T) {
	r := &recorder{full: true} // losing it costs no answer
	s := service(t, rules{recommend: func(_ context.Context, in recommend.Input) cds.Recommendation {
		return cds.Recommendation{
			Indication: &cds.IndicationRef{System: "s", Code: "sepsis", Display: "Sepsis"},
			Options:    []cds.Option{{Rank: 1, Definition: "plan|1#a", Ingredients: []cds.Ingredient{{ATC: "J01DH02", Name: "Meropenem"}}}},
			Warnings:   []cds.Warning{{Code: "qt", Indicator: cds.WarningI, Summary: "QT"}},
			Excluded:   []cds.Exclusion{{ATC: "J01CR01", Reason: "allergy"}},
			NotChecked: []cds.NotChecked{{Check: "Verordnung „Musterfrau 3 g“", Reason: "Musterfrau", Missing: []string{"creatinine"}}},
			Knowledge:  []cds.Artifact{{URL: "plan", Version: "1"}},
		}
	}}, func(c *decide.Config) { c.Recorder = r })
	got, err := s.Hook(t.Context(), view(t, `{"patient":`+patient+`}`))
	if err != nil {
		t.Fatal(err)
	}
	check(t, got)
	if len(r.list) != 1 {
		t.Fatalf("%d decisions", len(r.list))
	}
	d := r.list[0]
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Musterfrau", "1950", `"p"`, "Patient/p"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the decision holds %s: %s", secret, raw)
		}
	}
	if diff := cmp.Diff([]string{"plan|1#a", "excluded:allergy:J01CR01", "warning:qt"}, d.Ran); diff != "" {
		t.Error(diff)
	}
	var cards []string
	for i, c := range got.Cards {
		if d.Cards[i].UUID != c.UUID || c.UUID == "" {
			t.Errorf("card %d is recorded as %q, shown as %q", i, d.Cards[i].UUID, c.UUID)
		}
		cards = append(cards, d.Cards[i].Topic)
	}
	if diff := cmp.Diff([]string{"sepsis", "qt", "cds-not-checked"}, cards); diff != "" {
		t.Error(diff)
	}
	if len(d.Inputs["patient"].SHA256) != 64 || len(d.Skipped) != 1 || d.Skipped[0].Check != "Verordnung" || len(d.Artifacts) != 1 || d.At != now {
		t.Errorf("recorded %+v", d)
	}
}

// library holds one passage.
type library struct{ searched *rag.Query }

var passage = rag.Passage{ID: "1", Page: 12, Section: []string{"Therapie", "Pneumonie"}, Quoted: "Wortlaut der Seite."}

var document = rag.Document{Identifier: "demo-001", Title: "Musterleitlinie", Version: "2", Expired: true, ValidUntil: now}

func (l library) Resolve(at rag.Locator) (rag.Passage, rag.Document, bool) {
	return passage, document, at.Document == "demo-001" && at.Page == 12
}

func (l library) Search(_ context.Context, q rag.Query) rag.Result {
	*l.searched = q
	return rag.Result{Hits: []rag.Hit{{Passage: passage, Document: document, Score: 0.5}}}
}

type builder struct{ got *rag.Request }

func (b builder) Build(req rag.Request, language string) rag.Query {
	*b.got = req
	return rag.Query{Text: req.Indication, Language: language}
}

func TestAnswer(t *testing.T) {
	var query rag.Query
	var asked rag.Request
	s := service(t, rules{recommend: func(_ context.Context, in recommend.Input) cds.Recommendation {
		return cds.Recommendation{
			Language: in.Lang, Indication: &cds.IndicationRef{System: "s", Code: "sepsis", Display: "Sepsis"},
			Options: []cds.Option{{Rank: 1, Ingredients: []cds.Ingredient{{ATC: "J01DH02", Name: "Meropenem"}}, Citations: []rag.Citation{
				in.Cite(rag.Locator{Document: "demo-001", Page: 12}), in.Cite(rag.Locator{Document: "demo-001", Version: "1", Page: 13, Section: "Tabelle 3"}),
			}}},
		}
	}}, func(c *decide.Config) {
		c.Evidence = func() decide.Evidence { return library{&query} }
		c.Queries = builder{&asked}
	})
	var steps []string
	rec := s.Answer(t.Context(), decide.Ask{
		Resources: []*fhir.Resource{resource(t, patient)}, Language: cds.DE, Request: &cds.StructuredRequest{FreeText: "Musterfrau hustet"},
		Unreadable: []issue.Issue{{Diagnostics: "no resource", Expression: []string{"Bundle.entry[1]"}}}, Truncated: true,
		Step: func(name string, _ any) { steps = append(steps, name) },
	})
	if diff := cmp.Diff([]string{"facts", "options", "evidence"}, steps); diff != "" {
		t.Error(diff)
	}
	page := 12
	other := 13
	words := passage.Quoted
	want := []rag.Citation{
		{Document: "demo-001", Title: "Musterleitlinie", Version: "2", Page: &page, Section: "Pneumonie", Quote: &words},
		{Document: "demo-001", Title: "demo-001", Version: "1", Page: &other, Section: "Tabelle 3"},
	}
	if diff := cmp.Diff(want, rec.Options[0].Citations); diff != "" {
		t.Error("citations:", diff)
	}
	until := "2026-01-15"
	if diff := cmp.Diff([]rag.Evidence{{
		Document: "demo-001", Title: "Musterleitlinie", Version: "2", ValidUntil: &until, Expired: true, Page: &page,
		Section: "Therapie › Pneumonie", Quote: words, Score: 0.5,
	}}, rec.Evidence); diff != "" {
		t.Error("evidence:", diff)
	}
	if asked.FreeText != "" {
		t.Error("what a person typed is searched for")
	}
	if len(asked.Facts) < 2 || asked.Facts[0].Code != "sepsis" || asked.Facts[1].Code != "J01DH02" {
		t.Errorf("the query is built of %+v", asked.Facts)
	}
	if len(rec.NotChecked) != 2 || len(rec.Ignored) != 1 || rec.Ignored[0].Reference != "Bundle.entry[1]" {
		t.Errorf("what could not be read is not told: %+v %+v", rec.NotChecked, rec.Ignored)
	}
	raw, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"knowledge", "facts", "options", "excluded", "warnings", "notChecked", "ignored", "evidence", "cards"} {
		if _, ok := plain[list].([]any); !ok {
			t.Errorf("%s is no list: %v", list, plain[list])
		}
	}
}

func TestAnswerOutlivesAPanic(t *testing.T) {
	s := service(t, rules{recommend: func(context.Context, recommend.Input) cds.Recommendation { panic(1) }})
	rec := s.Answer(t.Context(), decide.Ask{Language: cds.EN})
	if !rec.Abstained || rec.AbstainReason == nil || len(rec.NotChecked) != 1 || rec.ID == "" {
		t.Errorf("got %+v", rec)
	}
}

// TestWhatIsRemovedDoesNotComeBack: a critical warning has an order removed; no
// other warning may offer the same order with another dose.
func TestWhatIsRemovedDoesNotComeBack(t *testing.T) {
	fix := func(label string, a cds.Action) []cds.Fix {
		a.Description = label
		return []cds.Fix{{Label: label, Recommended: true, Actions: []cds.Action{a}}}
	}
	order := json.RawMessage(`{"resourceType":"MedicationRequest","id":"m","status":"draft","intent":"order","subject":{"reference":"Patient/p"},` +
		`"medicationCodeableConcept":{"text":"t","coding":[{"system":"s","code":"J01CR01"}]}}`)
	s := service(t, rules{check: func(context.Context, recommend.Input) recommend.Findings {
		return recommend.Findings{Warnings: []cds.Warning{
			{Code: "renal", Indicator: cds.WarningI, Summary: "dose", OrderRef: "MedicationRequest/m", Fix: fix("half the dose", cds.Action{Type: "update", Resource: order})},
			{Code: "allergy", Indicator: cds.Critical, Summary: "allergy", OrderRef: "MedicationRequest/m", Fix: fix("remove", cds.Action{Type: "delete", ResourceID: "MedicationRequest/m"})},
			{Code: "renal", Indicator: cds.WarningI, Summary: "other", OrderRef: "MedicationRequest/n", Fix: fix("half of the other", cds.Action{Type: "update", Resource: order})},
		}}
	}})
	got, err := s.Hook(t.Context(), cds.Request{
		Service: "abs-order-sign", Hook: "order-sign", Question: cds.AskOrders, Language: cds.EN, Patient: "p",
		DraftOrders: []*fhir.Resource{resource(t, `{"resourceType":"MedicationRequest","id":"m"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got)
	var labels []string
	for _, c := range got.Cards {
		for _, s := range c.Suggestions {
			labels = append(labels, s.Label)
		}
	}
	if diff := cmp.Diff([]string{"remove", "half of the other"}, labels); diff != "" {
		t.Error(diff)
	}
}

// TestKnowledgeThatMayBeOld: when the knowledge could not be compared for more than a
// quarter of an hour, each card with a finding says so, and the decision is marked.
func TestKnowledgeThatMayBeOld(t *testing.T) {
	known := `{"patient":` + patient + `,"encounters":null,"conditions":null,"medicationRequests":null,"medicationStatements":null,"observations":null,
		"procedures":null,"devices":null,"deviceUseStatements":null,"flags":null,"allergies":` + penicillin + `}`
	for _, tc := range []struct {
		name    string
		checked time.Time
		says    string
	}{
		{"comes with the program", time.Time{}, ""},
		{"compared a quarter of an hour ago", now.Add(-decide.KnowledgeAge), ""},
		{"not compared for longer", now.Add(-decide.KnowledgeAge - time.Minute), "Rules not checked for changes since 15 Jan 2026, 07:44"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder{}
			s := realRules(t, func(c *decide.Config) { c.Checked, c.Recorder = func() time.Time { return tc.checked }, r })
			got, err := s.Hook(t.Context(), sign(t, known, withStatus("draft")))
			if err != nil {
				t.Fatal(err)
			}
			check(t, got)
			for _, c := range got.Cards {
				if c.Source.Topic.Code == "cds-not-checked" {
					continue
				}
				if said := strings.Contains(c.Detail, "Rules not checked"); said != (tc.says != "") || !strings.Contains(c.Detail, tc.says) {
					t.Errorf("%s: %s", c.Summary, c.Detail)
				}
			}
			rec := s.Answer(t.Context(), decide.Ask{Language: cds.EN, Request: &cds.StructuredRequest{Indication: "community-acquired-pneumonia"}})
			if said := len(rec.Notes) > 0 && strings.HasPrefix(rec.Notes[0], "Rules not checked"); said != (tc.says != "") {
				t.Errorf("notes %q", rec.Notes)
			}
			for _, c := range rec.Cards {
				if n := strings.Count(c.Detail, "Rules not checked"); n > 1 {
					t.Errorf("said %d times: %s", n, c.Detail)
				}
			}
			for _, d := range r.list {
				if d.Degraded != (tc.says != "") {
					t.Errorf("%s: degraded %v", d.Service, d.Degraded)
				}
			}
		})
	}
}

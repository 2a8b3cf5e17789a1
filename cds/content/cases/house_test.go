// Package cases_test puts invented patients through the pipeline: the cases of
// this folder, and every case with something taken away.
package cases_test

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/prefetch"
	"cdss/cds/recommend"
	"cdss/fhir"
)

// house is the pipeline over the embedded content as a demonstration.
type house struct {
	service *decide.Service
	clock   *clock
	seen    *recorder
}

// clock stands at the time of a question.
type clock struct{ now time.Time }

// recorder is the reasoning of package recommend, and keeps what it found.
type recorder struct {
	chart  *facts.Chart
	orders recommend.Findings
}

func (r *recorder) Recommend(ctx context.Context, in recommend.Input) cds.Recommendation {
	r.chart = in.Chart
	return recommend.Recommend(ctx, in)
}

func (r *recorder) CheckOrders(ctx context.Context, in recommend.Input) recommend.Findings {
	r.orders = recommend.CheckOrders(ctx, in)
	return r.orders
}

var open = sync.OnceValues(func() (house, error) {
	resources, err := content.Artifacts()
	if err != nil {
		return house{}, err
	}
	snapshot, err := knowledge.Load(resources, knowledge.Options{Demo: true})
	if err != nil {
		return house{}, err
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		return house{}, err
	}
	h := house{clock: &clock{}, seen: &recorder{}}
	h.service = decide.New(decide.Config{
		Knowledge: func() *knowledge.Snapshot { return snapshot }, Tables: tables, Rules: h.seen, Demo: true,
		Deadline: time.Minute, Patience: time.Minute,
		Now: func() time.Time { return h.clock.now }, NewID: func() string { return "00000000-0000-7000-8000-000000000001" },
	})
	return h, nil
})

func newHouse(t testing.TB) house {
	t.Helper()
	h, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// question is one patient with what is asked. Resources and drafts are decoded, so
// that a test may change them.
type question struct {
	name    string
	patient string // id; "" takes the Patient of the Bundle
	now     time.Time
	request *cds.StructuredRequest
	bundle  []map[string]any
	drafts  []map[string]any
	unasked map[string]bool // resource types that the EHR's prefetch does not hold
}

// answer is what the server says to a question.
type answer struct {
	chart  *facts.Chart
	rec    cds.Recommendation
	orders recommend.Findings
	cards  []cds.Card // of the order hook
}

// ask puts a question: the recommendation as the app does, with one whole Bundle;
// the orders as an EHR does, whose searches may have found nothing.
func (h house) ask(t testing.TB, q question, lang cds.Lang) answer {
	t.Helper()
	h.clock.now = q.now
	*h.seen = recorder{}
	resources := parsed(t, q.bundle)
	patient := q.patient
	if patient == "" {
		patient = patientOf(q.bundle)
	}
	a := answer{rec: h.service.Answer(context.Background(), decide.Ask{Patient: patient, Resources: resources, Request: q.request, Language: lang, Now: q.now})}
	a.chart = h.seen.chart
	if len(q.drafts) == 0 {
		return a
	}
	r, err := h.service.Hook(context.Background(), cds.Request{
		Service: "abs-order-sign", Hook: "order-sign", Question: cds.AskOrders, HookInstance: "1", Language: lang, Patient: patient,
		Prefetch: prefetched(t, q, resources), DraftOrders: parsed(t, q.drafts),
	})
	if err != nil {
		r.Cards = []cds.Card{{Summary: err.Error(), Indicator: cds.WarningI}} // 412: nothing could be checked
	}
	a.cards, a.orders = r.Cards, h.seen.orders
	return a
}

// prefetched writes the resources as the searches of the prefetch templates found
// them.
func prefetched(t testing.TB, q question, resources []*fhir.Resource) map[string]*fhir.Node {
	t.Helper()
	out := map[string]*fhir.Node{}
	for _, template := range prefetch.Templates() {
		if q.unasked[template.Type] {
			continue
		}
		found := fhir.NewResource("Bundle", "").Set("type", "searchset")
		raw := []byte(nil)
		for _, r := range resources {
			switch {
			case r.Type() != template.Type || !holds(template, r):
			case r.Type() == "Patient":
				raw = r.Raw()
			default:
				found.Append("entry", fhir.NewObject().Set("resource", r))
			}
		}
		if template.Type != "Patient" {
			raw = found.JSON()
		}
		if raw == nil {
			continue
		}
		n, err := fhir.ParseJSON(raw, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		out[template.Key] = n
	}
	return out
}

// holds tells whether a template's list of codes, if it has one, holds the code of a
// resource.
func holds(template prefetch.Template, r *fhir.Resource) bool {
	query, err := url.Parse(template.Query)
	if err != nil || query.Query().Get("code") == "" {
		return true
	}
	codes := strings.Split(query.Query().Get("code"), ",")
	for _, c := range r.Root().Child("code").CodeableConcept().Codings {
		if slices.Contains(codes, c.Code) {
			return true
		}
	}
	return false
}

func patientOf(bundle []map[string]any) string {
	for _, r := range bundle {
		if r["resourceType"] == "Patient" {
			id, _ := r["id"].(string)
			return id
		}
	}
	return ""
}

func parsed(t testing.TB, list []map[string]any) []*fhir.Resource {
	t.Helper()
	var out []*fhir.Resource
	for _, m := range list {
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		out = append(out, r)
	}
	return out
}

// entries gives the resources of a Bundle.
func entries(t testing.TB, raw json.RawMessage) []map[string]any {
	t.Helper()
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var b struct {
		Entry []struct {
			Resource map[string]any `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for _, e := range b.Entry {
		out = append(out, e.Resource)
	}
	return out
}

// questions gathers what is at hand: the cases of this folder, the golden inputs of
// package recommend, the example patients of the API, and the public cases of the
// reference data where they are.
func questions(t testing.TB) []question {
	t.Helper()
	var out []question
	each := func(pattern string, min int, read func(name string, raw []byte) question) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < min {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, read(filepath.ToSlash(f), raw))
		}
	}
	for _, c := range load(t) {
		out = append(out, asked(t, c))
	}
	each("../../recommend/testdata/*/input.json", 20, func(name string, raw []byte) question {
		var g struct {
			Now     time.Time              `json:"now"`
			Request *cds.StructuredRequest `json:"request"`
			Bundle  json.RawMessage        `json:"bundle"`
			Drafts  []map[string]any       `json:"drafts"`
		}
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		return question{name: "golden " + filepath.Base(filepath.Dir(name)), now: g.Now, request: g.Request, bundle: entries(t, g.Bundle), drafts: g.Drafts}
	})
	each("../../api/example/*.json", 5, func(name string, raw []byte) question {
		var e struct {
			Anchor  time.Time              `json:"anchor"`
			Request *cds.StructuredRequest `json:"request"`
			Bundle  json.RawMessage        `json:"bundle"`
			Drafts  json.RawMessage        `json:"draftOrders"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		return question{name: "example " + filepath.Base(name), now: e.Anchor, request: e.Request, bundle: entries(t, e.Bundle), drafts: entries(t, e.Drafts)}
	})
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	each(filepath.Join(dir, "cases", "cases", "*.json"), 0, func(name string, raw []byte) question {
		var c struct {
			ID      string          `json:"id"`
			AsOf    time.Time       `json:"asOf"`
			Bundle  json.RawMessage `json:"bundle"`
			Drafts  json.RawMessage `json:"draftOrders"`
			Request *struct {
				Indication         string   `json:"indication"`
				Severity           string   `json:"severity"`
				InfectionSite      string   `json:"infectionSite"`
				RiskFactors        []string `json:"riskFactors"`
				SuspectedPathogens []string `json:"suspectedPathogens"`
				FreeText           string   `json:"freeText"`
			} `json:"request"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		q := question{name: "public " + c.ID, now: c.AsOf, bundle: entries(t, c.Bundle), drafts: entries(t, c.Drafts)}
		if r := c.Request; r != nil {
			q.request = &cds.StructuredRequest{Indication: r.Indication, Severity: r.Severity, Site: r.InfectionSite, RiskFactors: r.RiskFactors, Pathogens: r.SuspectedPathogens, FreeText: r.FreeText}
		}
		return q
	})
	return out
}

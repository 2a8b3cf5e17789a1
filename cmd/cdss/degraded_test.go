package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/cds/recommend"
	"cdss/cmd/cdss/ordeal"
	"cdss/migrations/dbtest"
)

// inside starts a server and gives what it is made of, to read its metrics.
func inside(t *testing.T, adjust func(*house), vars ...string) (*program, *house) {
	t.Helper()
	var held atomic.Pointer[house]
	p := startWith(t, time.Minute, true, func(h *house) {
		held.Store(h)
		if adjust != nil {
			adjust(h)
		}
	}, vars...)
	return p, held.Load()
}

// metricsPage gives what /metrics serves.
func (h *house) metricsPage() string {
	w := httptest.NewRecorder()
	h.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// metric sums the values of a metric whose labels hold all of the given parts.
func (h *house) metric(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
lines:
	for line := range strings.Lines(h.metricsPage()) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(rest, l) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:len(rest)-1], 64)
		if err != nil {
			t.Fatal(line, err)
		}
		sum += value
	}
	return sum
}

var aUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func (p *program) hook(hook string) string {
	p.t.Helper()
	_, _, call := p.ask("GET", "/api/examples/cap-penicillin-anaphylaxis/hook?hook="+hook, "")
	status, _, body := p.ask("POST", "/cds-services/abs-"+hook, call)
	if status != 200 {
		p.t.Fatalf("%d %s", status, body)
	}
	return aUUID.ReplaceAllString(body, "-")
}

func (p *program) ready() string {
	p.t.Helper()
	_, _, body := p.ask("GET", "/readyz", "")
	return body
}

// TestDatabaseGoesAway: hooks answer as before, from memory; what needs the database says
// that it is away and nothing answers 500; what was decided waits on disk; and when the
// database is back everything is, within five seconds, with nothing lost (D1, D5, F2).
func TestDatabaseGoesAway(t *testing.T) {
	dsn := dbtest.DSN(t)
	line, err := ordeal.NewLine(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	p, h := inside(t, nil, "DATABASE_URL="+line.DSN(), "CDSS_DEMO=1")
	p.hook("patient-view") // what is not checked is told at length the first time
	p.hook("order-sign")
	want := map[string]string{"patient-view": p.hook("patient-view"), "order-sign": p.hook("order-sign")}
	before := runtime.NumGoroutine()
	answered := 4
	line.Cut()
	for range 10 {
		for hook, cards := range want {
			if got := p.hook(hook); got != cards {
				t.Errorf("%s without a database:\n%s\nwith it:\n%s", hook, got, cards)
			}
			answered++
		}
	}
	feedback := `{"feedback":[{"card":"4e0a3a1e-3283-4575-ab82-028d55fe2719","outcome":"overridden","outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`
	for _, call := range []string{
		"GET /api/guidelines", "GET /api/guidelines/4e0a3a1e-3283-4575-ab82-028d55fe2719", "POST /api/session", "GET /api/system/people", "GET /api/cases", "GET /api/authoring/rules",
		"GET /fhir/Patient/example-cap-anaphylaxis", "GET /fhir/AuditEvent", "GET /api/query-sets", "GET /api/outbound", "POST /cds-services/abs-patient-view/feedback",
	} {
		method, path, _ := strings.Cut(call, " ")
		body := ""
		switch path {
		case "/api/session":
			body = `{"person":"clinician"}`
		case "/cds-services/abs-patient-view/feedback":
			body = feedback
		}
		status, _, answer := p.ask(method, path, body)
		if status != 503 {
			t.Errorf("%s without a database: %d %.300s", call, status, answer)
		}
	}
	if body := p.ready(); !strings.Contains(body, `"degraded"`) || !strings.Contains(body, `"database":"unavailable"`) {
		t.Errorf("ready: %s", body)
	}
	p.until(func() bool {
		return strings.Contains(p.ready(), `"decisions":"waiting"`) && h.metric(t, "audit_spool_bytes") > 0
	}, "decisions wait on disk")
	if up := h.metric(t, "cdss_database_up"); up != 0 {
		t.Error("the metrics say that the database is up")
	}
	back := time.Now()
	line.Heal()
	p.until(func() bool { return strings.Contains(p.ready(), `"status":"ready"`) }, "all is well again")
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("recovered after %s", took)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	kept := 0
	p.until(func() bool {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM decision d JOIN audit_event e ON e.id = d.id`).Scan(&kept); err != nil {
			t.Fatal(err)
		}
		return kept >= answered
	}, "every decision is in the database with its event")
	if kept != answered {
		t.Errorf("%d decisions are kept of %d", kept, answered)
	}
	p.until(func() bool { return runtime.NumGoroutine() < before+15 }, fmt.Sprintf("no goroutine is left behind (%d before)", before))
}

// broken are rules that panic.
type broken struct{}

func (broken) Recommend(context.Context, recommend.Input) cds.Recommendation   { panic("Musterfrau") }
func (broken) CheckOrders(context.Context, recommend.Input) recommend.Findings { panic("Musterfrau") }

// TestRuleThatPanics: the answer says what was not checked, readiness and metrics tell of
// it, and the log says where, without what the panic said (F16).
func TestRuleThatPanics(t *testing.T) {
	p, h := inside(t, func(h *house) { h.rules = broken{} }, "DATABASE_URL="+dbtest.DSN(t), "CDSS_DEMO=1")
	if body := p.ready(); !strings.Contains(body, `"rules":"ok"`) {
		t.Fatalf("ready: %s", body)
	}
	for _, hook := range []string{"patient-view", "order-sign"} {
		if body := p.hook(hook); !strings.Contains(body, `"cds-not-checked"`) || !strings.Contains(body, "Programmfehler") {
			t.Errorf("%s: %s", hook, body)
		}
	}
	if h.metric(t, "cds_checks_total", `result="not_checked"`, `reason="fault"`) == 0 || h.metric(t, "cds_degraded_total", `service="abs-order-sign"`) != 1 {
		t.Error("the metrics do not tell of it")
	}
	if body := p.ready(); !strings.Contains(body, `"rules":"faulty"`) || !strings.Contains(body, `"degraded"`) {
		t.Errorf("ready: %s", body)
	}
	if log := p.log.String(); !strings.Contains(log, "step panicked") || strings.Contains(log, "Musterfrau") {
		t.Error("the log does not tell where, or tells what the panic said")
	}
}

// TestKnowledgeNotChecked: while nobody can say whether the knowledge is still what is in
// force, cards say so (D7).
func TestKnowledgeNotChecked(t *testing.T) {
	line, err := ordeal.NewLine(dbtest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	var late atomic.Int64
	p, h := inside(t, func(h *house) { h.now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) } }, "DATABASE_URL="+line.DSN(), "CDSS_DEMO=1")
	const says = "nicht abgeglichen"
	if body := p.hook("patient-view"); strings.Contains(body, says) {
		t.Errorf("fresh knowledge: %s", body)
	}
	line.Cut()
	late.Store(int64(20 * time.Minute))
	if body := p.hook("patient-view"); !strings.Contains(body, says) {
		t.Errorf("knowledge of 20 minutes ago: %s", body)
	}
	if body := p.ready(); !strings.Contains(body, `"knowledge":"stale"`) {
		t.Errorf("ready: %s", body)
	}
	if age := h.metric(t, "cds_knowledge_age_seconds"); age < 900 {
		t.Errorf("the metrics say %v seconds", age)
	}
	if h.metric(t, "cds_degraded_total", `service="abs-patient-view"`) == 0 {
		t.Error("the answer does not count as degraded")
	}
}

// TestFHIRServerAway: what cannot be read is not checked, and the metrics tell why.
func TestFHIRServerAway(t *testing.T) {
	dsn := dbtest.DSN(t)
	mustRun(t, dsn, "server", "add", "gone", "http://127.0.0.1:1/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	p, h := inside(t, nil, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	call, _ := p.example("cap-penicillin-anaphylaxis", "order-sign")
	status, _, body := p.ask("POST", "/cds-services/abs-order-sign", with(call, "prefetch", "", "fhirServer", `"http://127.0.0.1:1/fhir"`))
	if status != 412 && (status != 200 || !strings.Contains(body, `"cds-not-checked"`)) {
		t.Errorf("%d %s", status, body)
	}
	if h.metric(t, "fhir_fetch_duration_seconds_count") == h.metric(t, "fhir_fetch_duration_seconds_count", `failure=""`) {
		t.Error("the metrics do not tell of a failed query")
	}
}

// TestProviderAway: a provider of generated text that is away costs the text alone (D8).
func TestProviderAway(t *testing.T) {
	plain := demo(t)
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t), "CDSS_DEMO=1", "CDSS_LLM_BASE_URL=http://127.0.0.1:1/v1", "CDSS_LLM_MODEL=away")
	for _, hook := range []string{"patient-view", "order-sign"} {
		if got, want := p.hook(hook), plain.hook(hook); got != want {
			t.Errorf("%s: %s, want %s", hook, got, want)
		}
	}
	rec := p.recommend("cap-moderate", "en")
	if len(rec.Options) == 0 || rec.Narrative != nil {
		t.Errorf("%d options, narrative %v", len(rec.Options), rec.Narrative)
	}
}

package observe_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"cdss/cmd/cdss/observe"
)

// serve passes a request through all the middleware.
func serve(log *slog.Logger, m *observe.Metrics, req *http.Request) *httptest.ResponseRecorder {
	r := chi.NewRouter()
	r.Use(observe.WithRequestID, observe.Requests(log, m), observe.Recover(log, m))
	boom := func(http.ResponseWriter, *http.Request) { panic("Musterfrau") }
	r.Post("/cds-services/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") })
	r.Get("/cds-services/boom", boom)
	r.Get("/api/boom", boom)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func TestRequestID(t *testing.T) {
	log, m := slog.New(slog.DiscardHandler), observe.NewMetrics()
	for sent, kept := range map[string]bool{
		"": false, "short": false, "good-id-12345": true, "bad id 12345678": false, "evil\"12345678": false, strings.Repeat("a", 65): false,
	} {
		req := httptest.NewRequest("POST", "/cds-services/a", nil)
		req.Header.Set("X-Request-Id", sent)
		got := serve(log, m, req).Header().Get("X-Request-Id")
		if got == "" || (got == sent) != kept {
			t.Errorf("%q became %q", sent, got)
		}
	}
}

func TestPanicIsToldWithoutItsValue(t *testing.T) {
	for path, media := range map[string]string{"/cds-services/boom": "application/fhir+json", "/api/boom": "application/problem+json"} {
		var out bytes.Buffer
		w := serve(observe.NewLogger(&out, slog.LevelInfo, true), observe.NewMetrics(), httptest.NewRequest("GET", path, nil))
		if w.Code != 500 || !strings.HasPrefix(w.Header().Get("Content-Type"), media) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header())
		}
		if text := out.String() + w.Body.String(); strings.Contains(text, "Musterfrau") || !strings.Contains(out.String(), "observe_test.go") {
			t.Errorf("%s: the log should tell where and not what: %s", path, text)
		}
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	var out bytes.Buffer
	log := observe.NewLogger(&out, slog.LevelInfo, false).With("api_key", "hunter2").WithGroup("g")
	log.Info("x", "access_token", "hunter2", "Authorization", "hunter2", "dsn", "hunter2", slog.Group("deep", "password", "hunter2"), "count", 3)
	if s := out.String(); strings.Contains(s, "hunter2") || !strings.Contains(s, "g.count=3") {
		t.Error(s)
	}
}

func TestMetrics(t *testing.T) {
	log, m := slog.New(slog.DiscardHandler), observe.NewMetrics()
	m.Gauge("cds_test", "A gauge.", func() float64 { return 7 })
	serve(log, m, httptest.NewRequest("POST", "/cds-services/abs-order-sign", nil))
	serve(log, m, httptest.NewRequest("INVENTED", "/somewhere/"+strings.Repeat("x", 50), nil))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	for _, want := range []string{
		`cds_hook_requests_total{outcome="ok",service="abs-order-sign"} 1`,
		`cds_hook_duration_seconds_count{service="abs-order-sign"} 1`,
		`http_requests_total{method="other",route="/app",status="405"} 1`,
		`cds_test 7`, `go_goroutines`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %s", want)
		}
	}
	if strings.Contains(body, "INVENTED") || strings.Contains(body, "xxxxx") {
		t.Error("a client names labels")
	}
}

// Who does not wait for an answer makes no warning, and no fault of the server.
func TestWhoLeftIsNoFault(t *testing.T) {
	var out bytes.Buffer
	log, m := slog.New(slog.NewTextHandler(&out, nil)), observe.NewMetrics()
	h := observe.Requests(log, m)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/rules", nil).WithContext(ctx))
	if s := out.String(); !strings.Contains(s, "level=INFO") || !strings.Contains(s, "status=499") {
		t.Errorf("client gone: %s", s)
	}
	out.Reset()
	hooks := chi.NewRouter()
	hooks.Use(observe.Requests(log, m))
	hooks.Post("/cds-services/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) })
	hooks.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/cds-services/abs-order-sign", nil).WithContext(ctx))
	if s := out.String(); !strings.Contains(s, "level=WARN") || !strings.Contains(s, "status=504") {
		t.Errorf("an EHR that gave up: %s", s)
	}
	out.Reset()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/rules", nil))
	if s := out.String(); !strings.Contains(s, "level=WARN") || !strings.Contains(s, "status=504") {
		t.Errorf("a true time-out: %s", s)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/cds/conformance"
	"cdss/migrations/dbtest"
)

// buffer is what a program writes, read while it runs.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program is a running server, started as an operator does.
type program struct {
	t        *testing.T
	base     string
	out, log buffer
	stop     func() error
}

// start runs "cdss serve" until the test ends. With whole it returns when
// everything works, else as soon as it listens.
func start(t *testing.T, whole bool, vars ...string) *program {
	t.Helper()
	return startWithin(t, time.Minute, whole, vars...)
}

// startWithin is start with a deadline for every decision.
func startWithin(t *testing.T, deadline time.Duration, whole bool, vars ...string) *program {
	t.Helper()
	return startWith(t, deadline, whole, nil, vars...)
}

// startWith is startWithin of a house that was changed before it was built.
func startWith(t *testing.T, deadline time.Duration, whole bool, adjust func(*house), vars ...string) *program {
	t.Helper()
	p := &program{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	listening := make(chan string, 2)
	done := make(chan error, 1)
	vars = append([]string{"CDSS_ADDR=127.0.0.1:0", "CDSS_METRICS_ADDR=127.0.0.1:0", "CDSS_DATA_DIR=" + t.TempDir(), "LOG_LEVEL=debug"}, vars...)
	go func() {
		done <- run(ctx, []string{"serve"}, environment{vars: vars, out: &p.out, err: &p.log, deadline: deadline, adjust: adjust, ready: func(address string, ok bool) {
			if ok || !whole {
				listening <- address
			}
		}})
	}()
	p.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return fmt.Errorf("the server did not end")
		}
	})
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	select {
	case address := <-listening:
		p.base = "http://" + address
	case err := <-done:
		done <- err
		t.Fatalf("serve ended: %v\n%s", err, p.log.String())
	case <-time.After(60 * time.Second):
		t.Fatal("the server did not start")
	}
	return p
}

// ask calls the server and gives status, header and body.
func (p *program) ask(method, path, body string, header ...string) (int, http.Header, string) {
	p.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, r)
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(raw)
}

// until polls for what another process or the background brings about.
func (p *program) until(happened func() bool, what string) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if happened() {
			return
		}
	}
	p.t.Fatalf("did not happen: %s", what)
}

func demo(t *testing.T, vars ...string) *program {
	return start(t, true, append([]string{"DATABASE_URL=" + dbtest.DSN(t), "CDSS_DEMO=1"}, vars...)...)
}

// TestFirstStart does what a person does who has just started the server: it
// pastes the command that was printed.
func TestFirstStart(t *testing.T) {
	p := demo(t)
	var command string
	for line := range strings.Lines(p.out.String()) {
		if strings.HasPrefix(line, "curl ") {
			command = strings.TrimSpace(line)
		}
	}
	if command == "" {
		t.Fatalf("no curl is printed: %s", p.out.String())
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is needed to paste what the server prints")
	}
	body, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	for _, v := range conformance.Response(body, nil) {
		t.Error(v)
	}
	var got struct {
		Cards []struct{ Summary, Detail string }
	}
	if err := json.Unmarshal(body, &got); err != nil || len(got.Cards) == 0 {
		t.Fatalf("no cards: %v %s", err, body)
	}
}

func TestDoorsSpeakTheirProtocol(t *testing.T) {
	p := demo(t)
	for _, tc := range []struct {
		method, path, body string
		status             int
		media, holds       string
	}{
		{"GET", "/health", "", 200, "application/json", `"healthy"`},
		{"GET", "/livez", "", 200, "application/json", `"ok"`},
		{"GET", "/readyz", "", 200, "application/json", `"ready"`},
		{"GET", "/cds-services", "", 200, "application/json", `abs-patient-view`},
		{"GET", "/cds-services/", "", 200, "application/json", `abs-patient-view`},
		{"POST", "/cds-services/x", "{}", 404, "application/fhir+json; charset=utf-8", `OperationOutcome`},
		{"PUT", "/cds-services/abs-order-sign", "{}", 405, "application/fhir+json; charset=utf-8", `OperationOutcome`},
		{"GET", "/fhir/Patient/1", "", 404, "application/fhir+json; charset=utf-8", `OperationOutcome`},
		{"GET", "/fhir", "", 405, "application/fhir+json; charset=utf-8", `OperationOutcome`},
		{"GET", "/api/nothing", "", 404, "application/problem+json", `not-found`},
		{"GET", "/api", "", 404, "application/problem+json", `not-found`},
		{"DELETE", "/api/status", "", 405, "application/problem+json", `not allowed`},
		{"GET", "/api/status", "", 200, "application/json", `"auth":"open"`},
		{"GET", "/api/version", "", 200, "application/json", `"cdss"`},
		{"GET", "/api/openapi.json", "", 200, "", `"openapi":"3.1.0"`},
		{"GET", "/api/indications", "", 200, "application/json", `AMBULANT_ERWORBENE_PNEUMONIE`},
		{"GET", "/api/examples", "", 200, "application/json", `cap-penicillin-anaphylaxis`},
		{"GET", "/api/examples/cap-moderate", "", 200, "application/fhir+json", `"resourceType"`},
		{"GET", "/api/examples/nobody", "", 404, "application/problem+json", `nobody`},
		{"GET", "/api/plandefinitions", "", 200, "application/json", `planDefinitions`},
		{"GET", "/api/plandefinitions/nobody", "", 404, "application/problem+json", `nobody`},
		{"GET", "/api/guidelines", "", 200, "application/json", `guidelines`},
		{"POST", "/api/search", `{"query":"Pneumonie"}`, 200, "application/json", `results`},
		{"GET", "/assets/nothing.js", "", 404, "text/plain; charset=utf-8", ``},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			status, header, body := p.ask(tc.method, tc.path, tc.body)
			if status != tc.status || tc.media != "" && header.Get("Content-Type") != tc.media || !strings.Contains(body, tc.holds) {
				t.Errorf("%d %s %s", status, header.Get("Content-Type"), body)
			}
			if tc.status == 405 && header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if header.Get("X-Request-Id") == "" || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", header)
			}
			if strings.Contains(body, "$schema") && tc.path != "/api/openapi.json" {
				t.Error("a response carries a link to its schema")
			}
		})
	}
	status, header, body := p.ask("POST", "/api/recommendations", `{"request":{}}`, "Accept", "text/event-stream")
	if status != 200 || header.Get("Content-Type") != "text/event-stream" || !strings.Contains(body, "\nevent: result\n") {
		t.Errorf("a stream of events: %d %s", status, body)
	}
	status, header, _ = p.ask("POST", "/api/recommendations", "{}", "Sec-Fetch-Site", "cross-site")
	if status != 403 || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a page of another origin: %d", status)
	}
}

// TestRequiredLetsNobodyIn: without a login or a token there are health, discovery, what
// a login page needs, and nothing else.
func TestRequiredLetsNobodyIn(t *testing.T) {
	p := start(t, true, "DATABASE_URL="+dbtest.DSN(t), "CDSS_AUTH=required")
	for _, path := range []string{"/health", "/livez", "/readyz", "/cds-services", "/api/session", "/api/status", "/fhir/metadata"} {
		if status, _, body := p.ask("GET", path, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/cds-services/abs-patient-view", "/cds-services/abs-patient-view/feedback", "/handover"} {
		status, header, body := p.ask("POST", path, "")
		if status != 401 || body != "" || header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %q %q", path, status, body, header.Get("WWW-Authenticate"))
		}
	}
	for _, call := range []string{"POST /api/recommendations", "GET /api/guidelines", "GET /api/cases", "GET /api/system/people", "GET /fhir/PlanDefinition", "GET /fhir/Patient/x",
		"POST /api/search", "POST /api/answers", "GET /api/outbound", "GET /api/nothing", "GET /fhir/Nothing"} {
		method, path, _ := strings.Cut(call, " ")
		if status, _, body := p.ask(method, path, ""); status != 401 || strings.Contains(body, "right") {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	if strings.Contains(p.out.String(), "curl") {
		t.Error("it prints a command that cannot work")
	}
}

// TestHooksNeedNoDatabase: nothing listens where the database should be.
func TestHooksNeedNoDatabase(t *testing.T) {
	p := start(t, false, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=1", "CDSS_DEMO=1")
	_, _, call := p.ask("GET", "/api/examples/cap-penicillin-anaphylaxis/hook", "")
	status, _, body := p.ask("POST", "/cds-services/abs-patient-view", call)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, v := range conformance.Response([]byte(body), nil) {
		t.Error(v)
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/api/indications": 200, "/api/guidelines": 503} {
		if status, _, body := p.ask("GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, header, _ := p.ask("POST", "/api/search", `{"query":"x"}`); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("search: %d", status)
	}
	feedback := `{"feedback":[{"card":"4e0a3a1e-3283-4575-ab82-028d55fe2719","outcome":"overridden","outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`
	if status, _, _ := p.ask("POST", "/cds-services/abs-patient-view/feedback", feedback); status != 503 {
		t.Errorf("feedback is taken that cannot be kept: %d", status)
	}
}

func TestLogsNameNobody(t *testing.T) {
	p := demo(t)
	const name = "Musterfraunachname"
	bundle := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"` + name + `","name":[{"family":"` + name + `"}]}}]}`
	p.ask("POST", "/api/recommendations", `{"bundle":`+bundle+`,"language":"de"}`)
	p.ask("POST", "/api/recommendations", `{"bundle":`+bundle+`,"language":"xx","x":"`+name+`"}`)
	p.ask("POST", "/cds-services/abs-patient-view", `{"hook":"patient-view","context":{"patientId":"`+name+`"},"prefetch":{"patient":`+bundle+`}}`)
	p.ask("GET", "/api/guidelines?q="+name, "")
	p.ask("GET", "/cds-services/"+name, "")
	p.ask("GET", "/"+name+"?family="+name, "")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	log := p.log.String()
	if strings.Contains(log, name) {
		for line := range strings.Lines(log) {
			if strings.Contains(line, name) {
				t.Errorf("the log names a patient: %s", line)
			}
		}
	}
	if !strings.Contains(log, "route=/cds-services/{id}") || !strings.Contains(log, "request_id=") {
		t.Errorf("requests are not logged: %s", log)
	}
}

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		code int
		out  string // of standard output
	}{
		{"nothing", nil, 2, ""},
		{"help", []string{"--help"}, 0, "usage: cdss SUBCOMMAND"},
		{"unknown", []string{"fly"}, 2, ""},
		{"version", []string{"version"}, 0, "cdss "},
		{"too many arguments", []string{"version", "x"}, 2, ""},
		{"unknown option", []string{"serve", "--fast"}, 2, ""},
		{"no file", []string{"ingest"}, 2, ""},
		{"a file that is not there", []string{"ingest", "/nowhere"}, 2, ""},
		{"eval alone", []string{"eval"}, 2, ""},
		{"eval retrieval without options", []string{"eval", "retrieval"}, 2, ""},
		{"eval cases without options", []string{"eval", "cases"}, 2, ""},
		{"eval cases of nothing", []string{"eval", "cases", "--dir", "/nowhere", "--out", "x"}, 2, ""},
		{"language", []string{"eval", "cases", "--dir", ".", "--out", "x", "--language", "fr"}, 2, ""},
		{"bad configuration", []string{"serve"}, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			err := run(t.Context(), tc.args, environment{vars: []string{"CDSS_WRONG=1"}, out: &out, err: &errs})
			if code := exitCode(err, &errs); code != tc.code {
				t.Errorf("exit code %d, want %d: %v", code, tc.code, err)
			}
			if !strings.Contains(out.String(), tc.out) {
				t.Errorf("printed %q", out.String())
			}
			if tc.code != 0 && !strings.Contains(errs.String(), "cdss:") {
				t.Errorf("says nothing: %q", errs.String())
			}
		})
	}
	for _, c := range commands() {
		var out bytes.Buffer
		err := run(t.Context(), append(strings.Fields(c.name), "--help"), environment{out: &out, err: io.Discard})
		if err != nil || !strings.Contains(out.String(), "usage: cdss "+c.name) {
			t.Errorf("%s --help: %v %q", c.name, err, out.String())
		}
	}
}

// TestOpenAPI: the description is one of 3.1, the same each time, and complete.
func TestOpenAPI(t *testing.T) {
	print := func() string {
		var out bytes.Buffer
		if err := run(t.Context(), []string{"openapi"}, environment{out: &out, err: io.Discard}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := print()
	if first != print() {
		t.Error("printed twice it differs")
	}
	var doc struct {
		OpenAPI    string
		Servers    []struct{ URL string }
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Type any }
			}
		}
	}
	if err := json.Unmarshal([]byte(first), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Servers[0].URL != "/api" {
		t.Errorf("got %s %v", doc.OpenAPI, doc.Servers)
	}
	for path, methods := range map[string][]string{
		"/recommendations": {"post"}, "/recommendations/{id}/feedback": {"post"}, "/indications": {"get"}, "/examples": {"get"},
		"/examples/{id}": {"get"}, "/plandefinitions": {"get"}, "/plandefinitions/{id}": {"get"}, "/status": {"get"}, "/version": {"get"},
		"/guidelines": {"get", "post"}, "/guidelines/{id}": {"get", "delete"}, "/guidelines/{id}/approve": {"post"}, "/search": {"post"},
	} {
		for _, m := range methods {
			if doc.Paths[path][m] == nil {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	if list := doc.Components.Schemas["Recommendation"].Properties["options"].Type; list != "array" {
		t.Errorf("the options of a recommendation are %v, must be an array and never null", list)
	}
}

func TestMigrateAndDoctor(t *testing.T) {
	env := func(dsn string) (environment, *bytes.Buffer) {
		var out bytes.Buffer
		return environment{vars: []string{"DATABASE_URL=" + dsn, "CDSS_ADDR=127.0.0.1:0", "LOG_LEVEL=error"}, out: &out, err: os.Stderr}, &out
	}
	e, out := env(dbtest.Empty(t))
	if err := run(t.Context(), []string{"migrate"}, e); err != nil || !strings.Contains(out.String(), "pgvector") {
		t.Fatalf("%v %s", err, out)
	}
	out.Reset()
	// The private cluster of the tests may have a pgvector that doctor refuses for
	// production; everything else must be in order.
	err := run(t.Context(), []string{"doctor"}, e)
	if text := out.String(); err != nil && strings.Count(text, "  wrong  ") != strings.Count(text, "  wrong  pgvector") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{"CDSS_DATA_DIR", "ok     schema", "ok     clock", "plans run"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
	e, out = env("postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if err := run(t.Context(), []string{"doctor"}, e); exitCode(err, io.Discard) != 1 || !strings.Contains(out.String(), "wrong  database") {
		t.Errorf("a missing database: %v\n%s", err, out)
	}
}

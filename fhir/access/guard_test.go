package access_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/access"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/migrations/dbtest"
)

// door answers whom it is called by.
var door = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	p, ok := smart.From(r.Context())
	fmt.Fprintf(w, "%s %v", p.Client, ok)
})

type gate struct {
	handler http.Handler
	log     bytes.Buffer
	refused []smart.Reason
}

func newGate(t *testing.T, r *access.Registry, required bool) *gate {
	t.Helper()
	g := &gate{}
	v := smart.New(smart.Config{Clients: r, Replays: access.NewReplays(access.ReplaysConfig{}), Now: time.Now})
	guard, err := access.NewGuard(access.GuardConfig{
		Verifier: v, BaseURL: baseURL + "/", Required: required, Log: slog.New(slog.NewTextHandler(&g.log, nil)),
		Refused: func(reason smart.Reason, client string) { g.refused = append(g.refused, reason) },
	})
	if err != nil {
		t.Fatal(err)
	}
	g.handler = guard.Wrap(door)
	return g
}

// call calls a path as if the server were called evil.example.
func (g *gate) call(method, path string, authorization ...string) *http.Response {
	r := httptest.NewRequest(method, "http://evil.example"+path, nil)
	r.Host = "evil.example"
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Result()
}

func body(r *http.Response) string {
	raw, _ := io.ReadAll(r.Body)
	return string(raw)
}

func TestGuard(t *testing.T) {
	store := access.NewStore(dbtest.New(t), nil)
	add(t, store, ehr())
	g := newGate(t, registry(t, store), true)
	for _, path := range []string{service, service + "/feedback", "/cds-services"} {
		if got := g.call("POST", path, "Bearer "+token(issuer, path, path)); got.StatusCode != 200 || body(got) != "ehr true" {
			t.Errorf("%s gives %d", path, got.StatusCode)
		}
	}
	var first string
	refused := func(name string, res *http.Response) {
		t.Helper()
		answer := fmt.Sprint(res.StatusCode, res.Header, body(res))
		if first == "" {
			first = answer
		}
		if res.StatusCode != 401 || answer != first || res.Header.Get("WWW-Authenticate") != "Bearer" || res.Header.Get("Content-Length") != "0" {
			t.Errorf("%s is answered %s", name, answer)
		}
	}
	once := "Bearer " + token(issuer, service, "once")
	if got := g.call("POST", service, once); got.StatusCode != 200 {
		t.Fatalf("a good token gives %d", got.StatusCode)
	}
	refused("the same once more", g.call("POST", service, once))
	refused("no token", g.call("POST", service))
	refused("two headers", g.call("POST", service, "Bearer "+token(issuer, service, "x"), "Bearer "+token(issuer, service, "y")))
	refused("for another service", g.call("POST", service, "Bearer "+token(issuer, "/cds-services/abs-order-sign", "z")))
	refused("for feedback", g.call("POST", service, "Bearer "+token(issuer, service+"/feedback", "f")))
	refused("of nobody", g.call("POST", service, "Bearer "+token("https://nobody.example", service, "n")))
	refused("for the host that was called", g.call("POST", "/x", strings.Replace("Bearer "+token(issuer, "/x", "h"), ".", ".A", 1)))
	want := []smart.Reason{smart.Replayed, smart.NoToken, smart.NoToken, smart.WrongAudience, smart.WrongAudience, smart.UnknownIssuer, smart.Malformed}
	if diff := cmp.Diff(want, g.refused); diff != "" {
		t.Error(diff)
	}
	if got := g.call("OPTIONS", service); got.StatusCode != 200 {
		t.Errorf("a preflight gives %d", got.StatusCode)
	}
	if !strings.Contains(g.log.String(), "refusal.reason=replayed refusal.client=ehr") || strings.Contains(g.log.String(), "eyJ") {
		t.Errorf("the log is\n%s", g.log.String())
	}
}

// TestUnreadRegistryIsNo401: while nobody is known, a client is asked to come again.
func TestUnreadRegistryIsNo401(t *testing.T) {
	g := newGate(t, access.NewRegistry(nil), true)
	res := g.call("POST", service, "Bearer "+token(issuer, service, "1"))
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(body(res), "OperationOutcome") {
		t.Errorf("answered %d with %v", res.StatusCode, res.Header)
	}
}

func TestOpenAccess(t *testing.T) {
	store := access.NewStore(dbtest.New(t), nil)
	add(t, store, ehr())
	g := newGate(t, registry(t, store), false)
	for name, tc := range map[string]struct{ authorization, want string }{
		"no token":      {"", " false"},
		"a good token":  {"Bearer " + token(issuer, service, "1"), "ehr true"},
		"of nobody":     {"Bearer " + token("https://nobody.example", service, "1"), " false"},
		"another thing": {"Basic x", " false"},
	} {
		var header []string
		if tc.authorization != "" {
			header = []string{tc.authorization}
		}
		if got := body(g.call("POST", service, header...)); got != tc.want {
			t.Errorf("%s: called by %q, want %q", name, got, tc.want)
		}
	}
	if len(g.refused) != 0 {
		t.Errorf("refused %v", g.refused)
	}
}

func TestGuardNeedsItsAddress(t *testing.T) {
	if _, err := access.NewGuard(access.GuardConfig{Required: true}); !issue.Is(err, issue.Required) || !strings.Contains(err.Error(), "CDSS_PUBLIC_URL") {
		t.Errorf("got %v", err)
	}
}

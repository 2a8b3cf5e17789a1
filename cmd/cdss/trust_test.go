package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/cds"
	"cdss/migrations/dbtest"
)

// ehr is a CDS client with a key of its own.
type ehr struct {
	t      *testing.T
	issuer string
	key    *ecdsa.PrivateKey
}

func newEHR(t *testing.T, issuer string) *ehr {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &ehr{t, issuer, key}
}

func url64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// jwk writes the public key.
func (e *ehr) jwk() string {
	e.t.Helper()
	point, err := e.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		e.t.Fatal(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-384","kid":"k+/=","use":"sig","alg":"ES384","x":%q,"y":%q}`, url64(point[1:49]), url64(point[49:]))
}

// keys writes the public key as a JWKS file.
func (e *ehr) keys() string {
	e.t.Helper()
	file := filepath.Join(e.t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(`{"keys":[`+e.jwk()+`]}`), 0o600); err != nil {
		e.t.Fatal(err)
	}
	return file
}

// sign gives the signature of a text (ES384).
func (e *ehr) sign(text string) []byte {
	e.t.Helper()
	sum := sha512.Sum384([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, e.key, sum[:])
	if err != nil {
		e.t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
}

// token makes the Authorization of a call; change replaces claims, nil removes one.
func (e *ehr) token(aud string, change map[string]any) string {
	e.t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{"iss": e.issuer, "aud": aud, "exp": now + 300, "iat": now, "jti": rand.Text()}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	head, _ := json.Marshal(map[string]string{"alg": "ES384", "typ": "JWT", "kid": "k+/="})
	body, err := json.Marshal(claims)
	if err != nil {
		e.t.Fatal(err)
	}
	signed := url64(head) + "." + url64(body)
	return "Bearer " + signed + "." + url64(e.sign(signed))
}

// operate runs a subcommand and gives what it prints.
func operate(t *testing.T, dsn string, args ...string) (string, int) {
	t.Helper()
	var out, wrong bytes.Buffer
	err := run(t.Context(), args, environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: &out, err: &wrong})
	code := exitCode(err, &wrong)
	return out.String() + wrong.String(), code
}

func mustRun(t *testing.T, dsn string, args ...string) string {
	t.Helper()
	text, code := operate(t, dsn, args...)
	if code != 0 {
		t.Fatalf("cdss %s: %d %s", strings.Join(args, " "), code, text)
	}
	return text
}

// records answers the queries of a hook call from its prefetch, by resource type.
type records struct{ prefetch map[string]json.RawMessage }

// byType sorts the values of a prefetch by the type of their resources.
func byType(t testing.TB, prefetch map[string]json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	out := map[string]json.RawMessage{}
	for _, value := range prefetch {
		var r struct {
			ResourceType string
			Entry        []struct{ Resource struct{ ResourceType string } }
		}
		if err := json.Unmarshal(value, &r); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.ResourceType != "Bundle":
			out[r.ResourceType] = value
		case len(r.Entry) > 0:
			out[r.Entry[0].Resource.ResourceType] = value
		}
	}
	return out
}

func (r records) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/fhir+json")
	typ := strings.Split(strings.TrimPrefix(req.URL.Path, "/fhir/"), "/")[0]
	if body, ok := r.prefetch[typ]; ok {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write([]byte(`{"resourceType":"Bundle","type":"searchset","total":0}`))
}

// watched is a FHIR server that notes what it is asked.
type watched struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // path and query of each request
	tokens []string
}

// newRecords serves records. Spoil may answer instead, and says whether it has.
func newRecords(t *testing.T, prefetch map[string]json.RawMessage, spoil func(http.ResponseWriter, *http.Request) bool) *watched {
	t.Helper()
	good := records{byType(t, prefetch)}
	s := &watched{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.RequestURI())
		s.tokens = append(s.tokens, r.Header.Get("Authorization"))
		s.mu.Unlock()
		if spoil == nil || !spoil(w, r) {
			good.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *watched) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// example gives a hook call of an example patient, and its prefetch apart.
func (p *program) example(id, hook string) (call, prefetch map[string]json.RawMessage) {
	p.t.Helper()
	_, _, body := p.ask("GET", "/api/examples/"+id+"/hook?hook="+hook, "")
	if err := json.Unmarshal([]byte(body), &call); err != nil {
		p.t.Fatal(err, body)
	}
	if err := json.Unmarshal(call["prefetch"], &prefetch); err != nil {
		p.t.Fatal(err)
	}
	return call, prefetch
}

func with(call map[string]json.RawMessage, members ...string) string {
	call = maps.Clone(call)
	for i := 0; i+1 < len(members); i += 2 {
		if members[i+1] == "" {
			delete(call, members[i])
			continue
		}
		call[members[i]] = json.RawMessage(members[i+1])
	}
	body, err := json.Marshal(call)
	if err != nil {
		panic(err)
	}
	return string(body)
}

const public = "https://cdss.example"

// TestClientTrust: with access required, a registered client is answered, and
// everybody else is refused alike.
func TestClientTrust(t *testing.T) {
	dsn := dbtest.DSN(t)
	open := demo(t)
	call, prefetch := open.example("cap-penicillin-anaphylaxis", "patient-view")
	ours, theirs := newRecords(t, prefetch, nil), newRecords(t, prefetch, nil)
	a, b, stranger := newEHR(t, "https://a.example"), newEHR(t, "https://b.example"), newEHR(t, "https://nobody.example")
	mustRun(t, dsn, "server", "add", "ours", ours.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	mustRun(t, dsn, "server", "add", "theirs", theirs.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	mustRun(t, dsn, "client", "add", "a", "--issuer", a.issuer, "--jwks", a.keys(), "--server", "ours", "--language", "en", "--origin", "https://a.example")
	mustRun(t, dsn, "client", "add", "b", "--issuer", b.issuer, "--jwks", b.keys(), "--server", "theirs", "--shadow")
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_AUTH=required", "CDSS_DEMO=1", "CDSS_PUBLIC_URL="+public)
	const path = "/cds-services/abs-patient-view"
	given := with(call)

	t.Run("a registered client is answered", func(t *testing.T) {
		status, header, body := p.ask("POST", path, given, "Authorization", a.token(public+path, nil), "Origin", "https://a.example")
		if status != 200 || header.Get("Access-Control-Allow-Origin") != "https://a.example" {
			t.Fatalf("%d %v %s", status, header, body)
		}
	})
	t.Run("everybody else is refused alike", func(t *testing.T) {
		good := a.token(public+path, nil)
		if status, _, _ := p.ask("POST", path, given, "Authorization", good); status != 200 {
			t.Fatal("not good at all")
		}
		var first string
		for name, authorization := range map[string]string{
			"no token": "", "used before": good, "a stranger": stranger.token(public+path, nil),
			"for another service":  a.token(public+"/cds-services/abs-order-sign", nil),
			"for the host as seen": a.token(p.base+path, nil),
			"of another's issuer":  b.token(public+path, map[string]any{"iss": a.issuer}),
			"expired":              a.token(public+path, map[string]any{"exp": time.Now().Unix() - 120, "iat": time.Now().Unix() - 400}),
			"without jti":          a.token(public+path, map[string]any{"jti": nil}),
			"of a tenant":          a.token(public+path, map[string]any{"tenant": "x"}),
		} {
			status, header, body := p.ask("POST", path, given, "Authorization", authorization)
			header.Del("Date")
			header.Del("X-Request-Id")
			answer := fmt.Sprint(status, header, body)
			if first == "" {
				first = answer
			}
			if status != 401 || body != "" || answer != first {
				t.Errorf("%s: %s, another is answered %s", name, answer, first)
			}
		}
	})
	t.Run("what lacks is fetched with the token of the call", func(t *testing.T) {
		access := `{"access_token":"secret-of-the-call","token_type":"Bearer","expires_in":300,"scope":"patient/*.read","subject":"us"}`
		body := with(call, "prefetch", "", "fhirServer", `"`+ours.URL+`/fhir"`, "fhirAuthorization", access)
		status, _, got := p.ask("POST", path, body, "Authorization", a.token(public+path, nil))
		if status != 200 || !strings.Contains(got, "therapy options") || strings.Contains(got, "not sent") {
			t.Fatalf("%d %s", status, got)
		}
		if ours.requests() != 11 || slices.ContainsFunc(ours.tokens, func(s string) bool { return s != "Bearer secret-of-the-call" }) {
			t.Errorf("asked %q with %q", ours.asked, ours.tokens)
		}
		if strings.Contains(p.log.String(), "secret-of-the-call") {
			t.Error("the log holds the token")
		}
	})
	t.Run("and not again for the next question about the patient", func(t *testing.T) {
		before := ours.requests()
		sign, _ := open.example("cap-penicillin-anaphylaxis", "order-sign")
		const path = "/cds-services/abs-order-sign"
		status, _, got := p.ask("POST", path, with(sign, "prefetch", "", "fhirServer", `"`+ours.URL+`/fhir"`), "Authorization", a.token(public+path, nil))
		if status != 200 || !strings.Contains(got, `"indicator":"critical"`) || ours.requests() != before {
			t.Errorf("%d, asked %d times more: %s", status, ours.requests()-before, got)
		}
		// Another client knows nothing of it.
		if status, _, got := p.ask("POST", path, with(sign, "prefetch", "", "fhirServer", ""), "Authorization", b.token(public+path, nil)); status != 200 || got != `{"cards":[]}` {
			t.Errorf("%d %s", status, got)
		}
	})
	t.Run("another's server is not asked", func(t *testing.T) {
		before := theirs.requests()
		status, _, got := p.ask("POST", path, with(call, "fhirServer", `"`+theirs.URL+`/fhir"`), "Authorization", a.token(public+path, nil))
		if status != 403 || !strings.Contains(got, "OperationOutcome") || theirs.requests() != before {
			t.Errorf("%d %s, asked %d times", status, got, theirs.requests()-before)
		}
	})
	t.Run("a client in the shadow sees nothing, and it is recorded", func(t *testing.T) {
		status, _, got := p.ask("POST", path, given, "Authorization", b.token(public+path, nil))
		if status != 200 || got != `{"cards":[]}` {
			t.Errorf("%d %s", status, got)
		}
	})
	t.Run("feedback on another's card is refused, on one's own explained", func(t *testing.T) {
		status, _, got := p.ask("POST", path, given, "Authorization", a.token(public+path, nil))
		var r cds.Response
		if err := json.Unmarshal([]byte(got), &r); err != nil || status != 200 {
			t.Fatal(status, err)
		}
		card := r.Cards[0].UUID
		p.until(func() bool { _, code := operate(t, dsn, "explain", card); return code == 0 }, "the decision is written")
		body := `{"feedback":[{"card":"` + card + `","outcome":"overridden","outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`
		if status, _, _ := p.ask("POST", path+"/feedback", body, "Authorization", b.token(public+path+"/feedback", nil)); status != 404 {
			t.Errorf("another's: %d", status)
		}
		if status, _, got := p.ask("POST", path+"/feedback", body, "Authorization", a.token(public+path+"/feedback", nil)); status != 200 {
			t.Errorf("one's own: %d %s", status, got)
		}
		told := mustRun(t, dsn, "explain", card)
		for _, want := range []string{"abs-patient-view, hook patient-view", "a, language en", "this card", "PlanDefinition", "observations", "sent", "rules", "overridden", "Observation/"} {
			if !strings.Contains(told, want) {
				t.Errorf("explain does not say %q:\n%s", want, told)
			}
		}
		_, knowledge, _ := strings.Cut(told, "\nKnowledge\n")
		if knowledge, _, _ = strings.Cut(knowledge, "\nWhat it was made on\n"); !strings.Contains(knowledge, "sha256 ") {
			t.Errorf("explain gives no hash of the knowledge:\n%s", told)
		}
		for _, secret := range []string{"Patient/", "1954", "Musterfrau"} {
			if strings.Contains(told, secret) {
				t.Errorf("explain says %q:\n%s", secret, told)
			}
		}
		if _, code := operate(t, dsn, "explain", "00000000-0000-0000-0000-000000000000"); code != 1 {
			t.Errorf("nobody's card: %d", code)
		}
	})
	t.Run("a client that is removed is refused", func(t *testing.T) {
		if list := mustRun(t, dsn, "client", "list"); !strings.Contains(list, "https://a.example") || !strings.Contains(list, "shadow") {
			t.Error(list)
		}
		if text, code := operate(t, dsn, "server", "remove", "ours"); code != 1 || !strings.Contains(text, "belongs to a CDS client") {
			t.Errorf("%d %s", code, text)
		}
		mustRun(t, dsn, "client", "remove", "a")
		p.until(func() bool {
			status, _, _ := p.ask("POST", path, given, "Authorization", a.token(public+path, nil))
			return status == 401
		}, "the registration is gone")
		mustRun(t, dsn, "server", "remove", "ours")
		if list := mustRun(t, dsn, "server", "list"); strings.Contains(list, "ours") {
			t.Error(list)
		}
	})
}

// TestRegisterCommands: what cannot be registered is told whole, as wrong usage.
func TestRegisterCommands(t *testing.T) {
	for _, tc := range []struct{ args, says string }{
		{"client add", "the name is needed first"},
		{"client add a", "the issuer is the text"},
		{"client add a --issuer https://a.example --jwks-url http://a.example/keys", "must be https"},
		{"client add a --issuer https://a.example --jwks-url https://a.example/keys --algorithm HS256", "algorithm must be one of"},
		{"client add a --issuer https://a.example --jwks-url https://a.example/keys --deadline 1ms --language fr", "deadline must lie between"},
		{"client add a --issuer https://a.example --jwks /nowhere", "/nowhere cannot be read"},
		{"server add a", "name and address are needed first"},
		{"server add a http://a.example/fhir", "must be https"},
		{"server add a https://good@evil.example/fhir", "cannot be registered"},
		{"server add a https://a.example/fhir --allow everything", "is no network"},
		{"explain 7", "the uuid of a card is needed"},
	} {
		if text, code := operate(t, "postgres://nobody@127.0.0.1:1/none", strings.Fields(tc.args)...); code != 2 || !strings.Contains(text, tc.says) {
			t.Errorf("cdss %s: %d %s", tc.args, code, text)
		}
	}
}

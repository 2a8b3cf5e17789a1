package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cdss/migrations/dbtest"
)

// The tables of hostile input are data, so that a reader sees what was tried and adds a
// line without writing code: testdata/hostile/*.jsonl, one try a line.

func hostile[T any](t *testing.T, name string, least int) []T {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "hostile", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s, line %d: %v", name, len(list)+1, err)
		}
		list = append(list, v)
	}
	if lines.Err() != nil || len(list) < least {
		t.Fatalf("%s: %d lines, %v; at least %d are needed", name, len(list), lines.Err(), least)
	}
	return list
}

// canary is a server that nobody may ask.
func canary(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, &asked
}

// forged describes a token by what it has other than a good one. A member of Header or
// Claims may be {"drop":true}, {"be":value}, {"now":seconds}, or {"json":"text"}.
type forged struct {
	Line, Name           string
	Want                 int // 0: either
	Shape                string
	Header, Claims       map[string]any
	RawHeader, RawClaims string
	Key                  string
	Again                bool
}

// forge writes the Authorization header.
func (f forged) forge(e, other *ehr, fill *strings.Replacer) string {
	now := time.Now().Unix()
	change := func(given map[string]any, by map[string]any) string {
		text := map[string]json.RawMessage{}
		for name, v := range given {
			text[name], _ = json.Marshal(v)
		}
		for name, v := range by {
			if m, ok := v.(map[string]any); ok {
				if be, has := m["be"]; has {
					v = be
				}
				if seconds, has := m["now"].(float64); has {
					v = now + int64(seconds)
				}
				if raw, has := m["json"].(string); has {
					text[name] = json.RawMessage(raw)
					continue
				}
				if m["drop"] == true {
					delete(text, name)
					continue
				}
			}
			raw, _ := json.Marshal(v)
			text[name] = raw
		}
		var members []string
		for name, raw := range text { // joined by hand: a raw value need not be JSON
			members = append(members, fmt.Sprintf("%q:%s", name, raw))
		}
		return fill.Replace("{" + strings.Join(members, ",") + "}")
	}
	head := change(map[string]any{"alg": "ES384", "typ": "JWT", "kid": "k+/="}, f.Header)
	if f.RawHeader != "" {
		head = f.RawHeader
	}
	claims := change(map[string]any{"iss": e.issuer, "aud": "{aud}", "exp": now + 300, "iat": now, "jti": fmt.Sprint("j", f.Line, f.Name)}, f.Claims)
	if f.RawClaims != "" {
		claims = strings.NewReplacer("{exp}", fmt.Sprint(now+300), "{iat}", fmt.Sprint(now), "{jti}", f.Name).Replace(fill.Replace(f.RawClaims))
	}
	signed := url64([]byte(head)) + "." + url64([]byte(claims))
	signature := e.sign(signed)
	if f.Key == "other" {
		signature = other.sign(signed)
	}
	if key, ok := strings.CutPrefix(f.Key, "hmac-"); ok {
		signature = hmacOf(e, key, fmt.Sprint(f.Header["alg"]), signed)
	}
	shape := f.Shape
	switch {
	case f.Name == "empty":
		return ""
	case shape == "":
		shape = "Bearer {h}.{p}.{s}"
	}
	return strings.NewReplacer("{h}", url64([]byte(head)), "{p}", url64([]byte(claims)), "{s}", url64(signature)).Replace(shape)
}

// hmacOf signs with what is public of a key, as if it were a secret.
func hmacOf(e *ehr, key, alg, text string) []byte {
	der, err := x509.MarshalPKIXPublicKey(&e.key.PublicKey)
	if err != nil {
		e.t.Fatal(err)
	}
	secret := map[string][]byte{"pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "der": der, "jwk": []byte(e.jwk()), "kid": []byte("k+/="), "x": []byte("x"), "empty": nil}[key]
	of := map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New}[alg]
	if of == nil {
		of = sha512.New384
	}
	mac := hmac.New(of, secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// TestHostileTokens: each token of SAFETY T1 is refused with the same bytes, and none of
// them makes the server ask anybody.
func TestHostileTokens(t *testing.T) {
	dsn := dbtest.DSN(t)
	a, b := newEHR(t, "https://a.example"), newEHR(t, "https://b.example")
	mustRun(t, dsn, "client", "add", "a", "--issuer", a.issuer, "--jwks", a.keys())
	mustRun(t, dsn, "client", "add", "b", "--issuer", b.issuer, "--jwks", b.keys())
	// Each token comes from an address of its own, or the limit of bad tokens would answer.
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_AUTH=required", "CDSS_DEMO=1", "CDSS_PUBLIC_URL="+public, "CDSS_TRUSTED_PROXIES=1")
	const path = "/cds-services/abs-patient-view"
	address, asked := canary(t)
	fill := strings.NewReplacer("{aud}", public+path, "{base}", p.base, "{canary}", address, `"{jwk}"`, b.jwk())
	const body = `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"p"},` +
		`"prefetch":{"patient":{"resourceType":"Patient","id":"p"}}}`
	tried := 0
	ask := func(authorization string) (int, string) {
		tried++
		from := fmt.Sprintf("198.51.%d.%d", 100+tried/200, 1+tried%200)
		status, header, got := p.ask("POST", path, body, "Authorization", authorization, "X-Forwarded-For", from)
		header.Del("Date")
		header.Del("X-Request-Id")
		return status, fmt.Sprint(status, header, got)
	}
	_, refused := ask("")
	for _, f := range hostile[forged](t, "tokens.jsonl", 150) {
		token := f.forge(a, b, fill)
		status, answer := ask(token)
		if f.Again {
			if status == 401 {
				t.Errorf("%s: not good at all", f.Name)
			}
			status, answer = ask(token)
		}
		// A token that is believed gets past 401; with so little of the patient the answer is 200 or 412.
		believed := status == 200 || status == 412
		if !believed && status != 401 || f.Want == 401 && believed || f.Want == 200 && !believed {
			t.Errorf("%s %s: %d, want %d", f.Line, f.Name, status, f.Want)
		}
		if status == 401 && answer != refused {
			t.Errorf("%s %s is refused otherwise than no token: %s, not %s", f.Line, f.Name, answer, refused)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the server asked an address of a token %d times", n)
	}
	if strings.Contains(p.log.String(), "eyJ") {
		t.Error("the log holds a token")
	}
	t.Logf("%d tokens", tried)
}

// TestHostileAddresses: addresses that come from outside, or that an administrator is
// talked into, lead to no call that was not meant.
func TestHostileAddresses(t *testing.T) {
	dsn := dbtest.DSN(t)
	a := newEHR(t, "https://a.example")
	records := newRecords(t, nil, nil)
	address, asked := canary(t)
	mustRun(t, dsn, "server", "add", "ours", records.URL+"/fhir", "--plain-http", "--allow", "127.0.0.1/32")
	mustRun(t, dsn, "client", "add", "a", "--issuer", a.issuer, "--jwks", a.keys(), "--server", "ours")
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_AUTH=required", "CDSS_DEMO=1")
	admin, clinician := p.person("admin"), p.person("clinician")
	host := strings.TrimPrefix(records.URL, "http://")
	_, port, _ := strings.Cut(host, ":")
	fill := strings.NewReplacer("{registered}", records.URL+"/fhir", "{host}", host, "{port}", port, "{canary}", address)
	const path = "/cds-services/abs-patient-view"
	count := map[string]int{}
	for i, try := range hostile[struct{ Where, URL, Want string }](t, "urls.jsonl", 60) {
		given := fill.Replace(try.URL)
		quoted, _ := json.Marshal(given)
		count[try.Where]++
		before := records.requests()
		status, answer, left := 0, "", ""
		switch try.Where {
		case "fhirServer":
			status, _, answer = p.ask("POST", path, `{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea","context":{"userId":"Practitioner/x","patientId":"p"},`+
				`"fhirServer":`+string(quoted)+`,"fhirAuthorization":{"access_token":"secret-of-the-call","token_type":"Bearer","expires_in":300,"scope":"patient/*.read","subject":"us"}}`,
				"Authorization", a.token(p.base+path, nil))
			if strings.Contains(answer, `"cards":[]`) {
				left = "an empty list of cards, as if all had been checked"
			}
		case "jwks":
			status, answer = p.as(admin, "POST", "/api/system/clients", fmt.Sprintf(`{"name":"h%d","issuer":"https://h%d.example","algorithm":"ES384","jwksUrl":%s}`, i, i, quoted))
		case "server":
			status, answer = p.as(admin, "POST", "/api/system/servers", fmt.Sprintf(`{"name":"h%d","url":%s}`, i, quoted))
		case "iss":
			req, err := http.NewRequestWithContext(t.Context(), "GET", p.base+"/smart/launch?launch=x&iss="+url.QueryEscape(given), nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := clinician.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			status = res.StatusCode
			if to := res.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, p.base+"/") {
				left = "the browser is sent to " + to
			}
		default:
			t.Fatalf("%s is not known to this test", try.Where)
		}
		if status >= 500 && status != 503 || left != "" || strings.Contains(answer, "secret-of-the-call") {
			t.Errorf("%s %q: %d %s %s", try.Where, given, status, left, answer)
		}
		if try.Want == "refused" && (status < 400 || status >= 500) {
			t.Errorf("%s %q is registered: %d %s", try.Where, given, status, answer)
		}
		if n := records.requests() - before; n != 0 {
			t.Errorf("%s %q: the server of the registration is asked %d times", try.Where, given, n)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("an address that nobody registered was asked %d times", n)
	}
	if strings.Contains(p.log.String(), "secret-of-the-call") {
		t.Error("the log holds a token")
	}
	t.Logf("addresses %v", count)
}

package smart_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

func TestGoodTokens(t *testing.T) {
	for _, tc := range []struct {
		name  string
		trust func(smart.Trust) smart.Trust
		token func() string
		want  smart.Principal
	}{
		{
			name: "RS384", token: func() string { return good(start) },
		},
		{
			name: "a token like Epic's: fifteen minutes, nbf, sub, kid in base64, an audience of the site's own",
			trust: func(r smart.Trust) smart.Trust {
				r.Audiences = []string{"sand_man"}
				r.Keys = keySet(t, public("aGVsbG8+d29ybGQ/PQ==", rsaKey(), nil))
				return r
			},
			token: func() string {
				return compact(head("RS384", "aGVsbG8+d29ybGQ/PQ==").with(members{"jku": jwksURL}),
					claims(start).with(members{"aud": "sand_man", "sub": "cds-client", "nbf": start.Add(-5 * time.Minute).Unix(), "exp": start.Add(900 * time.Second).Unix()}), "RS384", rsaKey())
			},
			want: smart.Principal{Subject: "cds-client"},
		},
		{
			name: "a token like the sandbox's: ES384, jku",
			trust: func(r smart.Trust) smart.Trust {
				r.Algorithm, r.Keys = "ES384", keySet(t, public("k", p384(), map[string]any{"alg": "ES384", "use": "sig"}))
				return r
			},
			token: func() string {
				return compact(head("ES384", "k").with(members{"jku": jwksURL}), claims(start), "ES384", p384())
			},
		},
		{
			name: "PS256", trust: func(r smart.Trust) smart.Trust { r.Algorithm = "PS256"; return r },
			token: func() string { return compact(head("PS256", "k"), claims(start), "PS256", rsaKey()) },
		},
		{
			name: "a tenant that is listed", trust: func(r smart.Trust) smart.Trust { r.Tenants = []string{"north", "south"}; return r },
			token: func() string {
				return compact(head("RS384", "k"), claims(start).with(members{"tenant": "south"}), "RS384", rsaKey())
			},
			want: smart.Principal{Tenant: "south"},
		},
		{
			name:  "no tenant where that is registered too",
			trust: func(r smart.Trust) smart.Trust { r.Tenants, r.NoTenant = []string{"north"}, true; return r },
			token: func() string { return good(start) },
		},
		{
			name: "an audience among others, dates with fractions, typ in small letters, unknown claims",
			token: func() string {
				return compact(head("RS384", "k").with(members{"typ": "jwt"}), claims(start).with(members{
					"aud": []string{"https://other.example", endpoint}, "iat": float64(start.Unix()) + 0.25, "x": map[string]any{"y": 1},
				}), "RS384", rsaKey())
			},
		},
		{
			name: "a kid that looks like an attack is a name like another",
			trust: func(r smart.Trust) smart.Trust {
				r.Keys = keySet(t, public("../../etc/passwd", rsaKey(), nil))
				return r
			},
			token: func() string { return compact(head("RS384", "../../etc/passwd"), claims(start), "RS384", rsaKey()) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := trust(t)
			if tc.trust != nil {
				r = tc.trust(r)
			}
			want := tc.want
			want.Client, want.Issuer = "ehr", issuer
			for _, scheme := range []string{"Bearer ", "bearer  "} {
				got, err := verifier(registered(r), at(start)).Verify(t.Context(), scheme+tc.token(), endpoint)
				if err != nil {
					t.Fatalf("refused: %v (%s)", err, smart.ReasonOf(err))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestRefused goes through the lines of SAFETY T1.
func TestRefused(t *testing.T) {
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))})
	derKey := must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))
	jwkKey := must(json.Marshal(public("k", rsaKey(), nil)))
	type tc struct {
		line, name string
		header     string // whole Authorization header, or
		token      string
		trust      func(smart.Trust) smart.Trust
		want       smart.Reason
	}
	header := func(change members) string {
		return compact(head("RS384", "k").with(change), claims(start), "RS384", rsaKey())
	}
	payload := func(change members) string {
		return compact(head("RS384", "k"), claims(start).with(change), "RS384", rsaKey())
	}
	after := func(d time.Duration) int64 { return start.Add(d).Unix() }
	cases := []tc{
		{line: "1.1", name: "none", want: smart.NoToken},
		{line: "1.1", name: "empty", header: "Bearer ", want: smart.NoToken},
		{line: "1.1", name: "scheme only", header: "Bearer", want: smart.NoToken},
		{line: "1.1", name: "Basic", header: "Basic dXNlcjpwYXNz", want: smart.NoToken},
		{line: "1.1", name: "a token without scheme", header: good(start), want: smart.NoToken},
		{line: "1.1", name: "two tokens", header: "Bearer " + good(start) + ", Bearer " + good(start), want: smart.NoToken},

		{line: "1.3", name: "HS256 with the registered name", token: compact(head("RS384", "k"), claims(start), "HS384", pemKey), want: smart.WrongSignature},

		{line: "1.4", name: "RS256 for RS384", token: compact(head("RS256", "k"), claims(start), "RS256", rsaKey()), want: smart.Algorithm},
		{line: "1.4", name: "PS384 for RS384", token: compact(head("PS384", "k"), claims(start), "PS384", rsaKey()), want: smart.Algorithm},
		{line: "1.4", name: "PS384 called RS384", token: compact(head("RS384", "k"), claims(start), "PS384", rsaKey()), want: smart.WrongSignature},
		{line: "1.4", name: "ES384 for RS384", token: compact(head("ES384", "k"), claims(start), "ES384", p384()), want: smart.Algorithm},
		{line: "1.4", name: "ES256 for ES384", trust: func(r smart.Trust) smart.Trust {
			r.Algorithm, r.Keys = "ES384", keySet(t, public("k", p256(), nil))
			return r
		}, token: compact(head("ES384", "k"), claims(start), "ES256", p256()), want: smart.UnfitKey},
		{line: "1.4", name: "a key for which the JWKS states another algorithm", trust: func(r smart.Trust) smart.Trust {
			r.Keys = keySet(t, public("k", rsaKey(), map[string]any{"alg": "RS256"}))
			return r
		}, token: good(start), want: smart.UnfitKey},

		{line: "1.5", name: "jwk", token: compact(head("RS384", "k").with(members{"jwk": public("k", otherRSA(), nil)}), claims(start), "RS384", otherRSA()), want: smart.HeaderMember},
		{line: "1.5", name: "x5c", token: header(members{"x5c": []string{"MIIB"}}), want: smart.HeaderMember},
		{line: "1.5", name: "x5u", token: header(members{"x5u": "https://evil.example/c.pem"}), want: smart.HeaderMember},
		{line: "1.5", name: "crit", token: header(members{"crit": []string{"exp"}, "exp": 1}), want: smart.HeaderMember},
		{line: "1.5", name: "b64", token: header(members{"b64": false}), want: smart.HeaderMember},
		{line: "1.5", name: "cty of a nested token", token: header(members{"cty": "JWT"}), want: smart.HeaderMember},
		{line: "1.5", name: "enc", token: header(members{"enc": "A256GCM"}), want: smart.HeaderMember},
		{line: "1.5", name: "five segments of a JWE", token: good(start) + ".AAAA.AAAA", want: smart.Malformed},
		{line: "1.5", name: "JSON serialization with two signatures", token: `{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30","signature":"AA"}]}`, want: smart.NoToken},
		{line: "1.5", name: "alg twice", token: swap(good(start), 0, b64([]byte(`{"alg":"RS384","alg":"none","kid":"k","typ":"JWT"}`))), want: smart.Malformed},
		{line: "1.5", name: "a nested token as payload", token: swap(good(start), 1, b64([]byte(good(start)))), want: smart.Malformed},

		{line: "1.6", name: "jku of another", token: header(members{"jku": "https://evil.example/jwks"}), want: smart.KeyAddress},
		{line: "1.6", name: "jku of the metadata service", token: header(members{"jku": "http://169.254.169.254/latest/meta-data"}), want: smart.KeyAddress},
		{line: "1.6", name: "jku of a file", token: header(members{"jku": "file:///etc/passwd"}), want: smart.KeyAddress},
		{line: "1.6", name: "jku with something behind", token: header(members{"jku": jwksURL + "?a"}), want: smart.KeyAddress},
		{line: "1.6", name: "jku of the same host in capitals", token: header(members{"jku": strings.Replace(jwksURL, "ehr", "EHR", 1)}), want: smart.KeyAddress},
		{line: "1.6", name: "jku empty", token: header(members{"jku": ""}), want: smart.KeyAddress},
		{line: "1.6", name: "jku no string", token: header(members{"jku": []string{jwksURL}}), want: smart.Malformed},
		{line: "1.6", name: "jku of a client without one", trust: func(r smart.Trust) smart.Trust { r.KeysURL = ""; return r }, token: header(members{"jku": jwksURL}), want: smart.KeyAddress},

		{line: "1.8", name: "no kid", token: header(members{"kid": nil}), want: smart.UnknownKey},
		{line: "1.8", name: "kid unknown", token: header(members{"kid": "../k"}), want: smart.UnknownKey},
		{line: "1.8", name: "kid a number", token: header(members{"kid": 1}), want: smart.Malformed},
		{line: "1.8", name: "kid of 600 bytes", token: header(members{"kid": strings.Repeat("k", 600)}), want: smart.UnknownKey},
		{line: "1.8", name: "kid of a megabyte", token: header(members{"kid": strings.Repeat("k", 1<<20)}), want: smart.Oversize},

		{line: "1.13", name: "exp 61 s ago", token: payload(members{"iat": after(-time.Hour / 2), "exp": after(-61 * time.Second)}), want: smart.ExpiredToken},
		{line: "1.13", name: "iat in 600 s", token: payload(members{"iat": after(600 * time.Second), "exp": after(900 * time.Second)}), want: smart.NotYet},
		{line: "1.13", name: "nbf in 600 s", token: payload(members{"nbf": after(600 * time.Second)}), want: smart.NotYet},
		{line: "1.13", name: "exp in 25 h", token: payload(members{"exp": after(90_000 * time.Second)}), want: smart.TooLong},
		{line: "1.13", name: "issued long ago for long", token: payload(members{"iat": after(-90_000 * time.Second)}), want: smart.TooLong},
		{line: "1.13", name: "exp before iat", token: payload(members{"iat": after(30 * time.Second), "exp": after(20 * time.Second)}), want: smart.TooLong},
		{line: "1.13", name: "milliseconds for seconds", token: payload(members{"iat": start.UnixMilli(), "exp": start.UnixMilli() + 300_000}), want: smart.MissingClaim},

		{line: "1.14", name: "another service", token: payload(members{"aud": "https://cds.example/cds-services/abs-order-sign"}), want: smart.WrongAudience},
		{line: "1.14", name: "another host", token: payload(members{"aud": "https://evil.example/cds-services/abs-patient-view"}), want: smart.WrongAudience},
		{line: "1.14", name: "the discovery address", token: payload(members{"aud": "https://cds.example/cds-services"}), want: smart.WrongAudience},
		{line: "1.14", name: "a slash behind", token: payload(members{"aud": endpoint + "/"}), want: smart.WrongAudience},
		{line: "1.14", name: "http", token: payload(members{"aud": "http" + strings.TrimPrefix(endpoint, "https")}), want: smart.WrongAudience},
		{line: "1.14", name: "feedback of the service", token: payload(members{"aud": endpoint + "/feedback"}), want: smart.WrongAudience},
		{line: "1.14", name: "capitals", token: payload(members{"aud": strings.ToUpper(endpoint)}), want: smart.WrongAudience},
		{line: "1.14", name: "an audience of another client", token: payload(members{"aud": "sand_man"}), want: smart.WrongAudience},
		{line: "1.14", name: "an empty list", token: payload(members{"aud": []string{}}), want: smart.MissingClaim},
		{line: "1.14", name: "a list with a null", token: swap(good(start), 1, b64([]byte(`{"iss":"`+issuer+`","aud":[null],"jti":"x","iat":1,"exp":2}`))), want: smart.MissingClaim},
		{line: "1.14", name: "a list in a list", token: payload(members{"aud": []any{[]string{endpoint}}}), want: smart.MissingClaim},

		{line: "1.17", name: "tenant of a client that has none", token: payload(members{"tenant": "north"}), want: smart.WrongTenant},
		{line: "1.17", name: "tenant unknown", trust: withTenants, token: payload(members{"tenant": "west"}), want: smart.WrongTenant},
		{line: "1.17", name: "tenant absent", trust: withTenants, token: good(start), want: smart.WrongTenant},
		{line: "1.17", name: "tenant empty", trust: withTenants, token: payload(members{"tenant": ""}), want: smart.WrongTenant},
		{line: "1.17", name: "tenant a list", trust: withTenants, token: payload(members{"tenant": []string{"north"}}), want: smart.MissingClaim},

		{line: "", name: "issuer unknown", token: payload(members{"iss": "https://other.example"}), want: smart.UnknownIssuer},
		{line: "", name: "issuer with a slash behind", token: payload(members{"iss": issuer + "/"}), want: smart.UnknownIssuer},
		{line: "", name: "client switched off", trust: func(r smart.Trust) smart.Trust { r.Disabled = true; return r }, token: good(start), want: smart.Disabled},
		{line: "", name: "typ of an access token", token: header(members{"typ": "at+jwt"}), want: smart.HeaderType},
		{line: "", name: "no typ", token: header(members{"typ": nil}), want: smart.HeaderType},
		{line: "", name: "another key", token: compact(head("RS384", "k"), claims(start), "RS384", otherRSA()), want: smart.WrongSignature},
		{line: "", name: "claims changed after signing", token: swap(good(start), 1, b64(must(json.Marshal(claims(start).with(members{"sub": "admin"}))))), want: smart.WrongSignature},
		{line: "", name: "signature cut", token: swap(good(start), 2, "AAAA"), want: smart.WrongSignature},
		{line: "", name: "no signature", token: swap(good(start), 2, ""), want: smart.WrongSignature},
		{line: "", name: "padding", token: good(start) + "==", want: smart.Malformed},
		{line: "", name: "a line break in it", token: strings.Replace(good(start), ".", "\n.", 1), want: smart.Malformed},
		{line: "", name: "header no object", token: swap(good(start), 0, b64([]byte(`[]`))), want: smart.Malformed},
		{line: "", name: "header null", token: swap(good(start), 0, b64([]byte(`null`))), want: smart.Malformed},
		{line: "", name: "claims with something behind", token: swap(good(start), 1, b64([]byte(`{} {}`))), want: smart.Malformed},
		{line: "", name: "claims too deep", token: swap(good(start), 1, b64([]byte(strings.Repeat("[", 200)))), want: smart.Malformed},
		{line: "", name: "no keys at all", trust: func(r smart.Trust) smart.Trust { r.Keys = nil; return r }, token: good(start), want: smart.NoKeys},
	}
	// The last letter of the signature carries four bits that nobody reads.
	tail := good(start)
	cases = append(cases, tc{line: "", name: "one signature in two spellings", want: smart.Malformed,
		token: tail[:len(tail)-1] + string(tail[len(tail)-1]+1)})
	cases = append(cases, tc{line: "1.2", name: "a registration that says none", want: smart.Algorithm,
		trust: func(r smart.Trust) smart.Trust { r.Algorithm = "none"; return r }, token: compact(head("none", "k"), claims(start), "none", nil)})
	for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
		unsigned := compact(head(alg, "k"), claims(start), alg, nil)
		cases = append(cases, tc{line: "1.2", name: "alg " + alg, token: unsigned, want: smart.Algorithm},
			tc{line: "1.2", name: "alg " + alg + " with a signature", token: compact(head(alg, "k"), claims(start), "RS384", rsaKey()), want: smart.Algorithm})
	}
	cases = append(cases, tc{line: "1.2", name: "no alg", token: header(members{"alg": nil}), want: smart.Algorithm})
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		for form, secret := range map[string][]byte{"PEM": pemKey, "DER": derKey, "JWK": jwkKey} {
			cases = append(cases, tc{line: "1.3", name: alg + " with the public key as " + form, token: compact(head(alg, "k"), claims(start), alg, secret), want: smart.Algorithm})
		}
	}
	for _, claim := range []string{"iss", "aud", "exp", "iat", "jti"} {
		cases = append(cases, tc{line: "1.12", name: "no " + claim, token: payload(members{claim: nil}), want: smart.MissingClaim})
		cases = append(cases, tc{line: "1.12", name: claim + " an object", token: payload(members{claim: map[string]any{}}), want: smart.MissingClaim})
	}
	for _, claim := range []string{"exp", "iat", "nbf"} {
		cases = append(cases, tc{line: "1.12", name: claim + " as text", token: payload(members{claim: fmt.Sprint(start.Unix())}), want: smart.MissingClaim},
			tc{line: "1.12", name: claim + " negative", token: payload(members{claim: -1}), want: smart.MissingClaim},
			tc{line: "1.12", name: claim + " beyond all calendars", token: payload(members{claim: 1e300}), want: smart.MissingClaim})
	}
	var answers []string
	for _, c := range cases {
		t.Run(c.line+" "+c.name, func(t *testing.T) {
			r := trust(t)
			if c.trust != nil {
				r = c.trust(r)
			}
			authorization := c.header
			if c.token != "" {
				authorization = "Bearer " + c.token
			}
			p, err := verifier(registered(r), at(start)).Verify(t.Context(), authorization, endpoint)
			if err == nil {
				t.Fatalf("accepted as %+v", p)
			}
			if got := smart.ReasonOf(err); got != c.want {
				t.Errorf("refused for %q, want %q", got, c.want)
			}
			if p != (smart.Principal{}) {
				t.Errorf("a refusal gives the principal %+v", p)
			}
			answers = append(answers, answer(err))
		})
	}
	// T1.19: nobody can tell one refusal from another.
	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("one refusal is answered\n%s\nanother\n%s", answers[0], a)
		}
	}
	if len(answers) != len(cases) {
		t.Errorf("%d of %d cases have an answer", len(answers), len(cases))
	}
}

func withTenants(r smart.Trust) smart.Trust {
	r.Tenants = []string{"north", "south"}
	return r
}

// answer is all a caller sees of an error, whether the door writes the challenge or
// the error's own outcome.
func answer(err error) string {
	w := httptest.NewRecorder()
	smart.Challenge(w)
	return fmt.Sprint(err, issue.Status(err), issue.KindOf(err), string(issue.Outcome(err)), w.Code, w.Header(), w.Body.String())
}

func TestChallengeIsEmpty(t *testing.T) {
	w := httptest.NewRecorder()
	smart.Challenge(w)
	if w.Code != 401 || w.Body.Len() != 0 || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("the challenge is %d %q with %v", w.Code, w.Body, w.Header())
	}
}

// TestWindow walks along the edges of T1.13.
func TestWindow(t *testing.T) {
	for _, tc := range []struct {
		name     string
		iat, exp time.Duration
		want     smart.Reason
	}{
		{"over for 20 s", -5 * time.Minute, -20 * time.Second, ""},
		{"over for 60 s", -5 * time.Minute, -60 * time.Second, ""},
		{"over for 61 s", -5 * time.Minute, -61 * time.Second, smart.ExpiredToken},
		{"issued in 60 s", 60 * time.Second, 5 * time.Minute, ""},
		{"issued in 61 s", 61 * time.Second, 5 * time.Minute, smart.NotYet},
		{"fifteen minutes", 0, 900 * time.Second, ""},
		{"an hour", 0, time.Hour, ""},
		{"an hour and a second", 0, time.Hour + time.Second, smart.TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			token := compact(head("RS384", "k"), claims(start).with(members{"iat": start.Add(tc.iat).Unix(), "exp": start.Add(tc.exp).Unix()}), "RS384", rsaKey())
			_, err := verifier(registered(trust(t)), at(start)).Verify(t.Context(), "Bearer "+token, endpoint)
			if got := smart.ReasonOf(err); got != tc.want || tc.want == "" && err != nil {
				t.Errorf("refused for %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	v := verifier(registered(trust(t)), at(start))
	token := "Bearer " + good(start)
	var accepted, replayed atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			switch _, err := v.Verify(t.Context(), token, endpoint); {
			case err == nil:
				accepted.Add(1)
			case smart.ReasonOf(err) == smart.Replayed:
				replayed.Add(1)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 || replayed.Load() != 49 {
		t.Errorf("%d of 50 are accepted, %d replayed", accepted.Load(), replayed.Load())
	}
}

// TestForgedTokenIsNotRemembered: who cannot sign cannot use up another's jti.
func TestForgedTokenIsNotRemembered(t *testing.T) {
	v := verifier(registered(trust(t)), at(start))
	c := claims(start)
	if _, err := v.Verify(t.Context(), "Bearer "+compact(head("RS384", "k"), c, "RS384", otherRSA()), endpoint); err == nil {
		t.Fatal("a forged token is accepted")
	}
	if _, err := v.Verify(t.Context(), "Bearer "+compact(head("RS384", "k"), c, "RS384", rsaKey()), endpoint); err != nil {
		t.Errorf("the true token is refused: %s", smart.ReasonOf(err))
	}
}

type unknown struct{}

func (unknown) Trust(string) (smart.Trust, bool, error) {
	return smart.Trust{}, false, errors.New("the register is empty")
}

// TestNobodyKnownYet: while the register has not been read, a good token must not
// look like a bad one.
func TestNobodyKnownYet(t *testing.T) {
	_, err := verifier(unknown{}, at(start)).Verify(t.Context(), "Bearer "+good(start), endpoint)
	if issue.Status(err) != 503 || smart.ReasonOf(err) != "" {
		t.Errorf("answered %v", err)
	}
}

func TestLogTellsReasonAndNoToken(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	token := compact(head("RS384", "k"), claims(start), "RS384", otherRSA())
	_, err := verifier(registered(trust(t)), at(start)).Verify(t.Context(), "Bearer "+token, endpoint)
	var refusal *smart.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v", err)
	}
	log.Info("token refused", "refusal", refusal, "principal", smart.Principal{Client: "ehr", Subject: "someone"})
	if !strings.Contains(out.String(), `"refusal":{"reason":"signature","client":"ehr"}`) {
		t.Errorf("the log is %s", &out)
	}
	for part := range strings.SplitSeq(token, ".") {
		if strings.Contains(out.String(), part) {
			t.Errorf("the log shows the token: %s", &out)
		}
	}
}

func TestPrincipalInContext(t *testing.T) {
	if p, ok := smart.From(t.Context()); ok {
		t.Errorf("an empty context has the principal %v", p)
	}
	want := smart.Principal{Client: "ehr"}
	if p, ok := smart.From(smart.With(t.Context(), want)); !ok || p != want {
		t.Errorf("got %v, %v", p, ok)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("Bearer " + good(start))
	f.Add("Bearer " + swap(good(start), 0, b64([]byte(`{"alg":"none"}`))))
	f.Add("Bearer e30.e30.")
	f.Add("Basic x")
	v := verifier(registered(trust(f)), at(start))
	f.Fuzz(func(t *testing.T, authorization string) {
		p, err := v.Verify(t.Context(), authorization, "https://nowhere.example/"+rand.Text())
		if err == nil {
			t.Errorf("a token without our address is accepted as %+v", p)
		}
		if issue.Status(err) != 401 {
			t.Errorf("answered %d", issue.Status(err))
		}
	})
}

// always is a memory that forgets, so that a benchmark needs one token only.
type always struct{}

func (always) Use(context.Context, string, string, time.Time) (bool, error) { return true, nil }

func BenchmarkVerify(b *testing.B) {
	for _, bc := range []struct {
		alg string
		key any
	}{{"RS384", rsaKey()}, {"ES256", p256()}, {"ES384", p384()}} {
		b.Run(bc.alg, func(b *testing.B) {
			r := trust(b)
			r.Algorithm, r.Keys = bc.alg, keySet(b, public("k", bc.key, nil))
			v := smart.New(smart.Config{Clients: registered(r), Replays: always{}, Now: at(start)})
			token := "Bearer " + compact(head(bc.alg, "k"), claims(start), bc.alg, bc.key)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token, endpoint); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

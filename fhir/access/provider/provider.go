// Package provider is a small OpenID provider (OpenID Connect Core 1.0, authorization
// code with PKCE) whose people log in by choosing who they are. It serves the
// demonstration on one's own machine, and tests.
//
// It owns its codes, tokens and key, in memory. It refuses to prove anything: nobody is
// asked for a secret, so it must never stand where others can reach it.
package provider

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"cdss/fhir/smart"
)

// Config of a provider.
type Config struct {
	// Issuer is its address, and Authorize that of the page for browsers; "" is below the
	// issuer. Both have no slash at the end.
	Issuer, Authorize string
	// Client is the one that may rely on it.
	ClientID, ClientSecret string
	// Redirect tells whether the browser may be sent back to an address.
	Redirect func(address string) bool
	People   []smart.Person
	Now      func() time.Time
	// Claims may change what an ID token says; for tests.
	Claims func(claims map[string]any)
}

// lifetime of codes and tokens.
const (
	codeTime  = time.Minute
	tokenTime = 5 * time.Minute
)

// maxOpen is how many codes and tokens are remembered at most.
const maxOpen = 1000

// Provider is a provider. It is safe for concurrent use.
type Provider struct {
	c   Config
	key *ecdsa.PrivateKey
	mux *http.ServeMux

	mu     sync.Mutex
	codes  map[string]login
	tokens map[string]login // access and refresh tokens
	left   map[string]bool  // people who may do nothing any more
}

// login is what a code or token stands for.
type login struct {
	person                     string
	nonce, challenge, redirect string
	until                      time.Time
}

// New returns a provider.
func New(c Config) (*Provider, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Authorize == "" {
		c.Authorize = c.Issuer + "/authorize"
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &Provider{c: c, key: key, mux: http.NewServeMux(), codes: map[string]login{}, tokens: map[string]login{}, left: map[string]bool{}}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	p.mux.HandleFunc("GET "+issuer.Path+"/.well-known/openid-configuration", p.describe)
	p.mux.HandleFunc("GET "+issuer.Path+"/keys", p.keys)
	p.mux.HandleFunc("POST "+issuer.Path+"/token", p.token)
	p.mux.HandleFunc("GET "+issuer.Path+"/userinfo", p.userinfo)
	p.mux.HandleFunc(issuer.Path+"/authorize", p.ServeAuthorize)
	return p, nil
}

// ServeHTTP answers every call, of browsers and of the relying party.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// RoundTrip answers the relying party within the process, so that nothing but the page
// needs an address.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	p.mux.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		ContentLength: int64(w.body.Len()), Body: io.NopCloser(&w.body), Request: r,
	}, nil
}

// recorder keeps an answer for RoundTrip.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

// SetRoles changes the roles of a person; nil: the provider does not know the person any
// more. For tests.
func (p *Provider) SetRoles(id string, roles []smart.Role) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[id] = roles == nil
	people := append([]smart.Person{}, p.c.People...)
	for i := range people {
		if people[i].ID == id {
			people[i].Roles = roles
		}
	}
	p.c.People = people
}

// person finds who that is; p.mu is held.
func (p *Provider) person(id string) (smart.Person, bool) {
	for _, who := range p.c.People {
		if who.ID == id && !p.left[id] {
			return who, true
		}
	}
	return smart.Person{}, false
}

func (p *Provider) describe(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer": p.c.Issuer, "authorization_endpoint": p.c.Authorize, "token_endpoint": p.c.Issuer + "/token",
		"jwks_uri": p.c.Issuer + "/keys", "userinfo_endpoint": p.c.Issuer + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		http.Error(w, "no key", http.StatusInternalServerError)
		return
	}
	reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": b64(point[1:33]), "y": b64(point[33:]),
	}}})
}

// code makes a code for a person who has chosen himself.
func (p *Provider) code(l login) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.until = p.c.Now().Add(codeTime)
	return p.remember(p.codes, l)
}

// remember keeps a login under a new secret; p.mu is held.
func (p *Provider) remember(in map[string]login, l login) string {
	now := p.c.Now()
	for k, old := range in {
		if len(in) >= maxOpen || old.until.Before(now) {
			delete(in, k)
		}
	}
	secret := rand.Text()
	in[secret] = l
	return secret
}

// token gives tokens for a code, once, or for a refresh token.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.c.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(p.c.ClientSecret)) != 1 {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var l login
	var ok bool
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		code := r.PostFormValue("code")
		l, ok = p.codes[code]
		delete(p.codes, code)
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		ok = ok && l.redirect == r.PostFormValue("redirect_uri") && l.challenge == b64(sum[:])
	case "refresh_token":
		token := r.PostFormValue("refresh_token")
		l, ok = p.tokens[token]
		delete(p.tokens, token) // it is rotated
		l.nonce = ""
	}
	who, known := p.person(l.person)
	if !ok || !known || l.until.Before(p.c.Now()) {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	l.until = p.c.Now().Add(tokenTime)
	access := p.remember(p.tokens, l)
	l.until = p.c.Now().Add(24 * time.Hour)
	refresh := p.remember(p.tokens, l)
	idToken, err := p.sign(p.claims(who, l))
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": int(tokenTime.Seconds()), "id_token": idToken,
	})
}

// claims of an ID token.
func (p *Provider) claims(who smart.Person, l login) map[string]any {
	now := p.c.Now()
	claims := map[string]any{
		"iss": p.c.Issuer, "sub": who.ID, "aud": p.c.ClientID, "iat": now.Unix(), "exp": now.Add(tokenTime).Unix(),
		"preferred_username": who.ID, "name": who.Name, "roles": who.Roles,
	}
	if l.nonce != "" {
		claims["nonce"] = l.nonce
	}
	if p.c.Claims != nil {
		p.c.Claims(claims)
	}
	return claims
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	who, known := p.person(l.person)
	if !ok || !known {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"sub": who.ID, "preferred_username": who.ID, "name": who.Name, "roles": who.Roles})
}

// sign makes a JWT (RFC 7515, ES256).
func (p *Provider) sign(claims map[string]any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := b64([]byte(`{"alg":"ES256","kid":"1","typ":"JWT"}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)), nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// Package ehr plays an EHR with a SMART authorization server, for tests and for
// trying the app: it launches it for a patient, grants, and passes reads on to a
// FHIR server. It owns no data. It refuses to be safe: whoever reaches it may read,
// so it belongs on this machine only.
package ehr

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Config of an EHR.
type Config struct {
	Base     string   // its own address
	App      string   // address of the app it launches
	Upstream *url.URL // FHIR server that holds the data
	ClientID string   // of the app
	Patients []string // ids that may be launched
	// Faults for tests: an answer of the token endpoint that is written as it is.
	Token func(w http.ResponseWriter, r *http.Request) (handled bool)
}

// grant is what a code or token stands for.
type grant struct{ patient, challenge, redirect string }

// EHR is the server.
type EHR struct {
	c      Config
	proxy  *httputil.ReverseProxy
	mu     sync.Mutex
	codes  map[string]grant
	tokens map[string]grant
}

// New makes an EHR.
func New(c Config) *EHR {
	return &EHR{
		c: c, codes: map[string]grant{}, tokens: map[string]grant{},
		proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			path := strings.TrimPrefix(r.In.URL.Path, "/fhir")
			r.Out.URL.Path = ""
			r.SetURL(c.Upstream)
			r.Out.URL.Path = strings.TrimSuffix(c.Upstream.Path, "/") + path
			r.Out.Header.Del("Authorization")
		}},
	}
}

// Scope is what every launch is granted.
const Scope = "launch openid fhirUser patient/*.rs"

// ServeHTTP implements http.Handler.
func (e *EHR) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/":
		e.page(w)
	case r.URL.Path == "/fhir/.well-known/smart-configuration":
		write(w, http.StatusOK, map[string]any{
			"authorization_endpoint": e.c.Base + "/authorize", "token_endpoint": e.c.Base + "/token",
			"capabilities":                     []string{"launch-ehr", "launch-standalone", "client-public", "context-ehr-patient", "context-standalone-patient", "permission-patient", "sso-openid-connect"},
			"code_challenge_methods_supported": []string{"S256"}, "grant_types_supported": []string{"authorization_code"},
		})
	case r.URL.Path == "/authorize":
		e.authorize(w, r)
	case r.URL.Path == "/token" && r.Method == http.MethodPost:
		e.token(w, r)
	case strings.HasPrefix(r.URL.Path, "/fhir/"):
		e.read(w, r)
	default:
		http.NotFound(w, r)
	}
}

var pages = template.Must(template.New("page").Parse(`<!doctype html><html lang="de"><meta charset="utf-8"><title>Demo EHR</title>
<h1>Demo EHR</h1><ul>{{range .}}<li><a href="{{.To}}">{{.Patient}}</a></li>{{end}}</ul></html>`))

type link struct{ To, Patient string }

// page lists the patients, each with the address that launches the app for them.
func (e *EHR) page(w http.ResponseWriter) {
	var list []link
	for _, p := range e.c.Patients {
		list = append(list, link{e.c.App + "/smart/launch?" + url.Values{"iss": {e.c.Base + "/fhir"}, "launch": {p}}.Encode(), p})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, list)
}

// authorize grants at once where the launch names a patient, and else lets choose one.
func (e *EHR) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect := q.Get("redirect_uri")
	switch {
	case q.Get("client_id") != e.c.ClientID, redirect != e.c.App+"/smart/callback", q.Get("aud") != e.c.Base+"/fhir":
		http.Error(w, "unknown client, redirect or audience", http.StatusBadRequest)
		return
	case q.Get("code_challenge_method") != "S256", q.Get("code_challenge") == "", q.Get("state") == "", q.Get("response_type") != "code":
		http.Error(w, "a public client needs PKCE and state", http.StatusBadRequest)
		return
	}
	patient := q.Get("launch")
	if patient == "" {
		patient = q.Get("patient") // chosen below
	}
	if patient == "" {
		var list []link
		for _, p := range e.c.Patients {
			again := r.URL.Query()
			again.Set("patient", p)
			list = append(list, link{e.c.Base + "/authorize?" + again.Encode(), p})
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = pages.Execute(w, list)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if slices.Contains(e.c.Patients, patient) {
		code := random()
		e.mu.Lock()
		e.codes[code] = grant{patient, q.Get("code_challenge"), redirect}
		e.mu.Unlock()
		back.Set("code", code)
	} else {
		back.Set("error", "access_denied")
	}
	http.Redirect(w, r, redirect+"?"+back.Encode(), http.StatusFound)
}

// token exchanges a code, once.
func (e *EHR) token(w http.ResponseWriter, r *http.Request) {
	if e.c.Token != nil && e.c.Token(w, r) {
		return
	}
	code := r.PostFormValue("code")
	e.mu.Lock()
	g, ok := e.codes[code]
	delete(e.codes, code)
	e.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || g.redirect != r.PostFormValue("redirect_uri") || r.PostFormValue("client_id") != e.c.ClientID {
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	token := random()
	e.mu.Lock()
	e.tokens[token] = g
	e.mu.Unlock()
	claims, _ := json.Marshal(map[string]string{"iss": e.c.Base + "/fhir", "sub": "1", "fhirUser": e.c.Base + "/fhir/Practitioner/demo"})
	write(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": 900, "scope": Scope, "patient": g.patient, "need_patient_banner": true,
		"id_token": "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".",
	})
}

// read passes reads of the launched patient on.
func (e *EHR) read(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	e.mu.Lock()
	_, ok := e.tokens[token]
	e.mu.Unlock()
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method != http.MethodGet && (r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/_search")) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	e.proxy.ServeHTTP(w, r)
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func random() string {
	var b [24]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Package launch is the SMART App Launch (IG 2.2, EHR and standalone) of the
// clinician's app: authorization code with PKCE and state, on the server.
//
// It owns the way to the authorization server and back, and what a launch brought.
// It refuses a FHIR server that nobody registered, tokens in the browser's scripts,
// a launch used by another person, and refresh tokens: a launch ends with its
// access token.
package launch

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Server is a registered FHIR server that people may launch from.
type Server struct {
	Name     string
	Base     string // as it was registered, without a slash behind
	ClientID string // ours at its authorization server
	Plain    bool   // plain http was registered on purpose, also for what it points to
}

// Servers finds registered servers.
type Servers interface {
	// ByBase finds the server that an iss names; ByName one by its name.
	ByBase(iss string) (Server, bool)
	ByName(name string) (Server, bool)
	// Client gives an HTTP client that may dial what the registration allows.
	Client(s Server) *http.Client
}

// Config of a Door. Servers, Store, Person and Base are needed.
type Config struct {
	Servers Servers
	Store   *Store
	// Person is who is logged in; ok false sends him to the login page first.
	Person func(r *http.Request) (smart.Person, bool)
	// Base is the external address of this server, as the browser sees it.
	Base func(r *http.Request) string
	Now  func() time.Time
	Log  *slog.Logger
}

// Door serves /smart/launch and /smart/callback.
type Door struct{ c Config }

// New makes a door.
func New(c Config) *Door {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Door{c}
}

// The addresses of the door, and where the app goes on.
const (
	LaunchPath   = "/smart/launch"
	CallbackPath = "/smart/callback"
	afterPath    = "/case/new/launch"
	loginPath    = "/login"
)

// Limits of a launch.
const (
	onTheWay   = 10 * time.Minute // at the authorization server
	mostTime   = 4 * time.Hour    // whatever the authorization server says
	leastTime  = time.Minute
	askTimeout = 10 * time.Second
	maxAnswer  = 256 << 10
)

// What is asked for. Reading only; the patient's compartment only.
const (
	scopesEHR        = "launch openid fhirUser patient/*.rs"
	scopesStandalone = "launch/patient openid fhirUser patient/*.rs"
)

const (
	flowCookie   = "cdss_launching"
	launchCookie = "cdss_launch"
)

// flow is what a launch on its way must come back with. The browser keeps it.
type flow struct {
	State    string    `json:"s"`
	Verifier string    `json:"v"`
	Server   string    `json:"n"`
	Person   string    `json:"p"` // who began
	Token    string    `json:"t"` // token endpoint that was discovered
	Redirect string    `json:"r"`
	At       time.Time `json:"a"`
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		issue.WriteProblem(w, r, issue.New(issue.NotSupported, "a launch is a GET").WithStatus(http.StatusMethodNotAllowed))
		return
	}
	var to string
	var err error
	switch r.URL.Path {
	case LaunchPath:
		to, err = d.begin(w, r)
	case CallbackPath:
		to, err = d.end(w, r)
	default:
		err = issue.New(issue.NotFound, "nothing is at this address")
	}
	if err != nil {
		// The app says in words what went wrong; a machine would not come here.
		d.c.Log.WarnContext(r.Context(), "a SMART launch failed", "error", err)
		to = afterPath + "?outcome=" + url.QueryEscape(outcome(err))
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// failure is why a launch failed, as the app tells it.
type failure struct {
	code string
	err  error
}

func (f *failure) Error() string { return f.code + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code, text string) error { return &failure{code, errors.New(text)} }

// outcome is the word for the app.
func outcome(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return "failed"
}

// The outcomes that the app knows.
const (
	unknownServer = "unknown-server" // not registered, or without a client id
	unreachable   = "unreachable"    // the FHIR server or its authorization server
	refused       = "refused"        // the authorization server said no
	stale         = "stale"          // took too long, or was begun in another browser
	noPatient     = "no-patient"     // the launch names no patient
)

// begin sends the browser to the authorization server.
func (d *Door) begin(w http.ResponseWriter, r *http.Request) (string, error) {
	person, ok := d.c.Person(r)
	if !ok {
		return loginPath + "?return=" + url.QueryEscape(r.URL.RequestURI()), nil
	}
	q := r.URL.Query()
	server, ok := d.c.Servers.ByName(q.Get("server"))
	if iss := q.Get("iss"); iss != "" {
		server, ok = d.c.Servers.ByBase(iss)
	}
	if !ok || server.ClientID == "" {
		return "", fail(unknownServer, "the FHIR server is not registered for launches")
	}
	at, err := d.discover(r.Context(), server)
	if err != nil {
		return "", err
	}
	f := flow{State: secret(), Verifier: secret(), Server: server.Name, Person: person.ID, Token: at.Token, Redirect: d.c.Base(r) + CallbackPath, At: d.c.Now()}
	packed, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	http.SetCookie(w, d.cookie(r, flowCookie, base64.RawURLEncoding.EncodeToString(packed), onTheWay))
	challenge := sha256.Sum256([]byte(f.Verifier))
	ask := url.Values{
		"response_type": {"code"}, "client_id": {server.ClientID}, "redirect_uri": {f.Redirect}, "state": {f.State},
		"aud": {server.Base}, "scope": {scopesStandalone},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if handle := q.Get("launch"); handle != "" {
		ask.Set("launch", handle)
		ask.Set("scope", scopesEHR)
	}
	to, err := url.Parse(at.Authorize)
	if err != nil {
		return "", fail(unreachable, "the authorization address is none")
	}
	// What the address brings along stays.
	all := to.Query()
	for k, v := range ask {
		all[k] = v
	}
	to.RawQuery = all.Encode()
	return to.String(), nil
}

// end takes the code, and exchanges it for a token.
func (d *Door) end(w http.ResponseWriter, r *http.Request) (string, error) {
	person, ok := d.c.Person(r)
	if !ok {
		return "", fail(stale, "nobody is logged in")
	}
	f, ok := readFlow(r)
	http.SetCookie(w, d.cookie(r, flowCookie, "", -time.Second))
	q := r.URL.Query()
	switch age := d.c.Now().Sub(f.At); {
	case !ok || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1:
		return "", fail(stale, "the state is not that of this browser")
	case f.Person != person.ID:
		return "", fail(stale, "the launch was begun by somebody else")
	case age < 0 || age > onTheWay:
		return "", fail(stale, "the launch took too long")
	case q.Get("error") != "" || q.Get("code") == "":
		return "", fail(refused, "the authorization server gave no code")
	}
	server, ok := d.c.Servers.ByName(f.Server)
	if !ok || server.ClientID == "" {
		return "", fail(unknownServer, "the FHIR server is not registered any more")
	}
	token, err := d.exchange(r.Context(), server, f, q.Get("code"))
	if err != nil {
		return "", err
	}
	if token.Patient == "" {
		return "", fail(noPatient, "the launch names no patient")
	}
	lifetime := mostTime
	if token.ExpiresIn > 0 {
		lifetime = min(max(time.Duration(token.ExpiresIn)*time.Second, leastTime), mostTime)
	}
	id, key, err := d.c.Store.Keep(r.Context(), Launch{
		Server: server.Name, Person: person.ID, Expires: d.c.Now().Add(lifetime),
		Token: token.AccessToken, Patient: token.Patient, Encounter: token.Encounter, Scope: token.Scope, User: token.user(),
	})
	if err != nil {
		return "", err
	}
	http.SetCookie(w, d.cookie(r, launchCookie, id+"."+key, lifetime))
	return afterPath, nil
}

// Current gives the launch of a request: of this browser, this person, and not over.
func (d *Door) Current(r *http.Request) (Launch, bool) {
	c, err := r.Cookie(d.name(r, launchCookie))
	if err != nil {
		return Launch{}, false
	}
	person, ok := d.c.Person(r)
	if !ok {
		return Launch{}, false
	}
	id, key, _ := strings.Cut(c.Value, ".")
	l, err := d.c.Store.Open(r.Context(), id, key, d.c.Now())
	if err != nil || l.Person != person.ID {
		return Launch{}, false
	}
	return l, true
}

// Context puts the launch of a request, if it has one, into its context.
func (d *Door) Context(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l, ok := d.Current(r); ok {
			r = r.WithContext(With(r.Context(), l))
		}
		next.ServeHTTP(w, r)
	})
}

func readFlow(r *http.Request) (f flow, ok bool) {
	for _, name := range []string{flowCookie, "__Host-" + flowCookie} {
		c, err := r.Cookie(name)
		if err != nil {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err == nil && json.Unmarshal(raw, &f) == nil && f.State != "" {
			return f, true
		}
	}
	return flow{}, false
}

// name gives a cookie the prefix that ties it to this host, where there is https.
func (d *Door) name(r *http.Request, name string) string {
	if strings.HasPrefix(d.c.Base(r), "https://") {
		return "__Host-" + name
	}
	return name
}

func (d *Door) cookie(r *http.Request, name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: d.name(r, name), Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true,
		Secure: strings.HasPrefix(d.c.Base(r), "https://"), SameSite: http.SameSiteLaxMode,
	}
}

// secret makes 256 random bits that fit a URL.
func secret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

type launchKey struct{}

// With puts a launch into a context.
func With(ctx context.Context, l Launch) context.Context {
	return context.WithValue(ctx, launchKey{}, l)
}

// From gives the launch of a context.
func From(ctx context.Context) (l Launch, ok bool) {
	l, ok = ctx.Value(launchKey{}).(Launch)
	return l, ok
}

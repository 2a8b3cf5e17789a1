package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/access"
	"cdss/fhir/access/provider"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/migrations/dbtest"
)

const passphrase = "correct horse battery staple"

// site is a server with logins, and the provider it relies on.
type site struct {
	t        *testing.T
	server   *httptest.Server
	pool     *pgxpool.Pool
	people   *access.People
	provider *provider.Provider
	claims   func(map[string]any) // what the provider's tokens say otherwise
	down     bool                 // the provider does not answer
	vault    *access.Vault
	still    time.Time // where the clock stands; zero: it goes
}

func (s *site) now() time.Time {
	if s.still.IsZero() {
		return time.Now()
	}
	return s.still
}

type transport struct{ s *site }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.s.down {
		return nil, fmt.Errorf("dial: no route to host")
	}
	return t.s.provider.RoundTrip(r)
}

const issuerURL = "http://idp.invalid/realm"

// newSite makes a server. With roles the provider tells them, else people are registered.
func newSite(t *testing.T, rolesFromClaims bool) *site {
	t.Helper()
	s := &site{t: t, pool: dbtest.New(t), claims: func(map[string]any) {}, vault: vault(t, key())}
	s.people = access.NewPeople(s.pool)
	var err error
	s.provider, err = provider.New(provider.Config{
		Issuer: issuerURL, Authorize: "/authorize", ClientID: "cdss", ClientSecret: "secret", Redirect: func(string) bool { return true },
		People: access.Chosen(), Claims: func(c map[string]any) { s.claims(c) },
	})
	if err != nil {
		t.Fatal(err)
	}
	c := access.ProviderConfig{Issuer: issuerURL, ClientID: "cdss", ClientSecret: "secret", HTTP: &http.Client{Transport: transport{s}}}
	if rolesFromClaims {
		c.RolesClaim = "roles"
	}
	sessions := access.NewSessions(access.SessionsConfig{
		Required: true, Provider: access.NewProvider(c), Vault: s.vault, Now: s.now,
		Permissions: func(roles []smart.Role) []string { return []string{fmt.Sprintf("things:%d", len(roles))} },
	})
	sessions.Attach(s.pool, s.people)
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := audit.With(r.Context(), audit.Caller{Address: "192.0.2." + r.Header.Get("X-Test-Address")})
			l, err := sessions.Identify(r)
			if err != nil {
				issue.WriteProblem(w, r, err)
				return
			}
			if l != nil {
				ctx = smart.WithPerson(access.WithLogin(ctx, l), l.Person.Smart())
				w.Header().Set("X-Person", l.Person.ID)
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	})
	r.HandleFunc("/authorize", s.provider.ServeAuthorize)
	r.Route("/api", func(r chi.Router) { sessions.RegisterSession(humachi.New(r, huma.DefaultConfig("test", "1"))) })
	s.server = httptest.NewServer(r)
	t.Cleanup(s.server.Close)
	return s
}

// browser keeps cookies and follows no redirect.
func browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type reply struct {
	status   int
	location string
	body     string
	person   string
	cookies  []*http.Cookie
}

func (s *site) call(c *http.Client, method, address, body string, header ...string) reply {
	s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.server.URL + address
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header.Get("Location"), string(raw), res.Header.Get("X-Person"), res.Cookies()}
}

// who tells who is logged in in a browser, "" for nobody.
func (s *site) who(c *http.Client) string {
	s.t.Helper()
	return s.call(c, "GET", "/api/session", "").person
}

// choose goes to the provider and gives the address it sends the browser back to.
func (s *site) choose(c *http.Client, person, back string) string {
	s.t.Helper()
	to := s.call(c, "GET", "/api/session/oidc?return="+url.QueryEscape(back), "")
	if to.status != 303 || !strings.HasPrefix(to.location, "/authorize?") {
		s.t.Fatalf("sent to %q with %d", to.location, to.status)
	}
	chosen := s.call(c, "POST", to.location, "person="+person, "Content-Type", "application/x-www-form-urlencoded")
	if chosen.status != 303 {
		s.t.Fatalf("the provider answers %d %s", chosen.status, chosen.body)
	}
	return chosen.location
}

// oidc logs a person in at the provider.
func (s *site) oidc(c *http.Client, person string) reply {
	s.t.Helper()
	return s.call(c, "GET", s.choose(c, person, "/admin/rules?x=1"), "")
}

func (s *site) login(c *http.Client, name, passphrase string, header ...string) reply {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"name": name, "passphrase": passphrase})
	return s.call(c, "POST", "/api/session", string(body), header...)
}

// add registers a person with the passphrase, who need not change it.
func (s *site) add(id string, roles ...smart.Role) {
	s.t.Helper()
	if err := s.people.Add(s.t.Context(), access.Person{ID: id, Display: id, Roles: roles}, passphrase); err != nil {
		s.t.Fatal(err)
	}
}

// events gives the trail as "kind outcome agent data reason".
func (s *site) events() []string {
	s.t.Helper()
	rows, err := s.pool.Query(s.t.Context(), `SELECT kind || ' ' || outcome || ' ' || agent || ' ' || data || ' ' || detail FROM audit_event ORDER BY seq`)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

func (s *site) happened(parts ...string) {
	s.t.Helper()
	if !slices.ContainsFunc(s.events(), func(e string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(e, p) })
	}) {
		s.t.Errorf("the trail does not tell of %q:\n%s", parts, strings.Join(s.events(), "\n"))
	}
}

func TestLoginAtTheProvider(t *testing.T) {
	s := newSite(t, true)
	c := browser()
	if got := s.who(c); got != "" {
		t.Fatalf("%q is logged in", got)
	}
	back := s.oidc(c, "curator")
	if back.status != 303 || back.location != "/admin/rules?x=1" || s.who(c) != "curator" {
		t.Fatalf("%d to %s as %q", back.status, back.location, s.who(c))
	}
	cookie := back.cookies[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" || !cookie.Expires.IsZero() {
		t.Errorf("the cookie is %v", cookie)
	}
	// The database knows nothing by which one could log in.
	var text string
	if err := s.pool.QueryRow(t.Context(), `SELECT string_agg(x::text, ' ') || string_agg(encode(data, 'escape'), ' ') FROM login_session x`).Scan(&text); err != nil || strings.Contains(text, cookie.Value) {
		t.Errorf("%v: the token stands in the database", err)
	}
	s.happened("login 0 curator", `"roles":["curator"]`, "oidc")
	// Logged out is logged out, whoever kept the cookie.
	if got := s.call(c, "DELETE", "/api/session", ""); got.status != 204 {
		t.Errorf("logout gives %d", got.status)
	}
	if got := s.call(browser(), "GET", "/api/session", "", "Cookie", cookie.Name+"="+cookie.Value); got.person != "" {
		t.Errorf("after the logout the cookie still serves %q", got.person)
	}
	s.happened("logout 0 curator")
}

// TestTamperedLogins: whatever is changed on the way back from the provider, nobody is
// logged in, every answer is the same, and the trail tells why.
func TestTamperedLogins(t *testing.T) {
	change := func(key, value string) func(*site, *http.Client, string) string {
		return func(_ *site, _ *http.Client, back string) string {
			u, _ := url.Parse(back)
			q := u.Query()
			q.Set(key, value)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
	for _, tc := range []struct {
		name, reason string
		tamper       func(s *site, c *http.Client, back string) string
		claims       func(map[string]any)
	}{
		{"changed state", "the state is another", change("state", "x"), nil},
		{"no state", "the state is another", change("state", ""), nil},
		{"another code", "the code was not accepted", change("code", "x"), nil},
		{"no code", "let nobody in", change("code", ""), nil},
		{"an error of the provider", "let nobody in", change("error", "access_denied"), nil},
		{"mix-up of providers", "another provider", change("iss", "https://evil.example"), nil},
		{"another browser", "no login was on its way", func(s *site, c *http.Client, back string) string {
			c.Jar, _ = cookiejar.New(nil)
			return back
		}, nil},
		{"the login of somebody else", "the state is another", func(s *site, c *http.Client, back string) string {
			s.choose(c, "viewer", "/") // begins anew in this browser
			return back
		}, nil},
		{"changed nonce", "nonce", nil, func(c map[string]any) { c["nonce"] = "x" }},
		{"no nonce", "nonce", nil, func(c map[string]any) { delete(c, "nonce") }},
		{"wrong issuer", "not valid", nil, func(c map[string]any) { c["iss"] = "https://evil.example" }},
		{"for another client", "not valid", nil, func(c map[string]any) { c["aud"] = "other" }},
		{"expired", "not valid", nil, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }},
		{"no role", "no role", nil, func(c map[string]any) { c["roles"] = []string{"nothing"} }},
		{"no name", "no name", nil, func(c map[string]any) { c["preferred_username"] = "../Admin x" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, true)
			if tc.claims != nil {
				s.claims = tc.claims
			}
			c := browser()
			back := s.choose(c, "admin", "/admin/")
			if tc.tamper != nil {
				back = tc.tamper(s, c, back)
			}
			got := s.call(c, "GET", back, "")
			if got.status != 303 || got.location != "/admin/?login=failed" && got.location != "/?login=failed" || got.body != "" {
				t.Errorf("answered %d %q %q", got.status, got.location, got.body)
			}
			if who := s.who(c); who != "" {
				t.Errorf("%q is logged in", who)
			}
			s.happened("login 4 ", tc.reason)
		})
	}
}

// TestCodeIsNotTakenTwice: neither is the way back, nor the code.
func TestCodeIsNotTakenTwice(t *testing.T) {
	s := newSite(t, true)
	c := browser()
	back := s.choose(c, "admin", "/")
	u, _ := url.Parse(s.server.URL)
	before := c.Jar.Cookies(u)[0]
	if got := s.call(c, "GET", back, ""); got.location != "/" {
		t.Fatalf("sent to %s", got.location)
	}
	if after := c.Jar.Cookies(u)[0]; after.Value == before.Value {
		t.Error("after the login the session has the id it had before")
	}
	thief := browser()
	thief.Jar.SetCookies(u, []*http.Cookie{before})
	if got := s.call(thief, "GET", back, ""); got.location != "/?login=failed" || s.who(thief) != "" {
		t.Errorf("the replayed code: %s as %q", got.location, s.who(thief))
	}
	if s.who(c) != "admin" {
		t.Error("the replay ended the login of the person")
	}
}

// TestFixedSession: an id that somebody planted is not the one after the login.
func TestFixedSession(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	u, _ := url.Parse(s.server.URL)
	planted := &http.Cookie{Name: "cdss", Value: "planted-by-somebody-else", Path: "/"}
	c := browser()
	c.Jar.SetCookies(u, []*http.Cookie{planted})
	if got := s.login(c, "anna", passphrase); got.status != 200 {
		t.Fatal(got)
	}
	other := browser()
	other.Jar.SetCookies(u, []*http.Cookie{planted})
	if s.who(other) != "" || s.who(c) != "anna" {
		t.Errorf("the planted id is %q", s.who(other))
	}
}

// TestOpenRedirects: after the login the browser stays here.
func TestOpenRedirects(t *testing.T) {
	s := newSite(t, true)
	for back, want := range map[string]string{
		"/admin/rules": "/admin/rules", "/?a=b#c": "/?a=b#c", "": "/",
		"//evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", "https://evil.example/": "/", "https:evil.example": "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "javascript:alert(1)": "/", "evil": "/", "/%5cevil.example": "/", "/%2f/evil.example": "/",
		"/api/session/oidc": "/", "/x\x7f": "/",
	} {
		c := browser()
		if got := s.call(c, "GET", s.choose(c, "viewer", back), ""); got.location != want {
			t.Errorf("%q leads to %q", back, got.location)
		}
	}
}

func TestProviderIsAway(t *testing.T) {
	s := newSite(t, true)
	s.down = true
	if got := s.call(browser(), "GET", "/api/session/oidc?return=/admin/", ""); got.status != 303 || got.location != "/admin/?login=unavailable" {
		t.Errorf("%d %s", got.status, got.location)
	}
	s.down = false
	c := browser()
	if s.oidc(c, "viewer"); s.who(c) != "viewer" {
		t.Error("the provider is back, and nobody can log in")
	}
}

// TestRegisteredPeople: without a claim for roles, whoever is registered comes in with
// the roles of here; name and subject belong together from the first login on.
func TestRegisteredPeople(t *testing.T) {
	s := newSite(t, false)
	c := browser()
	if got := s.oidc(c, "curator"); got.location != "/admin/rules?login=failed&x=1" || s.who(c) != "" {
		t.Errorf("unknown person: %s", got.location)
	}
	if err := s.people.Add(t.Context(), access.Person{ID: "curator", Display: "Kurt", Roles: []smart.Role{smart.Approver}}, ""); err != nil {
		t.Fatal(err)
	}
	if s.oidc(c, "curator"); s.who(c) != "curator" {
		t.Error("a registered person is refused")
	}
	if body := s.call(c, "GET", "/api/session", "").body; !strings.Contains(body, `"roles":["approver"]`) {
		t.Error(body)
	}
	// Another subject claims the name.
	s.claims = func(c map[string]any) { c["preferred_username"] = "curator" }
	if thief := browser(); true {
		if s.oidc(thief, "viewer"); s.who(thief) != "" {
			t.Errorf("another subject is %q", s.who(thief))
		}
	}
	// A person with a passphrase is nobody's to take.
	s.claims = func(c map[string]any) { c["preferred_username"] = "root" }
	s.add("root", smart.Admin)
	if thief := browser(); true {
		if s.oidc(thief, "auditor"); s.who(thief) != "" {
			t.Errorf("the provider's name took %q", s.who(thief))
		}
	}
}

// TestRemovedRole: what an administrator takes away is gone at the next request.
func TestRemovedRole(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Curator, smart.Clinician)
	s.add("root", smart.Admin)
	c := browser()
	s.login(c, "anna", passphrase)
	if err := s.people.Change(t.Context(), "anna", "Anna", []smart.Role{smart.Clinician}, false); err != nil {
		t.Fatal(err)
	}
	if got := s.who(c); got != "" {
		t.Errorf("the old login still serves %q", got)
	}
	s.login(c, "anna", passphrase)
	if body := s.call(c, "GET", "/api/session", "").body; !strings.Contains(body, `"roles":["clinician"]`) {
		t.Error(body)
	}
	if err := s.people.Change(t.Context(), "anna", "Anna", []smart.Role{smart.Clinician}, true); err != nil || s.who(c) != "" {
		t.Errorf("%v: disabled, and %q", err, s.who(c))
	}
	if got := s.login(c, "anna", passphrase); got.status != 401 {
		t.Errorf("a disabled person: %d", got.status)
	}
	s.happened("account 0", "Person/anna", `"value":"curator clinician"`)
	// The last administrator stays, and nobody raises himself.
	if err := s.people.Change(t.Context(), "root", "r", []smart.Role{smart.Viewer}, false); !issue.Is(err, issue.Conflict) {
		t.Errorf("the last administrator: %v", err)
	}
	self := smart.WithPerson(t.Context(), smart.Person{ID: "root"})
	if err := s.people.Change(self, "root", "r", []smart.Role{smart.Admin, smart.Approver}, false); !issue.Is(err, issue.Forbidden) {
		t.Errorf("own roles: %v", err)
	}
}

// TestRoleRemovedAtTheProvider: it is asked again before its word is 15 minutes old.
func TestRoleRemovedAtTheProvider(t *testing.T) {
	age := func(s *site, minutes int) {
		t.Helper()
		if _, err := s.pool.Exec(t.Context(), `UPDATE login_session SET checked_at = now() - make_interval(mins => $1)`, minutes); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, true)
	c := browser()
	s.oidc(c, "curator")
	age(s, 11)
	for range 2 {
		if s.who(c) != "curator" {
			t.Error("the provider still knows the person")
		}
	}
	age(s, 11) // with the token that came last
	if s.who(c) != "curator" {
		t.Error("the provider was asked a second time in vain")
	}
	s.down = true
	age(s, 11)
	if s.who(c) != "curator" {
		t.Error("while the provider is away for a moment, the login ends")
	}
	age(s, 16)
	if got := s.call(c, "GET", "/api/session", ""); got.person != "" || got.status != 503 {
		t.Errorf("the provider's word of 16 minutes ago serves %q (%d)", got.person, got.status)
	}
	s.down = false
	s.provider.SetRoles("curator", []smart.Role{smart.Viewer})
	if s.who(c) != "" {
		t.Error("with another role the old login goes on")
	}
	s.oidc(c, "curator")
	if body := s.call(c, "GET", "/api/session", "").body; !strings.Contains(body, `"roles":["viewer"]`) {
		t.Error(body)
	}
	s.provider.SetRoles("curator", nil)
	age(s, 11)
	if s.who(c) != "" {
		t.Error("the person has left, and the login goes on")
	}
}

func TestIdleAndAbsoluteEnd(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	move := func(sql string) {
		t.Helper()
		if _, err := s.pool.Exec(t.Context(), `UPDATE login_session SET `+sql); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (idle, most float64) {
		t.Helper()
		err := s.pool.QueryRow(t.Context(), `SELECT extract(epoch FROM expires_at - now())/60, extract(epoch FROM ends_at - now())/60 FROM login_session`).Scan(&idle, &most)
		if err != nil {
			t.Fatal(err)
		}
		return idle, most
	}
	c := browser()
	s.login(c, "anna", passphrase)
	if idle, most := left(); idle < 29 || idle > 30 || most < 719 || most > 720 {
		t.Errorf("ends after %v minutes without use, after %v at all", idle, most)
	}
	move(`expires_at = expires_at - interval '20 minutes'`)
	if s.who(c) != "anna" {
		t.Error("ended after 20 minutes")
	}
	if idle, _ := left(); idle < 29 {
		t.Errorf("a request leaves %v minutes", idle)
	}
	move(`ends_at = now() + interval '5 minutes', expires_at = now() + interval '1 minute'`)
	if s.who(c) != "anna" {
		t.Error("ended too early")
	}
	if idle, _ := left(); idle > 5 {
		t.Errorf("use moves the end beyond the absolute one: %v", idle)
	}
	move(`expires_at = now() - interval '1 second'`)
	if s.who(c) != "" {
		t.Error("goes on after 30 minutes without use")
	}
}

// TestUnknownPersonIsToldNothing: a wrong passphrase and a person who is not there look
// alike in every byte, and take as long.
func TestUnknownPersonIsToldNothing(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	s.add("root", smart.Admin)
	if err := s.people.Change(t.Context(), "anna", "Anna", []smart.Role{smart.Viewer}, true); err != nil {
		t.Fatal(err)
	}
	attempt := func(i int, name, passphrase string) (string, time.Duration) {
		start := time.Now()
		got := s.login(browser(), name, passphrase, "X-Test-Address", fmt.Sprint(i))
		return fmt.Sprint(got.status, got.body, got.cookies), time.Since(start)
	}
	best := map[string]time.Duration{}
	first := ""
	for i := range 4 {
		for name, text := range map[string]string{
			"root": "wrong but long enough", "nobody": "wrong but long enough", "anna": passphrase, "": "", "../x": strings.Repeat("x", 900),
		} {
			answer, took := attempt(i, name, text)
			if first == "" {
				first = answer
			}
			if answer != first || !strings.HasPrefix(answer, "401") {
				t.Errorf("%q is answered %s, another %s", name, answer, first)
			}
			if best[name] == 0 || took < best[name] {
				best[name] = took
			}
		}
	}
	// The best of four; on a busy machine these differ, but a hash that is left out would
	// save nearly all of the time.
	if best["nobody"] < best["root"]/3 || best["anna"] < best["root"]/3 {
		t.Errorf("known takes %v, unknown %v, disabled %v", best["root"], best["nobody"], best["anna"])
	}
	s.happened("login 4", "Person/root", "wrong passphrase")
	for _, e := range s.events() {
		if strings.Contains(e, "nobody") || strings.Contains(e, "xxxx") {
			t.Errorf("the trail keeps what was typed: %s", e)
		}
	}
}

func TestTooManyAttempts(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	s.still = time.Now() // attempts come back with time, and a busy machine needs much of it
	for i := range 5 {
		if got := s.login(browser(), "anna", "wrong wrong wrong", "X-Test-Address", fmt.Sprint(i)); got.status != 401 {
			t.Errorf("attempt %d: %d", i, got.status)
		}
	}
	got := s.login(browser(), " ANNA ", passphrase, "X-Test-Address", "9")
	if got.status != 429 || !strings.Contains(got.body, "minute") {
		t.Errorf("the sixth attempt at the account: %d %s", got.status, got.body)
	}
	for i := range 20 {
		s.login(browser(), fmt.Sprint("person", i), "wrong wrong wrong", "X-Test-Address", "77")
	}
	if got := s.login(browser(), "person99", "wrong wrong wrong", "X-Test-Address", "77"); got.status != 429 {
		t.Errorf("the 21st attempt of the address: %d", got.status)
	}
	if got := s.login(browser(), "person99", "wrong wrong wrong", "X-Test-Address", "78"); got.status != 401 {
		t.Errorf("another address: %d", got.status)
	}
}

func TestOwnPassphrase(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	c, other := browser(), browser()
	if got := s.login(c, "anna", passphrase); !strings.Contains(got.body, `"mustChange":true`) || !strings.Contains(got.body, `"permissions":[]`) {
		t.Errorf("a passphrase of somebody else's need not be changed: %s", got.body)
	}
	s.login(other, "anna", passphrase)
	set := func(old, next string) reply {
		body, _ := json.Marshal(map[string]string{"old": old, "new": next})
		return s.call(c, "POST", "/api/session/passphrase", string(body))
	}
	for _, bad := range []string{
		"short", "aaaaaaaaaaaaaaaa", "annaannaanna!", strings.Repeat("long and varied ", 20), "with a\nline end in it", "\xff\xfe not a text",
	} {
		if err := s.people.SetPassphrase(t.Context(), "anna", bad); !issue.Is(err, issue.Value) || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got := set("wrong", "another good passphrase"); got.status != 422 {
		t.Errorf("with a wrong one: %d", got.status)
	}
	if got := set(passphrase, passphrase); got.status != 422 {
		t.Errorf("the same once more: %d", got.status)
	}
	got := set(passphrase, "another good passphrase")
	if got.status != 200 || strings.Contains(got.body, "mustChange") || s.who(c) != "anna" || s.who(other) != "" {
		t.Errorf("%d %s, here %q, elsewhere %q", got.status, got.body, s.who(c), s.who(other))
	}
	ok := func(passphrase string) bool {
		status := s.login(browser(), "anna", passphrase, "X-Test-Address", "5").status
		return status == 200
	}
	if !ok("another good passphrase") {
		t.Error("the new passphrase does not serve")
	}
}

// TestSecondBootstrap: the first administrator is made once, whoever tries at once, and
// ends when another one comes from the provider.
func TestSecondBootstrap(t *testing.T) {
	s := newSite(t, true)
	var made int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if s.people.Bootstrap(context.Background(), fmt.Sprint("admin", i), passphrase) == nil {
				mu.Lock()
				made++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Fatalf("%d first administrators", made)
	}
	if err := s.people.Bootstrap(t.Context(), "late", passphrase); !issue.Is(err, issue.Conflict) {
		t.Errorf("a second bootstrap: %v", err)
	}
	s.happened("account 4", "Person/late", "people are registered already")
	s.happened("account 0", "bootstrap")
	list, err := s.people.List(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	c := browser()
	s.login(c, list[0].ID, passphrase)
	if s.who(c) != list[0].ID {
		t.Fatal("the first administrator cannot log in")
	}
	s.oidc(browser(), "admin")
	if s.who(c) != "" || s.login(browser(), list[0].ID, passphrase).status != 401 {
		t.Error("the first administrator goes on beside the one of the provider")
	}
	s.happened("bootstrap ended")
	if err := s.people.BreakGlass(t.Context(), "glass", passphrase); err != nil {
		t.Error(err)
	}
	s.happened("account 0", "break-glass", "Person/glass")
}

// TestBurst: a hundred logins at once stay within the memory that two need.
func TestBurst(t *testing.T) {
	s := newSite(t, true)
	s.add("anna", smart.Viewer)
	var peak uint64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var m runtime.MemStats
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse+m.StackInuse)
			}
		}
	}()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 100 {
		all.Go(func() {
			got := s.login(browser(), fmt.Sprint("person", i), "wrong but long enough", "X-Test-Address", fmt.Sprint(i))
			mu.Lock()
			statuses[got.status]++
			mu.Unlock()
		})
	}
	all.Wait()
	close(done)
	<-stopped
	if statuses[401] != 100 {
		t.Errorf("answered %v", statuses)
	}
	t.Logf("peak heap of 100 logins at once: %d MiB", peak>>20)
	if peak > 450<<20 {
		t.Errorf("100 logins at once need %d MiB", peak>>20)
	}
}

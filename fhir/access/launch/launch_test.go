package launch_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/access/launch"
	"cdss/fhir/access/launch/ehr"
	"cdss/fhir/smart"
	"cdss/migrations/dbtest"
)

// site is an app, an EHR, and what is behind it.
type site struct {
	app, ehr *httptest.Server
	pool     *pgxpool.Pool
	door     *launch.Door
	person   atomic.Value // string, "" for nobody
	now      atomic.Int64 // seconds that have passed
	token    func(w http.ResponseWriter, r *http.Request) bool
	config   func() (authorize, token string) // what discovery says, nil for the EHR's own
}

func (s *site) ByBase(iss string) (launch.Server, bool) {
	return s.server(), strings.TrimSuffix(iss, "/") == s.ehr.URL+"/fhir"
}
func (s *site) ByName(name string) (launch.Server, bool) { return s.server(), name == "ehr" }
func (s *site) Client(launch.Server) *http.Client        { return http.DefaultClient }
func (s *site) server() launch.Server {
	return launch.Server{Name: "ehr", Base: s.ehr.URL + "/fhir", ClientID: "app", Plain: true}
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{pool: dbtest.New(t)}
	s.person.Store("clinician")
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"read":%q,"authorization":%q}`, r.URL.Path, r.Header.Get("Authorization"))
	}))
	upstream, _ := url.Parse(data.URL + "/base")
	var server *ehr.EHR
	s.ehr = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.config != nil && strings.HasSuffix(r.URL.Path, "/smart-configuration") {
			authorize, token := s.config()
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"authorization_endpoint":%q,"token_endpoint":%q}`, authorize, token)
			return
		}
		server.ServeHTTP(w, r)
	}))
	store := &launch.Store{}
	store.Attach(s.pool)
	s.door = launch.New(launch.Config{
		Servers: s, Store: store,
		Person: func(*http.Request) (smart.Person, bool) {
			id := s.person.Load().(string)
			return smart.Person{ID: id}, id != ""
		},
		Base: func(r *http.Request) string { return "http://" + r.Host },
		Now:  func() time.Time { return time.Now().Add(time.Duration(s.now.Load()) * time.Second) },
	})
	mux := http.NewServeMux()
	mux.Handle("/smart/", s.door)
	mux.HandleFunc("/current", func(w http.ResponseWriter, r *http.Request) {
		l, ok := s.door.Current(r)
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": ok, "patient": l.Patient, "token": l.Token, "user": l.User, "server": l.Server})
	})
	config := huma.DefaultConfig("test", "1")
	config.DocsPath = ""
	router := chi.NewRouter()
	s.door.Register(humachi.New(router, config))
	mux.Handle("/launch", s.door.Context(router))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.RequestURI()) })
	s.app = httptest.NewServer(mux)
	server = ehr.New(ehr.Config{Base: s.ehr.URL, App: s.app.URL, Upstream: upstream, ClientID: "app", Patients: []string{"p1", "p2"},
		Token: func(w http.ResponseWriter, r *http.Request) bool { return s.token != nil && s.token(w, r) }})
	t.Cleanup(func() { s.app.Close(); s.ehr.Close(); data.Close() })
	return s
}

func (s *site) launchAddress(patient string) string {
	return s.app.URL + "/smart/launch?" + url.Values{"iss": {s.ehr.URL + "/fhir"}, "launch": {patient}}.Encode()
}

func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func get(t *testing.T, c *http.Client, address string) string {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

func TestLaunchFromEHR(t *testing.T) {
	s := newSite(t)
	c := browser(t)
	if got := get(t, c, s.launchAddress("p1")); got != "/case/new/launch" {
		t.Fatalf("the launch ends at %q", got)
	}
	var current struct {
		OK                           bool
		Patient, Token, User, Server string
	}
	if err := json.Unmarshal([]byte(get(t, c, s.app.URL+"/current")), &current); err != nil || !current.OK || current.Patient != "p1" ||
		current.User != "Practitioner/demo" || current.Server != "ehr" || current.Token == "" {
		t.Fatalf("launch %+v, %v", current, err)
	}
	req, _ := http.NewRequest("GET", s.ehr.URL+"/fhir/Patient/p1", nil)
	req.Header.Set("Authorization", "Bearer "+current.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("the token does not open: %v %v", res, err)
	}
	res.Body.Close()

	// The database alone opens nothing.
	var sealed []byte
	if err := s.pool.QueryRow(t.Context(), `SELECT sealed FROM smart_launch`).Scan(&sealed); err != nil || strings.Contains(string(sealed), current.Token) || strings.Contains(string(sealed), "p1") {
		t.Errorf("what is kept is readable: %v", err)
	}
	if get(t, browser(t), s.app.URL+"/current") == get(t, c, s.app.URL+"/current") {
		t.Error("another browser has the launch")
	}
	s.person.Store("somebody-else")
	if got := get(t, c, s.app.URL+"/current"); !strings.Contains(got, `"ok":false`) {
		t.Errorf("another person in the same browser has the launch: %s", got)
	}
	s.person.Store("clinician")
	s.now.Store(901)
	if got := get(t, c, s.app.URL+"/current"); !strings.Contains(got, `"ok":false`) {
		t.Errorf("the launch outlives its token: %s", got)
	}
	s.now.Store(0)
	if got := get(t, c, s.app.URL+"/launch"); !strings.Contains(got, `"patient":"Patient/p1"`) || strings.Contains(got, current.Token) || !strings.Contains(got, `"missing":[]`) {
		t.Errorf("the app is told %s", got)
	}
	req, _ = http.NewRequest("DELETE", s.app.URL+"/launch", nil)
	if res, err := c.Do(req); err != nil || res.StatusCode != 204 {
		t.Errorf("end: %v %v", res, err)
	}
	if got := get(t, c, s.app.URL+"/launch"); !strings.Contains(got, `"not-found"`) {
		t.Errorf("after the end: %s", got)
	}
	var n int
	if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM smart_launch`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d launches are kept after the end: %v", n, err)
	}
}

func TestStandaloneLaunch(t *testing.T) {
	s := newSite(t)
	c := browser(t)
	page := get(t, c, s.app.URL+"/smart/launch?server=ehr")
	_, rest, found := strings.Cut(page, `href="`)
	if !found {
		t.Fatalf("no patient to choose: %s", page)
	}
	address, _, _ := strings.Cut(rest, `"`)
	if got := get(t, c, html.UnescapeString(address)); got != "/case/new/launch" {
		t.Fatalf("the launch ends at %q", got)
	}
}

func TestLoginComesFirst(t *testing.T) {
	s := newSite(t)
	s.person.Store("")
	if got := get(t, browser(t), s.launchAddress("p1")); !strings.HasPrefix(got, "/login?return=%2Fsmart%2Flaunch%3Fiss%3D") {
		t.Errorf("ends at %q", got)
	}
}

// Each attempt ends in the app with a word for what happened, and with no launch.
func TestLaunchesThatFail(t *testing.T) {
	token := func(status int, kind, body string) func(*site) {
		return func(s *site) {
			s.token = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(status)
				fmt.Fprint(w, body)
				return true
			}
		}
	}
	s := newSite(t)
	config := func(authorize, token string) func(*site) {
		return func(s *site) { s.config = func() (string, string) { return authorize, token } }
	}
	for _, c := range []struct {
		name    string
		prepare func(*site)
		address func(*site) string
		want    string
	}{
		{"server that is not registered", nil, func(s *site) string { return s.app.URL + "/smart/launch?iss=https://evil.example/fhir&launch=p1" }, "unknown-server"},
		{"no server at all", nil, func(s *site) string { return s.app.URL + "/smart/launch" }, "unknown-server"},
		{"name that is not registered", nil, func(s *site) string { return s.app.URL + "/smart/launch?server=other" }, "unknown-server"},
		{"patient that is denied", nil, func(s *site) string { return s.launchAddress("p9") }, "refused"},
		{"code of somebody else", nil, func(s *site) string { return s.app.URL + "/smart/callback?code=x&state=y" }, "stale"},
		{"token refused", token(400, "application/json", `{"error":"invalid_grant"}`), nil, "refused"},
		{"token server down", token(503, "text/plain", ""), nil, "unreachable"},
		{"token answer is HTML", token(200, "text/html", "<h1>"), nil, "unreachable"},
		{"token answer is no JSON", token(200, "application/json", "{"), nil, "unreachable"},
		{"token answer is endless", token(200, "application/json", strings.Repeat(" ", 300<<10)), nil, "unreachable"},
		{"no token", token(200, "application/json", `{"token_type":"Bearer","patient":"p1"}`), nil, "refused"},
		{"another kind of token", token(200, "application/json", `{"access_token":"x","token_type":"mac","patient":"p1"}`), nil, "refused"},
		{"token with a line break", token(200, "application/json", `{"access_token":"x\ny","token_type":"Bearer","patient":"p1"}`), nil, "refused"},
		{"no patient", token(200, "application/json", `{"access_token":"x","token_type":"Bearer"}`), nil, "no-patient"},
		{"patient that is no id", token(200, "application/json", `{"access_token":"x","token_type":"Bearer","patient":"../Patient/2"}`), nil, "refused"},
		{"authorization address is a script", config("javascript:alert(1)", "https://x.example/token"), nil, "unreachable"},
		{"token address with a user", config("https://x.example/a", "https://u:p@x.example/token"), nil, "unreachable"},
		{"token address is relative", config("https://x.example/a", "/token"), nil, "unreachable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.token, s.config = nil, nil
			if c.prepare != nil {
				c.prepare(s)
			}
			address := s.launchAddress("p1")
			if c.address != nil {
				address = c.address(s)
			}
			b := browser(t)
			if got := get(t, b, address); got != "/case/new/launch?outcome="+c.want {
				t.Errorf("ends at %q, want outcome %s", got, c.want)
			}
			if got := get(t, b, s.app.URL+"/current"); !strings.Contains(got, `"ok":false`) {
				t.Errorf("a launch is there: %s", got)
			}
		})
	}
}

// A code works in the browser that asked for it, once, in time, and for the same person.
func TestCodeIsBound(t *testing.T) {
	s := newSite(t)
	// stop follows the way up to the callback, and gives its address.
	stop := func(c *http.Client) string {
		var callback string
		c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/smart/callback" {
				callback = r.URL.String()
				return http.ErrUseLastResponse
			}
			return nil
		}
		get(t, c, s.launchAddress("p1"))
		c.CheckRedirect = nil
		return callback
	}
	for _, test := range []struct {
		name string
		do   func(c *http.Client, callback string) string
		want string
	}{
		{"another browser", func(_ *http.Client, callback string) string { return get(t, browser(t), callback) }, "stale"},
		{"another person", func(c *http.Client, callback string) string {
			s.person.Store("somebody-else")
			defer s.person.Store("clinician")
			return get(t, c, callback)
		}, "stale"},
		{"too late", func(c *http.Client, callback string) string {
			s.now.Store(601)
			defer s.now.Store(0)
			return get(t, c, callback)
		}, "stale"},
		{"twice", func(c *http.Client, callback string) string { get(t, c, callback); return get(t, c, callback) }, "stale"},
		{"changed state", func(c *http.Client, callback string) string {
			return get(t, c, strings.Replace(callback, "state=", "state=x", 1))
		}, "stale"},
		{"changed code", func(c *http.Client, callback string) string {
			return get(t, c, strings.Replace(callback, "code=", "code=x", 1))
		}, "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := browser(t)
			if got := test.do(c, stop(c)); got != "/case/new/launch?outcome="+test.want {
				t.Errorf("ends at %q, want outcome %s", got, test.want)
			}
		})
	}
}

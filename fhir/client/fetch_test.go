package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

func ids(a client.Answer) []string {
	var list []string
	for _, r := range a.Resources {
		list = append(list, r.Ref())
	}
	return list
}

func TestFetch(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fhir/Patient/" + patient:
			fhirJSON(w, `{"resourceType":"Patient","id":"`+patient+`"}`)
		case "/fhir/Observation":
			fhirJSON(w, searchset(`,"total":2`, observation(1), observation(2)))
		default:
			fhirJSON(w, searchset(`,"total":0`))
		}
	})
	c := client.New(f.config())
	defer c.Close()
	got := c.Fetch(t.Context(), f.call("/fhir"), []client.Query{
		{Key: "patient", Path: "Patient/" + patient},
		{Key: "observations", Path: "Observation?patient=" + patient + "&code=2160-0,8302-2&_sort=-date"},
		{Key: "flags", Path: "Flag?patient=" + patient},
	})
	for key, want := range map[string][]string{"patient": {"Patient/" + patient}, "observations": {"Observation/o1", "Observation/o2"}, "flags": nil} {
		a := got[key]
		if diff := cmp.Diff(want, ids(a)); diff != "" || !a.Complete() || a.Status != 200 || len(a.SHA256) != 64 {
			t.Errorf("%s: %+v %s", key, a, diff)
		}
	}
	for _, r := range f.requests() {
		if r.Header.Get("Authorization") != "Bearer "+token || !strings.HasPrefix(r.Header.Get("Accept"), "application/fhir+json") || r.Method != "GET" {
			t.Errorf("sent %s %s with %v", r.Method, r.URL, r.Header)
		}
	}
	if len(f.requests()) != 3 {
		t.Errorf("sent %d requests", len(f.requests()))
	}
}

func TestSearchByPost(t *testing.T) {
	var form url.Values
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/fhir/Patient/_search" || r.URL.RawQuery != "" {
			t.Errorf("sent %s %s", r.Method, r.URL)
		}
		_ = r.ParseForm()
		form = r.PostForm
		fhirJSON(w, searchset("", `{"resourceType":"Patient","id":"1"}`))
	})
	c := client.New(f.config())
	defer c.Close()
	a := c.Fetch(t.Context(), f.call("/fhir"), []client.Query{{Key: "k", Path: "Patient?family=M%C3%BCller&birthdate=1950-01-01", Post: true}})["k"]
	if diff := cmp.Diff(url.Values{"family": {"Müller"}, "birthdate": {"1950-01-01"}}, form); diff != "" || !a.Complete() || len(a.Resources) != 1 {
		t.Errorf("%+v %s", a, diff)
	}
}

// TestFaults: whatever a server does is a failure with a name, and never looks
// like "there is none".
func TestFaults(t *testing.T) {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/fhir+json")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	say := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fhirJSON(w, body) }
	}
	const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}`
	const search = "Observation?patient=" + patient
	for _, tc := range []struct {
		name   string
		query  string // "" means search
		answer http.HandlerFunc
		want   client.Failure
		came   int // resources that came all the same
	}{
		{name: "401", answer: status(401, outcome), want: client.Unauthorized},
		{name: "403", answer: status(403, outcome), want: client.Forbidden},
		{name: "404", answer: status(404, outcome), want: client.NotFound},
		{name: "404 of a read", query: "Patient/" + patient, answer: status(404, outcome), want: client.NotFound},
		{name: "410", query: "Patient/" + patient, answer: status(410, ""), want: client.NotFound},
		{name: "400", answer: status(400, outcome), want: client.Rejected},
		{name: "412", answer: status(412, outcome), want: client.Rejected},
		{name: "429", answer: status(429, outcome), want: client.Throttled},
		{name: "500", answer: status(500, outcome), want: client.ServerError},
		{name: "503", answer: status(503, ""), want: client.ServerError},
		{name: "204", answer: status(204, ""), want: client.NotFHIR},
		{name: "206 of a half", answer: status(206, searchset("")), want: client.NotFHIR},
		{name: "302 elsewhere", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		}, want: client.Redirected},
		{name: "307 to itself", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
		}, want: client.Redirected},
		{name: "a login page", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><form>")
		}, want: client.NotFHIR},
		{name: "a login page called JSON", answer: say("<html>"), want: client.NotFHIR},
		{name: "XML", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/fhir+xml")
			_, _ = io.WriteString(w, "<Bundle/>")
		}, want: client.NotFHIR},
		{name: "a resource under the name of another format", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, searchset("", observation(1)))
		}, came: 1},
		{name: "empty", answer: say(""), want: client.NotFHIR},
		{name: "null", answer: say("null"), want: client.NotFHIR},
		{name: "cut", answer: say(searchset("", observation(1))[:80]), want: client.NotFHIR},
		{name: "no resource", answer: say(`{"error":"x"}`), want: client.NotFHIR},
		{name: "a member twice", answer: say(`{"resourceType":"Bundle","type":"searchset","type":"searchset"}`), want: client.NotFHIR},
		{name: "nested too deep", answer: say(`{"resourceType":"Bundle","entry":` + strings.Repeat("[", 5000)), want: client.NotFHIR},
		{name: "OperationOutcome called 200", answer: say(outcome), want: client.Outcome},
		{name: "OperationOutcome for a read", query: "Patient/" + patient, answer: say(outcome), want: client.Outcome},
		{name: "outcome of an error beside matches", answer: say(searchset("", observation(1), outcome)), want: client.Outcome, came: 1},
		{name: "outcome of a warning beside matches", answer: say(searchset("", observation(1), strings.Replace(outcome, "error", "warning", 1))), came: 1},
		{name: "a read of another type", query: "Patient/" + patient, answer: say(observation(1)), want: client.WrongType},
		{name: "a read of another id", query: "Patient/" + patient, answer: say(`{"resourceType":"Patient","id":"other"}`), want: client.WrongType},
		{name: "a Bundle for a read", query: "Patient/" + patient, answer: say(searchset("")), want: client.WrongType},
		{name: "a resource for a search", answer: say(observation(1)), want: client.WrongType},
		{name: "matches of another type", answer: say(searchset("", `{"resourceType":"Condition","id":"c"}`)), want: client.WrongType, came: 1},
		{name: "an include of another type", answer: say(strings.Replace(searchset("", `{"resourceType":"Practitioner","id":"c"}`), "match", "include", 1)), came: 1},
		{name: "a Bundle of another type", answer: say(strings.Replace(searchset("", observation(1)), "searchset", "history", 1)), want: client.WrongType, came: 1},
		{name: "an entry that is no resource", answer: say(searchset("", observation(1), `{"id":"x"}`)), want: client.Unreadable, came: 1},
		{name: "fewer than counted", answer: say(searchset(`,"total":3`, observation(1))), want: client.FewerThanAll, came: 1},
		{name: "none of those counted", answer: say(searchset(`,"total":3`)), want: client.FewerThanAll},
		{name: "a next page on another host", answer: say(searchset(next("https://elsewhere.example/fhir?page=2"), observation(1))), want: client.NextLeaves, came: 1},
		{name: "a next page over http", answer: func(w http.ResponseWriter, r *http.Request) {
			fhirJSON(w, searchset(next("http://"+r.Host+"/fhir?page=2"), observation(1)))
		}, want: client.NextLeaves, came: 1},
		{name: "a next page with a user", answer: func(w http.ResponseWriter, r *http.Request) {
			fhirJSON(w, searchset(next("https://user@"+r.Host+"/fhir?page=2"), observation(1)))
		}, want: client.NextLeaves, came: 1},
		{name: "a next page that is no address", answer: say(searchset(next("https://[bad"), observation(1))), want: client.NextLeaves, came: 1},
		{name: "a next page that is a script", answer: say(searchset(next("javascript:x"), observation(1))), want: client.NextLeaves, came: 1},
		{name: "pages in a circle", answer: say(searchset(next("Observation?page=2"), observation(1))), want: client.NextLoops, came: 2},
		{name: "pages without end", answer: func(w http.ResponseWriter, r *http.Request) {
			fhirJSON(w, searchset(next("Observation?page="+r.URL.Query().Get("page")+"1"), observation(1)))
		}, want: client.TooLarge, came: 20},
		{name: "a second page of 500", answer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("page") != "" {
				w.WriteHeader(500)
				return
			}
			fhirJSON(w, searchset(next("Observation?page=2"), observation(1)))
		}, want: client.ServerError, came: 1},
		{name: "more entries than are read", answer: func(w http.ResponseWriter, r *http.Request) {
			list := make([]string, 600)
			for i := range list {
				list[i] = observation(i)
			}
			fhirJSON(w, searchset(next("Observation?page=2"+r.URL.Query().Get("page")), list...))
		}, want: client.TooLarge, came: client.MaxEntries},
		{name: "more bytes than are read", answer: say(`{"resourceType":"Bundle","x":"` + strings.Repeat("a", client.MaxBody)), want: client.TooLarge},
		{name: "no answer", answer: func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, want: client.Unreachable},
		{name: "half an answer", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fhirJSON(w, `{"resourceType":`)
		}, want: client.Unreachable},
		{name: "a query of a path", query: "../admin", want: client.BadQuery},
		{name: "a query of another server", query: "https://elsewhere.example/Patient", want: client.BadQuery},
		{name: "an id with a query", query: "Patient/p?x=1", want: client.BadQuery},
		{name: "an id of dots", query: "Patient/..", want: client.BadQuery},
		{name: "an operation", query: "Patient/$everything", want: client.BadQuery},
		{name: "a fragment", query: "Patient?a=b#c", want: client.BadQuery},
		{name: "a line break", query: "Patient?a=b\r\nX: y", want: client.BadQuery},
		{name: "no query", query: "?", want: client.BadQuery},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := tc.answer
			if answer == nil {
				answer = func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }
			}
			f := newFake(t, answer)
			query := tc.query
			if query == "" {
				query = search
			}
			a := f.ask(t.Context(), query)
			if a.Failure != tc.want || len(a.Resources) != tc.came {
				t.Errorf("failure %q with %d resources, want %q with %d", a.Failure, len(a.Resources), tc.want, tc.came)
			}
			if tc.want == client.Redirected && f.hits.Load() != 1 {
				t.Errorf("%d requests for one that is redirected", f.hits.Load())
			}
			if tc.want == client.Unauthorized && f.hits.Load() != 1 {
				t.Errorf("a refused token was tried %d times", f.hits.Load())
			}
		})
	}
}

func TestPages(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("page") {
		case "":
			fhirJSON(w, searchset(`,"total":3`+next("https://"+r.Host+"/fhir?page=2&x=a|b"), observation(1)))
		case "2": // as HAPI does, at the base; then relative, at another path
			fhirJSON(w, searchset(next("/pages?page=3"), observation(2)))
		case "3":
			fhirJSON(w, searchset("", observation(3)))
		}
	})
	a := f.ask(t.Context(), "Observation?patient="+patient)
	if diff := cmp.Diff([]string{"Observation/o1", "Observation/o2", "Observation/o3"}, ids(a)); diff != "" || !a.Complete() {
		t.Errorf("%q %s", a.Failure, diff)
	}
	for _, r := range f.requests() {
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s was asked without the token", r.URL)
		}
	}
}

// TestSlow: whatever a server does, the deadline is kept.
func TestSlow(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"no header", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"header and no body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/fhir+json")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
		{"a byte now and then", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/fhir+json")
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-tick.C:
				}
			}
		}},
		{"pages that take their time", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(40 * time.Millisecond):
				fhirJSON(w, searchset(next("Observation?page=1"+r.URL.Query().Get("page")), observation(1)))
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			c := client.New(f.config())
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			var queries []client.Query
			for i := range 12 {
				queries = append(queries, client.Query{Key: fmt.Sprint(i), Path: "Observation?patient=" + patient})
			}
			begin := time.Now()
			got := c.Fetch(ctx, f.call("/fhir"), queries)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("answered after %s", took)
			}
			for key, a := range got {
				if a.Complete() {
					t.Errorf("query %s is complete", key)
				}
			}
			if a := got["0"]; a.Failure != client.TimedOut {
				t.Errorf("the first query failed for %q", a.Failure)
			}
			if len(got) != len(queries) {
				t.Errorf("%d answers", len(got))
			}
		})
	}
}

func TestAtMostFourAtOnce(t *testing.T) {
	var mu sync.Mutex
	now, most, entered := 0, 0, 0
	four := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		if entered++; entered == 4 {
			close(four)
		}
		mu.Unlock()
		select {
		case <-four: // the first four meet here
		case <-r.Context().Done():
		}
		mu.Lock()
		now--
		mu.Unlock()
		fhirJSON(w, searchset(""))
	})
	c := client.New(f.config())
	defer c.Close()
	var queries []client.Query
	for i := range 40 {
		queries = append(queries, client.Query{Key: fmt.Sprint(i), Path: "Flag"})
	}
	got := c.Fetch(t.Context(), f.call("/fhir"), queries)
	for key, a := range got {
		if !a.Complete() {
			t.Errorf("%s failed for %q", key, a.Failure)
		}
	}
	if most != 4 || len(got) != 40 {
		t.Errorf("%d requests at once, %d answers", most, len(got))
	}
}

// TestCompressionBomb: a gigabyte of blanks in a few kilobytes.
func TestCompressionBomb(t *testing.T) {
	member := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.Bytes()
	}
	open, block := member(`{"resourceType":"Bundle","type":"searchset","x":"`), member(strings.Repeat("a", 1<<20))
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(open)
		for range 1024 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	c := client.New(f.config())
	defer c.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	a := c.Fetch(t.Context(), f.call("/fhir"), []client.Query{{Key: "k", Path: "Observation"}})["k"]
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if a.Failure != client.TooLarge || took > 2*time.Second {
		t.Errorf("failure %q after %s", a.Failure, took)
	}
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 60 {
		t.Errorf("%d MiB were allocated for it", grown)
	}
}

// TestRebinding: a name that leads elsewhere at the second look-up. Both addresses
// are this machine's; only the first is allowed.
func TestRebinding(t *testing.T) {
	handler := func(hits *int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*hits++
			w.Header().Set("Connection", "close")
			fhirJSON(w, searchset(""))
		})
	}
	var good, canary int
	a := httptest.NewServer(handler(&good))
	defer a.Close()
	_, port, _ := net.SplitHostPort(a.Listener.Addr().String())
	listener, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	b := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler(&canary)}}
	b.Start()
	defer b.Close()

	n := &names{addresses: map[string][]string{"ehr.example": {"127.0.0.1", "127.0.0.2"}}}
	base, err := client.ParseBase("http://ehr.example:"+port+"/fhir", true)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Config{Resolver: n.resolver()})
	defer c.Close()
	call := client.Call{Caller: "ehr", Server: client.Server{Base: base, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
	ask := func() client.Answer {
		return c.Fetch(t.Context(), call, []client.Query{{Key: "k", Path: "Flag"}})["k"]
	}
	if got := ask(); !got.Complete() || good != 1 {
		t.Fatalf("the first call fails for %q", got.Failure)
	}
	for range 3 {
		if got := ask(); got.Failure != client.AddressDenied {
			t.Errorf("failure %q, want denied", got.Failure)
		}
	}
	if canary != 0 || good != 1 {
		t.Errorf("the canary was asked %d times, the server %d times", canary, good)
	}
	if c.Suspended() != 0 {
		t.Error("a denied address suspends the server")
	}
}

// TestPrivateAddressNeedsPermission: registered or not, no name and no literal
// leads inside without it.
func TestPrivateAddressNeedsPermission(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was reached") })
	_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
	n := &names{addresses: map[string][]string{"ehr.example": {"127.0.0.1"}, "meta.example": {"169.254.169.254"}}}
	cfg := f.config()
	cfg.Resolver = n.resolver()
	c := client.New(cfg)
	defer c.Close()
	for _, host := range []string{"127.0.0.1", "ehr.example", "meta.example", "[::1]", "169.254.169.254"} {
		base, err := client.ParseBase("https://"+host+":"+port, false)
		if err != nil {
			t.Fatal(err)
		}
		a := c.Fetch(t.Context(), client.Call{Caller: "ehr", Server: client.Server{Base: base}}, []client.Query{{Key: "k", Path: "Flag"}})["k"]
		if a.Failure != client.AddressDenied {
			t.Errorf("%s fails for %q", host, a.Failure)
		}
	}
}

// TestConnectionsAreNotShared: a connection that one caller may have is no way in
// for another, nor for the same one after its permission has gone.
func TestConnectionsAreNotShared(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { fhirJSON(w, searchset("")) })
	c := client.New(f.config())
	defer c.Close()
	ask := func(caller string, allow []netip.Prefix) client.Failure {
		call := f.call("/fhir")
		call.Caller, call.Server.Allow = caller, allow
		return c.Fetch(t.Context(), call, []client.Query{{Key: "k", Path: "Flag"}})["k"].Failure
	}
	for i, tc := range []struct {
		caller string
		allow  []netip.Prefix
		want   client.Failure
	}{{"a", loopback, ""}, {"b", nil, client.AddressDenied}, {"a", loopback, ""}, {"a", nil, client.AddressDenied}, {"b", loopback, ""}} {
		if got := ask(tc.caller, tc.allow); got != tc.want {
			t.Errorf("call %d of %s fails for %q, want %q", i, tc.caller, got, tc.want)
		}
	}
}

func TestNoProxy(t *testing.T) {
	proxy := newFake(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the proxy was asked") })
	// Go reads these variables once in a process, so that the second half of the test
	// alone would prove nothing.
	if client.Transport(client.TransportConfig{}).Proxy != nil {
		t.Error("the transport asks for a proxy")
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { fhirJSON(w, searchset("")) })
	// A name, since Go never asks a proxy for loopback addresses.
	_, port, _ := net.SplitHostPort(f.Listener.Addr().String())
	cfg := f.config()
	cfg.Resolver = (&names{addresses: map[string][]string{"example.com": {"127.0.0.1"}}}).resolver()
	base, err := client.ParseBase("https://example.com:"+port, false)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(cfg)
	defer c.Close()
	a := c.Fetch(t.Context(), client.Call{Server: client.Server{Base: base, Allow: loopback}}, []client.Query{{Key: "k", Path: "Flag"}})["k"]
	if !a.Complete() || proxy.hits.Load() != 0 {
		t.Errorf("failure %q, the proxy was asked %d times", a.Failure, proxy.hits.Load())
	}
}

func TestUntrustedCertificate(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was reached") })
	c := client.New(client.Config{})
	defer c.Close()
	if a := c.Fetch(t.Context(), f.call("/fhir"), []client.Query{{Key: "k", Path: "Flag"}})["k"]; a.Failure != client.Unreachable {
		t.Errorf("failure %q", a.Failure)
	}
}

// clock is a time that moves when a test says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestBreaker(t *testing.T) {
	code := 500
	header := ""
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		if code != 200 {
			w.WriteHeader(code)
			return
		}
		fhirJSON(w, searchset(""))
	})
	now := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg := f.config()
	cfg.Now = now.Now
	c := client.New(cfg)
	defer c.Close()
	ask := func(caller string) client.Failure {
		call := f.call("/fhir")
		call.Caller = caller
		return c.Fetch(t.Context(), call, []client.Query{{Key: "k", Path: "Flag"}})["k"].Failure
	}
	want := func(step, caller string, failure client.Failure, hits int64) {
		t.Helper()
		before := f.hits.Load()
		if got := ask(caller); got != failure {
			t.Errorf("%s: failure %q, want %q", step, got, failure)
		}
		if got := f.hits.Load() - before; got != hits {
			t.Errorf("%s: %d requests, want %d", step, got, hits)
		}
	}
	for range 5 {
		want("failing", "a", client.ServerError, 1)
	}
	want("open", "a", client.Suspended, 0)
	want("another client", "b", client.ServerError, 1)
	if c.Suspended() != 1 {
		t.Errorf("%d ways are held back", c.Suspended())
	}
	now.add(10 * time.Second)
	want("probe fails", "a", client.ServerError, 1)
	want("open again", "a", client.Suspended, 0)
	now.add(10 * time.Second)
	code = 200
	want("probe succeeds", "a", "", 1)
	want("closed", "a", "", 1)
	code = 403
	for range 8 {
		want("refusals break nothing", "a", client.Forbidden, 1)
	}
	code = 500
	for range 4 {
		want("four failures", "a", client.ServerError, 1)
	}
	now.add(11 * time.Second)
	for range 4 {
		want("four more, later", "a", client.ServerError, 1)
	}
	code, header = 429, "7"
	want("asked to wait", "a", client.Throttled, 1)
	want("waits", "a", client.Suspended, 0)
	now.add(6 * time.Second)
	want("waits still", "a", client.Suspended, 0)
	now.add(time.Second)
	code, header = 200, ""
	want("has waited", "a", "", 1)
	code, header = 503, "3600"
	want("asked to wait an hour", "a", client.ServerError, 1)
	now.add(59 * time.Second)
	want("waits a minute", "a", client.Suspended, 0)
	now.add(time.Second)
	code, header = 200, ""
	want("and no longer", "a", "", 1)
}

// TestNothingLeaks: neither the token nor whom it was about is in log or answer.
func TestNothingLeaks(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	handlers := []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); _, _ = io.WriteString(w, patient) },
		func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, r *http.Request) { fhirJSON(w, `{"resourceType":"`+patient+`"`) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://x.example/"+patient, http.StatusFound)
		},
		func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(conn, "HTTP/1.1 "+patient+" "+r.Header.Get("Authorization")+"\r\n\r\n")
			_ = conn.Close()
		},
	}
	for _, h := range handlers {
		f := newFake(t, h)
		cfg := f.config()
		cfg.Log = slog.New(slog.NewJSONHandler(&locked{&mu, &out}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.Observe = func(caller, server string, failure client.Failure, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(&out, caller, server, failure)
		}
		c := client.New(cfg)
		call := f.call("/fhir")
		for range 6 {
			a := c.Fetch(t.Context(), call, []client.Query{{Key: "k", Path: "Observation?patient=" + patient}})
			mu.Lock()
			fmt.Fprintf(&out, "%+v %#v\n", a, call)
			mu.Unlock()
		}
		c.Close()
	}
	text := out.String()
	if strings.Contains(text, token) || strings.Contains(text, patient) {
		t.Errorf("shown:\n%s", text)
	}
	if !strings.Contains(text, "a FHIR server is not asked for a while") {
		t.Error("nothing was logged")
	}
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func TestFetchKeys(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("keys are asked for with a token")
		}
		switch r.URL.Path {
		case "/jwks":
			_, _ = io.WriteString(w, `{"keys":[]}`)
		case "/huge":
			_, _ = w.Write(make([]byte, smart.MaxKeys+1))
		case "/moved":
			http.Redirect(w, r, "/jwks", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	})
	c := client.New(f.config())
	defer c.Close()
	for path, want := range map[string]issue.Kind{"/jwks?format=jwks": "", "/huge": issue.TooLong, "/moved": issue.Transient, "/gone": issue.Transient} {
		raw, err := c.FetchKeys(t.Context(), "ehr", f.URL+path, loopback)
		if issue.KindOf(err) != want || want == "" && !json.Valid(raw) {
			t.Errorf("%s gives %q, %v", path, raw, err)
		}
	}
	before := f.hits.Load()
	if _, err := c.FetchKeys(t.Context(), "ehr", f.URL+"/jwks", nil); !issue.Is(err, issue.Transient) {
		t.Errorf("keys on a private address: %v", err)
	}
	for _, address := range []string{"file:///etc/passwd", "https://user@ehr.example/jwks", "", "https://127.1/jwks"} {
		if _, err := c.FetchKeys(t.Context(), "ehr", address, loopback); !issue.Is(err, issue.Value) {
			t.Errorf("%q: %v", address, err)
		}
		if client.CheckKeysURL(address, true) == nil {
			t.Errorf("%q can be registered", address)
		}
	}
	if f.hits.Load() != before {
		t.Error("a denied address was asked")
	}
	if err := client.CheckKeysURL("http://ehr.example/jwks", false); err == nil {
		t.Error("plain http can be registered by mistake")
	}
	if err := client.CheckKeysURL("https://ehr.example/api/Keys/530/1?x=y", false); err != nil {
		t.Error(err)
	}
}

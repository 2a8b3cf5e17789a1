package admission_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"cdss/cmd/cdss/admission"
	"cdss/fhir/smart"
)

// clock is moved by hand.
type clock struct{ now time.Time }

func (c *clock) at() time.Time { return c.now }

// verified lets tokens in that name a client as "good <name>", and counts how many it
// had to look at.
type verified struct{ looked int }

func (v *verified) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		if token != "" {
			v.looked++
		}
		if len(token) < 5 || token[:5] != "good " {
			w.WriteHeader(401)
			return
		}
		next.ServeHTTP(w, r.WithContext(smart.With(r.Context(), smart.Principal{Client: token[5:]})))
	})
}

func limited(c *clock, proxies int) (*verified, func(token, from string, forwarded ...string) *httptest.ResponseRecorder, *counted) {
	v, n := &verified{}, &counted{}
	l := admission.NewLimiter(c.at, proxies, n.shed)
	h := l.Guard(func(*http.Request) (admission.Class, int64) { return admission.Hook, 0 }, v.guard, outcome)(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	return v, func(token, from string, forwarded ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/cds-services/x", nil)
		r.RemoteAddr = from
		r.Header.Set("Authorization", token)
		for _, f := range forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}, n
}

// TestBadTokensOfAnAddress: after thirty refused tokens an address is not asked for a
// signature any more, until some time has gone by; others are.
func TestBadTokensOfAnAddress(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	v, call, n := limited(c, 0)
	for i := range admission.StrangerBurst {
		if w := call("bad", "203.0.113.7:1000"); w.Code != 401 {
			t.Fatalf("token %d: %d", i, w.Code)
		}
	}
	looked := v.looked
	w := call("good ehr", "203.0.113.7:2000")
	if w.Code != 429 || v.looked != looked || w.Header().Get("Retry-After") != "2" {
		t.Errorf("afterwards: %d, looked at %d more, %v", w.Code, v.looked-looked, w.Header())
	}
	if w := call("good ehr", "203.0.113.8:1000"); w.Code != 200 {
		t.Errorf("another address: %d", w.Code)
	}
	if w := call("", "203.0.113.7:1000"); w.Code != 401 {
		t.Errorf("no token at all is no guess: %d", w.Code)
	}
	if w := call("bad", "203.0.113.7:1000", "198.51.100.1"); w.Code != 429 {
		t.Errorf("a header that nobody of ours wrote: %d", w.Code)
	}
	c.now = c.now.Add(2 * time.Second)
	if w := call("good ehr", "203.0.113.7:2000"); w.Code != 200 {
		t.Errorf("after the time that was told: %d", w.Code)
	}
	if n.of["hook bad-token"] != 2 {
		t.Errorf("counted %v", n.of)
	}
}

// TestNobodyShutsOutWhoComesTheSameWay: where good tokens come from, bad ones from the
// same address do not keep the good client below its rate.
func TestNobodyShutsOutWhoComesTheSameWay(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	_, call, _ := limited(c, 0)
	if w := call("good ehr", "10.0.0.1:1"); w.Code != 200 {
		t.Fatal(w.Code)
	}
	for second := range 60 {
		for range admission.ProvenRate {
			call("bad", "10.0.0.1:1")
		}
		for range 10 {
			if w := call("good ehr", "10.0.0.1:1"); w.Code != 200 {
				t.Fatalf("second %d: %d", second, w.Code)
			}
		}
		c.now = c.now.Add(time.Second)
	}
}

// TestRateOfAClient: a client is never limited below the rate that was agreed, and
// told when to come again above it; another one does not notice.
func TestRateOfAClient(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	_, call, n := limited(c, 0)
	for range 60 {
		for range admission.ClientRate {
			if w := call("good ehr", "10.0.0.1:1"); w.Code != 200 {
				t.Fatalf("at the agreed rate: %d", w.Code)
			}
		}
		c.now = c.now.Add(time.Second)
	}
	refused := 0
	for range 10 * admission.ClientRate {
		if w := call("good ehr", "10.0.0.1:1"); w.Code == 429 {
			refused++
			if after, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || after < 1 {
				t.Fatalf("%v", w.Header())
			}
		}
	}
	if want := 10*admission.ClientRate - admission.ClientBurst; refused != want {
		t.Errorf("%d refused, want %d", refused, want)
	}
	if w := call("good other", "10.0.0.1:1"); w.Code != 200 {
		t.Errorf("another client: %d", w.Code)
	}
	if n.of["hook rate"] != refused {
		t.Errorf("counted %v", n.of)
	}
}

func TestAddress(t *testing.T) {
	for _, tc := range []struct {
		name      string
		proxies   int
		remote    string
		forwarded []string
		want      string
	}{
		{"as it comes", 0, "203.0.113.7:1", nil, "203.0.113.7/32"},
		{"nobody's word", 0, "203.0.113.7:1", []string{"198.51.100.1"}, "203.0.113.7/32"},
		{"behind a proxy", 1, "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1/32"},
		{"what the client wrote is passed over", 1, "10.0.0.1:1", []string{"192.0.2.9, 198.51.100.1"}, "198.51.100.1/32"},
		{"in two headers", 1, "10.0.0.1:1", []string{"192.0.2.9", "198.51.100.1"}, "198.51.100.1/32"},
		{"behind two", 2, "10.0.0.1:1", []string{"192.0.2.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1/32"},
		{"fewer than there should be", 2, "10.0.0.1:1", []string{"198.51.100.1"}, "10.0.0.1/32"},
		{"one subscriber", 0, "[2001:db8:1:2:3:4:5:6]:1", nil, "2001:db8:1:2::/64"},
		{"an IPv4 address in disguise", 0, "[::ffff:203.0.113.7]:1", nil, "203.0.113.7/32"},
		{"with a port", 1, "10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1/32"},
		{"no address", 1, "10.0.0.1:1", []string{"unknown"}, "invalid Prefix"},
	} {
		l := admission.NewLimiter(time.Now, tc.proxies, nil)
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = tc.remote
		for _, f := range tc.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := l.Address(r).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

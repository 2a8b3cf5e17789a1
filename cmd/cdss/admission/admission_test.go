package admission_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"cdss/cmd/cdss/admission"
	"cdss/fhir/issue"
)

func outcome(w http.ResponseWriter, _ *http.Request, err error) { issue.WriteOutcome(w, err) }

// counted notes who was turned away.
type counted struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counted) shed(class admission.Class, cause admission.Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[class.String()+" "+string(cause)]++
}

// TestTheLessImportantGiveWay: as more is under way, ingestion is turned away first
// and hooks last.
func TestTheLessImportantGiveWay(t *testing.T) {
	g := admission.New(admission.Config{Requests: 100, Bytes: 1 << 40, Ingesting: 1000})
	all := []admission.Class{admission.Hook, admission.Feedback, admission.REST, admission.Search, admission.Ingestion}
	last := map[admission.Class]int{}
	for n := range 101 {
		for _, class := range all {
			if leave, cause := g.Enter(class, 0); cause == "" {
				last[class] = n + 1
				leave()
			}
		}
		if n < 100 {
			if _, cause := g.Enter(admission.Hook, 0); cause != "" {
				t.Fatalf("hook %d is turned away: %s", n, cause)
			}
		}
	}
	want := map[admission.Class]int{admission.Hook: 100, admission.Feedback: 75, admission.REST: 50, admission.Search: 25, admission.Ingestion: 25}
	for class, most := range want {
		if last[class] != most {
			t.Errorf("%s comes in with up to %d under way, want %d", class, last[class], most)
		}
	}
}

// TestMemoryUnderWay: what would need more memory than there is is turned away, and
// comes in when the rest has ended; one that is larger than its share comes in alone.
func TestMemoryUnderWay(t *testing.T) {
	var c counted
	g := admission.New(admission.Config{Requests: 100, Bytes: 1000, Shed: c.shed})
	first, _ := g.Enter(admission.Hook, 900)
	if _, cause := g.Enter(admission.Hook, 200); cause != admission.Memory {
		t.Errorf("a hook too much: %q", cause)
	}
	if _, cause := g.Enter(admission.REST, 0); cause != admission.Memory {
		t.Errorf("REST beside a large hook: %q", cause)
	}
	first()
	first() // twice does nothing
	if requests, bytes := g.Underway(); requests != 0 || bytes != 0 {
		t.Errorf("%d requests and %d bytes are left", requests, bytes)
	}
	if _, cause := g.Enter(admission.REST, 5000); cause != "" {
		t.Errorf("a large one alone: %q", cause)
	}
	if c.of["hook memory"] != 1 || c.of["rest memory"] != 1 {
		t.Errorf("counted %v", c.of)
	}
}

func TestWeight(t *testing.T) {
	for _, tc := range []struct {
		class           admission.Class
		length, longest int64
		want            int64
	}{
		{admission.Hook, 1000, 2 << 20, 12_000},
		{admission.Hook, 0, 2 << 20, 0},
		{admission.Hook, -1, 2 << 20, 12 * 2 << 20},      // chunked
		{admission.Hook, 1 << 40, 2 << 20, 12 * 2 << 20}, // refused by its length
		{admission.Ingestion, 50 << 20, 0, 16 << 20},
	} {
		if got := admission.Weight(tc.class, tc.length, tc.longest); got != tc.want {
			t.Errorf("%s of %d bytes weighs %d, want %d", tc.class, tc.length, got, tc.want)
		}
	}
}

// TestOverload: of many calls at once as many run as may; the others are answered at
// once, with 503, when to come again, and that nothing was checked; afterwards all
// comes in again.
func TestOverload(t *testing.T) {
	const most, calls = 4, 40
	var c counted
	g := admission.New(admission.Config{Requests: most, Shed: c.shed})
	begun, end := make(chan bool, calls), make(chan bool)
	h := g.Admit(func(*http.Request) (admission.Class, int64) { return admission.Hook, 1 << 20 }, outcome)(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			begun <- true
			<-end
			_, _ = w.Write([]byte(`{"cards":[]}`))
		}))
	call := func(method string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/cds-services/x", strings.NewReader("{}")))
		return w
	}
	var running sync.WaitGroup
	for range most {
		running.Go(func() {
			if w := call("POST"); w.Code != 200 {
				t.Errorf("a call that was let in: %d", w.Code)
			}
		})
	}
	for range most {
		<-begun
	}
	for range calls - most {
		w := call("POST")
		var o struct {
			ResourceType string
			Issue        []struct{ Code string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil || w.Code != 503 || w.Header().Get("Retry-After") != "1" ||
			o.ResourceType != "OperationOutcome" || len(o.Issue) != 1 || o.Issue[0].Code != "throttled" || strings.Contains(w.Body.String(), "cards") {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	close(end)
	running.Wait()
	if w := call("POST"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
	if c.of["hook busy"] != calls-most {
		t.Errorf("counted %v", c.of)
	}
}

// TestAPanicLeaves: whatever happens to a request, its place is free afterwards.
func TestAPanicLeaves(t *testing.T) {
	g := admission.New(admission.Config{Requests: 1})
	h := g.Admit(func(*http.Request) (admission.Class, int64) { return admission.Hook, 0 }, outcome)(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("fault") }))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil))
	}()
	if requests, _ := g.Underway(); requests != 0 {
		t.Errorf("%d are under way", requests)
	}
}

package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cdss/cds/conformance"
)

// sound is a service that keeps to the specification: it finds nothing to say.
type sound struct {
	discovery string
	answer    func(body map[string]any) (status int, text string)
	feedback  func() int
	cors      bool
}

const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}`

func newSound() *sound {
	return &sound{
		discovery: `{"services":[{"id":"s","hook":"order-sign","title":"t","description":"d","prefetch":{"patient":"Patient/{{context.patientId}}"}}]}`,
		answer: func(body map[string]any) (int, string) {
			prefetch, _ := body["prefetch"].(map[string]any)
			if p, _ := prefetch["patient"].(map[string]any); p["resourceType"] != "Patient" {
				return 412, outcome
			}
			return 200, `{"cards":[]}`
		},
		feedback: func() int { return 200 },
		cors:     true,
	}
}

func (s *sound) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cors {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	}
	w.Header().Set("Content-Type", "application/json")
	refuse := func(status int) {
		w.WriteHeader(status)
		fmt.Fprint(w, outcome)
	}
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	wrong := json.Unmarshal(raw, &body) != nil || r.Header.Get("Content-Type") != "application/json"
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(204)
	case r.URL.Path == "/cds-services":
		fmt.Fprint(w, s.discovery)
	case r.URL.Path == "/cds-services/s/feedback":
		list, _ := body["feedback"].([]any)
		if wrong || len(list) == 0 || strings.Contains(string(raw), `"ignored"`) {
			refuse(400)
			return
		}
		w.WriteHeader(s.feedback())
	case r.URL.Path != "/cds-services/s":
		refuse(404)
	case r.Method != http.MethodPost:
		refuse(405)
	case wrong || body["hook"] != "order-sign" || body["context"] == nil || strings.Contains(string(raw), strings.Repeat("[", 100)):
		refuse(400)
	default:
		status, text := s.answer(body)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// failures runs the kit and gives what did not pass.
func failures(t *testing.T, h http.Handler) []string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	results, err := conformance.Run(t.Context(), conformance.Target{Base: server.URL + "/cds-services", Origin: "https://ehr.example"})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range results {
		if r.State != conformance.Passed {
			list = append(list, string(r.State)+" "+r.Rule+": "+r.Check)
		}
	}
	return list
}

func TestASoundServicePasses(t *testing.T) {
	if got := failures(t, newSound()); len(got) > 0 {
		t.Errorf("a sound service does not pass: %q", got)
	}
}

// TestAServiceThatLimitsTheRatePasses: what was turned away for coming too often is
// sent again, when the service said.
func TestAServiceThatLimitsTheRatePasses(t *testing.T) {
	n := 0
	good := newSound()
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%2 == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		good.ServeHTTP(w, r)
	})
	if got := failures(t, limited); len(got) > 0 {
		t.Errorf("a service that limits the rate does not pass: %q", got)
	}
}

// TestEachFaultIsSeen breaks the sound service in one way after the other.
func TestEachFaultIsSeen(t *testing.T) {
	always := func(status int, text string) func(*sound) {
		return func(s *sound) { s.answer = func(map[string]any) (int, string) { return status, text } }
	}
	for _, tc := range []struct {
		name  string
		fault func(*sound)
		want  string
	}{
		{"discovery without a description", func(s *sound) { s.discovery = strings.Replace(s.discovery, `"description":"d",`, "", 1) }, "FAIL Discovery: the answer keeps to the specification"},
		{"discovery with a token of 3.0", func(s *sound) { s.discovery = strings.Replace(s.discovery, "context.patientId", "%patient.id", 1) }, "FAIL Discovery: the answer keeps to the specification"},
		{"no title", func(s *sound) { s.discovery = strings.Replace(s.discovery, `"title":"t",`, "", 1) }, "advice Discovery: it has a title"},
		{"a hook of its own", func(s *sound) { s.discovery = strings.Replace(s.discovery, "order-sign", "org.example.own", 1) }, "skip Hooks: it is called"},
		{"no cards", always(200, `{}`), "FAIL CDS Service Response: a call with all prefetch is answered"},
		{"a card without a source", always(200, `{"cards":[{"summary":"s","indicator":"info"}]}`), "FAIL CDS Service Response: a call with all prefetch is answered"},
		{"a crash", always(500, ``), "FAIL Prefetch: no prefetch at all"},
		{"a suggestion that deletes what is not ordered", always(200, `{"cards":[{"summary":"s","indicator":"info","source":{"label":"l"},"selectionBehavior":"any",
			"suggestions":[{"label":"l","actions":[{"type":"delete","description":"d","resourceId":"MedicationRequest/none"}]}]}]}`), "FAIL Suggestion: a patient allergic to what is ordered"},
		{"an error in words", always(412, `missing`), "advice Errors: no prefetch at all: the error is an OperationOutcome"},
		{"silence about what failed", always(200, `{"cards":[]}`), "advice Prefetch: what could not be fetched is said"},
		{"strict about members", func(s *sound) {
			inner := s.answer
			s.answer = func(body map[string]any) (int, string) {
				if body["extension"] != nil {
					return 400, outcome
				}
				return inner(body)
			}
		}, "FAIL Extensions: members of later versions and extensions are ignored"},
		{"feedback refused twice", func(s *sound) {
			n := 0
			s.feedback = func() int {
				if n++; n > 1 {
					return 409
				}
				return 200
			}
		}, "FAIL Feedback: the same again"},
		{"no feedback", func(s *sound) { s.feedback = func() int { return 501 } }, "skip Feedback: it is taken"},
		{"no browsers", func(s *sound) { s.cors = false }, "FAIL Cross-Origin Resource Sharing: an error can be read by a browser"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSound()
			tc.fault(s)
			if got := failures(t, s); !slices.Contains(got, tc.want) {
				t.Errorf("%q is not among %q", tc.want, got)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		if _, err := conformance.Run(t.Context(), conformance.Target{Base: "http://127.0.0.1:1"}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("every error swallowed", func(t *testing.T) {
		got := failures(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, newSound().discovery) }))
		for _, want := range []string{"FAIL Bad input: JSON that ends too early is refused as the client's mistake", "FAIL Bad input: an unknown service is 404"} {
			if !slices.Contains(got, want) {
				t.Errorf("%q is not among %q", want, got)
			}
		}
	})
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"cdss/migrations/dbtest"
)

// obedient is an OpenAI-compatible provider whose model quotes the first sentence of
// what it is given, and adds whatever it finds asked for: a dose.
type obedient struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
	down bool
}

var passageText = regexp.MustCompile(`"text":"((?:[^"\\]|\\.)*)"`)

func newObedient(t *testing.T) *obedient {
	t.Helper()
	o := &obedient{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		o.seen = append(o.seen, string(raw))
		down := o.down
		o.mu.Unlock()
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var in struct {
			Input    []string
			Messages []struct{ Content string }
		}
		_ = json.Unmarshal(raw, &in)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1/embeddings" {
			type vector struct {
				Index     int       `json:"index"`
				Embedding []float32 `json:"embedding"`
			}
			var out struct {
				Data []vector `json:"data"`
			}
			for i, text := range in.Input {
				v := make([]float32, 1024)
				for _, c := range text {
					v[int(c)%1024]++
				}
				out.Data = append(out.Data, vector{i, v})
			}
			_ = json.NewEncoder(w).Encode(out)
			return
		}
		var text string
		if m := passageText.FindStringSubmatch(in.Messages[1].Content); m != nil {
			_ = json.Unmarshal([]byte(`"`+m[1]+`"`), &text)
		}
		quote := strings.TrimSpace(string([]rune(text)[:min(60, len([]rune(text)))]))
		if i := strings.LastIndexByte(quote, ' '); i > 20 {
			quote = quote[:i]
		}
		reply, _ := json.Marshal(map[string]any{"status": "answered", "claims": []map[string]string{
			{"text": "Dazu steht etwas in der Leitlinie.", "passage_id": "P1", "quote": quote},
			{"text": "Give 4 g every 6 h.", "passage_id": "P1", "quote": quote},
			{"text": "Alles ist gut.", "passage_id": "P1", "quote": "words that stand nowhere"},
		}})
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"content": string(reply)}, "finish_reason": "stop"}}})
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *obedient) sent() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.seen, "\n")
}

func (o *obedient) vars() []string {
	return []string{"CDSS_LLM_BASE_URL=" + o.URL + "/v1", "CDSS_LLM_MODEL=fake", "CDSS_EMBEDDINGS=online", "CDSS_EMBEDDING_URL=" + o.URL + "/v1/embeddings",
		"EMBEDDING_REQUESTS_PER_MINUTE=60000", "EMBEDDING_MAX_RETRIES=0", "CDSS_DEMO=1"}
}

// What a model writes is labelled and stands on words; what it is told holds nothing
// of the patient; and without it everything else is there.
func TestGeneratedText(t *testing.T) {
	provider := newObedient(t)
	dsn := dbtest.DSN(t)
	folder := t.TempDir()
	guideline := "# Pneumonie\n\nBei ambulant erworbener Pneumonie (CAP) mit schwerem Verlauf und Penicillinallergie ist Moxifloxacin eine Möglichkeit. " +
		"Das gilt für die kalkulierte Initialtherapie der ambulant erworbenen Pneumonie auch bei Niereninsuffizienz mit vermindertem eGFR, " +
		"bei Anaphylaxie auf Penicillin, bei Dosisanpassung und im schweren Fall.\n"
	if err := os.WriteFile(filepath.Join(folder, "cap.md"), []byte(guideline), 0o600); err != nil {
		t.Fatal(err)
	}
	var out buffer
	if err := run(t.Context(), []string{"ingest", folder}, environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: &out, err: &out}); err != nil {
		t.Fatalf("ingest: %v\n%s", err, out.String())
	}
	p := start(t, true, append(provider.vars(), "DATABASE_URL="+dsn)...)
	question := `{"question":"Wann Umstellung von intravenös auf oral? Erika Musterfrau 1951","language":"de"}`
	var answered struct {
		Generated bool
		Label     *string
		Text      string
		Citations []struct{ Quote string }
		Dropped   map[string]int
		Degraded  []string
		Abstained bool
	}
	status, _, body := p.ask("POST", "/api/answers", question)
	if err := json.Unmarshal([]byte(body), &answered); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if !answered.Generated || answered.Label == nil || answered.Text != "Dazu steht etwas in der Leitlinie. [1]" || len(answered.Citations) != 1 ||
		answered.Dropped["quote"] != 1 || answered.Dropped["dose"] != 1 {
		t.Errorf("answer %s", body)
	}
	_, _, stream := p.ask("POST", "/api/answers", question, "Accept", "text/event-stream")
	if want := []string{"progress", "progress", "progress", "result"}; !slices.Equal(eventNames(stream), want) {
		t.Errorf("events %v, want %v", eventNames(stream), want)
	}

	_, _, bundle := p.ask("GET", "/api/examples/cap-penicillin-anaphylaxis", "")
	canary := regexp.MustCompile(`"family": "[^"]*"`).ReplaceAllString(bundle, `"family": "Musterfrau"`)
	ask, _ := json.Marshal(map[string]any{"bundle": json.RawMessage(canary), "language": "de", "request": map[string]string{"freeText": "Frau Musterfrau, Zimmer 12"}})
	status, _, stream = p.ask("POST", "/api/recommendations", string(ask), "Accept", "text/event-stream")
	if status != http.StatusOK || !slices.Contains(eventNames(stream), "result") {
		t.Fatalf("%d %.300s", status, stream)
	}
	if !strings.Contains(stream, `"text":"Dazu steht etwas in der Leitlinie. [1]"`) || strings.Contains(stream, "Give 4 g") {
		t.Error("no narrative, or one with a dose")
	}
	for _, secret := range []string{"Musterfrau", "musterfrau", "Erika", "1951", "Zimmer"} {
		if strings.Contains(provider.sent(), secret) {
			t.Errorf("%q left the server", secret)
		}
	}
	_, _, report := p.ask("GET", "/api/outbound", "")
	if !strings.Contains(report, `"purpose":"chat"`) {
		t.Errorf("what left is not told: %s", report)
	}

	provider.mu.Lock()
	provider.down = true
	provider.mu.Unlock()
	_, _, body = p.ask("POST", "/api/answers", question)
	if err := json.Unmarshal([]byte(body), &answered); err != nil || answered.Abstained || len(answered.Citations) < 1 || !slices.Contains(answered.Degraded, "model") {
		t.Errorf("without the provider: %s", body)
	}
}

func eventNames(stream string) []string {
	var list []string
	for _, line := range strings.Split(stream, "\n") {
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			list = append(list, name)
		}
	}
	return list
}

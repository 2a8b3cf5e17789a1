package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cdss/rag/answer"
	"cdss/rag/openai"
)

// provider answers each request by the next step of its script, the last one for
// ever.
type provider struct {
	steps []func(*http.Request, []string) (*http.Response, error)
	at    []time.Time // when requests came
	seen  []*http.Request
	body  []string
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, _ := io.ReadAll(r.Body)
	var in struct{ Input []string }
	_ = json.Unmarshal(raw, &in)
	p.at = append(p.at, time.Now())
	p.seen = append(p.seen, r)
	p.body = append(p.body, string(raw))
	return p.steps[min(len(p.at), len(p.steps))-1](r, in.Input)
}

type step = func(*http.Request, []string) (*http.Response, error)

func reply(status int, contentType, body string, header ...string) step {
	return func(*http.Request, []string) (*http.Response, error) {
		h := http.Header{"Content-Type": {contentType}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func vectors(n, dimensions int, value string, index func(int) int) string {
	var list []string
	for i := range n {
		v := "[" + value + strings.Repeat(",0", dimensions-1) + "]"
		list = append(list, fmt.Sprintf(`{"index":%d,"embedding":%s}`, index(i), v))
	}
	return `{"data":[` + strings.Join(list, ",") + `],"usage":{"total_tokens":7}}`
}

func same(i int) int { return i }

// good answers with one vector per text.
func good(_ *http.Request, in []string) (*http.Response, error) {
	return reply(200, "application/json", vectors(len(in), openai.Dimensions, "3", same))(nil, nil)
}

func client(t *testing.T, p *provider, change func(*openai.Config)) *openai.Client {
	t.Helper()
	c := openai.Config{Base: "https://api.example/v1", Key: "secret-key", Model: "m", HTTP: &http.Client{Transport: p}, Retries: 3, Delay: 2 * time.Second}
	if change != nil {
		change(&c)
	}
	made, err := openai.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Each misbehaviour comes once and is then over: what can mend itself gives the
// vectors, what cannot gives an error that repeats nothing of the provider's words.
func TestEmbeddingMisbehaviours(t *testing.T) {
	slow := func(r *http.Request, _ []string) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	broken := func(*http.Request, []string) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"data":[`), failing{}))}, nil
	}
	vec := func(n, d int, value string, index func(int) int) step {
		return reply(200, "application/json", vectors(n, d, value, index))
	}
	for _, c := range []struct {
		name  string
		step  step
		mends bool
	}{
		{"refused connection", func(*http.Request, []string) (*http.Response, error) {
			return nil, errors.New("connection refused to secret-host")
		}, true},
		{"no reply at all", slow, true},
		{"breaks off", broken, true},
		{"408", reply(408, "text/plain", "PROVIDER SAYS"), true},
		{"409", reply(409, "text/plain", "PROVIDER SAYS"), true},
		{"429", reply(429, "application/json", "{}"), true},
		{"429 with seconds", reply(429, "application/json", "{}", "Retry-After", "17"), true},
		{"429 with a date", reply(429, "application/json", "{}", "Retry-After", "Sat, 01 Jan 2000 00:00:30 GMT"), true},
		{"429 with nonsense", reply(429, "application/json", "{}", "Retry-After", "soon"), true},
		{"500", reply(500, "text/html", "<h1>PROVIDER SAYS</h1>"), true},
		{"502", reply(502, "text/html", ""), true},
		{"503", reply(503, "text/html", ""), true},
		{"400", reply(400, "application/json", `{"error":"PROVIDER SAYS"}`), false},
		{"401", reply(401, "application/json", `{"error":"PROVIDER SAYS"}`), false},
		{"403", reply(403, "application/json", "{}"), false},
		{"404", reply(404, "application/json", "{}"), false},
		{"redirect", reply(302, "text/html", "", "Location", "https://elsewhere.example"), false},
		{"200 with HTML", reply(200, "text/html", "<h1>maintenance</h1>"), true},
		{"200 with no JSON", reply(200, "application/json", "PROVIDER SAYS"), true},
		{"200 with nothing", reply(200, "application/json", ""), true},
		{"200 with an error", reply(200, "application/json", `{"error":{"message":"PROVIDER SAYS"}}`), true},
		{"too few vectors", vec(1, openai.Dimensions, "1", same), true},
		{"too many vectors", vec(3, openai.Dimensions, "1", same), true},
		{"wrong dimension", vec(2, 4096, "1", same), true},
		{"repeated index", vec(2, openai.Dimensions, "1", func(int) int { return 0 }), true},
		{"index out of range", vec(2, openai.Dimensions, "1", func(i int) int { return i + 1 }), true},
		{"negative index", vec(2, openai.Dimensions, "1", func(i int) int { return -i }), true},
		{"zero vectors", vec(2, openai.Dimensions, "0", same), true},
		{"not a number", vec(2, openai.Dimensions, "NaN", same), true},
		{"endless numbers", vec(2, openai.Dimensions, "1e39", same), true},
		{"too long", reply(200, "application/json", strings.Repeat(" ", 33<<20)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{steps: []step{c.step, good}}
				got, err := openai.NewEmbedder(client(t, p, nil)).Embed(t.Context(), []string{"eins", "zwei"})
				if c.mends {
					if err != nil || len(got) != 2 || len(got[0]) != openai.Dimensions || got[1][0] != 1 {
						t.Fatalf("after one fault: %v", err)
					}
					if len(p.at) != 2 || p.at[1].Sub(p.at[0]) < time.Second {
						t.Errorf("asked again at once: %v", p.at)
					}
					return
				}
				if err == nil || len(p.at) != 1 {
					t.Fatalf("error %v after %d requests", err, len(p.at))
				}
				for _, canary := range []string{"PROVIDER SAYS", "secret-key", "secret-host", "eins"} {
					if strings.Contains(err.Error(), canary) {
						t.Errorf("the error repeats %q: %v", canary, err)
					}
				}
			})
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{steps: []step{reply(503, "text/plain", "")}}
		_, err := openai.NewEmbedder(client(t, p, nil)).Embed(t.Context(), []string{"eins"})
		if err == nil || len(p.at) != 4 {
			t.Errorf("error %v after %d requests", err, len(p.at))
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{steps: []step{reply(429, "text/plain", "", "Retry-After", "90"), reply(429, "text/plain", "", "Retry-After", "9999"), good}}
		if _, err := openai.NewEmbedder(client(t, p, nil)).Embed(t.Context(), []string{"eins"}); err != nil {
			t.Fatal(err)
		}
		if first, second := p.at[1].Sub(p.at[0]), p.at[2].Sub(p.at[1]); first != 90*time.Second || second != 2*time.Minute {
			t.Errorf("waited %v and %v", first, second)
		}
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{steps: []step{reply(429, "text/plain", "", "Retry-After", "90")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := openai.NewEmbedder(client(t, p, nil)).Embed(ctx, []string{"eins"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second || len(p.at) != 1 {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

// The provider's limit is said to be 50 a minute; 45 with no burst stays below it in
// every window, retries included.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{steps: []step{good}}
		e := openai.NewEmbedder(client(t, p, func(c *openai.Config) { c.PerMinute = 45 }))
		texts := make([]string, 32*100)
		for i := range texts {
			texts[i] = fmt.Sprint("text ", i)
		}
		if _, err := e.Embed(t.Context(), texts); err != nil {
			t.Fatal(err)
		}
		if len(p.at) != 100 {
			t.Fatalf("%d requests for 100 batches", len(p.at))
		}
		for i := range p.at {
			n := 0
			for _, at := range p.at[i:] {
				if at.Sub(p.at[i]) < time.Minute {
					n++
				}
			}
			if n > 45 {
				t.Fatalf("%d requests in a minute", n)
			}
		}
	})
}

func TestSameTextIsAskedOnce(t *testing.T) {
	p := &provider{steps: []step{good}}
	e := openai.NewEmbedder(client(t, p, nil))
	for range 3 {
		if _, err := e.Embed(t.Context(), []string{"eins", ""}); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.at) != 1 || strings.Contains(p.body[0], `""`) {
		t.Errorf("%d requests: %v", len(p.at), p.body)
	}
}

func TestWhatIsSentAndNoted(t *testing.T) {
	var notes []openai.Sent
	p := &provider{steps: []step{good}}
	c := client(t, p, func(c *openai.Config) { c.Sent = func(s openai.Sent) { notes = append(notes, s) } })
	if _, err := openai.NewEmbedder(c).Embed(t.Context(), []string{"eins"}); err != nil {
		t.Fatal(err)
	}
	r := p.seen[0]
	if r.URL.String() != "https://api.example/v1/embeddings" || r.Header.Get("Authorization") != "Bearer secret-key" {
		t.Errorf("%s with %v", r.URL, r.Header)
	}
	var body struct {
		Model      string
		Dimensions int
		Encoding   string `json:"encoding_format"`
	}
	if err := json.Unmarshal([]byte(p.body[0]), &body); err != nil || body.Model != "m" || body.Dimensions != 1024 || body.Encoding != "float" {
		t.Errorf("body %s", p.body[0])
	}
	if len(notes) != 1 || notes[0].Host != "api.example" || notes[0].Bytes != len(p.body[0]) || len(notes[0].SHA256) != 64 || notes[0].Tokens != 7 || notes[0].Status != 200 {
		t.Errorf("notes %+v", notes)
	}
}

func TestChat(t *testing.T) {
	choice := func(content, finish string) step {
		b, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"content": content}, "finish_reason": finish}}})
		return reply(200, "application/json", string(b))
	}
	for _, c := range []struct {
		name string
		step step
	}{
		{"cut off", choice(`{"status":`, "length")},
		{"empty", choice("", "stop")},
		{"no choice", reply(200, "application/json", `{"choices":[]}`)},
		{"filtered", choice("", "content_filter")},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{steps: []step{c.step, choice(`{"a":1}`, "stop")}}
				got, err := openai.Chat{Client: client(t, p, nil)}.Complete(t.Context(), answer.Prompt{System: "s", User: "u", Schema: json.RawMessage(`{"type":"object"}`)})
				if err != nil || got != `{"a":1}` || len(p.at) != 2 {
					t.Fatalf("%q, %v after %d requests", got, err, len(p.at))
				}
				var body struct {
					Temperature    *float64
					Messages       []struct{ Role, Content string }
					ResponseFormat struct {
						Type string
						JSON struct{ Schema json.RawMessage } `json:"json_schema"`
					} `json:"response_format"`
				}
				if err := json.Unmarshal([]byte(p.body[0]), &body); err != nil || body.Temperature == nil || *body.Temperature != 0 ||
					len(body.Messages) != 2 || body.ResponseFormat.Type != "json_schema" || string(body.ResponseFormat.JSON.Schema) != `{"type":"object"}` {
					t.Errorf("body %s", p.body[0])
				}
			})
		})
	}
}

func TestAddress(t *testing.T) {
	for _, base := range []string{"", "ftp://x", "https://user:pw@x", "api.example/v1", "https://"} {
		if _, err := openai.New(openai.Config{Base: base, Model: "m", HTTP: http.DefaultClient}); err == nil {
			t.Errorf("%q was accepted", base)
		}
	}
}

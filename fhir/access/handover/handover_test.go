package handover_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"cdss/fhir/access/handover"
	"cdss/migrations/dbtest"
)

func TestHandover(t *testing.T) {
	pool := dbtest.New(t)
	var passed atomic.Int64
	door := handover.New(handover.Config{
		Base: func(*http.Request) string { return "https://cdss.example" },
		Now:  func() time.Time { return time.Now().Add(time.Duration(passed.Load()) * time.Second) },
	})
	door.Attach(pool)
	config := huma.DefaultConfig("test", "1")
	config.DocsPath = ""
	router := chi.NewRouter()
	door.Register(humachi.New(router, config))
	router.Handle(handover.Path, door)
	web := httptest.NewServer(router)
	defer web.Close()
	post := func(path, media, body string) (int, string) {
		t.Helper()
		res, err := http.Post(web.URL+path, media, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(raw)
	}
	const kept = `{"bundle":{"resourceType":"Bundle","type":"collection","id":"CANARY"},"language":"de"}`
	give := func() (id, key string) {
		t.Helper()
		status, body := post("/handover", "application/json", kept)
		var out struct{ URL string }
		if err := json.Unmarshal([]byte(body), &out); err != nil || status != 201 {
			t.Fatalf("%d %s", status, body)
		}
		rest, ok := strings.CutPrefix(out.URL, "https://cdss.example/case/new/handover#")
		id, key, _ = strings.Cut(rest, ".")
		if !ok || key == "" {
			t.Fatalf("address %s", out.URL)
		}
		return id, key
	}
	open := func(id, key string) (int, string) {
		return post("/handovers/"+id+"/open", "application/json", `{"key":"`+key+`"}`)
	}

	id, key := give()
	var sealed []byte
	if err := pool.QueryRow(t.Context(), `SELECT sealed FROM handover`).Scan(&sealed); err != nil || strings.Contains(string(sealed), "CANARY") {
		t.Errorf("what is kept is readable: %v", err)
	}
	if status, _ := open(id, strings.Repeat("A", 43)); status != 404 {
		t.Errorf("a wrong key: %d", status)
	}
	if status, body := open(id, key); status != 200 || body != kept {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := open(id, key); status != 404 {
		t.Errorf("a second time: %d", status)
	}
	id, key = give()
	passed.Store(301)
	if status, _ := open(id, key); status != 404 {
		t.Errorf("too late: %d", status)
	}
	passed.Store(0)

	for _, c := range []struct {
		media, body string
		status      int
	}{
		{"text/plain", kept, 415},
		{"application/x-www-form-urlencoded", "bundle=x", 415},
		{"application/json", "", 400},
		{"application/json", "{", 400},
		{"application/json", "[]", 400},
		{"application/json", "{}", 400},
		{"application/json", `{"bundle":{},"bundle":{}}`, 400},
		{"application/json", `{"bundle":{},"asOf":"2020-01-01"}`, 422},
		{"application/json", `{"bundle":"` + strings.Repeat("x", handover.MaxBody) + `"}`, 413},
	} {
		if status, body := post("/handover", c.media, c.body); status != c.status {
			t.Errorf("%s %.40s answered %d %s, want %d", c.media, c.body, status, body, c.status)
		}
	}
	if res, err := http.Get(web.URL + "/handover"); err != nil || res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %v %v", res, err)
	}
	for _, id := range []string{"x", "00000000-0000-0000-0000-000000000000"} {
		if status, _ := open(id, key); status != 404 {
			t.Errorf("%s: %d", id, status)
		}
	}
}

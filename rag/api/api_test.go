package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/answer"
	"cdss/rag/api"
	"cdss/rag/ingest"
	"cdss/rag/lab"
	"cdss/rag/store"
)

type known []string

func (k known) Known(code string) bool {
	for _, x := range k {
		if x == code {
			return true
		}
	}
	return false
}

// builder shows what a structured request became.
type builder struct{}

func (builder) Build(req rag.Request, language string) rag.Query {
	return rag.Query{Text: strings.TrimSpace(req.Indication + " " + req.FreeText)}
}

type server struct {
	*httptest.Server
	service *ingest.Service
	api     huma.API
}

func serve(t *testing.T) server {
	t.Helper()
	pool := dbtest.New(t)
	tasks := task.New(pool, task.Config{Poll: 20 * time.Millisecond, Backoff: time.Millisecond})
	s := ingest.New(ingest.Config{Store: store.New(pool, nil), Tasks: tasks})
	kept := lab.New(lab.Config{Store: store.New(pool, nil), Search: s, Tasks: tasks, Program: "test"})
	ctx, cancel := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { _ = tasks.Run(ctx) })
	router := chi.NewRouter()
	config := huma.DefaultConfig("test", "1")
	config.DocsPath = ""
	door := humachi.New(router, config)
	api.Register(door, api.Deps{Guidelines: s, Lab: kept, Answers: answer.New(answer.Config{Search: s}), Builder: builder{}, Indications: known{"sepsis", "pneumonia"}})
	web := httptest.NewServer(router)
	t.Cleanup(func() { web.Close(); cancel(); worker.Wait() })
	return server{web, s, door}
}

// call gives the status and the decoded body.
func (s server) call(t *testing.T, method, path, media string, body io.Reader) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &decoded); err != nil {
			t.Fatalf("%s %s answered %d %.200s", method, path, res.StatusCode, raw)
		}
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode >= 400 && got != "application/problem+json" {
		t.Errorf("%s %s: an error of type %q", method, path, got)
	}
	return res.StatusCode, decoded
}

func (s server) json(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	return s.call(t, method, path, "application/json", strings.NewReader(body))
}

type part struct{ name, file, value string }

func form(t *testing.T, parts ...part) (string, io.Reader) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		var (
			out io.Writer
			err error
		)
		if p.file != "" {
			out, err = w.CreateFormFile(p.name, p.file)
		} else {
			out, err = w.CreateFormField(p.name)
		}
		if err == nil {
			_, err = io.WriteString(out, p.value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &buf
}

func (s server) upload(t *testing.T, parts ...part) (int, map[string]any) {
	t.Helper()
	media, body := form(t, parts...)
	return s.call(t, http.MethodPost, "/guidelines", media, body)
}

const hygiene = `# Hand hygiene on the ward

Hands are disinfected before and after contact with each patient.

Page 1 of 2

## How

Both hands stay wet with disinfectant for the whole time that its label states.

Page 2 of 2
`

func TestGuidelineByHTTP(t *testing.T) {
	s := serve(t)
	parts := []part{
		{name: "indications", value: "sepsis, pneumonia"}, {name: "file", file: "hygiene.md", value: hygiene},
		{name: "identifier", value: "hyg-1"}, {name: "title", value: "Hygiene"}, {name: "version", value: "3"},
		{name: "validUntil", value: "2020-01-31"}, {name: "language", value: "en"},
	}
	status, v := s.upload(t, parts...)
	if status != http.StatusAccepted {
		t.Fatalf("upload answered %d %v", status, v)
	}
	id := v["id"].(string)
	if status, again := s.upload(t, parts...); status != http.StatusOK || again["id"] != id {
		t.Errorf("the same upload answered %d %v", status, again["id"])
	}
	if err := s.service.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	status, v = s.json(t, http.MethodGet, "/guidelines/"+id, "")
	for _, moving := range []string{"createdAt", "$schema"} {
		delete(v, moving)
	}
	want := map[string]any{
		"id": id, "identifier": "hyg-1", "title": "Hygiene", "version": "3", "publisher": "", "language": "en", "validUntil": "2020-01-31",
		"expired": true, "status": "draft", "partOf": "", "sameAs": "", "indications": []any{"sepsis", "pneumonia"}, "passages": 2.0, "pages": 2.0,
		"format": "markdown", "fileName": "hygiene.md", "size": float64(len(hygiene)), "sha256": v["sha256"], "approvedAt": nil, "complete": true,
		"uploadedBy": "", "approvedBy": "", "flagged": 0.0,
		"job": map[string]any{"state": "done", "stage": "index", "done": 2.0, "total": 2.0, "message": "", "messageDe": "", "reason": ""},
	}
	if diff := cmp.Diff(want, v); status != http.StatusOK || diff != "" {
		t.Errorf("answered %d\n%s", status, diff)
	}

	if status, v := s.json(t, http.MethodPost, "/guidelines/"+id+"/retire", ""); status != http.StatusConflict || v["code"] != "conflict" {
		t.Errorf("retiring a draft answered %d %v", status, v)
	}
	if status, v := s.json(t, http.MethodPost, "/guidelines/"+id+"/approve", ""); status != http.StatusOK || v["status"] != "active" || v["approvedAt"] == nil {
		t.Errorf("approve answered %d %v", status, v)
	}
	if n := s.service.Snapshot().Len(); n != 2 {
		t.Errorf("searches run on %d passages", n)
	}
	if status, v := s.json(t, http.MethodGet, "/guidelines", ""); status != http.StatusOK || len(v["guidelines"].([]any)) != 1 {
		t.Errorf("list answered %d %v", status, v)
	}
	status, v = s.json(t, http.MethodGet, "/guidelines/"+id+"/passages?q=wet&page=2&limit=1", "")
	if status != http.StatusOK || v["total"] != 1.0 {
		t.Fatalf("passages answered %d %v", status, v)
	}
	passage := v["passages"].([]any)[0].(map[string]any)
	if passage["page"] != 2.0 || passage["kind"] != "text" || !strings.Contains(passage["quoted"].(string), "Both hands stay wet") || passage["indexed"] != nil {
		t.Errorf("the passage is %v", passage)
	}
	status, v = s.json(t, http.MethodGet, "/guidelines/"+id+"/source", "")
	if pages := v["pages"].([]any); status != http.StatusOK || v["format"] != "markdown" || len(pages) != 2 || pages[0].(map[string]any)["page"] != 1.0 {
		t.Errorf("source answered %d %v", status, v)
	}
	if status, _ := s.json(t, http.MethodDelete, "/guidelines/"+id, ""); status != http.StatusNoContent || s.service.Snapshot().Len() != 0 {
		t.Errorf("delete answered %d", status)
	}
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, ""}, {http.MethodDelete, ""}, {http.MethodGet, "/passages"}, {http.MethodGet, "/source"}, {http.MethodPost, "/approve"}, {http.MethodPost, "/retire"},
	} {
		if status, v := s.json(t, call.method, "/guidelines/"+id+call.path, ""); status != http.StatusNotFound || v["code"] != "not-found" {
			t.Errorf("%s %s of what was deleted answered %d %v", call.method, call.path, status, v)
		}
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	s := serve(t)
	file := part{name: "file", file: "a.md", value: hygiene}
	for _, tt := range []struct {
		name   string
		parts  []part
		status int
		code   string
	}{
		{"no file", []part{{name: "title", value: "x"}}, 400, "required"},
		{"two files", []part{file, file}, 400, "invalid"},
		{"unknown indication", []part{file, {name: "indications", value: "sepsis,flu"}}, 422, "code-invalid"},
		{"unknown field", []part{file, {name: "status", value: "active"}}, 422, "not-supported"},
		{"a novel as title", []part{file, {name: "title", value: strings.Repeat("x", 9000)}}, 413, "too-long"},
		{"binary named md", []part{{name: "file", file: "a.md", value: "\x89PNG\r\n\x1a\n\x00\x00"}}, 422, "not-supported"},
		{"empty", []part{{name: "file", file: "a.md"}}, 400, "invalid"},
		{"no date", []part{file, {name: "validUntil", value: "next year"}}, 422, "value"},
		{"language", []part{file, {name: "language", value: "fr"}}, 422, "value"},
		{"endless fields", slicesRepeat(part{name: "title", value: "x"}, 70), 413, "too-long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, v := s.upload(t, tt.parts...)
			if status != tt.status || v["code"] != tt.code || v["detail"] == "" {
				t.Errorf("answered %d %.300v", status, v)
			}
		})
	}
	media, body := form(t, file)
	whole, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		media, body string
		status      int
	}{
		"JSON":             {"application/json", "{}", 415},
		"no media type":    {"", "", 415},
		"no boundary":      {"multipart/form-data", string(whole), 415},
		"another boundary": {"multipart/form-data; boundary=x", string(whole), 400},
		"cut off":          {media, string(whole[:len(whole)/2]), 400},
		"nothing":          {media, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			if status, v := s.call(t, http.MethodPost, "/guidelines", tt.media, strings.NewReader(tt.body)); status != tt.status {
				t.Errorf("answered %d %.300v", status, v)
			}
		})
	}
	if list, err := s.service.Versions(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%d versions were kept, %v", len(list), err)
	}
}

func slicesRepeat(p part, n int) []part {
	list := make([]part, n)
	for i := range list {
		list[i] = p
	}
	return list
}

// flood is a body without end that counts what is taken of it.
type flood struct {
	head  io.Reader
	taken int64
	limit int64
}

func (f *flood) Read(p []byte) (int, error) {
	if n, err := f.head.Read(p); err == nil {
		return n, nil
	}
	if f.taken >= f.limit {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'a'
	}
	f.taken += int64(len(p))
	return len(p), nil
}

func TestLargeUploadIsCutShort(t *testing.T) {
	s := serve(t)
	body := &flood{limit: 200 << 20, head: strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n")}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/guidelines", body)
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	rec := httptest.NewRecorder()
	s.api.Adapter().ServeHTTP(rec, req)
	if rec.Code != http.StatusRequestEntityTooLarge || !strings.Contains(rec.Body.String(), "50 MiB") {
		t.Errorf("answered %d %.300s", rec.Code, rec.Body.String())
	}
	if body.taken > 52<<20 {
		t.Errorf("%d bytes were read", body.taken)
	}
	// A form that says how long it is need not be read at all.
	told := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/guidelines", &flood{limit: 1, head: strings.NewReader("")})
	told.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	told.Header.Set("Content-Length", "200000000")
	rec = httptest.NewRecorder()
	s.api.Adapter().ServeHTTP(rec, told)
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d %.300s", rec.Code, rec.Body.String())
	}
	// The slot for large uploads is free again, also when the client goes away.
	for range 4 {
		body := &flood{limit: 3 << 20, head: strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n")}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/guidelines", body)
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		rec := httptest.NewRecorder()
		s.api.Adapter().ServeHTTP(rec, req)
		if rec.Code != http.StatusBadRequest {
			t.Errorf("a large upload that breaks off answered %d %.300s", rec.Code, rec.Body.String())
		}
	}
}

func TestSearchRequests(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		name, body string
		status     int
		text       string // of the query that was run
	}{
		{"words", `{"query":" Hände ","language":"de"}`, 200, "Hände"},
		{"request", `{"request":{"indication":"sepsis","severity":"severe","riskFactors":[],"maxOptions":3},"k":5}`, 200, "sepsis"},
		{"both", `{"query":"rings","request":{"indication":"sepsis","freeText":"x"}}`, 200, "sepsis rings"},
		{"neither", `{}`, 400, ""},
		{"blank", `{"query":"  "}`, 400, ""},
		{"empty request", `{"request":{}}`, 400, ""},
		{"unknown indication", `{"request":{"indication":"flu"}}`, 422, ""},
		{"k", `{"query":"x","k":101}`, 422, ""},
		{"language", `{"query":"x","language":"fr"}`, 422, ""},
		{"unknown member", `{"query":"x","patient":"1"}`, 422, ""},
		{"a book", `{"query":"` + strings.Repeat("x", 2001) + `"}`, 422, ""},
		{"NUL", `{"query":"a\u0000b"}`, 200, "a\x00b"},
		{"no JSON", `{"query"`, 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/search", strings.NewReader(tt.body))
			req.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			s.api.Adapter().ServeHTTP(rec, req)
			if rec.Code != tt.status {
				t.Fatalf("answered %d %.300s", rec.Code, rec.Body.String())
			}
			var got api.SearchResponse
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if tt.status == 200 && (got.Query.Text != tt.text || got.Results == nil || got.Query.Terms == nil) {
				t.Errorf("ran %+v", got)
			}
		})
	}
}

func TestSearchFindsTheDemoGuideline(t *testing.T) {
	s := serve(t)
	for language, want := range map[string]string{"de": "keine Leitlinie aktiv", "en": "No guideline is active"} {
		status, v := s.json(t, http.MethodPost, "/search", `{"query":"Nierenfunktion","language":"`+language+`"}`)
		if reason, _ := v["reason"].(string); status != http.StatusOK || v["abstained"] != true || v["reasonCode"] != "no-documents" ||
			!strings.Contains(reason, want) || len(v["results"].([]any)) != 0 {
			t.Errorf("without a guideline, a search answered %d %v", status, v)
		}
	}
	if err := s.service.LoadDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		query, language, document, words string
		page                             float64
	}{
		{"Umstellung von intravenös auf oral", "de", "demo-house-guideline-de", "Umgestellt wird, wenn", 4},
		{"renal function", "en", "demo-house-guideline-en", "a current creatinine value", 2},
		{"Nierenfunktion", "de", "demo-house-guideline-de", "ein aktueller Kreatininwert", 2},
	} {
		t.Run(tt.query, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"query": tt.query, "language": tt.language, "k": 3})
			if err != nil {
				t.Fatal(err)
			}
			status, v := s.json(t, http.MethodPost, "/search", string(body))
			if status != http.StatusOK {
				t.Fatalf("answered %d %v", status, v)
			}
			found := false
			for i, each := range v["results"].([]any) {
				r := each.(map[string]any)
				if r["rank"] != float64(i+1) || r["expired"] != false || r["guideline"] == "" || len(r["parts"].(map[string]any)) == 0 || r["matched"] == nil {
					t.Errorf("result %d is %v", i, r)
				}
				found = found || r["document"] == tt.document && r["page"] == tt.page && strings.Contains(r["text"].(string), tt.words)
			}
			if n := len(v["results"].([]any)); !found || n > 3 {
				t.Errorf("not among %d results: %.600v", n, v["results"])
			}
		})
	}
}

func TestDatabaseDown(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/guidelines", nil)
	rec := httptest.NewRecorder()
	s.api.Adapter().ServeHTTP(rec, req)
	if rec.Code < 500 || strings.Contains(rec.Body.String(), "guideline_version") || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answered %d %.300s", rec.Code, rec.Body.String())
	}
}

func TestOpenAPI(t *testing.T) {
	s := serve(t)
	raw, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]any `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			media := ""
			for m := range op.RequestBody.Content {
				media = m
			}
			got[fmt.Sprint(method, " ", path)] = media
		}
	}
	want := map[string]string{
		"get /guidelines": "", "post /guidelines": "multipart/form-data", "get /guidelines/{id}": "", "delete /guidelines/{id}": "",
		"post /guidelines/{id}/approve": "", "post /guidelines/{id}/retire": "", "get /guidelines/{id}/passages": "",
		"get /guidelines/{id}/source": "", "post /search": "application/json",
		"get /guidelines/{id}/file": "", "get /guidelines/{id}/used-by": "", "get /guidelines/{id}/versions": "",
		"get /guidelines/{id}/versions/{version}/difference": "", "get /guidelines/{id}/versions/{version}/pages": "",
		"get /guidelines/{id}/versions/{version}/pages/{n}": "", "get /guidelines/{id}/versions/{version}/pages/{n}/image": "",
		"post /guidelines/locate": "application/json", "put /guidelines/{id}/passages/{passage}": "application/json",
		"post /answers": "application/json", "get /outbound": "",
		"get /query-sets": "", "post /query-sets": "application/json", "get /query-sets/{id}": "", "put /query-sets/{id}": "application/json",
		"delete /query-sets/{id}": "", "post /query-sets/{id}/runs": "", "get /query-sets/{id}/runs": "", "get /query-sets/{id}/runs/{run}": "",
		"get /query-sets/{id}/runs/{run}/comparison": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

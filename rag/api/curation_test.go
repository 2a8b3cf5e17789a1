package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"cdss/fhir/smart"
	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/api"
	"cdss/rag/ingest"
	"cdss/rag/parse/child"
	"cdss/rag/parse/pdftest"
	"cdss/rag/store"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "extract" {
		if err := child.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// curated is a server that reads PDF and knows who asks by a header of this test.
func curated(t *testing.T, citing ...ingest.Citing) server {
	t.Helper()
	pool := dbtest.New(t)
	tasks := task.New(pool, task.Config{Poll: 20 * time.Millisecond, Backoff: time.Millisecond})
	s := ingest.New(ingest.Config{Store: store.New(pool, nil), Tasks: tasks,
		Reader: child.New(os.Args[0], []string{"extract"}, pdftest.Cache(), nil)})
	ctx, cancel := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { _ = tasks.Run(ctx) })
	router := chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if id := r.Header.Get("X-Test-Person"); id != "" {
				r = r.WithContext(smart.WithPerson(r.Context(), smart.Person{ID: id, Roles: smart.Roles()}))
			}
			next.ServeHTTP(w, r)
		})
	})
	config := huma.DefaultConfig("test", "1")
	config.DocsPath = ""
	door := humachi.New(router, config)
	api.Register(door, api.Deps{Guidelines: s, Builder: builder{}, Indications: known{}, Citing: func() []ingest.Citing { return citing }})
	web := httptest.NewServer(router)
	t.Cleanup(func() { web.Close(); cancel(); worker.Wait() })
	return server{web, s, door}
}

// as asks as a person.
func (s server) as(t *testing.T, person, method, path, body string) (int, *http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Test-Person", person)
	return s.do(t, req)
}

func (s server) do(t *testing.T, req *http.Request) (int, *http.Response, []byte) {
	t.Helper()
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res, raw
}

// bring uploads as a person and waits until the version is read.
func (s server) bring(t *testing.T, person, name, version string, data []byte) string {
	t.Helper()
	media, body := form(t, part{"file", name, string(data)}, part{name: "identifier", value: "guide"}, part{name: "version", value: version}, part{name: "language", value: "de"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/guidelines", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("X-Test-Person", person)
	status, res, raw := s.do(t, req)
	if status != http.StatusAccepted {
		t.Fatalf("the upload answered %d %s", status, raw)
	}
	id := strings.TrimPrefix(res.Header.Get("Location"), "/api/guidelines/")
	if err := s.service.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return id
}

// edition is a guideline of two pages; the second edition moves the dose to page 3.
func edition(second bool) []byte {
	d := &pdftest.Document{Title: "Leitfaden"}
	p := d.Page()
	p.Text(60, 90, pdftest.Bold, 16, "Leitfaden Testfieber")
	p.Paragraph(60, 130, "Das Testfieber wird auf der Station nach diesem Leitfaden behandelt.", "Jede Abweichung davon ist zu begründen und zu dokumentieren.")
	if second {
		p := d.Page()
		p.Text(60, 90, pdftest.Bold, 13, "1 Vorwort zur zweiten Auflage")
		p.Paragraph(60, 120, "Diese Auflage ordnet die Kapitel neu und ergänzt ein Vorwort.", "Die Dosierung ist die alte geblieben.")
	}
	p = d.Page()
	p.Text(60, 90, pdftest.Bold, 13, "2 Dosierung")
	p.Paragraph(60, 120, "Testcillin wird mit 3 x 2 g pro Tag intravenös gegeben, sieben Tage lang.", "Bei Niereninsuffizienz ist die Gabe anzupassen.")
	if second {
		p.Text(60, 300, pdftest.Bold, 13, "3 Neues")
		p.Paragraph(60, 330, "Probomycin ist nach der neuen Auflage keine Alternative mehr.", "Es bleibt der Mikrobiologie vorbehalten.")
	}
	return d.Bytes()
}

func TestCurationOfAPDF(t *testing.T) {
	s := curated(t, ingest.Citing{Rule: "http://rules/fever", Title: "Fever", At: rag.Locator{Document: "guide", Page: 2, Terms: []string{"Testcillin", "2 g"}}},
		ingest.Citing{Rule: "http://rules/gone", Title: "Gone", At: rag.Locator{Document: "guide", Page: 9, Terms: []string{"Nichts"}}})
	first := s.bring(t, "anna", "one.pdf", "1", edition(false))

	// Four eyes.
	if status, _, raw := s.as(t, "anna", http.MethodPost, "/guidelines/"+first+"/approve", ""); status != http.StatusForbidden {
		t.Errorf("the uploader's own approval answered %d %s", status, raw)
	}
	if status, _, raw := s.as(t, "bert", http.MethodPost, "/guidelines/"+first+"/approve", ""); status != http.StatusOK || !bytes.Contains(raw, []byte(`"uploadedBy":"anna"`)) || !bytes.Contains(raw, []byte(`"approvedBy":"bert"`)) {
		t.Fatalf("another person's approval answered %d %s", status, raw)
	}

	// A page with its passages and boxes, and its image.
	status, page := s.json(t, http.MethodGet, "/guidelines/guide/versions/"+first+"/pages/2", "")
	if status != http.StatusOK {
		t.Fatalf("the page answered %d", status)
	}
	passages := page["passages"].([]any)
	dose := passages[0].(map[string]any)
	if len(passages) != 1 || len(dose["boxes"].([]any)) != 3 || page["width"] != 595.0 || page["page"] != 2.0 {
		t.Errorf("the page is %v", page)
	}
	if status, res, raw := s.as(t, "", http.MethodGet, "/guidelines/guide/versions/"+first+"/pages/2/image?width=400", ""); status != http.StatusOK ||
		res.Header.Get("Content-Type") != "image/png" || !bytes.HasPrefix(raw, []byte("\x89PNG")) {
		t.Errorf("the image answered %d %s", status, res.Header)
	}
	for _, path := range []string{"/guidelines/guide/versions/" + first + "/pages/7/image", "/guidelines/guide/versions/" + first + "/pages/7", "/guidelines/other/versions/" + first + "/pages",
		"/guidelines/guide/versions/00000000-0000-0000-0000-000000000000/pages"} {
		if status, _ := s.json(t, http.MethodGet, path, ""); status != http.StatusNotFound {
			t.Errorf("%s answered %d", path, status)
		}
	}

	// The quotation of a citation is found where it is printed.
	quote := "Testcillin wird mit 3 x 2 g pro Tag intravenös gegeben"
	status, place := s.json(t, http.MethodPost, "/guidelines/locate", `{"document":"guide","quote":"`+quote+`"}`)
	if status != http.StatusOK || place["sheet"] != 2.0 || len(place["boxes"].([]any)) != 1 {
		t.Fatalf("the quotation is at %d %v", status, place)
	}
	if text := []rune(place["text"].(string)); string(text[int(place["start"].(float64)):int(place["end"].(float64))]) != quote {
		t.Errorf("start and end do not hold the quotation")
	}
	if status, _ := s.json(t, http.MethodPost, "/guidelines/locate", `{"document":"guide","quote":"Testcillin wird mit 4 x 2 g pro Tag"}`); status != http.StatusNotFound {
		t.Errorf("words that stand nowhere answered %d", status)
	}

	// The original comes as a file that no browser shows.
	if status, res, raw := s.as(t, "", http.MethodGet, "/guidelines/"+first+"/file", ""); status != http.StatusOK || !bytes.Equal(raw, edition(false)) ||
		!strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") ||
		res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the file answered %d %v", status, res.Header)
	}

	// Which rules cite it.
	_, used := s.json(t, http.MethodGet, "/guidelines/"+first+"/used-by", "")
	if c := used["citations"].([]any); len(c) != 2 || c[0].(map[string]any)["found"] != true || c[1].(map[string]any)["found"] != false {
		t.Errorf("used by %v", used)
	}

	// A disabled passage feeds no search, and its note stays.
	search := func() int {
		_, found := s.json(t, http.MethodPost, "/search", `{"query":"Testcillin Dosierung Niereninsuffizienz"}`)
		n := 0
		for _, r := range found["results"].([]any) {
			if strings.Contains(r.(map[string]any)["text"].(string), "3 x 2 g") {
				n++
			}
		}
		return n
	}
	if search() != 1 {
		t.Error("the dose is not found")
	}
	mark := "/guidelines/" + first + "/passages/" + dose["id"].(string)
	if status, v := s.json(t, http.MethodPut, mark, `{"disabled":true,"note":"falsche Dosis"}`); status != http.StatusOK || v["disabled"] != true || v["note"] != "falsche Dosis" {
		t.Fatalf("disabling answered %d %v", status, v)
	}
	if search() != 0 {
		t.Error("the disabled passage is found")
	}

	// A new edition inherits the mark where the words are the same, and says what
	// changed and what becomes of the rules.
	second := s.bring(t, "anna", "two.pdf", "2", edition(true))
	_, listed := s.json(t, http.MethodGet, "/guidelines/"+second+"/passages?q=3+x+2+g&boxes=true", "")
	moved := listed["passages"].([]any)[0].(map[string]any)
	if moved["disabled"] != true || moved["page"] != 3.0 || len(moved["boxes"].([]any)) != 3 {
		t.Errorf("in the new edition it is %v", moved)
	}
	for _, version := range []string{first, second} {
		_, l := s.json(t, http.MethodGet, "/guidelines/"+version+"/passages?q=3+x+2+g", "")
		id := l["passages"].([]any)[0].(map[string]any)["id"].(string)
		if status, _ := s.json(t, http.MethodPut, "/guidelines/"+version+"/passages/"+id, `{"disabled":false,"note":""}`); status != http.StatusOK {
			t.Errorf("enabling answered %d", status)
		}
	}
	status, diff := s.json(t, http.MethodGet, "/guidelines/guide/versions/"+second+"/difference?from="+first, "")
	if status != http.StatusOK || diff["same"] != 2.0 || len(diff["added"].([]any)) != 2 || len(diff["removed"].([]any)) != 0 {
		t.Errorf("the difference is %d %v", status, diff)
	}
	if c := diff["citations"].([]any); len(c) != 2 || c[0].(map[string]any)["state"] != "moved" || c[1].(map[string]any)["state"] != "unbound" {
		t.Errorf("the rules become %v", diff["citations"])
	}

	// Approved, the new edition takes the citation of the old page along.
	if status, _, raw := s.as(t, "bert", http.MethodPost, "/guidelines/"+second+"/approve", ""); status != http.StatusOK {
		t.Fatalf("approval answered %d %s", status, raw)
	}
	p, doc, ok := s.service.Snapshot().Resolve(rag.Locator{Document: "guide", Page: 2, Terms: []string{"Testcillin", "2 g"}})
	if !ok || doc.ID != second || p.Page != 3 || !strings.Contains(p.Quoted, "3 x 2 g") {
		t.Errorf("the rule's citation finds %v %+v in %s", ok, p, doc.ID)
	}
	if _, list := s.json(t, http.MethodGet, "/guidelines/"+first+"/versions", ""); len(list["guidelines"].([]any)) != 2 {
		t.Errorf("the versions are %v", list)
	}
}

// What cannot be used is refused in both languages, and nothing of it is kept.
func TestHostileUploads(t *testing.T) {
	s := curated(t)
	for _, f := range pdftest.Files() {
		t.Run(f.Name, func(t *testing.T) {
			status, v := s.upload(t, part{"file", f.Name, string(f.Data)}, part{name: "language", value: "en"})
			if status < 400 || status >= 500 {
				t.Fatalf("answered %d %v", status, v)
			}
			if v["detail"] == "" || v["detailDe"] == nil || v["reason"] == nil || f.Reason != "any" && v["reason"] != f.Reason {
				t.Errorf("the reason is %v", v)
			}
		})
	}
	if _, list := s.json(t, http.MethodGet, "/guidelines", ""); len(list["guidelines"].([]any)) != 0 {
		t.Errorf("something was kept: %v", list)
	}
}

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/conformance"
	"cdss/fhir/access"
	"cdss/fhir/client"
	"cdss/migrations/dbtest"
)

var update = flag.Bool("update", false, "write the expected cards anew")

// faults are what a FHIR server may do when it is asked for a type of resource. Each
// says whether it has answered.
var faults = []struct {
	name  string
	spoil func(w http.ResponseWriter, r *http.Request) bool
}{
	{"none", func(http.ResponseWriter, *http.Request) bool { return false }},
	{"slow", func(w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		return true
	}},
	{"401", status(401)},
	{"403", status(403)},
	{"404", status(404)},
	{"429", status(429)},
	{"500", status(500)},
	{"html", func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>Log in</body></html>")
		return true
	}},
	{"outcome", func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/fhir+json")
		fmt.Fprint(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}`)
		return true
	}},
	{"wrong-patient", func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/Patient/") {
			return page(w, `{"resourceType":"Patient","id":"somebody-else"}`)
		}
		typ := filepath.Base(r.URL.Path)
		return page(w, `{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"resource":{"resourceType":"`+typ+`","id":"x","status":"active",
			"subject":{"reference":"Patient/somebody-else"},"patient":{"reference":"Patient/somebody-else"}}}]}`)
	}},
	{"truncated", func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/Patient/") {
			return false
		}
		return page(w, `{"resourceType":"Bundle","type":"searchset","total":7,"entry":[]}`)
	}},
	{"next-page-elsewhere", func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/Patient/") {
			return false
		}
		return page(w, `{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"https://elsewhere.example/fhir?page=2"}]}`)
	}},
	{"cut-short", func(w http.ResponseWriter, r *http.Request) bool {
		return page(w, `{"resourceType":"Bundle","type":"searchset","entry":[`)
	}},
	{"two-pages", nil}, // below: nothing is wrong with them
}

func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

func page(w http.ResponseWriter, body string) bool {
	w.Header().Set("Content-Type", "application/fhir+json")
	fmt.Fprint(w, body)
	return true
}

// twoPages gives the first answer of a type as a page of its own, empty, with the
// rest behind it.
func twoPages(w http.ResponseWriter, r *http.Request) bool {
	if strings.Contains(r.URL.Path, "/Patient/") || r.URL.Query().Has("page") {
		return false
	}
	next := "http://" + r.Host + r.URL.RequestURI() + "&page=2"
	return page(w, `{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"`+next+`"}],"entry":[]}`)
}

// TestFaultsOfTheFHIRServer: whatever the server does when it is asked for the
// allergies, or for anything, the answer has exactly these cards: never silence
// where a warning would be due, and never a card from data that could not be read.
func TestFaultsOfTheFHIRServer(t *testing.T) {
	dsn := dbtest.DSN(t)
	open := demo(t)
	call, prefetch := open.example("cap-penicillin-anaphylaxis", "order-sign")
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	p := startWithin(t, 2*time.Second, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	allow, err := client.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	store := access.NewStore(pool, nil)
	for _, fault := range faults {
		for _, of := range []string{"AllergyIntolerance", ""} {
			name := fault.name + "-everywhere"
			if of != "" {
				name = fault.name + "-allergies"
			}
			t.Run(name, func(t *testing.T) {
				spoil := fault.spoil
				if spoil == nil {
					spoil = twoPages
				}
				s := newRecords(t, prefetch, func(w http.ResponseWriter, r *http.Request) bool {
					return strings.Contains(r.URL.Path, "/"+of) && spoil(w, r)
				})
				base, err := client.ParseBase(s.URL+"/fhir", true)
				if err != nil {
					t.Fatal(err)
				}
				if err := store.AddServer(t.Context(), access.Server{Name: name, Base: base, Allow: allow}, "", access.Options{PlainHTTP: true}); err != nil {
					t.Fatal(err)
				}
				p := &program{t: t, base: p.base}
				body := with(call, "prefetch", "", "fhirServer", `"`+s.URL+`/fhir"`)
				var code int
				var answer string
				p.until(func() bool {
					before := s.requests()
					code, _, answer = p.ask("POST", "/cds-services/abs-order-sign", body, "Accept-Language", "en")
					return s.requests() > before
				}, "the server is registered")
				got := shownCards(t, code, answer)
				if fault.name == "429" || fault.name == "500" {
					got = certain(got)
				}
				file := filepath.Join("testdata", "faults", name+".txt")
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// certain leaves out what depends on which of several requests was first: after a
// 429, or many a 500, the server is not asked for the rest.
func certain(shown string) string {
	var b strings.Builder
	for line := range strings.Lines(shown) {
		switch {
		case strings.HasPrefix(line, "service "):
			for _, reason := range []string{"a fault of the patient data system", "the patient data system is overloaded", "the patient data system is not asked for a while after faults"} {
				if strings.Contains(line, reason) {
					b.WriteString(reason + "\n")
				}
			}
		case len(line) == len("200\n"), strings.HasPrefix(line, "- **allergies**"):
			b.WriteString(line)
		}
	}
	return b.String()
}

// shownCards writes an answer as a reviewer reads it: of each card what it is and
// what can be done, of the one about what was not checked everything.
func shownCards(t *testing.T, code int, answer string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", code)
	if code != 200 {
		var o struct {
			Issue []struct{ Diagnostics string }
		}
		if err := json.Unmarshal([]byte(answer), &o); err != nil || len(o.Issue) == 0 {
			t.Fatalf("%v %s", err, answer)
		}
		fmt.Fprintln(&b, o.Issue[0].Diagnostics)
		return b.String()
	}
	for _, v := range conformance.Response([]byte(answer), []string{"MedicationRequest/example-draft-1"}) {
		t.Error(v)
	}
	var r cds.Response
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cards {
		fmt.Fprintf(&b, "%s [%s]: %s\n", c.Indicator, c.Source.Topic.Code, c.Summary)
		for _, s := range c.Suggestions {
			fmt.Fprintf(&b, "  %s:", s.Label)
			for _, a := range s.Actions {
				fmt.Fprintf(&b, " %s", a.Type)
			}
			b.WriteByte('\n')
		}
		if c.Source.Topic.Code == "cds-not-checked" {
			b.WriteString(c.Detail + "\n")
		}
	}
	return b.String()
}

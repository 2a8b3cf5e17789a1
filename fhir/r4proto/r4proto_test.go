package r4proto_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/r4proto"
)

func checker(t testing.TB) *r4proto.Checker {
	t.Helper()
	c, err := r4proto.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, s string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheck(t *testing.T) {
	c := checker(t)
	tests := []struct {
		name, in, severity, location, says string
	}{
		{"good", `{"resourceType":"ValueSet","status":"active","url":"http://x"}`, "", "", ""},
		{"unknown element", `{"resourceType":"Patient","nickname":"secret"}`, "error", "Patient", "unknown"},
		{"missing element", `{"resourceType":"ValueSet"}`, "error", "ValueSet", "required"},
		{"wrong code", `{"resourceType":"ValueSet","status":"secret"}`, "error", "ValueSet.status", ""},
		{"no date", `{"resourceType":"Patient","birthDate":"2023-02-30"}`, "error", "Patient.birthDate", ""},
		{"Parameters are never given to the protos", `{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Patient"}}]}`, "information", "", "Parameters"},
		{"nor inside a Bundle", `{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Parameters"}}]}`, "information", "", "Parameters"},
		{"nor null in a list", `{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}`, "information", "", "null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.Check(parse(t, tt.in))
			if tt.severity == "" {
				if len(got) != 0 {
					t.Errorf("got %v", got)
				}
				return
			}
			if len(got) == 0 || got[0].Severity != tt.severity || !strings.Contains(got[0].Diagnostics, tt.says) || !strings.HasPrefix(strings.Join(got[0].Expression, ""), tt.location) {
				t.Fatalf("got %v", got)
			}
			if strings.Contains(got[0].String(), "secret") {
				t.Errorf("names the value: %v", got)
			}
		})
	}
}

func TestNormalise(t *testing.T) {
	c := checker(t)
	r, err := c.Normalise(parse(t, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.500,"unit":"mg"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"code":{"text":"x"},"resourceType":"Observation","status":"final","valueQuantity":{"unit":"mg","value":1.500}}`
	if diff := cmp.Diff(want, string(r.Raw())); diff != "" {
		t.Error(diff)
	}
	parameters := parse(t, `{"resourceType":"Parameters","id":"p"}`)
	if got, err := c.Normalise(parameters); err != nil || got != parameters {
		t.Errorf("Parameters come back as they are: %v %v", got, err)
	}
	if _, err := c.Normalise(parse(t, `{"resourceType":"ValueSet"}`)); issue.Status(err) != 400 {
		t.Errorf("got %v", err)
	}
}

// TestDepth: the protos need 3.4 s for 4,000 levels; the limit of package fhir
// keeps such a body out, and what it lets through is read at once.
func TestDepth(t *testing.T) {
	c := checker(t)
	deep := func(n int) string {
		return `{"resourceType":"QuestionnaireResponse","status":"completed"` + strings.Repeat(`,"item":[{"linkId":"1"`, n) + strings.Repeat("}]", n) + "}"
	}
	if _, err := fhir.ParseResource([]byte(deep(4000))); issue.KindOf(err) != issue.Structure {
		t.Errorf("got %v", err)
	}
	// Each item is two levels of JSON; more depth than a scan with the usual
	// limits lets through must not reach the protos.
	r, err := fhir.ParseResourceWithin([]byte(deep(400)), fhir.Limits{Depth: 2000})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got := c.Check(r)
	if len(got) != 1 || !strings.Contains(got[0].Diagnostics, "deeper") {
		t.Errorf("got %v after %v", got, time.Since(start))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := c.Check(parse(t, deep(31))); len(got) != 0 {
				t.Errorf("31 items deep: %v", got)
			}
		})
	}
	wg.Wait()
}

// TestExamples gives the official examples to the protos. Those they reject are
// known by name.
func TestExamples(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "fhir-examples", "*.json"))
	if len(files) == 0 {
		t.Skip("reference data fhir-examples is absent; set REFERENCE_DATA_DIR")
	}
	c := checker(t)
	rejected := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(raw) || strings.HasSuffix(file, "manifest.json") {
			continue
		}
		r := parse(t, string(raw))
		if got := c.Check(r); len(got) > 0 && got[0].Severity == issue.SeverityError {
			rejected++
			t.Logf("%s: %v", filepath.Base(file), got[0])
			continue
		}
		if _, err := c.Normalise(r); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	if rejected > 2 {
		t.Errorf("%d of %d examples are rejected", rejected, len(files))
	}
}

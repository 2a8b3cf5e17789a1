package fhir_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
)

func TestSplitBundle(t *testing.T) {
	b, err := fhir.SplitBundle(mustParse(t, `{"resourceType":"Bundle","type":"searchset","total":9,
	  "link":[{"relation":"self","url":"a"},{"relation":"next","url":"https://ehr.example/fhir?page=2"}],
	  "entry":[
	    {"fullUrl":"https://ehr.example/fhir/Patient/1","resource": {"resourceType":"Patient" , "id":"1"} ,"search":{"mode":"match"}},
	    {"resource":{"id":"2"}},
	    {"fullUrl":"urn:uuid:7","resource":{"resourceType":"Observation","id":"2","subject":{"reference":"Patient/1"}},"search":{"mode":"include"}},
	    7,
	    {},
	    {"request":{"method":"DELETE","url":"Patient/3"}}
	  ]}`))
	if err != nil {
		t.Fatal(err)
	}
	if b.Type != "searchset" || b.Total != 9 || b.Next != "https://ehr.example/fhir?page=2" || len(b.Entries) != 6 {
		t.Fatalf("got %+v", b)
	}
	var got []string
	for _, e := range b.Entries {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%v", e.FullURL, e.Resource.Ref(), e.SearchMode, e.Request.Get("method"), e.Err))
	}
	want := []string{
		"https://ehr.example/fhir/Patient/1|Patient/1|match||<nil>",
		"||||Bundle.entry[1].resource.resourceType: read resource: resourceType is missing (invalid)",
		"urn:uuid:7|Observation/2|include||<nil>",
		"||||Bundle.entry[3]: split Bundle: the entry is no object (structure)",
		"||||Bundle.entry[4]: split Bundle: the entry holds no resource (required)",
		"|||DELETE|<nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if raw := string(b.Entries[0].Resource.Raw()); raw != `{"resourceType":"Patient" , "id":"1"}` {
		t.Errorf("entry is not byte-identical: %s", raw)
	}
	for ref, want := range map[string]string{
		"Patient/1": "Patient/1", "https://ehr.example/fhir/Patient/1": "Patient/1", "urn:uuid:7": "Observation/2",
		"Patient/2": "", "#a": "", "": "",
	} {
		if got := b.Resolve(ref, "https://ehr.example/fhir/Observation/2").Ref(); got != want {
			t.Errorf("Resolve(%q) = %q, want %q", ref, got, want)
		}
	}
}

func TestSplitBundleRefuses(t *testing.T) {
	entries := strings.Repeat(`{"resource":{"resourceType":"Basic"}},`, 1000)
	tests := []struct {
		name, in string
		want     issue.Kind
	}{
		{"no Bundle", `{"resourceType":"Patient"}`, issue.Invalid},
		{"entry is an object", `{"resourceType":"Bundle","entry":{}}`, issue.Structure},
		{"1000 entries", `{"resourceType":"Bundle","entry":[` + strings.TrimSuffix(entries, ",") + `]}`, ""},
		{"1001 entries", `{"resourceType":"Bundle","entry":[` + entries + `{}]}`, issue.TooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := fhir.SplitBundle(mustParse(t, tt.in)); issue.KindOf(err) != tt.want {
				t.Errorf("got %v, want kind %q", err, tt.want)
			}
		})
	}
}

func TestObject(t *testing.T) {
	o := fhir.NewResource("Observation", "o1").
		Set("status", "final").
		Append("category", fhir.CodeableConcept{Text: "Labor <A&B>"}).
		Set("valueQuantity", fhir.Quantity{Value: decimal("2.10"), Unit: "mg/dL", System: fhir.UCUM, Code: "mg/dL"}).
		Set("note", []*fhir.Object{}).
		Set("issued", "").
		Set("subject", fhir.Reference{}).
		Append("hasMember", []fhir.Reference{{Reference: "Observation/2"}}).
		Set("status", "amended")
	want := `{"resourceType":"Observation","id":"o1","status":"amended","category":[{"text":"Labor <A&B>"}],` +
		`"valueQuantity":{"value":2.10,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"hasMember":[{"reference":"Observation/2"}]}`
	if diff := cmp.Diff(want, string(o.JSON())); diff != "" {
		t.Error(diff)
	}
	odd := "a\x00\x1f\xff\"\\\n\t\u2028é"
	var back string
	if err := json.Unmarshal(fhir.NewObject().Set("x", odd).JSON()[5:], new(any)); err == nil {
		t.Error("the probe of the test is wrong")
	}
	var m map[string]string
	if err := json.Unmarshal(fhir.NewObject().Set("x", odd).JSON(), &m); err != nil {
		t.Fatal(err)
	}
	back = m["x"]
	if want := "a\ufffd\x1f\ufffd\"\\\n\t\u2028é"; back != want {
		t.Errorf("got %q, want %q", back, want)
	}
}

func TestChangedResourceKeepsTheRest(t *testing.T) {
	r := mustParse(t, `{"resourceType":"Patient","id":"1","birthDate":"1970","_birthDate":{"id":"b"},"given":["a", null],"_given":[null,{"id":"x"}],"weight":1.500}`)
	got := string(r.Root().Object().Set("id", "2").Remove("weight").Append("given", "c").JSON())
	want := `{"resourceType":"Patient","id":"2","birthDate":"1970","_birthDate":{"id":"b"},"given":["a",null,"c"],"_given":[null,{"id":"x"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestExamplesRoundTrip reads the official examples and rebuilds each from its
// tree: nothing may be lost.
func TestExamplesRoundTrip(t *testing.T) {
	files := referenceFiles(t, "fhir-examples", "*.json")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		r, err := fhir.ParseResource(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(r.Raw()) != string(raw) {
			t.Errorf("%s is not byte-identical", name)
		}
		if diff := cmp.Diff(generic(t, raw), generic(t, r.Root().Object().JSON())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got, want := leaves(r.Root()), strings.Count(string(raw), `"resourceType"`); got < want {
			t.Errorf("%s: the tree has %d values, fewer than its %d resources", name, got, want)
		}
	}
	t.Logf("%d examples", len(files))
}

func leaves(n *fhir.Node) int {
	count := 0
	if n.HasValue() {
		count++
	}
	for _, k := range n.All() {
		count += leaves(k)
	}
	return count
}

func generic(t *testing.T, raw []byte) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// referenceFiles finds files of the reference data, or skips where the folder
// is not present.
func referenceFiles(t testing.TB, folder, pattern string) []string {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, folder, pattern))
	if len(files) == 0 {
		t.Skipf("reference data %s is absent; set REFERENCE_DATA_DIR", folder)
	}
	return files
}

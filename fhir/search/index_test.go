package search_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/search"
)

func index(t testing.TB, text string) search.Index {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x, err := search.IndexOf(t.Context(), r, "http://cds.example/fhir")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func only[T any](list []T, keep func(T) bool) []T {
	var out []T
	for _, e := range list {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

const plan = `{"resourceType":"PlanDefinition","id":"p","meta":{"tag":[{"system":"http://x/tag","code":"demo"}],"profile":["http://x/profile"]},
"url":"http://x/PlanDefinition/p","version":"1.0","status":"active","title":"Atemwege:  Pneumonie  bei Größe","date":"2024-02",
"topic":[{"coding":[{"system":"http://x/topic","code":"cap","display":"Lungenentzündung"}],"text":"Pneumonie, ambulant"}],
"effectivePeriod":{"start":"2024-01-01"},
"useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":18,"system":"http://unitsofmeasure.org","code":"a"}}}],
"relatedArtifact":[{"type":"depends-on","resource":"http://x/Library/l|2"},{"type":"citation","resource":"http://x/none"}],
"library":["http://x/Library/m"],
"action":[{"definitionCanonical":"http://x/ActivityDefinition/a"}]}`

func TestIndexOfAPlan(t *testing.T) {
	x := index(t, plan)
	wantTokens := []search.TokenEntry{
		{"_tag", "http://x/tag", "demo", ""},
		{"context-type", "", "age", ""},
		{"status", "http://hl7.org/fhir/publication-status", "active", ""},
		{"topic", "http://x/topic", "cap", "lungenentzundung"},
		{"topic", "", "", "pneumonie, ambulant"},
		{"version", "", "1.0", ""},
	}
	if diff := cmp.Diff(wantTokens, x.Tokens); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	wantStrings := []search.StringEntry{{"title", "Atemwege:  Pneumonie  bei Größe", "atemwege: pneumonie bei grosse"}}
	if diff := cmp.Diff(wantStrings, x.Strings); diff != "" {
		t.Errorf("strings (-want +got):\n%s", diff)
	}
	wantReferences := []search.ReferenceEntry{
		{Parameter: "definition", URL: "http://x/ActivityDefinition/a"},
		{Parameter: "depends-on", URL: "http://x/Library/l", Version: "2"},
		{Parameter: "depends-on", URL: "http://x/Library/m"},
	}
	if diff := cmp.Diff(wantReferences, x.References); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	wantDates := []search.DateEntry{
		{"date", day(2024, 2, 1), day(2024, 3, 1)},
		{"effective", day(2024, 1, 1), time.Time{}},
	}
	if diff := cmp.Diff(wantDates, x.Dates); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
	wantURIs := []search.URIEntry{{"_profile", "http://x/profile"}, {"url", "http://x/PlanDefinition/p"}}
	if diff := cmp.Diff(wantURIs, x.URIs); diff != "" {
		t.Errorf("uris (-want +got):\n%s", diff)
	}
	low := dec("18")
	base := dec("568036800") // 18 years of 365.25 days in seconds
	wantNumbers := []search.NumberEntry{{Parameter: "context-quantity", Low: &low, System: fhir.UCUM, Code: "a", Dimension: "time1", BaseLow: &base}}
	if diff := cmp.Diff(wantNumbers, x.Numbers, decimals); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestIndexOfReferences(t *testing.T) {
	x := index(t, `{"resourceType":"Observation","contained":[{"resourceType":"Device","id":"d"}],
		"subject":{"reference":"http://cds.example/fhir/Patient/p1"},"device":{"reference":"#d"},
		"performer":[{"reference":"http://other/fhir/Practitioner/q","type":"Practitioner"},{"identifier":{"system":"http://x","value":"7"}},{"reference":"urn:uuid:0"}]}`)
	got := only(x.References, func(e search.ReferenceEntry) bool { return e.Parameter != "_" })
	want := []search.ReferenceEntry{
		{Parameter: "patient", Type: "Patient", ID: "p1"},
		{Parameter: "performer", Type: "Practitioner", URL: "http://other/fhir/Practitioner/q"},
		{Parameter: "performer", System: "http://x", Value: "7"},
		{Parameter: "performer", URL: "urn:uuid:0"},
		{Parameter: "subject", Type: "Patient", ID: "p1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

func TestIndexOfQuantities(t *testing.T) {
	x := index(t, `{"resourceType":"Observation","valueQuantity":{"value":1.5,"comparator":"<","unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}`)
	got := only(x.Numbers, func(e search.NumberEntry) bool { return e.Parameter == "value-quantity" })
	high, base := dec("1.5"), dec("15")
	want := []search.NumberEntry{{Parameter: "value-quantity", High: &high, System: fhir.UCUM, Code: "mg/dL", Unit: "mg/dl", Dimension: "length-3.mass1", BaseHigh: &base}}
	if len(got) == 1 {
		want[0].Dimension = got[0].Dimension // its spelling is the unit's own
		if got[0].Dimension == "" {
			t.Error("a UCUM unit has no dimension")
		}
	}
	if diff := cmp.Diff(want, got, decimals); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

// A resource with faults is indexed as far as it goes.
func TestIndexOfOddResources(t *testing.T) {
	x := index(t, `{"resourceType":"Patient","birthDate":"1970-02-30","name":[{"family":{"a":1},"given":["Eva"]},7],"gender":["female","male"],"active":"yes",
		"telecom":[{"system":"phone"}],"deceasedBoolean":true,"generalPractitioner":[{"reference":"Practitioner/../../etc"}]}`)
	if len(x.Dates) != 0 || len(x.References) != 1 || x.References[0].ID != "" {
		t.Errorf("index %+v", x)
	}
	given := only(x.Strings, func(e search.StringEntry) bool { return e.Parameter == "given" })
	if len(given) != 1 || given[0].Exact != "Eva" {
		t.Errorf("given %+v", given)
	}
}

func TestLongValuesAreCutAlike(t *testing.T) {
	long := strings.Repeat("ä", 3000)
	x := index(t, `{"resourceType":"PlanDefinition","url":"`+long+`","title":"`+long+`","identifier":[{"value":"`+long+`"}]}`)
	if got := x.URIs[0].Value; got != search.Key(long) || len(got) > 512 || !strings.HasPrefix(long, got) {
		t.Errorf("url of %d bytes", len(got))
	}
	for _, e := range x.Tokens {
		if len(e.Code) > 512 || strings.ToValidUTF8(e.Code, "") != e.Code {
			t.Errorf("code of %d bytes", len(e.Code))
		}
	}
}

func TestParametersOfEveryTypeCanBeRead(t *testing.T) {
	types := search.Types()
	if len(types) != 146 {
		t.Errorf("%d types, R4 has 146", len(types))
	}
	for _, typ := range types {
		if x := index(t, `{"resourceType":"`+typ+`","id":"x"}`); len(x.Problems) > 0 {
			t.Errorf("%s: %v", typ, x.Problems)
		}
		list := search.Parameters(typ)
		if !slices.IsSortedFunc(list, func(a, b search.Parameter) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s: parameters are not sorted", typ)
		}
		for i, p := range list {
			if i > 0 && list[i-1].Name == p.Name {
				t.Errorf("%s: %s stands twice", typ, p.Name)
			}
		}
	}
}

// examples are HL7's example resources of the reference data.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(dir, "fhir-examples", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "fhir-examples")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	list := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list[filepath.Base(file)] = raw
	}
	return list
}

func TestOfficialExamplesAreIndexed(t *testing.T) {
	entries := 0
	for name, raw := range examples(t) {
		x := index(t, string(raw))
		if len(x.Problems) > 0 {
			t.Errorf("%s: cannot be found by %v", name, x.Problems)
		}
		entries += len(x.Tokens) + len(x.Strings) + len(x.References) + len(x.Dates) + len(x.Numbers) + len(x.URIs)
	}
	if entries < 1000 {
		t.Errorf("all examples together have %d entries", entries)
	}
	t.Logf("%d entries", entries)
}

package translate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/translate"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

const hospital = `system;code;display;target_system;target_code;equivalence
https://kis.example/drug;4711;Pip/Taz 4,5 g;ATC;J01CR05;
https://kis.example/drug;4712;Fosfo + Cefta;atc;J01XX01;wider
https://kis.example/drug;4712;Fosfo + Cefta;atc;j01dd02;
https://kis.example/lab;KREA;Kreatinin;LOINC;2160-0;
http://fhir.de/CodeSystem/ifa/pzn;01234567;;http://fhir.de/CodeSystem/bfarm/atc;J01DH02;
https://kis.example/term;PEN-ALL;;snomed ct;91936005;equal
`

func table(t *testing.T, csv string) *translate.Table {
	t.Helper()
	m, err := translate.ReadCSV("hospital", []byte(csv))
	if err != nil {
		t.Fatal(err)
	}
	return translate.New([]*fhir.Resource{m})
}

func resource(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheMapIsAConceptMap: what CSV makes is valid FHIR, so that every client of the
// FHIR server can read it.
func TestTheMapIsAConceptMap(t *testing.T) {
	m, err := translate.ReadCSV("hospital", []byte(hospital))
	if err != nil {
		t.Fatal(err)
	}
	issues, err := validate.Resource(context.Background(), m, fhirpath.Env{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range issues {
		if i.Severity != "information" && i.Severity != "warning" {
			t.Errorf("%+v", i)
		}
	}
	if n := translate.New([]*fhir.Resource{m}).Len(); n != 5 {
		t.Errorf("%d codes are mapped, want 5", n)
	}
}

func TestCodingsAreAdded(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{
			"a local drug", `{"resourceType":"MedicationRequest","id":"m","medicationCodeableConcept":{"coding":[{"system":"https://kis.example/drug","code":"4711"}],"text":"x"},"status":"draft"}`,
			`{"resourceType":"MedicationRequest","id":"m","medicationCodeableConcept":{"coding":[{"system":"https://kis.example/drug","code":"4711"},{"system":"http://www.whocc.no/atc","code":"J01CR05"}],"text":"x"},"status":"draft"}`,
		},
		{
			"two substances", `{"resourceType":"Medication","code":{"coding":[{"system":"https://kis.example/drug","code":"4712"}]}}`,
			`{"resourceType":"Medication","code":{"coding":[{"system":"https://kis.example/drug","code":"4712"},{"system":"http://www.whocc.no/atc","code":"J01XX01"},{"system":"http://www.whocc.no/atc","code":"J01DD02"}]}}`,
		},
		{
			"a PZN under its object identifier", `{"resourceType":"Medication","code":{"coding":[{"system":"urn:oid:1.2.276.0.76.4.6","code":"01234567"}]}}`,
			`{"resourceType":"Medication","code":{"coding":[{"system":"urn:oid:1.2.276.0.76.4.6","code":"01234567"},{"system":"http://fhir.de/CodeSystem/ifa/pzn","code":"01234567"},{"system":"http://www.whocc.no/atc","code":"J01DH02"}]}}`,
		},
		{
			"contained, and in an array", `{"resourceType":"MedicationStatement","contained":[{"resourceType":"Medication","id":"c","ingredient":[{"itemCodeableConcept":{"coding":[{"system":"https:\/\/kis.example\/drug","code":"4711"}]}}]}],"_status":{"id":"s"},"status":"active"}`,
			`{"resourceType":"MedicationStatement","contained":[{"resourceType":"Medication","id":"c","ingredient":[{"itemCodeableConcept":{"coding":[{"system":"https:\/\/kis.example\/drug","code":"4711"},{"system":"http://www.whocc.no/atc","code":"J01CR05"}]}}]}],"_status":{"id":"s"},"status":"active"}`,
		},
		{
			"a component", `{"resourceType":"Observation","component":[{"code":{"text":"y"}},{"code":{"coding":[{"code":"KREA","system" : "https://kis.example/lab"}]},"valueQuantity":{"value":1.10}}]}`,
			`{"resourceType":"Observation","component":[{"code":{"text":"y"}},{"code":{"coding":[{"code":"KREA","system" : "https://kis.example/lab"},{"system":"http://loinc.org","code":"2160-0"}]},"valueQuantity":{"value":1.10}}]}`,
		},
		{
			"systems under another name", `{"resourceType":"Condition","code":{"coding":[{"system":"http://fhir.de/CodeSystem/dimdi/icd-10-gm","code":"J18.9","display":"Pneumonie"}]}}`,
			`{"resourceType":"Condition","code":{"coding":[{"system":"http://fhir.de/CodeSystem/dimdi/icd-10-gm","code":"J18.9","display":"Pneumonie"},{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9","display":"Pneumonie"}]}}`,
		},
		{
			"an OPS of before 2021", `{"resourceType":"Procedure","code":{"coding":[{"system":"http://fhir.de/CodeSystem/dimdi/ops","code":"8-854.2"}]}}`,
			`{"resourceType":"Procedure","code":{"coding":[{"system":"http://fhir.de/CodeSystem/dimdi/ops","code":"8-854.2"},{"system":"http://fhir.de/CodeSystem/bfarm/ops","code":"8-854.2"}]}}`,
		},
		{"a code of nobody's", `{"resourceType":"Medication","code":{"coding":[{"system":"https://kis.example/drug","code":"9"}]}}`, ""},
		{"a system of nobody's", `{"resourceType":"Medication","code":{"coding":[{"system":"https://other.example/drug","code":"4711"}]}}`, ""},
		{"known already", `{"resourceType":"Medication","code":{"coding":[{"system":"https://kis.example/drug","code":"4711"},{"system":"http://www.whocc.no/atc","code":"J01CR05"}]}}`, ""},
		{"an identifier is no code", `{"resourceType":"Patient","identifier":[{"system":"https://kis.example/drug","value":"4711"}]}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := resource(t, tc.in)
			got := table(t, hospital).Resource(r)
			if tc.want == "" {
				tc.want = tc.in
			}
			if diff := cmp.Diff(tc.want, string(got.Raw())); diff != "" {
				t.Error(diff)
			}
			if string(r.Raw()) != tc.in {
				t.Error("what came was changed")
			}
		})
	}
}

// TestWithoutAMap the other names of systems are known all the same.
func TestWithoutAMap(t *testing.T) {
	var none *translate.Table
	list := []*fhir.Resource{
		resource(t, `{"resourceType":"Patient","id":"p"}`),
		resource(t, `{"resourceType":"Observation","code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.1","code":"2160-0"}]}}`),
	}
	got := none.Resources(list)
	if got[0] != list[0] || !strings.Contains(string(got[1].Raw()), `"http://loinc.org"`) || strings.Contains(string(list[1].Raw()), "loinc.org") {
		t.Errorf("got %s, of %s", got[1].Raw(), list[1].Raw())
	}
}

// TestMapsThatAreNotUsed: of another state, to another system, or to something that
// means less.
func TestMapsThatAreNotUsed(t *testing.T) {
	m := func(status, target, equivalence string) *fhir.Resource {
		return resource(t, `{"resourceType":"ConceptMap","status":"`+status+`","group":[{"source":"https://kis.example/drug","target":"`+target+`",
			"element":[{"code":"1","target":[{"code":"J01CR05","equivalence":"`+equivalence+`"}]}]}]}`)
	}
	for name, r := range map[string]*fhir.Resource{
		"draft": m("draft", translate.ATC, "equal"), "retired": m("retired", translate.ATC, "equal"),
		"another system": m("active", "http://hl7.org/fhir/sid/ndc", "equal"), "narrower": m("active", translate.ATC, "narrower"),
		"inexact": m("active", translate.ATC, "inexact"), "unmatched": m("active", translate.ATC, "unmatched"),
	} {
		if n := translate.New([]*fhir.Resource{r}).Len(); n != 0 {
			t.Errorf("%s: %d codes are mapped", name, n)
		}
	}
	if n := translate.New([]*fhir.Resource{m("active", "http://fhir.de/CodeSystem/bfarm/atc", "wider")}).Len(); n != 1 {
		t.Error("a map to the German name of ATC is not used")
	}
}

func TestCSVThatIsRefused(t *testing.T) {
	head := "system,code,target_system,target_code\n"
	for name, tc := range map[string]struct{ csv, says string }{
		"empty":               {"", "no header"},
		"no code":             {head, "maps no code"},
		"a column missing":    {"system,code,target_code\n", "target_system is missing"},
		"no UTF-8":            {head + "https://a.example,\xe4,atc,J01CR05\n", "not UTF-8"},
		"no system":           {head + "kis,1,atc,J01CR05\n", "line 2: system must be the URL"},
		"no source code":      {head + "https://a.example,,atc,J01CR05\n", "line 2: code is missing"},
		"an unknown target":   {head + "https://a.example,1,pzn,J01CR05\n", "line 2: target_system"},
		"a group of ATC":      {head + "https://a.example,1,atc,J01C\n", `line 2: target_code "J01C" is no ATC code`},
		"a LOINC misspelled":  {head + "https://a.example,1,loinc,2160-1\n", "check digit"},
		"a SNOMED misspelled": {head + "https://a.example,1,snomed,91936006\n", "check digit"},
		"from LOINC":          {head + "http://loinc.org,2160-0,loinc,2160-0\n", "needs no map"},
		"all lines are named": {head + "kis,1,atc,J01CR05\nhttps://a.example,1,atc,J01CR05\nkis,1,atc,J01CR05\n", "line 4"},
		"a cell too many":     {head + "https://a.example,1,atc,J01CR05,x\n", "cannot be read as CSV"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := translate.ReadCSV("x", []byte(tc.csv))
			if !issue.Is(err, issue.Value) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
	for _, sound := range []string{"\ufeff" + head + "https://a.example,1,atc,j01cr05\n", strings.ReplaceAll(head, ",", "\t") + "https://a.example\t1\tloinc\t2160-0\r\n"} {
		if _, err := translate.ReadCSV("x", []byte(sound)); err != nil {
			t.Errorf("%q: %v", sound, err)
		}
	}
}

func TestWhatIsSeen(t *testing.T) {
	var got []translate.Seen
	translate.See(table(t, hospital).Resources([]*fhir.Resource{
		resource(t, `{"resourceType":"MedicationRequest","medicationCodeableConcept":{"coding":[{"system":"https://kis.example/drug","code":"4711"}]}}`),
		resource(t, `{"resourceType":"MedicationStatement","medicationCodeableConcept":{"coding":[{"system":"https://kis.example/drug","code":"9"}],"text":"Tropfen von Frau Muster"}}`),
		resource(t, `{"resourceType":"MedicationStatement","medicationCodeableConcept":{"coding":[{"system":"https://kis.example/drug","code":"Tropfen von Frau Muster"}]}}`),
		resource(t, `{"resourceType":"Observation","code":{"text":"Krea"}}`),
		resource(t, `{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]}}`),
		resource(t, `{"resourceType":"Patient","id":"p"}`),
	}), func(s translate.Seen) { got = append(got, s) })
	want := []translate.Seen{
		{Kind: translate.Drug, Known: true}, {Kind: translate.Drug, System: "https://kis.example/drug", Code: "9"},
		{Kind: translate.Drug}, {Kind: translate.Laboratory}, {Kind: translate.Laboratory, Known: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(hospital))
	f.Add([]byte("system,code,target_system,target_code\n\"a:b,1\",atc,J01CR05\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := translate.ReadCSV("x", raw)
		if err != nil {
			return
		}
		if translate.New([]*fhir.Resource{m}).Len() == 0 {
			t.Errorf("a map of nothing: %s", m.Raw())
		}
	})
}

func FuzzResource(f *testing.F) {
	m, err := translate.ReadCSV("hospital", []byte(hospital))
	if err != nil {
		f.Fatal(err)
	}
	known := translate.New([]*fhir.Resource{m})
	f.Add([]byte(`{"resourceType":"Medication","code":{"coding":[{"system":"https://kis.example/drug","code":"4711"},null,[]]}}`))
	f.Add([]byte(`{"resourceType":"A","coding":{"system":"https://kis.example/drug"},"_coding":[{"coding":[{}]}],"coding2":[[{"coding":[]}]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return
		}
		got := known.Resource(r)
		if !json.Valid(got.Raw()) || got.Ref() != r.Ref() {
			t.Errorf("%s became %s", raw, got.Raw())
		}
	})
}

func BenchmarkResources(b *testing.B) {
	var list []*fhir.Resource
	size := 0
	for i := range 600 {
		r, err := fhir.ParseResource([]byte(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1988-5"}]},
			"subject":{"reference":"Patient/p"},"valueQuantity":{"value":%d,"unit":"mg/L","system":"http://unitsofmeasure.org","code":"mg/L"}}`, i, i)))
		if err != nil {
			b.Fatal(err)
		}
		size += len(r.Raw())
		list = append(list, r)
	}
	m, err := translate.ReadCSV("hospital", []byte(hospital))
	if err != nil {
		b.Fatal(err)
	}
	known := translate.New([]*fhir.Resource{m})
	b.SetBytes(int64(size))
	for b.Loop() {
		known.Resources(list)
	}
}

package fhir_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
)

const patient = `{
  "resourceType": "Patient",
  "id": "p1",
  "name": [{"family": "Muster", "given": ["Eva", null, "Maria"], "_given": [null, {"extension": [{"url": "http://x/unknown", "valueCode": "masked"}]}, {"id": "g3"}]}],
  "gender": "female",
  "_birthDate": {"extension": [{"url": "http://x/time", "valueDateTime": "1970-03-01T08:00:00+01:00"}]},
  "birthDate": "1970-03-01",
  "_deceasedBoolean": {"extension": [{"url": "http://x/absent", "valueCode": "unknown"}]},
  "multipleBirthInteger": 2,
  "contact": [{"name": {"text": "A"}}, {"name": {"text": "B"}}]
}`

func mustParse(t testing.TB, s string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNodePairsPrimitives(t *testing.T) {
	root := mustParse(t, patient).Root()

	given := root.Get("name").Children("given")
	var got []string
	for _, g := range given {
		x, _ := g.Extension("http://x/unknown").Choice("value")
		got = append(got, g.String()+"/"+x.String()+"/"+g.Child("id").String()+"/"+g.Location())
	}
	want := []string{"Eva///Patient.name[0].given[0]", "/masked//Patient.name[0].given[1]", "Maria//g3/Patient.name[0].given[2]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if given[1].HasValue() || given[1].Empty() {
		t.Error("a name part with an extension only has no value and is not empty")
	}
	if v, _ := root.Child("birthDate").Extension("http://x/time").Choice("value"); v.String() != "1970-03-01T08:00:00+01:00" {
		t.Errorf("birthDate lost its extension: %q", v)
	}
	deceased, typ := root.Choice("deceased")
	if typ != "Boolean" || deceased.HasValue() || deceased.Extension("http://x/absent") == nil {
		t.Errorf("deceased[x]: %q %v", typ, deceased)
	}
	if root.Child("_birthDate") != nil || root.Child("_given") != nil {
		t.Error("an _x sibling shows as an element of its own")
	}
	var order []string
	for name, nodes := range root.Fields() {
		order = append(order, name+strings.Repeat("*", len(nodes)-1))
	}
	if diff := cmp.Diff([]string{"resourceType", "id", "name", "gender", "birthDate", "deceasedBoolean", "multipleBirthInteger", "contact*"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestNodePairingOddities(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // name:text:ids
	}{
		{"extension list longer than values", `{"x":["a"],"_x":[null,{"id":"1"}],"y":1}`, "x:a: x::1 y:1:"},
		{"extras first", `{"_x":[{"id":"0"},{"id":"1"},{"id":"2"}],"y":1,"x":["a"]}`, "y:1: x:a:0 x::1 x::2"},
		{"list against scalar stays as it came", `{"x":"a","_x":[{"id":"1"}]}`, "x:a: _x::1"},
		{"value is an object", `{"x":{"id":"q"},"_x":{"id":"1"}}`, "x::q _x::1"},
		{"underscore member that holds no object", `{"_x":"a"}`, "_x:a:"},
		{"two pairs", `{"a":"1","_a":{"id":"i"},"b":"2","_b":{"id":"j"}}`, "a:1:i b:2:j"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, err := fhir.ParseJSON([]byte(tt.in), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range root.All() {
				got = append(got, k.Name()+":"+k.String()+":"+k.Child("id").String())
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNodeValues(t *testing.T) {
	root := mustParse(t, `{"resourceType":"Observation","status":"final","a":1.500,"b":1E3,"c":true,"d":"1.5","e":-7,
	  "h":1e-400,"i":`+strings.Repeat("9", 70)+`,
	  "valueQuantity":{"value":2.10,"comparator":"<","unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"},
	  "code":{"coding":[{"system":"http://loinc.org","code":"2160-0"},{"system":"urn:local","code":"K","display":"Kreatinin"}]},
	  "subject":{"reference":"https://ehr.example/fhir/Patient/p-1/_history/3","display":"x","identifier":{"system":"s","value":"v"}},
	  "effectivePeriod":{"start":"2024-02","end":"2024-02-10"}}`).Root()

	if d, ok := root.Child("a").Decimal(); !ok || d.Text('f') != "1.500" {
		t.Errorf("the precision of 1.500 is lost: %s", &d)
	}
	if got := root.Child("b").String(); got != "1E3" {
		t.Errorf("the text of 1E3 is lost: %s", got)
	}
	for _, name := range []string{"d", "h", "i", "missing"} {
		if d, ok := root.Child(name).Decimal(); ok {
			t.Errorf("%s gives the decimal %s", name, &d)
		}
	}
	if v, ok := root.Child("e").Int(); !ok || v != -7 {
		t.Errorf("e = %d %v", v, ok)
	}
	if _, ok := root.Child("a").Int(); ok {
		t.Error("1.500 is no integer")
	}
	if v, ok := root.Child("c").Bool(); !ok || !v {
		t.Error("c is true")
	}
	value, _ := root.Choice("value")
	q, ok := value.Quantity()
	if !ok || q.Value.Text('f') != "2.10" || q.Comparator != "<" || q.Code != "mg/dL" || q.Unit != "mg/dl" {
		t.Errorf("quantity %+v", q)
	}
	code := root.Child("code").CodeableConcept()
	if !code.Has("http://loinc.org", "1", "2160-0") || code.Has("urn:local", "2160-0") || code.Display() != "Kreatinin" {
		t.Errorf("code %+v", code)
	}
	if typ, id, ok := root.Child("subject").Reference().Local(); !ok || typ != "Patient" || id != "p-1" {
		t.Errorf("subject is %s/%s", typ, id)
	}
	period, _ := root.Choice("effective")
	p := period.Period()
	for at, want := range map[string]bool{"2024-01-31T23:59:59Z": false, "2024-02-01T00:00:00Z": true, "2024-02-10T23:59:00Z": true, "2024-02-11T00:00:00Z": false} {
		moment, _ := fhir.ParseTime(at)
		if p.Contains(moment.Time) != want {
			t.Errorf("Contains(%s) = %v", at, !want)
		}
	}
}

func TestEmptyLists(t *testing.T) {
	root := mustParse(t, `{"resourceType":"Patient","name":[ ],"contact":[{"telecom":[]}],"given":["a"]}`).Root()
	if diff := cmp.Diff([]string{"name"}, root.EmptyLists()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"telecom"}, root.Child("contact").EmptyLists()); diff != "" {
		t.Error(diff)
	}
	if root.Child("name") != nil {
		t.Error("an empty list left a node")
	}
}

func TestNilNode(t *testing.T) {
	var n *fhir.Node
	c, typ := n.Get("a", "b").Choice("c")
	if c != nil || typ != "" || n.Child("x").Coding() != (fhir.Coding{}) || n.Children("x") != nil || n.Location() != "" || n.Translated("de") != "" || !n.Empty() {
		t.Error("a nil node gives something")
	}
	if _, ok := n.Quantity(); ok {
		t.Error("a nil node is a quantity")
	}
	if _, err := n.Resource(); issue.KindOf(err) != issue.Required {
		t.Errorf("got %v", err)
	}
}

func TestParseResource(t *testing.T) {
	tests := []struct {
		name, in string
		want     issue.Kind
		ref      string
	}{
		{"type at the end", `{"x":{"resourceType":"A","id":"inner"},"id":"1","resourceType":"Patient"}`, "", "Patient/1"},
		{"no id", `{"resourceType":"Patient"}`, "", ""},
		{"array", `[{"resourceType":"Patient"}]`, issue.Structure, ""},
		{"no type", `{"id":"1"}`, issue.Invalid, ""},
		{"type is no string", `{"resourceType":7}`, issue.Invalid, ""},
		{"type with a slash", `{"resourceType":"Patient/1"}`, issue.Invalid, ""},
		{"id is a number", `{"resourceType":"Patient","id":1}`, issue.Invalid, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := fhir.ParseResource([]byte(tt.in))
			if issue.KindOf(err) != tt.want {
				t.Fatalf("got %v, want kind %q", err, tt.want)
			}
			if r.Ref() != tt.ref {
				t.Errorf("Ref = %q, want %q", r.Ref(), tt.ref)
			}
		})
	}
}

func TestRootIsSafeForConcurrentUse(t *testing.T) {
	r := mustParse(t, patient)
	var wg sync.WaitGroup
	roots := make([]*fhir.Node, 8)
	for i := range roots {
		wg.Go(func() { roots[i] = r.Root(); walk(roots[i]) })
	}
	wg.Wait()
	for _, root := range roots {
		if root != roots[0] {
			t.Fatal("the tree was parsed twice")
		}
	}
}

func TestTranslated(t *testing.T) {
	o := fhir.NewResource("PlanDefinition", "cap").
		SetText("title", "Pneumonie", fhir.Translation{Lang: "en", Content: "Pneumonia"}, fhir.Translation{Lang: "fr-CA", Content: "Pneumonie (fr)"})
	r, err := o.Resource()
	if err != nil {
		t.Fatal(err)
	}
	title := r.Root().Child("title")
	for lang, want := range map[string]string{"en": "Pneumonia", "en-GB": "Pneumonia", "fr": "Pneumonie (fr)", "de": "Pneumonie", "": "Pneumonie", "EN": "Pneumonia"} {
		if got := title.Translated(lang); got != want {
			t.Errorf("Translated(%q) = %q, want %q", lang, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	tests := []struct {
		in, instant, end string
		precision        fhir.Precision
		zone             bool
	}{
		{"2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", fhir.Year, false},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", fhir.Month, false},
		{"2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", fhir.Day, false},
		{"2024-02-29T08:30", "2024-02-29T08:30:00Z", "2024-02-29T08:31:00Z", fhir.Minute, false},
		{"2024-02-29T08:30:59+01:00", "2024-02-29T07:30:59Z", "2024-02-29T07:31:00Z", fhir.Second, true},
		{"2024-02-29T08:30:59.250Z", "2024-02-29T08:30:59.25Z", "2024-02-29T08:30:59.251Z", fhir.Milli, true},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z", fhir.Second, true},
	}
	for _, tt := range tests {
		got, ok := fhir.ParseTime(tt.in)
		if !ok || got.Precision != tt.precision || got.HasZone != tt.zone {
			t.Errorf("%s: %+v %v", tt.in, got, ok)
			continue
		}
		const layout = "2006-01-02T15:04:05.999999999Z07:00"
		if s := got.UTC().Format(layout); s != tt.instant {
			t.Errorf("%s is %s, want %s", tt.in, s, tt.instant)
		}
		if s := got.End().UTC().Format(layout); s != tt.end {
			t.Errorf("%s ends %s, want %s", tt.in, s, tt.end)
		}
		if s := got.String(); s != tt.in && !strings.Contains(tt.in, ":60") {
			t.Errorf("%s is written %s", tt.in, s)
		}
	}
	for _, bad := range []string{"", "24", "2024-2", "2023-02-29", "2024-13", "2024-00-10", "0000", "2024-01-01T", "2024-01-01T25:00:00Z", "2024-01-01T10:00:00+25:00", "2024-01-01 10:00:00", "2024-01-01T10:00:00.Z", "01.02.2024", "2024-01-01T10", "2024-01-01T10:00:61Z"} {
		if got, ok := fhir.ParseTime(bad); ok {
			t.Errorf("%q is read as %s", bad, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2024-02-29T08:30:59.250+01:00")
	f.Add("2024")
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := fhir.ParseTime(s)
		if !ok {
			return
		}
		again, ok := fhir.ParseTime(v.String())
		if !ok || !again.Equal(v.Time) {
			t.Errorf("%q is written %q and does not come back", s, v)
		}
	})
}

package search_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"

	"cdss/fhir/issue"
	"cdss/fhir/search"
)

var now = time.Date(2025, 1, 11, 0, 0, 0, 0, time.UTC)

func parse(typ, query string, change ...func(*search.Options)) (*search.Query, error) {
	pairs, err := search.Split(query)
	if err != nil {
		return nil, err
	}
	opt := search.Options{Now: now, Base: "http://cds.example/fhir"}
	for _, c := range change {
		c(&opt)
	}
	return search.Parse(typ, pairs, opt)
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func dec(s string) apd.Decimal {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		panic(err)
	}
	return *d
}

var decimals = cmp.Comparer(func(a, b apd.Decimal) bool { return a.Cmp(&b) == 0 })

func TestValues(t *testing.T) {
	tests := []struct {
		name, typ, query string
		want             []search.Value
	}{
		{"token", "PlanDefinition", "status=active,draft", []search.Value{search.Token{Code: "active", AnySystem: true}, search.Token{Code: "draft", AnySystem: true}}},
		{"token of a system", "PlanDefinition", "identifier=http://x|a%5C,b", []search.Value{search.Token{System: "http://x", Code: "a,b"}}},
		{"token without system", "PlanDefinition", "identifier=|1", []search.Value{search.Token{Code: "1"}}},
		{"any token of a system", "PlanDefinition", "topic=http://x|", []search.Value{search.Token{System: "http://x", AnyCode: true}}},
		{"escaped bar and backslash", "PlanDefinition", `identifier=a%5C|b%5C%5C`, []search.Value{search.Token{Code: `a|b\`, AnySystem: true}}},
		{"text of a token", "PlanDefinition", "topic:text=Lunge", []search.Value{search.Text("Lunge")}},
		{"string", "PlanDefinition", "title=St.+Peter", []search.Value{search.Text("St. Peter")}},
		{"reference by type and id", "Observation", "subject=Patient/p1", []search.Value{search.Reference{Type: "Patient", ID: "p1"}}},
		{"reference by id of the one type", "Observation", "specimen=s1", []search.Value{search.Reference{Type: "Specimen", ID: "s1"}}},
		{"reference by id with a type", "Observation", "subject:Patient=p1", []search.Value{search.Reference{Type: "Patient", ID: "p1"}}},
		{"reference by our own url", "Observation", "subject=http://cds.example/fhir/Patient/p1", []search.Value{search.Reference{Type: "Patient", ID: "p1"}}},
		{"reference to a version", "Observation", "subject=Patient/p1/_history/3", []search.Value{search.Reference{Type: "Patient", ID: "p1"}}},
		{"canonical", "PlanDefinition", "depends-on=http://x/Library/l|1.2", []search.Value{search.Reference{URL: "http://x/Library/l", Version: "1.2"}}},
		{"identifier of a reference", "Observation", "subject:identifier=http://x|9", []search.Value{search.Token{System: "http://x", Code: "9"}}},
		{"uri", "PlanDefinition", "url:below=http://x/", []search.Value{search.URI("http://x/")}},
		{"day", "PlanDefinition", "date=2024-02-28", []search.Value{search.Date{Prefix: search.Equal, Low: day(2024, 2, 28), High: day(2024, 2, 29)}}},
		{"month with prefix", "PlanDefinition", "date=ge2024-02", []search.Value{search.Date{Prefix: search.AtLeast, Low: day(2024, 2, 1), High: day(2024, 3, 1)}}},
		{"plus of the zone as space", "PlanDefinition", "date=lt2024-02-28T01:00:00+01:00", []search.Value{search.Date{Prefix: search.Less, Low: day(2024, 2, 28), High: day(2024, 2, 28).Add(time.Second)}}},
		{"near a day, a tenth of ten days", "PlanDefinition", "date=ap2025-01-01", []search.Value{search.Date{Prefix: search.Near, Low: day(2024, 12, 31), High: day(2025, 1, 3)}}},
		{"number", "RiskAssessment", "probability=gt0.8", []search.Value{search.Number{Prefix: search.Greater, Value: dec("0.8"), Low: dec("0.75"), High: dec("0.85")}}},
		{"quantity", "Observation", "value-quantity=5.40|http://unitsofmeasure.org|mg/dL", []search.Value{search.Quantity{
			Number: search.Number{Prefix: search.Equal, Value: dec("5.4"), Low: dec("5.395"), High: dec("5.405")},
			System: "http://unitsofmeasure.org", Code: "mg/dL",
		}}},
		{"quantity by unit", "Observation", "value-quantity=ap100||mg", []search.Value{search.Quantity{
			Number: search.Number{Prefix: search.Near, Value: dec("100"), Low: dec("90"), High: dec("110")}, Code: "mg", AnySystem: true,
		}}},
		{"quantity without unit", "Observation", "value-quantity=-3", []search.Value{search.Quantity{
			Number: search.Number{Prefix: search.Equal, Value: dec("-3"), Low: dec("-3.5"), High: dec("-2.5")}, AnySystem: true,
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := parse(tt.typ, tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if len(q.Criteria) != 1 {
				t.Fatalf("%d criteria", len(q.Criteria))
			}
			if diff := cmp.Diff(tt.want, q.Criteria[0].Values, decimals); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestControls(t *testing.T) {
	q, err := parse("PlanDefinition", "_count=7&_offset=14&_sort=-date,_id&_include=PlanDefinition:depends-on:Library&_include:iterate=Library:depends-on"+
		"&_revinclude=Provenance:target&_elements=url,PlanDefinition.title&_total=none&_format=json&_pretty=true&status:not=retired&url:missing=false")
	if err != nil {
		t.Fatal(err)
	}
	type include struct {
		Source, Parameter, Target string
		Reverse, Iterate          bool
	}
	var includes []include
	for _, i := range q.Include {
		includes = append(includes, include{i.Source, i.Parameter.Name, i.Target, i.Reverse, i.Iterate})
	}
	if diff := cmp.Diff([]include{
		{"PlanDefinition", "depends-on", "Library", false, false},
		{"Library", "depends-on", "", false, true},
		{"Provenance", "target", "", true, false},
	}, includes); diff != "" {
		t.Errorf("includes (-want +got):\n%s", diff)
	}
	if q.Count != 7 || q.Offset != 14 || q.Total != search.TotalNone || !q.Sort[0].Descending || q.Sort[0].Parameter.Name != "date" || q.Sort[1].Descending {
		t.Errorf("controls were read as %+v", q)
	}
	if diff := cmp.Diff([]string{"url", "title"}, q.Elements); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	if m := q.Criteria; len(m) != 2 || m[0].Modifier != search.ModifierNot || m[1].Modifier != search.ModifierMissing || m[1].Absent {
		t.Errorf("criteria were read as %+v", m)
	}
	var used []string
	for _, p := range q.Used {
		used = append(used, p.Name)
	}
	want := []string{"_count", "_offset", "_sort", "_include", "_include:iterate", "_revinclude", "_elements", "_total", "status:not", "url:missing"}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
}

func TestCountOfZeroAsksForTheNumber(t *testing.T) {
	q, err := parse("PlanDefinition", "_count=0")
	if err != nil || q.Summary != search.SummaryCount {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestChains(t *testing.T) {
	q, err := parse("Observation", "subject:Patient.general-practitioner:Practitioner.name:exact=Muster")
	if err != nil {
		t.Fatal(err)
	}
	var path []string
	c := &q.Criteria[0]
	for ; c.Chain != nil; c = c.Chain {
		path = append(path, c.Parameter.Name+">"+c.Target)
	}
	path = append(path, c.Parameter.Name+":"+string(c.Modifier))
	if diff := cmp.Diff([]string{"subject>Patient", "general-practitioner>Practitioner", "name:exact"}, path); diff != "" {
		t.Errorf("chain (-want +got):\n%s", diff)
	}
	// One of the possible targets alone has the parameter.
	if q, err = parse("Observation", "patient.birthdate=1970"); err != nil || q.Criteria[0].Target != "Patient" {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, typ, query string
		kind             issue.Kind
		says             string // what the caller reads
	}{
		{"unknown parameter", "PlanDefinition", "colour=red", issue.NotSupported, `"colour": is not known for PlanDefinition; known are _id,`},
		{"unknown type", "Plan", "status=active", issue.NotSupported, `"Plan" is no resource type`},
		{"full text", "PlanDefinition", "_content=x", issue.NotSupported, "not supported"},
		{"modifier of another type", "PlanDefinition", "status:exact=active", issue.NotSupported, "supported are missing, not, text"},
		{"impossible target", "Observation", "specimen:Patient=1", issue.Invalid, "points to Specimen, never to Patient"},
		{"missing is a boolean", "PlanDefinition", "url:missing=yes", issue.Invalid, "true or false"},
		{"no value", "Observation", "subject=", issue.Invalid, "has no value"},
		{"empty value in a list", "PlanDefinition", "status=active,", issue.Invalid, "value 2 is empty"},
		{"no date", "PlanDefinition", "date=2024-02-30", issue.Invalid, "is no date"},
		{"unknown prefix", "PlanDefinition", "date=xx2024", issue.Invalid, "is no date"},
		{"no number", "RiskAssessment", "probability=high", issue.Invalid, "is no number"},
		{"number without end", "RiskAssessment", "probability=1e999999999", issue.Invalid, "is no number"},
		{"quantity of two parts", "Observation", "value-quantity=5|mg", issue.Invalid, "number|system|code"},
		{"quantity with a system alone", "Observation", "value-quantity=5|http://unitsofmeasure.org|", issue.Invalid, "no unit"},
		{"token of three parts", "PlanDefinition", "identifier=a|b|c", issue.Invalid, "more than one |"},
		{"token of nothing", "PlanDefinition", "identifier=|", issue.Invalid, "neither system nor code"},
		{"reference to nothing", "Observation", "subject=Patient/", issue.Invalid, "names no resource"},
		{"reference to no type", "Observation", "subject=Pat/1", issue.Invalid, "no resource type"},
		{"page without end", "PlanDefinition", "_count=1000000", issue.NotSupported, "at most 1000"},
		{"negative page", "PlanDefinition", "_count=-1", issue.Invalid, "whole number"},
		{"count beyond integers", "PlanDefinition", "_count=99999999999999999999", issue.Invalid, "whole number"},
		{"offset without end", "PlanDefinition", "_offset=99999999", issue.Invalid, "whole number"},
		{"count twice", "PlanDefinition", "_count=1&_count=2", issue.Invalid, "stands twice"},
		{"unknown sort key", "PlanDefinition", "_sort=colour", issue.NotSupported, `"colour" is not known`},
		{"unknown summary", "PlanDefinition", "_summary=some", issue.Invalid, "true, text, data, count or false"},
		{"unknown total", "PlanDefinition", "_total=exact", issue.Invalid, "accurate"},
		{"elements with a path", "PlanDefinition", "_elements=action.title", issue.Invalid, "element names"},
		{"include of no reference", "PlanDefinition", "_include=PlanDefinition:status", issue.Invalid, "no reference"},
		{"include without parameter", "PlanDefinition", "_include=PlanDefinition", issue.Invalid, "Type:parameter"},
		{"chain over no reference", "PlanDefinition", "status.name=x", issue.Invalid, "no reference"},
		{"chain with many targets", "PlanDefinition", "depends-on.name=x", issue.Invalid, "name one"},
		{"chain without end", "Observation", "subject:Patient.link:Patient.link:Patient.link:Patient.name=x", issue.NotSupported, "more than 3"},
		{"broken escape", "PlanDefinition", "title=%zz", issue.Invalid, "encoded"},
		{"NUL", "PlanDefinition", "title=a%00b", issue.Invalid, "encoded"},
		{"no UTF-8", "PlanDefinition", "title=%ff", issue.Invalid, "encoded"},
		{"too many values", "PlanDefinition", "status=" + strings.Repeat("a,", 200) + "a", issue.TooLong, "more than 200"},
		{"too many criteria", "PlanDefinition", strings.Repeat("status=a&", 21), issue.TooCostly, "more than 20 criteria"},
		{"too many parameters", "PlanDefinition", strings.Repeat("status=a&", 101), issue.TooLong, "more than 100"},
		{"too long", "PlanDefinition", "title=" + strings.Repeat("a", 70_000), issue.TooLong, "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.typ, tt.query)
			if !issue.Is(err, tt.kind) {
				t.Fatalf("got %v, want an error of kind %s", err, tt.kind)
			}
			if status := issue.Status(err); status >= 500 || status < 400 || tt.kind == issue.NotSupported && status != 400 {
				t.Errorf("status %d", status)
			}
			if text := issue.Issues(err)[0].Diagnostics; !strings.Contains(text, tt.says) {
				t.Errorf("says %q, want %q in it", text, tt.says)
			}
		})
	}
}

func TestLenientSaysWhatItLeftOut(t *testing.T) {
	lenient := func(o *search.Options) { o.Lenient = true }
	q, err := parse("PlanDefinition", "colour=red&status=active&_count=1000000&title:soundex=x", lenient)
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Criteria) != 1 || q.Count != search.MaxCount || len(q.Used) != 1 {
		t.Errorf("query %+v", q)
	}
	for _, i := range q.Ignored {
		if i.Severity != issue.SeverityWarning {
			t.Errorf("severity %q", i.Severity)
		}
	}
	if len(q.Ignored) != 3 {
		t.Errorf("ignored %v", q.Ignored)
	}
	// What is known and malformed would, left out, widen what is found.
	if _, err := parse("PlanDefinition", "date=yesterday", lenient); !issue.Is(err, issue.Invalid) {
		t.Errorf("a malformed date gave %v", err)
	}
}

func TestErrorsHoldNoValues(t *testing.T) {
	for _, query := range []string{"birthdate=Mustermann", "general-practitioner=Mustermann/", "identifier=Mustermann|b|c", "name:soundex=Mustermann"} {
		_, err := parse("Patient", query)
		if err == nil || strings.Contains(err.Error(), "Mustermann") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"status=active&_count=10", "date=ge2024-01-01T10:00:00%2B01:00", "subject:Patient.name=x", "value-quantity=ap5.4e3||mg",
		`identifier=http://x|a%5C,b,|c`, "_include:iterate=*&_sort=-_lastUpdated", "url:below=http://x", "_id=1,2&_elements=a", "%", "=&==&:.=", "probability=1e-9999",
	} {
		f.Add("Observation", seed)
		f.Add("PlanDefinition", seed)
	}
	f.Fuzz(func(t *testing.T, typ, query string) {
		for _, lenient := range []bool{false, true} {
			q, err := parse(typ, query, func(o *search.Options) { o.Lenient = lenient })
			if err != nil {
				if s := issue.Status(err); s < 400 || s >= 500 {
					t.Fatalf("%v has status %d", err, s)
				}
				continue
			}
			// What was used says the same again.
			again, err := parse(typ, search.Encode(q.Used))
			if err != nil {
				t.Fatalf("the self link of %q cannot be read: %v", query, err)
			}
			if len(again.Criteria) != len(q.Criteria) || !cmp.Equal(again.Used, q.Used) {
				t.Fatalf("the self link of %q says %v", query, again.Used)
			}
		}
	})
}

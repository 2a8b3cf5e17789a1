package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
	"cdss/fhir/store"
)

func query(t testing.TB, typ, text string) *search.Query {
	t.Helper()
	pairs, err := search.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	q, err := search.Parse(typ, pairs, search.Options{Now: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Base: base})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}

func page(t testing.TB, s *store.Store, typ, text string) search.Page {
	t.Helper()
	p, err := s.Search(t.Context(), query(t, typ, text))
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, text, err)
	}
	return p
}

func refs(list []fhir.Version) []string {
	var out []string
	for _, v := range list {
		out = append(out, v.Ref())
	}
	return out
}

// found gives the ids of what matches, in its order.
func found(t testing.TB, s *store.Store, typ, text string) []string {
	t.Helper()
	var ids []string
	for _, v := range page(t, s, typ, text).Matches {
		ids = append(ids, v.ID)
	}
	return ids
}

var ward = []string{
	`{"resourceType":"Patient","id":"eva","active":true,"name":[{"family":"Müller-Groß","given":["Eva","Maria"]}],"birthDate":"1950-02","gender":"female",
	  "identifier":[{"system":"http://x/mrn","value":"A,1","type":{"text":"Aufnahmenummer"}}],"telecom":[{"system":"email","value":"e@x"}]}`,
	`{"resourceType":"Patient","id":"jan","name":[{"text":"Jan van_Dyk 100%"}],"birthDate":"1980-06-15","gender":"male","deceasedBoolean":false,
	  "generalPractitioner":[{"reference":"Practitioner/dr"},{"identifier":{"system":"http://x/lanr","value":"9"}}]}`,
	`{"resourceType":"Patient","id":"ida","meta":{"tag":[{"system":"http://x/tag","code":"demo"}]},"deceasedDateTime":"2024-01-05"}`,
	`{"resourceType":"Practitioner","id":"dr","name":[{"family":"Arzt"}]}`,
	`{"resourceType":"Observation","id":"crea","status":"final","subject":{"reference":"Patient/eva"},"effectiveDateTime":"2024-05-01T08:00:00+02:00",
	  "code":{"coding":[{"system":"http://loinc.org","code":"2160-0","display":"Kreatinin"}],"text":"Kreatinin i. S."},
	  "valueQuantity":{"value":1.10,"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
	`{"resourceType":"Observation","id":"temp","status":"final","subject":{"reference":"http://cds.example/fhir/Patient/jan"},"effectivePeriod":{"start":"2024-05-01","end":"2024-05-03"},
	  "code":{"text":"Temperatur"},"valueQuantity":{"value":38.5,"unit":"°C","system":"http://unitsofmeasure.org","code":"Cel"}}`,
	`{"resourceType":"Observation","id":"crp","status":"preliminary","subject":{"reference":"Patient/jan"},"effectivePeriod":{"start":"2024-06-01"},
	  "code":{"text":"CRP"},"valueQuantity":{"value":5,"comparator":"<","unit":"Boxen"}}`,
	`{"resourceType":"RiskAssessment","id":"risk","status":"final","subject":{"reference":"Patient/eva"},"prediction":[{"probabilityDecimal":0.80}]}`,
	`{"resourceType":"Library","id":"one","url":"http://x/Library/l","version":"1","status":"retired"}`,
	`{"resourceType":"Library","id":"two","url":"http://x/Library/l","version":"2","status":"active","relatedArtifact":[{"type":"depends-on","resource":"http://x/Library/deep"}]}`,
	`{"resourceType":"Library","id":"deep","url":"http://x/Library/deep","status":"active"}`,
	`{"resourceType":"PlanDefinition","id":"plan","url":"http://x/PlanDefinition/p","title":"Pneumonie","date":"2024","status":"active","library":["http://x/Library/l|2"]}`,
	`{"resourceType":"PlanDefinition","id":"draft","url":"http://x/PlanDefinition/q","title":"Sepsis","date":"2024-03-01","status":"draft","library":["http://x/Library/l"]}`,
	`{"resourceType":"Provenance","id":"prov","target":[{"reference":"PlanDefinition/plan"}],"recorded":"2024-01-01T00:00:00Z"}`,
}

func fill(t testing.TB, s *store.Store) {
	t.Helper()
	var changes []fhir.Change
	for _, text := range ward {
		changes = append(changes, put(t, text))
	}
	apply(t, s, changes...)
}

func TestSearch(t *testing.T) {
	s := open(t)
	fill(t, s)
	tests := []struct{ typ, query, want string }{
		{"Patient", "", "eva,ida,jan"},
		{"Patient", "_id=jan,eva,none", "eva,jan"},
		{"Patient", "_id:not=jan", "eva,ida"},
		{"Patient", "_tag=http://x/tag|demo", "ida"},
		{"Patient", "_lastUpdated=gt2020-01-01", "eva,ida,jan"},
		{"Patient", "_lastUpdated=lt2020-01-01", ""},

		{"Patient", "name=muller", "eva"},
		{"Patient", "name=MÜLLER-GROSS", "eva"},
		{"Patient", "family=uller", ""},
		{"Patient", "family:contains=ULLER", "eva"},
		{"Patient", "given:exact=Eva", "eva"},
		{"Patient", "given:exact=eva", ""},
		{"Patient", "name:contains=van_dyk+100%25", "jan"},
		{"Patient", "name:contains=vanxdyk", ""},
		{"Patient", "name:missing=true", "ida"},
		{"Patient", "name=eva,jan", "eva,jan"},
		{"Patient", "name=eva&name=maria", "eva"},
		{"Patient", "name=eva&name=jan", ""},

		{"Patient", "gender=female", "eva"},
		{"Patient", "gender=http://hl7.org/fhir/administrative-gender|female", "eva"},
		{"Patient", "gender=http://other|female", ""},
		{"Patient", "gender:not=female", "ida,jan"},
		{"Patient", "identifier=A%5C,1", "eva"},
		{"Patient", "identifier=http://x/mrn|A%5C,1", "eva"},
		{"Patient", "identifier=|A%5C,1", ""},
		{"Patient", "identifier=http://x/mrn|", "eva"},
		{"Patient", "identifier:text=aufnahme", "eva"},
		{"Patient", "active=true", "eva"},
		{"Patient", "email=e@x", "eva"},
		{"Patient", "deceased=true", "ida"},
		{"Patient", "general-practitioner=dr", "jan"},
		{"Patient", "general-practitioner=Practitioner/dr", "jan"},
		{"Patient", "general-practitioner=Organization/dr", ""},
		{"Patient", "general-practitioner:identifier=http://x/lanr|9", "jan"},
		{"Patient", "general-practitioner:Practitioner.name=arzt", "jan"},

		{"Patient", "birthdate=1950", "eva"},
		{"Patient", "birthdate=1950-02", "eva"},
		{"Patient", "birthdate=1950-02-03", ""},
		{"Patient", "birthdate=ne1950", "jan"},
		{"Patient", "birthdate=ge1950-02&birthdate=le1980-06-15", "eva,jan"},
		{"Patient", "birthdate=gt1980-06-15", ""},
		{"Patient", "birthdate=lt1980-06-15", "eva"},
		{"Patient", "birthdate=sa1950-02", "jan"},
		{"Patient", "birthdate=eb1950-03", "eva"},
		{"Patient", "birthdate=ap1978", "jan"},

		{"Observation", "patient=eva", "crea"},
		{"Observation", "subject=Patient/jan", "crp,temp"},
		{"Observation", "subject:Patient=jan", "crp,temp"},
		{"Observation", "subject:Device=jan", ""},
		{"Observation", "patient=" + base + "/Patient/jan", "crp,temp"},
		{"Observation", "patient.family=muller", "crea"},
		{"Observation", "subject:Patient.general-practitioner:Practitioner.family=arzt", "crp,temp"},
		{"Observation", "code=2160-0", "crea"},
		{"Observation", "code:text=kreatinin+i", "crea"},
		{"Observation", "status=final,preliminary", "crea,crp,temp"},
		{"Observation", "date=2024-05-01", "crea"},
		{"Observation", "date=2024-05-01T06:00:00Z", "crea"},
		{"Observation", "date=2024-05", "crea,temp"},
		{"Observation", "date=gt2024-05-02", "crp,temp"},
		{"Observation", "date=ge2050", "crp"},

		{"Observation", "value-quantity=1.1", "crea"},
		{"Observation", "value-quantity=1.11", ""},
		{"Observation", "value-quantity=11|http://unitsofmeasure.org|mg/L", "crea"},
		{"Observation", "value-quantity=gt0.01|http://unitsofmeasure.org|g/L", "crea"},
		{"Observation", "value-quantity=gt311|http://unitsofmeasure.org|K", "temp"},
		{"Observation", "value-quantity=lt10||Boxen", "crp"},
		{"Observation", "value-quantity=lt0||mg/dl", ""},
		{"Observation", "value-quantity=ne1.1", "crp,temp"},
		{"Observation", "value-quantity=ap40", "temp"},
		{"RiskAssessment", "probability=0.8", "risk"},
		{"RiskAssessment", "probability=gt0.8", ""},
		{"RiskAssessment", "probability=ge0.8", "risk"},
		{"RiskAssessment", "probability=sa0.7&probability=eb0.9", "risk"},

		{"PlanDefinition", "url=http://x/PlanDefinition/p", "plan"},
		{"PlanDefinition", "url:below=http://x/PlanDefinition", "draft,plan"},
		{"PlanDefinition", "url:above=http://x/PlanDefinition/p/more", "plan"},
		{"PlanDefinition", "depends-on=http://x/Library/l", "draft,plan"},
		{"PlanDefinition", "depends-on=http://x/Library/l|2", "plan"},
		{"PlanDefinition", "depends-on:Library.status=retired", "draft"},
		{"PlanDefinition", "title=%27;+DROP+TABLE+resource;--", ""},
	}
	for _, tt := range tests {
		got := found(t, s, tt.typ, tt.query)
		slices.Sort(got)
		if strings.Join(got, ",") != tt.want {
			t.Errorf("%s?%s found %v, want %s", tt.typ, tt.query, got, tt.want)
		}
	}
}

func TestSortAndPages(t *testing.T) {
	s := open(t)
	fill(t, s)
	for query, want := range map[string]string{
		"_sort=birthdate":            "eva,jan,ida",
		"_sort=-birthdate":           "jan,eva,ida",
		"_sort=-_id":                 "jan,ida,eva",
		"_sort=name":                 "eva,jan,ida",
		"_sort=gender,-_id":          "eva,jan,ida",
		"_sort=_lastUpdated":         "eva,ida,jan", // one transaction: by id
		"_count=2":                   "eva,ida",
		"_count=2&_offset=2":         "jan",
		"_count=2&_offset=9":         "",
		"_sort=_id&_count=1":         "eva",
		"_sort=-email,-_id":          "eva,jan,ida",
		"_sort=general-practitioner": "jan,eva,ida",
	} {
		if got := strings.Join(found(t, s, "Patient", query), ","); got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
	p := page(t, s, "Patient", "_count=2")
	if p.Total != 3 || !p.More {
		t.Errorf("first page: total %d, more %v", p.Total, p.More)
	}
	p = page(t, s, "Patient", "_count=1&_offset=2&_total=none")
	if p.Total != -1 || p.More {
		t.Errorf("last page: total %d, more %v", p.Total, p.More)
	}
	p = page(t, s, "Patient", "_summary=count&gender=male")
	if p.Total != 1 || len(p.Matches) != 0 {
		t.Errorf("count: %+v", p)
	}
}

func TestIncludes(t *testing.T) {
	s := open(t)
	fill(t, s)
	tests := []struct{ query, want string }{
		{"_id=plan&_include=PlanDefinition:depends-on", "Library/two"},
		{"_id=draft&_include=PlanDefinition:depends-on", "Library/one,Library/two"},
		{"_id=plan&_include=PlanDefinition:depends-on:Questionnaire", ""},
		{"_id=plan&_include=PlanDefinition:depends-on&_include:iterate=Library:depends-on", "Library/deep,Library/two"},
		{"_id=plan&_include=PlanDefinition:*", "Library/two"},
		{"_id=plan&_include=*", "Library/two"},
		{"_id=plan&_revinclude=Provenance:target", "Provenance/prov"},
		{"_id=draft&_revinclude=Provenance:target", ""},
	}
	for _, tt := range tests {
		p := page(t, s, "PlanDefinition", tt.query)
		// Each version of an artifact has a Provenance of the store's own.
		got := slices.DeleteFunc(refs(p.Included), func(ref string) bool {
			return strings.HasPrefix(ref, "Provenance/") && len(ref) == len("Provenance/")+36
		})
		slices.Sort(got)
		if len(p.Matches) != 1 || strings.Join(got, ",") != tt.want {
			t.Errorf("%s brings %v with %v, want %s", tt.query, got, refs(p.Matches), tt.want)
		}
	}
	p := page(t, s, "Library", "_id=two&_revinclude=PlanDefinition:depends-on")
	if got := refs(p.Included); strings.Join(got, ",") != "PlanDefinition/draft,PlanDefinition/plan" {
		t.Errorf("plans that use the library: %v", got)
	}
}

// A page is cut where it would not fit in memory, and says that there is more.
func TestPagesAreCutBySize(t *testing.T) {
	s := open(t)
	filler := strings.Repeat("a", 900_000)
	for i := range 20 {
		apply(t, s, put(t, fmt.Sprintf(`{"resourceType":"Library","id":"l%02d","description":%q}`, i, filler)))
	}
	p := page(t, s, "Library", "_count=20")
	if len(p.Matches) == 0 || len(p.Matches) > 18 || !p.More || p.Total != 20 {
		t.Errorf("%d of %d on the page, more %v", len(p.Matches), p.Total, p.More)
	}
	h, err := s.History(t.Context(), "Library", "", time.Time{}, 20, 0)
	if err != nil || len(h.Matches) != len(p.Matches) || !h.More {
		t.Errorf("history: %d, more %v, %v", len(h.Matches), h.More, err)
	}
}

func TestSearchOfTypesThatAreNotKept(t *testing.T) {
	s := open(t, func(c *store.Config) { c.PatientData = false })
	_, err := s.Search(t.Context(), query(t, "Patient", "name=x"))
	if !issue.Is(err, issue.NotSupported) || issue.Status(err) != 404 {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string(nil), found(t, s, "PlanDefinition", "status=active")); diff != "" {
		t.Error(diff)
	}
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
	"cdss/fhir/store"
	"cdss/migrations/dbtest"
)

const base = "http://cds.example/fhir"

func open(t testing.TB, change ...func(*store.Config)) *store.Store {
	t.Helper()
	cfg := store.Config{PatientData: true, Base: base}
	for _, c := range change {
		c(&cfg)
	}
	s := store.New(cfg)
	s.Attach(dbtest.New(t))
	return s
}

func parse(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func create(text string) func(testing.TB) fhir.Change {
	return func(t testing.TB) fhir.Change {
		r := parse(t, text)
		return fhir.Change{Method: fhir.Create, Type: r.Type(), Resource: r}
	}
}

func put(t testing.TB, text string) fhir.Change {
	r := parse(t, text)
	return fhir.Change{Method: fhir.Update, Type: r.Type(), ID: r.ID(), Resource: r}
}

func apply(t testing.TB, s *store.Store, changes ...fhir.Change) []fhir.Effect {
	t.Helper()
	effects, err := s.Apply(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	return effects
}

func TestBytesComeBack(t *testing.T) {
	s := open(t)
	const body = `{ "status" : "final", "resourceType":"Observation",
  "valueQuantity": {"value": 1.500, "unit":"mg\/dl", "extension":[{"url":"http://x","valueDecimal":1E3}]},
  "note":[{"text":"größer \u00e4 \"quoted\""}] }`
	e := apply(t, s, create(body)(t))[0]
	if !e.Created || e.Version.Version != 1 || !search.IsID(e.ID) {
		t.Errorf("effect %+v", e)
	}
	got, err := s.Read(t.Context(), "Observation", e.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(body, `"resourceType":"Observation"`,
		`"resourceType":"Observation","id":"`+e.ID+`","meta":{"versionId":"1","lastUpdated":"`+e.At.Format("2006-01-02T15:04:05.000Z")+`"}`, 1)
	if diff := cmp.Diff(want, string(got.Resource.Raw())); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

func TestHistory(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"l","status":"draft"}`))
	apply(t, s, put(t, `{"resourceType":"Library","id":"other","status":"draft"}`))
	apply(t, s, put(t, `{"resourceType":"Library","id":"l","status":"active"}`))
	apply(t, s, fhir.Change{Method: fhir.Delete, Type: "Library", ID: "l"})
	apply(t, s, put(t, `{"resourceType":"Library","id":"l","status":"retired"}`))

	story := func(typ, id string, count, offset int) ([]string, search.Page) {
		t.Helper()
		page, err := s.History(t.Context(), typ, id, time.Time{}, count, offset)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, v := range page.Matches {
			list = append(list, fmt.Sprintf("%s/%d %s %s", v.ID, v.Version, v.Method, v.Resource.Root().Child("status").String()))
		}
		return list, page
	}
	all, page := story("Library", "l", 10, 0)
	if diff := cmp.Diff([]string{"l/4 PUT retired", "l/3 DELETE ", "l/2 PUT active", "l/1 PUT draft"}, all); diff != "" || page.Total != 4 || page.More {
		t.Errorf("history of the resource, total %d, more %v (-want +got):\n%s", page.Total, page.More, diff)
	}
	part, page := story("Library", "", 2, 2)
	if diff := cmp.Diff([]string{"l/2 PUT active", "other/1 PUT draft"}, part); diff != "" || page.Total != 5 || !page.More {
		t.Errorf("second page of the type, total %d, more %v (-want +got):\n%s", page.Total, page.More, diff)
	}
	if _, err := s.Read(t.Context(), "Library", "l", 3); !issue.Is(err, issue.Deleted) {
		t.Errorf("reading the deletion gives %v", err)
	}
	old, err := s.Read(t.Context(), "Library", "l", 2)
	if err != nil || old.Resource.Root().Get("meta", "versionId").String() != "2" {
		t.Errorf("version 2 is %+v, %v", old, err)
	}
	for _, id := range []string{"never", "../l", strings.Repeat("a", 65)} {
		if _, err := s.History(t.Context(), "Library", id, time.Time{}, 10, 0); !issue.Is(err, issue.NotFound) {
			t.Errorf("history of %q gives %v", id, err)
		}
	}
}

func TestReadingWhatIsNotThere(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"gone"}`), put(t, `{"resourceType":"Library","id":"l"}`))
	apply(t, s, fhir.Change{Method: fhir.Delete, Type: "Library", ID: "gone"})
	tests := []struct {
		typ, id string
		version int
		kind    issue.Kind
		status  int
	}{
		{"Library", "never", 0, issue.NotFound, 404},
		{"Library", "gone", 0, issue.Deleted, 410},
		{"Library", "l", 2, issue.NotFound, 404},
		{"Library", "l'; DROP TABLE resource", 0, issue.NotFound, 404},
		{"Parameters", "l", 0, issue.NotSupported, 404},
		{"Nothing", "l", 0, issue.NotSupported, 404},
	}
	for _, tt := range tests {
		_, err := s.Read(t.Context(), tt.typ, tt.id, tt.version)
		if !issue.Is(err, tt.kind) || issue.Status(err) != tt.status {
			t.Errorf("read %s/%s version %d: %v", tt.typ, tt.id, tt.version, err)
		}
	}
}

func TestPatientDataStayOutside(t *testing.T) {
	s := open(t, func(c *store.Config) { c.PatientData = false })
	_, err := s.Apply(t.Context(), []fhir.Change{put(t, `{"resourceType":"Patient","id":"p"}`)})
	if !issue.Is(err, issue.NotSupported) {
		t.Errorf("storing a Patient gives %v", err)
	}
	if slices.Contains(s.Types(), "Observation") || !slices.Contains(s.Types(), "PlanDefinition") {
		t.Errorf("types %v", s.Types())
	}
}

func TestOnlyTheCurrentVersionIsReplaced(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"l"}`))
	second := put(t, `{"resourceType":"Library","id":"l","status":"active"}`)
	second.Match = 1
	apply(t, s, second)
	tests := []struct {
		name   string
		change fhir.Change
		kind   issue.Kind
	}{
		{"stale", second, issue.Conflict},
		{"of the future", fhir.Change{Method: fhir.Delete, Type: "Library", ID: "l", Match: 7}, issue.Conflict},
		{"of nothing", func() fhir.Change { c := put(t, `{"resourceType":"Library","id":"n"}`); c.Match = 1; return c }(), issue.NotFound},
	}
	for _, tt := range tests {
		_, err := s.Apply(t.Context(), []fhir.Change{tt.change})
		if !issue.Is(err, tt.kind) || issue.Status(err) != 412 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := s.Read(t.Context(), "Library", "n", 0); !issue.Is(err, issue.NotFound) {
		t.Errorf("a refused update left something: %v", err)
	}
}

// Of many who replace the same version, one does.
func TestConcurrentUpdates(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"l"}`))
	const writers = 8
	results := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		c := put(t, `{"resourceType":"Library","id":"l","name":"w`+strconv.Itoa(i)+`"}`)
		c.Match = 1
		wg.Go(func() { _, results[i] = s.Apply(t.Context(), []fhir.Change{c}) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !issue.Is(err, issue.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers replaced version 1", won)
	}
}

func TestConcurrentConditionalCreates(t *testing.T) {
	s := open(t)
	const writers = 8
	effects := make([]fhir.Effect, writers)
	var wg sync.WaitGroup
	for i := range writers {
		c := create(`{"resourceType":"Library","url":"http://x/l"}`)(t)
		c.Condition = "url=http://x/l"
		wg.Go(func() {
			e, err := s.Apply(t.Context(), []fhir.Change{c})
			if err != nil {
				t.Error(err)
				return
			}
			effects[i] = e[0]
		})
	}
	wg.Wait()
	created := 0
	for _, e := range effects {
		if e.Created {
			created++
		}
		if e.ID != effects[0].ID {
			t.Errorf("%s and %s", e.ID, effects[0].ID)
		}
	}
	if created != 1 {
		t.Errorf("%d were created", created)
	}
}

func TestConditions(t *testing.T) {
	s := open(t)
	apply(t, s,
		put(t, `{"resourceType":"Library","id":"a","url":"http://x/a","status":"draft"}`),
		put(t, `{"resourceType":"Library","id":"b","url":"http://x/b","status":"draft"}`))
	on := func(method fhir.Method, condition, text string) fhir.Change {
		c := fhir.Change{Method: method, Type: "Library", Condition: condition}
		if text != "" {
			c.Resource = parse(t, text)
		}
		return c
	}
	refused := []struct {
		name   string
		change fhir.Change
		kind   issue.Kind
	}{
		{"several match", on(fhir.Create, "status=draft", `{"resourceType":"Library"}`), issue.MultipleMatches},
		{"several match a deletion", on(fhir.Delete, "status=draft", ""), issue.MultipleMatches},
		{"another id", on(fhir.Update, "url=http://x/a", `{"resourceType":"Library","id":"b"}`), issue.Invalid},
		{"no criterion", on(fhir.Delete, "_count=1", ""), issue.Invalid},
		{"unknown parameter", on(fhir.Delete, "colour=red", ""), issue.NotSupported},
	}
	for _, tt := range refused {
		if _, err := s.Apply(t.Context(), []fhir.Change{tt.change}); !issue.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if e := apply(t, s, on(fhir.Create, "url=http://x/a", `{"resourceType":"Library"}`))[0]; !e.Found || e.ID != "a" {
		t.Errorf("conditional create gave %+v", e)
	}
	if e := apply(t, s, on(fhir.Update, "url=http://x/a", `{"resourceType":"Library","status":"active"}`))[0]; e.ID != "a" || e.Version.Version != 2 {
		t.Errorf("conditional update gave %+v", e)
	}
	if e := apply(t, s, on(fhir.Update, "url=http://x/c", `{"resourceType":"Library","id":"c","url":"http://x/c"}`))[0]; e.ID != "c" || !e.Created {
		t.Errorf("conditional update of nothing gave %+v", e)
	}
	if e := apply(t, s, on(fhir.Delete, "url=http://x/b", ""))[0]; e.ID != "b" || e.Version.Version != 2 {
		t.Errorf("conditional delete gave %+v", e)
	}
	if e := apply(t, s, on(fhir.Delete, "url=http://x/b", ""))[0]; e.ID != "" {
		t.Errorf("conditional delete of nothing gave %+v", e)
	}
}

func TestTransactionLinksItsResources(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Practitioner","id":"dr","identifier":[{"system":"http://x","value":"7"}]}`))
	patient := create(`{"resourceType":"Patient","identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:1"}],"generalPractitioner":[{"reference":"Practitioner?identifier=http://x|7"}]}`)(t)
	patient.FullURL = "urn:uuid:1"
	observation := create(`{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"},"focus":[{"reference":"Patient/old"}],"derivedFrom":[{"reference":"Patient/elsewhere"}]}`)(t)
	other := create(`{"resourceType":"Patient"}`)(t)
	other.FullURL = "http://elsewhere/fhir/Patient/old"
	e := apply(t, s, observation, patient, other)
	got := e[0].Resource.Root()
	want := []string{"Patient/" + e[1].ID, "Patient/" + e[2].ID, "Patient/elsewhere"}
	if diff := cmp.Diff(want, []string{
		got.Get("subject", "reference").String(), got.Get("focus", "reference").String(), got.Get("derivedFrom", "reference").String(),
	}); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	p := e[1].Resource.Root()
	if p.Get("generalPractitioner", "reference").String() != "Practitioner/dr" || p.Get("identifier", "value").String() != "urn:uuid:1" {
		t.Errorf("patient is %s", e[1].Resource.Raw())
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"l"}`))
	stale := put(t, `{"resourceType":"Library","id":"l"}`)
	stale.Match = 9
	tests := []struct {
		name  string
		last  fhir.Change
		kind  issue.Kind
		where string
	}{
		{"stale", stale, issue.Conflict, "Bundle.entry[1]"},
		{"twice", put(t, `{"resourceType":"Library","id":"new"}`), issue.Invalid, "Bundle.entry[1]"},
		{"unknown type", put(t, `{"resourceType":"Parameters","id":"b"}`), issue.NotSupported, "Bundle.entry[1]"},
		{"no such resource", fhir.Change{Method: fhir.Delete, Type: "Library", ID: "never"}, issue.NotFound, "Bundle.entry[1]"},
		{"reference that nothing matches", put(t, `{"resourceType":"Observation","id":"o","subject":{"reference":"Patient?identifier=none"}}`), issue.NotFound, "Bundle.entry[1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Apply(t.Context(), []fhir.Change{put(t, `{"resourceType":"Library","id":"new"}`), tt.last})
			if !issue.Is(err, tt.kind) {
				t.Fatal(err)
			}
			if got := issue.Issues(err)[0].Expression; !slices.Contains(got, tt.where) {
				t.Errorf("at %v", got)
			}
			if _, err := s.Read(t.Context(), "Library", "new", 0); !issue.Is(err, issue.NotFound) {
				t.Errorf("the first change was done: %v", err)
			}
		})
	}
}

func TestDeletedTwiceAndFoundNoMore(t *testing.T) {
	s := open(t)
	apply(t, s, put(t, `{"resourceType":"Library","id":"l","status":"active"}`))
	for _, want := range []int{2, 2} {
		if e := apply(t, s, fhir.Change{Method: fhir.Delete, Type: "Library", ID: "l"})[0]; e.Version.Version != want {
			t.Errorf("deletion is version %d", e.Version.Version)
		}
	}
	if ids := found(t, s, "Library", "status=active"); len(ids) > 0 {
		t.Errorf("still found: %v", ids)
	}
}

func TestLoadWritesOnlyWhatIsNew(t *testing.T) {
	s := open(t)
	resources := []*fhir.Resource{parse(t, `{"resourceType":"Library","id":"a","status":"active"}`), parse(t, `{"resourceType":"Library","id":"b"}`)}
	for _, want := range []int{2, 0} {
		if n, err := s.Load(t.Context(), resources); err != nil || n != want {
			t.Errorf("wrote %d, %v; want %d", n, err, want)
		}
	}
	before, err := s.Stamp(t.Context(), "Library")
	if err != nil {
		t.Fatal(err)
	}
	resources[1] = parse(t, `{"resourceType":"Library","id":"b","status":"draft"}`)
	if n, err := s.Load(t.Context(), resources); err != nil || n != 1 {
		t.Errorf("wrote %d, %v", n, err)
	}
	after, err := s.Stamp(t.Context(), "Library")
	if err != nil || after == before {
		t.Errorf("stamp %q after %q, %v", after, before, err)
	}
	all, err := s.All(t.Context(), "Library")
	if err != nil || len(all) != 2 || all[1].Root().Child("status").String() != "draft" {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

func TestWithoutDatabase(t *testing.T) {
	s := store.New(store.Config{})
	if _, err := s.Read(t.Context(), "Library", "l", 0); !issue.Is(err, issue.Transient) {
		t.Errorf("read: %v", err)
	}
	open := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open.Read(ctx, "Library", "l", 0); !errors.Is(err, context.Canceled) || issue.Status(err) != 504 {
		t.Errorf("read in a canceled context: %v", err)
	}
}

func TestOfficialExamplesAreKeptWithoutLoss(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "fhir-examples")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t)
	kept := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := parse(t, string(raw))
		if !slices.Contains(s.Types(), r.Type()) {
			continue
		}
		e := apply(t, s, fhir.Change{Method: fhir.Update, Type: r.Type(), ID: r.ID(), Resource: r})[0]
		got, err := s.Read(t.Context(), r.Type(), r.ID(), 0)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		// With the meta it had, it is what was sent, byte for byte.
		want, err := r.As("", "1", fhir.Time{Time: e.At, Precision: fhir.Milli, HasZone: true})
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Resource.Raw()) != string(want.Raw()) {
			t.Errorf("%s came back changed", filepath.Base(file))
		}
		kept++
		if ids := found(t, s, r.Type(), "_id="+r.ID()); len(ids) != 1 {
			t.Errorf("%s is not found by its id", r.Ref())
		}
	}
	if kept != len(files) {
		t.Errorf("%d of %d examples were kept", kept, len(files))
	}
}

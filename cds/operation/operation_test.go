package operation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/operation"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

var now = time.Date(2026, 1, 15, 9, 0, 0, 0, time.FixedZone("", 3600))

// kept are the patients of the server.
type kept []*fhir.Resource

func (k kept) Patient(_ context.Context, id string) ([]*fhir.Resource, map[string]facts.Received, error) {
	if len(k) == 0 || k[0].ID() != id {
		return nil, nil, nil
	}
	return k, map[string]facts.Received{"Patient": facts.Complete, "Observation": facts.NoneRecorded}, nil
}

// record keeps what was decided.
type record struct{ list []cds.Decision }

func (r *record) Record(d cds.Decision) bool { r.list = append(r.list, d); return true }

// bench is the operations on the knowledge that is shipped, with more artifacts.
type bench struct {
	tb        testing.TB
	artifacts []*fhir.Resource
	config    operation.Config
	record    record
}

func newBench(tb testing.TB, more ...string) *bench {
	tb.Helper()
	b := &bench{tb: tb}
	shipped, err := content.Artifacts()
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range shipped {
		if r.Type() != "Bundle" {
			b.artifacts = append(b.artifacts, r)
			continue
		}
		split, err := fhir.SplitBundle(r)
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range split.Entries {
			b.artifacts = append(b.artifacts, e.Resource)
		}
	}
	snapshot, err := knowledge.Load(shipped, knowledge.Options{Demo: true, LoadedAt: now})
	if err != nil {
		tb.Fatal(err)
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		tb.Fatal(err)
	}
	for _, text := range more {
		b.artifacts = append(b.artifacts, b.parse(text))
	}
	catalogue := knowledge.NewCatalogue(b.artifacts)
	n := 0
	b.config = operation.Config{
		Decider: decide.New(decide.Config{
			Knowledge: func() *knowledge.Snapshot { return snapshot }, Tables: tables, Recorder: &b.record, Demo: true,
			Now: func() time.Time { return now }, NewID: func() string { n++; return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) },
		}),
		Knowledge: func() *knowledge.Snapshot { return snapshot }, Tables: tables, Demo: true, Now: func() time.Time { return now },
		Catalogue: func(context.Context, *knowledge.Snapshot) (*knowledge.Catalogue, error) { return catalogue, nil },
	}
	return b
}

func (b *bench) parse(text string) *fhir.Resource {
	b.tb.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		b.tb.Fatalf("%v in %s", err, text)
	}
	return r
}

func (b *bench) artifact(ref string) *fhir.Resource {
	for _, r := range b.artifacts {
		if r.Ref() == ref {
			return r
		}
	}
	b.tb.Fatalf("no %s", ref)
	return nil
}

// apply calls an operation on an instance ("Type/id") or a type, with these
// parameters in JSON.
func (b *bench) apply(name, on string, parameters ...string) (*fhir.Resource, error) {
	b.tb.Helper()
	c := fhir.Call{Parameters: b.parse(`{"resourceType":"Parameters","parameter":[` + strings.Join(parameters, ",") + `]}`), Language: "de"}
	var found bool
	if c.Type, c.ID, found = strings.Cut(on, "/"); found {
		c.Instance = b.artifact(on)
	}
	for _, o := range operation.Operations(b.config) {
		if s := o.Signature(); s.Name == name && s.Types[0] == c.Type {
			return o.Run(b.tb.Context(), c)
		}
	}
	b.tb.Fatalf("no $%s", name)
	return nil, nil
}

func (b *bench) must(name, on string, parameters ...string) *fhir.Resource {
	b.tb.Helper()
	r, err := b.apply(name, on, parameters...)
	if err != nil {
		b.tb.Fatal(err)
	}
	return r
}

// example is the Bundle of an example patient.
func example(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := os.ReadFile("../api/example/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	var e struct{ Bundle json.RawMessage }
	if err := json.Unmarshal(raw, &e); err != nil {
		tb.Fatal(err)
	}
	return compacted(e.Bundle)
}

func compacted(raw []byte) string {
	var v any
	_ = json.Unmarshal(raw, &v)
	out, _ := json.Marshal(v)
	return string(out)
}

const (
	pneumonia = "PlanDefinition/regimens-community-acquired-pneumonia"
	subject   = `{"name":"subject","valueString":"example-cap-moderate"}`
)

func resources(r *fhir.Resource) map[string]*fhir.Node {
	found := map[string]*fhir.Node{}
	for _, n := range r.Root().Children("contained") {
		found[n.ResourceType()] = n
	}
	for _, e := range r.Root().Children("entry") {
		n := e.Child("resource")
		found[n.ResourceType()] = n
	}
	return found
}

func TestRegimensAreWhatThePipelineMadeOfThem(t *testing.T) {
	b := newBench(t)
	data := `{"name":"data","resource":` + example(t, "cap-moderate") + `}`
	got := b.must("apply", pneumonia, subject, data)
	if got.Type() != "CarePlan" {
		t.Fatalf("%s", got.Raw())
	}
	found, err := validate.Resource(t.Context(), got, fhirpath.Env{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range found {
		if !strings.Contains(i.Diagnostics, "dom-6") {
			t.Errorf("not valid: %v", i)
		}
	}
	group := resources(got)["RequestGroup"]
	options := group.Child("action").Children("action")
	if len(options) == 0 || group.Get("note", "text").String() != content.BannerDE {
		t.Fatalf("%s", got.Raw())
	}
	for _, o := range options {
		if o.Child("documentation") == nil || o.Child("description").String() == "" || o.Get("action", "resource") == nil {
			t.Errorf("an option without source, dose or order: %s", o.JSON())
		}
	}
	if again := b.must("apply", pneumonia, subject, data); string(again.Raw()) != string(got.Raw()) {
		t.Error("the same call gave other bytes")
	}
	if len(b.record.list) != 2 || b.record.list[0].Service != "PlanDefinition/$apply" {
		t.Errorf("recorded: %d", len(b.record.list))
	}
	bundle := b.must("r5.apply", pneumonia, subject, data)
	if first := bundle.Root().Get("entry", "resource"); bundle.Type() != "Bundle" || first.ResourceType() != "RequestGroup" {
		t.Errorf("%s", bundle.Raw())
	}
	english := b.must("apply", pneumonia, subject, data, `{"name":"userLanguage","valueCodeableConcept":{"coding":[{"code":"en-GB"}]}}`)
	if note := resources(english)["RequestGroup"].Get("note", "text").String(); note != content.BannerEN {
		t.Errorf("in English: %q", note)
	}
}

// TestUnknownIsAskedFor: of a person of whom nothing is known the answer asks for
// data, and names the checks that were not made.
func TestUnknownIsAskedFor(t *testing.T) {
	b := newBench(t)
	got := b.must("apply", pneumonia, subject)
	root := got.Root()
	if got.Type() != "GuidanceResponse" || root.Child("status").String() != "data-required" || root.Child("dataRequirement") == nil {
		t.Fatalf("%s", got.Raw())
	}
	if !strings.Contains(string(resources(got)["OperationOutcome"].JSON()), "Nicht geprüft: Alter") {
		t.Errorf("%s", got.Raw())
	}
	if found := validate.Structure(got); found != nil {
		t.Error(found)
	}
	adult := b.must("apply", pneumonia, subject, `{"name":"data","resource":{"resourceType":"Patient","id":"example-cap-moderate","gender":"male","birthDate":"1957-09-30"}}`)
	group := resources(adult)["RequestGroup"]
	if group.Extension(content.NotCheckedExtension) == nil || !strings.Contains(string(resources(adult)["OperationOutcome"].JSON()), "Allergie") {
		t.Errorf("nobody says that allergies are not known: %s", adult.Raw())
	}
}

func TestAllergyExcludesHereToo(t *testing.T) {
	b := newBench(t)
	got := b.must("apply", pneumonia, `{"name":"subject","valueString":"Patient/example-cap-anaphylaxis"}`,
		`{"name":"data","resource":`+example(t, "cap-penicillin-anaphylaxis")+`}`)
	group := resources(got)["RequestGroup"]
	if group.Extension(content.ExclusionExtension) == nil {
		t.Errorf("nothing is excluded: %s", got.Raw())
	}
	for _, n := range got.Root().Children("contained") {
		if code := n.Get("medicationCodeableConcept", "coding", "code").String(); strings.HasPrefix(code, "J01C") {
			t.Errorf("penicillin %s is offered in penicillin anaphylaxis", code)
		}
	}
}

func TestARegimenPlanIsNeverAppliedAsWritten(t *testing.T) {
	b := newBench(t)
	plan := string(b.artifact(pneumonia).Raw())
	inline := func(text string) string { return `{"name":"planDefinition","resource":` + text + `}` }
	for _, test := range []struct {
		name, plan string
		want       issue.Kind
	}{
		{"edited", strings.Replace(plan, "any", "all", 1), issue.Conflict},
		{"another version", strings.Replace(plan, `"version": "0.1.0"`, `"version": "9.0.0"`, 1), issue.BusinessRule},
		{"topic taken away", strings.Replace(strings.Replace(plan, content.PackSystem, "http://example.org", 1), `"version": "0.1.0"`, `"version": "9"`, 1), issue.BusinessRule},
	} {
		if test.plan == plan {
			t.Fatalf("%s: nothing was changed", test.name)
		}
		if _, err := b.apply("apply", "PlanDefinition", subject, inline(test.plan)); !issue.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	// As it came from here it is the same plan.
	if got := b.must("apply", "PlanDefinition", subject, inline(plan), `{"name":"data","resource":`+example(t, "cap-moderate")+`}`); got.Type() != "CarePlan" {
		t.Errorf("%s", got.Raw())
	}
}

const checklist = `{"resourceType":"PlanDefinition","id":"checklist","url":"http://example.org/PlanDefinition/checklist","version":"1.0.0","status":"active",
	"action":[{"id":"old","title":"old","condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%age > 65"}}]},
	{"id":"ward","title":"ward","condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%ward = '7a' and %setting.coding.code = 'inpatient'"}}]},
	{"id":"no-labs","title":"no labs","input":[{"id":"labs","type":"Observation"}],"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%labs.empty()"}}]}]}`

const task = `{"resourceType":"ActivityDefinition","id":"call","url":"http://example.org/ActivityDefinition/call","version":"2","status":"active","kind":"Task","code":{"text":"call"}}`

func TestParameters(t *testing.T) {
	b := newBench(t, checklist, task)
	const person = `{"resourceType":"Patient","id":"example-cap-moderate","birthDate":"1950-01-01"}`
	b.config.Patients = kept{b.parse(person)}
	ward := `{"name":"parameters","resource":{"resourceType":"Parameters","parameter":[{"name":"ward","valueString":"7a"}]}},` +
		`{"name":"setting","valueCodeableConcept":{"coding":[{"code":"inpatient"}]}}`
	bundle := func(entry string) string {
		return `{"resourceType":"Bundle","type":"searchset","entry":[` + entry + `]}`
	}
	patient := `{"resource":` + person + `}`
	prefetched := `{"name":"prefetchData","part":[{"name":"key","valueString":"patient"},{"name":"data","resource":` + person + `}]},` +
		`{"name":"prefetchData","part":[{"name":"key","valueString":"observations"},{"name":"data","resource":{"resourceType":"Bundle","type":"searchset"}}]}`
	const alone = `{"name":"useServerData","valueBoolean":false}`
	for _, test := range []struct {
		name, on, more string
		want           []string // ids of actions
		typ            string
	}{
		{"data of the server", "PlanDefinition/checklist", ward, []string{"old", "ward", "no-labs"}, "CarePlan"},
		{"no data of the server", "PlanDefinition/checklist", ward + "," + alone, []string{"ward"}, "CarePlan"},
		{"the call knows nothing", "PlanDefinition/checklist", alone, nil, "GuidanceResponse"},
		{"data of the call", "PlanDefinition/checklist", alone + `,{"name":"data","resource":` + bundle(patient) + `}`, []string{"old"}, "CarePlan"},
		{"prefetched", "PlanDefinition/checklist", alone + "," + prefetched, []string{"old", "no-labs"}, "CarePlan"},
		{"by canonical", "PlanDefinition", ward + `,{"name":"canonical","valueCanonical":"http://example.org/PlanDefinition/checklist|1.0.0"}`, []string{"old", "ward", "no-labs"}, "CarePlan"},
		{"by url and version", "PlanDefinition", ward + `,{"name":"url","valueUri":"http://example.org/PlanDefinition/checklist"},{"name":"version","valueString":"1.0.0"}`, []string{"old", "ward", "no-labs"}, "CarePlan"},
		{"as it came", "PlanDefinition", ward + `,{"name":"planDefinition","resource":` + checklist + `}`, []string{"old", "ward", "no-labs"}, "CarePlan"},
		{"with what it names", "PlanDefinition", `{"name":"planDefinition","resource":` + strings.Replace(checklist, `"title":"ward",`, `"title":"ward","definitionCanonical":"http://example.org/PlanDefinition/inner",`, 1) + `},` +
			ward + `,{"name":"data","resource":` + bundle(`{"resource":`+strings.ReplaceAll(checklist, "checklist", "inner")+`}`) + `},{"name":"form","valueCode":"bundle"}`, []string{"old", "ward", "no-labs"}, "Bundle"},
		{"as Bundle", "PlanDefinition/checklist", ward + `,{"name":"form","valueCode":"bundle"}`, []string{"old", "ward", "no-labs"}, "Bundle"},
		{"activity", "ActivityDefinition/call", alone, nil, "Task"},
		{"activity by canonical", "ActivityDefinition", `{"name":"canonical","valueCanonical":"http://example.org/ActivityDefinition/call"}`, nil, "Task"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := b.must("apply", test.on, subject, test.more)
			var ids []string
			group := resources(got)["RequestGroup"]
			for _, a := range group.Children("action") {
				ids = append(ids, a.Child("id").String())
			}
			if diff := cmp.Diff(test.want, ids); diff != "" || got.Type() != test.typ {
				t.Errorf("%s %s", diff, got.Raw())
			}
			if test.name == "with what it names" && group.Child("id").String() != "inner" {
				t.Errorf("the inner plan was not applied: %s", got.Raw())
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t, checklist, task)
	for _, test := range []struct {
		name, on, parameters string
		want                 issue.Kind
	}{
		{"no subject", "PlanDefinition/checklist", "", issue.Required},
		{"no patient", "PlanDefinition/checklist", `{"name":"subject","valueString":"Group/1"}`, issue.NotSupported},
		{"two subjects", "PlanDefinition/checklist", subject + "," + subject, issue.NotSupported},
		{"a subject elsewhere", "PlanDefinition/checklist", `{"name":"subject","valueString":"http://example.org/Patient/1"}`, issue.Value},
		{"no id", "PlanDefinition/checklist", `{"name":"subject","valueString":"Patient/a b"}`, issue.Value},
		{"an endpoint", "PlanDefinition/checklist", subject + `,{"name":"dataEndpoint","resource":{"resourceType":"Endpoint"}}`, issue.NotSupported},
		{"rules about orders", "PlanDefinition/safety-rules", subject, issue.BusinessRule},
		{"no definition", "PlanDefinition", subject, issue.Required},
		{"an unknown definition", "PlanDefinition", subject + `,{"name":"canonical","valueCanonical":"http://example.org/none"}`, issue.NotFound},
		{"a definition of another type", "PlanDefinition", subject + `,{"name":"canonical","valueCanonical":"http://example.org/ActivityDefinition/call"}`, issue.NotFound},
		{"another type as it came", "PlanDefinition", subject + `,{"name":"planDefinition","resource":` + task + `}`, issue.Invalid},
		{"another form", "PlanDefinition/checklist", subject + `,{"name":"form","valueCode":"letter"}`, issue.Value},
		{"no data", "PlanDefinition/checklist", subject + `,{"name":"data","valueString":"x"}`, issue.Required},
		{"no Parameters", "PlanDefinition/checklist", subject + `,{"name":"parameters","resource":{"resourceType":"Patient"}}`, issue.Invalid},
		{"neither true nor false", "PlanDefinition/checklist", subject + `,{"name":"useServerData","valueString":"perhaps"}`, issue.Value},
	} {
		if _, err := b.apply("apply", test.on, test.parameters); !issue.Is(err, test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// TestOnlyWhatWasReleased: outside of a demonstration drafts and plans that come
// with the call are refused.
func TestOnlyWhatWasReleased(t *testing.T) {
	draft := strings.NewReplacer(`"active"`, `"draft"`, "checklist", "draft").Replace(checklist)
	b := newBench(t, checklist, draft)
	b.config.Demo = false
	if _, err := b.apply("apply", "PlanDefinition/checklist", subject); err != nil {
		t.Error(err)
	}
	for name, call := range map[string][]string{
		"draft":            {"PlanDefinition/draft"},
		"regimens":         {pneumonia},
		"foreign":          {"PlanDefinition", `{"name":"planDefinition","resource":` + strings.ReplaceAll(checklist, "PlanDefinition/checklist", "PlanDefinition/foreign") + `}`},
		"changed on a way": {"PlanDefinition", `{"name":"planDefinition","resource":` + strings.ReplaceAll(checklist, "> 65", "> 5") + `}`},
	} {
		if _, err := b.apply("apply", call[0], append([]string{subject}, call[1:]...)...); !issue.Is(err, issue.BusinessRule) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.apply("apply", "PlanDefinition", subject, `{"name":"planDefinition","resource":`+checklist+`}`); err != nil {
		t.Errorf("as released: %v", err)
	}
}

func TestOursAreMarked(t *testing.T) {
	b := newBench(t)
	var one *fhir.Resource
	for _, r := range b.artifacts {
		if r.Type() == "ActivityDefinition" {
			one = r
			break
		}
	}
	got := b.must("apply", one.Ref(), subject).Root()
	if got.ResourceType() != "MedicationRequest" || got.Get("note", "text").String() != content.BannerDE || !strings.Contains(got.Get("contained", "issue", "details", "text").String(), "Nicht geprüft: Dosis") {
		t.Errorf("%s", got.JSON())
	}
}

// filled gives a Bundle of about so many bytes: laboratory values, as a stay brings
// them.
func filled(tb testing.TB, bundle string, size int) string {
	tb.Helper()
	var b map[string]any
	if err := json.Unmarshal([]byte(bundle), &b); err != nil {
		tb.Fatal(err)
	}
	entries := b["entry"].([]any)
	for n := 0; ; n++ {
		b["entry"] = entries
		raw, err := json.Marshal(b)
		if err != nil {
			tb.Fatal(err)
		}
		if len(raw) >= size {
			return string(raw)
		}
		entries = append(entries, map[string]any{"resource": map[string]any{
			"resourceType": "Observation", "id": fmt.Sprintf("more-%d", n), "status": "final",
			"code":    map[string]any{"coding": []any{map[string]any{"system": "http://loinc.org", "code": "2823-3"}}},
			"subject": map[string]any{"reference": "Patient/example-cap-moderate"}, "effectiveDateTime": fmt.Sprintf("2026-01-%02dT06:00:00+01:00", 1+n%14),
			"valueQuantity": map[string]any{"value": 4.1, "unit": "mmol/l", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
		}})
	}
}

// BenchmarkApplyPneumonia is $apply of the starter plan on a Bundle of 20 KB, the
// reading of its bytes included. Aim: at most 2 ms CPU.
func BenchmarkApplyPneumonia(b *testing.B) {
	h := newBench(b)
	body := []byte(`{"resourceType":"Parameters","parameter":[` + subject + `,{"name":"data","resource":` + filled(b, example(b, "cap-moderate"), 20_000) + `}]}`)
	plan := h.parse(string(h.artifact(pneumonia).Raw())) // as the store gives it
	apply := operation.Operations(h.config)[0]
	b.ReportAllocs()
	began := cpu(b)
	for b.Loop() {
		parameters, err := fhir.ParseResource(append([]byte(nil), body...))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := apply.Run(b.Context(), fhir.Call{Type: "PlanDefinition", ID: plan.ID(), Instance: plan, Parameters: parameters}); err != nil {
			b.Fatal(err)
		}
		h.record.list = h.record.list[:0]
	}
	b.ReportMetric(float64((cpu(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// cpu is the processor time of this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

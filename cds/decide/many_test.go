package decide_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
)

// manyPlans is a snapshot in which five plans concern a call about pneumonia (two of
// safety, one of regimens, two rules of the site), and others, released too, that do
// not: services of their own, on the same hook.
func manyPlans(tb testing.TB, others int) *knowledge.Snapshot {
	tb.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		tb.Fatal(err)
	}
	var shipped []*fhir.Resource
	for _, r := range artifacts {
		if id := r.ID(); r.Type() != "PlanDefinition" || id == "safety-rules" || id == "no-antibiotic" || id == "regimens-community-acquired-pneumonia" {
			shipped = append(shipped, r)
		}
	}
	o := knowledge.Options{Demo: true, LoadedAt: now}
	add := func(text string) {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			tb.Fatal(err)
		}
		o.Site = append(o.Site, knowledge.Released{Resource: r, InForce: true, SHA256: knowledge.Hash(r)})
	}
	for i := range 2 {
		add(fmt.Sprintf(`{"resourceType":"PlanDefinition","id":"house-%[1]d","url":"https://site.example/house-%[1]d","version":"1","status":"active","title":"House",
		 "topic":[{"coding":[{"system":%[2]q,"code":"safety"}]}],"action":[{"id":"r%[1]d","title":"{substance}: ask","code":[{"coding":[{"system":%[3]q,"code":"rule"}]}],
		 "extension":[{"url":%[4]q,"extension":[{"url":"effect","valueCode":"warn"},{"url":"reason","valueCode":"other"},{"url":"applies","valueCode":"both"}]},{"url":%[5]q,"valueCode":"J01CR"}],
		 "condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%%age > 10"}}]}]}`,
			i, content.PackSystem, content.ActionSystem, content.EffectExtension, content.SubstanceExtension))
	}
	for i := range others {
		add(fmt.Sprintf(`{"resourceType":"PlanDefinition","id":"other-%[1]d","url":"https://site.example/other-%[1]d","version":"1","status":"active","title":"Other",
		 "action":[{"title":"A","trigger":[{"type":"named-event","name":"patient-view"}],"condition":[{"kind":"applicability","expression":{"language":"text/fhirpath","expression":"%%age > %[1]d"}}]}]}`, i))
	}
	s, err := knowledge.Load(shipped, o)
	if err != nil {
		tb.Fatal(err)
	}
	if len(s.Plans()) != 5+others || len(s.Services()) != others {
		tb.Fatalf("%d plans, %d services, %v", len(s.Plans()), len(s.Services()), s.Problems())
	}
	return s
}

// pneumonia is a call about a patient with pneumonia.
func pneumonia(tb testing.TB, s *knowledge.Snapshot) func() {
	tb.Helper()
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		tb.Fatal(err)
	}
	d := decide.New(decide.Config{
		Knowledge: func() *knowledge.Snapshot { return s }, Tables: tables, Demo: true, Deadline: time.Minute, Forgetful: true,
		Now: func() time.Time { return now }, NewID: func() string { return "00000000-0000-7000-8000-000000000001" },
	})
	bundle := func(entry string) *fhir.Node {
		n, err := fhir.ParseJSON([]byte(`{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"resource":`+entry+`}]}`), fhir.Limits{})
		if err != nil {
			tb.Fatal(err)
		}
		return n
	}
	person, err := fhir.ParseJSON([]byte(patient), fhir.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	req := cds.Request{
		Service: "abs-patient-view", Hook: "patient-view", Question: cds.AskOptions, HookInstance: "i", Patient: "p", Language: cds.DE,
		Prefetch: map[string]*fhir.Node{"patient": person, "conditions": bundle(`{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},
		 "clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/icd-10-gm","code":"J18.9"}]}}`)},
	}
	return func() {
		r, err := d.Hook(tb.Context(), req)
		if err != nil || len(r.Cards) == 0 {
			tb.Fatalf("%v, %d cards", err, len(r.Cards))
		}
	}
}

// TestPlansThatAreNotConcernedCostNothing counts what a call allocates, which is the
// same on every machine.
func TestPlansThatAreNotConcernedCostNothing(t *testing.T) {
	few := testing.AllocsPerRun(5, pneumonia(t, manyPlans(t, 0)))
	many := testing.AllocsPerRun(5, pneumonia(t, manyPlans(t, 995)))
	if many > 1.2*few {
		t.Errorf("with 1,000 plans %.0f allocations, with five %.0f", many, few)
	}
}

// BenchmarkHookWithManyPlans measures both in turn, so that other load on the machine
// meets both: CPU with 1,000 released plans, as a multiple of that with five.
func BenchmarkHookWithManyPlans(b *testing.B) {
	calls := []func(){pneumonia(b, manyPlans(b, 0)), pneumonia(b, manyPlans(b, 995))}
	var spent [2]time.Duration
	for range max(b.N, 200) {
		for i, call := range calls {
			before := cpu()
			call()
			spent[i] += cpu() - before
		}
	}
	runtime.KeepAlive(calls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(spent[0].Microseconds())/float64(max(b.N, 200))/1000, "five-cpu-ms")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "x-five")
}

// cpu is what the process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

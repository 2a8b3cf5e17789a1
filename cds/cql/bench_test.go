package cql_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cdss/cds/cql"
	"cdss/fhir"
)

// typical is a library of the size that guides publish: includes, terms, retrieves
// with filters, queries with relations, ages, quantities and intervals.
const typical = `library Typical version '1.0.0'
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.1' called FHIRHelpers

codesystem "LOINC": 'http://loinc.org'
codesystem "SNOMED": 'http://snomed.info/sct'
codesystem "ClinicalStatus": 'http://terminology.hl7.org/CodeSystem/condition-clinical'
valueset "Pneumonia": 'http://example.org/ValueSet/pneumonia'
valueset "Penicillins": 'http://example.org/ValueSet/penicillins'
code "Creatinine": '2160-0' from "LOINC" display 'Creatinine'
code "Heart rate": '8867-4' from "LOINC"
code "active": 'active' from "ClinicalStatus"
concept "Vitals": { "Heart rate" } display 'vital signs'
parameter "Measurement Period" Interval<DateTime> default Interval[@2026-01-01T00:00:00.0, @2027-01-01T00:00:00.0)

context Patient

define function "Latest"(items List<FHIR.Observation>):
  Last(items O where O.status in { 'final', 'amended', 'corrected' } sort by (effective as FHIR.dateTime).value)

define "Is Adult": AgeInYears() >= 18

define "Pneumonia Conditions":
  [Condition: "Pneumonia"] C
    where exists (C.clinicalStatus.coding S where S.code = 'active')
      and C.onset as FHIR.dateTime during "Measurement Period"

define "Creatinine Values":
  [Observation: "Creatinine"] O
    where O.value is FHIR.Quantity and (O.value as FHIR.Quantity) > 0.1 'mg/dL'
    return Tuple { at: (O.effective as FHIR.dateTime).value, value: (O.value as FHIR.Quantity) }
    sort by at desc

define "Latest Creatinine": First("Creatinine Values").value

define "Kidney Impaired": "Latest Creatinine" > 1.4 'mg/dL'

define "Penicillin With Pneumonia":
  [MedicationRequest: "Penicillins"] M
    with "Pneumonia Conditions" P
      such that M.authoredOn.value same day or after (P.onset as FHIR.dateTime).value
    where M.status = 'active'

define "Fast Heart Days":
  distinct ([Observation: "Heart rate"] O
    where (O.value as FHIR.Quantity).value > 100
    return date from (O.effective as FHIR.dateTime).value)

define "Mean Heart Rate":
  Avg([Observation: "Heart rate"] O return all (O.value as FHIR.Quantity).value)

define "Stays":
  collapse ([Encounter] E where E.status = 'finished' return FHIRHelpers.ToInterval(E.period))

define "Risk":
  case
    when "Kidney Impaired" and Count("Fast Heart Days") > 3 then 'high'
    when "Is Adult" then 'medium'
    else 'low'
  end

define "Recommendation":
  if "Risk" = 'high' then 'Reduce the dose; last creatinine ' + ToString("Latest Creatinine")
  else 'No change'
`

func memberOf(c fhir.Coding, set string) (bool, bool) {
	switch set {
	case "http://example.org/ValueSet/pneumonia":
		return c.Code == "233604007", true
	case "http://example.org/ValueSet/penicillins":
		return strings.HasPrefix(c.Code, "J01C"), true
	}
	return false, false
}

// chart is given data, by type.
type chart map[string][]*fhir.Node

func (c chart) Retrieve(_ context.Context, typ string) ([]*fhir.Node, bool, error) {
	list, ok := c[typ]
	return list, ok, nil
}

func (c chart) add(t testing.TB, raw string) {
	t.Helper()
	r, err := fhir.ParseResource([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	c[r.Type()] = append(c[r.Type()], r.Root())
}

// hospital makes a chart of n resources and their Patient.
func hospital(t testing.TB, n int) (chart, *fhir.Node) {
	c := chart{"Condition": nil, "MedicationRequest": nil, "Encounter": nil, "Observation": nil}
	c.add(t, `{"resourceType":"Patient","id":"p","gender":"male","birthDate":"1956-05-17"}`)
	for i := range n {
		day := fmt.Sprintf("2026-%02d-%02d", 1+i/28%12, 1+i%28)
		switch i % 5 {
		case 0:
			c.add(t, fmt.Sprintf(`{"resourceType":"Condition","id":"c%d","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"233604007"}]},"subject":{"reference":"Patient/p"},"onsetDateTime":"%s"}`, i, day))
		case 1:
			c.add(t, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"effectiveDateTime":"%sT08:00:00+01:00","valueQuantity":{"value":1.%d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`, i, day, i%9))
		case 2:
			c.add(t, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"effectiveDateTime":"%sT08:00:00+01:00","valueQuantity":{"value":%d,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`, i, day, 80+i%40))
		case 3:
			c.add(t, fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"m%d","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"J01CR05"}]},"subject":{"reference":"Patient/p"},"authoredOn":"%s"}`, i, day))
		case 4:
			c.add(t, fmt.Sprintf(`{"resourceType":"Encounter","id":"e%d","status":"finished","class":{"code":"IMP"},"period":{"start":"%sT00:00:00Z","end":"%sT12:00:00Z"}}`, i, day, day))
		}
	}
	return c, c["Patient"][0]
}

func compileTypical(t testing.TB) *cql.Library {
	t.Helper()
	lib, err := cql.Compile(cql.Source{Text: typical}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lib.Problems {
		t.Fatal(p.Definition, p.Err)
	}
	return lib
}

func BenchmarkCompileTypical(b *testing.B) {
	before := cpu(b)
	for b.Loop() {
		compileTypical(b)
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkCompilePublished compiles a decision table of the WHO with the 400 KB
// of libraries that it includes.
func BenchmarkCompilePublished(b *testing.B) {
	list := published(b, "ancdt17")
	before := cpu(b)
	for b.Loop() {
		if _, err := cql.Compile(list["ANCDT17"], finder(list)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func evaluateAll(t testing.TB, lib *cql.Library, env cql.Env) {
	run := cql.NewRun(context.Background(), env)
	for _, d := range lib.Definitions() {
		if d.Function {
			continue
		}
		if _, err := run.Evaluate(lib, d.Name); err != nil {
			t.Fatal(d.Name, err)
		}
	}
}

func BenchmarkEvaluate200(b *testing.B) {
	lib := compileTypical(b)
	data, patient := hospital(b, 200)
	env := cql.Env{Now: suiteNow, Patient: patient, Data: data, MemberOf: memberOf}
	evaluateAll(b, lib, env)
	before := cpu(b)
	for b.Loop() {
		evaluateAll(b, lib, env)
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// cpu gives the processor time of this process.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLibraryMemory keeps a compiled library below 2 MB.
func TestLibraryMemory(t *testing.T) {
	compileTypical(t)
	var before, after runtime.MemStats
	const n = 20
	keep := make([]*cql.Library, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range keep {
		keep[i] = compileTypical(t)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes per compiled library", each)
	if each > 2<<20 {
		t.Errorf("a compiled library takes %d bytes", each)
	}
	runtime.KeepAlive(keep)
}

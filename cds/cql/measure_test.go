package cql_test

import (
	"context"
	"testing"

	"cdss/cds/cql"
	"cdss/fhir"
)

// common holds functions of the kind that libraries of measures share.
const common = `library Common version '1'
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.001' called FHIRHelpers
codesystem "Clinical": 'http://terminology.hl7.org/CodeSystem/condition-clinical'
valueset "Emergency": 'http://example.org/ValueSet/emergency'
code "active": 'active' from "Clinical"
parameter "Measurement Period" Interval<DateTime> default Interval[@2026-01-01T00:00:00.0, @2027-01-01T00:00:00.0)
context Patient

define function "Days"(value Interval<DateTime>):
  difference in days between start of value and end of value

define function "ED Visit"(encounter FHIR.Encounter):
  Last([Encounter: "Emergency"] V
    where V.status = 'finished'
      and V.period ends 1 hour or less on or before start of FHIRHelpers.ToInterval(encounter.period)
    sort by end of period)

define function "Hospitalization"(encounter FHIR.Encounter):
  ("ED Visit"(encounter)) X
    return
      if X is null then encounter.period
      else Interval[start of FHIRHelpers.ToInterval(X.period), end of FHIRHelpers.ToInterval(encounter.period)]

define function "Locations"(encounter FHIR.Encounter):
  ("ED Visit"(encounter)) E
    return if E is null then encounter.location else flatten { E.location, encounter.location }

define function "Arrival"(encounter FHIR.Encounter):
  start of FHIRHelpers.ToInterval(First(("Locations"(encounter)) L sort by start of FHIRHelpers.ToInterval(period)).period)

define function "Normalize"(choice Choice<FHIR.dateTime, FHIR.Period, FHIR.Timing, FHIR.instant, FHIR.string, FHIR.Age, FHIR.Range>):
  case
    when choice is FHIR.dateTime then Interval[FHIRHelpers.ToDateTime(choice as FHIR.dateTime), FHIRHelpers.ToDateTime(choice as FHIR.dateTime)]
    when choice is FHIR.Period then FHIRHelpers.ToInterval(choice as FHIR.Period)
    when choice is FHIR.Age then
      Interval[FHIRHelpers.ToDate(Patient.birthDate) + FHIRHelpers.ToQuantity(choice as FHIR.Age),
        FHIRHelpers.ToDate(Patient.birthDate) + FHIRHelpers.ToQuantity(choice as FHIR.Age) + 1 year)
    when choice is FHIR.string then Message(null as Interval<DateTime>, true, '1', 'Error', 'no interval')
    else null as Interval<DateTime>
  end

define function "Abatement"(condition Condition):
  if condition.abatement is FHIR.dateTime then
    Interval[FHIRHelpers.ToDateTime(condition.abatement as FHIR.dateTime), FHIRHelpers.ToDateTime(condition.abatement as FHIR.dateTime)]
  else if condition.abatement is FHIR.Period then FHIRHelpers.ToInterval(condition.abatement as FHIR.Period)
  else if condition.abatement is FHIR.boolean then Interval[end of "Normalize"(condition.onset), condition.recordedDate)
  else null

define function "Prevalence"(condition Condition):
  if condition.clinicalStatus ~ "active" then Interval[start of "Normalize"(condition.onset), end of "Abatement"(condition)]
  else Interval[start of "Normalize"(condition.onset), end of "Abatement"(condition))

define function "Id"(uri String): Last(Split(uri, '/'))

define function "Medication"(choice Choice<FHIR.CodeableConcept, FHIR.Reference>):
  case
    when choice is FHIR.CodeableConcept then choice as FHIR.CodeableConcept
    when choice is FHIR.Reference then (singleton from ([Medication: id in { "Id"((choice as FHIR.Reference).reference) }])).code
    else null as FHIR.CodeableConcept
  end

define function "Location"(reference Reference):
  singleton from ([Location: id in "Id"(reference.reference)])
`

const measure = `library Measure version '1'
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.001' called FHIRHelpers
include Common version '1' called Global
codesystem "ActCode": 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
codesystem "LOINC": 'http://loinc.org' version '2.72'
valueset "Drugs": 'http://example.org/ValueSet/drugs'
valueset "Frailty": 'http://example.org/ValueSet/frailty'
code "inpatient": 'IMP' from "ActCode"
code "short": 'SS' from "ActCode"
code "SBP": '8480-6' from "LOINC"
parameter "Measurement Period" Interval<DateTime>
context Patient

define "Inpatient":
  [Encounter: class in { "inpatient", "short" }]
    union [Encounter: "Frailty"] E
      where E.status in { 'in-progress', 'finished' } and E.period overlaps "Measurement Period"

define "Given Or Ordered":
  ([MedicationAdministration] A where Global."Medication"(A.medication) in "Drugs" and A.status ~ 'completed')
    union ([MedicationRequest] R where Global."Medication"(R.medication) in "Drugs")

define "Initial Population":
  "Inpatient" E
    with "Given Or Ordered" D
      such that Coalesce(start of Global."Normalize"(D.effective), D.authoredOn) during Global."Hospitalization"(E)
        and Coalesce(start of Global."Normalize"(D.effective), D.authoredOn) during "Measurement Period"

define "Old And Frail":
  AgeInYearsAt(start of "Measurement Period") between 66 and 80
    and (exists "Frail" or Count("Inpatient")>= 5)

define "Frail":
  [Condition: "Frailty"] C where Global."Prevalence"(C) overlaps "Measurement Period"

define "Diagnosed":
  "Inpatient" E
    with [Condition] C
      such that exists (E.diagnosis.condition D where EndsWith(D.reference, C.id))
        and E.period starts 2 years or less on or before
          end of "Measurement Period"

define "Days In Period":
  Sum((collapse ("Inpatient" E return E.period intersect "Measurement Period")) P return all duration in days of P)

define "Systolic":
  First([Observation] O
    sort by start of Global."Normalize"(effective)).component C where C.code ~ "SBP" return (C.value as Quantity) < 140 'mm[Hg]'

define "Race":
  (flatten (Patient.extension Extension where Extension.url = 'http://example.org/race' return Extension.extension)) E
    where E.url = 'ombCategory' or E.url = 'detailed'
    return E.value as Coding

define "Payer": [Coverage: type in "Frailty"] Payer return { code: Payer.type, period: Payer.period }

define "Locations":
  "Initial Population" E
    where exists (E.location L where Global.Location(L.location).type in "Frailty" and L.period during E.period)

define "Arrivals": "Initial Population" E return Global."Arrival"(E)
define "Lengths": "Initial Population" E return Global."Days"(Global."Hospitalization"(E))

define "Addresses":
  Patient.address address return FHIR.Address { postalCode: address.postalCode }

define "Dosages":
  [MedicationRequest] m
    let dosages: m.dosageInstruction
    return dosages d return Dosage { timing: d.timing, route: d.route }

define "Myself": Patient p return p.id
define "Coverage Ended":
  [Coverage] C where start of C.period before day of end of "Measurement Period"
    and (end of C.period is null or (end of C.period is not null and end of C.period on or after day of end of "Measurement Period"))
`

// TestMeasure runs what measures are written in: shared functions, choices, unions of
// different types, references by id, periods that are normalised.
func TestMeasure(t *testing.T) {
	lib, err := cql.Compile(cql.Source{Text: measure}, func(_, name, _ string) (cql.Source, bool) { return cql.Source{Text: common}, name == "Common" })
	if err != nil {
		t.Fatal(err)
	}
	shared, _ := lib.Included("Global")
	for _, l := range []*cql.Library{lib, shared} {
		for _, p := range l.Problems {
			t.Errorf("%s %s: %v", l.Name, p.Definition, p.Err)
		}
	}
	c := chart{"Condition": nil, "Coverage": nil, "Location": nil, "Observation": nil}
	for _, raw := range []string{
		`{"resourceType":"Patient","id":"p","birthDate":"1956-05-17","address":[{"city":"Jena","postalCode":"07743"}],"extension":[{"url":"http://example.org/race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16","code":"2106-3"}},{"url":"text","valueString":"x"}]}]}`,
		`{"resourceType":"Encounter","id":"e0","status":"finished","type":[{"coding":[{"code":"ER"}]}],"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"EMER"},"period":{"start":"2026-02-01T06:00:00Z","end":"2026-02-01T09:30:00Z"},"location":[{"location":{"reference":"Location/l0"},"period":{"start":"2026-02-01T06:10:00Z"}}]}`,
		`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"period":{"start":"2026-02-01T10:00:00Z","end":"2026-02-05T12:00:00Z"},"diagnosis":[{"condition":{"reference":"Condition/c1"}}],"location":[{"location":{"reference":"Location/l1"},"period":{"start":"2026-02-01T10:10:00Z","end":"2026-02-02T10:00:00Z"}}]}`,
		`{"resourceType":"Encounter","id":"e2","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"SS"},"period":{"start":"2026-03-01T10:00:00Z","end":"2026-03-02T12:00:00Z"}}`,
		`{"resourceType":"Condition","id":"c1","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"code":"frail"}]},"onsetAge":{"value":68,"unit":"a","system":"http://unitsofmeasure.org","code":"a"}}`,
		`{"resourceType":"MedicationAdministration","id":"a1","status":"completed","medicationReference":{"reference":"Medication/m1"},"effectivePeriod":{"start":"2026-02-01T07:00:00Z","end":"2026-02-01T08:00:00Z"}}`,
		`{"resourceType":"MedicationRequest","id":"r1","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"code":"other"}]},"authoredOn":"2026-03-01T11:00:00Z","dosageInstruction":[{"route":{"text":"iv"}}]}`,
		`{"resourceType":"Medication","id":"m1","code":{"coding":[{"code":"drug"}]}}`,
		`{"resourceType":"Location","id":"l1","type":[{"coding":[{"code":"frail"}]}]}`,
		`{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"code":"bp"}]},"effectiveDateTime":"2026-02-01","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":128,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`,
		`{"resourceType":"Coverage","id":"v1","type":{"coding":[{"code":"frail"}]},"period":{"start":"2025-01-01"}}`,
	} {
		c.add(t, raw)
	}
	period, err := inWard(t, "Interval[@2026-01-01T00:00:00.0, @2027-01-01T00:00:00.0)")
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]string{"http://example.org/ValueSet/emergency": "ER", "http://example.org/ValueSet/drugs": "drug", "http://example.org/ValueSet/frailty": "frail"}
	run := cql.NewRun(context.Background(), cql.Env{
		Now: suiteNow, Patient: c["Patient"][0], Data: c, Parameters: map[string]cql.Value{"Measurement Period": period.Value},
		MemberOf: func(code fhir.Coding, set string) (bool, bool) { return sets[set] == code.Code, true },
	})
	ids := func(name string) string {
		x, err := lib.Expression(`"` + name + `" X return X.id`)
		if err != nil {
			t.Fatal(err)
		}
		r, err := run.Eval(x)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return cql.Text(r.Value)
	}
	for name, want := range map[string]string{"Inpatient": "{e1, e2}", "Given Or Ordered": "{a1}", "Initial Population": "{e1}", "Frail": "{c1}", "Diagnosed": "{e1}", "Locations": "{e1}", "Coverage Ended": "{v1}"} {
		if got := ids(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"Old And Frail": "true", "Days In Period": "5", "Systolic": "{true}", "Arrivals": "{@2026-02-01T06:10:00Z}", "Lengths": "{4}", "Myself": "p",
		"Addresses": "{FHIR.Address {postalCode: 07743}}",
	} {
		r, err := run.Evaluate(lib, name)
		if err != nil || cql.Text(r.Value) != want {
			t.Errorf("%s: %s, %v; want %s", name, cql.Text(r.Value), err, want)
		}
	}
	r, err := run.Evaluate(lib, "Race")
	items, _ := cql.ToFHIR(r.Value)
	if err != nil || len(items) != 1 || items[0].Node().Child("code").String() != "2106-3" {
		t.Errorf("Race: %s, %v", cql.Text(r.Value), err)
	}
	r, err = run.Evaluate(lib, "Payer")
	if err != nil || cql.Text(r.Value) == "null" {
		t.Errorf("Payer: %s, %v", cql.Text(r.Value), err)
	}
	if _, err := run.Evaluate(lib, "Dosages"); err != nil {
		t.Errorf("Dosages: %v", err)
	}
}

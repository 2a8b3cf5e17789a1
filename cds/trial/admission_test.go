package trial_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cdss/cds/trial"
	"cdss/cds/trial/ward"
	"cdss/fhir"
)

const admitted = "2026-05-20T06:00:00Z"

// order is an antibiotic order of a past admission.
func order(id, atc, at, end, status string) string {
	bounds := fmt.Sprintf(`"start":%q`, at)
	if end != "" {
		bounds += fmt.Sprintf(`,"end":%q`, end)
	}
	return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":%q,"status":%q,"intent":"order","authoredOn":%q,"subject":{"reference":"Patient/p"},
		"medicationCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":%q}]},
		"dosageInstruction":[{"text":"2 g i.v. 1x täglich","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d","boundsPeriod":{%s}}}}]}`, id, status, at, atc, bounds)
}

func taken(t *testing.T, resources ...string) trial.Admission {
	t.Helper()
	list := []*fhir.Resource{
		bundle(t, `{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1950-01-01"}`),
		bundle(t, `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"IMP"},"period":{"start":"`+admitted+`","end":"2026-05-28T10:00:00Z"}}`),
	}
	for _, r := range resources {
		list = append(list, bundle(t, r))
	}
	return trial.Admissions{Formulary: house(t).Tables.Formulary}.Read("x", time.Time{}, list)
}

func names(list []*fhir.Resource) string {
	var out []string
	for _, r := range list {
		text := r.Ref()
		if s := r.Root().Child("status").String(); r.Type() == "MedicationRequest" || r.Type() == "Encounter" {
			text += " " + s
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// A past order is judged with what was known then: nothing that came later.
func TestReplayKnowsNoFuture(t *testing.T) {
	observation := func(id, effective, issued string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2160-0"}]},"effectiveDateTime":%q,"issued":%q,"valueQuantity":{"value":1,"code":"mg/dL"}}`, id, effective, issued)
	}
	a := taken(t,
		observation("before", "2026-05-20T06:30:00Z", "2026-05-20T07:10:00Z"),
		observation("drawn-before-known-later", "2026-05-20T06:30:00Z", "2026-05-21T07:10:00Z"),
		`{"resourceType":"Condition","id":"later","subject":{"reference":"Patient/p"},"recordedDate":"2026-05-28","code":{"text":"x"}}`,
		`{"resourceType":"AllergyIntolerance","id":"undated","patient":{"reference":"Patient/p"},"code":{"text":"y"}}`,
		order("one", "J01DD04", "2026-05-20T08:00:00Z", "2026-05-22T08:30:00Z", "completed"),
		order("with-it", "J01FA09", "2026-05-20T08:20:00Z", "2026-05-22T20:30:00Z", "completed"),
		order("then", "J01CR02", "2026-05-22T08:30:00Z", "", "active"),
	)
	if len(a.Moments) != 2 || a.Orders != 3 {
		t.Fatalf("%d moments of %d orders", len(a.Moments), a.Orders)
	}
	first, second := a.Moments[0], a.Moments[1]
	if got, want := names(first.Orders), "MedicationRequest/one draft, MedicationRequest/with-it draft"; got != want {
		t.Errorf("orders %s, want %s", got, want)
	}
	if got, want := names(first.Resources), "Patient/p, Encounter/e in-progress, Observation/before, AllergyIntolerance/undated"; got != want {
		t.Errorf("known at first: %s, want %s", got, want)
	}
	// What the new order takes the place of ends with it.
	if got, want := names(second.Resources), "Patient/p, Encounter/e in-progress, Observation/before, Observation/drawn-before-known-later, AllergyIntolerance/undated, "+
		"MedicationRequest/one completed, MedicationRequest/with-it active"; got != want {
		t.Errorf("known then: %s, want %s", got, want)
	}
	if len(second.Running) != 1 || second.Running[0].ATC != "J01FA09" {
		t.Errorf("goes on: %+v", second.Running)
	}
	goesOn := taken(t, order("one", "J01DD04", "2026-05-20T08:00:00Z", "2026-05-22T08:30:00Z", "completed"), order("more", "J01DD04", "2026-05-22T08:30:00Z", "", "active"))
	raw := string(goesOn.Moments[1].Resources[2].Raw())
	if !strings.Contains(raw, `"active"`) || strings.Contains(raw, "2026-05-22T08:30:00Z") {
		t.Errorf("the order that is written anew is told to end: %s", raw)
	}
}

func TestOrdersThatAreNoMoment(t *testing.T) {
	for _, tc := range []struct {
		name           string
		order          string
		moments        int
		undated, other int
	}{
		{"of another year", order("x", "J01DD04", "2024-05-20T08:00:00Z", "2024-05-25T08:00:00Z", "completed"), 0, 0, 1},
		{"of no time", strings.Replace(order("x", "J01DD04", "2026-05-20T08:00:00Z", "", "completed"), `"authoredOn":"2026-05-20T08:00:00Z",`, "", 1), 0, 1, 0},
		{"of the emergency room", order("x", "J01DD04", "2026-05-19T22:00:00Z", "", "completed"), 1, 0, 0},
		{"cancelled", order("x", "J01DD04", "2026-05-20T08:00:00Z", "", "cancelled"), 1, 0, 0}, // nothing was given
		{"no antibiotic", order("x", "C09AA05", "2026-05-20T08:00:00Z", "", "active"), 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := taken(t, tc.order)
			given := 0
			for _, m := range a.Moments {
				given += len(m.Given)
			}
			if len(a.Moments) != tc.moments || a.Undated != tc.undated || a.Other != tc.other {
				t.Errorf("%d moments with %d orders, %d undated, %d outside", len(a.Moments), given, a.Undated, a.Other)
			}
		})
	}
}

// The impact of a release on past admissions: those it concerns, and no other.
func TestReplayTellsImpact(t *testing.T) {
	o := ward.Usual
	o.Admissions = 60
	admissions := lines(t, o)
	now := house(t)
	same := replayed(t, trial.NewReplayer(now, &now), admissions)
	if same.Impact.Changed != 0 || same.Impact.Questions != same.Moments || same.Moments < o.Admissions {
		t.Errorf("the same knowledge changes %d of %d", same.Impact.Changed, same.Impact.Questions)
	}
	next := changed(t, pneumonia, `%severity = 'moderate'`, `%severity = 'mild'`)
	r := replayed(t, trial.NewReplayer(next, &now), admissions)
	concerned := 0
	for _, i := range same.Indications {
		if i.Name != nil && strings.Contains(i.Name.EN, "pneumonia") {
			concerned += i.Moments
		}
	}
	if r.Impact.Changed == 0 || r.Impact.Changed > concerned || r.Impact.Kinds[trial.AbstainChange] == 0 {
		t.Errorf("%d decisions change, of %d that it concerns: %v", r.Impact.Changed, concerned, r.Impact.Kinds)
	}
}

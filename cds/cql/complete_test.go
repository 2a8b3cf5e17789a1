package cql

import (
	"slices"
	"strings"
	"testing"
)

const written1 = `library Ward version '1'
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.1'
valueset "Pneumonia codes": 'http://example.org/ValueSet/pneumonia'
parameter "Measurement Period" Interval<DateTime>
context Patient
define "Pneumonia present": exists [Condition: "Pneumonia codes"]
define Temperatures: [Observation]
define "First": Tuple { name: 'x', size: 3 }
define function Twice(x Integer): x * 2
`

func completed(t *testing.T, before string) (string, []string) {
	t.Helper()
	l, err := Compile(Source{Name: "Ward", Text: written1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	typed, list := l.Complete(before)
	var texts []string
	for _, c := range list {
		texts = append(texts, c.Text)
	}
	return typed, texts
}

// What is offered fits what is being written, and what is written of it is told.
func TestComplete(t *testing.T) {
	for _, tc := range []struct {
		before, typed string
		want          []string // among what is offered
		not           []string
	}{
		{`exists "Pneu`, `"Pneu`, []string{`"Pneumonia present"`, `"Pneumonia codes"`}, []string{`"Patient"`, `"Temperatures"`}},
		{`"Temp`, `"Temp`, []string{`"Temperatures"`}, nil},
		{`"exi`, `"exi`, nil, []string{`"exists"`, "exists"}},
		{`pneu`, `pneu`, []string{`"Pneumonia present"`}, nil},
		{`Patient.na`, `na`, []string{"name"}, []string{"gender"}},
		{`Patient.name.`, ``, []string{"family", "given"}, []string{"birthDate"}},
		{`First(Patient.name).fam`, `fam`, []string{"family"}, nil},
		{`First.`, ``, []string{"name", "size"}, []string{"family"}},
		{`exists [Obs`, `Obs`, []string{"Observation"}, []string{"Condition"}},
		{`[Condition] C where C.clin`, `clin`, []string{"clinicalStatus"}, nil},
		{`Temperatures T where T.value is not null and T.eff`, `eff`, []string{"effective"}, nil},
		{`"Measurement Period".`, ``, []string{"low", "high"}, nil},
		{`Tw`, `Tw`, []string{"Twice("}, nil},
		{`AgeInY`, `AgeInY`, []string{"AgeInYears("}, nil},
		{`Meas`, `Meas`, []string{`"Measurement Period"`}, nil},
		{`nobody.`, ``, nil, []string{"name"}},
		{`).`, ``, nil, []string{"name"}},
		{`"open`, `"open`, nil, []string{"Patient"}},
	} {
		typed, got := completed(t, tc.before)
		if typed != tc.typed {
			t.Errorf("%s: typed %q, want %q", tc.before, typed, tc.typed)
		}
		for _, w := range tc.want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: %s is not offered among %v", tc.before, w, got)
			}
		}
		for _, n := range tc.not {
			if slices.Contains(got, n) {
				t.Errorf("%s: %s is offered", tc.before, n)
			}
		}
	}
}

// Every function that is offered is one.
func TestOfferedFunctionsExist(t *testing.T) {
	for _, name := range functionNames {
		_, err := Empty().Expression(name + "()")
		if err != nil && strings.Contains(err.Error(), "there is no function") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzComplete(f *testing.F) {
	for _, s := range []string{`exists "Pneu`, "Patient.name[0].", "((", ")]..", `"`, "a.b.c"} {
		f.Add(s)
	}
	l, err := Compile(Source{Name: "Ward", Text: written1}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, before string) {
		if typed, _ := l.Complete(before); !strings.HasSuffix(before, typed) {
			t.Errorf("%q is not the end of %q", typed, before)
		}
	})
}

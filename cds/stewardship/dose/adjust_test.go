package dose_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
)

func substances(t *testing.T) *formulary.Formulary {
	t.Helper()
	f, err := formulary.Load(os.DirFS("../../content/source"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func regimen(atc string, value float64, unit string, perDay float64, route string) cds.Ingredient {
	return cds.Ingredient{ATC: atc, Name: atc, Dose: cds.Dose{Value: value, Unit: unit}, Frequency: cds.Frequency{Count: perDay, Period: 1, PeriodUnit: "d"}, Route: route}
}

// adult is a patient whose clearance is known and nothing else is special.
func adult(clearance float64) dose.Kidney {
	return dose.Kidney{
		Clearance: stewardship.Exactly(clearance), ClearanceBasis: dose.ActualWeight, EGFR: stewardship.Exactly(clearance), Creatinine: 1,
		Dialysis: stewardship.No, Unstable: stewardship.No, Pregnant: stewardship.No, Adult: stewardship.Yes,
	}
}

func lines(a dose.Adjusted) []string {
	var out []string
	for _, p := range a.Phases {
		out = append(out, dose.Line(p, cds.EN))
	}
	return out
}

func TestAdjust(t *testing.T) {
	f := substances(t)
	first := dose.Plan{Severity: "moderate", FullDoseHours: 24}
	later := dose.Plan{Severity: "moderate"}
	severe := dose.Plan{Severity: "severe"}
	on := func(m formulary.Mode) dose.Kidney {
		k := adult(8)
		k.Dialysis, k.Mode = stewardship.Yes, m
		return k
	}
	with := func(k dose.Kidney, set func(*dose.Kidney)) dose.Kidney { set(&k); return k }
	for _, tc := range []struct {
		name    string
		regimen cds.Ingredient
		kidney  dose.Kidney
		plan    dose.Plan
		status  dose.Status
		want    []string
		missing []string
	}{
		{"normal function", regimen("J01CR05", 4.5, "g", 3, "iv"), adult(95), later, dose.Full, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"interval of the band", regimen("J01CR05", 4.5, "g", 3, "iv"), adult(16), later, dose.Reduced, []string{"J01CR05 4.5 g IV every 12 h (2× daily)"}, nil},
		{"dose of the band", regimen("J01CR01", 3, "g", 3, "iv"), adult(23), later, dose.Reduced, []string{"J01CR01 1.5 g IV every 8 h (3× daily)"}, nil},
		{"two phases", regimen("J01CR01", 3, "g", 3, "iv"), adult(23), first, dose.Reduced,
			[]string{"J01CR01 3 g IV every 8 h (3× daily), 24 h", "J01CR01 1.5 g IV every 8 h (3× daily)"}, nil},
		{"at the border of two bands the stricter one counts", regimen("J01DF01", 2, "g", 3, "iv"), adult(10), later, dose.Reduced, []string{"J01DF01 2 g IV once daily (every 24 h)"}, nil},
		{"no band ever raises a dose", regimen("J01DC02", 0.75, "g", 2, "iv"), adult(15), later, dose.Full, []string{"J01DC02 0.75 g IV every 12 h (2× daily)"}, nil},
		{"smaller and more often within the band's day", regimen("J01DE01", 1, "g", 3, "iv"), adult(40), later, dose.Full, []string{"J01DE01 1 g IV every 8 h (3× daily)"}, nil},
		{"weight-based interval", regimen("J01XX09", 6, "mg/kg", 1, "iv"), adult(20), later, dose.Reduced, []string{"J01XX09 6 mg/kg IV every 48 h"}, nil},
		{"source asks for no change", regimen("J01DD04", 2, "g", 1, "iv"), adult(8), later, dose.Full, []string{"J01DD04 2 g IV once daily (every 24 h)"}, nil},
		{"by level", regimen("J01XA01", 1, "g", 2, "iv"), adult(40), later, dose.Level, []string{"J01XA01 1 g IV every 12 h (2× daily)"}, nil},
		{"no cited band", regimen("J01MA12", 0.5, "g", 2, "iv"), adult(20), later, dose.NoBand, []string{"J01MA12 0.5 g IV every 12 h (2× daily)"}, nil},
		{"share of the dose, interval alone", regimen("J01DH02", 1, "g", 3, "iv"), adult(40), later, dose.Reduced, []string{"J01DH02 1 g IV every 12 h (2× daily)"}, nil},
		{"share of the dose, half", regimen("J01DH02", 2, "g", 3, "iv"), adult(20), later, dose.Reduced, []string{"J01DH02 1 g IV every 12 h (2× daily)"}, nil},
		{"share of the dose, adjusted already", regimen("J01DH02", 0.5, "g", 2, "iv"), adult(20), later, dose.Full, []string{"J01DH02 0.5 g IV every 12 h (2× daily)"}, nil},
		{"share of the dose needs the clearance it is meant for", regimen("J01DH02", 1, "g", 3, "iv"), with(adult(20), func(k *dose.Kidney) { k.Clearance = stewardship.Number{}; k.Missing = []string{"weight"} }), later, dose.NotChecked, []string{"J01DH02 1 g IV every 8 h (3× daily)"}, []string{"weight"}},
		{"band is for another route", regimen("J01CA04", 2, "g", 3, "iv"), adult(20), later, dose.NoBand, []string{"J01CA04 2 g IV every 8 h (3× daily)"}, nil},
		{"band of its own for each route", regimen("J01CR02", 2.2, "g", 3, "iv"), adult(20), later, dose.Reduced, []string{"J01CR02 0.6 g IV every 12 h (2× daily)"}, nil},
		{"twice the dose of the band", regimen("J01FA09", 500, "mg", 2, "iv"), adult(20), later, dose.Reduced, []string{"J01FA09 250 mg IV every 12 h (2× daily)"}, nil},
		{"source says that nothing is reduced", regimen("J01XD01", 0.5, "g", 3, "iv"), adult(5), later, dose.Full, []string{"J01XD01 0.5 g IV every 8 h (3× daily)"}, nil},
		{"source has no dose below 10", regimen("J01CF05", 2, "g", 4, "iv"), adult(5), later, dose.NotChecked, []string{"J01CF05 2 g IV every 6 h (4× daily)"}, nil},
		{"label forbids", regimen("J01XE01", 100, "mg", 3, "po"), adult(40), later, dose.Contraindicated, nil, nil},
		{"aminoglycoside has no full-dose day", regimen("J01GB03", 5, "mg/kg", 1, "iv"), adult(25), first, dose.Reduced, []string{"J01GB03 3 mg/kg IV once daily (every 24 h)"}, nil},
		{"dialysis, moderate", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(8), func(k *dose.Kidney) { k.Dialysis = stewardship.Yes }), later, dose.Reduced, []string{"J01CR05 4.5 g IV every 12 h (2× daily)"}, nil},
		{"dialysis, severe", regimen("J01CR05", 4.5, "g", 4, "iv"), with(adult(8), func(k *dose.Kidney) { k.Dialysis = stewardship.Yes }), severe, dose.Reduced, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"continuous procedure: no row of haemodialysis", regimen("J01CR05", 4.5, "g", 4, "iv"), on(formulary.Continuous), severe, dose.NotChecked, []string{"J01CR05 4.5 g IV every 6 h (4× daily)"}, nil},
		{"peritoneal dialysis: no row of haemodialysis", regimen("J01DB04", 2, "g", 3, "iv"), on(formulary.Peritoneal), later, dose.NotChecked, []string{"J01DB04 2 g IV every 8 h (3× daily)"}, nil},
		{"peritoneal dialysis, never to be adjusted", regimen("J01FF01", 0.6, "g", 3, "iv"), on(formulary.Peritoneal), later, dose.Full, []string{"J01FF01 0.6 g IV every 8 h (3× daily)"}, nil},
		{"prolonged dialysis has its own row", regimen("J01DI04", 2, "g", 3, "iv"), on(formulary.Prolonged), severe, dose.Reduced, []string{"J01DI04 1.5 g IV every 12 h (2× daily)"}, nil},
		{"dialysis needs no clearance", regimen("J01DD04", 2, "g", 1, "iv"), dose.Kidney{Dialysis: stewardship.Yes, Adult: stewardship.Yes}, later, dose.Full, []string{"J01DD04 2 g IV once daily (every 24 h)"}, nil},
		{"dialysis days only", regimen("J01DH03", 1, "g", 1, "iv"), with(adult(8), func(k *dose.Kidney) { k.Dialysis = stewardship.Yes }), later, dose.Reduced, []string{"J01DH03 1 g IV 3× per week"}, nil},
		{"dialysis, severity unknown", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(8), func(k *dose.Kidney) { k.Dialysis = stewardship.Yes }), dose.Plan{}, dose.NotChecked, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, []string{"severity"}},
		{"unstable creatinine", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(16), func(k *dose.Kidney) {
			k.Unstable = stewardship.Yes
			k.UnstableWhy = cds.Text{DE: "gestiegen", EN: "rising"}
		}), later, dose.UnstableKidney, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"unstable, above every band so far", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(45), func(k *dose.Kidney) {
			k.Unstable = stewardship.Yes
			k.UnstableWhy = cds.Text{DE: "gestiegen", EN: "rising"}
		}), later, dose.UnstableKidney, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"by level, weak kidney: the first dose only", regimen("J01XA01", 15, "mg/kg", 2, "iv"), adult(22), later, dose.Level, []string{"J01XA01 15 mg/kg IV single dose, further doses only by level"}, nil},
		{"by level, dialysis", regimen("J01XA01", 30, "mg/kg/d", 2, "iv"), with(adult(8), func(k *dose.Kidney) { k.Dialysis = stewardship.Yes }), later, dose.Level, []string{"J01XA01 15 mg/kg IV single dose, further doses only by level"}, nil},
		{"unstable does not lift a contraindication", regimen("J01XE01", 100, "mg", 3, "po"), with(adult(40), func(k *dose.Kidney) { k.Unstable = stewardship.Yes }), later, dose.Contraindicated, nil, nil},
		{"pregnancy", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(16), func(k *dose.Kidney) { k.Pregnant = stewardship.Yes }), later, dose.NotChecked, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"child", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(16), func(k *dose.Kidney) { k.Adult = stewardship.No }), later, dose.NotChecked, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, []string{"age"}},
		{"function unknown", regimen("J01CR05", 4.5, "g", 3, "iv"), dose.Kidney{Adult: stewardship.Yes, Missing: []string{"creatinine", "weight"}}, later, dose.NotChecked,
			[]string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, []string{"creatinine", "weight"}},
		{"weight unknown: the rate itself", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(16), func(k *dose.Kidney) { k.Clearance = stewardship.Number{} }), later, dose.Reduced, []string{"J01CR05 4.5 g IV every 12 h (2× daily)"}, nil},
		{"range over two bands", regimen("J01CR05", 4.5, "g", 3, "iv"), with(adult(16), func(k *dose.Kidney) { k.Clearance = stewardship.Between(18, 22) }), later, dose.NotChecked, []string{"J01CR05 4.5 g IV every 8 h (3× daily)"}, nil},
		{"milligrams against grams", regimen("J01CR05", 4500, "mg", 3, "iv"), adult(16), later, dose.Reduced, []string{"J01CR05 4500 mg IV every 12 h (2× daily)"}, nil},
		{"unit does not compare", regimen("J01CE01", 3, "g", 4, "iv"), adult(5), later, dose.NotChecked, []string{"J01CE01 3 g IV every 6 h (4× daily)"}, nil},
		{"below the lowest band it is the upper bound", regimen("J01GB03", 5, "mg/kg", 1, "iv"), adult(3), later, dose.Reduced, []string{"J01GB03 2 mg/kg IV every 48 h"}, nil},
		{"already 10 hours in", regimen("J01CR01", 3, "g", 3, "iv"), adult(23), dose.Plan{FullDoseHours: 24, StartedHours: stewardship.Exactly(10)}, dose.Reduced,
			[]string{"J01CR01 3 g IV every 8 h (3× daily), 14 h", "J01CR01 1.5 g IV every 8 h (3× daily)"}, nil},
		{"first day is over", regimen("J01CR01", 3, "g", 3, "iv"), adult(23), dose.Plan{FullDoseHours: 24, StartedHours: stewardship.Exactly(30)}, dose.Reduced, []string{"J01CR01 1.5 g IV every 8 h (3× daily)"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, ok := f.Lookup(tc.regimen.ATC)
			if !ok {
				t.Fatalf("%s is not in the formulary", tc.regimen.ATC)
			}
			got := dose.Adjust(tc.regimen, s, tc.kidney, tc.plan, cds.EN)
			if got.Status != tc.status {
				t.Errorf("status = %s, want %s (%s)", got.Status, tc.status, got.Reason.EN)
			}
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("phases (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.missing, got.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if got.Reason.DE == "" || got.Reason.EN == "" {
				t.Error("no reason in both languages")
			}
			if got.Status == dose.Reduced && got.Source.IsZero() {
				t.Error("a dose was changed without a source")
			}
		})
	}
}

// A rising creatinine is no reason to object to an order that no band forbids.
func TestExcessWithUnstableCreatinine(t *testing.T) {
	s, _ := substances(t).Lookup("J01CR05")
	for _, tc := range []struct {
		name string
		rate float64
		want dose.Status
	}{{"no band is exceeded", 45, dose.Full}, {"a band is exceeded", 16, dose.UnstableKidney}} {
		k := adult(tc.rate)
		k.Unstable = stewardship.Yes
		if got := dose.Excess(regimen("J01CR05", 4.5, "g", 3, "iv"), s, k, dose.Plan{Severity: "moderate"}, cds.EN); got.Status != tc.want {
			t.Errorf("%s: %s, want %s (%s)", tc.name, got.Status, tc.want, got.Reason.EN)
		}
	}
}

// Formula, weight and value are said wherever a band changed something.
func TestAdjustmentSaysFormulaAndValue(t *testing.T) {
	f := substances(t)
	s, _ := f.Lookup("J01CR05")
	got := dose.Adjust(regimen("J01CR05", 4.5, "g", 3, "iv"), s, adult(16.2), dose.Plan{}, cds.DE)
	if len(got.Phases) != 1 || len(got.Phases[0].Adjustments) != 1 {
		t.Fatalf("phases = %+v", got.Phases)
	}
	want := cds.Adjustment{
		Kind:  "renal",
		Basis: "Kreatinin-Clearance (Cockcroft-Gault, tatsächliches Gewicht) 16,2 ml/min",
		Text:  "4,5 g alle 12 h (2× täglich).",
	}
	if diff := cmp.Diff(want, got.Phases[0].Adjustments[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPregnancyAndUnknownNeverNameAClearance(t *testing.T) {
	f := substances(t)
	s, _ := f.Lookup("J01CR05")
	k := adult(16)
	k.Pregnant = stewardship.Yes
	got := dose.Adjust(regimen("J01CR05", 4.5, "g", 3, "iv"), s, k, dose.Plan{}, cds.EN)
	for _, p := range got.Phases {
		if len(p.Adjustments) > 0 {
			t.Errorf("an adjustment in pregnancy: %+v", p.Adjustments)
		}
	}
}

func TestLoadingDoseIsKept(t *testing.T) {
	f := substances(t)
	s, _ := f.Lookup("J01DI04")
	r := regimen("J01DI04", 2, "g", 3, "iv")
	loading := "2 g"
	r.LoadingDose = &loading
	got := dose.Adjust(r, s, adult(20), dose.Plan{}, cds.EN)
	if got.Status != dose.Reduced || got.Phases[0].LoadingDose == nil || *got.Phases[0].LoadingDose != "2 g" {
		t.Errorf("loading dose after reduction = %+v", got.Phases)
	}
}

// Over all substances and all functions: a reduction never raises the daily amount,
// and less function never gives more.
func TestAdjustIsMonotone(t *testing.T) {
	f := substances(t)
	for _, s := range f.Substances() {
		for _, route := range s.Routes {
			unit, value := "g", 2.0
			for _, b := range s.Renal {
				if b.Unit != "" && b.Unit != formulary.Share {
					unit, value = b.Unit, b.DoseHigh
				}
			}
			r := regimen(s.ATC, value, unit, 4, route)
			before, _ := dose.Daily(r)
			last := -1.0
			for v := 1.0; v <= 120; v++ {
				got := dose.Adjust(r, s, adult(v), dose.Plan{Severity: "moderate"}, cds.EN)
				if got.Status == dose.Contraindicated {
					continue
				}
				daily, _ := dose.Daily(got.Phases[len(got.Phases)-1])
				if daily > before+1e-9 {
					t.Errorf("%s %s at %g mL/min: %g a day, more than the %g of the regimen", s.ATC, route, v, daily, before)
				}
				if daily < last-1e-9 {
					t.Errorf("%s %s at %g mL/min: %g a day, less than the %g at lower function", s.ATC, route, v, daily, last)
				}
				last = daily
			}
		}
	}
}

func TestWeigh(t *testing.T) {
	f := substances(t)
	for _, tc := range []struct {
		name           string
		regimen        cds.Ingredient
		weight, height float64
		want           string
		ok             bool
	}{
		{"actual weight", regimen("J01GB03", 5, "mg/kg", 1, "iv"), 70, 175, "5 mg/kg × 70 kg (actual weight) = 350 mg", true},
		{"aminoglycoside in obesity: ideal weight", regimen("J01GB03", 5, "mg/kg", 1, "iv"), 120, 170, "5 mg/kg × 65.9 kg (ideal weight) = 330 mg", true},
		{"daptomycin in obesity: actual weight", regimen("J01XX09", 6, "mg/kg", 1, "iv"), 120, 170, "6 mg/kg × 120 kg (actual weight) = 720 mg", true},
		{"daily total", regimen("J01EE01", 20, "mg/kg/d", 4, "iv"), 70, 175, "20 mg/kg/day × 70 kg (actual weight) = 1400 mg per day", true},
		{"height unknown", regimen("J01GB03", 5, "mg/kg", 1, "iv"), 70, 0, "5 mg/kg × 70 kg (actual weight, height unknown) = 350 mg", true},
		{"weight unknown", regimen("J01GB03", 5, "mg/kg", 1, "iv"), 0, 170, "", false},
		{"fixed dose needs no weight", regimen("J01DD04", 2, "g", 1, "iv"), 0, 0, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := f.Lookup(tc.regimen.ATC)
			got, ok := dose.Weigh(tc.regimen, s, dose.WeighUp(tc.weight, tc.height, false), cds.EN)
			var text []string
			for _, a := range got.Adjustments {
				text = append(text, a.Text)
			}
			if ok != tc.ok || strings.Join(text, "; ") != tc.want {
				t.Errorf("got %q, %v; want %q, %v", text, ok, tc.want, tc.ok)
			}
			if got.Dose.Unit != tc.regimen.Dose.Unit || got.Dose.Value != tc.regimen.Dose.Value {
				t.Error("the dose per kilogram was changed")
			}
		})
	}
}

func TestLine(t *testing.T) {
	high := 7.0
	r := regimen("", 4.5, "g", 3, "iv")
	r.Name, r.Duration = "Piperacillin/Tazobactam", &cds.Duration{Low: 5, High: &high, Unit: "d"}
	infusion := "über 4 h"
	r.Infusion = &infusion
	if got, want := dose.Line(r, cds.DE), "Piperacillin/Tazobactam 4,5 g i.v. alle 8 h (3× täglich) über 4 h, 5–7 Tage"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	weekly := regimen("", 500, "mg", 1, "iv")
	weekly.Name, weekly.Frequency = "Dalbavancin", cds.Frequency{Count: 1, Period: 1, PeriodUnit: "wk"}
	if got, want := dose.Line(weekly, cds.EN), "Dalbavancin 500 mg IV 1× per week"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	million := regimen("", 5, "10*6.[iU]", 4, "iv")
	million.Name = "Penicillin G"
	million.Frequency.CountMax = 6
	if got, want := dose.Line(million, cds.DE), "Penicillin G 5 Mio. I.E. i.v. 4–6× täglich"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

package dose_test

import (
	"math"
	"testing"
	"time"

	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
)

// Worked values of both renal equations from the coefficients of Inker 2021 and of
// Cockcroft and Gault 1976. Neither paper was open to us for an example of its own.
func TestRenalEquations(t *testing.T) {
	for _, tc := range []struct {
		age        float64
		female     bool
		creatinine float64
		weight     float64
		egfr, crcl float64
	}{
		{50, false, 1.0, 80, 91.69, 100.00},
		{50, true, 1.0, 65, 68.63, 69.06},
		{78, true, 1.8, 55, 28.48, 22.36},
		{30, false, 0.6, 75, 133.18, 190.97},
		{65, false, 2.5, 90, 27.82, 37.50},
		{18, true, 0.7, 60, 128.48, 123.45},
	} {
		egfr, err := dose.CKDEPI2021(tc.creatinine, tc.age, tc.female)
		if err != nil || math.Abs(egfr-tc.egfr) > 0.01 {
			t.Errorf("CKD-EPI 2021 of %+v = %.2f, %v", tc, egfr, err)
		}
		crcl, err := dose.CockcroftGault(tc.creatinine, tc.age, tc.weight, tc.female)
		if err != nil || math.Abs(crcl-tc.crcl) > 0.01 {
			t.Errorf("Cockcroft-Gault of %+v = %.2f, %v", tc, crcl, err)
		}
	}
}

// What other publications print of the same equations, rounded as they print it.
func TestRenalEquationsAsPrinted(t *testing.T) {
	// The calculator of the National Kidney Foundation, kidney.org, as quoted by others.
	if v, err := dose.CKDEPI2021(1.2, 55, false); err != nil || math.Round(v) != 71 {
		t.Errorf("man of 55, 1.2 mg/dL: %.1f, %v; kidney.org gives 71", v, err)
	}
	// The form in umol/L has factors of its own, 1.23 for men and 1.04 for women: the
	// same equation by another way, within their rounding.
	for _, tc := range []struct {
		female             bool
		factor, age, kg, u float64
	}{{false, 1.23, 65, 90, 221}, {true, 1.04, 78, 55, 159.1}, {false, 1.23, 40, 80, 88.4}} {
		want := (140 - tc.age) * tc.kg * tc.factor / tc.u
		if v, err := dose.CockcroftGault(tc.u/88.4, tc.age, tc.kg, tc.female); err != nil || math.Abs(v/want-1) > 0.005 {
			t.Errorf("%+v: %.2f, %v; by the form in umol/L %.2f", tc, v, err, want)
		}
	}
	// Continuity where the exponent changes: at kappa both branches give 142 x 0.9938^age.
	for _, female := range []bool{false, true} {
		kappa, factor := 0.9, 1.0
		if female {
			kappa, factor = 0.7, 1.012
		}
		below, _ := dose.CKDEPI2021(kappa-1e-9, 60, female)
		at, _ := dose.CKDEPI2021(kappa, 60, female)
		if want := 142 * math.Pow(0.9938, 60) * factor; math.Abs(at-want) > 1e-6 || math.Abs(at-below) > 1e-3 {
			t.Errorf("at kappa, female %v: %g and %g, want %g", female, below, at, want)
		}
	}
	// A rate per 1.73 m2 in a body of 1.73 m2 stays, in twice the surface doubles.
	if a, b := dose.Deindex(60, 1.73), dose.Deindex(60, 3.46); math.Abs(a-60) > 1e-9 || math.Abs(b-120) > 1e-9 {
		t.Errorf("de-indexed 60: %g and %g", a, b)
	}
}

func TestRenalEquationsRefuse(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		creatinine, age, weight float64
	}{
		{"child", 0.5, 17, 50},
		{"creatinine in the wrong unit", 90, 50, 70},
		{"creatinine zero", 0, 50, 70},
		{"not a number", math.NaN(), 50, 70},
	} {
		if v, err := dose.CKDEPI2021(tc.creatinine, tc.age, false); err == nil {
			t.Errorf("%s: CKD-EPI gave %g", tc.name, v)
		}
		if v, err := dose.CockcroftGault(tc.creatinine, tc.age, tc.weight, false); err == nil {
			t.Errorf("%s: Cockcroft-Gault gave %g", tc.name, v)
		}
	}
	if v, err := dose.CockcroftGault(1, 50, 78000, false); err == nil {
		t.Errorf("a weight in grams gave %g", v)
	}
}

func TestBody(t *testing.T) {
	near := func(name string, got, want, by float64) {
		t.Helper()
		if math.Abs(got-want) > by {
			t.Errorf("%s = %.4f, want %.4f", name, got, want)
		}
	}
	near("Mosteller 170 cm 70 kg", dose.SurfaceMosteller(70, 170), 1.8181, 0.0001)
	near("Du Bois 170 cm 70 kg", dose.SurfaceDuBois(70, 170), 1.8097, 0.0001)
	man, _ := dose.IdealWeight(170, false)
	woman, _ := dose.IdealWeight(170, true)
	near("Devine man 170 cm", man, 65.94, 0.005)
	near("Devine woman 170 cm", woman, 61.44, 0.005)
	near("adjusted, man 170 cm 110 kg", dose.AdjustedWeight(110, man), 83.56, 0.005)
	near("BMI 110 kg 170 cm", dose.BMI(110, 170), 38.06, 0.005)
	if _, ok := dose.IdealWeight(1.7, false); ok {
		t.Error("a height in metres gave an ideal weight")
	}
}

func TestWeightForClearance(t *testing.T) {
	for _, tc := range []struct {
		name           string
		weight, height float64
		want           float64
		basis          dose.Basis
		ok             bool
	}{
		{"actual", 70, 170, 70, dose.ActualWeight, true},
		{"lean: actual, not ideal", 45, 170, 45, dose.ActualWeight, true},
		{"BMI 29.9 is not yet obese", 86.4, 170, 86.4, dose.ActualWeight, true},
		{"obese: adjusted", 110, 170, 83.56, dose.AdjustedBasis, true},
		{"height unknown", 110, 0, 110, dose.ActualNoHeight, true},
		{"weight unknown", 0, 170, 0, "", false},
	} {
		got, basis, ok := dose.WeighUp(tc.weight, tc.height, false).ForClearance()
		if math.Abs(got-tc.want) > 0.01 || basis != tc.basis || ok != tc.ok {
			t.Errorf("%s: %.2f %q %v, want %.2f %q %v", tc.name, got, basis, ok, tc.want, tc.basis, tc.ok)
		}
	}
}

func TestUnstable(t *testing.T) {
	now := time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC)
	at := func(hoursAgo, value float64) dose.Sample {
		return dose.Sample{Value: value, At: now.Add(-time.Duration(hoursAgo * float64(time.Hour)))}
	}
	for _, tc := range []struct {
		name    string
		samples []dose.Sample
		want    stewardship.Truth
	}{
		{"one value says nothing", []dose.Sample{at(0, 1)}, stewardship.Unknown},
		{"0.3 in 48 h", []dose.Sample{at(48, 0.9), at(0, 1.2)}, stewardship.Yes},
		{"0.3 in 49 h", []dose.Sample{at(49, 0.9), at(0, 1.2)}, stewardship.No},
		{"half as much again in a week", []dose.Sample{at(160, 1), at(0, 1.5)}, stewardship.Yes},
		{"in more than a week", []dose.Sample{at(169, 1), at(0, 3)}, stewardship.Unknown},
		{"falling", []dose.Sample{at(24, 2), at(0, 1.2)}, stewardship.No},
		{"order does not matter", []dose.Sample{at(0, 2), at(100, 1)}, stewardship.Yes},
		{"0.2 is stable", []dose.Sample{at(24, 1), at(0, 1.2)}, stewardship.No},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, why := dose.Unstable(tc.samples)
			if got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if got == stewardship.Yes && (why.DE == "" || why.EN == "") {
				t.Error("no reason given")
			}
		})
	}
}

// Package dose computes body size and renal function and turns a regimen into the
// one for this patient.
//
// It owns the published formulas and the rules of adjustment in time. It refuses
// to adjust without a cited band, in pregnancy, in children, or on an unstable
// creatinine; then it says so.
package dose

import (
	"errors"
	"math"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Limits of serum creatinine in mg/dL that a living adult's value lies in. A value
// outside is taken for a wrong unit and never used nor converted.
const (
	CreatinineMin = 0.1
	CreatinineMax = 30
)

// Errors of the formulas.
var (
	ErrChild       = errors.New("equation is for adults")
	ErrImplausible = errors.New("value outside the range the equation is for")
)

var (
	inker2021 = stewardship.Source{
		Document: "inker-2021", Title: "Inker LA et al. New creatinine- and cystatin C-based equations to estimate GFR without race",
		Version: "N Engl J Med 2021;385:1737-1749", URL: "https://doi.org/10.1056/NEJMoa2102953",
	}
	cockcroft1976 = stewardship.Source{
		Document: "cockcroft-1976", Title: "Cockcroft DW, Gault MH. Prediction of creatinine clearance from serum creatinine",
		Version: "Nephron 1976;16:31-41", URL: "https://doi.org/10.1159/000180580",
	}
)

// CKDEPI2021 gives the estimated glomerular filtration rate in mL/min/1.73 m2
// from creatinine in mg/dL and age in years (Inker 2021, creatinine equation,
// adults only).
func CKDEPI2021(creatinine, age float64, female bool) (float64, error) {
	switch {
	case age < 18:
		return 0, ErrChild
	case !(creatinine >= CreatinineMin && creatinine <= CreatinineMax) || age > 130:
		return 0, ErrImplausible
	}
	kappa, alpha, factor := 0.9, -0.302, 1.0
	if female {
		kappa, alpha, factor = 0.7, -0.241, 1.012
	}
	ratio := creatinine / kappa
	return 142 * math.Pow(min(ratio, 1), alpha) * math.Pow(max(ratio, 1), -1.200) * math.Pow(0.9938, age) * factor, nil
}

// CockcroftGault gives the creatinine clearance in mL/min from creatinine in
// mg/dL, age in years and weight in kg (Cockcroft and Gault 1976, adults only).
func CockcroftGault(creatinine, age, weight float64, female bool) (float64, error) {
	switch {
	case age < 18:
		return 0, ErrChild
	case !(creatinine >= CreatinineMin && creatinine <= CreatinineMax) || age > 130 || !(weight >= 20 && weight <= 400):
		return 0, ErrImplausible
	}
	clearance := (140 - age) * weight / (72 * creatinine)
	if female {
		clearance *= 0.85
	}
	return max(clearance, 0), nil
}

// Deindex turns a rate per 1.73 m2 into mL/min for a body surface in m2.
func Deindex(rate, surface float64) float64 { return rate * surface / 1.73 }

// Sample is one creatinine value in mg/dL.
type Sample struct {
	Value     float64
	At        time.Time
	Reference string
}

// Unstable tells whether creatinine moves so that no equation holds: within the
// week before the newest value it differs by 0.3 mg/dL or more inside 48 hours,
// or by a factor of 1.5 or more inside seven days. Both are the KDIGO 2012 limits
// of acute kidney injury; a fall of the same size is treated alike, since a
// clearance computed from it is as wrong. Unknown without a second value.
func Unstable(samples []Sample) (stewardship.Truth, cds.Text) { return unstable(samples) }

// Formulas gives the source of the equation a fact names.
func Formulas(name string) stewardship.Source {
	switch name {
	case "egfr-ckd-epi-2021":
		return inker2021
	case "creatinine-clearance-cockcroft-gault":
		return cockcroft1976
	}
	return stewardship.Source{}
}

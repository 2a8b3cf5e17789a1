package dose

import (
	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

// Kidney is what is known of a patient's renal function, in mL/min (EGFR in
// mL/min/1.73 m2).
type Kidney struct {
	Clearance      stewardship.Number // Cockcroft-Gault
	ClearanceBasis Basis
	EGFR           stewardship.Number // CKD-EPI 2021
	Surface        float64            // body surface in m2, 0 when not known
	Creatinine     float64            // mg/dL, for the text; 0 when not known
	Dialysis       stewardship.Truth
	Mode           formulary.Mode // of the dialysis; "" not stated
	Unstable       stewardship.Truth
	UnstableWhy    cds.Text
	Pregnant       stewardship.Truth
	Adult          stewardship.Truth // 18 years or more
	Missing        []string          // fact names that would allow a computation
}

// Plan says how a regimen starts.
type Plan struct {
	Severity       string             // mild | moderate | severe | septic; "" unknown
	FullDoseHours  float64            // full dose for this long whatever the kidney does; 0: none stated
	FullDoseSource stewardship.Source // where that is stated
	StartedHours   stewardship.Number // hours since the first dose; Known false: not started or unknown
}

// Status is what became of a regimen.
type Status string

// The states of an adjustment.
const (
	Full            Status = "full"            // a cited source asks for no change here
	Reduced         Status = "reduced"         // the cited band changed dose or interval
	NoBand          Status = "no-band"         // renal dose not checked: nothing is cited
	NotChecked      Status = "not-checked"     // a band exists, but the facts do not allow it
	UnstableKidney  Status = "unstable"        // no automatic reduction
	Level           Status = "by-level"        // dose by drug level
	Contraindicated Status = "contraindicated" // the cited source forbids it in this range
)

// Adjusted is a regimen for this patient: the phases to give, in order.
type Adjusted struct {
	Status  Status
	Phases  []cds.Ingredient // at least one, unless contraindicated
	Reason  cds.Text         // what was done or not, with formula and value
	Missing []string         // facts that were missing
	Source  stewardship.Source
	Matters bool // false when nothing hints at impaired renal function, so that an absent band can wait for the details
}

// Adjust fits a regimen to renal function by the cited bands of its substance.
// Texts of the result are in lang. Loading doses are never reduced, no band ever
// raises a dose, and weight-based doses stay in mg/kg with the milligrams added
// by Weigh.
func Adjust(regimen cds.Ingredient, s formulary.Substance, k Kidney, p Plan, lang cds.Lang) Adjusted {
	return adjust(regimen, s, k, p, lang)
}

// Weigh adds to a weight-based regimen what it means in milligrams for this
// patient, naming the weight used; ok is false when the weight is not known.
// Other regimens come back unchanged with ok true.
func Weigh(regimen cds.Ingredient, s formulary.Substance, w Weights, lang cds.Lang) (out cds.Ingredient, ok bool) {
	return weigh(regimen, s, w, lang)
}

// Daily gives the amount per day of a regimen in the unit of its dose.
func Daily(regimen cds.Ingredient) (float64, bool) {
	perDay, ok := perDay(regimen.Frequency)
	if regimen.Dose.Unit == "mg/kg/d" {
		return regimen.Dose.Value, true
	}
	return regimen.Dose.Value * perDay, ok
}

// Excess compares an ordered regimen with what the bands allow: Reduced tells
// that it is too much for this renal function, Full that it is not. An unstable
// creatinine counts only where the order exceeds a band.
func Excess(ordered cds.Ingredient, s formulary.Substance, k Kidney, p Plan, lang cds.Lang) Adjusted {
	out := adjust(ordered, s, k, p, lang)
	if out.Status == UnstableKidney {
		stable := k
		stable.Unstable = stewardship.No
		if as := adjust(ordered, s, stable, p, lang); as.Status == Full {
			return as
		}
	}
	return out
}

package dose

import (
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

// idealInObesity is where the guideline refers aminoglycosides and vancomycin to
// ideal weight in overweight patients.
var idealInObesity = stewardship.Source{Document: "awmf-082-006", Version: "2018 (2019-08)", Page: 265}

// WeightFor gives the weight a substance is dosed by, and which it is: the actual
// one, or in obesity (BMI from 30) the ideal one for aminoglycosides and
// glycopeptides, as the guideline asks. The source is zero where none is needed.
func WeightFor(s formulary.Substance, w Weights) (kg float64, basis Basis, source stewardship.Source, ok bool) {
	if w.Actual <= 0 {
		return 0, "", stewardship.Source{}, false
	}
	toIdeal := s.Class == formulary.Aminoglycoside || s.Class == formulary.Glycopeptide
	switch {
	case toIdeal && w.BMI >= 30 && w.Ideal > 0:
		return w.Ideal, IdealBasis, idealInObesity, true
	case toIdeal && w.BMI == 0:
		return w.Actual, ActualNoHeight, stewardship.Source{}, true
	}
	return w.Actual, ActualWeight, stewardship.Source{}, true
}

func weigh(regimen cds.Ingredient, s formulary.Substance, w Weights, lang cds.Lang) (cds.Ingredient, bool) {
	if !strings.HasPrefix(regimen.Dose.Unit, "mg/kg") {
		return regimen, true
	}
	kg, basis, _, ok := WeightFor(s, w)
	if !ok {
		return regimen, false
	}
	mg := regimen.Dose.Value * kg
	suffix := ""
	if regimen.Dose.Unit == "mg/kg/d" {
		suffix = pick(lang, " pro Tag", " per day")
	}
	out := regimen
	out.Adjustments = append(append([]cds.Adjustment(nil), regimen.Adjustments...), cds.Adjustment{
		Kind:  "weight",
		Basis: stewardship.Decimal(kg, 1, lang) + " kg, " + weightWord(basis, lang),
		Text: Amount(regimen.Dose.Value, regimen.Dose.Unit, lang) + " × " + stewardship.Decimal(kg, 1, lang) + " kg (" +
			weightWord(basis, lang) + ") = " + stewardship.Decimal(mg, 0, lang) + " mg" + suffix,
	})
	return out, true
}

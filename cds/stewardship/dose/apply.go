package dose

import (
	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

func unstable(samples []Sample) (stewardship.Truth, cds.Text) { return stewardship.Unknown, cds.Text{} }
func perDay(f cds.Frequency) (float64, bool)                  { return 0, false }
func adjust(r cds.Ingredient, s formulary.Substance, k Kidney, p Plan, lang cds.Lang) Adjusted {
	return Adjusted{Status: NoBand, Phases: []cds.Ingredient{r}}
}
func weigh(r cds.Ingredient, s formulary.Substance, w Weights, lang cds.Lang) (cds.Ingredient, bool) {
	return r, true
}

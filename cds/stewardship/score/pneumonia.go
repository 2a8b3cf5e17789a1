package score

import "cdss/cds/stewardship"

var lim2003 = stewardship.Source{
	Document: "lim-2003", Title: "Lim WS et al. Defining community acquired pneumonia severity on presentation to hospital",
	Version: "Thorax 2003;58:377-382", URL: "https://doi.org/10.1136/thorax.58.5.377",
}

// CRB65Input holds what CRB-65 needs: new confusion, respiratory rate in /min,
// systolic and diastolic blood pressure in mmHg, age in years.
type CRB65Input struct {
	Confusion       stewardship.Truth
	RespiratoryRate stewardship.Number
	Systolic        stewardship.Number
	Diastolic       stewardship.Number
	Age             stewardship.Number
}

// CRB65 gives one point each for new confusion, respiratory rate >= 30/min,
// systolic < 90 or diastolic <= 60 mmHg, and age >= 65 years; 0 to 4 (Lim 2003).
func CRB65(in CRB65Input) Result {
	return sum("crb-65", lim2003, in.components()...)
}

// CURB65 is CRB-65 with a point for urea above 7 mmol/L; 0 to 5 (Lim 2003).
func CURB65(in CRB65Input, ureaMmolPerL stewardship.Number) Result {
	return sum("curb-65", lim2003, append(in.components(), point("urea", ureaMmolPerL.Above(7)))...)
}

func (in CRB65Input) components() []Component {
	pressure := in.Systolic.Below(90).Or(in.Diastolic.AtMost(60))
	return []Component{
		point("confusion", in.Confusion),
		point("respiratory-rate", in.RespiratoryRate.AtLeast(30)),
		point("blood-pressure", pressure),
		point("age", in.Age.AtLeast(65)),
	}
}

// Mortality30 gives the 30-day mortality in percent that the derivation cohort
// had with this CURB-65 score, 0 to 5 (Lim 2003, table 4).
func Mortality30(curb65 int) (float64, bool) {
	rates := []float64{0.7, 3.2, 13, 17, 41.5, 57}
	if curb65 < 0 || curb65 >= len(rates) {
		return 0, false
	}
	return rates[curb65], true
}

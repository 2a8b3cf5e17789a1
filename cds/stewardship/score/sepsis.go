package score

import "cdss/cds/stewardship"

var (
	seymour2016 = stewardship.Source{
		Document: "seymour-2016", Title: "Seymour CW et al. Assessment of clinical criteria for sepsis",
		Version: "JAMA 2016;315:762-774", URL: "https://doi.org/10.1001/jama.2016.0288",
	}
	vincent1996 = stewardship.Source{
		Document: "vincent-1996", Title: "Vincent JL et al. The SOFA score to describe organ dysfunction/failure",
		Version: "Intensive Care Med 1996;22:707-710", URL: "https://doi.org/10.1007/BF01709751",
	}
)

// QSOFA gives one point each for respiratory rate >= 22/min, systolic pressure
// <= 100 mmHg and altered mentation (Glasgow coma scale below 15); 0 to 3
// (Seymour 2016).
func QSOFA(respiratoryRate, systolic stewardship.Number, altered stewardship.Truth) Result {
	return sum("qsofa", seymour2016,
		point("respiratory-rate", respiratoryRate.AtLeast(22)),
		point("blood-pressure", systolic.AtMost(100)),
		point("confusion", altered),
	)
}

// SOFAInput holds what SOFA needs. OxygenationIndex is PaO2/FiO2 in mmHg,
// Platelets in 10*9/L, Bilirubin and Creatinine in mg/dL, MeanPressure in mmHg,
// Urine in mL/d. Catecholamine doses are in ug/kg/min for at least one hour, 0
// when known not to be given.
type SOFAInput struct {
	OxygenationIndex stewardship.Number
	Ventilated       stewardship.Truth // any respiratory support
	Platelets        stewardship.Number
	Bilirubin        stewardship.Number
	MeanPressure     stewardship.Number
	Dopamine         stewardship.Number
	Dobutamine       stewardship.Number
	Adrenaline       stewardship.Number
	Noradrenaline    stewardship.Number
	Glasgow          stewardship.Number
	Creatinine       stewardship.Number
	Urine            stewardship.Number
}

// SOFA gives 0 to 24 points over six organs (Vincent 1996). The 1996 table
// prints "> 12.0" for bilirubin and "> 5.0" for creatinine in the top band, which
// leaves 12.0 and 5.0 without a band; >= closes the gap. A ratio below 200
// without respiratory support scores 2.
func SOFA(in SOFAInput) Result {
	return sum("sofa", vincent1996,
		in.respiration(),
		steps("platelets", in.Platelets, below, 150, 100, 50, 20),
		steps("bilirubin", in.Bilirubin, atLeast, 1.2, 2, 6, 12),
		in.circulation(),
		steps("glasgow-coma-scale", in.Glasgow, below, 15, 13, 10, 6),
		in.kidney(),
	)
}

func (in SOFAInput) respiration() Component {
	c := steps("oxygenation", in.OxygenationIndex, below, 400, 300, 200, 100)
	if in.Ventilated == stewardship.Yes {
		return c
	}
	c.High = min(c.High, 2+2*boolInt(in.Ventilated == stewardship.Unknown))
	c.Low = min(c.Low, 2)
	return c
}

func (in SOFAInput) circulation() Component {
	low := steps("circulation", in.MeanPressure, below, 70)
	doses := []Component{
		steps("circulation", in.Dopamine, above, 0, 0, 5, 15),
		dobutamine(in.Dobutamine),
		catecholamine(in.Adrenaline),
		catecholamine(in.Noradrenaline),
	}
	for _, d := range doses {
		low.Low, low.High = max(low.Low, d.Low), max(low.High, d.High)
	}
	return low
}

// dobutamine at any dose scores 2.
func dobutamine(n stewardship.Number) Component {
	return steps("circulation", n, above, 0, 0)
}

// catecholamine scores 3 up to 0.1 and 4 above.
func catecholamine(n stewardship.Number) Component {
	return steps("circulation", n, above, 0, 0, 0, 0.1)
}

// kidney takes the worse of creatinine and urine; urine counts only when known.
func (in SOFAInput) kidney() Component {
	c := steps("creatinine", in.Creatinine, atLeast, 1.2, 2, 3.5, 5)
	if in.Urine.Known {
		u := Component{}
		switch {
		case in.Urine.Below(200) == stewardship.Yes:
			u.Low, u.High = 4, 4
		case in.Urine.Below(500) == stewardship.Yes:
			u.Low, u.High = 3, 3
		}
		c.Low, c.High = max(c.Low, u.Low), max(c.High, u.High)
	}
	return c
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

type comparison func(stewardship.Number, float64) stewardship.Truth

func below(n stewardship.Number, limit float64) stewardship.Truth   { return n.Below(limit) }
func above(n stewardship.Number, limit float64) stewardship.Truth   { return n.Above(limit) }
func atLeast(n stewardship.Number, limit float64) stewardship.Truth { return n.AtLeast(limit) }

// steps gives one point per limit that is passed; the limits are ordered from
// the mildest to the worst.
func steps(name string, n stewardship.Number, passed comparison, limits ...float64) Component {
	c := Component{Name: name}
	for i, limit := range limits {
		switch passed(n, limit) {
		case stewardship.Yes:
			c.Low, c.High = i+1, i+1
		case stewardship.Unknown:
			c.High = i + 1
		}
	}
	return c
}

package formulary

import (
	"cdss/cds"
	"cdss/cds/stewardship"
)

// Equation names the renal measure a band is meant for.
type Equation string

// The measures: creatinine clearance by Cockcroft-Gault in mL/min, or a
// glomerular filtration rate in mL/min whose equation the source does not name, or
// the estimated rate per 1.73 m2.
const (
	CockcroftGault Equation = "cockcroft-gault"
	GFR            Equation = "gfr"
	EGFR           Equation = "egfr"
)

// Action is what a band asks for.
type Action string

// A band gives a dose, says that none is reduced, asks for levels, or forbids.
const (
	GiveDose Action = "dose"
	NoChange Action = "none"
	ByLevel  Action = "level"
	DoNotUse Action = "contraindicated"
)

// Mode is a way of renal replacement. A dose that a source states for one of them
// says nothing of another.
type Mode string

// The ways of renal replacement.
const (
	Haemodialysis Mode = "haemodialysis" // intermittent
	Prolonged     Mode = "prolonged"     // prolonged intermittent, such as SLEDD
	Continuous    Mode = "continuous"    // CVVH, CVVHD, CVVHDF
	Peritoneal    Mode = "peritoneal"
)

// Name gives a way of renal replacement in words.
func (m Mode) Name() cds.Text {
	switch m {
	case Prolonged:
		return cds.Text{DE: "verlängert intermittierende Dialyse", EN: "prolonged intermittent dialysis"}
	case Continuous:
		return cds.Text{DE: "kontinuierliches Nierenersatzverfahren", EN: "continuous renal replacement"}
	case Peritoneal:
		return cds.Text{DE: "Peritonealdialyse", EN: "peritoneal dialysis"}
	case Haemodialysis:
		return cds.Text{DE: "Hämodialyse", EN: "haemodialysis"}
	}
	return cds.Text{DE: "Dialyse", EN: "dialysis"}
}

// dialysis reads the column of the same name.
var dialysis = map[string]Mode{"": "", "yes": Haemodialysis, "prolonged": Prolonged, "continuous": Continuous, "peritoneal": Peritoneal}

// Share is the unit of a dose that a source states as a share of the unadjusted
// single dose: 1 is the full one, 0.5 the half.
const Share = "share"

// Band is one row of renal.csv: in this range of renal function, or on dialysis,
// this is the maintenance dose.
type Band struct {
	Routes   []string // empty: all routes
	Equation Equation
	Range    Range
	Dialysis Mode   // the row is for patients on dialysis of this kind; "" for none
	Severity string // "", "moderate" or "severe": the row is for infections of that severity
	Action   Action

	DoseLow, DoseHigh float64 // per administration; equal when one dose is named
	Unit              string  // g | mg | mg/kg | 10*6.[iU] | share
	CountLow, Count   float64 // administrations per period
	Period            float64
	PeriodUnit        string // h | d | wk
	Note              cds.Text
	Source            stewardship.Source
}

// Range is an interval of renal function in mL/min with open or closed ends.
type Range struct {
	Low, High         float64
	LowOpen, HighOpen bool
}

// Contains tells whether v lies in the range.
func (r Range) Contains(v float64) bool {
	if v < r.Low || r.LowOpen && v == r.Low {
		return false
	}
	return v < r.High || !r.HighOpen && v == r.High
}

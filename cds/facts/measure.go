package facts

import (
	"time"

	"cdss/cds"
	"cdss/fhir"
)

// measure says how one kind of measurement is read: its LOINC codes, the unit it
// is kept in, the range a living adult's value lies in, and for how long it holds.
// A value outside the range is taken for a wrong unit and not used.
type measure struct {
	name     string
	display  cds.Text
	codes    []string
	unit     string
	low      float64
	high     float64
	adult    float64       // lowest value of an adult, where it is another one
	holds    time.Duration // 0: no limit
	renal    bool          // the limit depends on the setting, see holds
	perMole  float64       // g/mol, where laboratories give the amount of substance instead
	special  map[string]float64
	decimals int
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// measures are what the Chart reads from Observation. LOINC codes and names as in
// LOINC 2.78; factors between mass and amount use the molar mass (creatinine
// C4H7N3O 113.12 g/mol, so that 1 mg/dL is 88.40 umol/L).
var measures = []measure{
	{name: "weight", display: cds.Text{DE: "Körpergewicht", EN: "body weight"}, codes: []string{"29463-7", "3141-9", "3142-7", "8335-2"}, unit: "kg", low: 1, high: 400, adult: 25, holds: 365 * day, decimals: 1},
	{name: "height", display: cds.Text{DE: "Körpergröße", EN: "body height"}, codes: []string{"8302-2", "3137-7", "3138-5", "8301-4"}, unit: "cm", low: 40, high: 250, adult: 90, decimals: 0},
	{name: "creatinine", display: cds.Text{DE: "Kreatinin im Serum", EN: "serum creatinine"}, codes: []string{"2160-0", "14682-9", "38483-4", "59826-8", "77140-2"}, unit: "mg/dL", low: 0.1, high: 30, renal: true, perMole: 113.12, decimals: 2},
	{name: "urea", display: cds.Text{DE: "Harnstoff", EN: "urea"}, codes: []string{"22664-7", "3091-6", "3094-0", "14937-7", "6299-2"}, unit: "mmol/L", low: 0.5, high: 100, holds: week, perMole: 60.06, decimals: 1,
		special: map[string]float64{"3094-0": 1 / 2.801, "6299-2": 1 / 2.801}}, // urea nitrogen: two atoms of 14.007 g/mol in a molecule
	{name: "respiratory-rate", display: cds.Text{DE: "Atemfrequenz", EN: "respiratory rate"}, codes: []string{"9279-1"}, unit: "/min", low: 3, high: 90, holds: day},
	{name: "heart-rate", display: cds.Text{DE: "Herzfrequenz", EN: "heart rate"}, codes: []string{"8867-4", "8893-0"}, unit: "/min", low: 15, high: 300, holds: day},
	{name: "systolic-blood-pressure", display: cds.Text{DE: "systolischer Blutdruck", EN: "systolic blood pressure"}, codes: []string{"8480-6"}, unit: "mm[Hg]", low: 30, high: 300, holds: day},
	{name: "diastolic-blood-pressure", display: cds.Text{DE: "diastolischer Blutdruck", EN: "diastolic blood pressure"}, codes: []string{"8462-4"}, unit: "mm[Hg]", low: 10, high: 200, holds: day},
	{name: "mean-blood-pressure", display: cds.Text{DE: "mittlerer Blutdruck", EN: "mean blood pressure"}, codes: []string{"8478-0"}, unit: "mm[Hg]", low: 20, high: 250, holds: day},
	{name: "temperature", display: cds.Text{DE: "Körpertemperatur", EN: "body temperature"}, codes: []string{"8310-5", "8331-1", "8332-9", "8333-7"}, unit: "Cel", low: 25, high: 45, holds: day, decimals: 1},
	{name: "oxygen-saturation", display: cds.Text{DE: "Sauerstoffsättigung", EN: "oxygen saturation"}, codes: []string{"59408-5", "2708-6"}, unit: "%", low: 40, high: 100, holds: day},
	{name: "glasgow-coma-scale", display: cds.Text{DE: "Glasgow Coma Scale", EN: "Glasgow coma scale"}, codes: []string{"9269-2"}, unit: "{score}", low: 3, high: 15, holds: day},
	{name: "inspired-oxygen", display: cds.Text{DE: "inspiratorische Sauerstofffraktion", EN: "inspired oxygen fraction"}, codes: []string{"3150-6"}, unit: "%", low: 21, high: 100, holds: day},
	{name: "oxygen-flow", display: cds.Text{DE: "Sauerstofffluss", EN: "oxygen flow"}, codes: []string{"3151-4"}, unit: "L/min", low: 0, high: 100, holds: day},
	{name: "arterial-oxygen", display: cds.Text{DE: "arterieller Sauerstoffpartialdruck", EN: "arterial oxygen pressure"}, codes: []string{"2703-7"}, unit: "mm[Hg]", low: 15, high: 700, holds: day},
	{name: "lactate", display: cds.Text{DE: "Laktat", EN: "lactate"}, codes: []string{"2524-7", "32693-4", "2518-9"}, unit: "mmol/L", low: 0.1, high: 40, holds: day, perMole: 90.08, decimals: 1},
	{name: "crp", display: cds.Text{DE: "C-reaktives Protein", EN: "C-reactive protein"}, codes: []string{"1988-5", "30522-7"}, unit: "mg/L", low: 0, high: 1000, holds: week, decimals: 1},
	{name: "procalcitonin", display: cds.Text{DE: "Procalcitonin", EN: "procalcitonin"}, codes: []string{"33959-8", "75241-0"}, unit: "ng/mL", low: 0, high: 2000, holds: 3 * day, decimals: 2},
	{name: "leukocytes", display: cds.Text{DE: "Leukozyten", EN: "leukocytes"}, codes: []string{"6690-2", "26464-8"}, unit: "10*9/L", low: 0, high: 1000, holds: week, decimals: 1},
	{name: "platelets", display: cds.Text{DE: "Thrombozyten", EN: "platelets"}, codes: []string{"777-3", "26515-7"}, unit: "10*9/L", low: 1, high: 3000, holds: 3 * day},
	{name: "bilirubin", display: cds.Text{DE: "Bilirubin gesamt", EN: "total bilirubin"}, codes: []string{"1975-2", "14631-6"}, unit: "mg/dL", low: 0.05, high: 60, holds: week, perMole: 584.66, decimals: 1},
	{name: "albumin", display: cds.Text{DE: "Albumin", EN: "albumin"}, codes: []string{"1751-7"}, unit: "g/dL", low: 0.5, high: 8, holds: 30 * day, decimals: 1},
	{name: "inr", display: cds.Text{DE: "INR", EN: "INR"}, codes: []string{"6301-6", "34714-6"}, unit: "{INR}", low: 0.5, high: 20, holds: week, decimals: 1},
	{name: "alt", display: cds.Text{DE: "ALT (GPT)", EN: "ALT"}, codes: []string{"1742-6"}, unit: "U/L", low: 1, high: 30000, holds: 30 * day},
	{name: "potassium", display: cds.Text{DE: "Kalium", EN: "potassium"}, codes: []string{"2823-3", "6298-4"}, unit: "mmol/L", low: 1, high: 12, holds: 3 * day, decimals: 1},
	{name: "magnesium", display: cds.Text{DE: "Magnesium", EN: "magnesium"}, codes: []string{"19123-9", "2601-3"}, unit: "mmol/L", low: 0.1, high: 10, holds: week, perMole: 24.305, decimals: 2},
	{name: "qtc", display: cds.Text{DE: "QTc-Zeit", EN: "QTc interval"}, codes: []string{"8636-3"}, unit: "ms", low: 200, high: 800, holds: 14 * day},
	{name: "egfr-laboratory-2021", display: cds.Text{DE: "eGFR des Labors (CKD-EPI 2021)", EN: "eGFR of the laboratory (CKD-EPI 2021)"}, codes: []string{"98979-8"}, unit: "mL/min/{1.73_m2}", low: 1, high: 250, renal: true, decimals: 1},
	{name: "egfr-laboratory-2009", display: cds.Text{DE: "eGFR des Labors (CKD-EPI 2009)", EN: "eGFR of the laboratory (CKD-EPI 2009)"}, codes: []string{"62238-1"}, unit: "mL/min/{1.73_m2}", low: 1, high: 250, renal: true, decimals: 1},
	{name: "egfr-laboratory-mdrd", display: cds.Text{DE: "eGFR des Labors (MDRD)", EN: "eGFR of the laboratory (MDRD)"}, codes: []string{"33914-3"}, unit: "mL/min/{1.73_m2}", low: 1, high: 250, renal: true, decimals: 1},
	{name: "gestational-age", display: cds.Text{DE: "Schwangerschaftswoche", EN: "gestational age"}, codes: []string{"18185-9", "49051-6"}, unit: "wk", low: 0, high: 45},
}

// holds gives for how long a value counts; 0 means for ever. Renal values hold a
// week in hospital, where the kidney may change by the day, and ninety days
// outside.
func (b *builder) holds(m *measure) time.Duration {
	switch {
	case !m.renal:
		return m.holds
	case b.inpatient():
		return week
	}
	return 90 * day
}

var measureByCode = func() map[string]*measure {
	out := map[string]*measure{}
	for i := range measures {
		for _, code := range measures[i].codes {
			out[code] = &measures[i]
		}
	}
	return out
}()

const (
	loinc  = "http://loinc.org"
	snomed = "http://snomed.info/sct"
)

// sample is one valid value of a measure in the measure's unit.
type sample struct {
	low, high float64 // equal unless a comparator was given
	at        time.Time
	date      fhir.Time
	reference string
	display   cds.Text
	unit      string
	original  string // as written, when it was converted
}

package interaction

import (
	"cdss/cds"
	"cdss/cds/stewardship"
)

// Limits in the patient that count like a second medicine.
const (
	qtcForbids         = 500 // ms: substances that prolong QT are not offered
	qtcWarns           = 480 // ms
	potassiumLow       = 3.0 // mmol/L, with a substance that prolongs QT
	potassiumTooHigh   = 5.5 // mmol/L, with trimethoprim
	qtKind             = "qt"
	potassiumKind      = "potassium"
	referenceQTc       = "qtc" // stand for the missing second medicine
	referencePotassium = "potassium"
)

// fromPatient gives the findings that need no second medicine: a long QTc or a low
// potassium with a substance that prolongs QT, a high potassium with trimethoprim.
// The source is that of the list's row for the substance.
func (l *List) fromPatient(substance Medicine, p Patient) []Finding {
	var out []Finding
	add := func(kind, reference string, what func(cds.Lang) string, indicator cds.Indicator, exclude bool, effect, advice cds.Text) {
		for _, x := range l.rows {
			if x.kind == kind && fits(substance.ATC, x.substances) {
				out = append(out, Finding{
					ID: reference, Indicator: indicator, Exclude: exclude, Kind: kind, Effect: effect, Advice: advice, Source: x.source,
					With: []Medicine{{Name: stewardship.Both(what), Reference: reference}},
				})
				return
			}
		}
	}
	qtc := func(lang cds.Lang) string { return "QTc " + stewardship.Decimal(p.QTc.Low, 0, lang) + " ms" }
	potassium := func(lang cds.Lang) string {
		return cds.Text{DE: "Kalium ", EN: "potassium "}.In(lang) + stewardship.Decimal(p.Potassium.Low, 1, lang) + cds.Text{DE: " mmol/l", EN: " mmol/L"}.In(lang)
	}
	prolongs := cds.Text{DE: "Die Substanz verlängert die QT-Zeit (Torsade de pointes).", EN: "The substance prolongs the QT interval (torsades de pointes)."}
	switch {
	case p.QTc.AtLeast(qtcForbids) == stewardship.Yes:
		add(qtKind, referenceQTc, qtc, cds.WarningI, true, prolongs,
			cds.Text{DE: "Anderes Antibiotikum wählen; Elektrolyte ausgleichen, EKG kontrollieren.", EN: "Choose another antibiotic; correct electrolytes, repeat the ECG."})
	case p.QTc.AtLeast(qtcWarns) == stewardship.Yes:
		add(qtKind, referenceQTc, qtc, cds.WarningI, false, prolongs,
			cds.Text{DE: "Anderes Antibiotikum bevorzugen; sonst EKG unter Therapie, Elektrolyte ausgleichen.", EN: "Prefer another antibiotic; otherwise ECG during treatment, correct electrolytes."})
	}
	if p.Potassium.Below(potassiumLow) == stewardship.Yes {
		add(qtKind, referencePotassium, potassium, cds.WarningI, false, prolongs,
			cds.Text{DE: "Kalium und Magnesium vor der Gabe ausgleichen, EKG.", EN: "Correct potassium and magnesium before giving it, ECG."})
	}
	if p.Potassium.Above(potassiumTooHigh) == stewardship.Yes {
		add(potassiumKind, referencePotassium, potassium, cds.WarningI, true,
			cds.Text{DE: "Trimethoprim hemmt die Kaliumausscheidung.", EN: "Trimethoprim blocks potassium excretion."},
			cds.Text{DE: "Anderes Antibiotikum wählen.", EN: "Choose another antibiotic."})
	}
	return out
}

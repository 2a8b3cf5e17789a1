package facts

import (
	"math"
	"strings"

	"cdss/cds"
)

// In gives the fact in the form of the recommendation, in one language.
func (f Fact) In(lang cds.Lang) cds.Fact {
	out := cds.Fact{
		Name: f.Name, Display: f.Display.In(lang), State: string(f.State), Low: f.Low, High: f.High, Unit: f.Unit,
		Formula: f.Formula.In(lang), Source: f.Source, Inputs: []cds.FactInput{},
	}
	if f.State != Unknown {
		out.Value = f.Value
	}
	if v, ok := out.Value.(float64); ok {
		out.Value = rounded(v, f.Name)
	}
	if reason := f.Reason.In(lang); reason != "" {
		// What limits a value, or why there is none, stands beside the formula: the
		// form of the contract has no place of its own for it.
		if out.Formula != "" {
			out.Formula += "; "
		}
		out.Formula += reason
	}
	if f.Date.Known() {
		out.Date = f.Date.String()
	}
	for _, v := range f.Inputs {
		in := cds.FactInput{Reference: v.Reference, Display: v.Display.In(lang), Unit: v.Unit}
		switch {
		case v.Text != "":
			in.Value = v.Text
		case v.Unit != "" || v.Number != 0:
			in.Value = v.Number
		}
		if v.Date.Known() {
			in.Date = v.Date.String()
		}
		out.Inputs = append(out.Inputs, in)
	}
	return out
}

// rounded gives a number with the decimals its measure is read with; computed ones
// have one, creatinine and body surface two.
func rounded(v float64, name string) float64 {
	decimals := 1
	switch name {
	case "body-surface-area":
		decimals = 2
	default:
		for i := range measures {
			if measures[i].name == name {
				decimals = measures[i].decimals
			}
		}
	}
	scale := math.Pow(10, float64(decimals))
	return math.Round(v*scale) / scale
}

// Display names a fact as people read it; for a name nobody gives, the name with
// spaces.
func Display(name string) cds.Text {
	if t, ok := displays[name]; ok {
		return t
	}
	for i := range measures {
		if measures[i].name == name {
			return measures[i].display
		}
	}
	plain := strings.ReplaceAll(name, "-", " ")
	return cds.Text{DE: plain, EN: plain}
}

// displays name the facts that are no measurement, and what an order may lack.
var displays = map[string]cds.Text{
	"age": {DE: "Alter", EN: "age"}, "sex": {DE: "Geschlecht", EN: "sex"}, "bmi": {DE: "Body-Mass-Index", EN: "body mass index"},
	"ideal-body-weight": {DE: "Idealgewicht", EN: "ideal body weight"}, "adjusted-body-weight": {DE: "adjustiertes Körpergewicht", EN: "adjusted body weight"},
	"body-surface-area": {DE: "Körperoberfläche", EN: "body surface area"}, "egfr-ckd-epi-2021": {DE: "eGFR (CKD-EPI 2021)", EN: "eGFR (CKD-EPI 2021)"},
	"creatinine-clearance-cockcroft-gault": {DE: "Kreatinin-Clearance (Cockcroft-Gault)", EN: "creatinine clearance (Cockcroft-Gault)"},
	"creatinine-unstable":                  {DE: "Kreatinin instabil", EN: "creatinine unstable"}, "dialysis": {DE: "Dialyse", EN: "dialysis"}, "dialysis-mode": {DE: "Dialyseverfahren", EN: "kind of dialysis"},
	"pregnancy": {DE: "Schwangerschaft", EN: "pregnancy"}, "allergies": {DE: "Allergien", EN: "allergies"}, "medications": {DE: "aktuelle Medikation", EN: "current medication"},
	"allergy-penicillin": {DE: "Penicillinallergie", EN: "penicillin allergy"}, "allergy-cephalosporin": {DE: "Cephalosporinallergie", EN: "cephalosporin allergy"},
	"allergy-beta-lactam": {DE: "Betalaktamallergie", EN: "beta-lactam allergy"}, "allergy-fluoroquinolone": {DE: "Fluorchinolonallergie", EN: "fluoroquinolone allergy"},
	"allergy-macrolide": {DE: "Makrolidallergie", EN: "macrolide allergy"}, "encounter-class": {DE: "Art des Kontakts", EN: "encounter class"},
	"icu": {DE: "Intensivstation", EN: "intensive care"}, "admission": {DE: "Aufnahme", EN: "admission"}, "hospital-days": {DE: "Tage im Krankenhaus bis zur Infektion", EN: "days in hospital until the infection"},
	"nosocomial": {DE: "im Krankenhaus erworben (≥ 48 h)", EN: "hospital-acquired (≥ 48 h)"}, "prior-antibiotics-90d": {DE: "Antibiotika in den letzten 90 Tagen", EN: "antibiotics within 90 days"},
	"mrsa": {DE: "MRSA", EN: "MRSA"}, "mrgn": {DE: "MRGN/ESBL", EN: "MRGN/ESBL"}, "mrgn-class": {DE: "MRGN-Klasse", EN: "MRGN class"}, "vre": {DE: "VRE", EN: "VRE"},
	"pseudomonas-risk": {DE: "Risiko für Pseudomonas", EN: "risk of Pseudomonas"}, "ventilation": {DE: "Beatmung", EN: "ventilation"},
	"urinary-catheter": {DE: "Harnwegskatheter", EN: "urinary catheter"}, "immunosuppression": {DE: "Immunsuppression", EN: "immunosuppression"},
	"device": {DE: "Implantat oder Fremdkörper", EN: "implant or device"}, "crb-65": {DE: "CRB-65", EN: "CRB-65"}, "curb-65": {DE: "CURB-65", EN: "CURB-65"},
	"qsofa": {DE: "qSOFA", EN: "qSOFA"}, "sofa": {DE: "SOFA", EN: "SOFA"}, "news2": {DE: "NEWS2", EN: "NEWS2"}, "child-pugh": {DE: "Child-Pugh", EN: "Child-Pugh"},
	"clinical-stability": {DE: "klinische Stabilität (6 Kriterien)", EN: "clinical stability (6 criteria)"}, "severity": {DE: "Schweregrad", EN: "severity"},
	"septic-shock": {DE: "septischer Schock", EN: "septic shock"}, "oral-switch-possible": {DE: "orale Umstellung möglich", EN: "oral switch possible"}, "site": {DE: "Infektionsort", EN: "site of infection"},
	"substance": {DE: "Wirkstoff", EN: "substance"}, "dose": {DE: "Dosis", EN: "dose"}, "frequency": {DE: "Häufigkeit", EN: "frequency"}, "route": {DE: "Applikationsweg", EN: "route"},
	"duration": {DE: "Dauer", EN: "duration"}, "indication": {DE: "Indikation", EN: "indication"}, "confusion": {DE: "Verwirrtheit", EN: "confusion"}, "medication": {DE: "Medikation", EN: "medication"},
	"liver-disease": {DE: "Lebererkrankung", EN: "liver disease"}, "child-pugh-class": {DE: "Child-Pugh-Klasse", EN: "Child-Pugh class"}, "lactation": {DE: "Stillzeit", EN: "breast-feeding"},
	"cultures-taken": {DE: "Kulturen abgenommen", EN: "cultures taken"}, "urological-procedure-planned": {DE: "urologischer Eingriff geplant", EN: "urological procedure planned"},
	"ascites": {DE: "Aszites", EN: "ascites"}, "encephalopathy": {DE: "hepatische Enzephalopathie", EN: "hepatic encephalopathy"}, "conditions": {DE: "Diagnosen", EN: "diagnoses"},
	"onset": {DE: "Beginn der Erkrankung", EN: "onset of the disease"},
}

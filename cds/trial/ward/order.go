package ward

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mistakes are what may be wrong with an order, as it is labelled.
var mistakes = []string{"allergy", "overdose", "renal-dose", "duplicate", "interaction", "no-antibiotic", "too-broad", "resistant", "pregnancy"}

// prepare makes the patient one to whom the mistake can happen.
func (p *patient) prepare(kind string, d disease) disease {
	switch kind {
	case "allergy":
		d = named("pneumonia")
		d.therapy = [][]drug{{ampicillinSulbactam}, {amoxiClav}}
	case "overdose":
		d.therapy = [][]drug{{iv("J01DD04", "Ceftriaxon", 20, 1)}}
	case "renal-dose":
		d = named("severe pneumonia")
		p.egfr, p.age, p.weight = 9+p.Float64()*3, 60+p.IntN(25), 62+float64(p.IntN(12))
		d.therapy = [][]drug{{piperacillin}}
	case "duplicate":
		d = named("pneumonia")
		d.therapy = [][]drug{{ceftriaxone}}
	case "interaction":
		d = named("sepsis")
		d.therapy = [][]drug{{meropenem}}
	case "no-antibiotic":
		d = named("stroke")
		d.therapy = [][]drug{{ciprofloxacin}}
	case "too-broad":
		d = named("pneumonia")
		d.therapy = [][]drug{{meropenem}}
	case "resistant":
		d = named("complicated urinary tract infection")
		d.therapy = [][]drug{{ceftriaxone}}
	case "pregnancy":
		p.female, p.age = true, 20+p.IntN(18)
		p.egfr = 100
		d = named("pyelonephritis")
		d.therapy = [][]drug{{ciprofloxacin}}
	}
	d.later = nil
	return d
}

// measured writes vital signs and laboratory values of the first hours.
func (p *patient) measured(d disease, kind string) {
	at := p.at.Add(30 * time.Minute)
	vital := func(loinc, display string, v float64, unit, code string) {
		p.observe(loinc, display, v, unit, code, at, "vital-signs")
	}
	lab := func(loinc, display string, v float64, unit, code string) {
		p.observe(loinc, display, v, unit, code, at.Add(20*time.Minute), "laboratory")
	}
	rate, systolic, diastolic, saturation, urea := 17.0+float64(p.IntN(4)), 125+float64(p.IntN(25)), 72+float64(p.IntN(10)), 96.0, 14+float64(p.IntN(8))
	gcs := 15.0
	if strings.Contains(d.name, "pneumonia") || d.name == "COPD exacerbation" {
		rate, saturation = 21+float64(p.IntN(4)), 91+float64(p.IntN(4))
	}
	if d.severe {
		rate, systolic, diastolic, urea, saturation = 32, 98, 56, 34, 88
		gcs = 14
	}
	if d.shock {
		systolic, diastolic = 84, 48
		lab("2524-7", "Laktat", 4.1, "mmol/L", "mmol/L")
	}
	vital("8310-5", "Körpertemperatur", d.fever, "°C", "Cel")
	vital("9279-1", "Atemfrequenz", rate, "/min", "/min")
	vital("8867-4", "Herzfrequenz", 70+d.crp/8, "/min", "/min")
	vital("59408-5", "Sauerstoffsättigung", saturation, "%", "%")
	vital("9269-2", "Glasgow Coma Scale", gcs, "{score}", "{score}")
	p.add("Observation", object{
		"status": "final", "category": []any{concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "")},
		"code": concept("http://loinc.org", "85354-9", "Blutdruck"), "effectiveDateTime": stamp(at),
		"component": []any{
			object{"code": concept("http://loinc.org", "8480-6", ""), "valueQuantity": quantity(systolic, "mmHg", "mm[Hg]")},
			object{"code": concept("http://loinc.org", "8462-4", ""), "valueQuantity": quantity(diastolic, "mmHg", "mm[Hg]")},
		},
	})
	if p.Float64() > 0.03 {
		vital("29463-7", "Körpergewicht", float64(int(p.weight)), "kg", "kg")
		vital("8302-2", "Körpergröße", map[bool]float64{true: 165, false: 178}[p.female], "cm", "cm")
	}
	if p.Float64() > 0.015 || kind != "" {
		lab("2160-0", "Kreatinin", p.creatinine(), "mg/dL", "mg/dL")
	}
	lab("3094-0", "Harnstoff-N", urea, "mg/dL", "mg/dL")
	lab("1988-5", "CRP", d.crp, "mg/L", "mg/L")
	lab("2823-3", "Kalium", 4.2, "mmol/L", "mmol/L")
	lab("6690-2", "Leukozyten", 6+d.crp/20, "10*9/L", "10*9/L")
	if p.female && p.age >= 18 && p.age <= 50 {
		status := concept("http://snomed.info/sct", "60001007", "Nicht schwanger")
		if kind == "pregnancy" {
			status = concept("http://snomed.info/sct", "77386006", "Schwanger")
		}
		p.add("Observation", object{
			"status": "final", "code": concept("http://loinc.org", "82810-3", "Schwangerschaft"), "effectiveDateTime": stamp(at), "valueCodeableConcept": status,
		})
	}
}

// orders writes what was ordered: at admission, and on the third day when it goes on
// orally.
func (p *patient) orders(d disease, kind string) {
	if !d.infected() {
		return
	}
	first := p.at.Add(time.Duration(80+p.IntN(60)) * time.Minute)
	option := d.therapy[p.IntN(len(d.therapy))]
	third := p.at.Add(52 * time.Hour)
	switch kind {
	case "renal-dose", "resistant": // right at first, wrong when it goes on
		p.order(option, first, third, "", "")
		if kind == "resistant" {
			p.culture(p.at.Add(45*time.Minute), p.at.Add(50*time.Hour), "R")
		}
		p.order(option, third, time.Time{}, ", Fortführung ab Tag 3", kind)
		return
	case "duplicate":
		p.order(option, first, time.Time{}, "", "")
		p.order(option, first.Add(5*time.Hour), time.Time{}, "", kind)
		return
	}
	if len(d.later) == 0 || kind != "" || p.stay < 4 || p.Float64() < 0.4 {
		p.order(p.fitted(option, kind), first, time.Time{}, "", kind)
		return
	}
	p.order(p.fitted(option, kind), first, third, "", "")
	if d.organism != "" {
		p.culture(p.at.Add(45*time.Minute), p.at.Add(48*time.Hour), "S")
	}
	p.better(p.at.Add(26*time.Hour), p.at.Add(38*time.Hour), p.at.Add(50*time.Hour))
	p.order(p.fitted(d.later[p.IntN(len(d.later))], kind), third, time.Time{}, "", "")
}

// better writes vital signs of a patient who recovers.
func (p *patient) better(times ...time.Time) {
	for _, at := range times {
		p.observe("8310-5", "Körpertemperatur", 37.1, "°C", "Cel", at, "vital-signs")
		p.observe("9279-1", "Atemfrequenz", 16, "/min", "/min", at, "vital-signs")
		p.observe("8867-4", "Herzfrequenz", 76, "/min", "/min", at, "vital-signs")
		p.observe("59408-5", "Sauerstoffsättigung", 96, "%", "%", at, "vital-signs")
		p.observe("8480-6", "Systolischer Blutdruck", 128, "mmHg", "mm[Hg]", at, "vital-signs")
		p.observe("9269-2", "Glasgow Coma Scale", 15, "{score}", "{score}", at, "vital-signs")
	}
}

// clearance is that of Cockcroft and Gault, in mL/min.
func (p *patient) clearance() float64 {
	c := float64(140-p.age) * p.weight / (72 * p.creatinine())
	if p.female {
		c *= 0.85
	}
	return c
}

// fitted reduces the dose where the kidney asks for it.
func (p *patient) fitted(option []drug, kind string) []drug {
	if p.clearance() >= 30 || kind != "" {
		return option
	}
	out := make([]drug, len(option))
	for i, d := range option {
		out[i] = d
		if d.low != nil {
			out[i] = *d.low
		}
	}
	return out
}

// order writes one MedicationRequest for each drug.
func (p *patient) order(option []drug, at, until time.Time, words, kind string) {
	for i, d := range option {
		route, code := "i.v.", "47625008"
		if d.route == "po" {
			route, code = "p.o.", "26643006"
		}
		amount := strings.Replace(strconv.FormatFloat(d.dose, 'f', -1, 64), ".", ",", 1)
		bounds := object{"start": stamp(at)}
		status := "completed"
		if !until.IsZero() {
			bounds["end"] = stamp(until)
		} else {
			bounds["end"] = stamp(at.Add(5 * 24 * time.Hour))
		}
		p.add("MedicationRequest", object{
			"status": status, "intent": "order", "meta": label(kind), "authoredOn": stamp(at.Add(time.Duration(i) * 2 * time.Minute)),
			"encounter":                 object{"reference": "Encounter/" + p.id},
			"medicationCodeableConcept": concept("http://fhir.de/CodeSystem/bfarm/atc", d.atc, d.name),
			"dosageInstruction": []any{object{
				"text":        fmt.Sprintf("%s %s %s %gx täglich%s", amount, d.unit, route, d.perDay, words),
				"route":       concept("http://snomed.info/sct", code, ""),
				"timing":      object{"repeat": object{"frequency": d.perDay, "period": 1, "periodUnit": "d", "boundsPeriod": bounds}},
				"doseAndRate": []any{object{"doseQuantity": quantity(d.dose, d.unit, d.unit)}},
			}},
		})
	}
}

// culture writes a urine culture with E. coli and its susceptibilities.
func (p *patient) culture(taken, issued time.Time, ceftriaxone string) {
	member := func(loinc, name, result string) any {
		ref := p.add("Observation", object{
			"status": "final", "category": []any{concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "")},
			"code": concept("http://loinc.org", loinc, name), "effectiveDateTime": stamp(taken), "issued": stamp(issued),
			"interpretation": []any{concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", result, "")},
		})
		return object{"reference": ref}
	}
	specimen := p.add("Specimen", object{"type": concept("http://snomed.info/sct", "122575003", "Urin"), "receivedTime": stamp(taken)})
	members := []any{
		member("18895-3", "Ceftriaxon [Empfindlichkeit]", ceftriaxone), member("18906-8", "Ciprofloxacin [Empfindlichkeit]", "S"),
		member("18970-4", "Piperacillin/Tazobactam [Empfindlichkeit]", "S"), member("18943-1", "Meropenem [Empfindlichkeit]", "S"),
	}
	p.add("Observation", object{
		"status": "final", "category": []any{concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "")},
		"code": concept("http://loinc.org", "630-4", "Urinkultur"), "effectiveDateTime": stamp(taken), "issued": stamp(issued),
		"specimen":             object{"reference": specimen},
		"valueCodeableConcept": concept("http://snomed.info/sct", "112283007", "Escherichia coli"), "hasMember": members,
	})
}

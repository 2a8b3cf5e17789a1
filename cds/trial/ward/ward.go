// Package ward makes up the admissions of a synthetic ward: patients, what was known
// when, and the antibiotics that were ordered, most of them right, some wrong on
// purpose and labelled with what is wrong. The same seed gives the same ward.
//
// It owns the mix of diseases and mistakes, and knows of right orders only what its
// own table says: it refuses to ask the knowledge that it is there to try. Its
// patients do not exist.
package ward

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"cdss/cds/trial"
)

// Options say which ward is made.
type Options struct {
	Admissions int
	Seed       uint64
	Wrong      float64 // share of infected patients whose order is wrong on purpose, 0-1
	Begin      time.Time
}

// Usual is the ward of the issue: 500 admissions, four wrong orders in a hundred.
var Usual = Options{Admissions: 500, Seed: 1, Wrong: 0.04, Begin: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)}

// Write writes the ward, one Bundle a line.
func Write(w io.Writer, o Options) error {
	for i := range o.Admissions {
		line, err := json.Marshal(admission(o, i))
		if err != nil {
			return fmt.Errorf("write admission %d: %w", i+1, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write admission %d: %w", i+1, err)
		}
	}
	return nil
}

type object = map[string]any

// patient is one admission being made.
type patient struct {
	*rand.Rand
	id     string
	n      int
	at     time.Time // admission
	female bool
	age    int
	weight float64
	egfr   float64
	list   []any
	meds   map[string]bool // ATC of home medication
	stay   int             // days
}

// admission makes the Bundle of one admission.
func admission(o Options, i int) object {
	p := &patient{
		Rand: rand.New(rand.NewPCG(o.Seed, uint64(i))), id: fmt.Sprintf("ward-%d-%05d", o.Seed, i+1),
		at: o.Begin.Add(time.Duration(i) * 2 * time.Hour), meds: map[string]bool{},
	}
	p.at = p.at.Add(time.Duration(p.IntN(90)) * time.Minute)
	p.female = p.Float64() < 0.48
	p.age = min(97, max(18, int(p.NormFloat64()*16+67)))
	p.weight = max(42, min(140, p.NormFloat64()*14+map[bool]float64{true: 70, false: 82}[p.female]))
	p.kidney()
	p.stay = 3 + p.IntN(9)
	d := p.disease()
	wrong := d.infected() && p.Float64() < o.Wrong
	kind := ""
	if wrong {
		kind = mistakes[p.IntN(len(mistakes))]
		d = p.prepare(kind, d)
	}
	p.person()
	p.record(d, kind)
	p.orders(d, kind)
	return object{
		"resourceType": "Bundle", "id": p.id, "type": "collection", "timestamp": stamp(p.at.Add(24 * time.Hour * time.Duration(p.stay))),
		"entry": p.list,
	}
}

// kidney draws the renal function: one patient in six has a chronic disease of it.
func (p *patient) kidney() {
	p.egfr = max(45, min(120, 128-float64(p.age)*0.8+p.NormFloat64()*12))
	if p.Float64() < 0.17 {
		p.egfr = 14 + p.Float64()*40
	}
}

// creatinine is what gives this renal function (CKD-EPI 2021, solved for creatinine
// above the knee), in mg/dL.
func (p *patient) creatinine() float64 {
	kappa, factor := 0.9, 1.0
	if p.female {
		kappa, factor = 0.7, 1.012
	}
	low, high := 0.3, 12.0
	for range 40 {
		mid := (low + high) / 2
		ratio := mid / kappa
		alpha := -0.302
		if p.female {
			alpha = -0.241
		}
		value := 142 * pow(min(ratio, 1), alpha) * pow(max(ratio, 1), -1.2) * pow(0.9938, float64(p.age)) * factor
		if value > p.egfr {
			low = mid
		} else {
			high = mid
		}
	}
	return float64(int(low*100+0.5)) / 100
}

func (p *patient) add(typ string, o object) string {
	p.n++
	id := fmt.Sprintf("%s-%d", p.id, p.n)
	o["resourceType"], o["id"] = typ, id
	switch typ {
	case "Patient", "Encounter":
	case "AllergyIntolerance":
		o["patient"] = object{"reference": "Patient/" + p.id}
	default:
		o["subject"] = object{"reference": "Patient/" + p.id}
	}
	p.list = append(p.list, object{"resource": o})
	return typ + "/" + id
}

// person writes Patient and Encounter.
func (p *patient) person() {
	gender := "male"
	if p.female {
		gender = "female"
	}
	p.list = append(p.list, object{"resource": object{
		"resourceType": "Patient", "id": p.id, "gender": gender,
		"birthDate": p.at.AddDate(-p.age, -p.IntN(11), -p.IntN(27)).Format(time.DateOnly),
		"meta":      object{"tag": []any{object{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}}},
	}})
	p.list = append(p.list, object{"resource": object{
		"resourceType": "Encounter", "id": p.id, "status": "finished", "subject": object{"reference": "Patient/" + p.id},
		"class":  object{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
		"period": object{"start": stamp(p.at), "end": stamp(p.at.Add(24 * time.Hour * time.Duration(p.stay)))},
	}})
}

func (p *patient) condition(code, display string, since time.Duration, category string) {
	p.add("Condition", object{
		"clinicalStatus":     concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", ""),
		"verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", ""),
		"category":           []any{concept("http://terminology.hl7.org/CodeSystem/condition-category", category, "")},
		"code":               concept("http://fhir.de/CodeSystem/bfarm/icd-10-gm", code, display),
		"onsetDateTime":      p.at.Add(-since).Format(time.DateOnly), "recordedDate": stamp(p.at.Add(20 * time.Minute)),
	})
}

func (p *patient) observe(loinc, display string, value float64, unit, code string, at time.Time, category string) {
	if p.Float64() < 0.01 { // a laboratory that has not mapped all its codes
		p.add("Observation", object{
			"status": "final", "category": []any{concept("http://terminology.hl7.org/CodeSystem/observation-category", category, "")},
			"code":              concept("https://labor.example/codes", "LOC-"+loinc, display),
			"effectiveDateTime": stamp(at), "valueQuantity": quantity(value, unit, code),
		})
	}
	p.add("Observation", object{
		"status": "final", "category": []any{concept("http://terminology.hl7.org/CodeSystem/observation-category", category, "")},
		"code": concept("http://loinc.org", loinc, display), "effectiveDateTime": stamp(at), "valueQuantity": quantity(value, unit, code),
	})
}

func concept(system, code, display string) object {
	c := object{"system": system, "code": code}
	o := object{"coding": []any{c}}
	if display != "" {
		c["display"], o["text"] = display, display
	}
	return o
}

func quantity(value float64, unit, code string) object {
	return object{"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code}
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z07:00") }

// label marks an order.
func label(kind string) object {
	if kind == "" {
		kind = "right"
	}
	return object{"tag": []any{object{"system": trial.LabelSystem, "code": kind}}}
}

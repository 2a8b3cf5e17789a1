package ward

import (
	"math"
	"slices"
	"time"
)

func pow(x, y float64) float64 { return math.Pow(x, y) }

// drug is an order of the generator's own table: what a ward usually orders for an
// adult. The amounts are inventions like the patients, and are no source for a dose.
type drug struct {
	atc, name, route string
	dose             float64
	unit             string
	perDay           float64
	low              *drug // of a clearance under 30 mL/min
}

func iv(atc, name string, dose, perDay float64) drug {
	return drug{atc: atc, name: name, route: "iv", dose: dose, unit: "g", perDay: perDay}
}

func po(atc, name string, dose, perDay float64) drug {
	return drug{atc: atc, name: name, route: "po", dose: dose, unit: "mg", perDay: perDay}
}

func (d drug) reduced(to drug) drug {
	d.low = &to
	return d
}

var (
	ampicillinSulbactam = iv("J01CR01", "Ampicillin/Sulbactam", 3, 3).reduced(iv("J01CR01", "Ampicillin/Sulbactam", 3, 2))
	amoxiClav           = iv("J01CR02", "Amoxicillin/Clavulansäure", 2.2, 3).reduced(iv("J01CR02", "Amoxicillin/Clavulansäure", 1.2, 2))
	amoxiClavOral       = po("J01CR02", "Amoxicillin/Clavulansäure", 1000, 2).reduced(po("J01CR02", "Amoxicillin/Clavulansäure", 625, 2))
	cefuroxime          = iv("J01DC02", "Cefuroxim", 1.5, 3).reduced(iv("J01DC02", "Cefuroxim", 1.5, 2))
	ceftriaxone         = iv("J01DD04", "Ceftriaxon", 2, 1)
	ceftriaxoneHigh     = iv("J01DD04", "Ceftriaxon", 2, 2)
	cefotaxime          = iv("J01DD01", "Cefotaxim", 2, 3)
	piperacillin        = iv("J01CR05", "Piperacillin/Tazobactam", 4.5, 3).reduced(iv("J01CR05", "Piperacillin/Tazobactam", 4.5, 2))
	meropenem           = iv("J01DH02", "Meropenem", 1, 3).reduced(iv("J01DH02", "Meropenem", 1, 2))
	cefazolin           = iv("J01DB04", "Cefazolin", 2, 3).reduced(iv("J01DB04", "Cefazolin", 1, 2))
	flucloxacillin      = iv("J01CF05", "Flucloxacillin", 2, 4)
	ampicillin          = iv("J01CA01", "Ampicillin", 2, 6)
	metronidazole       = iv("J01XD01", "Metronidazol", 0.5, 3)
	clarithromycin      = po("J01FA09", "Clarithromycin", 500, 2)
	ciprofloxacinOral   = po("J01MA02", "Ciprofloxacin", 500, 2).reduced(po("J01MA02", "Ciprofloxacin", 500, 1))
	ciprofloxacin       = iv("J01MA02", "Ciprofloxacin", 0.4, 2)
	vancomycinOral      = po("A07AA09", "Vancomycin", 125, 4)
)

// disease is a reason for admission, and what is ordered for it.
type disease struct {
	name     string
	code     string // ICD-10-GM
	display  string
	weight   int // of the draw
	severe   bool
	shock    bool
	fever    float64 // temperature
	crp      float64
	female   bool // women alone
	most     int  // age, 0: any
	therapy  [][]drug
	later    [][]drug // on the third day, when it goes well
	organism string   // that grows: SNOMED CT
	specimen string
	device   string // SNOMED CT of a device that is there
}

func (d disease) infected() bool { return len(d.therapy) > 0 }

var diseases = []disease{
	{name: "pneumonia", code: "J18.9", display: "Ambulant erworbene Pneumonie", weight: 16, fever: 38.6, crp: 140,
		therapy: [][]drug{{ampicillinSulbactam}, {ceftriaxone}, {cefuroxime}, {amoxiClav}, {ampicillinSulbactam, clarithromycin}},
		later:   [][]drug{{amoxiClavOral}}},
	{name: "severe pneumonia", code: "J18.9", display: "Ambulant erworbene Pneumonie", weight: 4, severe: true, fever: 39.1, crp: 260,
		therapy: [][]drug{{ceftriaxone, clarithromycin}, {piperacillin, clarithromycin}, {cefotaxime, clarithromycin}}},
	{name: "COPD exacerbation", code: "J44.19", display: "Exazerbierte COPD mit eitrigem Sputum", weight: 5, fever: 37.9, crp: 60,
		therapy: [][]drug{{amoxiClav}, {ampicillinSulbactam}, {ceftriaxone}}},
	{name: "pyelonephritis", code: "N10", display: "Akute Pyelonephritis", weight: 6, fever: 39, crp: 150, female: true, most: 60,
		therapy: [][]drug{{ceftriaxone}, {cefotaxime}}, later: [][]drug{{ciprofloxacinOral}}, organism: "112283007", specimen: "urine"},
	{name: "complicated urinary tract infection", code: "N39.0", display: "Komplizierte Harnwegsinfektion", weight: 6, fever: 38.4, crp: 110,
		therapy: [][]drug{{ceftriaxone}, {piperacillin}, {cefotaxime}}, organism: "112283007", specimen: "urine", device: "23973005"},
	{name: "urosepsis", code: "A41.51", display: "Urosepsis durch E. coli", weight: 4, severe: true, fever: 39.4, crp: 240,
		therapy: [][]drug{{piperacillin}, {ceftriaxone}, {cefotaxime}}},
	{name: "sepsis", code: "A41.9", display: "Sepsis", weight: 4, severe: true, shock: true, fever: 39.3, crp: 280,
		therapy: [][]drug{{piperacillin}, {ceftriaxone}}},
	{name: "erysipelas", code: "A46", display: "Erysipel des Unterschenkels", weight: 6, fever: 38.5, crp: 120,
		therapy: [][]drug{{cefazolin}, {flucloxacillin}}},
	{name: "bite", code: "S61.9", display: "Infizierte Bisswunde (Katzenbiss) der Hand", weight: 2, fever: 37.8, crp: 50,
		therapy: [][]drug{{ampicillinSulbactam}, {amoxiClav}}},
	{name: "appendicitis", code: "K35.30", display: "Akute Appendizitis mit lokaler Peritonitis", weight: 4, fever: 38.2, crp: 130, most: 70,
		therapy: [][]drug{{ceftriaxone, metronidazole}, {cefuroxime, metronidazole}, {ampicillinSulbactam}}},
	{name: "cholecystitis", code: "K81.0", display: "Akute Cholezystitis", weight: 4, fever: 38.3, crp: 150,
		therapy: [][]drug{{ceftriaxone, metronidazole}, {piperacillin}, {ampicillinSulbactam}}},
	{name: "diverticulitis", code: "K57.32", display: "Divertikulitis des Sigmas", weight: 3, fever: 38, crp: 110,
		therapy: [][]drug{{ampicillinSulbactam}, {ceftriaxone, metronidazole}}},
	{name: "septic arthritis", code: "M00.96", display: "Septische Arthritis, Kniegelenk", weight: 2, fever: 38.7, crp: 180,
		therapy: [][]drug{{cefazolin}, {flucloxacillin}}},
	{name: "meningitis", code: "G00.9", display: "Bakterielle Meningitis", weight: 1, severe: true, fever: 39.6, crp: 220,
		therapy: [][]drug{{ceftriaxoneHigh, ampicillin}}},
	{name: "clostridioides", code: "A04.70", display: "Enterokolitis durch Clostridioides difficile", weight: 2, fever: 38, crp: 80,
		therapy: [][]drug{{vancomycinOral}}},
	{name: "heart failure", code: "I50.14", display: "Dekompensierte Herzinsuffizienz", weight: 12, fever: 36.8, crp: 12},
	{name: "stroke", code: "I63.9", display: "Hirninfarkt", weight: 8, fever: 36.9, crp: 8},
	{name: "hip fracture", code: "S72.01", display: "Schenkelhalsfraktur", weight: 6, fever: 37, crp: 25},
	{name: "gastrointestinal bleeding", code: "K92.2", display: "Gastrointestinale Blutung", weight: 5, fever: 36.7, crp: 10},
}

// disease draws one that fits the patient.
func (p *patient) disease() disease {
	for {
		sum := 0
		for _, d := range diseases {
			sum += d.weight
		}
		n := p.IntN(sum)
		for _, d := range diseases {
			if n -= d.weight; n >= 0 {
				continue
			}
			if d.female && !p.female || d.most > 0 && p.age > d.most {
				break
			}
			return d
		}
	}
}

// named gives a disease of the table.
func named(name string) disease {
	i := slices.IndexFunc(diseases, func(d disease) bool { return d.name == name })
	return diseases[i]
}

// home medication: ATC, name, how often. Those that a right order should not meet
// are left out with it.
var home = []struct {
	atc, name string
	share     float64
}{
	{"C09AA05", "Ramipril", 0.35}, {"C07AB07", "Bisoprolol", 0.3}, {"A02BC02", "Pantoprazol", 0.35}, {"B01AC06", "Acetylsalicylsäure", 0.25},
	{"C10AA05", "Atorvastatin", 0.28}, {"B01AF02", "Apixaban", 0.15}, {"A10BA02", "Metformin", 0.15}, {"C03CA04", "Torasemid", 0.2},
	{"H03AA01", "Levothyroxin", 0.15}, {"N02BE01", "Paracetamol", 0.15}, {"N06AB04", "Citalopram", 0.06}, {"B01AA04", "Phenprocoumon", 0.04},
	{"N02BB02", "Metamizol", 0.2},
}

// clashes are home medicines that an order of the table should not meet.
var clashes = map[string][]string{
	"J01FA09": {"C10AA05", "B01AF02", "B01AA04", "N06AB04"},
	"J01MA02": {"B01AA04", "N06AB04"},
	"J01XD01": {"B01AA04", "N06AB04"},
	"J01CF05": {"N02BE01", "B01AA04", "B01AF02"},
}

// record writes what is known of the patient.
func (p *patient) record(d disease, kind string) {
	p.condition(d.code, d.display, 24*time.Hour, "encounter-diagnosis")
	if kind == "no-antibiotic" {
		p.condition("R82.7", "Asymptomatische Bakteriurie", 24*time.Hour, "encounter-diagnosis")
	}
	if p.age > 60 && p.Float64() < 0.5 {
		p.condition("I10.90", "Essentielle Hypertonie", 5*8760*time.Hour, "problem-list-item")
	}
	if p.egfr < 45 {
		p.condition("N18.3", "Chronische Nierenkrankheit", 3*8760*time.Hour, "problem-list-item")
	}
	p.allergies(kind)
	p.medication(d, kind)
	p.measured(d, kind)
	if d.device != "" {
		p.add("Device", object{"status": "active", "type": concept("http://snomed.info/sct", d.device, "Harnblasenkatheter"), "patient": object{"reference": "Patient/" + p.id}})
	}
}

func (p *patient) allergies(kind string) {
	recorded := p.at.AddDate(-2, 0, 0).Format(time.DateOnly)
	coded := func(code, display string) object {
		return object{
			"clinicalStatus":     concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", ""),
			"verificationStatus": concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed", ""),
			"code":               concept("http://snomed.info/sct", code, display), "recordedDate": recorded,
		}
	}
	switch {
	case kind == "allergy":
		a := coded("764146007", "Penicillin")
		a["type"], a["criticality"] = "allergy", "high"
		a["reaction"] = []any{object{"severity": "severe", "manifestation": []any{concept("http://snomed.info/sct", "39579001", "Anaphylaxie")}}}
		p.add("AllergyIntolerance", a)
	case p.Float64() < 0.05:
		// nothing was recorded
	default:
		p.add("AllergyIntolerance", coded("716186003", "Keine Allergie bekannt"))
	}
}

func (p *patient) medication(d disease, kind string) {
	avoid := map[string]bool{}
	for _, option := range append(slices.Clone(d.therapy), d.later...) {
		for _, x := range option {
			for _, atc := range clashes[x.atc] {
				avoid[atc] = true
			}
		}
	}
	take := func(atc, name string) {
		p.meds[atc] = true
		p.add("MedicationStatement", object{
			"status": "active", "medicationCodeableConcept": concept("http://fhir.de/CodeSystem/bfarm/atc", atc, name),
			"effectivePeriod": object{"start": p.at.AddDate(-1, 0, 0).Format(time.DateOnly)},
		})
	}
	for _, m := range home {
		if p.Float64() < m.share*float64(p.age)/70 && !avoid[m.atc] {
			take(m.atc, m.name)
		}
	}
	switch kind {
	case "interaction":
		take("N03AG01", "Valproinsäure")
	}
	if len(p.meds) == 0 {
		take("A02BC02", "Pantoprazol")
	}
	if p.Float64() < 0.015 {
		p.add("MedicationStatement", object{
			"status": "active", "medicationCodeableConcept": concept("https://kis.example/drug", "HM-4711", "Herz-Kreislauf-Mischung"),
			"effectivePeriod": object{"start": p.at.AddDate(-1, 0, 0).Format(time.DateOnly)},
		})
	}
}

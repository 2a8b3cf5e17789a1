package facts

import (
	"regexp"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/fhir"
)

// severities and sites are our codes and the prototype's values.
var (
	severities = map[string]string{
		"mild": "mild", "moderate": "moderate", "severe": "severe", "septic": "septic",
		"LEICHT": "mild", "MITTELSCHWER": "moderate", "SCHWER": "severe", "SEPTISCH": "septic",
	}
	sites = map[string]string{
		"BLUT": "blood", "LUNGE": "lung", "GASTROINTESTINAL": "gastrointestinal", "ZNS": "central-nervous-system",
		"HAUT_WEICHTEILE": "skin-soft-tissue", "HARNTRAKT": "urinary-tract", "SYSTEMISCH": "systemic",
	}
)

var (
	sepsisWords = regexp.MustCompile(`(?i)\b(?:uro)?sepsis\b|\bseptisch\w*|\bseptic\b`)
	// What is called septic because germs are in one place is no sepsis.
	septicPart = regexp.MustCompile(`(?i)\bsepti(?:sch\w*|c)\s+(?:[\w-]*arthrit|[\w-]*bursit|[\w-]*thromb|[\w-]*embol|[\w-]*gelenk|[\w-]*arthros|[ck]oxit|gonit|osteo|[\w-]*nekros|necros|[\w-]*locker|loosening|joint|[\w-]*wechsel|revision|chirurg|surg|station)\w*`)
	shockWords = regexp.MustCompile(`(?i)septischer schock|septic shock`)
)

// sepsisLasts is how long a diagnosis of sepsis tells how ill the patient is now.
const sepsisLasts = 30 * day

// severity takes the one of the request; else it is computed from signs of sepsis,
// the place of care and CRB-65, and says from which.
func (b *builder) severity() {
	c := b.chart
	f := Fact{Name: "severity", State: Unknown, Missing: []string{"severity"}, Reason: text("weder angegeben noch berechenbar", "neither stated nor computable")}
	defer func() {
		if c.severity != "" {
			f = Fact{Name: "severity", State: Known, Value: c.severity, Reason: c.severityBasis, Source: "computed"}
			if b.in.Request != nil && severities[b.in.Request.Severity] != "" {
				f.Source = "request"
			}
		}
		b.put(f)
	}()
	if b.in.Request != nil {
		if s := severities[b.in.Request.Severity]; s != "" {
			c.severity, c.severityBasis = s, text("in der Anfrage angegeben", "stated in the request")
			return
		}
	}
	set := func(value string, basis cds.Text) { c.severity, c.severityBasis = value, basis }
	for _, x := range c.conditions {
		if !septic(x.Concept) {
			continue
		}
		if at := began(x); at.Known() && b.now.Sub(b.moment(at)) > sepsisLasts {
			b.ignore(x.Reference, "Sepsis vom "+date(at, cds.DE)+": zu alt für den jetzigen Schweregrad", "sepsis of "+date(at, cds.EN)+": too old for the present severity")
			continue
		}
		set("septic", text("Diagnose "+x.Display, "diagnosis "+x.Display))
		return
	}
	qsofa := c.Number("qsofa")
	switch {
	case c.indication != nil && qsofa.AtLeast(2) == stewardship.Yes:
		set("septic", both(func(l cds.Lang) string { return "qSOFA " + points(c.Fact("qsofa"), l) }))
	case c.Truth("septic-shock") == stewardship.Yes:
		set("septic", text("septischer Schock", "septic shock"))
	case b.encounter.icu:
		set("severe", text("Intensivstation", "intensive care"))
	case c.Truth("ventilation") == stewardship.Yes:
		set("severe", text("Beatmung", "ventilation"))
	case b.pneumonia() && c.Number("crb-65").AtLeast(3) == stewardship.Yes:
		set("severe", both(func(l cds.Lang) string { return "CRB-65 " + points(c.Fact("crb-65"), l) }))
	case b.inpatient():
		set("moderate", both(func(l cds.Lang) string {
			return cds.Text{DE: "stationär", EN: "in hospital"}.In(l) + b.open(l)
		}))
	case b.encounter.class == "AMB" && b.pneumonia() && c.Number("crb-65").AtLeast(1) == stewardship.Yes:
		set("moderate", both(func(l cds.Lang) string {
			return cds.Text{DE: "ambulant, CRB-65 ", EN: "outpatient, CRB-65 "}.In(l) + points(c.Fact("crb-65"), l)
		}))
	case b.encounter.class == "AMB":
		set("mild", both(func(l cds.Lang) string { return cds.Text{DE: "ambulant", EN: "outpatient"}.In(l) + b.open(l) }))
	}
}

// septic tells whether a diagnosis is coded or written down as a sepsis.
func septic(c fhir.CodeableConcept) bool {
	if hasICD(c, "A40", "A41", "R65.0", "R65.1", "R57.2") || c.Has(snomed, "91302008", "76571007") {
		return true
	}
	for _, t := range texts(c) {
		t = septicPart.ReplaceAllString(t, "")
		if at := find(sepsisWords, t); at != nil && says(sepsisWords, t) && !formerly.MatchString(t[:at[0]]) {
			return true
		}
	}
	return false
}

// open says when a sepsis could not be ruled out.
func (b *builder) open(l cds.Lang) string {
	if b.chart.Number("qsofa").AtLeast(2) == stewardship.Unknown {
		return cds.Text{DE: "; qSOFA unvollständig, Sepsis nicht beurteilbar", EN: "; qSOFA incomplete, sepsis cannot be judged"}.In(l)
	}
	return ""
}

func (b *builder) pneumonia() bool {
	if b.chart.indication == nil {
		return false
	}
	return b.chart.indication.Code == capCode || b.chart.indication.Code == hapCode
}

func points(f Fact, l cds.Lang) string {
	n := f.Number()
	if v, ok := n.Exact(); ok {
		return stewardship.Decimal(v, 0, l)
	}
	return stewardship.Decimal(n.Low, 0, l) + "–" + stewardship.Decimal(n.High, 0, l)
}

// vasopressor tells whether the current medication holds one.
func (b *builder) vasopressor() bool {
	for _, m := range b.chart.medications {
		for _, prefix := range []string{"C01CA03", "C01CA04", "C01CA24", "H01BA01", "C01CA07"} {
			if strings.HasPrefix(m.ATC, prefix) && m.Route != "po" {
				return true
			}
		}
	}
	return false
}

// shock: coded, or a vasopressor with a lactate above 2 mmol/L (Sepsis-3). A mean
// pressure of 65 mmHg without a vasopressor among the medicines, or a lactate of 2
// or less, speaks against it.
func (b *builder) shock() {
	c := b.chart
	f := Fact{Name: "septic-shock", State: Unknown, Missing: []string{"lactate", "mean-blood-pressure"}, Reason: text("Laktat oder Blutdruck fehlt", "lactate or blood pressure is missing"),
		Formula: text("Vasopressor für MAP ≥ 65 mmHg und Laktat > 2 mmol/l (Sepsis-3)", "vasopressor for MAP ≥ 65 mmHg and lactate > 2 mmol/L (Sepsis-3)")}
	settle := func(yes bool, source string, why cds.Text) {
		f.State, f.Value, f.Source, f.Reason, f.Missing = state(yes), yes, source, why, nil
	}
	defer func() { b.put(f) }()
	for _, x := range c.conditions {
		if hasICD(x.Concept, "R57.2") || x.Concept.Has(snomed, "76571007") || written(shockWords, x.Concept) {
			settle(true, x.Reference, text("Diagnose "+x.Display, "diagnosis "+x.Display))
			return
		}
	}
	w := b.lastDay()
	lactate, inputs := b.extreme("lactate", w.from, w.to, true)
	mean, _ := b.extreme("mean-blood-pressure", w.from, w.to, false)
	s := b.signs(w)
	if !mean.Known && s.systolic.Known && s.diastolic.Known {
		mean = stewardship.Between((s.systolic.Low+2*s.diastolic.Low)/3, (s.systolic.High+2*s.diastolic.High)/3)
	}
	f.Inputs = append(inputs, s.inputs...)
	switch pressor := b.vasopressor(); {
	case pressor && lactate.Above(2) == stewardship.Yes:
		settle(true, "computed", text("Vasopressor und Laktat > 2 mmol/l", "vasopressor and lactate > 2 mmol/L"))
	case lactate.Known && lactate.Above(2) == stewardship.No:
		settle(false, "computed", text("Laktat ≤ 2 mmol/l", "lactate ≤ 2 mmol/L"))
	case !pressor && mean.AtLeast(65) == stewardship.Yes:
		settle(false, "computed", text("mittlerer Blutdruck ≥ 65 mmHg ohne dokumentierten Vasopressor", "mean blood pressure ≥ 65 mmHg without a recorded vasopressor"))
	case pressor:
		f.Missing, f.Reason = []string{"lactate"}, text("Vasopressor dokumentiert, Laktat fehlt", "vasopressor recorded, lactate is missing")
	case lactate.Known && mean.Known:
		f.Missing, f.Reason = []string{"medications"}, text("mittlerer Blutdruck < 65 mmHg und Laktat > 2 mmol/l: offen, ob ein Vasopressor nötig ist", "mean blood pressure < 65 mmHg and lactate > 2 mmol/L: open whether a vasopressor is needed")
	case lactate.Known:
		f.Missing, f.Reason = []string{"mean-blood-pressure"}, text("Blutdruck fehlt", "blood pressure is missing")
	case mean.Known:
		f.Missing, f.Reason = []string{"lactate"}, text("mittlerer Blutdruck < 65 mmHg, Laktat fehlt", "mean blood pressure < 65 mmHg, lactate is missing")
	}
}

// stable: all six signs of clinical stability are met under a parenteral antibiotic,
// so that a change to oral treatment can be thought of.
func (b *builder) stable() {
	c := b.chart
	f := Fact{Name: "oral-switch-possible", State: Unknown, Missing: c.Fact("clinical-stability").Missing, Reason: text("klinische Stabilität nicht vollständig beurteilbar", "clinical stability cannot be judged in full"),
		Formula: text("6 von 6 Stabilitätskriterien unter laufender i.v.-Antibiotikatherapie", "6 of 6 stability criteria under a running IV antibiotic")}
	parenteral := ""
	for _, m := range c.medications {
		if antibiotic(m.ATC) && m.Route == "iv" {
			parenteral = m.Reference
		}
	}
	signs := c.Number("clinical-stability")
	admission := c.Fact("admission").Date
	switch {
	case parenteral == "" && c.medicationState == Unknown && !(admission.Known() && b.now.Sub(b.moment(admission)) < 2*day):
		f.Missing, f.Reason = []string{"medications"}, c.medicationReason
	case parenteral == "":
		f.State, f.Value, f.Missing, f.Reason = Absent, false, nil, text("keine laufende i.v.-Antibiotikatherapie dokumentiert", "no running IV antibiotic recorded")
	case signs.Known && signs.AtLeast(6) != stewardship.Unknown:
		yes := signs.AtLeast(6) == stewardship.Yes
		f.State, f.Value, f.Source, f.Missing, f.Reason = state(yes), yes, parenteral, nil, text("", "")
	}
	b.put(f)
}

// statements puts what the form states and no resource says.
func (b *builder) statements() {
	f := Fact{Name: "site", State: Unknown, Missing: []string{"site"}, Reason: text("nicht angegeben", "not stated")}
	if r := b.in.Request; r != nil && r.Site != "" {
		value := r.Site
		if s, ok := sites[value]; ok {
			value = s
		}
		f = Fact{Name: "site", State: Known, Value: value, Source: "request"}
	}
	b.put(f)
}

package facts

import (
	"regexp"
	"slices"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/score"
)

// vitals puts the newest vital signs.
func (b *builder) vitals() {
	for _, name := range []string{
		"respiratory-rate", "heart-rate", "systolic-blood-pressure", "diastolic-blood-pressure", "mean-blood-pressure", "temperature",
		"oxygen-saturation", "glasgow-coma-scale", "inspired-oxygen", "oxygen-flow", "arterial-oxygen",
	} {
		b.measuredIfAny(name)
	}
}

// laboratory puts the newest laboratory values.
func (b *builder) laboratory() {
	for _, name := range []string{
		"urea", "lactate", "crp", "procalcitonin", "leukocytes", "platelets", "bilirubin", "albumin", "inr", "alt", "potassium", "magnesium", "qtc",
	} {
		b.measuredIfAny(name)
	}
}

// window is the time a score looks at.
type window struct {
	from, to time.Time
	name     cds.Text
}

// presenting gives the first 24 hours of the illness in care: from the admission,
// or for an infection that began in hospital from its onset. Values of the six
// hours before count, since they were taken on the way. Where none of the vital
// signs fall into it, the last 24 hours are looked at and said.
func (b *builder) presenting() window {
	start := b.now.Add(-day)
	if b.encounter.start.Known() {
		start = b.moment(b.encounter.start)
	}
	if b.chart.Truth("nosocomial") == stewardship.Yes && b.onset.Known() {
		start = b.moment(b.onset)
	}
	w := window{from: start.Add(-6 * time.Hour), to: start.Add(day), name: text("schlechtester Wert der ersten 24 h", "worst value of the presenting 24 h")}
	if w.to.After(b.now) {
		w.to = b.now
	}
	for _, name := range []string{"respiratory-rate", "systolic-blood-pressure", "diastolic-blood-pressure"} {
		if n, _ := b.extreme(name, w.from, w.to, true); n.Known {
			return w
		}
	}
	return b.lastDay()
}

func (b *builder) lastDay() window {
	return window{from: b.now.Add(-day), to: b.now, name: text("schlechtester Wert der letzten 24 h", "worst value of the last 24 h")}
}

// signs are the components of the scores in a window, each its worst.
type signs struct {
	rate, systolic, diastolic, glasgow stewardship.Number
	confusion                          stewardship.Truth
	inputs                             []Value
}

func (b *builder) signs(w window) signs {
	var s signs
	take := func(name string, highest bool) stewardship.Number {
		n, in := b.extreme(name, w.from, w.to, highest)
		s.inputs = append(s.inputs, in...)
		return n
	}
	s.rate = take("respiratory-rate", true)
	s.systolic = take("systolic-blood-pressure", false)
	s.diastolic = take("diastolic-blood-pressure", false)
	s.glasgow = take("glasgow-coma-scale", false)
	s.confusion = s.glasgow.Below(15)
	if found := b.confused(w); found != nil {
		if found.yes || s.confusion == stewardship.Unknown {
			s.confusion = stewardship.Of(found.yes)
			s.inputs = append(s.inputs, Value{Reference: found.source, Display: found.why, Date: found.at})
		}
	}
	return s
}

var alertWords = regexp.MustCompile(`(?i)^\s*(?:alert|wach|a)\b`)

var confusionWords = regexp.MustCompile(`(?i)\b(?:delir|akute verwirrtheit|verwirrt|acute confusion|confus|desorient|disorient)`)

// confused looks for a statement about the state of mind beside the coma scale:
// the ACVPU scale, or a diagnosis of delirium or acute confusion.
func (b *builder) confused(w window) *statement {
	var out *statement
	for _, x := range b.findings {
		at := b.moment(x.at)
		if !x.code.Has(loinc, "67775-7", "80288-4", "11454-6") || at.Before(w.from) || at.After(w.to) {
			continue
		}
		display := x.value.Display() + x.text
		switch {
		case x.value.Has(snomed, "248234008") || is(x.value, []string{"LA9340-6"}) || alertWords.MatchString(display):
			if out == nil {
				out = &statement{false, x.reference, x.at, text("wach und orientiert", "alert")}
			}
		case display != "" || len(x.value.Codings) > 0:
			return &statement{true, x.reference, x.at, text("Bewusstsein: "+display, "consciousness: "+display)}
		}
	}
	for _, c := range b.chart.conditions {
		began := b.moment(c.Onset)
		if c.Onset.Known() && began.Before(w.from.Add(-2*day)) {
			continue // an old confusion is the patient's usual state
		}
		words := false
		for _, t := range texts(c.Concept) {
			words = words || find(confusionWords, t) != nil
		}
		if hasICD(c.Concept, "R41.0", "F05") || c.Concept.Has(snomed, "130987000", "2776000") || words {
			return &statement{true, c.Reference, c.Onset, text("Diagnose "+c.Display, "diagnosis "+c.Display)}
		}
	}
	return out
}

// scores puts the severity scores. Each is for adults; a component that is not
// known leaves a range.
func (b *builder) scores() {
	w := b.presenting()
	s := b.signs(w)
	in := score.CRB65Input{Confusion: s.confusion, RespiratoryRate: s.rate, Systolic: s.systolic, Diastolic: s.diastolic, Age: b.chart.Number("age")}
	urea, ureaInputs := b.extreme("urea", w.from, w.to, true)
	ageInput := b.inputs("age")
	measured := len(s.inputs) > 0
	b.score(score.CRB65(in), w, append(slices.Clone(s.inputs), ageInput...), measured)
	b.score(score.CURB65(in, urea), w, append(append(slices.Clone(s.inputs), ageInput...), ureaInputs...), measured)
	last := b.lastDay()
	s = b.signs(last)
	b.score(score.QSOFA(s.rate, s.systolic, s.confusion), last, s.inputs, len(s.inputs) > 0)
	b.news(last, s)
	b.sofa(last, s)
	b.stability(last)
	b.liver(last)
}

// score puts a score as a value, or as a range with what it lacks. Where nothing
// at all was measured no range is given: it would say nothing.
func (b *builder) score(r score.Result, w window, inputs []Value, measured bool) {
	f := Fact{Name: r.Name, Unit: "{score}", State: Unknown, Formula: both(func(l cds.Lang) string { return scoreNames[r.Name] + "; " + w.name.In(l) }), Inputs: inputs}
	for _, m := range r.Missing {
		f.Missing = append(f.Missing, components[m])
	}
	v, known := r.Value()
	switch {
	case b.adult() == stewardship.No:
		f.Missing, f.Inputs = nil, nil
		f.Reason = text("nur für Erwachsene", "for adults only")
	case known:
		f.State, f.Value, f.Source = Known, v, "computed"
	case measured:
		low, high := float64(r.Low), float64(r.High)
		f.Low, f.High = &low, &high
		f.Reason = text("Bestandteile fehlen", "components are missing")
	default:
		f.Inputs = nil
		f.Reason = text("keine Vitalzeichen im Zeitraum", "no vital signs in the window")
	}
	b.put(f)
}

var scoreNames = map[string]string{
	"crb-65": "CRB-65 (Lim 2003)", "curb-65": "CURB-65 (Lim 2003)", "qsofa": "qSOFA (Seymour 2016)", "sofa": "SOFA (Vincent 1996)",
	"news2": "NEWS2 (RCP 2017)", "child-pugh": "Child-Pugh (Pugh 1973)", "clinical-stability": "AWMF 082-006, S. 97",
}

// components are the fact names of what a score may lack.
var components = map[string]string{
	"confusion": "glasgow-coma-scale", "respiratory-rate": "respiratory-rate", "blood-pressure": "systolic-blood-pressure", "age": "age", "urea": "urea",
	"oxygen-saturation": "oxygen-saturation", "oxygen": "oxygen-flow", "heart-rate": "heart-rate", "temperature": "temperature",
	"oxygenation": "arterial-oxygen", "platelets": "platelets", "bilirubin": "bilirubin", "circulation": "mean-blood-pressure",
	"glasgow-coma-scale": "glasgow-coma-scale", "creatinine": "creatinine", "albumin": "albumin", "inr": "inr", "ascites": "ascites", "encephalopathy": "encephalopathy",
}

// oxygen tells whether oxygen is given: a flow, or a fraction above that of air.
func (b *builder) oxygen(w window) (stewardship.Truth, []Value) {
	flow, inFlow := b.extreme("oxygen-flow", w.from, w.to, true)
	fraction, inFraction := b.extreme("inspired-oxygen", w.from, w.to, true)
	return flow.Above(0).Or(fraction.Above(21)), append(inFlow, inFraction...)
}

// news puts NEWS2, which is not meant for people under 16 or in pregnancy; it is
// given only where most of it was measured.
func (b *builder) news(w window, s signs) {
	if b.chart.Truth("pregnancy") == stewardship.Yes || b.adult() != stewardship.Yes || len(s.inputs) < 3 {
		return
	}
	saturation, in1 := b.extreme("oxygen-saturation", w.from, w.to, false)
	pulse, in2 := b.extreme("heart-rate", w.from, w.to, true)
	temperature, in3 := b.extreme("temperature", w.from, w.to, true)
	oxygen, in4 := b.oxygen(w)
	inputs := append(append(append(append(slices.Clone(s.inputs), in1...), in2...), in3...), in4...)
	b.score(score.NEWS2(score.NEWS2Input{
		RespiratoryRate: s.rate, Saturation: saturation, Hypercapnic: b.hypercapnic(), Oxygen: oxygen, Systolic: s.systolic, Pulse: pulse, Alert: s.confusion.Not(), Temperature: temperature,
	}), w, inputs, true)
}

// hypercapnic tells whether a hypercapnic respiratory failure is recorded, for which
// NEWS2 has a scale of its own (ICD-10-GM J96.x1).
func (b *builder) hypercapnic() bool {
	for _, c := range b.chart.conditions {
		if hasICD(c.Concept, "J96.01", "J96.11", "J96.91") {
			return true
		}
	}
	return false
}

// sofa puts SOFA where at least three of its organs can be scored.
func (b *builder) sofa(w window, s signs) {
	take := func(name string, highest bool) (stewardship.Number, []Value) {
		return b.extreme(name, w.from, w.to, highest)
	}
	platelets, in1 := take("platelets", false)
	bilirubin, in2 := take("bilirubin", true)
	creatinine, in3 := take("creatinine", true)
	mean, in4 := take("mean-blood-pressure", false)
	if !mean.Known && s.systolic.Known && s.diastolic.Known {
		mean = stewardship.Between((s.systolic.Low+2*s.diastolic.Low)/3, (s.systolic.High+2*s.diastolic.High)/3)
	}
	oxygen, in5 := take("arterial-oxygen", false)
	fraction, in6 := take("inspired-oxygen", true)
	var index stewardship.Number
	if p, ok := oxygen.Exact(); ok {
		if f, ok := fraction.Exact(); ok && f > 0 {
			index = stewardship.Exactly(p / (f / 100))
		}
	}
	organs := 0
	for _, n := range []stewardship.Number{platelets, bilirubin, creatinine, index, s.glasgow} {
		if n.Known {
			organs++
		}
	}
	if b.adult() != stewardship.Yes || organs < 3 {
		return
	}
	input := score.SOFAInput{
		OxygenationIndex: index, Ventilated: b.chart.Truth("ventilation"), Platelets: platelets, Bilirubin: bilirubin, MeanPressure: mean,
		Glasgow: s.glasgow, Creatinine: creatinine,
	}
	if b.chart.medicationState == Known && !b.vasopressor() {
		zero := stewardship.Exactly(0)
		input.Dopamine, input.Dobutamine, input.Adrenaline, input.Noradrenaline = zero, zero, zero, zero
	}
	inputs := append(append(append(append(append(append(slices.Clone(s.inputs), in1...), in2...), in3...), in4...), in5...), in6...)
	b.score(score.SOFA(input), w, inputs, true)
}

// stability puts how many of the six signs of clinical stability the newest values
// meet.
func (b *builder) stability(w window) {
	newest := func(name string) (stewardship.Number, []Value) {
		s, ok, _ := b.newest(name)
		if !ok {
			return stewardship.Number{}, nil
		}
		return stewardship.Between(s.low, s.high), []Value{s.value()}
	}
	var inputs []Value
	take := func(name string) stewardship.Number {
		n, in := newest(name)
		inputs = append(inputs, in...)
		return n
	}
	in := score.StabilityInput{
		Pulse: take("heart-rate"), RespiratoryRate: take("respiratory-rate"), Systolic: take("systolic-blood-pressure"),
		Temperature: take("temperature"), Saturation: take("oxygen-saturation"),
	}
	glasgow := take("glasgow-coma-scale")
	in.NormalMentation = glasgow.AtLeast(15)
	if found := b.confused(w); found != nil && (found.yes || !glasgow.Known) {
		in.NormalMentation = stewardship.Of(!found.yes)
	}
	w.name = text("neueste Werte", "newest values")
	b.score(score.Stability(in), w, inputs, len(inputs) > 0)
}

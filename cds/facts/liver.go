package facts

import (
	"regexp"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/score"
)

var (
	liverWords   = regexp.MustCompile(`(?i)leberzirrhose|zirrhose|cirrhosis|leberinsuffizienz|leberversagen|liver failure|hepatic failure|hepatic insufficiency`)
	ascitesMuch  = regexp.MustCompile(`(?i)ausgeprägt|massiv|mäßig|moderat|severe|tense|refrakt`)
	ascitesMild  = regexp.MustCompile(`(?i)gering|wenig|mild|slight|leicht`)
	brainWords   = regexp.MustCompile(`(?i)hepatische\w* enzephalopathie|hepatic encephalopathy`)
	gradeOfBrain = map[string]float64{"K72.71": 1, "K72.72": 2, "K72.73": 3, "K72.74": 4}
)

// liver puts whether a liver disease is known that changes doses, and how severe it
// is. Child-Pugh is for cirrhosis; what of it is missing leaves a range of classes.
func (b *builder) liver(last window) {
	f := Fact{Name: "liver-disease", State: Unknown, Missing: []string{"conditions"}, Reason: text("Diagnosen nicht übermittelt", "diagnoses were not sent")}
	if b.spoken("Condition") {
		f.State, f.Value, f.Missing, f.Reason = Absent, false, nil, text("keine Lebererkrankung in den Diagnosen", "no liver disease among the diagnoses")
	}
	var in score.ChildPughInput
	for _, c := range b.chart.conditions {
		if hasICD(c.Concept, "K70.3", "K70.4", "K71.7", "K72", "K74", "K76.6", "K76.7") || c.Concept.Has(snomed, "19943007", "59927004") || written(liverWords, c.Concept) {
			if f.State != Known {
				f.State, f.Value, f.Source, f.Date, f.Missing, f.Reason = Known, true, c.Reference, began(c), nil, text("Diagnose "+c.Display, "diagnosis "+c.Display)
			}
		}
		if hasICD(c.Concept, "R18") || c.Concept.Has(snomed, "389026000") {
			in.Ascites = ascites(c)
		}
		for code, grade := range gradeOfBrain {
			if hasICD(c.Concept, code) {
				in.Encephalopathy = stewardship.Exactly(grade)
			}
		}
		if !in.Encephalopathy.Known && (hasICD(c.Concept, "K72.7") || c.Concept.Has(snomed, "13920009") || written(brainWords, c.Concept)) {
			in.Encephalopathy = stewardship.Between(1, 4)
		}
	}
	b.put(f)
	if f.State != Known {
		return
	}
	w := window{from: b.now.Add(-30 * day), to: last.to, name: text("schlechtester Wert der letzten 30 Tage", "worst value of the last 30 days")}
	var in1, in2, in3 []Value
	in.Bilirubin, in1 = b.extreme("bilirubin", w.from, w.to, true)
	in.Albumin, in2 = b.extreme("albumin", w.from, w.to, false)
	in.INR, in3 = b.extreme("inr", w.from, w.to, true)
	inputs := append(append(in1, in2...), in3...)
	r := score.ChildPugh(in)
	b.score(r, w, inputs, true)
	class := Fact{Name: "child-pugh-class", State: Unknown, Missing: b.chart.Fact("child-pugh").Missing, Inputs: inputs, Formula: text("Child-Pugh A 5–6, B 7–9, C 10–15 Punkte", "Child-Pugh A 5–6, B 7–9, C 10–15 points")}
	switch c := score.ChildPughClass(r); {
	case b.adult() == stewardship.No:
		class.Missing, class.Reason = nil, text("nur für Erwachsene", "for adults only")
	case c != "":
		class.State, class.Value, class.Source, class.Missing = Known, c, "computed", nil
	default:
		class.Reason = both(func(l cds.Lang) string {
			return cds.Text{DE: "Klasse offen: Bestandteile fehlen, ", EN: "class open: components are missing, "}.In(l) + points(b.chart.Fact("child-pugh"), l) + cds.Text{DE: " Punkte", EN: " points"}.In(l)
		})
	}
	b.put(class)
}

// ascites reads how much there is; without a word of it, some.
func ascites(c Condition) stewardship.Number {
	for _, t := range texts(c.Concept) {
		switch {
		case ascitesMuch.MatchString(t):
			return stewardship.Exactly(2)
		case ascitesMild.MatchString(t):
			return stewardship.Exactly(1)
		}
	}
	return stewardship.Between(1, 2)
}

// lactation puts whether the patient breast-feeds, as it was stated: an
// observation of the last six months, or a diagnosis.
func (b *builder) lactation() {
	f := Fact{Name: "lactation", State: Unknown, Missing: []string{"lactation"}, Reason: text("keine Angabe", "not stated")}
	age := b.chart.Number("age")
	settle := func(yes bool, source string, why cds.Text) {
		f.State, f.Value, f.Source, f.Reason, f.Missing = state(yes), yes, source, why, nil
	}
	var found *finding
	for i := range b.findings {
		x := &b.findings[i]
		if (x.code.Has(loinc, "63895-7") || x.code.Has(snomed, "413712001", "169741004") || says(lactationCode, x.code.Display())) && b.now.Sub(b.moment(x.at)) <= 26*week && found == nil {
			found = x
		}
	}
	switch {
	case found != nil && (is(found.value, []string{"413712001", "169741004", "LA29253-4", "LA33-6"}) || found.yes != nil && *found.yes || is(found.value, positiveCodes)):
		settle(true, found.reference, text("Stillstatus dokumentiert", "breast-feeding recorded"))
	case found != nil && (is(found.value, []string{"LA32-8", "169743001"}) || found.yes != nil || is(found.value, negativeCodes)):
		settle(false, found.reference, text("stillt nicht", "does not breast-feed"))
	}
	for _, c := range b.chart.conditions {
		if f.State == Unknown && (hasICD(c.Concept, "Z39.1", "O91", "O92") || c.Concept.Has(snomed, "413712001", "169741004") || written(lactationWords, c.Concept)) {
			settle(true, c.Reference, text("Diagnose "+c.Display, "diagnosis "+c.Display))
		}
	}
	if f.State == Unknown && b.in.Request != nil {
		for _, sentence := range sentences.Split(stewardship.Clip(b.in.Request.FreeText, stewardship.MaxText), -1) {
			if says(lactationWords, sentence) {
				settle(true, "request", text("in der Anfrage angegeben", "stated in the request"))
			}
		}
	}
	switch {
	case f.State != Unknown:
	case b.female == stewardship.No:
		settle(false, b.chart.Fact("sex").Source, text("männlich", "male"))
	case b.female == stewardship.Yes && (age.Below(12) == stewardship.Yes || age.Above(50) == stewardship.Yes):
		settle(false, b.chart.Fact("age").Source, text("nach dem Alter", "by age"))
	}
	b.put(f)
}

var (
	lactationCode  = regexp.MustCompile(`(?i)stillstatus|stillend|breastfeeding status|breast-feeding`)
	lactationWords = regexp.MustCompile(`(?i)\bstillt\b|\bstillend|stillzeit|laktation|\blactating|breast-?feed`)
)

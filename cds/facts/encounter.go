package facts

import (
	"regexp"
	"strings"
	"time"

	"cdss/cds/stewardship"
	"cdss/fhir"
)

// encounter is the contact the patient is in now.
type encounter struct {
	known     bool
	reference string
	class     string // AMB, EMER, IMP, ACUTE, …
	start     fhir.Time
	icu       bool
	ward      string
}

var intensive = regexp.MustCompile(`(?i)intensiv|\bicu\b|\bits\b|intensive care|intermediate care|critical care`)

// readEncounters picks the current contact: not planned, not ended, the one that
// began last.
func (b *builder) readEncounters() {
	for _, r := range b.byType["Encounter"] {
		n := r.Root()
		period := n.Child("period").Period()
		switch n.Child("status").String() {
		case "entered-in-error", "cancelled":
			b.ignore(r.Ref(), "abgesagt oder irrtümlich erfasst", "cancelled or entered in error")
			continue
		case "planned", "finished":
			continue
		}
		if b.future(period.Start) || period.End.Known() && !b.ended(period.End).After(b.now) {
			continue
		}
		e := encounter{known: true, reference: r.Ref(), class: n.Get("class", "code").String(), start: period.Start}
		var words []string
		words = append(words, n.Child("serviceType").CodeableConcept().Display(), n.Child("class").Coding().Display)
		for _, t := range n.Children("type") {
			words = append(words, t.CodeableConcept().Display())
		}
		for _, l := range n.Children("location") {
			words = append(words, l.Get("location").Reference().Display, l.Child("physicalType").CodeableConcept().Display())
		}
		e.ward = n.Child("serviceType").CodeableConcept().Display()
		e.icu = intensive.MatchString(strings.Join(words, " | "))
		if !b.encounter.known || b.moment(e.start).After(b.moment(b.encounter.start)) {
			b.encounter = e
		}
	}
}

// inpatient tells whether the patient is in hospital or on the way in.
func (b *builder) inpatient() bool {
	switch b.encounter.class {
	case "IMP", "ACUTE", "NONAC", "EMER", "OBSENC", "SS":
		return true
	}
	return false
}

// setting puts where the patient is, since when, and whether the infection began
// in hospital.
func (b *builder) setting() {
	e := b.encounter
	class := Fact{Name: "encounter-class", State: Unknown, Missing: []string{"encounter-class"}, Reason: text("kein laufender Kontakt übermittelt", "no current encounter was sent")}
	admission := Fact{Name: "admission", State: Unknown, Missing: []string{"admission"}, Reason: class.Reason}
	days := Fact{Name: "hospital-days", Unit: "d", State: Unknown, Missing: []string{"admission"}, Reason: class.Reason}
	if e.known && e.class != "" {
		class = Fact{Name: "encounter-class", State: Known, Value: e.class, Source: e.reference}
	}
	icu := Fact{Name: "icu", State: Unknown, Missing: []string{"encounter-class"}, Reason: class.Reason}
	if e.known && (e.ward != "" || e.icu || e.class == "AMB") {
		icu = Fact{Name: "icu", State: state(e.icu), Value: e.icu, Source: e.reference}
	}
	if e.start.Known() {
		admission = Fact{Name: "admission", State: Known, Value: e.start.String(), Source: e.reference, Date: e.start}
		if b.inpatient() {
			until := b.now
			if b.onset.Known() && b.moment(b.onset).After(b.moment(e.start)) {
				until = b.moment(b.onset)
			}
			hours := until.Sub(b.moment(e.start)).Hours()
			days = Fact{Name: "hospital-days", Unit: "d", State: Known, Value: int(hours / 24), Source: e.reference, Date: e.start,
				Formula: text("volle Tage von der Aufnahme bis zum Beginn der Infektion, sonst bis jetzt", "full days from admission to the onset of infection, else to now")}
		} else if e.class == "AMB" {
			days = Fact{Name: "hospital-days", Unit: "d", State: Known, Value: 0, Source: e.reference}
		}
	}
	b.put(class)
	b.put(icu)
	b.put(admission)
	b.put(days)
	b.nosocomial()
}

func state(yes bool) State {
	if yes {
		return Known
	}
	return Absent
}

// nosocomial: an explicit statement decides; else onset 48 hours or more after
// admission (CDC definition as used by the guideline).
func (b *builder) nosocomial() {
	f := Fact{Name: "nosocomial", State: Unknown, Missing: []string{"admission"}, Reason: text("Aufnahmezeit unbekannt", "time of admission unknown"),
		Formula: text("Beginn ≥ 48 h nach Aufnahme, oder so codiert", "onset ≥ 48 h after admission, or coded so")}
	set := func(yes bool, source string, at fhir.Time) {
		f.State, f.Value, f.Source, f.Date, f.Missing = state(yes), yes, source, at, nil
		f.Reason = text("", "")
	}
	for _, c := range b.chart.conditions {
		hospital, community := acquired(c)
		if hospital || community {
			set(hospital, c.Reference, c.Onset)
			b.put(f)
			return
		}
	}
	e := b.encounter
	switch {
	case b.requested("nosocomial"):
		set(true, "request", fhir.Time{})
	case e.known && e.class == "AMB":
		set(false, e.reference, e.start)
	case e.known && e.start.Known():
		admitted := b.moment(e.start)
		switch {
		case b.onset.Known():
			// A day is meant as a whole: the infection began at its beginning at the earliest.
			set(!b.moment(b.onset).Before(admitted.Add(48*time.Hour)), e.reference, b.onset)
		case b.now.Before(admitted.Add(48 * time.Hour)):
			set(false, e.reference, e.start)
		default:
			f.Missing = []string{"onset"}
			f.Reason = text("Beginn der Infektion unbekannt", "onset of the infection unknown")
		}
	}
	b.put(f)
}

var (
	hospitalWords  = regexp.MustCompile(`(?i)nosokomial|nosocomial|hospital.acquired|im krankenhaus erworben|beatmungsassoziiert|ventilator.associated`)
	communityWords = regexp.MustCompile(`(?i)ambulant erworben|community.acquired`)
)

// acquired reads what a diagnosis itself says about where it was acquired.
func acquired(c Condition) (hospital, community bool) {
	words := []string{c.Concept.Text}
	for _, coding := range c.Concept.Codings {
		words = append(words, coding.Display)
	}
	all := strings.Join(words, " | ")
	hospital = c.Concept.Has(snomed, "425464007", "429271009") || hasICD(c.Concept, "U69.00") || hospitalWords.MatchString(all)
	community = !hospital && (c.Concept.Has(snomed, "385093006") || communityWords.MatchString(all))
	return hospital, community
}

// requested tells whether the form names a risk factor.
func (b *builder) requested(factor string) bool {
	if b.in.Request == nil {
		return false
	}
	for _, f := range b.in.Request.RiskFactors {
		if riskFactor(f) == factor {
			return true
		}
	}
	return false
}

// riskFactor gives our code of a risk factor; the prototype's values mean the same.
func riskFactor(s string) string {
	switch s {
	case "ANTIBIOTISCHE_VORBEHANDLUNG":
		return "prior-antibiotics-90d"
	case "MRGN_VERDACHT":
		return "mrgn"
	case "MRSA_VERDACHT":
		return "mrsa"
	case "VRE_VERDACHT":
		return "vre"
	case "BEATMUNG":
		return "ventilation"
	case "KATHETER":
		return "catheter"
	}
	return s
}

// kleene gives the fact state of a truth.
func kleene(t stewardship.Truth) State {
	switch t {
	case stewardship.Yes:
		return Known
	case stewardship.No:
		return Absent
	}
	return Unknown
}

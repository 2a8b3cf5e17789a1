package facts

import (
	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/fhir"
)

// A pregnancy status holds for 42 weeks, a test for two.
const (
	statusHolds = 42 * week
	testHolds   = 2 * week
)

// answers of LOINC 82810-3 and their SNOMED equivalents.
var (
	pregnantCodes    = []string{"77386006", "LA15173-0"}
	notPregnantCodes = []string{"60001007", "LA26683-5"}
	positiveCodes    = []string{"10828004", "260373001", "LA6576-8", "LA11882-0"}
	negativeCodes    = []string{"260385009", "260415000", "LA6577-6", "LA11883-8"}
	testCodes        = []string{"2106-3", "2118-8", "2110-5", "80384-1"} // choriogonadotropin, presence
)

// pregnancy puts a three-valued status. Silence is not "no": it is unknown for
// women from 12 to 50, and where age or sex are not known.
func (b *builder) pregnancy() {
	f := Fact{Name: "pregnancy", State: Unknown, Missing: []string{"pregnancy"}, Reason: text("keine Angabe", "not stated")}
	age := b.chart.Number("age")
	settle := func(yes bool, source string, at fhir.Time, why cds.Text) {
		f.State, f.Value, f.Source, f.Date, f.Reason, f.Missing = state(yes), yes, source, at, why, nil
	}
	evidence, stale := b.pregnancyEvidence()
	switch {
	case b.female == stewardship.No:
		settle(false, b.chart.Fact("sex").Source, fhir.Time{}, text("männlich", "male"))
		if evidence != nil && evidence.yes {
			// A statement against the recorded sex is a contradiction, not a "no".
			f.State, f.Value, f.Missing = Unknown, nil, []string{"pregnancy"}
			f.Reason = text("Angaben widersprechen sich: Geschlecht männlich, Schwangerschaft dokumentiert", "the data contradict each other: sex male, pregnancy recorded")
		}
	case evidence != nil:
		settle(evidence.yes, evidence.source, evidence.at, evidence.why)
	case b.female == stewardship.Yes && age.Below(12) == stewardship.Yes:
		settle(false, b.chart.Fact("age").Source, fhir.Time{}, text("unter 12 Jahren", "below 12 years"))
	case b.female == stewardship.Yes && age.Above(50) == stewardship.Yes:
		settle(false, b.chart.Fact("age").Source, fhir.Time{}, text("über 50 Jahre", "above 50 years"))
	case stale != nil:
		f.Reason = text("letzte Angabe vom "+date(stale.at, cds.DE)+" ist zu alt", "the last statement of "+date(stale.at, cds.EN)+" is too old")
		f.Others = []Value{{Reference: stale.source, Display: stale.why, Date: stale.at}}
	}
	b.put(f)
	b.measuredIfAny("gestational-age")
}

// statement is something said about the patient, with its source.
type statement struct {
	yes    bool
	source string
	at     fhir.Time
	why    cds.Text
}

// pregnancyEvidence gives the newest statement that still holds, and the newest
// that does not.
func (b *builder) pregnancyEvidence() (holds, stale *statement) {
	take := func(e statement, limitWeeks bool) {
		limit := testHolds
		if limitWeeks {
			limit = statusHolds
		}
		if !e.at.Known() || b.now.Sub(b.moment(e.at)) > limit {
			if stale == nil || b.moment(e.at).After(b.moment(stale.at)) {
				stale = &e
			}
			return
		}
		if holds == nil || b.moment(e.at).After(b.moment(holds.at)) {
			holds = &e
		}
	}
	for _, x := range b.findings {
		switch {
		case x.code.Has(loinc, "82810-3"):
			if is(x.value, pregnantCodes) {
				take(statement{true, x.reference, x.at, text("Status schwanger", "status pregnant")}, true)
			} else if is(x.value, notPregnantCodes) {
				take(statement{false, x.reference, x.at, text("Status nicht schwanger", "status not pregnant")}, true)
			}
		case x.code.Has(loinc, testCodes...):
			if is(x.value, positiveCodes) {
				take(statement{true, x.reference, x.at, text("Schwangerschaftstest positiv", "pregnancy test positive")}, true)
			} else if is(x.value, negativeCodes) {
				take(statement{false, x.reference, x.at, text("Schwangerschaftstest negativ", "pregnancy test negative")}, false)
			}
		}
	}
	for _, s := range b.series["gestational-age"] {
		if s.low > 0 {
			take(statement{true, s.reference, s.date, text("Schwangerschaftswoche dokumentiert", "gestational age recorded")}, true)
		}
	}
	for _, c := range b.chart.conditions {
		// O80-O92 are birth and childbed, Z33/Z34 pregnancy itself.
		if hasICD(c.Concept, "O00", "O01", "O02", "O03", "O04", "O05", "O06", "O07", "O08", "O8", "O90", "O91", "O92", "O94", "O95", "O96", "O97") {
			continue
		}
		if hasICD(c.Concept, "O", "Z33", "Z34", "Z35") || c.Concept.Has(snomed, "77386006", "72892002") {
			at := began(c)
			if !at.Known() {
				at = fhir.Time{Time: b.now, Precision: fhir.Day, HasZone: true} // active without a date
			}
			take(statement{true, c.Reference, at, text("Diagnose "+c.Display, "diagnosis "+c.Display)}, true)
		}
	}
	return holds, stale
}

// is tells whether a coded answer is one of the codes, whatever its system: the
// lists hold codes of SNOMED CT and of LOINC, which cannot be mistaken.
func is(value fhir.CodeableConcept, codes []string) bool {
	for _, c := range value.Codings {
		for _, code := range codes {
			if c.Code == code {
				return true
			}
		}
	}
	return false
}

package facts

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/fhir"
)

// icd10 are the systems under which ICD-10 codes come.
var icd10 = []string{
	"http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
	"http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-gm", "http://hl7.org/fhir/sid/icd-10-de",
}

// icd gives the ICD-10 codes of a concept, without the marks "!", "*", "†", "-".
func icd(c fhir.CodeableConcept) []string {
	var out []string
	for _, coding := range c.Codings {
		if slices.Contains(icd10, coding.System) && coding.Code != "" {
			out = append(out, strings.TrimRight(strings.ToUpper(strings.TrimSpace(coding.Code)), "!*†+-G"))
		}
	}
	return out
}

// hasICD tells whether a concept has an ICD-10 code that begins so.
func hasICD(c fhir.CodeableConcept, prefixes ...string) bool {
	for _, code := range icd(c) {
		for _, p := range prefixes {
			if strings.HasPrefix(code, p) {
				return true
			}
		}
	}
	return false
}

// readConditions keeps the problems that are active now, and apart from them those
// that were.
func (b *builder) readConditions() {
	for _, r := range b.byType["Condition"] {
		n := r.Root()
		ref := r.Ref()
		c := Condition{
			Reference: ref, Concept: n.Child("code").CodeableConcept(), Onset: when(n, "onsetDateTime", "onsetPeriod"),
			Recorded: when(n, "recordedDate"),
		}
		c.Display = c.Concept.Display()
		for _, category := range n.Children("category") {
			c.Encounter = c.Encounter || category.CodeableConcept().Has("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")
		}
		switch verification := status(n.Child("verificationStatus")); verification {
		case "entered-in-error":
			b.ignore(ref, "als irrtümlich erfasst gekennzeichnet", "marked as entered in error")
			continue
		case "refuted":
			b.ignore(ref, "Diagnose widerlegt", "diagnosis refuted")
			continue
		case "confirmed":
			c.Confirmed = true
		}
		switch clinical := status(n.Child("clinicalStatus")); clinical {
		case "resolved", "inactive", "remission":
			b.ignore(ref, "nicht mehr aktiv ("+clinical+")", "no longer active ("+clinical+")")
			b.chart.former = append(b.chart.former, c)
			continue
		}
		if end := when(n, "abatementDateTime", "abatementPeriod"); end.Known() && !b.ended(end).After(b.now) {
			b.ignore(ref, "beendet am "+date(end, cds.DE), "ended on "+date(end, cds.EN))
			b.chart.former = append(b.chart.former, c)
			continue
		}
		if b.future(c.Onset) || b.future(c.Recorded) {
			b.ignore(ref, "liegt in der Zukunft", "lies in the future")
			continue
		}
		if c.Concept.IsZero() {
			b.ignore(ref, "ohne Code und Text", "without code and text")
			continue
		}
		b.chart.conditions = append(b.chart.conditions, c)
	}
	sort.SliceStable(b.chart.conditions, func(i, j int) bool {
		return b.moment(began(b.chart.conditions[i])).After(b.moment(began(b.chart.conditions[j])))
	})
}

// status gives the code of a status concept.
func status(n *fhir.Node) string {
	for _, c := range n.CodeableConcept().Codings {
		if c.Code != "" {
			return c.Code
		}
	}
	return n.CodeableConcept().Text
}

// began is the onset, else the day it was recorded.
func began(c Condition) fhir.Time {
	if c.Onset.Known() {
		return c.Onset
	}
	return c.Recorded
}

// candidate is a condition that means an indication.
type candidate struct {
	indication *cds.Indication
	condition  Condition
	specific   int // length of the code that matched; 100 more where it matched whole
}

// findIndication takes the one of the request; else the most specific of the
// active problems, the most recent among equals.
func (b *builder) findIndication() {
	if b.in.Request != nil && b.in.Request.Indication != "" {
		for i := range b.in.Indications {
			x := &b.in.Indications[i]
			if x.Code == b.in.Request.Indication || x.Alias == b.in.Request.Indication {
				b.chart.indication = x
				b.chart.indicationBasis = text("aus der Anfrage", "from the request")
			}
		}
	}
	all := b.candidates()
	if b.chart.indication == nil && len(all) > 0 {
		best := all[0]
		b.chart.indication = best.indication
		b.chart.indicationBasis = both(func(l cds.Lang) string {
			return cds.Text{DE: "aus der Diagnose ", EN: "from the diagnosis "}.In(l) + best.condition.Display + " (" + date(began(best.condition), l) + ")"
		})
	}
	// The onset belongs to the condition that means the indication, else to the newest infection.
	for _, c := range all {
		if c.indication == b.chart.indication {
			b.onset = c.condition.Onset
			return
		}
	}
	if len(all) > 0 {
		b.onset = all[0].condition.Onset
	}
}

// candidates gives what the active problems may mean, best first.
func (b *builder) candidates() []candidate {
	var out []candidate
	for _, c := range b.chart.conditions {
		for i := range b.in.Indications {
			x := &b.in.Indications[i]
			if specific := matches(x, c.Concept); specific > 0 {
				out = append(out, candidate{x, c, specific})
			}
		}
	}
	out = b.combine(out)
	sort.SliceStable(out, func(i, j int) bool {
		a, c := out[i], out[j]
		if a.specific != c.specific {
			return a.specific > c.specific
		}
		if x, y := b.moment(began(a.condition)), b.moment(began(c.condition)); !x.Equal(y) {
			return x.After(y)
		}
		return a.condition.Confirmed && !c.condition.Confirmed
	})
	return out
}

// matches gives how specifically a concept means an indication, 0 for not at all.
func matches(x *cds.Indication, concept fhir.CodeableConcept) int {
	best := 0
	for _, want := range x.Codes {
		for _, coding := range concept.Codings {
			if coding.System != want.System && !(slices.Contains(icd10, coding.System) && slices.Contains(icd10, want.System)) {
				continue
			}
			have := strings.TrimRight(coding.Code, "!*†+-")
			prefix, open := strings.CutSuffix(want.Code, "*")
			prefix = strings.TrimRight(prefix, ".")
			switch {
			case have == strings.TrimRight(want.Code, "!*"):
				best = max(best, 100+len(have))
			case open && strings.HasPrefix(have, prefix):
				best = max(best, len(prefix))
			}
		}
	}
	// The words of a diagnosis count as much as a whole code where they name the
	// indication itself ("Urosepsis" coded as A41.9 with N39.0).
	for _, words := range texts(concept) {
		for _, name := range []string{x.Name.DE, x.Name.EN, x.Alias} {
			if name != "" && strings.EqualFold(strings.TrimSpace(words), name) {
				best = max(best, 150)
			}
		}
		for _, phrase := range x.Words {
			if affirmed(words, phrase) {
				best = max(best, 140)
			}
		}
	}
	return best
}

var (
	formerly = regexp.MustCompile(`(?i)(?:\bz\.\s?n\.|zustand nach|history of|anamnestisch|status post|\bs/p)[^.;,]*$`)
	letters  = regexp.MustCompile(`[\pL\d]$`)
)

// affirmed tells whether a text says a phrase of lower case, beginning with a word
// of its own, as something that is now and not denied.
func affirmed(text, phrase string) bool {
	lower := strings.ToLower(text)
	at := strings.Index(lower, phrase)
	if at < 0 {
		return false
	}
	before, after := lower[:at], lower[at+len(phrase):]
	return !letters.MatchString(before) && !denied.MatchString(before) && !formerly.MatchString(before) && !deniedAfter.MatchString(after)
}

func texts(c fhir.CodeableConcept) []string {
	out := []string{c.Text}
	for _, coding := range c.Codings {
		out = append(out, coding.Display)
	}
	return out
}

// Codes of the indications that a combination of findings means.
const (
	sepsisCode    = "sepsis"
	urosepsisCode = "urosepsis"
	capCode       = "community-acquired-pneumonia"
	hapCode       = "hospital-acquired-pneumonia"

	pyelonephritisCode = "uncomplicated-pyelonephritis"
	complicatedCode    = "complicated-urinary-tract-infection"
)

// combine applies what single codes cannot say: sepsis with a urinary focus is
// urosepsis, sepsis with another known focus is that infection, and a pneumonia
// that began in hospital is nosocomial.
func (b *builder) combine(list []candidate) []candidate {
	by := func(code string) *candidate {
		for i := range list {
			if list[i].indication.Code == code {
				return &list[i]
			}
		}
		return nil
	}
	named := func(code string) *cds.Indication {
		for i := range b.in.Indications {
			if b.in.Indications[i].Code == code {
				return &b.in.Indications[i]
			}
		}
		return nil
	}
	if sepsis := by(sepsisCode); sepsis != nil {
		var urinary *Condition
		for i, c := range b.chart.conditions {
			if hasICD(c.Concept, "N10", "N12", "N13.6", "N15.1", "N39.0", "N41.0", "N41.2", "N45", "T83.5") || c.Concept.Has(snomed, "68566005", "700372006", "36689008") {
				urinary = &b.chart.conditions[i]
				break
			}
		}
		switch uro := named(urosepsisCode); {
		case urinary != nil && uro != nil:
			list = append(list, candidate{uro, *urinary, 300})
		default:
			// A focus beside the sepsis is the more specific statement.
			for i := range list {
				if c := list[i].indication.Code; c != sepsisCode && c != urosepsisCode {
					list[i].specific += 200
				}
			}
		}
	}
	if outside, hap := by(capCode), named(hapCode); outside != nil && hap != nil && by(hapCode) == nil {
		if hospital, community := acquired(outside.condition); hospital || !community && b.beganInHospital(outside.condition) {
			list = append(list, candidate{hap, outside.condition, outside.specific + 50})
		}
	}
	// A pyelonephritis that began in hospital, or with an obstruction, a catheter or a
	// transplanted kidney, is no uncomplicated one.
	if simple, complicated := by(pyelonephritisCode), named(complicatedCode); simple != nil && complicated != nil && by(urosepsisCode) == nil {
		factor := b.beganInHospital(simple.condition)
		for _, c := range b.chart.conditions {
			factor = factor || hasICD(c.Concept, "N13", "N20", "T83.5", "Z94.0", "N31", "Q62")
		}
		if factor {
			list = append(list, candidate{complicated, simple.condition, simple.specific + 50})
		}
	}
	if hap := by(hapCode); hap != nil {
		hap.specific += 50
	}
	return list
}

// beganInHospital tells whether a condition began 48 hours or more after admission.
func (b *builder) beganInHospital(c Condition) bool {
	return b.encounter.known && b.encounter.class != "AMB" && b.encounter.start.Known() && c.Onset.Known() &&
		!b.moment(c.Onset).Before(b.moment(b.encounter.start).Add(2*day))
}

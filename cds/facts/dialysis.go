package facts

import (
	"regexp"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship/formulary"
	"cdss/fhir"
)

var (
	dialysisWords = regexp.MustCompile(`(?i)dialysepflicht|hämodialyse|haemodialysis|hemodialysis|hämodiafiltration|hämofiltration|h(?:a?)emofiltration|dialyse|dialysis|\bcvvhd?f?\b|\bcrrt\b|\bsledd?\b`)
	noDialysis    = regexp.MustCompile(`(?i)(?:nicht|keine?|noch nicht|no|not|ohne|without)\s+(?:\w+\s+)?(?:dialysepflicht|dialyse|dialysis|on dialysis)|prädialyse|predialysis|nicht dialyse`)
)

// mode is how one way of renal replacement is coded and written. Of several the
// first that fits counts, so that the exact word stands before the general one.
type mode struct {
	mode   formulary.Mode
	ops    []string
	snomed []string
	words  *regexp.Regexp
}

// modes: OPS 2026, 8-853 haemofiltration, 8-854 haemodialysis, 8-855
// haemodiafiltration, 8-857 peritoneal dialysis. "Verlängert intermittierend" is
// planned for more than 6 to 24 hours, continuous for more than 24 (BfArM, note on
// 8-853 to 8-855).
var modes = []mode{
	{formulary.Continuous, []string{"8-853.1", "8-853.7", "8-853.8", "8-854.6", "8-854.7", "8-855.7", "8-855.8"}, []string{"714749008"},
		regexp.MustCompile(`(?i)\bcvvhd?f?\b|\bcrrt\b|\bcvvh|kontinuierliche\s+(?:\w+\s+)?(?:veno|häm|nieren)|continuous\s+(?:veno|renal|ha?em)`)},
	{formulary.Prolonged, []string{"8-853.5", "8-853.6", "8-854.4", "8-854.5", "8-855.5", "8-855.6"}, nil,
		regexp.MustCompile(`(?i)verlängert\w* intermittierend|\bsledd?\b|genius|prolonged intermittent`)},
	{formulary.Peritoneal, []string{"8-857"}, []string{"71192002"}, regexp.MustCompile(`(?i)peritoneal\s?dialyse|peritoneal dialysis|bauchfelldialyse|\bcapd\b|\bapd\b`)},
	{formulary.Haemodialysis, []string{"8-853", "8-854", "8-855"}, []string{"302497006"}, regexp.MustCompile(`(?i)hämodia|h(?:a?)emodia|hämofiltr`)},
}

// dialysis puts whether the patient is on dialysis, and how: a coded status, or a
// procedure of the last two weeks. A renal failure without it is none. A procedure
// that runs tells the way before a standing diagnosis does.
func (b *builder) dialysis() {
	f := Fact{Name: "dialysis", State: Unknown, Missing: []string{"dialysis"}, Reason: text("Diagnosen nicht übermittelt", "diagnoses were not sent")}
	settle := func(source string, at fhir.Time, why cds.Text) {
		f.State, f.Value, f.Source, f.Date, f.Reason, f.Missing = Known, true, source, at, why, nil
	}
	way := Fact{Name: "dialysis-mode", State: Unknown, Missing: []string{"dialysis-mode"}, Reason: text("Dialyseverfahren nicht angegeben", "way of dialysis not stated")}
	var latest fhir.Time
	for _, r := range b.byType["Procedure"] {
		n := r.Root()
		code := n.Child("code").CodeableConcept()
		at := when(n, "performedDateTime", "performedPeriod")
		s := n.Child("status").String()
		if s == "entered-in-error" || s == "not-done" || b.future(at) || !dialysisProcedure(code) {
			continue
		}
		if s != "in-progress" && !(at.Known() && b.now.Sub(b.moment(at)) <= 2*week) {
			continue
		}
		if m := modeOf(code); m != "" && (way.State != Known || b.moment(at).After(b.moment(latest))) {
			way.State, latest = Unknown, at // the latest procedure tells the way
			way.take(m, r.Ref(), at)
		}
		if f.State != Known || b.moment(at).After(b.moment(f.Date)) {
			settle(r.Ref(), at, text("Prozedur "+code.Display(), "procedure "+code.Display()))
		}
	}
	for _, c := range b.chart.conditions {
		words := texts(c.Concept)
		written := false
		for _, w := range words {
			written = written || find(dialysisWords, w) != nil && !noDialysis.MatchString(w)
		}
		if hasICD(c.Concept, "Z99.2") || c.Concept.Has(snomed, "105502003", "236435004") || written && !hasICD(c.Concept, "Z49.0") {
			if f.State != Known {
				settle(c.Reference, began(c), text("Diagnose "+c.Display, "diagnosis "+c.Display))
			}
			way.take(modeOf(c.Concept), c.Reference, began(c))
		}
	}
	if f.State != Known && b.spoken("Condition") {
		f.State, f.Value, f.Missing = Absent, false, nil
		f.Reason = text("keine Dialyse in den Diagnosen", "no dialysis among the diagnoses")
	}
	b.put(f)
	if f.State == Known {
		b.put(way)
	}
}

// take sets the way of dialysis, once.
func (f *Fact) take(m formulary.Mode, source string, at fhir.Time) {
	if m == "" || f.State == Known {
		return
	}
	f.State, f.Value, f.Source, f.Date, f.Missing, f.Reason = Known, string(m), source, at, nil, m.Name()
}

func modeOf(c fhir.CodeableConcept) formulary.Mode {
	for _, m := range modes {
		for _, coding := range c.Codings {
			if coding.System == ops && begins(coding.Code, m.ops) {
				return m.mode
			}
		}
		if c.Has(snomed, m.snomed...) {
			return m.mode
		}
		for _, t := range texts(c) {
			if m.words.MatchString(t) {
				return m.mode
			}
		}
	}
	return ""
}

// ops is the German classification of procedures.
const ops = "http://fhir.de/CodeSystem/bfarm/ops"

func begins(code string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(code, p) {
			return true
		}
	}
	return false
}

func dialysisProcedure(c fhir.CodeableConcept) bool {
	for _, coding := range c.Codings {
		if coding.System == ops && len(coding.Code) >= 5 &&
			slices.Contains([]string{"8-853", "8-854", "8-855", "8-857", "8-85a"}, coding.Code[:5]) {
			return true
		}
	}
	return c.Has(snomed, "302497006", "265764009", "71192002", "714749008")
}

// code gives a known coded value, "" for none.
func (f Fact) code() string {
	if s, ok := f.Value.(string); ok && f.State == Known {
		return s
	}
	return ""
}

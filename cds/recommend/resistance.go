package recommend

import (
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/microbiology"
	"cdss/rag"
)

// memory is how long the patient's own isolates count for a choice, recent how
// long one is held to be the pathogen of this infection, fresh how long it proves
// to be so.
const (
	memory = 365 * 24 * time.Hour
	recent = 30 * 24 * time.Hour
	fresh  = 7 * 24 * time.Hour
)

// isolates gives the patient's isolates that bear on this infection: not older
// than age, and from blood, the site of the infection, or a specimen not named.
func (s *session) isolates(age time.Duration) []microbiology.Isolate {
	category := ""
	if i, _ := s.Chart.Indication(); i != nil {
		category = i.Category
	}
	meningitis, cystitis := s.breakpoints()
	var out []microbiology.Isolate
	for _, i := range s.Chart.Isolates() {
		i = i.For(meningitis, cystitis)
		if i.At.IsZero() || i.At.After(s.Now) || s.Now.Sub(i.At) > age {
			continue
		}
		switch {
		case i.Organism.Group == "coagulase-negative-staphylococcus" && i.Specimen != "":
			continue // mostly contamination; a clinician decides
		case i.Specimen == "stool" && category != "gastrointestinal":
			continue // a pathogen of the gut is none of another site
		case category == "" || category == "systemic":
		case i.Specimen == "urine" && category != "urogenital", i.Specimen == "respiratory" && category != "respiratory":
			continue
		}
		out = append(out, i)
	}
	return out
}

// breakpoints tells for which infection results must hold: some breakpoints are for
// meningitis or for uncomplicated cystitis alone.
func (s *session) breakpoints() (meningitis, cystitis bool) {
	i, _ := s.Chart.Indication()
	if i != nil {
		return i.Code == "bacterial-meningitis", false
	}
	for _, c := range s.Chart.Conditions() {
		for _, coding := range c.Concept.Codings {
			cystitis = cystitis || strings.HasPrefix(coding.Code, "N30.0") || coding.Code == "38822007"
		}
	}
	return false, cystitis
}

// thirdGeneration are the cephalosporins that select AmpC mutants.
var thirdGeneration = []string{"J01DD01", "J01DD02", "J01DD04", "J01DD08", "J01DD13", "J01DD14"}

// derepressed warns of a third-generation cephalosporin against an organism that may
// begin to make AmpC during treatment, though it was tested susceptible.
func derepressed(x subject, i microbiology.Isolate, source stewardship.Source) finding {
	name := organism(i)
	return finding{
		code: "ampc", reason: "resistance", outcome: warning, indicator: cds.WarningI, places: places([]stewardship.Source{source}),
		summary: cds.Text{DE: x.Name.DE + ": " + name.DE + " kann unter Therapie AmpC bilden", EN: x.Name.EN + ": " + name.EN + " may make AmpC during treatment"},
		detail: cds.Text{
			DE: "Empfindlich getestet; durch Selektion AmpC-dereprimierter Mutanten ist Therapieversagen möglich, vor allem als Monotherapie bei schweren Infektionen. Cefepim oder Carbapenem erwägen.",
			EN: "Tested susceptible; selection of AmpC-derepressed mutants may make the therapy fail, above all as monotherapy of severe infections. Consider cefepime or a carbapenem.",
		},
	}
}

// resistance judges a substance by the susceptibilities of the patient's own
// isolates of the last twelve months: one that is resistant rules it out, whatever
// the others are.
func (s *session) resistance(x subject) []finding {
	var out []finding
	for _, i := range s.isolates(memory) {
		r, known := i.Tested(x.ATC)
		name := organism(i)
		if !known {
			if i.Lacking {
				s.gap(cds.Text{DE: "Antibiogramm: " + name.DE, EN: "antibiogram: " + name.EN},
					cds.Text{DE: "Ergebnisse, die der Befund nennt, fehlen oder sind nicht lesbar", EN: "results that the report names are missing or cannot be read"}, "susceptibility")
			}
			continue
		}
		switch {
		case r.Interpretation == microbiology.Resistant:
			return []finding{{
				code: "resistance", reason: "resistance", outcome: exclude, indicator: cds.WarningI,
				summary: cds.Text{DE: x.Name.DE + ": eigenes Isolat resistent (" + name.DE + ")", EN: x.Name.EN + ": own isolate resistant (" + name.EN + ")"},
				detail: cds.Text{
					DE: name.DE + " vom " + dayDE(i) + " ist gegen " + x.Name.DE + " resistent getestet.",
					EN: name.EN + " of " + dayEN(i) + " tested resistant to " + x.Name.EN + ".",
				},
			}}
		case r.Interpretation == microbiology.Increased && !r.Usable():
			s.gap(cds.Text{DE: "Empfindlichkeit „I“ von " + x.Name.DE, EN: "susceptibility \"I\" of " + x.Name.EN},
				cds.Text{DE: "Norm und Jahr nicht bekannt oder vor 2019: „I“ ist nicht verwertbar", EN: "norm and year not known or before 2019: \"I\" cannot be used"},
				"susceptibility")
		case r.Interpretation == microbiology.Increased && len(out) == 0:
			out = append(out, increased(x, i))
		}
		if i.Organism.Derepressible() && r.Usable() && slices.Contains(thirdGeneration, x.ATC) && s.Now.Sub(i.At) <= recent {
			source, _ := s.Tables.Formulary.Source("eucast-expert-rules")
			out = append(out, derepressed(x, i, source))
		}
	}
	return out
}

// uncovered finds a recent isolate that none of the substances is active against,
// by nature or by test.
func (s *session) uncovered(atcs []string) (finding, bool) {
	for _, i := range s.isolates(recent) {
		active := len(atcs) == 0
		for _, atc := range atcs {
			r, known := i.Against(atc)
			active = active || !known || r.Interpretation != microbiology.Resistant
		}
		if active {
			continue
		}
		name := organism(i)
		var at []rag.Locator
		if !i.Organism.Source.IsZero() {
			at = places([]stewardship.Source{i.Organism.Source})
		}
		return finding{
			code: "not-covered", reason: "resistance", outcome: exclude, indicator: cds.WarningI, places: at,
			summary: cds.Text{DE: "Nicht wirksam gegen den Nachweis " + name.DE, EN: "Not active against the isolate " + name.EN},
			detail: cds.Text{
				DE: name.DE + " vom " + dayDE(i) + " ist von Natur aus oder nach Testung resistent.",
				EN: name.EN + " of " + dayEN(i) + " is resistant by nature or by test.",
			},
		}, true
	}
	return finding{}, false
}

// tested tells what the recent isolates say about the substances: Yes when each
// isolate was tested susceptible to one of them, Unknown without isolate or test.
func (s *session) tested(atcs []string) stewardship.Truth {
	isolates := s.isolates(recent)
	if len(isolates) == 0 {
		return stewardship.Unknown
	}
	all := stewardship.Yes
	for _, i := range isolates {
		one := stewardship.No
		for _, atc := range atcs {
			if r, known := i.Against(atc); known && r.Interpretation == microbiology.Susceptible {
				one = stewardship.Yes
			}
		}
		all = all.And(one)
	}
	return all
}

// active tells whether each isolate of that age was tested and one of the
// substances acts on it, at the high dose where it needs one. Of a fresh isolate
// that is worth more than what the patient is known to carry.
func (s *session) active(atcs []string, age time.Duration) bool {
	isolates := s.isolates(age)
	for _, i := range isolates {
		one := false
		for _, atc := range atcs {
			r, known := i.Against(atc)
			one = one || known && r.Usable()
		}
		if !one {
			return false
		}
	}
	return len(isolates) > 0
}

func organism(i microbiology.Isolate) cds.Text {
	if i.Organism.Name.IsZero() {
		return cds.Text{DE: i.Display, EN: i.Display}
	}
	return i.Organism.Name
}

func dayDE(i microbiology.Isolate) string { return i.At.Format("02.01.2006") }
func dayEN(i microbiology.Isolate) string { return i.At.Format("2006-01-02") }

// prior gives the classes of antibiotics taken within 90 days before this episode.
func (s *session) prior() map[string]bool {
	out := map[string]bool{}
	f := s.Chart.Fact("prior-antibiotics-90d")
	if f.Truth() != stewardship.Yes {
		return out
	}
	for _, given := range f.Inputs {
		if sub, ok := s.Tables.Formulary.Lookup(given.Text); ok {
			out[string(sub.Class)] = true
		}
	}
	return out
}

package recommend

import (
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/microbiology"
)

// memory is how long the patient's own isolates count for a choice.
const memory = 365 * 24 * time.Hour

// resistance judges the patient's own isolates of the last twelve months.
func (s *session) resistance(x subject) []finding {
	for _, i := range s.Chart.Isolates() {
		if i.At.IsZero() || s.Now.Sub(i.At) > memory || i.At.After(s.Now) {
			continue
		}
		for _, r := range i.Results {
			if r.ATC != x.ATC {
				continue
			}
			name := organism(i)
			day := i.At.Format("02.01.2006")
			switch {
			case r.Interpretation == microbiology.Resistant:
				return []finding{{
					code: "resistance", reason: "resistance", outcome: exclude, indicator: cds.WarningI,
					summary: cds.Text{DE: x.Name.DE + ": eigenes Isolat resistent (" + name.DE + ")", EN: x.Name.EN + ": own isolate resistant (" + name.EN + ")"},
					detail: cds.Text{
						DE: name.DE + " vom " + day + " ist gegen " + x.Name.DE + " resistent getestet.",
						EN: name.EN + " of " + i.At.Format("2006-01-02") + " tested resistant to " + x.Name.EN + ".",
					},
				}}
			case r.Interpretation == microbiology.Increased && (r.Norm != "EUCAST" || r.Year < 2019):
				s.gap(cds.Text{DE: "Empfindlichkeit „I“ von " + x.Name.DE, EN: "susceptibility \"I\" of " + x.Name.EN},
					cds.Text{DE: "Norm und Jahr nicht bekannt oder vor 2019: „I“ ist nicht verwertbar", EN: "norm and year not known or before 2019: \"I\" cannot be used"},
					"susceptibility")
			case r.Interpretation == microbiology.Increased:
				return []finding{{
					code: "increased-exposure", reason: "resistance", outcome: specialist, indicator: cds.WarningI,
					summary: cds.Text{DE: x.Name.DE + ": nur mit erhöhter Exposition wirksam (I)", EN: x.Name.EN + ": active only with increased exposure (I)"},
					detail: cds.Text{
						DE: name.DE + " vom " + day + " ist „I“ nach EUCAST: Hochdosis nötig.",
						EN: name.EN + " of " + i.At.Format("2006-01-02") + " is \"I\" by EUCAST: high dose needed.",
					},
				}}
			}
		}
	}
	return nil
}

func organism(i microbiology.Isolate) cds.Text {
	if i.Organism.Name.IsZero() {
		return cds.Text{DE: i.Display, EN: i.Display}
	}
	return i.Organism.Name
}

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

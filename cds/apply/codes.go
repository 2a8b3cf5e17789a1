package apply

import (
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir/fhirpath"
)

// prefixes shorten the code systems of %diagnoses.
var prefixes = map[string]string{
	"http://fhir.de/CodeSystem/bfarm/icd-10-gm": "icd-10-gm|",
	"http://fhir.de/CodeSystem/dimdi/icd-10-gm": "icd-10-gm|",
	"http://snomed.info/sct":                    "snomed|",
	"http://hl7.org/fhir/sid/icd-10":            "icd-10|",
}

// codes fills the names that are made of the Chart's lists. A problem list that
// is empty is not known to be empty.
func (s *Scope) codes() {
	var diagnoses, texts, asked, denials fhirpath.Collection
	read := func(list *fhirpath.Collection, text string) {
		said, denied := split(text)
		*list = append(*list, strs(said)...)
		denials = append(denials, strs(denied)...)
	}
	list := func(conditions []facts.Condition) {
		for _, c := range conditions {
			for _, coding := range c.Concept.Codings {
				if p, ok := prefixes[coding.System]; ok && coding.Code != "" {
					diagnoses = append(diagnoses, fhirpath.FromString(p+coding.Code))
				}
				read(&texts, coding.Display)
			}
			read(&texts, c.Concept.Text)
		}
	}
	list(s.chart.Conditions())
	read(&asked, s.chart.Request().FreeText)
	problems := named{unknown: len(s.chart.Conditions()) == 0, source: "Condition"}
	if problems.unknown {
		problems.gaps = []Gap{{Fact: "conditions", Display: cds.Text{DE: "Diagnosen", EN: "diagnoses"}}}
	}
	s.memo["diagnoses"] = with(problems, slices.Clone(diagnoses))
	s.memo["diagnosisTexts"] = with(problems, slices.Clone(texts))
	s.memo["requestTexts"] = named{value: asked, source: "request", private: true}
	if list(s.chart.FormerConditions()); len(s.chart.FormerConditions()) > 0 {
		problems = named{source: "Condition"}
	}
	s.memo["history"] = with(problems, diagnoses)
	s.memo["historyTexts"] = with(problems, texts)
	s.memo["deniedTexts"] = named{value: denials, source: "Condition, request", private: true}

	organisms := append(fhirpath.Collection(nil), asked...)
	for _, i := range s.chart.Isolates() {
		for _, name := range []string{i.Organism.Name.DE, i.Organism.Name.EN, i.Organism.Group, i.Display} {
			if name != "" {
				organisms = append(organisms, fhirpath.FromString(strings.ToLower(name)))
			}
		}
	}
	for _, name := range s.chart.Request().Pathogens {
		organisms = append(organisms, fhirpath.FromString(strings.ToLower(name)))
	}
	s.memo["organisms"] = named{value: organisms, source: "Observation"}
	s.memo["isolates"] = named{value: s.isolates(), source: "Observation"}

	var medications fhirpath.Collection
	for _, m := range s.chart.Medications() {
		if m.ATC != "" {
			medications = append(medications, fhirpath.FromString(m.ATC))
		}
	}
	state, _ := s.chart.MedicationState()
	taken := named{unknown: state == facts.Unknown && len(medications) == 0, source: "MedicationStatement"}
	if taken.unknown {
		taken.gaps = []Gap{{Fact: "medications", Display: cds.Text{DE: "aktuelle Medikation", EN: "current medication"}}}
	}
	s.memo["medications"] = with(taken, medications)

	var indication fhirpath.Collection
	if i, _ := s.chart.Indication(); i != nil {
		indication = fhirpath.Collection{fhirpath.FromString(i.Code)}
	}
	s.memo["indication"] = named{value: indication, source: "indication"}
}

// strs gives texts as FHIRPath sees them.
func strs(list []string) fhirpath.Collection {
	var out fhirpath.Collection
	for _, t := range list {
		out = append(out, fhirpath.FromString(t))
	}
	return out
}

// recent is how old an isolate may be to be the pathogen of this infection.
const recent = 30 * 24 * time.Hour

// isolates writes recent isolates as "group|name|specimen".
func (s *Scope) isolates() fhirpath.Collection {
	var out fhirpath.Collection
	for _, i := range s.chart.Isolates() {
		if i.At.IsZero() || i.At.After(s.now) || s.now.Sub(i.At) > recent {
			continue
		}
		group, name := i.Organism.Group, i.Organism.Name.EN
		if name == "" {
			name = i.Display
		}
		if group == "staphylococcus-aureus" && methicillinResistant(i) {
			group = "mrsa"
		}
		out = append(out, fhirpath.FromString(strings.ToLower(group+"|"+name+"|"+i.Specimen)))
	}
	return out
}

// methicillinResistant reads resistance to oxacillin, cefoxitin or flucloxacillin.
func methicillinResistant(i microbiology.Isolate) bool {
	for _, r := range i.Results {
		switch r.ATC {
		case "J01CF04", "J01CF05", "J01DC01":
			if r.Interpretation == microbiology.Resistant {
				return true
			}
		}
	}
	return false
}

func with(n named, c fhirpath.Collection) named {
	n.value = c
	return n
}

// show writes a value for the trace.
func show(v named) string {
	if v.unknown {
		return "?"
	}
	if v.private {
		return "…"
	}
	parts := make([]string, 0, len(v.value))
	for i, x := range v.value {
		if i == 20 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, x.String())
	}
	return strings.Join(parts, ", ")
}

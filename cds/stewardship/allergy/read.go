package allergy

import (
	"regexp"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/fhir"
)

// Reaction is one reaction as it was recorded.
type Reaction struct {
	Manifestations []fhir.CodeableConcept
	Text           string // description and notes
	Severity       string // mild | moderate | severe | ""
}

// Entry is an allergy entry as it came, before it is understood.
type Entry struct {
	Concept     fhir.CodeableConcept
	Type        string // allergy | intolerance | ""
	Categories  []string
	Criticality string
	Reactions   []Reaction
	Note        string
}

// Reading is what an entry was understood as.
type Reading struct {
	NoneKnown           bool // the entry says that no allergy is known
	NoneKnownMedication bool // … to a medicine
	Negated             bool // it names a substance and denies the allergy
	ATC                 []string
	Recognised          bool
	Medication          bool
	Mechanism           Mechanism
	Basis               cds.Text
}

const snomed = "http://snomed.info/sct"

// Read understands an entry: codes first, then the displays and the text. A
// coding whose display names something else counts for both, since wrong codes
// are common.
func (t *Table) Read(e Entry) Reading {
	r := Reading{Medication: medication(e.Categories)}
	texts := []string{e.Concept.Text}
	for _, c := range e.Concept.Codings {
		texts = append(texts, c.Display)
		a, ok := t.codes[[2]string{c.System, strings.TrimSuffix(strings.ToUpper(c.Code), "-")}]
		switch {
		case ok && a.kind == "none":
			r.NoneKnown, r.NoneKnownMedication = true, true
		case ok && a.kind == "none-medication":
			r.NoneKnownMedication = true
		case ok:
			r.ATC = add(r.ATC, a.atc...)
		case isATC(c.System):
			if code := strings.ToUpper(c.Code); len(code) >= 3 && len(code) <= 7 {
				r.ATC = add(r.ATC, code)
			}
		}
	}
	for _, text := range texts {
		text = stewardship.Clip(text, stewardship.MaxText)
		words, negated := t.substancesIn(text)
		r.ATC = add(r.ATC, words...)
		if len(words) == 0 && len(negated) > 0 {
			r.Negated = true
		}
		if len(words) == 0 && len(negated) == 0 && noneKnown(text) {
			r.NoneKnown, r.NoneKnownMedication = true, true
		}
	}
	if len(r.ATC) == 0 && !r.NoneKnown && !r.NoneKnownMedication {
		// The culprit may stand in the reaction alone ("allergy to antibiotics", "after amoxicillin").
		for _, x := range e.Reactions {
			words, _ := t.substancesIn(x.Text)
			r.ATC = add(r.ATC, words...)
		}
		words, _ := t.substancesIn(e.Note)
		r.ATC = add(r.ATC, words...)
	}
	if len(r.ATC) > 0 {
		r.NoneKnown, r.NoneKnownMedication, r.Medication, r.Negated = false, false, true, false
	}
	r.Recognised = len(r.ATC) > 0
	if !r.Recognised && !r.NoneKnown && !r.NoneKnownMedication && r.Medication && len(e.Categories) == 0 && harmless(texts) {
		r.Medication = false
	}
	r.Mechanism, r.Basis = t.mechanism(e)
	return r
}

func isATC(system string) bool {
	return system == "http://www.whocc.no/atc" || system == "http://fhir.de/CodeSystem/bfarm/atc" || system == "http://fhir.de/CodeSystem/dimdi/atc" ||
		system == "urn:oid:2.16.840.1.113883.6.73"
}

func add(list []string, more ...string) []string {
	for _, m := range more {
		found := false
		for _, have := range list {
			found = found || have == m
		}
		if !found {
			list = append(list, m)
		}
	}
	return list
}

// medication is true unless the entry is stated to be about something else.
func medication(categories []string) bool {
	for _, c := range categories {
		if c == "medication" || c == "biologic" {
			return true
		}
	}
	return len(categories) == 0
}

// harmless are frequent allergens that are no medicine; so an entry about pollen
// is not reported as an unreadable medicine.
var harmless = func() func([]string) bool {
	words := regexp.MustCompile(`(?:^|\W)(pollen|graeser|grass|birce|hasel|hausstaub|milben|mite|tierhaar|catce|catcen|cat|hunde?|dog|nuss|nuesse|erdnuss|peanut|nut|nuts|lactose|fructose|gluten|latex|pflaster|niccel|biene|bienengift|wespe|wespengift|bee|wasp|ei|egg|milch|milc|fisch|fish|soja|soi|sesam|erdbeere|obst|schimmel)`)
	return func(texts []string) bool {
		for _, text := range texts {
			if words.MatchString(stewardship.Fold(text)) {
				return true
			}
		}
		return false
	}
}()

var (
	// Only words that belong to "no known allergy to …" may stand between the denial
	// and the substance; anything else, a comma included, ends its reach.
	denial  = regexp.MustCompile(`(?:(?:^|\W)(?:ceine?|ceinen|ceinerlei|no|not|nicht|denies|verneint)(?: (?:becannten?|cnown|histori|of|a|an|die|allergi\w*|allergisch|gegen|auf|to|unvertraeglichceit|ueberempfindlichceit|hipersensitiviti|reaction)){0,5} |(?:widerlegte?|ausgeschlossene?|refuted|ruled out):? )$`)
	refuted = regexp.MustCompile(`^\W*(?:(?:allergi\w*|unvertraeglichceit|wurde|worden|ist|was|is|has|been|bi|im|in|durch|mit|test\w*|allergologisch\w*|haut\w*|provocation\w*|\d{4})\W+)*(?:widerlegt|ausgeschlossen|refuted|ruled out|nicht bestaetigt|verneint)`)
	nothing = regexp.MustCompile(`^\W*(?:(?:allergien?|allergies|unvertraeglichceiten|allergies and intolerances)\W+)?(ceine?|no|none|nil|ncda|nca|ceine becannt|none cnown|nil cnown)(?:\W|$)`)
	subject = regexp.MustCompile(`allerg|unvertraeg|intoleran|reaction|becannt|cnown`)
)

// noneKnown tells whether a text states that no allergy is known: "keine bekannten
// Allergien", "no known drug allergies", "NKDA". "Allergies not known" does not.
func noneKnown(text string) bool {
	t := strings.TrimSpace(stewardship.Fold(text))
	m := nothing.FindStringSubmatch(t)
	if m == nil {
		return false
	}
	rest := strings.Trim(t[strings.Index(t, m[1])+len(m[1]):], " .!-:")
	return rest == "" || m[1] == "ncda" || m[1] == "nca" || subject.MatchString(t) && !strings.Contains(t, "nicht becannt") && !strings.Contains(t, "not cnown")
}

// substancesIn gives the ATC codes or prefixes that a text names, split into
// those it affirms and those it denies.
func (t *Table) substancesIn(text string) (affirmed, denied []string) {
	if text == "" {
		return nil, nil
	}
	text = stewardship.Clip(text, stewardship.MaxText)
	drugs, classes := t.names.Find(text)
	put := func(start, end int, codes ...string) {
		before, after := stewardship.Fold(text[:start])+" ", stewardship.Fold(text[end:])
		// A compound such as "Penicillinallergie" may be denied behind it as well.
		if denial.MatchString(before) || refuted.MatchString(after) {
			denied = add(denied, codes...)
			return
		}
		affirmed = add(affirmed, codes...)
	}
	for _, d := range drugs {
		put(d.Start, d.End, d.ATC)
	}
	for _, c := range classes {
		put(c.Start, c.End, c.Prefixes...)
	}
	return affirmed, denied
}

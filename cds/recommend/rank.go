package recommend

import (
	"sort"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/rag"
)

// defaultOptions is how many options are shown when nobody asks for a number.
const defaultOptions = 5

// key is what options are ordered by; options with equal keys share a rank.
// Specialist decisions come last; then what the patient's own isolate was tested
// susceptible to, and of that the narrowest, before what needs a high dose of it;
// then classes taken before; then what the hospital prefers; then a fluoroquinolone
// alone behind the others unless the disease is severe, since the EMA's restrictions
// override the guideline; then the guideline's lines; then interactions with the
// patient's medicines, renal doses that could not be checked in a weak kidney, and
// fluoroquinolones as partners. Between what is equal so far the hospital's own
// antibiogram decides, then AWaRe, which never counts in sepsis.
type key [12]int

// byAWaRe is where AWaRe stands, behind the antibiogram.
const byAWaRe = 11

func (s *session) key(j *judged) key {
	k := key{
		truth(j.specialist), s.proof(j), 0, truth(j.again), truth(!j.Action.Preferred), truth(s.behind(j) && len(j.parts) == 1), j.Action.Line,
		truth(j.interacting), truth(j.unverified), truth(s.behind(j)), j.local,
	}
	if s.severity != "septic" {
		k[byAWaRe] = awareOrder[j.aware]
		if j.tested == stewardship.Yes {
			k[2] = awareOrder[j.aware] // pathogen known: the narrowest active drug first
		}
	}
	return k
}

// locally lets the hospital's own antibiogram decide between equals: where it holds
// figures for each of them. Steps of five percent count, since less is chance.
func (s *session) locally(kept []*judged) {
	if s.Tables.Antibiogram == nil {
		return
	}
	specimen, organisms := s.expected()
	groups := map[key][]*judged{}
	for _, j := range kept {
		j.local, j.isolates = 0, 0
		k := s.key(j)
		k[byAWaRe] = 0
		groups[k] = append(groups[k], j)
	}
	for _, group := range groups {
		all := len(group) > 1
		for _, j := range group {
			var atcs []string
			for _, p := range j.parts {
				atcs = append(atcs, p.sub.ATC)
			}
			percent, isolates, ok := s.Tables.Antibiogram.Coverage(atcs, specimen, organisms)
			j.coverage, j.isolates = percent, isolates
			all = all && ok
		}
		for _, j := range group {
			if !all {
				j.isolates = 0
				continue
			}
			j.local = 20 - int(j.coverage/5)
		}
	}
}

// expected gives the specimen of the infection and the organisms that are suspected
// or grown, none when nobody knows.
func (s *session) expected() (specimen string, organisms []string) {
	if i, _ := s.Chart.Indication(); i != nil {
		specimen = map[string]string{"urogenital": "urine", "respiratory": "respiratory", "systemic": "blood"}[i.Category]
	}
	for _, i := range s.isolates(recent) {
		if i.Organism.Name.EN != "" {
			organisms = addName(organisms, i.Organism.Name.EN)
		}
	}
	for _, words := range s.Chart.Request().Pathogens {
		if s.Tables.Organisms == nil {
			break
		}
		if o, ok := s.Tables.Organisms.Find("", words); ok {
			organisms = addName(organisms, o.Name.EN)
		}
	}
	return specimen, organisms
}

// proof orders options by what the patient's own isolates tell: susceptible or
// nothing known, then susceptible at a high dose, then not tested.
func (s *session) proof(j *judged) int {
	switch {
	case j.tested != stewardship.No:
		return 0
	case j.increased:
		return 1
	}
	return 2
}

// behind tells whether a fluoroquinolone stands behind its equals: the EMA's
// restrictions are for mild and moderate infections.
func (s *session) behind(j *judged) bool { return j.quinolone && !s.severe() }

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func less(a, b key) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// ordered gives what is not excluded, best first.
func (s *session) ordered(all []*judged) []*judged {
	var kept []*judged
	for _, j := range all {
		if !j.excluded && len(j.parts) == len(j.Ingredients) {
			kept = append(kept, j)
		}
	}
	s.locally(kept)
	sort.SliceStable(kept, func(a, b int) bool { return less(s.key(kept[a]), s.key(kept[b])) })
	return kept
}

// options writes the first of what is not excluded.
func (s *session) options(all []*judged) []cds.Option {
	kept := s.ordered(all)
	limit := s.MaxOptions
	if limit == 0 {
		limit = s.Chart.Request().MaxOptions
	}
	if limit <= 0 || limit > defaultOptions {
		limit = defaultOptions
	}
	if s.MaxOptions < 0 {
		limit = len(kept)
	}
	out := []cds.Option{}
	rank := 0
	for n, j := range kept {
		if n >= limit {
			break
		}
		if n == 0 || less(s.key(kept[n-1]), s.key(j)) {
			rank++
		}
		out = append(out, s.render(j, rank, rank == 1 && !j.specialist))
	}
	s.warnCarriers(kept[:len(out)])
	return out
}

// exclusions names the substances of candidates that are not offered, each with
// its reason once. They carry no dose.
func (s *session) exclusions(all []*judged) []cds.Exclusion {
	out := []cds.Exclusion{}
	seen, offered := map[string]bool{}, map[string]bool{}
	for _, j := range s.ordered(all) {
		for _, p := range j.parts {
			offered[p.sub.ATC] = true // by another route, or with a partner
		}
	}
	add := func(sub formulary.Substance, reason string, detail cds.Text, at []rag.Locator) {
		k := sub.ATC + reason + detail.DE
		if seen[k] || offered[sub.ATC] {
			return
		}
		seen[k] = true
		out = append(out, cds.Exclusion{ATC: sub.ATC, Name: s.say(sub.Name), Reason: reason, Detail: s.say(detail), Citations: s.cites(at...)})
	}
	for _, j := range all {
		for _, p := range j.parts {
			for _, f := range p.findings {
				if f.outcome == exclude {
					add(p.sub, f.reason, sentences(f.summary, f.detail), f.places)
				}
			}
			if p.adjusted.Status == dose.Contraindicated {
				add(p.sub, "renal", p.adjusted.Reason, places([]stewardship.Source{p.adjusted.Source}, p.sub.Name.DE))
			}
		}
	}
	return out
}

func sentences(a, b cds.Text) cds.Text { return cds.Text{DE: prose(a.DE, b.DE), EN: prose(a.EN, b.EN)} }

// patientWarnings says what a clinician must know about this patient whatever
// option is taken.
func (s *session) patientWarnings() {
	for _, a := range s.Chart.Allergies() {
		if !a.Medication || !a.Recognised || !s.antimicrobial(a) {
			continue
		}
		w := cds.Warning{Code: "allergy", Indicator: cds.Info, Detail: s.say(a.Basis)}
		switch a.Mechanism {
		case allergy.Intolerance:
			w.Summary = s.t("Unverträglichkeit gegen ", "Intolerance to ") + culprit(a).In(s.Lang) + s.t(": keine Allergie, kein Ausschluss", ": no allergy, no exclusion")
		case allergy.Mild:
			w.Summary = capital(named(a, s.Lang)) + s.t(": diese Substanz ausgeschlossen", ": this substance excluded")
			if betaLactam(a.ATC) {
				w.Summary = capital(named(a, s.Lang)) + s.t(": ähnliche Seitenketten ausgeschlossen", ": similar side chains excluded")
			}
		default:
			w.Indicator = cds.WarningI
			w.Summary = capital(named(a, s.Lang)) + s.t(": kreuzreagierende Substanzen ausgeschlossen", ": cross-reacting substances excluded")
		}
		w.Citations = s.cites(s.allergySources(a)...)
		s.warn(w)
	}
	if s.Chart.Truth("pregnancy") == stewardship.Yes {
		s.warn(cds.Warning{
			Code: "pregnancy", Indicator: cds.WarningI,
			Summary: s.t("Schwangerschaft: kontraindizierte Mittel sind ausgeschlossen", "Pregnancy: contraindicated drugs are excluded"),
			Detail:  s.t("Keine Dosierung nach berechneter Nierenfunktion.", "No dosing by calculated renal function."),
		})
	}
}

// antimicrobial tells whether an allergy is about a substance of the formulary.
func (s *session) antimicrobial(a allergy.Record) bool {
	for _, sub := range s.Tables.Formulary.Substances() {
		for _, prefix := range a.ATC {
			if len(prefix) <= len(sub.ATC) && sub.ATC[:len(prefix)] == prefix {
				return true
			}
		}
	}
	return false
}

// allergySources gives what the verdicts on a record rest on, and the guideline's
// page on reactions to beta-lactams.
func (s *session) allergySources(a allergy.Record) []rag.Locator {
	var out []rag.Locator
	for _, sub := range s.Tables.Formulary.Substances() {
		v := s.Tables.Allergy.Check([]allergy.Record{a}, sub)
		if v.Outcome == allergy.Excluded {
			out = append(out, places(v.Sources)...)
			if sub.Class.BetaLactam() {
				out = append(out, rag.Locator{Document: guideline, Page: 75, Section: "Beta-Lactam-Antibiotika", Terms: []string{"Penicillinen", "Reaktionen"}})
			}
			break
		}
	}
	return out
}

func capital(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = []rune(string(upper(r[0])))[0]
	}
	return string(r)
}

func upper(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r - 32
	}
	return r
}

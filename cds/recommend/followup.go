package recommend

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
	"cdss/cds/stewardship/score"
)

// A running therapy is looked at again between these ages, and every day after.
const (
	reviewFrom = 48 * time.Hour
	reviewTo   = 72 * time.Hour
)

// special are infections of which a change to oral treatment needs a specialist's
// agreement: deep, of the bloodstream, or with a foreign body (UKHSA, criteria for
// the switch from intravenous to oral, 2024).
var special = []string{
	"bacterial-endocarditis", "bacterial-meningitis", "haematogenous-osteomyelitis", "spondylodiscitis", "post-traumatic-osteomyelitis", "sternal-osteomyelitis",
	"septic-arthritis", "prosthesis-associated-infection", "skull-base-osteomyelitis", "jaw-osteomyelitis", "malignant-otitis-externa",
	"infected-necrotising-pancreatitis", "intra-abdominal-mycosis", "tubo-ovarian-abscess", "prostatic-abscess",
}

// wellAbsorbed is the oral bioavailability, in percent, from which a substance
// reaches by mouth what it reaches by vein.
const wellAbsorbed = 85

// course is one antimicrobial that runs, with its age.
type course struct {
	facts.Medication
	sub formulary.Substance
	age time.Duration
}

// courses gives the antimicrobials that run and whose start is known, oldest first.
func (s *session) courses() []course {
	var out []course
	for _, m := range s.Chart.Medications() {
		sub, ok := s.Tables.Formulary.Lookup(m.ATC)
		if !ok || !m.Start.Known() || m.Stopped {
			continue
		}
		out = append(out, course{m, sub, s.Now.Sub(m.Start.Time)})
	}
	slices.SortStableFunc(out, func(a, b course) int { return int(b.age/time.Hour) - int(a.age/time.Hour) })
	return out
}

// followUp says what is due of a therapy that runs: the review after 48 to 72 hours,
// the end where the source's longest duration is reached, the change to oral.
func (s *session) followUp(all []*judged) {
	var due, parts []string
	oldest := time.Duration(0)
	for _, c := range s.courses() {
		if c.age < reviewFrom {
			continue
		}
		oldest = max(oldest, c.age)
		name := s.say(c.sub.Name)
		due = addName(due, name)
		since := s.t("seit ", "since ") + s.day(c.Start.Time) + fmt.Sprintf(s.t(" (Tag %d)", " (day %d)"), int(c.age.Hours()/24)+1)
		if c.End.Known() {
			since += s.t(", Ende geplant ", ", end planned ") + s.day(c.End.Time)
		} else {
			since += s.t(", kein Enddatum dokumentiert", ", no end date recorded")
		}
		parts = append(parts, name+" "+since)
		if longest, ok := s.longest(all, c.sub.ATC); ok && c.age >= longest {
			s.warn(cds.Warning{
				Code: "duration-reached", Indicator: cds.Info,
				Summary: name + s.t(": Therapiedauer der Quelle erreicht, Ende prüfen", ": the source's duration is reached, consider stopping"),
				Detail:  prose(name+" "+since, fmt.Sprintf(s.t("Längste Dauer der Quelle: %s Tage", "Longest duration of the source: %s days"), stewardship.Decimal(longest.Hours()/24, 0, s.Lang))),
			})
		}
	}
	if len(due) > 0 {
		s.warn(cds.Warning{
			Code: "review-due", Indicator: cds.Info,
			Summary: s.t("Antibiotika-Review nach 48–72 h fällig: ", "Antibiotic review after 48–72 h is due: ") + strings.Join(due, ", "),
			Detail: prose(append(parts, s.t("Befunde und Verlauf prüfen: absetzen, gezielt verschmälern, auf oral umstellen, fortführen oder ambulant parenteral; Entscheidung und Enddatum dokumentieren",
				"Check results and course: stop, narrow, switch to oral, continue, or outpatient parenteral; record the decision and an end date"))...),
		})
	}
	s.narrow(all)
	s.toOral(all)
}

// narrow says that the pathogen is known and a narrower drug of the plan was tested
// active, while a broader one runs.
func (s *session) narrow(all []*judged) {
	kept := s.ordered(all)
	if len(kept) == 0 || kept[0].tested != stewardship.Yes || kept[0].specialist {
		return
	}
	best := kept[0]
	for _, c := range s.courses() {
		given := false
		for _, p := range best.parts {
			given = given || p.sub.ATC == c.sub.ATC
		}
		if given || !broader(c.sub.AWaReBy(c.Route), best.aware) && !(c.sub.AWaRe == best.aware && breadth(c.sub) > breadth(best.parts[0].sub)) {
			continue
		}
		s.warn(cds.Warning{
			Code: "deescalate", Indicator: cds.Info,
			Summary: s.t("Erreger bekannt: ", "Pathogen known: ") + s.say(c.sub.Name) + s.t(" auf ", " can be narrowed to ") + s.label(best) + s.t(" verschmälern", ""),
			Detail:  s.t("Nach Antibiogramm wirksam und schmaler als das laufende Mittel.", "Active by the antibiogram and narrower than the running drug."),
		})
	}
}

// breadth orders classes of one AWaRe group by their breadth, for those that matter:
// carbapenems, then what acts on Pseudomonas, then the others.
func breadth(sub formulary.Substance) int {
	switch {
	case sub.Class == formulary.Carbapenem:
		return 2
	case sub.ATC == "J01CR05" || sub.ATC == "J01DD02" || sub.ATC == "J01DE01":
		return 1
	}
	return 0
}

// longest gives the longest duration that the plan states for a substance here.
func (s *session) longest(all []*judged, atc string) (time.Duration, bool) {
	most := 0.0
	for _, j := range all {
		for _, p := range j.parts {
			if p.sub.ATC != atc || p.action.Regimen.DurationHigh == 0 && p.action.Regimen.DurationLow > 0 {
				if p.sub.ATC == atc {
					return 0, false // open: at least so long
				}
				continue
			}
			days := p.action.Regimen.DurationHigh
			switch p.action.Regimen.DurationUnit {
			case "wk":
				days *= 7
			case "h":
				days /= 24
			}
			most = max(most, days)
		}
	}
	return time.Duration(most*24) * time.Hour, most > 0
}

// toOral says that a change to oral treatment can be thought of, what speaks against
// it, and what may be given; where the plan says so itself it adds nothing.
func (s *session) toOral(all []*judged) {
	if s.Chart.Truth("oral-switch-possible") != stewardship.Yes || len(said(s.warnings, "oral-sequence")) > 0 {
		return
	}
	against := s.againstOral()
	w := cds.Warning{Code: "iv-to-oral", Indicator: cds.Info}
	indication, _ := s.Chart.Indication()
	switch {
	case len(against) > 0:
		w.Code = "iv-to-oral-not-yet"
		w.Summary = s.t("Klinisch stabil, orale Umstellung noch nicht: ", "Clinically stable, no switch to oral yet: ") + strings.Join(against, ", ")
	case indication != nil && slices.Contains(special, indication.Code):
		w.Summary = s.t("Klinisch stabil: orale Umstellung bei dieser Infektion nur nach fachärztlicher Abstimmung", "Clinically stable: in this infection switch to oral only with a specialist's agreement")
	default:
		w.Summary = s.t("Klinisch stabil unter i.v.-Therapie: orale Umstellung prüfen", "Clinically stable on IV therapy: consider the switch to oral")
	}
	var ways []string
	for _, c := range s.courses() {
		if c.Route != "iv" {
			continue
		}
		name := s.say(c.sub.Name)
		switch {
		case c.sub.Bioavailable >= wellAbsorbed && slices.Contains(c.sub.Routes, "po"):
			ways = append(ways, name+fmt.Sprintf(s.t(": auch oral verfügbar, Bioverfügbarkeit %s %%", ": available by mouth, bioavailability %s %%"), stewardship.Decimal(c.sub.Bioavailable, 0, s.Lang)))
		case slices.Contains(c.sub.Routes, "po"):
			ways = append(ways, name+s.t(": auch oral verfügbar", ": available by mouth"))
		default:
			ways = append(ways, name+s.t(": nicht oral verfügbar, Mittel nach Antibiogramm wechseln", ": not available by mouth, change the drug by the antibiogram"))
		}
	}
	for _, i := range s.isolates(recent) {
		for _, r := range i.Results {
			if sub, ok := s.Tables.Formulary.Lookup(r.ATC); ok && r.Interpretation == "S" && sub.Bioavailable >= wellAbsorbed && slices.Contains(sub.Routes, "po") && !s.barred(all, sub) {
				ways = addName(ways, s.say(sub.Name)+s.t(": Erreger empfindlich, oral gut verfügbar", ": pathogen susceptible, well absorbed"))
			}
		}
	}
	w.Detail = prose(append(ways, s.t("Voraussetzung sind sichere orale Einnahme und Resorption, 24 h Temperatur 36–38 °C und fallende Entzündungszeichen",
		"Safe oral intake and absorption, 24 h of temperature 36–38 °C and falling signs of inflammation are required"))...)
	if source, ok := s.Tables.Formulary.Source("ukhsa-ivos-2024"); ok {
		w.Citations = s.cites(places([]stewardship.Source{source})...)
	}
	s.warn(w)
}

func said(list []cds.Warning, code string) (out []cds.Warning) {
	for _, w := range list {
		if w.Code == code {
			out = append(out, w)
		}
	}
	return out
}

// barred tells whether a substance may not be given to this patient.
func (s *session) barred(all []*judged, sub formulary.Substance) bool {
	for _, f := range s.judgeQuietly(subject{Substance: sub, route: "po", listed: stewardship.Yes}) {
		if f.outcome >= specialist {
			return true
		}
	}
	return false
}

// judgeQuietly judges a substance that is only mentioned: its gaps are nobody's
// question.
func (s *session) judgeQuietly(x subject) []finding {
	quiet := *s
	quiet.gaps, quiet.warnings, quiet.notes = nil, nil, nil
	return quiet.judge(x)
}

// againstOral names what is known to speak against oral treatment: a temperature out
// of 36 to 38 degrees within the day, a rising CRP, an ileus.
func (s *session) againstOral() []string {
	var out []string
	temperature := s.Chart.Fact("temperature")
	for _, v := range append(slices.Clone(temperature.Inputs), temperature.Others...) {
		if v.Date.Known() && s.Now.Sub(v.Date.Time) <= 24*time.Hour && (v.Number < 36 || v.Number > 38) {
			out = addName(out, s.t("Temperatur in den letzten 24 h außerhalb 36–38 °C", "temperature out of 36–38 °C within 24 h"))
		}
	}
	crp := s.Chart.Fact("crp")
	if now, ok := crp.Number().Exact(); ok && len(crp.Others) > 0 && now > crp.Others[0].Number*1.1 {
		out = append(out, s.t("CRP steigt", "CRP is rising"))
	}
	for _, c := range s.Chart.Conditions() {
		for _, coding := range c.Concept.Codings {
			if strings.HasPrefix(coding.Code, "K56") || strings.HasPrefix(coding.Code, "R11") {
				out = addName(out, c.Display)
			}
		}
	}
	return out
}

// ends says when a therapy is to be looked at and when it ends, counted from the
// first dose of its substance, or from now.
func (s *session) ends(j *judged) string {
	start, running := s.Now, false
	for _, p := range j.parts {
		for _, c := range s.courses() {
			if c.sub.ATC == p.sub.ATC {
				start, running = c.Start.Time, true
			}
		}
	}
	from := s.t("bei Beginn heute", "when begun today")
	if running {
		from = s.t("Beginn ", "begun ") + s.day(start)
	}
	review := s.t("Review am ", "Review on ") + s.day(start.Add(reviewFrom)) + "–" + s.day(start.Add(reviewTo))
	var d *cds.Duration
	for _, p := range j.parts {
		for _, l := range p.lines {
			if l.Duration != nil && l.Duration.Unit != "h" && (d == nil || l.Duration.Low > d.Low) {
				d = l.Duration
			}
		}
	}
	if d == nil {
		return prose(review + s.t("; die Quelle nennt keine Dauer: Enddatum festlegen", "; the source states no duration: set an end date") + " (" + from + ")")
	}
	days := func(v float64) int {
		if d.Unit == "wk" {
			v *= 7
		}
		return int(v + 0.5)
	}
	first := s.day(start.AddDate(0, 0, days(d.Low)))
	end := s.t("; Ende frühestens am ", "; end on ") + first + s.t("", " at the earliest")
	if d.High != nil {
		end = s.t("; Ende am ", "; end on ") + first
		if last := s.day(start.AddDate(0, 0, days(*d.High))); last != first {
			end += "–" + last
		}
	}
	return prose(review + end + " (" + from + ")")
}

func (s *session) day(t time.Time) string {
	if s.Lang == cds.DE {
		return t.Format("02.01.2006")
	}
	return t.Format("2006-01-02")
}

// labels says once for each beta-lactam allergy that looks harmless or is unclear
// that the label is worth a review: nine of ten are refuted.
func (s *session) labels() {
	for _, a := range s.Chart.Allergies() {
		if !a.Recognised || !betaLactam(a.ATC) || a.Mechanism == allergy.ImmediateSevere || a.Mechanism == allergy.DelayedSevere {
			continue
		}
		severe := stewardship.Unknown
		if a.Mechanism == allergy.Mild || a.Mechanism == allergy.Intolerance {
			severe = stewardship.No
		}
		recently := stewardship.Unknown
		if !a.Reacted.IsZero() {
			recently = stewardship.Of(s.Now.Sub(a.Reacted) <= 5*365*24*time.Hour+24*time.Hour)
		}
		r := score.PENFAST(recently, severe, stewardship.Unknown)
		points := fmt.Sprintf("%d–%d", r.Low, r.High)
		if r.Low == r.High {
			points = fmt.Sprint(r.Low)
		}
		w := cds.Warning{
			Code: "allergy-label", Indicator: cds.Info,
			Summary: s.t("Allergieeintrag überprüfen lassen: ", "Have the allergy label reviewed: ") + culprit(a).In(s.Lang),
			Detail: prose(s.t("Die meisten Penicillinallergien bestätigen sich bei Testung nicht; ein falscher Eintrag führt zu breiteren Mitteln", "Most penicillin labels are not confirmed on testing; a wrong one leads to broader drugs"),
				"PEN-FAST "+points+s.t(" von 5 Punkten", " of 5 points")+s.missing(r.Missing)),
			Citations: s.cites(places([]stewardship.Source{r.Source})...),
		}
		if a.Mechanism == allergy.Intolerance {
			w.Detail = prose(s.t("Dokumentiert ist eine Unverträglichkeit, keine Allergie: Eintrag umschreiben", "An intolerance is recorded and no allergy: rewrite the entry"))
		}
		s.warn(w)
	}
}

var penFast = map[string]cds.Text{
	"within-five-years": {DE: "Zeitpunkt der Reaktion", EN: "when the reaction happened"}, "severe-reaction": {DE: "Art der Reaktion", EN: "kind of reaction"},
	"treatment": {DE: "ob sie behandelt wurde", EN: "whether it was treated"},
}

func (s *session) missing(names []string) string {
	var list []string
	for _, n := range names {
		list = append(list, s.say(penFast[n]))
	}
	if len(list) == 0 {
		return ""
	}
	return s.t(" (offen: ", " (open: ") + strings.Join(list, ", ") + ")"
}

func betaLactam(codes []string) bool {
	for _, c := range codes {
		if strings.HasPrefix(c, "J01C") || strings.HasPrefix(c, "J01D") {
			return true
		}
	}
	return false
}

// Culture is a microbiological test that is taken before the first dose.
type Culture struct {
	Test   string // LOINC
	Name   cds.Text
	Source stewardship.Source
}

// loadCultures reads cultures.csv: what is taken before the first dose, by
// indication.
func loadCultures(fsys fs.FS) (map[string][]Culture, error) {
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	out := map[string][]Culture{}
	err = stewardship.ReadTable(fsys, "cultures.csv", sources, func(r *stewardship.Row) {
		code := r.Need("indication")
		out[code] = append(out[code], Culture{
			Test: r.Need("test"), Name: cds.Text{DE: r.Need("name_de"), EN: r.Need("name_en")}, Source: r.Source(),
		})
	})
	return out, err
}

// cultureMissing says before a first dose that no culture was taken, where the data
// tell so: silence about orders and specimens proves nothing.
func (s *session) cultureMissing() (cds.Text, []Culture, bool) {
	indication, _ := s.Chart.Indication()
	if indication == nil || s.Chart.Truth("cultures-taken") != stewardship.No {
		return cds.Text{}, nil, false
	}
	list := s.Tables.Cultures[indication.Code]
	if len(list) == 0 {
		return cds.Text{}, nil, false
	}
	return stewardship.Both(func(l cds.Lang) string {
		var names []string
		for _, c := range list {
			names = append(names, c.Name.In(l))
		}
		return strings.Join(names, ", ")
	}), list, true
}

// cultureFirst warns before a therapy that has not begun that no culture was taken.
func (s *session) cultureFirst() {
	names, list, missing := s.cultureMissing()
	if !missing || len(s.courses()) > 0 {
		return
	}
	var at []stewardship.Source
	for _, c := range list {
		at = append(at, c.Source)
	}
	s.warn(cds.Warning{
		Code: "culture-missing", Indicator: cds.WarningI, Summary: s.t("Vor der ersten Gabe abnehmen: ", "Take before the first dose: ") + s.say(names),
		Detail:    s.t("In den übermittelten Daten ist keine Kultur angefordert oder abgenommen. Bei schwerer Infektion darf die Abnahme den Beginn nicht verzögern.", "The data that were sent hold no culture ordered or taken. In severe infection taking it must not delay the start."),
		Citations: s.cites(places(at)...),
	})
}

// scopeOfInteractions names the list that was checked and its version, and says that
// it is no general check.
func (s *session) scopeOfInteractions() string {
	if s.Tables.Interactions == nil {
		return s.say(interaction.Scope)
	}
	return prose(s.say(interaction.Scope), s.say(s.Tables.Interactions.Name())+" "+s.Tables.Interactions.Version())
}

package recommend

import (
	"context"
	"slices"
	"sort"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/interaction"
	"cdss/rag"
)

// session is one computation: the input, the values that conditions read, and
// what is found on the way.
type session struct {
	Input
	scope    *apply.Scope
	meds     []interaction.Medicine
	kept     []interaction.Medicine // without the antibacterials, which an option takes the place of
	patient  interaction.Patient
	severity string // "" unknown
	age      stewardship.Number

	gaps     []cds.NotChecked
	notes    []string
	warnings []cds.Warning
	used     []*knowledge.Plan
}

func newSession(ctx context.Context, in Input) *session {
	if in.Lang == "" {
		in.Lang = cds.DE
	}
	s := &session{Input: in, scope: apply.NewScope(ctx, in.Chart, in.Now).Traced(in.Trace), age: in.Chart.Number("age")}
	s.severity, _, _ = in.Chart.Severity()
	for _, m := range in.Chart.Medications() {
		if m.Recognised {
			s.meds = append(s.meds, m.Interacting())
			if !strings.HasPrefix(m.ATC, "J01") {
				s.kept = append(s.kept, m.Interacting())
			}
		}
	}
	s.patient = interaction.Patient{
		QTc: in.Chart.Number("qtc"), Potassium: in.Chart.Number("potassium"),
		Magnesium: in.Chart.Number("magnesium"), EGFR: in.Chart.Number("egfr-ckd-epi-2021"),
	}
	return s
}

// say picks the text of the answer's language.
func (s *session) say(t cds.Text) string { return t.In(s.Lang) }

func (s *session) t(de, en string) string { return s.say(cds.Text{DE: de, EN: en}) }

// severe tells whether the disease is severe or septic.
func (s *session) severe() bool { return s.severity == "severe" || s.severity == "septic" }

func compute(ctx context.Context, in Input) cds.Recommendation {
	s := newSession(ctx, in)
	rec := cds.Recommendation{ID: in.ID, CreatedAt: in.Now.Format(time.RFC3339), Language: s.Lang}
	for _, f := range in.Chart.Facts() {
		rec.Facts = append(rec.Facts, f.In(s.Lang))
	}
	for _, i := range in.Chart.Ignored() {
		rec.Ignored = append(rec.Ignored, cds.Ignored{Reference: i.Reference, Reason: s.say(i.Reason)})
	}
	if v, basis, known := in.Chart.Severity(); known {
		rec.Severity = &cds.Severity{Value: v, Basis: s.say(basis)}
	}
	indication, _ := in.Chart.Indication()
	if indication != nil {
		rec.Indication = &cds.IndicationRef{
			System: content.IndicationSystem, Code: indication.Code, Display: s.say(indication.Name), Alias: indication.Alias,
		}
	}
	s.refused(indication)
	reason := s.decide(indication, &rec)
	if reason != "" {
		rec.Abstained, rec.AbstainReason = true, &reason
	}
	rec.Banner = s.banner()
	rec.Warnings = s.warnings
	for i := range rec.Warnings {
		rec.Warnings[i].Example = rec.Banner != nil
	}
	rec.NotChecked = s.gaps
	rec.Notes = s.notes
	rec.Knowledge = s.pins()
	return rec
}

// refused tells what was released and does not run, since it is not what was released:
// rules of safety always, regimens where they are asked for.
func (s *session) refused(indication *cds.Indication) {
	for _, r := range s.Snapshot.Refused() {
		if r.Pack == content.PackRegimens || r.Indication != "" {
			if indication == nil || r.Indication != indication.Code {
				continue
			}
		} else if r.Pack == "" {
			continue // applied by its own name alone
		}
		s.gap(r.Title, cds.Text{
			DE: "der Inhalt ist nicht mehr der freigegebene und wird nicht verwendet: " + r.Artifact,
			EN: "the content is not what was released any more, and is not used: " + r.Artifact,
		})
	}
}

// past marks an answer of a plan whose time has ended.
func (s *session) past(p *knowledge.Plan) {
	if p.Expired.IsZero() {
		return
	}
	s.notes = append(s.notes, s.t("ABGELAUFEN seit ", "EXPIRED since ")+p.Expired.Format(map[bool]string{true: "02.01.2006", false: "2 Jan 2006"}[s.Lang == cds.DE])+": "+s.say(p.Title))
}

// decide fills options and exclusions, or gives the reason for having none.
func (s *session) decide(indication *cds.Indication, rec *cds.Recommendation) (abstain string) {
	none := s.statements()
	if none != "" {
		return none
	}
	if indication == nil {
		return s.t("Keine Indikation erkannt oder angegeben.", "No indication was found or stated.")
	}
	if reason := s.outsideAge(); reason != "" {
		return reason
	}
	plan, ok := s.Snapshot.PlanFor(indication.Code)
	if !ok {
		if reason, withheld := s.Snapshot.WithheldFor(indication.Code); withheld {
			return s.say(reason)
		}
		return s.t("Für diese Indikation ist kein Therapieschema freigegeben.", "No regimen is released for this indication.")
	}
	s.use(plan)
	s.past(plan)
	result := s.scope.Apply(plan)
	s.undecided(result)
	reason := ""
	for _, a := range result.Advice {
		switch a.Action.Role {
		case content.RoleNoAntibiotic, content.RoleOutOfScope:
			reason = prose(s.say(a.Action.Title), s.say(a.Action.Description))
			s.advise(a, cds.Info)
		default:
			s.advise(a, a.Action.Indicator)
		}
	}
	if reason != "" {
		return reason
	}
	if len(result.Candidates) == 0 {
		return s.t("Die Angaben reichen nicht, um ein Therapieschema auszuwählen.", "The data do not suffice to choose a regimen.")
	}
	s.generalGaps()
	judged := s.judgeAll(result.Candidates)
	rec.Options = s.options(judged)
	rec.Excluded = s.exclusions(judged)
	s.patientWarnings()
	s.labels()
	s.interactionWarnings(judged, rec.Options)
	s.cultureFirst()
	s.followUp(judged)
	if len(rec.Options) == 0 {
		s.warnNoneLeft(rec.Excluded, judged)
		return s.t("Alle Optionen der Quelle sind für diesen Patienten ausgeschlossen: infektiologische Beratung.",
			"Every option of the source is excluded for this patient: ask infectious diseases.")
	}
	return ""
}

// statements runs the statements that no antibiotic is due, whatever is asked.
func (s *session) statements() string {
	reason := ""
	for _, p := range s.Snapshot.Pack(content.PackSafety) {
		if !hasRole(p, content.RoleNoAntibiotic) {
			continue
		}
		result := s.scope.Apply(p)
		for _, a := range result.Advice {
			s.use(p)
			s.advise(a, cds.Info)
			s.assumed(a)
			if a.Action.Role == content.RoleNoAntibiotic && reason == "" {
				reason = prose(s.say(a.Action.Title), s.say(a.Action.Description))
			}
		}
	}
	return reason
}

// assumed tells what a statement took for granted.
func (s *session) assumed(a apply.Selected) {
	for _, u := range a.Assumed {
		for _, g := range u.Missing {
			s.gap(a.Action.Title, cds.Text{DE: "nicht bekannt: " + g.Display.DE, EN: "not known: " + g.Display.EN}, g.Fact)
		}
	}
}

func hasRole(p *knowledge.Plan, role string) bool {
	for _, a := range p.Actions {
		if a.Role == role {
			return true
		}
	}
	return false
}

// outsideAge says why there is no regimen for children or an unknown age.
func (s *session) outsideAge() string {
	code, text := "", cds.Text{}
	switch s.age.AtLeast(18) {
	case stewardship.No:
		code = "outside-scope-child"
		text = cds.Text{
			DE: "Kind oder Jugendlicher: Die Quelle gilt nur für Erwachsene; kein Therapieschema, pädiatrische Quelle nutzen.",
			EN: "Child or adolescent: the source is for adults only; no regimen, use a paediatric source.",
		}
	case stewardship.Unknown:
		code = "outside-scope-age"
		text = cds.Text{
			DE: "Alter unbekannt: Die Quelle gilt nur für Erwachsene; kein Therapieschema.",
			EN: "Age unknown: the source is for adults only; no regimen.",
		}
		s.gap(cds.Text{DE: "Alter", EN: "age"}, cds.Text{DE: "Geburtsdatum fehlt", EN: "date of birth is missing"}, "age")
	default:
		return ""
	}
	s.warn(cds.Warning{
		Code: code, Indicator: cds.Info, Summary: s.say(text),
		Citations: s.cites(rag.Locator{Document: guideline, Page: 91, Section: "Titel", Terms: []string{"Erwachsenen"}}),
	})
	return s.say(text)
}

// advise turns an advice of a plan into a warning.
func (s *session) advise(a apply.Selected, indicator cds.Indicator) {
	s.warn(cds.Warning{
		Code: strings.TrimPrefix(a.Action.ID, "advice-"), Indicator: indicator,
		Summary: s.say(a.Action.Title), Detail: s.say(a.Action.Description), Citations: s.cites(a.Action.Citations...),
	})
}

// undecided tells what a plan could not decide: once for the choice of patients,
// with everything that was missing.
func (s *session) undecided(result apply.Result) {
	missing, names := []string{}, []string{}
	for _, u := range result.NotChecked {
		if u.Action.Role == content.RoleOption {
			continue // rests on the allergy list, which is told by itself
		}
		for _, g := range u.Missing {
			missing, names = addName(missing, g.Fact), addName(names, s.say(g.Display))
		}
	}
	if len(missing) > 0 {
		list := strings.Join(names, ", ")
		reason := cds.Text{DE: "nicht bekannt: " + list, EN: "not known: " + list}
		if len(result.Candidates) > 0 {
			reason.DE += "; die Optionen gelten, wenn nichts davon vorliegt"
			reason.EN += "; the options hold when none of it applies"
		}
		s.gap(cds.Text{DE: "Auswahl nach Schweregrad und Risiko", EN: "choice by severity and risk"}, reason, missing...)
	}
	for _, i := range result.Issues {
		s.gap(cds.Text{DE: "Regel " + i.At, EN: "rule " + i.At},
			cds.Text{DE: "Ausdruck nicht auswertbar", EN: "expression cannot be evaluated"})
	}
}

// gap notes a check that could not be made, each once.
func (s *session) gap(check, reason cds.Text, missing ...string) {
	c := s.say(check)
	for i, g := range s.gaps {
		if g.Check != c {
			continue
		}
		for _, m := range missing {
			s.gaps[i].Missing = addName(s.gaps[i].Missing, m)
		}
		return
	}
	s.gaps = append(s.gaps, cds.NotChecked{Check: c, Reason: s.say(reason), Missing: append([]string{}, missing...)})
}

func addName(list []string, name string) []string {
	for _, n := range list {
		if n == name {
			return list
		}
	}
	return append(list, name)
}

// warn notes a warning, each code and summary once.
func (s *session) warn(w cds.Warning) {
	w.Summary = short(w.Summary)
	for _, old := range s.warnings {
		if old.Code == w.Code && old.Summary == w.Summary && old.OrderRef == w.OrderRef {
			return
		}
	}
	s.warnings = append(s.warnings, w)
}

// short keeps a summary under the 140 characters of a card.
func short(text string) string {
	r := []rune(text)
	if len(r) < 140 {
		return text
	}
	return strings.TrimRight(string(r[:138]), " ,;:") + "…"
}

// use notes that a plan took part.
func (s *session) use(p *knowledge.Plan) {
	for _, old := range s.used {
		if old == p {
			return
		}
	}
	s.used = append(s.used, p)
}

// pins names the artifacts that took part, and the tables by their version.
func (s *session) pins() []cds.Artifact {
	var out []cds.Artifact
	for _, p := range s.used {
		out = append(out, cds.Artifact{URL: p.URL, Version: p.Version})
	}
	for _, p := range s.Snapshot.Pack(content.PackSafety) {
		a := cds.Artifact{URL: p.URL, Version: p.Version}
		found := false
		for _, o := range out {
			found = found || o == a
		}
		if !found {
			out = append(out, a)
		}
	}
	if s.Tables.Formulary != nil {
		out = append(out, cds.Artifact{URL: content.Base + "/Library/formulary", Version: s.Tables.Formulary.Version()})
	}
	if s.Tables.Interactions != nil {
		out = append(out, cds.Artifact{URL: content.Base + "/Library/interactions", Version: s.Tables.Interactions.Version()})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].URL < out[j].URL })
	return out
}

// banner marks an answer that rests on example content.
func (s *session) banner() *string {
	if !slices.ContainsFunc(s.used, isExample) {
		return nil
	}
	text := s.t(content.BannerDE, content.BannerEN)
	return &text
}

// isExample tells regimens that nobody released.
func isExample(p *knowledge.Plan) bool {
	return p.Pack == content.PackRegimens && p.Example()
}

// generalGaps tells what is missing for checks on every option.
func (s *session) generalGaps() {
	if state, why := s.Chart.AllergyState(); state == facts.Unknown {
		s.gap(cds.Text{DE: "Allergien", EN: "allergies"}, orElse(why, cds.Text{DE: "keine Angabe", EN: "nothing stated"}), "allergies")
	}
	for _, a := range s.Chart.Allergies() {
		if a.Medication && !a.Recognised {
			s.gap(cds.Text{DE: "Allergie „" + a.Display + "“", EN: "allergy \"" + a.Display + "\""},
				cds.Text{DE: "Allergietext nicht erkannt: nicht geprüft", EN: "allergy text not recognised: not checked"}, "allergies")
		}
	}
	if state, why := s.Chart.MedicationState(); state == facts.Unknown {
		s.gap(cds.Text{DE: "Interaktionen", EN: "interactions"}, orElse(why, cds.Text{DE: "Medikation nicht bekannt", EN: "medication not known"}), "medications")
	} else {
		s.notes = append(s.notes, s.scopeOfInteractions())
	}
	for _, m := range s.Chart.Medications() {
		if !m.Recognised {
			s.gap(cds.Text{DE: "Interaktionen mit „" + m.Display + "“", EN: "interactions with \"" + m.Display + "\""},
				cds.Text{DE: "Wirkstoff nicht erkannt: nicht geprüft", EN: "substance not recognised: not checked"})
		}
	}
}

func orElse(t, fallback cds.Text) cds.Text {
	if t.IsZero() {
		return fallback
	}
	return t
}

package recommend

import (
	"fmt"
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
	"cdss/rag"
)

// judged is a candidate with everything that was found about it.
type judged struct {
	apply.Candidate
	order int // in the plan

	parts    []part
	excluded bool

	uncovering  bool // a part does not act on what the patient carries
	interacting bool // a part interacts with a medicine, though not so that it is excluded
	specialist  bool
	quinolone   bool
	again       bool              // a class that was taken within 90 days
	unverified  bool              // a renal dose that could not be checked in a weak kidney
	tested      stewardship.Truth // the patient's recent isolates were tested susceptible
	increased   bool              // they were, but need a high dose
	aware       string            // the broadest group among its substances
	local       int               // place by the hospital's antibiogram among equals, lower is better
	coverage    float64           // percent of the hospital's isolates it acts on
	isolates    int               // that coverage rests on; 0: the antibiogram decided nothing
}

// part is one substance of a candidate.
type part struct {
	action   *knowledge.Action
	sub      formulary.Substance
	findings []finding
	adjusted dose.Adjusted
	lines    []cds.Ingredient
}

// unverified tells that the renal dose could not be checked though it may matter.
func (p part) unverified() bool {
	return p.adjusted.Matters && (p.adjusted.Status == dose.NoBand || p.adjusted.Status == dose.NotChecked)
}

// judgeAll checks and doses every candidate.
func (s *session) judgeAll(candidates []apply.Candidate) []*judged {
	prior := s.prior()
	found := map[string][]finding{}
	var out []*judged
	for n, c := range candidates {
		j := &judged{Candidate: c, order: n, specialist: c.Action.Restricted}
		for _, a := range c.Ingredients {
			sub, ok := s.Tables.Formulary.Lookup(a.Regimen.ATC)
			if !ok {
				s.gap(cds.Text{DE: "Substanz " + a.Regimen.ATC, EN: "substance " + a.Regimen.ATC},
					cds.Text{DE: "nicht in der Substanzliste: nicht geprüft, nicht angeboten", EN: "not in the formulary: not checked, not offered"})
				j.excluded = true
				continue
			}
			key := sub.ATC + " " + a.Regimen.Route
			if _, done := found[key]; !done {
				found[key] = s.judge(subject{Substance: sub, route: a.Regimen.Route, listed: stewardship.Yes})
			}
			p := part{action: a, sub: sub, findings: found[key]}
			s.guarded(cds.Text{DE: "Dosis: " + sub.Name.DE, EN: "dose: " + sub.Name.EN}, func() { s.fit(&p, c) })
			j.excluded = j.excluded || len(p.lines) == 0 // no dose, no option
			j.take(p, prior)
			j.unverified = j.unverified || p.unverified() && s.weakKidney() == stewardship.Yes
		}
		s.cover(j)
		out = append(out, j)
	}
	s.changeClass(out, prior)
	return out
}

// cover judges the option as a whole against the patient's recent isolates.
func (s *session) cover(j *judged) {
	var atcs []string
	for _, p := range j.parts {
		atcs = append(atcs, p.sub.ATC)
	}
	j.tested = s.tested(atcs)
	j.increased = j.tested == stewardship.No && s.active(atcs, recent)
	if j.uncovering && !s.coversCarried(j) && !s.active(atcs, fresh) {
		j.excluded = true
	}
	if f, bad := s.uncovered(atcs); bad && len(j.parts) > 0 {
		j.excluded = true
		if j.idle() {
			return // said already, of the substance that was tested
		}
		first := &j.parts[0]
		first.findings = append(first.findings[:len(first.findings):len(first.findings)], f)
	}
}

// take adds a part and what it means for the whole option.
func (j *judged) take(p part, prior map[string]bool) {
	for _, f := range p.findings {
		switch {
		case f.outcome == exclude && f.cover:
			j.uncovering = true
		case f.outcome == exclude:
			j.excluded = true
		case f.outcome == specialist:
			j.specialist = true
		case f.outcome == warning && f.reason == "interaction":
			j.interacting = true
		}
	}
	if p.adjusted.Status == dose.Contraindicated {
		j.excluded = true
	}
	j.quinolone = j.quinolone || p.sub.Class == formulary.Fluoroquinolone
	j.again = j.again || prior[string(p.sub.Class)]
	if broader(p.sub.AWaRe, j.aware) {
		j.aware = p.sub.AWaRe
	}
	j.parts = append(j.parts, p)
}

var awareOrder = map[string]int{"": 0, "access": 1, "watch": 2, "reserve": 3}

func broader(a, b string) bool { return awareOrder[a] > awareOrder[b] }

// changeClass takes out fluoroquinolones after a fluoroquinolone within 90 days
// where something else is left: resistance is then likely. Other classes taken
// before are put behind.
func (s *session) changeClass(all []*judged, prior map[string]bool) {
	if !prior[string(formulary.Fluoroquinolone)] {
		return
	}
	left := false
	for _, j := range all {
		left = left || !j.excluded && !j.specialist && !j.quinolone
	}
	if !left {
		return
	}
	for _, j := range all {
		for i, p := range j.parts {
			if p.sub.Class != formulary.Fluoroquinolone {
				continue
			}
			j.excluded = true
			j.parts[i].findings = append(p.findings[:len(p.findings):len(p.findings)], finding{
				code: "prior-class", outcome: exclude, reason: "resistance", indicator: cds.WarningI,
				summary: cds.Text{DE: p.sub.Name.DE + ": Fluorchinolon in den letzten 90 Tagen", EN: p.sub.Name.EN + ": fluoroquinolone within the last 90 days"},
				detail: cds.Text{
					DE: "Nach einer Fluorchinolontherapie ist Resistenz wahrscheinlich; die Substanzklasse wechseln.",
					EN: "After a fluoroquinolone therapy resistance is likely; change the class.",
				},
				places: []rag.Locator{{Document: guideline, Page: 101, Section: "Therapie der sCAP", Terms: []string{"Fluorchinolon-Therapie"}}},
			})
		}
	}
}

// fit turns the regimen of a part into the one for this patient.
func (s *session) fit(p *part, c apply.Candidate) {
	line, high := s.raised(s.ingredient(p.action.Regimen, p.sub), p.findings)
	line = s.forLiver(line, p.sub)
	plan := dose.Plan{Severity: s.severity, StartedHours: s.started(p.sub.ATC)}
	if f := c.Population.FullDose; f != nil {
		plan.FullDoseHours = f.Hours
		plan.FullDoseSource = stewardship.Source{Document: f.Source.Document, Version: f.Source.Version, Page: f.Source.Page, Section: f.Source.Section}
	}
	p.adjusted = dose.Adjust(line, p.sub, s.Chart.Kidney(), plan, s.Lang)
	if high && p.adjusted.Status == dose.Reduced {
		p.findings = append(p.findings[:len(p.findings):len(p.findings)], held(p.sub))
	}
	weighed := true
	for _, phase := range p.adjusted.Phases {
		out, ok := dose.Weigh(phase, p.sub, s.Chart.Weights(), s.Lang)
		weighed = weighed && ok
		out.Text = dose.Line(out, s.Lang)
		if p.adjusted.Matters && p.adjusted.Status != dose.Reduced {
			out.Adjustments = append(out.Adjustments[:len(out.Adjustments):len(out.Adjustments)],
				cds.Adjustment{Kind: "renal", Text: s.say(p.adjusted.Reason)})
		}
		p.lines = append(p.lines, out)
	}
	if !weighed {
		p.findings = append(p.findings[:len(p.findings):len(p.findings)], finding{code: "weight-missing"})
	}
}

// started is how long the substance has been given already, in hours.
func (s *session) started(atc string) stewardship.Number {
	for _, m := range s.Chart.Medications() {
		if m.ATC == atc && m.Start.Known() {
			return stewardship.Exactly(s.Now.Sub(m.Start.Time).Hours())
		}
	}
	return stewardship.Number{}
}

// ingredient is a regimen as the answer holds it. Of a range of doses the upper
// end is taken in severe disease, else the lower; of glycopeptides always the lower,
// since they are raised by their level and harm the kidney above it.
func (s *session) ingredient(r *knowledge.Regimen, sub formulary.Substance) cds.Ingredient {
	i := cds.Ingredient{
		ATC: r.ATC, Name: s.say(sub.Name), Route: r.Route,
		Dose:      cds.Dose{Value: r.Dose, Unit: r.Unit},
		Frequency: cds.Frequency{Count: r.Count, Period: r.Period, PeriodUnit: r.PeriodUnit},
	}
	if s.severe() && r.DoseHigh > r.Dose && sub.Class != formulary.Glycopeptide {
		i.Dose.Value = r.DoseHigh
	}
	if r.CountHigh > r.Count {
		i.Frequency.CountMax = r.CountHigh
	}
	i = withinLabel(i, r, sub)
	if r.DurationLow > 0 {
		i.Duration = &cds.Duration{Low: r.DurationLow, Unit: r.DurationUnit}
		if r.DurationHigh > 0 {
			high := r.DurationHigh
			i.Duration.High = &high
		}
	}
	i.LoadingDose, i.Infusion, i.Schedule = s.optional(r.LoadingDose), s.optional(r.Infusion), s.optional(r.Schedule)
	return i
}

func (s *session) optional(t cds.Text) *string {
	if t.IsZero() {
		return nil
	}
	text := s.say(t)
	return &text
}

// render writes a judged candidate as an option.
func (s *session) render(j *judged, rank int, recommended bool) cds.Option {
	o := cds.Option{
		Rank: rank, Recommended: recommended, Specialist: j.specialist, Grade: j.Action.Grade,
		Definition: j.Plan.Canonical() + "#" + j.Action.ID,
	}
	if j.aware != "" {
		aware := j.aware
		o.AWaRe = &aware
	}
	var notes []string
	at := append([]rag.Locator{}, j.Population.Citations...)
	at = append(at, j.Action.Citations...)
	add := func(list *[]string, text string) {
		if text != "" {
			*list = addName(*list, text)
		}
	}
	add(&notes, s.say(j.Action.Description))
	add(&notes, s.say(j.Population.Description))
	for _, p := range j.parts {
		o.Ingredients = append(o.Ingredients, p.lines...)
		at = append(at, p.action.Citations...)
		if r := p.action.Regimen; r.DoseHigh > r.Dose {
			add(&notes, p.sub.Name.In(s.Lang)+": "+s.t("Dosisbereich der Quelle ", "dose range of the source ")+
				stewardship.Decimal(r.Dose, 3, s.Lang)+"–"+dose.Amount(r.DoseHigh, r.Unit, s.Lang))
		}
		if text, source, over := overLabel(p.action.Regimen, p.sub); over {
			add(&notes, s.say(text))
			at = append(at, source.Locator(p.sub.Name.DE))
		}
		if !p.adjusted.Source.IsZero() {
			at = append(at, p.adjusted.Source.Locator(p.sub.Name.DE))
		}
		if f := j.Population.FullDose; f != nil && len(p.lines) > 1 {
			at = append(at, f.Source)
		}
		for _, f := range p.findings {
			switch {
			case f.code == "weight-missing":
				s.gap(cds.Text{DE: "Dosis nach Gewicht: " + p.sub.Name.DE, EN: "dose by weight: " + p.sub.Name.EN},
					cds.Text{DE: "Gewicht fehlt", EN: "weight is missing"}, "weight")
			case f.code == "allergy":
				add(&notes, prose(s.say(f.summary), s.say(f.detail)))
				at = append(at, f.places...)
			case f.reason == "interaction":
				add(&o.Interactions, prose(s.say(f.summary), s.say(f.detail)))
				at = append(at, f.places...)
			case f.outcome >= warning:
				add(&notes, prose(s.say(f.summary), s.say(f.detail)))
				at = append(at, f.places...)
			}
		}
		for _, n := range p.sub.Monitoring {
			add(&o.Monitoring, s.say(n.Text))
		}
		for _, n := range p.sub.SideEffects {
			add(&o.SideEffects, s.say(n.Text))
		}
		for _, n := range p.sub.Administration {
			add(&o.Monitoring, s.say(n.Text))
		}
		for _, n := range p.sub.Hepatic {
			add(&o.Monitoring, s.say(n.Text))
		}
		for _, n := range p.sub.Restrictions {
			add(&notes, s.say(n.Text))
			at = append(at, n.Source.Locator())
		}
		if t := s.say(p.sub.Pregnancy.Text); t != "" && s.Chart.Truth("pregnancy") != stewardship.No && s.mayBePregnant() {
			o.Pregnancy = prose(o.Pregnancy, p.sub.Name.In(s.Lang)+": "+t)
		}
		s.renal(p)
		s.qtGap(interaction.Medicine{ATC: p.sub.ATC, Name: p.sub.Name, Route: p.action.Regimen.Route})
	}
	o.Notes = prose(notes...)
	o.Deescalation = prose(s.say(j.Population.Deescalation), s.ends(j))
	o.Why = s.why(j)
	o.Citations = s.cites(at...)
	return o
}

// weakKidney tells whether renal function is low enough that a dose without a
// cited band is a worry: below 60 mL/min, dialysis, or an unstable creatinine.
func (s *session) weakKidney() stewardship.Truth {
	k := s.Chart.Kidney()
	low := k.Clearance.Below(60)
	if low == stewardship.Unknown {
		low = k.EGFR.Below(60)
	}
	return low.Or(stewardship.Of(k.Dialysis == stewardship.Yes || k.Unstable == stewardship.Yes))
}

// renal tells that a renal dose was changed, or was not checked and what it lacks.
func (s *session) renal(p part) {
	s.roughly(p.sub, p.adjusted.Matters)
	switch p.adjusted.Status {
	case dose.Reduced:
		var lines []string
		for _, l := range p.lines {
			lines = append(lines, l.Text)
		}
		s.warn(cds.Warning{
			Code: "renal-adjusted", Indicator: cds.Info,
			Summary:   s.t("Dosis an die Nierenfunktion angepasst: ", "Dose adjusted to renal function: ") + s.say(p.sub.Name),
			Detail:    prose(strings.Join(lines, s.t("; danach ", "; then ")), s.say(p.adjusted.Reason)),
			Citations: s.cites(places([]stewardship.Source{p.adjusted.Source}, p.sub.Name.DE)...),
		})
	case dose.NoBand, dose.NotChecked:
		if !p.adjusted.Matters {
			return
		}
		s.gap(cds.Text{DE: "Nierendosis: " + p.sub.Name.DE, EN: "renal dose: " + p.sub.Name.EN}, p.adjusted.Reason, p.adjusted.Missing...)
	case dose.UnstableKidney:
		s.warn(cds.Warning{
			Code: "unstable-creatinine", Indicator: cds.WarningI,
			Summary: s.t("Kreatinin instabil: keine automatische Dosisreduktion", "Creatinine unstable: no automatic dose reduction"),
			Detail:  s.say(p.adjusted.Reason),
		})
	}
}

// roughly tells that renal doses rest on the eGFR because what the clearance needs
// is missing.
func (s *session) roughly(sub formulary.Substance, matters bool) {
	k := s.Chart.Kidney()
	if !matters || k.Clearance.Known || !k.EGFR.Known || k.Dialysis == stewardship.Yes || len(sub.Renal) == 0 {
		return
	}
	s.gap(cds.Text{DE: "Kreatinin-Clearance", EN: "creatinine clearance"}, cds.Text{
		DE: "nicht berechenbar; Nierendosen nach eGFR, die bei kleinen und sehr großen Patienten abweicht",
		EN: "cannot be computed; renal doses by eGFR, which differs in small and very large patients",
	}, s.Chart.Fact("creatinine-clearance-cockcroft-gault").Missing...)
}

// why tells why an option stands where it stands.
func (s *session) why(j *judged) string {
	parts := []string{s.t("Für: ", "For: ") + s.say(j.Population.Title)}
	switch {
	case j.Action.Line == 1:
		parts = append(parts, s.t("erste Wahl der Quelle", "first choice of the source"))
	case j.Action.Line > 1:
		parts = append(parts, fmt.Sprintf(s.t("Alternative der Quelle (Reihe %d)", "alternative of the source (line %d)"), j.Action.Line))
	}
	if j.Action.Grade != "" {
		parts = append(parts, s.t("Empfehlungsgrad ", "grade ")+j.Action.Grade)
	}
	for _, house := range j.Action.House {
		parts = append(parts, s.say(house))
	}
	if len(j.Assumed) > 0 {
		parts = append(parts, s.t("nicht alle Auswahlkriterien bekannt", "not all criteria of choice are known"))
	}
	if j.specialist {
		parts = append(parts, s.t("nur nach fachärztlicher Entscheidung, daher zuletzt", "only after a specialist decision, hence last"))
	}
	if j.again {
		parts = append(parts, s.t("Substanzklasse in den letzten 90 Tagen gegeben, daher nachgestellt", "class given within the last 90 days, hence put behind"))
	}
	if j.tested == stewardship.Yes {
		parts = append(parts, s.t("eigener Erregernachweis empfindlich getestet", "own isolate tested susceptible"))
	}
	if j.increased {
		parts = append(parts, s.t("eigener Erregernachweis empfindlich bei hoher Dosis (I)", "own isolate susceptible at a high dose (I)"))
	}
	if j.unverified {
		parts = append(parts, s.t("Nierendosis ohne Quelle, daher hinter Gleichwertigem", "renal dose without a source, hence behind equals"))
	}
	if s.behind(j) {
		parts = append(parts, s.t("Fluorchinolon: wegen der EMA-Einschränkungen nachgestellt", "fluoroquinolone: put behind because of the EMA restrictions"))
	}
	if j.isolates > 0 {
		parts = append(parts, fmt.Sprintf(s.t("lokales Antibiogramm (%s): %s %% empfindlich, %d Isolate", "local antibiogram (%s): %s %% susceptible, %d isolates"),
			s.Tables.Antibiogram.Name(), stewardship.Decimal(j.coverage, 0, s.Lang), j.isolates))
	}
	if j.aware != "" && s.severity != "septic" {
		parts = append(parts, "AWaRe: "+j.aware)
	}
	for _, p := range j.parts {
		if p.adjusted.Status == dose.Reduced {
			parts = append(parts, p.sub.Name.In(s.Lang)+": "+strings.TrimSuffix(s.say(p.adjusted.Reason), "."))
		}
	}
	return prose(strings.Join(parts, "; "))
}

// prose joins texts as sentences: each ends with one mark.
func prose(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if !strings.ContainsAny(p[len(p)-1:], ".!?") {
			p += "."
		}
		out = append(out, p)
	}
	return strings.Join(out, " ")
}

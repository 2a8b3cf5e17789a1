package recommend

import (
	"strings"
	"unicode/utf8"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
	"cdss/rag"
)

// outcome grades a finding about a substance.
type outcome int

const (
	note       outcome = iota // to be known, no more
	warning                   // may be given; must be seen
	specialist                // only after a specialist decided
	exclude                   // not offered
)

// finding is what a check says about one substance.
type finding struct {
	code      string // stable
	cover     bool   // what a partner in the same option makes up for
	outcome   outcome
	reason    string // reason of an exclusion
	indicator cds.Indicator
	summary   cds.Text // names the substance
	detail    cds.Text
	with      cds.Text          // of an interaction: the other medicines
	kind      string            // of an interaction
	high      *formulary.Amount // the dose that is needed for it to act
	places    []rag.Locator
}

// subject is the substance that is judged, as it would be given.
type subject struct {
	formulary.Substance
	route     string
	reference string // of a draft order, "" for an option
	listed    stewardship.Truth
}

// judge makes every check of a substance that needs no dose. A check that breaks
// is told as not made, and the others go on.
func (s *session) judge(x subject) []finding {
	var out []finding
	for _, check := range []struct {
		name cds.Text
		run  func(subject) []finding
	}{
		{cds.Text{DE: "Allergien", EN: "allergies"}, s.allergies},
		{cds.Text{DE: "Schwangerschaft", EN: "pregnancy"}, s.pregnancy},
		{cds.Text{DE: "Stillzeit", EN: "breast-feeding"}, s.lactation},
		{cds.Text{DE: "Leberfunktion", EN: "hepatic function"}, s.liver},
		{cds.Text{DE: "Alter", EN: "age"}, s.ages},
		{cds.Text{DE: "Interaktionen", EN: "interactions"}, s.interactions},
		{cds.Text{DE: "Resistenz", EN: "resistance"}, s.resistance},
		{cds.Text{DE: "Sicherheitsregeln", EN: "safety rules"}, s.rules},
	} {
		s.guarded(cds.Text{DE: check.name.DE + ": " + x.Name.DE, EN: check.name.EN + ": " + x.Name.EN}, func() {
			out = append(out, check.run(x)...)
		})
	}
	return out
}

// guarded runs a check and tells as not checked what breaks.
func (s *session) guarded(name cds.Text, run func()) {
	defer func() {
		if recover() != nil {
			s.gap(name, cds.Text{DE: "Prüfung ist fehlgeschlagen", EN: "the check failed"})
		}
	}()
	run()
}

// allergies judges the records that were recognised.
func (s *session) allergies(x subject) []finding {
	if s.Tables.Allergy == nil {
		s.gap(cds.Text{DE: "Allergien", EN: "allergies"}, cds.Text{DE: "Regelwerk nicht geladen", EN: "rules not loaded"})
		return nil
	}
	v := s.Tables.Allergy.Check(s.Chart.Allergies(), x.Substance)
	f := finding{code: "allergy", reason: "allergy", detail: v.Reason, places: places(v.Sources)}
	switch v.Outcome {
	case allergy.OK:
		return nil
	case allergy.Warn:
		f.outcome, f.indicator = warning, cds.Info
		f.summary = cds.Text{DE: x.Name.DE + ": Allergieeintrag beachten", EN: x.Name.EN + ": mind the allergy record"}
	case allergy.Specialist:
		f.outcome, f.indicator = specialist, cds.WarningI
		f.summary = cds.Text{
			DE: x.Name.DE + ": wegen " + recorded(v, cds.DE) + " nur nach fachärztlicher Entscheidung",
			EN: x.Name.EN + ": because of " + recorded(v, cds.EN) + " only after a specialist decision",
		}
	case allergy.Excluded:
		f.outcome, f.indicator = exclude, cds.Critical
		f.summary = cds.Text{
			DE: x.Name.DE + " ist kontraindiziert: " + recorded(v, cds.DE),
			EN: x.Name.EN + " is contraindicated: " + recorded(v, cds.EN),
		}
	}
	if v.Clarify {
		f.detail = join(f.detail, cds.Text{
			DE: "Art der Reaktion unbekannt: klären (z. B. PEN-FAST).",
			EN: "Kind of reaction unknown: clarify it (for example PEN-FAST).",
		})
	}
	return []finding{f}
}

// recorded names the allergy a verdict rests on: "Penicillin allergy (anaphylaxis)".
func recorded(v allergy.Verdict, lang cds.Lang) string {
	if len(v.Records) == 0 {
		return cds.Text{DE: "dokumentierte Allergie", EN: "documented allergy"}.In(lang)
	}
	return named(v.Records[0], lang)
}

// named writes an allergy as its culprit and the kind of reaction.
func named(r allergy.Record, lang cds.Lang) string {
	what := culprit(r).In(lang)
	kind := map[allergy.Mechanism]cds.Text{
		allergy.ImmediateSevere:  {DE: "Anaphylaxie/Soforttyp", EN: "anaphylaxis/immediate"},
		allergy.DelayedSevere:    {DE: "schwere Spätreaktion", EN: "severe delayed reaction"},
		allergy.Mild:             {DE: "leichte Reaktion", EN: "mild reaction"},
		allergy.Intolerance:      {DE: "Unverträglichkeit", EN: "intolerance"},
		allergy.UnknownMechanism: {DE: "Reaktion unbekannt", EN: "reaction unknown"},
	}[r.Mechanism].In(lang)
	if r.Mechanism == allergy.Intolerance {
		return cds.Text{DE: what + ": Unverträglichkeit", EN: what + ": intolerance"}.In(lang)
	}
	return cds.Text{DE: "Allergie gegen " + what + " (" + kind + ")", EN: "allergy to " + what + " (" + kind + ")"}.In(lang)
}

// culprit names the group of an allergy by its codes, else as it was recorded.
func culprit(r allergy.Record) cds.Text {
	groups := []struct {
		prefix string
		name   cds.Text
	}{
		{"J01C", cds.Text{DE: "Penicillin", EN: "penicillin"}},
		{"J01DH", cds.Text{DE: "Carbapeneme", EN: "carbapenems"}},
		{"J01DF", cds.Text{DE: "Aztreonam", EN: "aztreonam"}},
		{"J01D", cds.Text{DE: "Cephalosporine", EN: "cephalosporins"}},
	}
	for _, g := range groups {
		all := len(r.ATC) > 0
		for _, code := range r.ATC {
			all = all && strings.HasPrefix(code, g.prefix)
		}
		if !all {
			continue
		}
		if r.Display == "" || strings.Contains(strings.ToLower(r.Display), strings.ToLower(g.name.EN[:utf8.RuneCountInString(g.name.EN)-1])) {
			return g.name
		}
		return cds.Text{DE: g.name.DE + " – „" + r.Display + "“", EN: g.name.EN + " – \"" + r.Display + "\""}
	}
	return cds.Text{DE: r.Display, EN: r.Display}
}

// pregnancy judges what is cited for pregnancy, and tells when it is not known.
func (s *session) pregnancy(x subject) []finding {
	verdict := x.Pregnancy.Verdict
	switch s.Chart.Truth("pregnancy") {
	case stewardship.No:
		return nil
	case stewardship.Unknown:
		if s.mayBePregnant() && verdict != formulary.Usable {
			s.gap(cds.Text{DE: "Schwangerschaft", EN: "pregnancy"},
				cds.Text{DE: "Status nicht bekannt (Alter 12–50); ob die Patientin stillt, ist ebenfalls zu klären", EN: "status not known (age 12-50); whether the patient breast-feeds is to be clarified too"}, "pregnancy")
		}
		return nil
	}
	f := finding{code: "pregnancy", reason: "pregnancy", detail: x.Pregnancy.Text, places: places([]stewardship.Source{x.Pregnancy.Source})}
	switch verdict {
	case formulary.Usable:
		return nil
	case formulary.NotCited:
		s.gap(cds.Text{DE: "Schwangerschaft: " + x.Name.DE, EN: "pregnancy: " + x.Name.EN},
			cds.Text{DE: "keine Angabe mit Quelle hinterlegt", EN: "nothing cited is held"})
		return nil
	case formulary.Caution:
		f.outcome, f.indicator = warning, cds.Info
		f.summary = cds.Text{DE: x.Name.DE + " in der Schwangerschaft nur nach Abwägung", EN: x.Name.EN + " in pregnancy only after weighing"}
	case formulary.Avoid:
		f.outcome, f.indicator = exclude, cds.WarningI
		f.summary = cds.Text{DE: x.Name.DE + " in der Schwangerschaft vermeiden", EN: "Avoid " + x.Name.EN + " in pregnancy"}
	case formulary.Contraindicated:
		f.outcome, f.indicator = exclude, cds.Critical
		f.summary = cds.Text{DE: x.Name.DE + " ist in der Schwangerschaft kontraindiziert", EN: x.Name.EN + " is contraindicated in pregnancy"}
	}
	return []finding{f}
}

// mayBePregnant is a woman of 12 to 50 years, or one whose age or sex is unknown.
func (s *session) mayBePregnant() bool {
	sex := s.Chart.Fact("sex")
	if v, ok := sex.Value.(string); ok && v == "male" {
		return false
	}
	return s.age.AtLeast(12) != stewardship.No && s.age.Above(50) != stewardship.Yes
}

// ages judges limits of age.
func (s *session) ages(x subject) []finding {
	var out []finding
	for _, limit := range x.Age {
		if s.age.Below(limit.Years) != stewardship.Yes {
			continue
		}
		f := finding{
			code: "age", reason: "age", outcome: exclude, indicator: cds.WarningI,
			summary: stewardship.Both(func(l cds.Lang) string {
				return x.Name.In(l) + cds.Text{DE: " unter ", EN: " below "}.In(l) + stewardship.Decimal(limit.Years, 1, l) +
					cds.Text{DE: " Jahren nicht anwenden", EN: " years: not to be used"}.In(l)
			}),
			detail: limit.Text, places: places([]stewardship.Source{limit.Source}),
		}
		switch limit.Verdict {
		case formulary.Contraindicated:
			f.indicator = cds.Critical
		case formulary.Caution:
			f.outcome = warning
		}
		out = append(out, f)
	}
	return out
}

// interactions judges the named list.
func (s *session) interactions(x subject) []finding {
	if s.Tables.Interactions == nil {
		s.gap(cds.Text{DE: "Interaktionen", EN: "interactions"}, cds.Text{DE: "Liste nicht geladen", EN: "list not loaded"})
		return nil
	}
	var out []finding
	me := interaction.Medicine{ATC: x.ATC, Name: x.Name, Reference: x.reference, Route: x.route}
	meds := s.meds
	if x.reference == "" {
		meds = s.kept
	}
	for _, i := range s.Tables.Interactions.Check(me, meds, s.patient) {
		f := finding{
			code: "interaction-" + i.ID, reason: "interaction", outcome: warning, indicator: i.Indicator,
			detail: join(i.Effect, i.Advice), places: append(places([]stewardship.Source{i.Source}), mechanism(i.Kind)...),
		}
		with := stewardship.Both(func(l cds.Lang) string { return partners(i.With, l) })
		f.with, f.kind = with, i.Kind
		f.summary = cds.Text{DE: x.Name.DE + " und " + with.DE + ": Interaktion", EN: x.Name.EN + " and " + with.EN + ": interaction"}
		switch {
		case i.Exclude:
			f.outcome = exclude
			f.summary = cds.Text{DE: x.Name.DE + " und " + with.DE + ": nicht zusammen geben", EN: x.Name.EN + " and " + with.EN + ": do not give together"}
			if i.Indicator == cds.Critical {
				f.summary = cds.Text{DE: x.Name.DE + " ist mit " + with.DE + " kontraindiziert", EN: x.Name.EN + " is contraindicated with " + with.EN}
			}
		case i.Indicator == cds.Info:
			f.outcome = note
		}
		out = append(out, f)
	}
	return out
}

// qtGap tells, for a substance that prolongs the QT interval, that nobody knows how
// long it is.
func (s *session) qtGap(me interaction.Medicine) {
	if s.Tables.Interactions == nil {
		return // told already
	}
	if s.Tables.Interactions.ProlongsQT(me) && !s.patient.QTc.Known {
		s.gap(cds.Text{DE: "QTc-Zeit", EN: "QTc interval"}, cds.Text{
			DE: "nicht bekannt; Mittel, die sie verlängern, sind nicht dagegen geprüft",
			EN: "not known; drugs that prolong it are not checked against it",
		}, "qtc")
	}
}

func partners(list []interaction.Medicine, lang cds.Lang) string {
	var names []string
	for _, m := range list {
		names = addName(names, m.Name.In(lang))
	}
	return strings.Join(names, ", ")
}

// mechanism gives the guideline's page on the mechanism of an interaction.
func mechanism(kind string) []rag.Locator {
	at := func(page int, section string, terms ...string) []rag.Locator {
		return []rag.Locator{{Document: guideline, Page: page, Section: section, Terms: terms}}
	}
	switch kind {
	case "cyp1a2":
		return at(78, "Fluorchinolone", "Ciprofloxacin", "Cytochrom P450-1A2")
	case "cyp3a4":
		return at(78, "Makrolide, Azalide", "Clarithromycin", "CYP3A")
	case "valproate":
		return at(76, "Beta-Lactam-Antibiotika", "Valproinsäure", "Carbapenem")
	case "serotonin":
		return at(80, "Oxazolidinone", "Linezolid", "Serotonin")
	case "myopathy":
		return at(79, "Daptomycin", "CPK", "Myopathie")
	}
	return nil
}

// rules applies the safety rules of the active pack.
func (s *session) rules(x subject) []finding {
	var out []finding
	kind := "options"
	if x.reference != "" {
		kind = "orders"
	}
	for _, p := range s.Snapshot.Pack(content.PackSafety) {
		for _, a := range p.Actions {
			if a.Role != content.RoleRule || a.Applies != kind && a.Applies != "both" || !concerns(a, x) {
				continue
			}
			scope := s.scope.With("listed", x.listed == stewardship.Yes, x.listed != stewardship.Unknown)
			v := scope.Decide(p, a)
			s.use(p)
			switch v.Outcome {
			case apply.Holds, apply.Assumed:
				out = append(out, s.ruled(a, x))
			case apply.Open:
				s.openRule(a, x, v)
			}
		}
	}
	return out
}

// concerns tells whether a rule is about a substance and its route.
func concerns(a *knowledge.Action, x subject) bool {
	if a.Route != "" && x.route != "" && a.Route != x.route {
		return false
	}
	hit := false
	for _, code := range a.Substances {
		if out, not := strings.CutPrefix(code, "-"); not {
			if strings.HasPrefix(x.ATC, out) {
				return false
			}
			continue
		}
		hit = hit || strings.HasPrefix(x.ATC, code)
	}
	return hit
}

func (s *session) ruled(a *knowledge.Action, x subject) finding {
	f := finding{
		code: a.ID, reason: a.Reason, indicator: a.Indicator, detail: a.Description, places: a.Citations,
		summary: cds.Text{DE: strings.ReplaceAll(a.Title.DE, "{substance}", x.Name.DE), EN: strings.ReplaceAll(a.Title.EN, "{substance}", x.Name.EN)},
	}
	switch a.Effect {
	case "exclude":
		f.outcome = exclude
		f.cover = a.Reason == "resistance" && x.reference == ""
	case "specialist":
		f.outcome = specialist
	default:
		f.outcome = warning
	}
	return f
}

// openRule tells a rule that could not be decided.
func (s *session) openRule(a *knowledge.Action, x subject, v apply.Verdict) {
	var missing, names []string
	for _, g := range v.Missing {
		if g.Fact == "listed" { // whether the plan lists it, which needs an indication and a choice
			g = apply.Gap{Fact: "indication", Display: facts.Display("indication")}
		}
		missing, names = addName(missing, g.Fact), addName(names, s.say(g.Display))
	}
	if len(missing) == 0 {
		return
	}
	check := cds.Text{
		DE: strings.ReplaceAll(a.Title.DE, "{substance}", x.Name.DE), EN: strings.ReplaceAll(a.Title.EN, "{substance}", x.Name.EN),
	}
	switch {
	case a.Reason == "restricted":
		check = cds.Text{DE: "Ob ein schmaleres Mittel als " + x.Name.DE + " genügt", EN: "whether a narrower drug than " + x.Name.EN + " is enough"}
	case a.Reason == "resistance": // said once for all substances
		check = cds.Text{DE: "Besiedlung mit multiresistenten Erregern", EN: "colonisation by multiresistant organisms"}
	case len(missing) == 1 && missing[0] == "conditions": // said once for all substances and diseases
		s.gap(cds.Text{DE: "Gegenanzeigen durch Vorerkrankungen", EN: "contraindications by other diseases"}, cds.Text{
			DE: "Diagnosen nicht bekannt; nicht geprüft sind unter anderem Aortenaneurysma, Long-QT-Syndrom, Myasthenia gravis und Epilepsie",
			EN: "diagnoses not known; not checked are, among others, aortic aneurysm, long QT syndrome, myasthenia gravis and epilepsy",
		}, missing...)
		return
	}
	s.gap(check, cds.Text{DE: "nicht bekannt: " + strings.Join(names, ", "), EN: "not known: " + strings.Join(names, ", ")}, missing...)
}

// join puts two texts after each other.
func join(a, b cds.Text) cds.Text {
	glue := func(x, y string) string {
		x, y = strings.TrimSpace(x), strings.TrimSpace(y)
		if x == "" || y == "" {
			return x + y
		}
		return x + " " + y
	}
	return cds.Text{DE: glue(a.DE, b.DE), EN: glue(a.EN, b.EN)}
}

package recommend

import (
	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
)

// liver judges what is cited for impaired liver function: by the Child-Pugh class,
// or for the classes it may still be where components are missing.
func (s *session) liver(x subject) []finding {
	mild, worst := s.liverClasses()
	if worst == "" {
		if s.Chart.Truth("liver-disease") == stewardship.Unknown && s.forbiddenInLiver(x.Substance) {
			s.gap(cds.Text{DE: "Leberfunktion", EN: "hepatic function"}, cds.Text{
				DE: "Diagnosen nicht bekannt; Gegenanzeigen bei schwerer Lebererkrankung sind nicht geprüft",
				EN: "diagnoses not known; contraindications in severe liver disease are not checked",
			}, "conditions")
		}
		return nil
	}
	advice, cited := x.InLiver(mild)
	might, _ := x.InLiver(worst)
	name := cds.Text{DE: "Leberdosis: " + x.Name.DE, EN: "hepatic dose: " + x.Name.EN}
	switch {
	case !cited:
		s.gap(name, cds.Text{
			DE: "keine Angabe mit Quelle zur eingeschränkten Leberfunktion hinterlegt", EN: "nothing cited is held for impaired hepatic function",
		})
		return nil
	case might.Class != advice.Class:
		s.gap(name, cds.Text{
			DE: "Child-Pugh-Klasse offen (" + mild + "–" + worst + "); ab Klasse " + might.Class + " gilt: " + might.Text.DE,
			EN: "Child-Pugh class open (" + mild + "–" + worst + "); from class " + might.Class + " on: " + might.Text.EN,
		}, s.Chart.Fact("child-pugh").Missing...)
	}
	f := finding{code: "hepatic", reason: "hepatic", detail: advice.Text, places: places([]stewardship.Source{advice.Source}, x.Name.DE)}
	in := cds.Text{DE: " bei eingeschränkter Leberfunktion", EN: " in impaired hepatic function"}
	if mild == worst {
		in = cds.Text{DE: " bei Child-Pugh " + mild, EN: " in Child-Pugh " + mild}
	}
	switch advice.Verdict {
	case formulary.Usable:
		return nil
	case formulary.Caution:
		f.outcome, f.indicator = warning, cds.Info
		if advice.Class == "C" || advice.Dose.Dose > 0 {
			f.indicator = cds.WarningI
		}
		f.summary = cds.Text{DE: x.Name.DE + in.DE + ": Angaben der Fachinformation beachten", EN: x.Name.EN + in.EN + ": mind the label"}
	case formulary.Avoid:
		f.outcome, f.indicator = exclude, cds.WarningI
		f.summary = cds.Text{DE: x.Name.DE + in.DE + " vermeiden", EN: "Avoid " + x.Name.EN + in.EN}
	case formulary.Contraindicated:
		f.outcome, f.indicator = exclude, cds.Critical
		f.summary = cds.Text{DE: x.Name.DE + " ist" + in.DE + " kontraindiziert", EN: x.Name.EN + " is contraindicated" + in.EN}
	}
	return []finding{f}
}

// liverClasses gives the mildest and the worst Child-Pugh class that the patient may
// have, both "" without a liver disease.
func (s *session) liverClasses() (mild, worst string) {
	if s.Chart.Truth("liver-disease") != stewardship.Yes {
		return "", ""
	}
	if class, ok := s.Chart.Fact("child-pugh-class").Value.(string); ok {
		return class, class
	}
	class := func(points float64) string {
		switch {
		case points <= 6:
			return "A"
		case points <= 9:
			return "B"
		}
		return "C"
	}
	if n := s.Chart.Number("child-pugh"); n.Known {
		return class(n.Low), class(n.High)
	}
	return "A", "C"
}

func (s *session) forbiddenInLiver(sub formulary.Substance) bool {
	for _, a := range sub.Liver {
		if a.Verdict == formulary.Contraindicated || a.Verdict == formulary.Avoid || a.Dose.Dose > 0 {
			return true
		}
	}
	return false
}

// forLiver lowers a maintenance dose to the one a label names for the patient's
// class. Loading doses stay, and no dose is raised.
func (s *session) forLiver(i cds.Ingredient, sub formulary.Substance) cds.Ingredient {
	mild, _ := s.liverClasses()
	if mild == "" {
		return i
	}
	advice, ok := sub.InLiver(mild)
	if !ok || advice.Dose.Dose <= 0 {
		return i
	}
	lower := amountOf(advice.Dose, i.Route)
	want, okWant := milligrams(lower)
	have, okHave := milligrams(i)
	if !okWant || !okHave || have <= want {
		return i
	}
	i.Dose, i.Frequency = lower.Dose, lower.Frequency
	i.Adjustments = append(i.Adjustments[:len(i.Adjustments):len(i.Adjustments)], cds.Adjustment{
		Kind: "hepatic", Basis: "Child-Pugh " + mild, Text: s.say(advice.Text),
	})
	return i
}

// tooMuchForLiver objects to an order above the dose that a label names for the
// patient's class.
func (r *reviewer) tooMuchForLiver(o facts.Order, sub formulary.Substance) {
	if o.Regimen == nil {
		return
	}
	ordered := *o.Regimen
	right := r.forLiver(ordered, sub)
	if right.Dose.Value == ordered.Dose.Value && right.Frequency == ordered.Frequency || o.Hours.Below(graceHours) == stewardship.Yes {
		return
	}
	mild, _ := r.liverClasses()
	advice, _ := sub.InLiver(mild)
	detail := stewardship.Both(func(l cds.Lang) string {
		line := right
		line.Name, line.Duration = sub.Name.In(l), nil
		return prose(advice.Text.In(l), cds.Text{DE: "Angepasst: ", EN: "Adjusted: "}.In(l)+dose.Line(line, l))
	})
	r.warnOrder(o, "hepatic-dose", cds.WarningI,
		cds.Text{DE: sub.Name.DE + ": Dosis zu hoch für die Leberfunktion (Child-Pugh " + mild + ")", EN: sub.Name.EN + ": dose too high for hepatic function (Child-Pugh " + mild + ")"},
		detail, r.cites(places([]stewardship.Source{advice.Source}, sub.Name.DE)...), []cds.Fix{r.correct(o, sub, right)})
}

// lactation judges what is cited for breast-feeding.
func (s *session) lactation(x subject) []finding {
	if s.Chart.Truth("lactation") != stewardship.Yes {
		return nil
	}
	f := finding{code: "lactation", reason: "pregnancy", detail: x.Lactation.Text, places: places([]stewardship.Source{x.Lactation.Source})}
	switch x.Lactation.Verdict {
	case formulary.Usable:
		return nil
	case formulary.NotCited:
		s.gap(cds.Text{DE: "Stillzeit: " + x.Name.DE, EN: "breast-feeding: " + x.Name.EN},
			cds.Text{DE: "keine Angabe mit Quelle hinterlegt", EN: "nothing cited is held"})
		return nil
	case formulary.Caution:
		f.outcome, f.indicator = warning, cds.Info
		f.summary = cds.Text{DE: x.Name.DE + " in der Stillzeit nur nach Abwägung", EN: x.Name.EN + " while breast-feeding only after weighing"}
	case formulary.Avoid:
		f.outcome, f.indicator = exclude, cds.WarningI
		f.summary = cds.Text{DE: x.Name.DE + " in der Stillzeit vermeiden", EN: "Avoid " + x.Name.EN + " while breast-feeding"}
	case formulary.Contraindicated:
		f.outcome, f.indicator = exclude, cds.Critical
		f.summary = cds.Text{DE: x.Name.DE + " ist in der Stillzeit kontraindiziert", EN: x.Name.EN + " is contraindicated while breast-feeding"}
	}
	return []finding{f}
}

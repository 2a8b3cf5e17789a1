package recommend

import (
	"math"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/microbiology"
)

// increased is the finding of an isolate "I" by EUCAST: the substance is as good as
// a susceptible one at the dose for which the breakpoint holds. Where none is
// cited, a specialist decides.
func increased(x subject, i microbiology.Isolate) finding {
	name := organism(i)
	f := finding{
		code: "increased-exposure", reason: "resistance", outcome: specialist, indicator: cds.WarningI,
		summary: cds.Text{DE: x.Name.DE + ": nur mit erhöhter Exposition wirksam (I)", EN: x.Name.EN + ": active only with increased exposure (I)"},
		detail: cds.Text{
			DE: name.DE + " vom " + dayDE(i) + " ist „I“ nach EUCAST: empfindlich bei erhöhter Exposition.",
			EN: name.EN + " of " + dayEN(i) + " is \"I\" by EUCAST: susceptible, increased exposure.",
		},
	}
	high, cited := formulary.By(x.HighDoses, x.route)
	if !cited {
		f.detail = join(f.detail, cds.Text{
			DE: "Für diesen Weg ist keine Hochdosis mit Quelle hinterlegt.", EN: "No cited high dose is held for this route.",
		})
		return f
	}
	f.outcome, f.high, f.places = warning, &high, places([]stewardship.Source{high.Source}, x.Name.DE)
	f.detail = join(f.detail, stewardship.Both(func(l cds.Lang) string {
		text := cds.Text{DE: "Hochdosis: ", EN: "High dose: "}.In(l) + dose.Line(amountOf(high, x.route), l)
		if note := high.Text.In(l); note != "" {
			text += ", " + note
		}
		return prose(text)
	}))
	return f
}

// amountOf writes an amount as a regimen without a name.
func amountOf(a formulary.Amount, route string) cds.Ingredient {
	return cds.Ingredient{
		Route: route, Dose: cds.Dose{Value: a.Dose, Unit: a.Unit},
		Frequency: cds.Frequency{Count: a.Count, Period: 1, PeriodUnit: "d"},
	}
}

// raised gives the regimen at the dose that the findings of a part ask for, where
// that is more than the plan states.
func (s *session) raised(line cds.Ingredient, findings []finding) (cds.Ingredient, bool) {
	for _, f := range findings {
		if f.high == nil {
			continue
		}
		high := amountOf(*f.high, line.Route)
		want, _ := milligrams(high)
		if have, ok := milligrams(line); !ok || have >= want {
			continue
		}
		line.Dose, line.Frequency = high.Dose, high.Frequency
		return line, true
	}
	return line, false
}

// held tells that the kidney keeps a part from the high dose it needs.
func held(sub formulary.Substance) finding {
	return finding{
		code: "increased-exposure", reason: "resistance", outcome: specialist, indicator: cds.WarningI,
		summary: cds.Text{DE: sub.Name.DE + ": Hochdosis für „I“ bei dieser Nierenfunktion nicht hinterlegt", EN: sub.Name.EN + ": no high dose for \"I\" held for this renal function"},
		detail:  cds.Text{DE: "Exposition fachärztlich festlegen, möglichst mit Spiegelkontrolle.", EN: "A specialist has to set the exposure, if possible with drug levels."},
	}
}

// reaches tells whether an order has the high dose that a finding asks for.
func (r *reviewer) reaches(o facts.Order, sub formulary.Substance, f finding) bool {
	if o.Regimen == nil {
		return false
	}
	have, ok := r.daily(*o.Regimen, sub)
	want, _ := milligrams(amountOf(*f.high, o.Route))
	return ok && have >= want
}

// limit is what a label allows an adult by a route, in milligrams; 0 where nothing
// is held.
type limit struct {
	day, once       float64
	perDay, perDose formulary.Amount
}

func limits(sub formulary.Substance, route string) limit {
	var l limit
	var ok bool
	if l.perDay, ok = formulary.By(sub.Maximum, route); ok {
		l.day, _ = milligrams(amountOf(l.perDay, route))
	}
	if l.perDose, ok = formulary.By(sub.Largest, route); ok {
		l.once, _ = milligrams(amountOf(l.perDose, route))
	}
	return l
}

// beyond tells whether a dose given so often exceeds the label in a day.
func (l limit) beyond(i cds.Ingredient, count float64) bool {
	i.Frequency.Count = count
	perDay, ok := milligrams(i)
	return ok && l.day > 0 && perDay > l.day
}

// tooLarge tells whether one administration exceeds the label.
func (l limit) tooLarge(i cds.Ingredient) bool {
	i.Frequency = cds.Frequency{Count: 1, Period: 1, PeriodUnit: "d"}
	once, ok := milligrams(i)
	return ok && l.once > 0 && once > l.once
}

// withinLabel keeps a range of doses within what the label allows: of a range only
// the part that it allows is offered.
func withinLabel(i cds.Ingredient, r *knowledge.Regimen, sub formulary.Substance) cds.Ingredient {
	l := limits(sub, r.Route)
	if l.beyond(i, math.Max(i.Frequency.Count, i.Frequency.CountMax)) {
		i.Frequency.CountMax = 0
	}
	if l.beyond(i, i.Frequency.Count) || l.tooLarge(i) {
		i.Dose.Value = r.Dose
	}
	return i
}

// overLabel tells what the label allows where the source's range reaches beyond it.
func overLabel(r *knowledge.Regimen, sub formulary.Substance) (cds.Text, stewardship.Source, bool) {
	l := limits(sub, r.Route)
	top := cds.Ingredient{
		Dose:      cds.Dose{Value: math.Max(r.Dose, r.DoseHigh), Unit: r.Unit},
		Frequency: cds.Frequency{Count: r.Count, Period: r.Period, PeriodUnit: r.PeriodUnit},
	}
	allowed, unit := l.perDay, cds.Text{DE: " pro Tag", EN: " per day"}
	switch {
	case l.tooLarge(top):
		allowed, unit = l.perDose, cds.Text{DE: " pro Gabe", EN: " per administration"}
	case !l.beyond(top, math.Max(r.Count, r.CountHigh)):
		return cds.Text{}, stewardship.Source{}, false
	}
	return stewardship.Both(func(lang cds.Lang) string {
		text := sub.Name.In(lang) + cds.Text{DE: ": die Fachinformation erlaubt weniger als die Quelle, höchstens ", EN: ": the label allows less than the source, at most "}.In(lang) +
			dose.Amount(allowed.Dose*allowed.Count, allowed.Unit, lang) + unit.In(lang)
		if n := allowed.Text.In(lang); n != "" {
			text += " (" + n + ")"
		}
		return text
	}), allowed.Source, true
}

// milligrams gives the amount per day in milligrams of a regimen in grams or milligrams.
func milligrams(i cds.Ingredient) (float64, bool) {
	v, ok := dose.Daily(i)
	switch i.Dose.Unit {
	case "g":
		return v * 1000, ok
	case "mg":
		return v, ok
	}
	return 0, false
}

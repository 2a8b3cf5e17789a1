package recommend

import (
	"math"
	"regexp"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/dose"
	"cdss/cds/stewardship/formulary"
	"cdss/rag"
)

// How far an ordered amount per day may lie from what the source states before it
// is objected to. Combinations are ordered by their sum or by their first part
// alone, of which ampicillin/sulbactam's is the smallest share (2 of 3 g).
const (
	above       = 1.5 // times the highest amount that the source states anywhere
	farAbove    = 3.0 // a slip of a unit or a digit
	below       = 0.8 // of the lowest amount that the source states for the indication
	belowOfPart = 0.66
	farBelow    = 0.1 // of the lowest amount stated anywhere: a slip, whatever the kidney does
)

// onceWords tell an order of one dose: before surgery, or to begin with.
var onceWords = regexp.MustCompile(`(?i)einmal(?:ig|dosis|gabe)|einzeldosis|single|\bonce\b(?:\W+(?:only|before|preop))|pr(?:ä|ae?)op|periop|prophyla|schnitt|incision`)

// stated is an amount per day as the source states it, in mg or million units.
type stated struct {
	low, high float64
	at        []rag.Locator
	example   bool // the source is an example
	text      func(cds.Lang) string
}

// amount compares an ordered amount per day with what the source states for the
// substance: far above anything it knows, or below what it states for this
// indication though the kidney gives no reason. Substances dosed by level have no
// lower limit here.
func (r *reviewer) amount(o facts.Order, sub formulary.Substance) {
	if o.Regimen == nil || r.age.AtLeast(18) != stewardship.Yes {
		return
	}
	ordered, ok := r.daily(*o.Regimen, sub)
	if !ok {
		return
	}
	route := o.Route
	if route == "" {
		route = o.Regimen.Route
	}
	everywhere := r.statedDoses(r.Snapshot.Prescribing(sub.ATC), sub, route)
	if len(everywhere) == 0 {
		return
	}
	top, bottom := everywhere[0], everywhere[0]
	for _, d := range everywhere {
		if d.high > top.high {
			top = d
		}
		if d.low < bottom.low {
			bottom = d
		}
	}
	switch once := o.Days > 0 && o.Days <= 1 || onceWords.MatchString(o.Text); {
	case ordered > top.high*above:
		indicator := cds.WarningI
		if ordered > top.high*farAbove {
			indicator = cds.Critical
		}
		r.objectToAmount(o, sub, indicator, top,
			cds.Text{DE: sub.Name.DE + ": Dosis höher als jede Dosis der Leitlinie", EN: sub.Name.EN + ": dose higher than any dose of the guideline"},
			cds.Text{DE: "Höchste Dosis der Quelle: ", EN: "Highest dose of the source: "})
	case once:
	case ordered < bottom.low*farBelow:
		r.objectToAmount(o, sub, cds.WarningI, bottom,
			cds.Text{DE: sub.Name.DE + ": Dosis weit unter jeder Dosis der Leitlinie, Einheit prüfen", EN: sub.Name.EN + ": dose far below any dose of the guideline, check the unit"},
			cds.Text{DE: "Niedrigste Dosis der Quelle: ", EN: "Lowest dose of the source: "})
	default:
		r.tooLittle(o, sub, route, ordered)
	}
}

// tooLittle objects to less than the source states for the indication.
func (r *reviewer) tooLittle(o facts.Order, sub formulary.Substance, route string, ordered float64) {
	indication, _ := r.Chart.Indication()
	if indication == nil || sub.WeightBased || r.weakKidney() == stewardship.Yes {
		return
	}
	switch sub.Class {
	case formulary.Aminoglycoside, formulary.Glycopeptide, formulary.Polymyxin:
		return
	}
	plan, ok := r.Snapshot.PlanFor(indication.Code)
	if !ok {
		return
	}
	here := r.statedDoses([]*knowledge.Plan{plan}, sub, route)
	if len(here) == 0 {
		return
	}
	least := here[0]
	for _, d := range here {
		if d.low < least.low {
			least = d
		}
	}
	limit := below
	if len(sub.ATC) == 7 && (strings.HasPrefix(sub.ATC, "J01CR") || sub.ATC[5] == '5' && sub.Class == formulary.Cephalosporin) {
		limit = belowOfPart
	}
	if ordered >= least.low*limit {
		return
	}
	indicator := cds.WarningI
	if r.weakKidney() == stewardship.Unknown {
		indicator = cds.Info
	}
	r.objectToAmount(o, sub, indicator, least,
		cds.Text{DE: sub.Name.DE + ": Dosis niedriger als in der Leitlinie", EN: sub.Name.EN + ": dose lower than in the guideline"},
		cds.Text{DE: "Für diese Indikation mindestens: ", EN: "For this indication at least: "})
}

// objectToAmount warns of an amount and suggests the dose of the plan for this
// patient, where it has one.
func (r *reviewer) objectToAmount(o facts.Order, sub formulary.Substance, indicator cds.Indicator, source stated, summary, lead cds.Text) {
	detail := stewardship.Both(func(l cds.Lang) string {
		ordered := *o.Regimen
		ordered.Name = ""
		return prose(cds.Text{DE: "Verordnet: ", EN: "Ordered: "}.In(l)+strings.TrimSpace(dose.Line(ordered, l)), lead.In(l)+source.text(l))
	})
	var fixes []cds.Fix
	right, planned := r.planned(sub, o.Route)
	if planned {
		fixes = append(fixes, r.correct(o, sub, right))
	}
	r.warnOrder(o, "dose-amount", indicator, summary, detail, r.cites(source.at...), fixes)
	r.restsOn(source.example || planned && r.example)
}

// planned gives the last phase of what the plan offers this patient of a substance.
func (r *reviewer) planned(sub formulary.Substance, route string) (cds.Ingredient, bool) {
	for _, j := range r.instead {
		for _, p := range j.parts {
			if p.sub.ATC == sub.ATC && (route == "" || route == p.action.Regimen.Route) && len(p.lines) > 0 {
				return p.lines[len(p.lines)-1], true
			}
		}
	}
	return cds.Ingredient{}, false
}

// statedDoses gathers what plans state of a substance by a route.
func (r *reviewer) statedDoses(plans []*knowledge.Plan, sub formulary.Substance, route string) []stated {
	var out []stated
	var walk func(a *knowledge.Action, example bool)
	walk = func(a *knowledge.Action, example bool) {
		if g := a.Regimen; g != nil && g.ATC == sub.ATC && (route == "" || g.Route == route) {
			least := cds.Ingredient{Dose: cds.Dose{Value: g.Dose, Unit: g.Unit}, Frequency: cds.Frequency{Count: g.Count, Period: g.Period, PeriodUnit: g.PeriodUnit}, Route: g.Route}
			most := least
			most.Dose.Value = math.Max(g.Dose, g.DoseHigh)
			if g.Unit != "mg/kg/d" {
				most.Frequency.Count = math.Max(g.Count, g.CountHigh)
			}
			low, okLow := r.daily(least, sub)
			high, okHigh := r.daily(most, sub)
			if okLow && okHigh {
				shown := least
				if g.CountHigh > g.Count {
					shown.Frequency.CountMax = g.CountHigh
				}
				out = append(out, stated{low, high, a.Citations, example, func(l cds.Lang) string {
					line := strings.TrimSpace(dose.Line(shown, l))
					if g.DoseHigh > g.Dose {
						line = stewardship.Decimal(g.Dose, 3, l) + "–" + strings.Replace(line, dose.Amount(g.Dose, g.Unit, l), dose.Amount(g.DoseHigh, g.Unit, l), 1)
					}
					return line
				}})
			}
		}
		for _, child := range a.Actions {
			walk(child, example)
		}
	}
	for _, p := range plans {
		for _, a := range p.Actions {
			walk(a, isExample(p))
		}
	}
	return out
}

// daily gives an amount per day in mg, or in million units.
func (r *reviewer) daily(i cds.Ingredient, sub formulary.Substance) (float64, bool) {
	v, ok := dose.Daily(i)
	if !ok || v <= 0 {
		return 0, false
	}
	if i.Frequency.CountMax > i.Frequency.Count && i.Dose.Unit != "mg/kg/d" {
		v *= i.Frequency.CountMax / i.Frequency.Count
	}
	switch i.Dose.Unit {
	case "mg", "10*6.[iU]":
		return v, true
	case "g":
		return v * 1000, true
	case "mg/kg", "mg/kg/d":
		kg, _, _, ok := dose.WeightFor(sub, r.Chart.Weights())
		return v * kg, ok
	}
	return 0, false
}

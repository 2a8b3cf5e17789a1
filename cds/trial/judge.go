package trial

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/dose"
)

// Deviation is how an answer differs from what was expected.
type Deviation struct {
	Expected string `json:"expected"` // name of the expectation, as the parameter of a case
	Text     string `json:"text"`     // in English, what was wanted and what came
}

// Judge compares an answer with what is expected of it.
func (e Expectation) Judge(a Answer) []Deviation {
	var out []Deviation
	differs := func(name, format string, args ...any) {
		out = append(out, Deviation{Expected: name, Text: fmt.Sprintf(format, args...)})
	}
	rec := a.Recommendation
	if e.Indication != "" && (rec.Indication == nil || rec.Indication.Code != e.Indication) {
		got := "none"
		if rec.Indication != nil {
			got = rec.Indication.Code
		}
		differs("indication", "indication %s, want %s", got, e.Indication)
	}
	if e.Abstains && len(rec.Options) > 0 {
		differs("abstains", "offers %s, want no regimen", written(rec))
	}
	if len(e.OffersOneOf) > 0 && !e.offered(rec) {
		differs("offers", "offers none of the options wanted, but %s", written(rec))
	}
	e.given(a, differs)
	for _, x := range e.Excludes {
		if !excludes(rec, x) {
			differs("excludes", "%s is not told as excluded (%s)", x.ATC, x.Reason)
		}
	}
	said := spoken(a)
	for _, s := range e.Says {
		if !s.in(said) {
			differs("says", "does not say %s %q", s.Indicator, s.Words)
		}
	}
	for _, s := range e.DoesNotSay {
		if s.in(said) {
			differs("doesNotSay", "says %s %q", s.Indicator, s.Words)
		}
	}
	if e.Silent && len(a.Cards) > 0 {
		differs("silent", "the order hook is not silent: %s", a.Cards[0].Summary)
	}
	missing := lacked(a)
	for _, want := range e.NotChecked {
		if !missing[want] {
			differs("notChecked", "%s is not named as missing", want)
		}
	}
	for _, want := range e.Facts {
		if got := want.judge(a.Chart.Fact(want.Name)); got != "" {
			differs("fact", "%s %s", want.Name, got)
		}
	}
	for _, name := range e.Unknown {
		if f := a.Chart.Fact(name); f.State == facts.Known && f.Value != nil {
			differs("unknown", "%s is stated as %v", name, f.Value)
		}
	}
	return out
}

// given judges everything that is offered or suggested.
func (e Expectation) given(a Answer, differs func(name, format string, args ...any)) {
	var options [][]cds.Ingredient
	for _, o := range a.Recommendation.Options {
		options = append(options, o.Ingredients)
	}
	for _, option := range append(options, suggested(a.Orders.Warnings)...) {
		for _, i := range option {
			for _, p := range e.NeverOffers {
				if strings.HasPrefix(i.ATC, p) {
					differs("neverOffers", "offers %s", i.Text)
				}
			}
			for _, p := range e.NeverAlone {
				if strings.HasPrefix(i.ATC, p) && alone(option, i) {
					differs("neverAlone", "offers %s alone", i.Text)
				}
			}
		}
		for _, want := range e.LastDose {
			last, found := cds.Ingredient{}, false
			for _, i := range option {
				if i.ATC == want.ATC {
					last, found = i, true
				}
			}
			if found && !want.meets(last) {
				differs("lastDose", "%s, want %s ×%s", last.Text, want.Dose, want.PerDay)
			}
		}
	}
}

// offered tells whether one option is one of those wanted, with nothing beside it.
func (e Expectation) offered(rec cds.Recommendation) bool {
	for _, o := range rec.Options {
		for _, want := range e.OffersOneOf {
			if matches(o.Ingredients, want) {
				return true
			}
		}
	}
	return false
}

func matches(have []cds.Ingredient, slots [][]Substance) bool {
	used := map[string]bool{}
	for _, slot := range slots {
		met := false
		for _, s := range slot {
			for _, i := range have {
				if !met && s.meets(i) && !used[i.ATC] {
					met, used[i.ATC] = true, true
				}
			}
		}
		if !met {
			return false
		}
	}
	for _, i := range have {
		if !used[i.ATC] {
			return false
		}
	}
	return true
}

func (s Substance) meets(i cds.Ingredient) bool {
	if i.ATC != s.ATC || s.Route != "" && s.Route != i.Route {
		return false
	}
	if s.Dose != "" {
		amount, unit, _ := strings.Cut(s.Dose, " ")
		low, high := bounds(amount)
		have := i.Dose.Value
		switch {
		case unit == i.Dose.Unit:
		case unit == "g" && i.Dose.Unit == "mg":
			have /= 1000
		case unit == "mg" && i.Dose.Unit == "g":
			have *= 1000
		default:
			return false
		}
		if have < low-1e-9 || have > high+1e-9 {
			return false
		}
	}
	if s.PerDay == "" {
		return true
	}
	low, high := bounds(s.PerDay)
	daily, ok := dose.Daily(i)
	n := daily / i.Dose.Value
	most := n
	if i.Frequency.CountMax > i.Frequency.Count {
		most *= i.Frequency.CountMax / i.Frequency.Count
	}
	return ok && n >= low-1e-9 && most <= high+1e-9
}

// bounds reads "3" or "1.5-3".
func bounds(s string) (low, high float64) {
	a, b, ranged := strings.Cut(s, "-")
	low, _ = strconv.ParseFloat(a, 64)
	if !ranged {
		return low, low
	}
	high, _ = strconv.ParseFloat(b, 64)
	return low, high
}

func alone(option []cds.Ingredient, i cds.Ingredient) bool {
	for _, other := range option {
		if other.ATC != i.ATC {
			return false
		}
	}
	return true
}

func excludes(rec cds.Recommendation, want Exclusion) bool {
	for _, x := range rec.Excluded {
		if strings.HasPrefix(x.ATC, want.ATC) && (want.Reason == "" || want.Reason == x.Reason) {
			return true
		}
	}
	return false
}

// spoken gives everything an answer warns of, cards included.
func spoken(a Answer) []cds.Warning {
	list := append(append([]cds.Warning{}, a.Recommendation.Warnings...), a.Orders.Warnings...)
	for _, c := range a.Cards {
		list = append(list, cds.Warning{Indicator: c.Indicator, Summary: c.Summary, Detail: c.Detail})
	}
	return list
}

// lacked gives the facts that an answer says were missing.
func lacked(a Answer) map[string]bool {
	out := map[string]bool{}
	for _, list := range [][]cds.NotChecked{a.Recommendation.NotChecked, a.Orders.NotChecked} {
		for _, g := range list {
			for _, m := range g.Missing {
				out[m] = true
			}
		}
	}
	return out
}

var levels = map[cds.Indicator]int{cds.Info: 0, cds.WarningI: 1, cds.Critical: 2}

func (s Saying) in(list []cds.Warning) bool {
	for _, w := range list {
		text := strings.ToLower(w.Summary + " " + w.Detail)
		hit := levels[w.Indicator] >= levels[s.Indicator]
		for _, words := range s.Words {
			one := false
			for _, word := range strings.Split(words, "|") {
				one = one || strings.Contains(text, word)
			}
			hit = hit && one
		}
		if hit {
			return true
		}
	}
	return false
}

// judge says how a fact differs from what is expected, "" when it does not.
func (want FactValue) judge(f facts.Fact) string {
	if want.Boolean {
		if got, _ := f.Value.(bool); f.State == facts.Unknown || got != want.Is {
			return fmt.Sprintf("is %v %v, want %v", f.State, f.Value, want.Is)
		}
		return ""
	}
	if got, ok := f.Number().Exact(); !ok || math.Abs(got-want.Value) > want.Tolerance+1e-6 {
		return fmt.Sprintf("is %v %v, want %g", f.State, f.Value, want.Value)
	}
	return ""
}

func written(rec cds.Recommendation) string {
	var out []string
	for _, o := range rec.Options {
		var parts []string
		for _, i := range o.Ingredients {
			parts = append(parts, i.Text)
		}
		out = append(out, strings.Join(parts, " + "))
	}
	return "[" + strings.Join(out, "; ") + "]"
}

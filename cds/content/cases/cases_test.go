package cases_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/dose"
)

// invented is a file of this folder: an invented patient, what is asked, and what
// an infectious diseases pharmacist wants of the answer.
type invented struct {
	file    string
	Title   string                 `json:"title"`
	Why     string                 `json:"why"`
	Now     time.Time              `json:"now"`
	Request *cds.StructuredRequest `json:"request"`
	Patient []map[string]any       `json:"patient"`
	Orders  []map[string]any       `json:"orders"` // drafts
	Expect  expectation            `json:"expect"`
}

type expectation struct {
	Indication  string                     `json:"indication"` // code
	Abstains    bool                       `json:"abstains"`   // no regimen
	OffersOneOf [][][]substance            `json:"offersOneOf"`
	NeverOffers []string                   `json:"neverOffers"` // ATC codes or prefixes, in options and suggestions
	NeverAlone  []string                   `json:"neverAlone"`
	LastDose    []substance                `json:"lastDose"` // of the last phase, wherever the substance is offered or suggested
	Says        []saying                   `json:"says"`
	DoesNotSay  []saying                   `json:"doesNotSay"`
	Silent      bool                       `json:"silent"`     // the order hook has no card
	NotChecked  []string                   `json:"notChecked"` // facts
	Facts       map[string]json.RawMessage `json:"facts"`      // a boolean, or value and tolerance
	Unknown     []string                   `json:"unknown"`    // facts
}

// substance is a part of an option; a slot of several is met by one of them.
type substance struct {
	ATC    string `json:"atc"`
	Dose   string `json:"dose"`   // "3 g", "1-2 g"; "" any
	PerDay string `json:"perDay"` // "3", "3-4"; "" any
	Route  string `json:"route"`  // "" any
}

// saying is a warning with at least an indicator whose text has one word of each
// of the lists; words of a list are separated by "|".
type saying struct {
	Indicator cds.Indicator `json:"indicator"`
	Words     []string      `json:"words"`
}

// load reads the cases of this folder. A member that nobody knows is a mistake.
func load(t testing.TB) []invented {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	var out []invented
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := invented{file: strings.TrimSuffix(f, ".json")}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out = append(out, c)
	}
	return out
}

func (c invented) question() question {
	return question{name: c.file, now: c.Now, request: c.Request, bundle: c.Patient, drafts: c.Orders}
}

// TestCases puts every case in both languages; all but the words has to be the same.
func TestCases(t *testing.T) {
	h := newHouse(t)
	for _, c := range load(t) {
		t.Run(c.file, func(t *testing.T) {
			if c.Title == "" || c.Why == "" {
				t.Error("a case says what it is and why")
			}
			for _, lang := range []cds.Lang{cds.DE, cds.EN} {
				a := h.ask(t, c.question(), lang)
				for _, fault := range c.faults(a) {
					t.Errorf("%s (%s): %s", c.Title, lang, fault)
				}
			}
		})
	}
}

// faults compares an answer with what is expected of it.
func (c invented) faults(a answer) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	e := c.Expect
	if e.Indication != "" && (a.rec.Indication == nil || a.rec.Indication.Code != e.Indication) {
		fault("indication %+v, want %s", a.rec.Indication, e.Indication)
	}
	if e.Abstains && len(a.rec.Options) > 0 {
		fault("offers %s", written(a.rec))
	}
	if len(e.OffersOneOf) > 0 && !c.offered(a.rec) {
		fault("offers none of the options wanted, but %s", written(a.rec))
	}
	given := [][]cds.Ingredient{}
	for _, o := range a.rec.Options {
		given = append(given, o.Ingredients)
	}
	given = append(given, suggested(a.orders.Warnings)...)
	for _, option := range given {
		for _, i := range option {
			for _, p := range e.NeverOffers {
				if strings.HasPrefix(i.ATC, p) {
					fault("offers %s", i.Text)
				}
			}
			for _, p := range e.NeverAlone {
				if strings.HasPrefix(i.ATC, p) && alone(option, i) {
					fault("offers %s alone", i.Text)
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
				fault("%s, want %s ×%s", last.Text, want.Dose, want.PerDay)
			}
		}
	}
	spoken := append(append([]cds.Warning{}, a.rec.Warnings...), a.orders.Warnings...)
	for _, card := range a.cards {
		spoken = append(spoken, cds.Warning{Indicator: card.Indicator, Summary: card.Summary, Detail: card.Detail})
	}
	for _, s := range e.Says {
		if !s.in(spoken) {
			fault("does not say %s %v", s.Indicator, s.Words)
		}
	}
	for _, s := range e.DoesNotSay {
		if s.in(spoken) {
			fault("says %s %v", s.Indicator, s.Words)
		}
	}
	if e.Silent && len(a.cards) > 0 {
		fault("is not silent: %s", a.cards[0].Summary)
	}
	missing := named(a)
	for _, want := range e.NotChecked {
		found := false
		for _, m := range missing {
			found = found || m == want
		}
		if !found {
			fault("%s is not named as missing, but %v", want, missing)
		}
	}
	for name, raw := range e.Facts {
		if got := factFault(a.chart.Fact(name), raw); got != "" {
			fault("%s %s", name, got)
		}
	}
	for _, name := range e.Unknown {
		if f := a.chart.Fact(name); f.State == facts.Known && f.Value != nil {
			fault("%s is stated as %v", name, f.Value)
		}
	}
	return out
}

// offered tells whether one option is one of those wanted, with nothing beside it.
func (c invented) offered(rec cds.Recommendation) bool {
	for _, o := range rec.Options {
		for _, want := range c.Expect.OffersOneOf {
			if matches(o.Ingredients, want) {
				return true
			}
		}
	}
	return false
}

func matches(have []cds.Ingredient, slots [][]substance) bool {
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

func (s substance) meets(i cds.Ingredient) bool {
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

// suggested gives what accepting the suggestions of warnings would order.
func suggested(list []cds.Warning) [][]cds.Ingredient {
	var out [][]cds.Ingredient
	for _, w := range list {
		for _, f := range w.Fix {
			var option []cds.Ingredient
			for _, a := range f.Actions {
				if i, ok := ordered(a.Resource); ok && a.Type != "delete" {
					option = append(option, i...)
				}
			}
			if len(option) > 0 {
				out = append(out, option)
			}
		}
	}
	return out
}

// ordered reads substance and dosages of a suggested MedicationRequest.
func ordered(raw json.RawMessage) ([]cds.Ingredient, bool) {
	var m struct {
		Medication struct {
			Coding []struct {
				Code string `json:"code"`
			} `json:"coding"`
		} `json:"medicationCodeableConcept"`
		Dosage []struct {
			Text   string `json:"text"`
			Timing struct {
				Repeat struct {
					Frequency  float64 `json:"frequency"`
					Period     float64 `json:"period"`
					PeriodUnit string  `json:"periodUnit"`
				} `json:"repeat"`
			} `json:"timing"`
			DoseAndRate []struct {
				Quantity struct {
					Value float64 `json:"value"`
					Code  string  `json:"code"`
				} `json:"doseQuantity"`
			} `json:"doseAndRate"`
		} `json:"dosageInstruction"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &m) != nil || len(m.Medication.Coding) == 0 {
		return nil, false
	}
	out := []cds.Ingredient{}
	for _, d := range m.Dosage {
		i := cds.Ingredient{ATC: m.Medication.Coding[0].Code, Text: d.Text}
		i.Frequency = cds.Frequency{Count: d.Timing.Repeat.Frequency, Period: d.Timing.Repeat.Period, PeriodUnit: d.Timing.Repeat.PeriodUnit}
		if len(d.DoseAndRate) > 0 {
			i.Dose = cds.Dose{Value: d.DoseAndRate[0].Quantity.Value, Unit: d.DoseAndRate[0].Quantity.Code}
		}
		out = append(out, i)
	}
	return out, true
}

var levels = map[cds.Indicator]int{cds.Info: 0, cds.WarningI: 1, cds.Critical: 2}

func (s saying) in(list []cds.Warning) bool {
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

// factFault says how a fact differs from what is expected, "" when it does not.
func factFault(f facts.Fact, raw json.RawMessage) string {
	var yes bool
	if json.Unmarshal(raw, &yes) == nil {
		if got, _ := f.Value.(bool); f.State == facts.Unknown || got != yes {
			return fmt.Sprintf("is %v %v, want %v", f.State, f.Value, yes)
		}
		return ""
	}
	var want struct{ Value, Tolerance float64 }
	if err := json.Unmarshal(raw, &want); err != nil {
		return err.Error()
	}
	got, ok := f.Number().Exact()
	if !ok || math.Abs(got-want.Value) > want.Tolerance+1e-6 {
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

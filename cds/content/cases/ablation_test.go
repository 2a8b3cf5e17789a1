package cases_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/stewardship/dose"
)

// TestNothingIsMissedSilently takes from every question each thing that is needed,
// in turn, and spoils it in the ways real data are spoiled. An answer may then be
// the same or safer; where it is less safe it has to name what was missing, or list
// as ignored what was not used.
func TestNothingIsMissedSilently(t *testing.T) {
	h := newHouse(t)
	mutations, less := 0, 0
	for _, q := range questions(t) {
		full := h.ask(t, q, cds.EN)
		for _, m := range changes(t, q) {
			mutations++
			got := h.ask(t, m.question, cds.EN)
			for _, harm := range harms(full, got) {
				less++
				if !excused(m, full, got, harm) {
					t.Errorf("%s, %s: %s, and nothing says why\n   became unknown: %v\n   not checked: %v", q.name, m.name, harm.what, lost(full.chart, got.chart), named(got))
				}
			}
		}
	}
	t.Logf("%d changes, %d times less safe and said so", mutations, less)
	if mutations < 1000 {
		t.Errorf("only %d changes were tried", mutations)
	}
}

// change is a question with something taken away or spoiled.
type change struct {
	name      string
	question  question
	reference string // of the one resource that was changed, "" for a whole kind
	listed    bool   // that the resource is listed as ignored is enough
}

// changes gives everything that is tried on a question.
func changes(t *testing.T, q question) []change {
	t.Helper()
	var out []change
	add := func(name string, edit func(r map[string]any, kind string) (keep bool)) *change {
		c := change{name: name, question: q}
		c.question.bundle, c.question.patient = nil, patientOf(q.bundle)
		for _, r := range copied(t, q.bundle) {
			if edit(r, kindOf(r)) {
				c.question.bundle = append(c.question.bundle, r)
			}
		}
		out = append(out, c)
		return &out[len(out)-1]
	}
	count := map[string]int{}
	for _, r := range q.bundle {
		count[kindOf(r)]++
	}
	kinds := make([]string, 0, len(count))
	for k := range count {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, kind := range kinds {
		c := add("without "+kind, func(_ map[string]any, k string) bool { return k != kind })
		c.question.unasked = map[string]bool{kind: true}
	}
	c := add("without any medication", func(_ map[string]any, k string) bool { return !strings.HasPrefix(k, "Medication") })
	c.question.unasked = map[string]bool{"MedicationStatement": true, "MedicationRequest": true}
	if len(q.drafts) > 0 {
		c := add("without any observation", func(_ map[string]any, k string) bool { return !strings.HasPrefix(k, "Observation") })
		c.question.unasked = map[string]bool{"Observation": true}
	}
	for _, field := range []string{"birthDate", "gender"} {
		add("without Patient."+field, func(r map[string]any, k string) bool {
			if k == "Patient" {
				delete(r, field)
			}
			return true
		})
	}
	for _, r := range q.bundle {
		kind := kindOf(r)
		ref := fmt.Sprint(r["resourceType"], "/", r["id"])
		here := func(x map[string]any) bool { return fmt.Sprint(x["resourceType"], "/", x["id"]) == ref }
		if kind == "Patient" {
			continue
		}
		c := add("another patient's "+ref, func(x map[string]any, _ string) bool {
			if here(x) {
				for _, name := range []string{"subject", "patient"} {
					if _, ok := x[name]; ok {
						x[name] = map[string]any{"reference": "Patient/somebody-else"}
					}
				}
			}
			return true
		})
		c.listed, c.reference = true, ref
		if r["resourceType"] == "Observation" {
			c := add("without a unit: "+ref, func(x map[string]any, _ string) bool {
				if here(x) {
					quantities(x, func(v map[string]any) { delete(v, "unit"); delete(v, "code"); delete(v, "system") })
				}
				return true
			})
			c.reference = ref
			c = add("another unit: "+ref, func(x map[string]any, _ string) bool {
				if here(x) {
					quantities(x, func(v map[string]any) { v["unit"], v["code"] = "furlong", "[fur_us]" })
				}
				return true
			})
			c.reference = ref
			c = add("years old: "+ref, func(x map[string]any, _ string) bool {
				if here(x) {
					x["effectiveDateTime"] = "2019-01-01T08:00:00+01:00"
				}
				return true
			})
			c.listed, c.reference = true, ref
		}
		if _, ok := r["status"]; ok && r["resourceType"] != "Encounter" {
			c := add("entered in error: "+ref, func(x map[string]any, _ string) bool {
				if here(x) {
					x["status"] = "entered-in-error"
				}
				return true
			})
			c.listed, c.reference = true, ref
		}
		if _, ok := r["verificationStatus"]; ok {
			for _, code := range []string{"entered-in-error", "refuted"} {
				c := add(code+": "+ref, func(x map[string]any, _ string) bool {
					if here(x) {
						x["verificationStatus"] = map[string]any{"coding": []any{map[string]any{"code": code}}}
						delete(x, "clinicalStatus")
					}
					return true
				})
				c.listed, c.reference = true, ref
			}
		}
	}
	return out
}

// kindOf groups resources as they are asked for: the type, of Observations the
// code.
func kindOf(r map[string]any) string {
	kind := fmt.Sprint(r["resourceType"])
	if kind != "Observation" {
		return kind
	}
	code, _ := r["code"].(map[string]any)
	coding, _ := code["coding"].([]any)
	if len(coding) > 0 {
		first, _ := coding[0].(map[string]any)
		return kind + " " + fmt.Sprint(first["code"])
	}
	return kind + " " + fmt.Sprint(code["text"])
}

func quantities(x map[string]any, edit func(map[string]any)) {
	if v, ok := x["valueQuantity"].(map[string]any); ok {
		edit(v)
	}
	list, _ := x["component"].([]any)
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			quantities(m, edit)
		}
	}
}

func copied(t *testing.T, list []map[string]any) []map[string]any {
	t.Helper()
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// harm is one way in which an answer is less safe than the full one.
type harm struct {
	what string
	atc  string
}

// harms compares an answer with the one that all data gave.
func harms(full, got answer) []harm {
	var out []harm
	banned := map[string]string{}
	for _, x := range full.rec.Excluded {
		switch x.Reason {
		case "allergy", "renal", "pregnancy", "age", "interaction", "resistance", "other":
			banned[x.ATC] = x.Reason
		}
	}
	was, is := offered(full.rec), offered(got.rec)
	for atc := range was {
		delete(banned, atc)
	}
	for atc, o := range is {
		if reason, ok := banned[atc]; ok && !o.specialist {
			out = append(out, harm{fmt.Sprintf("%s is offered, which was excluded (%s)", atc, reason), atc})
		}
		before, ok := was[atc]
		switch {
		case !ok:
		case before.specialist && !o.specialist:
			out = append(out, harm{atc + " needs no specialist any more", atc})
		case o.daily > before.daily*1.001 && full.chart.Request().Severity == "" == (got.chart.Request().Severity == ""):
			out = append(out, harm{fmt.Sprintf("%s is dosed %.4g a day instead of %.4g", atc, o.daily, before.daily), atc})
		}
	}
	if full.rec.Abstained && !got.rec.Abstained {
		out = append(out, harm{"options are offered where there were none: " + *full.rec.AbstainReason, ""})
	}
	for _, w := range full.orders.Warnings {
		if w.Indicator == cds.Info {
			continue
		}
		still := false
		for _, v := range got.orders.Warnings {
			still = still || v.Code == w.Code && v.OrderRef == w.OrderRef && v.Indicator != cds.Info
		}
		if !still && !worse(got.orders.Warnings, w) {
			out = append(out, harm{"the warning is gone: " + w.Summary, ""})
		}
	}
	return out
}

// worse tells whether an order is objected to at least as strongly for another
// reason, so that it does not pass.
func worse(list []cds.Warning, w cds.Warning) bool {
	for _, v := range list {
		if v.OrderRef == w.OrderRef && (v.Indicator == cds.Critical || v.Indicator == w.Indicator) && len(v.Fix) > 0 {
			return true
		}
	}
	return false
}

// line is what is offered of a substance at most.
type line struct {
	daily      float64 // per day in the last phase
	specialist bool    // in every option that holds it
}

func offered(rec cds.Recommendation) map[string]line {
	out := map[string]line{}
	for _, o := range rec.Options {
		last := map[string]float64{}
		for _, i := range o.Ingredients {
			if d, ok := dose.Daily(i); ok {
				if i.Frequency.CountMax > i.Frequency.Count {
					d *= i.Frequency.CountMax / i.Frequency.Count
				}
				last[i.ATC] = d
			}
		}
		for atc, d := range last {
			l, seen := out[atc]
			l.daily = max(l.daily, d)
			l.specialist = o.Specialist && (!seen || l.specialist)
			out[atc] = l
		}
	}
	return out
}

// lost gives the facts that were known and are not.
func lost(full, got *facts.Chart) []string {
	var out []string
	for _, f := range full.Facts() {
		if f.State != facts.Unknown && got.Fact(f.Name).State == facts.Unknown {
			out = append(out, f.Name)
		}
	}
	return out
}

// results counts the susceptibilities of a patient's isolates.
func results(c *facts.Chart) int {
	n := 0
	for _, i := range c.Isolates() {
		n += len(i.Results)
	}
	return n
}

// named gives what an answer says was missing.
func named(a answer) []string {
	var out []string
	for _, list := range [][]cds.NotChecked{a.rec.NotChecked, a.orders.NotChecked} {
		for _, g := range list {
			out = append(out, g.Missing...)
		}
	}
	return out
}

// asks are the words by which a card of the order hook says that a resource type
// did not come.
var asks = map[string]string{
	"Patient": "age and sex", "Condition": "diagnoses", "AllergyIntolerance": "allergies", "MedicationStatement": "medication",
	"MedicationRequest": "medication", "Observation": "laboratory values",
}

// excused tells whether an answer says what it could not know: one of the facts
// that got lost, the kind of data that did not come, or the resource among those
// that were not used.
func excused(c change, full, got answer, h harm) bool {
	said := named(got)
	for _, f := range lost(full.chart, got.chart) {
		if slices.Contains(said, f) {
			return true
		}
	}
	if results(got.chart) < results(full.chart) && slices.Contains(said, "susceptibility") {
		return true
	}
	if c.question.unasked["Condition"] && (slices.Contains(said, "indication") || slices.Contains(said, "conditions")) {
		return true
	}
	for _, card := range got.cards {
		if len(got.cards) == 1 && card.Detail == "" { // 412
			return true
		}
		for kind := range c.question.unasked {
			if card.Source.Topic != nil && card.Source.Topic.Code == "cds-not-checked" && strings.Contains(card.Summary+card.Detail, asks[kind]) {
				return true
			}
		}
	}
	if c.reference == "" && len(got.chart.Isolates()) == 0 && len(full.chart.Isolates()) > 0 {
		return true // what was never grown or sent nobody can miss: the choice is the empirical one of the source
	}
	if c.listed {
		for _, i := range got.chart.Ignored() {
			if i.Reference == c.reference {
				return true
			}
		}
	}
	return false
}

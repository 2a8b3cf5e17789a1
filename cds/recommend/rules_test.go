package recommend_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
)

// sound holds an answer against what must be true of every answer.
func sound(t *testing.T, rec cds.Recommendation, found recommend.Findings) {
	t.Helper()
	if rec.Abstained != (len(rec.Options) == 0) || rec.Abstained != (rec.AbstainReason != nil) {
		t.Errorf("abstained %v with %d options and reason %v", rec.Abstained, len(rec.Options), rec.AbstainReason)
	}
	if len(rec.Options) > 0 && rec.Banner == nil {
		t.Error("example options without the banner")
	}
	if len(rec.Options) > 5 {
		t.Errorf("%d options, at most 5", len(rec.Options))
	}
	excluded := map[string]bool{}
	for _, x := range rec.Excluded {
		excluded[x.ATC] = true
		if x.Reason == "" || x.Detail == "" {
			t.Errorf("%s is excluded without a reason", x.Name)
		}
	}
	rank := 0
	for _, o := range rec.Options {
		if o.Rank != rank && o.Rank != rank+1 {
			t.Errorf("rank %d after %d", o.Rank, rank)
		}
		rank = o.Rank
		if o.Specialist && o.Recommended {
			t.Errorf("a specialist's decision is recommended: %v", o.Ingredients)
		}
		if o.Why == "" || len(o.Citations) == 0 || o.Definition == "" || len(o.Ingredients) == 0 {
			t.Errorf("an option without why, source, definition or substance: %+v", o)
		}
		for _, i := range o.Ingredients {
			if i.Dose.Value <= 0 || i.Dose.Unit == "" || i.Frequency.Count <= 0 || i.Text == "" {
				t.Errorf("half a dose: %+v", i)
			}
			for _, x := range rec.Excluded {
				if x.ATC == i.ATC {
					t.Errorf("%s is offered and excluded (%s)", i.Name, x.Reason)
				}
			}
		}
	}
	for _, w := range append(append([]cds.Warning{}, rec.Warnings...), found.Warnings...) {
		if w.Code == "" || w.Indicator == "" || w.Summary == "" {
			t.Errorf("half a warning: %+v", w)
		}
		if n := utf8.RuneCountInString(w.Summary); n >= 140 || strings.HasSuffix(w.Summary, "…") {
			t.Errorf("summary of %d characters: %s", n, w.Summary)
		}
		if strings.ContainsAny(w.Summary+w.Detail, "{}") {
			t.Errorf("a placeholder is left: %s", w.Summary)
		}
	}
	for _, g := range append(append([]cds.NotChecked{}, rec.NotChecked...), found.NotChecked...) {
		if g.Check == "" || g.Reason == "" || g.Missing == nil {
			t.Errorf("half a gap: %+v", g)
		}
	}
}

// each runs f for every golden input.
func (h house) each(t *testing.T, f func(t *testing.T, q question)) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/input.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden folders: %v", err)
	}
	for _, p := range paths {
		t.Run(filepath.Base(filepath.Dir(p)), func(t *testing.T) { f(t, read(t, p)) })
	}
}

func TestEveryAnswerIsSound(t *testing.T) {
	h := newHouse(t, true)
	h.each(t, func(t *testing.T, q question) {
		for _, lang := range []cds.Lang{cds.DE, cds.EN} {
			q.Language = lang
			in := h.input(t, q)
			sound(t, recommend.Recommend(context.Background(), in), recommend.CheckOrders(context.Background(), in))
		}
	})
}

// Every name that a condition or a named expression reads is one of the Chart or
// of the library: a misspelt one would be "not known" for ever.
func TestConditionsReadNamesThatExist(t *testing.T) {
	h := newHouse(t, true)
	known := map[string]bool{"listed": true}
	for _, name := range []string{"diagnoses", "diagnosisTexts", "history", "historyTexts", "requestTexts", "deniedTexts", "organisms", "isolates", "medications", "indication"} {
		known[name] = true
	}
	for _, d := range h.snapshot.Definitions() {
		known[d.Name] = true
	}
	var reads []string
	var walk func(a *knowledge.Action)
	walk = func(a *knowledge.Action) {
		for _, c := range a.Conditions {
			reads = append(reads, c.Expression.Variables()...)
		}
		for _, child := range a.Actions {
			walk(child)
		}
	}
	for _, p := range h.snapshot.Plans() {
		for _, a := range p.Actions {
			walk(a)
		}
	}
	for _, d := range h.snapshot.Definitions() {
		reads = append(reads, d.Expression.Variables()...)
	}
	h.each(t, func(t *testing.T, q question) {
		chart := h.input(t, q).Chart
		for _, name := range reads {
			_, ok, _ := chart.Var(name)
			known[name] = known[name] || ok
		}
	})
	chart := measured(t, "1751-7", "6690-2", "33959-8") // values that are in a Chart only when measured
	for _, name := range reads {
		_, ok, _ := chart.Var(name)
		known[name] = known[name] || ok
	}
	sort.Strings(reads)
	for n, name := range reads {
		if (n == 0 || reads[n-1] != name) && !known[name] {
			t.Errorf("nobody knows %%%s", name)
		}
	}
}

// measured gives a Chart with laboratory results of the LOINC codes.
func measured(t *testing.T, codes ...string) *facts.Chart {
	t.Helper()
	now := time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)
	in := facts.Input{Now: now}
	for _, code := range codes {
		r, err := fhir.ParseResource([]byte(`{"resourceType":"Observation","id":"o` + code + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},` +
			`"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-03-16T08:00:00Z","valueQuantity":{"value":3,"unit":"g/dL","system":"http://unitsofmeasure.org","code":"g/dL"}}`))
		if err != nil {
			t.Fatal(err)
		}
		in.Resources = append(in.Resources, r)
	}
	return facts.Build(in)
}

func TestEverySubstanceOfAPlanIsInTheFormulary(t *testing.T) {
	h := newHouse(t, true)
	var walk func(p *knowledge.Plan, a *knowledge.Action)
	walk = func(p *knowledge.Plan, a *knowledge.Action) {
		if a.Regimen != nil {
			if _, ok := h.tables.Formulary.Lookup(a.Regimen.ATC); !ok {
				t.Errorf("%s %s: %s is not in the formulary", p.ID, a.ID, a.Regimen.ATC)
			}
		}
		for _, child := range a.Actions {
			walk(p, child)
		}
	}
	for _, p := range h.snapshot.Plans() {
		for _, a := range p.Actions {
			walk(p, a)
		}
	}
}

func TestMaxOptions(t *testing.T) {
	h := newHouse(t, true)
	in := h.input(t, read(t, "testdata/sepsis-nosocomial-mrsa-shock/input.json"))
	all := recommend.Recommend(context.Background(), in).Options
	if len(all) != 5 {
		t.Fatalf("%d options, want 5", len(all))
	}
	for n := 1; n <= 5; n++ {
		in.MaxOptions = n
		got := recommend.Recommend(context.Background(), in).Options
		if len(got) != n {
			t.Fatalf("%d options, want %d", len(got), n)
		}
		for i := range got {
			if got[i].Definition != all[i].Definition {
				t.Errorf("the first %d are other ones: %s, want %s", n, got[i].Definition, all[i].Definition)
			}
		}
	}
	in.MaxOptions = -1
	if got := recommend.Recommend(context.Background(), in).Options; len(got) <= 5 || got[4].Definition != all[4].Definition {
		t.Errorf("%d options in all, of which the first are other ones", len(got))
	}
}

// Taking any single resource away must not make an option appear that the full
// data excluded, unless the answer says what was not checked.
func TestMissingDataIsSaid(t *testing.T) {
	h := newHouse(t, true)
	h.each(t, func(t *testing.T, q question) {
		if len(q.Drafts) > 0 {
			return
		}
		full := recommend.Recommend(context.Background(), h.input(t, q))
		forbidden := map[string]bool{}
		for _, x := range full.Excluded {
			forbidden[x.ATC] = true
		}
		for _, o := range full.Options {
			for _, i := range o.Ingredients {
				delete(forbidden, i.ATC)
			}
		}
		var b map[string]any
		if err := json.Unmarshal(q.Bundle, &b); err != nil {
			t.Fatal(err)
		}
		entries, _ := b["entry"].([]any)
		for n := range entries {
			b["entry"] = append(append([]any{}, entries[:n]...), entries[n+1:]...)
			raw, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			less := q
			less.Bundle = raw
			rec := recommend.Recommend(context.Background(), h.input(t, less))
			sound(t, rec, recommend.Findings{})
			gone := entries[n].(map[string]any)["resource"].(map[string]any)["resourceType"]
			for _, o := range rec.Options {
				for _, i := range o.Ingredients {
					if forbidden[i.ATC] && gone != "AllergyIntolerance" && gone != "Observation" && len(rec.NotChecked) == 0 {
						t.Errorf("without %v %d: %s is offered and nothing is said to be missing", gone, n, i.Name)
					}
				}
			}
			if gone == "AllergyIntolerance" && len(rec.Options) > 0 && !mentions(rec.NotChecked, "allergies") {
				t.Errorf("without the allergy list nothing is said about it: %+v", rec.NotChecked)
			}
			if gone == "Patient" && len(rec.Options) > 0 {
				t.Error("a regimen without patient, hence without age")
			}
		}
	})
}

func mentions(gaps []cds.NotChecked, fact string) bool {
	for _, g := range gaps {
		for _, m := range g.Missing {
			if m == fact {
				return true
			}
		}
	}
	return false
}

func TestOutsideDemoNoExampleIsShown(t *testing.T) {
	h := newHouse(t, false)
	h.each(t, func(t *testing.T, q question) {
		in := h.input(t, q)
		in.Demo = false
		rec, found := recommend.Recommend(context.Background(), in), recommend.CheckOrders(context.Background(), in)
		if len(rec.Options) > 0 || rec.Banner != nil {
			t.Errorf("%d example options are shown", len(rec.Options))
		}
		for _, w := range found.Warnings {
			if w.Example {
				t.Errorf("a warning rests on an example: %s", w.Summary)
			}
			for _, f := range w.Fix {
				for _, a := range f.Actions {
					if a.Type == "create" {
						t.Errorf("an example option is suggested: %s", f.Label)
					}
				}
			}
		}
		sound(t, rec, found)
	})
}

package cases_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/content/cases"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/trial"
)

// load reads the cases of this folder.
func load(t testing.TB) []trial.Case {
	t.Helper()
	bundles, err := cases.Bundles()
	if err != nil || len(bundles) < 40 {
		t.Fatalf("%d cases, %v", len(bundles), err)
	}
	var out []trial.Case
	for _, b := range bundles {
		c, err := trial.ReadCase(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// asked is a case as a question of this package.
func asked(t testing.TB, c trial.Case) question {
	t.Helper()
	q := question{name: c.ID, now: c.Now, request: c.Request}
	for _, r := range c.Patient {
		if r.Type() == "Medication" { // comes with the draft that names it
			q.drafts = append(q.drafts, decoded(t, r.Raw()))
			continue
		}
		q.bundle = append(q.bundle, decoded(t, r.Raw()))
	}
	for _, r := range c.Orders {
		q.drafts = append(q.drafts, decoded(t, r.Raw()))
	}
	return q
}

func decoded(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func known(t testing.TB) trial.Knowledge {
	t.Helper()
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := knowledge.Load(artifacts, knowledge.Options{Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return trial.Knowledge{Name: "shipped", Snapshot: snapshot, Tables: tables, Demo: true}
}

// TestCases puts every case in both languages, and through the server's pipeline as
// well: a trial says what the server says.
func TestCases(t *testing.T) {
	h, k := newHouse(t), known(t)
	for _, c := range load(t) {
		t.Run(c.ID, func(t *testing.T) {
			if c.Why == "" {
				t.Error("a case says why it is there")
			}
			for _, url := range c.Artifacts {
				if _, ok := k.Snapshot.Plan(url); !ok {
					t.Errorf("belongs to %s, which nobody has", url)
				}
			}
			for _, lang := range []cds.Lang{cds.DE, cds.EN} {
				got := k.Ask(t.Context(), c.Question(lang), false)
				for _, d := range c.Expect.Judge(got) {
					t.Errorf("%s (%s): %s", c.Title, lang, d.Text)
				}
				served := h.ask(t, asked(t, c), lang)
				if diff := cmp.Diff(served.rec.Options, got.Recommendation.Options, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("options of the server and of the trial (-server +trial):\n%s", diff)
				}
				if diff := cmp.Diff(served.rec.Warnings, got.Recommendation.Warnings, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("warnings of the server and of the trial (-server +trial):\n%s", diff)
				}
				if diff := cmp.Diff(summaries(served.cards), summaries(got.Cards)); diff != "" {
					t.Errorf("cards of the server and of the trial (-server +trial):\n%s", diff)
				}
			}
		})
	}
}

func summaries(cards []cds.Card) []string {
	list := []string{}
	for _, c := range cards {
		list = append(list, string(c.Indicator)+" "+c.Summary)
	}
	return list
}

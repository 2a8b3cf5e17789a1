package render_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"cdss/cds"
	"cdss/cds/conformance"
	"cdss/cds/content"
	"cdss/cds/render"
)

var update = flag.Bool("update", false, "write the cards of the golden folders anew")

func ids(key string) string {
	sum := 0
	for _, c := range key {
		sum = (sum*31 + int(c)) % 1_000_000
	}
	return fmt.Sprintf("00000000-0000-8000-8000-%012d", sum)
}

func read(t *testing.T, path string) cds.Recommendation {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rec cds.Recommendation
	if err := json.Unmarshal(raw, &rec); err != nil {
		t.Fatal(err)
	}
	if filepath.Base(filepath.Dir(path)) == "order" {
		rec.Warnings[1].Fix = fixes(rec.Language)
	}
	for i := range rec.Warnings {
		rec.Warnings[i].Example = rec.Banner != nil
	}
	return rec
}

// fixes are what a rule would offer for a draft order, and two it must not.
func fixes(lang cds.Lang) []cds.Fix {
	resource := json.RawMessage(`{"resourceType":"MedicationRequest","id":"n","status":"draft","intent":"proposal",` +
		`"medicationCodeableConcept":{"coding":[{"system":"http://fhir.de/CodeSystem/bfarm/atc","code":"J01MA12"}],"text":"Levofloxacin"},` +
		`"subject":{"reference":"Patient/p"}}`)
	label := cds.Text{DE: "Durch Levofloxacin ersetzen", EN: "Replace with levofloxacin"}.In(lang)
	remove := cds.Text{DE: "Entwurf löschen", EN: "Delete the draft"}.In(lang)
	return []cds.Fix{
		{Label: label, Recommended: true, Actions: []cds.Action{
			{Type: "create", Description: label, Resource: resource},
			{Type: "delete", Description: remove, ResourceID: "MedicationRequest/1"},
		}},
		{Label: remove, Recommended: true, Actions: []cds.Action{{Type: "delete", Description: remove, ResourceID: "MedicationRequest/1"}}},
		{Label: "ohne Beschreibung", Actions: []cds.Action{{Type: "create", Resource: resource}}},
		{Label: "ohne Ressource", Actions: []cds.Action{{Type: "update", Description: "x"}}},
	}
}

// A card says that it shows example content when it does, and only then.
func TestExampleOnItsOwnCard(t *testing.T) {
	banner := content.BannerEN
	rec := cds.Recommendation{Language: cds.EN, Banner: &banner, Warnings: []cds.Warning{
		{Code: "dose-amount", Indicator: cds.WarningI, Summary: "dose higher than any of the guideline", Example: true},
		{Code: "qt", Indicator: cds.WarningI, Summary: "two that prolong QT"},
	}}
	cards := render.Cards(rec, render.Options{Lang: cds.EN, NewUUID: ids})
	if len(cards) != 2 {
		t.Fatalf("%d cards, want 2", len(cards))
	}
	for i, want := range []bool{true, false} {
		if got := strings.Contains(cards[i].Detail, banner); got != want {
			t.Errorf("%s: banner in the detail: %v, want %v", cards[i].Summary, got, want)
		}
		if got := strings.HasPrefix(cards[i].Summary, "EXAMPLE"); got != want {
			t.Errorf("%s: marked in the summary: %v, want %v", cards[i].Summary, got, want)
		}
	}
}

// shown writes cards as a reviewer reads them.
func shown(cards []cds.Card) string {
	var b strings.Builder
	for _, c := range cards {
		fmt.Fprintf(&b, "==== %s: %s\nsource: %s [%s]\n", c.Indicator, c.Summary, c.Source.Label, c.Source.Topic.Code)
		for _, s := range c.Suggestions {
			fmt.Fprintf(&b, "suggestion (%s, recommended %v): %s\n", c.SelectionBehavior, s.IsRecommended, s.Label)
			for _, a := range s.Actions {
				fmt.Fprintf(&b, "  %s %s%s: %s\n", a.Type, a.ResourceID, a.Resource, a.Description)
			}
		}
		for _, r := range c.OverrideReasons {
			fmt.Fprintf(&b, "reason: %s (%s)\n", r.Display, r.Code)
		}
		b.WriteString("\n" + c.Detail + "\n\n")
	}
	return b.String()
}

func TestCards(t *testing.T) {
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatal("no golden folders", err)
	}
	for _, folder := range folders {
		for _, lang := range []cds.Lang{cds.DE, cds.EN} {
			t.Run(filepath.Base(folder)+"/"+string(lang), func(t *testing.T) {
				rec := read(t, filepath.Join(folder, string(lang)+".json"))
				cards := render.Cards(rec, render.Options{Lang: lang, NewUUID: ids})
				body, err := json.Marshal(cds.Response{Cards: cards})
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range conformance.Response(body, []string{"MedicationRequest/1"}) {
					t.Error(v)
				}
				golden := filepath.Join(folder, string(lang)+".md")
				got := shown(cards)
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("the cards differ (-want +got), -update takes them over:\n%s", diff)
				}
			})
		}
	}
}

// TestForeignTextStaysText gives hostile text to every field and looks at what a
// GFM reader makes of the cards.
func TestForeignTextStaysText(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	for _, card := range render.Cards(read(t, "testdata/hostile/de.json"), render.Options{Lang: cds.DE, NewUUID: ids}) {
		var page strings.Builder
		if err := md.Convert([]byte(card.Detail), &page); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"<a ", "<img", "<code", "<em>", "<del", "<table", "<h1", "<h2", "raw HTML omitted"} {
			if strings.Contains(page.String(), bad) {
				t.Errorf("card %q makes %s: %s", card.Summary, bad, page.String())
			}
		}
		for _, text := range []string{card.Summary, card.Detail, card.Source.Label, card.Source.Topic.Display} {
			if strings.ContainsAny(text, "\u202e\u200b\u200d\u2066\ufeff") {
				t.Errorf("hidden characters in %q", text)
			}
		}
	}
}

func TestSummaryCountsCharacters(t *testing.T) {
	for _, length := range []int{1, 138, 139, 140, 500} {
		rec := cds.Recommendation{Warnings: []cds.Warning{{Indicator: cds.Critical, Summary: strings.Repeat("ü", length)}}}
		got := render.Cards(rec, render.Options{NewUUID: ids})[0].Summary
		if n := utf8.RuneCountInString(got); n > 139 || length <= 139 && n != length {
			t.Errorf("%d characters became %d", length, n)
		}
	}
}

func TestNotCheckedIsOneStableCard(t *testing.T) {
	rec := cds.Recommendation{NotChecked: []cds.NotChecked{{Check: "Allergien"}, {Check: "Nierenfunktion"}, {Check: "Allergien"}}}
	first := render.Cards(rec, render.Options{NewUUID: ids})
	if len(first) != 1 || first[0].Source.Topic.Code != render.NotCheckedTopic || first[0].Indicator != cds.WarningI {
		t.Fatalf("got %+v", first)
	}
	if want := "Nicht geprüft: Allergien, Nierenfunktion"; first[0].Summary != want {
		t.Errorf("summary %q, want %q", first[0].Summary, want)
	}
	if diff := cmp.Diff(first, render.Cards(rec, render.Options{NewUUID: ids})); diff != "" {
		t.Error("the card flickers:", diff)
	}
}

// A dose that no source reduces for a kidney that is impaired but mildly is told
// without interrupting; beside anything else that was not checked it is one of many.
func TestWhatNoSourceKnowsDoesNotInterrupt(t *testing.T) {
	band := cds.NotChecked{Check: "Nierendosis: Flucloxacillin", Why: cds.NoBand}
	for _, tc := range []struct {
		list []cds.NotChecked
		want cds.Indicator
	}{
		{[]cds.NotChecked{band}, cds.Info},
		{[]cds.NotChecked{band, {Check: "Allergien"}}, cds.WarningI},
		{[]cds.NotChecked{{Check: "Nierendosis: Flucloxacillin"}}, cds.WarningI},
	} {
		got := render.Cards(cds.Recommendation{NotChecked: tc.list}, render.Options{NewUUID: ids})
		if len(got) != 1 || got[0].Indicator != tc.want || got[0].Source.Topic.Code != render.NotCheckedTopic {
			t.Errorf("%+v gives %+v, want %s", tc.list, got, tc.want)
		}
	}
}

// TestWhatAClientCanShow: fewer cards, no Markdown, no actions; nothing is lost but
// what can be clicked.
func TestWhatAClientCanShow(t *testing.T) {
	rec := read(t, "testdata/order/en.json")
	rec.Warnings[0].Fix, rec.Warnings[1].Fix = fixes(cds.EN), nil
	whole := render.Cards(rec, render.Options{Lang: cds.EN, NewUUID: ids})
	for _, tc := range []struct {
		name    string
		options render.Options
		cards   int
		actions int // kinds of suggestions that are left
		has     []string
		hasNot  []string
	}{
		{"one card", render.Options{MaxCards: 1}, 1, 2, []string{whole[0].Summary, "Two beta-lactams", "long name number 8", "**"}, nil},
		{"two cards", render.Options{MaxCards: 2}, 2, 2, []string{whole[0].Summary, "Two beta-lactams", "long name number 8"}, nil},
		{"as many as there are", render.Options{MaxCards: 3}, 3, 2, nil, []string{"more notices"}},
		{"plain text", render.Options{PlainText: true}, 3, 2, []string{"  Bei Anaphylaxie"}, []string{"**", "\\", "\n>"}},
		{"nothing is created", render.Options{Suggestions: []string{"delete"}}, 3, 1, []string{"Suggestion: Replace with levofloxacin"}, nil},
		{"nothing is carried out", render.Options{Suggestions: []string{}}, 3, 0, []string{"Suggestion: Replace with levofloxacin", "Suggestion: Delete the draft"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.options.Lang, tc.options.NewUUID = cds.EN, ids
			cards := render.Cards(rec, tc.options)
			body, err := json.Marshal(cds.Response{Cards: cards})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range conformance.Response(body, []string{"MedicationRequest/1"}) {
				t.Error(v)
			}
			text, suggestions := "", 0
			for _, c := range cards {
				text += c.Summary + "\n" + c.Detail + "\n"
				suggestions += len(c.Suggestions)
			}
			if len(cards) != tc.cards || suggestions != tc.actions {
				t.Errorf("%d cards with %d suggestions, want %d with %d", len(cards), suggestions, tc.cards, tc.actions)
			}
			if cards[0].Indicator != cds.Critical {
				t.Error("what is critical does not come first")
			}
			for _, words := range tc.has {
				if !strings.Contains(text, words) {
					t.Errorf("%q is lost in %s", words, text)
				}
			}
			for _, words := range tc.hasNot {
				if strings.Contains(text, words) {
					t.Errorf("%q stands in %s", words, text)
				}
			}
		})
	}
}

// TestWhatWasToldBeforeIsNotToldAtLength: but it is told, since silence would mean
// that all was checked.
func TestWhatWasToldBeforeIsNotToldAtLength(t *testing.T) {
	rec := cds.Recommendation{NotChecked: []cds.NotChecked{{Check: "allergies", Reason: "not sent"}}}
	cards := render.Cards(rec, render.Options{Lang: cds.EN, NewUUID: ids, Told: true})
	if len(cards) != 1 || cards[0].Indicator != cds.Info || cards[0].Summary != "Still not checked: allergies" || strings.Contains(cards[0].Detail, "not sent") {
		t.Errorf("got %+v", cards)
	}
	rec = read(t, "testdata/options/en.json")
	cards = render.Cards(rec, render.Options{Lang: cds.EN, NewUUID: ids, Told: true})
	for _, c := range cards {
		if c.Source.Topic.Code == render.NotCheckedTopic {
			t.Errorf("a card of its own: %s", c.Summary)
		}
	}
	if !strings.Contains(cards[1].Detail, "**Still not checked: renal dose of cefuroxime, pregnancy**") {
		t.Errorf("nothing is said of it in %s", cards[1].Detail)
	}
}

func FuzzCards(f *testing.F) {
	f.Add("x < y", "1. a\n# b\n> c", "![a](b)")
	f.Add("\u202e", "|a|b|\n|-|-|", "&#60;b>")
	f.Fuzz(func(t *testing.T, summary, detail, quote string) {
		if !utf8.ValidString(summary + detail + quote) {
			return
		}
		rec := cds.Recommendation{Warnings: []cds.Warning{{Code: "c", Indicator: cds.WarningI, Summary: "s" + summary, Detail: detail}}}
		rec.NotChecked = []cds.NotChecked{{Check: "c" + quote, Reason: quote, Missing: []string{"m" + quote}}}
		body, err := json.Marshal(cds.Response{Cards: render.Cards(rec, render.Options{NewUUID: ids})})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range conformance.Response(body, nil) {
			// A warning without any text has no detail to check.
			t.Error(v)
		}
	})
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship/concept"
	"cdss/rag"
	reading "cdss/rag/parse"
	"cdss/rag/retrieve"
)

// TestCitationsHaveWords asks for the words of every place that the shipped rules
// cite, with the guideline of the reference data loaded: a rule whose page shows
// nothing is a rule that nobody can check.
func TestCitationsHaveWords(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir = filepath.Join(dir, "guideline-s2k")
	data, err := os.ReadFile(filepath.Join(dir, "documents.json"))
	if err != nil {
		t.Skip("reference data folder absent (REFERENCE_DATA_DIR)")
	}
	catalogue, err := reading.ReadCatalogue(data)
	if err != nil {
		t.Fatal(err)
	}
	var docs []rag.Document
	var passages []rag.Passage
	loaded := map[string]bool{}
	for name, meta := range catalogue {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := reading.Parse(context.Background(), name, raw, meta)
		if err != nil {
			t.Fatal(err)
		}
		d := rag.Document{ID: name, FileName: name, Identifier: meta.Identifier, Version: meta.Version,
			Language: parsed.Language, PartOf: meta.PartOf, SameAs: meta.SameAs, Status: rag.Active}
		docs, passages = append(docs, d), append(passages, reading.Segment(parsed, d)...)
		loaded[d.Identifier] = true
	}
	snapshot := retrieve.Build(docs, passages, retrieve.Options{Expander: concept.Default()})

	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := knowledge.Load(artifacts, knowledge.Options{Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	cited, silent := 0, 0
	ask := func(where string, l rag.Locator) {
		if !loaded[l.Document] {
			return
		}
		cited++
		if _, _, ok := snapshot.Resolve(l); !ok {
			silent++
			t.Logf("no words: %s: %s p. %d %q, terms %s", where, l.Document, l.Page, l.Section, strings.Join(l.Terms, " | "))
		}
	}
	for _, plan := range rules.Plans() {
		var walk func(actions []*knowledge.Action)
		walk = func(actions []*knowledge.Action) {
			for _, a := range actions {
				for _, l := range a.Citations {
					ask(plan.URL+"#"+a.ID, l)
				}
				if a.Regimen != nil && a.Regimen.Source.Document != "" {
					ask(plan.URL+"#"+a.ID+" regimen", a.Regimen.Source)
				}
				walk(a.Actions)
			}
		}
		walk(plan.Actions)
	}
	if cited == 0 {
		t.Fatal("no rule cites a loaded document")
	}
	t.Logf("%d of %d cited places have words", cited-silent, cited)
	if most := cited / 100; silent > most {
		t.Errorf("%d of %d cited places have no words, at most %d may", silent, cited, most)
	}
}

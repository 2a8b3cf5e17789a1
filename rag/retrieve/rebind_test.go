package retrieve

import (
	"testing"

	"cdss/rag"
)

// A new version moved a row to another page: a rule that cites the old place finds
// the words where they stand now, and nothing where they do not stand any more.
func TestResolveFollowsWordsIntoANewVersion(t *testing.T) {
	doc := rag.Document{ID: "v2", Identifier: "g", Version: "2"}
	passages := []rag.Passage{
		{ID: "a", Document: "v2", Kind: rag.Table, Page: 9, PageEnd: 9, Quoted: "Meropenem\t1 g\t8 h\nCeftriaxon\t2 g\t24 h",
			Earlier: []rag.Earlier{{Version: "1", Page: 4, PageEnd: 4, Words: "Ceftriaxon\t2 g\t24 h"}}},
		{ID: "b", Document: "v2", Kind: rag.Text, Page: 4, PageEnd: 4, Quoted: "Allgemeine Hinweise zur Hygiene auf Station."},
	}
	s := Places(doc, passages, nil)
	for _, tt := range []struct {
		name string
		at   rag.Locator
		want string
	}{
		{"the row of the old page", rag.Locator{Document: "g", Page: 4, Terms: []string{"Ceftriaxon", "2 g"}}, "a"},
		{"the old version named", rag.Locator{Document: "g", Version: "1", Page: 4, Terms: []string{"Ceftriaxon", "2 g"}}, "a"},
		{"a version that never was", rag.Locator{Document: "g", Version: "0", Page: 4, Terms: []string{"Ceftriaxon", "2 g"}}, ""},
		{"words that stood elsewhere", rag.Locator{Document: "g", Page: 4, Terms: []string{"Meropenem", "1 g"}}, ""},
		{"the new page", rag.Locator{Document: "g", Page: 9, Terms: []string{"Meropenem", "1 g"}}, "a"},
		{"what stands on the page now goes first", rag.Locator{Document: "g", Page: 4, Terms: []string{"Hygiene", "Station"}}, "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, _, _ := s.Resolve(tt.at); p.ID != tt.want {
				t.Errorf("found %q, want %q", p.ID, tt.want)
			}
		})
	}
}

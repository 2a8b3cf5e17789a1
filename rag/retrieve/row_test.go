package retrieve_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"cdss/rag"
	"cdss/rag/retrieve"
)

// A table without pages is cited by the first cell of its row.
func TestResolveRow(t *testing.T) {
	table := "Substance\tForm\tBelow 30 mL/min\n" +
		"Alphacillin\toral\thalf\n" +
		"Alphacillin/Blockam\tinfusion\ta third\n" +
		"Alphacillin/Blockam\toral\ttwice a day\n" +
		"Betamycin\tinfusion\tno change"
	s := retrieve.Build(
		[]rag.Document{{ID: "d", Identifier: "renal", Language: "en", Status: rag.Active}},
		[]rag.Passage{{ID: "p", Document: "d", Kind: rag.Table, Language: "en", Quoted: table, Indexed: table}},
		retrieve.Options{})
	for _, tc := range []struct {
		name, section string
		terms         []string
		want          string
	}{
		{"the row alone", "Alphacillin", []string{"Alphacillin"}, "Alphacillin\toral\thalf"},
		{"adjoining rows of one substance", "Alphacillin/Blockam", []string{"Alphacillin/Blockam"}, "Alphacillin/Blockam\tinfusion\ta third\nAlphacillin/Blockam\toral\ttwice a day"},
		{"first two cells", "Betamycin infusion", []string{"Betamycin"}, "Betamycin\tinfusion\tno change"},
		{"no row of that name", "Alpha", []string{"Alphacillin"}, ""},
		{"a later cell is no name", "oral", []string{"Alphacillin"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _, ok := s.Resolve(rag.Locator{Document: "renal", Section: tc.section, Terms: tc.terms})
			if ok != (tc.want != "") || p.Quoted != tc.want {
				t.Fatalf("found %v, %q, want %q", ok, p.Quoted, tc.want)
			}
			if sum := sha256.Sum256([]byte(p.Quoted)); ok && p.SHA256 != hex.EncodeToString(sum[:]) {
				t.Error("the hash is not that of the quoted words")
			}
		})
	}
}

package retrieve_test

import (
	"strings"
	"testing"

	"cdss/rag"
	"cdss/rag/retrieve"
)

func TestResolve(t *testing.T) {
	l := load(t, func(d *rag.Document) {
		switch d.ID {
		case "urinary-de":
			d.Identifier, d.Version = "guide-1", "2018"
		case "sepsis-copy-de":
			d.Identifier, d.PartOf = "guide-2-ch1", "guide-2"
		case "sepsis-de":
			d.Identifier = "guide-2"
		}
	})
	s := l.snapshot(retrieve.Options{})
	hash := ""
	for _, p := range l.passages {
		if strings.Contains(p.Quoted, "sieben Tage") {
			hash = p.SHA256
		}
	}
	for _, tc := range []struct {
		name    string
		locator rag.Locator
		want    string // part of the quotation, "" for not found
		doc     string
	}{
		{"page, substance and dose", rag.Locator{Document: "guide-1", Version: "2018", Page: 11, Terms: []string{"Gentamicin", "1x 5 mg/kg"}}, "Gentamicin", "guide-1"},
		{"English name of the substance, decimal sign and times sign", rag.Locator{Document: "guide-1", Page: 11, Terms: []string{"gentamicin", "1 × 5 mg/kg"}}, "Gentamicin", "guide-1"},
		{"another name of the substance", rag.Locator{Document: "guide-1", Page: 11, Terms: []string{"Rocephin", "2 g"}}, "Ceftriaxon", "guide-1"},
		{"table by its number in the other language", rag.Locator{Document: "guide-1", Section: "Table 2.1", Terms: []string{"Meropenem", "3x 1 g"}}, "Meropenem", "guide-1"},
		{"wrong page", rag.Locator{Document: "guide-1", Page: 10, Terms: []string{"Gentamicin", "1x 5 mg/kg"}}, "", ""},
		{"wrong version", rag.Locator{Document: "guide-1", Version: "2024", Page: 11, Terms: []string{"Gentamicin"}}, "", ""},
		{"wrong document", rag.Locator{Document: "guide-9", Page: 11, Terms: []string{"Gentamicin"}}, "", ""},
		{"no document", rag.Locator{Page: 11, Terms: []string{"Gentamicin"}}, "", ""},
		{"substance that is not there", rag.Locator{Document: "guide-1", Page: 11, Terms: []string{"Vancomycin", "1x 5 mg/kg"}}, "", ""},
		{"dose that is not there", rag.Locator{Document: "guide-1", Page: 11, Terms: []string{"Gentamicin", "1x 7 mg/kg"}}, "", ""},
		{"a part of a number is no dose", rag.Locator{Document: "guide-1", Page: 11, Terms: []string{"Gentamicin", "0 Tage"}}, "", ""},
		{"nothing to go by", rag.Locator{Document: "guide-1", Page: 11}, "", ""},
		{"no page and one word", rag.Locator{Document: "guide-1", Terms: []string{"Gentamicin"}}, "", ""},
		{"hash alone", rag.Locator{Document: "guide-1", Page: 99, Hash: hash, Terms: []string{"absent"}}, "sieben Tage", "guide-1"},
		{"hash that stands nowhere any more", rag.Locator{Document: "guide-1", Page: 11, Hash: strings.Repeat("0", 64), Terms: []string{"Gentamicin"}}, "", ""},
		{"hash in another document", rag.Locator{Document: "guide-2", Hash: hash}, "", ""},
		{"document before its chapter file", rag.Locator{Document: "guide-2", Terms: []string{"Schock", "Blutkulturen"}}, "Schock", "guide-2"},
		{"chapter by its own name", rag.Locator{Document: "guide-2-ch1", Terms: []string{"Schock", "Blutkulturen"}}, "Schock", "guide-2-ch1"},
		{"page asked of a document without pages", rag.Locator{Document: "guide-2", Page: 3, Terms: []string{"Schock", "Blutkulturen"}}, "", ""},
		{"only passage of a section", rag.Locator{Document: "guide-2", Section: "Sepsis"}, "Schock", "guide-2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, d, ok := s.Resolve(tc.locator)
			if ok != (tc.want != "") || !strings.Contains(p.Quoted, tc.want) || d.Identifier != tc.doc {
				t.Errorf("found %v, document %q, %q; want %q in %q", ok, d.Identifier, p.Quoted, tc.want, tc.doc)
			}
		})
	}
}

func TestResolveCountsChapters(t *testing.T) {
	l := load(t, func(d *rag.Document) {
		if d.ID == "heart-en" {
			d.Identifier, d.PartOf = "guide-3-ch2", "guide-3"
		}
	})
	p, d, ok := l.snapshot(retrieve.Options{}).Resolve(rag.Locator{Document: "guide-3", Terms: []string{"Vancomycin", "gentamicin", "prosthetic valve"}})
	if !ok || d.Identifier != "guide-3-ch2" || !strings.Contains(p.Quoted, "Vancomycin with gentamicin") {
		t.Errorf("found %v in %q: %q", ok, d.Identifier, p.Quoted)
	}
}

package build

import (
	"io/fs"

	"cdss/cds/content"
	"cdss/fhir"
)

// contentVersion is the version of all artifacts of this package, contentDate the
// day it was made. Both change by hand, with the tables.
const (
	contentVersion = "0.1.0"
	contentDate    = "2026-11-25"
)

// Code systems a Condition may be coded with.
const (
	icd10gm = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	snomed  = "http://snomed.info/sct"
)

type indication struct {
	code, category string
	alias          string
	de, en         string
	icd, sct       []string
	words          []string
}

type catalogue struct {
	list []indication
	by   map[string]indication
}

func readIndications(fsys fs.FS) (*catalogue, *fhir.Object, error) {
	categories, err := readTable(fsys, "categories.csv", "category", "order", "de", "en")
	if err != nil {
		return nil, nil, err
	}
	table, err := readTable(fsys, "indications.csv", "code", "alias", "category", "order", "de", "en", "icd10gm", "snomed", "words")
	if err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	const (
		about   = "Indikationen, für die Empfehlungen berechnet werden, nach Kategorien; der Alias ist der Wert des Prototyps, die Codes sind Kodierungen einer Diagnose, die dieselbe Indikation meinen (ein Stern steht für jede Fortsetzung)."
		aboutEN = "Indications that recommendations are computed for, by category; the alias is the prototype's value, the codes are codings of a diagnosis that mean the same indication (a star stands for any continuation)."
	)
	system := fhir.NewResource("CodeSystem", "indication").
		Set("language", "de").
		Set("text", narrative("Klinische Indikationen", "Clinical indications", about, aboutEN)).
		Set("url", content.IndicationSystem).
		Set("version", contentVersion).
		Set("name", "Indication").
		SetText("title", "Klinische Indikationen", english("Clinical indications")).
		Set("status", "active").
		Set("experimental", false).
		Set("date", contentDate).
		SetText("description", about, english(aboutEN)).
		Set("caseSensitive", true).
		Set("hierarchyMeaning", "is-a").
		Set("content", "complete")
	for _, p := range []struct{ code, kind, description string }{
		{"alias", "string", "Value of the prototype"},
		{"category", "code", "Category the indication belongs to"},
		{"order", "integer", "Order for display"},
		{"icd-10-gm", "string", "Code of ICD-10-GM, a trailing star for any continuation"},
		{"snomed", "string", "SNOMED CT concept"},
		{"words", "string", "Words of a diagnosis, in lower case, that mean the indication where no code does"},
	} {
		system.Append("property", fhir.NewObject().Set("code", p.code).Set("description", p.description).Set("type", p.kind))
	}
	property := func(code, kind string, value any) *fhir.Object {
		return fhir.NewObject().Set("code", code).Set("value"+kind, value)
	}
	for _, r := range categories.rows {
		code := r.need("category")
		known[code] = true
		system.Append("concept", concept(code, r.need("de"), r.need("en")).
			Append("property", property("order", "Integer", r.whole("order"))))
	}
	c := &catalogue{by: map[string]indication{}}
	for _, r := range table.rows {
		i := indication{
			code: r.need("code"), alias: r.need("alias"), category: r.need("category"),
			de: r.need("de"), en: r.need("en"), icd: r.list("icd10gm"), sct: r.list("snomed"), words: r.terms("words"),
		}
		if !known[i.category] {
			r.fail("category %q is not among the categories", i.category)
		}
		if _, twice := c.by[i.code]; twice {
			r.fail("indication %q stands twice", i.code)
		}
		c.by[i.code] = i
		c.list = append(c.list, i)
		o := concept(i.code, i.de, i.en).
			Append("property", property("alias", "String", i.alias)).
			Append("property", property("category", "Code", i.category)).
			Append("property", property("order", "Integer", r.whole("order")))
		for _, code := range i.icd {
			o.Append("property", property("icd-10-gm", "String", code))
		}
		for _, code := range i.sct {
			o.Append("property", property("snomed", "String", code))
		}
		for _, phrase := range i.words {
			o.Append("property", property("words", "String", phrase))
		}
		system.Append("concept", o)
	}
	if err := categories.err(); err != nil {
		return nil, nil, err
	}
	return c, system, table.err()
}

func concept(code, de, en string) *fhir.Object {
	return fhir.NewObject().Set("code", code).Set("display", de).
		Append("designation", fhir.NewObject().Set("language", "en").Set("value", en))
}

func english(text string) fhir.Translation { return fhir.Translation{Lang: "en", Content: text} }

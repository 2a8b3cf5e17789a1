package build

import (
	"encoding/base64"
	"fmt"
	"io/fs"

	"cdss/cds/content"
	"cdss/cds/stewardship"
	"cdss/fhir"
)

// collection is a set of source tables that decisions read as they stand, published
// as one versioned Library.
type collection struct {
	id, name string
	head     string // the table whose first line names the collection and its version
	de, en   string
	tables   []string
}

var collections = []collection{
	{"formulary", "Formulary", "formulary.csv",
		"Antimikrobielle Substanzen: ATC, Klasse, Seitenkette, AWaRe, Tagesdosis, Applikationswege, Nieren- und Leberangaben, Schwangerschaft, Stillzeit, Altersgrenzen, Überwachung; jede Angabe mit Quelle.",
		"Antimicrobial substances: ATC, class, side chain, AWaRe, daily dose, routes, renal and hepatic statements, pregnancy, lactation, age limits, monitoring; each with its source.",
		[]string{"formulary.csv", "sidechains.csv", "renal.csv", "hepatic.csv", "pregnancy.csv", "lactation.csv", "notes.csv", "amounts.csv", "sources.csv"}},
	{"interactions", "Interactions", "interactions.csv",
		"Benannte Liste wichtiger Antibiotika-Interaktionen; keine allgemeine Interaktionsprüfung.",
		"Named list of important antibiotic interactions; no general interaction check.",
		[]string{"interactions.csv", "sources.csv"}},
}

// collected builds the Libraries of the tables.
func collected(fsys fs.FS) ([]*fhir.Object, error) {
	var out []*fhir.Object
	for _, c := range collections {
		head, err := stewardship.TableHead(fsys, c.head)
		if err != nil {
			return nil, err
		}
		if head["version"] == "" {
			return nil, fmt.Errorf("%s names no version", c.head)
		}
		o := fhir.NewResource("Library", c.id).Set("language", "de").
			Set("text", narrative(head["de"], head["en"], c.de, c.en)).
			Set("url", content.Base+"/Library/"+c.id).
			Set("version", head["version"]).
			Set("name", c.name).
			SetText("title", head["de"], english(head["en"])).
			Set("status", "active").
			Set("experimental", false).
			Set("type", concept1("http://terminology.hl7.org/CodeSystem/library-type", "asset-collection", "Asset Collection")).
			Set("date", contentDate).
			SetText("description", c.de, english(c.en))
		for _, name := range c.tables {
			raw, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("read table %s: %w", name, err)
			}
			o.Append("content", fhir.NewObject().Set("contentType", "text/csv").Set("data", base64.StdEncoding.EncodeToString(raw)).Set("title", name))
		}
		out = append(out, o)
	}
	return out, nil
}

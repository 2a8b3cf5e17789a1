package build

import (
	"io/fs"

	"cdss/cds/content"
	"cdss/fhir"
)

const findingsCanonical = content.Base + "/Library/findings|" + contentVersion

// expressionURL is the standard extension for a named expression.
const expressionURL = "http://hl7.org/fhir/StructureDefinition/cqf-expression"

// findings builds the Library of named expressions that conditions use beside the
// named values of the Chart.
func findings(fsys fs.FS) (*fhir.Object, error) {
	t, err := readTable(fsys, "findings.csv", "name", "fact", "de", "en", "expression")
	if err != nil {
		return nil, err
	}
	const (
		de = "Benannte Ausdrücke über den Werten des Charts. Ein leeres Ergebnis heißt: nicht bekannt."
		en = "Named expressions over the values of the Chart. An empty result means: not known."
	)
	o := fhir.NewResource("Library", "findings").Set("language", "de").
		Set("text", narrative("Benannte Befunde", "Named findings", de, en))
	seen := map[string]bool{}
	for _, r := range t.rows {
		name := r.need("name")
		if seen[name] {
			r.fail("finding %q stands twice", name)
		}
		seen[name] = true
		o.Append("extension", fhir.NewObject().Set("url", expressionURL).Set("valueExpression", fhir.NewObject().
			Append("extension", extension(content.FactExtension, "Code", r.need("fact"))).
			SetText("description", r.need("de"), english(r.need("en"))).
			Set("name", name).
			Set("language", "text/fhirpath").
			Set("expression", r.need("expression"))))
	}
	o.Set("url", content.Base+"/Library/findings").
		Set("version", contentVersion).
		Set("name", "Findings").
		SetText("title", "Benannte Befunde", english("Named findings")).
		Set("status", "active").
		Set("experimental", false).
		Set("type", concept1("http://terminology.hl7.org/CodeSystem/library-type", "logic-library", "Logic Library")).
		Set("date", contentDate).
		SetText("description", de, english(en))
	return o, t.err()
}

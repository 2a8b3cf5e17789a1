package facts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cdss/cds/facts"
	"cdss/cds/stewardship/microbiology"
	"cdss/fhir"
)

const mb = `"category":[{"coding":[{"system":"http://loinc.org","code":"18725-2"}]}]`

// lab gives a final Observation of the microbiology laboratory; more is appended as
// it stands.
func lab(id, loinc, more string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final",%s,"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-03-14T10:00:00+01:00","code":{"coding":[{"system":"http://loinc.org","code":"%s"}]},%s}`, id, mb, loinc, more)
}

const coli = `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"112283007"}]}`

func category(code string) string { return `"interpretation":[{"coding":[{"code":"` + code + `"}]}]` }

func results(i microbiology.Isolate) string {
	var out []string
	for _, r := range i.Results {
		s := r.ATC + " " + string(r.Interpretation)
		if r.Norm != "" {
			s += fmt.Sprintf(" %s %d", r.Norm, r.Year)
		}
		if r.Only != "" {
			s += " " + string(r.Only)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// Laboratories put an antibiogram in many places; each is read.
func TestSusceptibilitiesWhereverTheyStand(t *testing.T) {
	norm := func(inner string) string {
		return `"interpretation":[{"coding":[{"code":"I"}],"extension":[{"url":"https://example.org/norm",` + inner + `}]}]`
	}
	for _, tc := range []struct {
		name string
		raw  []string
		want string
	}{
		{"members", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`), lab("s", "18906-8", category("S"))}, "J01MA02 S"},
		{"members of a panel", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/pa"}]`),
			lab("pa", "18769-0", `"hasMember":[{"reference":"Observation/s"}]`), lab("s", "18886-2", category("R"))}, "J01DD01 R"},
		{"components", []string{lab("c", "600-7", coli+`,"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"18943-1"}]},`+category("S")+`,"valueQuantity":{"value":0.25,"unit":"mg/L"}}]`)}, "J01DH02 S"},
		{"derived from the culture", []string{lab("c", "41852-5", coli), lab("s", "18998-5", category("R")+`,"derivedFrom":[{"reference":"Observation/c"}]`)}, "J01EE01 R"},
		{"of the same specimen", []string{lab("c", "41852-5", coli+`,"specimen":{"reference":"Specimen/x"}`), lab("s", "18895-3", category("1306577009")+`,"specimen":{"reference":"Specimen/x"}`)}, "J01DD04 S"},
		{"of the same report", []string{lab("c", "41852-5", coli), lab("s", "18895-3", category("R")),
			`{"resourceType":"DiagnosticReport","id":"dr","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"Mikrobiologie"},"result":[{"reference":"Observation/c"},{"reference":"Observation/s"}]}`}, "J01DD04 R"},
		{"two organisms in a specimen: whose it is cannot be told", []string{lab("c", "41852-5", coli+`,"specimen":{"reference":"Specimen/x"}`),
			lab("d", "41852-5", `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"78065002"}]},"specimen":{"reference":"Specimen/x"}`),
			lab("s", "18895-3", category("S")+`,"specimen":{"reference":"Specimen/x"}`)}, ""},
		{"norm on the interpretation, year in words", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`),
			lab("s", "18970-4", norm(`"valueCodeableConcept":{"coding":[{"code":"EUCAST"}],"text":"EUCAST 2024"}`))}, "J01CR05 I EUCAST 2024"},
		{"norm and version of the tables", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`),
			lab("s", "18970-4", norm(`"extension":[{"url":"norm","valueCodeableConcept":{"coding":[{"code":"EUCAST"}]}},{"url":"version","valueString":"14.0"}]`))}, "J01CR05 I EUCAST 2024"},
		{"norm without a year stays without", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`),
			lab("s", "18970-4", norm(`"valueCodeableConcept":{"coding":[{"code":"EUCAST"}]}`))}, "J01CR05 I EUCAST 0"},
		{"breakpoint for cystitis alone", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`),
			lab("s", "18862-3", category("S")+`,"note":[{"text":"EUCAST 2025, uncomplicated UTI only"}]`)}, "J01CR02 S EUCAST 2025 cystitis"},
		{"the category as the value", []string{lab("c", "630-4", coli+`,"hasMember":[{"reference":"Observation/s"}]`), lab("s", "18906-8", `"valueString":"R"`)}, "J01MA02 R"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(t, append([]string{adult}, tc.raw...)...)
			for _, i := range c.Isolates() {
				if i.Organism.Name.EN == "Escherichia coli" {
					if got := results(i); got != tc.want {
						t.Errorf("results %q, want %q", got, tc.want)
					}
					return
				}
			}
			t.Errorf("no E. coli among %v", c.Isolates())
		})
	}
}

// A culture that names no pathogen is none.
func TestCulturesWithoutPathogen(t *testing.T) {
	for _, value := range []string{
		`"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"10828004"}]}`,
		`"valueCodeableConcept":{"text":"Mischflora"}`, `"valueString":"kein Wachstum nach 48 h"`, `"valueCodeableConcept":{"text":"Hautflora, Kontamination"}`,
	} {
		if c := build(t, adult, lab("c", "600-7", value)); len(c.Isolates()) != 0 {
			t.Errorf("%s: isolates %v", value, c.Isolates())
		}
	}
	if c := build(t, adult, lab("c", "600-7", `"valueString":"Escherichia coli"`)); len(c.Isolates()) != 1 {
		t.Errorf("an organism in words alone: %v", c.Isolates())
	}
}

// The specimen says of what site an isolate is; a swab taken to look for carriers
// proves no pathogen, but makes a carrier.
func TestSpecimenOfAnIsolate(t *testing.T) {
	specimen := func(words string) string {
		return `{"resourceType":"Specimen","id":"x","subject":{"reference":"Patient/p"},"type":{"text":"` + words + `"}}`
	}
	culture := lab("c", "41852-5", coli+`,"specimen":{"reference":"Specimen/x"},"hasMember":[{"reference":"Observation/s"}]`)
	resistant := lab("s", "18886-2", category("R"))
	for words, want := range map[string]string{"Blutkultur": "blood", "Mittelstrahlurin": "urine", "Trachealsekret": "respiratory", "Liquor": "csf", "Wundabstrich": "wound", "Abstrich": ""} {
		c := build(t, adult, specimen(words), culture, resistant)
		if len(c.Isolates()) != 1 || c.Isolates()[0].Specimen != want {
			t.Errorf("%s: %v, want one of %q", words, c.Isolates(), want)
		}
	}
	c := build(t, adult, specimen("Rektalabstrich, Screening"), culture, resistant)
	if len(c.Isolates()) != 0 || value(c, "mrgn") != "known true" {
		t.Errorf("screening: %d isolates, mrgn %s", len(c.Isolates()), value(c, "mrgn"))
	}
}

// Resistance is read from the tests that stand for it, whoever wrote the word.
func TestResistanceBehindTheWords(t *testing.T) {
	organism := func(code string) string {
		return `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"` + code + `"}]},"hasMember":[{"reference":"Observation/s"}]`
	}
	detected := `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260373001"}]}`
	gene := func(name, value string) string {
		return strings.Replace(lab("g", "92249-2", value), `"code":"92249-2"}]`, `"code":"92249-2"}],"text":"`+name+`"`, 1)
	}
	for _, tc := range []struct {
		name, fact, want string
		raw              []string
	}{
		{"oxacillin", "mrsa", "known true", []string{lab("c", "600-7", organism("3092008")), lab("s", "18961-3", category("R"))}},
		{"vancomycin", "vre", "known true", []string{lab("c", "600-7", organism("90272000")), lab("s", "19000-9", category("R"))}},
		{"CTX-M", "mrgn", "known true", []string{gene("blaCTX-M Gen", detected)}},
		{"OXA-48 makes a 4MRGN", "mrgn-class", "known 4MRGN", []string{gene("Carbapenemase OXA-48", detected)}},
		{"not detected", "mrgn", "absent false", []string{condition("I10", "Hypertonie", ""), gene("Carbapenemase OXA-48", `"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260415000"}]}`)}},
		{"2MRGN is neither 3 nor 4", "mrgn", "absent false", []string{condition("I10", "Hypertonie", ""), lab("k", "99780-9", `"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA33214-0"}]}`)}},
		{"4MRGN by the class", "mrgn-class", "known 4MRGN", []string{lab("k", "99780-9", `"valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA33216-5","display":"4MRGN"}]}`)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := value(build(t, append([]string{adult}, tc.raw...)...), tc.fact); got != tc.want {
				t.Errorf("%s = %s, want %s", tc.fact, got, tc.want)
			}
		})
	}
}

// The examples of the German microbiology profiles are read when they are at hand.
func TestGermanMicrobiologyExamples(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "microbiology", "mii-kds-mikrobiologie", "*.json"))
	if len(files) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	in := input(t)
	in.Now, in.Patient = now.AddDate(0, 1, 0), "example"
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			t.Fatal(err)
		}
		in.Resources = append(in.Resources, r)
	}
	c := facts.Build(in)
	if len(files) < 20 || len(c.Isolates()) != 1 || c.Isolates()[0].Organism.Name.EN != "Pseudomonas aeruginosa" {
		t.Errorf("%d files, isolates %v", len(files), c.Isolates())
	}
}

package build

import (
	"fmt"
	"html"
	"io/fs"
	"strconv"
	"strings"

	"cdss/cds/content"
	"cdss/fhir"
)

type source struct{ id, title, version, url string }

// readSources reads the table of documents that statements rest on.
func readSources(fsys fs.FS) (map[string]source, error) {
	t, err := readTable(fsys, "sources.csv", "id", "title", "version", "url", "read")
	if err != nil {
		return nil, err
	}
	out := map[string]source{}
	for _, r := range t.rows {
		out[r.need("id")] = source{r.text("id"), r.need("title"), r.text("version"), r.text("url")}
	}
	return out, t.err()
}

// citation is a relatedArtifact of type citation that says where its words stand.
func (s source) citation(page int, section string, terms []string) *fhir.Object {
	label := s.title
	if page > 0 {
		label = fmt.Sprintf("%s, S. %d", label, page)
	}
	o := fhir.NewObject().
		Append("extension", s.locator(page, section, terms)).
		Set("type", "citation").
		Set("label", s.id).
		Set("display", label)
	if s.url != "" {
		o.Set("url", s.url)
	}
	return o
}

func (s source) locator(page int, section string, terms []string) *fhir.Object {
	o := fhir.NewObject().Set("url", content.LocatorExtension).
		Append("extension", extension("document", "String", s.id))
	if s.version != "" {
		o.Append("extension", extension("version", "String", s.version))
	}
	if page > 0 {
		o.Append("extension", extension("page", "PositiveInt", page))
	}
	if section != "" {
		o.Append("extension", extension("section", "String", section))
	}
	for _, t := range terms {
		o.Append("extension", extension("term", "String", t))
	}
	return o
}

func extension(url, kind string, value any) *fhir.Object {
	return fhir.NewObject().Set("url", url).Set("value"+kind, value)
}

// translated is an extension with a text in both languages.
func translated(url, de, en string) *fhir.Object {
	return fhir.NewObject().Set("url", url).SetText("valueString", de, english(en))
}

// also reads further places of the guideline: "97:term;101:term|term".
func also(r row, column string) []place {
	var out []place
	for _, part := range strings.Split(r.text(column), ";") {
		if part == "" {
			continue
		}
		page, terms, ok := strings.Cut(part, ":")
		n, err := strconv.Atoi(page)
		if !ok || err != nil || n <= 0 {
			r.fail("%s holds %q, want page:terms", column, part)
			continue
		}
		out = append(out, place{page: n, terms: strings.Split(terms, "|")})
	}
	return out
}

type place struct {
	page    int
	section string
	terms   []string
}

func coding(system, code, display string) *fhir.Object {
	return fhir.NewObject().Set("system", system).Set("code", code).Set("display", display)
}

func concept1(system, code, display string) *fhir.Object {
	return fhir.NewObject().Append("coding", coding(system, code, display))
}

// narrative says in two sentences what an artifact is, for readers of FHIR.
func narrative(titleDE, titleEN, de, en string) *fhir.Object {
	paragraph := func(lang, title, text string) string {
		return `<p lang="` + lang + `"><b>` + html.EscapeString(title) + `</b>: ` + html.EscapeString(text) + `</p>`
	}
	return fhir.NewObject().Set("status", "generated").
		Set("div", `<div xmlns="http://www.w3.org/1999/xhtml">`+paragraph("de", titleDE, de)+paragraph("en", titleEN, en)+`</div>`)
}

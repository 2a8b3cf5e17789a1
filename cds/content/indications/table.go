package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cdss/cds/content"
	"cdss/cds/trial"
	"cdss/fhir"
)

// line is what the content holds of one indication.
type line struct {
	populations, silent int             // groups of patients with and without a regimen
	options             map[string]bool // population and option
	substances          map[string]bool
	pages               map[int]bool
	cases               int
	german, english     bool // everything people read is there
}

// table writes the document from the embedded content and a folder of test cases.
func table(cases fs.FS) ([]byte, error) {
	lines := map[string]*line{}
	of := func(code string) *line {
		if lines[code] == nil {
			lines[code] = &line{options: map[string]bool{}, substances: map[string]bool{}, pages: map[int]bool{}, german: true, english: true}
		}
		return lines[code]
	}
	err := rows("populations.csv", func(r map[string]string) {
		l := of(r["plan"])
		if r["role"] == "population" {
			l.populations++
		} else {
			l.silent++
		}
		l.read(r)
	})
	if err != nil {
		return nil, err
	}
	err = rows("regimens.csv", func(r map[string]string) {
		l := of(r["plan"])
		l.options[r["population"]+" "+r["option"]] = true
		l.substances[r["atc"]] = true
		l.read(r)
	})
	if err != nil {
		return nil, err
	}
	if err := count(cases, of); err != nil {
		return nil, err
	}
	plans, err := plans()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`# The indications

Generated from the content by ` + "`go generate ./cds/content`" + `; a test holds it up to date. Do not edit.

The regimens are examples: they restate facts of an expired guideline (AWMF 082-006), nobody reviewed or approved them, and every card, screen and print that shows one says so. Each source row names document and page; with the guideline loaded, the admin page "Rules" shows both side by side.

- **groups**: patients the source has a regimen for / for whom it is said that it has none or that no antibiotic is due
- **options**: alternatives over all groups, and the number of substances among them
- **pages**: printed pages of AWMF 082-006 that the rows cite
- **cases**: test cases of the project that work with the indication
- **de, en**: everything people read is there in the language

| # | indication | category | groups | options (substances) | pages | cases | de | en | drafted | reviewed | released |
|---|---|---|---|---|---|---|---|---|---|---|---|
`)
	n, missing := 0, 0
	err = rows("indications.csv", func(r map[string]string) {
		n++
		l, p := of(r["code"]), plans[r["code"]]
		if len(l.options) == 0 {
			missing++
		}
		fmt.Fprintf(&b, "| %d | %s – %s | %s | %d / %d | %d (%d) | %s | %d | %s | %s | %s | %s | %s |\n", n, r["de"], r["en"], r["category"], l.populations, l.silent,
			len(l.options), len(l.substances), l.cited(), l.cases, mark(l.german), mark(l.english), p.drafted, p.reviewed, p.released)
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "\n%d indications, %d of them with a regimen.\n", n, n-missing)
	return b.Bytes(), nil
}

// read notes the page of a row and whether both languages are there.
func (l *line) read(r map[string]string) {
	if page, err := strconv.Atoi(r["page"]); err == nil {
		l.pages[page] = true
	}
	for column, v := range r {
		if base, ok := strings.CutSuffix(column, "_de"); ok {
			l.german = l.german && (v != "" || r[base+"_en"] == "")
			l.english = l.english && (v == "" || r[base+"_en"] != "")
		}
	}
}

func (l *line) cited() string {
	pages := make([]int, 0, len(l.pages))
	for p := range l.pages {
		pages = append(pages, p)
	}
	sort.Ints(pages)
	var out []string
	for _, p := range pages {
		out = append(out, strconv.Itoa(p))
	}
	return strings.Join(out, ", ")
}

func mark(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// life is how far a plan is on its way.
type life struct{ drafted, reviewed, released string }

// plans reads the life of each plan from its own elements.
func plans() (map[string]life, error) {
	artifacts, err := content.Artifacts()
	if err != nil {
		return nil, err
	}
	out := map[string]life{}
	for _, r := range artifacts {
		n := r.Root()
		if r.Type() != "PlanDefinition" {
			continue
		}
		for _, u := range n.Children("useContext") {
			v, _ := u.Choice("value")
			for _, c := range v.CodeableConcept().Codings {
				if c.System == content.IndicationSystem {
					out[c.Code] = lifeOf(n)
				}
			}
		}
	}
	return out, nil
}

func lifeOf(n *fhir.Node) life {
	l := life{drafted: n.Child("version").String() + ", " + n.Child("date").String(), reviewed: "nobody yet", released: "no"}
	if day := n.Child("lastReviewDate").String(); day != "" {
		l.reviewed = day
	}
	if day := n.Child("approvalDate").String(); day != "" && n.Child("status").String() == "active" {
		l.released = day
	}
	return l
}

// count counts the test cases by the indication they expect or are of.
func count(cases fs.FS, of func(string) *line) error {
	names, err := fs.Glob(cases, "*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(cases, name)
		if err != nil {
			return err
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return fmt.Errorf("read case %s: %w", name, err)
		}
		c, err := trial.ReadCase(r)
		if err != nil {
			return fmt.Errorf("read case %s: %w", name, err)
		}
		switch {
		case c.Expect.Indication != "":
			of(c.Expect.Indication).cases++
		case c.Request != nil && c.Request.Indication != "":
			of(c.Request.Indication).cases++
		}
	}
	return nil
}

// rows reads a source table.
func rows(name string, each func(map[string]string)) error {
	f, err := content.Tables().Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.Comment = '#'
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, cells := range slices.Clone(all[1:]) {
		row := map[string]string{}
		for i, column := range all[0] {
			row[column] = cells[i]
		}
		each(row)
	}
	return nil
}

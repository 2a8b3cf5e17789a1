// Package antibiogram reads a hospital's own resistance statistics and tells how
// much of what grows there an option acts on.
//
// It owns the CSV form (organism, substance, isolates, percent susceptible) and the
// limit of 30 isolates below which a percentage says too little (CLSI M39). It
// refuses to rank: what it gives decides only between options that are equal
// otherwise.
package antibiogram

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/microbiology"
)

// Least is the number of isolates from which a percentage counts (CLSI M39).
const Least = 30

// Limits of a file; a hospital's statistics have some hundred rows.
const (
	maxBytes = 4 << 20
	maxRows  = 20000
)

// Row is one percentage.
type Row struct {
	Organism    microbiology.Organism
	ATC         string
	Isolates    int
	Susceptible float64 // percent
	Specimen    string  // urine | blood | respiratory | csf | wound | stool | "" all
}

// Problem is a line that was not used, and why.
type Problem struct {
	Line   int
	Reason string
}

// Table holds the rows that count; it never changes once loaded.
type Table struct {
	name string
	rows []Row
}

// Name is what the operator calls the table, such as hospital and year.
func (t *Table) Name() string { return t.name }

// Rows gives the rows that count.
func (t *Table) Rows() []Row { return slices.Clone(t.rows) }

// columns are the names a header may have, German or English.
var columns = map[string][]string{
	"organism":  {"organism", "erreger", "pathogen", "keim"},
	"substance": {"substance", "substanz", "wirkstoff", "antibiotic", "antibiotikum", "atc"},
	"n":         {"n", "isolates", "isolate", "anzahl"},
	"percent":   {"%s", "percent", "percent_susceptible", "s", "sensibel", "prozent_s"},
	"specimen":  {"specimen", "material", "probe"},
}

// Load reads a CSV file: a header, then organism, substance (name or ATC), number of
// isolates and percent susceptible, parted by comma, semicolon or tab; a decimal
// comma is read. Lines that cannot be used come back as problems; a file without a
// usable header or row is an error.
func Load(name string, r io.Reader, drugs *formulary.Formulary, organisms *microbiology.Table) (*Table, []Problem, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read antibiogram: %w", err)
	case len(raw) > maxBytes:
		return nil, nil, errors.New("antibiogram is larger than 4 MiB")
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.Comment, reader.FieldsPerRecord, reader.TrimLeadingSpace = separator(text), '#', -1, true
	header, err := reader.Read()
	if err != nil {
		return nil, nil, errors.New("antibiogram has no header")
	}
	at := map[string]int{}
	for i, h := range header {
		for column, names := range columns {
			if slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) {
				at[column] = i
			}
		}
	}
	for _, need := range []string{"organism", "substance", "n", "percent"} {
		if _, ok := at[need]; !ok {
			return nil, nil, fmt.Errorf("antibiogram has no column %q", need)
		}
	}
	t := &Table{name: name}
	var problems []Problem
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// A line that is none may have no field that could tell where it is.
			line := 0
			if fault := (*csv.ParseError)(nil); errors.As(err, &fault) {
				line = fault.StartLine
			}
			problems = append(problems, Problem{line, "no CSV line"})
			continue
		}
		line, _ := reader.FieldPos(0)
		row, reason := read(cells, at, drugs, organisms)
		if reason != "" {
			problems = append(problems, Problem{line, reason})
			continue
		}
		if t.rows = append(t.rows, row); len(t.rows) > maxRows {
			return nil, nil, errors.New("antibiogram has more than 20000 rows")
		}
	}
	if len(t.rows) == 0 {
		return nil, problems, errors.New("antibiogram has no row that can be used")
	}
	return t, problems, nil
}

// separator is what parts the first line that is no comment.
func separator(text string) rune {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		for _, c := range []rune{';', '\t'} {
			if strings.ContainsRune(line, c) {
				return c
			}
		}
		break
	}
	return ','
}

func read(cells []string, at map[string]int, drugs *formulary.Formulary, organisms *microbiology.Table) (Row, string) {
	cell := func(column string) string {
		i, ok := at[column]
		if !ok || i >= len(cells) {
			return ""
		}
		return strings.TrimSpace(cells[i])
	}
	var row Row
	var known bool
	if row.Organism, known = organisms.Find("", cell("organism")); !known {
		return row, "organism not recognised"
	}
	substance := cell("substance")
	if s, ok := drugs.Lookup(substance); ok {
		row.ATC = s.ATC
	} else if found, _ := drugs.Find(substance); len(found) == 1 {
		row.ATC = found[0].ATC
	}
	if _, ok := drugs.Lookup(row.ATC); !ok {
		return row, "substance not recognised"
	}
	n, err := strconv.Atoi(cell("n"))
	if err != nil || n < 0 {
		return row, "number of isolates is no number"
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(strings.Replace(strings.TrimSuffix(cell("percent"), "%"), ",", ".", 1)), "%"), 64)
	if err != nil || math.IsNaN(percent) || percent < 0 || percent > 100 {
		return row, "percentage is none from 0 to 100"
	}
	if n < Least {
		return row, "fewer than 30 isolates"
	}
	row.Isolates, row.Susceptible, row.Specimen = n, percent, strings.ToLower(cell("specimen"))
	return row, ""
}

// Coverage tells, in percent, how much of what grows there one of the substances
// acts on, weighted by the number of isolates: of the organisms given, else of all;
// of the specimen, where the table parts them. An organism that resists all of them
// by nature counts as not covered. ok is false where for an organism nothing is held.
func (t *Table) Coverage(atcs []string, specimen string, organisms []string) (percent float64, isolates int, ok bool) {
	type held struct {
		n    int
		best float64
		any  bool
	}
	seen := map[string]*held{}
	var order []string
	for _, r := range t.rows {
		if len(organisms) > 0 && !slices.Contains(organisms, r.Organism.Name.EN) || r.Specimen != "" && specimen != "" && r.Specimen != specimen {
			continue
		}
		h := seen[r.Organism.Name.EN]
		if h == nil {
			h = &held{}
			for _, atc := range atcs {
				h.any = h.any || r.Organism.Resists(atc) // then 0 percent is known
			}
			seen[r.Organism.Name.EN], order = h, append(order, r.Organism.Name.EN)
		}
		h.n = max(h.n, r.Isolates)
		if slices.Contains(atcs, r.ATC) && !r.Organism.Resists(r.ATC) {
			h.best, h.any = max(h.best, r.Susceptible), true
		}
	}
	sum := 0.0
	for _, name := range order {
		h := seen[name]
		if !h.any {
			return 0, 0, false
		}
		sum += h.best * float64(h.n)
		isolates += h.n
	}
	if isolates == 0 {
		return 0, 0, false
	}
	return sum / float64(isolates), isolates, true
}

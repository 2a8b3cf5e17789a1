package stewardship

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Row is one row of a source table, read by column name. The first fault is kept
// and reported by ReadTable, so that readers need not check each cell.
type Row struct {
	cells   map[string]string
	sources map[string]Source
	fault   error
}

// Text gives a cell, trimmed. A column the table does not have is a fault.
func (r *Row) Text(column string) string {
	v, ok := r.cells[column]
	if !ok {
		r.Fail("no column %q", column)
	}
	return v
}

// Need gives a cell that must not be empty.
func (r *Row) Need(column string) string {
	v := r.Text(column)
	if v == "" {
		r.Fail("column %q is empty", column)
	}
	return v
}

// List splits a cell at "|".
func (r *Row) List(column string) []string {
	var out []string
	for _, part := range strings.Split(r.Text(column), "|") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// Number reads a cell with a decimal point; empty is 0.
func (r *Row) Number(column string) float64 {
	s := r.Text(column)
	if s == "" {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		r.Fail("column %q: %q is no number", column, s)
	}
	return v
}

// Source resolves the columns source, page and section.
func (r *Row) Source() Source {
	id := r.Need("source")
	s, ok := r.sources[id]
	if !ok {
		r.Fail("source %q is not in sources.csv", id)
	}
	if section, has := r.cells["section"]; has && section != "" {
		s.Section = section
	}
	if page, has := r.cells["page"]; has && page != "" {
		n, err := strconv.Atoi(page)
		if err != nil {
			r.Fail("page %q is no number", page)
		}
		s.Page = n
	}
	return s
}

// Fail keeps a fault of the row, the first one counts.
func (r *Row) Fail(format string, a ...any) {
	if r.fault == nil {
		r.fault = fmt.Errorf(format, a...)
	}
}

// ReadTable reads a CSV table with a header; lines that begin with "#" are
// comments. Every row must have all columns.
func ReadTable(fsys fs.FS, name string, sources map[string]Source, each func(*Row)) error {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read table %s: %w", name, err)
	}
	reader := csv.NewReader(bytes.NewReader(raw))
	reader.Comment = '#'
	header, err := reader.Read()
	if err != nil {
		return fmt.Errorf("read table %s: %w", name, err)
	}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read table %s: %w", name, err)
		}
		row := &Row{cells: make(map[string]string, len(header)), sources: sources}
		for i, column := range header {
			row.cells[column] = strings.TrimSpace(record[i])
		}
		each(row)
		if row.fault != nil {
			line, _ := reader.FieldPos(0)
			return fmt.Errorf("read table %s line %d: %w", name, line, row.fault)
		}
	}
}

// TableHead reads "key=value" pairs, separated by "|", from a comment line that
// begins with "# list:".
func TableHead(fsys fs.FS, name string) (map[string]string, error) {
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	out := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "# list:")
		if !ok {
			continue
		}
		for _, pair := range strings.Split(rest, "|") {
			k, v, _ := strings.Cut(pair, "=")
			out[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return out, nil
}

// LoadSources reads sources.csv.
func LoadSources(fsys fs.FS) (map[string]Source, error) {
	out := map[string]Source{}
	err := ReadTable(fsys, "sources.csv", nil, func(r *Row) {
		id := r.Need("id")
		if _, twice := out[id]; twice {
			r.Fail("source %q stands twice", id)
		}
		out[id] = Source{Document: id, Title: r.Need("title"), Version: r.Text("version"), URL: r.Text("url")}
	})
	return out, err
}

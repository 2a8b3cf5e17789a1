package build

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Mistake is what is wrong in a table, and where.
type Mistake struct {
	Table        string
	Line, Column int // from 1; the column is counted in bytes, as editors do
	Message      string
}

// String gives "regimens.csv:12:7: dose is no number".
func (m Mistake) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.Table, m.Line, m.Column, m.Message)
}

// Mistakes are all that is wrong in tables, as far as they were read.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, each := range m {
		lines[i] = each.String()
	}
	return strings.Join(lines, "; ")
}

// mostMistakes bounds what is told of one table.
const mostMistakes = 100

// row is one line of a source table, its cells by column name. A mistake in a
// cell is kept in the table's mistakes, so that a builder reads like the table.
type row struct {
	table *table
	line  int
	cells map[string]string
	at    map[string]position
}

type position struct{ line, column int }

type table struct {
	name  string
	rows  []row
	wrong Mistakes
}

// limits of a table.
const (
	maxTable = 4 << 20
	maxRows  = 20_000
)

// optionalTable is readTable of a table that may be missing.
func optionalTable(fsys fs.FS, name string, columns ...string) (*table, error) {
	t, err := readTable(fsys, name, columns...)
	if errors.Is(err, fs.ErrNotExist) {
		return &table{name: name}, nil
	}
	return t, err
}

// readTable reads a table and insists on exactly the columns that are wanted. Cells are
// parted by commas, or by semicolons as some spreadsheets write them.
func readTable(fsys fs.FS, name string, columns ...string) (*table, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", name, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxTable+1))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	if len(raw) > maxTable {
		return nil, Mistakes{{name, 1, 1, fmt.Sprintf("the table is larger than %d bytes", maxTable)}}
	}
	if !utf8.Valid(raw) {
		return nil, Mistakes{{name, 1, 1, "the table is not in UTF-8"}}
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comment = '#'
	if semicolons(raw, columns) {
		r.Comma = ';'
	}
	head, err := r.Read()
	if err != nil {
		return nil, unreadable(name, err)
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	line, _ := r.FieldPos(0)
	if got, want := strings.Join(head, ","), strings.Join(columns, ","); got != want {
		return nil, Mistakes{{name, line, 1, fmt.Sprintf("the columns are %s; they have to be %s", clip(got), want)}}
	}
	t := &table{name: name}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, unreadable(name, err)
		}
		line, _ := r.FieldPos(0)
		if len(t.rows) == maxRows {
			return nil, Mistakes{{name, line, 1, fmt.Sprintf("the table has more than %d rows", maxRows)}}
		}
		cells, at := make(map[string]string, len(head)), make(map[string]position, len(head))
		for i, c := range head {
			cells[c] = strings.TrimSpace(rec[i])
			l, column := r.FieldPos(i)
			at[c] = position{l, column}
		}
		t.rows = append(t.rows, row{table: t, line: line, cells: cells, at: at})
	}
}

// semicolons tells whether the head of a table is parted by semicolons.
func semicolons(raw []byte, columns []string) bool {
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			return bytes.HasPrefix(line, []byte(columns[0]+";"))
		}
	}
	return false
}

// unreadable tells where a table is no CSV.
func unreadable(name string, err error) error {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		return Mistakes{{name, p.Line, p.Column, p.Err.Error()}}
	case errors.Is(err, io.EOF):
		return Mistakes{{name, 1, 1, "the table is empty"}}
	}
	return fmt.Errorf("read %s: %w", name, err)
}

func clip(s string) string {
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (r row) fail(format string, a ...any) { r.wrong("", format, a...) }

// wrong notes a mistake in a cell, "" meaning the row.
func (r row) wrong(column, format string, a ...any) {
	if len(r.table.wrong) >= mostMistakes {
		return
	}
	at, ok := r.at[column]
	if !ok {
		at = position{r.line, 1}
	}
	m := Mistake{r.table.name, at.line, at.column, fmt.Sprintf(format, a...)}
	for _, old := range r.table.wrong {
		if old == m {
			return // a cell may be read twice
		}
	}
	r.table.wrong = append(r.table.wrong, m)
}

func (r row) text(column string) string { return r.cells[column] }

// need is text that must be there.
func (r row) need(column string) string {
	v := r.cells[column]
	if v == "" {
		r.wrong(column, "%s is empty", column)
	}
	return v
}

// list is text split at blanks.
func (r row) list(column string) []string { return strings.Fields(r.cells[column]) }

// terms is text split at bars.
func (r row) terms(column string) []string {
	if r.cells[column] == "" {
		return nil
	}
	return strings.Split(r.cells[column], "|")
}

// number is a decimal, 0 when empty.
func (r row) number(column string) float64 {
	v := r.cells[column]
	if v == "" {
		return 0
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || strings.Trim(v, "0123456789.") != "" || len(v) > 12 {
		r.wrong(column, "%s is no number: %q", column, clip(v))
	}
	return n
}

// whole is an integer, 0 when empty.
func (r row) whole(column string) int {
	n := r.number(column)
	if n != float64(int(n)) {
		r.wrong(column, "%s is no whole number: %q", column, clip(r.cells[column]))
	}
	return int(n)
}

func (r row) yes(column string) bool {
	switch r.cells[column] {
	case "":
		return false
	case "yes":
		return true
	}
	r.wrong(column, "%s is neither yes nor empty: %q", column, clip(r.cells[column]))
	return false
}

func (t *table) err() error { return mistakes(t) }

// mistakes gives what is wrong in tables, nil when nothing is.
func mistakes(tables ...*table) error {
	var all Mistakes
	for _, t := range tables {
		all = append(all, t.wrong...)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// row is one line of a source table, its cells by column name. A mistake in a
// cell is kept in the table's error, so that a builder reads like the table.
type row struct {
	table *table
	line  int
	cells map[string]string
}

type table struct {
	name string
	rows []row
	errs []error
}

// readTable reads a table and insists on exactly the columns that are wanted.
func readTable(fsys fs.FS, name string, columns ...string) (*table, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", name, err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read head of %s: %w", name, err)
	}
	if got, want := strings.Join(head, ","), strings.Join(columns, ","); got != want {
		return nil, fmt.Errorf("table %s has columns %s, want %s", name, got, want)
	}
	t := &table{name: name}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		cells := make(map[string]string, len(head))
		for i, c := range head {
			cells[c] = strings.TrimSpace(rec[i])
		}
		t.rows = append(t.rows, row{table: t, line: line, cells: cells})
	}
}

func (r row) fail(format string, a ...any) {
	r.table.errs = append(r.table.errs, fmt.Errorf("%s:%d: %s", r.table.name, r.line, fmt.Sprintf(format, a...)))
}

func (r row) text(column string) string { return r.cells[column] }

// need is text that must be there.
func (r row) need(column string) string {
	v := r.cells[column]
	if v == "" {
		r.fail("%s is empty", column)
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
	if err != nil || n < 0 {
		r.fail("%s is no number: %q", column, v)
	}
	return n
}

// whole is an integer, 0 when empty.
func (r row) whole(column string) int {
	n := r.number(column)
	if n != float64(int(n)) {
		r.fail("%s is no whole number: %q", column, r.cells[column])
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
	r.fail("%s is neither yes nor empty: %q", column, r.cells[column])
	return false
}

func (t *table) err() error {
	if len(t.errs) == 0 {
		return nil
	}
	return t.errs[0]
}

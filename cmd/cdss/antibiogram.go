package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"cdss/cds/recommend"
	"cdss/cds/stewardship/antibiogram"
)

// readAntibiogram reads the hospital's own antibiogram into the tables. A file that
// cannot be used stops the start; lines that cannot are counted by their reason.
func readAntibiogram(path string, tables *recommend.Tables, log *slog.Logger) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open antibiogram: %w", err)
	}
	defer func() { _ = f.Close() }()
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	table, problems, err := antibiogram.Load(name, f, tables.Formulary, tables.Organisms)
	if err != nil {
		return fmt.Errorf("read antibiogram %s: %w", name, err)
	}
	reasons := map[string]int{}
	for _, p := range problems {
		reasons[p.Reason]++
	}
	log.Info("antibiogram read", "name", name, "rows", len(table.Rows()), "not_used", len(problems), "reasons", reasons)
	tables.Antibiogram = table
	return nil
}

// Package content holds the starter knowledge: source tables that a pharmacist
// can review, and the FHIR artifacts generated from them, both embedded.
//
// It owns two packs. The safety pack says what is checked on every option and
// every order, each rule with the label or publication it rests on; it is active.
// The regimen pack restates facts of an expired guideline (substance, dose,
// interval, route, duration, page); it is draft and experimental, so that it runs
// only as a demonstration. The package refuses text of a guideline, numbers
// without a source, and anything computed.
package content

import (
	"embed"
	"fmt"
	"io/fs"
	"path"

	"cdss/fhir"
)

//go:generate go run ./generate
//go:generate go run ./indications

//go:embed source/*.csv
var source embed.FS

//go:embed fhir/*.json
var artifacts embed.FS

// Tables gives the source tables, one CSV file each, at the root of the file
// system.
func Tables() fs.FS { return sub(source, "source") }

// Files gives the generated artifacts as files.
func Files() fs.FS { return sub(artifacts, "fhir") }

// Artifacts gives the generated artifacts of both packs in the order of their
// file names.
func Artifacts() ([]*fhir.Resource, error) {
	entries, err := artifacts.ReadDir("fhir")
	if err != nil {
		return nil, fmt.Errorf("list embedded artifacts: %w", err)
	}
	out := make([]*fhir.Resource, 0, len(entries))
	for _, e := range entries {
		raw, err := artifacts.ReadFile(path.Join("fhir", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read embedded artifact %s: %w", e.Name(), err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, fmt.Errorf("parse embedded artifact %s: %w", e.Name(), err)
		}
		out = append(out, r)
	}
	return out, nil
}

func sub(f embed.FS, dir string) fs.FS {
	s, err := fs.Sub(f, dir)
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return s
}

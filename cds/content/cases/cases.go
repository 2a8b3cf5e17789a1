// Package cases holds the invented patients that the starter knowledge is tried
// with, embedded. Each file is a Bundle in the form of package trial and names the
// artifacts it belongs to. It refuses patients who exist.
package cases

import (
	"embed"
	"fmt"

	"cdss/fhir"
)

//go:embed *.json
var files embed.FS

// Bundles gives the cases in the order of their file names.
func Bundles() ([]*fhir.Resource, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list embedded cases: %w", err)
	}
	out := make([]*fhir.Resource, 0, len(entries))
	for _, e := range entries {
		raw, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read embedded case %s: %w", e.Name(), err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, fmt.Errorf("parse embedded case %s: %w", e.Name(), err)
		}
		out = append(out, r)
	}
	return out, nil
}

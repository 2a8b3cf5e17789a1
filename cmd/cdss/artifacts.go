package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cdss/cds/authoring"
	"cdss/fhir"
)

// readArtifacts reads FHIR artifacts: a JSON file, a folder of them, or a FHIR
// package (.tgz).
func readArtifacts(path string) ([]*fhir.Resource, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read knowledge: %w", err)
	}
	files := []string{path}
	switch {
	case info.IsDir():
		if files, err = filepath.Glob(filepath.Join(path, "*.json")); err != nil || len(files) == 0 {
			return nil, usagef("%s holds no JSON files", path)
		}
	case strings.HasSuffix(path, ".tgz") || strings.HasSuffix(path, ".tar.gz"):
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read knowledge: %w", err)
		}
		_, out, err := authoring.ReadPackage(raw)
		if err != nil {
			return nil, fmt.Errorf("read knowledge %s: %w", path, err)
		}
		if len(out) == 0 {
			return nil, usagef("%s holds no artifact", path)
		}
		return out, nil
	}
	var out []*fhir.Resource
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read knowledge: %w", err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, fmt.Errorf("read knowledge %s: %w", f, err)
		}
		out = append(out, r)
	}
	return out, nil
}

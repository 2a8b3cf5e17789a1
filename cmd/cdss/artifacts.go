package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cdss/fhir"
)

// maxArtifact bounds one file of knowledge, maxPackage what a package unfolds to.
const (
	maxArtifact = 16 << 20
	maxPackage  = 256 << 20
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
		return readPackage(path)
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

// readPackage reads the resources of a FHIR package: the files below package/ that
// are one.
func readPackage(path string) ([]*fhir.Resource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read knowledge: %w", err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read knowledge %s: no FHIR package: %w", path, err)
	}
	files := tar.NewReader(io.LimitReader(zipped, maxPackage))
	var out []*fhir.Resource
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read knowledge %s: no FHIR package: %w", path, err)
		}
		name := strings.TrimPrefix(h.Name, "package/")
		if h.Typeflag != tar.TypeReg || name == h.Name || strings.Contains(name, "/") || !strings.HasSuffix(name, ".json") ||
			name == "package.json" || strings.HasPrefix(name, ".") {
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(files, maxArtifact))
		if err != nil {
			return nil, fmt.Errorf("read knowledge %s: %w", path, err)
		}
		r, err := fhir.ParseResource(raw)
		if err != nil {
			return nil, fmt.Errorf("read knowledge %s: %s: %w", path, h.Name, err)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read knowledge %s: the package holds no resource", path)
	}
	return out, nil
}

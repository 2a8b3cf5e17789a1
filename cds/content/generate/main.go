// Command generate turns the source tables of cds/content into FHIR artifacts. It
// runs in that folder (go generate), reads source/ and rewrites fhir/; the same
// tables give the same bytes.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"cdss/cds/content/build"
)

func main() {
	if err := run("source", "fhir"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes the artifacts and removes files that no table asks for any more.
func run(source, target string) error {
	files, err := build.Files(os.DirFS(source))
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(target, "*.json"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if _, keep := files[filepath.Base(f)]; !keep {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(target, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

package cql_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cdss/cds/cql"
)

// published reads the libraries of a folder of the $apply cases, by name|version
// and by name.
func published(t testing.TB, name string) map[string]cql.Source {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "apply", name, "content.json"))
	if err != nil {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	var bundle struct {
		Entry []struct {
			Resource struct {
				ResourceType, Name, Version string
				Content                     []struct{ ContentType, Data string }
			}
		}
	}
	if err := json.Unmarshal(raw, &bundle); err != nil {
		t.Fatal(err)
	}
	list := map[string]cql.Source{}
	for _, e := range bundle.Entry {
		for _, c := range e.Resource.Content {
			if e.Resource.ResourceType == "Library" && c.ContentType == "text/cql" {
				text, err := base64.StdEncoding.DecodeString(c.Data)
				if err != nil {
					t.Fatal(err)
				}
				src := cql.Source{Name: e.Resource.Name, Text: string(text)}
				list[e.Resource.Name+"|"+e.Resource.Version], list[e.Resource.Name] = src, src
			}
		}
	}
	return list
}

func finder(list map[string]cql.Source) cql.Finder {
	return func(_, name, version string) (cql.Source, bool) {
		src, ok := list[name+"|"+version]
		if !ok {
			src, ok = list[name]
		}
		return src, ok
	}
}

// TestPublishedLibraries compiles what guides have published, with all they
// include.
func TestPublishedLibraries(t *testing.T) {
	for _, folder := range []string{"ancdt17", "hello-world-patient-view", "prepopulate", "cds-hooks-multiple-actions"} {
		list := published(t, folder)
		for name, src := range list {
			if !strings.Contains(name, "|") {
				continue
			}
			start := time.Now()
			lib, err := cql.Compile(src, finder(list))
			if err != nil {
				t.Errorf("%s/%s: %v", folder, name, err)
				continue
			}
			t.Logf("%s %s: %d definitions, %v", folder, name, len(lib.Definitions()), time.Since(start))
			for _, p := range lib.Problems {
				t.Errorf("%s/%s: %s: %v", folder, name, p.Definition, p.Err)
			}
		}
	}
}

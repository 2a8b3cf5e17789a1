package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNamedTests: the records of safety and security name the test behind each claim. One
// that is not there any more, or that is turned off, is no proof.
func TestNamedTests(t *testing.T) {
	root := filepath.Join("..", "..")
	there := map[string]string{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(\w+ \*testing\.[TFB]\) \{\n(.*)`)
	titled := regexp.MustCompile(`(?m)^\s*test(\.skip)?\(\s*['"\x60]([^'"\x60]+)`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", ".git", "bin", ".cdss", "dist"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".spec.ts") {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
			there[m[1]] = m[2]
		}
		for _, m := range titled.FindAllStringSubmatch(string(raw), -1) {
			there[m[2]] = m[1]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`")
	for file, least := range map[string]int{"SECURITY.md": 80, filepath.Join("safety", "RISKS.md"): 30} {
		raw, err := os.ReadFile(filepath.Join(root, "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllStringSubmatch(string(raw), -1)
		if len(found) < least {
			t.Errorf("%s names %d tests only", file, len(found))
		}
		for _, m := range found {
			first, ok := there[m[1]]
			if !ok {
				t.Errorf("%s names %s, which is no test", file, m[1])
			}
			if strings.HasPrefix(strings.TrimSpace(first), "t.Skip") {
				t.Errorf("%s names %s, which is turned off", file, m[1])
			}
		}
		// Each threat and each hazard has one.
		for line := range strings.Lines(string(raw)) {
			if regexp.MustCompile(`^\| [TH]\d+b? \|`).MatchString(line) && !named.MatchString(line) {
				t.Errorf("%s: no test stands behind %s", file, line[:min(60, len(line))])
			}
		}
	}
}

// TestImageIsHardened: the image is one file that runs as nobody, on a disk nobody writes.
func TestImageIsHardened(t *testing.T) {
	for file, wants := range map[string][]string{
		"Dockerfile":   {"ARG RUNTIME=scratch\n", "\nUSER 65532:65532\n", "-trimpath", "-mod=readonly", "go mod verify", "npm ci --ignore-scripts", "CGO_ENABLED=0", "GOTRACEBACK=single", "-buildvcs=false"},
		"compose.yaml": {"read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "CDSS_AUTH: required", "noexec"},
		"Makefile":     {"-trimpath", "audit:", "sbom:", "hostile:"},
	} {
		raw, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
	}
}

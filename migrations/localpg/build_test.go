package localpg

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionPattern(t *testing.T) {
	for _, tc := range []struct{ said, major, revision string }{
		{"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15", "15.18-0+deb12u1"},
		{"postgres (PostgreSQL) 16.9 (Ubuntu 16.9-0ubuntu0.24.04.1)", "16", "16.9-0ubuntu0.24.04.1"},
		{"postgres (PostgreSQL) 17.2", "17", ""},
		{"postgres (PostgreSQL) 18beta1", "18", ""},
	} {
		m := versionPattern.FindStringSubmatch(tc.said)
		if m == nil {
			t.Errorf("%q is not read", tc.said)
			continue
		}
		if diff := cmp.Diff([]string{tc.major, tc.revision}, m[1:]); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.said, diff)
		}
	}
}

func TestPgvectorIn(t *testing.T) {
	for _, tc := range []struct{ name, control, want string }{
		{"good", "default_version = '0.8.2'\n", "0.8.2"},
		{"too old for our queries", "default_version = '0.6.0'\n", ""},
		{"no version", "comment = 'x'\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			share := t.TempDir()
			write(t, filepath.Join(share, "extension", "vector.control"), tc.control)
			if got := pgvectorIn(share); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := pgvectorIn(t.TempDir()); got != "" {
		t.Errorf("got %q where there is none", got)
	}
}

func TestVerifyRefusesAnotherArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), sourceArchive)
	write(t, path, "not the source")
	if err := verify(path); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got %v", err)
	}
	write(t, path, strings.Repeat("x", sourceLimit+1))
	if err := verify(path); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("got %v", err)
	}
}

func TestReasonIsOneLine(t *testing.T) {
	for _, tc := range []struct{ said, want string }{
		{"W: slow\nE: Failed to fetch a\nE: Some index files failed to download\n", "Failed to fetch a"},
		{"cc ...\nmake: *** [vector.o] Error 1\n", "make: *** [vector.o] Error 1"},
		{"", ""},
	} {
		if got := reason(tc.said); got != tc.want {
			t.Errorf("reason(%q) = %q, want %q", tc.said, got, tc.want)
		}
	}
}

func TestUnpackStaysInside(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tar.gz")
	write(t, archive, archiveOf(t, map[string]string{"top/src/a.c": "a", "top/../../escaped": "b"}))
	if err := unpack(archive, filepath.Join(dir, "in", "side")); err == nil {
		t.Error("unpacked into a directory whose parent is missing")
	}
	if err := unpack(archive, filepath.Join(dir, "source")); err == nil {
		t.Error("a name that leads outside was accepted")
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); err == nil {
		t.Error("a file was written outside")
	}

	write(t, archive, archiveOf(t, map[string]string{"top/src/a.c": "a"}))
	if err := unpack(archive, filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "good", "src", "a.c")); string(got) != "a" {
		t.Errorf("file holds %q", got)
	}
}

func archiveOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	content := tar.NewWriter(zipped)
	for name, text := range files {
		if err := content.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := content.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := content.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

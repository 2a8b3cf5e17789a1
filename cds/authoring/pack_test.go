package authoring_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"cdss/cds/authoring"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// file is an entry of an archive.
type file struct {
	name, body string
	size       int64 // claimed, 0 for that of body
	kind       byte
}

func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: max(f.size, int64(len(f.body))), Typeflag: f.kind}
		if f.kind == tar.TypeSymlink {
			h.Linkname, h.Size = "/etc/passwd", 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.CopyN(w, io.MultiReader(strings.NewReader(f.body), zeros{}), h.Size); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

const manifest = `{"name":"site.rules","version":"1.0.0","fhirVersions":["4.0.1"],"dependencies":{"hl7.fhir.r4.core":"4.0.1"}}`

func TestHostilePackages(t *testing.T) {
	m := file{name: "package/package.json", body: manifest}
	var many []file
	for range 5001 {
		many = append(many, file{name: "package/x.txt"})
	}
	whole := archive(t, m, file{name: "package/Library-a.json", body: `{"resourceType":"Library","id":"a"}`})
	for _, tc := range []struct {
		name string
		raw  []byte
		kind issue.Kind
	}{
		{"nothing", nil, issue.Invalid},
		{"no archive", []byte("PK\x03\x04"), issue.Invalid},
		{"cut off", whole[:len(whole)-20], issue.Invalid},
		{"no manifest", archive(t, file{name: "package/Library-a.json", body: `{"resourceType":"Library","id":"a"}`}), issue.Invalid},
		{"a manifest without a name", archive(t, file{name: "package/package.json", body: `{"version":"1"}`}), issue.Invalid},
		{"a name that is a path", archive(t, file{name: "package/package.json", body: `{"name":"../../etc","version":"1"}`}), issue.Invalid},
		{"for R5", archive(t, file{name: "package/package.json", body: `{"name":"a","version":"1","fhirVersions":["5.0.0"]}`}), issue.NotSupported},
		{"a bomb", archive(t, m, file{name: "package/a.bin", size: 65 << 20}), issue.TooLong},
		{"a large file", archive(t, m, file{name: "package/Library-a.json", size: 6 << 20}), issue.TooLong},
		{"many files", archive(t, append([]file{m}, many...)...), issue.TooCostly},
		{"a file that is no JSON", archive(t, m, file{name: "package/Library-a.json", body: `{"resourceType":`}), issue.Structure},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := authoring.ReadPackage(tc.raw); issue.KindOf(err) != tc.kind {
				t.Errorf("%v (%s), want %s", err, issue.KindOf(err), tc.kind)
			}
		})
	}
	_, list, err := authoring.ReadPackage(archive(t, m,
		file{name: "../../etc/cron.d/x.json", body: `{"resourceType":"Library","id":"out"}`},
		file{name: "package/../Library-b.json", body: `{"resourceType":"Library","id":"up"}`},
		file{name: "package/examples/Patient-a.json", body: `{"resourceType":"Patient","id":"example"}`},
		file{name: "package/link.json", kind: tar.TypeSymlink},
		file{name: "package/.index.json", body: `{"index-version":2}`},
		file{name: "package/other.json", body: `{"a":1}`},
		file{name: "package/Library-a.json", body: `{"resourceType":"Library","id":"a"}`},
	))
	if err != nil || len(list) != 1 || list[0].ID() != "a" {
		t.Errorf("%v, %d resources", err, len(list))
	}
}

func TestPackagesComeBack(t *testing.T) {
	r, err := fhir.ParseResource([]byte(`{"resourceType":"Library","id":"a","url":"https://site.example/Library/a","version":"1.50","status":"active"}`))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)
	raw, err := authoring.WritePackage(authoring.Manifest{Name: "site.rules", Version: "1.0.0"}, []*fhir.Resource{r}, at)
	if err != nil {
		t.Fatal(err)
	}
	again, err := authoring.WritePackage(authoring.Manifest{Name: "site.rules", Version: "1.0.0"}, []*fhir.Resource{r}, at)
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("the same artifacts give other bytes")
	}
	m, list, err := authoring.ReadPackage(raw)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "site.rules" || m.Date != "20260316090000" || m.Dependencies["hl7.fhir.r4.core"] != "4.0.1" {
		t.Errorf("manifest %+v", m)
	}
	if len(list) != 1 || string(list[0].Raw()) != string(r.Raw()) {
		t.Errorf("resources %v", list)
	}
}

func FuzzReadPackage(f *testing.F) {
	f.Add([]byte{})
	f.Add(archive(f, file{name: "package/package.json", body: manifest}, file{name: "package/Library-a.json", body: `{"resourceType":"Library","id":"a"}`}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, list, err := authoring.ReadPackage(raw); err != nil && list != nil {
			t.Error("an error with resources")
		}
		// The archive within, too: gzip alone refuses nearly everything.
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		_, _ = zip.Write(raw)
		_ = zip.Close()
		_, _, _ = authoring.ReadPackage(out.Bytes())
	})
}

package authoring

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Manifest is the package.json of a FHIR package.
type Manifest struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Description  string            `json:"description,omitempty"`
	Canonical    string            `json:"canonical,omitempty"`
	Type         string            `json:"type,omitempty"`
	Date         string            `json:"date,omitempty"` // YYYYMMDDHHMMSS
	FHIRVersions []string          `json:"fhirVersions,omitempty"`
	Dependencies map[string]string `json:"dependencies,omitempty"`
}

// Limits of a package that is read. An archive can hold a thousand times its size.
const (
	maxUnpacked = 64 << 20
	maxFiles    = 5000
	maxFile     = 5 << 20
)

var (
	packageName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	packageVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)
)

// ReadPackage reads the artifacts of a FHIR package (.tgz): the resources of the folder
// package, and its manifest. Nothing is written anywhere. Errors are of kind
// issue.Invalid, issue.NotSupported (a package for another version of FHIR),
// issue.TooLong or issue.TooCostly.
func ReadPackage(raw []byte) (Manifest, []*fhir.Resource, error) {
	var m Manifest
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return m, nil, issue.Wrap(issue.Invalid, err, "read package: it is no gzip archive")
	}
	files := tar.NewReader(io.LimitReader(zip, maxUnpacked+1))
	var list []*fhir.Resource
	found, total, n := false, int64(0), 0
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, nil, broken(err)
		}
		if n++; n > maxFiles {
			return m, nil, issue.New(issue.TooCostly, "read package: more than %d files", maxFiles)
		}
		if total += h.Size; total > maxUnpacked || h.Size < 0 {
			return m, nil, issue.New(issue.TooLong, "read package: more than %d bytes unpacked", maxUnpacked)
		}
		// Of the archive's names only the form is looked at; no file of them is made.
		dir, name := path.Split(h.Name)
		if h.Typeflag != tar.TypeReg || dir != "package/" || !strings.HasSuffix(name, ".json") || strings.HasPrefix(name, ".") {
			continue
		}
		if h.Size > maxFile {
			return m, nil, issue.New(issue.TooLong, "read package: %s has more than %d bytes", clip(name), maxFile)
		}
		body, err := io.ReadAll(files)
		if err != nil {
			return m, nil, broken(err)
		}
		if name == "package.json" {
			if err := json.Unmarshal(body, &m); err != nil {
				return m, nil, issue.Wrap(issue.Invalid, err, "read package: package.json is no manifest").At("package/package.json")
			}
			found = true
			continue
		}
		if name == "ig-r4.json" || !isResource(body) {
			continue
		}
		r, err := fhir.ParseResource(body)
		if err != nil {
			var known *issue.Error
			if errors.As(err, &known) {
				return m, nil, known.At("package/" + clip(name))
			}
			return m, nil, err
		}
		list = append(list, r)
	}
	switch {
	case !found:
		return m, nil, issue.New(issue.Invalid, "read package: there is no package/package.json")
	case !packageName.MatchString(m.Name) || !packageVersion.MatchString(m.Version):
		return m, nil, issue.New(issue.Invalid, "read package: the manifest lacks a name or a version").At("package/package.json")
	}
	for _, v := range m.FHIRVersions {
		if !strings.HasPrefix(v, "4.0") {
			return m, nil, issue.New(issue.NotSupported, "read package: it is for FHIR %s, and this server speaks 4.0.1", clip(v)).At("package/package.json")
		}
	}
	return m, list, nil
}

// isResource tells a resource from other JSON that packages carry.
func isResource(body []byte) bool {
	var r struct {
		ResourceType string `json:"resourceType"`
	}
	return json.Unmarshal(body, &r) != nil || r.ResourceType != ""
}

func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return issue.Wrap(issue.Invalid, err, "read package: the archive is cut off, or larger than %d bytes unpacked", maxUnpacked)
	}
	return issue.Wrap(issue.Invalid, err, "read package: the archive is broken")
}

// WritePackage writes artifacts as a FHIR package. The same artifacts at the same time
// give the same bytes.
func WritePackage(m Manifest, list []*fhir.Resource, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	add := func(name string, body []byte) error {
		err := files.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(body)), ModTime: at.UTC().Truncate(time.Second), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = files.Write(body)
		}
		return err
	}
	m.Date, m.FHIRVersions = at.UTC().Format("20060102150405"), []string{"4.0.1"}
	if m.Dependencies == nil {
		m.Dependencies = map[string]string{"hl7.fhir.r4.core": "4.0.1"}
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	type indexed struct {
		Filename     string `json:"filename"`
		ResourceType string `json:"resourceType"`
		ID           string `json:"id"`
		URL          string `json:"url,omitempty"`
		Version      string `json:"version,omitempty"`
	}
	index := struct {
		Version int       `json:"index-version"`
		Files   []indexed `json:"files"`
	}{2, []indexed{}}
	for _, r := range list {
		index.Files = append(index.Files, indexed{r.Type() + "-" + r.ID() + ".json", r.Type(), r.ID(), url(r), version(r)})
	}
	entries, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return nil, err
	}
	err = errors.Join(add("package.json", manifest), add(".index.json", entries))
	for i, r := range list {
		err = errors.Join(err, add(index.Files[i].Filename, r.Raw()))
	}
	if err = errors.Join(err, files.Close(), zip.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Package build turns source tables into FHIR artifacts: those of cds/content, and the
// house guideline of a hospital in the same form.
//
// It owns the columns of the tables and what is wrong in them, told with line and
// column. The same tables give the same bytes. It refuses rows without a source, and
// doses in units that nobody computes with.
package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"sort"

	"cdss/cds/content"
	"cdss/fhir"
)

// Options say what artifacts are made of tables.
type Options struct {
	Base      string // of the canonical urls, without a slash at its end
	Version   string // of all artifacts
	Date      string // of all artifacts, YYYY-MM-DD
	Guideline string // id in sources.csv of the document the regimens are taken from
	House     bool   // a hospital's own: no example, and named after its guideline
}

// shipped are the options of what comes with the program. Version and date change by
// hand, with the tables.
var shipped = Options{Base: content.Base, Version: Version, Date: contentDate, Guideline: Guideline}

// What comes with the program: its version, and the document its regimens restate.
const (
	Version   = contentVersion
	Guideline = "awmf-082-006"
)

// House gives the artifacts of a hospital's house guideline: a PlanDefinition for each
// indication, and the regimens that they use. The file system holds regimens.csv,
// populations.csv, sources.csv and perhaps advice.csv in the form of those that come
// with the program, and beside them the program's formulary.csv, indications.csv and
// categories.csv. An error about rows is of type Mistakes.
func House(fsys fs.FS, o Options) ([]*fhir.Resource, error) {
	o.House = true
	acts, plans, err := regimensOf(fsys, o)
	if err != nil {
		return nil, err
	}
	var list []*fhir.Resource
	for _, x := range append(plans, acts.list...) {
		r, err := x.Resource()
		if err != nil {
			return nil, fmt.Errorf("build artifact: %w", err)
		}
		list = append(list, r)
	}
	return list, nil
}

// regimensOf builds plans and their regimens.
func regimensOf(fsys fs.FS, o Options) (*activities, []*fhir.Object, error) {
	catalogue, _, err := readIndications(fsys)
	if err != nil {
		return nil, nil, err
	}
	sources, err := readSources(fsys)
	if err != nil {
		return nil, nil, err
	}
	names, err := readNames(fsys)
	if err != nil {
		return nil, nil, err
	}
	src, ok := sources[o.Guideline]
	if !ok {
		return nil, nil, Mistakes{{Table: "sources.csv", Line: 1, Column: 1, Message: fmt.Sprintf("the guideline %q is not among the sources", o.Guideline)}}
	}
	acts := &activities{of: o, names: names, source: src, bodies: map[string]string{}}
	plans, err := (&regimens{of: o, catalogue: catalogue, source: src, acts: acts}).build(fsys)
	return acts, plans, err
}

// Files gives the artifact files of the source tables that come with the program, by
// name.
func Files(fsys fs.FS) (map[string][]byte, error) {
	_, system, err := readIndications(fsys)
	if err != nil {
		return nil, err
	}
	sources, err := readSources(fsys)
	if err != nil {
		return nil, err
	}
	library, err := findings(fsys)
	if err != nil {
		return nil, err
	}
	acts, plans, err := regimensOf(fsys, shipped)
	if err != nil {
		return nil, err
	}
	safety, err := safetyPlans(fsys, sources)
	if err != nil {
		return nil, err
	}
	libraries, err := collected(fsys)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	resources := append([]*fhir.Object{system, library}, append(append(plans, safety...), libraries...)...)
	for _, o := range resources {
		r, err := o.Resource()
		if err != nil {
			return nil, fmt.Errorf("build artifact: %w", err)
		}
		put(files, fileName(r), o)
	}
	sort.Slice(acts.list, func(i, j int) bool { return string(acts.list[i].JSON()) < string(acts.list[j].JSON()) })
	bundle := fhir.NewResource("Bundle", "activities").Set("type", "collection")
	for _, o := range acts.list {
		r, err := o.Resource()
		if err != nil {
			return nil, fmt.Errorf("build regimen: %w", err)
		}
		bundle.Append("entry", fhir.NewObject().Set("fullUrl", content.Base+"/"+r.Ref()).Set("resource", o))
	}
	put(files, "bundle-activities.json", bundle)
	return files, nil
}

// put adds a resource, indented for readers of a difference.
func put(files map[string][]byte, name string, o *fhir.Object) {
	var b bytes.Buffer
	if err := json.Indent(&b, o.JSON(), "", " "); err != nil {
		panic(err) // an Object is JSON
	}
	b.WriteByte('\n')
	files[name] = b.Bytes()
}

func fileName(r *fhir.Resource) string { return lower(r.Type()) + "-" + r.ID() + ".json" }

func lower(s string) string { return string(bytes.ToLower([]byte(s))) }

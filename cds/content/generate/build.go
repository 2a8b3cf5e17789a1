package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"sort"

	"cdss/cds/content"
	"cdss/fhir"
)

// build gives the artifact files of the source tables by name.
func build(fsys fs.FS) (map[string][]byte, error) {
	catalogue, system, err := readIndications(fsys)
	if err != nil {
		return nil, err
	}
	sources, err := readSources(fsys)
	if err != nil {
		return nil, err
	}
	names, err := readNames(fsys)
	if err != nil {
		return nil, err
	}
	src, ok := sources[guideline]
	if !ok {
		return nil, fmt.Errorf("sources.csv does not hold %s", guideline)
	}
	library, err := findings(fsys)
	if err != nil {
		return nil, err
	}
	acts := &activities{names: names, source: src, bodies: map[string]string{}}
	plans, err := (&regimens{catalogue: catalogue, source: src, acts: acts}).build(fsys)
	if err != nil {
		return nil, err
	}
	safety, err := safetyPlans(fsys, sources)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	resources := append([]*fhir.Object{system, library}, append(plans, safety...)...)
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

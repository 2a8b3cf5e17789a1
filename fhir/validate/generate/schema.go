package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// property is a JSON Schema, of which the source uses few keywords.
type property struct {
	Ref        string               `json:"$ref,omitempty"`
	Type       string               `json:"type,omitempty"`
	Const      string               `json:"const,omitempty"`
	Enum       []string             `json:"enum,omitempty"`
	Pattern    string               `json:"pattern,omitempty"`
	Items      *property            `json:"items,omitempty"`
	Properties map[string]*property `json:"properties,omitempty"`
	Required   []string             `json:"required,omitempty"`
	Additional *bool                `json:"additionalProperties,omitempty"`
}

// Documents of the written file: one of what all resources share, and one of
// each resource, which refers to it by this name.
const shared = "types"

// writeSchemas writes schema/r4.gz: a line of each document, its name and a
// space before it, so that a reader parses none but those it needs. Schema/NOTICE
// says what it is made of and lists the changes that are made here.
func writeSchemas(dir string, resources map[string]bool) {
	source := readSchema(filepath.Join(dir, "fhir-r4", "fhir.schema.json.gz"))
	// The source lists the codes of this extensible binding as if it were required.
	source["Expression"].Properties["language"] = &property{Ref: "#/definitions/code"}
	documents := map[string]map[string]*property{shared: {}}
	for name, p := range source {
		if name == "ResourceList" || name == "Resource" {
			continue
		}
		owner, _, _ := strings.Cut(name, "_")
		if !resources[owner] {
			owner = shared
		}
		if documents[owner] == nil {
			documents[owner] = map[string]*property{}
		}
		documents[owner][name] = p
	}
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		if documents[name] == nil {
			log.Fatalf("generate: the JSON Schema has no resource %s", name)
		}
	}
	if len(documents) != len(resources)+1 {
		log.Fatalf("generate: the JSON Schema has %d resources, the StructureDefinitions have %d", len(documents)-1, len(resources))
	}
	documents[shared]["ResourceList"] = &property{Type: "object"}

	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		for _, p := range documents[name] {
			change(p, source)
			point(p, name, documents)
		}
		text, err := json.Marshal(map[string]any{"$schema": "http://json-schema.org/draft-06/schema#", "definitions": documents[name]})
		if err != nil {
			log.Fatal(err)
		}
		if _, err := z.Write([]byte(name + " " + string(text) + "\n")); err != nil {
			log.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("schema", "r4.gz"), out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func readSchema(file string) map[string]*property {
	f, err := os.Open(file)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		log.Fatal(err)
	}
	var document struct {
		Definitions map[string]*property `json:"definitions"`
	}
	if err := json.NewDecoder(z).Decode(&document); err != nil {
		log.Fatalf("generate: read %s: %v", file, err)
	}
	return document.Definitions
}

// change says that what has members is an object, and gives each primitive its
// _x, which the source lacks for most canonicals (R4, "JSON representation of
// primitive elements").
func change(p *property, source map[string]*property) {
	if len(p.Properties) == 0 {
		return
	}
	p.Type = "object"
	extra := &property{Ref: "#/definitions/Element"}
	for name, child := range maps.Clone(p.Properties) {
		if name == "id" || name == "resourceType" || name[0] == '_' || p.Properties["_"+name] != nil {
			continue
		}
		switch {
		case child.Items == nil && primitive(child, source):
			p.Properties["_"+name] = extra
		case child.Items != nil && primitive(child.Items, source):
			p.Properties["_"+name] = &property{Type: "array", Items: extra}
		}
	}
}

// primitive tells whether p is a primitive that may have extensions: all but
// XHTML.
func primitive(p *property, source map[string]*property) bool {
	name := strings.TrimPrefix(p.Ref, "#/definitions/")
	if p.Ref != "" {
		return name != "xhtml" && name[0] >= 'a' && name[0] <= 'z' && source[name] != nil
	}
	return p.Type == "string" || p.Type == "number" || p.Type == "boolean" || len(p.Enum) > 0
}

// point makes the references in p, a definition of document, lead to where the
// definitions now stand.
func point(p *property, document string, documents map[string]map[string]*property) {
	if name, ok := strings.CutPrefix(p.Ref, "#/definitions/"); ok {
		switch {
		case documents[document][name] != nil:
		case documents[shared][name] != nil:
			p.Ref = shared + p.Ref
		case name == "Resource":
			p.Ref = shared + "#/definitions/ResourceList"
		default:
			log.Fatalf("generate: %s refers to %s, which is not there", document, name)
		}
	}
	if p.Items != nil {
		point(p.Items, document, documents)
	}
	for _, child := range p.Properties {
		point(child, document, documents)
	}
}

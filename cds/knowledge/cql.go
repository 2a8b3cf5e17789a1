package knowledge

import (
	"encoding/base64"
	"slices"
	"sync"

	"cdss/cds/cql"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// cqlLibraries are the Libraries of a catalogue that carry CQL, compiled when they
// are first asked for and then kept.
type cqlLibraries struct {
	once     sync.Once
	byName   map[string][]*fhir.Resource // the best first
	mu       sync.Mutex
	compiler *cql.Compiler
	done     map[*fhir.Resource]compiledCQL
}

type compiledCQL struct {
	library *cql.Library
	err     error
}

// CQL gives the compiled CQL of a Library, nil where it carries none. What it
// includes is found by name and version in the catalogue, and then in the one
// under it, which may be nil.
func (c *Catalogue) CQL(r *fhir.Resource, under *Catalogue) (*cql.Library, error) {
	if c == nil {
		return nil, nil
	}
	src, ok, err := CQLSource(r)
	if err != nil || !ok {
		return nil, err
	}
	c.cql.mu.Lock()
	defer c.cql.mu.Unlock()
	if done, ok := c.cql.done[r]; ok {
		return done.library, done.err
	}
	if c.cql.compiler == nil {
		c.cql.compiler = cql.NewCompiler(func(_, name, version string) (cql.Source, bool) {
			for _, from := range []*Catalogue{c, under} {
				if found := from.named(name, version); found != nil {
					src, ok, err := CQLSource(found)
					return src, ok && err == nil
				}
			}
			return cql.Source{}, false
		})
		c.cql.done = map[*fhir.Resource]compiledCQL{}
	}
	library, err := c.cql.compiler.Compile(src)
	if len(c.cql.done) < maxCompiled {
		c.cql.done[r] = compiledCQL{library, err}
	}
	return library, err
}

// named finds a Library that carries CQL by its name, the newest active one where
// no version is asked for.
func (c *Catalogue) named(name, version string) *fhir.Resource {
	if c == nil {
		return nil
	}
	c.cql.once.Do(func() {
		c.cql.byName = map[string][]*fhir.Resource{}
		for _, list := range c.byURL {
			for _, r := range list {
				if r.Type() == "Library" {
					own := r.Root().Child("name").String()
					c.cql.byName[own] = append(c.cql.byName[own], r)
				}
			}
		}
		for _, list := range c.cql.byName {
			slices.SortStableFunc(list, better)
		}
	})
	for _, r := range c.cql.byName[name] {
		if version == "" || r.Root().Child("version").String() == version {
			return r
		}
	}
	if list := c.cql.byName[name]; len(list) == 1 && list[0].Root().Child("version").String() == "" {
		return list[0] // the artifact does not tell its version
	}
	return nil
}

// CQLSource reads the CQL that a Library carries, or its ELM where that is all.
func CQLSource(r *fhir.Resource) (cql.Source, bool, error) {
	src := cql.Source{Name: r.Root().Child("name").String()}
	for _, n := range r.Root().Children("content") {
		typ := n.Child("contentType").String()
		if typ != "text/cql" && typ != "application/elm+json" {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(n.Child("data").String())
		if err != nil {
			return src, false, issue.New(issue.Value, "read %s: its content is no base64", canonical(r.Root())).At(n.Location())
		}
		if typ == "text/cql" {
			src.Text = string(data)
		} else {
			src.ELM = data
		}
	}
	return src, src.Text != "" || len(src.ELM) > 0, nil
}

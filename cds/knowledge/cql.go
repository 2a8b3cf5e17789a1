package knowledge

import (
	"encoding/base64"
	"slices"
	"strings"
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

// cql compiles the Libraries that carry CQL, so that a call pays for evaluation
// alone, and tells what is wrong in them. What the libraries of a plan retrieve is
// required by the plan, where all its expressions are in CQL.
func (l *loader) cql() {
	c := l.snapshot.catalogue
	refs := make([]string, 0, len(c.byRef))
	for ref := range c.byRef {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	for _, ref := range refs {
		r := c.byRef[ref]
		if r.Type() != "Library" {
			continue
		}
		library, err := c.CQL(r, nil)
		if err != nil {
			l.problem(canonical(r.Root()), r.Root().Child("content"), "%v", err)
			continue
		}
		if library == nil {
			continue
		}
		for _, p := range library.Problems {
			l.problem(canonical(r.Root()), r.Root().Child("content"), "%s: %v", p.Definition, p.Err)
		}
	}
	for _, p := range l.snapshot.plans {
		if p.Resource == nil {
			continue
		}
		root := p.Resource.Root()
		inCQL, others := expressions(root)
		if len(inCQL) == 0 {
			continue
		}
		needs := c.required(root)
		for _, e := range inCQL {
			own, err := c.tryExpression(root, e)
			if err != nil {
				l.problem(p.Canonical(), e, "%v", err)
			}
			needs = append(needs, own...)
		}
		if others == 0 {
			p.Requirements = append(p.Requirements, requirements(needs)...)
		}
	}
}

// isCQL tells whether a language of expressions is CQL, or names a definition in it.
func isCQL(language string) bool {
	switch language {
	case "text/cql", "text/cql-expression", "text/cql.expression", "text/cql-identifier", "text/cql.identifier":
		return true
	}
	return false
}

// expressions gives the expressions of a plan's actions that are in CQL, and the
// number of the others.
func expressions(root *fhir.Node) (inCQL []*fhir.Node, others int) {
	for _, a := range root.Children("action") {
		for _, holder := range append(slices.Clone(a.Children("condition")), a.Children("dynamicValue")...) {
			if e := holder.Child("expression"); isCQL(e.Child("language").String()) {
				inCQL = append(inCQL, e)
			} else {
				others++
			}
		}
		list, n := expressions(a)
		inCQL, others = append(inCQL, list...), others+n
	}
	return inCQL, others
}

// tryExpression tells what an expression retrieves in the scope of the artifact's
// libraries, and what is wrong with it. A library that cannot be compiled has told so
// itself.
func (c *Catalogue) tryExpression(root, e *fhir.Node) ([]cql.Requirement, error) {
	scope := cql.Empty()
	text := strings.TrimSpace(e.Child("expression").String())
	for _, name := range root.Children("library") {
		r, _ := c.Find(name.String())
		if r == nil {
			continue
		}
		library, err := c.CQL(r, nil)
		switch {
		case err != nil:
			return nil, nil
		case library == nil:
			continue
		case library.Defines(strings.Trim(text, `"`)):
			return nil, nil
		case scope.Name == "":
			scope = library
		}
	}
	if strings.HasSuffix(e.Child("language").String(), "identifier") {
		return nil, issue.New(issue.NotFound, "no library of the plan defines %q in CQL", text)
	}
	x, err := scope.Expression(text)
	if err != nil {
		return nil, err
	}
	return x.Requirements, nil
}

// required gives what the libraries of an artifact retrieve.
func (c *Catalogue) required(root *fhir.Node) []cql.Requirement {
	var list []cql.Requirement
	for _, name := range root.Children("library") {
		r, _ := c.Find(name.String())
		if r == nil {
			continue
		}
		library, err := c.CQL(r, nil)
		if err != nil || library == nil {
			continue
		}
		list = append(list, library.Requirements()...)
	}
	return list
}

// requirements writes them as DataRequirements.
func requirements(needs []cql.Requirement) []*fhir.Node {
	var list []*fhir.Node
	for _, need := range needs {
		if n, err := fhir.ParseJSON(need.Object().JSON(), fhir.Limits{}); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// TryCQL compiles the CQL of a Library that is not in the catalogue, nil where it
// carries none, and remembers nothing of it.
func (c *Catalogue) TryCQL(r *fhir.Resource) (*cql.Library, error) {
	src, ok, err := CQLSource(r)
	if err != nil || !ok {
		return nil, err
	}
	return cql.Compile(src, func(_, name, version string) (cql.Source, bool) {
		found := c.named(name, version)
		if found == nil {
			return cql.Source{}, false
		}
		src, ok, err := CQLSource(found)
		return src, ok && err == nil
	})
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

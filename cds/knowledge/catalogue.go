package knowledge

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// Catalogue finds artifacts as they are written, whatever they are for: what a
// canonical names, by version or the newest. It is immutable and safe for
// concurrent use.
type Catalogue struct {
	byURL map[string][]*fhir.Resource // the best first, see better
	byRef map[string]*fhir.Resource

	mu        sync.Mutex
	compiled  map[string]*fhirpath.Expression
	libraries map[*fhir.Resource]library
	cql       cqlLibraries
}

// library is what LibraryDefinitions gave.
type library struct {
	definitions []*Definition
	problems    []Problem
}

// maxCompiled bounds the expressions that a catalogue remembers: some come from
// plans that a caller sends.
const maxCompiled = 10_000

// NewCatalogue makes a catalogue of artifacts; one without url cannot be found.
func NewCatalogue(artifacts []*fhir.Resource) *Catalogue {
	c := &Catalogue{
		byURL: make(map[string][]*fhir.Resource, len(artifacts)), byRef: make(map[string]*fhir.Resource, len(artifacts)), compiled: map[string]*fhirpath.Expression{}, libraries: map[*fhir.Resource]library{},
	}
	for _, r := range artifacts {
		if ref := r.Ref(); ref != "" {
			c.byRef[ref] = r
		}
		if url := r.Root().Child("url").String(); url != "" {
			c.byURL[url] = append(c.byURL[url], r)
		}
	}
	for _, list := range c.byURL {
		slices.SortStableFunc(list, better)
	}
	return c
}

// Find gives the artifact that a canonical names. Without a version it is the
// newest active one, or where none is active the newest; rivals are then the
// versions of the other active ones.
func (c *Catalogue) Find(canonical string) (r *fhir.Resource, rivals []string) {
	if c == nil {
		return nil, nil
	}
	of := fhir.ParseCanonical(canonical)
	list := c.byURL[of.URL]
	if of.Version != "" {
		for _, r := range list {
			if version(r) == of.Version {
				return r, nil
			}
		}
		return nil, nil
	}
	if len(list) == 0 {
		return nil, nil
	}
	for _, other := range list[1:] {
		if active(list[0]) && active(other) {
			rivals = append(rivals, version(other))
		}
	}
	return list[0], rivals
}

// Own gives the catalogue's own copy of a resource, which is parsed already, where
// it holds the same bytes; otherwise r.
func (c *Catalogue) Own(r *fhir.Resource) *fhir.Resource {
	if own := c.byRef[r.Ref()]; own != nil && own.Size() == r.Size() && bytes.Equal(own.Raw(), r.Raw()) {
		return own
	}
	return r
}

// Compile compiles an expression in FHIRPath, each once.
func (c *Catalogue) Compile(source string) (*fhirpath.Expression, error) {
	c.mu.Lock()
	e, ok := c.compiled[source]
	c.mu.Unlock()
	if ok {
		return e, nil
	}
	e, err := fhirpath.Compile(source)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.compiled) < maxCompiled {
		c.compiled[source] = e
	}
	return e, nil
}

// Library gives the named expressions of a Library that Find gave, compiled once,
// and what is wrong with others.
func (c *Catalogue) Library(r *fhir.Resource) ([]*Definition, []Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.libraries[r]
	if !ok {
		l.definitions, l.problems = LibraryDefinitions(r)
		c.libraries[r] = l
	}
	return l.definitions, l.problems
}

func version(r *fhir.Resource) string { return r.Root().Child("version").String() }

func active(r *fhir.Resource) bool { return r.Root().Child("status").String() == "active" }

// better orders active artifacts before others, and newer ones before older.
func better(a, b *fhir.Resource) int {
	if active(a) != active(b) {
		if active(a) {
			return -1
		}
		return 1
	}
	return -CompareVersions(version(a), version(b))
}

// CompareVersions orders versions by their parts between dots and dashes, numbers
// as numbers: 1.10.0 is newer than 1.9.0, and 1.0.0 newer than 1.0.0-draft.
func CompareVersions(a, b string) int {
	main := func(s string) (string, string) {
		core, rest, _ := strings.Cut(s, "-")
		return core, rest
	}
	coreA, restA := main(a)
	coreB, restB := main(b)
	if c := compareParts(coreA, coreB); c != 0 {
		return c
	}
	switch {
	case restA == restB:
		return 0
	case restA == "":
		return 1
	case restB == "":
		return -1
	}
	return compareParts(restA, restB)
}

func compareParts(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		p, q := "", ""
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		n, errN := strconv.Atoi(p)
		m, errM := strconv.Atoi(q)
		switch {
		case errN == nil && errM == nil && n != m:
			return n - m
		case errN == nil && errM == nil:
		case p != q:
			return strings.Compare(p, q)
		}
	}
	return 0
}

// LibraryDefinitions gives the named expressions of a Library in FHIRPath, and
// what is wrong with the others.
func LibraryDefinitions(library *fhir.Resource) ([]*Definition, []Problem) {
	l := &loader{}
	var list []*Definition
	for _, e := range library.Root().Extensions(expressionURL) {
		if d := l.definition(canonical(library.Root()), e); d != nil {
			list = append(list, d)
		}
	}
	return list, l.problems
}

// definition compiles one named expression, nil where that fails.
func (l *loader) definition(name string, e *fhir.Node) *Definition {
	v, _ := e.Choice("value")
	if lang := v.Child("language").String(); lang != "text/fhirpath" {
		l.problem(name, v, "language %q of a named expression is not supported", lang)
		return nil
	}
	compiled, err := fhirpath.Compile(v.Child("expression").String())
	if err != nil {
		l.problem(name, v.Child("expression"), "%s", errText(err))
		return nil
	}
	d := &Definition{
		Name: v.Child("name").String(), Fact: value(v, content.FactExtension).String(), Display: text(v.Child("description")), Expression: compiled,
	}
	if d.Name == "" {
		l.problem(name, v, "an expression has no name")
		return nil
	}
	if d.Fact == "" {
		d.Fact = d.Name
	}
	return d
}

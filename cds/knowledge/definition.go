package knowledge

import (
	"sort"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
)

// expressionURL is the standard extension for a named expression.
const expressionURL = "http://hl7.org/fhir/StructureDefinition/cqf-expression"

// Definition is a named expression of a Library. An empty value means that it is
// not known.
type Definition struct {
	Name       string
	Fact       string // kebab-case name a gap is told by
	Display    cds.Text
	Expression *fhirpath.Expression
}

// Definition gives a named expression.
func (s *Snapshot) Definition(name string) (*Definition, bool) {
	d, ok := s.definitions[name]
	return d, ok
}

// Definitions gives the named expressions, ordered by name.
func (s *Snapshot) Definitions() []*Definition {
	out := make([]*Definition, 0, len(s.definitions))
	for _, d := range s.definitions {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// library reads the named expressions of a Library. One that does not compile is
// a problem; plans that use it find it unknown.
func (l *loader) library(a artifact) {
	root := a.Root()
	name := canonical(root)
	if root.Child("status").String() == "retired" && !a.site {
		return
	}
	own := map[string]*Definition{}
	l.libraries[name] = own
	if a.current {
		l.libraries[root.Child("url").String()] = own
	}
	for _, e := range root.Extensions(expressionURL) {
		d := l.definition(name, e)
		if d == nil {
			continue
		}
		if _, twice := own[d.Name]; twice {
			l.problem(name, e, "name %q of an expression stands twice", d.Name)
			continue
		}
		own[d.Name] = d
		if !a.current {
			continue
		}
		if _, twice := l.snapshot.definitions[d.Name]; twice {
			l.problem(name, e, "name %q of an expression stands twice", d.Name)
			continue
		}
		l.snapshot.definitions[d.Name] = d
	}
}

// libraries gives the named expressions that a plan may use: those of its libraries, or
// all, where it names none.
func (c *compiler) libraries(root *fhir.Node) map[string]*Definition {
	l := c.loader
	list := root.Children("library")
	if len(list) == 0 {
		return l.snapshot.definitions
	}
	key := ""
	for _, n := range list {
		if _, ok := l.libraries[n.String()]; !ok {
			c.fail(n, "no Library %s", n.String())
			return nil
		}
		key += n.String() + "\n"
	}
	if set, ok := l.sets[key]; ok {
		return set
	}
	set := map[string]*Definition{}
	for _, n := range list {
		for name, d := range l.libraries[n.String()] {
			if old, twice := set[name]; twice && old != d {
				c.fail(n, "name %q of an expression stands in two libraries", name)
			}
			set[name] = d
		}
	}
	l.circles(c.name, set)
	l.sets[key] = set
	return set
}

// circles takes out definitions that depend on themselves.
func (l *loader) circles(artifact string, defs map[string]*Definition) {
	const (
		open = iota + 1
		done
	)
	state := map[string]int{}
	var visit func(name string) bool
	visit = func(name string) bool {
		d, ok := defs[name]
		if !ok || state[name] == done {
			return true
		}
		if state[name] == open {
			return false
		}
		state[name] = open
		for _, v := range d.Expression.Variables() {
			if !visit(v) {
				return false
			}
		}
		state[name] = done
		return true
	}
	var names []string
	for name := range defs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if !visit(name) {
			l.problem(artifact, nil, "expression %s depends on itself", name)
			delete(defs, name)
		}
	}
}

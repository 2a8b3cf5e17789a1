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
func (l *loader) library(r *fhir.Resource) {
	root := r.Root()
	name := canonical(root)
	if root.Child("status").String() == "retired" {
		return
	}
	for _, e := range root.Extensions(expressionURL) {
		d := l.definition(name, e)
		if d == nil {
			continue
		}
		if _, twice := l.snapshot.definitions[d.Name]; twice {
			l.problem(name, e, "name %q of an expression stands twice", d.Name)
			continue
		}
		l.snapshot.definitions[d.Name] = d
	}
}

// circles takes out definitions that depend on themselves.
func (l *loader) circles() {
	defs := l.snapshot.definitions
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
	for _, d := range l.snapshot.Definitions() {
		if !visit(d.Name) {
			l.problem("named expressions", nil, "expression %s depends on itself", d.Name)
			delete(defs, d.Name)
		}
	}
}

package terminology

import (
	"regexp"
	"slices"
	"strings"

	"cdss/fhir"
)

// Concept is one code of a code system.
type Concept struct {
	fhir.Coding
	Definition   string
	Designations []Designation
	Inactive     bool
	Abstract     bool // groups others and is not used itself (notSelectable)
	properties   map[string][]string
	parents      []*Concept
	children     []*Concept
}

// Designation is another name of a concept.
type Designation struct {
	Language string
	Use      fhir.Coding
	Value    string
}

// Name gives the concept's display in a language: a designation of that
// language, "de-AT" falling back on "de", else the code system's own display.
func (c *Concept) Name(language string) string {
	return nameIn(language, c.Display, c.Designations)
}

func nameIn(language, display string, designations []Designation) string {
	if language == "" {
		return display
	}
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	near := ""
	for _, d := range designations {
		own := strings.ToLower(d.Language)
		if own == strings.ToLower(language) {
			return d.Value
		}
		if b, _, _ := strings.Cut(own, "-"); b == base && near == "" {
			near = d.Value
		}
	}
	if near != "" {
		return near
	}
	return display
}

// codeSystem is a CodeSystem, compiled.
type codeSystem struct {
	url, version, name string
	language           string
	complete           bool // holds all codes, so that a code it lacks does not exist
	fold               bool // case does not count
	concepts           []*Concept
	byCode             map[string]*Concept
}

func readCodeSystem(r *fhir.Resource) *codeSystem {
	root := r.Root()
	s := &codeSystem{
		url: root.Child("url").String(), version: root.Child("version").String(), name: root.Child("name").String(),
		language: root.Child("language").String(), complete: root.Child("content").String() == "complete",
		byCode: map[string]*Concept{},
	}
	if sensitive, ok := root.Child("caseSensitive").Bool(); ok {
		s.fold = !sensitive
	}
	s.read(root.Children("concept"), nil)
	// Hierarchies are also written as properties.
	for _, c := range s.concepts {
		for _, parent := range append(c.properties["parent"], c.properties["subsumedBy"]...) {
			link(s.find(parent), c)
		}
		for _, child := range c.properties["child"] {
			link(c, s.find(child))
		}
	}
	return s
}

func link(parent, child *Concept) {
	if parent == nil || child == nil || parent == child || slices.Contains(child.parents, parent) {
		return
	}
	child.parents = append(child.parents, parent)
	parent.children = append(parent.children, child)
}

// read takes concepts with those inside them; the depth is that of the JSON,
// which the scan bounds.
func (s *codeSystem) read(nodes []*fhir.Node, parent *Concept) {
	for _, n := range nodes {
		code := n.Child("code").String()
		c := &Concept{
			Coding:       fhir.Coding{System: s.url, Version: s.version, Code: code, Display: n.Child("display").String()},
			Definition:   n.Child("definition").String(),
			Designations: designations(n),
			properties:   map[string][]string{},
		}
		for _, p := range n.Children("property") {
			v, typ := p.Choice("value")
			text := v.String()
			if typ == "Coding" {
				text = v.Child("code").String()
			}
			name := p.Child("code").String()
			c.properties[name] = append(c.properties[name], text)
			switch {
			case name == "inactive" && text == "true", name == "status" && (text == "retired" || text == "inactive"):
				c.Inactive = true
			case name == "notSelectable" && text == "true", name == "abstract" && text == "true":
				c.Abstract = true
			}
		}
		if _, twice := s.byCode[s.key(code)]; code == "" || twice {
			continue
		}
		s.byCode[s.key(code)] = c
		s.concepts = append(s.concepts, c)
		link(parent, c)
		s.read(n.Children("concept"), c)
	}
}

// designations reads designation elements and the translations of the display.
func designations(n *fhir.Node) []Designation {
	var list []Designation
	for _, d := range n.Children("designation") {
		list = append(list, Designation{Language: d.Child("language").String(), Use: d.Child("use").Coding(), Value: d.Child("value").String()})
	}
	for _, t := range n.Child("display").Translations() {
		list = append(list, Designation{Language: t.Lang, Value: t.Content})
	}
	return list
}

func (s *codeSystem) key(code string) string {
	if s.fold {
		return strings.ToLower(code)
	}
	return code
}

func (s *codeSystem) find(code string) *Concept {
	if s == nil {
		return nil
	}
	return s.byCode[s.key(code)]
}

// subsumes tells whether a is b or an ancestor of b.
func subsumes(a, b *Concept) bool {
	seen := map[*Concept]bool{}
	queue := []*Concept{b}
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		if c == a {
			return true
		}
		if seen[c] {
			continue
		}
		seen[c] = true
		queue = append(queue, c.parents...)
	}
	return false
}

// filter is one ValueSet.compose.include.filter.
type filter struct {
	property, op, value string
	re                  *regexp.Regexp
	anchor              *Concept
	set                 map[string]bool
}

func readFilter(n *fhir.Node, s *codeSystem) (filter, string) {
	f := filter{property: n.Child("property").String(), op: n.Child("op").String(), value: n.Child("value").String()}
	switch f.op {
	case "=", "exists":
	case "is-a", "descendent-of", "is-not-a", "generalizes":
		if f.anchor = s.find(f.value); f.anchor == nil {
			return f, "the filter " + f.op + " names a code that the code system lacks"
		}
	case "in", "not-in":
		f.set = map[string]bool{}
		for code := range strings.SplitSeq(f.value, ",") {
			f.set[s.key(strings.TrimSpace(code))] = true
		}
	case "regex":
		if len(f.value) > 1000 {
			return f, "the regular expression of a filter is too long"
		}
		re, err := regexp.Compile(`\A(?:` + f.value + `)\z`)
		if err != nil {
			return f, "a filter is no regular expression"
		}
		f.re = re
	default:
		return f, "no filter operator " + f.op
	}
	return f, ""
}

// values gives what a concept has under the filter's property.
func (f filter) values(c *Concept) []string {
	switch f.property {
	case "code", "concept":
		return []string{c.Code}
	case "display":
		return []string{c.Display}
	case "parent", "child":
		list := c.parents
		if f.property == "child" {
			list = c.children
		}
		var codes []string
		for _, p := range list {
			codes = append(codes, p.Code)
		}
		return codes
	}
	return c.properties[f.property]
}

func (f filter) matches(c *Concept, s *codeSystem) bool {
	switch f.op {
	case "is-a":
		return subsumes(f.anchor, c)
	case "descendent-of":
		return c != f.anchor && subsumes(f.anchor, c)
	case "is-not-a":
		return !subsumes(f.anchor, c)
	case "generalizes":
		return subsumes(c, f.anchor)
	}
	values := f.values(c)
	any := func(hit func(string) bool) bool { return slices.ContainsFunc(values, hit) }
	switch f.op {
	case "=":
		return any(func(v string) bool { return v == f.value })
	case "exists":
		return len(values) > 0 == (f.value == "true")
	case "in":
		return any(func(v string) bool { return f.set[s.key(v)] })
	case "not-in":
		return !any(func(v string) bool { return f.set[s.key(v)] })
	}
	return any(f.re.MatchString)
}

package validate

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cdss/fhir/fhirpath"
)

//go:generate go run ./generate

//go:embed tables.txt
var tablesText string

// typeDef is one type of R4.
type typeDef struct {
	name     string
	base     *typeDef
	kind     byte // p, c, r, b as in tables.txt
	abstract bool
	elements []elementDef // by name; those that the type adds to its base
	rules    []rule
	required []*elementDef // those that must be there, of the bases too
}

type elementDef struct {
	name     string
	min, max int // max -1 is *
	choice   bool
	types    []*typeDef
	targets  []string // resource types a Reference may name; none is any
	codes    *codeList
}

// codeList is a required value set whose codes are known.
type codeList struct {
	url     string
	systems map[string][]string
	codes   map[string]struct{}
}

// rule is an invariant; where is the element it stands on, "" for the type.
type rule struct {
	key, where, human string
	warning           bool
	compiled          func() (*fhirpath.Expression, error)
}

type table struct {
	types  map[string]*typeDef
	suffix map[string]*typeDef // of choice elements: "DateTime"
}

var r4 = sync.OnceValue(readTable)

func readTable() *table {
	t := &table{types: make(map[string]*typeDef, 800), suffix: map[string]*typeDef{}}
	get := func(name string) *typeDef {
		d, ok := t.types[name]
		if !ok {
			d = &typeDef{name: name}
			t.types[name] = d
		}
		return d
	}
	lists := map[string]*codeList{}
	var list *codeList
	var def *typeDef
	var order []*typeDef
	for line := range strings.Lines(tablesText) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			list = &codeList{url: words[1], systems: map[string][]string{}, codes: map[string]struct{}{}}
			lists[words[0]] = list
			def = nil
		case line[0] != '\t':
			def = get(words[0])
			order = append(order, def)
			if words[1] != "-" {
				def.base = get(words[1])
			}
			def.kind, def.abstract = words[2][0], strings.HasSuffix(words[2], "a")
		case def == nil:
			list.systems[words[0]] = append(list.systems[words[0]], words[1:]...)
			for _, code := range words[1:] {
				list.codes[code] = struct{}{}
			}
		case line[1] == '!':
			parts := strings.SplitN(line[2:], " ", 4)
			def.rules = append(def.rules, rule{key: parts[0], warning: parts[1] == "warning", where: strings.TrimPrefix(parts[2], "-"), compiled: compile(parts[3])})
		case line[1] == '?':
			def.rules[len(def.rules)-1].human = line[2:]
		default:
			e := elementDef{max: -1}
			e.name, e.choice = strings.CutSuffix(words[0], "[x]")
			e.min, _ = strconv.Atoi(words[1])
			if words[2] != "*" {
				e.max, _ = strconv.Atoi(words[2])
			}
			for name := range strings.SplitSeq(words[3], ",") {
				e.types = append(e.types, get(name))
			}
			for _, w := range words[4:] {
				switch w[0] {
				case '@':
					e.targets = strings.Split(w[1:], ",")
				case '=':
					e.codes = lists[w]
				}
			}
			def.elements = append(def.elements, e)
		}
	}
	for _, d := range order {
		slices.SortFunc(d.elements, func(a, b elementDef) int { return strings.Compare(a.name, b.name) })
		if d.kind == 'p' || d.kind == 'c' {
			t.suffix[strings.ToUpper(d.name[:1])+d.name[1:]] = d
		}
	}
	for _, d := range order {
		for _, e := range d.collect() {
			if e.min > 0 {
				d.required = append(d.required, e)
			}
		}
	}
	return t
}

// collect gives the elements of the bases of d and of d.
func (d *typeDef) collect() []*elementDef {
	var list []*elementDef
	if d.base != nil {
		list = d.base.collect()
	}
	for i := range d.elements {
		list = append(list, &d.elements[i])
	}
	return list
}

// find gives the element of that name.
func (d *typeDef) find(name string) *elementDef {
	for ; d != nil; d = d.base {
		at, ok := slices.BinarySearchFunc(d.elements, name, func(e elementDef, n string) int { return strings.Compare(e.name, n) })
		if ok {
			return &d.elements[at]
		}
	}
	return nil
}

// is tells whether d is base or derived from it.
func (d *typeDef) is(base string) bool {
	for ; d != nil; d = d.base {
		if d.name == base {
			return true
		}
	}
	return false
}

// resource tells whether name is that of a resource that can be written.
func (t *table) resource(name string) bool {
	d := t.types[name]
	return d != nil && d.kind == 'r' && !d.abstract
}

// element finds the element that a member of d belongs to, and the member's
// type; nil where there is none. Of a choice the type may be one that the
// element does not allow.
func (t *table) element(d *typeDef, member string) (*elementDef, *typeDef) {
	if e := d.find(member); e != nil && !e.choice {
		return e, e.types[0]
	}
	return t.choice(d, member)
}

// choice finds the choice element that a member's full name belongs to.
func (t *table) choice(d *typeDef, name string) (*elementDef, *typeDef) {
	const longest = 40 // name of a data type; a sender's may be a megabyte
	for cut := len(name) - 1; cut > 0 && len(name)-cut <= longest; cut-- {
		if c := name[cut]; c < 'A' || c > 'Z' {
			continue
		}
		typ := t.suffix[name[cut:]]
		if typ == nil {
			continue
		}
		if e := d.find(name[:cut]); e != nil && e.choice {
			return e, typ
		}
	}
	return nil, nil
}

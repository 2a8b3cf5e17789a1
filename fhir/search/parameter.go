package search

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"cdss/fhir/fhirpath"
)

//go:generate go run ./generate

//go:embed parameters.txt
var parametersText string

// Type is the type of a search parameter.
type Type string

// The types that are supported; composite and special parameters are not.
const (
	TypeNumber    Type = "number"
	TypeDate      Type = "date"
	TypeString    Type = "string"
	TypeToken     Type = "token"
	TypeReference Type = "reference"
	TypeQuantity  Type = "quantity"
	TypeURI       Type = "uri"
)

// Parameter is one search parameter of a resource type.
type Parameter struct {
	Name       string
	Type       Type
	Expression string   // FHIRPath that gives what is searched
	System     string   // of a token on an element of type code, "" if not one
	Targets    []string // of a reference; none: any type

	path func() (*fhirpath.Expression, error)
}

// anyResource is the table's name for the parameters of all types.
const anyResource = "Resource"

var table = sync.OnceValue(readTable)

func readTable() map[string][]Parameter {
	t := make(map[string][]Parameter, 160)
	current := ""
	for line := range strings.Lines(parametersText) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] != '\t' {
			current = line
			t[current] = nil
			continue
		}
		f := strings.Split(line[1:], "\t")
		p := Parameter{Name: f[0], Type: Type(f[1]), Expression: f[3]}
		switch {
		case p.Type == TypeReference && f[2] != "*" && f[2] != "-":
			p.Targets = strings.Split(f[2], ",")
		case p.Type == TypeToken && f[2] != "-":
			p.System = f[2]
		}
		p.path = sync.OnceValues(func() (*fhirpath.Expression, error) { return fhirpath.Compile(p.Expression) })
		t[current] = append(t[current], p)
	}
	every := t[anyResource]
	delete(t, anyResource)
	for name := range t {
		t[name] = append(t[name], every...)
		slices.SortFunc(t[name], func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	}
	return t
}

// Types lists the resource types of R4, sorted.
func Types() []string {
	list := make([]string, 0, len(table()))
	for name := range table() {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// IsType tells whether name is a resource type of R4.
func IsType(name string) bool {
	_, ok := table()[name]
	return ok
}

// Parameters lists the parameters of a type, those of all types included, sorted
// by name. The slice is shared and must not be changed.
func Parameters(typ string) []Parameter { return table()[typ] }

// Find gives the parameter of that name.
func Find(typ, name string) (Parameter, bool) {
	list := table()[typ]
	at, ok := slices.BinarySearchFunc(list, name, func(p Parameter, n string) int { return strings.Compare(p.Name, n) })
	if !ok {
		return Parameter{}, false
	}
	return list[at], true
}

// names lists what the parameters of a type are called.
func names(typ string) string {
	var list []string
	for _, p := range Parameters(typ) {
		list = append(list, p.Name)
	}
	return strings.Join(list, ", ")
}

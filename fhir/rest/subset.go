package rest

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"cdss/fhir"
	"cdss/fhir/search"
)

//go:generate go run ./generate

//go:embed elements.txt
var elementsText string

// kept tells what the specification says of an element in subsets.
type kept struct{ summary, mandatory, parts bool }

// elements gives, by type and path, the elements that a subset keeps.
var elements = sync.OnceValue(func() map[string]map[string]kept {
	table := map[string]map[string]kept{}
	var current map[string]kept
	for line := range strings.Lines(elementsText) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] != '\t' {
			current = map[string]kept{}
			table[line] = current
			continue
		}
		path, flags, _ := strings.Cut(line[1:], " ")
		k := current[path]
		k.summary, k.mandatory = strings.Contains(flags, "s"), strings.Contains(flags, "m")
		current[path] = k
		if at := strings.LastIndexByte(path, '.'); at > 0 {
			above := current[path[:at]]
			above.parts = true
			current[path[:at]] = above
		}
	}
	return table
})

// find gives what is said of an element; a choice element stands as "value[x]".
func find(table map[string]kept, path string) kept {
	if k, ok := table[path]; ok {
		return k
	}
	for i := len(path) - 1; i > 0 && path[i] != '.'; i-- {
		if c := path[i]; c >= 'A' && c <= 'Z' {
			if k, ok := table[path[:i]+"[x]"]; ok {
				return k
			}
		}
	}
	return kept{}
}

// subsetted marks a resource that is not whole (R4, 3.1.1.5.8).
var subsetted = fhir.Coding{System: "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", Code: "SUBSETTED"}

// subset gives what of the resource was asked for; all of it as it is stored.
func subset(r *fhir.Resource, q *search.Query) []byte {
	if q.Summary == search.SummaryFalse && len(q.Elements) == 0 || q.Summary == search.SummaryCount {
		return r.Raw()
	}
	table := elements()[r.Type()]
	keep := func(name string) bool {
		k := find(table, name)
		switch {
		case name == "resourceType" || name == "id" || name == "meta":
			return true
		case len(q.Elements) > 0:
			return k.mandatory || slices.ContainsFunc(q.Elements, func(e string) bool { return e == name || isChoice(name, e) })
		case q.Summary == search.SummaryText:
			return k.mandatory || name == "text"
		case q.Summary == search.SummaryData:
			return name != "text"
		}
		return k.summary || k.mandatory
	}
	out := fhir.NewObject()
	for name, value := range r.Root().Members() {
		plain := strings.TrimPrefix(name, "_")
		switch {
		case !keep(plain):
		case name == "meta":
			meta := r.Root().Child("meta").Object()
			tagged := slices.ContainsFunc(r.Root().Child("meta").Children("tag"), func(n *fhir.Node) bool { return n.Coding().Is(subsetted.System, subsetted.Code) })
			if !tagged {
				meta.Append("tag", subsetted)
			}
			out.Set(name, meta)
		case q.Summary == search.SummaryTrue && len(q.Elements) == 0 && find(table, plain).parts:
			out.Set(name, parts(r.Root(), name, value, table, plain))
		default:
			out.Set(name, value)
		}
	}
	if !out.Has("meta") {
		out.Set("meta", fhir.NewObject().Append("tag", subsetted))
	}
	return out.JSON()
}

// isChoice tells whether name is base with a type behind it: valueQuantity is
// value.
func isChoice(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z'
}

// parts keeps of an element what the summary has of it.
func parts(parent *fhir.Node, name string, value json.RawMessage, table map[string]kept, path string) any {
	nodes := parent.Children(name)
	if len(nodes) == 0 || nodes[0].Kind() != fhir.KindObject {
		return value
	}
	var list []*fhir.Object
	for _, n := range nodes {
		o := fhir.NewObject()
		for name, value := range n.Members() {
			plain := strings.TrimPrefix(name, "_")
			at := path + "." + plain
			k := find(table, at)
			switch {
			case plain != "id" && !k.summary && !k.mandatory:
			case k.parts:
				o.Set(name, parts(n, name, value, table, at))
			default:
				o.Set(name, value)
			}
		}
		list = append(list, o)
	}
	if nodes[0].Index() < 0 {
		return list[0]
	}
	return list
}

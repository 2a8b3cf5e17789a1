package authoring

import (
	"context"
	"encoding/json"
	"strconv"

	"cdss/fhir"
)

// Change is one place in which two versions differ. Before and After are JSON, null
// where there is nothing.
type Change struct {
	Path   string          `json:"path" doc:"FHIRPath-like, in the later version; of what is gone, in the earlier one"`
	Kind   string          `json:"kind" enum:"added,removed,changed"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Named names one side of a difference.
type Named struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// Difference is how two versions differ.
type Difference struct {
	From    Named    `json:"from"`
	To      Named    `json:"to"`
	Changes []Change `json:"changes"`
}

// Diff compares a version with another one of its type: the one that is named, else
// the one in force, else the one it was drafted from.
func (s *Service) Diff(ctx context.Context, typ, id, against string) (Difference, error) {
	if _, err := s.who(ctx); err != nil {
		return Difference{}, err
	}
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return Difference{}, err
	}
	if against == "" {
		if against, err = s.forerunner(ctx, l); err != nil {
			return Difference{}, err
		}
	}
	var old *fhir.Resource
	if against != "" {
		o, _, err := s.find(ctx, typ, against)
		if err != nil {
			return Difference{}, err
		}
		old = o.Resource
	}
	d := Difference{To: Named{id, version(v.Resource)}, Changes: Compare(old, v.Resource)}
	if old != nil {
		d.From = Named{against, version(old)}
	}
	return d, nil
}

// forerunner gives the id of what a version is to replace, "" for nothing.
func (s *Service) forerunner(ctx context.Context, l Life) (string, error) {
	b, err := s.book(ctx)
	if err != nil {
		return "", err
	}
	if f, ok := b.inForce[l.URL]; ok && f.ID != l.ID {
		return f.ID, nil
	}
	if f, ok := b.byName[l.Origin]; ok && f.Type == l.Type {
		return f.ID, nil
	}
	if r, ok := s.byURL[l.Origin]; ok && r.Type() == l.Type {
		return r.ID(), nil
	}
	return "", nil
}

// mostChanges bounds a difference.
const mostChanges = 2000

// Compare lists where two resources differ, meta and id left out. Elements with an id
// are paired by it, wherever they stand; others by what is the same before and behind.
func Compare(before, after *fhir.Resource) []Change {
	c := &comparison{}
	if before == nil {
		before, _ = fhir.NewResource(after.Type(), "").Resource()
	}
	strip := func(r *fhir.Resource) *fhir.Node {
		out, err := r.Root().Object().Remove("meta").Remove("id").Resource()
		if err != nil {
			return r.Root()
		}
		return out.Root()
	}
	c.object(strip(before), strip(after))
	if c.list == nil {
		return []Change{}
	}
	return c.list
}

type comparison struct{ list []Change }

func (c *comparison) note(before, after *fhir.Node) {
	if len(c.list) >= mostChanges {
		return
	}
	change := Change{Kind: "changed", Before: json.RawMessage("null"), After: json.RawMessage("null")}
	switch {
	case before == nil:
		change.Kind, change.Path, change.After = "added", after.Location(), after.JSON()
	case after == nil:
		change.Kind, change.Path, change.Before = "removed", before.Location(), before.JSON()
	default:
		change.Path, change.Before, change.After = after.Location(), before.JSON(), after.JSON()
	}
	c.list = append(c.list, change)
}

func (c *comparison) object(before, after *fhir.Node) {
	for name, old := range before.Fields() {
		c.elements(old, after.Children(name))
	}
	for name, now := range after.Fields() {
		if len(before.Children(name)) == 0 {
			c.elements(nil, now)
		}
	}
}

func (c *comparison) pair(before, after *fhir.Node) {
	switch {
	case before.Kind() == fhir.KindObject && after.Kind() == fhir.KindObject:
		c.object(before, after)
	case same(before, after):
		// What stands beside a primitive, such as its translation.
		c.elements(before.Children("extension"), after.Children("extension"))
	default:
		c.note(before, after)
	}
}

// same compares texts as they read, however they are escaped; numbers with their
// digits.
func same(a, b *fhir.Node) bool {
	if a.Kind() == fhir.KindString && b.Kind() == fhir.KindString {
		return a.String() == b.String()
	}
	return string(a.JSON()) == string(b.JSON())
}

// extras are the id and extensions of a primitive, which stand beside its value.
func extras(n *fhir.Node) string {
	if n.Kind() == fhir.KindObject {
		return ""
	}
	out := ""
	for _, e := range n.All() {
		out += e.Name() + string(e.JSON())
	}
	return out
}

// elements compares what stands under one name.
func (c *comparison) elements(before, after []*fhir.Node) {
	partner := pairs(before, after)
	taken := map[*fhir.Node]bool{}
	for _, n := range after {
		if old := partner[n]; old != nil {
			taken[old] = true
		}
	}
	for _, old := range before {
		if !taken[old] {
			c.note(old, nil)
		}
	}
	for _, n := range after {
		if old := partner[n]; old != nil {
			c.pair(old, n)
		} else {
			c.note(nil, n)
		}
	}
}

// pairs finds for elements those they come of.
func pairs(before, after []*fhir.Node) map[*fhir.Node]*fhir.Node {
	partner := map[*fhir.Node]*fhir.Node{}
	if len(before) == 1 && len(after) == 1 {
		partner[after[0]] = before[0]
		return partner
	}
	keys, seen := map[string]*fhir.Node{}, map[string]int{}
	mark := func(n *fhir.Node, seen map[string]int) string {
		key := n.Child("id").String()
		if key == "" {
			key = "=" + string(n.JSON()) + extras(n)
		}
		seen[key]++
		return key + "#" + strconv.Itoa(seen[key])
	}
	for _, n := range before {
		keys[mark(n, seen)] = n
	}
	seen = map[string]int{}
	used := map[*fhir.Node]bool{}
	var rest []*fhir.Node
	for _, n := range after {
		if old := keys[mark(n, seen)]; old != nil {
			partner[n], used[old] = old, true
		} else if n.Child("id").String() == "" {
			rest = append(rest, n)
		}
	}
	// What is left without an id is paired in its order.
	i := 0
	for _, n := range rest {
		for i < len(before) && (used[before[i]] || before[i].Child("id").String() != "") {
			i++
		}
		if i < len(before) {
			partner[n], used[before[i]] = before[i], true
		}
	}
	return partner
}

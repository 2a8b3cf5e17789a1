package fhir

import (
	"encoding/json"
	"iter"
)

// Members walks the members of an object as they came: each name once with the
// JSON text of its value, an array as a whole, a _x sibling on its own. The
// bytes are a copy.
func (n *Node) Members() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		if n.Kind() != KindObject {
			return
		}
		eachMember(n.raw, func(name, value string) bool {
			return yield(name, json.RawMessage(value))
		})
	}
}

// As gives the resource under another id, and with this versionId and
// lastUpdated in its meta. All other bytes stay as they came; what was missing
// stands behind resourceType. An empty id leaves the id.
func (r *Resource) As(id, versionID string, lastUpdated Time) (*Resource, error) {
	meta := NewObject()
	if m := r.Root().Child("meta"); m.Kind() == KindObject {
		meta = m.Object()
	}
	meta.Set("versionId", versionID).Set("lastUpdated", lastUpdated)
	if id == "" {
		id = r.ID()
	}
	want := map[string]string{"id": string(appendString(nil, id)), "meta": string(meta.JSON())}
	if id == "" {
		delete(want, "id")
	}
	var out []byte
	from, insert := 0, 0 // raw is copied up to from; what was missing goes to insert in out
	eachSpan(r.raw, func(name string, start, end int) {
		if text, ok := want[name]; ok {
			out = append(out, r.raw[from:start]...)
			out = append(out, appendString(nil, name)...)
			out = append(out, ':')
			out = append(out, text...)
			from = end
			delete(want, name)
		}
		if name == "resourceType" {
			out = append(out, r.raw[from:end]...)
			from = end
			insert = len(out)
		}
	})
	out = append(out, r.raw[from:]...)
	var added []byte
	for _, name := range []string{"id", "meta"} {
		if text, ok := want[name]; ok {
			added = append(append(append(append(added, ','), appendString(nil, name)...), ':'), text...)
		}
	}
	if len(added) > 0 {
		out = append(out[:insert:insert], append(added, out[insert:]...)...)
	}
	return ParseResource(out)
}

// eachSpan calls f with every member of the object b and where it begins and
// ends: from its name to behind its value.
func eachSpan(b string, f func(name string, start, end int)) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	i = skipSpace(b, i+1)
	for b[i] != '}' {
		start := i
		end, escaped := skipString(b, i)
		name := b[start+1 : end-1]
		if escaped {
			name = unescape(name)
		}
		i = skipSpace(b, end)
		i = skipValue(b, skipSpace(b, i+1))
		f(name, start, i)
		i = skipSpace(b, i)
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
}

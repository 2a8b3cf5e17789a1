package store

import (
	"encoding/json"
	"strings"

	"cdss/fhir"
)

// rewrite replaces, in a resource that was scanned, every string value that
// stands in names by what stands there. Names of members and the value of an
// Identifier are left alone (R4, 3.1.0.11.2: identifiers are not replaced). All
// other bytes stay.
func rewrite(r *fhir.Resource, names map[string]string) (*fhir.Resource, error) {
	if len(names) == 0 {
		return r, nil
	}
	raw := string(r.Raw())
	var out strings.Builder
	from, member := 0, ""
	for i := 0; i < len(raw); {
		if raw[i] != '"' {
			i++
			continue
		}
		end := stringEnd(raw, i)
		text := raw[i+1 : end-1]
		if isMember(raw, end) {
			member, i = text, end
			continue
		}
		if strings.IndexByte(text, '\\') >= 0 {
			_ = json.Unmarshal([]byte(raw[i:end]), &text) // the scan has let it through
		}
		if to, ok := names[text]; ok && member != "value" {
			out.WriteString(raw[from:i])
			quoted, _ := json.Marshal(to) // a string always encodes
			out.Write(quoted)
			from = end
		}
		i = end
	}
	if from == 0 {
		return r, nil
	}
	out.WriteString(raw[from:])
	return fhir.ParseResource([]byte(out.String()))
}

// stringEnd gives the position behind the JSON string that begins at i.
func stringEnd(raw string, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isMember tells whether the string that ends at i is a member's name.
func isMember(raw string, i int) bool {
	for ; i < len(raw); i++ {
		switch raw[i] {
		case ' ', '\n', '\t', '\r':
			continue
		case ':':
			return true
		}
		return false
	}
	return false
}

// conditional lists the references of the form "Type?search" in a resource.
func conditional(r *fhir.Resource) []string {
	if !strings.Contains(string(r.Raw()), "?") {
		return nil
	}
	var list []string
	var walk func(n *fhir.Node)
	walk = func(n *fhir.Node) {
		for _, k := range n.All() {
			if k.Name() == "reference" && k.Kind() == fhir.KindString {
				if typ, query, ok := strings.Cut(k.String(), "?"); ok && query != "" && !strings.ContainsAny(typ, "/:#") {
					list = append(list, k.String())
				}
			}
			walk(k)
		}
	}
	walk(r.Root())
	return list
}

package fhir

import (
	"strconv"

	"cdss/fhir/issue"
)

// Bundle is a Bundle split into its entries, none of which is parsed yet.
type Bundle struct {
	Type     string
	Entries  []Entry
	Next     string // url of the link with relation next, or ""
	Total    int    // Bundle.total, -1 if absent
	Resource *Resource
}

// Entry is one Bundle.entry.
type Entry struct {
	FullURL    string
	Resource   *Resource // nil where the entry has none
	SearchMode string    // match | include | outcome | ""
	Request    *Node     // entry.request of a batch or transaction, or nil
	Err        error     // why this entry alone cannot be used
}

// SplitBundle splits r. An entry that is no usable resource carries its own
// Err; the others stay usable. It is an error when r is no Bundle
// (issue.Invalid), entry is no array (issue.Structure), or there are more
// entries than the limit (issue.TooLong).
func SplitBundle(r *Resource) (*Bundle, error) {
	if r.Type() != "Bundle" {
		return nil, issue.New(issue.Invalid, "split Bundle: the resource is a %q", r.Type()).At("resourceType")
	}
	b := &Bundle{Resource: r, Total: -1}
	var err error
	eachMember(r.raw, func(name, value string) bool {
		switch name {
		case "type":
			b.Type, _ = stringText(value)
		case "total":
			if n, bad := strconv.Atoi(value); bad == nil {
				b.Total = n
			}
		case "link":
			b.Next = nextLink(value)
		case "entry":
			err = b.split(value, r.entries)
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func nextLink(value string) string {
	next := ""
	eachElement(value, func(link string) bool {
		relation, url := "", ""
		eachMember(link, func(name, text string) bool {
			switch name {
			case "relation":
				relation, _ = stringText(text)
			case "url":
				url, _ = stringText(text)
			}
			return true
		})
		if relation == "next" {
			next = url
		}
		return next == ""
	})
	return next
}

func (b *Bundle) split(value string, most int) error {
	if value[0] != '[' {
		if value == "null" {
			return nil
		}
		return issue.New(issue.Structure, "split Bundle: entry is no array").At("Bundle.entry")
	}
	over := false
	eachElement(value, func(text string) bool {
		if len(b.Entries) == most {
			over = true
			return false
		}
		b.Entries = append(b.Entries, readEntry(text, len(b.Entries), most))
		return true
	})
	if over {
		return issue.New(issue.TooLong, "split Bundle: more than %d entries", most).At("Bundle.entry")
	}
	return nil
}

func readEntry(text string, at, most int) Entry {
	var e Entry
	where := "Bundle.entry[" + strconv.Itoa(at) + "]"
	if text[0] != '{' {
		e.Err = issue.New(issue.Structure, "split Bundle: the entry is no object").At(where)
		return e
	}
	empty := true
	eachMember(text, func(name, value string) bool {
		switch name {
		case "fullUrl":
			e.FullURL, _ = stringText(value)
		case "resource":
			empty = false
			r, err := newResource(value, value, most)
			if err != nil {
				e.Err = withLocation(err, where+".resource")
				return true
			}
			e.Resource = r
		case "request":
			empty = false
			e.Request = parseTree(value, "request")
		case "response":
			empty = false
		case "search":
			eachMember(value, func(name, mode string) bool {
				if name == "mode" {
					e.SearchMode, _ = stringText(mode)
				}
				return true
			})
		}
		return true
	})
	if empty {
		e.Err = issue.New(issue.Required, "split Bundle: the entry holds no resource").At(where)
	}
	return e
}

// Resolve gives the resource of the Bundle that reference names, seen from an
// entry with base as its fullUrl ("" if unknown): by fullUrl, by a relative
// reference completed with the base, or by type and id where that is unique.
func (b *Bundle) Resolve(reference, base string) *Resource {
	if b == nil || reference == "" || reference[0] == '#' {
		return nil
	}
	absolute := reference
	typ, id, local := Reference{Reference: reference}.Local()
	if local && reference == typ+"/"+id {
		if root := restBase(base); root != "" {
			absolute = root + reference
		}
	}
	var found *Resource
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Resource == nil {
			continue
		}
		if e.FullURL != "" && e.FullURL == absolute {
			return e.Resource
		}
		if found == nil && local && e.Resource.typ == typ && e.Resource.id == id {
			found = e.Resource
		}
	}
	return found
}

// restBase gives the part of a RESTful url before "Type/id", slash included.
func restBase(url string) string {
	typ, id, ok := Reference{Reference: url}.Local()
	if tail := typ + "/" + id; ok && len(url) > len(tail) {
		return url[:len(url)-len(tail)]
	}
	return ""
}

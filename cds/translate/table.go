package translate

import (
	"bytes"
	"slices"
	"strings"

	"cdss/fhir"
)

// The code systems that decision support reads.
const (
	ATC    = "http://www.whocc.no/atc"
	LOINC  = "http://loinc.org"
	SNOMED = "http://snomed.info/sct"
	ICD10  = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	OPS    = "http://fhir.de/CodeSystem/bfarm/ops"
	PZN    = "http://fhir.de/CodeSystem/ifa/pzn"
)

// otherNames are names under which these systems come too: those of the basic German
// profiles before 2021 and now, and the object identifiers of "Known Code Systems"
// (FHIR R4, terminologies-systems; PZN: HL7 Germany, basic profiles).
var otherNames = map[string]string{
	"http://fhir.de/CodeSystem/bfarm/atc":        ATC,
	"http://fhir.de/CodeSystem/dimdi/atc":        ATC,
	"urn:oid:2.16.840.1.113883.6.73":             ATC,
	"urn:oid:2.16.840.1.113883.6.1":              LOINC,
	"urn:oid:2.16.840.1.113883.6.96":             SNOMED,
	"http://fhir.de/CodeSystem/dimdi/icd-10-gm":  ICD10,
	"http://fhir.de/CodeSystem/icd-10-gm":        ICD10,
	"http://fhir.de/CodeSystem/dimdi/ops":        OPS,
	"http://fhir.de/CodeSystem/ops":              OPS,
	"http://fhir.de/CodeSystem/dimdi/pzn":        PZN,
	"urn:oid:1.2.276.0.76.4.6":                   PZN,
	"http://www.nlm.nih.gov/research/umls/loinc": LOINC,
	"http://www.whocc.no/atc/":                   ATC,
	"https://loinc.org":                          LOINC,
	"https://www.whocc.no/atc":                   ATC,
	"http://fhir.de/CodeSystem/bfarm/icd-10-gm/": ICD10,
	"http://snomed.info/sct/":                    SNOMED,
}

// usual gives the name a system is read under.
func usual(system string) string {
	if name, ok := otherNames[system]; ok {
		return name
	}
	return system
}

// targets are what a map may lead to.
var targets = []string{ATC, LOINC, SNOMED}

// used are the equivalences of a map that may be relied on: the target means the
// same, or something of which the source is a case, as the substance is of a product
// (http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html).
var used = []string{"", "equivalent", "equal", "wider", "subsumes"}

type code struct{ system, code string }

// Table is the maps of one moment. It never changes; the nil Table knows the other
// names of systems and no map.
type Table struct {
	to      map[code][]fhir.Coding
	systems map[string]bool // that are mapped
}

// New makes a table of the active ConceptMaps among the resources. Of a code that
// two maps hold, all targets count.
func New(resources []*fhir.Resource) *Table {
	t := &Table{to: map[code][]fhir.Coding{}, systems: map[string]bool{}}
	for _, r := range resources {
		if r.Type() != "ConceptMap" || r.Root().Child("status").String() != "active" {
			continue
		}
		for _, group := range r.Root().Children("group") {
			source, target := group.Child("source").String(), usual(group.Child("target").String())
			if source == "" || !slices.Contains(targets, target) {
				continue
			}
			for _, element := range group.Children("element") {
				from := code{source, element.Child("code").String()}
				for _, to := range element.Children("target") {
					coding := fhir.Coding{System: target, Code: to.Child("code").String(), Display: to.Child("display").String()}
					if coding.Code == "" || !slices.Contains(used, to.Child("equivalence").String()) || slices.Contains(t.to[from], coding) {
						continue
					}
					t.to[from] = append(t.to[from], coding)
					t.systems[source] = true
				}
			}
		}
	}
	return t
}

// Len gives how many codes are mapped.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.to)
}

// Resource gives the resource with the codings added that the table knows for it.
// One that needs none is given back as it is.
func (t *Table) Resource(r *fhir.Resource) *fhir.Resource {
	if !t.concerns(r.Raw()) {
		return r
	}
	o := t.object(r.Root())
	if o == nil {
		return r
	}
	out, err := o.Resource()
	if err != nil {
		return r // cannot be: its members are those of a resource
	}
	return out
}

// Resources does so with all of a list.
func (t *Table) Resources(list []*fhir.Resource) []*fhir.Resource {
	out := list
	for i, r := range list {
		if changed := t.Resource(r); changed != r {
			if &out[0] == &list[0] {
				out = slices.Clone(list)
			}
			out[i] = changed
		}
	}
	return out
}

// concerns tells whether any system of a resource is one the table has business
// with. It looks at the bytes, since most resources are of no concern.
func (t *Table) concerns(raw []byte) bool {
	for {
		i := bytes.Index(raw, member)
		if i < 0 {
			return false
		}
		raw = bytes.TrimLeft(raw[i+len(member):], " \t\r\n")
		if len(raw) == 0 || raw[0] != ':' {
			continue
		}
		raw = bytes.TrimLeft(raw[1:], " \t\r\n")
		if len(raw) == 0 || raw[0] != '"' {
			continue
		}
		end := bytes.IndexByte(raw[1:], '"')
		if end < 0 {
			return false
		}
		value := raw[1 : 1+end]
		if _, ok := otherNames[string(value)]; ok || t != nil && t.systems[string(value)] || bytes.IndexByte(value, '\\') >= 0 {
			return true
		}
		raw = raw[1+end:]
	}
}

var member = []byte(`"system"`)

// object gives an object with what is added below it, nil when nothing is.
func (t *Table) object(n *fhir.Node) *fhir.Object {
	var o *fhir.Object
	change := func() *fhir.Object {
		if o == nil {
			o = n.Object()
		}
		return o
	}
	for _, coding := range t.more(n) {
		change().Append("coding", coding)
	}
	for name, nodes := range n.Fields() {
		if strings.HasPrefix(name, "_") {
			continue
		}
		var list []any
		changed := false
		for _, child := range nodes {
			if child.Kind() == fhir.KindObject {
				if inner := t.object(child); inner != nil {
					list, changed = append(list, inner), true
					continue
				}
			}
			list = append(list, child)
		}
		switch {
		case !changed || name == "coding":
		case nodes[0].Index() < 0:
			change().Set(name, list[0])
		default:
			change().Set(name, list)
		}
	}
	return o
}

// more gives the codings that a concept lacks.
func (t *Table) more(concept *fhir.Node) []fhir.Coding {
	nodes := concept.Children("coding")
	if len(nodes) == 0 || nodes[0].Index() < 0 {
		return nil
	}
	var have, add []fhir.Coding
	for _, n := range nodes {
		have = append(have, n.Coding())
	}
	offer := func(c fhir.Coding) {
		same := func(h fhir.Coding) bool { return h.System == c.System && h.Code == c.Code }
		if !slices.ContainsFunc(have, same) && !slices.ContainsFunc(add, same) {
			add = append(add, c)
		}
	}
	for _, c := range have {
		if name, ok := otherNames[c.System]; ok && c.Code != "" {
			offer(fhir.Coding{System: name, Code: c.Code, Display: c.Display})
		}
		if t == nil {
			continue
		}
		for _, system := range []string{c.System, usual(c.System)} {
			for _, to := range t.to[code{system, c.Code}] {
				offer(to)
			}
		}
	}
	return add
}

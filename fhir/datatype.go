package fhir

import (
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Coding is a FHIR Coding.
type Coding struct{ System, Version, Code, Display string }

// CodeableConcept is a FHIR CodeableConcept.
type CodeableConcept struct {
	Codings []Coding
	Text    string
}

// Identifier is what a FHIR Identifier is matched by.
type Identifier struct{ System, Value string }

// Reference is a FHIR Reference.
type Reference struct {
	Reference, Type, Display string
	Identifier               Identifier
}

// Quantity is a FHIR Quantity (Age, Duration, SimpleQuantity …). Its Value is
// exact and keeps the precision that was written.
type Quantity struct {
	Value                          apd.Decimal
	Comparator, Unit, System, Code string
}

// UCUM is the code system of units.
const UCUM = "http://unitsofmeasure.org"

// Coding reads a Coding.
func (n *Node) Coding() Coding {
	return Coding{
		System:  n.Child("system").String(),
		Version: n.Child("version").String(),
		Code:    n.Child("code").String(),
		Display: n.Child("display").String(),
	}
}

// CodeableConcept reads a CodeableConcept.
func (n *Node) CodeableConcept() CodeableConcept {
	c := CodeableConcept{Text: n.Child("text").String()}
	for _, coding := range n.Children("coding") {
		c.Codings = append(c.Codings, coding.Coding())
	}
	return c
}

// Identifier reads an Identifier.
func (n *Node) Identifier() Identifier {
	return Identifier{System: n.Child("system").String(), Value: n.Child("value").String()}
}

// Reference reads a Reference.
func (n *Node) Reference() Reference {
	return Reference{
		Reference:  n.Child("reference").String(),
		Type:       n.Child("type").String(),
		Display:    n.Child("display").String(),
		Identifier: n.Child("identifier").Identifier(),
	}
}

// Quantity reads a Quantity; false where it has no readable value.
func (n *Node) Quantity() (Quantity, bool) {
	value, ok := n.Child("value").Decimal()
	if !ok {
		return Quantity{}, false
	}
	return Quantity{
		Value:      value,
		Comparator: n.Child("comparator").String(),
		Unit:       n.Child("unit").String(),
		System:     n.Child("system").String(),
		Code:       n.Child("code").String(),
	}, true
}

// IsZero tells whether nothing is there.
func (c Coding) IsZero() bool { return c == Coding{} }

// Is tells whether the coding is of that system and one of the codes; without
// codes the system alone counts.
func (c Coding) Is(system string, codes ...string) bool {
	if c.System != system {
		return false
	}
	for _, code := range codes {
		if c.Code == code {
			return true
		}
	}
	return len(codes) == 0
}

// Has tells whether one of the codings is of that system and one of the codes.
func (c CodeableConcept) Has(system string, codes ...string) bool {
	for _, coding := range c.Codings {
		if coding.Is(system, codes...) {
			return true
		}
	}
	return false
}

// In gives the first coding of that system.
func (c CodeableConcept) In(system string) (Coding, bool) {
	for _, coding := range c.Codings {
		if coding.System == system {
			return coding, true
		}
	}
	return Coding{}, false
}

// IsZero tells whether nothing is there.
func (c CodeableConcept) IsZero() bool { return len(c.Codings) == 0 && c.Text == "" }

// Display gives what a person reads: the text, else the first display, else
// the first code.
func (c CodeableConcept) Display() string {
	if c.Text != "" {
		return c.Text
	}
	for _, coding := range c.Codings {
		if coding.Display != "" {
			return coding.Display
		}
	}
	for _, coding := range c.Codings {
		if coding.Code != "" {
			return coding.Code
		}
	}
	return ""
}

// IsZero tells whether the reference names nothing.
func (r Reference) IsZero() bool { return r == Reference{} }

// Local gives type and id of a reference in the form of a RESTful url, relative
// ("Patient/1"), absolute, or with a version behind it.
func (r Reference) Local() (typ, id string, ok bool) {
	s := r.Reference
	if s == "" || s[0] == '#' || strings.HasPrefix(s, "urn:") {
		return "", "", false
	}
	if i := strings.Index(s, "/_history/"); i >= 0 {
		s = s[:i]
	}
	slash := strings.LastIndexByte(s, '/')
	if slash < 1 || slash == len(s)-1 {
		return "", "", false
	}
	id = s[slash+1:]
	typ = s[:slash]
	typ = typ[strings.LastIndexByte(typ, '/')+1:]
	if !isTypeName(typ) || typ[0] < 'A' || typ[0] > 'Z' {
		return "", "", false
	}
	return typ, id, true
}

// Canonical is a canonical url with an optional version and fragment.
type Canonical struct{ URL, Version, Fragment string }

// ParseCanonical splits "url|version#fragment".
func ParseCanonical(s string) Canonical {
	var c Canonical
	s, c.Fragment, _ = strings.Cut(s, "#")
	c.URL, c.Version, _ = strings.Cut(s, "|")
	return c
}

// String writes "url|version#fragment".
func (c Canonical) String() string {
	s := c.URL
	if c.Version != "" {
		s += "|" + c.Version
	}
	if c.Fragment != "" {
		s += "#" + c.Fragment
	}
	return s
}

// Object writes the coding.
func (c Coding) Object() *Object {
	return NewObject().Set("system", c.System).Set("version", c.Version).Set("code", c.Code).Set("display", c.Display)
}

// Object writes the concept.
func (c CodeableConcept) Object() *Object {
	o := NewObject()
	for _, coding := range c.Codings {
		o.Append("coding", coding)
	}
	return o.Set("text", c.Text)
}

// Object writes the identifier.
func (i Identifier) Object() *Object {
	return NewObject().Set("system", i.System).Set("value", i.Value)
}

// Object writes the reference.
func (r Reference) Object() *Object {
	return NewObject().Set("reference", r.Reference).Set("type", r.Type).
		Set("identifier", r.Identifier).Set("display", r.Display)
}

// Object writes the quantity.
func (q Quantity) Object() *Object {
	return NewObject().Set("value", &q.Value).Set("comparator", q.Comparator).
		Set("unit", q.Unit).Set("system", q.System).Set("code", q.Code)
}

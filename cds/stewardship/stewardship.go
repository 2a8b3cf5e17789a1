// Package stewardship is the vocabulary that the antimicrobial rooms share:
// three-valued truth, numbers that may be known only as a range, and the source
// of a statement.
//
// It reads the source tables it is handed and nothing else. It refuses clocks, and
// it refuses to fill a gap: what is not known stays Unknown through every
// computation.
package stewardship

import (
	"math"

	"cdss/rag"
)

// Truth is three-valued. The zero value is Unknown, so that a forgotten field can
// never be read as a negative.
type Truth int8

// The three values of Kleene's logic.
const (
	Unknown Truth = iota
	No
	Yes
)

// Of gives the Truth of a known boolean.
func Of(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// Or is Yes when either is, No when both are, else Unknown.
func (t Truth) Or(u Truth) Truth {
	switch {
	case t == Yes || u == Yes:
		return Yes
	case t == No && u == No:
		return No
	}
	return Unknown
}

// And is No when either is, Yes when both are, else Unknown.
func (t Truth) And(u Truth) Truth {
	switch {
	case t == No || u == No:
		return No
	case t == Yes && u == Yes:
		return Yes
	}
	return Unknown
}

// Not swaps Yes and No.
func (t Truth) Not() Truth {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Unknown
}

// Number is a measured or derived quantity known to lie in [Low, High]. A plain
// value has Low == High; "> 30" reaches to +Inf; the zero value of Known means
// that nothing is known. The unit is the field's business and stated there.
type Number struct {
	Low, High float64
	Known     bool
}

// Exactly gives a number known to be v.
func Exactly(v float64) Number { return Number{Low: v, High: v, Known: true} }

// Between gives a number known to lie from low to high.
func Between(low, high float64) Number { return Number{Low: low, High: high, Known: true} }

// Exact gives the value when it is known as one number.
func (n Number) Exact() (float64, bool) { return n.Low, n.Known && n.Low == n.High }

func (n Number) bounds() (float64, float64) {
	if !n.Known {
		return math.Inf(-1), math.Inf(1)
	}
	return n.Low, n.High
}

// AtLeast asks whether the number is limit or more.
func (n Number) AtLeast(limit float64) Truth {
	low, high := n.bounds()
	switch {
	case low >= limit:
		return Yes
	case high < limit:
		return No
	}
	return Unknown
}

// Above asks whether the number is more than limit.
func (n Number) Above(limit float64) Truth {
	low, high := n.bounds()
	switch {
	case low > limit:
		return Yes
	case high <= limit:
		return No
	}
	return Unknown
}

// Below asks whether the number is less than limit.
func (n Number) Below(limit float64) Truth { return n.AtLeast(limit).Not() }

// AtMost asks whether the number is limit or less.
func (n Number) AtMost(limit float64) Truth { return n.Above(limit).Not() }

// Source says where a statement of the content can be read: a label section, a
// publication, or a page of a guideline.
type Source struct {
	Document string // stable identifier, for example "awmf-082-006" or "smpc-meropenem"
	Title    string
	Version  string // edition or date of the text that was read
	Page     int    // printed page, 0 when the document has none
	Section  string // section, table or row
	URL      string // where it can be opened, "" when the operator has to hold it
}

// IsZero tells whether there is no source.
func (s Source) IsZero() bool { return s.Document == "" }

// Locator gives the place in the form evidence is looked up by. Terms pick the
// passage among those of a page.
func (s Source) Locator(terms ...string) rag.Locator {
	return rag.Locator{Document: s.Document, Version: s.Version, Page: s.Page, Section: s.Section, Terms: terms}
}

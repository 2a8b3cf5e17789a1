package search

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Query is a search of one resource type that was understood in full.
type Query struct {
	Type     string
	Criteria []Criterion // all of them must hold
	Sort     []Sort
	Include  []Include
	Count    int // resources on a page; 0 with Summary "count" only
	Offset   int // resources before the page
	Summary  Summary
	Elements []string // top-level elements to give; none: all
	Total    Total
	// Used is what of the request had an effect, in its order, for the self link.
	Used []Pair
	// Ignored says what of the request had none; empty unless Options.Lenient.
	Ignored []issue.Issue
}

// Criterion is a condition on one parameter. It holds when one of Values matches.
type Criterion struct {
	Parameter Parameter
	Modifier  Modifier
	// Target is the type a reference must point to: of ":Patient", or of a chain;
	// "" any.
	Target string
	Values []Value
	// Absent is the value of the modifier "missing".
	Absent bool
	// Chain is a condition on the resource that the reference names; then there
	// are no Values.
	Chain *Criterion
}

// Modifier changes how a criterion compares.
type Modifier string

// The modifiers that are supported. A resource type as modifier is Criterion.Target.
const (
	ModifierNone       Modifier = ""
	ModifierMissing    Modifier = "missing"
	ModifierExact      Modifier = "exact"
	ModifierContains   Modifier = "contains"
	ModifierText       Modifier = "text"
	ModifierNot        Modifier = "not"
	ModifierAbove      Modifier = "above"
	ModifierBelow      Modifier = "below"
	ModifierIdentifier Modifier = "identifier"
)

// Modifiers lists the modifiers that a type of parameter takes here.
func Modifiers(t Type) []Modifier {
	switch t {
	case TypeString:
		return []Modifier{ModifierMissing, ModifierExact, ModifierContains}
	case TypeToken:
		return []Modifier{ModifierMissing, ModifierNot, ModifierText}
	case TypeURI:
		return []Modifier{ModifierMissing, ModifierAbove, ModifierBelow}
	case TypeReference:
		return []Modifier{ModifierMissing, ModifierIdentifier}
	}
	return []Modifier{ModifierMissing}
}

// Prefix compares numbers, quantities and times.
type Prefix string

// The prefixes of R4.
const (
	Equal    Prefix = "eq"
	NotEqual Prefix = "ne"
	Greater  Prefix = "gt"
	Less     Prefix = "lt"
	AtLeast  Prefix = "ge"
	AtMost   Prefix = "le"
	After    Prefix = "sa"
	Before   Prefix = "eb"
	Near     Prefix = "ap"
)

// Value is one value of a criterion: Token, Text, URI, Reference, Date, Number or
// Quantity.
type Value interface{ isValue() }

// Token is a code with or without its system. AnySystem: only the code counts;
// AnyCode: only the system does.
type Token struct {
	System, Code       string
	AnySystem, AnyCode bool
}

// Text is a string to compare, as it was given.
type Text string

// URI is compared as it is.
type URI string

// Reference names a resource: by type and id, by id alone, or by url, which for a
// canonical may have a version.
type Reference struct{ Type, ID, URL, Version string }

// Date is a stretch of time [Low, High) and how it compares.
type Date struct {
	Prefix    Prefix
	Low, High time.Time
}

// Number is a number, the stretch [Low, High] that its written digits stand for,
// and how it compares. With Near, the stretch is a tenth to both sides.
type Number struct {
	Prefix           Prefix
	Value, Low, High apd.Decimal
}

// Quantity is a number with a unit: by system and code, by code or unit alone, or
// by none.
type Quantity struct {
	Number
	System, Code string
	AnySystem    bool // the code may also be the unit that people read
}

func (Token) isValue()     {}
func (Text) isValue()      {}
func (URI) isValue()       {}
func (Reference) isValue() {}
func (Date) isValue()      {}
func (Number) isValue()    {}
func (Quantity) isValue()  {}

// Sort is one key of the order.
type Sort struct {
	Parameter  Parameter
	Descending bool
}

// Include asks for resources beside those that match.
type Include struct {
	Source    string    // type that holds the reference
	Parameter Parameter // Name "*": any reference
	Target    string    // type it points to, "" any
	Reverse   bool      // _revinclude: the source comes along
	Iterate   bool      // also from what came along
}

// Summary says how much of each resource is wanted.
type Summary string

// The values of _summary.
const (
	SummaryFalse Summary = ""
	SummaryTrue  Summary = "true"
	SummaryText  Summary = "text"
	SummaryData  Summary = "data"
	SummaryCount Summary = "count"
)

// Total says how well the number of matches must be known.
type Total string

// The values of _total. An unset one leaves the choice to the server.
const (
	TotalUnset    Total = ""
	TotalNone     Total = "none"
	TotalEstimate Total = "estimate"
	TotalAccurate Total = "accurate"
)

// Page is what a search found.
type Page struct {
	Matches  []fhir.Version
	Included []fhir.Version
	Total    int  // of matches on all pages; -1: not counted
	More     bool // there is a page after this one
}

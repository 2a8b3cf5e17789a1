package fhir

import "context"

// Operation is an operation that the FHIR door offers: terminology, $apply and
// the like. The wing that knows the answer implements it.
type Operation interface {
	Signature() Signature
	// Run answers a call. An error of a kind becomes its OperationOutcome.
	Run(ctx context.Context, call Call) (*Resource, error)
}

// Signature says where an operation can be called.
type Signature struct {
	Name       string   // without $
	Definition string   // canonical url of the OperationDefinition
	Types      []string // types it works on; none: every type the server has
	System     bool     // POST [base]/$name
	Type       bool     // POST [base]/Type/$name
	Instance   bool     // POST [base]/Type/id/$name
	// Pure tells that nothing is changed, so that GET is allowed.
	Pure bool
}

// Call is one call of an operation.
type Call struct {
	Type, ID string // "" where the call names none
	// Instance is the resource that Type and ID name, nil without ID.
	Instance *Resource
	// Parameters is the input, a Parameters resource, never nil. A body that is
	// another resource stands in it as the parameter "resource".
	Parameters *Resource
	Language   string // of Accept-Language, "" if none
	Match      int    // the version of the instance that If-Match names; 0: any
}

// Parameter gives the first parameter of that name, or nil.
func (c Call) Parameter(name string) *Node {
	for _, p := range c.Parameters.Root().Children("parameter") {
		if p.Child("name").String() == name {
			return p
		}
	}
	return nil
}

// Value gives the value of the first parameter of that name, of whatever type.
func (c Call) Value(name string) *Node {
	v, _ := c.Parameter(name).Choice("value")
	return v
}

package fhir

import "time"

// Method tells how a version came to be.
type Method string

// The methods of versions and changes, as HTTP names them in Bundle.entry.request.
const (
	Create Method = "POST"
	Update Method = "PUT"
	Delete Method = "DELETE"
)

// Version is one version of a stored resource. Its Resource carries id,
// meta.versionId and meta.lastUpdated; it is nil for a deletion.
type Version struct {
	Type, ID string
	Version  int
	At       time.Time
	Method   Method
	Resource *Resource
}

// Ref gives "Type/id".
func (v Version) Ref() string { return v.Type + "/" + v.ID }

// Change is one wish to change what is stored. Of several changes all are done
// or none.
type Change struct {
	Method   Method
	Type, ID string
	Resource *Resource
	// Match is the version that an update or deletion replaces (If-Match); 0: any.
	Match int
	// Condition is a search, as in a url behind "?", that has the last word: a
	// creation is not done when a resource matches (If-None-Exist), an update or
	// deletion is done to the one that matches.
	Condition string
	// FullURL is the name by which resources of other changes refer to this one;
	// such references are rewritten when the id is known.
	FullURL string
	// Activity is what the change is in the life of an artifact, such as an approval:
	// its Provenance and its audit event say so. Zero: what the method says.
	Activity Coding
}

// Effect is what came of a change.
type Effect struct {
	Version
	Created bool // there was no such resource before, or it was deleted
	Found   bool // a creation that was not needed: Version is what is there
}

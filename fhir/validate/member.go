package validate

import "slices"

// Member is what R4 says of one member that a type may have.
type Member struct {
	Name string // as it is written in JSON; of a choice by its base name alone: ""
	Type string // "string", "CodeableConcept", "CommunicationRequest.payload"; "" of a choice without type
	List bool
}

// MemberOf tells what R4 says of a member of a type: of a resource, a data type
// or an element with members of its own. Of a choice it takes the full name
// ("valueQuantity"), and of its base name alone ("value") it gives neither Name nor
// Type. False means that the type has no such member.
func MemberOf(typ, name string) (Member, bool) {
	t := r4()
	d := t.types[typ]
	if d == nil {
		return Member{}, false
	}
	if e := d.find(name); e != nil && e.choice {
		return Member{List: e.max != 1}, true
	}
	e, of := t.element(d, name)
	if e == nil {
		return Member{}, false
	}
	if e.choice && !slices.Contains(e.types, of) {
		return Member{}, false
	}
	return Member{Name: name, Type: of.name, List: e.max != 1}, true
}

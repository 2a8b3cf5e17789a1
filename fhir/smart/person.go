package smart

import (
	"context"
	"slices"
)

// Role is what a person is here for. Roles are kept apart on purpose: who administers
// the server decides nothing clinical (SAFETY T13).
type Role string

// The roles, from least to most that others depend on.
const (
	Viewer    Role = "viewer"    // reads released knowledge and guidelines
	Clinician Role = "clinician" // asks for recommendations and answers them
	Curator   Role = "curator"   // writes guidelines and rules
	Approver  Role = "approver"  // approves and releases what another person wrote
	Admin     Role = "admin"     // people, clients, servers, settings; nothing clinical
	Auditor   Role = "auditor"   // reads the trail
)

// Roles lists all of them.
func Roles() []Role { return []Role{Viewer, Clinician, Curator, Approver, Admin, Auditor} }

// Person is a human being whose login was verified. The zero Person is nobody.
type Person struct {
	ID    string // stable and unique here; author and approver are told apart by it
	Name  string // as it is shown
	Roles []Role
}

// Has tells whether the person has one of the roles.
func (p Person) Has(any ...Role) bool {
	return slices.ContainsFunc(any, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

type personKey struct{}

// WithPerson puts who is logged in into a context.
func WithPerson(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

// PersonFrom gives who is logged in, ok false for nobody.
func PersonFrom(ctx context.Context) (p Person, ok bool) {
	p, ok = ctx.Value(personKey{}).(Person)
	return p, ok
}

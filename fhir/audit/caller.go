package audit

import "context"

// Caller is who asked.
type Caller struct {
	// User is the person: "Practitioner/123" as an EHR says it, or the name of a local
	// user. Of patients and relatives only the type is kept.
	User    string
	Roles   []string
	Client  string // registered name of the software; "" when not known
	Address string // of the network, as the server sees it
	Request string // id of the request (X-Request-Id)
}

// System is the caller of what this program does by itself.
const System = "cdss"

type callerKey struct{}

// With puts who asks into a context. What c leaves empty is kept from the context's
// caller, so that each layer adds what it knows.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c.over(From(ctx)))
}

// From gives who asks. Without anybody the caller is zero.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// over fills what c lacks from what is below.
func (c Caller) over(below Caller) Caller {
	for _, f := range []struct{ to, from *string }{
		{&c.User, &below.User}, {&c.Client, &below.Client}, {&c.Address, &below.Address}, {&c.Request, &below.Request},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if c.Roles == nil {
		c.Roles = below.Roles
	}
	return c
}

// nobody tells of work that no request asked for.
func (c Caller) nobody() bool {
	return c.User == "" && c.Client == "" && c.Address == "" && c.Request == ""
}

func (c Caller) bounded() Caller {
	c.User, c.Client, c.Address, c.Request = impersonal(clean(c.User)), clean(c.Client), clean(c.Address), clean(c.Request)
	roles := make([]string, 0, len(c.Roles))
	for _, r := range c.Roles[:min(len(c.Roles), maxDetails)] {
		roles = append(roles, clean(r))
	}
	c.Roles = roles
	return c
}

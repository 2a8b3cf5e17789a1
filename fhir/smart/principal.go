package smart

import (
	"context"
	"log/slog"
)

// Principal is who a verified token speaks for.
type Principal struct {
	Client  string // name of the registered client
	Issuer  string // iss
	Subject string // sub, "" if the token has none
	Tenant  string // tenant, "" if the token has none; else one that is registered for the client
}

// LogValue gives what may be logged of a call (CDS Hooks 2.0.1: issuer and tenant).
func (p Principal) LogValue() slog.Value {
	return slog.GroupValue(slog.String("client", p.Client), slog.String("issuer", p.Issuer), slog.String("tenant", p.Tenant))
}

type principalKey struct{}

// With puts a principal into a context.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From gives the principal of a context; false where nobody has proved who calls,
// which is possible with open access only.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

package smart

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"

	"cdss/fhir/issue"
)

// Times of a token.
const (
	Skew     = time.Minute // by how much the clocks may differ
	Lifetime = time.Hour   // longest from iat to exp
)

// Trust is what the tokens of a registered client are held against.
type Trust struct {
	Client    string // its name
	Issuer    string // iss, compared exactly
	Algorithm string // the one it signs with; see Trusted
	// KeysURL is where its JWKS is, and the only jku its tokens may name. "" where
	// the keys were given out of band and the tokens name none.
	KeysURL string
	// Keys are those that were given out of band; then nothing is fetched. Nil: the
	// keys come from KeysURL.
	Keys      *KeySet
	Audiences []string // accepted besides the address that was called
	// Tenants are the values of tenant its tokens may carry. Without any, they must
	// carry none.
	Tenants  []string
	NoTenant bool // tokens without tenant are accepted although Tenants are listed
	Disabled bool
}

// Clients knows who is registered.
type Clients interface {
	// Trust gives the client with this issuer, false if there is none. The error is
	// that it cannot be known yet, never that there is none.
	Trust(issuer string) (Trust, bool, error)
}

// Replays remembers used tokens.
type Replays interface {
	// Use takes note of a token and tells whether it is used for the first time.
	// It may be forgotten after until.
	Use(ctx context.Context, issuer, nonce string, until time.Time) (first bool, err error)
}

// Config of a Verifier. All but Keys are required.
type Config struct {
	Clients Clients
	Replays Replays
	Keys    *Keyring // nil: only keys that were given out of band
	Now     func() time.Time
}

// Verifier verifies the JWTs of CDS clients. It is safe for concurrent use.
type Verifier struct{ c Config }

// New makes a verifier.
func New(c Config) *Verifier { return &Verifier{c} }

// Verify checks an Authorization header for a call of endpoint, the absolute URL
// of this server as it is configured, never as the request spells it. The error of
// a token that is not accepted is always a *Refusal; any other error means that
// nobody could tell (issue.Transient).
//
// The checks go from cheap to dear: size, form, header, issuer, claims, key,
// signature, replay (SAFETY T1).
func (v *Verifier) Verify(ctx context.Context, authorization, endpoint string) (Principal, error) {
	raw, ok := bearer(authorization)
	if !ok {
		return Principal{}, refuse(NoToken, "")
	}
	t, reason := readToken(raw)
	if reason != "" {
		return Principal{}, refuse(reason, "")
	}
	trust, known, err := v.c.Clients.Trust(t.claims.issuer)
	if err != nil {
		return Principal{}, issue.Wrap(issue.Transient, err, "the registered clients are not known yet")
	}
	if !known {
		return Principal{}, refuse(UnknownIssuer, "")
	}
	if reason := v.claimed(t, trust, endpoint); reason != "" {
		return Principal{}, refuse(reason, trust.Client)
	}
	if reason := v.signed(ctx, t, trust); reason != "" {
		return Principal{}, refuse(reason, trust.Client)
	}
	first, err := v.c.Replays.Use(ctx, t.claims.issuer, t.claims.nonce, t.claims.expires.Add(Skew))
	if err != nil {
		return Principal{}, issue.Wrap(issue.Transient, err, "a token's first use cannot be told from a second")
	}
	if !first {
		return Principal{}, refuse(Replayed, trust.Client)
	}
	return Principal{Client: trust.Client, Issuer: trust.Issuer, Subject: t.claims.subject, Tenant: t.claims.tenant}, nil
}

// bearer takes the token out of an Authorization header (RFC 6750, section 2.1).
func bearer(authorization string) (string, bool) {
	scheme, rest, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	rest = strings.Trim(rest, " ")
	return rest, rest != "" && !strings.ContainsAny(rest, " \t,")
}

// claimed holds header and claims against the registration.
func (v *Verifier) claimed(t token, trust Trust, endpoint string) Reason {
	c, now := t.claims, v.c.Now()
	switch {
	case trust.Disabled:
		return Disabled
	case t.header.algorithm != trust.Algorithm:
		return Algorithm
	case t.header.keyAddress != "" && t.header.keyAddress != trust.KeysURL:
		return KeyAddress
	case now.Sub(c.expires) > Skew:
		return ExpiredToken
	case c.issued.Sub(now) > Skew, c.notBefore.Sub(now) > Skew:
		return NotYet
	case !c.expires.After(c.issued), c.expires.Sub(c.issued) > Lifetime:
		return TooLong
	case !slices.ContainsFunc(c.audience, func(a string) bool { return a == endpoint || slices.Contains(trust.Audiences, a) }):
		return WrongAudience
	case c.hasTenant && !slices.Contains(trust.Tenants, c.tenant):
		return WrongTenant
	case !c.hasTenant && len(trust.Tenants) > 0 && !trust.NoTenant:
		return WrongTenant
	}
	return ""
}

// signed checks the signature with the client's key of that kid. The key is
// imported with the registered algorithm and no other, whatever the header says.
func (v *Verifier) signed(ctx context.Context, t token, trust Trust) Reason {
	key, reason := v.key(ctx, trust, t.header.keyID)
	if reason != "" {
		return reason
	}
	if _, err := jws.Verify([]byte(t.raw), jws.WithKey(algorithms[trust.Algorithm].jwa, key), jws.WithCompact()); err != nil {
		return WrongSignature
	}
	return ""
}

func (v *Verifier) key(ctx context.Context, trust Trust, kid string) (any, Reason) {
	if trust.Keys != nil {
		return trust.Keys.Key(kid, trust.Algorithm)
	}
	if v.c.Keys == nil || trust.KeysURL == "" {
		return nil, NoKeys
	}
	return v.c.Keys.key(ctx, trust, kid)
}

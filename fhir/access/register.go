package access

import (
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Client is a registered CDS client.
type Client struct {
	Name      string
	Issuer    string          // iss of its tokens
	Algorithm string          // the one it signs with, for example RS384
	KeysURL   string          // of its JWKS; the only jku its tokens may name
	Keys      json.RawMessage // JWKS given out of band; then none is fetched
	Audiences []string        // accepted besides the address that is called
	Tenants   []string        // its tokens may carry; without any they must carry none
	NoTenant  bool            // tokens without tenant are accepted although Tenants are listed
	Servers   []string        // names of the FHIR servers it may have read from
	Allow     []netip.Prefix  // networks that may be dialled for it besides public addresses
	Origins   []string        // of browsers that call for it, for example https://ehr.example
	Profile   Profile
	Disabled  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Profile is what a client wants and can show.
type Profile struct {
	Language    string        // de or en; "" leaves it to the call
	Deadline    time.Duration // of an answer: 50 ms to 5 s
	Blocked     Blocked       // what to answer when no check can run
	Suggestions []string      // types of actions it carries out: create, update, delete
	Markdown    bool          // it renders GitHub Flavored Markdown in detail
	MaxCards    int           // it shows at once; 0 means as many as there are
	Version3    bool          // features of CDS Hooks 3.0
	Shadow      bool          // evaluate and record, show nothing
}

// Blocked is what a client is answered when no check can run.
type Blocked string

// The answers. 412 is the specification's; a card reaches people whose EHR shows no
// errors (SAFETY rule D4).
const (
	BlockedStatus Blocked = "412"
	BlockedCard   Blocked = "card"
)

// The limits of Profile.Deadline, and its default.
const (
	MinDeadline     = 50 * time.Millisecond
	DefaultDeadline = 450 * time.Millisecond
	MaxDeadline     = 5 * time.Second
)

// DefaultProfile is that of a client of which nothing else is known, and of callers
// without a registration where access is open.
func DefaultProfile() Profile {
	return Profile{Deadline: DefaultDeadline, Blocked: BlockedStatus, Suggestions: []string{"create", "update", "delete"}, Markdown: true}
}

// Server is a registered FHIR server.
type Server struct {
	Name      string
	Base      client.Base
	ClientID  string         // ours at its authorization server: subject of the tokens that are meant for us; "" if not known
	Auth      Auth           // of reads on behalf of our own users
	Allow     []netip.Prefix // networks that may be dialled for it besides public addresses
	Disabled  bool
	CreatedAt time.Time
	UpdatedAt time.Time

	credential client.Credential
	problem    error // why the credential cannot be used
}

// Auth is how this server proves itself to a FHIR server.
type Auth string

// The ways. A hook's own access token is used whatever stands here.
const (
	NoAuth Auth = "none"
	Bearer Auth = "bearer" // a token that does not change
	Basic  Auth = "basic"  // user:password
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// check collects what is wrong, so that one attempt tells all of it.
type check struct{ wrong []error }

func (c *check) that(ok bool, field, format string, a ...any) {
	if !ok {
		c.wrong = append(c.wrong, issue.New(issue.Value, format, a...).At(field))
	}
}

func (c *check) name(name, what string) {
	c.that(namePattern.MatchString(name), "name", "the name of a %s is 1 to 63 small letters, digits, dots, hyphens or underscores", what)
}

func (c *check) allow(allow []netip.Prefix) {
	for _, p := range allow {
		if _, err := client.ParseAllow([]string{p.String()}); err != nil {
			c.wrong = append(c.wrong, err)
		}
	}
}

func (c *check) list(field string, list []string, most int) {
	for i, s := range list {
		c.that(s != "" && len(s) <= most && plainText(s), field, "%s must be one text of visible characters each", field)
		c.that(!slices.Contains(list[:i], s), field, "%s names %q twice", field, s)
	}
}

// plainText tells whether s has visible ASCII characters only.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Check tells all that is wrong with a registration, joined; each error is of kind
// issue.Value. PlainHTTP permits an address without TLS.
func (c Client) Check(plainHTTP bool) error {
	var k check
	k.name(c.Name, "CDS client")
	k.that(c.Issuer != "" && len(c.Issuer) <= 500 && plainText(c.Issuer), "issuer", "the issuer is the text its tokens carry as iss")
	k.that(smart.Trusted(c.Algorithm), "algorithm", "the algorithm must be one of ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512")
	k.that(c.KeysURL != "" || len(c.Keys) > 0, "keys", "the keys are needed: the address of a JWKS, or a JWKS")
	if c.KeysURL != "" {
		if err := client.CheckKeysURL(c.KeysURL, plainHTTP); err != nil {
			k.wrong = append(k.wrong, err)
		}
	}
	if len(c.Keys) > 0 {
		k.keys(c.Keys, c.Algorithm)
	}
	k.list("audiences", c.Audiences, 2000)
	k.list("tenants", c.Tenants, 200)
	k.that(!c.NoTenant || len(c.Tenants) > 0, "tenants", "that a token may lack its tenant means nothing without tenants")
	k.list("servers", c.Servers, 63)
	k.allow(c.Allow)
	for _, o := range c.Origins {
		k.that(isOrigin(o, plainHTTP), "origins", "origin %q must be scheme, host and port as browsers send it, for example https://ehr.example", o)
	}
	p := c.Profile
	k.that(p.Language == "" || p.Language == "de" || p.Language == "en", "language", "the language must be de or en")
	k.that(p.Deadline >= MinDeadline && p.Deadline <= MaxDeadline, "deadline", "the deadline must lie between %s and %s", MinDeadline, MaxDeadline)
	k.that(p.Blocked == BlockedStatus || p.Blocked == BlockedCard, "blocked", "the answer when no check can run must be 412 or card")
	for _, s := range p.Suggestions {
		k.that(s == "create" || s == "update" || s == "delete", "suggestions", "suggestions can be create, update or delete")
	}
	k.that(p.MaxCards >= 0 && p.MaxCards <= 100, "maxCards", "the number of cards must lie between 0 (as many as there are) and 100")
	return errors.Join(k.wrong...)
}

// keys refuses a JWKS that cannot serve, or that holds what must not leave its
// owner.
func (c *check) keys(raw json.RawMessage, algorithm string) {
	set, err := smart.ParseKeys(raw)
	if err != nil {
		c.wrong = append(c.wrong, err)
		return
	}
	c.that(len(set.Duplicates) == 0, "keys", "the JWKS has different keys under one kid")
	c.that(set.Fit(algorithm) > 0, "keys", "the JWKS has no key with a kid that %s could be verified with", algorithm)
	var document struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(raw, &document) == nil {
		for _, key := range document.Keys {
			private := key["d"] != nil || key["k"] != nil
			c.that(!private, "keys", "the JWKS holds a private or symmetric key, which nobody but its owner may have: register the public keys only")
		}
	}
}

// isOrigin tells whether s is an origin as browsers write it (RFC 6454, section 6.2).
func isOrigin(s string, plainHTTP bool) bool {
	b, err := client.ParseBase(s, plainHTTP)
	return err == nil && b.String() == s && strings.Count(s, "/") == 2
}

// Check tells all that is wrong with a registration, joined; each error is of kind
// issue.Value.
func (s Server) Check() error {
	var k check
	k.name(s.Name, "FHIR server")
	k.that(s.Base != client.Base{}, "base", "the address is needed")
	k.that(len(s.ClientID) <= 200 && plainText(s.ClientID), "clientId", "the client id must be one text of visible characters")
	k.that(s.Auth == NoAuth || s.Auth == Bearer || s.Auth == Basic, "auth", "the authorisation must be none, bearer or basic")
	k.allow(s.Allow)
	return errors.Join(k.wrong...)
}

// credential makes what a request authorises itself with out of a stored secret.
func credential(auth Auth, secret string) client.Credential {
	switch auth {
	case Bearer:
		return client.Credential{Scheme: "Bearer", Token: smart.NewToken(secret)}
	case Basic:
		return client.Credential{Scheme: "Basic", Token: smart.NewToken(basic(secret))}
	}
	return client.Credential{}
}

package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// ProviderConfig says where people prove who they are.
type ProviderConfig struct {
	Issuer, ClientID, ClientSecret string
	// Label names the provider on the button; "" leaves that to the page.
	Label string
	// NameClaim is the claim that names the person here; "" is preferred_username. It is
	// believed at the first login only: then issuer and subject are.
	NameClaim string
	// RolesClaim is the claim that holds the roles, a path with dots such as
	// realm_access.roles; "": whoever is registered here has the roles registered here.
	RolesClaim string
	// RoleNames maps values of the claim to roles; a value that is not listed counts when
	// it is the name of a role.
	RoleNames map[string][]smart.Role
	// HTTP asks the provider; nil is a client of its own. Redirects are not followed.
	HTTP *http.Client
	Now  func() time.Time
}

// Limits of asking the provider.
const (
	providerTimeout = 5 * time.Second
	// How long roles that the provider told are believed: after the first it is asked
	// again, after the second nobody is let in on its earlier word (SAFETY T12).
	recheckAfter = 10 * time.Minute
	recheckLimit = 15 * time.Minute
)

// Provider is an OpenID provider (OpenID Connect Core 1.0) that this server relies on:
// authorization code with PKCE, state and nonce. It is found when it is first needed, so
// that it may be away when the server starts.
type Provider struct {
	c  ProviderConfig
	mu sync.Mutex
	at *oidc.Provider // nil: not found yet
}

// NewProvider returns a provider; nothing is asked yet.
func NewProvider(c ProviderConfig) *Provider {
	if c.NameClaim == "" {
		c.NameClaim = "preferred_username"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	client := http.Client{Timeout: providerTimeout}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTP = &client
	return &Provider{c: c}
}

func (p *Provider) rolesFromClaims() bool { return p.c.RolesClaim != "" }

// client gives a context in which the provider is asked by our client.
func (p *Provider) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.c.HTTP)
}

// errNoProvider says that the provider cannot be asked.
var errNoProvider = issue.New(issue.Transient, "the identity provider cannot be reached")

// find reads the provider's description once.
func (p *Provider) find(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at != nil {
		return p.at, nil
	}
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	at, err := oidc.NewProvider(p.client(ctx), p.c.Issuer)
	if err != nil {
		return nil, errors.Join(errNoProvider, err)
	}
	p.at = at
	return at, nil
}

func (p *Provider) oauth(at *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.c.ClientID, ClientSecret: p.c.ClientSecret, Endpoint: at.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
}

// flow is what one login on its way to the provider must come back with.
type flow struct {
	State, Nonce, Verifier, Return, Redirect string
}

func newFlow(redirect, back string) flow {
	return flow{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Return: back, Redirect: redirect}
}

// send gives the address at the provider to which the browser goes.
func (p *Provider) send(ctx context.Context, f flow) (string, error) {
	at, err := p.find(ctx)
	if err != nil {
		return "", err
	}
	return p.oauth(at, f.Redirect).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// identity is what the provider tells of a person.
type identity struct {
	subject string
	name    string // by which the person is known here
	display string
	roles   []smart.Role // when roles come from claims
	refresh string       // token that asks again; "" when there is none
}

// refusal is why a login is refused, for log and audit trail; nobody else is told.
type refusal string

func (r refusal) Error() string { return string(r) }

// receive exchanges the code and gives who logged in.
func (p *Provider) receive(ctx context.Context, f flow, code string) (identity, error) {
	at, err := p.find(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*providerTimeout)
	defer cancel()
	config := p.oauth(at, f.Redirect)
	token, err := config.Exchange(p.client(ctx), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return identity{}, p.failed("the code was not accepted", err)
	}
	return p.identity(ctx, at, token, f.Nonce)
}

// again asks the provider anew what it knows of a person.
func (p *Provider) again(ctx context.Context, refresh string) (identity, error) {
	at, err := p.find(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	token, err := p.oauth(at, "").TokenSource(p.client(ctx), &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return identity{}, p.failed("the provider does not know the login any more", err)
	}
	return p.identity(ctx, at, token, "")
}

// failed tells a provider that refuses from one that is away.
func (p *Provider) failed(text string, err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode < 500 {
		return refusal(text)
	}
	return errors.Join(errNoProvider, err)
}

// identity verifies the ID token and reads its claims; what it lacks is asked of the
// provider's userinfo.
func (p *Provider) identity(ctx context.Context, at *oidc.Provider, token *oauth2.Token, nonce string) (identity, error) {
	raw, ok := token.Extra("id_token").(string)
	var subject string
	claims := map[string]any{}
	if ok {
		verified, err := at.Verifier(&oidc.Config{ClientID: p.c.ClientID, Now: p.c.Now}).Verify(p.client(ctx), raw)
		if err != nil {
			return identity{}, refusal("the ID token is not valid")
		}
		if nonce != "" && verified.Nonce != nonce {
			return identity{}, refusal("the ID token has another nonce")
		}
		if err := verified.Claims(&claims); err != nil {
			return identity{}, refusal("the claims cannot be read")
		}
		subject = verified.Subject
	} else if nonce != "" {
		return identity{}, refusal("there is no ID token")
	}
	if lacks := subject == "" || find(claims, p.c.NameClaim) == nil || p.rolesFromClaims() && find(claims, p.c.RolesClaim) == nil; lacks && at.UserInfoEndpoint() != "" {
		info, err := at.UserInfo(p.client(ctx), oauth2.StaticTokenSource(token))
		if err != nil {
			return identity{}, errors.Join(errNoProvider, err)
		}
		if subject != "" && info.Subject != subject {
			return identity{}, refusal("userinfo is about another person")
		}
		more := map[string]any{}
		if err := info.Claims(&more); err != nil {
			return identity{}, refusal("the claims cannot be read")
		}
		subject = info.Subject
		for name, value := range more {
			if claims[name] == nil {
				claims[name] = value
			}
		}
	}
	return p.person(subject, claims, token.RefreshToken)
}

// person reads claims.
func (p *Provider) person(subject string, claims map[string]any, refresh string) (identity, error) {
	out := identity{subject: subject, refresh: refresh}
	if subject == "" {
		return out, refusal("there is no subject")
	}
	name, _ := find(claims, p.c.NameClaim).(string)
	out.name = strings.ToLower(strings.TrimSpace(name))
	if p.c.NameClaim == "email" {
		if verified, known := claims["email_verified"].(bool); known && !verified {
			return out, refusal("the e-mail address is not verified")
		}
	}
	if !personPattern.MatchString(out.name) || out.name == open {
		return out, refusal("claim " + p.c.NameClaim + " is no name")
	}
	out.display, _ = claims["name"].(string)
	var k check
	if k.display(out.display); len(k.wrong) > 0 {
		out.display = out.name
	}
	if p.rolesFromClaims() {
		out.roles = p.roles(find(claims, p.c.RolesClaim))
	}
	return out, nil
}

// roles reads the value of the roles claim: a list of texts, or one text with blanks.
func (p *Provider) roles(value any) []smart.Role {
	var names []string
	switch v := value.(type) {
	case string:
		names = strings.Fields(v)
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				names = append(names, s)
			}
		}
	}
	roles := []smart.Role{}
	for _, known := range smart.Roles() { // in one order
		if slices.ContainsFunc(names, func(n string) bool {
			if mapped, ok := p.c.RoleNames[n]; ok {
				return slices.Contains(mapped, known)
			}
			return n == string(known)
		}) {
			roles = append(roles, known)
		}
	}
	return roles
}

// find gives a claim by its path; nil if there is none. A name with dots, as some
// providers use addresses, is tried as it stands first.
func find(claims map[string]any, path string) any {
	if v, ok := claims[path]; ok {
		return v
	}
	first, rest, more := strings.Cut(path, ".")
	if !more {
		return nil
	}
	inner, _ := claims[first].(map[string]any)
	return find(inner, rest)
}

// ParseRoleNames reads "group=role,group=role": which roles the values of a claim mean.
// A group may stand several times.
func ParseRoleNames(text string) (map[string][]smart.Role, error) {
	out := map[string][]smart.Role{}
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		at := strings.LastIndex(part, "=")
		if at <= 0 {
			return nil, fmt.Errorf("%q is not of the form group=role", strings.TrimSpace(part))
		}
		name, role := strings.TrimSpace(part[:at]), smart.Role(strings.TrimSpace(part[at+1:]))
		if !slices.Contains(smart.Roles(), role) {
			return nil, fmt.Errorf("%q is no role", role)
		}
		out[name] = append(out[name], role)
	}
	return out, nil
}

// pack and unpack keep a flow in a session.
func (f flow) pack() string {
	raw, err := json.Marshal(f)
	if err != nil {
		panic("access: " + err.Error()) // texts only
	}
	return string(raw)
}

func unpack(text string) (f flow, ok bool) {
	return f, text != "" && json.Unmarshal([]byte(text), &f) == nil
}

package client

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// keysBase reads the part of a JWKS address that says where it leads: what stands
// before a query, which some have.
func keysBase(address string) (Base, string) {
	where, query, _ := strings.Cut(address, "?")
	for i := range len(query) {
		if query[i] <= ' ' || query[i] > '~' || query[i] == '#' {
			return Base{}, "its query has a character that none needs"
		}
	}
	return splitBase(where)
}

// CheckKeysURL tells what is wrong with the address of a JWKS that is to be
// registered. It is used and compared as it is written.
func CheckKeysURL(address string, plainHTTP bool) error {
	b, why := keysBase(address)
	if why == "" && b.scheme == "http" && !plainHTTP {
		why = "it must be https, unless plain http is registered on purpose"
	}
	if why != "" {
		return issue.New(issue.Value, "the address of a JWKS cannot be registered: %s", why)
	}
	return nil
}

// FetchKeys fetches the JWKS of a registered client from its registered address,
// with the bounds of everything that leaves here. The error holds nothing of the
// answer.
func (c *Client) FetchKeys(ctx context.Context, caller, address string, allow []netip.Prefix) ([]byte, error) {
	b, why := keysBase(address)
	if why != "" {
		return nil, issue.New(issue.Value, "fetch JWKS: the address is none: %s", why)
	}
	// A way of its own: the networks of a client's keys need not be those of its
	// FHIR servers.
	conn := c.connection(Call{Caller: caller + " keys", Server: Server{Base: b, Allow: allow}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, issue.New(issue.Value, "fetch JWKS: the address is none")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json;q=0.9, */*;q=0.1")
	req.Header.Set("User-Agent", "cdss")
	res, err := conn.http.Do(req)
	if err != nil {
		return nil, issue.New(issue.Transient, "fetch JWKS from %s: %s", b.origin(), string(meaning(ctx, err)))
	}
	defer res.Body.Close()
	if failure := refused(res.StatusCode); failure != "" {
		return nil, issue.New(issue.Transient, "fetch JWKS from %s: %s, status %d", b.origin(), string(failure), res.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, smart.MaxKeys+1))
	switch {
	case len(raw) > smart.MaxKeys:
		return nil, issue.New(issue.TooLong, "fetch JWKS from %s: more than %d bytes", b.origin(), smart.MaxKeys)
	case err != nil:
		return nil, issue.New(issue.Transient, "fetch JWKS from %s: %s", b.origin(), string(meaning(ctx, err)))
	}
	return raw, nil
}

package launch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// endpoints are those of a server's authorization server.
type endpoints struct {
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
}

// discover reads .well-known/smart-configuration (SMART App Launch 2.2, 9.1).
func (d *Door) discover(ctx context.Context, s Server) (endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var at endpoints
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base+"/.well-known/smart-configuration", nil)
	if err != nil {
		return at, fail(unknownServer, "the registered address is none")
	}
	if err := ask(d.c.Servers.Client(s), req, &at); err != nil {
		return at, err
	}
	for _, address := range []string{at.Authorize, at.Token} {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !s.Plain) {
			return at, fail(unreachable, "the authorization server has an address that cannot be used")
		}
	}
	return at, nil
}

// answer is that of a token endpoint (RFC 6749, 5.1, and SMART App Launch).
type answer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Patient     string `json:"patient"`
	Encounter   string `json:"encounter"`
	IDToken     string `json:"id_token"`
}

func (d *Door) exchange(ctx context.Context, s Server, f flow, code string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.Redirect}, "code_verifier": {f.Verifier}, "client_id": {s.ClientID},
	}
	var a answer
	// Discovered before the browser went away, and kept by it: it must still be what the
	// server says, or the code goes to somebody else.
	at, err := d.discover(ctx, s)
	if err != nil {
		return a, err
	}
	if at.Token != f.Token {
		return a, fail(stale, "the authorization server has moved")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return a, fail(unreachable, "the token address is none")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := ask(d.c.Servers.Client(s), req, &a); err != nil {
		return a, err
	}
	switch {
	case a.AccessToken == "" || len(a.AccessToken) > 8192 || strings.ContainsAny(a.AccessToken, " \r\n\t"):
		return a, fail(refused, "the answer holds no access token")
	case !strings.EqualFold(a.TokenType, "bearer"):
		return a, fail(refused, "the token is of another kind than Bearer")
	case a.Patient != "" && !isID(a.Patient), a.Encounter != "" && !isID(a.Encounter):
		return a, fail(refused, "the launch names something that is no id")
	}
	return a, nil
}

// ask sends a request and reads JSON of bounded size.
func ask(c *http.Client, req *http.Request, into any) error {
	req.Header.Set("Accept", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return fail(unreachable, "no answer")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		if res.StatusCode >= 400 && res.StatusCode < 500 && req.Method == http.MethodPost {
			return fail(refused, "the token was refused")
		}
		return fail(unreachable, "the answer is "+http.StatusText(res.StatusCode))
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return fail(unreachable, "the answer is not JSON")
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(raw) > maxAnswer || json.Unmarshal(raw, into) != nil {
		return fail(unreachable, "the answer cannot be read")
	}
	return nil
}

// isID tells whether s is a FHIR id.
func isID(s string) bool {
	if len(s) > 64 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' {
			return false
		}
	}
	return s != ""
}

// user is whom the identity token names, to be shown and for nothing else: who may do
// what here is decided by the login here, so its signature is not needed.
func (a answer) user() string {
	parts := strings.Split(a.IDToken, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		FHIRUser string `json:"fhirUser"`
	}
	if json.Unmarshal(raw, &claims) != nil || len(claims.FHIRUser) > 200 {
		return ""
	}
	// An absolute reference is shown by its end: Practitioner/123.
	if parts := strings.Split(claims.FHIRUser, "/"); len(parts) > 2 {
		return strings.Join(parts[len(parts)-2:], "/")
	}
	return claims.FHIRUser
}

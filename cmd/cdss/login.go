package main

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/url"

	"cdss/fhir/access"
	"cdss/fhir/access/provider"
	"cdss/fhir/issue"
)

// Where the page of the demonstration's provider is, and by what address the server
// knows it: they talk within the process.
const (
	demoPath   = "/demo-login"
	demoIssuer = "http://demo.invalid" + demoPath
)

// demoLogin tells whether the six people of the demonstration can log in although access
// is required: on this machine only, where no identity provider is configured.
func (c config) demoLogin() bool {
	if !c.Demo || c.Auth != "required" || c.OIDCIssuer != "" {
		return false
	}
	u, err := url.Parse(c.PublicURL)
	return c.PublicURL == "" || err == nil && loopback(net.JoinHostPort(u.Hostname(), "0"))
}

// newSessions makes the login of people.
func newSessions(h *house) (*access.Sessions, error) {
	c := access.SessionsConfig{
		Required: h.cfg.Auth == "required", Choice: h.cfg.Auth == "open" || h.cfg.demoLogin(), BaseURL: h.cfg.PublicURL,
		Listening: func() string { return audience(h.cfg) }, Vault: h.trust.vault, Permissions: h.rights.of, Now: h.now, Log: h.log,
	}
	switch {
	case h.cfg.OIDCIssuer != "":
		c.Provider = access.NewProvider(access.ProviderConfig{
			Issuer: h.cfg.OIDCIssuer, ClientID: h.cfg.OIDCClientID, ClientSecret: h.cfg.OIDCClientSecret, Label: h.cfg.OIDCLabel,
			NameClaim: h.cfg.OIDCNameClaim, RolesClaim: h.cfg.OIDCRolesClaim, RoleNames: h.cfg.OIDCRoles, Now: h.now,
		})
	case h.cfg.demoLogin():
		secret := rand.Text()
		demo, err := provider.New(provider.Config{
			Issuer: demoIssuer, Authorize: demoPath + "/authorize", ClientID: "cdss", ClientSecret: secret,
			Redirect: ourCallback, People: access.Chosen(), Now: h.now,
		})
		if err != nil {
			return nil, err
		}
		h.demoProvider = demo
		c.Provider = access.NewProvider(access.ProviderConfig{
			Issuer: demoIssuer, ClientID: "cdss", ClientSecret: secret, Label: "Demo", RolesClaim: "roles",
			HTTP: &http.Client{Transport: demo}, Now: h.now,
		})
	}
	return access.NewSessions(c), nil
}

// ourCallback tells whether an address is that of this server on this machine.
func ourCallback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && u.User == nil && loopback(net.JoinHostPort(u.Hostname(), "0")) && u.Path == access.CallbackPath && u.RawQuery == ""
}

// serveDemoLogin shows the page of the demonstration's provider; nothing where there is
// none.
func (h *house) serveDemoLogin(w http.ResponseWriter, r *http.Request) {
	if h.demoProvider == nil {
		issue.WriteProblem(w, r, issue.New(issue.NotFound, "nothing is at this address"))
		return
	}
	h.demoProvider.ServeAuthorize(w, r)
}

// system is what the door /api/system works on.
func (h *house) system() access.SystemConfig {
	base := ""
	if h.cfg.PublicURL != "" {
		base = h.cfg.PublicURL + "/fhir"
	}
	return access.SystemConfig{
		People: h.people.Load, Retention: h.retention.Load, Trail: h.trail, Base: base, Log: h.log,
		Store: func() *access.Store {
			if pool := h.pool.Load(); pool != nil {
				return access.NewStore(pool, h.trust.vault)
			}
			return nil
		},
	}
}

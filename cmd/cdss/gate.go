package main

import (
	"net/http"
	"strings"

	"cdss/fhir/access"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// newSessions makes the login of people.
func newSessions(h *house) *access.Sessions {
	c := access.SessionsConfig{
		Required: h.cfg.Auth == "required", Choice: h.cfg.Auth == "open", BaseURL: h.cfg.PublicURL,
		Listening: func() string { return audience(h.cfg) }, Vault: h.trust.vault, Now: h.now, Log: h.log,
	}
	if h.cfg.OIDCIssuer != "" {
		c.Provider = access.NewProvider(access.ProviderConfig{
			Issuer: h.cfg.OIDCIssuer, ClientID: h.cfg.OIDCClientID, ClientSecret: h.cfg.OIDCClientSecret, Now: h.now,
		})
	}
	return access.NewSessions(c)
}

// isOpen tells the paths that the gate has nothing to do with: health, and the CDS
// services, whose door has a guard of its own.
func isOpen(r *http.Request) bool {
	switch r.URL.Path {
	case "/health", "/livez", "/readyz":
		return true
	case "/cds-services":
		return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	}
	return strings.HasPrefix(r.URL.Path, "/cds-services/")
}

// gate finds out who asks, and lets nobody in without a login where access is required:
// a 401 without a reason. The pages themselves hold no data and are for everybody.
func (h *house) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isOpen(r) {
			next.ServeHTTP(w, r)
			return
		}
		l, err := h.sessions.Identify(r)
		if err != nil {
			if issue.Status(err) == http.StatusInternalServerError && r.Context().Err() == nil {
				h.log.ErrorContext(r.Context(), "the login cannot be read", "error", err)
			}
			issue.WriteProblem(w, r, err)
			return
		}
		page := !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/fhir/") && r.URL.Path != "/fhir" && r.URL.Path != "/api"
		if l == nil && !page && r.URL.Path != "/api/session" && !strings.HasPrefix(r.URL.Path, "/api/session/oidc") {
			w.Header().Set("Cache-Control", "no-store")
			issue.WriteProblem(w, r, issue.New(issue.Login, "nobody is logged in"))
			return
		}
		if l != nil {
			ctx := access.WithLogin(r.Context(), l)
			ctx = smart.WithPerson(ctx, l.Person.Smart())
			if l.Means != "" {
				roles := make([]string, len(l.Person.Roles))
				for i, role := range l.Person.Roles {
					roles[i] = string(role)
				}
				ctx = audit.With(ctx, audit.Caller{User: l.Person.ID, Roles: roles})
			}
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

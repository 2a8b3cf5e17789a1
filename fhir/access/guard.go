package access

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// GuardConfig is what a Guard needs. Verifier and, where tokens are required, BaseURL
// are required.
type GuardConfig struct {
	Verifier *smart.Verifier
	// BaseURL is the external address of this server without a slash behind: with the
	// path of the call it is the audience a token must name. What a call says of the
	// host is never asked.
	BaseURL string
	// Required refuses calls without a valid token. Else, with open access, a valid
	// token tells who calls and any other is passed over.
	Required bool
	Log      *slog.Logger                             // nil: nothing is logged
	Refused  func(reason smart.Reason, client string) // counts; nil: nobody does
}

// Guard lets calls of registered CDS clients through, and puts their principal into
// the context (smart.From).
type Guard struct{ c GuardConfig }

// NewGuard makes a guard. It is an error when tokens are required and no address is
// configured that they could name.
func NewGuard(c GuardConfig) (*Guard, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Refused == nil {
		c.Refused = func(smart.Reason, string) {}
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.Required && c.BaseURL == "" {
		return nil, issue.New(issue.Required, "tokens of CDS clients name this server's address as their audience: set CDSS_PUBLIC_URL")
	}
	return &Guard{c}, nil
}

// Wrap guards a door. Preflights of browsers, which carry no token, are let through.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		authorization := ""
		if values := r.Header.Values("Authorization"); len(values) == 1 {
			authorization = values[0]
		}
		if authorization == "" && !g.c.Required {
			next.ServeHTTP(w, r)
			return
		}
		principal, err := g.c.Verifier.Verify(r.Context(), authorization, g.c.BaseURL+r.URL.EscapedPath())
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(smart.With(r.Context(), principal)))
		case !g.c.Required:
			next.ServeHTTP(w, r)
		default:
			g.refuse(w, r, err)
		}
	})
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *smart.Refusal
	if !errors.As(err, &refusal) {
		g.c.Log.WarnContext(r.Context(), "tokens cannot be verified", "error", err)
		issue.WriteOutcome(w, err)
		return
	}
	g.c.Refused(refusal.Reason(), refusal.Client())
	g.c.Log.InfoContext(r.Context(), "token refused", "refusal", refusal)
	smart.Challenge(w)
}

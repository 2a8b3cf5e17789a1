package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/prefetch"
	"cdss/fhir/access"
	"cdss/fhir/audit"
	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// trust is who may call the hooks, and whom a call may have asked.
type trust struct {
	registry *access.Registry
	replays  *access.Replays
	keyring  *smart.Keyring
	outbound *client.Client
	vault    *access.Vault
	guard    *access.Guard // of calls and feedback
	identify *access.Guard // of discovery, which is always open
}

func newTrust(h *house) (*trust, error) {
	t := &trust{registry: access.NewRegistry(h.log)}
	var err error
	if t.vault, err = access.ParseVault(h.cfg.SecretKey); err != nil {
		return nil, err
	}
	t.outbound = client.New(client.Config{Now: h.now, Log: h.log, Observe: func(_, _ string, failure client.Failure, took time.Duration) {
		h.metrics.Fetched(string(failure), took)
	}})
	t.replays = access.NewReplays(access.ReplaysConfig{Now: h.now, Log: h.log, Degraded: func() { h.metrics.Count("jti_store_degraded", "") }})
	t.keyring = smart.NewKeyring(smart.KeyringConfig{
		Fetch: t.registry.Keys(t.outbound), Now: h.now, Log: h.log,
		Event: func(e smart.Event, _ string) { h.metrics.Count(string(e), "") },
	})
	verifier := smart.New(smart.Config{Clients: t.registry, Replays: t.replays, Keys: t.keyring, Now: h.now})
	guard := access.GuardConfig{
		Verifier: verifier, BaseURL: audience(h.cfg), Log: h.log,
		Refused: func(reason smart.Reason, _ string) { h.metrics.Count("token_refused", string(reason)) },
	}
	if t.identify, err = access.NewGuard(guard); err != nil {
		return nil, err
	}
	guard.Required = h.cfg.Auth == "required"
	if t.guard, err = access.NewGuard(guard); err != nil {
		return nil, err
	}
	if guard.Required && h.cfg.PublicURL == "" && !loopback(h.cfg.Addr) {
		h.log.Warn("no CDS client can prove itself: its token must name the address of this server, and CDSS_PUBLIC_URL is not set")
	}
	return t, nil
}

// audience is the address that tokens must name. Where none is configured, it is
// the one the server listens at, which nobody but this machine can reach.
func audience(cfg config) string {
	if cfg.PublicURL != "" {
		return cfg.PublicURL
	}
	_, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return "http://localhost"
	}
	return "http://localhost:" + port
}

// attach gives it the database, and reads who is registered before anybody is told
// that the server is ready.
func (t *trust) attach(ctx context.Context, h *house, pool *pgxpool.Pool) {
	t.registry.Attach(access.NewStore(pool, t.vault))
	t.replays.Attach(pool)
	if err := t.registry.Refresh(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("the registrations could not be read yet", "error", err)
	}
	h.background.Go(func() { t.registry.Run(ctx) })
	h.background.Go(func() { t.replays.Run(ctx) })
	h.background.Go(func() { t.keyring.Run(ctx, t.registry.Trusts) })
}

// profile is what a client wants and can show, as decision support takes it.
func (h *house) profile(name string) cds.Profile {
	c, registered := h.trust.registry.Client(name)
	if !registered {
		return cds.Profile{}
	}
	p := c.Profile
	out := cds.Profile{
		Language: cds.Lang(p.Language), Deadline: p.Deadline, BlockedCard: p.Blocked == access.BlockedCard,
		Suggestions: append([]string{}, p.Suggestions...), PlainText: !p.Markdown, MaxCards: p.MaxCards,
		Version3: p.Version3, Shadow: p.Shadow,
	}
	if h.deadline > 0 {
		out.Deadline = h.deadline
	}
	return out
}

// fhirServers opens the FHIR servers that hook calls name.
type fhirServers struct{ h *house }

// Open finds the registration of the server and holds the access token against the
// call.
func (s fhirServers) Open(req cds.Request) (prefetch.Reader, string, error) {
	if req.FHIRServer == "" {
		return nil, "", nil
	}
	way, err := s.h.trust.registry.Way(req.Client, req.FHIRServer)
	switch {
	case issue.Is(err, issue.NotFound):
		return nil, prefetch.NoServer, nil
	case issue.Is(err, issue.Forbidden):
		return nil, "", err
	case err != nil:
		return nil, "unreachable", nil // who is registered is not known yet
	}
	call := client.Call{Caller: req.Client, Server: way.Server}
	if !req.Access.Token.IsZero() {
		if req.Access.Usable(s.h.now(), way.Subject, req.Patient) != "" {
			return nil, prefetch.TokenUnfit, nil
		}
		call.Credential = client.Credential{Scheme: "Bearer", Token: req.Access.Token}
	}
	return fhirReader{s.h.trust.outbound, call}, "", nil
}

// ownServers are the FHIR servers as people of this server read them, with the
// credential that is stored for each.
type ownServers struct{ h *house }

func (s ownServers) Names() (all, launchable []string) {
	return s.h.trust.registry.Servers(), s.h.trust.registry.Launchable()
}

// Reader opens a server for whoever may search patients: a recommendation reads the
// same data, and many more may ask for one.
func (s ownServers) Reader(ctx context.Context, name string) (prefetch.Reader, error) {
	if reader, ok := s.launched(ctx, name); ok {
		return reader, nil
	}
	who, _ := smart.PersonFrom(ctx)
	if e, ok := s.h.rights.find(http.MethodPost, "/api/patients/search"); !ok || !e.nobody && !e.permits(who.Roles) {
		return nil, issue.New(issue.Forbidden, "reading a patient from a FHIR server needs the right to search patients, which your roles do not have")
	}
	call, err := s.h.trust.registry.Own(name)
	if err != nil {
		return nil, err
	}
	return fhirReader{s.h.trust.outbound, call}, nil
}

func (s ownServers) Searched(ctx context.Context, query string, patients []string) error {
	events := []audit.Event{}
	for _, p := range patients {
		subject, err := s.h.trail.Subject(p)
		if err != nil {
			return err
		}
		events = append(events, audit.Event{Kind: audit.Search, Patient: subject, Query: query})
	}
	if len(events) == 0 {
		events = append(events, audit.Event{Kind: audit.Search, Query: query})
	}
	return s.h.trail.Write(ctx, events...)
}

// fhirReader reads for one call.
type fhirReader struct {
	client *client.Client
	call   client.Call
}

func (r fhirReader) Read(ctx context.Context, queries []prefetch.Query) map[string]prefetch.Answer {
	list := make([]client.Query, len(queries))
	for i, q := range queries {
		list[i] = client.Query{Key: q.Key, Path: q.Path, Post: q.Post}
	}
	out := make(map[string]prefetch.Answer, len(queries))
	for key, a := range r.client.Fetch(ctx, r.call, list) {
		out[key] = prefetch.Answer{Resources: a.Resources, Failure: string(a.Failure), SHA256: a.SHA256}
	}
	return out
}

package access

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/fhir/task"
)

// poll is how often the registrations are read although nobody announced a change:
// behind a pooler nothing is heard, and switching a client off must take effect
// within 5 s (SAFETY T9).
const poll = 4 * time.Second

// Registry is the registrations in memory. It is safe for concurrent use. Until it
// has read them once it knows nobody, and says so instead of refusing anybody.
type Registry struct {
	log     *slog.Logger
	current atomic.Pointer[snapshot]
	store   atomic.Pointer[Store]
	reading sync.Mutex
}

// snapshot is one state of the registrations. It never changes.
type snapshot struct {
	clients  []Client
	servers  []Server
	byIssuer map[string]smart.Trust
	byName   map[string]Client
	byServer map[string]Server
	origins  map[string]bool
}

// NewRegistry returns an empty registry. log may be nil.
func NewRegistry(log *slog.Logger) *Registry {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Registry{log: log}
}

// Attach gives the registry its store.
func (r *Registry) Attach(s *Store) { r.store.Store(s) }

// Run keeps the registry equal to what is stored until ctx ends. Attach comes first.
// While the database is away, the last state stands.
func (r *Registry) Run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		task.Listen(ctx, r.store.Load().pool, r.log, channel, func(string) {
			select {
			case changed <- struct{}{}:
			default: // somebody has said so already
			}
		})
	})
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := r.Refresh(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("read registrations", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

// Refresh reads the registrations anew.
func (r *Registry) Refresh(ctx context.Context) error {
	store := r.store.Load()
	if store == nil {
		return issue.New(issue.Transient, "read registrations: the database is not ready")
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	clients, err := store.Clients(ctx)
	if err != nil {
		return err
	}
	servers, err := store.Servers(ctx)
	if err != nil {
		return err
	}
	before := r.current.Load()
	if before != nil && reflect.DeepEqual(before.clients, clients) && sameServers(before.servers, servers) {
		return nil
	}
	r.current.Store(r.snapshot(clients, servers))
	r.log.Info("registrations read", "clients", len(clients), "servers", len(servers))
	return nil
}

// sameServers compares what is stored: a token is another value each time it is
// opened.
func sameServers(a, b []Server) bool {
	return slices.EqualFunc(a, b, func(x, y Server) bool {
		return x.Name == y.Name && x.UpdatedAt.Equal(y.UpdatedAt) && (x.problem == nil) == (y.problem == nil) &&
			x.Base == y.Base && x.ClientID == y.ClientID && x.Auth == y.Auth && x.Disabled == y.Disabled && slices.Equal(x.Allow, y.Allow) &&
			x.credential.Token.Reveal() == y.credential.Token.Reveal()
	})
}

func (r *Registry) snapshot(clients []Client, servers []Server) *snapshot {
	s := &snapshot{
		clients: clients, servers: servers,
		byIssuer: map[string]smart.Trust{}, byName: map[string]Client{}, byServer: map[string]Server{}, origins: map[string]bool{},
	}
	for _, server := range servers {
		s.byServer[server.Name] = server
		if server.problem != nil {
			r.log.Warn("a FHIR server cannot be used as registered", "server", server.Name, "error", server.problem)
		}
	}
	for _, c := range clients {
		s.byName[c.Name] = c
		t := smart.Trust{
			Client: c.Name, Issuer: c.Issuer, Algorithm: c.Algorithm, KeysURL: c.KeysURL,
			Audiences: c.Audiences, Tenants: c.Tenants, NoTenant: c.NoTenant, Disabled: c.Disabled,
		}
		if len(c.Keys) > 0 {
			keys, err := smart.ParseKeys(c.Keys)
			if err != nil {
				r.log.Warn("the keys of a CDS client cannot be read", "client", c.Name, "error", err)
				keys = &smart.KeySet{} // refuses all: never fall back to fetching
			}
			t.Keys = keys
		}
		s.byIssuer[c.Issuer] = t
		if !c.Disabled {
			for _, o := range c.Origins {
				s.origins[o] = true
			}
		}
	}
	return s
}

// Loaded tells whether the registrations have been read.
func (r *Registry) Loaded() bool { return r.current.Load() != nil }

// errUnread is the error of whoever asks before that.
var errUnread = issue.New(issue.Transient, "the registrations have not been read yet")

// Trust implements smart.Clients.
func (r *Registry) Trust(issuer string) (smart.Trust, bool, error) {
	s := r.current.Load()
	if s == nil {
		return smart.Trust{}, false, errUnread
	}
	t, ok := s.byIssuer[issuer]
	return t, ok, nil
}

// Trusts lists what all clients' tokens are held against, for the refreshing of
// their keys.
func (r *Registry) Trusts() []smart.Trust {
	s := r.current.Load()
	if s == nil {
		return nil
	}
	list := make([]smart.Trust, 0, len(s.clients))
	for _, c := range s.clients {
		list = append(list, s.byIssuer[c.Issuer])
	}
	return list
}

// Client gives a client that is registered and not switched off.
func (r *Registry) Client(name string) (Client, bool) {
	s := r.current.Load()
	if s == nil {
		return Client{}, false
	}
	c, ok := s.byName[name]
	return c, ok && !c.Disabled
}

// Profile gives the profile of a client; the default one for "", a caller without a
// registration, and for whoever is not registered any more.
func (r *Registry) Profile(name string) Profile {
	if c, ok := r.Client(name); ok {
		return c.Profile
	}
	return DefaultProfile()
}

// Origin tells whether browsers of an origin may call, as the registration of some
// client says: before a call there is no token that could tell whose.
func (r *Registry) Origin(origin string) bool {
	s := r.current.Load()
	return s != nil && s.origins[origin]
}

// Origins lists them, in order. They may show the clinician's app in a frame, too.
func (r *Registry) Origins() []string {
	s := r.current.Load()
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.origins))
}

// Way is how a call's FHIR server may be read.
type Way struct {
	Server  client.Server
	Subject string // our client id there, "" if not known; see smart.Authorization.Usable
}

// Way finds the registration of the fhirServer a call of a client names. Caller is
// the client's name; "" is a caller without a registration, possible with open
// access only, who may name every registered server. Errors: issue.Forbidden for a
// server that is registered, but not for this client; issue.NotFound for one that
// is not registered, whose call can be answered from what came with it.
func (r *Registry) Way(caller, fhirServer string) (Way, error) {
	s := r.current.Load()
	if s == nil {
		return Way{}, errUnread
	}
	var c Client
	if caller != "" {
		var ok bool
		if c, ok = s.byName[caller]; !ok || c.Disabled {
			return Way{}, issue.New(issue.Forbidden, "there is no CDS client %q", caller)
		}
	}
	foreign := false
	for _, server := range s.servers {
		base, ok := server.Base.Match(fhirServer)
		if !ok || server.Disabled {
			continue
		}
		if caller != "" && !slices.Contains(c.Servers, server.Name) {
			foreign = true
			continue
		}
		return Way{
			Server:  client.Server{Name: server.Name, Base: base, Allow: slices.Concat(server.Allow, c.Allow)},
			Subject: server.ClientID,
		}, nil
	}
	if foreign {
		return Way{}, issue.New(issue.Forbidden, "this client may not name this FHIR server").At("fhirServer")
	}
	return Way{}, issue.New(issue.NotFound, "the FHIR server is not registered").At("fhirServer")
}

// Own gives how a server is read on behalf of this server's own users, with the
// credential that is stored for it. Errors: issue.NotFound, or what keeps the
// credential from being used (issue.BusinessRule).
func (r *Registry) Own(server string) (client.Call, error) {
	s := r.current.Load()
	if s == nil {
		return client.Call{}, errUnread
	}
	f, ok := s.byServer[server]
	if !ok || f.Disabled {
		return client.Call{}, issue.New(issue.NotFound, "there is no FHIR server of this name")
	}
	if f.problem != nil {
		return client.Call{}, f.problem
	}
	return client.Call{Server: client.Server{Name: f.Name, Base: f.Base, Allow: f.Allow}, Credential: f.credential}, nil
}

// Servers lists the names of the servers that Own knows.
func (r *Registry) Servers() []string {
	var names []string
	if s := r.current.Load(); s != nil {
		for _, f := range s.servers {
			if !f.Disabled {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// Launchable names those of them that know this app by a client id: a SMART launch can
// begin at no other.
func (r *Registry) Launchable() []string {
	var names []string
	if s := r.current.Load(); s != nil {
		for _, f := range s.servers {
			if !f.Disabled && f.ClientID != "" {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// Keys makes a fetcher of keys out of an outbound client: each client's keys are
// fetched with the networks that are registered for it.
func (r *Registry) Keys(c *client.Client) smart.Fetcher { return keys{r, c} }

type keys struct {
	registry *Registry
	client   *client.Client
}

func (k keys) FetchKeys(ctx context.Context, name, url string) ([]byte, error) {
	c, _ := k.registry.Client(name)
	return k.client.FetchKeys(ctx, name, url, c.Allow)
}

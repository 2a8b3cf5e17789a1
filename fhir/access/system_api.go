package access

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/audit"
	"cdss/fhir/client"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// SystemConfig is what the door /api/system needs. The functions give nil while the
// database is not ready; then calls are answered 503.
type SystemConfig struct {
	People    func() *People
	Store     func() *Store
	Retention func() *audit.Retention
	Trail     *audit.Trail
	Base      string // url of FHIR REST here, for AuditEvents; "" if it has none
	Log       *slog.Logger
}

type system struct{ SystemConfig }

// RegisterSystem adds the operations below /system to api, whose server is /api. Who may
// call them is not judged here.
func RegisterSystem(api huma.API, c SystemConfig) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &system{c}
	s.registerPeople(api)
	s.registerClients(api)
	s.registerServers(api)
	s.registerRetention(api)
	s.registerTrail(api)
}

// fail turns an error into problem details, once, here.
func (s *system) fail(ctx context.Context, err error) error {
	if issue.Status(err) >= http.StatusInternalServerError && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	return &issue.ProblemError{Err: err, Wait: 60}
}

// ready gives a part that came with the database.
func ready[T any](get func() *T) (*T, error) {
	if part := get(); part != nil {
		return part, nil
	}
	return nil, issue.New(issue.Transient, "the database is not ready")
}

// do runs work that gives nothing back.
func do[T any](s *system, ctx context.Context, get func() *T, work func(*T) error) (*struct{}, error) {
	part, err := ready(get)
	if err == nil {
		err = work(part)
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

// People.

type accountBody struct {
	ID         string       `json:"id" doc:"name to log in with"`
	Display    string       `json:"display"`
	Roles      []smart.Role `json:"roles" enum:"viewer,clinician,curator,approver,admin,auditor"`
	Passphrase bool         `json:"passphrase" doc:"logs in here, with a passphrase"`
	Provider   bool         `json:"provider" doc:"has logged in at the identity provider"`
	MustChange bool         `json:"mustChange" doc:"has to choose a passphrase at the next login"`
	Bootstrap  bool         `json:"bootstrap" doc:"the first administrator; ends when another one comes from the identity provider"`
	Disabled   bool         `json:"disabled"`
	CreatedAt  time.Time    `json:"createdAt"`
	LastLogin  *time.Time   `json:"lastLogin,omitempty"`
}

type peopleOutput struct {
	Body struct {
		People []accountBody `json:"people"`
	}
}

type addPersonInput struct {
	Body struct {
		Name       string       `json:"name" maxLength:"63" doc:"to log in with, or as the identity provider names the person"`
		Display    string       `json:"display" maxLength:"200"`
		Roles      []smart.Role `json:"roles" enum:"viewer,clinician,curator,approver,admin,auditor" maxItems:"6"`
		Passphrase string       `json:"passphrase,omitempty" maxLength:"1000" writeOnly:"true" doc:"for a login here; has to be changed at the first one"`
	}
}

type changePersonInput struct {
	ID   string `path:"id" maxLength:"63"`
	Body struct {
		Display  string       `json:"display" maxLength:"200"`
		Roles    []smart.Role `json:"roles" enum:"viewer,clinician,curator,approver,admin,auditor" maxItems:"6"`
		Disabled bool         `json:"disabled"`
	}
}

type setPassphraseInput struct {
	ID   string `path:"id" maxLength:"63"`
	Body struct {
		Passphrase string `json:"passphrase" maxLength:"1000" writeOnly:"true"`
	}
}

func (s *system) registerPeople(api huma.API) {
	huma.Register(api, operation("list-people", http.MethodGet, "/system/people", "List who may log in", http.StatusOK, 503),
		func(ctx context.Context, _ *struct{}) (*peopleOutput, error) {
			people, err := ready(s.People)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			list, err := people.List(ctx)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &peopleOutput{}
			out.Body.People = []accountBody{}
			for _, p := range list {
				a := accountBody{p.ID, p.Display, p.Roles, p.Passphrase, p.Provider, p.MustChange, p.Bootstrap, p.Disabled, p.CreatedAt.UTC(), nil}
				if !p.LastLogin.IsZero() {
					last := p.LastLogin.UTC()
					a.LastLogin = &last
				}
				out.Body.People = append(out.Body.People, a)
			}
			return out, nil
		})
	huma.Register(api, operation("add-person", http.MethodPost, "/system/people", "Register a person", http.StatusNoContent, 409, 422, 503),
		func(ctx context.Context, in *addPersonInput) (*struct{}, error) {
			return do(s, ctx, s.People, func(p *People) error {
				return p.Add(ctx, Person{ID: in.Body.Name, Display: in.Body.Display, Roles: in.Body.Roles}, in.Body.Passphrase)
			})
		})
	huma.Register(api, operation("change-person", http.MethodPut, "/system/people/{id}", "Change name, roles, or whether a person may log in", http.StatusNoContent, 403, 404, 409, 422, 503),
		func(ctx context.Context, in *changePersonInput) (*struct{}, error) {
			return do(s, ctx, s.People, func(p *People) error {
				return p.Change(ctx, in.ID, in.Body.Display, in.Body.Roles, in.Body.Disabled)
			})
		})
	huma.Register(api, operation("set-passphrase", http.MethodPost, "/system/people/{id}/passphrase", "Give a person a passphrase", http.StatusNoContent, 404, 409, 422, 503),
		func(ctx context.Context, in *setPassphraseInput) (*struct{}, error) {
			return do(s, ctx, s.People, func(p *People) error { return p.SetPassphrase(ctx, in.ID, in.Body.Passphrase) })
		})
}

// CDS clients.

type clientBody struct {
	Name        string          `json:"name" maxLength:"63"`
	Issuer      string          `json:"issuer" maxLength:"500" doc:"iss of its tokens"`
	Algorithm   string          `json:"algorithm" default:"ES384" doc:"the one it signs with"`
	KeysURL     string          `json:"jwksUrl,omitempty" doc:"address of its public keys"`
	Keys        json.RawMessage `json:"jwks,omitempty" doc:"its public keys, instead of fetching them"`
	Audiences   []string        `json:"audiences,omitempty" doc:"accepted besides the address that is called"`
	Tenants     []string        `json:"tenants,omitempty"`
	NoTenant    bool            `json:"noTenant,omitempty" doc:"tokens without tenant are accepted although some are listed"`
	Servers     []string        `json:"servers,omitempty" doc:"FHIR servers it may name"`
	Allow       []string        `json:"allow,omitempty" doc:"networks that may be dialled for it besides public addresses"`
	Origins     []string        `json:"origins,omitempty" doc:"of browsers that call for it"`
	Language    string          `json:"language,omitempty" enum:"de,en"`
	Deadline    int64           `json:"deadline,omitempty" doc:"of an answer, in milliseconds; 450 unless set" minimum:"0" maximum:"5000"`
	Blocked     string          `json:"blocked,omitempty" enum:"412,card" doc:"what to answer when no check can run"`
	Suggestions []string        `json:"suggestions,omitempty" doc:"types of actions it carries out; all when left out"`
	PlainText   bool            `json:"plainText,omitempty" doc:"it renders no Markdown"`
	MaxCards    int             `json:"maxCards,omitempty" minimum:"0" maximum:"100"`
	Version3    bool            `json:"version3,omitempty" doc:"features of CDS Hooks 3.0"`
	Shadow      bool            `json:"shadow,omitempty" doc:"evaluate and record, show nothing"`
	Disabled    bool            `json:"disabled,omitempty"`
	PlainHTTP   bool            `json:"plainHttp,omitempty" writeOnly:"true" doc:"addresses without TLS are meant, for tests"`
}

func clientOf(c Client) clientBody {
	p := c.Profile
	return clientBody{
		Name: c.Name, Issuer: c.Issuer, Algorithm: c.Algorithm, KeysURL: c.KeysURL, Keys: c.Keys, Audiences: c.Audiences, Tenants: c.Tenants,
		NoTenant: c.NoTenant, Servers: c.Servers, Allow: networks(c.Allow), Origins: c.Origins, Language: p.Language, Deadline: p.Deadline.Milliseconds(),
		Blocked: string(p.Blocked), Suggestions: array(p.Suggestions), PlainText: !p.Markdown, MaxCards: p.MaxCards, Version3: p.Version3, Shadow: p.Shadow,
		Disabled: c.Disabled,
	}
}

func networks(list []netip.Prefix) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func (b clientBody) client() (Client, error) {
	p := DefaultProfile()
	p.Language, p.Markdown, p.MaxCards, p.Version3, p.Shadow = b.Language, !b.PlainText, b.MaxCards, b.Version3, b.Shadow
	if b.Deadline > 0 {
		p.Deadline = time.Duration(b.Deadline) * time.Millisecond
	}
	if b.Blocked != "" {
		p.Blocked = Blocked(b.Blocked)
	}
	if b.Suggestions != nil {
		p.Suggestions = b.Suggestions
	}
	allow, err := client.ParseAllow(b.Allow)
	keys := b.Keys
	if string(keys) == "null" {
		keys = nil
	}
	return Client{
		Name: b.Name, Issuer: b.Issuer, Algorithm: b.Algorithm, KeysURL: b.KeysURL, Keys: keys, Audiences: b.Audiences, Tenants: b.Tenants, NoTenant: b.NoTenant,
		Servers: b.Servers, Allow: allow, Origins: b.Origins, Profile: p, Disabled: b.Disabled,
	}, err
}

type clientsOutput struct {
	Body struct {
		Clients []clientBody `json:"clients"`
	}
}

type addClientInput struct{ Body clientBody }

type putClientInput struct {
	Name string `path:"name" maxLength:"63"`
	Body clientBody
}

type nameInput struct {
	Name string `path:"name" maxLength:"63"`
}

func (s *system) registerClients(api huma.API) {
	huma.Register(api, operation("list-clients", http.MethodGet, "/system/clients", "List the registered CDS clients", http.StatusOK, 503),
		func(ctx context.Context, _ *struct{}) (*clientsOutput, error) {
			store, err := ready(s.Store)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			list, err := store.Clients(ctx)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &clientsOutput{}
			out.Body.Clients = []clientBody{}
			for _, c := range list {
				out.Body.Clients = append(out.Body.Clients, clientOf(c))
			}
			return out, nil
		})
	keep := func(ctx context.Context, b clientBody, replace bool) (*struct{}, error) {
		return do(s, ctx, s.Store, func(store *Store) error {
			c, err := b.client()
			if err != nil {
				return err
			}
			if replace {
				if err := store.known(ctx, "cds_client", c.Name); err != nil {
					return err
				}
			}
			return store.AddClient(ctx, c, Options{Replace: replace, PlainHTTP: b.PlainHTTP})
		})
	}
	huma.Register(api, operation("add-client", http.MethodPost, "/system/clients", "Register a CDS client", http.StatusNoContent, 404, 409, 422, 503),
		func(ctx context.Context, in *addClientInput) (*struct{}, error) { return keep(ctx, in.Body, false) })
	huma.Register(api, operation("replace-client", http.MethodPut, "/system/clients/{name}", "Replace the registration of a CDS client", http.StatusNoContent, 404, 409, 422, 503),
		func(ctx context.Context, in *putClientInput) (*struct{}, error) {
			in.Body.Name = in.Name
			return keep(ctx, in.Body, true)
		})
	huma.Register(api, operation("remove-client", http.MethodDelete, "/system/clients/{name}", "Remove a CDS client", http.StatusNoContent, 404, 503),
		func(ctx context.Context, in *nameInput) (*struct{}, error) {
			return do(s, ctx, s.Store, func(store *Store) error { return store.RemoveClient(ctx, in.Name) })
		})
}

// FHIR servers.

type serverBody struct {
	Name      string   `json:"name" maxLength:"63"`
	URL       string   `json:"url" maxLength:"500"`
	ClientID  string   `json:"clientId,omitempty" maxLength:"200" doc:"ours at its authorization server"`
	Auth      string   `json:"auth,omitempty" enum:"none,bearer,basic" doc:"of reads on behalf of our own users"`
	Secret    string   `json:"secret,omitempty" maxLength:"8000" writeOnly:"true" doc:"bearer token, or user:password; left out, what is stored stays"`
	HasSecret bool     `json:"hasSecret,omitempty" readOnly:"true"`
	Allow     []string `json:"allow,omitempty" doc:"networks that may be dialled besides public addresses"`
	Disabled  bool     `json:"disabled,omitempty"`
	Problem   string   `json:"problem,omitempty" readOnly:"true" doc:"why it cannot be used as registered"`
	PlainHTTP bool     `json:"plainHttp,omitempty" writeOnly:"true" doc:"an address without TLS is meant, for tests"`
}

type serversOutput struct {
	Body struct {
		Servers []serverBody `json:"servers"`
	}
}

type addServerInput struct{ Body serverBody }

type putServerInput struct {
	Name string `path:"name" maxLength:"63"`
	Body serverBody
}

func (s *system) registerServers(api huma.API) {
	huma.Register(api, operation("list-fhir-servers", http.MethodGet, "/system/servers", "List the registered FHIR servers", http.StatusOK, 503),
		func(ctx context.Context, _ *struct{}) (*serversOutput, error) {
			store, err := ready(s.Store)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			list, err := store.Servers(ctx)
			if err != nil {
				return nil, s.fail(ctx, err)
			}
			out := &serversOutput{}
			out.Body.Servers = []serverBody{}
			for _, f := range list {
				b := serverBody{Name: f.Name, URL: f.Base.String(), ClientID: f.ClientID, Auth: string(f.Auth), HasSecret: f.Auth != NoAuth, Allow: networks(f.Allow), Disabled: f.Disabled}
				if f.problem != nil {
					b.Problem = f.problem.Error()
				}
				out.Body.Servers = append(out.Body.Servers, b)
			}
			return out, nil
		})
	keep := func(ctx context.Context, b serverBody, replace bool) (*struct{}, error) {
		return do(s, ctx, s.Store, func(store *Store) error {
			server := Server{Name: b.Name, ClientID: b.ClientID, Auth: Auth(b.Auth), Disabled: b.Disabled}
			if b.Auth == "" {
				server.Auth = NoAuth
			}
			var err error
			if server.Base, err = client.ParseBase(b.URL, b.PlainHTTP); err != nil {
				return err
			}
			if server.Allow, err = client.ParseAllow(b.Allow); err != nil {
				return err
			}
			if replace {
				if err := store.known(ctx, "fhir_server", b.Name); err != nil {
					return err
				}
				if b.Secret == "" && server.Auth != NoAuth {
					if b.Secret, err = store.kept(ctx, b.Name, server.Auth); err != nil {
						return err
					}
				}
			}
			return store.AddServer(ctx, server, b.Secret, Options{Replace: replace, PlainHTTP: b.PlainHTTP})
		})
	}
	huma.Register(api, operation("add-fhir-server", http.MethodPost, "/system/servers", "Register a FHIR server", http.StatusNoContent, 409, 422, 503),
		func(ctx context.Context, in *addServerInput) (*struct{}, error) { return keep(ctx, in.Body, false) })
	huma.Register(api, operation("replace-fhir-server", http.MethodPut, "/system/servers/{name}", "Replace the registration of a FHIR server", http.StatusNoContent, 404, 409, 422, 503),
		func(ctx context.Context, in *putServerInput) (*struct{}, error) {
			in.Body.Name = in.Name
			return keep(ctx, in.Body, true)
		})
	huma.Register(api, operation("remove-fhir-server", http.MethodDelete, "/system/servers/{name}", "Remove a FHIR server", http.StatusNoContent, 404, 409, 503),
		func(ctx context.Context, in *nameInput) (*struct{}, error) {
			return do(s, ctx, s.Store, func(store *Store) error { return store.RemoveServer(ctx, in.Name) })
		})
}

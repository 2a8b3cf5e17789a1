package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/fhir/client"
	"cdss/fhir/issue"
)

// channel is notified by the database when a registration changes.
const channel = "cdss_access"

// Store keeps registrations in PostgreSQL. It is safe for concurrent use.
type Store struct {
	pool  *pgxpool.Pool
	vault *Vault
}

// NewStore returns a store over a migrated database. Without a vault, or with one
// that has no key, no secret can be stored.
func NewStore(pool *pgxpool.Pool, vault *Vault) *Store { return &Store{pool, vault} }

// Options of a registration.
type Options struct {
	Replace   bool // one of the same name is replaced; else that is an error
	PlainHTTP bool // addresses without TLS are meant
}

const (
	addClientQuery = `
INSERT INTO cds_client (name, issuer, algorithm, jwks_url, jwks, audiences, tenants, no_tenant, allow, origins,
                        language, deadline_ms, blocked, suggestions, markdown, max_cards, version3, shadow, disabled)
VALUES (@name, @issuer, @algorithm, @jwks_url, @jwks, @audiences, @tenants, @no_tenant, @allow, @origins,
        @language, @deadline_ms, @blocked, @suggestions, @markdown, @max_cards, @version3, @shadow, @disabled)`

	replaceClientQuery = addClientQuery + `
ON CONFLICT (name) DO UPDATE SET
    issuer = EXCLUDED.issuer, algorithm = EXCLUDED.algorithm, jwks_url = EXCLUDED.jwks_url, jwks = EXCLUDED.jwks,
    audiences = EXCLUDED.audiences, tenants = EXCLUDED.tenants, no_tenant = EXCLUDED.no_tenant, allow = EXCLUDED.allow,
    origins = EXCLUDED.origins, language = EXCLUDED.language, deadline_ms = EXCLUDED.deadline_ms, blocked = EXCLUDED.blocked,
    suggestions = EXCLUDED.suggestions, markdown = EXCLUDED.markdown, max_cards = EXCLUDED.max_cards,
    version3 = EXCLUDED.version3, shadow = EXCLUDED.shadow, disabled = EXCLUDED.disabled, updated_at = now()`

	dropClientServersQuery = `DELETE FROM cds_client_server WHERE client = $1`
	addClientServerQuery   = `INSERT INTO cds_client_server (client, server) VALUES ($1, $2)`
	dropClientQuery        = `DELETE FROM cds_client WHERE name = $1`

	clientsQuery = `
SELECT name, issuer, algorithm, jwks_url, jwks, audiences, tenants, no_tenant, allow, origins,
       language, deadline_ms, blocked, suggestions, markdown, max_cards, version3, shadow, disabled, created_at, updated_at,
       ARRAY(SELECT server FROM cds_client_server WHERE client = c.name ORDER BY server) AS servers
FROM cds_client c ORDER BY name`
)

// AddClient registers a CDS client. Errors are of kind issue.Value (all that is
// wrong, joined), issue.NotFound for a FHIR server that is not registered, and
// issue.Duplicate when name or issuer are taken.
func (s *Store) AddClient(ctx context.Context, c Client, o Options) error {
	if err := c.Check(o.PlainHTTP); err != nil {
		return err
	}
	query := addClientQuery
	if o.Replace {
		query = replaceClientQuery
	}
	var keys any
	if len(c.Keys) > 0 {
		keys = c.Keys
	}
	p := c.Profile
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, query, pgx.NamedArgs{
			"name": c.Name, "issuer": c.Issuer, "algorithm": c.Algorithm, "jwks_url": c.KeysURL, "jwks": keys,
			"audiences": array(c.Audiences), "tenants": array(c.Tenants), "no_tenant": c.NoTenant, "allow": array(c.Allow), "origins": array(c.Origins),
			"language": p.Language, "deadline_ms": p.Deadline.Milliseconds(), "blocked": string(p.Blocked), "suggestions": array(p.Suggestions),
			"markdown": p.Markdown, "max_cards": p.MaxCards, "version3": p.Version3, "shadow": p.Shadow, "disabled": c.Disabled,
		})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropClientServersQuery, c.Name); err != nil {
			return err
		}
		for _, server := range c.Servers {
			_, err := tx.Exec(ctx, addClientServerQuery, c.Name, server)
			if violates(err, "23503") {
				return issue.New(issue.NotFound, "there is no FHIR server %q; cdss server add registers one", server).At("servers")
			}
			if err != nil {
				return err
			}
		}
		return audit.Append(ctx, tx, registration("CDSClient", c.Name, "registered", "issuer", c.Issuer, "servers", strings.Join(c.Servers, " "), "disabled", fmt.Sprint(c.Disabled)))
	})
	return told(err, "register CDS client "+c.Name, "name or issuer are registered already")
}

// array gives an empty array for none, which the database wants.
func array[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// violates tells whether err is that of a constraint of this SQLSTATE.
func violates(err error, state string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state
}

// told gives an error its kind where the cause is known.
func told(err error, attempt, duplicate string) error {
	var known *issue.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case violates(err, "23505"):
		return issue.New(issue.Duplicate, "%s: %s", attempt, duplicate)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// Clients lists the registered clients by name.
func (s *Store) Clients(ctx context.Context) ([]Client, error) {
	rows, err := s.pool.Query(ctx, clientsQuery)
	if err != nil {
		return nil, fmt.Errorf("list CDS clients: %w", err)
	}
	clients, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Client, error) {
		r, err := pgx.RowToStructByName[clientRow](row)
		return r.client(), err
	})
	if err != nil {
		return nil, fmt.Errorf("list CDS clients: %w", err)
	}
	return clients, nil
}

// clientRow is a row of clientsQuery.
type clientRow struct {
	Name, Issuer, Algorithm string
	KeysURL                 string          `db:"jwks_url"`
	Keys                    json.RawMessage `db:"jwks"`
	Audiences, Tenants      []string
	NoTenant                bool
	Allow                   []netip.Prefix
	Origins                 []string
	Language                string
	DeadlineMS              int64 `db:"deadline_ms"`
	Blocked                 string
	Suggestions             []string
	Markdown                bool
	MaxCards                int
	Version3                bool
	Shadow, Disabled        bool
	CreatedAt, UpdatedAt    time.Time
	Servers                 []string
}

func (r clientRow) client() Client {
	return Client{
		Name: r.Name, Issuer: r.Issuer, Algorithm: r.Algorithm, KeysURL: r.KeysURL, Keys: r.Keys,
		Audiences: r.Audiences, Tenants: r.Tenants, NoTenant: r.NoTenant, Servers: r.Servers, Allow: r.Allow, Origins: r.Origins,
		Profile: Profile{
			Language: r.Language, Deadline: time.Duration(r.DeadlineMS) * time.Millisecond, Blocked: Blocked(r.Blocked),
			Suggestions: r.Suggestions, Markdown: r.Markdown, MaxCards: r.MaxCards, Version3: r.Version3, Shadow: r.Shadow,
		},
		Disabled: r.Disabled, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// RemoveClient removes a registration; every process refuses its tokens within
// seconds. An error of kind issue.NotFound says that there is none.
func (s *Store) RemoveClient(ctx context.Context, name string) error {
	return s.drop(ctx, dropClientQuery, "CDSClient", name)
}

const (
	addServerQuery = `
INSERT INTO fhir_server (name, base_url, client_id, auth, secret, secret_key, allow, disabled)
VALUES (@name, @base_url, @client_id, @auth, @secret, @secret_key, @allow, @disabled)`

	replaceServerQuery = addServerQuery + `
ON CONFLICT (name) DO UPDATE SET
    base_url = EXCLUDED.base_url, client_id = EXCLUDED.client_id, auth = EXCLUDED.auth, secret = EXCLUDED.secret,
    secret_key = EXCLUDED.secret_key, allow = EXCLUDED.allow, disabled = EXCLUDED.disabled, updated_at = now()`

	dropServerQuery = `DELETE FROM fhir_server WHERE name = $1`

	serversQuery = `
SELECT name, base_url, client_id, auth, secret, secret_key, allow, disabled, created_at, updated_at
FROM fhir_server ORDER BY name`

	resealQuery = `UPDATE fhir_server SET secret = $3, secret_key = $4, updated_at = now() WHERE name = $1 AND secret = $2`
)

// AddServer registers a FHIR server. Secret is the bearer token or "user:password"
// of its authorisation, "" for none. Errors are of kind issue.Value, issue.Duplicate
// when name or address are taken, and issue.BusinessRule when the secret cannot be
// sealed; then nothing is stored.
func (s *Store) AddServer(ctx context.Context, server Server, secret string, o Options) error {
	if server.Auth == "" {
		server.Auth = NoAuth
	}
	if err := server.Check(); err != nil {
		return err
	}
	if server.Base.Plain() && !o.PlainHTTP {
		return issue.New(issue.Value, "the address of a FHIR server must be https, unless plain http is registered on purpose").At("base")
	}
	if err := checkSecret(server.Auth, secret); err != nil {
		return err
	}
	var sealed []byte
	var keyID *string
	if secret != "" {
		id, raw, err := s.vault.seal(owner(server.Name), secret)
		if err != nil {
			return err
		}
		sealed, keyID = raw, &id
	}
	query := addServerQuery
	if o.Replace {
		query = replaceServerQuery
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, query, pgx.NamedArgs{
			"name": server.Name, "base_url": server.Base.String(), "client_id": server.ClientID, "auth": string(server.Auth),
			"secret": sealed, "secret_key": keyID, "allow": array(server.Allow), "disabled": server.Disabled,
		})
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, registration("FHIRServer", server.Name, "registered", "address", server.Base.String(), "auth", string(server.Auth), "disabled", fmt.Sprint(server.Disabled)))
	})
	return told(err, "register FHIR server "+server.Name, "name or address are registered already")
}

// checkSecret tells whether a secret fits its use; it is never part of the error.
func checkSecret(auth Auth, secret string) error {
	var k check
	switch auth {
	case NoAuth:
		k.that(secret == "", "secret", "a secret without bearer or basic authorisation would never be used")
	case Bearer:
		k.that(secret != "" && len(secret) <= 8000 && plainText(secret), "secret", "a bearer token is one text of visible characters")
	case Basic:
		user, password, found := strings.Cut(secret, ":")
		k.that(found && user != "" && password != "" && len(secret) <= 1000 && !strings.ContainsAny(secret, "\r\n\x00"), "secret", "basic authorisation needs user:password")
	}
	return errors.Join(k.wrong...)
}

// known tells whether a name is registered; else it gives an error of kind
// issue.NotFound. Table is one of ours.
func (s *Store) known(ctx context.Context, table, name string) error {
	var there bool
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+pgx.Identifier{table}.Sanitize()+` WHERE name = $1)`, name).Scan(&there); err != nil {
		return fmt.Errorf("find a registration: %w", err)
	}
	if !there {
		return issue.New(issue.NotFound, "there is no registration %q", name)
	}
	return nil
}

// kept gives the secret that is stored for a server, for a registration that does not
// bring a new one; "" when there is none of this use.
func (s *Store) kept(ctx context.Context, name string, auth Auth) (string, error) {
	rows, err := s.serverRows(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.Name == name && r.Auth == string(auth) && r.SecretKey != nil {
			return s.vault.open(owner(name), *r.SecretKey, r.Secret)
		}
	}
	return "", nil
}

// owner is what a server's secret is bound to.
func owner(server string) string { return "FHIR server " + server }

func basic(secret string) string { return base64.StdEncoding.EncodeToString([]byte(secret)) }

type serverRow struct {
	Name, BaseURL        string
	ClientID             string
	Auth                 string
	Secret               []byte
	SecretKey            *string
	Allow                []netip.Prefix
	Disabled             bool
	CreatedAt, UpdatedAt time.Time
}

// Servers lists the registered FHIR servers by name. What is wrong with one, such
// as a secret whose key is gone, is told by its Problem.
func (s *Store) Servers(ctx context.Context) ([]Server, error) {
	list, err := s.serverRows(ctx)
	if err != nil {
		return nil, err
	}
	servers := make([]Server, len(list))
	for i, r := range list {
		servers[i] = s.server(r)
	}
	return servers, nil
}

func (s *Store) serverRows(ctx context.Context) ([]serverRow, error) {
	rows, err := s.pool.Query(ctx, serversQuery)
	if err != nil {
		return nil, fmt.Errorf("list FHIR servers: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[serverRow])
	if err != nil {
		return nil, fmt.Errorf("list FHIR servers: %w", err)
	}
	return list, nil
}

func (s *Store) server(r serverRow) Server {
	out := Server{
		Name: r.Name, ClientID: r.ClientID, Auth: Auth(r.Auth), Allow: r.Allow, Disabled: r.Disabled,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	// What is stored as http was permitted when it was stored.
	if out.Base, out.problem = client.ParseBase(r.BaseURL, true); out.problem != nil || r.SecretKey == nil {
		return out
	}
	secret, err := s.vault.open(owner(r.Name), *r.SecretKey, r.Secret)
	out.credential, out.problem = credential(out.Auth, secret), err
	return out
}

// Problem tells why a registered server cannot be used as registered, nil if it
// can.
func (s Server) Problem() error { return s.problem }

// RemoveServer removes a registration. Errors are of kind issue.NotFound, and
// issue.Conflict when a client may still name it.
func (s *Store) RemoveServer(ctx context.Context, name string) error {
	err := s.drop(ctx, dropServerQuery, "FHIRServer", name)
	if violates(err, "23503") {
		return issue.New(issue.Conflict, "FHIR server %q belongs to a CDS client; take it from the client first", name)
	}
	return err
}

// drop removes a registration, and writes down who did so.
func (s *Store) drop(ctx context.Context, query, what, name string) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, query, name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return issue.New(issue.NotFound, "there is no registration %q", name)
		}
		return audit.Append(ctx, tx, registration(what, name, "removed"))
	})
	return told(err, "remove a registration", "")
}

// registration is the event of a change to who may call or be called.
func registration(what, name, change string, pairs ...string) audit.Event {
	return audit.Event{Kind: audit.Register, Data: what + "/" + name,
		Entities: []audit.Entity{{Name: "registration", What: change, Details: audit.Details(pairs...)}}}
}

// Reseal seals every secret with the first key of the vault, after which the keys
// before are needed no more. It gives how many it has sealed anew; the error names
// the first server whose secret cannot be opened.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	rows, err := s.serverRows(ctx)
	if err != nil {
		return 0, err
	}
	done := 0
	for _, r := range rows {
		if r.SecretKey == nil || s.vault.Usable() && *r.SecretKey == s.vault.primary {
			continue
		}
		secret, err := s.vault.open(owner(r.Name), *r.SecretKey, r.Secret)
		if err != nil {
			return done, err
		}
		keyID, sealed, err := s.vault.seal(owner(r.Name), secret)
		if err != nil {
			return done, err
		}
		tag, err := s.pool.Exec(ctx, resealQuery, r.Name, r.Secret, sealed, keyID)
		if err != nil {
			return done, fmt.Errorf("seal secret of FHIR server %s: %w", r.Name, err)
		}
		done += int(tag.RowsAffected())
	}
	return done, nil
}

package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/fhir/smart"
)

// Means is how somebody logs in.
type Means string

// The ways. Choose is for open access and demonstrations on this machine only.
const (
	ByProvider   Means = "oidc"
	ByPassphrase Means = "passphrase"
	ByChoice     Means = "choose"
)

// Limits of a login.
const (
	IdleLimit     = 30 * time.Minute // without any request
	AbsoluteLimit = 12 * time.Hour
	onTheWay      = 10 * time.Minute // to the identity provider and back
	touchEvery    = time.Minute
)

// SessionsConfig says who can log in, and how.
type SessionsConfig struct {
	// Required: nobody is let in without a login. Else everybody is the person "open",
	// and may choose one of the six.
	Required bool
	// Choice permits to be one of the six people without proof: with open access, and in
	// a demonstration on this machine.
	Choice bool
	// BaseURL is the external address of this server; "" while it is reached on this
	// machine only, by whatever name.
	BaseURL string
	// Listening gives the address where BaseURL is "": http://localhost:8000.
	Listening func() string
	Provider  *Provider // nil: people log in with a passphrase
	Vault     *Vault    // seals what the provider gave; nil or without a key: it is not kept
	// Permissions lists the rights of roles as words, for the web apps.
	Permissions func(roles []smart.Role) []string
	Now         func() time.Time
	Log         *slog.Logger
}

// Sessions is the login of people. It is safe for concurrent use. Until Attach gives
// it a database, nobody can log in.
type Sessions struct {
	c         SessionsConfig
	manager   *scs.SessionManager
	pool      atomic.Pointer[pgxpool.Pool]
	people    atomic.Pointer[People]
	accounts  *limiter
	addresses *limiter
}

// NewSessions returns sessions without a database.
func NewSessions(c SessionsConfig) *Sessions {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Permissions == nil {
		c.Permissions = func([]smart.Role) []string { return nil }
	}
	s := &Sessions{c: c, manager: scs.New(), accounts: newLimiter(perAccount, c.Now), addresses: newLimiter(perAddress, c.Now)}
	s.manager.Store = rows{s}
	s.manager.Lifetime = AbsoluteLimit
	s.manager.IdleTimeout = IdleLimit
	s.manager.HashTokenInStore = true
	s.manager.Cookie = scs.SessionCookie{Name: "cdss", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(c.BaseURL, "https://") {
		// The prefix binds the cookie to this host, so that a neighbour domain cannot set it.
		s.manager.Cookie.Name, s.manager.Cookie.Secure = "__Host-cdss", true
	}
	return s
}

// Attach gives the sessions their migrated database.
func (s *Sessions) Attach(pool *pgxpool.Pool, people *People) {
	s.people.Store(people)
	s.pool.Store(pool)
}

// Run takes ended sessions away until ctx ends.
func (s *Sessions) Run(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if pool, err := s.database(); err == nil {
			if _, err := pool.Exec(ctx, sweepSessionsQuery); err != nil && ctx.Err() == nil {
				s.c.Log.Warn("ended logins were not taken away", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Login is who asks, as a session tells.
type Login struct {
	Person    Person
	Means     Means     // "" for the person of open access
	Expires   time.Time // without another request; zero where nothing ends
	token     string
	sealed    []byte
	checkedAt time.Time
}

// The six people of open access and of demonstrations, one for each role.
var chosen = func() map[string]Person {
	names := map[smart.Role]string{
		smart.Viewer: "Vera Viewer", smart.Clinician: "Clara Clinician", smart.Curator: "Kurt Curator",
		smart.Approver: "Anna Approver", smart.Admin: "Adam Admin", smart.Auditor: "Otto Auditor",
	}
	m := map[string]Person{}
	for role, name := range names {
		m[string(role)] = Person{ID: string(role), Display: name, Roles: []smart.Role{role}}
	}
	return m
}()

// Chosen lists the six people of open access and of demonstrations.
func Chosen() []smart.Person {
	var list []smart.Person
	for _, r := range smart.Roles() {
		list = append(list, chosen[string(r)].Smart())
	}
	return list
}

// OpenPerson is everybody while access is open and nobody was chosen.
func OpenPerson() smart.Person {
	return smart.Person{ID: open, Name: "open access", Roles: smart.Roles()}
}

const loginQuery = `
SELECT s.person, s.way, s.data, s.expires_at, s.expires_at < now() + $2::interval AND s.expires_at < s.ends_at, s.checked_at, s.checked_at < now() - $3::interval,
       s.checked_at < now() - $4::interval
FROM login_session s WHERE s.token = $1 AND s.person <> '' AND s.expires_at > now()`

const touchQuery = `
UPDATE login_session SET expires_at = least(ends_at, now() + $2::interval) WHERE token = $1 RETURNING expires_at`

// hashed gives what the store knows a token by, as scs does.
func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Identify tells who asks. The login is nil for nobody; the error is that of the
// database.
func (s *Sessions) Identify(r *http.Request) (*Login, error) {
	cookie, err := r.Cookie(s.manager.Cookie.Name)
	if err != nil || cookie.Value == "" || len(cookie.Value) > 100 {
		return s.anybody(), nil
	}
	pool, err := s.database()
	if err != nil {
		// With open access, who has chosen to be somebody may look at what needs no database;
		// what is changed must not be changed in the name of somebody else.
		if !s.c.Required && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			return s.anybody(), nil
		}
		return nil, err
	}
	ctx := r.Context()
	l := &Login{token: hashed(cookie.Value)}
	var stale, due, overdue bool
	var id string
	err = pool.QueryRow(ctx, loginQuery, l.token, IdleLimit-touchEvery, recheckAfter, recheckLimit).
		Scan(&id, &l.Means, &l.sealed, &l.Expires, &stale, &l.checkedAt, &due, &overdue)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s.anybody(), nil
	case err != nil:
		return nil, fmt.Errorf("find a login: %w", err)
	}
	ok := false
	switch l.Means {
	case ByChoice:
		l.Person, ok = chosen[id]
		ok = ok && s.c.Choice
	case ByProvider:
		l.Person, ok, err = one(ctx, pool, personQuery, id)
		if ok = ok && s.c.Required && s.c.Provider != nil; ok && due && s.c.Provider.rolesFromClaims() {
			l.Person, ok, err = s.recheck(ctx, l, overdue)
		}
	case ByPassphrase:
		l.Person, ok, err = one(ctx, pool, personQuery, id)
		ok = ok && s.c.Required
	}
	if err != nil {
		return nil, err
	}
	if !ok || l.Person.Disabled {
		if _, err := pool.Exec(ctx, deleteSessionQuery, l.token); err != nil {
			return nil, fmt.Errorf("end a login: %w", err)
		}
		return s.anybody(), nil
	}
	if stale {
		if err := pool.QueryRow(ctx, touchQuery, l.token, IdleLimit).Scan(&l.Expires); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return nil, fmt.Errorf("keep a login: %w", err)
		}
	}
	return l, nil
}

// anybody is who asks without a session.
func (s *Sessions) anybody() *Login {
	if s.c.Required {
		return nil
	}
	p := OpenPerson()
	return &Login{Person: Person{ID: p.ID, Display: p.Name, Roles: p.Roles}}
}

// Limited tells whether the person must choose a passphrase before anything else.
func (l *Login) Limited() bool { return l.Person.MustChange && l.Means == ByPassphrase }

type loginKey struct{}

// WithLogin puts a login into a context, for the door /api/session.
func WithLogin(ctx context.Context, l *Login) context.Context {
	return context.WithValue(ctx, loginKey{}, l)
}

func loginFrom(ctx context.Context) *Login {
	l, _ := ctx.Value(loginKey{}).(*Login)
	return l
}

// load gives a context with the session data of a cookie, for what changes them.
func (s *Sessions) load(ctx context.Context, cookie string) (context.Context, error) {
	if len(cookie) > 100 {
		cookie = ""
	}
	return s.manager.Load(ctx, cookie)
}

// begin makes a session under a new token and gives its cookie; work is what belongs to
// it, in one transaction.
func (s *Sessions) begin(ctx context.Context, g grant, work func(tx pgx.Tx) error) (*http.Cookie, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	var token string
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		g.tx = tx
		ctx := context.WithValue(ctx, grantKey{}, g)
		if err := work(tx); err != nil {
			return err
		}
		if err := s.manager.RenewToken(ctx); err != nil {
			return err
		}
		var err error
		token, _, err = s.manager.Commit(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.cookie(token), nil
}

// cookie carries a token; "" takes it away.
func (s *Sessions) cookie(token string) *http.Cookie {
	c := s.manager.Cookie
	out := &http.Cookie{Name: c.Name, Value: token, Path: c.Path, HttpOnly: c.HttpOnly, Secure: c.Secure, SameSite: c.SameSite}
	if token == "" {
		out.MaxAge = -1
	}
	return out
}

// loginEvent tells of a login; a refused one names nobody that is not known here.
func loginEvent(kind audit.Kind, id string, way Means, roles []smart.Role) audit.Event {
	return audit.Event{Kind: kind, Caller: audit.Caller{User: id, Roles: texts(roles)},
		Entities: []audit.Entity{{Name: "login", Details: audit.Details("way", string(way))}}}
}

// refused writes down a login that was refused. Who somebody claims to be is kept only
// when there is such a person: people type passphrases into the wrong field.
func (s *Sessions) refused(ctx context.Context, id string, way Means, reason string) {
	people := s.people.Load()
	if people == nil {
		return
	}
	e := loginEvent(audit.Login, "", way, nil)
	e.Outcome, e.Reason = audit.MinorFailure, reason
	if _, ok, err := one(ctx, people.pool, personQuery, id); err == nil && ok {
		e.Data = "Person/" + id
	}
	if err := people.write(ctx, e); err != nil {
		s.c.Log.WarnContext(ctx, "a refused login was not written down", "error", err)
	}
}

// Base gives the address of this server as the browser that asks knows it: the
// configured one; else, on this machine, the name it was called by.
func (s *Sessions) base(host string) string {
	if s.c.BaseURL != "" {
		return s.c.BaseURL
	}
	if isLocal(host) {
		return "http://" + host
	}
	if s.c.Listening == nil {
		return "http://localhost"
	}
	return s.c.Listening()
}

// isLocal tells whether a Host header names this machine.
func isLocal(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && ip.IsLoopback()
}

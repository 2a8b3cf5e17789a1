package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// errRefused is the one answer to every login that is refused, known person or not.
var errRefused = issue.New(issue.Login, "name and passphrase do not fit")

// errTooMany is the answer to too many attempts.
var errTooMany = issue.New(issue.Throttled, "too many attempts to log in; wait a minute")

const (
	loggedInQuery = `UPDATE person SET last_login = now() WHERE id = $1 AND NOT disabled RETURNING id`
	// The row is locked, so that a change of roles or passphrase that ends sessions comes
	// before or after, never between.
	bySubjectQuery = `SELECT ` + personColumns + ` FROM person p WHERE p.issuer = $1 AND p.subject = $2 FOR UPDATE`
	bindQuery      = `UPDATE person SET issuer = $2, subject = $3, updated_at = now() WHERE id = $1`
	toldQuery      = `UPDATE person SET display = $2, roles = $3, last_login = now() WHERE id = $1`
	bootstrapQuery = `UPDATE person SET disabled = true, updated_at = now() WHERE bootstrap AND NOT disabled RETURNING id`
)

// attempt counts an attempt to log in.
func (s *Sessions) attempt(ctx context.Context, account string) error {
	if !s.addresses.allow(network(audit.From(ctx).Address)) || account != "" && !s.accounts.allow(account) {
		return errTooMany
	}
	return nil
}

// network is what one caller has: an address, or 64 bits of an IPv6 one, all of whose
// addresses are the same caller's.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// byPassphrase logs a person in. Whatever is wrong, the answer is errRefused after the
// same time.
func (s *Sessions) byPassphrase(ctx context.Context, id, passphrase string) (*http.Cookie, *Login, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	people := s.people.Load()
	if people == nil {
		return nil, nil, issue.New(issue.Transient, "the database is not ready")
	}
	if !s.c.Required {
		return nil, nil, issue.New(issue.BusinessRule, "access is open: nobody logs in with a passphrase")
	}
	if len(id) > 63 {
		id = id[:63] // nobody is called so, and it is no key to fill memory with
	}
	if err := s.attempt(ctx, id); err != nil {
		s.refused(ctx, id, ByPassphrase, "too many attempts")
		return nil, nil, err
	}
	ok, err := people.verify(ctx, id, passphrase)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		s.refused(ctx, id, ByPassphrase, "wrong passphrase, or no such person")
		return nil, nil, errRefused
	}
	return s.enter(ctx, id, ByPassphrase)
}

// enter begins the session of a person who has proved who he is.
func (s *Sessions) enter(ctx context.Context, id string, way Means) (*http.Cookie, *Login, error) {
	var p Person
	cookie, err := s.begin(ctx, grant{person: id, way: way, idle: IdleLimit, most: AbsoluteLimit}, func(tx pgx.Tx) error {
		var ok bool
		var err error
		if p, ok, err = one(ctx, tx, lockPersonQuery, id); err != nil {
			return err
		}
		if !ok || p.Disabled {
			return errRefused // changed meanwhile
		}
		if _, err := tx.Exec(ctx, loggedInQuery, id); err != nil {
			return err
		}
		return audit.Append(ctx, tx, loginEvent(audit.Login, id, way, p.Roles))
	})
	if err != nil {
		return nil, nil, told(err, "log in", "")
	}
	return cookie, &Login{Person: p, Means: way, Expires: s.c.Now().Add(IdleLimit)}, nil
}

// byChoice lets somebody be one of the six.
func (s *Sessions) byChoice(ctx context.Context, id string) (*http.Cookie, *Login, error) {
	if !s.c.Choice {
		return nil, nil, issue.New(issue.Forbidden, "people are chosen in a demonstration on this machine only")
	}
	p, ok := chosen[id]
	if !ok {
		return nil, nil, issue.New(issue.Value, "the people to choose from are viewer, clinician, curator, approver, admin and auditor").At("person")
	}
	cookie, err := s.begin(ctx, grant{person: id, way: ByChoice, idle: IdleLimit, most: AbsoluteLimit}, func(tx pgx.Tx) error {
		return audit.Append(ctx, tx, loginEvent(audit.Login, id, ByChoice, p.Roles))
	})
	if err != nil {
		return nil, nil, told(err, "log in", "")
	}
	return cookie, &Login{Person: p, Means: ByChoice, Expires: s.c.Now().Add(IdleLimit)}, nil
}

// leave ends the session on the server.
func (s *Sessions) leave(ctx context.Context, l *Login) error {
	if l == nil || l.token == "" {
		return nil
	}
	pool, err := s.database()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteSessionQuery, l.token)
		if err != nil {
			return fmt.Errorf("end a login: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return audit.Append(ctx, tx, loginEvent(audit.Logout, l.Person.ID, l.Means, l.Person.Roles))
	})
}

// change sets the own passphrase, and gives a session under a new token; all others of
// the person end.
func (s *Sessions) change(ctx context.Context, l *Login, old, next string) (*http.Cookie, *Login, error) {
	people := s.people.Load()
	switch {
	case l == nil || people == nil:
		return nil, nil, issue.New(issue.Login, "nobody is logged in")
	case l.Means != ByPassphrase:
		return nil, nil, issue.New(issue.BusinessRule, "you do not log in with a passphrase of this server")
	case old == next:
		return nil, nil, issue.New(issue.Value, "the new passphrase is the old one").At("new")
	}
	if err := s.attempt(ctx, l.Person.ID); err != nil {
		return nil, nil, err
	}
	ok, err := people.verify(ctx, l.Person.ID, old)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		s.refused(ctx, l.Person.ID, ByPassphrase, "wrong passphrase while changing it")
		return nil, nil, issue.New(issue.Value, "this is not your passphrase").At("old")
	}
	if err := people.passphrase(ctx, l.Person.ID, next, false); err != nil {
		return nil, nil, err
	}
	return s.enter(ctx, l.Person.ID, ByPassphrase)
}

// Keys of what a session holds.
const (
	flowKey    = "flow"
	refreshKey = "refresh"
	sealKey    = "key"
)

// send begins a login at the provider: the address to go to, and the cookie of the
// browser that has to come back.
func (s *Sessions) send(ctx context.Context, host, back string) (string, *http.Cookie, error) {
	if s.c.Provider == nil || !s.c.Required {
		return "", nil, issue.New(issue.NotFound, "no identity provider is configured")
	}
	if err := s.attempt(ctx, ""); err != nil {
		return "", nil, err
	}
	f := newFlow(s.base(host)+CallbackPath, localPath(back))
	to, err := s.c.Provider.send(ctx, f)
	if err != nil {
		return "", nil, err
	}
	s.manager.Put(ctx, flowKey, f.pack())
	cookie, err := s.begin(ctx, grant{idle: onTheWay, most: onTheWay}, func(pgx.Tx) error { return nil })
	return to, cookie, err
}

// CallbackPath is where the provider sends the browser back to.
const CallbackPath = "/api/session/oidc/callback"

// callback is what comes back from the provider.
type callback struct{ state, code, issuer, fault string }

// receive ends a login at the provider: where the browser goes on, and its new cookie.
// The error is why it was refused; the path is good in any case.
func (s *Sessions) receive(ctx context.Context, c callback) (string, *http.Cookie, error) {
	if s.c.Provider == nil || !s.c.Required {
		return "/", nil, refusal("no identity provider is configured")
	}
	f, ok := unpack(s.manager.PopString(ctx, flowKey))
	if !ok {
		return "/", nil, refusal("no login was on its way")
	}
	// Whatever comes of it, the same state is not taken twice.
	if err := s.manager.Destroy(ctx); err != nil {
		return f.Return, nil, err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(f.State), []byte(c.state)) != 1:
		return f.Return, nil, refusal("the state is another")
	case c.issuer != "" && c.issuer != s.c.Provider.c.Issuer:
		return f.Return, nil, refusal("another provider answered") // RFC 9207
	case c.fault != "" || c.code == "":
		return f.Return, nil, refusal("the provider let nobody in")
	}
	who, err := s.c.Provider.receive(ctx, f, c.code)
	if err != nil {
		return f.Return, nil, err
	}
	if err := s.hold(ctx, who.refresh); err != nil {
		return f.Return, nil, err
	}
	g := grant{way: ByProvider, idle: IdleLimit, most: AbsoluteLimit}
	cookie, err := s.admit(ctx, g, who)
	return f.Return, cookie, err
}

// admit finds the person whom the provider means and begins the session.
func (s *Sessions) admit(ctx context.Context, g grant, who identity) (*http.Cookie, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	// The person first: the session bears his name.
	var p Person
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
		p, err = s.settle(ctx, tx, who)
		return err
	})
	if err != nil {
		return nil, err
	}
	g.person = p.ID
	return s.begin(ctx, g, func(tx pgx.Tx) error {
		if now, ok, err := one(ctx, tx, lockPersonQuery, p.ID); err != nil || !ok || now.Disabled {
			return errors.Join(err, refusal("the person was disabled meanwhile"))
		}
		return audit.Append(ctx, tx, loginEvent(audit.Login, p.ID, ByProvider, p.Roles))
	})
}

// settle brings what is stored of a person to what the provider says.
func (s *Sessions) settle(ctx context.Context, tx pgx.Tx, who identity) (Person, error) {
	c := s.c.Provider.c
	if _, err := tx.Exec(ctx, lockPeopleQuery); err != nil {
		return Person{}, err
	}
	p, ok, err := one(ctx, tx, bySubjectQuery, c.Issuer, who.subject)
	if err != nil {
		return p, err
	}
	if !ok {
		if p, err = s.bind(ctx, tx, who); err != nil {
			return p, err
		}
	}
	if p.Disabled {
		return p, refusal("the person is disabled")
	}
	roles := p.Roles
	if s.c.Provider.rolesFromClaims() {
		roles = who.roles
	}
	if len(roles) == 0 {
		return p, refusal("the person has no role here")
	}
	if _, err := tx.Exec(ctx, toldQuery, p.ID, who.display, texts(roles)); err != nil {
		return p, err
	}
	if !sameRoles(p.Roles, roles) {
		if _, err := tx.Exec(ctx, endSessionsQuery, p.ID); err != nil {
			return p, err
		}
		e := accountEvent(p.ID, "changed", "roles", words(roles), "before", words(p.Roles), "by", "identity provider")
		if err := audit.Append(ctx, tx, e); err != nil {
			return p, err
		}
	}
	p.Display, p.Roles = who.display, roles
	if p.Smart().Has(smart.Admin) {
		return p, retire(ctx, tx)
	}
	return p, nil
}

// bind finds who the provider's subject is at the first login.
func (s *Sessions) bind(ctx context.Context, tx pgx.Tx, who identity) (Person, error) {
	c := s.c.Provider.c
	p, ok, err := one(ctx, tx, lockPersonQuery, who.name)
	switch {
	case err != nil:
		return p, err
	case ok && p.Provider:
		return p, refusal("the name belongs to another subject")
	case ok && p.Passphrase:
		return p, refusal("the name belongs to a person who logs in with a passphrase")
	case ok:
	case !s.c.Provider.rolesFromClaims():
		return p, refusal("the person is not registered")
	case len(who.roles) == 0:
		return p, refusal("the person has no role here")
	default:
		p = Person{ID: who.name, Display: who.display, Roles: who.roles}
		if err := p.Check(); err != nil {
			return p, refusal("the name cannot be used here")
		}
		if _, err := tx.Exec(ctx, addPersonQuery, p.ID, p.Display, texts(p.Roles), "", false, false); err != nil {
			return p, err
		}
	}
	if _, err := tx.Exec(ctx, bindQuery, p.ID, c.Issuer, who.subject); err != nil {
		return p, err
	}
	return p, audit.Append(ctx, tx, accountEvent(p.ID, "bound", "roles", words(p.Roles)))
}

// retire ends the first administrator, now that another one has come from the provider.
func retire(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, bootstrapQuery)
	if err != nil {
		return err
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, id := range ended {
		if _, err := tx.Exec(ctx, endSessionsQuery, id); err != nil {
			return err
		}
		if err := audit.Append(ctx, tx, accountEvent(id, "bootstrap ended", "disabled", "true")); err != nil {
			return err
		}
	}
	return nil
}

// localPath gives a path of this server to go on at; everything else is "/". Browsers
// read "/\" and "//" as another host, and drop tabs and line ends.
func localPath(s string) string {
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return "/"
		}
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 1000 || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || u.IsAbs() || u.Host != "" || u.User != nil ||
		strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/\\") || strings.HasPrefix(u.Path, "/api/") || strings.HasPrefix(u.Path, "/fhir/") {
		return "/"
	}
	return s
}

// withOutcome adds to a local path what came of the login, for the page to tell.
func withOutcome(path, outcome string) string {
	u, err := url.Parse(path)
	if err != nil {
		return "/"
	}
	q := u.Query()
	q.Set("login", outcome)
	u.RawQuery = q.Encode()
	return u.String()
}

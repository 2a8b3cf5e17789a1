package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Person is somebody who may log in.
type Person struct {
	ID         string // name to log in with; never changed, never given twice
	Display    string
	Roles      []smart.Role
	Passphrase bool // logs in here, with a passphrase
	MustChange bool // has to choose a passphrase first
	Provider   bool // has logged in at the identity provider
	Bootstrap  bool // the first administrator, made on an empty database
	Disabled   bool
	CreatedAt  time.Time
	LastLogin  time.Time // zero: never
}

// Smart gives the person as the rest of the program knows people.
func (p Person) Smart() smart.Person { return smart.Person{ID: p.ID, Name: p.Display, Roles: p.Roles} }

var personPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,62}$`)

// open is the person of everybody while access is open, who nobody may be called.
const open = "open"

// Check tells all that is wrong, joined; each error is of kind issue.Value.
func (p Person) Check() error {
	var k check
	k.that(personPattern.MatchString(p.ID) && p.ID != open && p.ID != audit.System, "name",
		"a name is 1 to 63 small letters, digits or one of . _ @ + -, and not %q or %q", open, audit.System)
	k.display(p.Display)
	k.roles(p.Roles)
	return errors.Join(k.wrong...)
}

func (c *check) display(s string) {
	c.that(strings.TrimSpace(s) != "" && len(s) <= 200 && !strings.ContainsFunc(s, unicode.IsControl), "display",
		"the name to show is a text of at most 200 bytes")
}

func (c *check) roles(roles []smart.Role) {
	for i, r := range roles {
		c.that(slices.Contains(smart.Roles(), r), "roles", "a role is one of viewer, clinician, curator, approver, admin, auditor")
		c.that(!slices.Contains(roles[:i], r), "roles", "a role is named twice")
	}
}

// People keeps who may log in. It is safe for concurrent use.
type People struct {
	pool *pgxpool.Pool
	hash *hasher
}

// NewPeople returns the people of a migrated database.
func NewPeople(pool *pgxpool.Pool) *People { return &People{pool, newHasher()} }

const personColumns = `p.id, p.display, p.roles, p.passphrase IS NOT NULL, p.must_change, p.issuer IS NOT NULL, p.bootstrap, p.disabled, p.created_at, p.last_login`

type personRow struct {
	ID, Display                      string
	Roles                            []string
	Passphrase, MustChange, Provider bool
	Bootstrap, Disabled              bool
	CreatedAt                        time.Time
	LastLogin                        *time.Time
}

func (r personRow) person() Person {
	p := Person{
		ID: r.ID, Display: r.Display, Passphrase: r.Passphrase, MustChange: r.MustChange, Provider: r.Provider,
		Bootstrap: r.Bootstrap, Disabled: r.Disabled, CreatedAt: r.CreatedAt, Roles: []smart.Role{},
	}
	for _, role := range r.Roles {
		p.Roles = append(p.Roles, smart.Role(role))
	}
	if r.LastLogin != nil {
		p.LastLogin = *r.LastLogin
	}
	return p
}

const (
	peopleQuery = `SELECT ` + personColumns + ` FROM person p ORDER BY p.id`
	personQuery = `SELECT ` + personColumns + ` FROM person p WHERE p.id = $1`
	// Whoever changes a person waits for whoever does so already.
	lockPersonQuery = personQuery + ` FOR UPDATE`
	// Two changes at once could each believe that another administrator is left, two
	// first starts that nobody is there.
	lockPeopleQuery = `SELECT pg_advisory_xact_lock(7234018552)`

	addPersonQuery = `
INSERT INTO person (id, display, roles, passphrase, must_change, bootstrap) VALUES ($1, $2, $3, nullif($4, ''), $5, $6)`
	changePersonQuery  = `UPDATE person SET display = $2, roles = $3, disabled = $4, updated_at = now() WHERE id = $1`
	passphraseQuery    = `SELECT coalesce(passphrase, '') FROM person WHERE id = $1 AND NOT disabled`
	setPassphraseQuery = `UPDATE person SET passphrase = $2, must_change = $3, updated_at = now() WHERE id = $1`
	otherAdminsQuery   = `SELECT count(*) FROM person WHERE 'admin' = ANY(roles) AND NOT disabled AND id <> $1`
	countPeopleQuery   = `SELECT count(*) FROM person`
	endSessionsQuery   = `DELETE FROM login_session WHERE person = $1 AND way <> 'choose'`
)

// List gives everybody, by name.
func (s *People) List(ctx context.Context) ([]Person, error) {
	rows, err := s.pool.Query(ctx, peopleQuery)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[personRow])
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	list := make([]Person, len(found))
	for i, r := range found {
		list[i] = r.person()
	}
	return list, nil
}

// one reads a person by a query of personColumns.
func one(ctx context.Context, db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, query string, args ...any) (Person, bool, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return Person{}, false, fmt.Errorf("read a person: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[personRow])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Person{}, false, nil
	case err != nil:
		return Person{}, false, fmt.Errorf("read a person: %w", err)
	}
	return r.person(), true, nil
}

func nobody(id string) error {
	if !personPattern.MatchString(id) {
		id = "…"
	}
	return issue.New(issue.NotFound, "there is no person %q", id)
}

// person words of the audit trail.
func accountEvent(id, what string, pairs ...string) audit.Event {
	return audit.Event{Kind: audit.Account, Data: "Person/" + id,
		Entities: []audit.Entity{{Name: "account", What: what, Details: audit.Details(pairs...)}}}
}

// words gives roles as one text.
func words(roles []smart.Role) string {
	list := make([]string, len(roles))
	for i, r := range roles {
		list[i] = string(r)
	}
	return strings.Join(list, " ")
}

func texts(roles []smart.Role) []string { return strings.Fields(words(roles)) }

// Add registers a person. A passphrase lets him log in here, and has to be changed at
// the first login. Errors are of kind issue.Value and issue.Duplicate.
func (s *People) Add(ctx context.Context, p Person, passphrase string) error {
	return s.add(ctx, p, passphrase, "added")
}

func (s *People) add(ctx context.Context, p Person, passphrase, what string) error {
	if err := p.Check(); err != nil {
		return err
	}
	hash := ""
	if passphrase != "" {
		err := checkPassphrase(p.ID, passphrase)
		if err == nil {
			hash, err = s.hash.hash(ctx, passphrase)
		}
		if err != nil {
			return err
		}
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPeopleQuery); err != nil {
			return err
		}
		if p.Bootstrap {
			var there int
			if err := tx.QueryRow(ctx, countPeopleQuery).Scan(&there); err != nil {
				return err
			}
			if there > 0 {
				return issue.New(issue.Conflict, "the first administrator can be made on an empty database only, and people are registered here")
			}
		}
		if _, err := tx.Exec(ctx, addPersonQuery, p.ID, p.Display, texts(p.Roles), hash, hash != "", p.Bootstrap); err != nil {
			return err
		}
		return audit.Append(ctx, tx, accountEvent(p.ID, what, "roles", words(p.Roles)))
	})
	return told(err, "register a person", "the name is taken; a name is never given twice")
}

// Bootstrap makes the first administrator on an empty database. An error of kind
// issue.Conflict says that people are registered already; the attempt stands in the
// audit trail.
func (s *People) Bootstrap(ctx context.Context, id, passphrase string) error {
	err := s.add(ctx, Person{ID: id, Display: id, Roles: []smart.Role{smart.Admin}, Bootstrap: true}, passphrase, "bootstrap")
	if issue.Is(err, issue.Conflict) {
		e := accountEvent(id, "bootstrap")
		e.Outcome, e.Reason = audit.MinorFailure, "people are registered already"
		if told := s.write(ctx, e); told != nil {
			return told
		}
	}
	return err
}

// BreakGlass adds an administrator beside those that are there, for whoever has lost
// every way in. The audit trail names it so.
func (s *People) BreakGlass(ctx context.Context, id, passphrase string) error {
	return s.add(ctx, Person{ID: id, Display: id, Roles: []smart.Role{smart.Admin}}, passphrase, "break-glass")
}

// Empty tells whether nobody is registered.
func (s *People) Empty(ctx context.Context) (bool, error) {
	var there int
	err := s.pool.QueryRow(ctx, countPeopleQuery).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("count people: %w", err)
	}
	return there == 0, nil
}

// Change sets name, roles and whether a person may log in. All logins of a person whose
// roles change or who is disabled end at once. Errors are of kind issue.NotFound,
// issue.Value, issue.Forbidden for own roles, and issue.Conflict for the last
// administrator.
func (s *People) Change(ctx context.Context, id, display string, roles []smart.Role, disabled bool) error {
	var k check
	k.display(display)
	k.roles(roles)
	if err := errors.Join(k.wrong...); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPeopleQuery); err != nil {
			return err
		}
		before, ok, err := one(ctx, tx, lockPersonQuery, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return nobody(id)
		}
		other := !sameRoles(before.Roles, roles)
		if who, ok := smart.PersonFrom(ctx); ok && who.ID == id && (other || disabled) {
			return issue.New(issue.Forbidden, "nobody changes his own roles or disables himself")
		}
		if slices.Contains(before.Roles, smart.Admin) && !before.Disabled && (disabled || !slices.Contains(roles, smart.Admin)) {
			var left int
			if err := tx.QueryRow(ctx, otherAdminsQuery, id).Scan(&left); err != nil {
				return err
			}
			if left == 0 {
				return issue.New(issue.Conflict, "this is the last administrator; make another one first")
			}
		}
		if _, err := tx.Exec(ctx, changePersonQuery, id, display, texts(roles), disabled); err != nil {
			return err
		}
		if other || disabled && !before.Disabled {
			if _, err := tx.Exec(ctx, endSessionsQuery, id); err != nil {
				return err
			}
		}
		return audit.Append(ctx, tx, accountEvent(id, "changed", "roles", words(roles), "before", words(before.Roles), "disabled", fmt.Sprint(disabled)))
	})
	return told(err, "change a person", "")
}

func sameRoles(a, b []smart.Role) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(r smart.Role) bool { return !slices.Contains(b, r) })
}

// SetPassphrase gives a person a passphrase, which has to be changed at the next login.
// It ends all his logins. Errors are of kind issue.NotFound, issue.Value, and
// issue.Conflict for whoever logs in at the identity provider.
func (s *People) SetPassphrase(ctx context.Context, id, passphrase string) error {
	return s.passphrase(ctx, id, passphrase, true)
}

func (s *People) passphrase(ctx context.Context, id, passphrase string, mustChange bool) error {
	if err := checkPassphrase(id, passphrase); err != nil {
		return err
	}
	hash, err := s.hash.hash(ctx, passphrase)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		p, ok, err := one(ctx, tx, lockPersonQuery, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return nobody(id)
		case p.Provider:
			return issue.New(issue.Conflict, "this person logs in at the identity provider")
		}
		for query, args := range map[string][]any{setPassphraseQuery: {id, hash, mustChange}, endSessionsQuery: {id}} {
			if _, err := tx.Exec(ctx, query, args...); err != nil {
				return err
			}
		}
		return audit.Append(ctx, tx, accountEvent(id, "passphrase"))
	})
	return told(err, "set a passphrase", "")
}

// write writes an event that attests no change.
func (s *People) write(ctx context.Context, e audit.Event) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return audit.Append(ctx, tx, e) })
}

// verify tells whether this is the passphrase of an active person, in the same time for
// whoever it is.
func (s *People) verify(ctx context.Context, id, passphrase string) (bool, error) {
	var stored string
	if err := s.pool.QueryRow(ctx, passphraseQuery, id).Scan(&stored); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("read a passphrase: %w", err)
	}
	return s.hash.verify(ctx, stored, passphrase)
}

package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/issue"
)

const (
	// One request asks the provider, the others go on meanwhile.
	claimCheckQuery = `UPDATE login_session SET checked_at = now() WHERE token = $1 AND checked_at = $2 RETURNING person`
	undoCheckQuery  = `UPDATE login_session SET checked_at = $2 WHERE token = $1`
	keepDataQuery   = `UPDATE login_session SET data = $2 WHERE token = $1`
)

// loginOwner is what a provider's token is sealed to.
const loginOwner = "login at the identity provider"

// hold keeps the token that asks the provider again, sealed. Without a key it is not
// kept, and the login ends when the provider's word is too old.
func (s *Sessions) hold(ctx context.Context, refresh string) error {
	if refresh == "" || !s.c.Provider.rolesFromClaims() || !s.c.Vault.Usable() {
		return nil
	}
	key, sealed, err := s.c.Vault.Seal(loginOwner, refresh)
	if err != nil {
		return err
	}
	s.manager.Put(ctx, sealKey, key)
	s.manager.Put(ctx, refreshKey, base64.RawStdEncoding.EncodeToString(sealed))
	return nil
}

// held opens what hold kept; "" for nothing.
func (s *Sessions) held(data []byte) (string, map[string]any, time.Time, error) {
	deadline, values, err := s.manager.Codec.Decode(data)
	if err != nil {
		return "", nil, deadline, fmt.Errorf("read a login: %w", err)
	}
	text, _ := values[refreshKey].(string)
	key, _ := values[sealKey].(string)
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || text == "" || !s.c.Vault.Usable() {
		return "", values, deadline, nil
	}
	refresh, err := s.c.Vault.Open(loginOwner, key, sealed)
	if err != nil {
		return "", values, deadline, nil // the key was replaced
	}
	return refresh, values, deadline, nil
}

// recheck asks the provider whether the person still has his roles. While it is away,
// its word is believed for recheckLimit.
func (s *Sessions) recheck(ctx context.Context, l *Login, overdue bool) (Person, bool, error) {
	pool, err := s.database()
	if err != nil {
		return Person{}, false, err
	}
	refresh, values, deadline, err := s.held(l.sealed)
	if err != nil {
		return Person{}, false, err
	}
	if refresh == "" {
		return l.Person, !overdue, nil
	}
	var id string
	err = pool.QueryRow(ctx, claimCheckQuery, l.token, l.checkedAt).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return l.Person, true, nil // another request asks
	}
	if err != nil {
		return Person{}, false, fmt.Errorf("check a login: %w", err)
	}
	who, err := s.c.Provider.again(ctx, refresh)
	if issue.Is(err, issue.Transient) {
		s.c.Log.WarnContext(ctx, "the identity provider cannot be asked", "error", err)
		if _, err := pool.Exec(ctx, undoCheckQuery, l.token, l.checkedAt); err != nil {
			return Person{}, false, fmt.Errorf("check a login: %w", err)
		}
		if overdue {
			return Person{}, false, errNoProvider
		}
		return l.Person, true, nil
	}
	var no refusal
	if errors.As(err, &no) {
		s.refused(ctx, l.Person.ID, ByProvider, string(no))
		return Person{}, false, nil
	}
	if err != nil {
		return Person{}, false, err
	}
	before := l.Person
	var p Person
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
		p, err = s.settle(ctx, tx, who)
		return err
	})
	if errors.As(err, &no) {
		// Roles that ended must end here too, and not with this transaction.
		s.refused(ctx, before.ID, ByProvider, string(no))
		return Person{}, false, nil
	}
	if err != nil {
		return Person{}, false, err
	}
	if p.ID != before.ID || !sameRoles(p.Roles, before.Roles) {
		return Person{}, false, nil // logs in anew, under a new token
	}
	if who.refresh != "" && who.refresh != refresh { // rotated
		key, sealed, err := s.c.Vault.Seal(loginOwner, who.refresh)
		if err != nil {
			return Person{}, false, err
		}
		values[sealKey], values[refreshKey] = key, base64.RawStdEncoding.EncodeToString(sealed)
		data, err := s.manager.Codec.Encode(deadline, values)
		if err != nil {
			return Person{}, false, fmt.Errorf("keep a login: %w", err)
		}
		if _, err := pool.Exec(ctx, keepDataQuery, l.token, data); err != nil {
			return Person{}, false, fmt.Errorf("keep a login: %w", err)
		}
	}
	return p, true, nil
}

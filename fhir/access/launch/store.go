package launch

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

// Launch is what a launch brought.
type Launch struct {
	ID        string    `json:"-"`
	Server    string    `json:"-"` // name of the registered FHIR server
	Person    string    `json:"-"` // who launched
	Expires   time.Time `json:"-"`
	Token     string    `json:"token"`
	Patient   string    `json:"patient"` // id on that server
	Encounter string    `json:"encounter"`
	Scope     string    `json:"scope"` // as it was granted
	User      string    `json:"user"`  // whom the EHR calls the user, "" if it does not say
}

// String keeps the token out of what is printed.
func (l Launch) String() string { return "launch " + l.ID }

// Store keeps launches, sealed with keys that it does not have.
type Store struct{ pool atomic.Pointer[pgxpool.Pool] }

// Attach gives it the database.
func (s *Store) Attach(pool *pgxpool.Pool) { s.pool.Store(pool) }

var errNoDatabase = issue.New(issue.Transient, "the database is not ready")

// Keep seals a launch and gives its id and the key. Those that are over go.
func (s *Store) Keep(ctx context.Context, l Launch) (id, key string, err error) {
	pool := s.pool.Load()
	if pool == nil {
		return "", "", errNoDatabase
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	plain, err := json.Marshal(l)
	if err != nil {
		return "", "", fmt.Errorf("keep a launch: %w", err)
	}
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM smart_launch WHERE expires_at < now()`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT gen_random_uuid()::text`).Scan(&id); err != nil {
			return err
		}
		gcm, err := sealer(secret[:])
		if err != nil {
			return err
		}
		nonce := make([]byte, gcm.NonceSize())
		rand.Read(nonce)
		sealed := gcm.Seal(nonce, nonce, plain, bound(id, l.Server, l.Person))
		_, err = tx.Exec(ctx, `INSERT INTO smart_launch (id, server, person, sealed, expires_at) VALUES ($1::text::uuid, $2, $3, $4, $5)`,
			id, l.Server, l.Person, sealed, l.Expires)
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("keep a launch: %w", err)
	}
	return id, base64.RawURLEncoding.EncodeToString(secret[:]), nil
}

// Open gives a launch that is not over, or an error of kind not-found.
func (s *Store) Open(ctx context.Context, id, key string, now time.Time) (Launch, error) {
	var l Launch
	none := issue.New(issue.NotFound, "there is no such launch")
	pool := s.pool.Load()
	if pool == nil {
		return l, errNoDatabase
	}
	var u pgtype.UUID
	secret, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(secret) != 32 || len(id) != 36 || u.Scan(id) != nil {
		return l, none
	}
	var sealed []byte
	err = pool.QueryRow(ctx, `SELECT id::text, server, person, sealed, expires_at FROM smart_launch WHERE id = $1`, u).
		Scan(&l.ID, &l.Server, &l.Person, &sealed, &l.Expires)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Launch{}, none
	case err != nil:
		return Launch{}, fmt.Errorf("open a launch: %w", err)
	case !now.Before(l.Expires):
		return Launch{}, none
	}
	gcm, err := sealer(secret)
	if err != nil || len(sealed) < gcm.NonceSize() {
		return Launch{}, none
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], bound(l.ID, l.Server, l.Person))
	if err != nil || json.Unmarshal(plain, &l) != nil {
		return Launch{}, none
	}
	return l, nil
}

// Delete removes a launch.
func (s *Store) Delete(ctx context.Context, id string) error {
	pool := s.pool.Load()
	if pool == nil {
		return errNoDatabase
	}
	if _, err := pool.Exec(ctx, `DELETE FROM smart_launch WHERE id = $1::text::uuid`, id); err != nil {
		return fmt.Errorf("forget a launch: %w", err)
	}
	return nil
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal a launch: %w", err)
	}
	return cipher.NewGCM(block)
}

func bound(id, server, person string) []byte {
	return []byte("smart launch\x00" + id + "\x00" + server + "\x00" + person)
}

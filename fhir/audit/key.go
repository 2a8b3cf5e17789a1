package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

// Sealer encrypts secrets that are stored, bound to their owner.
type Sealer interface {
	// Seal names the key it sealed with. The error says that there is none.
	Seal(owner, secret string) (keyID string, sealed []byte, err error)
	Open(owner, keyID string, sealed []byte) (string, error)
	Usable() bool // has a key to seal with
}

// Subject stands for a patient in an event: the HMAC-SHA-256 of the patient's id
// under a key of this installation. Nil stands for nobody.
type Subject []byte

// keyring are the keys of one installation.
type keyring struct {
	pseudonym []byte
	signature ed25519.PrivateKey
	signer    string // audit_key.id of signature
}

// subject gives what stands for a patient.
func (k *keyring) subject(patient string) Subject {
	if patient == "" {
		return nil
	}
	mac := hmac.New(sha256.New, k.pseudonym)
	mac.Write([]byte("Patient/" + patient))
	return mac.Sum(nil)
}

const (
	addKeyQuery = `
INSERT INTO audit_key (purpose, id, secret, sealed_with, public) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (purpose) DO NOTHING`

	keysQuery = `SELECT purpose, id, secret, sealed_with, public FROM audit_key`

	resealQuery = `UPDATE audit_key SET secret = $3, sealed_with = $4 WHERE purpose = $1 AND secret = $2`
)

// The purposes of keys.
const (
	forPseudonyms = "pseudonym"
	forSignatures = "signature"
)

// keyRow is a row of audit_key.
type keyRow struct {
	Purpose, ID string
	Secret      []byte
	SealedWith  *string
	Public      []byte
}

// openKeys reads the keys, made when there are none, and seals them as the sealer
// now would. sealer may be nil.
func openKeys(ctx context.Context, pool *pgxpool.Pool, sealer Sealer) (*keyring, error) {
	rows, err := readKeys(ctx, pool)
	if err != nil {
		return nil, err
	}
	if len(rows) < 2 {
		if err := makeKeys(ctx, pool, sealer); err != nil {
			return nil, err
		}
		if rows, err = readKeys(ctx, pool); err != nil {
			return nil, err
		}
	}
	k := &keyring{}
	for _, r := range rows {
		secret, err := r.open(sealer)
		if err != nil {
			return nil, err
		}
		if err := r.reseal(ctx, pool, sealer, secret); err != nil {
			return nil, err
		}
		switch r.Purpose {
		case forPseudonyms:
			k.pseudonym = secret
		case forSignatures:
			if len(secret) != ed25519.SeedSize {
				return nil, issue.New(issue.BusinessRule, "the key that signs the audit trail has %d bytes", len(secret))
			}
			k.signature, k.signer = ed25519.NewKeyFromSeed(secret), r.ID
		}
	}
	if len(k.pseudonym) < 32 || k.signature == nil {
		return nil, errors.New("the keys of the audit trail are not complete")
	}
	return k, nil
}

func readKeys(ctx context.Context, pool *pgxpool.Pool) ([]keyRow, error) {
	rows, err := pool.Query(ctx, keysQuery)
	if err != nil {
		return nil, fmt.Errorf("read keys of the audit trail: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[keyRow])
	if err != nil {
		return nil, fmt.Errorf("read keys of the audit trail: %w", err)
	}
	return list, nil
}

// makeKeys makes the keys that are missing. Of several processes one is first, and
// all use its keys.
func makeKeys(ctx context.Context, pool *pgxpool.Pool, sealer Sealer) error {
	for _, purpose := range []string{forPseudonyms, forSignatures} {
		secret := make([]byte, 32)
		rand.Read(secret) // never fails (crypto/rand, Go 1.24)
		r := keyRow{Purpose: purpose, Secret: secret}
		sum := sha256.Sum256(secret)
		if purpose == forSignatures {
			r.Public = ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey)
			sum = sha256.Sum256(r.Public)
		}
		r.ID = purpose + "-" + hex.EncodeToString(sum[:4])
		if sealer != nil && sealer.Usable() {
			name, sealed, err := sealer.Seal(r.owner(), string(secret))
			if err != nil {
				return err
			}
			r.Secret, r.SealedWith = sealed, &name
		}
		if _, err := pool.Exec(ctx, addKeyQuery, r.Purpose, r.ID, r.Secret, r.SealedWith, r.Public); err != nil {
			return fmt.Errorf("store key %s of the audit trail: %w", r.ID, err)
		}
	}
	return nil
}

// owner is what a secret is bound to.
func (r keyRow) owner() string { return "audit key for " + r.Purpose }

func (r keyRow) open(sealer Sealer) ([]byte, error) {
	if r.SealedWith == nil {
		return r.Secret, nil
	}
	if sealer == nil {
		return nil, issue.New(issue.BusinessRule, "the %s is sealed with key %s: set CDSS_SECRET_KEY", r.owner(), *r.SealedWith)
	}
	secret, err := sealer.Open(r.owner(), *r.SealedWith, r.Secret)
	return []byte(secret), err
}

// reseal seals a secret that stands as it is, or is sealed with a key that is being
// replaced.
func (r keyRow) reseal(ctx context.Context, pool *pgxpool.Pool, sealer Sealer, secret []byte) error {
	if sealer == nil || !sealer.Usable() {
		return nil
	}
	name, sealed, err := sealer.Seal(r.owner(), string(secret))
	if err != nil {
		return err
	}
	if r.SealedWith != nil && *r.SealedWith == name {
		return nil
	}
	if _, err := pool.Exec(ctx, resealQuery, r.Purpose, r.Secret, sealed, name); err != nil {
		return fmt.Errorf("seal key %s of the audit trail: %w", r.ID, err)
	}
	return nil
}

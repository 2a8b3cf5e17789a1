package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/issue"
)

// Head is a signed end of the chain: what the chain held at one time. A copy that is
// kept elsewhere proves later that nothing before it was changed or taken away, also
// by somebody who holds the database and the keys.
type Head struct {
	Position  int64
	Hash      []byte
	SignedAt  time.Time
	Key       string // id of the key
	Public    ed25519.PublicKey
	Signature []byte
}

// headForm is how a head stands in a file.
type headForm struct {
	Position  int64     `json:"position"`
	Hash      string    `json:"hash"` // hexadecimal
	SignedAt  time.Time `json:"signedAt"`
	Key       string    `json:"key"`
	PublicKey string    `json:"publicKey"` // base64
	Signature string    `json:"signature"` // base64, Ed25519
}

// MarshalJSON writes the head as it is exported.
func (h Head) MarshalJSON() ([]byte, error) {
	return json.Marshal(headForm{
		h.Position, hex.EncodeToString(h.Hash), h.SignedAt.UTC(), h.Key,
		base64.StdEncoding.EncodeToString(h.Public), base64.StdEncoding.EncodeToString(h.Signature),
	})
}

// ParseHead reads an exported head and checks its signature with the key in it. The
// error is of kind issue.Invalid.
func ParseHead(raw []byte) (Head, error) {
	var f headForm
	if err := json.Unmarshal(raw, &f); err != nil {
		return Head{}, issue.New(issue.Invalid, "this is no exported head of an audit trail")
	}
	h := Head{Position: f.Position, SignedAt: f.SignedAt, Key: f.Key}
	var wrong [3]error
	h.Hash, wrong[0] = hex.DecodeString(f.Hash)
	h.Public, wrong[1] = base64.StdEncoding.DecodeString(f.PublicKey)
	h.Signature, wrong[2] = base64.StdEncoding.DecodeString(f.Signature)
	if errors.Join(wrong[:]...) != nil || !h.genuine(h.Public) {
		return Head{}, issue.New(issue.Invalid, "the exported head at %d does not bear its own signature", f.Position)
	}
	return h, nil
}

// genuine tells whether the head was signed with that key.
func (h Head) genuine(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, h.message(), h.Signature)
}

// message is what is signed.
func (h Head) message() []byte {
	return fmt.Appendf(nil, "cdss audit head 1\n%d\n%x\n%d\n", h.Position, h.Hash, h.SignedAt.UnixMicro())
}

const (
	lastHeadQuery = `
SELECT coalesce(max(position), 0), coalesce(max(signed_at) > now() - $1::interval, false), now() FROM audit_head`

	addHeadQuery = `INSERT INTO audit_head (position, hash, signed_at, key, signature) VALUES ($1, $2, $3, $4, $5)`

	headsQuery = `
SELECT h.position, h.hash, h.signed_at, h.key, k.public, h.signature
FROM audit_head h LEFT JOIN audit_key k ON k.id = h.key
WHERE h.position >= $1 ORDER BY h.position`
)

// Sign signs the end of the chain now, when it has grown, and gives the newest head.
// An error of kind issue.NotFound says that there is nothing to sign.
func (t *Trail) Sign(ctx context.Context) (Head, error) {
	if _, err := t.Chain(ctx); err != nil {
		return Head{}, err
	}
	o, err := t.opened()
	if err != nil {
		return Head{}, err
	}
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, awaitQuery, int64(leaderLock)); err != nil {
			return err
		}
		return sign(ctx, tx, o.keys, 0)
	})
	if err != nil {
		return Head{}, fmt.Errorf("sign the audit trail: %w", err)
	}
	heads, err := t.Heads(ctx)
	if err == nil && len(heads) == 0 {
		err = issue.New(issue.NotFound, "the audit trail is empty")
	}
	if err != nil {
		return Head{}, err
	}
	return heads[len(heads)-1], nil
}

// signDue signs the end of the chain when it has grown since the last signature and
// that is older than Config.Sign.
func (t *Trail) signDue(ctx context.Context) error {
	o, err := t.opened()
	if err != nil {
		return err
	}
	err = lead(ctx, o, func(tx pgx.Tx) error { return sign(ctx, tx, o.keys, t.cfg.Sign) })
	if err != nil {
		return fmt.Errorf("sign the audit trail: %w", err)
	}
	return nil
}

// sign signs the end of the chain when it has grown and the last signature is older
// than every.
func sign(ctx context.Context, tx pgx.Tx, keys *keyring, every time.Duration) error {
	h := Head{Key: keys.signer}
	var (
		last  int64
		fresh bool
		err   error
	)
	if err = tx.QueryRow(ctx, lastHeadQuery, every).Scan(&last, &fresh, &h.SignedAt); err != nil || fresh {
		return err
	}
	if h.Position, h.Hash, err = lastLink(ctx, tx); err != nil || h.Position <= last {
		return err
	}
	_, err = tx.Exec(ctx, addHeadQuery, h.Position, h.Hash, h.SignedAt, h.Key, ed25519.Sign(keys.signature, h.message()))
	return err
}

// Heads lists the signed heads, the oldest first.
func (t *Trail) Heads(ctx context.Context) ([]Head, error) {
	o, err := t.opened()
	if err != nil {
		return nil, err
	}
	rows, err := o.pool.Query(ctx, headsQuery, 0)
	if err != nil {
		return nil, fmt.Errorf("read signatures of the audit trail: %w", err)
	}
	heads, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Head])
	if err != nil {
		return nil, fmt.Errorf("read signatures of the audit trail: %w", err)
	}
	return heads, nil
}

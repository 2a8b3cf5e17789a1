// Package handover takes a case from a hospital system that knows no SMART and gives
// it to the clinician's app.
//
// A registered CDS client POSTs the case with a token as for a hook call, so that the
// same signature, lifetime and replay checks hold, and gets an address back for the
// browser. The address works once, within five minutes; the key to the case stands
// behind its "#", which browsers send nowhere. It refuses to keep a case longer, to
// read it, and callers that did not prove who they are where access is required.
package handover

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Path is where cases are handed over; the audience of the token is the address of
// this server with it behind.
const Path = "/handover"

// Limits of a handover.
const (
	MaxBody  = 5 << 20
	lifetime = 5 * time.Minute
)

// Config of a Door.
type Config struct {
	Base func(r *http.Request) string // external address of this server
	Now  func() time.Time
	Log  *slog.Logger
}

// Door takes cases and gives them out.
type Door struct {
	c    Config
	pool atomic.Pointer[pgxpool.Pool]
}

// New makes a door without a database.
func New(c Config) *Door {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Door{c: c}
}

// Attach gives it the database.
func (d *Door) Attach(pool *pgxpool.Pool) { d.pool.Store(pool) }

// taken is the answer to a handover.
type taken struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// ServeHTTP implements http.Handler: POST of a case as application/json. It stands
// behind the guard of the hooks.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	out, err := d.take(r)
	if err != nil {
		if issue.KindOf(err) == issue.Exception && r.Context().Err() == nil {
			d.c.Log.ErrorContext(r.Context(), "a handover failed", "error", err)
		}
		if r.Method != http.MethodPost {
			h.Set("Allow", http.MethodPost)
		}
		issue.WriteProblem(w, r, err)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(out)
}

func (d *Door) take(r *http.Request) (taken, error) {
	if r.Method != http.MethodPost {
		return taken{}, issue.New(issue.NotSupported, "a case is handed over by POST").WithStatus(http.StatusMethodNotAllowed)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" && media != "application/fhir+json" {
		return taken{}, issue.New(issue.NotSupported, "the body must be application/json").WithStatus(http.StatusUnsupportedMediaType)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return taken{}, issue.New(issue.TooLong, "a case is at most %d bytes", MaxBody)
	case err != nil:
		return taken{}, issue.New(issue.Invalid, "the body broke off")
	}
	if err := check(raw); err != nil {
		return taken{}, err
	}
	principal, _ := smart.From(r.Context())
	expires := d.c.Now().Add(lifetime)
	id, key, err := d.keep(r.Context(), principal.Client, raw, expires)
	if err != nil {
		return taken{}, err
	}
	return taken{d.c.Base(r) + "/case/new/handover#" + id + "." + key, expires}, nil
}

// members are those of POST /api/recommendations that make sense here.
var members = map[string]bool{"bundle": true, "patient": true, "server": true, "request": true, "language": true}

// check reads no further than the outermost members: what is in them is judged when
// the app asks.
func check(raw []byte) error {
	n, err := fhir.ParseJSON(raw, fhir.Limits{})
	if err != nil {
		return issue.Wrap(issue.Structure, err, "read a case")
	}
	if n.Kind() != fhir.KindObject {
		return issue.New(issue.Structure, "a case is an object")
	}
	for name := range n.Fields() {
		if !members[name] {
			return issue.New(issue.Value, "a case has no member of this name; there are bundle, patient, server, request and language")
		}
	}
	if n.Child("bundle") == nil && n.Child("server") == nil && n.Child("request") == nil {
		return issue.New(issue.Required, "a case needs a bundle, a server with a patient, or a request")
	}
	return nil
}

var errNoDatabase = issue.New(issue.Transient, "the database is not ready")

func (d *Door) keep(ctx context.Context, client string, plain []byte, expires time.Time) (id, key string, err error) {
	pool := d.pool.Load()
	if pool == nil {
		return "", "", errNoDatabase
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	gcm, err := sealer(secret[:])
	if err != nil {
		return "", "", err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM handover WHERE expires_at < now()`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO handover (client, sealed, expires_at) VALUES ($1, $2, $3) RETURNING id::text`,
			client, gcm.Seal(nonce, nonce, plain, nil), expires).Scan(&id)
	})
	if err != nil {
		return "", "", fmt.Errorf("keep a handover: %w", err)
	}
	return id, base64.RawURLEncoding.EncodeToString(secret[:]), nil
}

// open gives a case and forgets it.
func (d *Door) open(ctx context.Context, id, key string) ([]byte, error) {
	none := issue.New(issue.NotFound, "there is no such handover: each can be opened once, within five minutes")
	pool := d.pool.Load()
	if pool == nil {
		return nil, errNoDatabase
	}
	var u pgtype.UUID
	secret, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(secret) != 32 || len(id) != 36 || u.Scan(id) != nil {
		return nil, none
	}
	gcm, err := sealer(secret)
	if err != nil {
		return nil, err
	}
	var plain []byte
	// A wrong key must not use the case up for whoever has the right one.
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		var sealed []byte
		var expires time.Time
		err := tx.QueryRow(ctx, `DELETE FROM handover WHERE id = $1 RETURNING sealed, expires_at`, u).Scan(&sealed, &expires)
		if errors.Is(err, pgx.ErrNoRows) {
			return none
		}
		if err != nil {
			return err
		}
		if !d.c.Now().Before(expires) || len(sealed) < gcm.NonceSize() {
			return none
		}
		if plain, err = gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil); err != nil {
			return none
		}
		return nil
	})
	var known *issue.Error
	if err != nil && !errors.As(err, &known) {
		return nil, fmt.Errorf("open a handover: %w", err)
	}
	return plain, err
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal a handover: %w", err)
	}
	return cipher.NewGCM(block)
}

// Opening is the body of POST /handovers/{id}/open.
type Opening struct {
	Key string `json:"key" maxLength:"64" doc:"what stands behind the point in the address"`
}

type openInput struct {
	ID   string `path:"id"`
	Body Opening
}

// Register adds POST /handovers/{id}/open to api, whose server is /api.
func (d *Door) Register(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "open-handover", Method: http.MethodPost, Path: "/handovers/{id}/open", DefaultStatus: http.StatusOK, Tags: []string{"session"},
		Summary: "Fetch a case that another system handed over, once", Errors: []int{http.StatusNotFound}, MaxBodyBytes: 4 << 10,
		Responses: map[string]*huma.Response{"200": {Description: "the case, as POST /recommendations takes it",
			Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}},
	}, func(ctx context.Context, in *openInput) (*huma.StreamResponse, error) {
		plain, err := d.open(ctx, in.ID, strings.TrimSpace(in.Body.Key))
		if err != nil {
			return nil, &issue.ProblemError{Err: err}
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Type", "application/json")
			_, _ = hc.BodyWriter().Write(plain)
		}}, nil
	})
}

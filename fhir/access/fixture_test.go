package access_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/access"
	"cdss/fhir/client"
)

const (
	issuer  = "https://ehr.example/fhir"
	baseURL = "https://cds.example"
	service = "/cds-services/abs-patient-view"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

var signing = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jwk(kid string, key *ecdsa.PrivateKey) map[string]any {
	point := must(key.PublicKey.Bytes())[1:]
	return map[string]any{"kty": "EC", "crv": "P-384", "kid": kid, "x": b64(point[:48]), "y": b64(point[48:])}
}

func jwks(keys ...map[string]any) json.RawMessage {
	return must(json.Marshal(map[string]any{"keys": keys}))
}

// token makes a good token for the address of path.
func token(iss, path, jti string) string {
	now := time.Now()
	header := must(json.Marshal(map[string]any{"alg": "ES384", "kid": "k", "typ": "JWT"}))
	claims := must(json.Marshal(map[string]any{"iss": iss, "aud": baseURL + path, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": jti}))
	text := b64(header) + "." + b64(claims)
	sum := sha512.Sum384([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, signing(), sum[:])
	must(0, err)
	return text + "." + b64(append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...))
}

func ehr() access.Client {
	return access.Client{
		Name: "ehr", Issuer: issuer, Algorithm: "ES384", Keys: jwks(jwk("k", signing())), Profile: access.DefaultProfile(),
	}
}

func base(t testing.TB, address string) client.Base {
	t.Helper()
	b, err := client.ParseBase(address, true)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func clinic(t testing.TB) access.Server {
	return access.Server{Name: "clinic", Base: base(t, "https://ehr.example/fhir")}
}

var private = []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}

func vault(t testing.TB, text string) *access.Vault {
	t.Helper()
	v, err := access.ParseVault(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func key() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

func add(t testing.TB, s *access.Store, c access.Client) {
	t.Helper()
	if err := s.AddClient(t.Context(), c, access.Options{}); err != nil {
		t.Fatal(err)
	}
}

func addServer(t testing.TB, s *access.Store, server access.Server, secret string) {
	t.Helper()
	if err := s.AddServer(t.Context(), server, secret, access.Options{PlainHTTP: server.Base.Plain()}); err != nil {
		t.Fatal(err)
	}
}

// registry reads what is stored once.
func registry(t testing.TB, s *access.Store) *access.Registry {
	t.Helper()
	r := access.NewRegistry(nil)
	r.Attach(s)
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// eventually asks until a condition holds; the limit is far beyond what is promised
// so that a busy machine does not fail.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s did not happen", what)
		case <-tick.C:
		}
	}
}

// away gives a pool on a database that does not answer.
func away(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

var quiet = slog.New(slog.DiscardHandler)

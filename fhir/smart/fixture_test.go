package smart_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"cdss/fhir/smart"
)

const (
	endpoint = "https://cds.example/cds-services/abs-patient-view"
	issuer   = "https://ehr.example/fhir"
	jwksURL  = "https://ehr.example/keys/1"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// keys are those of the whole test process: making RSA keys is slow.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p384     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p256     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// public writes a JWK; extra members come last and win.
func public(kid string, key any, extra map[string]any) map[string]any {
	m := map[string]any{}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		m = map[string]any{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PrivateKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		point := must(k.PublicKey.Bytes())[1:]
		m = map[string]any{"kty": "EC", "crv": k.Curve.Params().Name, "x": b64(point[:size]), "y": b64(point[size:])}
	case []byte:
		m = map[string]any{"kty": "oct", "k": b64(k)}
	}
	if kid != "" {
		m["kid"] = kid
	}
	maps.Copy(m, extra)
	return m
}

func jwks(keys ...map[string]any) []byte {
	return must(json.Marshal(map[string]any{"keys": keys}))
}

func keySet(t testing.TB, keys ...map[string]any) *smart.KeySet {
	t.Helper()
	s, err := smart.ParseKeys(jwks(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// signature signs by hand, so that a test can write what a library would refuse to.
func signature(alg string, key any, text string) []byte {
	if len(alg) != 5 {
		return nil
	}
	hash := hashes[alg[2:]]
	h := hash.New()
	h.Write([]byte(text))
	sum := h.Sum(nil)
	switch alg[:2] {
	case "RS":
		return must(rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), hash, sum))
	case "PS":
		return must(rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case "ES":
		k := key.(*ecdsa.PrivateKey)
		r, s, err := ecdsa.Sign(rand.Reader, k, sum)
		must(0, err)
		size := (k.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case "HS":
		mac := hmac.New(hash.New, key.([]byte))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	return nil
}

// members of a header or of claims; a change of nil takes one away.
type members map[string]any

func (m members) with(change members) members {
	out := maps.Clone(m)
	for name, value := range change {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = value
	}
	return out
}

func head(alg, kid string) members { return members{"alg": alg, "kid": kid, "typ": "JWT"} }

// claims are those of a good token made at now.
func claims(now time.Time) members {
	return members{
		"iss": issuer, "aud": endpoint, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"jti": rand.Text(),
	}
}

func compact(header, claims any, alg string, key any) string {
	text := b64(must(json.Marshal(header))) + "." + b64(must(json.Marshal(claims)))
	return text + "." + b64(signature(alg, key, text))
}

// good makes a token that is accepted of the client of trust.
func good(now time.Time) string { return compact(head("RS384", "k"), claims(now), "RS384", rsaKey()) }

// trust is the registration the tests begin with.
func trust(t testing.TB) smart.Trust {
	return smart.Trust{
		Client: "ehr", Issuer: issuer, Algorithm: "RS384", KeysURL: jwksURL,
		Keys: keySet(t, public("k", rsaKey(), nil)),
	}
}

// clients is a register of one issuer each.
type clients map[string]smart.Trust

func (c clients) Trust(issuer string) (smart.Trust, bool, error) {
	t, ok := c[issuer]
	return t, ok, nil
}

func registered(list ...smart.Trust) clients {
	c := clients{}
	for _, t := range list {
		c[t.Issuer] = t
	}
	return c
}

// used remembers tokens in memory.
type used struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (u *used) Use(_ context.Context, issuer, nonce string, until time.Time) (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.until == nil {
		u.until = map[string]time.Time{}
	}
	_, there := u.until[issuer+" "+nonce]
	u.until[issuer+" "+nonce] = until
	return !there, nil
}

func verifier(c smart.Clients, now func() time.Time) *smart.Verifier {
	return smart.New(smart.Config{Clients: c, Replays: &used{}, Now: now})
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// swap puts another segment into a token, so that its signature no longer fits.
func swap(token string, at int, segment string) string {
	parts := strings.Split(token, ".")
	parts[at] = segment
	return strings.Join(parts, ".")
}

package smart

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// MaxKeys bounds a JWKS in bytes.
const MaxKeys = 256 << 10

// minRSA is the least size of an RSA modulus in bits (RFC 7518, section 3.3).
const minRSA = 2048

// algorithm is one that may be registered.
type algorithm struct {
	jwa   jwa.SignatureAlgorithm
	curve string // of an ECDSA key; "" means RSA
}

// algorithms are those that may be registered: asymmetric ones only. ES384 and
// RS384 are what CDS Hooks recommends.
var algorithms = map[string]algorithm{
	"ES256": {jwa.ES256(), "P-256"}, "ES384": {jwa.ES384(), "P-384"}, "ES512": {jwa.ES512(), "P-521"},
	"RS256": {jwa.RS256(), ""}, "RS384": {jwa.RS384(), ""}, "RS512": {jwa.RS512(), ""},
	"PS256": {jwa.PS256(), ""}, "PS384": {jwa.PS384(), ""}, "PS512": {jwa.PS512(), ""},
}

// Trusted tells whether an algorithm may be registered. None and symmetric ones
// may not.
func Trusted(alg string) bool {
	_, ok := algorithms[alg]
	return ok
}

// KeySet is a JWKS (RFC 7517) as far as it can be used: public keys with a kid
// that names one key.
type KeySet struct {
	keys       map[string]publicKey
	Duplicates []string // kids that named two different keys, all of which are left out
	Unusable   int      // keys left out for another reason: no kid, symmetric, for encryption, too small
}

type publicKey struct {
	key        any // *rsa.PublicKey or *ecdsa.PublicKey; nil: the entry cannot be used
	thumbprint string
	algorithms []string // as the JWKS states them; empty: it states none
}

// ParseKeys reads a JWKS. An entry that cannot be used is left out and counted; it
// is an error when the document is none. That no key is left is no error: a client
// may withdraw all of them.
func ParseKeys(raw []byte) (*KeySet, error) {
	if len(raw) > MaxKeys {
		return nil, issue.New(issue.TooLong, "read JWKS: more than %d bytes", MaxKeys)
	}
	if err := fhir.Scan(raw, fhir.Limits{Depth: 8, Tokens: 10_000, StringBytes: 64 << 10}); err != nil {
		return nil, issue.Wrap(issue.Structure, err, "read JWKS: no JSON document, or one with a member twice")
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &document); err != nil || document.Keys == nil {
		return nil, issue.New(issue.Structure, "read JWKS: an object with a list \"keys\" is needed")
	}
	s := &KeySet{keys: map[string]publicKey{}}
	twice := map[string]bool{}
	for _, entry := range document.Keys {
		kid, key := parseKey(entry)
		if kid == "" {
			s.Unusable++
			continue
		}
		before, there := s.keys[kid]
		switch {
		case twice[kid]:
		case !there:
			s.keys[kid] = key
		case key.thumbprint == "" || key.thumbprint != before.thumbprint:
			// Which of them the client means cannot be known (SAFETY T1.10).
			twice[kid] = true
			s.Duplicates = append(s.Duplicates, kid)
		default:
			s.keys[kid] = before.and(key)
		}
	}
	for kid, key := range s.keys {
		switch {
		case twice[kid]:
			delete(s.keys, kid)
		case key.key == nil:
			s.Unusable++
			delete(s.keys, kid)
		}
	}
	return s, nil
}

// and merges what a JWKS says of one key in two entries, as providers list it for
// each of its algorithms or uses.
func (k publicKey) and(other publicKey) publicKey {
	switch {
	case other.key == nil:
		return k
	case k.key == nil:
		return other
	case len(k.algorithms) == 0 || len(other.algorithms) == 0:
		k.algorithms = nil // one of them says: any that fits
	default:
		k.algorithms = append(k.algorithms, other.algorithms...)
	}
	return k
}

// parseKey reads one JWK. The result has no key if it cannot be used, and no kid
// if nothing can be said of it. Of a private key, which should never be there, the
// public half is taken.
func parseKey(raw json.RawMessage) (kid string, key publicKey) {
	var plain struct {
		Kid string   `json:"kid"`
		Use string   `json:"use"`
		Ops []string `json:"key_ops"`
		Alg string   `json:"alg"`
	}
	if json.Unmarshal(raw, &plain) != nil || len(plain.Kid) > maxKeyID {
		return "", key
	}
	kid = plain.Kid
	parsed, err := jwk.ParseKey(raw)
	if err != nil {
		return kid, key
	}
	if sum, err := parsed.Thumbprint(crypto.SHA256); err == nil {
		key.thumbprint = string(sum)
	}
	public, err := jwk.PublicRawKeyOf(parsed)
	if err != nil || !usable(public, plain.Use, plain.Ops) {
		return kid, key
	}
	key.key = public
	if plain.Alg != "" {
		key.algorithms = []string{plain.Alg}
	}
	return kid, key
}

func usable(key any, use string, ops []string) bool {
	if use != "" && use != "sig" {
		return false
	}
	verifies := len(ops) == 0
	for _, op := range ops {
		verifies = verifies || op == "verify" || op == "sign"
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		return verifies && k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return verifies
	}
	return false
}

// Len gives the number of usable keys.
func (s *KeySet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Key gives the public key with this kid, fit for the algorithm: a key for which
// the JWKS states other algorithms is not, nor one of another type or curve. A key
// without a stated algorithm is taken for the registered one, and for no other.
func (s *KeySet) Key(kid, alg string) (any, Reason) {
	if s == nil {
		return nil, NoKeys
	}
	k, ok := s.keys[kid]
	if !ok {
		return nil, UnknownKey
	}
	if len(k.algorithms) > 0 {
		stated := false
		for _, a := range k.algorithms {
			stated = stated || a == alg
		}
		if !stated {
			return nil, UnfitKey
		}
	}
	want, ok := algorithms[alg]
	if !ok {
		return nil, UnfitKey
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		ok = want.curve == ""
	case *ecdsa.PublicKey:
		ok = want.curve != "" && key.Curve.Params().Name == want.curve
	default:
		ok = false
	}
	if !ok {
		return nil, UnfitKey
	}
	return k.key, ""
}

// Fit gives the number of keys an algorithm can be verified with.
func (s *KeySet) Fit(alg string) int {
	n := 0
	if s != nil {
		for kid := range s.keys {
			if _, reason := s.Key(kid, alg); reason == "" {
				n++
			}
		}
	}
	return n
}

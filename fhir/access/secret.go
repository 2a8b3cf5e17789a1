package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"cdss/fhir/issue"
)

// Vault seals secrets with AES-256-GCM. The nil Vault and one without keys can
// neither seal nor open.
type Vault struct {
	keys    map[string]cipher.AEAD
	primary string // id of the key that seals
}

// errNoKey says what to do about a vault without keys.
var errNoKey = issue.New(issue.BusinessRule, "no secret can be stored: set CDSS_SECRET_KEY (or CDSS_SECRET_KEY_FILE) to 32 random bytes in base64, for example of \"openssl rand -base64 32\"")

// ParseVault reads the value of CDSS_SECRET_KEY: keys of 32 random bytes in base64
// or hexadecimal, parted by blanks or commas. The first seals; the others only open
// what they have sealed, so that a key can be replaced without a gap. An empty text
// gives a vault that stores nothing. The error never holds a part of the text.
func ParseVault(text string) (*Vault, error) {
	v := &Vault{keys: map[string]cipher.AEAD{}}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r <= ' ' })
	for i, field := range fields {
		key, ok := decodeKey(field)
		if !ok {
			return nil, issue.New(issue.Value, "key %d of CDSS_SECRET_KEY is not 32 bytes in base64 or hexadecimal", i+1)
		}
		if !random(key) {
			return nil, issue.New(issue.Value, "key %d of CDSS_SECRET_KEY was not made at random", i+1)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, issue.New(issue.Value, "key %d of CDSS_SECRET_KEY cannot be used", i+1)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, issue.New(issue.Value, "key %d of CDSS_SECRET_KEY cannot be used", i+1)
		}
		sum := sha256.Sum256(append([]byte("cdss key id "), key...))
		id := hex.EncodeToString(sum[:4])
		v.keys[id] = aead
		if i == 0 {
			v.primary = id
		}
	}
	return v, nil
}

func decodeKey(s string) ([]byte, bool) {
	if len(s) == 64 {
		if key, err := hex.DecodeString(s); err == nil {
			return key, true
		}
	}
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	key, err := base64.RawStdEncoding.DecodeString(s)
	return key, err == nil && len(key) == 32
}

// random refuses what is obviously no random key: text, repetitions, counting. A
// random one is refused less than once in 10^9 times.
func random(key []byte) bool {
	different := map[byte]bool{}
	steps := map[byte]bool{}
	printable := true
	for i, b := range key {
		different[b] = true
		printable = printable && b >= ' ' && b <= '~'
		if i > 0 {
			steps[b-key[i-1]] = true
		}
	}
	return len(different) >= 16 && len(steps) >= 16 && !printable
}

// Usable tells whether secrets can be sealed.
func (v *Vault) Usable() bool { return v != nil && v.primary != "" }

// seal encrypts a secret of owner, to which it is bound: moved to another row it
// does not open.
func (v *Vault) seal(owner, secret string) (keyID string, sealed []byte, err error) {
	if !v.Usable() {
		return "", nil, errNoKey
	}
	return v.primary, v.keys[v.primary].Seal(nil, nil, []byte(secret), []byte(owner)), nil
}

// open decrypts a secret of owner.
func (v *Vault) open(owner, keyID string, sealed []byte) (string, error) {
	if v == nil || v.keys[keyID] == nil {
		return "", issue.New(issue.BusinessRule, "the secret of %s is sealed with key %s, which CDSS_SECRET_KEY does not hold", owner, keyID)
	}
	secret, err := v.keys[keyID].Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return "", issue.New(issue.BusinessRule, "the secret of %s cannot be opened: it was changed, or moved from another", owner)
	}
	return string(secret), nil
}

// Seal encrypts a secret that another room stores, bound to its owner, and names the
// key it did so with.
func (v *Vault) Seal(owner, secret string) (keyID string, sealed []byte, err error) {
	return v.seal(owner, secret)
}

// Open decrypts what Seal has sealed for the same owner.
func (v *Vault) Open(owner, keyID string, sealed []byte) (string, error) {
	return v.open(owner, keyID, sealed)
}

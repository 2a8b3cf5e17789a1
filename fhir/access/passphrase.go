package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"cdss/fhir/issue"
)

// Cost of a passphrase: argon2id (RFC 9106) with 19 MiB, two passes and one lane, as
// OWASP's Password Storage Cheat Sheet has it; some 30 ms. At most two are computed at
// a time, so that a hundred logins at once need 38 MiB and not two gigabytes.
const (
	hashMemory  = 19 * 1024 // KiB
	hashTime    = 2
	hashThreads = 1
	hashBytes   = 32
	saltBytes   = 16
	hashesAtOne = 2
)

// Limits of a passphrase, in characters and bytes. Length is what counts (NIST SP
// 800-63B, 5.1.1.2).
const (
	minPassphrase      = 12
	maxPassphraseBytes = 256
)

// checkPassphrase tells what is wrong with a new passphrase; it is never part of the
// error.
func checkPassphrase(id, text string) error {
	different := map[rune]bool{}
	for _, r := range text {
		if unicode.IsControl(r) {
			return issue.New(issue.Value, "a passphrase has no control characters").At("passphrase")
		}
		different[unicode.ToLower(r)] = true
	}
	switch {
	case !utf8.ValidString(text) || len(text) > maxPassphraseBytes:
		return issue.New(issue.Value, "a passphrase has at most %d bytes", maxPassphraseBytes).At("passphrase")
	case utf8.RuneCountInString(text) < minPassphrase:
		return issue.New(issue.Value, "a passphrase has at least %d characters; several words are easy to keep in mind", minPassphrase).At("passphrase")
	case len(different) < 5 || strings.Contains(strings.ToLower(text), strings.ToLower(id)) && len(text) < len(id)+minPassphrase:
		return issue.New(issue.Value, "this passphrase is too easy to guess").At("passphrase")
	}
	return nil
}

// hasher computes hashes, a few at a time.
type hasher struct {
	slots chan struct{}
	dummy string // what a passphrase of nobody is held against
}

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, hashesAtOne)}
	var salt [saltBytes]byte
	rand.Read(salt[:])
	h.dummy = phc(salt[:], make([]byte, hashBytes))
	return h
}

// phc writes salt and hash in PHC form.
func phc(salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}

// compute waits for a slot. The error is that of the context.
func (h *hasher) compute(ctx context.Context, text string, salt []byte) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(text), salt, hashTime, hashMemory, hashThreads, hashBytes), nil
}

// hash gives what is stored of a passphrase.
func (h *hasher) hash(ctx context.Context, text string) (string, error) {
	var salt [saltBytes]byte
	rand.Read(salt[:]) // never fails (crypto/rand, Go 1.24)
	hash, err := h.compute(ctx, text, salt[:])
	if err != nil {
		return "", err
	}
	return phc(salt[:], hash), nil
}

// verify tells whether text is the passphrase that stored was made of. For "", which
// nobody has, it takes as long.
func (h *hasher) verify(ctx context.Context, stored, text string) (bool, error) {
	known := stored != ""
	if !known {
		stored = h.dummy
	}
	if len(text) > maxPassphraseBytes {
		text = text[:maxPassphraseBytes+1] // no passphrase is that long
	}
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || strings.Join(parts[:4], "$") != strings.Join(strings.Split(h.dummy, "$")[:4], "$") {
		return false, issue.New(issue.Exception, "a stored passphrase has another form than argon2id")
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	want, errHash := base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errHash != nil || len(want) != hashBytes {
		return false, issue.New(issue.Exception, "a stored passphrase cannot be read")
	}
	got, err := h.compute(ctx, text, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

package smart

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"cdss/fhir"
)

// Limits of a token.
const (
	MaxToken = 8 << 10 // bytes as sent (SAFETY T1)
	maxKeyID = 512     // of kid; Epic's are base64 thumbprints, others paths
	maxNonce = 512     // of jti, which is stored
)

// token is a JWT that was read and not yet believed.
type token struct {
	raw    string
	header header
	claims claims
}

// header is the JOSE header (RFC 7515, section 4).
type header struct {
	algorithm  string
	keyID      string
	keyAddress string // jku, "" if absent
}

// allowedHeader are the members a header may have. X5t names a certificate by its
// hash, which some libraries add by themselves; it is not looked at. What carries
// or points to a key (jwk, x5c, x5u) or changes how the rest is read (crit, b64,
// cty, zip, enc) is refused whatever it holds.
var allowedHeader = map[string]bool{"alg": true, "kid": true, "typ": true, "jku": true, "x5t": true, "x5t#S256": true}

// claims are the claims that are looked at.
type claims struct {
	issuer, nonce, subject, tenant string
	hasTenant                      bool
	audience                       []string
	issued, expires                time.Time
	notBefore                      time.Time // zero if absent
}

// readToken takes a token apart. Nothing in it is verified.
func readToken(raw string) (token, Reason) {
	t := token{raw: raw}
	if len(raw) > MaxToken {
		return t, Oversize
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || parts[2] == "" && parts[0] == "" {
		return t, Malformed
	}
	var segments [3][]byte
	for i, part := range parts {
		b, ok := decodeSegment(part)
		if !ok {
			return t, Malformed
		}
		segments[i] = b
	}
	h, reason := parseHeader(segments[0])
	if reason != "" {
		return t, reason
	}
	t.header = h
	c, reason := parseClaims(segments[1])
	t.claims = c
	return t, reason
}

// decodeSegment reads base64url without padding in its one canonical form. Go's
// decoder passes over line breaks, which therefore are refused first.
func decodeSegment(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// members reads a JSON object strictly: no member twice, nothing behind it.
func members(raw []byte) (map[string]json.RawMessage, bool) {
	if fhir.Scan(raw, fhir.Limits{Depth: 8, Tokens: 512, StringBytes: MaxToken}) != nil {
		return nil, false
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, false
	}
	return m, true
}

// text reads a member that must be a string when it is there.
func text(m map[string]json.RawMessage, name string) (value string, ok bool) {
	raw, there := m[name]
	if !there {
		return "", true
	}
	return value, raw[0] == '"' && json.Unmarshal(raw, &value) == nil
}

// parseHeader reads a JOSE header. It gives the algorithm as written: whether it
// is one to be trusted depends on the client.
func parseHeader(raw []byte) (header, Reason) {
	m, ok := members(raw)
	if !ok {
		return header{}, Malformed
	}
	for name := range m {
		if !allowedHeader[name] {
			return header{}, HeaderMember
		}
	}
	var h header
	var typ string
	for name, to := range map[string]*string{"alg": &h.algorithm, "kid": &h.keyID, "jku": &h.keyAddress, "typ": &typ} {
		if *to, ok = text(m, name); !ok {
			return header{}, Malformed
		}
	}
	switch {
	case !strings.EqualFold(typ, "JWT"):
		return header{}, HeaderType
	case !Trusted(h.algorithm):
		return header{}, Algorithm
	case h.keyID == "" || len(h.keyID) > maxKeyID:
		return header{}, UnknownKey
	case m["jku"] != nil && h.keyAddress == "":
		return header{}, KeyAddress
	}
	return h, ""
}

// parseClaims reads the claims. That a claim is there and well formed is checked
// here, what it says by the verifier.
func parseClaims(raw []byte) (claims, Reason) {
	m, ok := members(raw)
	if !ok {
		return claims{}, Malformed
	}
	var c claims
	for name, to := range map[string]*string{"iss": &c.issuer, "jti": &c.nonce, "sub": &c.subject, "tenant": &c.tenant} {
		if *to, ok = text(m, name); !ok {
			return claims{}, MissingClaim
		}
	}
	_, c.hasTenant = m["tenant"]
	if c.issuer == "" || c.nonce == "" || len(c.nonce) > maxNonce {
		return claims{}, MissingClaim
	}
	if c.audience, ok = audience(m["aud"]); !ok {
		return claims{}, MissingClaim
	}
	for name, to := range map[string]*time.Time{"iat": &c.issued, "exp": &c.expires, "nbf": &c.notBefore} {
		raw, there := m[name]
		if !there && name == "nbf" {
			continue
		}
		if *to, ok = numericDate(raw); !ok {
			return claims{}, MissingClaim
		}
	}
	return c, ""
}

// audience reads aud, a string or a list of strings (RFC 7519, section 4.1.3).
func audience(raw json.RawMessage) ([]string, bool) {
	if len(raw) == 0 {
		return nil, false
	}
	if raw[0] == '"' {
		var one string
		if json.Unmarshal(raw, &one) != nil {
			return nil, false
		}
		return []string{one}, one != ""
	}
	if raw[0] != '[' {
		return nil, false
	}
	var list []*string
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil, false
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s == nil || *s == "" {
			return nil, false
		}
		out = append(out, *s)
	}
	return out, true
}

// lastDate is the end of the year 9999 in seconds.
const lastDate = 253402300799

// numericDate reads a NumericDate (RFC 7519, section 2): seconds, fractions
// allowed, as a number and not as text.
func numericDate(raw json.RawMessage) (time.Time, bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return time.Time{}, false
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || v < 0 || v > lastDate {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(v)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

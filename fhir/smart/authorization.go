package smart

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Token is an access token. No way of printing, logging or encoding it shows it,
// not even as a field that fmt reads by reflection: there it is an address.
type Token struct{ value *string }

// NewToken wraps the text of an access token.
func NewToken(value string) Token {
	if value == "" {
		return Token{}
	}
	return Token{&value}
}

// Reveal gives the text, for the one header it is meant for.
func (t Token) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero tells whether there is no token.
func (t Token) IsZero() bool { return t.value == nil }

// Format hides the token from every verb of fmt.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.shown())) }

// LogValue hides the token from logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.shown()) }

// MarshalText hides the token from encoders.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.shown()), nil }

func (t Token) shown() string {
	if t.IsZero() {
		return "none"
	}
	return "hidden"
}

// Authorization is fhirAuthorization of a hook call: what the client says of the
// access token it hands over (CDS Hooks 2.0.1, "FHIR resource access"). The token
// serves this one call and is not kept.
type Authorization struct {
	Token   Token
	Expires time.Time
	Scope   string // space separated; "" if the client does not say
	Subject string // our client id at the EHR's authorization server
	Patient string // bare id the token is restricted to; "" if to none
}

// ParseAuthorization reads fhirAuthorization of a call that came at received. A
// nil node gives the zero Authorization. Its errors are of kind issue.Structure or
// issue.Value and name the member; such a token is not used, and the call goes on
// without.
func ParseAuthorization(n *fhir.Node, received time.Time) (Authorization, error) {
	if n == nil || n.Kind() == fhir.KindNull {
		return Authorization{}, nil
	}
	if n.Kind() != fhir.KindObject || n.Index() >= 0 {
		return Authorization{}, issue.New(issue.Structure, "fhirAuthorization must be an object").At("fhirAuthorization")
	}
	a := Authorization{
		Token:   NewToken(n.Child("access_token").String()),
		Scope:   n.Child("scope").String(),
		Subject: n.Child("subject").String(),
		Patient: strings.TrimPrefix(n.Child("patient").String(), "Patient/"),
	}
	if a.Token.IsZero() || n.Child("access_token").Kind() != fhir.KindString || !printable(a.Token.Reveal()) {
		return Authorization{}, issue.New(issue.Value, "access_token must be one token").At("fhirAuthorization.access_token")
	}
	if typ := n.Child("token_type"); typ != nil && !strings.EqualFold(typ.String(), "Bearer") {
		return Authorization{}, issue.New(issue.Value, "token_type must be Bearer").At("fhirAuthorization.token_type")
	}
	seconds, ok := n.Child("expires_in").Int()
	if n.Child("expires_in") == nil {
		// Required, but some leave it out; the server will say when it is over.
		seconds, ok = int(Lifetime/time.Second), true
	}
	if !ok || seconds < 0 {
		return Authorization{}, issue.New(issue.Value, "expires_in must be a number of seconds").At("fhirAuthorization.expires_in")
	}
	a.Expires = received.Add(time.Duration(min(seconds, 1<<31)) * time.Second)
	return a, nil
}

// printable tells whether s can stand in an Authorization header (RFC 6750,
// section 2.1, and more than that, but no space or control character).
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Unusable is why a token must not be used for a call.
type Unusable string

// The reasons.
const (
	NoAccess     Unusable = "no_token"
	AccessOver   Unusable = "token_expired"
	OtherSubject Unusable = "other_subject" // it was issued to another client than us
	OtherPatient Unusable = "other_patient" // it is restricted to a patient the call is not about
)

// Usable tells why the token must not be used now, "" if it may be. Subject is our
// client id at the EHR, "" if it is not known; patient the bare id the call is
// about.
func (a Authorization) Usable(now time.Time, subject, patient string) Unusable {
	switch {
	case a.Token.IsZero():
		return NoAccess
	case !now.Before(a.Expires):
		return AccessOver
	case subject != "" && a.Subject != "" && a.Subject != subject:
		return OtherSubject
	case a.Patient != "" && a.Patient != patient:
		return OtherPatient
	}
	return ""
}

// Coverage is how much of what a query asks for a scope lets through.
type Coverage int

// The coverages. Partly means that a server may leave out what the scope excludes
// without a word, so that the answer proves no absence.
const (
	NotAtAll Coverage = iota
	Partly
	Fully
)

// Covers tells what the scope lets through of a resource type, for a read by id or
// a search. It knows both grammars: SMART v1 "user/Patient.read" and v2
// "patient/Observation.rs?category=laboratory". Without any scope it is Fully:
// the server will say.
func (a Authorization) Covers(resourceType string, search bool) Coverage {
	scopes := strings.Fields(a.Scope)
	if len(scopes) == 0 {
		return Fully
	}
	best := NotAtAll
	for _, s := range scopes {
		best = max(best, covers(s, resourceType, search))
	}
	return best
}

func covers(scope, resourceType string, search bool) Coverage {
	level, rest, found := strings.Cut(scope, "/")
	if !found || !slices.Contains([]string{"patient", "user", "system"}, level) {
		return NotAtAll
	}
	rest, query, restricted := strings.Cut(rest, "?")
	typ, access, found := strings.Cut(rest, ".")
	if !found || typ != "*" && typ != resourceType {
		return NotAtAll
	}
	need := "r"
	if search {
		need = "s"
	}
	switch {
	case access == "read", access == "*":
	case access != "" && strings.Trim(access, "cruds") == "" && strings.Contains(access, need):
	default:
		return NotAtAll
	}
	if restricted {
		if values, err := url.ParseQuery(query); err != nil || len(values) > 0 {
			return Partly
		}
	}
	return Fully
}

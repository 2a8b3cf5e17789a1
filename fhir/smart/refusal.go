package smart

import (
	"errors"
	"log/slog"
	"net/http"

	"cdss/fhir/issue"
)

// Reason is why a token was refused: for log and metrics, never for the caller.
// The set is closed.
type Reason string

// The reasons, in the order of the checks.
const (
	NoToken        Reason = "no_token"       // no Authorization, or not one Bearer
	Oversize       Reason = "oversize"       // more than MaxToken bytes
	Malformed      Reason = "malformed"      // not three base64url segments of JSON objects
	HeaderMember   Reason = "header_member"  // a header member that is not allowed, such as jwk or crit
	HeaderType     Reason = "header_type"    // typ is not JWT
	Algorithm      Reason = "algorithm"      // none, symmetric, unknown, or not the registered one
	UnknownIssuer  Reason = "unknown_issuer" // nobody is registered with this iss
	Disabled       Reason = "disabled"       // the client is registered and switched off
	KeyAddress     Reason = "key_address"    // jku is not the registered one
	MissingClaim   Reason = "missing_claim"  // iss, aud, exp, iat, jti: absent or of the wrong form
	ExpiredToken   Reason = "expired"        // exp is over
	NotYet         Reason = "not_yet"        // iat or nbf lies in the future
	TooLong        Reason = "lifetime"       // exp lies too far from iat or from now
	WrongAudience  Reason = "audience"       // aud does not name the address that was called
	WrongTenant    Reason = "tenant"         // tenant is not one of the client's, or lacks
	UnknownKey     Reason = "unknown_key"    // kid is not in the client's keys
	UnfitKey       Reason = "unfit_key"      // the key is none of the registered algorithm
	NoKeys         Reason = "no_keys"        // the client's keys could not be fetched for too long
	WrongSignature Reason = "signature"      // the key has not signed this
	Replayed       Reason = "replayed"       // jti has been used before
)

// Refusal is the error of every token that is not accepted. It has the kind
// issue.Login, and its text says nothing of why; the reason is an attribute of
// the log (slog.Any("refusal", err)) and a label of a metric.
type Refusal struct {
	reason Reason
	client string
}

// errLogin is what the caller is told, whatever the reason.
var errLogin = issue.New(issue.Login, "a valid bearer token is needed")

func refuse(reason Reason, client string) *Refusal { return &Refusal{reason, client} }

// Error gives the text of every refusal.
func (r *Refusal) Error() string { return errLogin.Diagnostics }

// Unwrap gives the refusal its kind.
func (r *Refusal) Unwrap() error { return errLogin }

// Reason tells why, for log and metrics.
func (r *Refusal) Reason() Reason { return r.reason }

// Client names the registered client of the token's issuer, which need not have
// sent it; "" where the issuer is unknown.
func (r *Refusal) Client() string { return r.client }

// LogValue gives reason and client.
func (r *Refusal) LogValue() slog.Value {
	return slog.GroupValue(slog.String("reason", string(r.reason)), slog.String("client", r.client))
}

// ReasonOf gives the reason of a refusal, "" of any other error.
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.reason
	}
	return ""
}

// Challenge answers a refused call: 401 without a body or a reason, the same for
// every reason (CDS Hooks 2.0.1, "Trusting CDS Clients"; SAFETY T1.1, T1.19).
func Challenge(w http.ResponseWriter) {
	h := w.Header()
	h.Set("WWW-Authenticate", "Bearer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusUnauthorized)
}

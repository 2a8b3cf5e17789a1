// Package issue is the one error vocabulary of the project: an error carries a
// FHIR issue type (http://hl7.org/fhir/R4/valueset-issue-type.html), and a door
// turns it into an OperationOutcome or an RFC 9457 problem by one table. It
// refuses to show the text of an error that nobody gave a kind: such an error
// leaves the process as a bare "exception" with status 500.
package issue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kind is a code of the FHIR code system issue-type.
type Kind string

// The codes of http://hl7.org/fhir/issue-type (R4) that this project gives.
const (
	Invalid         Kind = "invalid"    // content breaks the specification
	Structure       Kind = "structure"  // not parseable, wrong shape
	Required        Kind = "required"   // a needed element is missing
	Value           Kind = "value"      // an element's value is not usable
	Invariant       Kind = "invariant"  // a rule across elements fails
	Security        Kind = "security"   // refused, without saying why
	Login           Kind = "login"      // nobody is logged in, or the token is bad
	Unknown         Kind = "unknown"    // the user or system is not known
	Expired         Kind = "expired"    // the session has ended
	Forbidden       Kind = "forbidden"  // known, but not allowed
	Suppressed      Kind = "suppressed" // left out of an answer on purpose
	Processing      Kind = "processing" // the request was understood and cannot be carried out
	NotSupported    Kind = "not-supported"
	Duplicate       Kind = "duplicate"
	MultipleMatches Kind = "multiple-matches"
	NotFound        Kind = "not-found"
	Deleted         Kind = "deleted"
	TooLong         Kind = "too-long" // a size limit was passed
	CodeInvalid     Kind = "code-invalid"
	Extension       Kind = "extension"
	TooCostly       Kind = "too-costly" // would take too much time or memory
	BusinessRule    Kind = "business-rule"
	Conflict        Kind = "conflict" // a version conflict
	Transient       Kind = "transient"
	LockError       Kind = "lock-error"
	NoStore         Kind = "no-store"
	Exception       Kind = "exception" // an unexpected fault of this program
	Timeout         Kind = "timeout"
	Incomplete      Kind = "incomplete" // a source could not be read in full
	Throttled       Kind = "throttled"
	Informational   Kind = "informational"
)

// statuses is the one table from issue type to HTTP status. A kind that is not
// listed is a fault of this program.
var statuses = map[Kind]int{
	Invalid:         http.StatusBadRequest,
	Structure:       http.StatusBadRequest,
	Required:        http.StatusBadRequest,
	Value:           http.StatusUnprocessableEntity,
	Invariant:       http.StatusUnprocessableEntity,
	CodeInvalid:     http.StatusUnprocessableEntity,
	Extension:       http.StatusUnprocessableEntity,
	BusinessRule:    http.StatusUnprocessableEntity,
	Processing:      http.StatusUnprocessableEntity,
	NotSupported:    http.StatusUnprocessableEntity,
	Incomplete:      http.StatusUnprocessableEntity,
	Security:        http.StatusForbidden,
	Forbidden:       http.StatusForbidden,
	Suppressed:      http.StatusForbidden,
	Login:           http.StatusUnauthorized,
	Unknown:         http.StatusUnauthorized,
	Expired:         http.StatusUnauthorized,
	Duplicate:       http.StatusConflict,
	Conflict:        http.StatusConflict,
	LockError:       http.StatusConflict,
	MultipleMatches: http.StatusPreconditionFailed,
	NotFound:        http.StatusNotFound,
	Deleted:         http.StatusGone,
	TooLong:         http.StatusRequestEntityTooLarge,
	TooCostly:       http.StatusRequestEntityTooLarge,
	Throttled:       http.StatusTooManyRequests,
	Transient:       http.StatusServiceUnavailable,
	NoStore:         http.StatusServiceUnavailable,
	Timeout:         http.StatusGatewayTimeout,
}

// Severities of http://hl7.org/fhir/issue-severity.
const (
	SeverityFatal       = "fatal"
	SeverityError       = "error"
	SeverityWarning     = "warning"
	SeverityInformation = "information"
)

// Issue is one OperationOutcome.issue.
type Issue struct {
	Severity    string   // fatal | error | warning | information
	Code        string   // FHIR issue type, a Kind
	Diagnostics string   // what was attempted and what is wrong; no patient data
	Expression  []string // FHIRPath locations, for example "Patient.birthDate"
}

// String gives "Patient.birthDate: not a date (value)".
func (i Issue) String() string {
	text := i.Diagnostics
	if len(i.Expression) > 0 {
		text = strings.Join(i.Expression, ", ") + ": " + text
	}
	return text + " (" + i.Code + ")"
}

// Error is an error with a kind. Its text is meant for the caller.
type Error struct {
	Issue
	cause  error
	status int
	more   []Issue
	// A closer reason for machines and the text in German, for the few errors that a
	// clinician reads.
	reason, german string
}

// New returns an error of kind k. The text goes to the caller: lower case, no
// period, no patient data.
func New(k Kind, format string, a ...any) *Error {
	return &Error{Issue: Issue{Severity: SeverityError, Code: string(k), Diagnostics: fmt.Sprintf(format, a...)}}
}

// Wrap gives err a kind and a text for the caller. The inner error is kept for
// errors.Is, errors.As and the log; its text never reaches the caller.
func Wrap(k Kind, err error, format string, a ...any) *Error {
	e := New(k, format, a...)
	e.cause = err
	return e
}

// From makes one error of several issues, the first of which gives the status.
// It returns nil when none of them is an error or fatal.
func From(issues []Issue) error {
	first := -1
	for i, is := range issues {
		if is.Severity == SeverityError || is.Severity == SeverityFatal {
			first = i
			break
		}
	}
	if first < 0 {
		return nil
	}
	e := &Error{Issue: issues[first]}
	e.more = append(e.more, issues[:first]...)
	e.more = append(e.more, issues[first+1:]...)
	return e
}

// At adds a FHIRPath location and returns e.
func (e *Error) At(expression string) *Error {
	if expression != "" {
		e.Expression = append(e.Expression, expression)
	}
	return e
}

// WithStatus overrides the status of the table, for the few cases that HTTP
// tells apart and FHIR does not (412, 415, 405), and returns e.
func (e *Error) WithStatus(status int) *Error {
	e.status = status
	return e
}

// Told adds a closer reason, for machines, and the text in German, and returns e.
// Problem details have both, as "reason" and "detailDe".
func (e *Error) Told(reason, german string) *Error {
	e.reason, e.german = reason, german
	return e
}

// Error gives the whole text, the inner error included: it is for the log.
func (e *Error) Error() string {
	text := e.Issue.String()
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the inner error.
func (e *Error) Unwrap() error { return e.cause }

// KindOf gives the kind of the outermost error that has one. A deadline is a
// timeout, a body over its limit is too long, a database or a network that is away is
// transient, nil is "", all else an exception.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return Kind(e.Code)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return TooLong
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Timeout
	case away(err):
		return Transient
	}
	return Exception
}

// Is tells whether err has kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Status gives the HTTP status of err; 200 for nil.
func Status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	var e *Error
	if errors.As(err, &e) && e.status != 0 {
		return e.status
	}
	if s, ok := statuses[KindOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Issues lists what err holds, joined errors one by one. Of an error without a
// kind only the fact that it happened is told.
func Issues(err error) []Issue {
	if err == nil {
		return nil
	}
	var list []Issue
	collect(err, &list)
	if len(list) > 0 {
		return list
	}
	var tooLarge *http.MaxBytesError
	kind := KindOf(err)
	text := "the server met an unexpected condition"
	switch {
	case errors.As(err, &tooLarge):
		text = fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)
	case kind == Timeout:
		text = "the time for this request is over"
	case kind == Transient:
		text = "what this needs cannot be reached now; come again"
	}
	return []Issue{{Severity: SeverityError, Code: string(kind), Diagnostics: text}}
}

func collect(err error, list *[]Issue) {
	if e, ok := err.(*Error); ok {
		*list = append(*list, e.Issue)
		*list = append(*list, e.more...)
		return
	}
	switch x := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range x.Unwrap() {
			collect(inner, list)
		}
	case interface{ Unwrap() error }:
		if inner := x.Unwrap(); inner != nil {
			collect(inner, list)
		}
	}
}

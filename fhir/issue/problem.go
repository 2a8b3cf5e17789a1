package issue

import (
	"net/http"
	"strconv"
)

// ProblemError is an error as the operations of the web API return it: huma finds its
// methods, and writes RFC 9457 problem details with the status of Err.
type ProblemError struct {
	Err error
	// Wait is after how many seconds a client with too many requests may come back; 5
	// if it is 0.
	Wait int
}

func (p *ProblemError) Error() string                { return string(KindOf(p.Err)) }
func (p *ProblemError) Unwrap() error                { return p.Err }
func (p *ProblemError) GetStatus() int               { return Status(p.Err) }
func (p *ProblemError) ContentType(string) string    { return "application/problem+json" }
func (p *ProblemError) MarshalJSON() ([]byte, error) { return Problem(p.Err, ""), nil }

// GetHeaders says when to come back to a server that has no time.
func (p *ProblemError) GetHeaders() http.Header {
	wait := 5
	switch p.GetStatus() {
	case http.StatusTooManyRequests:
		if p.Wait > 0 {
			wait = p.Wait
		}
	case http.StatusServiceUnavailable:
	default:
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(wait)}}
}

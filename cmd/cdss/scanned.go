package main

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// mostScanned is the largest body that is scanned; every operation that takes a larger
// one reads it with limits of its own.
const mostScanned = 8 << 20

// apiLimits are wider than those of a hook: bodies of /api hold packages and tables.
var apiLimits = fhir.Limits{Tokens: 4_000_000, StringBytes: mostScanned, Entries: 20_000}

// scanned refuses bodies of /api that readers of JSON understand differently: a member
// twice, no UTF-8, NUL, half a surrogate, something behind the end, or too deep (SAFETY
// T3). What was let through would be kept as something else than was sent, or would be
// refused by the database only.
func scanned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || r.ContentLength == 0 || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
			next.ServeHTTP(w, r)
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r.Body, mostScanned+1))
		rest := r.Body
		switch {
		case err != nil: // the operation finds the same and says so
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(raw), failing{err}))
		case len(raw) > mostScanned:
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(raw), rest), rest}
		default:
			if err := fhir.Scan(raw, apiLimits); err != nil && len(bytes.TrimSpace(raw)) > 0 {
				issue.WriteProblem(w, r, err)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(raw))
		}
		next.ServeHTTP(w, r)
	})
}

// failing is a reader that could not be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

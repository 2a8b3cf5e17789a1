package hooks

import (
	"context"
	"net/http"
	"time"
)

type receivedKey struct{}

// received tells when the door began with a request.
func received(ctx context.Context) time.Time {
	at, _ := ctx.Value(receivedKey{}).(time.Time)
	return at
}

// cors answers browsers (CDS Hooks 2.0.1, "Cross-Origin Resource Sharing"):
// preflight on every address, headers on errors too. A page of a known origin may
// call with credentials, as Medplum's client always does: to a door that reads no
// cookie, they are nothing. The allowance names one origin, never all.
func (s *Server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The deadline of a call counts from here, so that a slow look at its token
		// costs the call and not the client.
		r = r.WithContext(context.WithValue(r.Context(), receivedKey{}, time.Now()))
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		allowed := origin != "" && s.config.Origins(origin)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
		}
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if allowed {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, X-Medplum, X-Request-Id")
			h.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

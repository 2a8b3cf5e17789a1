package observe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"cdss/fhir/issue"
)

type requestIDKey struct{}

// RequestID gives the id of the request ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID gives each request an id, the client's own where it is harmless,
// and sends it back.
func WithRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !harmless(id) {
			var random [12]byte
			rand.Read(random[:]) // never fails (crypto/rand, Go 1.24)
			id = hex.EncodeToString(random[:])
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// harmless tells whether an id of the client's can be logged as it is.
func harmless(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for _, c := range id {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// Requests logs and counts each request when it ends. The route is told as it was
// declared, since a path may hold an id, and a query string never is.
func Requests(log *slog.Logger, m *Metrics) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			defer func() {
				status := ww.Status()
				if status == 0 {
					status = http.StatusOK
				}
				took := time.Since(start)
				route := routeOf(r)
				if status >= 500 && !strings.HasPrefix(route, "/cds-services") && errors.Is(r.Context().Err(), context.Canceled) {
					status = clientGone
				}
				m.request(route, r, status, took)
				level := slog.LevelInfo
				switch {
				case quiet(route):
					level = slog.LevelDebug
				case status >= 500:
					level = slog.LevelWarn
				}
				log.LogAttrs(r.Context(), level, "request", slog.String("method", method(r)), slog.String("route", route),
					slog.Int("status", status), slog.Int("bytes", ww.BytesWritten()),
					slog.Float64("duration_ms", float64(took.Microseconds())/1000))
			}()
			next.ServeHTTP(ww, r)
		})
	}
}

// clientGone stands in log and metrics for a request whose client did not wait for the
// answer: what nobody read is no fault of the server. No answer has this status. Hooks
// are left out, since an EHR that gives up waiting is one we kept waiting.
const clientGone = 499

// quiet routes are asked every few seconds, or come in dozens with each page.
func quiet(route string) bool {
	switch route {
	case "/livez", "/readyz", "/health", "/assets":
		return true
	}
	return false
}

// routeOf gives the pattern a request matched. Screens and files of the web apps
// match none and are told as two kinds.
func routeOf(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" && p != "/*" {
			return p
		}
	}
	if strings.Contains(r.URL.Path, "/assets/") {
		return "/assets"
	}
	return "/app"
}

// method gives the method, or "other" for one nobody knows, so that a client
// cannot fill log and metrics with names.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// Recover ends a panic: the stack goes to the log, the client learns only that it
// happened. The value of a panic may hold patient data, so its type alone is told.
func Recover(log *slog.Logger, m *Metrics) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler {
					panic(p)
				}
				m.panics.Inc()
				log.ErrorContext(r.Context(), "handler panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				err := issue.New(issue.Exception, "the server met an unexpected condition")
				if strings.HasPrefix(r.URL.Path, "/fhir") || strings.HasPrefix(r.URL.Path, "/cds-services") {
					issue.WriteOutcome(w, err)
					return
				}
				issue.WriteProblem(w, r, err)
			}()
			next.ServeHTTP(w, r)
		})
	}
}

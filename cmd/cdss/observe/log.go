// Package observe is how the running server is seen from outside: one log line a
// request, an id that ties an answer to it, metrics, and the end of a panic.
//
// It owns the middleware that does so and the log handler that keeps secrets
// out. It refuses to see bodies, query strings, tokens or names: of a request
// only its route, status, size and time are told.
package observe

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// NewLogger writes JSON where a program reads the log, text where a person does.
func NewLogger(w io.Writer, level slog.Level, structured bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if structured {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(withRequest{h})
}

// secrets are parts of attribute keys whose values never reach a log.
var secrets = []string{"password", "secret", "token", "authorization", "cookie", "api_key", "dsn", "prompt", "body"}

// redact replaces the value of an attribute whose key says that it is a secret.
func redact(_ []string, a slog.Attr) slog.Attr {
	key := strings.ToLower(a.Key)
	if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(key, s) }) {
		return slog.String(a.Key, "[redacted]")
	}
	return a
}

// withRequest adds the id of the request a line belongs to.
type withRequest struct{ slog.Handler }

func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(attrs)}
}

func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name)}
}

package hooks

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// readBody reads a JSON body of at most limit bytes. Compressed bodies are
// refused (SAFETY T4).
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, issue.New(issue.NotSupported, "the body must not be compressed").WithStatus(http.StatusUnsupportedMediaType)
	}
	if err := jsonType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	// Not every connection can set a deadline; those that cannot have the
	// server's own.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readDeadline))
	// What the client says of the length is only believed as far as the limit.
	raw := bytes.NewBuffer(make([]byte, 0, max(0, min(r.ContentLength, limit))+bytes.MinRead))
	_, err := raw.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return raw.Bytes(), nil
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, issue.Wrap(issue.Timeout, err, "the body did not arrive within %s", readDeadline).WithStatus(http.StatusRequestTimeout)
	}
	return nil, issue.Wrap(issue.Structure, err, "the body ended before it was complete")
}

// jsonType refuses what does not call itself JSON. A missing type is taken for
// JSON, and application/fhir+json for a client's habit.
func jsonType(value string) error {
	if value == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(value)
	if err == nil && (media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		if charset := params["charset"]; charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			return nil
		}
	}
	return issue.New(issue.NotSupported, "the body must be application/json in UTF-8").WithStatus(http.StatusUnsupportedMediaType)
}

// parse reads the body of a call to service. What clients are known to do
// otherwise than the specification says is understood (see the tests for the
// list); only what the service cannot run without is an error.
func (s *Server) parse(ctx context.Context, service Service, raw []byte) (cds.Request, error) {
	root, err := fhir.ParseJSON(raw, fhir.Limits{})
	if err != nil {
		return cds.Request{}, err
	}
	if root.Kind() != fhir.KindObject {
		return cds.Request{}, issue.New(issue.Structure, "a hook call is a JSON object")
	}
	switch hook := root.Child("hook"); {
	case hook.Empty():
		return cds.Request{}, issue.New(issue.Required, "hook is missing").At("hook")
	case hook.Kind() != fhir.KindString:
		return cds.Request{}, issue.New(issue.Structure, "hook must be a string").At("hook")
	case hook.String() != service.Hook && (service.Formerly == "" || hook.String() != service.Formerly):
		return cds.Request{}, issue.New(issue.Invalid, "service %s is called by the hook %s only", service.ID, service.Hook).At("hook")
	}
	req := cds.Request{
		Service:      service.ID,
		Hook:         root.Child("hook").String(),
		Question:     service.Question,
		HookInstance: root.Child("hookInstance").String(),
		FHIRServer:   root.Child("fhirServer").String(),
	}
	req.Received = received(ctx)
	access, err := smart.ParseAuthorization(root.Child("fhirAuthorization"), req.Received)
	if err != nil {
		// The call goes on without the token. What the error names holds nothing of it.
		s.config.Log.InfoContext(ctx, "access token of a call not usable", "service", service.ID, "error", err)
	}
	req.Access = access
	if !harmless(req.HookInstance) {
		req.HookInstance = s.config.NewUUID()
	}
	if err := s.parseContext(&req, root); err != nil {
		return cds.Request{}, err
	}
	return req, parsePrefetch(&req, root)
}

// parsePrefetch takes every key that came with its value, null included: null
// says that the client looked and found nothing.
func parsePrefetch(req *cds.Request, root *fhir.Node) error {
	prefetch := root.Child("prefetch")
	if prefetch == nil || prefetch.Kind() == fhir.KindNull {
		return nil
	}
	if prefetch.Kind() != fhir.KindObject || prefetch.Index() >= 0 {
		return issue.New(issue.Structure, "prefetch must be an object of keys and resources").At("prefetch")
	}
	req.Prefetch = map[string]*fhir.Node{}
	for key, nodes := range prefetch.Fields() {
		req.Prefetch[key] = nodes[0]
		if len(nodes) > 1 || nodes[0].Index() >= 0 {
			return issue.New(issue.Structure, "a prefetch value must be a resource, a Bundle or null, not an array").At("prefetch." + expressionName(key))
		}
	}
	return nil
}

// expressionName writes a member name of the client's as part of a FHIRPath
// location; one that is no identifier is delimited, and a long one cut.
func expressionName(name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return "`" + strings.ReplaceAll(name, "`", "") + "`"
		}
	}
	return name
}

package main

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"cdss/fhir/access"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// gate finds out who asks, and lets through what the table of rights gives him: what is
// not in the table nobody may do.
func (h *house) gate(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := address(r.URL)
		e, known := h.rights.find(r.Method, path)
		if known && (e.client || r.Method == http.MethodOptions) {
			next.ServeHTTP(w, r) // pages, health, and the CDS services, whose door has a guard of its own
			return
		}
		refuse := refusal(w, r)
		l, err := h.sessions.Identify(r)
		switch {
		case err != nil:
			if issue.Status(err) == http.StatusInternalServerError && r.Context().Err() == nil {
				h.log.ErrorContext(r.Context(), "the login cannot be read", "error", err)
			}
			refuse(err)
			return
		case l == nil && !(known && e.nobody):
			refuse(issue.New(issue.Login, "nobody is logged in"))
			return
		case !known:
			refuse(h.unknown(w, r.Method, path))
			return
		case l != nil && l.Limited() && e.right != "session:use":
			refuse(issue.New(issue.Forbidden, "the passphrase was set by somebody else; choose another one first"))
			return
		case l != nil && !e.nobody && !e.permits(l.Person.Roles):
			refuse(issue.New(issue.Forbidden, "this needs the right %s, which your roles do not have", e.right))
			return
		}
		// With open access the FHIR door is for pages of this machine, too (Config.Origins).
		if h.cfg.Auth == "required" || strings.HasPrefix(path, "/api/") {
			if err := protection.Check(r); err != nil {
				refuse(issue.New(issue.Forbidden, "a page of another origin may not do this"))
				return
			}
		}
		if err := jsonOnly(r, e); err != nil {
			refuse(err)
			return
		}
		if l != nil {
			r = r.WithContext(identified(r.Context(), l))
		}
		next.ServeHTTP(w, r)
	})
}

// identified puts who asks into the context. The person of open access is nobody in the audit
// trail.
func identified(ctx context.Context, l *access.Login) context.Context {
	ctx = smart.WithPerson(access.WithLogin(ctx, l), l.Person.Smart())
	if l.Means == "" {
		return ctx
	}
	return audit.With(ctx, audit.Caller{User: l.Person.ID, Roles: roleNames(l.Person.Roles)})
}

// refusal writes an error in the protocol of the door that was called.
func refusal(w http.ResponseWriter, r *http.Request) func(error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	return func(err error) {
		if strings.HasPrefix(r.URL.Path, "/fhir") {
			issue.WriteOutcome(w, err)
			return
		}
		issue.WriteProblem(w, r, err)
	}
}

// unknown is the answer for what stands in no line of the table.
func (h *house) unknown(w http.ResponseWriter, method, path string) error {
	allowed := h.rights.methods(path)
	if len(allowed) == 0 {
		return issue.New(issue.NotFound, "nothing is at this address")
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		method = "this one"
	}
	return issue.New(issue.NotSupported, "method %s is not allowed here, only %s", method, list).WithStatus(http.StatusMethodNotAllowed)
}

// jsonOnly refuses bodies of the kinds that a form of another page can send, and those
// that do not say what they are: they are read as JSON whatever they are. Uploads alone
// come as a form.
func jsonOnly(r *http.Request, e entry) error {
	if !strings.HasPrefix(e.route, "/api/") || r.Method == http.MethodGet || r.Method == http.MethodHead || r.ContentLength == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil, kind == "text/plain", kind == "application/x-www-form-urlencoded",
		kind == "multipart/form-data" && e.right != "evidence:write" && e.right != "rules:write":
		return issue.New(issue.NotSupported, "the body must be sent as application/json").WithStatus(http.StatusUnsupportedMediaType)
	}
	return nil
}

// mayInBatch tells whether who asks may do what an entry of a FHIR batch asks for.
func (h *house) mayInBatch(ctx context.Context, method string, path []string) error {
	if slices.ContainsFunc(path, func(s string) bool { return strings.ContainsAny(s, `/\`) }) {
		return issue.New(issue.NotFound, "nothing is at this address")
	}
	e, ok := h.rights.find(method, "/fhir/"+strings.Join(path, "/"))
	if !ok {
		return issue.New(issue.NotFound, "nothing is at this address")
	}
	who, _ := smart.PersonFrom(ctx)
	if !e.nobody && !e.permits(who.Roles) {
		return issue.New(issue.Forbidden, "this needs the right %s, which your roles do not have", e.right)
	}
	return nil
}

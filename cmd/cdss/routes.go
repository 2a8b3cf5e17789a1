package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	cdsapi "cdss/cds/api"
	"cdss/cmd/cdss/observe"
	"cdss/fhir/access"
	"cdss/fhir/access/handover"
	"cdss/fhir/access/launch"
	"cdss/fhir/issue"
	"cdss/rag/answer"
	ragapi "cdss/rag/api"
	"cdss/rag/ingest"
)

// routes is the one table of mounts. Each door is a router of its own, so that
// its unknown paths and methods are answered in its own protocol and the web apps
// take only what is left.
func (h *house) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(observe.WithRequestID, observe.Requests(h.log, h.metrics), observe.Recover(h.log, h.metrics), h.knownHost, h.readable, h.caller, h.gate)
	r.Get("/health", h.health)
	r.Get("/livez", h.livez)
	r.Get("/readyz", h.readyz)
	r.Mount("/cds-services", secure(h.hooks))
	r.Mount("/fhir", h.load.fhir(h.fhir.door))
	r.Mount("/api", h.load.api(h.withLaunch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h.api.Load()).ServeHTTP(w, r) }))))
	r.Handle(launch.LaunchPath, h.launches)
	r.Handle(launch.CallbackPath, h.launches)
	r.Handle(handover.Path, h.load.guarded(h.trust.guard.Wrap)(h.handovers))
	r.HandleFunc(demoPath+"/authorize", h.serveDemoLogin)
	r.Handle("/*", h.site)
	return r
}

// apiVersion is the version of what /api promises, not of the program: its
// description is a file that must not change with every commit.
const apiVersion = "1"

// apiConfig describes /api. The documentation page is served by the web apps, and
// no response carries a link to its schema.
func apiConfig() huma.Config {
	c := huma.DefaultConfig("cdss", apiVersion)
	c.Info.Description = "Clinical decision support for antibiotic therapy: recommendations, guidelines, search."
	c.Servers = []*huma.Server{{URL: "/api"}}
	c.DocsPath = ""
	c.CreateHooks = nil
	return c
}

// longest is how long an upload may take to arrive.
const longest = 5 * time.Minute

// settleHuma sets what huma keeps in package variables, once: requests read them.
var settleHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return apiError(status, message, errs...)
	}
	// Asked for the schema of errors as well.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return apiError(status, message, errs...)
	}
})

// buildAPI makes the router of /api. Without guidelines, while the database is not
// ready, their operations answer 503 and everything else works.
func (h *house) buildAPI(guidelines *ingest.Service) (http.Handler, huma.API, error) {
	settleHuma()
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		issue.WriteProblem(w, r, issue.New(issue.NotFound, "nothing is at this address"))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		allowed := methods(r, chi.RouteContext(req.Context()).RoutePath)
		w.Header().Set("Allow", allowed)
		issue.WriteProblem(w, req, issue.New(issue.NotSupported, "method %s is not allowed here, only %s", req.Method, allowed).
			WithStatus(http.StatusMethodNotAllowed))
	})
	r.Use(secure, h.patient, scanned)
	if guidelines == nil {
		r.Use(awaitDatabase)
	}
	api := humachi.New(r, apiConfig())
	answers := answer.New(answer.Config{Search: guidelines, Vocabulary: h.concepts, Model: h.models.model, Log: h.log})
	err := cdsapi.Register(api, cdsapi.Config{
		Narrator: h.narrator(answers),
		Decider:  h.decide, Knowledge: h.knowledge.Load, Feedback: h.decisions, CaseReader: h.decisions, CaseWriter: h.decisions, Status: h.status, Now: h.now,
		Version: programVersion(), Demo: h.cfg.Demo, Log: h.log, Servers: ownServers{h},
	})
	if err != nil {
		return nil, nil, err
	}
	cdsapi.RegisterAuthoring(api, cdsapi.AuthoringConfig{Authoring: h.authoring, Checked: h.knowledgeCheckedAt, Demo: h.cfg.Demo, Now: h.now, Log: h.log})
	cdsapi.RegisterTrial(api, h.trialConfig())
	cdsapi.RegisterHappened(api, cdsapi.HappenedConfig{Happened: h.decisions, Now: h.now, Log: h.log})
	h.sessions.RegisterSession(api)
	access.RegisterSystem(api, h.system())
	h.registerTasks(api)
	h.launches.Register(api)
	h.handovers.Register(api)
	ragapi.Register(api, ragapi.Deps{Guidelines: guidelines, Answers: answers, Outbound: h.models, Lab: h.lab, Builder: h.concepts, Indications: indications{h}, Log: h.log,
		Citing: func() []ingest.Citing { return citing(h.knowledge.Load()) }})
	return r, api, nil
}

// mountAPI puts the router of /api in place of the one before.
func (h *house) mountAPI(guidelines *ingest.Service) error {
	handler, _, err := h.buildAPI(guidelines)
	if err != nil {
		return err
	}
	h.api.Store(&handler)
	return nil
}

// secure sets the headers of an API (SAFETY T16).
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// patient gives an upload the time it needs beyond the server's own limits.
func (h *house) patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/guidelines") {
			control := http.NewResponseController(w)
			until := time.Now().Add(longest)
			_ = control.SetReadDeadline(until)
			_ = control.SetWriteDeadline(until.Add(time.Minute))
		}
		next.ServeHTTP(w, r)
	})
}

// awaitDatabase answers for what cannot work without the database.
func awaitDatabase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := chi.RouteContext(r.Context()).RoutePath
		if strings.HasPrefix(path, "/guidelines") || strings.HasPrefix(path, "/query-sets") || path == "/search" || path == "/answers" {
			w.Header().Set("Retry-After", "2")
			issue.WriteProblem(w, r, issue.New(issue.Transient, "the database is not ready"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// methods lists the methods that a path has.
func methods(routes chi.Routes, path string) string {
	if path == "" {
		path = "/"
	}
	var list []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), m, path) {
			list = append(list, m)
		}
	}
	if slices.Contains(list, http.MethodGet) && !slices.Contains(list, http.MethodHead) {
		list = append(list, http.MethodHead)
	}
	return strings.Join(list, ", ")
}

// apiError makes the errors of huma itself problems of our one form.
func apiError(status int, message string, errs ...error) *problem {
	var list []error
	for _, err := range errs {
		var detail huma.ErrorDetailer
		if errors.As(err, &detail) {
			d := detail.ErrorDetail()
			list = append(list, issue.New(kindOf(status), "%s", d.Message).WithStatus(status).At(strings.TrimPrefix(d.Location, "body.")))
			continue
		}
		list = append(list, err)
	}
	if len(list) == 0 || status < http.StatusInternalServerError && !slices.ContainsFunc(list, hasKind) {
		return &problem{status, issue.New(kindOf(status), "%s", message).WithStatus(status)}
	}
	err := errors.Join(list...)
	if hasKind(err) && status >= http.StatusInternalServerError {
		status = issue.Status(err)
	}
	return &problem{status, err}
}

func hasKind(err error) bool {
	var known *issue.Error
	return errors.As(err, &known)
}

func kindOf(status int) issue.Kind {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return issue.TooLong
	case http.StatusUnsupportedMediaType, http.StatusNotAcceptable, http.StatusMethodNotAllowed:
		return issue.NotSupported
	case http.StatusUnprocessableEntity:
		return issue.Value
	case http.StatusRequestTimeout:
		return issue.Timeout
	case http.StatusNotFound:
		return issue.NotFound
	}
	if status >= http.StatusInternalServerError {
		return issue.Exception
	}
	return issue.Invalid
}

// problem is an error in the form huma writes: RFC 9457, from the one table of
// issues.
type problem struct {
	status int
	err    error
}

func (p *problem) Error() string                { return string(issue.KindOf(p.err)) }
func (p *problem) GetStatus() int               { return p.status }
func (p *problem) ContentType(string) string    { return "application/problem+json" }
func (p *problem) MarshalJSON() ([]byte, error) { return issue.Problem(p.err, ""), nil }

// Schema describes the body for OpenAPI, which sees no fields: once, under a name.
func (p *problem) Schema(r huma.Registry) *huma.Schema {
	text := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}
	r.Map()["Problem"] = &huma.Schema{
		Type: huma.TypeObject, Description: "Problem details (RFC 9457)",
		Properties: map[string]*huma.Schema{
			"type": text("address of the kind of problem"), "title": text("the status in words"),
			"status": {Type: huma.TypeInteger}, "detail": text("what was attempted and what is wrong"),
			"instance": text("path of the request"), "code": text("FHIR issue type"),
			"errors": {Type: huma.TypeArray, Items: &huma.Schema{
				Type: huma.TypeObject,
				Properties: map[string]*huma.Schema{
					"code": text("FHIR issue type"), "detail": text("what is wrong"),
					"location": {Type: huma.TypeArray, Items: text("where, as FHIRPath")},
				},
				Required: []string{"code", "detail"},
			}},
		},
		Required: []string{"type", "title", "status", "code"},
	}
	return &huma.Schema{Ref: "#/components/schemas/Problem"}
}

// health is the prototype's health path: it tells that the process is there.
func (h *house) health(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "healthy", "service": "cdss", "version": programVersion()})
}

func (h *house) livez(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("write JSON: " + err.Error()) // maps of strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"cdss/cds"
	"cdss/cds/prefetch"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Decider answers a hook call. Its error is answered as it is: 412 where data
// that the service cannot do without are missing, 503 where it is overloaded.
type Decider interface {
	Hook(ctx context.Context, req cds.Request) (cds.Response, error)
}

// FeedbackKeeper keeps feedback. The same feedback may come again.
type FeedbackKeeper interface {
	KeepFeedback(ctx context.Context, list []cds.Feedback) error
}

// Config is what the door needs. Decider, Services and NewUUID are required.
type Config struct {
	Services []Service
	Decider  Decider
	Feedback FeedbackKeeper // nil: feedback is answered 503
	// Profiles gives what a registered client wants and can show, "" being a caller
	// without a registration. Nil: nobody is registered. Who calls is in the context
	// (smart.From), put there by whoever verified the token.
	Profiles func(client string) cds.Profile
	// Guard lets calls and feedback through, Identify discovery; both put who calls
	// into the context. Nil: everybody may.
	Guard    func(http.Handler) http.Handler
	Identify func(http.Handler) http.Handler
	Origins  func(origin string) bool // browser origins that may call; nil: none
	Log      *slog.Logger             // nil: nothing is logged
	NewUUID  func() string            // makes the hookInstance a client left out; required
	// PublicURL is where people reach this server, for the link from each card to the
	// decision behind it. "": cards have no such link.
	PublicURL string
}

// Limits of a body in bytes (SAFETY T3).
const (
	MaxBody     = 2 << 20
	MaxFeedback = 64 << 10
)

// readDeadline is how long a body may take to arrive.
const readDeadline = 2 * time.Second

// Server serves the door. It is safe for concurrent use.
type Server struct {
	config    Config
	services  map[string]Service
	contexts  map[string]*contextSchema // by hook
	discovery map[edition][]byte
	router    http.Handler
	offered   atomic.Pointer[offered]
}

// edition is a form of discovery.
type edition struct {
	lang     cds.Lang
	version3 bool
}

// New makes the door. It is an error when a service has no schema for the context
// of its hook, or an id comes twice.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Origins == nil {
		c.Origins = func(string) bool { return false }
	}
	if c.Profiles == nil {
		c.Profiles = func(string) cds.Profile { return cds.Profile{} }
	}
	s := &Server{config: c, services: map[string]Service{}, contexts: map[string]*contextSchema{}, discovery: map[edition][]byte{}}
	for _, service := range c.Services {
		if _, twice := s.services[service.ID]; twice {
			return nil, fmt.Errorf("serve CDS service %s: the id comes twice", service.ID)
		}
		s.services[service.ID] = service
		for _, hook := range []string{service.Hook, service.Formerly} {
			if hook == "" || s.contexts[hook] != nil {
				continue
			}
			schema, err := compileContext(hook)
			if err != nil {
				return nil, fmt.Errorf("serve CDS service %s: %w", service.ID, err)
			}
			s.contexts[hook] = schema
		}
	}
	for _, hook := range Known() { // that a plan may name as its trigger
		if s.contexts[hook] == nil {
			schema, err := compileContext(hook)
			if err != nil {
				return nil, err
			}
			s.contexts[hook] = schema
		}
	}
	for _, lang := range []cds.Lang{cds.DE, cds.EN} {
		for _, version3 := range []bool{false, true} {
			body, err := discovery(c.Services, lang, version3)
			if err != nil {
				return nil, err
			}
			s.discovery[edition{lang, version3}] = body
		}
	}
	r := chi.NewRouter()
	r.Use(s.cors)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		issue.WriteOutcome(w, issue.New(issue.NotFound, "no CDS service has this address; GET /cds-services lists them"))
	})
	r.MethodNotAllowed(s.methodNotAllowed)
	// Inside cors, so that a browser can read a refusal, too.
	r.Group(func(r chi.Router) {
		if c.Identify != nil {
			r.Use(c.Identify)
		}
		r.Get("/", s.discover)
		r.Head("/", s.discover)
	})
	r.Group(func(r chi.Router) {
		if c.Guard != nil {
			r.Use(c.Guard)
		}
		r.Post("/{id}", s.call)
		r.Post("/{id}/feedback", s.feedback)
	})
	s.router = r
	return s, nil
}

// ServeHTTP serves paths below /cds-services; mount it there.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// methodNotAllowed answers 405 and says what is allowed, as chi does not once a
// handler of our own is set.
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allow := "POST, OPTIONS"
	if rest := chi.RouteContext(r.Context()).RoutePath; rest == "" || rest == "/" {
		allow = "GET, HEAD, OPTIONS"
	}
	w.Header().Set("Allow", allow)
	issue.WriteOutcome(w, issue.New(issue.NotSupported, "method %s is not allowed here, only %s", r.Method, allow).WithStatus(http.StatusMethodNotAllowed))
}

func (s *Server) discover(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept-Language, Authorization")
	principal, _ := smart.From(r.Context())
	profile := s.config.Profiles(principal.Client)
	lang := profile.Language
	if lang == "" {
		lang = cds.ParseLang(r.Header.Get("Accept-Language"))
	}
	body := s.discovery[edition{lang, profile.Version3}]
	if o := s.offered.Load(); o != nil {
		body = o.discovery[edition{lang, profile.Version3}]
	}
	answer(w, body)
}

// call answers one hook call.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	service, err := s.service(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	raw, err := readBody(w, r, MaxBody)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	req, err := s.parse(r.Context(), service, raw)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	principal, _ := smart.From(r.Context())
	req.Client, req.Tenant = principal.Client, principal.Tenant
	req.Profile = s.config.Profiles(req.Client)
	req.Language, req.LanguageOpen = language(req, r.Header.Get("Accept-Language"))
	response, err := s.config.Decider.Hook(r.Context(), req)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if response.Cards == nil {
		response.Cards = []cds.Card{}
	}
	explained(response.Cards, s.config.PublicURL, req.Language)
	body, err := json.Marshal(response)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("write answer of %s: %w", service.ID, err))
		return
	}
	answer(w, body)
}

// language is the client's, else the user's, else that of the call. Of the user it is
// open while nobody has looked where the client did not send who that is.
func language(req cds.Request, accept string) (lang cds.Lang, open bool) {
	if req.Profile.Language != "" {
		return req.Profile.Language, false
	}
	for _, n := range req.Prefetch {
		if req.User != "" && n.ResourceType()+"/"+n.Child("id").String() == req.User {
			if tag := prefetch.Spoken(n); tag != "" {
				return cds.ParseLang(tag), false
			}
			return cds.ParseLang(accept), false
		}
	}
	return cds.ParseLang(accept), req.User != ""
}

func (s *Server) service(r *http.Request) (Service, error) {
	id := chi.URLParam(r, "id")
	service, ok := s.services[id]
	if o := s.offered.Load(); !ok && o != nil {
		service, ok = o.services[id]
	}
	if !ok {
		return Service{}, issue.New(issue.NotFound, "no CDS service has this id; GET /cds-services lists them")
	}
	return service, nil
}

// refuse answers an error. Only what nobody expected is logged here; the rest the
// client reads itself.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if issue.Status(err) >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.config.Log.ErrorContext(r.Context(), "hook call failed", "error", err)
	}
	issue.WriteOutcome(w, err)
}

func answer(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"cdss/cds"
	"cdss/fhir/issue"
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

// Config is what the door needs. Decider and Services are required.
type Config struct {
	Services []Service
	Decider  Decider
	Feedback FeedbackKeeper           // nil: feedback is answered 503
	Origins  func(origin string) bool // browser origins that may call; nil: none
	Log      *slog.Logger             // nil: nothing is logged
	NewUUID  func() string            // makes the hookInstance a client left out; required
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
	discovery map[cds.Lang][]byte
	router    http.Handler
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
	s := &Server{config: c, services: map[string]Service{}, contexts: map[string]*contextSchema{}, discovery: map[cds.Lang][]byte{}}
	for _, service := range c.Services {
		if _, twice := s.services[service.ID]; twice {
			return nil, fmt.Errorf("serve CDS service %s: the id comes twice", service.ID)
		}
		s.services[service.ID] = service
		if s.contexts[service.Hook] == nil {
			schema, err := compileContext(service.Hook)
			if err != nil {
				return nil, fmt.Errorf("serve CDS service %s: %w", service.ID, err)
			}
			s.contexts[service.Hook] = schema
		}
	}
	for _, lang := range []cds.Lang{cds.DE, cds.EN} {
		body, err := discovery(c.Services, lang)
		if err != nil {
			return nil, err
		}
		s.discovery[lang] = body
	}
	r := chi.NewRouter()
	r.Use(s.cors)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		issue.WriteOutcome(w, issue.New(issue.NotFound, "no CDS service has this address; GET /cds-services lists them"))
	})
	r.MethodNotAllowed(s.methodNotAllowed)
	r.Get("/", s.discover)
	r.Head("/", s.discover)
	r.Post("/{id}", s.call)
	r.Post("/{id}/feedback", s.feedback)
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
	w.Header().Add("Vary", "Accept-Language")
	answer(w, s.discovery[cds.ParseLang(r.Header.Get("Accept-Language"))])
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
	req, err := s.parse(service, raw)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	req.Language = cds.ParseLang(r.Header.Get("Accept-Language"))
	response, err := s.config.Decider.Hook(r.Context(), req)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if response.Cards == nil {
		response.Cards = []cds.Card{}
	}
	body, err := json.Marshal(response)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("write answer of %s: %w", service.ID, err))
		return
	}
	answer(w, body)
}

func (s *Server) service(r *http.Request) (Service, error) {
	id := chi.URLParam(r, "id")
	service, ok := s.services[id]
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

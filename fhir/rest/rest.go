package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// Reader gives what is stored.
type Reader interface {
	// Read gives a version of a resource, 0 meaning the current one.
	Read(ctx context.Context, typ, id string, version int) (fhir.Version, error)
	Search(ctx context.Context, q *search.Query) (search.Page, error)
	// History gives versions of a resource, of a type (id "") or of all (typ "").
	History(ctx context.Context, typ, id string, since time.Time, count, offset int) (search.Page, error)
}

// Writer changes what is stored: all changes or none.
type Writer interface {
	Apply(ctx context.Context, changes []fhir.Change) ([]fhir.Effect, error)
}

// Check says what is wrong with a resource. The error is that of the context.
type Check func(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error)

// Config of the door.
type Config struct {
	Reader   Reader
	Writer   Writer
	Types    []string // types that are stored
	ReadOnly []string // those of them that clients cannot change

	// Base is the url of the door as clients know it, without a slash at its end;
	// "" takes scheme and host from each request, and Prefix.
	Base   string
	Prefix string // path the door is mounted at; "" means "/fhir"

	Origins func(origin string) bool // browser origins that may call; nil: none
	// Allow tells whether who asks may do what an entry of a batch or transaction asks
	// for; requests of their own are judged before they come here. nil: everything.
	Allow      func(ctx context.Context, method string, path []string) error
	Operations []fhir.Operation // beside those of the door itself
	Validate   Check            // for $validate; nil: no such operation
	OnWrite    Check            // what it finds to be an error is not stored; nil: everything is
	// MemberOf gives what FHIRPath knows of value sets at a moment; nil: nothing.
	MemberOf func(ctx context.Context) (func(coding fhir.Coding, valueSet string) (in, ok bool), error)

	Version string        // of this software
	Timeout time.Duration // of one request; 0 means 20 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Limits of what a client may send.
const (
	maxBody = 5 << 20  // a resource or Bundle
	maxForm = 64 << 10 // a search
)

// Server is the door.
type Server struct {
	cfg        Config
	types      map[string]bool
	readOnly   map[string]bool
	operations []fhir.Operation
	started    time.Time
	offers     func() json.RawMessage
}

// New returns the door. Reader, Writer and Types are needed.
func New(cfg Config) *Server {
	if cfg.Prefix == "" {
		cfg.Prefix = "/fhir"
	}
	if cfg.Origins == nil {
		cfg.Origins = func(string) bool { return false }
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Base = strings.TrimSuffix(cfg.Base, "/")
	s := &Server{cfg: cfg, types: map[string]bool{}, readOnly: map[string]bool{}, started: cfg.Now()}
	for _, t := range cfg.Types {
		s.types[t] = true
	}
	for _, t := range cfg.ReadOnly {
		s.readOnly[t] = true
	}
	s.operations = append(s.operations, evaluation{s})
	if cfg.Validate != nil {
		s.operations = append(s.operations, validation{s})
	}
	s.operations = append(s.operations, cfg.Operations...)
	s.offers = sync.OnceValue(s.offer)
	return s
}

// Handler gives the door as a handler, to be mounted at Config.Prefix.
func (s *Server) Handler() http.Handler { return s }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	s.cors(h, r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Timeout)
	defer cancel()
	in, err := s.read(ctx, w, r)
	if err != nil {
		s.write(w, r, nil, failed(err))
		return
	}
	s.write(w, r, in, s.answer(in))
}

// request is one interaction, from the wire or from an entry of a batch.
type request struct {
	ctx       context.Context
	method    string
	path      []string // segments behind the base
	query     string
	form      []search.Pair // of POST _search
	body      *fhir.Resource
	base      string
	preferred preferences
	entry     bool // of a batch: no batch within

	ifMatch, ifNoneMatch, ifNoneExist, ifModifiedSince, language string
}

// answer is what comes of a request.
type answer struct {
	status   int
	body     []byte
	version  *fhir.Version // for ETag and Last-Modified
	location string
	allow    string
	err      error
}

func failed(err error) answer { return answer{status: issue.Status(err), err: err} }

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9.\-\[\]:]{1,255}$`)

// base is the url of the door as this client knows it.
func (s *Server) base(r *http.Request) string {
	if s.cfg.Base != "" {
		return s.cfg.Base
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	host := r.Host
	if !hostPattern.MatchString(host) {
		host = "localhost"
	}
	return scheme + host + s.cfg.Prefix
}

// read takes the request apart, limits first.
func (s *Server) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (*request, error) {
	in := &request{
		ctx: ctx, method: r.Method, query: r.URL.RawQuery, base: s.base(r), preferred: readPrefer(r.Header.Values("Prefer")),
		ifMatch: r.Header.Get("If-Match"), ifNoneMatch: r.Header.Get("If-None-Match"), ifNoneExist: r.Header.Get("If-None-Exist"),
		ifModifiedSince: r.Header.Get("If-Modified-Since"), language: r.Header.Get("Accept-Language"),
	}
	if in.method == http.MethodHead {
		in.method = http.MethodGet
	}
	if err := acceptable(r); err != nil {
		return nil, err
	}
	var err error
	if in.path, err = segments(strings.TrimPrefix(r.URL.EscapedPath(), s.cfg.Prefix)); err != nil {
		return nil, err
	}
	if in.method != http.MethodPost && in.method != http.MethodPut {
		return in, nil
	}
	search := len(in.path) > 0 && in.path[len(in.path)-1] == "_search"
	limit := int64(maxBody)
	if search {
		limit = maxForm
	}
	if r.ContentLength > limit {
		// Said before the body is read, so that nobody sends it in vain.
		return nil, issue.New(issue.TooLong, "the body is larger than %d bytes", limit)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, issue.Wrap(issue.Incomplete, err, "the body did not arrive in full").WithStatus(http.StatusBadRequest)
	}
	if search {
		return in, in.readForm(raw, r.Header.Get("Content-Type"))
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return in, nil // an operation may need none; what needs one says so
	}
	if err := readable(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	in.body, err = fhir.ParseResource(raw)
	return in, err
}

// write sends an answer.
func (s *Server) write(w http.ResponseWriter, r *http.Request, in *request, out answer) {
	h := w.Header()
	if out.allow != "" {
		h.Set("Allow", out.allow)
	}
	if out.err != nil {
		if out.status >= 500 {
			// Without the address: an id or a search may tell of a patient.
			s.cfg.Log.Error("FHIR request failed", "method", r.Method, "status", out.status, "error", out.err)
		}
		issue.WriteOutcome(w, out.err)
		return
	}
	if out.version != nil {
		if out.version.Version > 0 {
			h.Set("ETag", etag(out.version.Version))
		}
		h.Set("Last-Modified", out.version.At.UTC().Format(http.TimeFormat))
	}
	if out.location != "" {
		h.Set("Location", out.location)
	}
	if len(out.body) == 0 {
		w.WriteHeader(out.status)
		return
	}
	h.Set("Content-Type", "application/fhir+json; charset=utf-8")
	body := out.body
	if in != nil && pretty(r.URL.Query().Get("_pretty")) {
		body = indent(body)
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(out.status)
	_, _ = w.Write(body)
}

func etag(version int) string { return fmt.Sprintf(`W/"%d"`, version) }

// cors lets browser pages of known origins call. They may call with credentials,
// as Medplum's client always does in a browser: to a door that reads no cookie,
// credentials are nothing. The allowance names one origin, never all.
func (s *Server) cors(h http.Header, r *http.Request) {
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !s.cfg.Origins(origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "Content-Location, ETag, Last-Modified, Location, Retry-After, X-Request-Id")
	if r.Method == http.MethodOptions {
		// PATCH is refused, and a page shall read why.
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Accept, Accept-Language, Authorization, Cache-Control, Content-Type, If-Match, If-Modified-Since, "+
			"If-None-Exist, If-None-Match, Prefer, X-Medplum, X-Request-Id, X-Requested-With")
		h.Set("Access-Control-Max-Age", "600")
	}
}

// keeps refuses a type that is not stored here.
func (s *Server) keeps(typ string) error {
	switch {
	case s.types[typ]:
		return nil
	case search.IsType(typ):
		return issue.New(issue.NotSupported, "this server keeps no %s; GET metadata tells what it keeps", typ).WithStatus(http.StatusNotFound)
	}
	return issue.New(issue.NotSupported, "%q is no resource type of FHIR R4", clip(typ)).WithStatus(http.StatusNotFound)
}

// check refuses to store what OnWrite finds an error in.
func (s *Server) check(ctx context.Context, r *fhir.Resource) error {
	if s.cfg.OnWrite == nil {
		return nil
	}
	issues, err := s.cfg.OnWrite(ctx, r)
	if err != nil {
		return err
	}
	return refusal(issues)
}

// refusal makes an error of issues: a 422, whatever their kinds (R4, 3.1.0.8).
func refusal(issues []issue.Issue) error {
	err := issue.From(issues)
	var known *issue.Error
	if errors.As(err, &known) {
		return known.WithStatus(http.StatusUnprocessableEntity)
	}
	return err
}

// sortedTypes lists the types that are stored.
func (s *Server) sortedTypes() []string {
	list := slices.Clone(s.cfg.Types)
	slices.Sort(list)
	return list
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

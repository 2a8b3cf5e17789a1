package main

import (
	"net/http"
	"runtime/debug"
	"strings"

	cdsapi "cdss/cds/api"
	"cdss/cds/hooks"
	"cdss/cmd/cdss/admission"
	"cdss/fhir/issue"
)

// load is what keeps the server from taking on more than it can do.
type load struct {
	gate    *admission.Gate
	limiter *admission.Limiter
}

func newLoad(h *house) load {
	shed := func(class admission.Class, cause admission.Cause) { h.metrics.Shed(class.String(), string(cause)) }
	l := load{
		gate:    admission.New(admission.Config{Bytes: admissionBytes(), Shed: shed}),
		limiter: admission.NewLimiter(h.now, h.cfg.TrustedProxies, shed),
	}
	h.metrics.Gauge("cdss_requests_underway", "Requests that were let in and have not ended.", func() float64 {
		requests, _ := l.gate.Underway()
		return float64(requests)
	})
	h.metrics.Gauge("cdss_memory_underway_bytes", "Memory that the requests under way are estimated to need.", func() float64 {
		_, bytes := l.gate.Underway()
		return float64(bytes)
	})
	return l
}

// admissionBytes is what requests may need of the memory limit: three eighths, so that
// what is loaded and the garbage have the rest. 0, the default, without a limit.
func admissionBytes() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < 1<<40 {
		return max(limit/8*3, 64<<20)
	}
	return 0
}

// Lengths of a body that the doors take.
const (
	maxResource = 5 << 20 // FHIR REST (SAFETY T3)
	maxJSON     = 1 << 20
)

func hookClass(r *http.Request) (admission.Class, int64) {
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return admission.Hook, 0
	case strings.HasSuffix(r.URL.Path, "/feedback"):
		return admission.Feedback, hooks.MaxFeedback
	}
	return admission.Hook, hooks.MaxBody
}

func fhirClass(*http.Request) (admission.Class, int64) { return admission.REST, maxResource }

func apiClass(r *http.Request) (admission.Class, int64) {
	path := strings.TrimPrefix(r.URL.Path, "/api")
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/guidelines"):
		return admission.Ingestion, 0
	case path == "/search", path == "/answers":
		return admission.Search, maxJSON
	case strings.HasSuffix(path, "/feedback"):
		return admission.Feedback, hooks.MaxFeedback
	case path == "/recommendations":
		return admission.REST, cdsapi.MaxBody
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return admission.REST, 0
	}
	return admission.REST, maxJSON
}

func asOutcome(w http.ResponseWriter, _ *http.Request, err error) { issue.WriteOutcome(w, err) }

// guarded lets calls of the hooks in: first by what there is to do, then by the
// client's token, and by how often it comes.
func (l load) guarded(guard func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	admit, limit := l.gate.Admit(hookClass, asOutcome), l.limiter.Guard(hookClass, guard, asOutcome)
	return func(next http.Handler) http.Handler { return admit(limit(next)) }
}

// fhir and api let requests of these doors in.
func (l load) fhir(next http.Handler) http.Handler { return l.gate.Admit(fhirClass, asOutcome)(next) }

func (l load) api(next http.Handler) http.Handler {
	return l.gate.Admit(apiClass, issue.WriteProblem)(next)
}

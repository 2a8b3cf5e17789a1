package observe

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what Prometheus reads. All labels have closed sets of values.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	hooks    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	panics   prometheus.Counter
	events   *prometheus.CounterVec
	fetches  *prometheus.HistogramVec
	shed     *prometheus.CounterVec
	answers  answers
}

// NewMetrics makes the metrics, with those of the process beside.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests by route, method and status.",
		}, []string{"route", "method", "status"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cds_hook_requests_total", Help: "Hook calls by service and outcome: ok, blocked412, refused, shed or error.",
		}, []string{"service", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cds_hook_duration_seconds", Help: "Time to answer a hook call.",
			Buckets: []float64{0.005, 0.010, 0.025, 0.050, 0.100, 0.200, 0.300, 0.400, 0.500, 1},
		}, []string{"service"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "http_panics_total", Help: "Handlers that panicked."}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cds_trust_events_total", Help: "Events of client trust: refused tokens by reason, fetched and failed key sets, use of the local memory of tokens.",
		}, []string{"event", "reason"}),
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fhir_fetch_duration_seconds", Help: "Time of a query to a client's FHIR server, by how it failed; empty for a complete answer.",
			Buckets: []float64{0.010, 0.025, 0.050, 0.100, 0.200, 0.300, 0.500, 1, 5},
		}, []string{"failure"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cdss_shed_total", Help: "Requests turned away with 503 or 429, by class (hook, feedback, rest, search, ingestion) and cause (busy, memory, rate, bad-token).",
		}, []string{"class", "cause"}),
	}
	m.answers = newAnswers(m.registry)
	m.registry.MustRegister(m.requests, m.hooks, m.took, m.panics, m.events, m.fetches, m.shed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a value that is read when Prometheus asks.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Count counts an event of client trust. Event and reason are of closed sets.
func (m *Metrics) Count(event, reason string) { m.events.WithLabelValues(event, reason).Inc() }

// Shed counts a request that was turned away. Class and cause are of closed sets.
func (m *Metrics) Shed(class, cause string) { m.shed.WithLabelValues(class, cause).Inc() }

// Fetched notes a query to a client's FHIR server.
func (m *Metrics) Fetched(failure string, took time.Duration) {
	m.fetches.WithLabelValues(failure).Observe(took.Seconds())
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) request(route string, r *http.Request, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method(r), strconv.Itoa(status)).Inc()
	// A service that does not exist would make a label of the client's choice.
	if r.Method != http.MethodPost || status == http.StatusNotFound || !strings.HasSuffix(route, "/cds-services/{id}") {
		return
	}
	service := chi.URLParam(r, "id")
	m.hooks.WithLabelValues(service, outcome(status)).Inc()
	m.took.WithLabelValues(service).Observe(took.Seconds())
}

func outcome(status int) string {
	switch {
	case status < 300:
		return "ok"
	case status == http.StatusPreconditionFailed:
		return "blocked412"
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		return "shed"
	case status < 500:
		return "refused"
	}
	return "error"
}

package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cmd/cdss/observe"
)

// faultShown is how long /readyz tells of a check that ended with a fault of ours.
const faultShown = 15 * time.Minute

// readyz tells whether requests should come here, and the state of each part. It needs the
// database once; when that goes away later, hooks still answer from memory, and decisions
// wait on disk (SAFETY F1, F2). What only makes answers less than whole takes nobody out of
// service: the answers say so themselves.
func (h *house) readyz(w http.ResponseWriter, r *http.Request) {
	checks := map[string]string{"database": "ok", "knowledge": "ok", "rules": "ok", "decisions": "ok"}
	if !h.databaseOK(r.Context()) {
		checks["database"] = "unavailable"
	}
	if at := h.knowledgeCheckedAt(); !at.IsZero() && h.now().Sub(at) > decide.KnowledgeAge {
		checks["knowledge"] = "stale"
	}
	if at := h.faulted.Load(); at != nil && h.now().Sub(*at) < faultShown {
		checks["rules"] = "faulty"
	}
	if spool := h.spool.Load(); spool != nil && !spool.Empty() {
		checks["decisions"] = "waiting"
	}
	status, text := http.StatusOK, "ready"
	for _, state := range checks {
		if state != "ok" {
			text = "degraded"
		}
	}
	switch {
	case h.leaving.Load():
		status, text = http.StatusServiceUnavailable, "stopping"
	case !h.opened.Load():
		status, text = http.StatusServiceUnavailable, "starting"
	}
	writeJSON(w, status, map[string]any{"status": text, "checks": checks})
}

// counted records decisions, and counts what was answered.
type counted struct{ h *house }

func (c counted) Record(d cds.Decision) bool {
	a := observe.Answer{Service: d.Service, Degraded: d.Degraded, Ran: len(d.Ran)}
	for _, n := range d.Skipped {
		a.NotChecked = append(a.NotChecked, n.Reason) // a decision keeps the code
		if n.Reason == "fault" {
			now := c.h.now()
			c.h.faulted.Store(&now)
		}
	}
	for _, card := range d.Cards {
		a.Indicators = append(a.Indicators, string(card.Indicator))
	}
	c.h.metrics.Answered(a)
	return c.h.decisions.Record(d)
}

// countedFeedback keeps the feedback of hooks, and counts it.
type countedFeedback struct{ h *house }

func (c countedFeedback) KeepFeedback(ctx context.Context, list []cds.Feedback) error {
	err := c.h.decisions.KeepFeedback(ctx, list)
	if err == nil {
		for _, f := range list {
			c.h.metrics.FeedbackCame(string(f.Outcome))
		}
	}
	return err
}

// watchDatabase makes metrics of the pool and of the background work. What is asked of the
// database is asked for at most a second, and not again for some: Prometheus must not wait
// for a database that is ill.
func (h *house) watchDatabase(pool *pgxpool.Pool) {
	h.metrics.Gauge("cdss_database_connections", "Connections to the database that are in use.", func() float64 { return float64(pool.Stat().AcquiredConns()) })
	h.metrics.Gauge("cdss_database_connections_most", "Connections to the database that there may be.", func() float64 { return float64(pool.Stat().MaxConns()) })
	var mu sync.Mutex
	var at time.Time
	up, waiting, oldest, failed := 0.0, 0.0, 0.0, 0.0
	look := func() {
		if time.Since(at) < 5*time.Second {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		up = 0
		if pool.QueryRow(ctx, queueQuery).Scan(&waiting, &oldest, &failed) == nil {
			up = 1
		}
		at = time.Now()
	}
	read := func(value *float64) func() float64 {
		return func() float64 {
			mu.Lock()
			defer mu.Unlock()
			look()
			return *value
		}
	}
	h.metrics.Gauge("cdss_database_up", "1 while the database answers.", read(&up))
	h.metrics.Gauge("cdss_tasks_waiting", "Background tasks that wait or run.", read(&waiting))
	h.metrics.Gauge("cdss_tasks_oldest_seconds", "Since when the oldest of them waits.", read(&oldest))
	h.metrics.Gauge("cdss_tasks_failed", "Background tasks that failed for good and wait for a person.", read(&failed))
}

const queueQuery = `
SELECT count(*) FILTER (WHERE state IN ('queued', 'running'))::float8,
       coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE state IN ('queued', 'running'))), 0)::float8,
       count(*) FILTER (WHERE state = 'failed')::float8 FROM task`

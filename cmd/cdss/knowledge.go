package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds/authoring"
	"cdss/cds/content"
	"cdss/cds/hooks"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/task"
)

// knowledgeEvery is how often a process looks whether the knowledge has changed,
// beside what the database announces (SAFETY F19).
const knowledgeEvery = 30 * time.Second

// knowledgeChannel is where the database announces a change of the knowledge.
const knowledgeChannel = "cdss_knowledge"

// newAuthoring makes what leads artifacts through their life, and takes the content
// that comes with the program as the knowledge that runs until the database is there.
func newAuthoring(h *house) error {
	artifacts, err := content.Artifacts()
	if err != nil {
		return err
	}
	var shipped []*fhir.Resource
	for _, r := range artifacts {
		list, err := authoring.Unbundle(r)
		if err != nil {
			return err
		}
		shipped = append(shipped, list...)
	}
	h.authoring = authoring.New(authoring.Config{
		Resources: artifactStore{h}, Records: h.lifecycle, Local: h.lifecycle, Tables: h.lifecycle, Tester: h.tester,
		Shipped: shipped, Options: knowledge.Options{Demo: h.cfg.Demo, Hooks: hooks.Known()},
		Knowledge: h.knowledge.Load, Open: h.cfg.Auth == "open", Now: h.now,
		Check: func(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error) {
			return h.fhir.check(ctx, r, h.now(), true)
		},
	})
	snapshot, err := h.authoring.Snapshot(authoring.Site{})
	if err != nil {
		return fmt.Errorf("load knowledge: %w", err)
	}
	h.swap(snapshot)
	return nil
}

// swap puts a snapshot in place of the one before. Decisions that run keep theirs.
func (h *house) swap(s *knowledge.Snapshot) {
	for _, p := range s.Problems() {
		h.log.Warn("artifact has a problem", "artifact", p.Artifact, "location", p.Location, "problem", p.Message)
	}
	for _, r := range s.Refused() {
		h.log.Error("artifact is not what was released, and does not run", "artifact", r.Artifact, "problem", r.Message)
	}
	h.knowledge.Store(s)
	h.offer()
}

// offer has the plans that are CDS services by themselves called.
func (h *house) offer() {
	if h.hooks == nil {
		return // offered once the door is there
	}
	if err := h.hooks.Offer(h.knowledge.Load().Services()); err != nil {
		h.log.Error("the services of released plans cannot be offered", "error", err)
	}
}

// refreshKnowledge makes the knowledge equal to what the database says, where that is
// another state.
func (h *house) refreshKnowledge(ctx context.Context) error {
	h.refreshing.Lock()
	defer h.refreshing.Unlock()
	revision, err := h.lifecycle.Revision(ctx)
	if err != nil {
		return err
	}
	current := h.knowledge.Load()
	due := !current.Until().IsZero() && !h.now().Before(current.Until())
	if revision == current.Revision() && !due {
		h.knowledgeChecked()
		return nil
	}
	site, err := h.lifecycle.Site(ctx)
	if err != nil {
		return err
	}
	snapshot, err := h.authoring.Snapshot(site)
	if err != nil {
		return fmt.Errorf("load knowledge: %w", err)
	}
	h.swap(snapshot)
	h.knowledgeChecked()
	h.log.Info("knowledge loaded", "revision", snapshot.Revision(), "plans", len(snapshot.Plans()), "withheld", len(snapshot.Withheld()),
		"refused", len(snapshot.Refused()))
	return nil
}

// followKnowledge keeps the knowledge equal to what the database says: at once when a
// change is announced, when the time of an artifact begins or ends, and now and then.
func (h *house) followKnowledge(ctx context.Context, pool *pgxpool.Pool) {
	wake := make(chan struct{}, 1)
	h.background.Go(func() {
		task.Listen(ctx, pool, h.log, knowledgeChannel, func(string) {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	})
	for {
		wait := knowledgeEvery
		if until := h.knowledge.Load().Until(); !until.IsZero() {
			wait = max(min(wait, until.Sub(h.now())), time.Second)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		// Services that are plans look up value sets without the database.
		if _, err := h.fhir.codes.snapshot(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("the terminology could not be read", "error", err)
		}
		if err := h.refreshKnowledge(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("the knowledge could not be read; what was loaded runs on", "error", err)
		}
	}
}

// artifactStore is the FHIR resources of this server, for authoring.
type artifactStore struct{ h *house }

func (a artifactStore) Read(ctx context.Context, typ, id string, version int) (fhir.Version, error) {
	return a.h.fhir.store.Read(ctx, typ, id, version)
}

func (a artifactStore) All(ctx context.Context, types ...string) ([]*fhir.Resource, error) {
	return a.h.fhir.store.All(ctx, types...)
}

func (a artifactStore) Write(ctx context.Context, changes []fhir.Change, note func([]fhir.Effect) (authoring.Record, error)) ([]fhir.Effect, error) {
	force := false
	effects, err := a.h.fhir.store.ApplyWith(ctx, changes, func(ctx context.Context, tx pgx.Tx, effects []fhir.Effect) error {
		record, err := note(effects)
		if err != nil {
			return err
		}
		force = len(record.Force) > 0
		return a.h.lifecycle.Note(ctx, tx, record)
	})
	if err == nil && force {
		// This process need not wait for the announcement.
		if err := a.h.refreshKnowledge(ctx); err != nil {
			a.h.log.WarnContext(ctx, "what was released will be loaded later", "error", err)
		}
	}
	return effects, err
}

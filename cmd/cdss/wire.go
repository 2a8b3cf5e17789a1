package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	cdsapi "cdss/cds/api"
	"cdss/cds/authoring"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/hooks"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/render/pocket"
	"cdss/cds/stewardship/concept"
	cdsstore "cdss/cds/store"
	"cdss/cds/translate"
	"cdss/cds/trial/runs"
	"cdss/cmd/cdss/observe"
	"cdss/fhir"
	"cdss/fhir/access"
	"cdss/fhir/access/handover"
	"cdss/fhir/access/launch"
	"cdss/fhir/access/provider"
	"cdss/fhir/audit"
	"cdss/fhir/task"
	"cdss/migrations"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/lab"
	ragstore "cdss/rag/store"
	"cdss/webapps"
)

// house is all that lives as long as the server. What answers hooks is whole when
// newHouse returns; what needs the database comes with openDatabase.
type house struct {
	cfg     config
	log     *slog.Logger
	metrics *observe.Metrics

	parts
	tables    recommend.Tables
	knowledge atomic.Pointer[knowledge.Snapshot]
	authoring *authoring.Service
	lifecycle *cdsstore.Lifecycle
	tester    authoring.Tester // nil: a release runs no cases
	runs      *runs.Service
	shadow    atomic.Pointer[decide.Beside] // what runs beside what is in force
	// One after the other, so that no older state comes after a newer one.
	refreshing sync.Mutex
	checked    atomic.Pointer[time.Time] // when it was last found to be what is in force
	decide     *decide.Service
	decisions  *cdsstore.Store
	site       *webapps.Site
	hooks      *hooks.Server
	trust      *trust
	load       load
	trail      *audit.Trail
	sessions   *access.Sessions
	retention  atomic.Pointer[audit.Retention]
	people     atomic.Pointer[access.People]
	rights     *rights
	// The identity provider of a demonstration; nil: there is none.
	demoProvider *provider.Provider
	codes        *cdsstore.Codes
	local        atomic.Pointer[translate.Table]
	fhir         *fhirREST
	models       models
	lab          *lab.Lab // nil until there is a database
	launches     *launch.Door
	launched     *launch.Store
	handovers    *handover.Door

	api        atomic.Pointer[http.Handler]
	guidelines atomic.Pointer[ingest.Service]
	library    atomic.Pointer[library] // of the index that was used last
	pool       atomic.Pointer[pgxpool.Pool]
	opened     atomic.Bool // the database has been ready once
	now        func() time.Time
	newID      func() string
	unrecorded bool                      // decisions are not kept, and no call knows of another
	deadline   time.Duration             // of a decision; 0 is the usual one
	rules      decide.Rules              // nil: those of the program
	faulted    atomic.Pointer[time.Time] // when a check last ended with a fault of ours
	spool      atomic.Pointer[audit.Spool]
	leaving    atomic.Bool // the server is about to stop

	background sync.WaitGroup // what uses the database
	work       sync.WaitGroup // what ends after that: pool and cluster
}

// parts are what retrieval is made of, in the server and in measurements alike.
type parts struct {
	concepts *concept.Table
	embedder embed.Embedder
}

func newParts(cfg config) (parts, error) {
	table := concept.Default()
	if cfg.Concepts != "" {
		f, err := os.Open(cfg.Concepts)
		if err != nil {
			return parts{}, fmt.Errorf("open the site's concepts: %w", err)
		}
		defer func() { _ = f.Close() }()
		if table, err = concept.DefaultWith(f); err != nil {
			return parts{}, fmt.Errorf("read %s: %w", filepath.Base(cfg.Concepts), err)
		}
	}
	return parts{concepts: table, embedder: embed.NewConcept(table, table.Version())}, nil
}

// newHouse builds everything that needs no database, in the order it depends on
// each other. Adjust may change clock and ids before anything is built on them.
func newHouse(cfg config, log *slog.Logger, adjust ...func(*house)) (*house, error) {
	common, err := newParts(cfg)
	if err != nil {
		return nil, err
	}
	h := &house{cfg: cfg, log: log, metrics: observe.NewMetrics(), parts: common, now: time.Now, newID: newID}
	for _, change := range adjust {
		change(h)
	}
	if h.tables, err = recommend.LoadTables(content.Tables()); err != nil {
		return nil, err
	}
	if err := readAntibiogram(cfg.Antibiogram, &h.tables, log); err != nil {
		return nil, err
	}
	h.lifecycle = cdsstore.NewLifecycle(h.pool.Load)
	if err := newRuns(h); err != nil {
		return nil, err
	}
	if err := newAuthoring(h); err != nil {
		return nil, err
	}
	h.decisions = cdsstore.New(log)
	h.codes = cdsstore.NewCodes(log)
	var recorder decide.Recorder
	var seen func(translate.Seen)
	if !h.unrecorded {
		recorder, seen = counted{h}, h.codes.See
	}
	if h.trust, err = newTrust(h); err != nil {
		return nil, err
	}
	if h.rights, err = readRights(rightsTable); err != nil {
		return nil, err
	}
	if h.sessions, err = newSessions(h); err != nil {
		return nil, err
	}
	h.launches, h.launched = newLaunches(h)
	h.handovers = handover.New(handover.Config{Base: h.external, Now: h.now, Log: log})
	h.load = newLoad(h)
	h.trail = newTrail(h)
	h.decide = decide.New(decide.Config{
		Knowledge: h.knowledge.Load, Checked: h.knowledgeCheckedAt, Tables: h.tables, Evidence: h.evidence, Queries: h.concepts,
		Servers: fhirServers{h}, Local: h.local.Load, Seen: seen, Recorder: recorder, Now: h.now, NewID: h.newID, Demo: cfg.Demo, Log: log,
		Beside: h.shadow.Load, Differ: h.decisions.Differ,
		MemberOf: func() func(fhir.Coding, string) (bool, bool) { return h.fhir.codes.known() },
		Codes:    func() func(string) ([]fhir.Coding, bool) { return h.fhir.codes.listed() },
		Rules:    h.rules, Deadline: h.deadline, Patience: h.deadline, Forgetful: h.unrecorded,
	})
	if h.hooks, err = hooks.New(hooks.Config{
		Services: hooks.BuiltIn(), Decider: h.decide, Feedback: countedFeedback{h}, Profiles: h.profile,
		Guard: h.load.guarded(h.trust.guard.Wrap), Identify: h.load.guarded(h.trust.identify.Wrap), Origins: h.origin, Log: log, NewUUID: h.newID,
		PublicURL: cfg.PublicURL,
	}); err != nil {
		return nil, err
	}
	h.offer()
	h.fhir = newFHIR(h)
	if h.models, err = newModels(cfg, ragstore.NewOutbound(log)); err != nil {
		return nil, err
	}
	if h.site, err = webapps.New(webapps.Config{FrameAncestors: h.trust.registry.Origins}); err != nil {
		return nil, err
	}
	if err := h.mountAPI(nil); err != nil {
		return nil, err
	}
	h.metrics.Gauge("cds_decisions_waiting", "Decisions not written yet.", func() float64 { return float64(h.decisions.Waiting()) })
	h.metrics.Gauge("cds_decisions_dropped", "Decisions lost since the start.", func() float64 { return float64(h.decisions.Dropped()) })
	h.metrics.Gauge("cds_knowledge_age_seconds", "Since when the knowledge was not found to be what is in force; 0 where nobody has to look.", h.knowledgeAge)
	return h, nil
}

// openDatabase starts or connects the database and all that stands on it, and
// keeps trying while a configured one is away. The error is one that waiting does
// not mend.
func (h *house) openDatabase(ctx context.Context) error {
	dsn, cluster, err := openServer(ctx, h.cfg, h.log)
	if err != nil {
		return err
	}
	h.work.Go(func() {
		<-ctx.Done()
		h.background.Wait()
		if pool := h.pool.Load(); pool != nil {
			pool.Close()
		}
		stopServer(cluster, h.log)
	})
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := migrations.Apply(ctx, dsn, h.log)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		if cluster != nil {
			return err // it is ours, and up: trying again changes nothing
		}
		h.log.Warn("the database is not ready", "retry_in", wait.String(), "error", err)
		if !sleep(ctx, wait) {
			return nil
		}
	}
	pool, err := openPool(ctx, dsn)
	if err != nil {
		return err
	}
	h.pool.Store(pool)
	h.watchDatabase(pool)
	if err := h.attachTrail(ctx, pool); err != nil {
		return err
	}
	h.decisions.Attach(pool)
	h.fhir.store.Attach(pool)
	h.trust.attach(ctx, h, pool)
	if err := h.attachPeople(ctx, pool); err != nil {
		return err
	}
	h.background.Go(func() { h.sessions.Run(ctx) })
	h.launched.Attach(pool)
	h.handovers.Attach(pool)
	h.codes.Attach(pool)
	h.models.notes.Attach(pool)
	h.background.Go(func() { h.models.notes.Run(ctx) })
	h.background.Go(func() { h.codes.Run(ctx) })
	h.background.Go(func() { h.followMaps(ctx) })
	queue := task.New(pool, task.Config{Log: h.log})
	retention := newRetention(pool, queue)
	h.retention.Store(retention)
	reader, err := newReader(h.cfg, h.log)
	if err != nil {
		return err
	}
	guidelines := ingest.New(ingest.Config{
		Store: ragstore.New(pool, h.log), Tasks: queue, Embedder: h.embedder, Online: h.models.online(), Expander: h.concepts, Reader: reader, Log: h.log,
	})
	if err := guidelines.Refresh(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("the index of guidelines could not be built yet", "error", err)
	}
	h.guidelines.Store(guidelines)
	h.lab = lab.New(lab.Config{Store: ragstore.New(pool, h.log), Search: guidelines, Tasks: queue,
		Program: programVersion() + " concepts " + h.concepts.Version(), Log: h.log})
	if err := h.mountAPI(guidelines); err != nil {
		return err
	}
	h.background.Go(func() { h.ended("queue", queue.Run(ctx)) })
	h.background.Go(func() { h.ended("guidelines", guidelines.Run(ctx)) })
	h.background.Go(func() { h.ended("query sets", h.lab.Watch(ctx)) })
	h.background.Go(func() { h.ended("retention", retention.Run(ctx)) })
	if written, err := h.fhir.load(ctx, h.cfg.Demo, h.now()); err == nil {
		h.log.Info("FHIR resources loaded", "written", written)
	} else if ctx.Err() == nil {
		h.log.Warn("the FHIR resources that come with the program could not be loaded", "error", err)
	}
	if err := h.refreshKnowledge(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("the knowledge of this site could not be loaded yet", "error", err)
	}
	h.background.Go(func() { h.followKnowledge(ctx, pool) })
	h.background.Go(func() { h.followShadow(ctx) })
	h.background.Go(func() { h.decisions.RunBeside(ctx) })
	h.opened.Store(true)
	if h.cfg.Demo {
		if err := guidelines.LoadDemo(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("the demo guideline could not be loaded", "error", err)
		}
	}
	return nil
}

func (h *house) ended(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		h.log.Error("background work ended", "work", what, "error", err)
	}
}

// indications answers what uploads ask of the content.
type indications struct{ h *house }

func (i indications) Known(code string) bool {
	_, ok := i.h.knowledge.Load().Indication(code)
	return ok
}

// status is what GET /api/status says.
func (h *house) status(ctx context.Context) cdsapi.Status {
	snapshot := h.knowledge.Load()
	s := cdsapi.Status{
		Version: programVersion(), Demo: h.cfg.Demo, Auth: h.cfg.Auth,
		Database: cdsapi.DatabaseStatus{OK: h.databaseOK(ctx)},
		AI:       h.models.status(),
		Knowledge: cdsapi.KnowledgeStatus{
			LoadedAt: snapshot.LoadedAt(), Hash: pocket.Hash(snapshot), Plans: len(snapshot.Plans()), Withheld: len(snapshot.Withheld()),
		},
	}
	if guidelines := h.guidelines.Load(); guidelines != nil {
		index := guidelines.Snapshot()
		s.Retrieval = cdsapi.RetrievalStatus{Passages: index.Len(), Guidelines: len(index.Documents()), Spaces: 1 + h.models.spaces()}
	}
	return s
}

// databaseOK asks the database whether it is there, for at most half a second.
func (h *house) databaseOK(ctx context.Context) bool {
	pool := h.pool.Load()
	if pool == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	return pool.Ping(ctx) == nil
}

// newID makes a random uuid (RFC 9562, version 7: ordered by time).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Package ingest brings guidelines in: an upload is kept with its bytes, then read,
// cut into passages, embedded and indexed in the background, and feeds answers once
// it is approved. It owns these steps, the index that searches run on, and the demo
// guideline. It refuses to parse, to rank and to speak SQL, which other rooms do,
// and to keep anything of a file that is no text.
package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// TaskKind names the task that reads one version; its key is the version's id.
const TaskKind = "read-guideline"

// Pipeline numbers the procedure that turns bytes into passages. Raise it when
// parse cuts differently: versions read by a lower one are read again at start,
// their old passages serving until the new ones are there.
const Pipeline = 2

// MaxBytes is the largest upload.
const MaxBytes = 50 << 20

// readLimit bounds one attempt at reading a version.
const readLimit = 15 * time.Minute

// recheck is how often the active corpus is compared with the index, should a
// notification be lost; a validity that ends at midnight is noticed by it too.
const recheck = 30 * time.Second

// Config of a Service. Store and Tasks are needed.
type Config struct {
	Store    Store
	Tasks    *task.Queue       // New registers the reading of versions here; run it to have work done
	Embedder embed.Embedder    // nil: no vector leg
	Online   embed.Embedder    // of an online model, filled beside the other; nil: none
	Expander retrieve.Expander // nil: words only
	Reader   Reader            // nil: this process reads what is no PDF
	Log      *slog.Logger      // nil: silent
	Now      func() time.Time  // nil: time.Now
}

// Service is the life of guidelines, from upload to search. It is safe for
// concurrent use.
type Service struct {
	store    Store
	tasks    *task.Queue
	embedder embed.Embedder
	online   embed.Embedder
	expander retrieve.Expander
	log      *slog.Logger
	now      func() time.Time

	reader  Reader
	changed chan struct{} // the active corpus may differ from the index
	rebuild sync.Mutex
	current atomic.Pointer[index]
}

// index is a snapshot and what it was built from.
type index struct {
	*retrieve.Snapshot
	revision string
	degraded bool // there is an embedder, but not all vectors are there yet
	online   bool // searched by vectors of the online model
}

// New returns a service with an empty index; Refresh fills it.
func New(cfg Config) *Service {
	s := &Service{
		store: cfg.Store, tasks: cfg.Tasks, embedder: cfg.Embedder, online: cfg.Online, expander: cfg.Expander, log: cfg.Log, now: cfg.Now,
		reader: cfg.Reader, changed: make(chan struct{}, 1),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.reader == nil {
		s.reader = newInline()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.current.Store(&index{Snapshot: retrieve.Build(nil, nil, retrieve.Options{Expander: s.expander})})
	s.tasks.Handle(TaskKind, readLimit, s.read)
	s.tasks.Handle(EmbedTaskKind, onlineLimit, s.embedOnline)
	return s
}

// Run keeps the index equal to the active versions, also when another process
// approves, and has versions read again that an older procedure has read. It
// returns when ctx ends. The work itself is done by the queue's Run.
func (s *Service) Run(ctx context.Context) error {
	var watch sync.WaitGroup
	watch.Go(func() { s.store.Watch(ctx, s.notice) })
	watch.Go(func() {
		every := time.NewTicker(recheck)
		defer every.Stop()
		for s.tend(ctx); ; s.tend(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
		}
	})
	defer watch.Wait()
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	s.notice()
	s.renew(ctx)
	s.fill(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-tick.C:
			s.renew(ctx)
			s.fill(ctx)
		}
		if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("rebuild the index", "error", err)
		}
	}
}

func (s *Service) notice() {
	select {
	case s.changed <- struct{}{}:
	default: // somebody has said so already
	}
}

// renew asks for the reading of stale versions.
func (s *Service) renew(ctx context.Context) {
	ids, err := s.store.Stale(ctx, Pipeline, s.space())
	for _, id := range ids {
		if err == nil {
			_, err = s.tasks.Ask(ctx, task.Order{Kind: TaskKind, Key: id})
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("renew stale guideline versions", "error", err)
	}
}

// space is where vectors are kept; the zero Space without an embedder.
func (s *Service) space() embed.Space {
	if s.embedder == nil {
		return embed.Space{}
	}
	return s.embedder.Space()
}

// Refresh builds the index anew when the active versions have changed since it was
// built. Searches go on over the old one meanwhile.
func (s *Service) Refresh(ctx context.Context) error {
	s.rebuild.Lock()
	defer s.rebuild.Unlock()
	revision, err := s.store.Revision(ctx, s.space(), s.now())
	if err != nil {
		return err
	}
	online, err := s.ready(ctx)
	if current := s.current.Load(); err != nil || revision == current.revision && current.online == (online != nil) {
		return err
	}
	c, err := s.store.Corpus(ctx, s.space(), s.now())
	if err != nil {
		return err
	}
	options := retrieve.Options{Expander: s.expander, Online: online}
	next := &index{revision: c.Revision, online: online != nil}
	// Half a space would rank what was embedded first above the rest.
	if s.embedder != nil && c.Embedded {
		options.Embedder = s.embedder
	}
	next.degraded = s.embedder != nil && !c.Embedded
	next.Snapshot = retrieve.Build(c.Documents, c.Passages, options)
	s.current.Store(next)
	s.log.Info("index built", "documents", len(c.Documents), "passages", len(c.Passages), "vectors", options.Embedder != nil, "online", next.online)
	return nil
}

// Snapshot is the index of the active versions. It never changes; ask again for
// the latest.
func (s *Service) Snapshot() *retrieve.Snapshot { return s.current.Load().Snapshot }

// Revision names what Search searches: equal revisions are equal corpora.
func (s *Service) Revision() string {
	now := s.current.Load()
	if now.online {
		return now.revision + "+online"
	}
	return now.revision
}

// Search ranks passages of the active versions. The error is ctx's.
func (s *Service) Search(ctx context.Context, q rag.Query) (rag.Result, error) {
	now := s.current.Load()
	result := now.Search(ctx, q, s.store)
	if now.degraded {
		result.Degraded = append(result.Degraded, "vector")
	}
	if s.online != nil && !now.online {
		result.Degraded = append(result.Degraded, retrieve.OnlineDown)
	}
	return result, ctx.Err()
}

// Versions gives all versions, by identifier, the latest first.
func (s *Service) Versions(ctx context.Context) ([]Version, error) {
	list, err := s.store.Versions(ctx)
	for i := range list {
		s.judge(&list[i])
	}
	return list, err
}

// Version gives one version, or an error of kind not-found.
func (s *Service) Version(ctx context.Context, id string) (Version, error) {
	list, err := s.store.Versions(ctx, id)
	if err != nil {
		return Version{}, err
	}
	s.judge(&list[0])
	return list[0], nil
}

// judge marks a version whose validity has ended. The last day is still valid.
func (s *Service) judge(v *Version) {
	if !v.ValidUntil.IsZero() && v.ValidUntil.Format(time.DateOnly) < s.now().Format(time.DateOnly) {
		v.Expired = true
	}
}

// Passages gives the passages of a version in order, and how many match in all.
func (s *Service) Passages(ctx context.Context, id string, f Filter) (int, []Passage, error) {
	return s.store.Passages(ctx, id, f)
}

// SourcePages gives the text of a version page by page, as it was read.
func (s *Service) SourcePages(ctx context.Context, id string) (parse.Format, []parse.Page, error) {
	v, err := s.Version(ctx, id)
	if err != nil {
		return "", nil, err
	}
	pages, err := s.store.Pages(ctx, id, 0, 0)
	return v.Format, pages, err
}

// Approve makes a version feed answers; the one it succeeds is retired in the same
// step. A version that is not read completely gives an error of kind conflict, one
// that the same person brought in an error of kind forbidden.
func (s *Service) Approve(ctx context.Context, id string) (Version, error) {
	by := personID(ctx)
	if by != "" {
		v, err := s.Version(ctx, id)
		if err != nil {
			return Version{}, err
		}
		if v.UploadedBy == by && v.Status != rag.Active {
			return Version{}, issue.New(issue.Forbidden, "whoever brought a version in cannot approve it: another person has to")
		}
	}
	if err := s.store.Approve(ctx, id, by); err != nil {
		return Version{}, err
	}
	s.renew(ctx) // a version retired long ago may lack vectors
	s.fill(ctx)
	return s.after(ctx, id)
}

// Retire takes an active version out of the answers. A draft gives an error of
// kind conflict.
func (s *Service) Retire(ctx context.Context, id string) (Version, error) {
	if err := s.store.Retire(ctx, id); err != nil {
		return Version{}, err
	}
	return s.after(ctx, id)
}

// Delete removes a version, its bytes, passages, vectors and its task, and stops
// its reading.
func (s *Service) Delete(ctx context.Context, id string) error {
	if err := s.store.Delete(ctx, id); err != nil {
		return err
	}
	s.follow(ctx)
	return nil
}

func (s *Service) after(ctx context.Context, id string) (Version, error) {
	s.follow(ctx)
	return s.Version(ctx, id)
}

// follow lets the caller's next search see what was just stored. It was stored in
// any case: when the index cannot be built now, Run tries again.
func (s *Service) follow(ctx context.Context) {
	if err := s.Refresh(ctx); err != nil {
		s.log.Error("rebuild the index", "error", err)
		s.notice()
	}
}

// personID names who asks, "" for nobody. With open access nobody is told apart.
func personID(ctx context.Context) string {
	p, ok := smart.PersonFrom(ctx)
	if !ok || p.ID == "open" {
		return ""
	}
	return p.ID
}

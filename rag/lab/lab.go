// Package lab asks judged questions again and again, so that a change of guidelines
// or of the search that makes answers worse does not go unseen. It owns sets of
// questions, their runs and the comparison of two runs; measures are rag/eval's.
// It refuses patient data: a question is typed by a curator.
package lab

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/eval"
)

// TaskKind names the task that runs one set; its key is the set's id.
const TaskKind = "run-queries"

// Limits of a set.
const (
	MaxQueries   = 1000
	maxRelevant  = 50
	maxQuote     = 2000
	maxQuestion  = 2000
	runLimit     = 10 * time.Minute
	lookEvery    = 30 * time.Second
	resultsAsked = 20
)

// Set is a set of judged queries.
type Set struct {
	ID        string
	Name      string
	Queries   []eval.Query
	Revision  int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Found is a result of a run, without the text.
type Found struct {
	Document string  `json:"document"` // identifier of the guideline
	Passage  string  `json:"passage"`
	Page     *int    `json:"page"`
	Heading  string  `json:"heading"`
	Score    float64 `json:"score"`
}

// Outcome is what one query found.
type Outcome struct {
	ID        string  `json:"id"`
	Abstained bool    `json:"abstained"`
	Results   []Found `json:"results"`
}

// Run is one asking of a set.
type Run struct {
	ID      string
	Set     string
	RanAt   time.Time
	Reason  string // "asked" or "changed"
	Corpus  string
	Program string
	Queries int
	Report  eval.Report
	Results []Outcome // nil in lists
}

// Store keeps sets and runs. Unknown ids give an error of kind not-found.
type Store interface {
	Sets
	Runs
}

// Sets keeps sets.
type Sets interface {
	// QuerySets gives one set, or all where id is "", by name.
	QuerySets(ctx context.Context, id string) ([]Set, error)
	// SaveQuerySet adds a set without ID, or changes one whose revision is the one
	// that was read; another revision is an error of kind conflict. It gives the set
	// as it is kept.
	SaveQuerySet(ctx context.Context, s Set) (Set, error)
	DeleteQuerySet(ctx context.Context, id string) error
}

// Runs keeps runs.
type Runs interface {
	SaveRun(ctx context.Context, r Run) (Run, error)
	// QueryRuns gives the latest runs of a set, newest first, without results.
	QueryRuns(ctx context.Context, set string, limit int) ([]Run, error)
	QueryRun(ctx context.Context, set, id string) (Run, error)
}

// Searcher is what is measured. Revision names the corpus that Search searches.
type Searcher interface {
	Search(ctx context.Context, q rag.Query) (rag.Result, error)
	Revision() string
}

// Config of a Lab.
type Config struct {
	Store   Store
	Search  Searcher
	Tasks   *task.Queue
	Program string // version of what searches
	Log     *slog.Logger
}

// Lab keeps and runs sets. It is safe for concurrent use.
type Lab struct{ c Config }

// New makes a lab and registers its work with the queue.
func New(c Config) *Lab {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Lab{c}
	c.Tasks.Handle(TaskKind, runLimit, func(ctx context.Context, run *task.Run) error {
		_, err := l.run(ctx, run.Key, "changed", func(done, total int) error { return run.Report(ctx, "search", int64(done), int64(total)) })
		if issue.Is(err, issue.NotFound) {
			return nil // deleted since it was asked for
		}
		return err
	})
	return l
}

// Watch has every set run again when the corpus or the program differs from that of
// its latest run. It returns when ctx ends.
func (l *Lab) Watch(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := l.Look(ctx); err != nil && ctx.Err() == nil {
			l.c.Log.Error("look for query sets to run", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look asks for a run of each set whose latest run is not of this corpus and program.
func (l *Lab) Look(ctx context.Context) error {
	sets, err := l.c.Store.QuerySets(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range sets {
		if len(s.Queries) == 0 {
			continue
		}
		last, err := l.c.Store.QueryRuns(ctx, s.ID, 1)
		if err != nil {
			return err
		}
		// A set that nobody ran yet waits for the person who made it.
		if len(last) == 0 || last[0].Corpus == l.c.Search.Revision() && last[0].Program == l.c.Program {
			continue
		}
		if _, err := l.c.Tasks.Ask(ctx, task.Order{Kind: TaskKind, Key: s.ID}); err != nil {
			return err
		}
	}
	return nil
}

// Sets gives all sets, by name.
func (l *Lab) Sets(ctx context.Context) ([]Set, error) { return l.c.Store.QuerySets(ctx, "") }

// Set gives one set.
func (l *Lab) Set(ctx context.Context, id string) (Set, error) {
	list, err := l.c.Store.QuerySets(ctx, id)
	if err != nil {
		return Set{}, err
	}
	return list[0], nil
}

// Save checks and keeps a set.
func (l *Lab) Save(ctx context.Context, s Set) (Set, error) {
	s.Name = strings.TrimSpace(s.Name)
	if s.Name == "" || len(s.Name) > 200 {
		return Set{}, issue.New(issue.Required, "a query set needs a name of at most 200 bytes").At("name")
	}
	if len(s.Queries) > MaxQueries {
		return Set{}, issue.New(issue.TooLong, "a query set holds at most %d queries", MaxQueries).At("queries")
	}
	seen := map[string]bool{}
	for i := range s.Queries {
		if err := check(&s.Queries[i], fmt.Sprintf("queries[%d]", i), seen); err != nil {
			return Set{}, err
		}
	}
	return l.c.Store.SaveQuerySet(ctx, s)
}

func check(q *eval.Query, at string, seen map[string]bool) error {
	q.Text = strings.TrimSpace(q.Text)
	switch {
	case q.ID == "" || len(q.ID) > 64:
		return issue.New(issue.Required, "a query needs an id of at most 64 bytes").At(at + ".id")
	case seen[q.ID]:
		return issue.New(issue.Duplicate, "the query id %q stands twice", q.ID).At(at + ".id")
	case q.Text == "" || len(q.Text) > maxQuestion:
		return issue.New(issue.Required, "a query needs a text of at most %d bytes", maxQuestion).At(at + ".query")
	case q.Lang != "de" && q.Lang != "en":
		return issue.New(issue.Value, "the language of a query is de or en").At(at + ".lang")
	case len(q.Relevant) > maxRelevant:
		return issue.New(issue.TooLong, "a query has at most %d relevant passages", maxRelevant).At(at + ".relevant")
	}
	seen[q.ID] = true
	for i := range q.Relevant {
		r := &q.Relevant[i]
		place := fmt.Sprintf("%s.relevant[%d]", at, i)
		switch {
		case strings.TrimSpace(r.Quote) == "" || len(r.Quote) > maxQuote:
			return issue.New(issue.Required, "a relevant passage needs a quotation of at most %d bytes", maxQuote).At(place + ".quote")
		case r.Grade < 1 || r.Grade > 3:
			return issue.New(issue.Value, "a grade is 1, 2 or 3").At(place + ".grade")
		}
		if r.Unit == "" { // a quotation without copies is a unit of its own
			r.Unit = fmt.Sprintf("#%d", i)
		}
	}
	return nil
}

// Delete removes a set with its runs.
func (l *Lab) Delete(ctx context.Context, id string) error { return l.c.Store.DeleteQuerySet(ctx, id) }

// Run asks all queries of a set now.
func (l *Lab) Run(ctx context.Context, id string) (Run, error) {
	return l.run(ctx, id, "asked", func(int, int) error { return nil })
}

func (l *Lab) run(ctx context.Context, id, reason string, progress func(done, total int) error) (Run, error) {
	set, err := l.Set(ctx, id)
	if err != nil {
		return Run{}, err
	}
	run := Run{Set: id, Reason: reason, Corpus: l.c.Search.Revision(), Program: l.c.Program, Queries: len(set.Queries), Results: []Outcome{}}
	lines := make([]eval.Line, 0, len(set.Queries))
	for i, q := range set.Queries {
		if i%20 == 0 {
			if err := progress(i, len(set.Queries)); err != nil {
				return Run{}, err
			}
		}
		found, err := l.c.Search.Search(ctx, rag.Query{Text: q.Text, Language: q.Lang, K: resultsAsked})
		if err != nil {
			return Run{}, fmt.Errorf("run query %s of set %s: %w", q.ID, id, err)
		}
		lines = append(lines, eval.LineOf(q.ID, found, resultsAsked))
		run.Results = append(run.Results, outcome(q.ID, found))
	}
	run.Report = eval.Score(set.Queries, lines, nil, 10)
	return l.c.Store.SaveRun(ctx, run)
}

func outcome(id string, found rag.Result) Outcome {
	o := Outcome{ID: id, Abstained: found.Abstained, Results: []Found{}}
	if found.Abstained {
		return o
	}
	for _, h := range found.Hits[:min(len(found.Hits), resultsAsked)] {
		f := Found{Document: h.Document.Identifier, Passage: h.Passage.ID, Score: h.Score}
		if h.Passage.Page > 0 {
			page := h.Passage.Page
			f.Page = &page
		}
		if n := len(h.Passage.Section); n > 0 {
			f.Heading = h.Passage.Section[n-1]
		}
		o.Results = append(o.Results, f)
	}
	return o
}

// Runs gives the latest runs of a set, newest first.
func (l *Lab) Runs(ctx context.Context, set string, limit int) ([]Run, error) {
	if _, err := l.Set(ctx, set); err != nil {
		return nil, err
	}
	return l.c.Store.QueryRuns(ctx, set, limit)
}

// Result gives one run with what was found.
func (l *Lab) Result(ctx context.Context, set, id string) (Run, error) {
	return l.c.Store.QueryRun(ctx, set, id)
}

// Compare tells how two runs of a set differ.
func (l *Lab) Compare(ctx context.Context, set, before, after string) (eval.Comparison, error) {
	b, err := l.c.Store.QueryRun(ctx, set, before)
	if err != nil {
		return eval.Comparison{}, err
	}
	a, err := l.c.Store.QueryRun(ctx, set, after)
	if err != nil {
		return eval.Comparison{}, err
	}
	return eval.Compare(b.Report, a.Report), nil
}

package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
	"cdss/fhir/task"
)

// Keep is how long one kind of record is kept. What is older is deleted by a daily
// task, which writes an event for each kind with what it deleted, in the transaction
// that did it.
type Keep struct {
	Records string // what they are called in settings and events: a word in small letters
	Days    int    // unless a site wants otherwise
	// The bounds of what a site may want, in days.
	Least, Most int
	// Expire deletes up to most of the records that became so old, and tells how many.
	// Older is what a record must be older than, by the database's clock.
	Expire func(ctx context.Context, tx pgx.Tx, older time.Time, most int) (int64, error)
}

// TaskKind is the task that deletes what has been kept long enough.
const TaskKind = "retention"

// daily is the key of the one task of that kind.
const daily = "daily"

// portion is how many records are deleted in one transaction.
const portion = 5000

// auditRecords is what the events of the trail are called.
const auditRecords = "audit_event"

// Retention keeps the settings and does the work.
type Retention struct {
	pool  *pgxpool.Pool
	queue *task.Queue
	keeps []Keep
}

// NewRetention returns the retention of these kinds, of tasks that ended and of audit
// events, and makes queue's workers do it. It must be called before the queue runs.
func NewRetention(pool *pgxpool.Pool, queue *task.Queue, keeps ...Keep) *Retention {
	r := &Retention{pool: pool, queue: queue, keeps: append(slices.Clone(keeps),
		Keep{Records: "task", Days: 90, Least: 7, Most: 3653, Expire: task.Expire},
		// The database refuses to delete younger ones.
		Keep{Records: auditRecords, Days: 3653, Least: 367, Most: 36525})}
	queue.Handle(TaskKind, time.Hour, func(ctx context.Context, run *task.Run) error { return r.work(ctx, run) })
	return r
}

// Setting is how long one kind of record is kept, in days.
type Setting struct {
	Records              string
	Days                 int
	Default, Least, Most int
}

const (
	retentionQuery    = `SELECT kind, days FROM retention`
	setRetentionQuery = `
INSERT INTO retention (kind, days) VALUES ($1, $2)
ON CONFLICT (kind) DO UPDATE SET days = EXCLUDED.days, updated_at = now()`
)

// Settings lists how long each kind is kept.
func (r *Retention) Settings(ctx context.Context) ([]Setting, error) {
	rows, err := r.pool.Query(ctx, retentionQuery)
	if err != nil {
		return nil, fmt.Errorf("read retention settings: %w", err)
	}
	set := map[string]int{}
	var kind string
	var days int
	if _, err := pgx.ForEachRow(rows, []any{&kind, &days}, func() error { set[kind] = days; return nil }); err != nil {
		return nil, fmt.Errorf("read retention settings: %w", err)
	}
	var list []Setting
	for _, k := range r.keeps {
		s := Setting{Records: k.Records, Days: k.Days, Default: k.Days, Least: k.Least, Most: k.Most}
		if days, ok := set[k.Records]; ok {
			s.Days = min(max(days, k.Least), k.Most)
		}
		list = append(list, s)
	}
	return list, nil
}

// Set changes how long a kind is kept, and writes down who did so. Errors are of kind
// issue.NotFound and issue.Value.
func (r *Retention) Set(ctx context.Context, records string, days int) error {
	at := slices.IndexFunc(r.keeps, func(k Keep) bool { return k.Records == records })
	if at < 0 {
		return issue.New(issue.NotFound, "there are no records called %q", clean(records))
	}
	k := r.keeps[at]
	if days < k.Least || days > k.Most {
		return issue.New(issue.Value, "%s are kept between %d and %d days", records, k.Least, k.Most).At("days")
	}
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setRetentionQuery, records, days); err != nil {
			return fmt.Errorf("set retention of %s: %w", records, err)
		}
		return Append(ctx, tx, Event{Kind: Configure, Entities: []Entity{
			{Name: "retention", What: records, Details: Details("days", strconv.Itoa(days))},
		}})
	})
}

// Run asks for the work once a day until ctx ends.
func (r *Retention) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		_ = r.ask(ctx) // asked again in an hour
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ask asks for the work unless it was done in the last day.
func (r *Retention) ask(ctx context.Context) error {
	found, err := r.queue.Find(ctx, TaskKind, daily)
	if err != nil {
		return err
	}
	if t, ok := found[daily]; ok && (!t.State.Ended() || t.State == task.Done && time.Since(t.UpdatedAt) < 24*time.Hour) {
		return nil
	}
	_, err = r.queue.Ask(ctx, task.Order{Kind: TaskKind, Key: daily})
	return err
}

// Now asks for the work at once and gives the id of its task.
func (r *Retention) Now(ctx context.Context) (string, error) {
	return r.queue.Ask(ctx, task.Order{Kind: TaskKind, Key: daily})
}

// work deletes what has been kept long enough. It may be begun again at any point.
func (r *Retention) work(ctx context.Context, run *task.Run) error {
	settings, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	for i, k := range r.keeps {
		if err := run.Report(ctx, k.Records, int64(i), int64(len(r.keeps))); err != nil {
			return err
		}
		for more := true; more; {
			if more, err = r.expire(ctx, k, settings[i].Days); err != nil {
				return fmt.Errorf("delete %s that are older than %d days: %w", k.Records, settings[i].Days, err)
			}
		}
	}
	return nil
}

const cutoffQuery = `SELECT now() - make_interval(days => $1)`

// expire deletes a portion and writes it down, also that there was nothing to do.
func (r *Retention) expire(ctx context.Context, k Keep, days int) (more bool, err error) {
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var older time.Time
		if err := tx.QueryRow(ctx, cutoffQuery, days).Scan(&older); err != nil {
			return err
		}
		var p pruning
		if k.Records == auditRecords {
			p, err = prune(ctx, tx, older, portion)
		} else {
			p.deleted, err = k.Expire(ctx, tx, older, portion)
		}
		if err != nil {
			return err
		}
		more = p.deleted >= portion
		number := func(n int64) string {
			if n == 0 {
				return ""
			}
			return strconv.FormatInt(n, 10)
		}
		details := Details("deleted", strconv.FormatInt(p.deleted, 10), "older", older.UTC().Format(time.RFC3339),
			"days", strconv.Itoa(days), "more", strconv.FormatBool(more), "through", number(p.through), "missing", number(p.missing))
		return Append(ctx, tx, Event{Kind: Retain, Entities: []Entity{{Name: "records", What: k.Records, Details: details}}})
	})
	return more, err
}

const (
	// The trail itself says up to where events were deleted: what else is missing at its
	// beginning is missing without reason.
	prunedQuery = `
SELECT detail FROM audit_event WHERE kind = 'retention' AND detail LIKE '%"what":"` + auditRecords + `"%' ORDER BY seq DESC LIMIT 1`

	// From the beginning of the chain on, so that one position tells which are gone.
	ripeQuery = `
SELECT c.position, e.recorded FROM audit_chain c LEFT JOIN audit_event e ON e.seq = c.event
WHERE c.position > $1 AND c.position <= $1 + $2 ORDER BY c.position`

	pruneQuery = `SELECT audit_prune($1, $2, $3)`
)

// pruning is what was deleted of the trail.
type pruning struct {
	deleted int64
	missing int64 // that were gone already, nobody says why
	through int64 // position up to which all are gone
}

// prune deletes events at the beginning of the chain that are older.
func prune(ctx context.Context, tx pgx.Tx, older time.Time, most int) (p pruning, err error) {
	var said string
	err = tx.QueryRow(ctx, prunedQuery).Scan(&said)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return p, err
	}
	p.through = recordsDetail(said, "through")
	rows, err := tx.Query(ctx, ripeQuery, p.through, most)
	if err != nil {
		return p, err
	}
	type link struct {
		Position int64
		Recorded *time.Time // nil: there is no event
	}
	links, err := pgx.CollectRows(rows, pgx.RowToStructByPos[link])
	if err != nil {
		return p, err
	}
	first := p.through + 1
	var gone int64 // since the last one that is there
	for _, l := range links {
		if l.Recorded == nil {
			gone++
			continue
		}
		if !l.Recorded.Before(older) {
			break
		}
		p.missing, p.through, gone = p.missing+gone, l.Position, 0
	}
	if p.through < first {
		return p, nil
	}
	err = tx.QueryRow(ctx, pruneQuery, first, p.through, older).Scan(&p.deleted)
	return p, err
}

// recordsDetail gives a number that a retention event tells of audit events; 0 when
// it is about other records.
func recordsDetail(text, name string) int64 {
	var d detail
	if json.Unmarshal([]byte(text), &d) != nil {
		return 0
	}
	for _, e := range d.Entities {
		if e.Name != "records" || e.What != auditRecords {
			continue
		}
		for _, x := range e.Details {
			if x.Name == name {
				n, _ := strconv.ParseInt(x.Value, 10, 64)
				return n
			}
		}
	}
	return 0
}

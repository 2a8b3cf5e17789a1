package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

// channel is notified, with the task's id, when a task is asked for or ends.
const channel = "cdss_task"

// Config of a queue. The zero value works.
type Config struct {
	Log     *slog.Logger  // nil: silent
	Workers int           // tasks at once in this process; 0 means 1
	Lease   time.Duration // a worker silent for so long is taken for dead; 0 means 60 s
	Poll    time.Duration // look for work at least so often; 0 means 5 s
	Backoff time.Duration // wait after the first failure, doubled each time up to 10 min; 0 means 2 s
}

// Queue is the work of one database. It is safe for concurrent use.
type Queue struct {
	pool *pgxpool.Pool
	cfg  Config
	log  *slog.Logger

	mu       sync.Mutex
	handlers map[string]kind
	kinds    []string
	wake     chan struct{} // closed and replaced at each notification
}

// New returns a queue over the table task of the database behind pool.
func New(pool *pgxpool.Pool, cfg Config) *Queue {
	if cfg.Workers <= 0 {
		cfg.Workers = 1
	}
	if cfg.Lease <= 0 {
		cfg.Lease = time.Minute
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 5 * time.Second
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 2 * time.Second
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Queue{pool: pool, cfg: cfg, log: log, handlers: map[string]kind{}, wake: make(chan struct{})}
}

// DB is what asking for work needs: a pool, or the transaction that stores what
// the work is about, so that neither exists without the other.
type DB interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Order asks for work.
type Order struct {
	Kind        string
	Key         string
	Payload     any // ids and settings as JSON, never patient data; nil: {}
	MaxAttempts int // 0 means 5
}

// A task that ended is asked for again; attempts go on counting, since they tell
// a former worker's writes from those of the present one.
const askQuery = `
INSERT INTO task (kind, key, payload, max_attempts)
VALUES (@kind, @key, @payload, @max)
ON CONFLICT (kind, key) DO UPDATE SET
    state        = CASE WHEN task.state IN ('queued', 'running') THEN task.state ELSE 'queued' END,
    max_attempts = CASE WHEN task.state IN ('queued', 'running') THEN task.max_attempts ELSE task.attempts + @max END,
    payload      = CASE WHEN task.state IN ('queued', 'running') THEN task.payload ELSE EXCLUDED.payload END,
    run_at       = CASE WHEN task.state IN ('queued', 'running') THEN task.run_at ELSE now() END,
    stage        = CASE WHEN task.state IN ('queued', 'running') THEN task.stage ELSE '' END,
    done         = CASE WHEN task.state IN ('queued', 'running') THEN task.done ELSE 0 END,
    total        = CASE WHEN task.state IN ('queued', 'running') THEN task.total ELSE 0 END,
    error        = CASE WHEN task.state IN ('queued', 'running') THEN task.error ELSE '' END,
    finished_at  = CASE WHEN task.state IN ('queued', 'running') THEN task.finished_at ELSE NULL END,
    updated_at   = now()
RETURNING id`

const notifyQuery = `SELECT pg_notify('` + channel + `', $1)`

// Ask stores an order and gives the id of its task. Asking for what is queued or
// running already changes nothing; what ended is done again.
func Ask(ctx context.Context, db DB, o Order) (string, error) {
	payload := json.RawMessage("{}")
	if o.Payload != nil {
		raw, err := json.Marshal(o.Payload)
		if err != nil {
			return "", fmt.Errorf("write payload of task %s %s: %w", o.Kind, o.Key, err)
		}
		payload = raw
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 5
	}
	var id string
	err := db.QueryRow(ctx, askQuery, pgx.NamedArgs{
		"kind": o.Kind, "key": o.Key, "payload": payload, "max": o.MaxAttempts,
	}).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("ask for task %s %s: %w", o.Kind, o.Key, err)
	}
	if _, err := db.Exec(ctx, notifyQuery, id); err != nil {
		return "", fmt.Errorf("announce task %s: %w", id, err)
	}
	return id, nil
}

// Ask stores an order outside of any transaction; see the function Ask.
func (q *Queue) Ask(ctx context.Context, o Order) (string, error) { return Ask(ctx, q.pool, o) }

const columns = `id, kind, key, payload, state, attempts, max_attempts, stage, done, total,
       error AS reason, created_at, updated_at, finished_at`

const (
	getQuery  = `SELECT ` + columns + ` FROM task WHERE id = $1`
	findQuery = `SELECT ` + columns + ` FROM task WHERE kind = $1 AND key = ANY($2)`
	deadQuery = `SELECT ` + columns + ` FROM task WHERE state = 'failed' ORDER BY finished_at DESC, id LIMIT $1`
	// What is not finished first, whatever came after it.
	recentQuery = `SELECT ` + columns + ` FROM task ORDER BY state IN ('queued', 'running') DESC, updated_at DESC, id LIMIT $1`
)

// Get reads a task, or gives an error of kind not-found.
func (q *Queue) Get(ctx context.Context, id string) (Task, error) {
	rows, err := q.pool.Query(ctx, getQuery, id)
	if err != nil {
		return Task{}, fmt.Errorf("read task %s: %w", id, err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Task])
	if errors.Is(err, pgx.ErrNoRows) {
		return Task{}, issue.New(issue.NotFound, "there is no task %s", id)
	}
	if err != nil {
		return Task{}, fmt.Errorf("read task %s: %w", id, err)
	}
	return t, nil
}

// Find gives the tasks of a kind by key; keys without a task are absent.
func (q *Queue) Find(ctx context.Context, kind string, keys ...string) (map[string]Task, error) {
	rows, err := q.pool.Query(ctx, findQuery, kind, keys)
	if err != nil {
		return nil, fmt.Errorf("read tasks of kind %s: %w", kind, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Task])
	if err != nil {
		return nil, fmt.Errorf("read tasks of kind %s: %w", kind, err)
	}
	found := make(map[string]Task, len(list))
	for _, t := range list {
		found[t.Key] = t
	}
	return found, nil
}

// Dead gives up to limit failed tasks, the latest first.
func (q *Queue) Dead(ctx context.Context, limit int) ([]Task, error) {
	rows, err := q.pool.Query(ctx, deadQuery, limit)
	if err != nil {
		return nil, fmt.Errorf("read failed tasks: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Task])
	if err != nil {
		return nil, fmt.Errorf("read failed tasks: %w", err)
	}
	return list, nil
}

// Recent gives up to limit tasks: those that have not ended, then the others, the
// latest first.
func (q *Queue) Recent(ctx context.Context, limit int) ([]Task, error) {
	rows, err := q.pool.Query(ctx, recentQuery, limit)
	if err != nil {
		return nil, fmt.Errorf("read tasks: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Task])
	if err != nil {
		return nil, fmt.Errorf("read tasks: %w", err)
	}
	return list, nil
}

const cancelQuery = `
UPDATE task SET state = 'cancelled', locked_until = NULL, finished_at = now(), updated_at = now()
WHERE kind = @kind AND key = @key AND state IN ('queued', 'running')
RETURNING id`

// Cancel ends a task that has not ended. A running worker notices at its next
// report or renewal, at the latest after a third of the lease. It tells whether
// there was anything to cancel.
func Cancel(ctx context.Context, db DB, kind, key string) (bool, error) {
	var id string
	err := db.QueryRow(ctx, cancelQuery, pgx.NamedArgs{"kind": kind, "key": key}).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cancel task %s %s: %w", kind, key, err)
	}
	if _, err := db.Exec(ctx, notifyQuery, id); err != nil {
		return false, fmt.Errorf("announce task %s: %w", id, err)
	}
	return true, nil
}

// Cancel ends a task outside of any transaction; see the function Cancel.
func (q *Queue) Cancel(ctx context.Context, kind, key string) (bool, error) {
	return Cancel(ctx, q.pool, kind, key)
}

const forgetQuery = `DELETE FROM task WHERE kind = $1 AND key = $2 RETURNING id`

// Forget removes the record of a task; a worker at it stops as after Cancel.
func Forget(ctx context.Context, db DB, kind, key string) error {
	var id string
	err := db.QueryRow(ctx, forgetQuery, kind, key).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("forget task %s %s: %w", kind, key, err)
	}
	_, err = db.Exec(ctx, notifyQuery, id)
	return err
}

const expireQuery = `
DELETE FROM task WHERE id IN (
    SELECT id FROM task WHERE state IN ('done', 'failed', 'cancelled') AND finished_at < $1 ORDER BY finished_at LIMIT $2)`

// Expire deletes up to most tasks that ended before older, and tells how many.
func Expire(ctx context.Context, tx pgx.Tx, older time.Time, most int) (int64, error) {
	tag, err := tx.Exec(ctx, expireQuery, older, most)
	return tag.RowsAffected(), err
}

// Wait returns when the task has ended, whoever works on it, or with ctx's error.
// It gives the task as it ended.
func (q *Queue) Wait(ctx context.Context, id string) (Task, error) {
	for {
		wake := q.waker()
		t, err := q.Get(ctx, id)
		if err != nil || t.State.Ended() {
			return t, err
		}
		// Notifications reach this process only while Run listens; the short
		// poll serves callers without it.
		if err := pause(ctx, wake, min(q.cfg.Poll, 250*time.Millisecond)); err != nil {
			return t, err
		}
	}
}

func (q *Queue) waker() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wake
}

func (q *Queue) wakeAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.wake)
	q.wake = make(chan struct{})
}

// pause waits for a wake-up, d, or the end of ctx, whose error it gives.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
		return nil
	case <-timer.C:
		return nil
	}
}

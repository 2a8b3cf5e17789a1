package task

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/issue"
)

// Causes of a handler's context ending while the process goes on.
var (
	ErrLost      = errors.New("the lease was lost to another worker or the task was cancelled")
	ErrTimeout   = errors.New("the task took longer than its limit")
	errStopping  = errors.New("the process is stopping")
	maxBackoff   = 10 * time.Minute
	settleWithin = 5 * time.Second // for the last word on a task after its context has ended
)

// Handler does one task. It may be called again for the same task after any of
// its steps, also after a success that could not be recorded. An error of a kind
// that another attempt cannot mend (invalid, not-supported, not-found, ...) makes
// the task a dead letter at once; the text of such an error is shown to people.
type Handler func(ctx context.Context, run *Run) error

type kind struct {
	handler Handler
	limit   time.Duration
}

// Handle names the handler of a kind of task. limit bounds one attempt; 0 means
// 90 s. It must be called before Run, and panics when the kind is taken.
func (q *Queue) Handle(name string, limit time.Duration, h Handler) {
	if limit <= 0 {
		limit = 90 * time.Second
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, taken := q.handlers[name]; taken {
		panic("task: two handlers for " + name)
	}
	q.handlers[name] = kind{h, limit}
	q.kinds = append(q.kinds, name)
}

// Run works until ctx ends, then lets the handlers stop, gives unfinished tasks
// back to the queue and returns nil. Faults of the database are logged and tried
// again.
func (q *Queue) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { Listen(ctx, q.pool, q.log, channel, func(string) { q.wakeAll() }) })
	for range q.cfg.Workers {
		all.Go(func() { q.work(ctx) })
	}
	all.Wait()
	return nil
}

func (q *Queue) work(ctx context.Context) {
	for ctx.Err() == nil {
		wake := q.waker()
		t, err := q.claim(ctx)
		switch {
		case err == nil && ctx.Err() != nil:
			q.settle(context.WithoutCancel(ctx), t, errStopping)
			return
		case err == nil:
			q.attempt(ctx, t)
			continue
		case ctx.Err() != nil:
			return
		case !errors.Is(err, pgx.ErrNoRows):
			q.log.Error("look for tasks", "error", err)
		}
		_ = pause(ctx, wake, q.cfg.Poll)
	}
}

// A lease that ran out with no attempt left belongs to a task that takes its
// workers down with it.
const buryQuery = `
UPDATE task SET state = 'failed', locked_until = NULL, finished_at = now(), updated_at = now(),
       error = 'the worker stopped without a word in each of ' || attempts || ' attempts'
WHERE state = 'running' AND locked_until < now() AND attempts >= max_attempts AND kind = ANY($1)`

// The oldest task that is due or whose worker is silent, skipping rows that
// another worker is just claiming.
const claimQuery = `
WITH next AS (
    SELECT id FROM task
    WHERE kind = ANY(@kinds)
      AND (state = 'queued' AND run_at <= now() OR state = 'running' AND locked_until < now() AND attempts < max_attempts)
    ORDER BY run_at, created_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE task SET state = 'running', attempts = attempts + 1, locked_until = now() + @lease::interval, updated_at = now()
FROM next WHERE task.id = next.id
RETURNING task.id, kind, key, payload, state, attempts, max_attempts, stage, done, total,
       error AS reason, created_at, updated_at, finished_at`

// claim is not cut short by the end of ctx: the database may have carried out a
// claim whose answer nobody waits for any more, and the task would then stand
// still, one attempt poorer, until a lease runs out that nobody holds.
func (q *Queue) claim(ctx context.Context) (Task, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if _, err := q.pool.Exec(ctx, buryQuery, q.kinds); err != nil {
		return Task{}, fmt.Errorf("bury dead tasks: %w", err)
	}
	rows, err := q.pool.Query(ctx, claimQuery, pgx.NamedArgs{"kinds": q.kinds, "lease": q.cfg.Lease})
	if err != nil {
		return Task{}, fmt.Errorf("claim a task: %w", err)
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Task])
}

// Run is one attempt at a task. Task is as it stood when the attempt began.
type Run struct {
	Task
	queue *Queue
	lose  context.CancelCauseFunc
}

// The attempt's number tells a worker that was taken for dead that it is not the
// present one.
const reportQuery = `
UPDATE task SET stage = @stage, done = @done, total = @total, locked_until = now() + @lease::interval, updated_at = now()
WHERE id = @id AND attempts = @attempt AND state = 'running'`

// Report tells how far the work has come and renews the lease. It gives ErrLost
// when the task is no longer this worker's: the handler must then stop.
func (r *Run) Report(ctx context.Context, stage string, done, total int64) error {
	return r.renew(ctx, reportQuery, pgx.NamedArgs{"stage": stage, "done": done, "total": total})
}

const renewQuery = `
UPDATE task SET locked_until = now() + @lease::interval
WHERE id = @id AND attempts = @attempt AND state = 'running'`

func (r *Run) renew(ctx context.Context, query string, args pgx.NamedArgs) error {
	args["id"], args["attempt"], args["lease"] = r.ID, r.Attempts, r.queue.cfg.Lease
	tag, err := r.queue.pool.Exec(ctx, query, args)
	if err != nil {
		return fmt.Errorf("renew lease of task %s: %w", r.ID, err)
	}
	if tag.RowsAffected() == 0 {
		r.lose(ErrLost)
		return ErrLost
	}
	return nil
}

// keep renews the lease until the attempt ends, and ends the attempt when the
// lease has run out without renewal: somebody else may have the task then.
func (r *Run) keep(ctx context.Context) {
	tick := time.NewTicker(r.queue.cfg.Lease / 3)
	defer tick.Stop()
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		err := r.renew(ctx, renewQuery, pgx.NamedArgs{})
		if err == nil {
			held = began
		} else if time.Since(held) > r.queue.cfg.Lease {
			r.lose(ErrLost)
		}
	}
}

// attempt runs the handler of t once and records how it ended.
func (q *Queue) attempt(parent context.Context, t Task) {
	k := q.handlers[t.Kind]
	ctx, lose := context.WithCancelCause(parent)
	limited, stop := context.WithTimeoutCause(ctx, k.limit, ErrTimeout)
	run := &Run{Task: t, queue: q, lose: lose}
	var keeper sync.WaitGroup
	keeper.Go(func() { run.keep(limited) })
	err := call(limited, k.handler, run)
	// Why the context ended says more than what the handler made of it.
	if err != nil && limited.Err() != nil {
		if err = context.Cause(limited); parent.Err() != nil {
			err = errStopping
		}
	}
	stop()
	lose(nil)
	keeper.Wait()
	q.settle(context.WithoutCancel(parent), t, err)
}

func call(ctx context.Context, h Handler, run *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler of %s panicked: %v\n%s", run.Kind, p, debug.Stack())
		}
	}()
	return h(ctx, run)
}

const (
	doneQuery = `
UPDATE task SET state = 'done', error = '', locked_until = NULL, finished_at = now(), updated_at = now()
WHERE id = @id AND attempts = @attempt AND state = 'running'`

	failQuery = `
UPDATE task SET state = 'failed', error = @reason, locked_until = NULL, finished_at = now(), updated_at = now()
WHERE id = @id AND attempts = @attempt AND state = 'running'`

	retryQuery = `
UPDATE task SET state = 'queued', error = @reason, locked_until = NULL, run_at = now() + @wait::interval, updated_at = now()
WHERE id = @id AND attempts = @attempt AND state = 'running'`

	// A stop of the process is nobody's failure: it costs no attempt.
	releaseQuery = `
UPDATE task SET state = 'queued', max_attempts = max_attempts + 1, locked_until = NULL, run_at = now(), updated_at = now()
WHERE id = @id AND attempts = @attempt AND state = 'running'`
)

// settle writes how an attempt ended. When that fails the lease runs out, and the
// task is attempted again.
func (q *Queue) settle(ctx context.Context, t Task, result error) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	args := pgx.NamedArgs{"id": t.ID, "attempt": t.Attempts}
	var query string
	switch {
	case errors.Is(result, ErrLost):
		q.log.Warn("task lost", "task_id", t.ID, "kind", t.Kind, "attempt", t.Attempts)
		return
	case result == nil:
		query = doneQuery
	case errors.Is(result, errStopping):
		query = releaseQuery
	case final(result) || t.Attempts >= t.MaxAttempts:
		query, args["reason"] = failQuery, reason(result)
		q.log.Error("task failed", "task_id", t.ID, "kind", t.Kind, "attempt", t.Attempts, "error", result)
	default:
		query, args["reason"], args["wait"] = retryQuery, reason(result), q.backoff(t)
		q.log.Warn("task will be tried again", "task_id", t.ID, "kind", t.Kind, "attempt", t.Attempts, "error", result)
	}
	tag, err := q.pool.Exec(ctx, query, args)
	if err == nil && tag.RowsAffected() > 0 {
		_, err = q.pool.Exec(ctx, notifyQuery, t.ID)
	}
	if err != nil {
		q.log.Error("record the end of a task", "task_id", t.ID, "error", err)
	}
	q.wakeAll()
}

// backoff doubles with each failure and is drawn from the upper half, so that
// tasks that failed together do not come back together.
func (q *Queue) backoff(t Task) time.Duration {
	wait := q.cfg.Backoff
	for i := 1; i < t.Attempts && wait < maxBackoff; i++ {
		wait *= 2
	}
	wait = min(wait, maxBackoff)
	return wait/2 + rand.N(wait/2+1)
}

// final tells whether another attempt cannot mend err.
func final(err error) bool {
	if errors.Is(err, ErrTimeout) {
		return false
	}
	switch issue.KindOf(err) {
	case issue.Exception, issue.Transient, issue.Timeout, issue.Throttled, issue.LockError, issue.NoStore, issue.Incomplete, issue.Conflict:
		return false
	}
	return true
}

// reason is what people are told: the text of an error with a kind, and of any
// other only that it happened.
func reason(err error) string {
	if errors.Is(err, ErrTimeout) {
		return ErrTimeout.Error()
	}
	if issues := issue.Issues(err); len(issues) > 0 {
		return issues[0].Diagnostics
	}
	return ""
}

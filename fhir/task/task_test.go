package task_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/migrations/dbtest"
)

// hangOn makes this test binary a worker of the database it names, which takes
// tasks and never finishes them.
const hangOn = "TASK_TEST_HANG_ON"

func TestMain(m *testing.M) {
	dsn := os.Getenv(hangOn)
	if dsn == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	q := task.New(pool, task.Config{Workers: 2, Lease: 600 * time.Millisecond, Poll: 10 * time.Millisecond})
	q.Handle("read", time.Hour, func(ctx context.Context, run *task.Run) error {
		if err := run.Report(ctx, "half", 1, 2); err != nil {
			return err
		}
		fmt.Println(run.Key)
		<-ctx.Done()
		return ctx.Err()
	})
	_ = q.Run(ctx)
}

var fast = task.Config{Workers: 2, Lease: 2 * time.Second, Poll: 20 * time.Millisecond, Backoff: time.Millisecond}

// start runs a queue until the test ends or stop is called.
func start(t *testing.T, q *task.Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	stop = func() { cancel(); run.Wait() }
	t.Cleanup(stop)
	return stop
}

func ask(t *testing.T, q *task.Queue, o task.Order) string {
	t.Helper()
	id, err := q.Ask(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wait(t *testing.T, q *task.Queue, id string) task.Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done, err := q.Wait(ctx, id)
	if err != nil {
		t.Fatalf("wait for task: %v (%+v)", err, done)
	}
	return done
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came within 30 s")
		panic("unreachable")
	}
}

func TestEachTaskIsDoneOnceByTwoWorkers(t *testing.T) {
	pool := dbtest.New(t)
	const n = 60
	var (
		mu   sync.Mutex
		runs = map[string]int{}
	)
	handler := func(ctx context.Context, run *task.Run) error {
		mu.Lock()
		defer mu.Unlock()
		runs[run.Key]++
		return nil
	}
	first, second := task.New(pool, fast), task.New(pool, fast)
	first.Handle("read", 0, handler)
	second.Handle("read", 0, handler)
	var ids []string
	for i := range n {
		ids = append(ids, ask(t, first, task.Order{Kind: "read", Key: fmt.Sprint(i)}))
	}
	ask(t, first, task.Order{Kind: "of nobody", Key: "x"})
	start(t, first)
	start(t, second)
	for _, id := range ids {
		if done := wait(t, first, id); done.State != task.Done || done.Attempts != 1 || done.FinishedAt == nil {
			t.Errorf("task ended as %+v", done)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for key, count := range runs {
		if count != 1 {
			t.Errorf("task %s ran %d times", key, count)
		}
	}
	if len(runs) != n {
		t.Errorf("%d tasks ran, want %d", len(runs), n)
	}
	left, err := first.Find(t.Context(), "of nobody", "x", "y")
	if err != nil || len(left) != 1 || left["x"].State != task.Queued {
		t.Errorf("a kind without handler: %+v, %v", left, err)
	}
}

func TestKilledWorkerIsSucceeded(t *testing.T) {
	dsn := dbtest.DSN(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	q := task.New(pool, fast)
	survives := ask(t, q, task.Order{Kind: "read", Key: "survives"})
	kills := ask(t, q, task.Order{Kind: "read", Key: "kills", MaxAttempts: 1})

	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), hangOn+"="+dsn)
	out, err := worker.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	taken := []string{}
	for len(taken) < 2 && lines.Scan() {
		taken = append(taken, lines.Text())
	}
	if err := worker.Process.Kill(); err != nil { // SIGKILL: no last word
		t.Fatal(err)
	}
	_ = worker.Wait()
	if len(taken) != 2 {
		t.Fatalf("the worker took %v", taken)
	}

	var found task.Task
	q.Handle("read", 0, func(_ context.Context, run *task.Run) error {
		found = run.Task
		return nil
	})
	start(t, q)
	if done := wait(t, q, survives); done.State != task.Done || done.Attempts != 2 {
		t.Errorf("the successor left %+v", done)
	}
	if found.Key != "survives" || found.Stage != "half" || found.Done != 1 || found.Total != 2 {
		t.Errorf("the successor found %+v, want the progress of its predecessor", found)
	}
	dead := wait(t, q, kills)
	if dead.State != task.Failed || !strings.Contains(dead.Reason, "without a word") {
		t.Errorf("a task that takes its workers down: %+v", dead)
	}
	letters, err := q.Dead(t.Context(), 10)
	if err != nil || len(letters) != 1 || letters[0].ID != kills {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
	// What waits stands above what has ended, whichever came later.
	if _, err := q.Ask(t.Context(), task.Order{Kind: "nobody does it", Key: "waiting"}); err != nil {
		t.Fatal(err)
	}
	recent, err := q.Recent(t.Context(), 2)
	if err != nil || len(recent) != 2 || recent[0].Key != "waiting" || !recent[1].State.Ended() {
		t.Errorf("recent tasks: %+v, %v", recent, err)
	}
}

func TestFailures(t *testing.T) {
	down := issue.New(issue.Transient, "the embedder does not answer")
	tests := []struct {
		name     string
		handler  func(attempt int) error
		state    task.State
		attempts int
		reason   string
	}{
		{"passes by itself", func(n int) error {
			if n < 3 {
				return down
			}
			return nil
		}, task.Done, 3, ""},
		{"does not pass", func(int) error { return down }, task.Failed, 4, "the embedder does not answer"},
		{"no attempt can mend it", func(int) error { return issue.New(issue.Invalid, "no text") }, task.Failed, 1, "no text"},
		{"its text is for the log", func(int) error { return errors.New("host=db password=x") }, task.Failed, 4, "the server met an unexpected condition"},
		{"poison", func(int) error { panic("password=x") }, task.Failed, 4, "the server met an unexpected condition"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := task.New(dbtest.New(t), fast)
			q.Handle("read", 0, func(_ context.Context, run *task.Run) error { return tt.handler(run.Attempts) })
			q.Handle("other", 0, func(context.Context, *task.Run) error { return nil })
			id := ask(t, q, task.Order{Kind: "read", Key: "k", MaxAttempts: 4})
			start(t, q)
			got := wait(t, q, id)
			if got.State != tt.state || got.Attempts != tt.attempts || got.Reason != tt.reason {
				t.Errorf("ended as %s after %d attempts with reason %q", got.State, got.Attempts, got.Reason)
			}
			if other := wait(t, q, ask(t, q, task.Order{Kind: "other", Key: "k"})); other.State != task.Done {
				t.Errorf("the worker no longer works: %+v", other)
			}
		})
	}
}

func TestAskingAgain(t *testing.T) {
	q := task.New(dbtest.New(t), fast)
	fails := true
	q.Handle("read", 0, func(_ context.Context, run *task.Run) error {
		if fails {
			return issue.New(issue.Invalid, "no text")
		}
		if string(run.Payload) != `{"page": 2}` {
			return issue.New(issue.Invalid, "payload %s", run.Payload)
		}
		return nil
	})
	order := task.Order{Kind: "read", Key: "k", Payload: map[string]int{"page": 1}, MaxAttempts: 1}
	id := ask(t, q, order)
	if again := ask(t, q, order); again != id {
		t.Errorf("asking twice made two tasks")
	}
	stop := start(t, q)
	if got := wait(t, q, id); got.State != task.Failed {
		t.Fatalf("ended as %+v", got)
	}
	stop()
	fails = false
	order.Payload = map[string]int{"page": 2}
	if again := ask(t, q, order); again != id {
		t.Error("what failed was asked for again under another id")
	}
	start(t, q)
	if got := wait(t, q, id); got.State != task.Done || got.Attempts != 2 || got.Reason != "" {
		t.Errorf("after asking again: %+v", got)
	}
}

// A stop may fall between the database's claim of a task and the worker's hearing
// of it. Nothing may be left behind as running then, with an attempt spent.
func TestStopWhileClaiming(t *testing.T) {
	pool := dbtest.New(t)
	for i := range 400 {
		q := task.New(pool, fast)
		q.Handle("read", 0, func(ctx context.Context, _ *task.Run) error { return ctx.Err() })
		id := ask(t, q, task.Order{Kind: "read", Key: fmt.Sprint(i), MaxAttempts: 1})
		stop := start(t, q)
		time.Sleep(time.Duration(i) * 20 * time.Microsecond) // meets the claim at another point each time
		stop()
		if got, err := q.Get(t.Context(), id); err != nil || got.State == task.Running || got.State == task.Failed {
			t.Fatalf("stopped after %d x 20 us: %+v, %v", i, got, err)
		}
	}
}

func TestAskingBelongsToTheTransaction(t *testing.T) {
	pool := dbtest.New(t)
	q := task.New(pool, fast)
	undone := errors.New("undone")
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := task.Ask(t.Context(), tx, task.Order{Kind: "read", Key: "k"}); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if found, err := q.Find(t.Context(), "read", "k"); err != nil || len(found) != 0 {
		t.Errorf("a task of a transaction that was rolled back: %v, %v", found, err)
	}
}

func TestCancelStopsTheWorker(t *testing.T) {
	for name, cancel := range map[string]func(*task.Queue, *pgxpool.Pool, context.Context) error{
		"cancel": func(q *task.Queue, _ *pgxpool.Pool, ctx context.Context) error {
			ok, err := q.Cancel(ctx, "read", "k")
			if !ok {
				return errors.Join(err, errors.New("nothing was cancelled"))
			}
			return err
		},
		"forget": func(_ *task.Queue, pool *pgxpool.Pool, ctx context.Context) error {
			return task.Forget(ctx, pool, "read", "k")
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool := dbtest.New(t)
			q := task.New(pool, task.Config{Lease: 300 * time.Millisecond, Poll: 20 * time.Millisecond})
			began, ended := make(chan struct{}), make(chan error, 1)
			q.Handle("read", 0, func(ctx context.Context, _ *task.Run) error {
				close(began)
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return ctx.Err()
			})
			id := ask(t, q, task.Order{Kind: "read", Key: "k"})
			start(t, q)
			receive(t, began)
			if err := cancel(q, pool, t.Context()); err != nil {
				t.Fatal(err)
			}
			if cause := receive(t, ended); !errors.Is(cause, task.ErrLost) {
				t.Errorf("the handler was stopped by %v", cause)
			}
			got, err := q.Get(t.Context(), id)
			switch {
			case name == "cancel" && (err != nil || got.State != task.Cancelled):
				t.Errorf("ended as %+v, %v", got, err)
			case name == "forget" && !issue.Is(err, issue.NotFound):
				t.Errorf("is still there: %+v, %v", got, err)
			}
			if ok, err := q.Cancel(t.Context(), "read", "k"); ok || err != nil {
				t.Errorf("cancelled twice: %v, %v", ok, err)
			}
		})
	}
}

func TestStoppingGivesTasksBack(t *testing.T) {
	pool := dbtest.New(t)
	first := task.New(pool, fast)
	began := make(chan struct{})
	first.Handle("read", 0, func(ctx context.Context, run *task.Run) error {
		if err := run.Report(ctx, "embed", 3, 9); err != nil {
			return err
		}
		close(began)
		<-ctx.Done()
		return ctx.Err()
	})
	id := ask(t, first, task.Order{Kind: "read", Key: "k", MaxAttempts: 1})
	stop := start(t, first)
	receive(t, began)
	if found, err := first.Find(t.Context(), "read", "k"); err != nil || found["k"].Stage != "embed" || found["k"].Done != 3 || found["k"].State != task.Running {
		t.Errorf("progress shows %+v, %v", found["k"], err)
	}
	stop()
	if got, err := first.Get(t.Context(), id); err != nil || got.State != task.Queued {
		t.Fatalf("after the stop: %+v, %v", got, err)
	}
	second := task.New(pool, fast)
	second.Handle("read", 0, func(context.Context, *task.Run) error { return nil })
	start(t, second)
	if got := wait(t, second, id); got.State != task.Done {
		t.Errorf("a stop cost the only attempt: %+v", got)
	}
}

func TestLeaseIsRenewed(t *testing.T) {
	pool := dbtest.New(t)
	cfg := task.Config{Lease: 300 * time.Millisecond, Poll: 20 * time.Millisecond}
	first, second := task.New(pool, cfg), task.New(pool, cfg)
	held := make(chan struct{})
	long := func(ctx context.Context, _ *task.Run) error {
		// Longer than three leases, as the database sees it.
		for {
			var over bool
			if err := pool.QueryRow(ctx, `SELECT now() > created_at + interval '1 s' FROM task`).Scan(&over); err != nil || over {
				close(held)
				return err
			}
		}
	}
	first.Handle("read", 0, long)
	second.Handle("read", 0, long)
	id := ask(t, first, task.Order{Kind: "read", Key: "k"})
	start(t, first)
	start(t, second)
	receive(t, held)
	if got := wait(t, first, id); got.State != task.Done || got.Attempts != 1 {
		t.Errorf("work longer than its lease ended as %+v", got)
	}
}

func TestWorkerTakenForDeadCannotReport(t *testing.T) {
	pool := dbtest.New(t)
	cfg := task.Config{Lease: time.Hour, Poll: 20 * time.Millisecond} // no renewal in between
	first, second := task.New(pool, cfg), task.New(pool, cfg)
	began, succeeded, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	first.Handle("read", 0, func(ctx context.Context, run *task.Run) error {
		close(began)
		<-succeeded
		err := run.Report(ctx, "late", 1, 1)
		late <- err
		return nil
	})
	second.Handle("read", 0, func(context.Context, *task.Run) error { return nil })
	id := ask(t, first, task.Order{Kind: "read", Key: "k"})
	start(t, first)
	receive(t, began)
	if _, err := pool.Exec(t.Context(), `UPDATE task SET locked_until = now() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	start(t, second)
	done := wait(t, second, id)
	close(succeeded)
	if err := receive(t, late); !errors.Is(err, task.ErrLost) {
		t.Errorf("the late report gave %v", err)
	}
	if got, err := second.Get(t.Context(), id); err != nil || !cmp.Equal(got, done) {
		t.Errorf("the late worker changed the task: %s, %v", cmp.Diff(done, got), err)
	}
}

func TestAttemptsAreLimitedInTime(t *testing.T) {
	q := task.New(dbtest.New(t), fast)
	q.Handle("read", 20*time.Millisecond, func(ctx context.Context, _ *task.Run) error {
		<-ctx.Done()
		return ctx.Err()
	})
	id := ask(t, q, task.Order{Kind: "read", Key: "k", MaxAttempts: 2})
	start(t, q)
	if got := wait(t, q, id); got.State != task.Failed || got.Attempts != 2 || got.Reason != task.ErrTimeout.Error() {
		t.Errorf("ended as %+v", got)
	}
}

func TestNotificationsWake(t *testing.T) {
	pool := dbtest.New(t)
	q := task.New(pool, task.Config{Poll: time.Hour}) // polling cannot help
	q.Handle("read", 0, func(context.Context, *task.Run) error { return nil })
	listening := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var listener sync.WaitGroup
	listener.Go(func() {
		task.Listen(ctx, pool, nil, "cdss_task", func(payload string) {
			if payload == "" {
				listening <- struct{}{}
			}
		})
	})
	defer listener.Wait()
	defer cancel()
	start(t, q)
	receive(t, listening) // the queue's own listener may be later: it looks for work once it hears
	if got := wait(t, q, ask(t, q, task.Order{Kind: "read", Key: "k"})); got.State != task.Done {
		t.Errorf("ended as %+v", got)
	}
}

func TestFHIR(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	end := at.Add(time.Minute)
	got := task.Task{
		ID: "0198c1d2-0000-7000-8000-000000000001", Kind: "read-guideline", Key: "v1", State: task.Failed, Stage: "embed",
		Done: 3, Total: 9, Reason: "no text", CreatedAt: at, UpdatedAt: end, FinishedAt: &end,
	}.FHIR()
	r, err := fhir.ParseResource(got)
	if err != nil {
		t.Fatal(err)
	}
	if r.Type() != "Task" || r.ID() != "0198c1d2-0000-7000-8000-000000000001" {
		t.Errorf("is %s", r.Ref())
	}
	var have map[string]any
	if err := json.Unmarshal(got, &have); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"resourceType": "Task", "id": "0198c1d2-0000-7000-8000-000000000001", "status": "failed",
		"statusReason": map[string]any{"text": "no text"}, "businessStatus": map[string]any{"text": "embed"},
		"intent": "order", "code": map[string]any{"text": "read-guideline"},
		"focus":           map[string]any{"identifier": map[string]any{"value": "v1"}},
		"executionPeriod": map[string]any{"start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:01:00Z"},
		"authoredOn":      "2026-03-01T12:00:00Z", "lastModified": "2026-03-01T12:01:00Z",
		"output": []any{
			map[string]any{"type": map[string]any{"text": "done"}, "valueInteger": 3.0},
			map[string]any{"type": map[string]any{"text": "total"}, "valueInteger": 9.0},
		},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
)

var epoch time.Time

// await polls a condition of the database, with the test's deadline as its end.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Fifty writers and two leaders: every event gets one place, places have no gap, and
// of one writer's events the earlier stands before the later.
func TestChainUnderParallelWriters(t *testing.T) {
	trail, pool := open(t)
	second := attach(t, pool)
	ctx, stop := context.WithCancel(t.Context())
	var leading sync.WaitGroup
	for _, l := range []*audit.Trail{trail, second} {
		leading.Go(func() { _ = l.Run(ctx) })
	}
	const writers, each = 50, 20
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
					e := advice(t, trail, fmt.Sprint("Practitioner/", w), fmt.Sprint("p", i%7))
					e.Reason = fmt.Sprint(i)
					if err := audit.Append(t.Context(), tx, e); err != nil {
						return err
					}
					if i%5 == 4 { // leaves a gap in the sequence
						return errRefused
					}
					return nil
				})
				if err != nil && !errors.Is(err, errRefused) {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	await(t, "chaining", func() bool { return count(t, pool, `SELECT count(*) FROM audit_pending`) == 0 })
	stop()
	leading.Wait()
	const want = writers * each * 4 / 5
	r := verify(t, pool, audit.Check{})
	if !r.OK() || r.Events != want || r.First != 1 || r.Last != want {
		t.Errorf("%+v, want %d events", r, want)
	}
	// By writer: the number must grow with the position.
	if n := count(t, pool, `
		SELECT count(*) FROM (
			SELECT (e.detail::json ->> 'reason')::int AS i, lag((e.detail::json ->> 'reason')::int) OVER (PARTITION BY e.agent ORDER BY c.position) AS earlier
			FROM audit_chain c JOIN audit_event e ON e.seq = c.event) x
		WHERE i <= earlier`); n != 0 {
		t.Errorf("%d events stand before an earlier one of their writer", n)
	}
}

var errRefused = errors.New("refused")

// While one process chains, another one finds nothing to do; when the first dies in
// the middle, the other does all of it.
func TestOneLeadsAndMayDie(t *testing.T) {
	trail, pool := open(t)
	second := attach(t, pool)
	for i := range 5 {
		write(t, trail, advice(t, trail, "Practitioner/1", fmt.Sprint(i)))
	}
	// The leader stops where it would add links.
	gate, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exec(t, gate, `LOCK TABLE audit_chain IN SHARE ROW EXCLUSIVE MODE`)
	died := make(chan error, 1)
	go func() {
		_, err := trail.Chain(t.Context())
		died <- err
	}()
	const stuck = `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.relation = 'audit_chain'::regclass AND NOT l.granted`
	await(t, "the leader comes to the gate", func() bool { return count(t, pool, stuck) == 1 })
	chain(t, second, 0)
	exec(t, pool, `SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.relation = 'audit_chain'::regclass AND NOT l.granted`)
	if err := <-died; err == nil {
		t.Error("the leader was killed and says that all went well")
	}
	if err := gate.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	chained := 0
	await(t, "the other leads", func() bool { // as soon as the server has noticed the death
		n, err := second.Chain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		chained += n
		return chained == 5
	})
	if r := verify(t, pool, audit.Check{}); !r.OK() || r.Events != 5 {
		t.Errorf("%+v", r)
	}
}

// A process that dies between writing and chaining leaves the link to its successor.
func TestCrashBeforeChaining(t *testing.T) {
	trail, pool := open(t)
	write(t, trail, advice(t, trail, "Practitioner/1", "a"))
	if r := verify(t, pool, audit.Check{}); !r.OK() || r.Waiting != 1 || r.Events != 0 {
		t.Errorf("before: %+v", r)
	}
	successor := attach(t, pool)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = successor.Run(ctx) })
	await(t, "chaining", func() bool { return count(t, pool, `SELECT count(*) FROM audit_chain`) == 1 })
	await(t, "signing", func() bool { return count(t, pool, `SELECT count(*) FROM audit_head`) == 1 })
	stop()
	running.Wait()
	if r := verify(t, pool, audit.Check{}); !r.OK() || r.Waiting != 0 || r.Events != 1 || r.Heads != 1 {
		t.Errorf("afterwards: %+v", r)
	}
}

// A long transaction elsewhere must not hold the chain up: what it wrote is chained
// when it ends.
func TestLateCommit(t *testing.T) {
	trail, pool := open(t)
	late, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.Append(t.Context(), late, advice(t, trail, "Practitioner/1", "late")); err != nil {
		t.Fatal(err)
	}
	write(t, trail, advice(t, trail, "Practitioner/2", "soon"))
	chain(t, trail, 1)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain(t, trail, 1)
	if r := verify(t, pool, audit.Check{}); !r.OK() || r.Events != 2 {
		t.Errorf("%+v", r)
	}
}

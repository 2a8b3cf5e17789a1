package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/task"
)

// notes are kept for ten days; a kind of record of these tests' own.
var notes = audit.Keep{
	Records: "note", Days: 10, Least: 1, Most: 100,
	Expire: func(ctx context.Context, tx pgx.Tx, older time.Time, most int) (int64, error) {
		tag, err := tx.Exec(ctx, `DELETE FROM note WHERE n IN (SELECT n FROM note WHERE at < $1 LIMIT $2)`, older, most)
		return tag.RowsAffected(), err
	},
}

// keeping starts a worker that deletes what was kept long enough.
func keeping(t *testing.T, pool *pgxpool.Pool, keeps ...audit.Keep) (*audit.Retention, *task.Queue) {
	t.Helper()
	queue := task.New(pool, task.Config{Poll: 20 * time.Millisecond})
	r := audit.NewRetention(pool, queue, keeps...)
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { _ = queue.Run(ctx) })
	t.Cleanup(func() { stop(); working.Wait() })
	return r, queue
}

// tidy has the work done now.
func tidy(t *testing.T, r *audit.Retention, queue *task.Queue) {
	t.Helper()
	id, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done, err := queue.Wait(t.Context(), id)
	if err != nil || done.State != task.Done {
		t.Fatalf("%+v, %v", done, err)
	}
}

// proofs lists what the trail says was deleted of a kind of record.
func proofs(t *testing.T, trail *audit.Trail, records string) (list []string) {
	t.Helper()
	err := trail.Each(t.Context(), audit.Filter{}, func(r audit.Record) error {
		if r.Kind == audit.Retain && strings.Contains(r.Detail, `"`+records+`"`) {
			_, after, _ := strings.Cut(r.Detail, `"name":"deleted","value":"`)
			n, _, _ := strings.Cut(after, `"`)
			list = append(list, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRecordsAreDeletedAfterTheirTimeAndThatIsProved(t *testing.T) {
	trail, pool := open(t)
	exec(t, pool, `CREATE TABLE note (n int, at timestamptz)`)
	exec(t, pool, `INSERT INTO note SELECT i, now() - make_interval(days => i) FROM generate_series(1, 20) i`)
	r, queue := keeping(t, pool, notes)
	tidy(t, r, queue)
	if n := count(t, pool, `SELECT count(*) FROM note`); n != 9 {
		t.Errorf("%d notes are left, want those of 9 days", n)
	}
	if diff := cmp.Diff([]string{"11"}, proofs(t, trail, "note")); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
	if err := r.Set(audit.With(t.Context(), audit.Caller{User: "alice"}), "note", 5); err != nil {
		t.Fatal(err)
	}
	tidy(t, r, queue)
	tidy(t, r, queue)
	if n := count(t, pool, `SELECT count(*) FROM note`); n != 4 {
		t.Errorf("%d notes are left, want those of 4 days", n)
	}
	if diff := cmp.Diff([]string{"11", "5", "0"}, proofs(t, trail, "note")); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
	if did, err := trail.Did(t.Context(), "alice", epoch, epoch); err != nil || len(did) != 1 || did[0].Kind != audit.Configure {
		t.Errorf("who set it: %+v, %v", did, err)
	}
	settings, err := r.Settings(t.Context())
	want := audit.Setting{Records: "note", Days: 5, Default: 10, Least: 1, Most: 100}
	if err != nil || len(settings) != 3 || settings[0] != want {
		t.Errorf("%+v, %v", settings, err)
	}
	for days, kind := range map[int]issue.Kind{0: issue.Value, 101: issue.Value} {
		if err := r.Set(t.Context(), "note", days); !issue.Is(err, kind) {
			t.Errorf("%d days: %v", days, err)
		}
	}
	if err := r.Set(t.Context(), "letters", 5); !issue.Is(err, issue.NotFound) {
		t.Errorf("unknown records: %v", err)
	}
}

// What cannot be written down is not deleted.
func TestNoDeletionWithoutProof(t *testing.T) {
	_, pool := open(t)
	exec(t, pool, `CREATE TABLE note (n int, at timestamptz)`)
	exec(t, pool, `INSERT INTO note VALUES (1, 'epoch')`)
	exec(t, pool, `ALTER TABLE audit_event ADD CHECK (kind <> 'retention')`)
	r, queue := keeping(t, pool, notes)
	id, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "an attempt", func() bool {
		got, err := queue.Get(t.Context(), id)
		return err == nil && got.Attempts > 0 && got.State != task.Running
	})
	if n := count(t, pool, `SELECT count(*) FROM note`); n != 1 {
		t.Error("deleted without proof")
	}
}

func TestMoreThanOnePortion(t *testing.T) {
	trail, pool := open(t)
	exec(t, pool, `CREATE TABLE note (n int PRIMARY KEY, at timestamptz)`)
	exec(t, pool, `INSERT INTO note SELECT i, 'epoch' FROM generate_series(1, 12000) i`)
	r, queue := keeping(t, pool, notes)
	tidy(t, r, queue)
	if diff := cmp.Diff([]string{"5000", "5000", "2000"}, proofs(t, trail, "note")); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
}

// Audit events go too, from the beginning of the chain on; what is left still proves
// that nothing else is missing.
func TestOldAuditEventsAreDeletedAndTheChainHolds(t *testing.T) {
	trail, pool := open(t)
	for i := range 10 {
		e := advice(t, trail, "Practitioner/1", fmt.Sprint("p", i))
		e.At = time.Now().AddDate(-11, 0, i)
		if i >= 6 {
			e.At = time.Now().AddDate(0, 0, -i)
		}
		write(t, trail, e)
	}
	chain(t, trail, 10)
	r, queue := keeping(t, pool)
	tidy(t, r, queue)
	tidy(t, r, queue) // says again what is gone
	if n := count(t, pool, `SELECT count(*) FROM audit_event WHERE kind = 'advice'`); n != 4 {
		t.Errorf("%d events are left, want 4", n)
	}
	chain(t, trail, 4)
	got := verify(t, pool, audit.Check{})
	if !got.OK() || got.Deleted != 6 || got.Events != 8 {
		t.Errorf("%+v", got)
	}
	// Even the owner of the tables cannot delete a young one, nor hide an old one
	// behind the next run.
	if _, err := pool.Exec(t.Context(), `SELECT audit_prune(1, 100, 'infinity')`); state(err) != "42501" {
		t.Errorf("young events deleted: %s", state(err))
	}
	old := advice(t, trail, "Practitioner/1", "x")
	old.At = time.Now().AddDate(-2, 0, 0)
	write(t, trail, old, old, advice(t, trail, "Practitioner/1", "y"))
	chain(t, trail, 3)
	exec(t, pool, `DELETE FROM audit_event WHERE recorded < now() - interval '1 year' AND agent = 'Practitioner/1'`)
	tidy(t, r, queue)
	chain(t, trail, 2)
	if got := verify(t, pool, audit.Check{}); len(got.Faults) != 2 || !strings.Contains(got.Faults[0].Problem, "missing") {
		t.Errorf("two old events were taken away: %+v", got)
	}
	tamper(t, pool, `UPDATE audit_event SET recorded = recorded - interval '11 years' WHERE seq <= (SELECT event FROM audit_chain WHERE position = 17)`)
	tidy(t, r, queue)
	chain(t, trail, 2)
	got = verify(t, pool, audit.Check{})
	said := false
	for _, f := range got.Faults {
		said = said || strings.Contains(f.Problem, "events were missing when old ones were deleted")
	}
	if !said {
		t.Errorf("the run that found two missing does not say so: %+v", got.Faults)
	}
}

package access_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/access"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/migrations/dbtest"
)

func open(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// replays waits longer for the database than a hook may: a crowd on a busy test
// machine takes its time.
func replays(pool *pgxpool.Pool, degraded *atomic.Int64) *access.Replays {
	r := access.NewReplays(access.ReplaysConfig{Wait: 30 * time.Second, Degraded: func() { degraded.Add(1) }})
	if pool != nil {
		r.Attach(pool)
	}
	return r
}

func use(t testing.TB, r *access.Replays, jti string) bool {
	t.Helper()
	first, err := r.Use(t.Context(), issuer, jti, time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// TestOneOfFiftyOnTwoReplicas: T1.15.
func TestOneOfFiftyOnTwoReplicas(t *testing.T) {
	dsn := dbtest.DSN(t)
	var degraded atomic.Int64
	replicas := []*access.Replays{replays(open(t, dsn), &degraded), replays(open(t, dsn), &degraded)}
	for _, r := range replicas { // open connections, as in a server that runs
		use(t, r, "warm")
	}
	for round := range 4 {
		jti := fmt.Sprint("jti-", round)
		var first atomic.Int64
		var all sync.WaitGroup
		gate := make(chan struct{})
		for i := range 50 {
			all.Go(func() {
				<-gate
				if use(t, replicas[i%2], jti) {
					first.Add(1)
				}
			})
		}
		close(gate)
		all.Wait()
		if first.Load() != 1 || degraded.Load() != 0 {
			t.Errorf("round %d: %d of 50 are the first, %d were not shared", round, first.Load(), degraded.Load())
		}
	}
	if use(t, replicas[0], "jti-0") || use(t, replicas[1], "jti-0") {
		t.Error("a used token is accepted later")
	}
	if !use(t, replicas[1], "jti-new") || use(t, replicas[0], "jti-new") {
		t.Error("a replica does not know what the other has accepted")
	}
	if first, _ := replicas[0].Use(t.Context(), "https://other.example", "jti-0", time.Now()); !first {
		t.Error("the same jti of another issuer is refused")
	}
}

// TestDatabaseAway: T1.16.
func TestDatabaseAway(t *testing.T) {
	for name, pool := range map[string]*pgxpool.Pool{"not attached": nil, "no answer": away(t)} {
		t.Run(name, func(t *testing.T) {
			var degraded atomic.Int64
			r := access.NewReplays(access.ReplaysConfig{Degraded: func() { degraded.Add(1) }})
			if pool != nil {
				r.Attach(pool)
			}
			begin := time.Now()
			if !use(t, r, "a") || use(t, r, "a") || !use(t, r, "b") {
				t.Error("without the database, memory does not serve")
			}
			if took := time.Since(begin); took > time.Second {
				t.Errorf("three tokens took %s", took)
			}
			if degraded.Load() != 2 {
				t.Errorf("%d tokens are counted as not shared", degraded.Load())
			}
			closed := access.NewReplays(access.ReplaysConfig{Closed: true})
			if pool != nil {
				closed.Attach(pool)
			}
			first, err := closed.Use(t.Context(), issuer, "a", time.Now().Add(time.Minute))
			if first || !issue.Is(err, issue.Transient) {
				t.Errorf("closed gives %v, %v", first, err)
			}
		})
	}
}

func TestWhatExpiredIsForgotten(t *testing.T) {
	pool := dbtest.New(t)
	now := start
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	r := access.NewReplays(access.ReplaysConfig{Now: clock, Wait: 30 * time.Second})
	r.Attach(pool)
	for i := range 10 {
		if _, err := r.Use(t.Context(), issuer, fmt.Sprint(i), start.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int) {
		t.Helper()
		if err := r.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM token_replay`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := count(); got != 10 {
		t.Errorf("%d are kept at first", got)
	}
	mu.Lock()
	now = start.Add(10*time.Minute + 30*time.Second)
	mu.Unlock()
	// Kept five minutes longer than the token lives.
	if got := count(); got != 4 {
		t.Errorf("%d are kept", got)
	}
}

// TestMemoryIsBounded: more tokens than are remembered do not grow it, and the
// database still knows all of them.
func TestMemoryIsBounded(t *testing.T) {
	var degraded atomic.Int64
	r := replays(nil, &degraded)
	for i := range 60_000 {
		if !use(t, r, fmt.Sprint(i)) {
			t.Fatalf("token %d is refused", i)
		}
	}
	if use(t, r, "59999") || use(t, r, "20000") {
		t.Error("a token of late is forgotten")
	}
	if !use(t, r, "1") {
		t.Error("all of 60000 tokens are remembered")
	}
}

// TestStrangeNonces: whatever a registered client puts into jti can be stored.
func TestStrangeNonces(t *testing.T) {
	var degraded atomic.Int64
	r := replays(dbtest.New(t), &degraded)
	for _, jti := range []string{"'; DROP TABLE token_replay; --", "ü\u202e\U0001F600", strings.Repeat("x", 512), " "} {
		if !use(t, r, jti) || use(t, r, jti) {
			t.Errorf("%q is not told from its second use", jti)
		}
	}
	if degraded.Load() != 0 {
		t.Errorf("%d could not be stored", degraded.Load())
	}
}

func BenchmarkUse(b *testing.B) {
	r := access.NewReplays(access.ReplaysConfig{})
	r.Attach(dbtest.New(b))
	for i := 0; b.Loop(); i++ {
		if _, err := r.Use(b.Context(), issuer, fmt.Sprint(i), time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
}

var _ smart.Replays = (*access.Replays)(nil)

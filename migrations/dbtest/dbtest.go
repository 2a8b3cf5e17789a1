// Package dbtest gives each test a real database of its own: PostgreSQL with pgvector,
// all migrations applied, gone when the test ends. It never skips and never mocks. All
// test processes of one run share a private cluster that nobody has to start; it ends by
// itself some seconds after the last of them. TEST_DATABASE_URL points to another server
// instead, whose user may create databases.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// The first test on a machine waits until pgvector is built.
	startLimit = 6 * time.Minute
	stepLimit  = time.Minute
	// As in production, so that a test that needs more notices.
	maxConns = 8
)

// process is this test process's share in the cluster: taken by the first test that
// asks, given back by the kernel when the process ends. It is the one thing that tests
// of a package have in common.
var process = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if address := os.Getenv("TEST_DATABASE_URL"); address != "" {
		return prepare(ctx, address)
	}
	address, users, err := share(ctx)
	if err != nil {
		return nil, err
	}
	server, err := prepare(ctx, address)
	if err != nil {
		return nil, err
	}
	server.users = users
	return server, nil
})

var count atomic.Int64 // of databases made by this process

// New gives a pool on a migrated database of the test's own. Each configure may change
// the pool's configuration, as the program does for its own pool (for example to
// register vector types). A connection still in use when the test ends is an error.
func New(t testing.TB, configure ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(DSN(t))
	if err != nil {
		t.Fatalf("read address of the test database: %v", err)
	}
	config.MaxConns = maxConns
	for _, change := range configure {
		change(config)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatalf("open pool on the test database: %v", err)
	}
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() {
			pool.Close()
			close(closed)
		}()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Error("a connection was not given back to the pool")
		}
	})
	return pool
}

// DSN gives the address of a migrated database of the test's own, for programs that
// open it themselves.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// Empty gives the address of a database of the test's own in which nothing is: no
// table and no extension.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

func create(t testing.TB, migrated bool) string {
	t.Helper()
	server, err := process()
	if err != nil {
		t.Fatalf("start the test database: %v", err)
	}
	// A server of TEST_DATABASE_URL may serve several machines.
	name := fmt.Sprintf("cdss_test_%d_%d_%s", os.Getpid(), count.Add(1), strings.ToLower(rand.Text()[:6]))
	step := func(do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
		defer cancel()
		return do(ctx)
	}
	if err := step(func(ctx context.Context) error { return server.create(ctx, name, migrated) }); err != nil {
		t.Fatalf("create test database %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := step(func(ctx context.Context) error { return server.drop(ctx, name) }); err != nil {
			t.Errorf("drop test database %s: %v", name, err)
		}
	})
	return server.dsn(name)
}

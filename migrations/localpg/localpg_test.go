package localpg_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/localpg"
)

// runIn makes this test binary a program that runs a cluster until it is killed.
const runIn = "LOCALPG_TEST_RUN_IN"

func TestMain(m *testing.M) {
	dir := os.Getenv(runIn)
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, err := localpg.Start(context.Background(), localpg.Config{DataDir: dir, Test: true}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	select {}
}

func start(t *testing.T, cfg localpg.Config) *localpg.Cluster {
	t.Helper()
	cfg.Test = true
	c, err := localpg.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	return c
}

func query[T any](t *testing.T, c *localpg.Cluster, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("cdss"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestStartStopAndStartAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := start(t, localpg.Config{DataDir: dir})
	query[int](t, c, `WITH made AS (SELECT 1) SELECT count(*) FROM made`)
	conn, err := pgx.Connect(t.Context(), c.DSN("cdss"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `CREATE EXTENSION vector; CREATE TABLE kept AS SELECT '[1,2]'::halfvec AS emb`); err != nil {
		t.Fatalf("pgvector does not work: %v", err)
	}
	conn.Close(t.Context())
	if err := c.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := c.Stop(); err != nil {
		t.Errorf("stop twice: %v", err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("the server still runs after Stop")
	}
	if got := serversIn(t, dir); len(got) > 0 {
		t.Errorf("processes left: %v", got)
	}

	c = start(t, localpg.Config{DataDir: dir})
	if got := query[string](t, c, `SELECT emb::text FROM kept`); got != "[1,2]" {
		t.Errorf("after the second start the table holds %s", got)
	}
	if got := query[string](t, c, `SHOW listen_addresses`); got != "" {
		t.Errorf("listens on %q, want the socket only", got)
	}
	if got := query[string](t, c, `SHOW server_encoding`); got != "UTF8" {
		t.Errorf("server_encoding is %s", got)
	}
}

func TestDataOfOrdinaryStartIsDurable(t *testing.T) {
	t.Parallel()
	c, err := localpg.Start(t.Context(), localpg.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if got := query[string](t, c, `SHOW `+setting); got != "on" {
			t.Errorf("%s is %s", setting, got)
		}
	}
}

func TestSecondProcessAttaches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner := start(t, localpg.Config{DataDir: dir})
	guest := start(t, localpg.Config{DataDir: dir})
	if owner.Info().Attached || !guest.Info().Attached {
		t.Fatalf("attached: owner %v, guest %v", owner.Info().Attached, guest.Info().Attached)
	}
	if err := guest.Stop(); err != nil {
		t.Errorf("stop of a guest: %v", err)
	}
	if got := query[int](t, owner, `SELECT 1`); got != 1 {
		t.Errorf("the owner's database answers %d after a guest has left", got)
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-directory-with-a-long-name/", 4))
	c := start(t, localpg.Config{DataDir: dir})
	if got := query[int](t, c, `SELECT 1`); got != 1 {
		t.Errorf("answers %d", got)
	}
}

func TestKilledProgramLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), runIn+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 200)
	n, _ := out.Read(line)
	if got := strings.TrimSpace(string(line[:n])); got != "started" {
		t.Fatalf("program said %q", got)
	}
	if len(serversIn(t, dir)) == 0 {
		t.Fatal("no server runs, so this test would see nothing")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	until(t, "the server is gone", func() bool { return len(serversIn(t, dir)) == 0 })

	c := start(t, localpg.Config{DataDir: dir})
	if got := query[int](t, c, `SELECT 1`); got != 1 {
		t.Errorf("the next start answers %d", got)
	}
}

func TestKilledServerRecovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := start(t, localpg.Config{DataDir: dir})
	for _, pid := range serversIn(t, dir) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	select {
	case <-c.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of the server was not noticed")
	}
	if err := c.Stop(); err == nil {
		t.Error("Stop does not tell that the server had died")
	}
	// Its file names a process that is ours: it lives, but it is no server.
	pidFile := filepath.Join(dir, "postgres", "data", "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), "\n")
	if err := os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s", os.Getppid(), rest), 0o600); err != nil {
		t.Fatal(err)
	}

	c = start(t, localpg.Config{DataDir: dir})
	if got := query[int](t, c, `SELECT 1`); got != 1 {
		t.Errorf("the next start answers %d", got)
	}
}

func TestUnusableBinaries(t *testing.T) {
	empty := t.TempDir()
	_, err := localpg.Start(t.Context(), localpg.Config{DataDir: t.TempDir(), BinDir: empty})
	if err == nil {
		t.Fatal("started without PostgreSQL")
	}
	for _, part := range []string{empty, "postgresql", "DATABASE_URL"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than a line: %q", err)
	}
}

func TestOtherMajorVersion(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := localpg.Start(t.Context(), localpg.Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "install postgresql-9") {
		t.Errorf("got %v, want the package that made the data", err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := localpg.Start(ctx, localpg.Config{DataDir: dir, Test: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if got := serversIn(t, dir); len(got) > 0 {
		t.Errorf("processes left: %v", got)
	}
	start(t, localpg.Config{DataDir: dir})
}

// serversIn lists the processes that work in the data directory below dir.
func serversIn(t *testing.T, dir string) []int {
	t.Helper()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || cwd != filepath.Join(real, "postgres", "data") {
			continue
		}
		var pid int
		fmt.Sscanf(link, "/proc/%d/cwd", &pid)
		pids = append(pids, pid)
	}
	return pids
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(limit) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks; what is awaited has no event
	}
}

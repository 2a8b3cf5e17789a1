package dbtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/migrations"
	"cdss/migrations/localpg"
)

// useAndWait makes this test binary a test process that takes its share in a cluster,
// says so, and then hangs until it is killed.
const useAndWait = "DBTEST_TEST_USE_AND_WAIT"

func TestMain(m *testing.M) {
	if os.Getenv(useAndWait) == "" {
		os.Exit(m.Run())
	}
	linger = 200 * time.Millisecond
	server, err := process()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.address)
	select {}
}

func TestParallelTestsHaveDatabasesOfTheirOwn(t *testing.T) {
	for i := range 6 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pool := New(t)
			if _, err := pool.Exec(t.Context(), `INSERT INTO guideline (identifier) VALUES ('same in all')`); err != nil {
				t.Fatal(err)
			}
			var rows int
			if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM guideline`).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows != 1 {
				t.Errorf("sees %d guidelines, want its own only", rows)
			}
		})
	}
}

func TestDatabasesAreDropped(t *testing.T) {
	var address string
	t.Run("user", func(t *testing.T) {
		address = DSN(t)
		status, err := migrations.Status(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if status.Pending != 0 || status.Current != status.Latest || status.Pgvector == "" {
			t.Errorf("a fresh database has %+v", status)
		}
	})
	if conn, err := pgx.Connect(t.Context(), address); err == nil {
		conn.Close(t.Context())
		t.Error("the database still exists after its test")
	}
}

func TestEmpty(t *testing.T) {
	status, err := migrations.Status(t.Context(), Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	if status.Current != 0 || status.Pgvector != "" {
		t.Errorf("an empty database has %+v", status)
	}
}

func TestConfigure(t *testing.T) {
	pool := New(t, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["application_name"] = "as configured" })
	var name string
	if err := pool.QueryRow(t.Context(), `SHOW application_name`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	if name != "as configured" {
		t.Errorf("application_name is %q", name)
	}
}

func TestKilledProcessesLeaveNothing(t *testing.T) {
	tmp := t.TempDir()
	first, address := user(t, "TMPDIR="+tmp)
	second, other := user(t, "TMPDIR="+tmp)
	if address != other {
		t.Errorf("two test processes do not share a cluster: %s and %s", address, other)
	}
	kill(first)
	if !answers(t.Context(), address) {
		t.Error("the cluster ended with the process that started it")
	}
	kill(second)
	dir := filepath.Join(tmp, fmt.Sprint("cdss-dbtest-", os.Geteuid()))
	limit := time.Now().Add(30 * time.Second)
	for {
		idle, err := free(dir, "supervisor.lock")
		if err != nil {
			t.Fatal(err)
		}
		if idle {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the supervisor does not end")
		}
		if err := pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if answers(t.Context(), address) {
		t.Error("the cluster runs without users")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "run-*")); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}

func TestOtherServer(t *testing.T) {
	cluster, err := localpg.Start(t.Context(), localpg.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	_, address := user(t, "TEST_DATABASE_URL="+cluster.DSN("postgres"))
	if address != cluster.DSN("postgres") {
		t.Errorf("uses %s instead of the server it was given", address)
	}
	// It has fsync on, and so another way of cloning.
	server, err := prepare(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.create(t.Context(), "cloned", true); err != nil {
		t.Fatal(err)
	}
	status, err := migrations.Status(t.Context(), server.dsn("cloned"))
	if err != nil || status.Pending != 0 {
		t.Errorf("the clone has %+v, %v", status, err)
	}
}

func TestReasonOfFailedStart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), useAndWait+"=1", "TMPDIR="+t.TempDir(), "CDSS_POSTGRES_BIN="+empty)
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), empty) {
		t.Errorf("without PostgreSQL a test process says %q, want the reason", out)
	}
}

func TestKeywordAddress(t *testing.T) {
	s := &server{address: "host=/somewhere dbname=postgres user=cdss"}
	config, err := pgx.ParseConfig(s.dsn("other"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Database != "other" {
		t.Errorf("database is %q", config.Database)
	}
}

// user starts a test process that uses a cluster and gives the cluster's address.
func user(t *testing.T, env string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), useAndWait+"=1", env)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("test process ended: %v", err)
	}
	return cmd, strings.TrimSpace(line)
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

package localpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	fastShutdown      = 20 * time.Second // after SIGINT
	immediateShutdown = 5 * time.Second  // after SIGQUIT, before SIGKILL
)

// server is the process of a cluster.
type server struct {
	process *os.Process
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; read after done
	log     string        // path of what it says
}

// initialise makes a new cluster beside its final place and moves it there, so that an
// interrupted one is never taken for whole.
func initialise(ctx context.Context, bin, home string, who identity, test bool) error {
	fresh := filepath.Join(home, "data.new")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear %s: %w", fresh, err)
	}
	args := []string{"-D", fresh, "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", user, "--no-instructions"}
	if test {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	cmd.Dir = anywhere
	cmd.Env = who.environment(home)
	cmd.SysProcAttr = who.attributes(syscall.SIGTERM)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the private database in %s: %w: %s", home, err, lastLine(string(out)))
	}
	if err := os.Rename(fresh, filepath.Join(home, "data")); err != nil {
		return fmt.Errorf("make the private database: %w", err)
	}
	return nil
}

// launch starts the server and waits until it accepts connections.
func launch(ctx context.Context, bin, home, socketDir string, who identity, test bool) (*server, error) {
	limit := time.Now().Add(readyLimit)
	for {
		s, err := startServer(bin, home, socketDir, who, test)
		if err != nil {
			return nil, err
		}
		err = s.awaitReady(ctx, dsn(socketDir, "postgres"))
		if err == nil {
			return s, nil
		}
		s.stop()
		// Sessions of a server that was killed hold its shared memory for a moment.
		if !strings.Contains(s.tail(), "pre-existing shared memory block") || time.Now().After(limit) {
			return nil, err
		}
		if err := pause(ctx, 4*readyPoll); err != nil {
			return nil, err
		}
	}
}

func startServer(bin, home, socketDir string, who identity, test bool) (*server, error) {
	s := &server{done: make(chan struct{}), log: filepath.Join(home, "server.log")}
	// A new file, not the old one emptied: root may have started the cluster before.
	if err := os.Remove(s.log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clear log of the private database: %w", err)
	}
	log, err := os.OpenFile(s.log, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of the private database: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(bin, "postgres"), arguments(home, socketDir, test)...)
	cmd.Dir = anywhere
	cmd.Env = who.environment(home)
	cmd.Stderr = log
	cmd.SysProcAttr = who.attributes(syscall.SIGINT)
	started := make(chan error)
	go func() {
		// Never unlocked: the thread that forks must live as long as the server.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.err = cmd.Wait()
			close(s.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the private database: %w", err)
	}
	s.process = cmd.Process
	return s, nil
}

func arguments(home, socketDir string, test bool) []string {
	settings := []string{
		"listen_addresses=", // the socket only
		"unix_socket_directories=" + socketDir,
		"unix_socket_permissions=0700",
		"port=5432", // names the socket file
		"shared_buffers=64MB",
		"jit=off", // compiling costs more than our queries
		"timezone=UTC",
		"logging_collector=off",
		// Parallel builds of HNSW indexes overflow a buffer in pgvector before 0.8.2
		// (CVE-2026-3172).
		"max_parallel_maintenance_workers=0",
		// What is stored does not belong into the log.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
		"log_parameter_max_length=0",
		"log_parameter_max_length_on_error=0",
	}
	if test {
		settings = append(settings, "max_connections=200", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	} else {
		settings = append(settings, "max_connections=40")
	}
	args := []string{"-D", filepath.Join(home, "data")}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func (s *server) awaitReady(ctx context.Context, dsn string) error {
	began, limit := time.Now(), readyLimit
	for {
		err := ping(ctx, dsn)
		if err == nil {
			return nil
		}
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "57P03" { // cannot_connect_now: it lives and is recovering
			limit = recoverLimit
		}
		if time.Since(began) > limit {
			return fmt.Errorf("the private database did not become ready within %s: %s", limit, s.tail())
		}
		select {
		case <-s.done:
			return fmt.Errorf("the private database did not start: %s", s.tail())
		case <-ctx.Done():
			return fmt.Errorf("start the private database: %w", context.Cause(ctx))
		case <-time.After(readyPoll):
		}
	}
}

// stop ends the process in the gentlest way that works.
func (s *server) stop() error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastShutdown}, {syscall.SIGQUIT, immediateShutdown}, {syscall.SIGKILL, immediateShutdown}} {
		select {
		case <-s.done:
			return s.ended(step.signal)
		default:
		}
		if err := s.process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop the private database: %w", err)
		}
		select {
		case <-s.done:
			return s.ended(step.signal)
		case <-time.After(step.wait):
		}
	}
	return errors.New("the private database does not stop")
}

func (s *server) ended(by syscall.Signal) error {
	if by != syscall.SIGINT {
		return errors.New("the private database did not stop in time and was ended at once; the next start recovers it")
	}
	if s.err != nil {
		return fmt.Errorf("the private database ended: %w: %s", s.err, s.tail())
	}
	return nil
}

// tail gives the end of what the server said, on one line.
func (s *server) tail() string {
	f, err := os.Open(s.log)
	if err != nil {
		return "its log cannot be read"
	}
	defer f.Close()
	const size = 4 << 10
	if info, err := f.Stat(); err == nil && info.Size() > size {
		f.Seek(-size, io.SeekEnd)
	}
	said, err := io.ReadAll(io.LimitReader(f, size))
	if err != nil {
		return "its log cannot be read"
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], " | ")
}

// clearStale makes way for a start where a killed process left a server that is still
// going down, or the file that names one. The caller holds the lock of the cluster, so
// no living program minds.
func clearStale(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	began := time.Now()
	for {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil // none, or not ours to read: PostgreSQL itself will say so
		}
		first, _, _ := strings.Cut(string(content), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || pid <= 1 {
			return nil
		}
		running, known := servesFrom(pid, data)
		if !known {
			return nil
		}
		if !running {
			// PostgreSQL would refuse to start if another program had that number by now.
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove stale %s: %w", file, err)
			}
			return nil
		}
		switch waited := time.Since(began); {
		case waited > fastShutdown+immediateShutdown:
			return fmt.Errorf("an old server (process %d) still runs in %s and does not stop", pid, data)
		case waited > fastShutdown:
			syscall.Kill(pid, syscall.SIGQUIT)
		default:
			syscall.Kill(pid, syscall.SIGINT)
		}
		if err := pause(ctx, 4*readyPoll); err != nil {
			return err
		}
	}
}

// servesFrom tells whether process pid is a server working in data, which is a server's
// current directory; known is false where the system does not say.
func servesFrom(pid int, data string) (running, known bool) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return false, false
	}
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		// Gone, or another user's and so not the server that this user would run.
		return false, true
	}
	real, err := filepath.EvalSymlinks(data)
	return err == nil && cwd == real, true
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:12]
}

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/migrations/localpg"
)

// How processes share a cluster. Below one directory per user lie:
//
//	users.lock       each test process holds it shared, as long as it lives
//	supervisor.lock  the supervisor holds it alone, as long as it lives
//	run-*/           the cluster of the supervisor
//	address          of the running cluster
//	error            why the last supervisor could not start one
//
// The supervisor is a copy of whichever test process came first, since the cluster must
// outlive that one and `go test` runs nothing after the last package. It ends when it
// gets users.lock for itself: then nobody uses the cluster, and nobody can begin to. The
// kernel releases the locks of a killed process, so nothing stale is ever believed.

// superviseIn tells a process by its environment that it is the supervisor, and where.
const superviseIn = "CDSS_DBTEST_SUPERVISE"

// linger is how long a cluster without users waits for the next package to be compiled.
var linger = 10 * time.Second

// look is the time between two looks at a lock or an address.
const look = 50 * time.Millisecond

// An effect in init, which we avoid elsewhere: the alternative is a TestMain in every
// package with a database.
func init() {
	if order := os.Getenv(superviseIn); order != "" {
		if err := supervise(order); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// share gives the address of the shared cluster, and the lock that keeps it alive as long
// as the file is open.
func share(ctx context.Context) (address string, users *os.File, err error) {
	dir, err := directory()
	if err != nil {
		return "", nil, err
	}
	if users, err = open(dir, "users.lock"); err != nil {
		return "", nil, err
	}
	// Not granted while a supervisor is stopping its cluster.
	for {
		if ok, err := lock(users, syscall.LOCK_SH); err != nil {
			return "", nil, err
		} else if ok {
			break
		}
		if err := pause(ctx); err != nil {
			return "", nil, err
		}
	}
	address, err = await(ctx, dir)
	return address, users, err
}

// await gives the address of the cluster as soon as it answers, and starts a supervisor
// when there is none.
func await(ctx context.Context, dir string) (string, error) {
	var started chan error
	for {
		if address, err := os.ReadFile(filepath.Join(dir, "address")); err == nil && answers(ctx, string(address)) {
			return string(address), nil
		}
		idle, err := free(dir, "supervisor.lock")
		if err != nil {
			return "", err
		}
		select {
		case err := <-started:
			if err != nil {
				if reason, readErr := os.ReadFile(filepath.Join(dir, "error")); readErr == nil {
					err = errors.New(string(reason))
				}
				return "", err
			}
			started = nil // it found another supervisor at work
		default:
		}
		if idle && started == nil {
			if started, err = spawn(dir); err != nil {
				return "", err
			}
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}

// spawn starts a supervisor; the channel tells how it ended, should it end.
func spawn(dir string) (chan error, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Without our output, which `go test` reads until its last holder closes it, and in a
	// session of its own, so that an interrupt at the terminal does not reach it.
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), superviseIn+"="+dir+":"+linger.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// supervise runs the cluster until nobody has used it for a while. When another
// supervisor is at work it does nothing.
func supervise(order string) error {
	colon := strings.LastIndexByte(order, ':')
	dir := order[:colon]
	wait, err := time.ParseDuration(order[colon+1:])
	if err != nil {
		return err
	}
	alone, err := open(dir, "supervisor.lock")
	if err != nil {
		return err
	}
	defer alone.Close()
	if ok, err := lock(alone, syscall.LOCK_EX); err != nil || !ok {
		return err
	}
	users, err := open(dir, "users.lock")
	if err != nil {
		return err
	}
	if err := serve(dir, users, wait); err != nil {
		os.WriteFile(filepath.Join(dir, "error"), []byte(err.Error()), 0o644)
		return err
	}
	return nil
}

func serve(dir string, users *os.File, wait time.Duration) error {
	os.Remove(filepath.Join(dir, "error"))
	// What a killed supervisor left. Its server is gone or going.
	left, err := filepath.Glob(filepath.Join(dir, "run-*"))
	if err != nil {
		return err
	}
	for _, old := range left {
		os.RemoveAll(old)
	}
	run, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(run)
	if err := os.Chmod(run, 0o711); err != nil { // the server may run as another user
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cluster, err := localpg.Start(ctx, localpg.Config{DataDir: run, BinDir: os.Getenv("CDSS_POSTGRES_BIN"), Test: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	defer os.Remove(filepath.Join(dir, "address"))
	fresh := filepath.Join(run, "address")
	if err := os.WriteFile(fresh, []byte(cluster.DSN("postgres")), 0o644); err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(dir, "address")); err != nil {
		return err
	}
	for used := time.Now(); ; {
		select {
		case <-cluster.Done():
			return errors.New("the test database ended by itself")
		case <-time.After(look):
		}
		idle, err := lock(users, syscall.LOCK_EX)
		if err != nil {
			return err
		}
		if !idle {
			used = time.Now()
			continue
		}
		if time.Since(used) > wait {
			return nil // with the lock, which ends with the process
		}
		if err := syscall.Flock(int(users.Fd()), syscall.LOCK_UN); err != nil {
			return err
		}
	}
}

// directory is this user's place for the shared cluster. Its name can be guessed and the
// directory for temporary files is everybody's: one that somebody else has made is refused.
func directory() (string, error) {
	dir := filepath.Join(os.TempDir(), "cdss-dbtest-"+strconv.Itoa(os.Geteuid()))
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to another user", dir)
	}
	return dir, os.Chmod(dir, 0o711)
}

func open(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
}

// lock takes a lock of the given kind, or tells that others are in the way.
func lock(file *os.File, kind int) (bool, error) {
	err := syscall.Flock(int(file.Fd()), kind|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return true, nil
}

// free tells whether nobody holds the lock.
func free(dir, name string) (bool, error) {
	file, err := open(dir, name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	return lock(file, syscall.LOCK_EX)
}

func answers(ctx context.Context, address string) bool {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(look):
		return nil
	}
}

// Package localpg runs a private PostgreSQL cluster with pgvector for a program that
// was given no database: during development, in demonstrations and in tests. The
// cluster listens on a Unix socket in its own directory only, runs as long as the
// process that started it, and is gone within seconds even when that process is killed.
//
// It finds an installed PostgreSQL and, where that one lacks pgvector, builds it once
// from the distribution's source package into a cache. It refuses to install anything,
// to download from an address of its own, and to serve production: there a database is
// configured (DATABASE_URL).
package localpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// user is the superuser of the cluster, database the one the program works in.
	user     = "cdss"
	database = "cdss"

	readyPoll    = 50 * time.Millisecond
	readyLimit   = 60 * time.Second
	recoverLimit = 10 * time.Minute // while PostgreSQL itself says that it is recovering
	attachLimit  = 3 * time.Minute  // the other process may be building pgvector
)

// Config says where a cluster lives. Only DataDir is required.
type Config struct {
	DataDir  string       // the cluster is DataDir/postgres; created when absent
	CacheDir string       // keeps a pgvector built here; "" is the user's cache directory, or DataDir/cache when there is none
	BinDir   string       // directory of postgres, initdb and pg_config; "" searches the usual places
	Test     bool         // trades durability for speed: never for data that is to be kept
	Log      *slog.Logger // nil discards
}

// Info describes a running cluster to people.
type Info struct {
	PostgreSQL string // version, with the distribution's revision where it states one
	Pgvector   string
	BinDir     string
	RunsAs     string // operating system user
	Attached   bool   // another process started it and will stop it
}

// Cluster is a running private cluster.
type Cluster struct {
	home      string
	socketDir string
	info      Info
	server    *server   // nil when attached
	lock      *fileLock // nil when attached
	stop      sync.Once
	stopErr   error
}

// Start starts the cluster in cfg.DataDir, making it first when there is none, and
// returns when it accepts connections and its database "cdss" exists. ctx limits the
// start, not the life of the cluster. When another live process has started the cluster
// already, Start attaches to it. The error is one line that says what to do.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	dataDir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("locate data directory %s: %w", cfg.DataDir, err)
	}
	cfg.DataDir = dataDir
	// Readable by all, since the server may run as another user; what is private below
	// has its own permissions.
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	home := filepath.Join(dataDir, "postgres")
	socketDir := socketDirectory(home)
	lock, err := lockOrAttach(ctx, filepath.Join(dataDir, "postgres.lock"), socketDir, cfg.Log)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		cfg.Log.Info("using the private database of another cdss process", "dir", home)
		return &Cluster{socketDir: socketDir, info: Info{Attached: true}}, nil
	}
	c := &Cluster{home: home, socketDir: socketDir, lock: lock}
	if err := c.start(ctx, cfg); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, cfg Config) error {
	began, home := time.Now(), c.home
	data := filepath.Join(home, "data")
	if err := clearStale(ctx, data); err != nil {
		return err
	}
	major, err := madeBy(data)
	if err != nil {
		return err
	}
	inst, err := find(binDirs(cfg.BinDir), major)
	if err != nil {
		return err
	}
	tree, err := withPgvector(ctx, cfg, inst)
	if err != nil {
		return err
	}
	who, err := chooseIdentity(ctx, home, c.socketDir, tree.bin)
	if err != nil {
		return err
	}
	c.info = Info{PostgreSQL: inst.version, Pgvector: tree.pgvector, BinDir: tree.bin, RunsAs: who.name}
	if major == 0 {
		if err := initialise(ctx, tree.bin, home, who, cfg.Test); err != nil {
			return err
		}
	}
	c.server, err = launch(ctx, tree.bin, home, c.socketDir, who, cfg.Test)
	if err != nil {
		return err
	}
	if err := c.ensureDatabase(ctx); err != nil {
		return err
	}
	cfg.Log.Info("private database started", "dir", home, "postgresql", c.info.PostgreSQL, "pgvector", c.info.Pgvector,
		"runs_as", c.info.RunsAs, "ms", time.Since(began).Milliseconds())
	return nil
}

// DSN is the address of a database of the cluster. It holds no secret: who may open
// the socket is decided by its directory.
func (c *Cluster) DSN(database string) string { return dsn(c.socketDir, database) }

// Info describes the cluster.
func (c *Cluster) Info() Info { return c.info }

// Done is closed when the server process has ended, by Stop or by itself. It is nil,
// which never becomes ready, for a cluster that another process runs.
func (c *Cluster) Done() <-chan struct{} {
	if c.server == nil {
		return nil
	}
	return c.server.done
}

// Stop ends the cluster and waits for it: 20 s for open transactions to be rolled back
// and data to be written, then at once, which the next start recovers from. Stopping
// twice, or a cluster that another process runs, does nothing.
func (c *Cluster) Stop() error {
	c.stop.Do(func() {
		if c.server != nil {
			c.stopErr = c.server.stop()
		}
		if c.lock != nil {
			if c.socketDir != c.home {
				os.Remove(c.socketDir) // only when empty: a server that would not stop keeps it
			}
			c.lock.release()
		}
	})
	return c.stopErr
}

func (c *Cluster) ensureDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private database: %w", err)
	}
	defer conn.Close(ctx)
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, `CREATE DATABASE `+database)
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	return nil
}

func dsn(socketDir, database string) string {
	q := url.Values{"host": {socketDir}, "port": {"5432"}, "user": {user}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(database) + "?" + q.Encode()
}

// lockOrAttach gives the lock on the cluster, or nil when another process holds it and
// its database answers. A process that is just starting or stopping is waited for.
func lockOrAttach(ctx context.Context, path, socketDir string, log *slog.Logger) (*fileLock, error) {
	limit := time.Now().Add(attachLimit)
	for waiting := false; ; waiting = true {
		lock, err := tryLock(path)
		if err != nil {
			return nil, fmt.Errorf("lock the private database: %w", err)
		}
		if lock != nil {
			return lock, nil
		}
		err = ping(ctx, dsn(socketDir, database))
		if err == nil {
			return nil, nil
		}
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("the private database in %s is run by another user: run as that user, or set CDSS_DATA_DIR or DATABASE_URL", filepath.Dir(path))
		}
		if time.Now().After(limit) {
			return nil, fmt.Errorf("another process holds %s, but its database does not answer", path)
		}
		if !waiting {
			log.Info("waiting for another cdss process to start or stop the private database", "lock", path)
		}
		if err := pause(ctx, 2*readyPoll); err != nil {
			return nil, err
		}
	}
}

// ping opens one connection and closes it.
func ping(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("start the private database: %w", context.Cause(ctx))
	case <-time.After(d):
		return nil
	}
}

// Package migrations is the schema of the one database, as numbered SQL files, and
// the way it gets there. It knows PostgreSQL and pgvector and no wing of the house:
// what the tables mean is said where they are read and written. Migrations only go
// forward, change one thing each, and are safe while the previous version of the
// program still runs.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed *.sql
var files embed.FS

// The oldest pgvector with what the queries use: halfvec and iterative index scans.
var minPgvector = [3]int{0, 8, 0}

// extensionLock keeps two starters from creating the extension at once, which
// IF NOT EXISTS does not. The number is arbitrary and ours.
const extensionLock = 7_234_018_551

// Apply brings the database at dsn to the newest schema, creating the extension
// vector first. It opens its own plain connection and closes it: a pool whose
// connections register vector types can only be opened afterwards. Several starters
// may call it at once; one applies, the others wait up to 120 s. Behind a pooler in
// transaction mode, dsn must be the direct address, since the lock is the session's.
func Apply(ctx context.Context, dsn string, log *slog.Logger) error {
	db, err := open(dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := createExtension(ctx, db); err != nil {
		return err
	}
	// The default of 5 s between two tries makes each waiting starter late.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
	if err != nil {
		return fmt.Errorf("make migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.Info("migration applied", "file", path.Base(r.Source.Path), "duration_ms", r.Duration.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("apply migrations: %w", err)
	}
	return nil
}

// State is how a database compares with the migrations of this program.
type State struct {
	Current  int64  // newest migration the database has, 0 for an empty one
	Latest   int64  // newest migration this program has
	Pending  int    // migrations of this program that the database lacks
	Pgvector string // version of the extension, "" when it is not created
}

// Ahead tells whether a newer program has already migrated the database. This one
// may go on: migrations are safe for the previous version.
func (s State) Ahead() bool { return s.Current > s.Latest }

// Status reads the state of the database at dsn and changes nothing.
func Status(ctx context.Context, dsn string) (State, error) {
	all, err := versions()
	if err != nil {
		return State{}, err
	}
	db, err := open(dsn)
	if err != nil {
		return State{}, err
	}
	defer db.Close()
	s := State{Latest: all[len(all)-1]}
	err = db.QueryRowContext(ctx, `SELECT extversion FROM pg_extension WHERE extname = 'vector'`).Scan(&s.Pgvector)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return State{}, fmt.Errorf("read pgvector version: %w", err)
	}
	applied, err := appliedVersions(ctx, db)
	if err != nil {
		return State{}, err
	}
	for v := range applied {
		s.Current = max(s.Current, v)
	}
	for _, v := range all {
		if !applied[v] {
			s.Pending++
		}
	}
	return s, nil
}

// Fingerprint names the schema these migrations make: same files, same fingerprint.
// Tests keep one template database per fingerprint.
func Fingerprint() (string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", fmt.Errorf("list migrations: %w", err)
	}
	h := sha256.New()
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read migration %s: %w", name, err)
		}
		fmt.Fprintf(h, "%s\x00%d\x00%s", name, len(content), content)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

func open(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read database address: %w", err) // pgx leaves the password out
	}
	// A migration that cannot have its lock soon must not make the running program's
	// queries queue up behind it.
	config.RuntimeParams["lock_timeout"] = "3s"
	config.RuntimeParams["application_name"] = "cdss migrate"
	return stdlib.OpenDB(*config), nil
}

func createExtension(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer tx.Rollback()
	// lock_timeout is for tables; waiting for another starter here is fine.
	for _, statement := range []string{
		`SET LOCAL lock_timeout = '60s'`,
		`SELECT pg_advisory_xact_lock(` + strconv.Itoa(extensionLock) + `)`,
		`CREATE EXTENSION IF NOT EXISTS vector`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return explainExtension(err)
		}
	}
	var version string
	if err := tx.QueryRowContext(ctx, `SELECT extversion FROM pg_extension WHERE extname = 'vector'`).Scan(&version); err != nil {
		return fmt.Errorf("read pgvector version: %w", err)
	}
	if TooOld(version) {
		return fmt.Errorf("pgvector %s is too old: %d.%d.%d or newer is needed (ALTER EXTENSION vector UPDATE, after installing it on the server)",
			version, minPgvector[0], minPgvector[1], minPgvector[2])
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("create extension vector: %w", err)
	}
	return nil
}

// explainExtension says what to do about the two ways in which a server commonly
// refuses the extension.
func explainExtension(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "0A000", "58P01", "22023": // the extension's control file is not on the server
			return fmt.Errorf("the PostgreSQL server has no pgvector: install its package postgresql-<major>-pgvector there: %w", err)
		case "42501":
			return fmt.Errorf("the database user may not create the extension vector: have an administrator run CREATE EXTENSION vector: %w", err)
		}
	}
	return fmt.Errorf("create extension vector: %w", err)
}

// TooOld tells whether a version of pgvector lacks what the queries use. A version it
// cannot read is too old rather than trusted.
func TooOld(pgvector string) bool {
	parts := strings.SplitN(pgvector, ".", 3)
	for i, least := range minPgvector {
		n := 0
		if i < len(parts) {
			n, _ = strconv.Atoi(parts[i])
		}
		if n != least {
			return n < least
		}
	}
	return false
}

func versions() ([]int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	all := make([]int64, 0, len(names)) // ordered: names start with six digits
	for _, name := range names {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("read number of migration %s: %w", name, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func appliedVersions(ctx context.Context, db *sql.DB) (map[int64]bool, error) {
	var exists bool
	if err := db.QueryRowContext(ctx, `SELECT to_regclass('`+goose.DefaultTablename+`') IS NOT NULL`).Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for the table of applied migrations: %w", err)
	}
	applied := map[int64]bool{}
	if !exists {
		return applied, nil
	}
	rows, err := db.QueryContext(ctx, `SELECT version_id FROM `+goose.DefaultTablename+` WHERE is_applied`)
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("read applied migrations: %w", err)
		}
		applied[v] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	return applied, nil
}

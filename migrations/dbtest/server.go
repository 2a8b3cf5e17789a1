package dbtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"cdss/migrations"
)

// server is the PostgreSQL that the databases are made on.
type server struct {
	address  string // of a database in which others can be created
	template string
	strategy string   // clause of CREATE DATABASE
	users    *os.File // keeps a shared cluster alive; nil for another server
}

// prepare makes the template, unless another process has, and learns how to clone it.
func prepare(ctx context.Context, address string) (*server, error) {
	fingerprint, err := migrations.Fingerprint()
	if err != nil {
		return nil, err
	}
	s := &server{address: address, template: "cdss_template_" + fingerprint}
	return s, s.do(ctx, func(conn *pgx.Conn) error {
		// Copying files is the fastest way where nothing waits for the disk; with fsync it
		// forces checkpoints that take seconds. PostgreSQL 14 knows no strategies.
		var copies bool
		if err := conn.QueryRow(ctx,
			`SELECT current_setting('server_version_num')::int >= 150000 AND NOT current_setting('fsync')::bool`).Scan(&copies); err != nil {
			return fmt.Errorf("read settings: %w", err)
		}
		if copies {
			s.strategy = " STRATEGY file_copy"
		}
		return s.makeTemplate(ctx, conn)
	})
}

func (s *server) makeTemplate(ctx context.Context, conn *pgx.Conn) error {
	// Released when conn is closed.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockNumber(s.template)); err != nil {
		return fmt.Errorf("lock template %s: %w", s.template, err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.template).Scan(&exists); err != nil {
		return fmt.Errorf("look for template %s: %w", s.template, err)
	}
	if exists {
		return nil
	}
	// Under another name until it is whole.
	unfinished := s.template + "_unfinished"
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + unfinished + ` WITH (FORCE)`,
		`CREATE DATABASE ` + unfinished,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := migrations.Apply(ctx, s.dsn(unfinished), slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	for _, statement := range []string{
		// Nobody may be connected to what is cloned.
		`ALTER DATABASE ` + unfinished + ` ALLOW_CONNECTIONS false`,
		`ALTER DATABASE ` + unfinished + ` RENAME TO ` + s.template,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func (s *server) create(ctx context.Context, name string, migrated bool) error {
	statement := `CREATE DATABASE ` + name
	if migrated {
		statement += ` TEMPLATE ` + s.template + s.strategy
	}
	return s.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

func (s *server) drop(ctx context.Context, name string) error {
	return s.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
		return err
	})
}

func (s *server) do(ctx context.Context, run func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.address)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return run(conn)
}

// dsn is the server's address with another database in it.
func (s *server) dsn(database string) string {
	if u, err := url.Parse(s.address); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + database
		return u.String()
	}
	return s.address + " dbname=" + database // the last one counts
}

func lockNumber(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64())
}

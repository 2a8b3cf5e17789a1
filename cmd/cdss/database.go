package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cmd/cdss/observe"
	"cdss/migrations"
	"cdss/migrations/localpg"
)

// maxConns is the pool of one server: more would not answer sooner and would cost
// the database memory.
const maxConns = 8

// openServer gives the address of the database to work in: the configured one, or
// that of the private cluster, which is started where it does not run. stop ends
// what was started here.
func openServer(ctx context.Context, cfg config, log *slog.Logger) (dsn string, cluster *localpg.Cluster, err error) {
	if cfg.DatabaseURL != "" {
		return cfg.DatabaseURL, nil, nil
	}
	cluster, err = localpg.Start(ctx, localpg.Config{DataDir: cfg.DataDir, BinDir: cfg.PostgresBin, Log: log})
	if err != nil {
		return "", nil, fmt.Errorf("start the private database: %w", err)
	}
	return cluster.DSN("cdss"), cluster, nil
}

// stopServer ends a private cluster; nil is none.
func stopServer(cluster *localpg.Cluster, log *slog.Logger) {
	if cluster == nil {
		return
	}
	if err := cluster.Stop(); err != nil {
		log.Warn("the private database did not stop", "error", err)
	}
}

// openPool opens the pool on a migrated database. Connections are made when they
// are first used.
func openPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err) // pgx leaves the password out
	}
	config.MaxConns = maxConns
	config.ConnConfig.RuntimeParams["application_name"] = "cdss"
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	// A generic plan cannot use a partial index whose predicate is a parameter.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database pool: %w", err)
	}
	return pool, nil
}

// throwAway makes a database that drop removes again, on the private cluster or
// beside the configured database, and migrates it. Measurements work in it, so
// that they neither see nor leave anything.
func throwAway(ctx context.Context, cfg config, log *slog.Logger) (pool *pgxpool.Pool, drop func(), err error) {
	server, cluster, err := openServer(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			stopServer(cluster, log)
		}
	}()
	var random [6]byte
	rand.Read(random[:]) // never fails (crypto/rand, Go 1.24)
	name := "cdss_eval_" + hex.EncodeToString(random[:])
	execute := func(ctx context.Context, statement string) error {
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return fmt.Errorf("connect to the database server: %w", err)
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := execute(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return nil, nil, fmt.Errorf("create a throw-away database: %w", err)
	}
	remove := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := execute(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			log.Warn("the throw-away database was not removed", "database", name, "error", err)
		}
	}
	dsn, err := otherDatabase(server, name)
	if err == nil {
		err = migrations.Apply(ctx, dsn, log)
	}
	if err == nil {
		pool, err = openPool(ctx, dsn)
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	return pool, func() {
		pool.Close()
		remove()
		stopServer(cluster, log)
	}, nil
}

// otherDatabase gives the address of another database of the same server.
func otherDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", fmt.Errorf("the database address must be of the form postgres://…")
	}
	u.Path = "/" + name
	return u.String(), nil
}

// migrated opens the database that a server would use, at the schema of this
// program, for a subcommand that reads or changes what the server keeps. A running
// server notices by itself.
func migrated(ctx context.Context, env environment) (cfg config, pool *pgxpool.Pool, done func(), err error) {
	if cfg, err = readConfig(env.vars); err != nil {
		return cfg, nil, nil, err
	}
	log := observe.NewLogger(env.err, cfg.LogLevel, cfg.Production)
	dsn, cluster, err := openServer(ctx, cfg, log)
	if err != nil {
		return cfg, nil, nil, err
	}
	if err = migrations.Apply(ctx, dsn, log); err == nil {
		pool, err = openPool(ctx, dsn)
	}
	if err != nil {
		stopServer(cluster, log)
		return cfg, nil, nil, err
	}
	return cfg, pool, func() {
		pool.Close()
		stopServer(cluster, log)
	}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"

	"cdss/cmd/cdss/observe"
)

// backup writes the database into a file, with PostgreSQL's own program.
func backup(ctx context.Context, args []string, env environment) error {
	return copyDatabase(ctx, "backup", args, env, func(dsn, file string) error {
		if _, err := os.Stat(file); err == nil {
			return fmt.Errorf("%s is there already", file)
		}
		// Whole under its name or not at all.
		part := file + ".part"
		if err := postgres(ctx, env, dsn, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+part); err != nil {
			_ = os.Remove(part)
			return err
		}
		return os.Rename(part, file)
	})
}

// restore reads a backup into a database in which nothing is.
func restore(ctx context.Context, args []string, env environment) error {
	return copyDatabase(ctx, "restore", args, env, func(dsn, file string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return fmt.Errorf("connect to the database: %w", err)
		}
		var tables int
		err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables)
		conn.Close(ctx)
		if err != nil {
			return fmt.Errorf("look into the database: %w", err)
		}
		if tables > 0 {
			return errors.New("the database is not empty: restore into a fresh one, and let the server use that")
		}
		return postgres(ctx, env, dsn, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", file)
	})
}

func copyDatabase(ctx context.Context, name string, args []string, env environment, do func(dsn, file string) error) error {
	set := flags(name, env)
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return err
	}
	log := observe.NewLogger(env.err, cfg.LogLevel, cfg.Production)
	dsn, cluster, err := openServer(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer stopServer(cluster, log)
	if err := do(dsn, set.Arg(0)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(env.out, "%s: %s is done\n", name, set.Arg(0))
	return nil
}

// postgres runs one of PostgreSQL's programs on a database. The password goes by the
// environment, where other users of the machine do not see it.
func postgres(ctx context.Context, env environment, dsn, program string, args ...string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
		if len(found) == 0 {
			return fmt.Errorf("%s is not on this machine: install the client programs of PostgreSQL, or run it beside the database", program)
		}
		path = found[len(found)-1]
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	args = append([]string{"--host=" + config.Host, "--port=" + strconv.Itoa(int(config.Port)), "--username=" + config.User, "--dbname=" + config.Database, "--no-password"}, args...)
	command := exec.CommandContext(ctx, path, args...)
	command.Env = append(env.vars, "PGPASSWORD="+config.Password)
	command.Stderr = env.err
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

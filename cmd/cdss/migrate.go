package main

import (
	"context"
	"fmt"

	"cdss/cmd/cdss/observe"
	"cdss/migrations"
)

func migrate(ctx context.Context, args []string, env environment) error {
	set := flags("migrate", env)
	if err := parse(set, args, 0, 0); err != nil {
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
	if err := migrations.Apply(ctx, dsn, log); err != nil {
		return err
	}
	state, err := migrations.Status(ctx, dsn)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "the database has the schema %d, pgvector %s\n", state.Current, state.Pgvector)
	return nil
}

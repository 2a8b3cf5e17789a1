package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"cdss/cmd/cdss/observe"
	"cdss/fhir/task"
	"cdss/migrations"
	"cdss/rag/ingest"
	ragstore "cdss/rag/store"
)

// ingestFiles reads guidelines in as uploads would be. Whoever may run this
// program beside its database may also approve, so files become active unless
// they are to stay drafts. A running server notices by itself.
func ingestFiles(ctx context.Context, args []string, env environment) error {
	set := flags("ingest", env)
	draft := set.Bool("draft", false, "leave the files as drafts, to be approved on the administration page")
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	path := set.Arg(0)
	if _, err := os.Stat(path); err != nil {
		return usagef("%s cannot be read", path)
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
	pool, err := openPool(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	parts, err := newParts(cfg)
	if err != nil {
		return err
	}
	queue := task.New(pool, task.Config{Log: log})
	reader, err := newReader(cfg, log)
	if err != nil {
		return err
	}
	guidelines := ingest.New(ingest.Config{
		Store: ragstore.New(pool, log), Tasks: queue, Embedder: parts.embedder, Expander: parts.concepts, Reader: reader, Log: log,
	})
	working, stop := context.WithCancel(ctx)
	var worker sync.WaitGroup
	worker.Go(func() { _ = queue.Run(working) })
	defer worker.Wait()
	defer stop()
	outcomes, err := guidelines.IngestDir(ctx, path, !*draft)
	failures := tell(env, outcomes)
	if err != nil {
		return err
	}
	if failures > 0 {
		return fmt.Errorf("%d of %d files could not be used", failures, len(outcomes))
	}
	if len(outcomes) == 0 {
		return fmt.Errorf("%s holds no file", path)
	}
	return nil
}

// tell says what became of each file, and counts those that failed.
func tell(env environment, outcomes []ingest.Outcome) (failures int) {
	for _, o := range outcomes {
		if o.Err != nil {
			failures++
			fmt.Fprintf(env.out, "%s: %v\n", o.File, o.Err)
			continue
		}
		what := "unchanged"
		if o.Created {
			what = "new"
		}
		fmt.Fprintf(env.out, "%s: %s %s, %s, %d passages, %s\n", o.File, o.Version.Identifier, o.Version.Version, o.Version.Status, o.Version.Passages, what)
	}
	return failures
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"cdss/cmd/cdss/observe"
	"cdss/fhir/task"
	"cdss/rag/eval"
	"cdss/rag/ingest"
	ragstore "cdss/rag/store"
)

func evalRetrieval(ctx context.Context, args []string, env environment) error {
	set := flags("eval retrieval", env)
	corpus := set.String("corpus", "", "folder of guidelines, with documents.json where they are described")
	queries := set.String("queries", "", "file of queries, one JSON object a line")
	out := set.String("run", "", "file to write the run to")
	top := set.Int("top", 20, "results written per query")
	k := set.Int("k", 10, "depth of nDCG")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	switch {
	case *corpus == "" || *queries == "" || *out == "":
		return usagef("eval retrieval needs --corpus, --queries and --run")
	case *top < 1 || *top > 100 || *k < 1:
		return usagef("--top is 1 to 100, --k at least 1")
	}
	file, err := os.Open(*queries)
	if err != nil {
		return usagef("%s cannot be read", *queries)
	}
	defer file.Close()
	list, err := eval.LoadQueries(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", *queries, err)
	}
	guidelines, drop, err := loadCorpus(ctx, *corpus, env)
	if err != nil {
		return err
	}
	defer drop()
	run, err := eval.Run(ctx, list, *top, guidelines.Search)
	if err != nil {
		return err
	}
	if err := writeFile(*out, func(f *os.File) error { return eval.WriteRun(f, run) }); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%d queries answered, written to %s\n", len(run), *out)
	for _, q := range list {
		if len(q.Relevant) > 0 {
			return eval.Score(list, run, sources(*corpus), *k).WriteTable(env.out)
		}
	}
	return nil
}

// loadCorpus reads a folder into a throw-away database, exactly as uploads would
// be, and makes every file active. A file that cannot be used is named and left
// out.
func loadCorpus(ctx context.Context, dir string, env environment) (*ingest.Service, func(), error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, usagef("%s is no folder that can be read", dir)
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return nil, nil, err
	}
	log := observe.NewLogger(env.err, max(cfg.LogLevel, slog.LevelWarn), cfg.Production)
	parts := newParts()
	pool, drop, err := throwAway(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	guidelines, outcomes, err := ingest.Load(ctx, ingest.Config{
		Store: ragstore.New(pool, log), Tasks: task.New(pool, task.Config{Log: log}),
		Embedder: parts.embedder, Expander: parts.concepts, Log: log,
	}, dir)
	for _, o := range outcomes {
		if o.Err != nil {
			fmt.Fprintf(env.err, "%s is left out: %v\n", o.File, o.Err)
		}
	}
	if err != nil {
		drop()
		return nil, nil, err
	}
	return guidelines, drop, nil
}

// sources gives the text of the corpus files by name, for measures that look at
// where a passage stands in its file.
func sources(dir string) map[string]string {
	texts := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return texts
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if raw, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil {
				texts[e.Name()] = string(raw)
			}
		}
	}
	return texts
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".cdss-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"cdss/cmd/cdss/observe"
	"cdss/fhir/task"
	"cdss/rag/eval"
	"cdss/rag/ingest"
	ragstore "cdss/rag/store"

	"github.com/jackc/pgx/v5/pgxpool"
)

func evalRetrieval(ctx context.Context, args []string, env environment) error {
	set := flags("eval retrieval", env)
	corpus := set.String("corpus", "", "folder of guidelines, with documents.json where they are described")
	queries := set.String("queries", "", "file of queries, one JSON object a line")
	out := set.String("run", "", "file to write the run to")
	top := set.Int("top", 20, "results written per query")
	k := set.Int("k", 10, "depth of nDCG")
	before := set.String("baseline", "", "report of an earlier run to compare with")
	keep := set.String("write-baseline", "", "file to keep the report of this run in")
	ablation := set.String("ablation", "", "file to write tables to: by kind and language, against plain BM25 and PostgreSQL's full text, and without each step of the ranking (Markdown)")
	maxDrop := set.Float64("max-drop", -1, "fail when nDCG falls by more than this against the baseline")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	switch {
	case *corpus == "" || *queries == "" || *out == "":
		return usagef("eval retrieval needs --corpus, --queries and --run")
	case *top < 1 || *top > 100 || *k < 1:
		return usagef("--top is 1 to 100, --k at least 1")
	case *maxDrop >= 0 && *before == "":
		return usagef("--max-drop needs --baseline")
	}
	var baseline eval.Report
	if *before != "" {
		raw, err := os.ReadFile(*before)
		if err != nil {
			return usagef("%s cannot be read", *before)
		}
		if baseline, err = eval.ReadBaseline(bytes.NewReader(raw)); err != nil {
			return fmt.Errorf("read %s: %w", *before, err)
		}
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
	guidelines, err := loadCorpus(ctx, *corpus, env)
	if err != nil {
		return err
	}
	defer guidelines.drop()
	run, err := eval.Run(ctx, list, *top, guidelines.Search)
	if err != nil {
		return err
	}
	if err := writeFile(*out, func(f *os.File) error { return eval.WriteRun(f, run) }); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%d queries answered, written to %s\n", len(run), *out)
	if !slices.ContainsFunc(list, func(q eval.Query) bool { return len(q.Relevant) > 0 }) {
		if *before != "" || *keep != "" || *ablation != "" {
			return usagef("%s judges no query: there is nothing to compare", *queries)
		}
		return nil
	}
	report := eval.Score(list, run, sources(*corpus), *k)
	if err := report.WriteTable(env.out); err != nil {
		return err
	}
	if *ablation != "" {
		score := func(run []eval.Line) eval.Report { return eval.Score(list, run, sources(*corpus), *k) }
		rows, err := guidelines.ablate(ctx, list, *top, score, env.err)
		if err != nil {
			return err
		}
		if err := writeFile(*ablation, func(f *os.File) error { return report.WriteMarkdown(f, rows) }); err != nil {
			return err
		}
	}
	if *keep != "" {
		if err := writeFile(*keep, func(f *os.File) error { return report.WriteBaseline(f) }); err != nil {
			return err
		}
	}
	if *before == "" {
		return nil
	}
	return compareRuns(env.out, baseline, report, *maxDrop)
}

// compareRuns prints how a run differs from its baseline. Its error says that nDCG
// fell by more than maxDrop; a negative one allows everything.
func compareRuns(w io.Writer, before, after eval.Report, maxDrop float64) error {
	c := eval.Compare(before, after)
	if c.N == 0 {
		return errors.New("no query of the baseline is among those that were asked")
	}
	fmt.Fprintf(w, "baseline        ndcg %.3f -> %.3f over %d queries, %d better, %d worse, p %.3f\n", c.Before, c.After, c.N, c.Better, c.Worse, c.P)
	for _, ch := range c.Changed[:min(len(c.Changed), 5)] {
		if ch.After < ch.Before {
			fmt.Fprintf(w, "  %s %.3f -> %.3f\n", ch.ID, ch.Before, ch.After)
		}
	}
	if drop := c.Before - c.After; maxDrop >= 0 && drop > maxDrop {
		return fmt.Errorf("nDCG fell by %.3f, more than the %.3f that are allowed", drop, maxDrop)
	}
	return nil
}

// measured is what loadCorpus read, and what it takes to search it in other ways.
type measured struct {
	*ingest.Service
	parts parts
	store *ragstore.Store
	pool  *pgxpool.Pool
	drop  func()
}

// loadCorpus reads a folder into a throw-away database, exactly as uploads would
// be, and makes every file active. A file that cannot be used is named and left
// out.
func loadCorpus(ctx context.Context, dir string, env environment) (*measured, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usagef("%s is no folder that can be read", dir)
	}
	cfg, err := readConfig(env.vars)
	if err != nil {
		return nil, err
	}
	log := observe.NewLogger(env.err, max(cfg.LogLevel, slog.LevelWarn), cfg.Production)
	parts, err := newParts(cfg)
	if err != nil {
		return nil, err
	}
	pool, drop, err := throwAway(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	reader, err := newReader(cfg, log)
	if err != nil {
		drop()
		return nil, err
	}
	store := ragstore.New(pool, log)
	guidelines, outcomes, err := ingest.Load(ctx, ingest.Config{
		Store: store, Tasks: task.New(pool, task.Config{Log: log}),
		Embedder: parts.embedder, Expander: parts.concepts, Reader: reader, Log: log,
	}, dir)
	for _, o := range outcomes {
		if o.Err != nil {
			fmt.Fprintf(env.err, "%s is left out: %v\n", o.File, o.Err)
		}
	}
	if err != nil {
		drop()
		return nil, err
	}
	return &measured{guidelines, parts, store, pool, drop}, nil
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

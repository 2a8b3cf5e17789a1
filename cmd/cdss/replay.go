package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/translate"
	"cdss/cds/trial"
	"cdss/cds/trial/ward"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// maxBundleLine bounds a line of a replay: an admission with years of laboratory
// values has a few megabytes.
const maxBundleLine = 32 << 20

// replay runs past admissions through the knowledge, without database or network.
func replay(ctx context.Context, args []string, env environment) error {
	set := flags("replay", env)
	out := set.String("out", "", "folder for report.html and report.json; without it the figures are printed and nothing is kept")
	with := set.String("knowledge", "", "file or folder of FHIR artifacts that are laid over what ships: JSON, Bundle or package (.tgz)")
	against := set.String("against", "", "compare with this version: a file or folder as above, or \"shipped\"")
	codes := set.String("codes", "", "CSV of local codes, as for cdss map import")
	diagnoses := set.String("diagnoses", "recorded", "recorded: known from the day they were recorded; all: from the beginning, for hospitals that code at discharge")
	name, err := oneFile(set, args)
	if err != nil {
		return err
	}
	if *diagnoses != "recorded" && *diagnoses != "all" {
		return usagef("--diagnoses is recorded or all")
	}
	local, err := readCodes(*codes)
	if err != nil {
		return err
	}
	k, err := knowledgeOf(*with, local)
	if err != nil {
		return err
	}
	var other *trial.Knowledge
	if *against != "" {
		path := *against
		if path == "shipped" {
			path = ""
		}
		old, err := knowledgeOf(path, local)
		if err != nil {
			return err
		}
		other = &old
		if old.Name == k.Name {
			return usagef("replay: --against names the version that is replayed; name another one with --knowledge")
		}
	}
	in, size, closeFile, err := openLines(name)
	if err != nil {
		return err
	}
	defer closeFile()
	r := trial.NewReplayer(k, other)
	r.AllDiagnoses = *diagnoses == "all"
	begin := time.Now()
	report, err := replayAll(ctx, r, in, newProgress(env.err, size))
	if err != nil {
		return err
	}
	report.Title, report.Program = filepath.Base(name), programVersion()
	report.Made, report.Seconds = begin.Format(time.RFC3339), time.Since(begin).Seconds()
	if report.Lines == 0 {
		return fmt.Errorf("replay %s: the file holds no line", name)
	}
	report.Summary(env.out)
	if *out != "" {
		if err := writeReport(*out, report); err != nil {
			return err
		}
		fmt.Fprintf(env.out, "\nreport written to %s and %s\n", filepath.Join(*out, "report.html"), filepath.Join(*out, "report.json"))
	}
	if report.Bundles == 0 {
		return fmt.Errorf("replay %s: no line is a Bundle that can be used", name)
	}
	return nil
}

// oneFile reads the options of a command that takes one name, before or after it.
func oneFile(set *flag.FlagSet, args []string) (string, error) {
	if len(args) > 0 && (args[0] == "-" || !strings.HasPrefix(args[0], "-")) {
		return args[0], parse(set, args[1:], 0, 0)
	}
	if err := parse(set, args, 1, 1); err != nil {
		return "", err
	}
	return set.Arg(0), nil
}

// knowledgeOf gives what ships with what stands at a path laid over it.
func knowledgeOf(path string, local *translate.Table) (trial.Knowledge, error) {
	k := trial.Knowledge{Name: "shipped", Demo: true, Local: local}
	artifacts, err := content.Artifacts()
	if err != nil {
		return k, err
	}
	if path != "" {
		k.Name = filepath.Base(path)
		over, err := readArtifacts(path)
		if err != nil {
			return k, err
		}
		if artifacts, err = trial.Overlay(artifacts, over); err != nil {
			return k, fmt.Errorf("read knowledge %s: %w", path, err)
		}
	}
	if k.Tables, err = recommend.LoadTables(content.Tables()); err != nil {
		return k, err
	}
	if k.Snapshot, err = knowledge.Load(artifacts, knowledge.Options{Demo: true}); err != nil {
		return k, fmt.Errorf("read knowledge %s: %w", k.Name, err)
	}
	if p := k.Snapshot.Problems(); len(p) > 0 {
		return k, fmt.Errorf("read knowledge %s: %s: %s %s", k.Name, p[0].Artifact, p[0].Location, p[0].Message)
	}
	return k, nil
}

func readCodes(path string) (*translate.Table, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read codes: %w", err)
	}
	m, err := translate.ReadCSV("replay", raw)
	if err != nil {
		return nil, fmt.Errorf("read codes %s: %w", path, err)
	}
	return translate.New([]*fhir.Resource{m}), nil
}

// openLines opens a file, or standard input for "-", of which the size is not known.
func openLines(name string) (io.Reader, int64, func(), error) {
	if name == "-" {
		return os.Stdin, 0, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("replay: %w", err)
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		f.Close()
		return nil, 0, nil, usagef("replay: %s is no file", name)
	}
	return f, info.Size(), func() { f.Close() }, nil
}

// work is a line on its way through the workers.
type work struct {
	line int
	raw  []byte
	bad  string // why it is not even tried
	size int64
	done chan worked
}

type worked struct {
	bundle trial.Bundle
	bad    string
	size   int64
}

// replayAll reads lines, has them worked at in parallel, and collects them in their
// order. It ends early, with an error, when ctx does.
func replayAll(ctx context.Context, r trial.Replayer, in io.Reader, bar *progress) (trial.Report, error) {
	against := ""
	if r.Against != nil {
		against = r.Against.Name
	}
	c := trial.NewCollector(r.Knowledge, against)
	workers := runtime.GOMAXPROCS(0)
	todo, order := make(chan *work), make(chan *work, 4*workers)
	var ended error // set before order is closed
	go func() {
		defer close(order)
		defer close(todo)
		ended = readLines(ctx, in, todo, order)
	}()
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for w := range todo {
				w.done <- workAt(ctx, r, w)
			}
		})
	}
	for w := range order {
		o := <-w.done
		if ctx.Err() != nil {
			continue // only emptied, so that the workers end
		}
		if o.bad != "" {
			c.Bad(w.line, o.bad)
		} else {
			c.Add(o.bundle)
		}
		bar.step(o.size, o.bad != "")
	}
	running.Wait()
	bar.end()
	if ctx.Err() != nil {
		return trial.Report{}, fmt.Errorf("replay: interrupted after %d lines; nothing was written", bar.lines)
	}
	if ended != nil {
		return trial.Report{}, ended
	}
	return c.Report(true), nil
}

// readLines hands lines out until the file ends. The error is that of a file that
// cannot be read on, or of ctx.
func readLines(ctx context.Context, in io.Reader, todo, order chan<- *work) error {
	b := bufio.NewReaderSize(in, 1<<20)
	for line := 1; ; line++ {
		raw, size, long, err := readLine(ctx, b)
		if size > 0 {
			w := &work{line: line, raw: raw, size: size, done: make(chan worked, 1)}
			if long {
				w.bad = fmt.Sprintf("longer than %d MB", maxBundleLine>>20)
			}
			empty := !long && len(bytes.TrimSpace(raw)) == 0
			if !empty {
				for _, c := range []chan<- *work{order, todo} {
					select {
					case c <- w:
					case <-ctx.Done():
						w.done <- worked{} // nobody works at it any more
						return ctx.Err()
					}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("replay: line %d: %w", line, err)
		}
	}
}

// readLine reads one line. Of one that is too long it reads over the rest, without
// keeping it.
func readLine(ctx context.Context, b *bufio.Reader) (raw []byte, size int64, long bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		size += int64(len(part))
		if !long {
			raw = append(raw, part...)
		}
		if len(raw) > maxBundleLine {
			long, raw = true, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return raw, size, long, err
		}
		if ctx.Err() != nil {
			return nil, size, long, ctx.Err()
		}
	}
}

// workAt replays a line. A fault of this program costs the line, not the run.
func workAt(ctx context.Context, r trial.Replayer, w *work) (o worked) {
	o.size = w.size
	if w.bad != "" {
		o.bad = w.bad
		return o
	}
	defer func() {
		if p := recover(); p != nil { // its value may hold patient data
			o.bad = "a fault of this program"
		}
	}()
	bundle, err := r.Bundle(ctx, w.line, w.raw)
	if err != nil {
		o.bad = why(err)
	}
	o.bundle = bundle
	return o
}

// why says what is wrong with a line, without what stands in it.
func why(err error) string {
	found := issue.Issues(err)
	if len(found) > 0 && found[0].Diagnostics != "" {
		text := found[0].Diagnostics
		if len(found[0].Expression) > 0 {
			text += " at " + found[0].Expression[0]
		}
		return text
	}
	return err.Error()
}

func writeReport(dir string, report trial.Report) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	page, err := report.HTML()
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	raw, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for name, text := range map[string][]byte{"report.html": page, "report.json": append(raw, '\n')} {
		// It tells of patients, so that nobody else may read it.
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

// makeWard writes the admissions of a synthetic ward, for trying a replay.
func makeWard(_ context.Context, args []string, env environment) error {
	set := flags("ward", env)
	o := ward.Usual
	set.IntVar(&o.Admissions, "admissions", o.Admissions, "how many")
	set.Uint64Var(&o.Seed, "seed", o.Seed, "the same seed gives the same ward")
	set.Float64Var(&o.Wrong, "wrong", o.Wrong, "share of infected patients whose order is wrong on purpose, 0 to 1")
	name, err := oneFile(set, args)
	if err != nil {
		return err
	}
	if o.Admissions < 1 || o.Admissions > 1_000_000 || o.Wrong < 0 || o.Wrong > 1 {
		return usagef("ward: 1 to 1000000 admissions, and a share from 0 to 1")
	}
	err = writeFile(name, func(f *os.File) error {
		b := bufio.NewWriter(f)
		if err := ward.Write(b, o); err != nil {
			return err
		}
		return b.Flush()
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%d admissions of nobody written to %s\n", o.Admissions, name)
	return nil
}

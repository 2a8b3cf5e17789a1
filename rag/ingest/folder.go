package ingest

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/parse"
)

// catalogue is the file that describes the others of its folder and is none of
// them.
const catalogue = "documents.json"

// Outcome tells what became of one file.
type Outcome struct {
	File    string
	Version Version // as it stood at the end; zero when Err is set before it was kept
	Created bool    // false: these bytes were there already
	Err     error   // this file could not be used; the others were
}

// IngestDir brings in a file, or every file of a folder, exactly as uploads would,
// and waits until each is read. documents.json beside the files describes them.
// With approve they are made active, too. Files that cannot be used are told in
// their Outcome; the error is for what concerns all. Somebody must run the queue.
func (s *Service) IngestDir(ctx context.Context, path string, approve bool) ([]Outcome, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, issue.Wrap(issue.NotFound, err, "%s cannot be read", path)
	}
	dir, only := path, ""
	if !info.IsDir() {
		dir, only = filepath.Split(path)
		if dir == "" {
			dir = "."
		}
	}
	return s.ingest(ctx, os.DirFS(dir), only, func(v Version) bool { return approve })
}

// ingest brings in the files of a folder, or the one named only.
func (s *Service) ingest(ctx context.Context, folder fs.FS, only string, approve func(Version) bool) ([]Outcome, error) {
	known, err := readCatalogue(folder)
	if err != nil {
		return nil, err
	}
	names := []string{only}
	if only == "" {
		if names, err = files(folder); err != nil {
			return nil, err
		}
	}
	outcomes := make([]Outcome, len(names))
	for i, name := range names {
		o := &outcomes[i]
		o.File = name
		var data []byte
		if data, o.Err = readFile(folder, name); o.Err == nil {
			o.Version, o.Created, o.Err = s.Upload(ctx, Upload{FileName: name, Data: data, Meta: known[name]})
		}
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
	}
	for i := range outcomes {
		o := &outcomes[i]
		if o.Err != nil {
			continue
		}
		if o.Err = s.Wait(ctx, o.Version.ID); o.Err == nil && approve(o.Version) {
			o.Err = s.store.Approve(ctx, o.Version.ID, personID(ctx))
		}
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
	}
	// One rebuild for all of them.
	if err := s.Refresh(ctx); err != nil {
		return outcomes, err
	}
	for i := range outcomes {
		if o := &outcomes[i]; o.Err == nil {
			o.Version, o.Err = s.Version(ctx, o.Version.ID)
		}
	}
	return outcomes, nil
}

// Wait returns when a version has been read, or could not be: then with the
// reason.
func (s *Service) Wait(ctx context.Context, id string) error {
	found, err := s.tasks.Find(ctx, TaskKind, id)
	if err != nil {
		return err
	}
	t, ok := found[id]
	if !ok {
		_, err := s.Version(ctx, id)
		return err
	}
	if t, err = s.tasks.Wait(ctx, t.ID); err != nil {
		return err
	}
	if t.State != task.Done {
		return issue.New(issue.Processing, "the document was not read (%s): %s", t.State, t.Reason)
	}
	return nil
}

func readCatalogue(folder fs.FS) (map[string]parse.Meta, error) {
	data, err := fs.ReadFile(folder, catalogue)
	if err != nil {
		return nil, nil // a folder need not have one
	}
	known, err := parse.ReadCatalogue(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", catalogue, err)
	}
	return known, nil
}

// files lists the regular files of a folder by name, hidden ones apart.
func files(folder fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, issue.Wrap(issue.NotFound, err, "the folder cannot be listed")
	}
	var names []string
	for _, e := range entries {
		info, err := fs.Stat(folder, e.Name()) // follows links
		if err == nil && info.Mode().IsRegular() && e.Name() != catalogue && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readFile reads no more than an upload may have.
func readFile(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, issue.Wrap(issue.NotFound, err, "%s cannot be read", name)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, issue.Wrap(issue.Incomplete, err, "%s cannot be read", name)
	}
	if len(data) > MaxBytes {
		return nil, TooLarge()
	}
	return data, nil
}

// Load makes a service over a fresh database whose active guidelines are the files
// of a folder: for measurements. It works off the queue itself until all is read.
func Load(ctx context.Context, cfg Config, dir string) (*Service, []Outcome, error) {
	s := New(cfg)
	working, stop := context.WithCancel(ctx)
	var worker sync.WaitGroup
	worker.Go(func() { _ = cfg.Tasks.Run(working) })
	defer worker.Wait()
	defer stop()
	outcomes, err := s.IngestDir(ctx, dir, true)
	return s, outcomes, err
}

//go:embed demo/*.md demo/documents.json
var demo embed.FS

// LoadDemo brings in and approves the demo guideline, which shows what a search
// finds and has no clinical authority. What somebody has retired stays retired.
// Calling it again changes nothing. Somebody must run the queue.
func (s *Service) LoadDemo(ctx context.Context) error {
	folder, err := fs.Sub(demo, "demo")
	if err != nil {
		return fmt.Errorf("open the demo guideline: %w", err)
	}
	outcomes, err := s.ingest(ctx, folder, "", func(v Version) bool { return v.Status == rag.Draft })
	for _, o := range outcomes {
		if err == nil && o.Err != nil {
			err = fmt.Errorf("load %s: %w", o.File, o.Err)
		}
	}
	return err
}

package ingest

import (
	"context"
	"fmt"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/rag/parse"
)

// The stages of reading, as Task.stage tells them.
const (
	StageParse   = "parse"
	StageSegment = "segment"
	StageEmbed   = "embed"
	StageIndex   = "index"
)

// batch is how many passages are embedded and saved at once: what a kill loses.
const batch = 128

// read is the handler of TaskKind. Each step leaves the version so that the next
// attempt goes on behind it: passages are saved in one transaction, vectors in
// batches, completion last. Passage ids follow from version, position and content,
// so nothing can come twice.
func (s *Service) read(ctx context.Context, run *task.Run) error {
	v, err := s.Version(ctx, run.Key)
	if err != nil {
		return err
	}
	if v.Pipeline < Pipeline {
		if v.Passages, err = s.segment(ctx, run, v); err != nil {
			return err
		}
		v.Space = ""
	}
	if s.embedder != nil && v.Space != s.space().ID() {
		if err := s.embed(ctx, run, v); err != nil {
			return err
		}
	}
	if err := run.Report(ctx, StageIndex, 0, int64(v.Passages)); err != nil {
		return err
	}
	if err := s.store.Complete(ctx, v.ID, s.space()); err != nil {
		return err
	}
	s.fill(ctx)
	return run.Report(ctx, StageIndex, int64(v.Passages), int64(v.Passages))
}

// segment parses the kept bytes and saves pages and passages.
func (s *Service) segment(ctx context.Context, run *task.Run, v Version) (passages int, err error) {
	if err := run.Report(ctx, StageParse, 0, 1); err != nil {
		return 0, err
	}
	data, err := s.store.Source(ctx, v.ID)
	if err != nil {
		return 0, err
	}
	doc, err := s.reader.Read(ctx, v.FileName, data, parse.Meta{Identifier: v.Identifier, Title: v.Title, Language: v.Language}, v.Document,
		func(done, total int) error { return run.Report(ctx, StageParse, int64(done), int64(total)) })
	if err != nil {
		return 0, err
	}
	if err := run.Report(ctx, StageSegment, 0, int64(len(doc.Pages))); err != nil {
		return 0, err
	}
	list := doc.Passages
	if len(list) == 0 {
		return 0, issue.New(issue.Invalid, "the file %s holds no text that could be quoted", v.FileName)
	}
	if err := s.store.SaveContent(ctx, v.ID, Pipeline, doc.Pages, list); err != nil {
		return 0, err
	}
	return len(list), run.Report(ctx, StageSegment, int64(len(doc.Pages)), int64(len(doc.Pages)))
}

// embed gives each passage its vector. A passage that the embedder knows nothing
// about gets none, and the walk goes past it.
func (s *Service) embed(ctx context.Context, run *task.Run, v Version) error {
	space := s.space()
	for next := 0; ; {
		if err := run.Report(ctx, StageEmbed, int64(min(next, v.Passages)), int64(v.Passages)); err != nil {
			return err
		}
		list, err := s.store.Unembedded(ctx, v.ID, space, next, batch)
		if err != nil || len(list) == 0 {
			return err
		}
		texts := make([]string, len(list))
		for i, p := range list {
			texts[i] = p.Indexed
		}
		values, err := s.embedder.Embed(ctx, texts)
		if err != nil {
			return fmt.Errorf("embed passages of guideline version %s: %w", v.ID, err)
		}
		if len(values) != len(list) {
			return fmt.Errorf("embed passages of guideline version %s: %d vectors for %d texts", v.ID, len(values), len(list))
		}
		vectors := make([]Vector, len(list))
		for i, p := range list {
			vectors[i] = Vector{PassageID: p.ID, Values: values[i]}
		}
		if err := s.store.SaveVectors(ctx, v.ID, space, vectors); err != nil {
			return err
		}
		next = list[len(list)-1].Ord + 1
	}
}

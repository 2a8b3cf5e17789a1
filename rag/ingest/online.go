package ingest

import (
	"context"
	"fmt"
	"time"

	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/rag/embed"
)

// EmbedTaskKind names the task that fills the space of an online model for one
// version; its key is the version's id. It is work of its own: a provider that is
// away for a day keeps no guideline from being read, approved and found.
const EmbedTaskKind = "embed-guideline"

// onlineLimit bounds one attempt. What it got is kept, and the next goes on there.
const onlineLimit = time.Hour

// onlineBatch is what one request of a provider holds: what a failure loses.
const onlineBatch = 32

// Spaces says what a space of vectors lacks.
type Spaces interface {
	// Lacking names the versions, retired ones apart, with passages that have no
	// vector in space, active ones first.
	Lacking(ctx context.Context, space embed.Space) ([]string, error)
	// Covers tells whether every passage of the active versions has its vector in
	// space.
	Covers(ctx context.Context, space embed.Space) (bool, error)
	// Tend prepares a space that has grown for quick searches.
	Tend(ctx context.Context, space embed.Space) error
}

// tend prepares all spaces.
func (s *Service) tend(ctx context.Context) {
	for _, e := range []embed.Embedder{s.embedder, s.online} {
		if e == nil {
			continue
		}
		if err := s.store.Tend(ctx, e.Space()); err != nil && ctx.Err() == nil {
			s.log.Error("prepare a space of vectors", "error", err)
		}
	}
}

// fill asks for the vectors that the online space lacks. A provider that was away
// too long for a task is asked again by this.
func (s *Service) fill(ctx context.Context) {
	if s.online == nil {
		return
	}
	ids, err := s.store.Lacking(ctx, s.online.Space())
	for _, id := range ids {
		if err == nil {
			_, err = s.tasks.Ask(ctx, task.Order{Kind: EmbedTaskKind, Key: id})
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("ask for online vectors", "error", err)
	}
}

// embedOnline is the handler of EmbedTaskKind.
func (s *Service) embedOnline(ctx context.Context, run *task.Run) error {
	if s.online == nil {
		return nil // configured otherwise since it was asked for
	}
	v, err := s.Version(ctx, run.Key)
	if err != nil {
		return err
	}
	space := s.online.Space()
	for next := 0; ; {
		if err := run.Report(ctx, StageEmbed, int64(min(next, v.Passages)), int64(v.Passages)); err != nil {
			return err
		}
		list, err := s.store.Unembedded(ctx, v.ID, space, next, onlineBatch)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			s.notice()
			return nil
		}
		texts := make([]string, len(list))
		for i, p := range list {
			texts[i] = p.Indexed
		}
		values, err := s.online.Embed(ctx, texts)
		if err == nil && len(values) != len(list) {
			err = fmt.Errorf("%d vectors for %d texts", len(values), len(list))
		}
		if err != nil {
			return issue.Wrap(issue.Transient, err, "embed passages of guideline version %s", v.ID)
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

// ready gives the online embedder where its space covers the active corpus: half a
// space would rank what was embedded first above the rest.
func (s *Service) ready(ctx context.Context) (embed.Embedder, error) {
	if s.online == nil {
		return nil, nil
	}
	covers, err := s.store.Covers(ctx, s.online.Space())
	if err != nil || !covers {
		return nil, err
	}
	return s.online, nil
}

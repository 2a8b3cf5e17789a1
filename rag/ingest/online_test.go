package ingest_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"cdss/fhir/task"
	"cdss/migrations/dbtest"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// distant is an online embedder of this test, whose provider may be away.
type distant struct {
	letters
	away  *atomic.Bool
	asked *atomic.Int64 // texts
}

func (d distant) Space() embed.Space {
	return embed.Space{Kind: embed.Online, Provider: "api.example", Model: "m", Dimensions: 26, Version: "1"}
}

func (d distant) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if d.away.Load() {
		return nil, errors.New("429")
	}
	d.asked.Add(int64(len(texts)))
	return d.letters.Embed(ctx, texts)
}

func TestProviderAway(t *testing.T) {
	away, asked := &atomic.Bool{}, &atomic.Int64{}
	away.Store(true)
	f := service(dbtest.New(t), func(c *ingest.Config) { c.Online = distant{letters{version: "1"}, away, asked} })
	f.work(t)
	v := f.upload(t, "a.md", "# One\n\nSome words about pneumonia.\n\n# Two\n\nMore words about sepsis.", parse.Meta{Identifier: "a", Title: "A", Language: "en"})
	v = f.read(t, v.ID)
	if !v.Complete {
		t.Fatal("a provider that is away keeps a guideline from being read")
	}
	f.approve(t, v.ID)
	found, err := f.Search(t.Context(), rag.Query{Text: "pneumonia", Language: "en"})
	if err != nil || len(found.Hits) == 0 || !slices.Contains(found.Degraded, retrieve.OnlineDown) {
		t.Fatalf("found %d, degraded %v, %v", len(found.Hits), found.Degraded, err)
	}

	// The task gives up after its attempts; what lacks is still known, and asked for
	// again by the next look.
	id := f.embedding(t, v.ID)
	dead := f.wait(t, id)
	if dead.State != task.Failed || asked.Load() != 0 {
		t.Fatalf("task %s after %d texts", dead.State, asked.Load())
	}
	away.Store(false)
	f.approve(t, v.ID) // looks again
	if done := f.wait(t, id); done.State != task.Done {
		t.Fatalf("task %s: %s", done.State, done.Reason)
	}
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err = f.Search(t.Context(), rag.Query{Text: "pneumonia", Language: "en"})
	if err != nil || slices.Contains(found.Degraded, retrieve.OnlineDown) {
		t.Errorf("degraded %v, %v", found.Degraded, err)
	}
	if int(asked.Load()) < v.Passages {
		t.Errorf("%d texts for %d passages", asked.Load(), v.Passages)
	}
}

func (f fixture) embedding(t *testing.T, version string) string {
	t.Helper()
	found, err := f.tasks.Find(t.Context(), ingest.EmbedTaskKind, version)
	if err != nil || found[version].ID == "" {
		t.Fatalf("no task fills the online space: %v", err)
	}
	return found[version].ID
}

func (f fixture) wait(t *testing.T, id string) task.Task {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	got, err := f.tasks.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

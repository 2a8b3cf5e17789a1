// Package retrieve finds passages: lexical and vector legs, fusion, reranking and
// abstention over an immutable snapshot. It owns ranking and refuses storage, the
// clock and the network; vectors are asked for through an interface.
package retrieve

import (
	"context"

	"cdss/rag"
	"cdss/rag/embed"
)

// Expander knows the domain's names. Expand adds weighted terms and the concepts
// recognised in a question; Annotate finds the concepts a passage speaks of.
type Expander interface {
	Expand(text, language string) ([]rag.Term, []rag.Concept)
	Annotate(text string) []rag.Mention
}

// Scored is a passage with its cosine similarity, -1 to 1.
type Scored struct {
	PassageID string
	Score     float64
}

// Vectors gives the nearest passages of one space, best first.
type Vectors interface {
	Nearest(ctx context.Context, space string, vec []float32, k int) ([]Scored, error)
}

// Options are the settings of a snapshot. The zero value works: lexical only.
type Options struct {
	Expander Expander       // nil: words only
	Embedder embed.Embedder // embeds queries; nil: no vector leg
}

// Snapshot is an immutable index of documents and passages, safe for concurrent use.
type Snapshot struct {
	docs     []rag.Document
	passages []rag.Passage
}

// Build indexes the passages of docs. Passages of unknown documents are ignored.
// Order of the input does not change any ranking.
func Build(docs []rag.Document, passages []rag.Passage, opts Options) *Snapshot {
	return &Snapshot{docs: docs, passages: passages}
}

// Search ranks passages for a query. vectors may be nil; a leg that cannot run is
// named in Result.Degraded and the others answer.
func (s *Snapshot) Search(ctx context.Context, q rag.Query, vectors Vectors) rag.Result {
	return rag.Result{Query: q, Abstained: true, Reason: "empty"}
}

// Resolve gives the passage a locator means, or false when no passage certainly
// is the one meant. It never guesses.
func (s *Snapshot) Resolve(l rag.Locator) (rag.Passage, rag.Document, bool) {
	return rag.Passage{}, rag.Document{}, false
}

// Len is the number of passages.
func (s *Snapshot) Len() int { return len(s.passages) }

// Documents are the documents of the snapshot, ordered by identifier.
func (s *Snapshot) Documents() []rag.Document { return s.docs }

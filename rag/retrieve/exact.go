package retrieve

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"cdss/rag"
	"cdss/rag/embed"
)

// Exact is the vector leg in memory, by comparing with every passage: for
// measurements and for corpora too small for an index.
type Exact struct {
	space   string
	ids     []string
	vectors [][]float32
}

// NewExact embeds passages. A passage its embedder knows nothing about is left out.
func NewExact(ctx context.Context, e embed.Embedder, passages []rag.Passage) (*Exact, error) {
	texts := make([]string, len(passages))
	for i, p := range passages {
		texts[i] = p.Indexed
	}
	vectors, err := e.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embed %d passages: %w", len(passages), err)
	}
	x := &Exact{space: e.Space().ID()}
	for i, v := range vectors {
		if !embed.Zero(v) {
			x.ids = append(x.ids, passages[i].ID)
			x.vectors = append(x.vectors, v)
		}
	}
	return x, nil
}

// Nearest gives the k nearest passages; none in another space.
func (x *Exact) Nearest(ctx context.Context, space string, vec []float32, k int) ([]Scored, error) {
	if space != x.space {
		return nil, nil
	}
	out := make([]Scored, len(x.ids))
	for i, v := range x.vectors {
		out[i] = Scored{PassageID: x.ids[i], Score: embed.Similarity(v, vec)}
	}
	slices.SortFunc(out, func(a, b Scored) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.PassageID, b.PassageID)
	})
	return out[:min(k, len(out))], nil
}

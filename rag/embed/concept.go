package embed

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"cdss/rag"
)

// Annotator finds the concepts of a text and their neighbours.
type Annotator interface {
	Annotate(text string) []rag.Mention
	Related(concept string) []rag.Mention
}

// ConceptDimensions is the size of the local space.
const ConceptDimensions = 256

// Concept is the local embedder: a text is the sum of the directions of the
// concepts it speaks of, damped by repetition, with a share of their wider and
// narrower neighbours. It needs no training and no network, is the same for both
// languages, and changes only with the table of concepts.
type Concept struct {
	annotator Annotator
	version   string
}

// NewConcept makes the local embedder; version names the table of concepts.
func NewConcept(a Annotator, version string) *Concept {
	return &Concept{annotator: a, version: version}
}

// Space is the space of the table.
func (e *Concept) Space() Space {
	return Space{Kind: Local, Provider: "local", Model: "concepts", Dimensions: ConceptDimensions, Version: e.version}
}

// neighbourShare is how much of a concept's weight its neighbours share.
const neighbourShare = 0.5

// Embed gives unit vectors, or zero vectors for texts without concepts.
func (e *Concept) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("embed text %d of %d: %w", i+1, len(texts), err)
		}
		out[i] = e.embed(text)
	}
	return out, nil
}

func (e *Concept) embed(text string) []float32 {
	type entry struct {
		id    string
		count float64
		w     float64
	}
	var order []entry // in order of first mention, so that sums are the same each time
	at := map[string]int{}
	for _, m := range e.annotator.Annotate(text) {
		k, ok := at[m.Concept]
		if !ok {
			k = len(order)
			at[m.Concept] = k
			order = append(order, entry{id: m.Concept})
		}
		order[k].count++
		order[k].w = max(order[k].w, m.Weight)
	}
	sum := make([]float64, ConceptDimensions)
	for _, en := range order {
		w := en.w * (1 + math.Log(en.count))
		addDirection(sum, en.id, w)
		for _, r := range e.annotator.Related(en.id) {
			addDirection(sum, r.Concept, w*r.Weight*neighbourShare)
		}
	}
	norm := 0.0
	for _, x := range sum {
		norm += x * x
	}
	vec := make([]float32, ConceptDimensions)
	if norm > 0 {
		norm = math.Sqrt(norm)
		for j, x := range sum {
			vec[j] = float32(x / norm)
		}
	}
	return vec
}

// addDirection adds w times the direction of a concept: random signs seeded by its
// name, nearly orthogonal to every other in 256 dimensions.
func addDirection(sum []float64, id string, w float64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0x9e3779b97f4a7c15))
	const unit = 1.0 / 16 // 1/sqrt(256)
	for j := 0; j < len(sum); j += 64 {
		bits := rng.Uint64()
		for k := range 64 {
			if bits>>k&1 == 1 {
				sum[j+k] += w * unit
			} else {
				sum[j+k] -= w * unit
			}
		}
	}
}

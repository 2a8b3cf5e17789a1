// Package lexical ranks passages by words: BM25 over stems and character
// 4-grams, German and English, in one immutable index. It owns tokens, postings
// and scores; it refuses I/O and knows nothing of documents or concepts.
package lexical

import (
	"math"
	"slices"
	"sort"
)

// DefaultK1 is BM25's damping of repeated words.
const DefaultK1 = 1.2

// maxTF is the largest term frequency that is kept; BM25 is flat long before.
const maxTF = 1<<tfBits - 1

// A posting holds a passage number and a term frequency in 32 bits.
const (
	tfBits      = 8
	maxPassages = 1 << (32 - tfBits)
)

// Builder collects passages for an index. It is not safe for concurrent use.
type Builder struct {
	numbers  map[string]uint32
	postings [][]uint32
	lengths  []float32
	counts   map[uint32]int
}

// NewBuilder starts an index.
func NewBuilder() *Builder {
	return &Builder{numbers: map[string]uint32{}, counts: map[uint32]int{}}
}

// Add appends a passage; its number is the count of those before it. Each field's
// tokens count weight times, also towards length.
func (b *Builder) Add(fields ...Field) {
	clear(b.counts)
	length := 0
	for _, f := range fields {
		for _, t := range f.Tokens {
			n, ok := b.numbers[t]
			if !ok {
				n = uint32(len(b.postings))
				b.numbers[t] = n
				b.postings = append(b.postings, nil)
			}
			b.counts[n] += f.Weight
		}
		length += len(f.Tokens) * f.Weight
	}
	doc := uint32(len(b.lengths))
	if doc >= maxPassages {
		return
	}
	for n, tf := range b.counts {
		b.postings[n] = append(b.postings[n], doc<<tfBits|uint32(min(tf, maxTF)))
	}
	b.lengths = append(b.lengths, float32(length))
}

// Field is a part of a passage whose tokens count Weight times.
type Field struct {
	Tokens []string
	Weight int
}

// Build closes the index. The builder must not be used afterwards.
func (b *Builder) Build(k1, bb float64) *Index {
	ix := &Index{numbers: b.numbers, n: len(b.lengths), k1: k1}
	total := 0.0
	for _, l := range b.lengths {
		total += float64(l)
	}
	average := total / math.Max(1, float64(ix.n))
	ix.norms = make([]float32, ix.n)
	for i, l := range b.lengths {
		if average > 0 {
			ix.norms[i] = float32(k1 * (1 - bb + bb*float64(l)/average))
		}
	}
	size := 0
	for _, p := range b.postings {
		size += len(p)
	}
	// One array for all postings: half the memory of many slices.
	ix.postings = make([]uint32, 0, size)
	ix.offsets = make([]uint32, len(b.postings)+1)
	for n, p := range b.postings {
		ix.postings = append(ix.postings, p...)
		ix.offsets[n+1] = uint32(len(ix.postings))
		b.postings[n] = nil
	}
	b.numbers, b.postings = nil, nil
	return ix
}

// Index is an immutable inverted index, safe for concurrent use.
type Index struct {
	numbers  map[string]uint32
	offsets  []uint32
	postings []uint32
	norms    []float32
	n        int
	k1       float64
}

// Len is the number of passages.
func (ix *Index) Len() int { return ix.n }

// Postings is the number of entries, by which memory is judged.
func (ix *Index) Postings() int { return len(ix.postings) }

// Frequency is the number of passages with a token.
func (ix *Index) Frequency(token string) int {
	n, ok := ix.numbers[token]
	if !ok {
		return 0
	}
	return int(ix.offsets[n+1] - ix.offsets[n])
}

// IDF is the inverse document frequency ln(1 + (N - df + 0.5)/(df + 0.5)) of a token
// that df passages hold.
func (ix *Index) IDF(df int) float64 {
	return math.Log(1 + (float64(ix.n)-float64(df)+0.5)/(float64(df)+0.5))
}

// Weighted is a token of a query.
type Weighted struct {
	Token  string
	Weight float64
}

// Score adds the BM25 scores of a query to scores, which has a place per passage.
// Tokens are summed in sorted order, so that equal queries give equal bits.
func (ix *Index) Score(query []Weighted, scores []float32) {
	for _, q := range Merge(query) {
		n, ok := ix.numbers[q.Token]
		if !ok || q.Weight == 0 {
			continue
		}
		list := ix.postings[ix.offsets[n]:ix.offsets[n+1]]
		w := float32(q.Weight * ix.IDF(len(list)) * (ix.k1 + 1))
		for _, p := range list {
			doc := p >> tfBits
			tf := float32(p & maxTF)
			scores[doc] += w * tf / (tf + ix.norms[doc])
		}
	}
}

// TF is how often a token stands in a passage, 0 when it does not.
func (ix *Index) TF(token string, passage int) int {
	n, ok := ix.numbers[token]
	if !ok {
		return 0
	}
	list := ix.postings[ix.offsets[n]:ix.offsets[n+1]]
	i := sort.Search(len(list), func(i int) bool { return list[i]>>tfBits >= uint32(passage) })
	if i < len(list) && list[i]>>tfBits == uint32(passage) {
		return int(list[i] & maxTF)
	}
	return 0
}

// MaxTF is how often a token stands in the passage that has it most.
func (ix *Index) MaxTF(token string) int {
	most := 0
	ix.Each(token, func(_, tf int) { most = max(most, tf) })
	return most
}

// Each calls f with the passages that hold a token, and how often.
func (ix *Index) Each(token string, f func(passage, tf int)) {
	n, ok := ix.numbers[token]
	if !ok {
		return
	}
	for _, p := range ix.postings[ix.offsets[n]:ix.offsets[n+1]] {
		f(int(p>>tfBits), int(p&maxTF))
	}
}

// Merge gives each token once, with the largest of its weights, in order.
func Merge(query []Weighted) []Weighted {
	q := slices.Clone(query)
	slices.SortFunc(q, func(a, b Weighted) int {
		switch {
		case a.Token < b.Token:
			return -1
		case a.Token > b.Token:
			return 1
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(q, func(a, b Weighted) bool { return a.Token == b.Token })
}

// ScoreTF adds the BM25 scores of one term that stands for several tokens: tf holds
// its frequency in every passage, df the number of passages it counts as being in
// (0: those with tf).
func (ix *Index) ScoreTF(tf []float32, df int, weight float64, scores []float32) {
	if df == 0 {
		for _, f := range tf {
			if f > 0 {
				df++
			}
		}
	}
	w := float32(weight * ix.IDF(df) * (ix.k1 + 1))
	for doc, f := range tf {
		if f > 0 {
			scores[doc] += w * f / (f + ix.norms[doc])
		}
	}
}

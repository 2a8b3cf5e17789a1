// Package retrieve finds passages: lexical, concept and vector legs, fusion,
// reranking and abstention over an immutable snapshot. It owns ranking and
// refuses storage, the clock and the network; vectors are asked for through an
// interface.
package retrieve

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/lexical"
)

// Expander knows the domain's names. Expand adds weighted terms and the concepts
// recognised in a question; Annotate finds the concepts a text speaks of; Related
// gives the wider and narrower concepts of one. It is safe for concurrent use.
type Expander interface {
	Expand(text, language string) ([]rag.Term, []rag.Concept)
	Annotate(text string) []rag.Mention
	Related(concept string) []rag.Mention
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

// Options are what a snapshot is built with. The zero value works: words only.
type Options struct {
	Expander Expander       // nil: no concept leg
	Embedder embed.Embedder // embeds queries; nil: no vector leg
	Online   embed.Embedder // of an online model whose space is complete; nil: none
	Settings *Settings      // nil: DefaultSettings
}

// Snapshot is an immutable index of documents and passages, safe for concurrent use.
type Snapshot struct {
	settings Settings
	expander Expander
	embedder embed.Embedder
	online   embed.Embedder

	docs     []rag.Document // by identifier, version, id
	passages []rag.Passage  // by document, then position
	docOf    []int32        // passage -> index into docs
	from     []int          // index into docs -> its first passage; one more at the end
	byID     map[string]int32
	words    *lexical.Index
	concepts *lexical.Index
	advice   []float32  // how much a passage advises, 0 to 1
	shingles [][]uint32 // sorted hashes of three words in a row, for near-duplicates
}

// Build indexes the passages of docs. Passages of unknown documents are ignored.
// The order of the input changes neither ranking nor bytes.
func Build(docs []rag.Document, passages []rag.Passage, opts Options) *Snapshot {
	s := &Snapshot{settings: DefaultSettings(), expander: opts.Expander, embedder: opts.Embedder, online: opts.Online,
		docs: slices.Clone(docs), byID: make(map[string]int32, len(passages))}
	if opts.Settings != nil {
		s.settings = *opts.Settings
	}
	slices.SortFunc(s.docs, func(a, b rag.Document) int {
		if c := strings.Compare(a.Identifier, b.Identifier); c != 0 {
			return c
		}
		if c := strings.Compare(a.Version, b.Version); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	place := make(map[string]int32, len(s.docs))
	for i, d := range s.docs {
		place[d.ID] = int32(i)
	}
	for _, p := range passages {
		if _, ok := place[p.Document]; ok {
			s.passages = append(s.passages, p)
		}
	}
	slices.SortFunc(s.passages, func(a, b rag.Passage) int {
		if a.Document != b.Document {
			return int(place[a.Document]) - int(place[b.Document])
		}
		if a.Ord != b.Ord {
			return a.Ord - b.Ord
		}
		return strings.Compare(a.ID, b.ID)
	})
	s.from = make([]int, len(s.docs)+1)
	for _, p := range s.passages {
		s.from[place[p.Document]+1]++
	}
	for d := range s.docs {
		s.from[d+1] += s.from[d]
	}
	s.index(place)
	return s
}

// analysis is what a passage is indexed by.
type analysis struct {
	words, titleWords       []string
	concepts, titleConcepts []string
}

func (s *Snapshot) index(place map[string]int32) {
	n := len(s.passages)
	s.docOf = make([]int32, n)
	s.advice = make([]float32, n)
	s.shingles = make([][]uint32, n)
	for i, p := range s.passages {
		s.byID[p.ID] = int32(i)
		s.docOf[i] = place[p.Document]
	}
	words, concepts := lexical.NewBuilder(), lexical.NewBuilder()
	extra := s.settings.Heading - 1 // the text holds the headings once already
	// Passages are analysed side by side and added in order, a block at a time, so
	// that memory stays bounded and the index the same.
	analyzers := make([]*lexical.Analyzer, runtime.GOMAXPROCS(0))
	for i := range analyzers {
		analyzers[i] = lexical.NewAnalyzer(s.settings.Without)
	}
	for from := 0; from < n; from += block {
		for _, a := range s.analyses(analyzers, from, min(from+block, n)) {
			words.Add(lexical.Field{Tokens: a.words, Weight: 1}, lexical.Field{Tokens: a.titleWords, Weight: extra})
			concepts.Add(lexical.Field{Tokens: a.concepts, Weight: 1}, lexical.Field{Tokens: a.titleConcepts, Weight: extra})
		}
	}
	s.words = words.Build(lexical.DefaultK1, s.settings.Length)
	s.concepts = concepts.Build(lexical.DefaultK1, s.settings.Length)
}

// block is how many passages are analysed before they are added.
const block = 512

func (s *Snapshot) analyses(analyzers []*lexical.Analyzer, from, to int) []analysis {
	out := make([]analysis, to-from)
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, analyzer := range analyzers {
		wg.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= len(out) {
					return
				}
				out[k] = s.analysis(analyzer, from+k)
			}
		})
	}
	wg.Wait()
	return out
}

func (s *Snapshot) analysis(analyzer *lexical.Analyzer, i int) analysis {
	p := s.passages[i]
	s.advice[i] = advice(p)
	s.shingles[i] = shingles(p.Quoted)
	// A passage without any heading is about what its document is about.
	title, text := strings.Join(p.Section, "\n"), p.Indexed
	if title == "" {
		title = s.docs[s.docOf[i]].Title
		text = title + "\n" + text
	}
	a := analysis{words: analyzer.Tokens(text, p.Language), titleWords: analyzer.Tokens(title, p.Language)}
	if s.expander != nil {
		a.concepts, a.titleConcepts = conceptTokens(s.expander, text), conceptTokens(s.expander, title)
	}
	return a
}

func conceptTokens(x Expander, text string) []string {
	mentions := x.Annotate(text)
	tokens := make([]string, len(mentions))
	for i, m := range mentions {
		tokens[i] = m.Concept
	}
	return tokens
}

// Len is the number of passages.
func (s *Snapshot) Len() int { return len(s.passages) }

// Postings is the number of index entries, by which memory is judged (4 bytes each).
func (s *Snapshot) Postings() int { return s.words.Postings() + s.concepts.Postings() }

// Documents are the documents of the snapshot, ordered by identifier and version.
func (s *Snapshot) Documents() []rag.Document { return slices.Clone(s.docs) }

// Passage gives a passage by ID, with its document.
func (s *Snapshot) Passage(id string) (rag.Passage, rag.Document, bool) {
	i, ok := s.byID[id]
	if !ok {
		return rag.Passage{}, rag.Document{}, false
	}
	return s.passages[i], s.docs[s.docOf[i]], true
}

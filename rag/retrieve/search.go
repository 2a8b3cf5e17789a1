package retrieve

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"cdss/rag"
	"cdss/rag/embed"
)

// Limits of a search.
const (
	defaultK   = 10
	maxK       = 100
	candidates = 120  // ranked passages that reranking looks at
	nearest    = 1000 // passages asked of the vector leg
)

// Search ranks passages for a query. vectors may be nil; a leg that cannot run is
// named in Result.Degraded and the others answer. The result abstains where the
// snapshot holds nothing that certainly is about the question.
func (s *Snapshot) Search(ctx context.Context, q rag.Query, vectors Vectors) rag.Result {
	k := q.K
	if k <= 0 {
		k = defaultK
	}
	k = min(k, maxK)
	qu := s.analyze(q)
	res := rag.Result{Query: q}
	res.Query.Terms, res.Query.Concepts = qu.terms, qu.concepts
	allowed, any := s.allowed(q)
	if !any {
		res.Abstained, res.Reason = true, ReasonNoDocuments
		return res
	}
	l := s.score(ctx, qu, vectors, &res)
	order := s.rank(l, allowed, q)
	if len(order) == 0 {
		res.Abstained, res.Reason = true, ReasonNothingFound
		return res
	}
	order = s.diversify(order, l)
	confidence := s.confidence(qu, l, order)
	res.Confidence = confidence
	if confidence < s.settings.Abstain {
		res.Abstained, res.Reason = true, ReasonUncertain
	}
	best := l.final[order[0]]
	for _, i := range order[:min(k, len(order))] {
		h := rag.Hit{Passage: s.passages[i], Document: s.docs[s.docOf[i]], Score: confidence * l.final[i] / best, Parts: s.parts(l, int(i))}
		h.Matched = s.matched(qu, int(i))
		res.Hits = append(res.Hits, h)
	}
	return res
}

// Reasons of an abstention.
const (
	ReasonNoDocuments  = "no-documents"  // nothing is loaded, or nothing the query allows
	ReasonNothingFound = "nothing-found" // no passage shares anything with the question
	ReasonUncertain    = "uncertain"     // the best passage covers too little of the question
)

// allowed tells which passages may be shown.
func (s *Snapshot) allowed(q rag.Query) ([]bool, bool) {
	if len(q.Documents) == 0 {
		return nil, len(s.passages) > 0
	}
	docs := make([]bool, len(s.docs))
	for i, d := range s.docs {
		docs[i] = slices.Contains(q.Documents, d.Identifier) || d.PartOf != "" && slices.Contains(q.Documents, d.PartOf)
	}
	allowed := make([]bool, len(s.passages))
	any := false
	for i, d := range s.docOf {
		allowed[i] = docs[d]
		any = any || docs[d]
	}
	return allowed, any
}

// legs are the scores of all passages.
type legs struct {
	words    []float32 // BM25
	concepts []float32
	vectors  []float32 // cosine, 0 where negative or not among the nearest
	cover    []float32 // share of the question a passage covers, 0 to 1
	final    []float64
	weights  [3]float64 // of words, concepts, vectors in the fusion, each per unit of score
	demoted  map[int32]float64
}

func (s *Snapshot) score(ctx context.Context, qu question, vectors Vectors, res *rag.Result) *legs {
	n := len(s.passages)
	l := &legs{words: make([]float32, n), concepts: make([]float32, n), vectors: make([]float32, n),
		cover: make([]float32, n), final: make([]float64, n), demoted: map[int32]float64{}}
	s.words.Score(qu.tokens, l.words)
	s.scoreConcepts(qu, l)
	s.scoreCover(qu, l)
	vectorShare := s.scoreVectors(ctx, qu, vectors, l, res)
	s.fuse(l, vectorShare)
	return l
}

// scoreConcepts adds BM25 over concepts. A concept stands with its wider and narrower
// neighbours as one term: what they say counts as if it said it, by their nearness,
// and the term is as rare as the concept itself.
func (s *Snapshot) scoreConcepts(qu question, l *legs) {
	if s.expander == nil {
		return
	}
	n := len(s.passages)
	tf := make([]float32, n)
	one := make([]float32, n)
	var gate []float32
	for f, units := range qu.facts {
		clear(one)
		for _, u := range units {
			clear(tf)
			s.concepts.Each(u.concept, func(p, f int) { tf[p] += float32(f) })
			for _, r := range s.expander.Related(u.concept) {
				w := float32(r.Weight)
				s.concepts.Each(r.Concept, func(p, f int) { tf[p] += w * float32(f) })
			}
			s.concepts.ScoreTF(tf, s.concepts.Frequency(u.concept), u.weight, one)
		}
		if f == 0 {
			copy(l.concepts, one)
			if len(qu.facts) > 1 {
				gate = s.gate(one)
			}
			continue
		}
		for i, x := range one {
			l.concepts[i] += gate[i] * x
		}
	}
}

// gate lets the further facts of a line count where the first is met.
func (s *Snapshot) gate(first []float32) []float32 {
	gate := make([]float32, len(first))
	most := slices.Max(first)
	low := float32(s.settings.Gate)
	for i, x := range first {
		gate[i] = 1
		if most > 0 {
			gate[i] = low + (1-low)*min(1, 2*x/most)
		}
	}
	return gate
}

// scoreCover computes how much of a question each passage covers. Rare parts count
// more; a part the whole corpus lacks counts most, and against every passage.
func (s *Snapshot) scoreCover(qu question, l *legs) {
	n := len(s.passages)
	total := 0.0
	met := make([]float32, n)
	for _, u := range qu.units {
		if u.concept == "" {
			continue
		}
		g := u.weight * s.concepts.IDF(s.concepts.Frequency(u.concept))
		total += g
		clear(met)
		for _, r := range s.expander.Related(u.concept) {
			w := float32(r.Weight)
			s.concepts.Each(r.Concept, func(p, _ int) { met[p] = max(met[p], w) })
		}
		s.concepts.Each(u.concept, func(p, _ int) { met[p] = 1 })
		for i, m := range met {
			l.cover[i] += float32(g) * m
		}
	}
	for i := range l.cover {
		if total > 0 {
			l.cover[i] /= float32(total)
		} else {
			l.cover[i] = 1
		}
	}
}

// onlineWait is how long a search waits for the vector of an online model.
const onlineWait = 1500 * time.Millisecond

// OnlineDown in Result.Degraded says that the online model did not answer and local
// vectors served instead.
const OnlineDown = "online"

// scoreVectors asks the vector leg, and gives its share in the fusion: 0 when it did
// not run. The space of an online model goes before the local one, which serves when
// that model is away; spaces are never mixed.
func (s *Snapshot) scoreVectors(ctx context.Context, qu question, vectors Vectors, l *legs, res *rag.Result) float64 {
	if s.online != nil && !res.Query.Local && vectors != nil && len(qu.concepts) > 0 {
		wait, cancel := context.WithTimeout(ctx, onlineWait)
		ok := s.near(wait, s.online, qu, vectors, l)
		cancel()
		if ok {
			return s.settings.OnlineVector
		}
		res.Degraded = append(res.Degraded, OnlineDown)
	}
	if s.embedder == nil || s.settings.LocalVector == 0 {
		return 0
	}
	if vectors == nil || !s.near(ctx, s.embedder, qu, vectors, l) {
		res.Degraded = append(res.Degraded, "vector")
		return 0
	}
	return s.settings.LocalVector
}

// near fills the vector leg from one space, and tells whether that space could be
// asked.
func (s *Snapshot) near(ctx context.Context, e embed.Embedder, qu question, vectors Vectors, l *legs) bool {
	space, text := e.Space(), qu.text
	if space.Kind == embed.Online {
		text = conceptLine(qu.concepts) // only names of the table leave the server, never what was typed
	}
	if text == "" {
		return true
	}
	vecs, err := e.Embed(ctx, []string{text})
	if err != nil || len(vecs) != 1 || len(vecs[0]) != space.Dimensions {
		return false
	}
	if embed.Zero(vecs[0]) {
		return true
	}
	near, err := vectors.Nearest(ctx, space.ID(), vecs[0], nearest)
	if err != nil {
		return false
	}
	for _, x := range near {
		if i, ok := s.byID[x.PassageID]; ok && x.Score > 0 && !math.IsInf(x.Score, 0) {
			l.vectors[i] = float32(x.Score)
		}
	}
	return true
}

func conceptLine(concepts []rag.Concept) string {
	names := make([]string, 0, 2*len(concepts))
	for _, c := range concepts {
		names = append(names, c.DE)
		if c.EN != c.DE {
			names = append(names, c.EN)
		}
	}
	return strings.Join(names, ", ")
}

// fuse adds the legs, each divided by its best score, by their shares; a leg that
// found nothing leaves its share to the others. Then come the priors.
func (s *Snapshot) fuse(l *legs, vectorShare float64) {
	shares := [3]float64{s.settings.Lexical, s.settings.Concept, vectorShare}
	best := [3]float32{slices.Max(l.words), slices.Max(l.concepts), slices.Max(l.vectors)}
	sum := 0.0
	for i := range shares {
		if best[i] <= 0 {
			shares[i] = 0
		}
		sum += shares[i]
	}
	for i := range shares {
		if shares[i] > 0 {
			l.weights[i] = shares[i] / sum / float64(best[i])
		}
	}
	for i := range l.final {
		v := l.weights[0]*float64(l.words[i]) + l.weights[1]*float64(l.concepts[i]) + l.weights[2]*float64(l.vectors[i])
		if v <= 0 {
			continue
		}
		l.final[i] = v * s.prior(l, i)
	}
	s.lean(l)
}

// lean lets a passage take part in the score of its neighbours in the same section:
// what answers often goes on in the next passage (cluster hypothesis, Jardine and van
// Rijsbergen 1971).
func (s *Snapshot) lean(l *legs) {
	share := s.settings.Neighbour
	if share == 0 {
		return
	}
	own := slices.Clone(l.final)
	for i := range own {
		if own[i] <= 0 {
			continue
		}
		beside := 0.0
		for _, j := range [2]int{i - 1, i + 1} {
			if j >= 0 && j < len(own) && s.docOf[i] == s.docOf[j] && slices.Equal(s.passages[i].Section, s.passages[j].Section) {
				beside = max(beside, own[j])
			}
		}
		l.final[i] = own[i] + share*max(0, beside-own[i])
	}
}

// prior is what a passage is worth before its words are looked at, times how much of
// the question it covers.
func (s *Snapshot) prior(l *legs, i int) float64 {
	p := 1 + s.settings.Advice*float64(s.advice[i])
	if s.passages[i].Kind == rag.Table {
		p *= s.settings.Table
	}
	return p * (1 - s.settings.Coverage + s.settings.Coverage*float64(l.cover[i]))
}

// rank gives the best passages in order; ties go by document and position.
func (s *Snapshot) rank(l *legs, allowed []bool, q rag.Query) []int32 {
	order := make([]int32, 0, len(s.passages))
	for i, v := range l.final {
		if v > 0 && (allowed == nil || allowed[i]) {
			if len(q.Indications) > 0 && overlap(q.Indications, s.docs[s.docOf[i]].Indications) {
				l.final[i] *= filedBonus
			}
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := cmp.Compare(l.final[b], l.final[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return order[:min(len(order), candidates)]
}

// filedBonus is the preference for documents filed under an indication asked for.
const filedBonus = 1.1

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func (s *Snapshot) parts(l *legs, i int) map[string]float64 {
	parts := map[string]float64{
		"lexical":  l.weights[0] * float64(l.words[i]),
		"concept":  l.weights[1] * float64(l.concepts[i]),
		"vector":   l.weights[2] * float64(l.vectors[i]),
		"coverage": float64(l.cover[i]),
		"advice":   float64(s.advice[i]),
	}
	if s.passages[i].Kind == rag.Table {
		parts["table"] = s.settings.Table
	}
	if d, ok := l.demoted[int32(i)]; ok {
		parts["duplicate"] = d
	}
	return parts
}

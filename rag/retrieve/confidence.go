package retrieve

import (
	"math"

	"cdss/rag/lexical"
)

// The confidence of an answer is a logistic function of three measures. Its
// coefficients were fitted on the own queries of testdata/scope.jsonl (80 within
// the scope of an inpatient guideline on antibiotics, 100 beyond it, near and far);
// no judged query took part.
const (
	confidenceBase     = -5.1
	confidenceCoverage = 6.1 // share of the question that one of the best passages covers
	confidenceConcept  = 3.6 // concept score of the best passage, of what is possible
	confidenceLexical  = 0.9 // the same of its words
)

// lookedAt is how many of the best passages may speak for the snapshot.
const lookedAt = 5

// salientAt is how often something must stand in some passage, headings counted as
// often as they weigh, for the snapshot to speak of it and not only mention it.
const salientAt = 4

// familiar is the most that the neighbours of a concept stand for it.
const familiar = 0.9

// confidence says, 0 to 1, how certain it is that the snapshot speaks of what is
// asked. A rare part of the question weighs more; what the snapshot merely mentions
// in passing ("hepatitis" among side effects) weighs less.
func (s *Snapshot) confidence(qu question, l *legs, order []int32) float64 {
	top := order[:min(lookedAt, len(order))]
	covered := make([]float64, len(top))
	met := make([]float64, len(top))
	total, possible := 0.0, 0.0
	for _, u := range qu.units {
		var rarity, salience float64
		clear(met)
		if u.concept != "" {
			rarity, salience = s.meetConcept(u, top, met)
			possible += rarity
		} else {
			rarity, salience = s.meetWord(u, top, met)
		}
		total += rarity
		for k, m := range met {
			covered[k] += rarity * m * salience
		}
	}
	if total == 0 {
		return 0
	}
	most := 0.0
	for _, c := range covered {
		most = max(most, c/total)
	}
	words := 0.0
	for _, t := range lexical.Merge(qu.tokens) {
		words += t.Weight * s.words.IDF(s.words.Frequency(t.Token))
	}
	x := confidenceBase + confidenceCoverage*most
	// BM25 of one term is at most its rarity times k1 + 1.
	x += confidenceConcept * float64(l.concepts[top[0]]) / (total * (lexical.DefaultK1 + 1))
	if words > 0 {
		x += confidenceLexical * float64(l.words[top[0]]) / (words * (lexical.DefaultK1 + 1))
	}
	return 1 / (1 + math.Exp(-x))
}

// meetConcept tells how far each of the top passages speaks of a concept, how rare
// it is, times its weight, and how much the snapshot has to say about it.
func (s *Snapshot) meetConcept(u unit, top []int32, met []float64) (rarity, salience float64) {
	rarity = u.weight * s.concepts.IDF(s.concepts.Frequency(u.concept))
	most := float64(s.concepts.MaxTF(u.concept))
	for _, r := range s.expander.Related(u.concept) {
		most = max(most, r.Weight*float64(s.concepts.MaxTF(r.Concept)))
		for k, i := range top {
			if s.concepts.TF(r.Concept, int(i)) > 0 {
				met[k] = min(familiar, met[k]+r.Weight)
			}
		}
	}
	for k, i := range top {
		if s.concepts.TF(u.concept, int(i)) > 0 {
			met[k] = 1
		}
	}
	return rarity, min(1, most/salientAt)
}

// meetWord does the same for a word that no concept stands for. A word that is not in
// a passage may be part of a compound there: then most of its grams are.
func (s *Snapshot) meetWord(u unit, top []int32, met []float64) (rarity, salience float64) {
	frequency, most := 0, 0
	for _, stem := range u.stems {
		frequency = max(frequency, s.words.Frequency(stem))
		most = max(most, s.words.MaxTF(stem))
	}
	for k, i := range top {
		for _, stem := range u.stems {
			if s.words.TF(stem, int(i)) > 0 {
				met[k] = 1
			}
		}
		if met[k] > 0 || len(u.grams) < 4 {
			continue
		}
		n := 0
		for _, g := range u.grams {
			if s.words.TF(g, int(i)) > 0 {
				n++
			}
		}
		met[k] = max(0, 1.4*(float64(n)/float64(len(u.grams))-0.5))
	}
	return u.weight * s.words.IDF(frequency), min(1, float64(most)/salientAt)
}

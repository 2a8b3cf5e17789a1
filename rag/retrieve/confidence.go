package retrieve

import (
	"math"
	"slices"

	"cdss/rag/lexical"
)

// The confidence of an answer is a logistic function of two measures. Its
// coefficients were fitted on own queries over two corpora of very different size
// (testdata/scope.jsonl over an inpatient guideline on antibiotics, and those of
// rag/eval/testdata/demo.jsonl over the demo guideline; 138 within scope, 130
// beyond it, near and far); no judged query of the reference set took part in the fit.
const (
	confidenceBase     = -5.9
	confidenceCoverage = 9.2 // share of the question that one of the best passages covers
	confidenceLexical  = 5.3 // word score of the best passage, of what is possible
)

// together is how much of the coverage may come from several passages: an answer on
// two subjects often stands in two places.
const together = 0.4

// lookedAt is how many of the best passages may speak for the snapshot.
const lookedAt = 10

// rarityOf is the size a corpus is taken to have at least when rarity is judged: in a
// short document nothing is rare.
const rarityOf = 500

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
	total, union := 0.0, 0.0
	for _, u := range qu.units {
		clear(met)
		frequency, salience := s.meet(u, top, met)
		weight := u.weight * rarity(max(s.Len(), rarityOf), frequency)
		total += weight
		weight *= (1 + salience) / 2
		for k, m := range met {
			covered[k] += weight * m
		}
		union += weight * slices.Max(met)
	}
	if total == 0 {
		return 0
	}
	most := 0.0
	for _, c := range covered {
		most = max(most, c/total)
	}
	most += together * (union/total - most)
	x := confidenceBase + confidenceCoverage*most
	possible := 0.0
	for _, t := range lexical.Merge(qu.tokens) {
		possible += t.Weight * s.words.IDF(s.words.Frequency(t.Token)) * (lexical.DefaultK1 + 1)
	}
	if possible > 0 {
		x += confidenceLexical * float64(l.words[top[0]]) / possible
	}
	return 1 / (1 + math.Exp(-x))
}

// rarity is the inverse document frequency of what frequency of n passages hold.
func rarity(n, frequency int) float64 {
	return math.Log(1 + (float64(n)-float64(frequency)+0.5)/(float64(frequency)+0.5))
}

// meet tells how far each of the top passages speaks of a part of the question, how
// many passages do, and how much the snapshot has to say about it, 0 to 1.
func (s *Snapshot) meet(u unit, top []int32, met []float64) (frequency int, salience float64) {
	if u.concept != "" {
		return s.meetConcept(u, top, met)
	}
	return s.meetWord(u, top, met)
}

func (s *Snapshot) meetConcept(u unit, top []int32, met []float64) (frequency int, salience float64) {
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
	return s.concepts.Frequency(u.concept), min(1, most/salientAt)
}

// meetWord looks for a word that no concept stands for. A word that is not in a
// passage may be part of a compound there: then most of its grams are.
func (s *Snapshot) meetWord(u unit, top []int32, met []float64) (frequency int, salience float64) {
	most := 0
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
	return frequency, min(1, float64(most)/salientAt)
}

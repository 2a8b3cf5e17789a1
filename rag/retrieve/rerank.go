package retrieve

import (
	"cmp"
	"hash/fnv"
	"math"
	"regexp"
	"slices"

	"cdss/rag"
	"cdss/rag/lexical"
)

var (
	doses    = regexp.MustCompile(`\d\s*[x×]\s*\d|\d\s*(?:mg|g|µg|Mio|IE|MU|MIU)\b`)
	advising = regexp.MustCompile(`(?i)empf[eo]hl|sollte?n?\b|indiziert|(?:Mittel|Therapie) der (?:ersten )?Wahl|recommend|should|first.line|drug of choice|indicated`)
)

// advice says how much a passage advises, 0 to 1: doses and the words of a
// recommendation. Background and epidemiology use the same clinical terms and
// answer less.
func advice(p rag.Passage) float32 {
	d := len(doses.FindAllStringIndex(p.Quoted, 20))
	r := len(advising.FindAllStringIndex(p.Indexed, 20))
	return float32(1 - math.Exp(-0.3*float64(d)-0.4*float64(r)))
}

// shingles are the hashes of all three words in a row, sorted, each once.
func shingles(text string) []uint32 {
	words := lexical.Words(text)
	out := make([]uint32, 0, len(words))
	for i := 0; i+2 < len(words); i++ {
		h := fnv.New32a()
		for _, w := range words[i : i+3] {
			_, _ = h.Write([]byte(w))
			_, _ = h.Write([]byte{0})
		}
		out = append(out, h.Sum32())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// duplicateShare is the share of the shorter passage's shingles that must stand in
// the other for the two to be the same content.
const duplicateShare = 0.5

func sameContent(a, b []uint32) bool {
	n := min(len(a), len(b))
	if n < 3 {
		return false
	}
	same := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			same++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(same) > duplicateShare*float64(n)
}

// diversify demotes what repeats a better passage, in whatever document. A limit per
// section was tried and left out: the passages that answer often stand together.
func (s *Snapshot) diversify(order []int32, l *legs) []int32 {
	if s.settings.Duplicate < 1 {
		for k, i := range order {
			for _, j := range order[:k] {
				if sameContent(s.shingles[i], s.shingles[j]) {
					l.demoted[i] = s.settings.Duplicate
					l.final[i] *= s.settings.Duplicate
					break
				}
			}
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(l.final[b], l.final[a]) })
	}
	return order
}

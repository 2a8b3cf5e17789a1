package retrieve

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
	"cdss/rag/lexical"
)

// advising are the words of recommendations, lower-case, in both languages.
var advising = []string{"empfohlen", "empfehl", "empfiehlt", "soll ", "sollte", "sollen ", "indiziert", "der wahl", "der ersten wahl",
	"recommend", "should", "first-line", "first line", "of choice", "indicated"}

// enough is the count from which more of the same says nothing.
const enough = 20

// advice says how much a passage advises, 0 to 1: doses and the words of a
// recommendation. Background and epidemiology use the same clinical terms and
// answer less.
func advice(p rag.Passage) float32 {
	text := strings.ToLower(p.Indexed)
	words := 0
	for _, w := range advising {
		words += strings.Count(text, w)
	}
	return float32(1 - math.Exp(-0.3*float64(min(doses(p.Quoted), enough))-0.4*float64(min(words, enough))))
}

// doses counts what reads like a dose: "3x 1", "2 g", "500 mg".
func doses(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' || i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
			continue
		}
		rest := strings.TrimLeft(text[i+1:min(len(text), i+12)], " ")
		if after, ok := cutAny(rest, "x", "×"); ok {
			after = strings.TrimLeft(after, " ")
			if after != "" && after[0] >= '0' && after[0] <= '9' {
				n++
			}
			continue
		}
		if after, ok := cutAny(rest, "mg", "g", "µg", "Mio", "IE", "MIU", "MU"); ok && (after == "" || !letter(after)) {
			n++
		}
	}
	return n
}

func cutAny(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if after, ok := strings.CutPrefix(s, p); ok {
			return after, true
		}
	}
	return s, false
}

func letter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
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

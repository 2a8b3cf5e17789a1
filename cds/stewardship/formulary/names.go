package formulary

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/cds/stewardship"
)

// groups are names of whole substance groups, German and English; the key lists
// the ATC prefixes they stand for.
var groups = map[string][]string{
	"J01C":                          {"penicillin", "penizillin", "penicilline", "penicillins", "aminopenicilline"},
	"J01DB|J01DC|J01DD|J01DE|J01DI": {"cephalosporin", "cefalosporin"},
	"J01C|J01D":                     {"betalaktam", "beta-lactam", "betalactam", "beta-laktam", "beta lactam", "β-lactam", "β-laktam"},
	"J01DH":                         {"carbapenem"},
	"J01MA":                         {"fluorchinolon", "fluoroquinolone", "chinolon", "quinolone", "gyrasehemmer"},
	"J01FA":                         {"makrolid", "macrolide"},
	"J01GA|J01GB":                   {"aminoglykosid", "aminoglycoside"},
	"J01XA01|J01XA02":               {"glykopeptid", "glycopeptide"},
	"J01AA02|J01AA08|J01AA12":       {"tetracyclin", "tetrazyklin", "tetracycline"},
	"J01EC|J01EE":                   {"sulfonamid", "sulfonamide", "sulphonamide", "sulfa"},
	"J01XX08|J01XX11":               {"oxazolidinon", "oxazolidinone"},
	"J01XD01|P01AB01":               {"nitroimidazol", "nitroimidazole"},
}

// names finds drug names in text. Both sides are folded to one spelling, so that
// case, umlauts and the German c/k/z do not matter.
type names struct {
	terms []term
	byKey map[string]int
}

type term struct {
	folded, written string
	whole           bool // does not run on into a longer word
	drugs           []Drug
	prefixes        []string
}

func newNames() *names { return &names{byKey: map[string]int{}} }

func (n *names) addDrug(name string, d Drug) error {
	t := n.term(name)
	if t == nil {
		return fmt.Errorf("name %q is too short to be found safely", name)
	}
	for _, have := range t.drugs {
		if have.ATC == d.ATC {
			return nil
		}
	}
	t.drugs = append(t.drugs, d)
	return nil
}

func (n *names) addGroup(name string, prefixes []string) {
	if t := n.term(name); t != nil {
		t.prefixes = prefixes
	}
}

// term gives the entry of a name, new if need be. A name that ends in "$", or
// whose last word is short ("ass", "penicillin g"), must stand alone; others may
// run on, as salts and German compounds do.
func (n *names) term(name string) *term {
	name, alone := strings.CutSuffix(name, "$")
	key := stewardship.Fold(name)
	if len(key) < 3 {
		return nil
	}
	i, ok := n.byKey[key]
	if !ok {
		i = len(n.terms)
		n.byKey[key] = i
		last := key[strings.LastIndexByte(key, ' ')+1:]
		n.terms = append(n.terms, term{folded: key, written: name, whole: alone || len(last) < shortName})
	}
	return &n.terms[i]
}

// shortName is the length from which a name may run on into a longer word.
const shortName = 6

type hit struct {
	term       *term
	start, end int // in the folded text
}

func (f *Formulary) find(text string) ([]Match, []ClassMatch) {
	t := stewardship.FoldText(text)
	var hits []hit
	for i := range f.names.terms {
		name := &f.names.terms[i]
		for from := 0; ; {
			j := strings.Index(t.Text[from:], name.folded)
			if j < 0 {
				break
			}
			start := from + j
			end := start + len(name.folded)
			from = start + 1
			group := len(name.drugs) == 0 && !name.whole
			if letterBefore(t.Text, start) && !group {
				continue // only a group name may end a compound ("Breitspektrumpenicillin")
			}
			stop := wordEnd(t.Text, end)
			if name.whole && stop > end {
				continue
			}
			hits = append(hits, hit{name, start, stop})
		}
	}
	// Longer names win over the shorter ones inside them.
	sort.SliceStable(hits, func(i, j int) bool {
		if a, b := len(hits[i].term.folded), len(hits[j].term.folded); a != b {
			return a > b
		}
		return hits[i].start < hits[j].start
	})
	var kept []hit
	for _, h := range hits {
		covered := false
		for _, k := range kept {
			if h.start < k.start+len(k.term.folded) && k.start < h.start+len(h.term.folded) {
				covered = true
				break
			}
		}
		if !covered {
			kept = append(kept, h)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].start < kept[j].start })
	var drugs []Match
	var classes []ClassMatch
	for _, h := range kept {
		start, end := t.Origin(h.start), t.Origin(h.end)
		for _, d := range h.term.drugs {
			drugs = append(drugs, Match{Drug: d, Term: h.term.written, Start: start, End: end})
		}
		if len(h.term.drugs) == 0 && h.term.prefixes != nil {
			classes = append(classes, ClassMatch{Prefixes: h.term.prefixes, Term: h.term.written, Start: start, End: end})
		}
	}
	return drugs, classes
}

func letterBefore(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// wordEnd runs to the end of the word, so that a compound is covered whole.
func wordEnd(s string, i int) int {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		i += size
	}
	return i
}

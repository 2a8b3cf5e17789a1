package concept

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
)

// minPart is the shortest name, in runes after folding, that is recognised inside a
// compound word ("Pneumonietherapie").
const minPart = 6

// maxCompound bounds the words that are taken apart, in bytes.
const maxCompound = 80

// partWeight is how much a name inside a longer word counts.
const partWeight = 0.8

// word is a word of a text with its place.
type word struct {
	text       string // as written
	folded     string
	start, end int
}

func split(text string) []word {
	var words []word
	start := -1
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			words = append(words, word{text: text[start:i], start: start, end: i})
			start = -1
		}
	}
	if start >= 0 {
		words = append(words, word{text: text[start:], start: start, end: len(text)})
	}
	for i := range words {
		words[i].folded = fold(words[i].text)
	}
	return words
}

func foldWords(text string) []string {
	var out []string
	for _, w := range split(text) {
		out = append(out, w.folded)
	}
	return out
}

var umlauts = strings.NewReplacer("ä", "a", "ö", "o", "ü", "u", "ß", "ss", "ae", "a", "oe", "o", "ue", "u",
	"é", "e", "è", "e", "ï", "i", "ë", "e", "β", "beta")

// fold brings a word to the form names are compared in: lower case, no umlauts, and
// without the endings by which German and English inflect. It is coarse on purpose:
// it is applied to both sides, and only names of the table can match.
func fold(w string) string {
	w = umlauts.Replace(strings.ToLower(w))
	if head, ok := strings.CutSuffix(w, "itiden"); ok {
		return head + "itis" // Meningitiden
	}
	for range 2 {
		n := len(w)
		switch {
		case n >= 7 && (strings.HasSuffix(w, "en") || strings.HasSuffix(w, "em") || strings.HasSuffix(w, "er") || strings.HasSuffix(w, "es")):
			w = w[:n-2]
		case n >= 5 && (w[n-1] == 'e' || w[n-1] == 'n' || w[n-1] == 's') && !strings.HasSuffix(w, "is") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "in"):
			w = w[:n-1]
		}
	}
	if n := len(w); n >= 5 && w[n-1] == 'y' {
		w = w[:n-1] + "i"
	}
	return w
}

// Annotate finds the concepts a text speaks of, in order of their position: at each
// word the longest name that begins there, else a name inside the word.
func (t *Table) Annotate(text string) []rag.Mention {
	words := split(text)
	var mentions []rag.Mention
	for i := 0; i < len(words); {
		if c, n := t.codeAt(text, words, i); n > 0 {
			mentions = append(mentions, rag.Mention{Concept: c.ID, Weight: kindWeights[c.Kind], Start: words[i].start, End: words[i+n-1].end})
			i += n
			continue
		}
		if c, n := t.nameAt(words, i); n > 0 {
			mentions = append(mentions, rag.Mention{Concept: t.concepts[c].ID, Weight: kindWeights[t.concepts[c].Kind],
				Start: words[i].start, End: words[i+n-1].end})
			mentions = t.nested(mentions, words[i:i+n], c)
			i += n
			continue
		}
		for _, c := range t.inside(words[i].folded) {
			mentions = append(mentions, rag.Mention{Concept: t.concepts[c].ID, Weight: partWeight * kindWeights[t.concepts[c].Kind],
				Start: words[i].start, End: words[i].end})
		}
		i++
	}
	return mentions
}

// nameAt gives the longest name that begins at word i, and its length in words.
func (t *Table) nameAt(words []word, i int) (concept, n int) {
	for n := min(t.begins[words[i].folded], len(words)-i); n > 1; n-- {
		key := words[i].folded
		for _, w := range words[i+1 : i+n] {
			key += " " + w.folded
		}
		if c, ok := t.names[key]; ok {
			return c, n
		}
	}
	if c, ok := t.exact[words[i].text]; ok {
		return c, 1
	}
	if c, ok := t.names[words[i].folded]; ok && !(utf8.RuneCountInString(words[i].text) < 3 && words[i].text != strings.ToUpper(words[i].text)) {
		return c, 1
	}
	return 0, 0
}

// nestedWeight is how much a name within a longer name counts.
const nestedWeight = 0.5

// nested adds the concepts that a longer name is made of: a "Legionellen-Pneumonie"
// is a pneumonia and speaks of legionella, also where a text says these apart.
func (t *Table) nested(mentions []rag.Mention, words []word, whole int) []rag.Mention {
	add := func(c, from, to int) {
		if c != whole {
			mentions = append(mentions, rag.Mention{Concept: t.concepts[c].ID, Weight: nestedWeight * kindWeights[t.concepts[c].Kind],
				Start: words[from].start, End: words[to].end})
		}
	}
	if len(words) == 1 {
		for _, c := range t.inside(words[0].folded) {
			add(c, 0, 0)
		}
		return mentions
	}
	for i := 0; i < len(words); {
		n := 0
		for k := min(len(words)-i, len(words)-1); k >= 1; k-- {
			key := words[i].folded
			for _, w := range words[i+1 : i+k] {
				key += " " + w.folded
			}
			if c, ok := t.names[key]; ok && len(key) >= 4 {
				add(c, i, i+k-1)
				n = k
				break
			}
		}
		i += max(n, 1)
	}
	return mentions
}

// inside finds names at the beginning and at the end of a compound.
func (t *Table) inside(w string) []int {
	if len(w) < minPart+2 || len(w) > maxCompound {
		return nil
	}
	var found []int
	head := 0
	for n := len(w) - 2; n >= minPart; n-- {
		if c, ok := t.parts[w[:n]]; ok {
			found = append(found, c)
			head = n
			break
		}
	}
	for at := max(2, head); len(w)-at >= minPart; at++ {
		if c, ok := t.parts[w[at:]]; ok {
			if !negates(w[:at]) && (len(found) == 0 || found[0] != c) {
				found = append(found, c)
			}
			break
		}
	}
	return found
}

// negates tells whether the first part of a compound turns the second into its
// opposite ("instabil", "nichtinvasiv").
func negates(head string) bool {
	switch head {
	case "un", "in", "im", "nicht", "non", "anti", "a", "an":
		return true
	}
	return false
}

// maxExpansion bounds the names added for one concept, so that a concept of many
// names does not outweigh the others.
const maxExpansion = 8

// maxTerms bounds the names added for one question.
const maxTerms = 200

// Expand adds the other names of the concepts a question speaks of, with lower
// weight than its own words, and names the concepts. A name in the language of the
// question comes first.
func (t *Table) Expand(text, language string) ([]rag.Term, []rag.Concept) {
	var terms []rag.Term
	var concepts []rag.Concept
	seen := map[string]bool{}
	for _, m := range t.Annotate(text) {
		if seen[m.Concept] {
			continue
		}
		seen[m.Concept] = true
		c := t.concepts[t.byID[m.Concept]]
		concepts = append(concepts, rag.Concept{ID: c.ID, DE: c.DE, EN: c.EN})
		names := []string{c.DE, c.EN}
		if language == "en" {
			names = []string{c.EN, c.DE}
		}
		written := strings.ToLower(text[m.Start:m.End])
		added := 0
		for _, name := range append(names, c.Names...) {
			name = strings.TrimPrefix(name, "=")
			if strings.ToLower(name) == written {
				continue
			}
			if added == maxExpansion || len(terms) == maxTerms {
				break
			}
			terms = append(terms, rag.Term{Text: name, Weight: m.Weight, Origin: rag.FromConcept})
			added++
		}
	}
	return terms, concepts
}

// codeAt reads an ICD-10 or ATC code that begins at word i, as coded facts carry it
// in their display ("J18.9 Pneumonie"), and its length in words.
func (t *Table) codeAt(text string, words []word, i int) (Concept, int) {
	w := words[i].text
	if len(w) == 3 && w[0] >= 'A' && w[0] <= 'Z' && digit(w[1]) && digit(w[2]) {
		code, n := w, 1
		if i+1 < len(words) && words[i+1].start == words[i].end+1 && text[words[i].end] == '.' && digit(words[i+1].text[0]) {
			code, n = w+"."+words[i+1].text, 2
		}
		if c, ok := t.Code("ICD10", code); ok {
			return c, n
		}
		return Concept{}, 0
	}
	if len(w) == 7 && w[0] >= 'A' && w[0] <= 'Z' && digit(w[1]) && digit(w[2]) && digit(w[5]) && digit(w[6]) && !digit(w[3]) && !digit(w[4]) {
		if c, ok := t.Code("ATC", w); ok {
			return c, 1
		}
	}
	return Concept{}, 0
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

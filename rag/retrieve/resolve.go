package retrieve

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
)

// mostTerms is the share of a locator's terms a passage must hold; the first, by
// convention the substance, always.
const mostTerms = 0.7

// Resolve gives the passage a locator means, or false when no passage certainly is
// the one meant. Document and version must be those named (a chapter counts for the
// document it is part of), the page must be the one named, and the passage must
// hold the terms; among several the one that holds most of them closest together
// is taken. Without a page the section may name a row of a table by its first cell;
// the passage then quotes the row alone. A hash, once bound, decides alone. Where
// nothing stands at the place named, the words that stood there in an earlier version
// are taken, if they stand in this one.
func (s *Snapshot) Resolve(l rag.Locator) (rag.Passage, rag.Document, bool) {
	terms := s.terms(l.Terms)
	best, bestRank := -1, rank{}
	for d, doc := range s.docs {
		if !names(doc, l) {
			continue
		}
		for i := s.from[d]; i < s.from[d+1]; i++ {
			r, ok := s.here(doc, s.passages[i], l, terms)
			if !ok {
				if r, ok = s.formerly(s.passages[i], l, terms); !ok {
					continue
				}
			}
			r.own = doc.Identifier == l.Document
			if best < 0 || r.better(bestRank) {
				best, bestRank = i, r
			}
		}
	}
	if best < 0 || l.Hash == "" && len(terms) == 0 && bestRank.rivals(s, l, best) {
		return rag.Passage{}, rag.Document{}, false
	}
	p := s.passages[best]
	if row := bestRank.row; row != "" && l.Hash == "" {
		sum := sha256.Sum256([]byte(row))
		p.Quoted, p.SHA256 = row, hex.EncodeToString(sum[:])
	}
	return p, s.docs[s.docOf[best]], true
}

func names(d rag.Document, l rag.Locator) bool {
	return l.Document != "" && (d.Identifier == l.Document || d.PartOf == l.Document || d.SameAs == l.Document)
}

// here tells whether a passage stands where the locator says.
func (s *Snapshot) here(d rag.Document, p rag.Passage, l rag.Locator, terms []term) (rank, bool) {
	if l.Version != "" && d.Version != l.Version {
		return rank{}, false
	}
	if l.Hash != "" {
		return rank{}, p.SHA256 == l.Hash
	}
	return fits(p, l, terms, s.expander)
}

// formerly tells whether words of a passage stood where the locator says in an
// earlier version. What the locator is held against is those words alone.
func (s *Snapshot) formerly(p rag.Passage, l rag.Locator, terms []term) (rank, bool) {
	best, found := rank{}, false
	for _, e := range p.Earlier {
		if l.Version != "" && e.Version != l.Version {
			continue
		}
		r := rank{}
		if l.Hash != "" {
			if e.SHA256 != l.Hash {
				continue
			}
		} else {
			was := p
			was.Page, was.PageEnd, was.Section = e.Page, max(e.Page, e.PageEnd), e.Section
			if e.Words != "" {
				was.Quoted = e.Words
			}
			var ok bool
			if r, ok = fits(was, l, terms, s.expander); !ok || r.row != "" && !strings.Contains(p.Quoted, r.row) {
				continue
			}
		}
		r.former = true
		if !found || r.better(best) {
			best, found = r, true
		}
	}
	return best, found
}

// Places makes a snapshot that resolves locators in one version and searches
// nothing.
func Places(doc rag.Document, passages []rag.Passage, x Expander) *Snapshot {
	return &Snapshot{expander: x, docs: []rag.Document{doc}, passages: passages, docOf: make([]int32, len(passages)), from: []int{0, len(passages)}}
}

// rank orders the passages that fit a locator.
type rank struct {
	former  bool   // it stood there in an earlier version
	quoted  int    // terms in the quoted words
	section bool   // the section named
	near    int    // words the terms are spread over
	own     bool   // of the document itself and not of a chapter file
	row     string // the rows of a table that the section names, verbatim; "" when it names a heading
}

func (a rank) better(b rank) bool {
	if a.former != b.former {
		return b.former
	}
	if a.section != b.section {
		return a.section
	}
	if a.quoted != b.quoted {
		return a.quoted > b.quoted
	}
	if a.near != b.near {
		return a.near < b.near
	}
	return a.own && !b.own
}

// rivals tells whether a locator without terms could as well mean another passage.
func (a rank) rivals(s *Snapshot, l rag.Locator, best int) bool {
	d := s.docOf[best]
	for i := s.from[d]; i < s.from[d+1]; i++ {
		if i == best {
			continue
		}
		if r, ok := fits(s.passages[i], l, nil, nil); ok && r.section == a.section {
			return true
		}
	}
	return false
}

// term is a fact the cited words must hold.
type term struct {
	tokens  []string
	concept string // when the whole term is a name of one
}

func (s *Snapshot) terms(texts []string) []term {
	var out []term
	for _, text := range texts {
		t := term{tokens: factTokens(text)}
		if len(t.tokens) == 0 {
			continue
		}
		if s.expander != nil && !strings.ContainsAny(text, "0123456789") {
			for _, m := range s.expander.Annotate(text) {
				if m.Start == 0 && m.End == len(text) {
					t.concept = m.Concept
					break
				}
			}
		}
		out = append(out, t)
	}
	return out
}

func fits(p rag.Passage, l rag.Locator, terms []term, x Expander) (rank, bool) {
	var r rank
	r.section = l.Section != "" && inSection(p.Section, l.Section)
	if l.Page == 0 && l.Section != "" && !r.section && p.Kind == rag.Table {
		r.row = rowsOf(p.Quoted, l.Section)
		r.section = r.row != ""
	}
	switch {
	case l.Page > 0 && (p.Page == 0 || l.Page < p.Page || l.Page > max(p.Page, p.PageEnd)):
		return r, false
	case l.Page == 0 && l.Section != "" && !r.section:
		return r, false
	case l.Page == 0 && l.Section == "" && len(terms) < 2:
		return r, false // too little to be certain
	}
	quoted := factTokens(p.Quoted)
	var indexed []string
	var concepts map[string]bool
	low, high, held := len(quoted), 0, 0
	for k, t := range terms {
		at := find(quoted, t.tokens)
		if at >= 0 {
			r.quoted++
			held++
			low, high = min(low, at), max(high, at+len(t.tokens))
			continue
		}
		if t.concept != "" && x != nil {
			if concepts == nil {
				concepts = map[string]bool{}
				for _, m := range x.Annotate(p.Quoted) {
					concepts[m.Concept] = true
				}
			}
			if concepts[t.concept] {
				r.quoted++
				held++
				continue
			}
		}
		if indexed == nil {
			indexed = factTokens(p.Indexed)
		}
		if find(indexed, t.tokens) >= 0 { // in the heading or a label above
			held++
			continue
		}
		if k == 0 {
			return r, false
		}
	}
	if float64(held) < mostTerms*float64(len(terms)) {
		return r, false
	}
	r.near = max(0, high-low)
	return r, true
}

var tableNumber = regexp.MustCompile(`(?i)\b(?:tabelle|tab\.?|table|abbildung|abb\.?|figure|fig\.?)\s*\.?\s*([A-Z]?\d{1,3}(?:[.\-]\d{1,3})*)`)

// inSection tells whether a heading path holds a section: the same table number, in
// either language, or the same words.
func inSection(path []string, section string) bool {
	want := tableNumber.FindStringSubmatch(section)
	for _, h := range path {
		if want != nil {
			if m := tableNumber.FindStringSubmatch(h); m != nil && m[1] == want[1] && strings.HasPrefix(h, m[0]) {
				return true
			}
			continue
		}
		if find(factTokens(h), factTokens(section)) >= 0 {
			return true
		}
	}
	return false
}

// rowsOf gives the adjoining rows of a table whose first cell, or whose first two,
// are the label, as they stand. Other rows that only begin like it are other rows:
// "Amoxicillin" is not "Amoxicillin/Clavulanic acid".
func rowsOf(table, label string) string {
	want := factTokens(label)
	from, to, at := -1, -1, 0
	for line := range strings.Lines(table) {
		row := strings.TrimRight(line, "\r\n")
		cells := strings.SplitN(row, "\t", 3)
		named := slices.Equal(factTokens(cells[0]), want) ||
			len(cells) > 1 && slices.Equal(factTokens(cells[0]+" "+cells[1]), want)
		switch {
		case named && from < 0:
			from, to = at, at+len(row)
		case named:
			to = at + len(row)
		case from >= 0:
			return table[from:to]
		}
		at += len(line)
	}
	if from < 0 {
		return ""
	}
	return table[from:to]
}

// factTokens cuts text into what facts are compared by: numbers and words, lower-case,
// a point as decimal sign, everything else left out. "3x4,5g" and "3 × 4.5 g" are
// the same, and "5 mg" does not stand in "25 mg".
func factTokens(text string) []string {
	var tokens []string
	runes := []rune(strings.ToLower(text))
	for i := 0; i < len(runes); {
		r := runes[i]
		j := i + 1
		switch {
		case unicode.IsDigit(r):
			for j < len(runes) && (unicode.IsDigit(runes[j]) || (runes[j] == '.' || runes[j] == ',') && j+1 < len(runes) && unicode.IsDigit(runes[j+1])) {
				j++
			}
			tokens = append(tokens, strings.ReplaceAll(string(runes[i:j]), ",", "."))
		case r == '×':
			tokens = append(tokens, "x")
		case r == 'µ' || r == 'μ':
			for j < len(runes) && unicode.IsLetter(runes[j]) {
				j++
			}
			tokens = append(tokens, "µ"+string(runes[i+1:j]))
		case unicode.IsLetter(r):
			for j < len(runes) && unicode.IsLetter(runes[j]) {
				j++
			}
			tokens = append(tokens, string(runes[i:j]))
		}
		i = j
	}
	return tokens
}

// inflects is the length from which a word also stands for its longer forms
// ("Cephalosporin" in "Cephalosporine").
const inflects = 6

// find gives where a fact begins among the tokens of a text, or -1.
func find(text, fact []string) int {
	for i := 0; i+len(fact) <= len(text); i++ {
		k := 0
		for k < len(fact) && (text[i+k] == fact[k] || utf8.RuneCountInString(fact[k]) >= inflects && strings.HasPrefix(text[i+k], fact[k])) {
			k++
		}
		if k == len(fact) {
			return i
		}
	}
	return -1
}

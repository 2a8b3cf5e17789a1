package parse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
)

// Lengths of a passage in bytes: what is aimed at, what a passage may grow to for
// the sake of whole rows and sentences, and where even those are cut.
const (
	targetLength = 1000
	roomyLength  = 1500
	hardLength   = 3000
	maxHeading   = 300 // longer ones are not repeated in the quotation
)

// Segment cuts a document into passages of about a thousand characters, none
// across a heading or a page. IDs are derived from of.ID, position and content, so
// the same bytes give the same passages.
func Segment(doc *Document, of rag.Document) []rag.Passage {
	s := segmenter{doc: doc, of: of, outline: newOutline(doc.blocks)}
	for i := range doc.blocks {
		s.take(i)
	}
	s.close()
	return s.out
}

type segmenter struct {
	doc       *Document
	of        rag.Document
	outline   *outline
	pending   []piece
	tableSeen bool // a table was read since the last heading
	page      int
	section   []string
	out       []rag.Passage
}

// piece is what is never cut further: a sentence or paragraph, a list item, a row.
type piece struct {
	block      *block
	at         int // index of the block
	row        int // of a table, else -1
	start, end int
	glue       bool // belongs to what precedes it
	lead       bool // belongs to what follows it
}

func (s *segmenter) take(i int) {
	b := &s.doc.blocks[i]
	if b.page != s.page {
		s.close()
		s.page = b.page
	}
	if b.kind == heading {
		s.close()
		if !b.refs {
			s.outline.enter(*b)
			s.tableSeen = false
			if b.level > 0 && !b.silent && len(b.text) < maxHeading {
				// The heading opens the first passage below it: a quotation that
				// begins with its own heading says what it is about.
				s.pending = append(s.pending, piece{block: b, at: i, row: -1, start: b.start, end: b.end, lead: true})
			}
		}
		return
	}
	if b.refs || b.aside {
		s.close()
		return
	}
	if s.tableSeen && b.kind != tableBlock && !(b.kind == paragraph && footnote.MatchString(b.text)) {
		if s.outline.caption {
			s.close()
			s.outline.leaveTable()
		}
		s.tableSeen = false
	}
	switch b.kind {
	case tableBlock:
		s.tableSeen = true
		for r := range b.rows {
			row := &b.rows[r]
			for _, cut := range split(s.doc.Pages[b.page].Text[row.start:row.end], hardLength) {
				s.pending = append(s.pending, piece{block: b, at: i, row: r, start: row.start + cut[0], end: row.start + cut[1],
					lead: row.header || onlyLabel(row)})
			}
		}
	default:
		text := s.doc.Pages[b.page].Text[b.start:b.end]
		first := len(s.pending)
		for _, cut := range sentences(text) {
			s.pending = append(s.pending, piece{block: b, at: i, row: -1, start: b.start + cut[0], end: b.start + cut[1]})
		}
		if first < len(s.pending) {
			s.pending[first].glue = footnote.MatchString(text) && first > 0
			last := &s.pending[len(s.pending)-1]
			last.lead = b.kind == paragraph && (strings.HasSuffix(text, ":") || captionText.MatchString(text) && len(text) < 400)
		}
	}
}

var footnote = regexp.MustCompile(`^(?:\*{1,4}|[†‡§#¹²³⁴]|[a-z]\)|\d\))\s*\S|^(?i:eg|legende|anmerkung|abkürzungen|note|notes|abbreviations)\s*:`)

// onlyLabel tells whether a row is a sub-heading within its table: one filled cell.
func onlyLabel(r *row) bool {
	filled := 0
	for _, c := range r.cells {
		if c.text != "" && !c.carried {
			filled++
		}
	}
	return filled == 1 && len(r.cells) > 0 && r.cells[0].text != "" && len(r.cells[0].text) < 200
}

// close packs what is pending into passages. Tables and running text of one section
// are kept apart unless together they are short.
func (s *segmenter) close() {
	pieces := s.pending
	s.pending = nil
	if len(pieces) == 0 || len(pieces) == 1 && pieces[0].block.kind == heading {
		return
	}
	s.section = s.outline.path()
	if pieces[len(pieces)-1].end-pieces[0].start <= targetLength*6/5 {
		s.emit(pieces)
		return
	}
	start := 0
	for i := 1; i <= len(pieces); i++ {
		if i < len(pieces) && s.together(pieces, i) {
			continue
		}
		s.pack(pieces[start:i])
		start = i
	}
}

// together tells whether piece i may share a run with the one before it.
func (s *segmenter) together(pieces []piece, i int) bool {
	a, b := pieces[i-1], pieces[i]
	if (a.row >= 0) == (b.row >= 0) {
		return a.row < 0 || a.block == b.block
	}
	return a.lead && b.row >= 0 || b.glue && a.row >= 0
}

// pack cuts a run into passages of even length near the target.
func (s *segmenter) pack(pieces []piece) {
	total := pieces[len(pieces)-1].end - pieces[0].start
	n := max(1, int(math.Round(float64(total)/targetLength)))
	ideal := total / n
	var cuts []int
	start := 0
	for i := 1; i < len(pieces); i++ {
		now := pieces[i-1].end - pieces[start].start
		with := pieces[i].end - pieces[start].start
		if with <= ideal || pieces[i].glue && with <= roomyLength || pieces[i-1].lead && with <= roomyLength {
			continue
		}
		if with-ideal < ideal-now && with <= roomyLength {
			continue
		}
		cut := i
		for cut-1 > start && pieces[cut-1].lead {
			cut-- // a sub-heading goes with its rows
		}
		cuts = append(cuts, cut)
		start = cut
	}
	if k := len(cuts); k > 0 && pieces[len(pieces)-1].end-pieces[cuts[k-1]].start < targetLength/4 {
		before := 0
		if k > 1 {
			before = cuts[k-2]
		}
		if pieces[len(pieces)-1].end-pieces[before].start <= roomyLength {
			cuts = cuts[:k-1] // a remainder too short to stand alone
		}
	}
	start = 0
	for _, cut := range append(cuts, len(pieces)) {
		s.emit(pieces[start:cut])
		start = cut
	}
}

func (s *segmenter) emit(pieces []piece) {
	page := s.doc.Pages[s.page]
	start, end := pieces[0].start, pieces[len(pieces)-1].end
	quoted := page.Text[start:end]
	trimmed := strings.TrimSpace(quoted)
	if letters(trimmed) < 3 {
		return
	}
	kinds := map[blockKind]bool{}
	for _, p := range pieces {
		kinds[p.block.kind] = true
	}
	section := s.section
	if caption := s.caption(pieces); caption != "" && !contains(section, caption) {
		section = append(append([]string(nil), section...), caption)
	}
	sum := sha256.Sum256([]byte(trimmed))
	p := rag.Passage{
		Document: s.of.ID, Ord: len(s.out), Kind: passageKind(kinds), Language: s.doc.Language,
		Page: page.Number, PageEnd: page.Number, Section: section, Quoted: trimmed, SHA256: hex.EncodeToString(sum[:]),
		Indexed: indexed(section, page.Text, pieces),
		Anchor:  rag.Anchor{Sheet: s.page, Start: start + strings.Index(quoted, trimmed)},
	}
	p.Anchor.End = p.Anchor.Start + len(trimmed)
	p.ID = passageID(s.of.ID, p.Ord, p.SHA256)
	s.out = append(s.out, p)
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func contains(path []string, caption string) bool {
	for _, p := range path {
		if strings.Contains(p, caption) || strings.Contains(caption, p) && captionText.MatchString(p) && len(p)*2 > len(caption) {
			return true
		}
	}
	return false
}

// caption is the name of the table that the pieces are rows of: its own, or the
// line that stands directly before it.
func (s *segmenter) caption(pieces []piece) string {
	for _, p := range pieces {
		if p.row < 0 {
			continue
		}
		if p.block.caption != "" {
			return p.block.caption
		}
		if p.at > 0 {
			if b := s.doc.blocks[p.at-1]; b.kind == paragraph && b.page == p.block.page && len(b.text) < 400 && captionText.MatchString(b.text) {
				return oneLine(b.text)
			}
		}
		return ""
	}
	return ""
}

// passageID is a UUID (version 8, RFC 9562) made of what identifies the passage.
func passageID(document string, ord int, sum string) string {
	h := sha256.Sum256([]byte(fmt.Sprintf("%s\x00%d\x00%s", document, ord, sum)))
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// sentences gives the spans a text may be cut at: whole when short, else sentences.
func sentences(text string) [][2]int {
	if len(text) <= targetLength/2 {
		return [][2]int{{0, len(text)}}
	}
	var spans [][2]int
	start := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != '.' && c != '!' && c != '?' || !sentenceEnd(text, i) {
			continue
		}
		spans = append(spans, [2]int{start, i + 1})
		for i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\n') {
			i++
		}
		start = i + 1
	}
	if start < len(text) {
		spans = append(spans, [2]int{start, len(text)})
	}
	var out [][2]int
	for _, sp := range spans {
		for _, cut := range split(text[sp[0]:sp[1]], roomyLength) {
			out = append(out, [2]int{sp[0] + cut[0], sp[0] + cut[1]})
		}
	}
	return out
}

// sentenceEnd tells whether the mark at i closes a sentence: white space and an
// upper-case letter follow, and the word before is no abbreviation or ordinal.
func sentenceEnd(text string, i int) bool {
	j := i + 1
	for j < len(text) && (text[j] == ' ' || text[j] == '\n') {
		j++
	}
	if j == i+1 || j >= len(text) {
		return false
	}
	r := firstRune(text[j:])
	if !unicode.IsUpper(r) && !strings.ContainsRune("„\"“(", r) {
		return false
	}
	if text[i] != '.' {
		return true
	}
	word := text[:i]
	if k := strings.LastIndexAny(word, " \n\t("); k >= 0 {
		word = word[k+1:]
	}
	if strings.HasSuffix(word, "]") || strings.HasSuffix(word, ")") || strings.HasSuffix(word, "%") {
		return true
	}
	return utf8.RuneCountInString(word) >= 4 && !strings.Contains(word, ".")
}

// split cuts a text longer than limit at white space, and where there is none, between runes.
func split(text string, limit int) [][2]int {
	var spans [][2]int
	start := 0
	for len(text)-start > limit {
		cut := start + limit
		if at := strings.LastIndexAny(text[start:cut], "\t\n "); at > limit/2 {
			cut = start + at + 1
		} else {
			for !utf8.RuneStart(text[cut]) {
				cut--
			}
		}
		spans = append(spans, [2]int{start, cut})
		start = cut
	}
	return append(spans, [2]int{start, len(text)})
}

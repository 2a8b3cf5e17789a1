package parse

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a run of glyphs without a gap.
type word struct {
	text string // in NFC
	box  Rect
	size float32
	bold bool
}

// line is words on one base line without a wide gap between them: a line of a column,
// or the part of one that stands in a cell.
type line struct {
	words []word
	box   Rect
}

func (l line) text() string {
	parts := make([]string, len(l.words))
	for i, w := range l.words {
		parts[i] = w.text
	}
	return strings.Join(parts, " ")
}

// size is that of most of its characters.
func (l line) size() float32 {
	var total, n float32
	for _, w := range l.words {
		k := float32(len(w.text))
		total += w.size * k
		n += k
	}
	if n == 0 {
		return 0
	}
	return total / n
}

// bold tells whether all of its words but signs are.
func (l line) bold() bool {
	said := false
	for _, w := range l.words {
		if !strings.ContainsFunc(w.text, unicode.IsLetter) {
			continue
		}
		if !w.bold {
			return false
		}
		said = true
	}
	return said
}

func newLine(words []word) line {
	l := line{words: words, box: words[0].box}
	for _, w := range words[1:] {
		l.box = l.box.union(w.box)
	}
	return l
}

// smallest is the size in points below which no reader sees text.
const smallest = 2

// sheetWords are the words of a sheet in the order of the file. hidden counts those
// that no reader of the page sees, which are dropped: white on white, tiny, beside
// the page. turned are words written in another direction than most.
func sheetWords(s *Sheet) (words, turned []word, hidden int) {
	if quarter := mainTurn(s); quarter != 0 {
		turnSheet(s, quarter)
	}
	placeAccents(s)
	for _, r := range s.Runs {
		if r.Size > 0 && r.Size < smallest || r.White && !onFill(r, s.Fills) {
			hidden++
			continue
		}
		start := 0
		flush := func(end int) {
			if w, ok := makeWord(r, start, end); ok {
				switch {
				case w.box.X1 < 0 || w.box.Y1 < 0 || w.box.X0 > s.Width || w.box.Y0 > s.Height:
					hidden++
				case r.Turned != 0:
					turned = append(turned, w)
				default:
					words = append(words, w)
				}
			}
			start = end
		}
		for i := 1; i < len(r.Glyphs); i++ {
			if r.Turned == 0 && apart(r, i) {
				flush(i)
			}
		}
		flush(len(r.Glyphs))
	}
	return words, turned, hidden
}

// apart tells whether glyph i of a run begins a new word: the line ended, or the gap
// is as wide as a space.
func apart(r Run, i int) bool {
	a, b := r.Glyphs[i-1].Box, r.Glyphs[i].Box
	height := max(a.height(), b.height(), 1)
	return b.X0-a.X1 > height*0.3 || a.X0-b.X1 > height*0.3 || b.middle()-a.middle() > height*0.6 || a.middle()-b.middle() > height*0.6
}

func onFill(r Run, fills []Rect) bool {
	at := r.Glyphs[0].Box
	x, y := (at.X0+at.X1)/2, at.middle()
	return slices.ContainsFunc(fills, func(f Rect) bool { return x >= f.X0 && x <= f.X1 && y >= f.Y0 && y <= f.Y1 })
}

// accents are the signs that old fonts of TeX print over a letter, and the marks
// that compose with it.
var accents = map[rune]rune{'¨': '\u0308', '´': '\u0301', '`': '\u0300', 'ˆ': '\u0302', '˜': '\u0303', '˚': '\u030a'}

// ligatures are written as the letters they stand for, as search and quotation do.
var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")

func makeWord(r Run, start, end int) (word, bool) {
	if start >= end {
		return word{}, false
	}
	w := word{box: r.Glyphs[start].Box, size: r.Size, bold: r.Bold}
	var b strings.Builder
	for i := start; i < end; i++ {
		g := r.Glyphs[i]
		w.box = w.box.union(g.Box)
		if mark, ok := accents[g.Rune]; ok && i+1 < end && unicode.IsLetter(r.Glyphs[i+1].Rune) && over(g.Box, r.Glyphs[i+1].Box) {
			b.WriteRune(r.Glyphs[i+1].Rune)
			b.WriteRune(mark)
			w.box = w.box.union(r.Glyphs[i+1].Box)
			i++
			continue
		}
		if g.Rune == 0 || unicode.IsControl(g.Rune) {
			b.WriteRune(utf8.RuneError)
			continue
		}
		b.WriteRune(g.Rune)
	}
	w.text = ligatures.Replace(norm.NFC.String(cleaner.Replace(b.String())))
	if w.size == 0 {
		w.size = w.box.height()
	}
	return w, strings.TrimSpace(w.text) != ""
}

// placeAccents puts accents that the file prints apart from their letter, as old
// fonts of TeX do over capitals, before it.
func placeAccents(s *Sheet) {
	const most = 2000
	moved := 0
	for i := range s.Runs {
		g := s.Runs[i].Glyphs
		if len(g) != 1 || accents[g[0].Rune] == 0 || moved > most {
			continue
		}
		if letterUnder(s, i, g[0]) {
			s.Runs[i].Glyphs = nil
			moved++
		}
	}
	s.Runs = slices.DeleteFunc(s.Runs, func(r Run) bool { return len(r.Glyphs) == 0 })
}

func letterUnder(s *Sheet, at int, accent Glyph) bool {
	for i := range s.Runs {
		if i == at {
			continue
		}
		for k, g := range s.Runs[i].Glyphs {
			if unicode.IsLetter(g.Rune) && over(accent.Box, g.Box) && g.Box.middle()-accent.Box.middle() < g.Box.height() && accent.Box.middle() < g.Box.Y1 {
				accent.Box = g.Box
				s.Runs[i].Glyphs = slices.Insert(s.Runs[i].Glyphs, k, accent)
				return true
			}
		}
	}
	return false
}

// over tells whether an accent stands above a letter and not before it.
func over(accent, letter Rect) bool {
	common := min(accent.X1, letter.X1) - max(accent.X0, letter.X0)
	return common > 0.4*min(accent.width(), letter.width())
}

// mainTurn is the direction most of a page is written in, in quarter turns.
func mainTurn(s *Sheet) int {
	var n [4]int
	for _, r := range s.Runs {
		n[r.Turned&3] += len(r.Glyphs)
	}
	best := 0
	for q := range n {
		if n[q] > 2*n[best] {
			best = q
		}
	}
	return best
}

// turnSheet turns a page so that its text runs from left to right. Boxes of the
// passages are turned back by Page.unturn.
func turnSheet(s *Sheet, quarter int) {
	w, h := s.Width, s.Height
	turn := func(r Rect) Rect {
		switch quarter {
		case 1: // reads upwards
			return Rect{h - r.Y1, r.X0, h - r.Y0, r.X1}
		case 3: // reads downwards
			return Rect{r.Y0, w - r.X1, r.Y1, w - r.X0}
		}
		return Rect{w - r.X1, h - r.Y1, w - r.X0, h - r.Y0}
	}
	for i := range s.Runs {
		s.Runs[i].Turned = (s.Runs[i].Turned - quarter) & 3
		for j := range s.Runs[i].Glyphs {
			s.Runs[i].Glyphs[j].Box = turn(s.Runs[i].Glyphs[j].Box)
		}
	}
	for i := range s.Rules {
		s.Rules[i] = turn(s.Rules[i])
	}
	for i := range s.Fills {
		s.Fills[i] = turn(s.Fills[i])
	}
	if quarter != 2 {
		s.Width, s.Height = h, w
	}
	s.turned = quarter
}

// unturn gives back where a box of a turned page stands on the page as it is shown.
func (s *Sheet) unturn(r Rect) Rect {
	switch s.turned { // Width and Height are those of the turned page
	case 1:
		return Rect{r.Y0, s.Width - r.X1, r.Y1, s.Width - r.X0}
	case 3:
		return Rect{s.Height - r.Y1, r.X0, s.Height - r.Y0, r.X1}
	case 2:
		return Rect{s.Width - r.X1, s.Height - r.Y1, s.Width - r.X0, s.Height - r.Y0}
	}
	return r
}

// onOneLine tells whether two boxes stand on one base line.
func onOneLine(a, b Rect) bool {
	common := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	return common > 0.5*min(a.height(), b.height())
}

// wide is the gap, in heights of the text, that parts a line in two.
const wide = 0.9

// makeLines joins words to lines. Words of two columns or cells stay apart, also
// where a vertical rule stands between them.
func makeLines(words []word, rules []Rect) []line {
	var lines []line
	var current []word
	end := func() {
		if len(current) > 0 {
			lines = append(lines, newLine(current))
		}
		current = nil
	}
	for _, w := range words {
		if n := len(current); n > 0 {
			last := current[n-1]
			gap := w.box.X0 - last.box.X1
			if !onOneLine(last.box, w.box) || gap > wide*max(last.size, w.size) || gap < -0.5*w.size || parted(last.box, w.box, rules) {
				end()
			}
		}
		current = append(current, w)
	}
	end()
	return joinLines(lines, rules)
}

// joinLines joins the pieces of a line that the file gives apart.
func joinLines(lines []line, rules []Rect) []line {
	lines = slices.Concat(rowsOfLines(lines)...)
	var out []line
	for _, l := range lines {
		joined := false
		for k := len(out) - 1; k >= 0 && k >= len(out)-6; k-- {
			o := out[k]
			if !onOneLine(o.box, l.box) {
				continue
			}
			gap := l.box.X0 - o.box.X1
			size := max(o.size(), l.size())
			limit := wide * size
			if onlyMarker(o) {
				limit = 3.5 * size // a bullet and its text
			}
			if gap <= limit && gap > -0.5*size && !parted(o.box, l.box, rules) {
				out[k] = newLine(append(slices.Clone(o.words), l.words...))
				joined = true
				break
			}
		}
		if !joined {
			out = append(out, l)
		}
	}
	return out
}

// rowsOfLines groups lines that stand on one base line, from top to bottom, each
// group from left to right.
func rowsOfLines(lines []line) [][]line {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int { return cmp.Compare(a.box.middle(), b.box.middle()) })
	var rows [][]line
	for _, l := range sorted {
		if n := len(rows); n > 0 && onOneLine(rows[n-1][0].box, l.box) {
			rows[n-1] = append(rows[n-1], l)
			continue
		}
		rows = append(rows, []line{l})
	}
	for _, r := range rows {
		slices.SortStableFunc(r, func(a, b line) int { return cmp.Compare(a.box.X0, b.box.X0) })
	}
	return rows
}

var markerAlone = regexp.MustCompile(`^(?:[-*+•●▪◦‣–−■□➢✓·]|\d{1,3}[.)]|\d{1,2}(?:\.\d{1,2})+\.?|\(?[a-z]\))$`)

func onlyMarker(l line) bool {
	return len(l.words) == 1 && markerAlone.MatchString(l.words[0].text)
}

// parted tells whether a vertical rule stands between two boxes of one line.
func parted(a, b Rect, rules []Rect) bool {
	y := (max(a.Y0, b.Y0) + min(a.Y1, b.Y1)) / 2
	for _, r := range rules {
		if r.width() <= 3 && r.X0 >= a.X1-1.5 && r.X1 <= b.X0+1.5 && r.Y0 <= y && r.Y1 >= y {
			return true
		}
	}
	return false
}

package parse

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printed reads the pages of a file that knows pages: a PDF. title is what the file
// says it is called. Pages without any text give the refusal OnlyPictures.
func Printed(sheets []Sheet, title string, meta Meta) (*Document, error) {
	var p Printer
	for i := range sheets {
		p.Add(sheets[i])
	}
	return p.Document(title, meta)
}

// Printer takes the pages of a file one by one and keeps of each only its words: the
// glyphs of a long document would fill the memory.
type Printer struct{ leaves []*leaf }

// Add takes the next page, whose glyphs are dropped.
func (p *Printer) Add(sheet Sheet) {
	l := &leaf{Sheet: &sheet}
	words, turned, hidden := sheetWords(l.Sheet)
	l.turned = turned
	l.flags = judge(l.Sheet, words, hidden)
	l.lines = makeLines(words, l.Rules)
	l.Runs = nil
	p.leaves = append(p.leaves, l)
}

// Document reads the pages; see Printed.
func (p *Printer) Document(title string, meta Meta) (*Document, error) {
	doc := &Document{Format: PDF}
	pages, printedTitle := readPrinted(p.leaves)
	p.leaves = nil
	doc.lay(pages)
	total := 0
	for _, p := range doc.Pages {
		total += len(p.Text)
	}
	switch {
	case total > MaxText:
		return nil, Refuse(TooMuchText)
	case doc.letters() < minLetters:
		return nil, Refuse(OnlyPictures)
	}
	if doc.Title = printedTitle; doc.Title == "" {
		doc.Title = title
	}
	doc.settle(meta)
	return doc, nil
}

// printed is a block of a printed page with what tells a heading from text.
type printed struct {
	block
	size  float32
	bold  bool
	lines int
	left  float32
	box   Rect
}

// readPrinted makes blocks of pages: words to lines, lines to columns, tables and
// paragraphs, in the order people read them.
func readPrinted(leaves []*leaf) (pages []pageBlocks, title string) {
	numberLeaves(leaves)
	dropFurniture(leaves)
	all := make([][]printed, len(leaves))
	for i, l := range leaves {
		tables, rest := ruledTables(l)
		for _, region := range readingOrder(rest, tables) {
			all[i] = append(all[i], readRegion(region)...)
		}
		all[i] = joinColumns(all[i])
		l.lines, l.Rules, l.Fills = nil, nil, nil
	}
	title = headings(all)
	for i, l := range leaves {
		page := pageBlocks{number: l.number, flags: l.flags, width: l.Width, height: l.Height}
		if l.number == 0 {
			page.label = l.Label
		}
		if l.Sheet.turned&1 == 1 {
			page.width, page.height = l.Height, l.Width
		}
		for _, b := range all[i] {
			page.blocks = append(page.blocks, b.block)
		}
		if len(l.turned) > 0 {
			page.blocks = append(page.blocks, margin(l.turned))
		}
		for j := range page.blocks {
			unturn(l.Sheet, &page.blocks[j])
		}
		pages = append(pages, page)
	}
	return pages, title
}

// Bounds of a page that is read without doubt.
const (
	fewLetters  = 50   // characters: fewer are reported
	badShare    = 0.05 // of letters whose meaning is unknown
	pictureArea = 0.3  // of the page
)

// judge says what a curator must know about a page.
func judge(s *Sheet, words []word, hidden int) []Flag {
	letters, bad := 0, 0
	for _, w := range words {
		for _, r := range w.text {
			letters++
			if r == utf8.RuneError || unicode.Is(unicode.Co, r) {
				bad++
			}
		}
	}
	var flags []Flag
	switch {
	case s.Broken:
		return []Flag{BrokenPage}
	case letters < fewLetters && s.Pictures > pictureArea:
		flags = append(flags, PictureOnly)
	case letters < fewLetters:
		flags = append(flags, LittleText)
	}
	if float32(bad) > badShare*float32(letters) || float32(s.Unreadable) > 2*badShare*float32(len(words)) {
		flags = append(flags, BadLetters)
	}
	if hidden > 0 {
		flags = append(flags, HiddenText)
	}
	return flags
}

// margin is what is written in another direction: kept on the page, never indexed.
func margin(words []word) block {
	b := block{kind: paragraph, aside: true}
	b.text, b.marks = write([]line{newLine(words)})
	return b
}

func unturn(s *Sheet, b *block) {
	for i := range b.marks {
		b.marks[i].box = s.unturn(b.marks[i].box)
	}
	for i := range b.rows {
		for j := range b.rows[i].cells {
			for k := range b.rows[i].cells[j].marks {
				m := &b.rows[i].cells[j].marks[k]
				m.box = s.unturn(m.box)
			}
		}
	}
}

// write puts the words of lines into a text, one line a line.
func write(lines []line) (string, []mark) {
	var text strings.Builder
	var marks []mark
	for i, l := range lines {
		if i > 0 {
			text.WriteByte('\n')
		}
		for k, w := range l.words {
			if k > 0 {
				text.WriteByte(' ')
			}
			start := text.Len()
			text.WriteString(w.text)
			marks = append(marks, mark{start, text.Len(), w.box})
		}
	}
	return text.String(), marks
}

// readRegion makes blocks of one column.
func readRegion(things []thing) []printed {
	var lines []line
	var tables []found
	for _, t := range things {
		if t.table != nil {
			tables = append(tables, found{t.box, *t.table})
		} else {
			lines = append(lines, t.line)
		}
	}
	aligned, lines := alignedTables(lines)
	tables = append(tables, aligned...)
	slices.SortStableFunc(tables, byPlace)
	whole := make([]line, 0, len(lines))
	for _, r := range rowsOfLines(lines) {
		var words []word
		for _, l := range r {
			words = append(words, l.words...)
		}
		whole = append(whole, newLine(words))
	}
	pitch := linePitch(whole)
	var out []printed
	var open []line
	flush := func() {
		if len(open) > 0 {
			out = append(out, textBlock(open))
		}
		open = nil
	}
	next := 0
	for _, l := range whole {
		for next < len(tables) && tables[next].box.middle() < l.box.middle() {
			flush()
			out = append(out, tableOf(tables[next]))
			next++
		}
		if len(open) > 0 && begins(open, l, pitch) {
			flush()
		}
		open = append(open, l)
	}
	flush()
	for ; next < len(tables); next++ {
		out = append(out, tableOf(tables[next]))
	}
	return out
}

func tableOf(f found) printed { return printed{block: f.table, box: f.box, left: f.box.X0} }

// linePitch is the usual distance of lines, from top to top.
func linePitch(lines []line) float32 {
	var gaps []float32
	for i := 1; i < len(lines); i++ {
		if near(lines[i].size(), lines[i-1].size(), 0.6) {
			gaps = append(gaps, lines[i].box.Y1-lines[i-1].box.Y1)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)*2/5]
}

// begins tells whether a line begins a new block after the open one.
func begins(open []line, l line, pitch float32) bool {
	first, last := open[0], open[len(open)-1]
	size, before := l.size(), last.size()
	text, said := l.text(), last.text()
	switch {
	case !near(size, before, 0.08*max(size, before)+0.3):
		return true
	case l.bold() != last.bold() && (l.bold() || len(open) == 1 || last.bold()):
		return true
	case pitch > 0 && l.box.Y1-last.box.Y1 > 1.3*max(pitch, 1.1*size):
		return true
	case leaders(text) || leaders(said):
		return true
	case listMarker.MatchString(text):
		return !(numberOnly.MatchString(text) && l.box.X0 > first.box.X0+2 && !endsSentence(said)) // "… in den Jahren\n2019. Danach …"
	case captionText.MatchString(text) && captionStart.MatchString(text):
		return true
	case listMarker.MatchString(first.text()) && l.box.X0 <= first.box.X0+1 && endsSentence(said):
		return true
	case l.box.X0 > last.box.X0+1.1*size && endsSentence(said) && near(last.box.X0, first.box.X0, 2*size) && !listMarker.MatchString(first.text()):
		return true // an indented first line
	case numbering.MatchString(text) && l.bold():
		return true
	case refNumber.MatchString(text) && refNumber.MatchString(first.text()):
		return true
	}
	return false
}

func endsSentence(text string) bool {
	return text != "" && strings.ContainsRune(".!?:;])", lastRune(text))
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

func textBlock(lines []line) printed {
	p := printed{size: 0, bold: true, lines: len(lines), left: lines[0].box.X0, box: lines[0].box}
	var total, n float32
	for _, l := range lines {
		k := float32(len(l.text()))
		total += l.size() * k
		n += k
		p.bold = p.bold && l.bold()
		p.box = p.box.union(l.box)
	}
	p.size = total / max(n, 1)
	p.kind = paragraph
	p.text, p.marks = write(lines)
	switch {
	case leaders(p.text):
		p.aside = true
	case listMarker.MatchString(p.text):
		p.kind = listItem
	}
	return p
}

// joinColumns joins a paragraph that goes on in the next column.
func joinColumns(blocks []printed) []printed {
	var out []printed
	for _, b := range blocks {
		if n := len(out); n > 0 {
			a := &out[n-1]
			if a.kind != tableBlock && b.kind == paragraph && !a.aside && !b.aside && b.box.Y0 < a.box.Y0 && b.box.X0 >= a.box.X1-1 &&
				near(a.size, b.size, 0.3) && !endsSentence(a.text) && startsLower.MatchString(b.text) {
				shift := len(a.text) + 1
				for _, m := range b.marks {
					a.marks = append(a.marks, mark{m.start + shift, m.end + shift, m.box})
				}
				a.text += "\n" + b.text
				a.lines += b.lines
				continue
			}
		}
		out = append(out, b)
	}
	return out
}

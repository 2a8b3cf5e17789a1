package parse

import (
	"strings"

	"cdss/rag"
)

// blockKind is what a block of a page is.
type blockKind int

const (
	paragraph blockKind = iota
	heading
	listItem
	tableBlock
)

// block is a piece of a page. Offsets are those of the page's text.
type block struct {
	kind    blockKind
	level   int    // of a heading, from 1; 0 for a chapter from a running header
	text    string // as it stands in the page text
	rows    []row  // of a table
	caption string // of a table, when the source marks it as such
	refs    bool   // bibliography: in the page text, never in the index
	silent  bool   // sets the section and is not itself on the page
	aside   bool   // table of contents, text in the margin: in the page text, never in the index
	marks   []mark // where its words are printed, when that is known
	page    int    // index into Document.Pages
	start   int
	end     int
}

// row is a row of a table.
type row struct {
	cells      []cell
	header     bool
	names      int // index of the header row that holds for this one, else -1
	start, end int // in the page text
}

type cell struct {
	text       string
	column     int  // from 0
	span       int  // columns, at least 1
	carried    bool // repeated from a cell above by rowspan, not in the row's text
	marks      []mark
	start, end int
}

// mark is where a word of a text is printed.
type mark struct {
	start, end int // in the text of the block or cell
	box        Rect
}

// pageBlocks are the blocks of one page before offsets are known.
type pageBlocks struct {
	number int
	label  string
	blocks []block
	width  float32 // points, 0 when the format has no pages
	height float32
	flags  []Flag
}

// lay writes the text of each page and tells every block where it stands.
func (d *Document) lay(pages []pageBlocks) {
	for i, p := range pages {
		var text strings.Builder
		var words []Word
		put := func(marks []mark, at int) {
			for _, m := range marks {
				words = append(words, Word{Start: at + m.start, End: at + m.end, Box: m.box})
			}
		}
		previous := paragraph
		for _, b := range p.blocks {
			b.page = i
			if b.silent {
				d.blocks = append(d.blocks, b)
				continue
			}
			if text.Len() > 0 {
				text.WriteString("\n")
				if b.kind != listItem || previous != listItem {
					text.WriteString("\n")
				}
			}
			previous = b.kind
			b.start = text.Len()
			if b.kind == tableBlock {
				writeRows(&text, b.rows)
				for _, r := range b.rows {
					for _, c := range r.cells {
						if !c.carried {
							put(c.marks, c.start)
						}
					}
				}
			} else {
				text.WriteString(b.text)
				put(b.marks, b.start)
			}
			b.end = text.Len()
			d.blocks = append(d.blocks, b)
		}
		d.Pages = append(d.Pages, Page{Number: p.number, Label: p.label, Text: text.String(),
			Width: p.width, Height: p.height, Words: words, Flags: p.flags})
	}
	markBibliography(d.blocks)
}

// writeRows writes a table, one row a line, cells in order, and keeps the offsets.
func writeRows(text *strings.Builder, rows []row) {
	names := -1
	for i := range rows {
		r := &rows[i]
		if r.header {
			names = i
		}
		r.names = names
		if i > 0 {
			text.WriteString("\n")
		}
		r.start = text.Len()
		first := true
		for j := range r.cells {
			c := &r.cells[j]
			if c.carried {
				continue
			}
			if !first {
				text.WriteString("\t")
			}
			first = false
			c.start = text.Len()
			text.WriteString(c.text)
			c.end = text.Len()
		}
		r.end = text.Len()
	}
}

// passageKind is the kind a passage takes from the blocks it is made of.
func passageKind(blocks map[blockKind]bool) rag.Kind {
	switch {
	case blocks[tableBlock]:
		return rag.Table
	case blocks[listItem] && !blocks[paragraph]:
		return rag.List
	}
	return rag.Text
}

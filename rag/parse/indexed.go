package parse

import (
	"regexp"
	"strings"
)

var hyphenated = regexp.MustCompile(`(\p{L})-[ \t]*\n\s*(\p{Ll}\p{L}*)`)

// unbroken joins words that were cut at the end of a line. "Haut-\nund Weichgewebe"
// is no such word.
func unbroken(text string) string {
	if !strings.Contains(text, "-") {
		return text
	}
	return hyphenated.ReplaceAllStringFunc(text, func(m string) string {
		g := hyphenated.FindStringSubmatch(m)
		switch g[2] {
		case "und", "oder", "bzw", "sowie", "and", "or", "to", "bis":
			return g[1] + "- " + g[2]
		}
		return g[1] + g[2]
	})
}

// indexed is what search reads of a passage: the heading path, then the text, and
// for rows of a table the column names and the labels that reach down to them.
func indexed(section []string, page string, pieces []piece) string {
	var b strings.Builder
	for _, s := range section {
		b.WriteString(s)
		b.WriteByte('\n')
	}
	last := (*block)(nil)
	for i := 0; i < len(pieces); {
		p := pieces[i]
		if p.block.kind == heading { // stands in the path already
			i++
			continue
		}
		if p.row < 0 {
			j := i
			for j+1 < len(pieces) && pieces[j+1].row < 0 && pieces[j+1].block.kind != heading {
				j++
			}
			b.WriteString(unbroken(page[p.start:pieces[j].end]))
			b.WriteByte('\n')
			i = j + 1
			continue
		}
		if p.block != last {
			last = p.block
			for _, label := range labelsAbove(p.block.rows, p.row) {
				b.WriteString(label)
				b.WriteByte('\n')
			}
		}
		writeRow(&b, p.block.rows, p.row)
		for i < len(pieces) && pieces[i].block == p.block && pieces[i].row == p.row {
			i++
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// writeRow writes a row as "column: value".
func writeRow(b *strings.Builder, rows []row, at int) {
	names := columnsOf(rows, at)
	r := rows[at]
	first := true
	for _, c := range r.cells {
		if c.text == "" {
			continue
		}
		if !first {
			b.WriteString(" | ")
		}
		first = false
		if name := names[c.column]; name != "" && !r.header {
			b.WriteString(name)
			b.WriteString(": ")
		}
		b.WriteString(unbroken(c.text))
	}
	b.WriteByte('\n')
}

// columnsOf gives the column names that hold for a row: those of the last header
// row above it.
func columnsOf(rows []row, at int) map[int]string {
	names := map[int]string{}
	if rows[at].names < 0 {
		return names
	}
	for _, c := range rows[rows[at].names].cells {
		for k := 0; k < max(c.span, 1) && k < maxColumns; k++ {
			names[c.column+k] = oneLine(c.text)
		}
	}
	return names
}

// labelsAbove gives what a reader carries down to a row: the last sub-heading row,
// and the first cell of the last fuller row when this row lacks it, as tables do
// whose merged cells were lost.
func labelsAbove(rows []row, at int) []string {
	var labels []string
	if onlyLabel(&rows[at]) || rows[at].header {
		return nil
	}
	width := filledCells(rows[at])
	fuller := false
	for i := at - 1; i >= 0 && i >= at-200; i-- {
		r := rows[i]
		if r.header {
			break
		}
		if onlyLabel(&r) {
			labels = append(labels, oneLine(r.cells[0].text))
			break
		}
		if !fuller && len(r.cells) > 0 && r.cells[0].text != "" && (filledCells(r) > width || rows[at].cells[0].text == "") {
			fuller = true
			labels = append(labels, oneLine(r.cells[0].text))
		}
	}
	return labels
}

func filledCells(r row) int {
	n := 0
	for _, c := range r.cells {
		if c.text != "" {
			n++
		}
	}
	return n
}

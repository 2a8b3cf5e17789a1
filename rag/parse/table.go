package parse

import (
	"strings"
	"unicode"
)

// maxColumns bounds the width of a table; what stands beyond joins the last cell.
const maxColumns = 100

// grid builds the rows of a table and places cells in columns.
type grid struct {
	rows    []row
	pending map[int]*carry // column -> cell that reaches down from above
}

type carry struct {
	text string
	span int
	left int
}

func (g *grid) addRow(cells []cell, rowspans []int, header bool) {
	if g.pending == nil {
		g.pending = map[int]*carry{}
	}
	r := row{header: header}
	column := 0
	skip := func() {
		for {
			p := g.pending[column]
			if p == nil || column >= maxColumns {
				return
			}
			r.cells = append(r.cells, cell{text: p.text, column: column, span: p.span, carried: true})
			if p.left--; p.left <= 0 {
				delete(g.pending, column)
			}
			column += p.span
		}
	}
	var reaching []struct {
		column int
		c      carry
	}
	said := false
	for i, c := range cells {
		skip()
		if c.text != "" {
			said = true
		}
		c.span = min(max(c.span, 1), maxColumns)
		if column >= maxColumns {
			if n := len(r.cells); n > 0 {
				r.cells[n-1].text = strings.TrimSpace(r.cells[n-1].text + "\n" + c.text)
			}
			continue
		}
		c.column = column
		r.cells = append(r.cells, c)
		if i < len(rowspans) && rowspans[i] > 1 {
			reaching = append(reaching, struct {
				column int
				c      carry
			}{column, carry{text: c.text, span: c.span, left: min(rowspans[i]-1, 1000)}})
		}
		column += c.span
	}
	skip()
	for _, x := range reaching {
		c := x.c
		g.pending[x.column] = &c
	}
	if said {
		g.rows = append(g.rows, r)
	}
}

// table closes the grid. Where no row is marked as header, the first is one if it
// reads like column names: several short cells without a digit.
func (g *grid) table(caption string) (block, bool) {
	if len(g.rows) == 0 {
		return block{}, false
	}
	marked := false
	for _, r := range g.rows {
		marked = marked || r.header
	}
	if !marked && len(g.rows) > 1 {
		g.rows[0].header = columnNames(g.rows[0])
	}
	return block{kind: tableBlock, rows: g.rows, caption: caption}, true
}

func columnNames(r row) bool {
	filled := 0
	for _, c := range r.cells {
		if c.text == "" {
			continue
		}
		filled++
		if len(c.text) > 80 || strings.ContainsFunc(c.text, unicode.IsDigit) {
			return false
		}
	}
	return filled >= 2
}

// isPipeTable tells whether a pipe table starts at line i: a row and its rule, or two
// rows that both begin with a pipe.
func isPipeTable(lines []string, i int) bool {
	if !strings.Contains(lines[i], "|") || i+1 >= len(lines) {
		return false
	}
	next := lines[i+1]
	if pipeRule.MatchString(next) {
		return true
	}
	return strings.HasPrefix(strings.TrimSpace(lines[i]), "|") && strings.HasPrefix(strings.TrimSpace(next), "|")
}

func pipeTableAt(lines []string, i int) (block, int) {
	var g grid
	ruled := pipeRule.MatchString(lines[i+1])
	for first := true; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || !strings.Contains(line, "|") {
			break
		}
		if pipeRule.MatchString(line) {
			continue
		}
		var cells []cell
		for _, text := range splitPipes(line) {
			cells = append(cells, cell{text: plain(strings.TrimSpace(text))})
		}
		g.addRow(cells, nil, first && ruled)
		first = false
	}
	b, ok := g.table("")
	if !ok {
		return block{kind: paragraph}, i
	}
	return b, i
}

func splitPipes(line string) []string {
	line = strings.TrimPrefix(line, "|")
	if strings.HasSuffix(line, "|") && !strings.HasSuffix(line, `\|`) {
		line = line[:len(line)-1]
	}
	var cells []string
	start := 0
	for i := 0; i < len(line); i++ {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			cells = append(cells, line[start:i])
			start = i + 1
		}
	}
	return append(cells, line[start:])
}

// htmlTableAt reads an HTML table that starts within line i of a Markdown file,
// with what stands before and after it on its lines.
func htmlTableAt(lines []string, i int) ([]block, int) {
	var source strings.Builder
	depth := 0
	for ; i < len(lines); i++ {
		source.WriteString(lines[i])
		source.WriteByte('\n')
		depth += len(openTable.FindAllStringIndex(lines[i], -1)) - len(closeTable.FindAllStringIndex(lines[i], -1))
		if depth <= 0 {
			i++
			break
		}
	}
	r := newHTMLReader(source.String())
	r.read()
	var blocks []block
	for _, it := range r.items {
		if it.block != nil {
			blocks = append(blocks, *it.block)
		}
	}
	return blocks, i
}

package parse

import (
	"cmp"
	"slices"
	"strings"
)

// touch is how far apart, in points, two rules may be and still meet.
const touch = 3

// found is a table of a page.
type found struct {
	box   Rect
	table block
}

// ruledTables finds the tables whose cells are drawn, and gives the lines that are
// not in one.
func ruledTables(l *leaf) ([]found, []line) {
	var flat, upright []Rect
	for _, r := range l.Rules {
		switch {
		case r.height() <= touch && r.width() >= 15:
			flat = append(flat, r)
		case r.width() <= touch && r.height() >= 6:
			upright = append(upright, r)
		}
	}
	const most = 3000 // a drawing, not a table
	if len(flat) < 2 || len(flat)+len(upright) > most {
		return nil, l.lines
	}
	flat = mergeFlat(flat)
	upright = mergeUpright(upright)
	var tables []found
	rest := l.lines
	for _, group := range groups(flat, upright) {
		var inside, outside []line
		for _, o := range rest {
			x, y := (o.box.X0+o.box.X1)/2, o.box.middle()
			if x > group.box.X0 && x < group.box.X1 && y > group.box.Y0-1 && y < group.box.Y1+1 {
				inside = append(inside, o)
			} else {
				outside = append(outside, o)
			}
		}
		if len(inside) < 3 {
			continue
		}
		if t, ok := group.read(inside); ok {
			tables = append(tables, found{group.box, t})
			rest = outside
		}
	}
	return tables, rest
}

func mergeFlat(rules []Rect) []Rect {
	slices.SortFunc(rules, func(a, b Rect) int {
		return cmp.Or(cmp.Compare(int(a.middle()/1.5), int(b.middle()/1.5)), cmp.Compare(a.X0, b.X0))
	})
	var out []Rect
	for _, r := range rules {
		if n := len(out); n > 0 && near(out[n-1].middle(), r.middle(), 1.6) && r.X0 <= out[n-1].X1+touch {
			out[n-1] = out[n-1].union(r)
			continue
		}
		out = append(out, r)
	}
	return out
}

func mergeUpright(rules []Rect) []Rect {
	turned := make([]Rect, len(rules))
	for i, r := range rules {
		turned[i] = Rect{r.Y0, r.X0, r.Y1, r.X1}
	}
	turned = mergeFlat(turned)
	for i, r := range turned {
		turned[i] = Rect{r.Y0, r.X0, r.Y1, r.X1}
	}
	return turned
}

func near(a, b, by float32) bool { return a-b <= by && b-a <= by }

// ruled is the rules of one table.
type ruled struct {
	box           Rect
	flat, upright []Rect
}

// groups puts together the rules that meet, and horizontal rules of one width that
// stand under each other.
func groups(flat, upright []Rect) []ruled {
	all := slices.Concat(flat, upright)
	parent := make([]int, len(all))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for i, a := range all {
		for j := i + 1; j < len(all); j++ {
			b := all[j]
			if a.X0 <= b.X1+touch && b.X0 <= a.X1+touch && a.Y0 <= b.Y1+touch && b.Y0 <= a.Y1+touch {
				parent[root(i)] = root(j)
			}
		}
	}
	drawn := map[int]bool{} // has cells: what stands under it is another table
	for i := range upright {
		drawn[root(len(flat)+i)] = true
	}
	const reach = 220 // points between two rules of one table
	for i, a := range flat {
		for j := i + 1; j < len(flat); j++ {
			b := flat[j]
			if near(a.X0, b.X0, 4) && near(a.X1, b.X1, 4) && near(a.Y0, b.Y0, reach) && a.width() > 80 && !drawn[root(i)] && !drawn[root(j)] {
				parent[root(i)] = root(j)
			}
		}
	}
	byRoot := map[int]*ruled{}
	var order []int
	for i, r := range all {
		k := root(i)
		if byRoot[k] == nil {
			byRoot[k] = &ruled{box: r}
			order = append(order, k)
		}
		g := byRoot[k]
		g.box = g.box.union(r)
		if i < len(flat) {
			g.flat = append(g.flat, r)
		} else {
			g.upright = append(g.upright, r)
		}
	}
	var list []ruled
	for _, k := range order {
		if g := byRoot[k]; len(g.flat) >= 2 && len(g.flat)+len(g.upright) >= 3 && g.box.width() > 60 && g.box.height() > 15 {
			list = append(list, *g)
		}
	}
	slices.SortFunc(list, func(a, b ruled) int { return cmp.Compare(a.box.Y0, b.box.Y0) })
	return list
}

// bounds gives the distinct positions of edges.
func bounds(positions []float32) []float32 {
	slices.Sort(positions)
	var out []float32
	for _, p := range positions {
		if n := len(out); n == 0 || p-out[n-1] > 4 {
			out = append(out, p)
		}
	}
	return out
}

// read makes a table of the lines within the rules. ok is false for a frame around
// text, a chart, or rules that part nothing.
func (g ruled) read(lines []line) (block, bool) {
	var xs, ys []float32
	for _, r := range g.upright {
		xs = append(xs, (r.X0+r.X1)/2)
	}
	for _, r := range g.flat {
		ys = append(ys, r.middle())
	}
	inner := 0
	for _, x := range bounds(slices.Clone(xs)) {
		if x > g.box.X0+6 && x < g.box.X1-6 {
			inner++
		}
	}
	if inner == 0 {
		return g.readOpen(lines, bounds(ys))
	}
	xs = bounds(append(xs, g.box.X0, g.box.X1))
	ys = bounds(append(ys, g.box.Y0, g.box.Y1))
	if len(xs) > maxColumns || len(ys) > 400 {
		return block{}, false
	}
	columns, bands := len(xs)-1, len(ys)-1
	if columns < 2 || bands < 2 {
		return block{}, false
	}
	// Neighbours without a rule between them are one cell.
	parent := make([]int, columns*bands)
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for b := range bands {
		for c := range columns {
			x, y := (xs[c]+xs[c+1])/2, (ys[b]+ys[b+1])/2
			if c+1 < columns && !crosses(g.upright, xs[c+1], y, true) {
				parent[root(b*columns+c+1)] = root(b*columns + c)
			}
			if b+1 < bands && !crosses(g.flat, ys[b+1], x, false) {
				parent[root((b+1)*columns+c)] = root(b*columns + c)
			}
		}
	}
	content := map[int][]word{}
	for _, o := range lines {
		for _, w := range o.words {
			c := slot(xs, (w.box.X0+w.box.X1)/2)
			b := slot(ys, w.box.middle())
			content[root(b*columns+c)] = append(content[root(b*columns+c)], w)
		}
	}
	var out grid
	placed := map[int]bool{}
	filled := 0
	for b := range bands {
		var cells []cell
		var rowspans []int
		for c := 0; c < columns; {
			k := root(b*columns + c)
			span := 1
			for c+span < columns && root(b*columns+c+span) == k {
				span++
			}
			if placed[k] {
				c += span // reaches down from above: grid carries it
				continue
			}
			placed[k] = true
			down := 1
			for b+down < bands && root((b+down)*columns+c) == k {
				down++
			}
			made := makeCell(content[k])
			made.span = span
			if made.text != "" {
				filled++
			}
			cells = append(cells, made)
			rowspans = append(rowspans, down)
			c += span
		}
		out.addRow(cells, rowspans, false)
	}
	if filled < 4 || !severalColumns(out.rows) {
		return block{}, false
	}
	t, ok := out.table("")
	return t, ok
}

// severalColumns tells whether at least two rows have two filled cells.
func severalColumns(rows []row) bool {
	n := 0
	for _, r := range rows {
		if filledCells(r) >= 2 {
			n++
		}
	}
	return n >= 2
}

// readOpen reads a table that has horizontal rules only: the gaps between its words
// tell the columns, and the rules the rows where there are many of them.
func (g ruled) readOpen(lines []line, ys []float32) (block, bool) {
	rows := rowsOfLines(lines)
	columns := gutters(rows)
	if len(columns) < 1 {
		return block{}, false
	}
	if len(ys) > 4 && len(ys)-1 >= len(rows)/3 {
		var out grid
		for b := range len(ys) - 1 {
			var band [][]line
			for _, r := range rows {
				if y := r[0].box.middle(); y >= ys[b] && y < ys[b+1] {
					band = append(band, r)
				}
			}
			if len(band) > 0 {
				out.addRow(cellsOf(band, columns), nil, false)
			}
		}
		if !severalColumns(out.rows) {
			return block{}, false
		}
		return out.table("")
	}
	return makeTable(rows, columns, ys)
}

// crosses tells whether a rule runs along an edge at a point of it.
func crosses(rules []Rect, edge, at float32, upright bool) bool {
	for _, r := range rules {
		middle, from, to := r.middle(), r.X0, r.X1
		if upright {
			middle, from, to = (r.X0+r.X1)/2, r.Y0, r.Y1
		}
		if near(middle, edge, 4.1) && from-1 <= at && at <= to+1 {
			return true
		}
	}
	return false
}

func slot(edges []float32, at float32) int {
	for i := 1; i < len(edges)-1; i++ {
		if at < edges[i] {
			return i - 1
		}
	}
	return len(edges) - 2
}

// makeCell puts the words of a cell in order. A word that was cut at the end of a
// line is whole again, since a row is read on one line.
func makeCell(words []word) cell {
	if len(words) == 0 {
		return cell{}
	}
	lines := make([]line, 0, len(words))
	for _, w := range words {
		lines = append(lines, newLine([]word{w}))
	}
	var c cell
	var text strings.Builder
	for k, r := range rowsOfLines(lines) {
		for i, o := range r {
			w := o.words[0]
			if text.Len() > 0 {
				if i > 0 || !rejoin(&text, w.text) {
					text.WriteByte(' ')
				}
			}
			_ = k
			start := text.Len()
			text.WriteString(w.text)
			c.marks = append(c.marks, mark{start, text.Len(), w.box})
		}
	}
	c.text = text.String()
	return c
}

// rejoin takes the hyphen off the end of a text when the next line goes on with the
// same word, and tells whether no space is due.
func rejoin(text *strings.Builder, next string) bool {
	s := text.String()
	if !hyphenEnd.MatchString(s) {
		return strings.HasSuffix(s, "/")
	}
	switch strings.TrimRight(next, ",.;:") {
	case "und", "oder", "bzw", "sowie", "and", "or", "to", "bis":
		return false
	}
	if startsLower.MatchString(next) {
		text.Reset()
		text.WriteString(s[:len(s)-1])
	}
	return true
}

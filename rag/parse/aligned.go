package parse

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var (
	hyphenEnd   = regexp.MustCompile(`\p{L}-$`)
	startsLower = regexp.MustCompile(`^\p{Ll}`)
)

// gutterWidth is the least white space between two columns, in points.
const gutterWidth = 7

// span is an interval on the x axis.
type span struct{ from, to float32 }

// gutters gives the white spaces that run down through nearly all rows of lines.
func gutters(rows [][]line) []span {
	return whiteSpaces(rows, len(rows)/5)
}

// whiteSpaces gives the intervals that at most so many rows reach into, between
// columns that hold something.
func whiteSpaces(rows [][]line, most int) []span {
	var edges []float32
	left, right := float32(1e9), float32(-1e9)
	for _, r := range rows {
		for _, l := range r {
			edges = append(edges, l.box.X0, l.box.X1)
			left, right = min(left, l.box.X0), max(right, l.box.X1)
		}
	}
	if len(edges) == 0 {
		return nil
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var list []span
	for i := 1; i < len(edges); i++ {
		x := (edges[i-1] + edges[i]) / 2
		n := 0
		for _, r := range rows {
			for _, l := range r {
				if l.box.X0 < x && l.box.X1 > x {
					n++
					break
				}
			}
		}
		if n > most {
			continue
		}
		if k := len(list); k > 0 && list[k-1].to == edges[i-1] {
			list[k-1].to = edges[i]
		} else {
			list = append(list, span{edges[i-1], edges[i]})
		}
	}
	return slices.DeleteFunc(list, func(s span) bool { return s.to-s.from < gutterWidth || s.from <= left || s.to >= right })
}

// alignedTables finds tables without drawn cells: rows whose pieces stand under each
// other. Running text in columns is none, since there every piece fills its column.
func alignedTables(lines []line) ([]found, []line) {
	rows := rowsOfLines(lines)
	var tables []found
	taken := map[int]bool{}
	for i := 0; i < len(rows); {
		if len(rows[i]) < 2 || slices.ContainsFunc(rows[i], func(l line) bool { return leaders(l.text()) }) {
			i++
			continue
		}
		end, columns := i, []span(nil)
		for j := i + 1; j <= len(rows); j++ {
			if j-i >= 3 {
				c := gutters(rows[i:j])
				if len(c) == 0 {
					break
				}
				if manyPieces(rows[i:j]) {
					end, columns = j, c
				}
			}
			if j == len(rows) || tooFar(rows[j-1], rows[j]) || slices.ContainsFunc(rows[j], func(l line) bool { return leaders(l.text()) }) {
				break
			}
			if len(rows[j]) == 1 && len(rows[j-1]) == 1 && j > i+1 && full(rows[j][0], rows[i:j]) && full(rows[j-1][0], rows[i:j-1]) {
				break
			}
		}
		for end > i && len(rows[end-1]) == 1 && columns != nil && crossesAll(rows[end-1][0], columns) {
			end-- // text below the table
		}
		if end-i < 3 || running(rows[i:end], columns) {
			i++
			continue
		}
		t, ok := makeTable(rows[i:end], columns, nil)
		if !ok {
			i++
			continue
		}
		box := rows[i][0].box
		for k := i; k < end; k++ {
			taken[k] = true
			for _, l := range rows[k] {
				box = box.union(l.box)
			}
		}
		tables = append(tables, found{box, t})
		i = end
	}
	var rest []line
	for i, r := range rows {
		if !taken[i] {
			rest = append(rest, r...)
		}
	}
	return tables, rest
}

func crossesAll(l line, columns []span) bool {
	return l.box.X0 < columns[0].from && l.box.X1 > columns[len(columns)-1].to || l.box.X0 < columns[0].from && l.box.X1 > columns[0].to
}

// full tells whether a line is as wide as the rows above it together.
func full(l line, rows [][]line) bool {
	left, right := float32(1e9), float32(-1e9)
	for _, r := range rows {
		left, right = min(left, r[0].box.X0), max(right, r[len(r)-1].box.X1)
	}
	return l.box.width() > 0.8*(right-left)
}

// manyPieces tells whether most rows have more than one piece.
func manyPieces(rows [][]line) bool {
	n := 0
	for _, r := range rows {
		if len(r) > 1 {
			n++
		}
	}
	return n >= 3 && n*5 >= len(rows)*2
}

// tooFar tells whether two rows are too far apart for one table.
func tooFar(a, b []line) bool {
	gap := b[0].box.Y0 - a[0].box.Y1
	return gap > 2.2*max(a[0].box.height(), b[0].box.height())
}

// running tells whether columns hold running text: nearly every piece fills its
// column.
func running(rows [][]line, columns []span) bool {
	if len(columns) == 0 {
		return true
	}
	widths := make([][]float32, len(columns)+1)
	for _, r := range rows {
		for _, l := range r {
			c := columnAt(columns, l)
			widths[c] = append(widths[c], l.box.width())
		}
	}
	wide, all := 0, 0
	prose := 0
	for _, list := range widths {
		if len(list) == 0 {
			continue
		}
		broadest := slices.Max(list)
		n := 0
		for _, w := range list {
			if w > 0.8*broadest {
				n++
			}
		}
		wide += n
		all += len(list)
		if n*10 >= len(list)*6 && broadest > 120 && len(list) >= 4 {
			prose++
		}
	}
	return prose == len(widths) || len(widths) == 2 && all > 0 && wide*10 >= all*7 && len(rows) >= 6 && prose > 0
}

func columnAt(columns []span, l line) int {
	c := 0
	for _, s := range columns {
		if l.box.X0 >= s.from {
			c++
		}
	}
	return c
}

// cellsOf sorts the pieces of a row of text lines into columns.
func cellsOf(rows [][]line, columns []span) []cell {
	words := make([][]word, len(columns)+1)
	spans := make([]int, len(columns)+1)
	for _, r := range rows {
		for _, l := range r {
			c := columnAt(columns, l)
			to := c
			for to < len(columns) && l.box.X1 > columns[to].to {
				to++
			}
			words[c] = append(words[c], l.words...)
			spans[c] = max(spans[c], to-c+1)
		}
	}
	var cells []cell
	for c := 0; c <= len(columns); {
		made := makeCell(words[c])
		made.span = max(1, spans[c])
		for k := c + 1; k < c+made.span && k <= len(columns); k++ {
			if len(words[k]) > 0 { // something stands there after all
				made.span = k - c
				break
			}
		}
		cells = append(cells, made)
		c += made.span
	}
	return cells
}

// makeTable makes a table of rows of lines. Where rows stand further apart than the
// lines within them, the distance tells the rows; else a row begins where its first
// column, or most of the others, say something. ys are rules between rows.
func makeTable(rows [][]line, columns []span, ys []float32) (block, bool) {
	var gaps []float32
	for i := 1; i < len(rows); i++ {
		gaps = append(gaps, top(rows[i])-top(rows[i-1]))
	}
	tight := slices.Clone(gaps)
	slices.Sort(tight)
	spaced := len(tight) > 2 && tight[len(tight)-1] > 1.3*tight[len(tight)/8] && tight[len(tight)/2] < 1.3*tight[0] || len(tight) > 2 && tight[len(tight)*3/4] > 1.3*tight[0]
	limit := float32(0)
	if len(tight) > 0 {
		limit = 1.25 * tight[0]
	}
	var out grid
	start := 0
	flush := func(end int) {
		if end > start {
			out.addRow(cellsOf(rows[start:end], columns), nil, false)
		}
		start = end
	}
	for i := 1; i < len(rows); i++ {
		begins := false
		switch {
		case ruleBetween(ys, rows[i-1], rows[i]):
			begins = true
		case spaced && gaps[i-1] > limit:
			begins = true
		case spaced && !wholeRow(rows, i, columns):
		default:
			begins = beginsRow(rows, i, columns)
		}
		if begins {
			flush(i)
		}
	}
	flush(len(rows))
	if !severalColumns(out.rows) {
		return block{}, false
	}
	return out.table("")
}

// wholeRow tells whether two rows that stand close are rows of their own all the
// same: both fill nearly every column and the second does not go on with the first.
func wholeRow(rows [][]line, i int, columns []span) bool {
	return len(rows[i]) > len(columns) && len(rows[i-1]) > len(columns)
}

func top(r []line) float32 {
	y := r[0].box.Y0
	for _, l := range r {
		y = min(y, l.box.Y0)
	}
	return y
}

func ruleBetween(ys []float32, a, b []line) bool {
	return slices.ContainsFunc(ys, func(y float32) bool { return y >= a[0].box.middle() && y <= b[0].box.middle() })
}

// beginsRow tells whether row i of lines begins a row of the table.
func beginsRow(rows [][]line, i int, columns []span) bool {
	first, others := false, 0
	for _, l := range rows[i] {
		if columnAt(columns, l) == 0 {
			first = true
			text := l.text()
			if startsLower.MatchString(text) && strings.ToLower(text) != text[:min(1, len(text))] && len(rows[i]) == 1 {
				first = false // goes on
			}
			for _, above := range rows[i-1] {
				if columnAt(columns, above) == 0 && (hyphenEnd.MatchString(above.text()) || strings.HasSuffix(above.text(), ",") || strings.HasSuffix(above.text(), "/")) {
					first = false
				}
			}
		} else {
			others++
		}
	}
	return first || others*2 > len(columns) && others > 1
}

// byPlace orders tables from top to bottom.
func byPlace(a, b found) int {
	return cmp.Or(cmp.Compare(a.box.Y0, b.box.Y0), cmp.Compare(a.box.X0, b.box.X0))
}

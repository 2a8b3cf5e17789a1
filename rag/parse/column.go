package parse

import (
	"cmp"
	"slices"
)

// thing is a line or a table in its place.
type thing struct {
	box   Rect
	line  line
	table *block
}

// readingOrder puts lines and tables into the order they are read: columns one after
// the other, parted by what runs across them. Each region is a piece of one column.
func readingOrder(lines []line, tables []found) [][]thing {
	things := make([]thing, 0, len(lines)+len(tables))
	for _, l := range lines {
		things = append(things, thing{box: l.box, line: l})
	}
	for i := range tables {
		things = append(things, thing{box: tables[i].box, table: &tables[i].table})
	}
	return order(things, 0)
}

// deepest is how often a region may be parted into columns.
const deepest = 4

func order(things []thing, depth int) [][]thing {
	if len(things) == 0 {
		return nil
	}
	slices.SortStableFunc(things, func(a, b thing) int { return cmp.Or(cmp.Compare(a.box.Y0, b.box.Y0), cmp.Compare(a.box.X0, b.box.X0)) })
	g, ok := gutter(things)
	if !ok || depth == deepest {
		return [][]thing{things}
	}
	var regions [][]thing
	var left, right, across []thing
	columns := func() {
		regions = append(regions, order(left, depth+1)...)
		regions = append(regions, order(right, depth+1)...)
		left, right = nil, nil
	}
	for _, t := range things {
		switch {
		case t.box.X1 <= g.to && t.box.X0 < g.from:
			if len(across) > 0 {
				regions, across = append(regions, across), nil
			}
			left = append(left, t)
		case t.box.X0 >= g.from:
			if len(across) > 0 {
				regions, across = append(regions, across), nil
			}
			right = append(right, t)
		default:
			columns()
			across = append(across, t)
		}
	}
	columns()
	if len(across) > 0 {
		regions = append(regions, across)
	}
	return regions
}

// gutter finds the white space between two columns of running text, the widest one
// first.
func gutter(things []thing) (span, bool) {
	var lines []line
	for _, t := range things {
		if t.table == nil {
			lines = append(lines, t.line)
		}
	}
	rows := rowsOfLines(lines)
	if len(rows) < 5 {
		return span{}, false
	}
	list := whiteSpaces(rows, len(rows)*3/10)
	slices.SortStableFunc(list, func(a, b span) int { return cmp.Compare(b.to-b.from, a.to-a.from) })
	for _, g := range list {
		var left, right []line
		for _, l := range lines {
			switch {
			case l.box.X1 <= g.to && l.box.X0 < g.from:
				left = append(left, l)
			case l.box.X0 >= g.from:
				right = append(right, l)
			}
		}
		if prose(left) && prose(right) {
			return g, true
		}
	}
	return span{}, false
}

// prose tells whether lines are running text: many, and most of them as wide as
// their column. Lines of smaller columns beside each other count together.
func prose(lines []line) bool {
	if len(lines) < 5 {
		return false
	}
	broadest := float32(0)
	for _, l := range lines {
		broadest = max(broadest, l.box.width())
	}
	if broadest < 100 {
		return false
	}
	full := 0
	for _, l := range lines {
		if l.box.width() > 0.7*broadest {
			full++
		}
	}
	if full*20 >= len(lines)*9 {
		return true
	}
	rows := rowsOfLines(lines)
	inner := whiteSpaces(rows, len(rows)*3/10)
	return len(inner) == 1 && running(rows, inner)
}

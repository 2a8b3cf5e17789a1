package parse

import (
	"regexp"
	"slices"
	"strings"
)

// edgeZone is the part of a page's height, at the top and at the bottom, in which
// running headers and footers stand.
const edgeZone = 0.13

var (
	digits      = regexp.MustCompile(`\d+`)
	edgeNumbers = regexp.MustCompile(`^[\s|–—\-\[(]*(?:(?i:seite|page|s\.|p\.)\s*)?(\d{1,4})(?:\s*(?:von|of|/)\s*\d{1,4})?[\s|–—\-\])]*$`)
	leadNumber  = regexp.MustCompile(`^(\d{1,4})\s`)
	tailNumber  = regexp.MustCompile(`(?:^|\s)(?:(?i:seite|page)\s*)?(\d{1,4})(?:\s*(?:von|of|/)\s*\d{1,4})?$`)
)

// leaf is a sheet while it is being read.
type leaf struct {
	*Sheet
	lines  []line
	turned []word // text in another direction: in the margin, or a watermark
	number int
	flags  []Flag
}

// edge tells whether a line stands where headers and footers do, and whether at the
// foot.
func (l *leaf) edge(o line) (edge, foot bool) {
	top, bottom := o.box.Y1 < l.Height*edgeZone, o.box.Y0 > l.Height*(1-edgeZone)
	return top || bottom, bottom
}

// numberLeaves finds the printed page numbers. They are those at the edges of the
// pages that count along with them; then the numbers the file gives its pages; and
// where a document prints none at all, the position of the page, which is what
// every reader of PDF files shows.
func numberLeaves(leaves []*leaf) {
	printed := make([][]int, len(leaves))
	votes, alone := map[int]int{}, map[int]int{}
	for i, l := range leaves {
		seen, own := map[int]bool{}, map[int]bool{}
		for _, o := range l.lines {
			if edge, _ := l.edge(o); !edge {
				continue
			}
			list, bare := edgeCounts(o.text())
			if !bare && l.inBody(o) {
				continue // a heading with its number
			}
			for _, n := range list {
				printed[i] = append(printed[i], n)
				offset := n - i
				if !seen[offset] {
					seen[offset] = true
					votes[offset]++
				}
				if bare && !own[offset] {
					own[offset] = true
					alone[offset]++
				}
			}
		}
	}
	best, most := 0, 0
	for offset, n := range votes {
		if n > most || n == most && offset > best {
			best, most = offset, n
		}
	}
	// Numbers that stand alone are believed sooner than those beside other words.
	if n := alone[best]; n >= 2 && n*2 >= len(leaves) || most >= 5 && most*2 >= len(leaves) || n >= 5 && n*5 >= len(leaves) {
		var sheets []sheet
		for i := range leaves {
			s := sheet{}
			if slices.Contains(printed[i], i+best) {
				s.number = i + best
			} else if k := otherRun(printed, i, best); k > 0 {
				s.number = k
			}
			sheets = append(sheets, s)
		}
		number(sheets)
		for i, l := range leaves {
			l.number = sheets[i].number
		}
		return
	}
	labels, any := 0, false
	for _, l := range leaves {
		any = any || l.Label != ""
		if atoi(l.Label) > 0 {
			labels++
		}
	}
	for i, l := range leaves {
		switch {
		case any && labels > 0:
			l.number = atoi(l.Label)
		default:
			l.number = i + 1
		}
	}
}

// otherRun finds the number of a page in a part that counts otherwise: it goes up by
// one from or to a neighbour.
func otherRun(printed [][]int, i, main int) int {
	for _, n := range printed[i] {
		if n-i == main {
			continue
		}
		before := i > 0 && slices.Contains(printed[i-1], n-1)
		after := i+1 < len(printed) && slices.Contains(printed[i+1], n+1)
		if before && after {
			return n
		}
	}
	return 0
}

// edgeCounts gives the numbers at the beginning and end of a line, of which one may
// be that of the page, and whether the line is nothing else.
func edgeCounts(text string) (list []int, alone bool) {
	if m := edgeNumbers.FindStringSubmatch(text); m != nil {
		return []int{atoi(m[1])}, true
	}
	for _, pattern := range []*regexp.Regexp{leadNumber, tailNumber} {
		if m := pattern.FindStringSubmatch(text); m != nil {
			list = append(list, atoi(m[1]))
		}
	}
	return list, false
}

// dropFurniture takes running headers, footers and page numbers off the pages.
func dropFurniture(leaves []*leaf) {
	type place struct {
		text string
		foot bool
	}
	pages := map[place][]int{}
	key := func(l *leaf, o line) (place, bool) {
		edge, foot := l.edge(o)
		return place{digits.ReplaceAllString(oneLine(o.text()), "#"), foot}, edge
	}
	for i, l := range leaves {
		seen := map[place]bool{}
		for _, o := range l.lines {
			if k, edge := key(l, o); edge && !seen[k] {
				seen[k] = true
				pages[k] = append(pages[k], i)
			}
		}
	}
	heads := headLines(leaves)
	for i, l := range leaves {
		l.lines = slices.DeleteFunc(l.lines, func(o line) bool {
			k, edge := key(l, o)
			if !edge {
				return false
			}
			if recurs(pages[k], i, len(leaves)) && (len(pages[k])*2 >= len(leaves) || !l.inBody(o)) || heads(l, o) {
				return true
			}
			m := edgeNumbers.FindStringSubmatch(o.text())
			return m != nil && l.number > 0 && atoi(m[1]) == l.number
		})
	}
}

// inBody tells whether a line that recurs on some pages may as well be the first row
// of a table that goes on from page to page: it stands between drawn rules, or not
// quite in the margin.
func (l *leaf) inBody(o line) bool {
	const margin = 0.095
	if o.box.Y1 > l.Height*margin && o.box.Y0 < l.Height*(1-margin) {
		return true
	}
	y, above, below := o.box.middle(), false, false
	for _, r := range l.Rules {
		if r.height() <= touch && r.X0 <= o.box.X0+2 && r.X1 >= o.box.X1-2 {
			above = above || r.Y1 < y && y-r.Y1 < 3*o.box.height()
			below = below || r.Y0 > y && r.Y0-y < 3*o.box.height()
		}
	}
	return above && below
}

// recurs tells whether a line that stands on the given pages is a running one of page
// i: on at least three pages, one of them near; or on every page of a short document.
func recurs(pages []int, i, total int) bool {
	if len(pages) < 3 {
		return total >= 2 && total <= 3 && len(pages) == total
	}
	if len(pages)*2 >= total {
		return true
	}
	return slices.ContainsFunc(pages, func(p int) bool { return p != i && p >= i-2 && p <= i+2 })
}

// headLines recognises headers whose words change from page to page, such as the
// title of the chapter: the outermost line stands at the same height of most pages,
// clearly off the text.
func headLines(leaves []*leaf) func(*leaf, line) bool {
	type side struct{ at, pages, off int }
	count := func(foot bool) (height int, found bool) {
		at := map[int]*side{}
		for _, l := range leaves {
			outer, gap, ok := l.outermost(foot)
			if !ok {
				continue
			}
			h := int(outer.Y0 / 2)
			if at[h] == nil {
				at[h] = &side{at: h}
			}
			at[h].pages++
			if gap > 1.2*outer.height() {
				at[h].off++
			}
		}
		var best *side
		for _, s := range at {
			if best == nil || s.pages > best.pages || s.pages == best.pages && s.at < best.at {
				best = s
			}
		}
		if best == nil || best.pages < 5 || best.pages*10 < len(leaves)*6 || best.off*10 < best.pages*8 {
			return 0, false
		}
		return best.at, true
	}
	top, hasTop := count(false)
	bottom, hasBottom := count(true)
	return func(l *leaf, o line) bool {
		h := int(o.box.Y0 / 2)
		_, foot := l.edge(o)
		near := func(at int) bool { return h >= at-1 && h <= at+1 }
		return !foot && hasTop && near(top) && o.size() < 20 || foot && hasBottom && near(bottom)
	}
}

// outermost is the box of the first or last line of a page, and how far the next one
// is.
func (l *leaf) outermost(foot bool) (box Rect, gap float32, ok bool) {
	best := -1
	for i, o := range l.lines {
		if edge, f := l.edge(o); !edge || f != foot {
			continue
		}
		if best < 0 || !foot && o.box.Y0 < l.lines[best].box.Y0 || foot && o.box.Y0 > l.lines[best].box.Y0 {
			best = i
		}
	}
	if best < 0 {
		return box, 0, false
	}
	box, gap = l.lines[best].box, l.Height
	for i, o := range l.lines {
		if i == best || onOneLine(o.box, box) {
			continue
		}
		if foot {
			gap = min(gap, box.Y0-o.box.Y1)
		} else {
			gap = min(gap, o.box.Y0-box.Y1)
		}
	}
	return box, gap, true
}

// leaders tells whether a line is an entry of a table of contents.
func leaders(text string) bool {
	return strings.Contains(text, ". . . .") || strings.Contains(text, ".....") || strings.Contains(text, "……") || dotted.MatchString(text)
}

var dotted = regexp.MustCompile(`(?:\.\s?){5,}\s*\d{0,4}$`)

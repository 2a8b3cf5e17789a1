package parse

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// headings finds the headings of a document by size, weight and numbering, and gives
// its title: the largest one of the first pages.
func headings(pages [][]printed) (title string) {
	body, bodyBold := bodyText(pages)
	var found []*printed
	for i := range pages {
		setContentsAside(pages[i])
		for j := range pages[i] {
			b := &pages[i][j]
			if looksLikeHeading(b, body, bodyBold) {
				found = append(found, b)
			}
		}
	}
	ranks := styleRanks(found)
	largest := float32(0)
	uses := map[int]int{}
	for _, b := range found {
		b.kind = heading
		b.level = ranks[styleOf(b)]
		uses[b.level]++
	}
	lowerOddities(pages, uses)
	for i := range min(2, len(pages)) {
		for _, b := range pages[i] {
			if b.kind == heading && b.size > largest+0.5 && b.size > 1.2*body {
				largest, title = b.size, oneLine(b.text)
			}
		}
	}
	return title
}

// lowerOddities keeps a large line that stands alone, as of an example or a figure,
// from standing above all chapters that follow it. Behind the first pages nothing is
// higher than the chapters where they are numbered, else than the highest level that
// comes again and again.
func lowerOddities(pages [][]printed, uses map[int]int) {
	const often, firstPages = 3, 2
	highest, chapters := 10, 0
	for _, page := range pages {
		for _, b := range page {
			if b.kind == heading && isChapter(b) {
				chapters++
				highest = min(highest, b.level)
			}
		}
	}
	numbered := chapters >= often
	if !numbered {
		for highest = 1; uses[highest] < often; highest++ {
			if highest > 9 {
				return
			}
		}
	}
	for i := firstPages; i < len(pages); i++ {
		for j := range pages[i] {
			b := &pages[i][j]
			if b.kind != heading || b.level >= highest {
				continue
			}
			if b.level = highest; numbered {
				b.level++
			}
		}
	}
}

func isChapter(b printed) bool {
	text := oneLine(b.text)
	return chapterWord.MatchString(text) || styleOf(&b).depth == 1
}

// setContentsAside marks all entries of a table of contents, also those of chapters,
// which often have no dots.
func setContentsAside(page []printed) {
	dots := 0
	for _, b := range page {
		if b.aside {
			dots++
		}
	}
	if dots < 4 {
		return
	}
	for i := range page {
		if b := &page[i]; b.kind != tableBlock && b.lines <= 3 && entryEnd.MatchString(b.text) {
			b.aside = true
		}
	}
}

var entryEnd = regexp.MustCompile(`\S\s+(?:\d{1,4}|[ivxl]{1,7})$`)

// bodyText gives the size that most text is printed in, and whether that is bold.
func bodyText(pages [][]printed) (size float32, bold bool) {
	sizes, heavy, all := map[int]int{}, 0, 0
	for _, page := range pages {
		for _, b := range page {
			if b.kind == tableBlock {
				continue
			}
			sizes[int(b.size*2+0.5)] += len(b.text)
			all += len(b.text)
			if b.bold {
				heavy += len(b.text)
			}
		}
	}
	best := 0
	for s, n := range sizes {
		if n > sizes[best] || n == sizes[best] && s < best {
			best = s
		}
	}
	return float32(best) / 2, heavy*2 > all
}

func looksLikeHeading(b *printed, body float32, bodyBold bool) bool {
	n := utf8.RuneCountInString(b.text)
	if b.kind == tableBlock || b.aside || n < 3 || n > 220 || b.lines > 4 || letters(b.text) < 3 {
		return false
	}
	text := oneLine(b.text)
	numbered := sectionNumber.MatchString(text) || chapterWord.MatchString(text)
	if captionText.MatchString(text) || b.kind == listItem && !numbered && !isBibliographyTitle(text) {
		return false
	}
	if strings.ContainsRune(".;,", lastRune(text)) || !numbered && !unicode.IsUpper(firstRune(text)) && !unicode.IsDigit(firstRune(text)) {
		return false
	}
	larger, bold := b.size >= 1.12*body, b.bold && !bodyBold
	switch {
	case larger && (b.lines <= 3 || bold):
		return true
	case bold && b.size >= 0.93*body && b.lines <= 2 && n <= 160:
		return true
	case numbered && b.lines == 1 && n <= 100 && b.size >= 0.98*body && strings.Count(text, " ") <= 10 && deepNumber.MatchString(text):
		return true
	}
	return isBibliographyTitle(text)
}

// style is what headings of one level have in common.
type style struct {
	size  int // half points
	bold  bool
	depth int // of the numbering, 0 when there is none
}

func styleOf(b *printed) style {
	s := style{size: int(b.size*2 + 0.5), bold: b.bold}
	if m := sectionNumber.FindStringSubmatch(oneLine(b.text)); m != nil {
		s.depth = 1 + strings.Count(m[1], ".")
	}
	return s
}

// styleRanks orders styles into levels from 1: larger before smaller, and among
// numbered ones of a size the shallower first.
func styleRanks(found []*printed) map[style]int {
	seen := map[style]bool{}
	for _, b := range found {
		seen[styleOf(b)] = true
	}
	list := make([]style, 0, len(seen))
	for s := range seen {
		list = append(list, s)
	}
	weight := func(s style) int {
		if s.bold {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b style) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(weight(a), weight(b)), cmp.Compare(a.depth, b.depth))
	})
	ranks, level := map[style]int{}, 0
	for i, s := range list {
		if i == 0 || s.size != list[i-1].size || s.bold != list[i-1].bold || s.depth != list[i-1].depth && s.depth != 0 && list[i-1].depth != 0 {
			level++
		}
		ranks[s] = min(level, 9)
	}
	// Numbering says more than looks: a deeper number never stands above a shallower.
	highest := map[int]int{}
	for s, r := range ranks {
		if h, ok := highest[s.depth]; s.depth > 0 && (!ok || r < h) {
			highest[s.depth] = r
		}
	}
	for s := range ranks {
		for d := 1; d < s.depth; d++ {
			if h, ok := highest[d]; ok {
				ranks[s] = max(ranks[s], h+s.depth-d)
			}
		}
	}
	return ranks
}

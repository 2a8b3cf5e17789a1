package parse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// item is a line of a light text, or a block of HTML, as pagination sees it.
type item struct {
	text  string
	brk   bool // form feed, rule or other separator
	feed  bool // a form feed, which is always a page break
	block *block
}

// sheet is the items of one page.
type sheet struct {
	number int
	items  []item
}

var (
	// A printed page number alone on its line: "Seite 92 von 341", "Page 3 of 10",
	// "- 12 -", "[Page 7]".
	pageLine = regexp.MustCompile(`(?i)^[\s\[(*_–—-]*(?:seite|page|pagina|s\.|p\.)\s*:?\s*(\d{1,4})(?:\s*(?:von|of|/)\s*\d{1,4})?[\s\])*_–—-]*$`)
	// The same as a comment, which by habit stands before the page.
	pageComment = regexp.MustCompile(`(?i)^\s*<!--\s*(?:page|seite)(?:\s*break)?\s*[:=#]?\s*(\d{1,4})\s*-->\s*$`)
	dashedPage  = regexp.MustCompile(`^\s*[–—-]\s*(\d{1,4})\s*[–—-]\s*$`)
	bareNumber  = regexp.MustCompile(`^\s*(\d{1,4})\s*$`)
)

type marker struct {
	at     int // index of the item
	number int
	header bool // stands before its page for certain
}

// paginate cuts items into pages. It uses printed numbers, and rules or form feeds
// where these agree with the numbers; a page without a printed number gets one
// only when its neighbours leave a single choice.
func paginate(items []item) []sheet {
	marks := findMarkers(items)
	breaks := findBreaks(items, marks)
	var sheets []sheet
	switch {
	case len(breaks) > 0:
		sheets = cut(items, marks, breaks)
	case len(marks) > 0:
		sheets = cutAtMarkers(items, marks)
	default:
		return []sheet{{items: dropBreaks(items)}}
	}
	number(sheets)
	return sheets
}

func findMarkers(items []item) []marker {
	var marks []marker
	feeds := 0
	for i, it := range items {
		if it.feed {
			feeds++
		}
		if len(it.text) > 80 {
			continue
		}
		if m := pageComment.FindStringSubmatch(it.text); m != nil {
			marks = append(marks, marker{at: i, number: atoi(m[1]), header: true})
		} else if m := pageLine.FindStringSubmatch(it.text); m != nil {
			marks = append(marks, marker{at: i, number: atoi(m[1])})
		} else if m := dashedPage.FindStringSubmatch(it.text); m != nil {
			marks = append(marks, marker{at: i, number: atoi(m[1])})
		}
	}
	if len(marks) == 0 && feeds >= 2 {
		// A bare number counts only beside a form feed.
		for i, it := range items {
			if m := bareNumber.FindStringSubmatch(it.text); m != nil && besideFeed(items, i) {
				marks = append(marks, marker{at: i, number: atoi(m[1])})
			}
		}
	}
	if !rising(marks) {
		return nil
	}
	return marks
}

func besideFeed(items []item, i int) bool {
	for j := i + 1; j < len(items) && j <= i+3; j++ {
		if items[j].feed {
			return true
		}
		if strings.TrimSpace(items[j].text) != "" {
			break
		}
	}
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if items[j].feed {
			return true
		}
		if strings.TrimSpace(items[j].text) != "" {
			break
		}
	}
	return false
}

// rising tells whether numbers count pages: they go up nearly always.
func rising(marks []marker) bool {
	up := 0
	for i := 1; i < len(marks); i++ {
		if marks[i].number > marks[i-1].number {
			up++
		}
	}
	return len(marks) > 0 && up*10 >= (len(marks)-1)*9
}

// findBreaks gives the items that separate pages. Form feeds always do; rules do
// when between printed numbers there are as many of them as pages.
func findBreaks(items []item, marks []marker) []int {
	var feeds, rules []int
	for i, it := range items {
		switch {
		case it.feed:
			feeds = append(feeds, i)
		case it.brk:
			rules = append(rules, i)
		}
	}
	if len(feeds) > 0 {
		return feeds
	}
	if len(marks) < 2 || len(rules) == 0 {
		return nil
	}
	agree, r := 0, 0
	for i := 1; i < len(marks); i++ {
		for r < len(rules) && rules[r] < marks[i-1].at {
			r++
		}
		n := 0
		for j := r; j < len(rules) && rules[j] < marks[i].at; j++ {
			n++
		}
		if n == marks[i].number-marks[i-1].number {
			agree++
		}
	}
	if agree*5 >= (len(marks)-1)*4 {
		return rules
	}
	return nil
}

func cut(items []item, marks []marker, breaks []int) []sheet {
	isMark := map[int]int{}
	for _, m := range marks {
		isMark[m.at] = m.number
	}
	var sheets []sheet
	current := sheet{}
	next := 0
	for i, it := range items {
		if next < len(breaks) && breaks[next] == i {
			next++
			sheets = append(sheets, current)
			current = sheet{}
			continue
		}
		if n, ok := isMark[i]; ok {
			current.number = n
			continue
		}
		if !it.brk {
			current.items = append(current.items, it)
		}
	}
	return append(sheets, current)
}

// cutAtMarkers cuts where only printed numbers tell the pages. Numbers stand at the
// foot unless nothing precedes the first and something follows the last.
func cutAtMarkers(items []item, marks []marker) []sheet {
	header := marks[0].header || (empty(items[:marks[0].at]) && !empty(items[marks[len(marks)-1].at+1:]))
	var sheets []sheet
	if header {
		if head := dropBreaks(items[:marks[0].at]); !empty(head) {
			sheets = append(sheets, sheet{items: head})
		}
		for i, m := range marks {
			end := len(items)
			if i+1 < len(marks) {
				end = marks[i+1].at
			}
			sheets = append(sheets, sheet{number: m.number, items: dropBreaks(items[m.at+1 : end])})
		}
		return sheets
	}
	start := 0
	for _, m := range marks {
		sheets = append(sheets, sheet{number: m.number, items: dropBreaks(items[start:m.at])})
		start = m.at + 1
	}
	if tail := dropBreaks(items[start:]); !empty(tail) {
		sheets = append(sheets, sheet{items: tail})
	}
	return sheets
}

func empty(items []item) bool {
	return !slices.ContainsFunc(items, func(it item) bool { return !it.brk && strings.TrimSpace(it.text) != "" })
}

func dropBreaks(items []item) []item {
	out := make([]item, 0, len(items))
	for _, it := range items {
		if !it.brk {
			out = append(out, it)
		}
	}
	return out
}

// number fills the gaps between printed numbers where counting agrees from both
// sides, and extends at the ends when counting agreed everywhere else.
func number(sheets []sheet) {
	last, agree, pairs := -1, 0, 0
	for i := range sheets {
		if sheets[i].number == 0 {
			continue
		}
		if last >= 0 {
			pairs++
			if sheets[i].number-sheets[last].number == i-last {
				agree++
				for j := last + 1; j < i; j++ {
					sheets[j].number = sheets[last].number + j - last
				}
			}
		}
		last = i
	}
	if last < 0 || pairs == 0 || agree*10 < pairs*9 {
		return
	}
	for j := last + 1; j < len(sheets); j++ {
		sheets[j].number = sheets[last].number + j - last
	}
	first := slices.IndexFunc(sheets, func(s sheet) bool { return s.number > 0 })
	for j := first - 1; j >= 0; j-- {
		if n := sheets[first].number - (first - j); n > 0 {
			sheets[j].number = n
		}
	}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

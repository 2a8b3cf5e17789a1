package parse

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// runningKind is what becomes of a line that recurs at page edges.
type runningKind int

const (
	notRunning runningKind = iota
	ornament               // repeated over the whole document: dropped
	chapter                // names the chapter of its page: kept as section, dropped as text
)

// How many lines at each edge of a page may be running headers or footers.
const (
	topLines    = 4
	bottomLines = 3
)

var (
	sectionNumber = regexp.MustCompile(`^(?:Kapitel |Chapter )?(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\p{Lu}`)
	edgeNumber    = regexp.MustCompile(`^\d{1,4}\s+|\s+\d{1,4}$`)
)

// edgeText is a line as it is compared across pages.
func edgeText(line string) string {
	s := oneLine(strings.TrimLeft(strings.TrimSpace(line), "#"))
	if n := utf8.RuneCountInString(s); n < 3 || n > 200 {
		return ""
	}
	if strings.HasPrefix(s, "<") || strings.HasPrefix(s, "|") || listMarker.MatchString(s) && !sectionNumber.MatchString(s) {
		return ""
	}
	return edgeNumber.ReplaceAllString(s, "")
}

// edges gives the indexes of the non-blank items at the top and bottom of a sheet.
func edges(s sheet) (top, bottom []int) {
	for i := 0; i < len(s.items) && len(top) < topLines; i++ {
		if strings.TrimSpace(s.items[i].text) != "" {
			top = append(top, i)
		}
	}
	for i := len(s.items) - 1; i >= 0 && len(bottom) < bottomLines; i-- {
		if strings.TrimSpace(s.items[i].text) != "" {
			bottom = append(bottom, i)
		}
	}
	return top, bottom
}

// findRunning finds lines that stand at the same place of at least three pages, most
// of them neighbours or next but one. A heading that happens to open several pages
// of a long document is scattered and is not one.
func findRunning(sheets []sheet) map[string]runningKind {
	if len(sheets) < 4 {
		return nil
	}
	type place struct{ sheet, position int }
	seen := map[string][]place{}
	for i, s := range sheets {
		top, bottom := edges(s)
		for p, at := range top {
			if t := edgeText(s.items[at].text); t != "" && !isBibliographyTitle(t) {
				seen[t] = append(seen[t], place{i, p})
			}
		}
		for p, at := range bottom {
			if p < len(top) && at <= top[len(top)-1] {
				continue // a short page: already seen from the top
			}
			if t := edgeText(s.items[at].text); t != "" && !isBibliographyTitle(t) {
				seen[t] = append(seen[t], place{i, -1 - p})
			}
		}
	}
	running := map[string]runningKind{}
	for t, places := range seen {
		if len(places) < 3 {
			continue
		}
		near, at, atTop := 0, map[int]int{}, 0
		most := 0
		for i, p := range places {
			if i > 0 && p.sheet-places[i-1].sheet <= 2 {
				near++
			}
			at[p.position]++
			most = max(most, at[p.position])
			if p.position >= 0 {
				atTop++
			}
		}
		if near*2 < len(places)-1 || most*5 < len(places)*4 {
			continue
		}
		switch {
		case atTop*2 > len(places) && sectionNumber.MatchString(t):
			running[t] = chapter
		case atTop*2 > len(places) && len(places)*5 < len(sheets)*2:
			running[t] = chapter
		default:
			running[t] = ornament
		}
	}
	return running
}

// stripRunning takes running lines off a sheet and gives the chapter its page is in,
// "" when the page does not say.
func stripRunning(s sheet, running map[string]runningKind) (sheet, string) {
	if len(running) == 0 {
		return s, ""
	}
	top, bottom := edges(s)
	drop := map[int]bool{}
	title := ""
	for _, at := range append(top, bottom...) {
		t := edgeText(s.items[at].text)
		switch running[t] {
		case ornament:
			drop[at] = true
		case chapter:
			drop[at] = true
			title = t
		case notRunning:
			drop[at] = joined(t, running)
		}
	}
	out := sheet{number: s.number}
	for i, it := range s.items {
		if !drop[i] {
			out.items = append(out.items, it)
		}
	}
	return out, title
}

// joined tells whether a line is two ornaments run together, as some converters
// leave them.
func joined(t string, running map[string]runningKind) bool {
	for i := range t {
		if t[i] == ' ' && running[t[:i]] == ornament && running[t[i+1:]] == ornament {
			return true
		}
	}
	return false
}

package ingest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
)

// Rebinding goes by what can stand alone: a row of a table, a sentence. Shorter ones
// recur by chance.
const leastWords = 25 // characters

// mostEarlier bounds the places a passage remembers.
const mostEarlier = 20

// Rebind tells of the passages of a new version where their words stood in an older
// one, which was called version. It gives the passages that have something to tell,
// by id. What the older passages remember goes on where they stand whole.
func Rebind(older, newer []rag.Passage, version string) map[string][]rag.Earlier {
	type home struct{ passage, at int }
	where := map[string][]home{} // a piece of the older version -> the passages that hold it
	whole := map[string]int{}    // folded text of a passage -> it
	for i, p := range older {
		whole[fold(p.Quoted)] = i
		for k, piece := range pieces(p) {
			where[piece] = append(where[piece], home{i, k})
		}
	}
	found := map[string][]rag.Earlier{}
	for _, p := range newer {
		var list []rag.Earlier
		place := func(i int) rag.Earlier {
			o := older[i]
			return rag.Earlier{Version: version, Page: o.Page, PageEnd: o.PageEnd, Section: o.Section}
		}
		folded := fold(p.Quoted)
		done := map[int]bool{}
		standing := func(i int) {
			done[i] = true
			e := place(i)
			e.SHA256 = older[i].SHA256
			if fold(older[i].Quoted) != folded {
				e.Words = older[i].Quoted
			}
			list = append(list, e)
			list = append(list, older[i].Earlier...)
		}
		if i, ok := whole[folded]; ok {
			standing(i)
		}
		var order []int
		shared := map[int][]string{}
		for _, piece := range pieces(p) {
			for _, h := range where[piece] {
				if !slices.Contains(order, h.passage) {
					order = append(order, h.passage)
				}
				shared[h.passage] = append(shared[h.passage], piece)
			}
		}
		for _, i := range order {
			switch {
			case done[i]:
			case strings.Contains(folded, fold(older[i].Quoted)):
				standing(i)
			default:
				e := place(i)
				e.Words = strings.Join(shared[i], "\n")
				list = append(list, e)
			}
		}
		if len(list) > 0 {
			found[p.ID] = list[:min(len(list), mostEarlier)]
		}
	}
	return found
}

// pieces gives the rows of a table, the sentences of a text, folded.
func pieces(p rag.Passage) []string {
	var list []string
	add := func(s string) {
		if s = fold(s); utf8.RuneCountInString(s) >= leastWords {
			list = append(list, s)
		}
	}
	if p.Kind == rag.Table {
		for row := range strings.Lines(p.Quoted) {
			add(row)
		}
		return list
	}
	text := fold(p.Quoted)
	start := 0
	for i, r := range text {
		if (r == '.' || r == ';' || r == '!' || r == '?') && i+1 < len(text) && text[i+1] == ' ' {
			add(text[start : i+1])
			start = i + 1
		}
	}
	add(text[start:])
	return list
}

// fold makes texts equal that differ in line breaks, and in words cut at them.
func fold(s string) string {
	var b strings.Builder
	space, hyphen := false, false
	for _, r := range s {
		switch {
		case r == '\t' && b.Len() > 0:
			b.WriteByte('\t')
			space, hyphen = false, false
		case unicode.IsSpace(r):
			if r == '\n' && strings.HasSuffix(b.String(), "-") {
				hyphen = true
			}
			space = true
		default:
			if space && b.Len() > 0 {
				if hyphen && unicode.IsLower(r) {
					joined := strings.TrimSuffix(b.String(), "-")
					b.Reset()
					b.WriteString(joined)
				} else if !strings.HasSuffix(b.String(), "\t") {
					b.WriteByte(' ')
				}
			}
			space, hyphen = false, false
			b.WriteRune(r)
		}
	}
	return b.String()
}

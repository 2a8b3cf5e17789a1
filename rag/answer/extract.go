package answer

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/rag"
)

// longestExcerpt bounds what is quoted of one passage, in bytes.
const longestExcerpt = 700

// excerpt gives the part of a passage that says most about a question: whole
// sentences or table rows in a row, verbatim. A passage that is short enough is
// quoted whole.
func excerpt(h rag.Hit, v Vocabulary, asked []string) (start, end int) {
	text := h.Passage.Quoted
	if len(text) <= longestExcerpt {
		return 0, len(text)
	}
	parts := pieces(text)
	worth := make([]int, len(parts))
	for i, p := range parts {
		worth[i] = relevance(text[p[0]:p[1]], h, v, asked)
	}
	best, from, to := -1, 0, 0
	for i := range parts {
		sum := 0
		for j := i; j < len(parts) && parts[j][1]-parts[i][0] <= longestExcerpt; j++ {
			sum += worth[j]
			if sum > best {
				best, from, to = sum, i, j
			}
		}
	}
	if best < 0 { // one piece that is longer than all we quote
		end := longestExcerpt
		for !utf8.RuneStart(text[end]) {
			end--
		}
		return 0, end
	}
	// What follows is quoted as far as there is room, up to the end of a sentence: the
	// words of a question often stand in the heading, and the answer below it.
	for i := min(parts[from][0]+longestExcerpt, len(text)); i > parts[to][1]; i-- {
		if ends(text, i) {
			return parts[from][0], i
		}
	}
	return parts[from][0], parts[to][1]
}

// ends tells whether a sentence, a paragraph or a row ends before i: after a full stop
// behind a word of four letters or more, which few abbreviations have.
func ends(text string, i int) bool {
	switch {
	case strings.TrimSpace(text[i-1:i]) == "":
		return false
	case i == len(text) || strings.HasPrefix(text[i:], "\n\n"):
		return true
	case row(text, i):
		return text[i] == '\n'
	}
	if !strings.ContainsAny(text[i-1:i], ".!?") || text[i] != ' ' && text[i] != '\n' {
		return false
	}
	word := text[strings.LastIndexAny(text[:i-1], " \n(")+1 : i-1]
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[i:], " \n"))
	return utf8.RuneCountInString(word) > 3 && !unicode.IsLower(next)
}

// row tells whether i lies in or behind a row of a table: the source's cells stand
// between tabs or bars. A part of a row may be a dose without its substance.
func row(text string, i int) bool {
	end := len(text)
	if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
		end = i + n
	}
	line := text[strings.LastIndexByte(text[:i], '\n')+1 : end]
	return strings.Contains(line, "\t") || strings.Contains(line, " | ")
}

// conceptDosing is what the table of concepts calls a question for a dose.
const conceptDosing = "dosing"

// ofDrug gives the passages that name a drug whose dose is asked for: the dose of
// another one is no answer. asked is false for any other question.
func ofDrug(hits []rag.Hit, q rag.Query, v Vocabulary) (naming []rag.Hit, asked bool) {
	if v == nil {
		return nil, false
	}
	var drugs []string
	dose := false
	for _, c := range q.Concepts {
		dose = dose || c.ID == conceptDosing
		if v.Kind(c.ID) == "drug" {
			drugs = append(drugs, c.ID)
		}
	}
	if !dose || len(drugs) == 0 {
		return nil, false
	}
	for _, h := range hits {
		for _, m := range v.Annotate(strings.Join(h.Passage.Section, "\n") + "\n" + h.Passage.Quoted) {
			if slices.Contains(drugs, m.Concept) {
				naming = append(naming, h)
				break
			}
		}
	}
	return naming, true
}

// relevance counts what a piece of text shares with the question.
func relevance(piece string, h rag.Hit, v Vocabulary, asked []string) int {
	n := 0
	low := strings.ToLower(piece)
	for _, m := range h.Matched {
		if strings.Contains(low, strings.ToLower(m.Term)) {
			n++
		}
	}
	if v != nil {
		seen := map[string]bool{}
		for _, m := range v.Annotate(piece) {
			if slices.Contains(asked, m.Concept) && !seen[m.Concept] {
				seen[m.Concept] = true
				n += 2
			}
		}
	}
	return n
}

// pieces cuts a text at line ends and after sentences, never within a row of a table,
// without the white space between. An abbreviation's point mostly stands before a lower-case letter or a
// digit and does not cut.
func pieces(text string) [][2]int {
	var list [][2]int
	add := func(from, to int) {
		s := text[from:to]
		from += len(s) - len(strings.TrimLeft(s, " \t\r\n"))
		to = from + len(strings.TrimSpace(s))
		if to > from {
			list = append(list, [2]int{from, to})
		}
	}
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			add(start, i)
			start = i + 1
		case '.', '!', '?':
			if i-start > 40 && i+2 < len(text) && text[i+1] == ' ' && (text[i+2] >= 'A' && text[i+2] <= 'Z' || text[i+2] >= 0x80) && !row(text, i) {
				add(start, i+1)
				start = i + 1
			}
		}
	}
	add(start, len(text))
	return list
}

// spread keeps the best passages, at most three of one section, best first.
func spread(hits []rag.Hit, n int) []rag.Hit {
	count := map[string]int{}
	var list []rag.Hit
	for _, h := range hits {
		key := h.Document.ID + "\x00" + strings.Join(h.Passage.Section, "\x00")
		if count[key] >= 3 {
			continue
		}
		count[key]++
		if list = append(list, h); len(list) == n {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b rag.Hit) int { return cmp.Compare(b.Score, a.Score) })
	return list
}

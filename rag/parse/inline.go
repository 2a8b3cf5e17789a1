package parse

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// A tag starts with a letter, so that "<10 ml/min" stays text.
	inlineTag  = regexp.MustCompile(`</?[a-zA-Z!][^<>]*>`)
	inlineLink = regexp.MustCompile(`!?\[([^\[\]\n]*)\]\([^()\s]*(?:\s+"[^"\n]*")?\)`)
	escapes    = strings.NewReplacer(`\*`, `*`, `\_`, `_`, `\#`, `#`, `\[`, `[`, `\]`, `]`, `\|`, `|`, `\<`, `<`, `\>`, `>`, `\-`, `-`, `\+`, `+`, `\.`, `.`, `\(`, `(`, `\)`, `)`, "\\`", "`", `\~`, `~`, `\\`, `\`)
)

// plain gives the text of a line of Markdown: tags, emphasis, code marks and link
// targets go, words and signs stay. Asterisks that mark footnotes stay too.
func plain(s string) string {
	if strings.ContainsAny(s, "<") {
		s = inlineTag.ReplaceAllString(s, "")
	}
	if strings.Contains(s, "](") {
		s = inlineLink.ReplaceAllString(s, "$1")
	}
	if strings.ContainsAny(s, "*_`") {
		s = emphasis(s)
	}
	if strings.Contains(s, `\`) {
		s = escapes.Replace(s)
	}
	if strings.Contains(s, "&") {
		s = html.UnescapeString(s)
	}
	return strings.Trim(s, " \t")
}

// emphasis takes away paired runs of *, _ and `, by the flanking rules of CommonMark
// ("Emphasis and strong emphasis"); a run that does not pair is text.
func emphasis(s string) string {
	type run struct {
		at, n       int
		c           byte
		opens, ends bool
	}
	var runs []run
	for i := 0; i < len(s); {
		c := s[i]
		if c != '*' && c != '_' && c != '`' || i > 0 && s[i-1] == '\\' {
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] == c {
			j++
		}
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[j:])
		if i == 0 {
			before = ' '
		}
		if j == len(s) {
			after = ' '
		}
		r := run{at: i, n: j - i, c: c}
		r.opens = !unicode.IsSpace(after) && (!punct(after) || unicode.IsSpace(before) || punct(before))
		r.ends = !unicode.IsSpace(before) && (!punct(before) || unicode.IsSpace(after) || punct(after))
		if c == '_' { // never within a word
			r.opens, r.ends = r.opens && (!r.ends || punct(before)), r.ends && (!r.opens || punct(after))
		}
		if c == '`' {
			r.opens, r.ends = true, true
		}
		runs = append(runs, r)
		i = j
	}
	var drop []run
	open := map[[2]int]int{} // kind and length of run -> index of the last opener
	for i, r := range runs {
		key := [2]int{int(r.c), r.n}
		if at, ok := open[key]; ok && r.ends {
			drop = append(drop, runs[at], r)
			delete(open, key)
			continue
		}
		if r.opens {
			open[key] = i
		}
	}
	if len(drop) == 0 {
		return s
	}
	gone := make([]bool, len(s))
	for _, r := range drop {
		for k := r.at; k < r.at+r.n; k++ {
			gone[k] = true
		}
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if !gone[i] {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func punct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

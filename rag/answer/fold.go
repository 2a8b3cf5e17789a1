package answer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text as quotes are compared: without soft hyphens, line breaks,
// letter case and the many forms of dashes and quotation marks. at holds for each
// byte the offset in the source of what gave it, and one more for the end.
type folded struct {
	text string
	at   []int
}

// hyphens says what becomes of a hyphen at the end of a line: part of the layout
// ("Thera-\npie"), or of the word ("Penicillin-\nAllergie"). A text does not tell,
// so both are tried.
type hyphens bool

const (
	joinLines  hyphens = false
	keepHyphen hyphens = true
)

func fold(s string, mode hyphens) folded {
	var b strings.Builder
	b.Grow(len(s))
	f := folded{at: make([]int, 0, len(s)+1)}
	emit := func(text string, offset int) {
		for range len(text) {
			f.at = append(f.at, offset)
		}
		b.WriteString(text)
	}
	space := -1 // offset of white space not yet written
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && width == 1, r == '\u00ad', r == '\u200b', r == '\ufeff':
			i += width
			continue
		case unicode.IsSpace(r):
			if space < 0 {
				space = i
			}
			i += width
			continue
		}
		if space >= 0 {
			if b.Len() > 0 {
				emit(" ", space)
			}
			space = -1
		}
		if r == '-' || r == '\u2010' {
			if after, broken := lineEnd(s[i+width:]); broken {
				if mode == keepHyphen {
					emit("-", i)
				}
				i += width + after
				continue
			}
		}
		// A letter and the marks that follow it are one: "u" and U+0308 are "ü".
		if n := norm.NFKC.NextBoundaryInString(s[i:], true); n > width {
			width = n
		}
		emit(strings.ToLower(strings.Map(plain, norm.NFKC.String(s[i:i+width]))), i)
		i += width
	}
	f.at = append(f.at, len(s))
	f.text = b.String()
	return f
}

// lineEnd tells whether s begins with the end of a line, and how long it is, with
// the indent of the next line.
func lineEnd(s string) (length int, ok bool) {
	for i, r := range s {
		switch {
		case r == '\n':
			ok = true
		case !unicode.IsSpace(r):
			return i, ok
		}
	}
	return len(s), ok
}

func plain(r rune) rune {
	switch {
	case r >= '\u2010' && r <= '\u2014', r == '\u2212':
		return '-'
	case strings.ContainsRune("„“”«»″", r):
		return '"'
	case strings.ContainsRune("‚‘’‹›′", r):
		return '\''
	case r == '\u03bc': // Greek mu, which NFKC makes of the micro sign
		return 'µ'
	}
	return r
}

// shortest is how many characters a quotation must have to say anything.
const shortest = 12

// Find looks for a quotation in a text, word for word up to letter case, line
// breaks and the form of dashes and quotation marks. It gives the byte range of
// the text, whose own words are what is shown.
func Find(quote, text string) (start, end int, ok bool) {
	q := strings.TrimSpace(fold(quote, joinLines).text)
	if utf8.RuneCountInString(q) < shortest {
		return 0, 0, false
	}
	for _, mode := range []hyphens{joinLines, keepHyphen} {
		f := fold(text, mode)
		for from := 0; ; {
			i := strings.Index(f.text[from:], q)
			if i < 0 {
				break
			}
			i += from
			if whole(f.text, i) && whole(f.text, i+len(q)) {
				return f.at[i], sourceEnd(text, f.at, i+len(q)), true
			}
			from = i + 1
		}
	}
	return 0, 0, false
}

// sourceEnd gives the offset behind what the last folded byte came from, without
// white space that was dropped after it.
func sourceEnd(text string, at []int, i int) int {
	return len(strings.TrimRightFunc(text[:at[i]], unicode.IsSpace))
}

// whole tells whether a cut at i parts no word or number: "5 mg" is not in "25 mg".
func whole(s string, i int) bool {
	return i <= 0 || i >= len(s) || !wordByte(s[i-1]) || !wordByte(s[i])
}

func wordByte(b byte) bool {
	return b >= 0x80 || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

package stewardship

import (
	"strings"
	"unicode"
)

// Folded is a text in the one spelling in which names are compared, with the way
// back to the original.
type Folded struct {
	Text string
	at   []int // byte offset in the original for each byte of Text, and one for the end
}

// Origin gives the byte offset in the original of a byte of Text.
func (f Folded) Origin(i int) int { return f.at[i] }

// Fold gives the comparable spelling of s.
func Fold(s string) string { return FoldText(s).Text }

// FoldText lower-cases, spells umlauts out, and maps what German and English spell
// differently: k and z to c, ph to f, th to t, y to i. Blanks, slashes, hyphens,
// plus and ampersand become one blank; trade mark signs and soft hyphens go.
func FoldText(s string) Folded {
	text := make([]byte, 0, len(s))
	at := make([]int, 0, len(s)+1)
	put := func(from int, add string) {
		for range len(add) {
			at = append(at, from)
		}
		text = append(text, add...)
	}
	for i, r := range s {
		last := byte(0)
		if len(text) > 0 {
			last = text[len(text)-1]
		}
		r = unicode.ToLower(r)
		if spelled, ok := spellings[r]; ok {
			put(i, spelled)
			continue
		}
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune("/+-&–—‐‑", r):
			if last != ' ' && len(text) > 0 {
				put(i, " ")
			}
		case r == '\u00ad' || r == '®' || r == '™':
		case r == 'h' && last == 'p':
			text[len(text)-1] = 'f'
		case r == 'h' && last == 't':
		default:
			put(i, string(r))
		}
	}
	if n := len(text); n > 0 && text[n-1] == ' ' {
		text, at = text[:n-1], at[:n-1]
	}
	return Folded{Text: string(text), at: append(at, len(s))}
}

var spellings = map[rune]string{
	'ä': "ae", 'æ': "ae", 'ö': "oe", 'œ': "oe", 'ü': "ue", 'ß': "ss", 'é': "e", 'è': "e", 'ê': "e", 'á': "a", 'à': "a", 'â': "a",
	'í': "i", 'ó': "o", 'ô': "o", 'k': "c", 'z': "c", 'y': "i",
}

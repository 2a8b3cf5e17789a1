package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SummaryLimit is the number of characters a card summary may have: CDS Hooks
// 2.0.1 asks for fewer than 140, counted as characters and not as bytes.
const SummaryLimit = 139

// Plain makes one line of text that nobody can hide anything in: control,
// bidirectional, zero-width and tag characters go, white space becomes single
// spaces.
func plain(s string) string {
	if isPlain(s) {
		return s
	}
	return squeeze(s)
}

func squeeze(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case r > ' ' && r < 0x7f:
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case hidden(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isPlain tells that plain would change nothing, as with most texts.
func isPlain(s string) bool {
	space := true // none may come first
	for _, r := range s {
		switch {
		case r == ' ':
			if space {
				return false
			}
			space = true
			continue
		case r > ' ' && r < 0x7f:
		case unicode.IsSpace(r) || hidden(r):
			return false
		}
		space = false
	}
	return s == "" || !space
}

// hidden tells characters that change how a text reads without being seen.
func hidden(r rune) bool {
	if r > 0xa0 && r < 0x300 {
		return r == 0xad // letters and signs, but for the soft hyphen
	}
	return r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r >= 0xFE00 && r <= 0xFE0F
}

// label makes a line for a place that is plain text by the specification, and
// that some client may show as HTML all the same: what could open a tag does not.
func label(s string) string {
	s = plain(s)
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '<' && i+1 < len(s) && (s[i+1] == '/' || s[i+1] == '!' || s[i+1] == '?' || s[i+1]|0x20 >= 'a' && s[i+1]|0x20 <= 'z') {
			b.WriteString("‹")
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// summary cuts a line at a word so that it stays under the limit of a card.
func summary(s string) string {
	s = label(s)
	if utf8.RuneCountInString(s) <= SummaryLimit {
		return s
	}
	runes := []rune(s)[:SummaryLimit-1]
	cut := len(runes)
	for i := len(runes) - 1; i > len(runes)/2; i-- {
		if runes[i] == ' ' {
			cut = i
			break
		}
	}
	return strings.TrimRight(string(runes[:cut]), " ,;:–-") + "…"
}

// escape makes foreign text safe inside a line of GitHub-Flavored Markdown: it
// can form no HTML, link, image, code, table cell or emphasis, and no address in
// it becomes a link by itself (GFM 0.29, sections 2.4, 6.9, "Autolinks
// extension"). Text of ours is never escaped.
func escape(s string) string {
	s = plain(s)
	if !strings.ContainsAny(s, "\\`<[]|*_~&!:@.") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '\\', '`', '<', '[', ']', '|', '*', '_', '~':
			b.WriteByte('\\')
		case '&':
			// An entity would be decoded by the reader.
			if i+1 < len(s) && (s[i+1] == '#' || s[i+1]|0x20 >= 'a' && s[i+1]|0x20 <= 'z') {
				b.WriteByte('\\')
			}
		case '!':
			if i+1 < len(s) && s[i+1] == '[' {
				b.WriteByte('\\')
			}
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				b.WriteByte('\\')
			}
		case '@':
			b.WriteByte('\\')
		case '.':
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// quote writes a verbatim passage as a block quote, its lines escaped, kept from
// turning into headings or lists, and broken where the passage breaks them.
func quote(indent, s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		line = escape(line)
		if line == "" {
			if n := len(lines); n > 0 && lines[n-1] != "" {
				lines = append(lines, "")
			}
			continue
		}
		lines = append(lines, guard(line))
	}
	for n := len(lines); n > 0 && lines[n-1] == ""; n = len(lines) {
		lines = lines[:n-1]
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(indent + ">")
		if line != "" {
			b.WriteString(" " + line)
		}
		if i+1 < len(lines) {
			if line != "" && lines[i+1] != "" {
				b.WriteString("  ") // a line break that plain text does not show (GFM, section 6.12)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// guard escapes what would begin a block at the start of a line.
func guard(line string) string {
	switch line[0] {
	case '#', '>', '+', '-', '=':
		return "\\" + line
	}
	digits := 0
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	if digits > 0 && digits < len(line) && (line[digits] == '.' || line[digits] == ')') {
		return line[:digits] + "\\" + line[digits:]
	}
	return line
}

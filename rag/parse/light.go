package parse

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	rule       = regexp.MustCompile(`^ {0,3}(?:-[ \t]*){3,}$|^ {0,3}(?:\*[ \t]*){3,}$|^ {0,3}(?:_[ \t]*){3,}$|^\s*=+[ \t]*$`)
	atxLine    = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$`)
	listMarker = regexp.MustCompile(`^\s*(?:[-*+•●▪◦‣–−]|\d{1,3}[.)]|\(?[a-z]\))\s+\S`)
	openTable  = regexp.MustCompile(`(?i)<table\b`)
	closeTable = regexp.MustCompile(`(?i)</table\s*>`)
	comment    = regexp.MustCompile(`^\s*<!--.*-->\s*$`)
	wideGap    = regexp.MustCompile(`\S\s{3,}\S`)
	fence      = regexp.MustCompile("^ {0,3}(?:```|~~~)")
)

// light reads the lines of one document that is Markdown or plain text. Both go by
// one grammar, because real files mix them: pipe tables in plain text, HTML tables
// in Markdown.
type light struct {
	plain  bool // no heading is marked: they are recognised by their looks
	double bool // every line is followed by an empty one, as PDF extraction leaves it
	width  int  // of a full line, in runes
	known  map[string]bool
	title  string // chapter last seen
}

func readLight(source string, plainText bool) []pageBlocks {
	lines := strings.Split(frontMatter(source), "\n")
	items := make([]item, 0, len(lines))
	for i, line := range lines {
		if strings.Contains(line, "\f") {
			for k, part := range strings.Split(line, "\f") {
				if k > 0 {
					items = append(items, item{brk: true, feed: true})
				}
				items = append(items, item{text: part})
			}
			continue
		}
		items = append(items, item{text: line, brk: rule.MatchString(line) && !underlines(lines, i)})
	}
	sheets := paginate(items)
	running := findRunning(sheets)
	l := &light{plain: plainText, known: map[string]bool{}}
	l.measure(lines)
	pages := make([]pageBlocks, 0, len(sheets))
	for _, s := range sheets {
		body, title := stripRunning(s, running)
		page := pageBlocks{number: s.number}
		if title != "" && title != l.title {
			// The first time it is the chapter's own heading, later a running header.
			page.blocks = append(page.blocks, block{kind: heading, text: title, silent: l.known[title]})
			l.known[title] = true
			l.title = title
		}
		text := make([]string, len(body.items))
		for i, it := range body.items {
			text[i] = it.text
		}
		page.blocks = append(page.blocks, l.scan(text)...)
		pages = append(pages, page)
	}
	return pages
}

// frontMatter drops a YAML header.
func frontMatter(source string) string {
	if !strings.HasPrefix(source, "---\n") {
		return source
	}
	head := source[4:min(len(source), 8<<10)]
	end := strings.Index(head, "\n---\n")
	if end < 0 {
		return source
	}
	for _, line := range strings.Split(head[:end], "\n") {
		if strings.TrimSpace(line) == "" || !strings.Contains(line, ":") && !strings.HasPrefix(strings.TrimSpace(line), "-") {
			return source
		}
	}
	return head[end+5:] + source[4+len(head):]
}

// underlines tells whether line i is the underline of a Setext heading.
func underlines(lines []string, i int) bool {
	s := strings.TrimSpace(lines[i])
	if i == 0 || len(s) < 3 || s[0] != '=' && s[0] != '-' || strings.ContainsAny(s, " \t") {
		return false
	}
	above := strings.TrimSpace(lines[i-1])
	return above != "" && len(above) < 200 && !strings.HasPrefix(above, "#") && !pageLine.MatchString(above) &&
		!strings.ContainsAny(above, "|<") && (i == 1 || strings.TrimSpace(lines[i-2]) == "")
}

func (l *light) measure(lines []string) {
	var widths []int
	followed, filled := 0, 0
	for i, line := range lines {
		n := utf8.RuneCountInString(strings.TrimSpace(line))
		if n == 0 {
			continue
		}
		widths = append(widths, n)
		if n > 50 {
			filled++
			if i+1 < len(lines) && strings.TrimSpace(lines[i+1]) == "" {
				followed++
			}
		}
	}
	if len(widths) == 0 {
		return
	}
	slices.Sort(widths)
	l.width = widths[len(widths)*9/10]
	l.double = l.plain && filled > 20 && followed*10 > filled*6 && l.width < 160
}

// scan finds the blocks of one page.
func (l *light) scan(lines []string) []block {
	var blocks []block
	for i := 0; i < len(lines); {
		line := lines[i]
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || comment.MatchString(line) || fence.MatchString(line):
			i++
		case openTable.MatchString(line):
			var more []block
			more, i = htmlTableAt(lines, i)
			blocks = append(blocks, more...)
		case atxLine.MatchString(line):
			m := atxLine.FindStringSubmatch(line)
			blocks = append(blocks, headingOr(plain(m[2]), len(m[1])))
			i++
		case i+1 < len(lines) && underlines(lines, i+1):
			level := 2
			if strings.HasPrefix(strings.TrimSpace(lines[i+1]), "=") {
				level = 1
			}
			blocks = append(blocks, headingOr(plain(trimmed), level))
			i += 2
		case isPipeTable(lines, i):
			var b block
			b, i = pipeTableAt(lines, i)
			blocks = append(blocks, b)
		case l.plain && l.plainHeading(lines, i):
			blocks = append(blocks, block{kind: heading, level: plainLevel(trimmed), text: trimmed})
			i++
		case listMarker.MatchString(line):
			var b block
			b, i = l.run(lines, i, listItem)
			blocks = append(blocks, b)
		default:
			var b block
			b, i = l.run(lines, i, paragraph)
			blocks = append(blocks, b)
		}
	}
	return slices.DeleteFunc(blocks, func(b block) bool { return b.kind != tableBlock && strings.TrimSpace(b.text) == "" })
}

// headingOr gives a heading, or a paragraph where a converter marked as heading what
// is none: a bare number, a bullet, a whole paragraph.
func headingOr(text string, level int) block {
	letters := 0
	for _, r := range text {
		if r > '9' {
			letters++
		}
	}
	if letters < 2 || utf8.RuneCountInString(text) > 400 {
		return block{kind: paragraph, text: text}
	}
	if strings.HasPrefix(text, "•") || strings.HasPrefix(text, "- ") {
		return block{kind: listItem, text: text}
	}
	return block{kind: heading, level: level, text: text}
}

// run takes the lines of a paragraph or list item that starts at line i.
func (l *light) run(lines []string, i int, kind blockKind) (block, int) {
	taken := []string{plain(lines[i])}
	last := strings.TrimSpace(lines[i])
	for i++; i < len(lines); i++ {
		line := lines[i]
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			if !l.double || i+1 >= len(lines) || strings.TrimSpace(lines[i+1]) == "" || l.paragraphEnds(last) || l.plainHeading(lines, i+1) {
				break
			}
			continue
		}
		if listMarker.MatchString(line) && (kind == listItem || l.double || strings.HasSuffix(last, ":") || strings.ContainsRune("-*+•●▪◦‣", firstRune(trimmed))) ||
			atxLine.MatchString(line) || openTable.MatchString(line) || isPipeTable(lines, i) ||
			i+1 < len(lines) && underlines(lines, i+1) {
			break
		}
		taken = append(taken, plain(line))
		last = trimmed
	}
	return block{kind: kind, text: strings.Join(taken, "\n")}, i
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// paragraphEnds tells whether a line of a double-spaced text closes its paragraph: it
// is clearly short and ends a sentence.
func (l *light) paragraphEnds(line string) bool {
	return utf8.RuneCountInString(line)*4 < l.width*3 && strings.ContainsAny(line[len(line)-1:], ".!?:")
}

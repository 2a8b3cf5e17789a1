package parse

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// htmlReader reads tokens rather than a tree: it stays linear in the size of its
// input and cannot be made to recurse.
type htmlReader struct {
	z     *html.Tokenizer
	items []item
	title string

	text  strings.Builder
	space bool // white space is due before the next word
	kind  blockKind
	level int
	pre   int

	skip      string // element whose content is dropped, with how often it is open
	skipDepth int

	tables   int // nesting; only the outermost is a table, inner ones are its text
	grid     grid
	cells    []cell
	rowspans []int
	inCell   bool
	cellSpan [2]int // columns, rows
	heads    int    // header cells of the current row
	thead    bool
	caption  string
}

func newHTMLReader(source string) *htmlReader {
	return &htmlReader{z: html.NewTokenizer(strings.NewReader(source))}
}

// readHTML reads a whole HTML document.
func readHTML(source string) ([]pageBlocks, string) {
	r := newHTMLReader(source)
	r.read()
	sheets := paginate(r.items)
	running := findRunning(sheets)
	chapterTitle, known := "", map[string]bool{}
	var pages []pageBlocks
	for _, s := range sheets {
		body, title := stripRunning(s, running)
		page := pageBlocks{number: s.number}
		if title != "" && title != chapterTitle {
			page.blocks = append(page.blocks, block{kind: heading, text: title, silent: known[title]})
			known[title], chapterTitle = true, title
		}
		for _, it := range body.items {
			if it.block != nil {
				page.blocks = append(page.blocks, *it.block)
			}
		}
		pages = append(pages, page)
	}
	return pages, r.title
}

var pageAnchor = regexp.MustCompile(`^(?i:page|seite|pg|p)[-_]?(\d{1,4})$`)

var dropped = map[string]bool{"script": true, "style": true, "noscript": true, "template": true, "iframe": true,
	"object": true, "nav": true, "svg": true, "math": true, "button": true, "select": true, "textarea": true, "form": true}

var blockElements = map[string]bool{"p": true, "div": true, "section": true, "article": true, "main": true, "header": true,
	"footer": true, "aside": true, "blockquote": true, "pre": true, "ul": true, "ol": true, "li": true, "dl": true, "dt": true,
	"dd": true, "figure": true, "figcaption": true, "address": true, "body": true, "html": true, "head": true, "fieldset": true,
	"details": true, "summary": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true}

var voidElements = map[string]bool{"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true,
	"input": true, "link": true, "meta": true, "source": true, "track": true, "wbr": true}

func (r *htmlReader) read() {
	inTitle := false
	for {
		switch r.z.Next() {
		case html.ErrorToken:
			r.closeTable()
			r.flush()
			return
		case html.TextToken:
			if inTitle {
				r.title = oneLine(r.title + " " + string(r.z.Text()))
			} else if r.skip == "" {
				r.write(string(r.z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attrs := r.tag()
			if r.skip != "" {
				if name == r.skip {
					r.skipDepth++
				}
				continue
			}
			if name == "title" {
				inTitle = true
				continue
			}
			if !voidElements[name] && (dropped[name] || hidden(attrs)) {
				r.skip, r.skipDepth = name, 1
				continue
			}
			r.open(name, attrs)
		case html.EndTagToken:
			b, _ := r.z.TagName()
			name := string(b)
			if r.skip != "" {
				if name == r.skip {
					if r.skipDepth--; r.skipDepth == 0 {
						r.skip = ""
					}
				}
				continue
			}
			if name == "title" {
				inTitle = false
				continue
			}
			r.close(name)
		}
	}
}

func (r *htmlReader) tag() (string, map[string]string) {
	b, more := r.z.TagName()
	name := string(b)
	var attrs map[string]string
	for n := 0; more && n < 64; n++ {
		var k, v []byte
		k, v, more = r.z.TagAttr()
		switch key := string(k); key {
		case "hidden", "style", "aria-hidden", "id", "name", "data-page", "data-page-number", "colspan", "rowspan":
			if attrs == nil {
				attrs = map[string]string{}
			}
			attrs[key] = string(v)
		}
	}
	return name, attrs
}

func hidden(attrs map[string]string) bool {
	if attrs == nil {
		return false
	}
	if _, ok := attrs["hidden"]; ok {
		return true
	}
	style := strings.ToLower(strings.ReplaceAll(attrs["style"], " ", ""))
	return attrs["aria-hidden"] == "true" || strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}

func (r *htmlReader) open(name string, attrs map[string]string) {
	if r.tables == 0 {
		if page := pageOf(attrs); page != "" {
			r.flush()
			r.items = append(r.items, item{text: "<!-- page " + page + " -->"})
		}
	}
	switch name {
	case "br":
		r.text.WriteByte('\n')
		r.space = false
	case "hr":
		r.flush()
		if r.tables == 0 {
			r.items = append(r.items, item{brk: true})
		}
	case "table":
		if r.tables == 0 {
			r.flush()
			r.grid, r.caption, r.thead = grid{}, "", false
		}
		r.tables++
	case "thead":
		r.thead = r.tables == 1
	case "tbody", "tfoot":
		if r.tables == 1 {
			r.closeRow()
			r.thead = false
		}
	case "tr":
		if r.tables == 1 {
			r.closeRow()
			r.flushCaption()
		}
	case "td", "th":
		if r.tables != 1 {
			r.space = true
			return
		}
		r.closeCell()
		r.flushCaption()
		r.inCell = true
		r.cellSpan = [2]int{atoi(attrs["colspan"]), atoi(attrs["rowspan"])}
		if name == "th" {
			r.heads++
		}
	default:
		if !blockElements[name] {
			return
		}
		if r.tables > 0 {
			r.lineBreak()
			return
		}
		r.flush()
		switch {
		case name == "li" || name == "dd":
			r.kind = listItem
		case len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6':
			r.kind, r.level = heading, int(name[1]-'0')
		case name == "pre":
			r.pre++
		}
	}
}

func pageOf(attrs map[string]string) string {
	for _, key := range []string{"data-page", "data-page-number"} {
		if n := atoi(attrs[key]); n > 0 && n < 10000 {
			return attrs[key]
		}
	}
	for _, key := range []string{"id", "name"} {
		if m := pageAnchor.FindStringSubmatch(attrs[key]); m != nil {
			return m[1]
		}
	}
	return ""
}

func (r *htmlReader) close(name string) {
	switch name {
	case "table":
		if r.tables == 1 {
			r.closeTable()
		} else if r.tables > 1 {
			r.tables--
		}
	case "tr":
		if r.tables == 1 {
			r.closeRow()
		}
	case "td", "th":
		if r.tables == 1 {
			r.closeCell()
		} else {
			r.space = true
		}
	case "thead":
		if r.tables == 1 {
			r.closeRow()
			r.thead = false
		}
	case "caption":
		r.flushCaption()
	case "pre":
		r.pre = max(0, r.pre-1)
		r.flush()
	default:
		if !blockElements[name] {
			return
		}
		if r.tables > 0 {
			r.lineBreak()
			return
		}
		r.flush()
	}
}

// write adds text, white space collapsed outside pre.
func (r *htmlReader) write(s string) {
	if r.pre > 0 && r.tables == 0 {
		r.text.WriteString(s)
		return
	}
	for i, w := range strings.FieldsFunc(s, isHTMLSpace) {
		if i > 0 || r.space || isHTMLSpace(rune(s[0])) {
			r.gap()
		}
		r.text.WriteString(w)
		r.space = false
	}
	if s != "" && isHTMLSpace(rune(s[len(s)-1])) {
		r.space = true
	}
}

func (r *htmlReader) gap() {
	if n := r.text.Len(); n > 0 && !strings.HasSuffix(r.text.String()[n-1:], "\n") {
		r.text.WriteByte(' ')
	}
}

func (r *htmlReader) lineBreak() {
	if n := r.text.Len(); n > 0 && !strings.HasSuffix(r.text.String()[n-1:], "\n") {
		r.text.WriteByte('\n')
	}
	r.space = false
}

func isHTMLSpace(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\f' || r == '\r' }

func (r *htmlReader) take() string {
	s := strings.TrimSpace(r.text.String())
	r.text.Reset()
	r.space = false
	return s
}

func (r *htmlReader) flush() {
	if r.tables > 0 {
		return
	}
	text := r.take()
	if text != "" {
		b := block{kind: r.kind, level: r.level, text: text}
		if r.kind == heading {
			b = headingOr(oneLine(text), r.level)
		}
		r.items = append(r.items, item{text: text, block: &b})
	}
	r.kind, r.level = paragraph, 0
}

// flushCaption takes text of a table that stands outside its cells.
func (r *htmlReader) flushCaption() {
	if r.tables != 1 || r.inCell {
		return
	}
	if text := r.take(); text != "" {
		r.caption = strings.TrimSpace(r.caption + "\n" + text)
	}
}

func (r *htmlReader) closeCell() {
	if !r.inCell {
		return
	}
	r.cells = append(r.cells, cell{text: r.take(), span: r.cellSpan[0]})
	r.rowspans = append(r.rowspans, r.cellSpan[1])
	r.inCell = false
}

func (r *htmlReader) closeRow() {
	r.closeCell()
	if len(r.cells) > 0 {
		r.grid.addRow(r.cells, r.rowspans, r.thead || r.heads == len(r.cells))
	}
	r.cells, r.rowspans, r.heads = nil, nil, 0
}

func (r *htmlReader) closeTable() {
	if r.tables == 0 {
		return
	}
	r.tables = 1
	r.closeRow()
	r.flushCaption()
	r.tables = 0
	if r.caption != "" {
		r.items = append(r.items, item{text: r.caption, block: &block{kind: paragraph, text: r.caption}})
	}
	if b, ok := r.grid.table(oneLine(r.caption)); ok {
		r.items = append(r.items, item{text: "<table>", block: &b})
	}
	r.grid, r.caption, r.thead = grid{}, "", false
}

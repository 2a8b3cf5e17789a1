package parse

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Bounds of an archive (SAFETY T6).
const (
	maxMembers = 1000
	maxRatio   = 100      // of inflated to packed
	maxMember  = 64 << 20 // inflated bytes of the one part that is read at a time
	smallPart  = 1 << 20  // below it the ratio does not matter: empty forms pack well
	maxDepth   = 200      // of elements
)

// readDOCX reads a Word document: paragraphs with their styles, lists and tables.
// What is deleted, hidden or a field's instruction is left out. Its pages are made
// by the program that shows it, so it has none.
func readDOCX(data []byte) (*Document, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, Refuse(NoDocument)
	}
	if len(archive.File) > maxMembers {
		return nil, Refuse(ArchiveBomb)
	}
	parts := map[string]*zip.File{}
	var total uint64
	for _, f := range archive.File {
		if strings.Contains(f.Name, `\`) || path.IsAbs(f.Name) || strings.Contains("/"+f.Name+"/", "/../") {
			return nil, Refuse(ArchivePath)
		}
		if total += f.UncompressedSize64; total > 8*maxMember || f.UncompressedSize64 > smallPart && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
			return nil, Refuse(ArchiveBomb)
		}
		parts[f.Name] = f
	}
	main := parts["word/document.xml"]
	if main == nil {
		return nil, Refuse(NoDocument)
	}
	r := docxReader{styles: map[string]docxStyle{}}
	if f := parts["word/styles.xml"]; f != nil {
		raw, err := inflate(f)
		if err != nil {
			return nil, err
		}
		r.readStyles(raw)
	}
	title := ""
	if f := parts["docProps/core.xml"]; f != nil {
		if raw, err := inflate(f); err == nil {
			title = coreTitle(raw)
		}
	}
	raw, err := inflate(main)
	if err != nil {
		return nil, err
	}
	if err := r.read(raw); err != nil {
		return nil, err
	}
	doc := &Document{Format: DOCX, Title: title}
	doc.lay([]pageBlocks{{blocks: r.blocks}})
	if len(doc.Pages[0].Text) > MaxText {
		return nil, Refuse(TooMuchText)
	}
	return doc, nil
}

// inflate unpacks a member, whatever its header says of its size.
func inflate(f *zip.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, Refuse(NoDocument)
	}
	defer in.Close()
	limit := min(maxMember, max(smallPart, int64(min(f.CompressedSize64, maxMember))*maxRatio))
	raw, err := io.ReadAll(io.LimitReader(in, limit+1))
	if int64(len(raw)) > limit {
		return nil, Refuse(ArchiveBomb)
	}
	if err != nil {
		return nil, Refuse(DamagedWord)
	}
	return raw, nil
}

func coreTitle(raw []byte) string {
	var core struct {
		Title string `xml:"title"`
	}
	if xml.Unmarshal(raw, &core) != nil {
		return ""
	}
	return oneLine(core.Title)
}

type docxStyle struct {
	heading int // level, 0 when it is none
	list    bool
	base    string
}

// readStyles learns which styles are headings. Names of built-in styles are English
// in every language of Word.
func (r *docxReader) readStyles(raw []byte) {
	var sheet struct {
		Styles []struct {
			ID   string `xml:"styleId,attr"`
			Name struct {
				Val string `xml:"val,attr"`
			} `xml:"name"`
			Based struct {
				Val string `xml:"val,attr"`
			} `xml:"basedOn"`
			Outline *struct {
				Val string `xml:"val,attr"`
			} `xml:"pPr>outlineLvl"`
			Num *struct{} `xml:"pPr>numPr"`
		} `xml:"style"`
	}
	if xml.Unmarshal(raw, &sheet) != nil {
		return // read without headings rather than not at all
	}
	for _, s := range sheet.Styles {
		style := docxStyle{base: s.Based.Val, list: s.Num != nil}
		name := strings.ToLower(s.Name.Val)
		if n, ok := strings.CutPrefix(name, "heading "); ok {
			style.heading = min(max(atoi(n), 0), 9)
		} else if s.Outline != nil {
			if n, err := strconv.Atoi(s.Outline.Val); err == nil && n >= 0 && n < 9 {
				style.heading = n + 1
			}
		} else if name == "title" {
			style.heading = 1
		}
		r.styles[s.ID] = style
	}
}

// level gives the heading level of a style, its own or that of the one it is based on.
func (r *docxReader) level(id string) int {
	for range 10 {
		s, ok := r.styles[id]
		if !ok {
			return 0
		}
		if s.heading > 0 {
			return s.heading
		}
		id = s.base
	}
	return 0
}

type docxReader struct {
	styles map[string]docxStyle
	blocks []block

	// The paragraph being read.
	text   strings.Builder
	style  string
	level0 int
	list   bool
	hidden bool // the run is

	tables []*docxTable // open ones, innermost last
}

type docxTable struct {
	grid   grid
	cells  []cell
	header bool     // of the row
	merges []string // per cell of the row: "", "restart", "continue"
	open   strings.Builder
	span   int
	merge  string
	rows   []docxRow
}

type docxRow struct {
	cells  []cell
	merges []string
	header bool
}

// skipped are elements whose text is not part of what a reader sees.
var skipped = map[string]bool{"del": true, "moveFrom": true, "instrText": true, "delText": true, "Fallback": true, "pPrChange": true,
	"rPrChange": true, "tblPrChange": true, "sectPr": true, "txbxContent": false, "object": true}

func (r *docxReader) read(raw []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	depth, skip := 0, 0
	inText := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Refuse(DamagedWord)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return Refuse(DamagedWord)
			}
			if skip > 0 || skipped[t.Name.Local] {
				skip++
				continue
			}
			inText = t.Name.Local == "t"
			r.open(t)
		case xml.EndElement:
			depth--
			if skip > 0 {
				skip--
				continue
			}
			inText = false
			r.close(t.Name.Local)
		case xml.CharData:
			if skip == 0 && inText && !r.hidden {
				r.text.Write(t)
			}
		}
	}
	r.paragraph()
	return nil
}

func value(t xml.StartElement) string {
	for _, a := range t.Attr {
		if a.Name.Local == "val" {
			return a.Value
		}
	}
	return ""
}

func (r *docxReader) open(t xml.StartElement) {
	table := r.table()
	switch t.Name.Local {
	case "p":
		r.paragraph()
	case "pStyle":
		r.style = value(t)
	case "outlineLvl":
		if n, err := strconv.Atoi(value(t)); err == nil && n >= 0 && n < 9 {
			r.level0 = n + 1
		}
	case "numPr":
		r.list = true
	case "r":
		r.hidden = false
	case "vanish":
		r.hidden = value(t) != "0" && value(t) != "false"
	case "tab":
		if r.text.Len() > 0 {
			r.text.WriteByte(' ')
		}
	case "br", "cr":
		r.text.WriteByte('\n')
	case "noBreakHyphen":
		r.text.WriteByte('-')
	case "tbl":
		r.paragraph()
		r.tables = append(r.tables, &docxTable{})
	case "tr":
		if table != nil {
			table.cells, table.merges, table.header = nil, nil, false
		}
	case "tblHeader":
		if table != nil {
			table.header = value(t) != "0" && value(t) != "false"
		}
	case "tc":
		if table != nil {
			table.open.Reset()
			table.span, table.merge = 1, ""
		}
	case "gridSpan":
		if table != nil {
			table.span = min(max(atoi(value(t)), 1), maxColumns)
		}
	case "vMerge":
		if table != nil {
			if table.merge = value(t); table.merge != "restart" {
				table.merge = "continue"
			}
		}
	}
}

func (r *docxReader) table() *docxTable {
	if n := len(r.tables); n > 0 {
		return r.tables[n-1]
	}
	return nil
}

func (r *docxReader) close(name string) {
	switch name {
	case "p":
		r.paragraph()
	case "tc":
		if t := r.table(); t != nil {
			r.paragraph()
			t.cells = append(t.cells, cell{text: strings.TrimSpace(t.open.String()), span: t.span})
			t.merges = append(t.merges, t.merge)
		}
	case "tr":
		if t := r.table(); t != nil && len(t.cells) > 0 {
			t.rows = append(t.rows, docxRow{t.cells, t.merges, t.header})
		}
	case "tbl":
		t := r.table()
		if t == nil {
			return
		}
		r.tables = r.tables[:len(r.tables)-1]
		b, ok := t.block()
		if !ok {
			return
		}
		if outer := r.table(); outer != nil { // a table in a cell is read as its text
			var text strings.Builder
			writeRows(&text, b.rows)
			outer.add(strings.ReplaceAll(text.String(), "\t", " "))
			return
		}
		r.blocks = append(r.blocks, b)
	}
}

func (t *docxTable) add(text string) {
	if text == "" {
		return
	}
	if t.open.Len() > 0 {
		t.open.WriteByte(' ')
	}
	t.open.WriteString(oneLine(text))
}

// block makes a table of the rows: a cell that goes on below counts the rows it
// reaches.
func (t *docxTable) block() (block, bool) {
	for i, row := range t.rows {
		var cells []cell
		var reach []int
		column := 0
		for k, c := range row.cells {
			if row.merges[k] == "continue" {
				column += c.span
				continue // carried from above
			}
			down := 1
			if row.merges[k] == "restart" {
				for i+down < len(t.rows) && t.rows[i+down].continues(column) {
					down++
				}
			}
			cells = append(cells, c)
			reach = append(reach, down)
			column += c.span
		}
		t.grid.addRow(cells, reach, row.header)
	}
	return t.grid.table("")
}

func (r docxRow) continues(column int) bool {
	at := 0
	for k, c := range r.cells {
		if at == column {
			return r.merges[k] == "continue"
		}
		at += c.span
	}
	return false
}

// paragraph ends the one being read.
func (r *docxReader) paragraph() {
	text := norm.NFC.String(cleaner.Replace(strings.TrimSpace(r.text.String())))
	style, level, list := r.style, r.level0, r.list
	r.text.Reset()
	r.style, r.level0, r.list, r.hidden = "", 0, false, false
	if text == "" {
		return
	}
	if t := r.table(); t != nil {
		t.add(text)
		return
	}
	if level == 0 {
		level = r.level(style)
	}
	switch {
	case level > 0:
		r.blocks = append(r.blocks, headingOr(oneLine(text), level))
	case list || r.styles[style].list || listMarker.MatchString(text):
		r.blocks = append(r.blocks, block{kind: listItem, text: text})
	default:
		r.blocks = append(r.blocks, block{kind: paragraph, text: text})
	}
}

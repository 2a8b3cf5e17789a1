package parse

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"

	"cdss/rag"
)

// Content is what is kept of a file that was read.
type Content struct {
	Format   Format
	Title    string
	Language string
	Pages    []Page
	Passages []rag.Passage
}

// Summary is what is known of a file before it is read.
type Summary struct {
	Format   Format
	Title    string // "" when it states none
	Language string // "de" or "en"
	Pages    int    // 0 when the format has none
}

// Inspect reads a file in this process and tells what it is. PDF is not read here.
func Inspect(ctx context.Context, name string, data []byte, meta Meta) (Summary, error) {
	if Sniff(data) == PDF {
		return Summary{}, Refuse(NoReader)
	}
	doc, err := Parse(ctx, name, data, meta)
	if err != nil {
		return Summary{}, err
	}
	return doc.Summary(), nil
}

// Summary tells what a document is.
func (d *Document) Summary() Summary {
	s := Summary{Format: d.Format, Title: d.Title, Language: d.Language}
	if d.Format == PDF {
		s.Pages = len(d.Pages)
	}
	return s
}

// Read reads a file in this process into what is kept of it. PDF is not read here.
func Read(ctx context.Context, name string, data []byte, meta Meta, of rag.Document) (Content, error) {
	if Sniff(data) == PDF {
		return Content{}, Refuse(NoReader)
	}
	doc, err := Parse(ctx, name, data, meta)
	if err != nil {
		return Content{}, err
	}
	return doc.Content(of), nil
}

// Content cuts a document into passages.
func (d *Document) Content(of rag.Document) Content {
	return Content{Format: d.Format, Title: d.Title, Language: d.Language, Pages: d.Pages, Passages: Segment(d, of)}
}

// Sniff tells PDF and DOCX from text by their first bytes, "" for the rest. An
// archive that is no Word document counts as DOCX and is refused when it is read.
func Sniff(data []byte) Format {
	head := data[:min(len(data), 1024)]
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return DOCX
	}
	// Some servers put a line of their own before the file; markup before it makes
	// the file two things at once, and then it is taken for what it begins as.
	if at := bytes.Index(head, []byte("%PDF-")); at == 0 || at > 0 && !bytes.ContainsRune(head[:at], '<') {
		return PDF
	}
	return ""
}

// pagePart is the form in which pages travel and are stored: words packed.
type pagePart struct {
	Number        int     `json:"number,omitempty"`
	Label         string  `json:"label,omitempty"`
	Text          string  `json:"text"`
	Width, Height float32 `json:",omitempty"`
	Words         []byte  `json:"words,omitempty"`
	Flags         []Flag  `json:"flags,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (p Page) MarshalJSON() ([]byte, error) {
	return json.Marshal(pagePart{p.Number, p.Label, p.Text, p.Width, p.Height, PackWords(p.Words), p.Flags})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Page) UnmarshalJSON(data []byte) error {
	var part pagePart
	if err := json.Unmarshal(data, &part); err != nil {
		return err
	}
	*p = Page{Number: part.Number, Label: part.Label, Text: part.Text, Width: part.Width, Height: part.Height,
		Words: UnpackWords(part.Words), Flags: part.Flags}
	return nil
}

// tenth is the precision of stored boxes: a tenth of a point.
const tenth = 10

// PackWords writes where words stand in few bytes: for each the distance of its
// start from the end of the one before, its length, and its box in tenths of points.
func PackWords(words []Word) []byte {
	if len(words) == 0 {
		return nil
	}
	out := make([]byte, 0, len(words)*9)
	end := 0
	for _, w := range words {
		out = binary.AppendVarint(out, int64(w.Start-end))
		out = binary.AppendVarint(out, int64(w.End-w.Start))
		end = w.End
		for _, v := range []float32{w.Box.X0, w.Box.Y0, w.Box.width(), w.Box.height()} {
			out = binary.AppendVarint(out, int64(v*tenth+0.5))
		}
	}
	return out
}

// UnpackWords reads what PackWords wrote; what is not of it ends the list.
func UnpackWords(packed []byte) []Word {
	var words []Word
	end := 0
	for len(packed) > 0 {
		var v [6]int64
		for i := range v {
			n, size := binary.Varint(packed)
			if size <= 0 {
				return words
			}
			v[i], packed = n, packed[size:]
		}
		w := Word{Start: end + int(v[0])}
		w.End = w.Start + int(v[1])
		end = w.End
		x, y := float32(v[2])/tenth, float32(v[3])/tenth
		w.Box = Rect{x, y, x + float32(v[4])/tenth, y + float32(v[5])/tenth}
		words = append(words, w)
	}
	return words
}

// Boxes gives where a stretch of the page's text is printed, one box a line. It is
// empty for a page of unknown layout, never a guess.
func (p Page) Boxes(start, end int) []Rect {
	var boxes []Rect
	for _, w := range p.Words {
		if w.End <= start || w.Start >= end {
			continue
		}
		if n := len(boxes); n > 0 && onOneLine(boxes[n-1], w.Box) && w.Box.X0-boxes[n-1].X1 < 2*w.Box.height() && w.Box.X0 >= boxes[n-1].X0 {
			boxes[n-1] = boxes[n-1].union(w.Box)
			continue
		}
		boxes = append(boxes, w.Box)
	}
	return slices.Clip(boxes)
}

// Package pdftest writes small PDF files for tests: text at places, rules, pictures,
// page labels, and on request files that are broken in known ways. It owns no
// reading and is used by tests and the benchmark alone.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Cache is a folder that keeps PDFium between runs of the tests, since compiling it
// takes long; "" where there is none.
func Cache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, "cdss-test-pdfium")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}

// Font is one of the standard fonts.
type Font string

// The fonts that pages have.
const (
	Regular Font = "F1" // Helvetica
	Bold    Font = "F2" // Helvetica-Bold
)

// A4 in points.
const (
	Width  = 595
	Height = 842
)

// Page is a page being written. Places are points from the upper left corner.
type Page struct {
	content bytes.Buffer
	picture bool
}

// Text prints one line.
func (p *Page) Text(x, y float64, font Font, size float64, text string) *Page {
	fmt.Fprintf(&p.content, "BT /%s %g Tf 1 0 0 1 %g %g Tm (%s) Tj ET\n", font, size, x, Height-y, escape(text))
	return p
}

// White prints a line nobody sees.
func (p *Page) White(x, y float64, text string) *Page {
	p.content.WriteString("1 1 1 rg\n")
	p.Text(x, y, Regular, 10, text)
	p.content.WriteString("0 0 0 rg\n")
	return p
}

// Paragraph prints lines of 10 points under each other and gives the y below.
func (p *Page) Paragraph(x, y float64, lines ...string) float64 {
	for _, l := range lines {
		p.Text(x, y, Regular, 10, l)
		y += 12
	}
	return y
}

// Line draws a rule.
func (p *Page) Line(x0, y0, x1, y1 float64) *Page {
	fmt.Fprintf(&p.content, "0.5 w %g %g m %g %g l S\n", x0, Height-y0, x1, Height-y1)
	return p
}

// Picture covers the page with an image.
func (p *Page) Picture() *Page {
	p.picture = true
	fmt.Fprintf(&p.content, "q %d 0 0 %d 0 0 cm /Im1 Do Q\n", Width, Height)
	return p
}

// Table draws a table with all its rules. Cells may have several lines.
func (p *Page) Table(x, y float64, widths []float64, rows [][]string) float64 {
	total := 0.0
	for _, w := range widths {
		total += w
	}
	top := y
	p.Line(x, y, x+total, y)
	for i, row := range rows {
		height := 0
		for _, c := range row {
			height = max(height, strings.Count(c, "\n")+1)
		}
		at := x
		for k, c := range row {
			font := Regular
			if i == 0 {
				font = Bold
			}
			for n, l := range strings.Split(c, "\n") {
				p.Text(at+3, y+11+float64(n)*11, font, 9, l)
			}
			at += widths[k]
		}
		y += float64(height)*11 + 6
		p.Line(x, y, x+total, y)
	}
	at := x
	for _, w := range append([]float64{0}, widths...) {
		at += w
		p.Line(at, top, at, y)
	}
	return y
}

// Raw puts operators of the format into a page.
func (p *Page) Raw(operators string) *Page { p.content.WriteString(operators); return p }

// Document is a PDF being written.
type Document struct {
	Title  string
	Labels bool   // front matter in roman numerals, then 1
	Font   string // an encoding dictionary for the regular font, "" for WinAnsi
	pages  []*Page
}

// Page adds a page.
func (d *Document) Page() *Page {
	p := &Page{}
	d.pages = append(d.pages, p)
	return p
}

// Bytes writes the file.
func (d *Document) Bytes() []byte {
	w := &writer{}
	w.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	encoding := d.Font
	if encoding == "" {
		encoding = "/WinAnsiEncoding"
	}
	// 1 catalogue, 2 pages, 3 and 4 fonts, 5 picture, 6 information, then pages.
	labels := ""
	if d.Labels {
		labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D >>] >>"
	}
	kids := ""
	for i := range d.pages {
		kids += fmt.Sprintf("%d 0 R ", 7+2*i)
	}
	w.object("<< /Type /Catalog /Pages 2 0 R " + labels + " >>")
	w.object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(d.pages), kids))
	w.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding " + encoding + " >>")
	w.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>")
	w.stream("/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8", []byte{200, 120, 90, 180})
	w.object("<< /Title (" + escape(d.Title) + ") >>")
	for i, p := range d.pages {
		resources := "/Font << /F1 3 0 R /F2 4 0 R >>"
		if p.picture {
			resources += " /XObject << /Im1 5 0 R >>"
		}
		w.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << %s >> /Contents %d 0 R >>", Width, Height, resources, 8+2*i))
		w.stream("", p.content.Bytes())
	}
	return w.close("/Info 6 0 R")
}

type writer struct {
	bytes.Buffer
	offsets []int
}

func (w *writer) object(body string) {
	w.offsets = append(w.offsets, w.Len())
	fmt.Fprintf(w, "%d 0 obj\n%s\nendobj\n", len(w.offsets), body)
}

func (w *writer) stream(dictionary string, data []byte) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(data)
	_ = z.Close()
	w.object(fmt.Sprintf("<< %s /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", dictionary, packed.Len(), packed.Bytes()))
}

func (w *writer) close(trailer string) []byte {
	at := w.Len()
	fmt.Fprintf(w, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		fmt.Fprintf(w, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(w, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, trailer, at)
	return w.Bytes()
}

// escape writes a text in WinAnsi.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '(' || r == ')' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(r))
		case r < 0x80 || r >= 0xa0 && r <= 0xff:
			b.WriteByte(byte(r))
		case r == '–':
			b.WriteByte(0x96)
		case r == '•':
			b.WriteByte(0x95)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

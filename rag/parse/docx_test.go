package parse

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/rag"
)

// docx packs a Word document around the paragraphs and tables of body.
func docx(body string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range map[string]string{
		"word/document.xml": `<w:document xmlns:w="w" xmlns:mc="mc"><w:body>` + body + `</w:body></w:document>`,
		"word/styles.xml": `<w:styles xmlns:w="w"><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Haus"><w:name w:val="Hausformat"/><w:basedOn w:val="berschrift2"/></w:style>
<w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style></w:styles>`,
		"docProps/core.xml": `<cp:coreProperties xmlns:cp="cp" xmlns:dc="dc"><dc:title>Leitfaden der Station</dc:title></cp:coreProperties>`,
	} {
		w, _ := z.Create(name)
		_, _ = w.Write([]byte(content))
	}
	_ = z.Close()
	return out.Bytes()
}

func TestWordDocument(t *testing.T) {
	cell := func(props, text string) string {
		return `<w:tc><w:tcPr>` + props + `</w:tcPr><w:p><w:r><w:t>` + text + `</w:t></w:r></w:p></w:tc>`
	}
	data := docx(`<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Pneumonie</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">Die Therapie </w:t></w:r><w:del><w:r><w:delText>nie </w:delText></w:r></w:del><w:r><w:t>beginnt sofort.</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>Verborgen.</w:t></w:r></w:p>
<w:p><w:pPr><w:pStyle w:val="Haus"/></w:pPr><w:r><w:t>Dosierung</w:t></w:r></w:p>
<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Blutkulturen abnehmen</w:t></w:r></w:p>
<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>` + cell("", "Schwere") + cell("", "Substanz") + cell("", "Dosis") + `</w:tr>
<w:tr>` + cell(`<w:vMerge w:val="restart"/>`, "leicht") + cell("", "Amoxicillin") + cell("", "3 x 1 g") + `</w:tr>
<w:tr>` + cell(`<w:vMerge/>`, "") + cell("", "Doxycyclin") + cell("", "1 x 200 mg") + `</w:tr></w:tbl>`)
	c, err := Read(t.Context(), "a.docx", data, Meta{}, rag.Document{ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Format != DOCX || c.Title != "Leitfaden der Station" || c.Language != "de" {
		t.Errorf("read as %s, %q, %s", c.Format, c.Title, c.Language)
	}
	const want = "Pneumonie\n\nDie Therapie beginnt sofort.\n\nDosierung\n\nBlutkulturen abnehmen\n\n" +
		"Schwere\tSubstanz\tDosis\nleicht\tAmoxicillin\t3 x 1 g\nDoxycyclin\t1 x 200 mg"
	if diff := cmp.Diff(want, c.Pages[0].Text); diff != "" {
		t.Error(diff)
	}
	last := c.Passages[len(c.Passages)-1]
	if diff := cmp.Diff([]string{"Pneumonie", "Dosierung"}, last.Section); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(last.Indexed, "Schwere: leicht | Substanz: Doxycyclin | Dosis: 1 x 200 mg") {
		t.Errorf("the merged cell does not reach down: %q", last.Indexed)
	}
}

func FuzzWordDocument(f *testing.F) {
	f.Add([]byte(`<w:p><w:r><w:t>Text of a paragraph that is long enough</w:t></w:r></w:p>`))
	f.Add([]byte(`<w:tbl><w:tr><w:tc><w:tbl/></w:tc></w:tr></w:tbl></w:tbl><w:tc/>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, data := range [][]byte{body, docx(string(body))} {
			doc, err := readDOCX(data)
			if err != nil {
				continue
			}
			for _, p := range Segment(doc, rag.Document{ID: "x"}) {
				if text := doc.Pages[p.Anchor.Sheet].Text; text[p.Anchor.Start:p.Anchor.End] != p.Quoted {
					t.Fatalf("a passage that is not of the page: %q", p.Quoted)
				}
			}
		}
	})
}

// FuzzPrintedPage lays out pages of random glyphs: whatever a file prints, each
// passage is of its page, and each word has its box.
func FuzzPrintedPage(f *testing.F) {
	f.Add([]byte("Ein Absatz, der auf der Seite steht und gelesen wird."), uint8(1))
	f.Add(bytes.Repeat([]byte{0, 10, 200, 'a', 255, 40, 90, 'b'}, 40), uint8(3))
	f.Fuzz(func(t *testing.T, raw []byte, turned uint8) {
		if len(raw) > 6000 {
			return
		}
		sheet := Sheet{Width: 595, Height: 842}
		for len(raw) >= 6 {
			x, y := float32(raw[0])*2.4, float32(raw[1])*3.3
			size := float32(raw[2]%20) + 1
			r := Run{Size: size, Bold: raw[2]&32 != 0, White: raw[2]&64 != 0, Turned: int(turned) & 3}
			n := int(raw[3]%5) + 1
			raw = raw[4:]
			for k := range min(n, len(raw)) {
				at := x + float32(k)*size/2
				r.Glyphs = append(r.Glyphs, Glyph{Rune: rune(raw[k]), Box: Rect{at, y, at + size/2, y + size}})
			}
			if raw[0]&1 == 0 {
				sheet.Rules = append(sheet.Rules, Rect{x, y, x + 100*float32(raw[0]&2), y + 1}, Rect{x, y, x + 1, y + 50})
			}
			raw = raw[min(n, len(raw)):]
			sheet.Runs = append(sheet.Runs, r)
		}
		doc, err := Printed([]Sheet{sheet, {Width: 1, Height: 1}}, "", Meta{})
		if err != nil {
			return
		}
		for _, p := range doc.Pages {
			for _, w := range p.Words {
				if w.Start < 0 || w.End > len(p.Text) || w.Start >= w.End || math.IsNaN(float64(w.Box.X0)) {
					t.Fatalf("a word stands at %+v of %d bytes", w, len(p.Text))
				}
			}
			if again := UnpackWords(PackWords(p.Words)); len(again) != len(p.Words) {
				t.Fatalf("%d words became %d", len(p.Words), len(again))
			}
		}
		for _, p := range Segment(doc, rag.Document{ID: "x"}) {
			if text := doc.Pages[p.Anchor.Sheet].Text; text[p.Anchor.Start:p.Anchor.End] != p.Quoted {
				t.Fatalf("a passage that is not of the page: %q", p.Quoted)
			}
		}
	})
}

func FuzzUnpackWords(f *testing.F) {
	f.Add(PackWords([]Word{{Start: 0, End: 4, Box: Rect{10, 20, 30.5, 29}}, {Start: 5, End: 7, Box: Rect{32, 20, 40, 29}}}))
	f.Add(binary.AppendVarint(nil, math.MaxInt64))
	f.Fuzz(func(t *testing.T, packed []byte) {
		page := Page{Text: "some text of a page", Words: UnpackWords(packed)}
		page.Boxes(0, len(page.Text)) // whatever is stored, looking at it does no harm
	})
}

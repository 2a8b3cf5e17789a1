package pdftest

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// Hostile is a file that must not be kept, or must not harm.
type Hostile struct {
	Name   string
	Data   []byte
	Reason string // code of the refusal; "" for a file that is read, without its harm
}

// zeros gives endless zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Files gives files that are broken or hostile in known ways.
func Files() []Hostile {
	whole := (&Document{Title: "x"}).withText().Bytes()
	list := []Hostile{
		{"empty.pdf", nil, "empty"},
		{"head.pdf", []byte("%PDF-1.7\n"), "damaged"},
		{"truncated.pdf", whole[:len(whole)/3], "damaged"},
		{"noise.pdf", append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{0xde, 0xad, 0, 7, '<', '<'}, 5000)...), "damaged"},
		{"encrypted.pdf", encrypted(), "encrypted"},
		{"scan.pdf", scan(), "only-pictures"},
		{"no-pages.pdf", raw("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 0 /Kids [] >>"), "no-pages"},
		{"circular-tree.pdf", raw("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 4 /Kids [2 0 R 2 0 R] /Parent 2 0 R >>"), "any"},
		{"self-reference.pdf", raw("<< /Type /Catalog /Pages 1 0 R /Outlines 1 0 R >>"), "any"},
		{"circular-form.pdf", circularForm(), "any"},
		{"hundred-thousand-pages.pdf", manyPages(100_000), "too-many-pages"},
		{"deflate-bomb.pdf", deflateBomb(1 << 30), "any"},
		{"operators.pdf", operators(), "any"},
		{"huge-box.pdf", hugeBox(), "any"},
		{"image.pdf", append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 200)...), "not-a-document"},
		{"zip.pdf", archive(map[string]io.Reader{"a.txt": strings.NewReader("a")}), "not-a-document"},
		{"bomb.docx", archive(map[string]io.Reader{"word/document.xml": io.LimitReader(zeros{}, 300<<20)}), "archive-too-large"},
		{"members.docx", manyMembers(), "archive-too-large"},
		{"traversal.docx", archive(map[string]io.Reader{"../../etc/passwd": strings.NewReader("x"), "word/document.xml": strings.NewReader("<a/>")}), "archive-unsafe"},
		{"broken.docx", archive(map[string]io.Reader{"word/document.xml": strings.NewReader("<w:document><w:p>")}), "damaged"},
		{"deep.docx", archive(map[string]io.Reader{"word/document.xml": strings.NewReader(strings.Repeat("<a>", 100_000))}), "damaged"},
		{"cut.docx", archive(map[string]io.Reader{"word/document.xml": strings.NewReader(strings.Repeat("<w:p/>", 9000))})[:60], "not-a-document"},
	}
	return list
}

func (d *Document) withText() *Document {
	d.Page().Paragraph(60, 100, "The ward keeps a list of all antibiotics that need a second look.", "It is read out every morning.")
	return d
}

// raw writes a file of given objects.
func raw(objects ...string) []byte {
	w := &writer{}
	w.WriteString("%PDF-1.7\n")
	for _, o := range objects {
		w.object(o)
	}
	return w.close("")
}

// encrypted is a file whose standard security handler no empty password opens.
func encrypted() []byte {
	w := &writer{}
	w.WriteString("%PDF-1.4\n")
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object("<< /Type /Pages /Count 1 /Kids [3 0 R] >>")
	w.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	w.object("<< /Filter /Standard /V 1 /R 2 /P -44 /O <" + strings.Repeat("41", 32) + "> /U <" + strings.Repeat("42", 32) + "> >>")
	return w.close("/Encrypt 4 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]")
}

func scan() []byte {
	d := &Document{}
	for range 5 {
		d.Page().Picture()
	}
	return d.Bytes()
}

func circularForm() []byte {
	w := &writer{}
	w.WriteString("%PDF-1.7\n")
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object("<< /Type /Pages /Count 1 /Kids [3 0 R] >>")
	w.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /A 5 0 R >> >> /Contents 4 0 R >>")
	w.stream("", []byte("/A Do"))
	w.stream("/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources << /XObject << /A 5 0 R >> >>", []byte("/A Do /A Do"))
	return w.close("")
}

func manyPages(n int) []byte {
	w := &writer{}
	w.WriteString("%PDF-1.7\n")
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", n, strings.Repeat("3 0 R ", n)))
	w.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	return w.close("")
}

// deflateBomb has a page whose content unpacks to n bytes.
func deflateBomb(n int64) []byte {
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	_, _ = io.Copy(z, io.LimitReader(zeros{}, n))
	_ = z.Close()
	w := &writer{}
	w.WriteString("%PDF-1.7\n")
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object("<< /Type /Pages /Count 1 /Kids [3 0 R] >>")
	w.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>")
	w.object(fmt.Sprintf("<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", packed.Len(), packed.Bytes()))
	return w.close("")
}

// operators has a page of endless saved states.
func operators() []byte {
	d := &Document{}
	d.Page().Raw(strings.Repeat("q q q BT /F1 1 Tf ET ", 200_000))
	return d.Bytes()
}

func hugeBox() []byte {
	return raw("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1e30 1e30] >>")
}

func archive(members map[string]io.Reader) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range members {
		w, _ := z.Create(name)
		_, _ = io.Copy(w, content)
	}
	_ = z.Close()
	return out.Bytes()
}

func manyMembers() []byte {
	members := map[string]io.Reader{}
	for i := range 1500 {
		members[fmt.Sprint("word/", i)] = strings.NewReader("x")
	}
	return archive(members)
}

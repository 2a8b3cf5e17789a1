package parse

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"cdss/fhir/issue"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 32 << 20

// signatures are the first bytes of formats that are met in place of text.
var signatures = []struct{ magic, what string }{
	{"%PDF", "a PDF file"}, // read by package pdfium
	{"PK\x03\x04", "a ZIP archive or Office file"},
	{"\x89PNG", "an image"},
	{"\xff\xd8\xff", "an image"},
	{"GIF8", "an image"},
	{"II*\x00", "an image"},
	{"MM\x00*", "an image"},
	{"{\\rtf", "an RTF file"},
	{"\xd0\xcf\x11\xe0", "an old Office file"},
	{"\x1f\x8b", "a compressed file"},
	{"\x7fELF", "a program"},
	{"MZ\x90\x00", "a program"},
	{"SQLite format 3", "a database"},
}

// decode gives the text of a file in NFC with line feeds, or says why there is none.
func decode(data []byte) (string, error) {
	if len(data) > MaxSize {
		return "", issue.New(issue.TooLong, "%d bytes, at most %d are read", len(data), MaxSize)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(data, []byte(s.magic)) {
			return "", issue.New(issue.NotSupported, "%s: it is %s", NoDocument.English(), s.what)
		}
	}
	text, err := unicodeText(data)
	if err != nil {
		return "", err
	}
	controls := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 0:
			return "", Refuse(NoDocument)
		case c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v', c == 0x7f:
			controls++
		}
	}
	if controls > 8+len(text)/1000 {
		return "", Refuse(NoDocument)
	}
	return norm.NFC.String(cleaner.Replace(text)), nil
}

// cleaner unifies line ends and drops what no reader sees.
var cleaner = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\u2028", "\n", "\u2029", "\n\n",
	"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u00ad", "")

// unicodeText reads UTF-8, UTF-16 with a mark, and else Windows-1252, which is what
// older German text files are written in.
func unicodeText(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return fromUTF16(data[2:], binary.BigEndian)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if utf8.Valid(data) {
		return string(data), nil
	}
	high := 0
	for _, c := range data {
		if c >= 0x80 {
			high++
		}
		if c < 0x09 {
			return "", Refuse(NoDocument)
		}
	}
	// A text in a western language has few letters beyond ASCII.
	if high > len(data)/5 {
		return "", Refuse(BadEncoding)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", Refuse(BadEncoding)
	}
	return string(out), nil
}

func fromUTF16(data []byte, order binary.ByteOrder) (string, error) {
	if len(data)%2 != 0 {
		return "", Refuse(BadEncoding)
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

var (
	htmlStart  = regexp.MustCompile(`(?is)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b`)
	htmlBlocks = regexp.MustCompile(`(?i)<(?:p|div|h[1-6]|ul|ol|section|article)\b[^<>]*>`)
	atxHeading = regexp.MustCompile(`(?m)^ {0,3}#{1,6}[ \t]+\S`)
	pipeRule   = regexp.MustCompile(`(?m)^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$`)
	htmlTable  = regexp.MustCompile(`(?i)<table\b`)
)

// sniff tells the format by content.
func sniff(source string) Format {
	start := source
	if len(start) > 64<<10 {
		start = start[:64<<10]
	}
	if htmlStart.MatchString(start) {
		return HTML
	}
	heading := atxHeading.MatchString(source)
	if !heading && len(htmlBlocks.FindAllStringIndex(start, 8)) >= 4 {
		return HTML
	}
	if heading || pipeRule.MatchString(source) || htmlTable.MatchString(source) {
		return Markdown
	}
	return Text
}

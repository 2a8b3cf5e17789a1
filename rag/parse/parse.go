// Package parse turns the bytes of a guideline into pages and passages. It owns
// the reading of Markdown, HTML, DOCX and plain text, the layout of printed pages
// (whose glyphs package pdfium finds), printed page numbers, tables and the
// recognition of bibliographies; it refuses what is no document, and never invents
// or rewrites a word: every passage is a substring of its page.
package parse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"cdss/fhir/issue"
)

// Format is how a document was written.
type Format string

// The formats that are read, told apart by content and not by file name.
const (
	Markdown Format = "markdown"
	HTML     Format = "html"
	Text     Format = "text"
	PDF      Format = "pdf"
	DOCX     Format = "docx"
)

// Meta is what is known about a file beside its bytes; the JSON form is an entry
// of documents.json.
type Meta struct {
	Identifier  string   `json:"identifier"`
	Title       string   `json:"title"`
	Version     string   `json:"version"` // null and "" mean none
	Publisher   string   `json:"publisher"`
	Language    string   `json:"language"`
	PartOf      string   `json:"partOf"`
	SameAs      string   `json:"sameAs"`
	Status      string   `json:"status"`     // the publisher's word: "expired", "current", "unknown"
	ValidUntil  string   `json:"validUntil"` // FHIR date
	Indications []string `json:"indications"`
}

// Page is one page of a document, verbatim but for tags and running headers, in
// NFC. A document without pages has one, numbered 0.
type Page struct {
	Number int    // printed page, 0 when the document has none
	Label  string // as it is printed where that is no number ("iv"), else ""
	Text   string // cells of a table row stand beside each other, separated by a tab

	// Of a printed page only. Words are those of Text, in its order.
	Width, Height float32 // points, as the page is shown
	Words         []Word
	Flags         []Flag
}

// Word is where a word of a page's text is printed.
type Word struct {
	Start, End int  // bytes of Page.Text
	Box        Rect // on the page as it is shown
}

// Flag is what a reader must know about a page.
type Flag string

// The flags of pages.
const (
	PictureOnly Flag = "picture-only" // an image without text: its words are not known
	LittleText  Flag = "little-text"  // fewer characters than a page of a guideline has
	BadLetters  Flag = "bad-letters"  // the file does not tell what some letters mean: words may be misread
	BrokenPage  Flag = "broken-page"  // it could not be read
	HiddenText  Flag = "hidden-text"  // text that no reader sees was left out
)

// Document is a file that was read.
type Document struct {
	Format   Format
	Title    string // of the file itself, "" when it states none
	Language string // "de" or "en": from Meta, else recognised
	Pages    []Page

	blocks []block // in reading order; offsets are those of Pages
}

// Parse reads a file that is text, or a DOCX. Content that is neither gives an error of kind
// not-supported, text without words or in an unknown encoding one of kind
// invalid, more than MaxSize bytes one of kind too-long. The name stands in
// errors only.
func Parse(ctx context.Context, name string, data []byte, meta Meta) (*Document, error) {
	if Sniff(data) == DOCX {
		doc, err := readDOCX(data)
		if err != nil {
			return nil, fmt.Errorf("read document %q: %w", name, err)
		}
		if doc.letters() < minLetters {
			return nil, fmt.Errorf("read document %q: %w", name, Refuse(NoText))
		}
		doc.settle(meta)
		return doc, nil
	}
	source, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read document %q: %w", name, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, issue.Wrap(issue.Timeout, err, "read document %q", name)
	}
	doc := &Document{Format: sniff(source)}
	var pages []pageBlocks
	if doc.Format == HTML {
		pages, doc.Title = readHTML(source)
	} else {
		pages = readLight(source, doc.Format == Text)
	}
	doc.lay(pages)
	if doc.letters() < minLetters {
		return nil, fmt.Errorf("read document %q: %w", name, Refuse(NoText))
	}
	doc.settle(meta)
	return doc, nil
}

// letters counts the letters of all pages, as far as minLetters matters.
func (d *Document) letters() int {
	n := 0
	for _, p := range d.Pages {
		for _, r := range p.Text {
			if unicode.IsLetter(r) {
				n++
			}
		}
		if n > minLetters {
			break
		}
	}
	return n
}

// settle gives a document the title and language that nobody stated.
func (d *Document) settle(meta Meta) {
	if d.Title == "" {
		for _, b := range d.blocks {
			if b.kind == heading {
				d.Title = oneLine(b.text)
				break
			}
		}
	}
	d.Language = meta.Language
	if d.Language != "de" && d.Language != "en" {
		d.Language = recognise(d.Pages)
	}
}

// minLetters is the least a document must say to be one.
const minLetters = 20

// ReadCatalogue reads documents.json: file name to what is known about it.
func ReadCatalogue(data []byte) (map[string]Meta, error) {
	catalogue := map[string]Meta{}
	if err := json.Unmarshal(data, &catalogue); err != nil {
		return nil, issue.Wrap(issue.Invalid, err, "read documents.json")
	}
	return catalogue, nil
}

// Source is the text of all pages, for those who need it whole.
func (d *Document) Source() string {
	var b strings.Builder
	for i, p := range d.Pages {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// recognise tells German from English by their commonest words.
func recognise(pages []Page) string {
	german, english := 0, 0
	for _, p := range pages {
		for _, w := range strings.Fields(p.Text) {
			switch strings.ToLower(w) {
			case "der", "die", "und", "das", "bei", "mit", "ist", "eine", "von", "nicht", "werden", "oder":
				german++
			case "the", "and", "of", "is", "with", "for", "to", "are", "or", "should", "be", "not":
				english++
			}
		}
		if german+english > 2000 {
			break
		}
	}
	if english > german {
		return "en"
	}
	return "de"
}

// oneLine collapses white space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Package parse turns the bytes of a guideline into pages and passages. It owns
// the reading of Markdown, HTML and plain text, printed page numbers, tables and
// the recognition of bibliographies; it refuses what is not text, and never
// invents or rewrites a word: every passage is a substring of its page.
package parse

import (
	"context"

	"cdss/rag"
)

// Format is how a document was written.
type Format string

// The formats that are read, told apart by content and not by file name.
const (
	Markdown Format = "markdown"
	HTML     Format = "html"
	Text     Format = "text"
)

// Meta is what is known about a file beside its bytes; the JSON form is an entry
// of documents.json.
type Meta struct {
	Identifier  string   `json:"identifier"`
	Title       string   `json:"title"`
	Version     *string  `json:"version"`
	Publisher   string   `json:"publisher"`
	Language    string   `json:"language"`
	PartOf      string   `json:"partOf"`
	SameAs      string   `json:"sameAs"`
	Status      string   `json:"status"` // the publisher's word: "expired", "unknown", "current"
	ValidUntil  string   `json:"validUntil"`
	Indications []string `json:"indications"`
}

// Page is one page of a document, verbatim but for tags, in NFC.
type Page struct {
	Number int    // printed page, 0 when the document has none
	Text   string // cells of a table row stand beside each other, separated by a tab
}

// Document is a file that was read.
type Document struct {
	Format   Format
	Title    string // of the file itself, "" when it states none
	Language string // "de" or "en", from Meta or recognised
	Pages    []Page
}

// Parse reads a file. Binary, undecodable or empty content gives an error of kind
// issue.NotSupported or issue.Invalid; name is used in errors only.
func Parse(ctx context.Context, name string, data []byte, meta Meta) (*Document, error) {
	return &Document{}, nil
}

// ReadCatalogue reads documents.json: file name to what is known about it.
func ReadCatalogue(data []byte) (map[string]Meta, error) { return nil, nil }

// Segment cuts a document into passages of about a thousand characters, none
// across a heading or a page. IDs are derived from of.ID, position and content, so
// the same bytes give the same passages.
func Segment(doc *Document, of rag.Document) []rag.Passage { return nil }

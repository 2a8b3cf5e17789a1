package parse

import (
	"strings"

	"cdss/fhir/issue"
)

// Refusal is why a file cannot be used, for people: each in both languages.
type Refusal int

// The reasons.
const (
	Encrypted Refusal = iota + 1
	Damaged
	NoPages
	TooManyPages
	TooMuchText
	OnlyPictures
	TooLong
	TooHeavy
	Died
	ArchiveBomb
	ArchivePath
	NoDocument
	NoReader
	NoImage
	DamagedWord
	Empty
	TooLarge
	NoText
	BadEncoding
	NoPage
)

// MaxPages is the most pages a document may have.
const MaxPages = 2000

// MaxText is the most text a document may hold, in bytes.
const MaxText = 20 << 20

var refusals = map[Refusal]struct {
	code   string
	kind   issue.Kind
	en, de string
}{
	Encrypted: {"encrypted", issue.Invalid, "the PDF is encrypted: upload a copy that opens without a password",
		"die PDF-Datei ist verschlüsselt: bitte eine Kopie hochladen, die sich ohne Kennwort öffnet"},
	Damaged: {"damaged", issue.Invalid, "the PDF is damaged or incomplete and cannot be opened",
		"die PDF-Datei ist beschädigt oder unvollständig und lässt sich nicht öffnen"},
	NoPages: {"no-pages", issue.Invalid, "the PDF has no pages", "die PDF-Datei hat keine Seiten"},
	TooManyPages: {"too-many-pages", issue.TooLong, "the document has more than 2000 pages: upload it in parts",
		"das Dokument hat mehr als 2000 Seiten: bitte in Teilen hochladen"},
	TooMuchText: {"too-much-text", issue.TooLong, "the document holds more text than is read: upload it in parts",
		"das Dokument enthält mehr Text, als gelesen wird: bitte in Teilen hochladen"},
	OnlyPictures: {"only-pictures", issue.Invalid, "the pages hold pictures and no text: run text recognition (OCR) on the file first",
		"die Seiten enthalten Bilder und keinen Text: bitte zuerst eine Texterkennung (OCR) durchführen"},
	TooLong: {"too-long", issue.TooCostly, "reading the file took longer than is allowed, so it was stopped",
		"das Lesen der Datei dauerte länger als erlaubt und wurde abgebrochen"},
	TooHeavy: {"too-heavy", issue.TooCostly, "reading the file took more memory than is allowed, so it was stopped",
		"das Lesen der Datei brauchte mehr Speicher als erlaubt und wurde abgebrochen"},
	Died: {"unreadable", issue.Invalid, "the file could not be read: its reader ended without an answer",
		"die Datei konnte nicht gelesen werden: das Leseprogramm endete ohne Antwort"},
	ArchiveBomb: {"archive-too-large", issue.TooLong, "the file unpacks to more than is read",
		"die Datei wird beim Entpacken größer, als gelesen wird"},
	ArchivePath: {"archive-unsafe", issue.Invalid, "the file is an archive with unsafe names",
		"die Datei ist ein Archiv mit unsicheren Namen"},
	NoReader:    {"no-reader", issue.NotSupported, "this program cannot read PDF files here", "dieses Programm kann hier keine PDF-Dateien lesen"},
	NoImage:     {"no-image", issue.NotFound, "the document has no image of this page", "das Dokument hat kein Bild dieser Seite"},
	DamagedWord: {"damaged", issue.Invalid, "the Word document is damaged and cannot be read", "das Word-Dokument ist beschädigt und kann nicht gelesen werden"},
	Empty:       {"empty", issue.Invalid, "the file is empty", "die Datei ist leer"},
	TooLarge:    {"too-large", issue.TooLong, "the file is larger than 50 MiB", "die Datei ist größer als 50 MiB"},
	NoPage:      {"no-page", issue.NotFound, "the document has no such page", "das Dokument hat diese Seite nicht"},
	NoText:      {"no-text", issue.Invalid, "the document holds no text", "das Dokument enthält keinen Text"},
	BadEncoding: {"bad-encoding", issue.Invalid, "the text is in no encoding that is read (UTF-8, UTF-16, Windows-1252)",
		"der Text hat keine lesbare Kodierung (UTF-8, UTF-16, Windows-1252)"},
	NoDocument: {"not-a-document", issue.NotSupported, "the content is neither PDF, Word (DOCX), HTML, Markdown nor text",
		"der Inhalt ist weder PDF noch Word (DOCX), HTML, Markdown oder Text"},
}

// Refuse gives the error of a refusal; its text is the English one.
func Refuse(r Refusal) *issue.Error {
	row := refusals[r]
	return issue.New(row.kind, "%s", row.en)
}

// English is the reason in English.
func (r Refusal) English() string { return refusals[r].en }

// Code names the reason to programs.
func (r Refusal) Code() string { return refusals[r].code }

// German is the reason in German.
func (r Refusal) German() string { return refusals[r].de }

// RefusalIn finds the refusal that a text tells, for a text that was stored; 0 when
// it tells none.
func RefusalIn(text string) Refusal {
	for r, row := range refusals {
		if strings.Contains(text, row.en) {
			return r
		}
	}
	return 0
}

// Package rag is the vocabulary of evidence: guideline documents, their
// passages, where a passage stands, what was asked and what was found.
//
// It owns plain types and no I/O. It refuses to decide: a passage may support
// or qualify a recommendation, it never creates one, and no dose is ever read
// out of a passage (decision "rules decide, evidence explains").
package rag

import "time"

// Status is the life of a guideline version. Only active versions feed answers.
type Status string

// The states of a guideline version. Expiry is not among them: an expired
// version can be active and is then always marked.
const (
	Draft   Status = "draft"
	Active  Status = "active"
	Retired Status = "retired"
)

// Document is one version of a guideline as it was uploaded.
type Document struct {
	ID          string    // uuid of this version
	Identifier  string    // stable identifier of the guideline, for example its AWMF register number
	Title       string    // as the publisher states it
	Version     string    // the publisher's version, "" when it has none
	Publisher   string    // "" when unknown
	Language    string    // BCP 47: "de" or "en"
	ValidUntil  time.Time // zero when the publisher states none
	PartOf      string    // identifier of the document this one is a chapter of, or ""
	SameAs      string    // identifier of a document with the same content, or ""
	Expired     bool      // stated by the publisher or past ValidUntil at the time of reading
	FileName    string
	SHA256      string // of the uploaded bytes, lower-case hex
	Status      Status
	Indications []string // indication codes this document is filed under
}

// Kind tells what a passage is made of.
type Kind string

// The kinds of passage that ranking and rendering tell apart.
const (
	Text  Kind = "text"
	Table Kind = "table"
	List  Kind = "list"
)

// Passage is a piece of a document small enough to be quoted whole. Quoted is
// the source's own text, verbatim; Indexed is what search reads (heading path,
// column names, expansions) and is never shown.
type Passage struct {
	ID       string // uuid
	Document string // Document.ID
	Ord      int    // position in the document, from 0
	Kind     Kind
	Language string
	Page     int      // printed page, 0 when the document has none
	PageEnd  int      // last printed page, equal to Page when on one
	Section  []string // heading path, outermost first
	Quoted   string
	Indexed  string
	SHA256   string // of Quoted, lower-case hex
	Anchor   Anchor
	Earlier  []Earlier // where its words stood in versions before this one
}

// Anchor is where the quoted words stand in the text of the document.
type Anchor struct {
	Sheet      int // position of the page in the document, from 0
	Start, End int // bytes of the page's text
}

// Earlier is a place in an earlier version where words of a passage stood, so that a
// rule that cites the place still finds them.
type Earlier struct {
	Version string   `json:"version,omitempty"`
	Page    int      `json:"page,omitempty"`
	PageEnd int      `json:"pageEnd,omitempty"`
	Section []string `json:"section,omitempty"`
	Words   string   `json:"words,omitempty"`  // those that still stand, "" when all of the passage's do
	SHA256  string   `json:"sha256,omitempty"` // of the earlier quotation, when it stands whole
}

// Locator says where the source of a rule stands. Terms are the facts the cited
// words must hold (substance, dose); they pick the passage among those of the
// page and are not a text of the source. Hash, once bound, is the SHA-256 of the
// quoted words and then decides alone.
type Locator struct {
	Document string   `json:"document"`          // Document.Identifier
	Version  string   `json:"version,omitempty"` // publisher's version, "" means any
	Page     int      `json:"page,omitempty"`    // printed page, 0 when the document has none
	Section  string   `json:"section,omitempty"` // heading or table caption number, for example "Table 5.7"
	Terms    []string `json:"terms,omitempty"`
	Hash     string   `json:"hash,omitempty"`
}

// Citation is what a reader sees of a source. Quote is verbatim and present only
// when the document is loaded and active; it is never a text of our own.
type Citation struct {
	Document string  `json:"document"`
	Title    string  `json:"title"`
	Version  string  `json:"version"`
	Page     *int    `json:"page"`
	Section  string  `json:"section"`
	Quote    *string `json:"quote"`
}

// Evidence is a supporting passage beside a recommendation.
type Evidence struct {
	Document   string  `json:"document"`
	Title      string  `json:"title"`
	Version    string  `json:"version"`
	ValidUntil *string `json:"validUntil"` // FHIR date, null when unknown
	Expired    bool    `json:"expired"`
	Page       *int    `json:"page"`
	Section    string  `json:"section"`
	Quote      string  `json:"quote"`
	Score      float64 `json:"score"` // comparable within one answer only
}

// Origin tells where a term of a query came from.
type Origin string

// A term was typed, added by the table of concepts, or derived from a coded fact.
const (
	FromQuery   Origin = "query"
	FromConcept Origin = "concept"
	FromFact    Origin = "fact"
)

// Term is one weighted term of a query. Weight 1 is a word of the user's.
type Term struct {
	Text   string  `json:"term"`
	Weight float64 `json:"weight"`
	Origin Origin  `json:"origin"`
}

// Concept is a thing the domain knows by several names.
type Concept struct {
	ID string `json:"id"`
	DE string `json:"de"`
	EN string `json:"en"`
}

// Query is a question as retrieval sees it: free text, or terms built from coded
// facts only. It never holds names, dates or identifiers of a patient.
type Query struct {
	Text        string // what was typed, or the built line
	Language    string // of the reader; passages of every language are searched
	Terms       []Term // additional weighted terms
	Concepts    []Concept
	Indications []string // soft preference, never a filter
	Documents   []string // identifiers; empty means all active documents
	K           int      // results wanted, 1 to 100; 0 means 10
	Local       bool     // no online model may be asked
}

// Hit is one passage found, with the parts its score is made of.
type Hit struct {
	Passage  Passage
	Document Document
	Score    float64
	Parts    map[string]float64 // "lexical", "vector", "concept", "heading", "table", "duplicate", ...
	Matched  []Match
}

// Match says which term was found in which field of a passage.
type Match struct {
	Term  string `json:"term"`
	Field string `json:"field"` // "heading", "text", "table"
}

// Result is what a search gives: hits, or an abstention with its reason. The hits of
// an abstention are the nearest passages and no answer.
type Result struct {
	Query      Query
	Hits       []Hit
	Confidence float64 // 0 to 1, that the documents speak of what is asked
	Abstained  bool
	Reason     string   // why nothing is shown; "" when not abstained
	Degraded   []string // legs that did not run, for example "vector"
}

// Request is a structured question: codes and displays, never names, dates or
// identifiers of a patient. The member names are those of the HTTP contract.
type Request struct {
	Indication  string      `json:"indication,omitempty"`
	Severity    string      `json:"severity,omitempty"`
	Site        string      `json:"site,omitempty"`
	RiskFactors []string    `json:"riskFactors,omitempty"`
	Pathogens   []string    `json:"pathogens,omitempty"`
	FreeText    string      `json:"freeText,omitempty"` // never leaves the server
	Facts       []CodedFact `json:"facts,omitempty"`    // most important first
}

// CodedFact is a coded statement about a patient: a condition, an allergy, a
// drug, a derived finding. Negated ("no known allergy") facts are not searched.
type CodedFact struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
	Negated bool   `json:"negated,omitempty"`
}

// Mention is a concept a text speaks of. Weight is how strongly: 1 for the
// concept itself by a distinctive name, less for an ambiguous one.
type Mention struct {
	Concept    string  // Concept.ID
	Weight     float64 // (0, 1]
	Start, End int     // byte range in the text
}

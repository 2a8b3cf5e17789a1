package ingest

import (
	"context"
	"time"

	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// Version is a version of a guideline as it is kept. Document.Expired is what the
// publisher states until Service judges it by the time of reading.
type Version struct {
	rag.Document
	Format     parse.Format
	Size       int64 // bytes of the upload
	CreatedAt  time.Time
	ApprovedAt *time.Time // of the last approval, nil before the first
	RetiredAt  *time.Time
	Pages      int
	Passages   int
	Pipeline   int    // number of the procedure that made the passages, 0 before
	Space      string // embed.Space.ID that holds all vectors, "" before
	Complete   bool   // read, cut and embedded: may be approved
	UploadedBy string // smart.Person.ID, "" when nobody was logged in
	ApprovedBy string
	Flagged    int        // pages that bear a flag
	Task       *task.Task // the reading of this version; nil when the record was removed
}

// Addition is a file to be kept.
type Addition struct {
	rag.Document // without ID and Status
	Format       parse.Format
	Content      []byte
	UploadedBy   string // smart.Person.ID or ""
}

// Filter narrows the passages of a version.
type Filter struct {
	Page   int    // printed page, 0 means all
	Sheet  int    // position of the page in the document from 1, 0 means all
	Text   string // words the passage's own text or heading holds, any case; "" means all
	ID     string // of one passage, "" means all
	Offset int
	Limit  int // 0 means 50
}

// Vector is the embedding of a passage.
type Vector struct {
	PassageID string
	Values    []float32
}

// Corpus is what is active, read at one moment.
type Corpus struct {
	Revision  string // equal revisions hold equal corpora
	Embedded  bool   // every passage has its vector in the space asked for
	Documents []rag.Document
	Passages  []rag.Passage
}

// Shelf keeps versions of guidelines. Unknown ids give an error of kind not-found.
type Shelf interface {
	// Add keeps a draft with its bytes and asks for its reading, all or nothing. The
	// same bytes under the same identifier and version are not added twice:
	// created is then false, and a reading that failed is asked for again.
	Add(ctx context.Context, a Addition) (id string, created bool, err error)
	// Versions gives the versions named, or all when none is named: by identifier,
	// the latest first.
	Versions(ctx context.Context, ids ...string) ([]Version, error)
	// Delete removes a version and everything that came of it.
	Delete(ctx context.Context, id string) error
}

// Content keeps what a version consists of.
type Content interface {
	Source(ctx context.Context, id string) ([]byte, error)
	// SaveContent replaces pages and passages in one step, unless a procedure of
	// the same or a higher number has done so.
	SaveContent(ctx context.Context, id string, pipeline int, pages []parse.Page, passages []rag.Passage) error
	// Complete notes that nothing lacks any more. An empty space means that no
	// vectors are wanted.
	Complete(ctx context.Context, id string, space embed.Space) error
}

// Embeddings keeps vectors by space.
type Embeddings interface {
	retrieve.Vectors
	// Unembedded gives passages without a vector in space whose Ord is at least
	// from, in order.
	Unembedded(ctx context.Context, id string, space embed.Space, from, limit int) ([]rag.Passage, error)
	SaveVectors(ctx context.Context, id string, space embed.Space, vectors []Vector) error
}

// Release decides what feeds answers.
type Release interface {
	// Approve makes a complete version the active one of its guideline and retires
	// its predecessor in the same step. by is a smart.Person.ID or "".
	Approve(ctx context.Context, id, by string) error
	Retire(ctx context.Context, id string) error
	// Stale names the versions, retired ones apart, whose content was made by an
	// older procedure or lacks vectors in space.
	Stale(ctx context.Context, pipeline int, space embed.Space) ([]string, error)
}

// Reading gives what people look at.
type Reading interface {
	Passages(ctx context.Context, id string, f Filter) (total int, passages []Passage, err error)
	// Pages gives the pages from the one at position from, at most limit, 0 for all.
	Pages(ctx context.Context, id string, from, limit int) ([]parse.Page, error)
}

// Passage is a passage with what curators said of it.
type Passage struct {
	rag.Passage
	Mark
}

// Mark is what a curator says of the words of a passage.
type Mark struct {
	Disabled bool // feeds no answer and is not cited
	Note     string
	By       string // smart.Person.ID or ""
	At       *time.Time
}

// Curation keeps marks.
type Curation interface {
	Mark(ctx context.Context, id, passage string, m Mark) error
}

// Images keeps images of pages for a while.
type Images interface {
	Image(ctx context.Context, id string, sheet, width int) ([]byte, error) // nil when there is none
	SaveImage(ctx context.Context, id string, sheet, width int, image []byte) error
}

// Active gives what search is built from.
type Active interface {
	Revision(ctx context.Context, space embed.Space, today time.Time) (string, error)
	Corpus(ctx context.Context, space embed.Space, today time.Time) (Corpus, error)
	// Watch calls changed whenever the active versions may have changed, in this
	// process or another, until ctx ends.
	Watch(ctx context.Context, changed func())
}

// Store is all of them; rag/store fills it.
type Store interface {
	Shelf
	Content
	Embeddings
	Spaces
	Release
	Reading
	Active
	Curation
	Images
}

// Package child reads files in a process of its own: the same program, started
// anew with an empty environment, which is killed when it takes too long or too much
// memory. A hostile file then costs one child and never the server. It owns the
// start and the end of that process and what is said between the two; it refuses to
// read anything itself that is not plain and small.
//
// The parent writes one order as a line of JSON and then the bytes of the file; the
// child answers with lines of JSON: progress, and at the end a result or a reason.
package child

import (
	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/parse"
)

// Limits of a child (SAFETY T6).
const (
	maxMemory = 400 << 20 // resident bytes, by which the parent kills it
	softHeap  = 160 << 20 // bytes of Go memory above which the child collects garbage harder
	maxAnswer = 96 << 20  // bytes the parent takes
	maxFile   = 50 << 20  // bytes of a file
)

// What an order asks for.
const (
	inspect = "inspect"
	read    = "read"
	render  = "render"
	warm    = "warm"
)

// order is what the parent wants.
type order struct {
	Do    string       `json:"do"`
	Name  string       `json:"name,omitempty"` // of the file; stands in errors only
	Meta  parse.Meta   `json:"meta,omitzero"`
	Of    rag.Document `json:"of,omitzero"`
	Page  int          `json:"page,omitempty"`  // from 0
	Width int          `json:"width,omitempty"` // pixels
	Cache string       `json:"cache,omitempty"` // folder of the compiled module
	CPU   int          `json:"cpu,omitempty"`   // seconds of processor time
}

// nice is how far the child stands back: hooks go before all of it, and a file that
// is read in the background before nobody who waits. Not to the last, or a busy
// machine would never come to it.
func (o order) nice() int {
	if o.Do == read {
		return 10
	}
	return 5
}

// answer is a line the child says.
type answer struct {
	Done    int            `json:"done,omitempty"`
	Total   int            `json:"total,omitempty"`
	Summary *parse.Summary `json:"summary,omitempty"`
	Content *parse.Content `json:"content,omitempty"`
	Image   []byte         `json:"image,omitempty"` // PNG
	Warm    bool           `json:"warm,omitempty"`
	Kind    issue.Kind     `json:"kind,omitempty"` // of the failure
	Text    string         `json:"text,omitempty"`
}

func (a answer) last() bool {
	return a.Summary != nil || a.Content != nil || a.Image != nil || a.Warm || a.Kind != ""
}

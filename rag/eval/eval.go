// Package eval measures retrieval: judged queries, runs, nDCG, recall, MRR,
// abstention and the significance of a difference. It owns the definitions and
// refuses files and clocks: readers and writers are handed in.
package eval

import (
	"context"
	"io"

	"cdss/rag"
)

// Query is a judged query. No Relevant passages means out of scope: the right
// answer is to abstain.
type Query struct {
	ID       string      `json:"id"`
	Lang     string      `json:"lang"`
	Kind     string      `json:"kind"`
	Text     string      `json:"query"`
	Relevant []Judgement `json:"relevant"`
}

// Judgement is a verbatim quote that answers a query, with its grade 1 to 3.
// Quotes of one Unit are the same content in several files.
type Judgement struct {
	Doc     string `json:"doc"`
	Page    *int   `json:"page"`
	Heading string `json:"heading"`
	Quote   string `json:"quote"`
	Grade   int    `json:"grade"`
	Unit    string `json:"unit"`
}

// Line is one query's result in a run file.
type Line struct {
	ID        string  `json:"id"`
	Abstained bool    `json:"abstained"`
	Results   []Found `json:"results"`
}

// Found is one passage of a run file. Doc is the file name.
type Found struct {
	Doc     string  `json:"doc"`
	Page    *int    `json:"page"`
	Heading string  `json:"heading"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"`
}

// Search answers one query.
type Search func(ctx context.Context, q rag.Query) (rag.Result, error)

// LoadQueries reads judged queries, one JSON object a line.
func LoadQueries(r io.Reader) ([]Query, error) { return nil, nil }

// Run asks every query in order and keeps the first top results of each.
func Run(ctx context.Context, queries []Query, top int, search Search) ([]Line, error) {
	return nil, nil
}

// WriteRun writes a run, one JSON object a line.
func WriteRun(w io.Writer, run []Line) error { return nil }

// ReadRun reads what WriteRun wrote.
func ReadRun(r io.Reader) ([]Line, error) { return nil, nil }

// Report holds means per group: "all", "kind:<kind>", "lang:<lang>".
type Report struct {
	Groups     map[string]Measures
	PerQuery   map[string]Measures
	Abstention *Abstention // nil unless in-scope and out-of-scope queries are both there
}

// Measures of one query, or their means over N queries.
type Measures struct {
	N                                          int
	NDCG                                       float64 // at K
	Recall5, Recall10, Recall20, QuoteRecall10 float64
	Recall8k, MRR, PChar5, Len                 float64
}

// Abstention tells how well silence is chosen.
type Abstention struct {
	OutOfScopeAbstained float64 // higher is better
	FalseAbstained      float64 // lower is better
	AUC                 float64
}

// Score measures a run. sources holds the raw text of each file by name, which
// pchar@5 needs to locate quotes; k is the depth of nDCG, 10 when 0.
func Score(queries []Query, run []Line, sources map[string]string, k int) Report { return Report{} }

// WriteTable prints the report, groups in rows.
func (r Report) WriteTable(w io.Writer) error { return nil }

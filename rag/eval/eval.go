// Package eval measures retrieval: judged queries, runs, nDCG, recall, MRR,
// abstention and the significance of a difference. It owns the definitions and
// refuses files and clocks: readers and writers are handed in.
package eval

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"cdss/fhir/issue"
	"cdss/rag"
)

// Query is a judged query. No Relevant passages means out of scope: the right
// answer is to abstain.
type Query struct {
	ID       string      `json:"id"`
	Lang     string      `json:"lang"`
	Kind     string      `json:"kind,omitempty"`
	Text     string      `json:"query"`
	Relevant []Judgement `json:"relevant,omitempty"`
}

// Judgement is a verbatim quote that answers a query, with its grade: 3 answers
// directly, 2 is substantially relevant, 1 marginally. Quotes of one Unit are the
// same content in several files; finding one is enough.
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

// LoadQueries reads judged queries, one JSON object a line. An error names the line.
func LoadQueries(r io.Reader) ([]Query, error) {
	var queries []Query
	seen := map[string]bool{}
	err := eachLine(r, func(n int, line []byte) error {
		var q Query
		if err := json.Unmarshal(line, &q); err != nil {
			return issue.Wrap(issue.Invalid, err, "read query in line %d", n)
		}
		switch {
		case q.ID == "" || strings.TrimSpace(q.Text) == "":
			return issue.New(issue.Required, "query in line %d lacks id or query", n)
		case seen[q.ID]:
			return issue.New(issue.Duplicate, "query id %q in line %d was used before", q.ID, n)
		}
		for i := range q.Relevant {
			if q.Relevant[i].Unit == "" { // a quote without copies is a unit of its own
				q.Relevant[i].Unit = fmt.Sprintf("#%d", i)
			}
		}
		seen[q.ID] = true
		queries = append(queries, q)
		return nil
	})
	return queries, err
}

// Run asks every query in order and keeps the first top results of each; an
// abstention has no results. 20 is meant where top is 0.
func Run(ctx context.Context, queries []Query, top int, search Search) ([]Line, error) {
	if top <= 0 {
		top = 20
	}
	run := make([]Line, 0, len(queries))
	for _, q := range queries {
		res, err := search(ctx, rag.Query{Text: q.Text, Language: q.Lang, K: top})
		if err != nil {
			return nil, fmt.Errorf("run query %s: %w", q.ID, err)
		}
		run = append(run, LineOf(q.ID, res, top))
	}
	return run, nil
}

// LineOf turns a search result into a line of a run file.
func LineOf(id string, res rag.Result, top int) Line {
	line := Line{ID: id, Abstained: res.Abstained, Results: []Found{}}
	if res.Abstained {
		return line
	}
	for i, h := range res.Hits {
		if i == top {
			break
		}
		f := Found{Doc: h.Document.FileName, Text: h.Passage.Quoted, Score: h.Score}
		if h.Passage.Page > 0 {
			page := h.Passage.Page
			f.Page = &page
		}
		if n := len(h.Passage.Section); n > 0 {
			f.Heading = h.Passage.Section[n-1]
		}
		line.Results = append(line.Results, f)
	}
	return line
}

// WriteRun writes a run, one JSON object a line.
func WriteRun(w io.Writer, run []Line) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, line := range run {
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("write run: %w", err)
		}
	}
	return nil
}

// ReadRun reads what WriteRun wrote.
func ReadRun(r io.Reader) ([]Line, error) {
	var run []Line
	err := eachLine(r, func(n int, line []byte) error {
		var l Line
		if err := json.Unmarshal(line, &l); err != nil {
			return issue.Wrap(issue.Invalid, err, "read run in line %d", n)
		}
		run = append(run, l)
		return nil
	})
	return run, err
}

func eachLine(r io.Reader, f func(n int, line []byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	for n := 1; sc.Scan(); n++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		if err := f(n, sc.Bytes()); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return issue.Wrap(issue.Invalid, err, "read lines")
	}
	return nil
}

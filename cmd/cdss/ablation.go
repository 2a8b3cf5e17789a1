package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"cdss/rag"
	"cdss/rag/eval"
	"cdss/rag/lexical"
	"cdss/rag/retrieve"
)

// ablate asks the same queries of two plain searches over the same passages, and of
// the ranking without each of its steps. Nothing abstains, for a threshold is set
// for one ranking. It tells its progress, a line for each.
func (l *measured) ablate(ctx context.Context, list []eval.Query, top int, score func([]eval.Line) eval.Report, progress io.Writer) ([]eval.Row, error) {
	corpus, err := l.store.Corpus(ctx, l.parts.embedder.Space(), time.Now())
	if err != nil {
		return nil, err
	}
	passages := map[string]rag.Hit{}
	documents := map[string]rag.Document{}
	for _, d := range corpus.Documents {
		documents[d.ID] = d
	}
	for _, p := range corpus.Passages {
		passages[p.ID] = rag.Hit{Passage: p, Document: documents[p.Document]}
	}
	var rows []eval.Row
	row := func(name string, search eval.Search) error {
		fmt.Fprintf(progress, "%s\n", name)
		run, err := eval.Run(ctx, list, top, search)
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
		rows = append(rows, eval.Row{Name: name, Report: score(run)})
		return nil
	}
	if err := row("plain BM25: words as written, k1 1.2, b 0.75", plainBM25(corpus.Passages, passages)); err != nil {
		return nil, err
	}
	if err := row("PostgreSQL full text: ts_rank, any word", l.fullText("ts_rank", passages)); err != nil {
		return nil, err
	}
	if err := row("PostgreSQL full text: ts_rank_cd, any word", l.fullText("ts_rank_cd", passages)); err != nil {
		return nil, err
	}
	for _, step := range retrieve.Steps() {
		settings := retrieve.DefaultSettings()
		step.Out(&settings)
		settings.Abstain = 0
		options := retrieve.Options{Settings: &settings}
		if !step.Words {
			options.Expander, options.Embedder = l.parts.concepts, l.parts.embedder
		}
		snapshot := retrieve.Build(corpus.Documents, corpus.Passages, options)
		err := row("without "+step.Name, func(ctx context.Context, q rag.Query) (rag.Result, error) {
			return snapshot.Search(ctx, q, l.store), ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// plainBM25 ranks by the words alone, each once in the text with its headings, as a
// search engine does that knows nothing of the domain.
func plainBM25(list []rag.Passage, hits map[string]rag.Hit) eval.Search {
	builder := lexical.NewBuilder()
	for _, p := range list {
		builder.Add(lexical.Field{Tokens: lexical.Words(p.Indexed), Weight: 1})
	}
	index := builder.Build(1.2, 0.75)
	return func(ctx context.Context, q rag.Query) (rag.Result, error) {
		var words []lexical.Weighted
		for _, w := range lexical.Words(q.Text) {
			words = append(words, lexical.Weighted{Token: w, Weight: 1})
		}
		scores := make([]float32, index.Len())
		index.Score(words, scores)
		var found []rag.Hit
		for i, s := range scores {
			if s > 0 {
				h := hits[list[i].ID]
				h.Score = float64(s)
				found = append(found, h)
			}
		}
		slices.SortStableFunc(found, func(a, b rag.Hit) int { return cmp.Compare(b.Score, a.Score) })
		return rag.Result{Query: q, Hits: found[:min(q.K, len(found))]}, ctx.Err()
	}
}

// fullText ranks by PostgreSQL, each passage in the configuration of its language and
// the question in both, any word of which may match.
func (l *measured) fullText(rank string, hits map[string]rag.Hit) eval.Search {
	query := `
		WITH passages AS (
			SELECT id, ord, to_tsvector(CASE lang WHEN 'en' THEN 'english'::regconfig ELSE 'german'::regconfig END, indexed) AS words
			FROM passage WHERE status = 'active'
		), question AS (
			SELECT replace(plainto_tsquery('german', $1)::text, '&', '|')::tsquery
			    || replace(plainto_tsquery('english', $1)::text, '&', '|')::tsquery AS words
		)
		SELECT p.id::text, ` + rank + `(p.words, q.words, 1)::float8 AS score
		FROM passages p, question q WHERE p.words @@ q.words
		ORDER BY score DESC, p.ord, p.id LIMIT $2`
	return func(ctx context.Context, q rag.Query) (rag.Result, error) {
		rows, err := l.pool.Query(ctx, query, q.Text, q.K)
		if err != nil {
			return rag.Result{}, err
		}
		defer rows.Close()
		res := rag.Result{Query: q}
		for rows.Next() {
			var id string
			var h rag.Hit
			var score float64
			if err := rows.Scan(&id, &score); err != nil {
				return rag.Result{}, err
			}
			h = hits[id]
			h.Score = score
			res.Hits = append(res.Hits, h)
		}
		return res, rows.Err()
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/parse"
)

const sourceQuery = `SELECT content FROM guideline_source WHERE version_id = $1`

// Source implements ingest.Content.
func (s *Store) Source(ctx context.Context, id string) ([]byte, error) {
	u, err := parseID(id)
	if err != nil {
		return nil, err
	}
	var content []byte
	err = s.pool.QueryRow(ctx, sourceQuery, u).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, unknown(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read the source of guideline version %s: %w", id, err)
	}
	return content, nil
}

const (
	lockVersionQuery = `
SELECT guideline_id, status, pipeline FROM guideline_version WHERE id = $1 FOR UPDATE`

	clearPassagesQuery = `DELETE FROM passage WHERE version_id = $1`
	clearPagesQuery    = `DELETE FROM guideline_page WHERE version_id = $1`

	// The vectors went with the passages.
	contentSavedQuery = `UPDATE guideline_version SET pipeline = $2, embedded_in = NULL WHERE id = $1`
)

// SaveContent implements ingest.Content. A worker that was taken for dead and
// comes back late finds the work done and changes nothing.
func (s *Store) SaveContent(ctx context.Context, id string, pipeline int, pages []parse.Page, passages []rag.Passage) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	return s.inTx(ctx, pgx.TxOptions{}, "save the passages of guideline version "+id, func(tx pgx.Tx) error {
		var (
			guideline pgtype.UUID
			status    rag.Status
			present   int
		)
		err := tx.QueryRow(ctx, lockVersionQuery, u).Scan(&guideline, &status, &present)
		if errors.Is(err, pgx.ErrNoRows) {
			return unknown(id)
		}
		if err != nil || present >= pipeline {
			return err
		}
		for _, query := range []string{clearPassagesQuery, clearPagesQuery} {
			if _, err := tx.Exec(ctx, query, u); err != nil {
				return err
			}
		}
		if err := copyPages(ctx, tx, u, pages); err != nil {
			return err
		}
		if err := copyPassages(ctx, tx, u, guideline, status, passages); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, contentSavedQuery, u, pipeline); err != nil {
			return err
		}
		if err := inheritMarks(ctx, tx, u, guideline); err != nil {
			return err
		}
		if status != rag.Active {
			return nil
		}
		return announce(ctx, tx)
	})
}

func copyPages(ctx context.Context, tx pgx.Tx, version pgtype.UUID, pages []parse.Page) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"guideline_page"}, []string{"version_id", "ord", "label", "text", "width", "height", "words", "flags"},
		pgx.CopyFromSlice(len(pages), func(i int) ([]any, error) {
			p := pages[i]
			label := p.Label
			if p.Number > 0 {
				label = strconv.Itoa(p.Number)
			}
			flags := p.Flags
			if flags == nil {
				flags = []parse.Flag{}
			}
			return []any{version, i, label, p.Text, p.Width, p.Height, parse.PackWords(p.Words), flags}, nil
		}))
	return err
}

func copyPassages(ctx context.Context, tx pgx.Tx, version, guideline pgtype.UUID, status rag.Status, passages []rag.Passage) error {
	names := []string{"id", "version_id", "guideline_id", "ord", "kind", "lang", "status", "page", "page_end", "section",
		"indexed", "quoted", "sha256", "anchor"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"passage"}, names,
		pgx.CopyFromSlice(len(passages), func(i int) ([]any, error) {
			p := passages[i]
			var passage pgtype.UUID
			if err := passage.Scan(p.ID); err != nil {
				return nil, fmt.Errorf("id of passage %d: %w", p.Ord, err)
			}
			section := p.Section
			if section == nil {
				section = []string{}
			}
			return []any{passage, version, guideline, p.Ord, string(p.Kind), p.Language, string(status), p.Page, max(p.Page, p.PageEnd),
				section, p.Indexed, p.Quoted, p.SHA256, anchor{p.Anchor.Sheet, p.Anchor.Start, p.Anchor.End}}, nil
		}))
	return err
}

const (
	completeQuery = `
UPDATE guideline_version
SET embedded_in = $2, indexed_at = coalesce(indexed_at, now())
WHERE id = $1 AND pipeline > 0
RETURNING status`

	// A space takes over once every active version is in it. Its predecessor is
	// kept for replicas that still search it; the one before goes.
	takeOverQuery = `
SELECT NOT EXISTS (SELECT FROM embedding_space WHERE id = $1 AND state = 'active')
   AND NOT EXISTS (SELECT FROM guideline_version WHERE status = 'active' AND embedded_in IS DISTINCT FROM $1)`
	dropSpacesQuery    = `DELETE FROM embedding_space WHERE state = 'retired' AND id <> $1`
	retireSpaceQuery   = `UPDATE embedding_space SET state = 'retired' WHERE state = 'active'`
	activateSpaceQuery = `UPDATE embedding_space SET state = 'active', activated_at = now() WHERE id = $1`

	// One at a time: two takeovers would see each other's half.
	lockSpacesQuery = `LOCK TABLE embedding_space IN SHARE ROW EXCLUSIVE MODE`
)

// Complete implements ingest.Content.
func (s *Store) Complete(ctx context.Context, id string, space embed.Space) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	n, err := s.space(ctx, space)
	if err != nil {
		return err
	}
	defer s.forgetSpaces() // a takeover drops spaces
	return s.inTx(ctx, pgx.TxOptions{}, "complete guideline version "+id, func(tx pgx.Tx) error {
		if n != 0 { // before any row, so that two of these cannot wait for each other
			if _, err := tx.Exec(ctx, lockSpacesQuery); err != nil {
				return err
			}
		}
		var status rag.Status
		err := tx.QueryRow(ctx, completeQuery, u, pgtype.Int4{Int32: int32(n), Valid: n != 0}).Scan(&status)
		if errors.Is(err, pgx.ErrNoRows) {
			return unknown(id)
		}
		if err != nil {
			return err
		}
		if n != 0 {
			if err := takeOver(ctx, tx, n); err != nil {
				return err
			}
		}
		if status != rag.Active {
			return nil
		}
		return announce(ctx, tx)
	})
}

func takeOver(ctx context.Context, tx pgx.Tx, space int) error {
	var due bool
	if err := tx.QueryRow(ctx, takeOverQuery, space).Scan(&due); err != nil || !due {
		return err
	}
	if _, err := tx.Exec(ctx, dropSpacesQuery, space); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, retireSpaceQuery); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, activateSpaceQuery, space)
	return err
}

// passageRow is a row of the passage queries.
type passageRow struct {
	ID, VersionID   string
	Ord             int
	Kind            rag.Kind
	Lang            string
	Page, PageEnd   int
	Section         []string
	Quoted, Indexed string
	SHA256          string
	Anchor          anchor
	Earlier         []rag.Earlier
}

// anchor is rag.Anchor as it is stored.
type anchor struct {
	Sheet int `json:"sheet"`
	Start int `json:"start"`
	End   int `json:"end"`
}

func (r passageRow) passage() rag.Passage {
	if len(r.Earlier) == 0 {
		r.Earlier = nil
	}
	return rag.Passage{
		ID: r.ID, Document: r.VersionID, Ord: r.Ord, Kind: r.Kind, Language: r.Lang, Page: r.Page, PageEnd: r.PageEnd,
		Section: r.Section, Quoted: r.Quoted, Indexed: r.Indexed, SHA256: r.SHA256,
		Anchor: rag.Anchor{Sheet: r.Anchor.Sheet, Start: r.Anchor.Start, End: r.Anchor.End}, Earlier: r.Earlier,
	}
}

const passageColumns = `p.id, p.version_id, p.ord, p.kind, p.lang, p.page, p.page_end, p.section, p.quoted, p.indexed, p.sha256, p.anchor, p.earlier`

const existsQuery = `SELECT EXISTS (SELECT FROM guideline_version WHERE id = $1)`

// existing reads an id and tells a version without passages from none.
func (s *Store) existing(ctx context.Context, id string) (pgtype.UUID, error) {
	u, err := parseID(id)
	if err != nil {
		return u, err
	}
	var exists bool
	if err := s.pool.QueryRow(ctx, existsQuery, u).Scan(&exists); err != nil {
		return u, fmt.Errorf("look for guideline version %s: %w", id, err)
	}
	if !exists {
		return u, unknown(id)
	}
	return u, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) passages(ctx context.Context, query string, args pgx.NamedArgs) ([]rag.Passage, error) {
	return collectPassages(ctx, s.pool, query, args)
}

func collectPassages(ctx context.Context, db querier, query string, args pgx.NamedArgs) ([]rag.Passage, error) {
	rows, err := db.Query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (rag.Passage, error) {
		r, err := pgx.RowToStructByName[passageRow](row)
		return r.passage(), err
	})
}

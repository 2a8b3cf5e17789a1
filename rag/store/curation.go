package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/rag/ingest"
	"cdss/rag/parse"
)

const (
	// A pattern matches the source's own words and headings, not the indexed form.
	passageFilter = `
FROM passage p LEFT JOIN passage_mark m ON m.version_id = p.version_id AND m.sha256 = p.sha256
WHERE p.version_id = @id
  AND (@page = 0 OR @page BETWEEN p.page AND p.page_end)
  AND (@sheet = 0 OR (p.anchor->>'sheet')::int = @sheet - 1)
  AND (@passage::uuid IS NULL OR p.id = @passage)
  AND (@pattern = '' OR p.quoted ILIKE @pattern OR array_to_string(p.section, ' ') ILIKE @pattern)`

	countPassagesQuery = `SELECT count(*)` + passageFilter
	passagesQuery      = `SELECT ` + passageColumns + `,
       coalesce(m.disabled, false) AS disabled, coalesce(m.note, '') AS note, coalesce(m.marked_by, '') AS marked_by, m.marked_at` + passageFilter + ` ORDER BY p.ord OFFSET @offset LIMIT @limit`
)

// Passages implements ingest.Reading.
func (s *Store) Passages(ctx context.Context, id string, f ingest.Filter) (int, []ingest.Passage, error) {
	u, err := s.existing(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	var one pgtype.UUID
	if f.ID != "" && (len(f.ID) != 36 || one.Scan(f.ID) != nil) {
		return 0, nil, nil // names no passage
	}
	args := pgx.NamedArgs{"id": u, "page": f.Page, "sheet": f.Sheet, "passage": one, "pattern": pattern(f.Text), "offset": f.Offset, "limit": f.Limit}
	var total int
	if err := s.pool.QueryRow(ctx, countPassagesQuery, args).Scan(&total); err != nil {
		return 0, nil, fmt.Errorf("count passages of guideline version %s: %w", id, err)
	}
	rows, err := s.pool.Query(ctx, passagesQuery, args)
	if err != nil {
		return 0, nil, fmt.Errorf("read passages of guideline version %s: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ingest.Passage, error) {
		r, err := pgx.RowToStructByName[markedRow](row)
		return ingest.Passage{Passage: r.passage(), Mark: ingest.Mark{Disabled: r.Disabled, Note: r.Note, By: r.MarkedBy, At: utc(r.MarkedAt)}}, err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("read passages of guideline version %s: %w", id, err)
	}
	return total, list, nil
}

// pattern makes an ILIKE pattern that finds text literally.
func pattern(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(text), "\x00", ""), "")
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// markedRow is a passage with its mark.
type markedRow struct {
	passageRow
	Disabled       bool
	Note, MarkedBy string
	MarkedAt       *time.Time
}

const pagesQuery = `
SELECT label, text, width, height, words, flags FROM guideline_page
WHERE version_id = $1 AND ord >= $2 ORDER BY ord LIMIT NULLIF($3, 0)`

// Pages implements ingest.Reading.
func (s *Store) Pages(ctx context.Context, id string, from, limit int) ([]parse.Page, error) {
	u, err := s.existing(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, pagesQuery, u, from, limit)
	if err != nil {
		return nil, fmt.Errorf("read pages of guideline version %s: %w", id, err)
	}
	pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (parse.Page, error) {
		var (
			p     parse.Page
			label string
			words []byte
		)
		err := row.Scan(&label, &p.Text, &p.Width, &p.Height, &words, &p.Flags)
		if p.Number, _ = strconv.Atoi(label); p.Number == 0 { // '' means no printed page
			p.Label = label
		}
		p.Words = parse.UnpackWords(words)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("read pages of guideline version %s: %w", id, err)
	}
	return pages, nil
}

const (
	// Marks that say nothing any more go.
	markQuery = `
INSERT INTO passage_mark (version_id, sha256, disabled, note, marked_by)
SELECT version_id, sha256, $3, $4, $5 FROM passage WHERE version_id = $1 AND id = $2
ON CONFLICT (version_id, sha256) DO UPDATE
SET disabled = EXCLUDED.disabled, note = EXCLUDED.note, marked_by = EXCLUDED.marked_by, marked_at = now()`
	unmarkQuery = `DELETE FROM passage_mark WHERE version_id = $1 AND NOT disabled AND note = ''`
	editedQuery = `UPDATE guideline_version SET edited = edited + 1 WHERE id = $1`

	// A new version inherits what was said of the same words in the active one.
	inheritMarksQuery = `
INSERT INTO passage_mark (version_id, sha256, disabled, note, marked_by, marked_at)
SELECT $1, m.sha256, m.disabled, m.note, m.marked_by, m.marked_at
FROM passage_mark m JOIN guideline_version v ON v.id = m.version_id
WHERE v.guideline_id = $2 AND v.status = 'active' AND v.id <> $1
  AND EXISTS (SELECT FROM passage p WHERE p.version_id = $1 AND p.sha256 = m.sha256)
ON CONFLICT DO NOTHING`
)

// Mark implements ingest.Curation.
func (s *Store) Mark(ctx context.Context, id, passage string, m ingest.Mark) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	var p pgtype.UUID
	if len(passage) != 36 || p.Scan(passage) != nil {
		return unknownPassage(passage)
	}
	return s.inTx(ctx, pgx.TxOptions{}, "mark a passage of guideline version "+id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, markQuery, u, p, m.Disabled, m.Note, m.By)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return unknownPassage(passage)
		}
		if _, err := tx.Exec(ctx, unmarkQuery, u); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, editedQuery, u); err != nil {
			return err
		}
		if err := attest(ctx, tx, audit.Update, id); err != nil {
			return err
		}
		return announce(ctx, tx)
	})
}

func unknownPassage(id string) error {
	const shown = 60
	return issue.New(issue.NotFound, "there is no passage %q in this version", id[:min(len(id), shown)])
}

func inheritMarks(ctx context.Context, tx pgx.Tx, version, guideline pgtype.UUID) error {
	_, err := tx.Exec(ctx, inheritMarksQuery, version, guideline)
	return err
}

// mostImages bounds what page images take, in bytes.
const mostImages = 256 << 20

const (
	findImageQuery = `UPDATE page_image SET used_at = now() WHERE version_id = $1 AND ord = $2 AND width = $3 RETURNING image`
	saveImageQuery = `
INSERT INTO page_image (version_id, ord, width, image) VALUES ($1, $2, $3, $4)
ON CONFLICT (version_id, ord, width) DO UPDATE SET used_at = now()`
	dropImagesQuery = `
DELETE FROM page_image WHERE (version_id, ord, width) IN (
    SELECT version_id, ord, width FROM (
        SELECT version_id, ord, width, sum(length(image)) OVER (ORDER BY used_at DESC, version_id, ord, width) AS total FROM page_image) t
    WHERE total > $1)`
)

// Image implements ingest.Images.
func (s *Store) Image(ctx context.Context, id string, sheet, width int) ([]byte, error) {
	u, err := parseID(id)
	if err != nil {
		return nil, err
	}
	var image []byte
	err = s.pool.QueryRow(ctx, findImageQuery, u, sheet, width).Scan(&image)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find a page image of guideline version %s: %w", id, err)
	}
	return image, nil
}

// SaveImage implements ingest.Images.
func (s *Store) SaveImage(ctx context.Context, id string, sheet, width int, image []byte) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	return s.inTx(ctx, pgx.TxOptions{}, "keep a page image of guideline version "+id, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, saveImageQuery, u, sheet, width, image); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, dropImagesQuery, mostImages)
		return err
	})
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
)

const (
	statusQuery = `SELECT status, indexed_at IS NOT NULL FROM guideline_version WHERE id = $1 FOR UPDATE`

	retireOthersQuery = `
UPDATE guideline_version SET status = 'retired', retired_at = now()
WHERE guideline_id = $1 AND status = 'active'
RETURNING id::text`
	activateQuery = `
UPDATE guideline_version SET status = 'active', approved_at = now(), approved_by = $2, retired_at = NULL WHERE id = $1`
	retireQuery = `
UPDATE guideline_version SET status = 'retired', retired_at = now() WHERE id = $1`

	// The copies of the status follow in the same transaction.
	spreadToPassagesQuery = `
UPDATE passage p SET status = v.status FROM guideline_version v
WHERE v.guideline_id = $1 AND p.version_id = v.id AND p.status <> v.status`
	spreadToVectorsQuery = `
UPDATE passage_embedding e SET status = p.status FROM passage p
WHERE p.guideline_id = $1 AND e.passage_id = p.id AND e.status <> p.status`
)

// Approve implements ingest.Release.
func (s *Store) Approve(ctx context.Context, id, by string) error {
	return s.change(ctx, id, "approve", func(tx pgx.Tx, guideline string, u pgtype.UUID, status rag.Status, complete bool) (bool, error) {
		if status == rag.Active {
			return false, nil
		}
		if !complete {
			return false, issue.New(issue.Conflict, "guideline version %s is not read completely yet: approve it when its job is done", id)
		}
		rows, err := tx.Query(ctx, retireOthersQuery, guideline)
		if err != nil {
			return false, err
		}
		others, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return false, err
		}
		for _, other := range others {
			if err := attest(ctx, tx, audit.Retire, other); err != nil {
				return false, err
			}
		}
		if err := rebind(ctx, tx, u); err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, activateQuery, u, by); err != nil {
			return false, err
		}
		return true, attest(ctx, tx, audit.Approve, id)
	})
}

// Retire implements ingest.Release.
func (s *Store) Retire(ctx context.Context, id string) error {
	return s.change(ctx, id, "retire", func(tx pgx.Tx, _ string, u pgtype.UUID, status rag.Status, _ bool) (bool, error) {
		switch status {
		case rag.Retired:
			return false, nil
		case rag.Draft:
			return false, issue.New(issue.Conflict, "guideline version %s is a draft, which feeds no answer: delete it instead", id)
		}
		if _, err := tx.Exec(ctx, retireQuery, u); err != nil {
			return false, err
		}
		return true, attest(ctx, tx, audit.Retire, id)
	})
}

// change runs do with the guideline locked, and spreads the new status.
func (s *Store) change(ctx context.Context, id, verb string,
	do func(tx pgx.Tx, guideline string, u pgtype.UUID, status rag.Status, complete bool) (changed bool, err error)) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	return s.inTx(ctx, pgx.TxOptions{}, verb+" guideline version "+id, func(tx pgx.Tx) error {
		guideline, err := lockGuideline(ctx, tx, u, id)
		if err != nil {
			return err
		}
		var (
			status   rag.Status
			complete bool
		)
		err = tx.QueryRow(ctx, statusQuery, u).Scan(&status, &complete)
		if errors.Is(err, pgx.ErrNoRows) { // deleted while this one waited for the lock
			return unknown(id)
		}
		if err != nil {
			return err
		}
		changed, err := do(tx, guideline, u, status, complete)
		if err != nil || !changed {
			return err
		}
		for _, query := range []string{spreadToPassagesQuery, spreadToVectorsQuery} {
			if _, err := tx.Exec(ctx, query, guideline); err != nil {
				return err
			}
		}
		return announce(ctx, tx)
	})
}

// Versions that were never read completely are the business of their own task.
const staleQuery = `
SELECT id::text FROM guideline_version
WHERE status <> 'retired' AND indexed_at IS NOT NULL
  AND (pipeline < $1 OR $2 <> 0 AND embedded_in IS DISTINCT FROM $2)
ORDER BY status, created_at, id`

// Stale implements ingest.Release.
func (s *Store) Stale(ctx context.Context, pipeline int, space embed.Space) ([]string, error) {
	n, err := s.space(ctx, space)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, staleQuery, pipeline, n)
	if err != nil {
		return nil, fmt.Errorf("look for stale guideline versions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for stale guideline versions: %w", err)
	}
	return list, nil
}

const (
	// What makes one corpus differ from another. The day counts only through the
	// documents whose validity it ends.
	revisionQuery = `
SELECT coalesce(md5(string_agg(concat_ws('/', id, pipeline, edited, embedded_in, valid_until < @today::date), ',' ORDER BY id)), 'empty'),
       coalesce(bool_and(embedded_in IS NOT DISTINCT FROM @space), true)
FROM guideline_version WHERE status = 'active'`

	documentsQuery = `
SELECT v.id, g.identifier, v.title, v.version, v.publisher, v.language, v.valid_until, v.part_of, v.same_as,
       v.expired OR coalesce(v.valid_until < @today::date, false) AS expired,
       v.file_name, v.sha256, v.status, v.indications
FROM guideline_version v JOIN guideline g ON g.id = v.guideline_id
WHERE v.status = 'active'
ORDER BY g.identifier`

	activePassagesQuery = `SELECT ` + passageColumns + `
FROM passage p LEFT JOIN passage_mark m ON m.version_id = p.version_id AND m.sha256 = p.sha256
WHERE p.status = 'active' AND m.disabled IS NOT TRUE ORDER BY p.version_id, p.ord`
)

// Revision implements ingest.Active.
func (s *Store) Revision(ctx context.Context, space embed.Space, today time.Time) (string, error) {
	args, err := s.corpusArgs(ctx, space, today)
	if err != nil {
		return "", err
	}
	var (
		revision string
		embedded bool
	)
	if err := s.pool.QueryRow(ctx, revisionQuery, args).Scan(&revision, &embedded); err != nil {
		return "", fmt.Errorf("read the revision of the active guidelines: %w", err)
	}
	return revision, nil
}

func (s *Store) corpusArgs(ctx context.Context, space embed.Space, today time.Time) (pgx.NamedArgs, error) {
	n, err := s.space(ctx, space)
	return pgx.NamedArgs{"space": pgtype.Int4{Int32: int32(n), Valid: n != 0}, "today": today.Format(time.DateOnly)}, err
}

// Corpus implements ingest.Active.
func (s *Store) Corpus(ctx context.Context, space embed.Space, today time.Time) (ingest.Corpus, error) {
	var c ingest.Corpus
	args, err := s.corpusArgs(ctx, space, today)
	if err != nil {
		return c, err
	}
	oneMoment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = s.inTx(ctx, oneMoment, "read the active guidelines", func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, revisionQuery, args).Scan(&c.Revision, &c.Embedded); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, documentsQuery, args)
		if err != nil {
			return err
		}
		if c.Documents, err = pgx.CollectRows(rows, scanDocument); err != nil {
			return err
		}
		c.Passages, err = collectPassages(ctx, tx, activePassagesQuery, nil)
		return err
	})
	return c, err
}

func scanDocument(row pgx.CollectableRow) (rag.Document, error) {
	var (
		d          rag.Document
		validUntil pgtype.Date
	)
	err := row.Scan(&d.ID, &d.Identifier, &d.Title, &d.Version, &d.Publisher, &d.Language, &validUntil, &d.PartOf, &d.SameAs,
		&d.Expired, &d.FileName, &d.SHA256, &d.Status, &d.Indications)
	if validUntil.Valid {
		d.ValidUntil = validUntil.Time
	}
	return d, err
}

// Watch implements ingest.Active.
func (s *Store) Watch(ctx context.Context, changed func()) {
	task.Listen(ctx, s.pool, s.log, channel, func(string) { changed() })
}

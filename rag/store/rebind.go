package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/rag"
	"cdss/rag/ingest"
)

const (
	predecessorQuery = `
SELECT o.id, o.version FROM guideline_version o JOIN guideline_version v ON v.guideline_id = o.guideline_id
WHERE v.id = $1 AND o.id <> $1 AND o.approved_at IS NOT NULL
ORDER BY o.approved_at DESC, o.created_at DESC, o.id LIMIT 1`

	versionPassagesQuery = `SELECT ` + passageColumns + ` FROM passage p WHERE p.version_id = @id ORDER BY p.ord`
	earlierQuery         = `UPDATE passage SET earlier = $2 WHERE id = $1`
)

// rebind writes down where the words of a version stood in the one approved before
// it. A version that is approved again keeps what it knows.
func rebind(ctx context.Context, tx pgx.Tx, version pgtype.UUID) error {
	var (
		former pgtype.UUID
		name   string
	)
	err := tx.QueryRow(ctx, predecessorQuery, version).Scan(&former, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var lists [2][]rag.Passage
	for i, id := range []pgtype.UUID{former, version} {
		if lists[i], err = collectPassages(ctx, tx, versionPassagesQuery, pgx.NamedArgs{"id": id}); err != nil {
			return err
		}
	}
	batch := &pgx.Batch{}
	for id, earlier := range ingest.Rebind(lists[0], lists[1], name) {
		batch.Queue(earlierQuery, id, earlier)
	}
	return tx.SendBatch(ctx, batch).Close()
}

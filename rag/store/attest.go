package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
)

const attestedQuery = `
SELECT g.identifier, v.version, v.sha256
FROM guideline_version v JOIN guideline g ON g.id = v.guideline_id
WHERE v.id = $1`

// attest tells the audit trail what is done to a version, in the transaction that
// does it. Of one that is not there it tells nothing.
func attest(ctx context.Context, tx pgx.Tx, kind audit.Kind, id string) error {
	var identifier, version, sum string
	err := tx.QueryRow(ctx, attestedQuery, id).Scan(&identifier, &version, &sum)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return audit.Append(ctx, tx, audit.Event{
		Kind: kind, Data: "Guideline/" + id,
		Entities: []audit.Entity{{Name: "guideline", What: identifier, Details: audit.Details("version", version, "sha256", sum)}},
	})
}

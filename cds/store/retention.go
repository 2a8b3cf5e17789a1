package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
)

const (
	expireDecisionsQuery = `
DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE created_at < $1 ORDER BY created_at LIMIT $2)`

	expireFeedbackQuery = `
DELETE FROM feedback WHERE id IN (SELECT id FROM feedback WHERE received_at < $1 ORDER BY id LIMIT $2)`

	// A case also goes on the day its owner set.
	expireCasesQuery = `
DELETE FROM saved_case WHERE id IN (
    SELECT id FROM saved_case WHERE created_at < $1 OR delete_after < now() ORDER BY created_at LIMIT $2)`
)

// Keeps says how long decisions, feedback and saved cases are kept, and deletes
// them. Decisions and feedback tell why an alert was or was not shown, and are kept as
// long as a medical record (10 years, § 630f BGB); saved cases hold patient data and
// are a convenience. What a hook sends is never stored, so there is nothing to delete.
func Keeps() []audit.Keep {
	expire := func(query string) func(context.Context, pgx.Tx, time.Time, int) (int64, error) {
		return func(ctx context.Context, tx pgx.Tx, older time.Time, most int) (int64, error) {
			tag, err := tx.Exec(ctx, query, older, most)
			return tag.RowsAffected(), err
		}
	}
	return []audit.Keep{
		{Records: "decision", Days: 3653, Least: 30, Most: 3653, Expire: expire(expireDecisionsQuery)},
		{Records: "feedback", Days: 3653, Least: 30, Most: 3653, Expire: expire(expireFeedbackQuery)},
		{Records: "saved_case", Days: 90, Least: 1, Most: 3653, Expire: expire(expireCasesQuery)},
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// The decision is looked up by the card's uuid; feedback that outruns its
// decision is kept and finds it later by the same uuid.
const addFeedbackQuery = `
INSERT INTO feedback (card, decision_id, service, client, outcome, accepted_suggestions,
                      reason_system, reason_code, reason_display, comment, outcome_at)
SELECT $1::uuid, d.id, $2, $3, $4, $5, $6, $7, $8, $9, $10
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT id FROM decision
    WHERE cards @> jsonb_build_array(jsonb_build_object('uuid', $1::text)) OR id = $1::uuid
    LIMIT 1) AS d ON true
ON CONFLICT (card, outcome, outcome_at) DO NOTHING`

// A card that was issued to somebody else (SAFETY T9).
const foreignCardQuery = `
SELECT EXISTS (
    SELECT FROM decision
    WHERE (cards @> jsonb_build_array(jsonb_build_object('uuid', $1::text)) OR id = $1::uuid) AND client <> $2)`

// errForeign refuses feedback on another client's card with the words of one that
// does not exist.
var errForeign = issue.New(issue.NotFound, "no such card was issued to this client")

// KeepFeedback keeps feedback, all of a list or nothing. The same card, outcome
// and time again changes nothing. Feedback on a card that was issued to another
// client is of kind issue.NotFound. Without a database the error is of kind
// issue.Transient.
func (s *Store) KeepFeedback(ctx context.Context, list []cds.Feedback) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		for _, f := range list {
			var foreign bool
			if err := tx.QueryRow(ctx, foreignCardQuery, f.Card, f.Client).Scan(&foreign); err != nil {
				return err
			}
			if foreign {
				return errForeign
			}
			reason := cds.Coding{}
			if f.Reason != nil {
				reason = *f.Reason
			}
			suggestions := f.Suggestions
			if suggestions == nil {
				suggestions = []string{}
			}
			b.Queue(addFeedbackQuery, f.Card, f.Service, f.Client, string(f.Outcome), suggestions,
				reason.System, reason.Code, reason.Display, f.Comment, f.At)
			audit.Queue(ctx, &b, judged(f))
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	if errors.Is(err, errForeign) {
		return errForeign
	}
	if err != nil {
		return issue.Wrap(issue.Transient, err, "feedback on %d cards could not be kept", len(list))
	}
	return nil
}

const knownDecisionQuery = `SELECT EXISTS (SELECT FROM decision WHERE id = $1)`

// Decided tells whether a decision of that id was written.
func (s *Store) Decided(ctx context.Context, id string) (bool, error) {
	pool, err := s.database()
	if err != nil {
		return false, err
	}
	var known bool
	if err := pool.QueryRow(ctx, knownDecisionQuery, id).Scan(&known); err != nil {
		return false, fmt.Errorf("look for decision %s: %w", id, err)
	}
	return known, nil
}

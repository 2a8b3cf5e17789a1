package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// An event that is there already adds nothing, nor does it wait for a link again.
const appendQuery = `
WITH added AS (
    INSERT INTO audit_event (id, recorded, kind, action, outcome, patient, agent, client, data, detail)
    VALUES ($1, coalesce($2, clock_timestamp()), $3, $4, $5, audit_pseudonym($6), $7, $8, $9, $10)
    ON CONFLICT (id) DO NOTHING
    RETURNING seq
)
INSERT INTO audit_pending (event) SELECT seq FROM added`

// Append writes an event in the transaction of what it attests. It is chained after
// the transaction has been committed. When it fails, so must the transaction.
func Append(ctx context.Context, tx pgx.Tx, e Event) error {
	if _, err := tx.Exec(ctx, appendQuery, arguments(ctx, e)...); err != nil {
		return fmt.Errorf("write audit event %s: %w", e.Kind, err)
	}
	return nil
}

// Queue adds an event to a batch that is sent as one transaction: it costs no round
// trip of its own.
func Queue(ctx context.Context, b *pgx.Batch, e Event) {
	b.Queue(appendQuery, arguments(ctx, e)...)
}

// arguments are those of appendQuery.
func arguments(ctx context.Context, e Event) []any {
	e.Caller = e.Caller.over(From(ctx))
	if e.Caller.nobody() {
		e.Caller.Client = System
	}
	e = e.bounded()
	if e.ID == "" {
		e.ID = newID(time.Now())
	}
	action, ok := actions[e.Kind]
	if !ok {
		action = Execution
	}
	var at *time.Time
	if !e.At.IsZero() {
		micro := e.At.UTC().Truncate(time.Microsecond) // what a row holds
		at = &micro
	}
	text, err := json.Marshal(detail{
		Reason: e.Reason, Roles: e.Caller.Roles, Address: e.Caller.Address, Request: e.Caller.Request, Query: e.Query, Entities: e.Entities,
	})
	if err != nil {
		panic("audit: " + err.Error()) // texts only
	}
	return []any{e.ID, at, string(e.Kind), string(action), int(e.Outcome), []byte(e.Patient), e.Caller.User, e.Caller.Client, e.Data, string(text)}
}

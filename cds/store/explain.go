package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/fhir/issue"
)

const explainQuery = `
SELECT id::text, created_at, service, hook, hook_instance, client, language, inputs, used, artifacts,
       checks_run, checks_skipped, timings, duration_ms, degraded, shadow, cards, trace
FROM decision
WHERE cards @> jsonb_build_array(jsonb_build_object('uuid', $1::text)) OR id = $1::uuid
LIMIT 1`

const feedbackOfQuery = `
SELECT card::text, service, client, outcome, accepted_suggestions, reason_system, reason_code, reason_display, comment, outcome_at
FROM feedback WHERE decision_id = $1::uuid OR card = $2::uuid
ORDER BY outcome_at, id`

// Explain gives the decision that issued the card of a uuid, or that has this id
// itself, and what became of its cards. The error of one that is not known is of
// kind issue.NotFound.
func (s *Store) Explain(ctx context.Context, uuid string) (cds.Decision, []cds.Feedback, error) {
	var d cds.Decision
	pool, err := s.database()
	if err != nil {
		return d, nil, err
	}
	var inputs, used, artifacts, ran, skipped, timings, cards, trace []byte
	var language string
	var milliseconds float64
	err = pool.QueryRow(ctx, explainQuery, uuid).Scan(&d.ID, &d.At, &d.Service, &d.Hook, &d.HookInstance, &d.Client, &language,
		&inputs, &used, &artifacts, &ran, &skipped, &timings, &milliseconds, &d.Degraded, &d.Shadow, &cards, &trace)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, nil, issue.New(issue.NotFound, "no decision with a card %s is kept", uuid)
	}
	if err != nil {
		return d, nil, fmt.Errorf("read the decision of card %s: %w", uuid, err)
	}
	d.Language = cds.Lang(language)
	d.Duration = time.Duration(milliseconds * float64(time.Millisecond))
	d.Inputs = readInputs(inputs)
	for _, part := range []struct {
		raw  []byte
		into any
	}{{used, &d.References}, {artifacts, &d.Artifacts}, {ran, &d.Ran}, {skipped, &d.Skipped}, {timings, &d.Timings}, {cards, &d.Cards}, {trace, &d.Trace}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return d, nil, fmt.Errorf("read the decision of card %s: %w", uuid, err)
		}
	}
	rows, err := pool.Query(ctx, feedbackOfQuery, d.ID, uuid)
	if err != nil {
		return d, nil, fmt.Errorf("read the feedback on card %s: %w", uuid, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (cds.Feedback, error) {
		var f cds.Feedback
		var reason cds.Coding
		var outcome string
		err := row.Scan(&f.Card, &f.Service, &f.Client, &outcome, &f.Suggestions, &reason.System, &reason.Code, &reason.Display, &f.Comment, &f.At)
		f.Outcome = cds.Outcome(outcome)
		if reason.Code != "" {
			f.Reason = &reason
		}
		return f, err
	})
	if err != nil {
		return d, nil, fmt.Errorf("read the feedback on card %s: %w", uuid, err)
	}
	return d, list, nil
}

// readInputs reads inputs as they are written now, and as they once were, when an
// input was nothing but its hash.
func readInputs(raw []byte) map[string]cds.DecisionInput {
	var values map[string]json.RawMessage
	if json.Unmarshal(raw, &values) != nil {
		return nil
	}
	out := map[string]cds.DecisionInput{}
	for name, value := range values {
		var in cds.DecisionInput
		if json.Unmarshal(value, &in) != nil {
			_ = json.Unmarshal(value, &in.SHA256) // then it stays empty
		}
		out[name] = in
	}
	return out
}

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
)

// A card tells what it is about by the url of a plan, or by the id of the action of a
// rule; an answer to a whole recommendation is one to all rules that applied in it.
// Answers to cards of the checks that are no rule are nobody's.
const judgedQuery = `
WITH d AS (
    SELECT id, trace, cards FROM decision
    WHERE created_at >= @from AND created_at < @to AND NOT shadow AND (@client::text = '' OR client = @client)),
applied AS (
    SELECT DISTINCT d.id, split_part(t ->> 'plan', '|', 1) AS url, split_part(t ->> 'at', '/', -1) AS action
    FROM d, jsonb_array_elements(d.trace) t WHERE t ->> 'outcome' IN ('true', 'assumed')
    UNION
    SELECT d.id, c ->> 'topic', '' FROM d, jsonb_array_elements(d.cards) c WHERE c ->> 'topic' LIKE '%:%'),
mine AS (SELECT * FROM applied WHERE @rule::text = '' OR url = @rule),
said AS (
    SELECT DISTINCT ON (f.card) f.card, f.decision_id, f.outcome, f.reason_system, f.reason_code, f.reason_display, f.outcome_at
    FROM feedback f JOIN d ON d.id = f.decision_id ORDER BY f.card, f.outcome_at DESC, f.id DESC),
judged AS (
    SELECT DISTINCT s.card, m.url, s.outcome, s.reason_system, s.reason_code, s.reason_display, s.outcome_at
    FROM said s JOIN mine m ON m.id = s.decision_id JOIN d ON d.id = s.decision_id
    WHERE s.card = s.decision_id OR EXISTS (
        SELECT FROM jsonb_array_elements(d.cards) c WHERE c ->> 'uuid' = s.card::text AND c ->> 'topic' IN (m.url, m.action)))
`

const (
	useQuery = judgedQuery + `
SELECT m.url, count(DISTINCT m.id),
       (SELECT count(*) FROM judged j WHERE j.url = m.url AND j.outcome = 'accepted'),
       (SELECT count(*) FROM judged j WHERE j.url = m.url AND j.outcome = 'modified'),
       (SELECT count(*) FROM judged j WHERE j.url = m.url AND j.outcome = 'overridden')
FROM mine m GROUP BY m.url ORDER BY 5 DESC, 2 DESC, 1 LIMIT 1000`

	reasonsQuery = judgedQuery + `
SELECT url, reason_system, reason_code, max(reason_display), count(*) FROM judged WHERE outcome <> 'accepted'
GROUP BY 1, 2, 3 ORDER BY 5 DESC, 3`

	weeksQuery = judgedQuery + `
SELECT url, date_trunc('week', outcome_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*) FILTER (WHERE outcome = 'accepted'), count(*) FILTER (WHERE outcome = 'modified'),
       count(*) FILTER (WHERE outcome = 'overridden')
FROM judged GROUP BY 1, 2 ORDER BY 2`
)

func spanArgs(x cds.DecisionSpan) pgx.NamedArgs {
	return pgx.NamedArgs{"from": x.From, "to": x.To, "rule": x.Rule, "client": x.Client}
}

// Used tells what became of rules, the most overridden first, at most 1000.
func (s *Store) Used(ctx context.Context, x cds.DecisionSpan) ([]cds.RuleUse, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	rows, err := pool.Query(ctx, useQuery, spanArgs(x))
	if err != nil {
		return nil, fmt.Errorf("count the use of rules: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u cds.RuleUse, err error) {
		return u, row.Scan(&u.URL, &u.Decisions, &u.Accepted, &u.Modified, &u.Overridden)
	})
	if err != nil {
		return nil, fmt.Errorf("count the use of rules: %w", err)
	}
	at := map[string]*cds.RuleUse{}
	for i := range list {
		at[list[i].URL] = &list[i]
	}
	var url string
	var reason cds.ReasonCount
	rows, err = pool.Query(ctx, reasonsQuery, spanArgs(x))
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&url, &reason.System, &reason.Code, &reason.Display, &reason.Count}, func() error {
			if u := at[url]; u != nil {
				u.Reasons = append(u.Reasons, reason)
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("count the reasons of overrides: %w", err)
	}
	var week cds.WeekUse
	rows, err = pool.Query(ctx, weeksQuery, spanArgs(x))
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&url, &week.Monday, &week.Accepted, &week.Modified, &week.Overridden}, func() error {
			if u := at[url]; u != nil {
				u.Weeks = append(u.Weeks, week)
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("count answers by week: %w", err)
	}
	return list, nil
}

const decisionsQuery = `
SELECT d.id::text, d.created_at, d.service, d.hook, d.client, jsonb_array_length(d.cards), d.degraded, r.rules,
       coalesce((SELECT f.outcome FROM feedback f WHERE f.decision_id = d.id ORDER BY f.outcome_at DESC, f.id DESC LIMIT 1), '')
FROM decision d, LATERAL (
    SELECT coalesce(array_agg(DISTINCT url ORDER BY url), '{}') AS rules FROM (
        SELECT split_part(t ->> 'plan', '|', 1) AS url FROM jsonb_array_elements(d.trace) t WHERE t ->> 'outcome' IN ('true', 'assumed')
        UNION SELECT c ->> 'topic' FROM jsonb_array_elements(d.cards) c WHERE c ->> 'topic' LIKE '%:%') x) r
WHERE d.created_at >= @from AND d.created_at < @to AND NOT d.shadow AND (@client::text = '' OR d.client = @client)
  AND (@rule::text = '' OR @rule = ANY (r.rules))
ORDER BY d.created_at DESC, d.id DESC LIMIT 50`

// Decisions gives the 50 newest decisions of a span; those before them are asked for
// with the time of the last one as its end.
func (s *Store) Decisions(ctx context.Context, x cds.DecisionSpan) ([]cds.DecisionRow, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	rows, err := pool.Query(ctx, decisionsQuery, spanArgs(x))
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d cds.DecisionRow, err error) {
		return d, row.Scan(&d.ID, &d.At, &d.Service, &d.Hook, &d.Client, &d.Cards, &d.Degraded, &d.Rules, &d.Outcome)
	})
	if err != nil {
		return nil, fmt.Errorf("list decisions: %w", err)
	}
	return list, nil
}

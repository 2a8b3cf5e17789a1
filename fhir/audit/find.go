package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/issue"
)

// Filter says which events are meant. Its zero value means all.
type Filter struct {
	Patient  string // id of the patient
	Agent    string // person or software, as Caller.User or Caller.Client say it
	From, To time.Time
}

// conditions are what a query asks for, with its bound parameters.
type conditions struct {
	parts []string
	args  []any
	base  string // url of FHIR REST here
}

// bind adds a parameter and gives its name.
func (c *conditions) bind(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) add(sql string) { c.parts = append(c.parts, sql) }

// where gives " WHERE …", or "" when everything is meant.
func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(c.parts, "\n  AND ")
}

// patient holds for events about a subject. Of whom nothing was written there is no
// pseudonym, and no event.
func (c *conditions) patient(s Subject) string {
	return `e.patient = (SELECT pseudonym FROM audit_subject WHERE lookup = ` + c.bind([]byte(s)) + `)`
}

// by holds for events of a person or software with one of these names. The second
// half of each side is what its partial index asks for.
func (c *conditions) by(names ...string) string {
	n := c.bind(names)
	return `(e.agent = ANY(` + n + `) AND e.agent <> '' OR e.client = ANY(` + n + `) AND e.client <> '')`
}

func (t *Trail) conditions(f Filter) (*opened, *conditions, error) {
	o, err := t.opened()
	if err != nil {
		return nil, nil, err
	}
	var c conditions
	if f.Patient != "" {
		c.add(c.patient(o.keys.subject(f.Patient)))
	}
	if f.Agent != "" {
		c.add(c.by(f.Agent))
	}
	if !f.From.IsZero() {
		c.add(`e.recorded >= ` + c.bind(f.From))
	}
	if !f.To.IsZero() {
		c.add(`e.recorded < ` + c.bind(f.To))
	}
	return o, &c, nil
}

// Each gives every event of a filter to do, the oldest first, without holding them
// in memory. An error of do ends it.
func (t *Trail) Each(ctx context.Context, f Filter, do func(Record) error) error {
	o, c, err := t.conditions(f)
	if err != nil {
		return err
	}
	rows, err := o.pool.Query(ctx, `SELECT `+recordColumns+` FROM audit_event e`+c.where()+` ORDER BY e.recorded, e.seq`, c.args...)
	if err != nil {
		return fmt.Errorf("read audit events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := pgx.RowToStructByPos[Record](rows)
		if err != nil {
			return fmt.Errorf("read audit events: %w", err)
		}
		if err := do(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read audit events: %w", err)
	}
	return nil
}

// Sighting is one answer to who saw a patient's data: somebody, through some
// software, in one way.
type Sighting struct {
	Agent, Client string
	Kind          Kind
	Events        int64
	First, Last   time.Time
}

const whoSawQuery = `
SELECT e.agent, e.client, e.kind, count(*), min(e.recorded), max(e.recorded)
FROM audit_event e%s
GROUP BY e.agent, e.client, e.kind
ORDER BY max(e.recorded) DESC, e.agent, e.client, e.kind`

// WhoSaw tells who used the data of a patient, from one time until before another;
// zero times leave that side open. The latest comes first.
func (t *Trail) WhoSaw(ctx context.Context, patient string, from, to time.Time) ([]Sighting, error) {
	if patient == "" {
		return nil, issue.New(issue.Required, "whose data was seen: the patient is needed")
	}
	o, c, err := t.conditions(Filter{Patient: patient, From: from, To: to})
	if err != nil {
		return nil, err
	}
	return collect[Sighting](ctx, o, whoSawQuery, c, "look who saw a patient")
}

// Deed is one answer to what somebody did.
type Deed struct {
	Kind        Kind
	Data        string // type of what it was done to; "" for advice
	Events      int64
	Patients    int64 // different ones
	First, Last time.Time
}

const didQuery = `
SELECT e.kind, split_part(e.data, '/', 1), count(*), count(DISTINCT e.patient), min(e.recorded), max(e.recorded)
FROM audit_event e%s
GROUP BY 1, 2
ORDER BY max(e.recorded) DESC, 1, 2`

// Did tells what a person or software did. The latest comes first.
func (t *Trail) Did(ctx context.Context, agent string, from, to time.Time) ([]Deed, error) {
	if agent == "" {
		return nil, issue.New(issue.Required, "what somebody did: the agent is needed")
	}
	o, c, err := t.conditions(Filter{Agent: agent, From: from, To: to})
	if err != nil {
		return nil, err
	}
	return collect[Deed](ctx, o, didQuery, c, "look what somebody did")
}

func collect[T any](ctx context.Context, o *opened, query string, c *conditions, attempt string) ([]T, error) {
	rows, err := o.pool.Query(ctx, fmt.Sprintf(query, c.where()), c.args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, err)
	}
	return list, nil
}

const forgetQuery = `DELETE FROM audit_subject WHERE lookup = $1`

// Forget destroys the pseudonym of a patient: from then on nobody can tell which
// events were about this patient, and the chain stays as it is. It writes that it did
// so, not for whom. An error of kind issue.NotFound says that there is no event about
// this patient.
func (t *Trail) Forget(ctx context.Context, patient string) error {
	o, err := t.opened()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, forgetQuery, []byte(o.keys.subject(patient)))
		if err != nil {
			return fmt.Errorf("destroy a pseudonym: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return issue.New(issue.NotFound, "there is no event about this patient")
		}
		return Append(ctx, tx, Event{Kind: Erase, Entities: []Entity{{Name: "records", What: "audit_subject", Details: Details("deleted", "1")}}})
	})
}

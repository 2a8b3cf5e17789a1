package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/issue"
)

// MostOfPage is how many events a page of Page holds at most.
const MostOfPage = 500

// Told is an event as people read it.
type Told struct {
	ID       string
	Recorded time.Time
	Kind     Kind
	Action   Action
	Outcome  Outcome
	Reason   string
	Person   string
	Roles    []string
	Client   string
	Address  string
	Request  string
	Patient  string // pseudonym; "" of nobody
	Query    string
	Data     string
	Entities []Entity
}

// Page gives events of a filter, the latest first, and a cursor for the ones before; ""
// when there are none. An unreadable cursor is an error of kind issue.Value.
func (t *Trail) Page(ctx context.Context, f Filter, cursor string, count int) ([]Told, string, error) {
	o, c, err := t.conditions(f)
	if err != nil {
		return nil, "", err
	}
	if cursor != "" {
		at, seq, ok := parseCursor(cursor)
		if !ok {
			return nil, "", issue.New(issue.Value, "the cursor is none of a page before").At("cursor")
		}
		c.add(`(e.recorded, e.seq) < (` + c.bind(at) + `, ` + c.bind(seq) + `)`)
	}
	count = min(max(count, 1), MostOfPage)
	rows, err := o.pool.Query(ctx, `SELECT `+recordColumns+` FROM audit_event e`+c.where()+newestFirst+` LIMIT `+c.bind(count+1), c.args...)
	if err != nil {
		return nil, "", fmt.Errorf("read audit events: %w", err)
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Record])
	if err != nil {
		return nil, "", fmt.Errorf("read audit events: %w", err)
	}
	next := ""
	if len(records) > count {
		last := records[count-1]
		next = strconv.FormatInt(last.Recorded.UnixMicro(), 36) + "." + strconv.FormatInt(last.Seq, 36)
		records = records[:count]
	}
	list := make([]Told, len(records))
	for i, r := range records {
		if list[i], err = r.told(); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

func parseCursor(s string) (time.Time, int64, bool) {
	a, b, ok := strings.Cut(s, ".")
	at, errAt := strconv.ParseInt(a, 36, 64)
	seq, errSeq := strconv.ParseInt(b, 36, 64)
	return time.UnixMicro(at), seq, ok && errAt == nil && errSeq == nil
}

func (r Record) told() (Told, error) {
	var d detail
	if err := json.Unmarshal([]byte(r.Detail), &d); err != nil {
		return Told{}, fmt.Errorf("read audit event %s: %w", r.ID, err)
	}
	out := Told{
		ID: r.ID, Recorded: r.Recorded.UTC(), Kind: r.Kind, Action: r.Action, Outcome: Outcome(r.Outcome), Reason: d.Reason, Person: r.Agent, Roles: d.Roles,
		Client: r.Client, Address: d.Address, Request: d.Request, Query: d.Query, Data: r.Data, Entities: d.Entities,
	}
	if r.Patient != nil {
		out.Patient = *r.Patient
	}
	return out, nil
}

// Verify verifies the trail (see the function of that name).
func (t *Trail) Verify(ctx context.Context, c Check) (Report, error) {
	o, err := t.opened()
	if err != nil {
		return Report{}, err
	}
	return Verify(ctx, o.pool, c)
}

// Purge tells of a run that deleted what had been kept long enough.
type Purge struct {
	Records string
	At      time.Time
	Deleted int64
	Older   string // than this moment
}

// The latest runs; each kind of record has at least one event a day.
const deletionsQuery = `SELECT ` + recordColumns + ` FROM audit_event e WHERE e.kind = 'retention' ORDER BY e.seq DESC LIMIT 200`

// Deletions gives the last run of each kind of record, as the trail proves it.
func (r *Retention) Deletions(ctx context.Context) (map[string]Purge, error) {
	rows, err := r.pool.Query(ctx, deletionsQuery)
	if err != nil {
		return nil, fmt.Errorf("read what was deleted: %w", err)
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Record])
	if err != nil {
		return nil, fmt.Errorf("read what was deleted: %w", err)
	}
	out := map[string]Purge{}
	for _, rec := range records {
		told, err := rec.told()
		if err != nil {
			return nil, err
		}
		for _, e := range told.Entities {
			if _, known := out[e.What]; known || e.Name != "records" {
				continue
			}
			d := Purge{Records: e.What, At: told.Recorded}
			for _, x := range e.Details {
				switch x.Name {
				case "deleted":
					d.Deleted, _ = strconv.ParseInt(x.Value, 10, 64)
				case "older":
					d.Older = x.Value
				}
			}
			out[e.What] = d
		}
	}
	return out, nil
}

package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"hash"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Check is what Verify looks at.
type Check struct {
	// From is the first position that is verified; the link before it is believed. 0
	// means all.
	From int64
	// Heads are exported earlier, and kept elsewhere.
	Heads []Head
	// Progress, when not nil, is called now and then with the position reached.
	Progress func(position int64)
}

// Fault is one thing that is wrong with a trail.
type Fault struct {
	Position int64  // in the chain; 0: has none
	Event    string // id of the AuditEvent, "" when it is not there
	Problem  string // for people
}

func (f Fault) String() string {
	switch {
	case f.Position > 0 && f.Event != "":
		return fmt.Sprintf("position %d, AuditEvent/%s: %s", f.Position, f.Event, f.Problem)
	case f.Position > 0:
		return fmt.Sprintf("position %d: %s", f.Position, f.Problem)
	case f.Event != "":
		return fmt.Sprintf("AuditEvent/%s: %s", f.Event, f.Problem)
	}
	return f.Problem
}

// Report is what Verify found.
type Report struct {
	First, Last int64 // positions; 0: the chain is empty
	Events      int64 // that are as they were written
	Deleted     int64 // after their time, as the trail itself says
	Waiting     int64 // without a link yet
	Heads       int   // signatures that hold, exported ones included
	Faults      []Fault
	MoreFaults  int // beyond the first hundred
}

// OK tells whether nothing is wrong.
func (r Report) OK() bool { return len(r.Faults) == 0 }

func (r *Report) fault(position int64, event, format string, a ...any) {
	const most = 100
	if len(r.Faults) == most {
		r.MoreFaults++
		return
	}
	r.Faults = append(r.Faults, Fault{position, event, fmt.Sprintf(format, a...)})
}

// page is how many links are read at once.
const page = 5000

const (
	// Links and events lie in much the same order, and a page is small: going from one
	// to the other by index is right whatever the planner knows of the tables.
	byIndexQuery = `SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off`
	asEverQuery  = `SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on`

	linksQuery = `
SELECT c.position, c.hash, e.seq IS NOT NULL,
       c.event, coalesce(e.id::text, ''), coalesce(e.recorded, 'epoch'), coalesce(e.kind, ''), coalesce(e.action, ''),
       coalesce(e.outcome, 0::smallint), e.patient::text, coalesce(e.agent, ''), coalesce(e.client, ''), coalesce(e.data, ''),
       coalesce(e.detail, '')
FROM audit_chain c LEFT JOIN audit_event e ON e.seq = c.event
WHERE c.position >= $1 AND c.position < $1 + $2
ORDER BY c.position`

	endQuery = `SELECT coalesce(min(position), 0), coalesce(max(position), 0) FROM audit_chain`

	linkQuery = `SELECT hash FROM audit_chain WHERE position = $1`

	strayQuery = `
SELECT e.id::text FROM audit_event e
WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.event = e.seq)
  AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.event = e.seq)
ORDER BY e.seq`
)

// Verify recomputes the chain from what is stored, in one snapshot of the database
// and with little memory, and names every event and link that is not as it was
// written, is missing, or was put in beside the chain. It needs no key: signatures
// are checked with public ones. An error says that it could not look.
func Verify(ctx context.Context, pool *pgxpool.Pool, c Check) (Report, error) {
	v := &verification{check: c, before: genesis, hash: sha256.New(), heads: map[int64][]Head{}}
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return v.run(ctx, tx)
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify the audit trail: %w", err)
	}
	return v.report, nil
}

type verification struct {
	check  Check
	report Report
	hash   hash.Hash
	heads  map[int64][]Head
	at     int64  // last position seen
	before []byte // its link as stored; nil when it is missing
	// When the last link did not fit: what it should have been, and whose it is. The
	// next link tells whether event or link was changed.
	computed []byte
	suspect  Fault
	missing  []stretch // links without event
	pruned   int64     // the trail says that events up to here were deleted after their time
}

// stretch is a run of positions.
type stretch struct{ first, last int64 }

func (v *verification) run(ctx context.Context, tx pgx.Tx) error {
	var first, last int64
	if err := tx.QueryRow(ctx, endQuery).Scan(&first, &last); err != nil {
		return err
	}
	from := max(v.check.From, 1)
	v.at = from - 1
	if err := v.readHeads(ctx, tx, from); err != nil {
		return err
	}
	if from > 1 {
		if err := tx.QueryRow(ctx, linkQuery, from-1).Scan(&v.before); err != nil {
			return fmt.Errorf("look for position %d, before the first: %w", from-1, err)
		}
	}
	if last >= from {
		v.report.First, v.report.Last = from, last
	}
	if _, err := tx.Exec(ctx, byIndexQuery); err != nil {
		return err
	}
	for start := from; start <= last; start += page {
		if err := v.readPage(ctx, tx, start); err != nil {
			return err
		}
		if v.check.Progress != nil {
			v.check.Progress(min(start+page-1, last))
		}
	}
	v.settle(unclear)
	v.settleMissing()
	for position, heads := range v.heads {
		v.report.fault(position, "", "the chain ends at %d, but was signed here on %s", last, heads[0].SignedAt.UTC().Format(time.RFC3339))
	}
	if _, err := tx.Exec(ctx, asEverQuery); err != nil {
		return err
	}
	if err := v.readStray(ctx, tx); err != nil {
		return err
	}
	return tx.QueryRow(ctx, waitingQuery).Scan(&v.report.Waiting)
}

// readHeads checks the signatures of the heads from a position on, and keeps what
// they say until their positions come by.
func (v *verification) readHeads(ctx context.Context, tx pgx.Tx, from int64) error {
	rows, err := tx.Query(ctx, headsQuery, from)
	if err != nil {
		return err
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Head])
	if err != nil {
		return err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, h := range stored {
		keys[h.Key] = h.Public
		if !h.genuine(h.Public) {
			v.report.fault(h.Position, "", "the signature of the chain at this position is not genuine")
			continue
		}
		v.heads[h.Position] = append(v.heads[h.Position], h)
	}
	for _, h := range v.check.Heads {
		if key, ok := keys[h.Key]; ok && !bytes.Equal(key, h.Public) {
			v.report.fault(h.Position, "", "the exported head was signed with another key than the one that stands here as %s", h.Key)
		}
		if h.Position >= from {
			v.heads[h.Position] = append(v.heads[h.Position], h)
		}
	}
	return nil
}

func (v *verification) readPage(ctx context.Context, tx pgx.Tx, start int64) error {
	rows, err := tx.Query(ctx, linksQuery, start, page)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			position int64
			stored   []byte
			there    bool
			r        Record
		)
		err := rows.Scan(&position, &stored, &there, &r.Seq, &r.ID, &r.Recorded, &r.Kind, &r.Action, &r.Outcome, &r.Patient,
			&r.Agent, &r.Client, &r.Data, &r.Detail)
		if err != nil {
			return err
		}
		v.link(position, stored, there, &r)
	}
	return rows.Err()
}

// link verifies one link.
func (v *verification) link(position int64, stored []byte, there bool, r *Record) {
	if position != v.at+1 {
		v.settle(unclear)
		if position == v.at+2 {
			v.report.fault(v.at+1, "", "the link is missing")
		} else {
			v.report.fault(v.at+1, "", "the links from here to %d are missing", position-1)
		}
		v.before = nil
	}
	v.at = position
	v.checkHeads(position, stored)
	switch {
	case !there:
		v.settle(unclear)
		v.miss(position)
	case v.before == nil: // there is nothing to compute from
	default:
		computed := r.link(v.hash, v.before)
		switch {
		case bytes.Equal(computed, stored):
			v.settle("the event was changed, or the one before it together with its link")
			v.intact(r)
		case v.computed != nil && bytes.Equal(r.link(v.hash, v.computed), stored):
			v.settle("the link was changed; the event is as it was written")
			v.intact(r)
		default:
			v.settle(unclear)
			v.computed, v.suspect = computed, Fault{Position: position, Event: r.ID}
		}
	}
	v.before = stored
}

// intact counts an event that is as it was written, and heeds what it says of
// deletions.
func (v *verification) intact(r *Record) {
	v.report.Events++
	if r.Kind != Retain {
		return
	}
	v.pruned = max(v.pruned, recordsDetail(r.Detail, "through"))
	if n := recordsDetail(r.Detail, "missing"); n > 0 {
		v.report.fault(v.at, r.ID, "%d events were missing when old ones were deleted up to position %d", n, v.pruned)
	}
}

// unclear is what is said of a suspect when no next link tells more.
const unclear = "the event or its link was changed"

// settle says what is wrong with the suspect, if there is one.
func (v *verification) settle(problem string) {
	if v.computed == nil {
		return
	}
	v.report.fault(v.suspect.Position, v.suspect.Event, "%s", problem)
	v.computed = nil
}

// checkHeads compares a link with what was signed of it.
func (v *verification) checkHeads(position int64, stored []byte) {
	for _, h := range v.heads[position] {
		if bytes.Equal(h.Hash, stored) {
			v.report.Heads++
			continue
		}
		v.report.fault(position, "", "the link is not the one that was signed on %s", h.SignedAt.UTC().Format(time.RFC3339))
	}
	delete(v.heads, position)
}

// miss notes a link whose event is not there.
func (v *verification) miss(position int64) {
	if n := len(v.missing); n > 0 && v.missing[n-1].last == position-1 {
		v.missing[n-1].last = position
		return
	}
	v.missing = append(v.missing, stretch{position, position})
}

// settleMissing tells events that were deleted after their time from those that are
// simply not there.
func (v *verification) settleMissing() {
	for _, s := range v.missing {
		if s.first <= v.pruned {
			v.report.Deleted += min(s.last, v.pruned) - s.first + 1
			s.first = v.pruned + 1
		}
		for position := s.first; position <= s.last; position++ {
			v.report.fault(position, "", "the event is missing")
		}
	}
}

// readStray names events that are neither in the chain nor waiting for it.
func (v *verification) readStray(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, strayQuery)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, id := range ids {
		v.report.fault(0, id, "the event stands outside of the chain: it was not written by this program")
	}
	return err
}

package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// leaderLock is held by the process that chains or signs, within its transaction.
// The number is arbitrary and ours.
const leaderLock = 7_234_018_590

// links is how many events are chained in one transaction.
const links = 1000

// Record is an event as it stands in the trail.
type Record struct {
	Seq      int64
	ID       string // of the AuditEvent
	Recorded time.Time
	Kind     Kind
	Action   Action
	Outcome  Outcome
	Patient  *string // pseudonym; nil: nobody's data was used
	Agent    string  // the person, "" when nobody is known
	Client   string  // the software
	Data     string  // what it was done to
	Detail   string  // the rest, as JSON
}

const recordColumns = `e.seq, e.id::text, e.recorded, e.kind, e.action, e.outcome, e.patient::text, e.agent, e.client, e.data, e.detail`

// form is the version of what is hashed.
const form = "cdss audit event 1"

// link gives the hash of an event behind the one before: SHA-256(before || canonical
// form). The canonical form is the texts below in their order, each with its length
// in 8 bytes before it, so that no byte can move from one to the next; the time is in
// microseconds since 1970, which is what a row holds.
func (r *Record) link(h hash.Hash, before []byte) []byte {
	patient := ""
	if r.Patient != nil {
		patient = *r.Patient
	}
	h.Reset()
	h.Write(before)
	var length [8]byte
	for _, text := range [...]string{
		form, strconv.FormatInt(r.Seq, 10), r.ID, strconv.FormatInt(r.Recorded.UnixMicro(), 10), string(r.Kind), string(r.Action),
		strconv.Itoa(int(r.Outcome)), patient, r.Agent, r.Client, r.Data, r.Detail,
	} {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		h.Write(length[:])
		h.Write([]byte(text))
	}
	return h.Sum(nil)
}

// genesis stands before the first link.
var genesis = make([]byte, sha256.Size)

const (
	leadQuery  = `SELECT pg_try_advisory_xact_lock($1)`
	awaitQuery = `SELECT pg_advisory_xact_lock($1)`

	lastLinkQuery = `SELECT position, hash FROM audit_chain ORDER BY position DESC LIMIT 1`

	waitingQuery = `SELECT count(*) FROM audit_pending`

	// In two steps: of a join the planner may make one that begins at the first event.
	pendingQuery = `SELECT event FROM audit_pending ORDER BY event LIMIT $1`
	eventsQuery  = `SELECT ` + recordColumns + ` FROM audit_event e WHERE e.seq = ANY($1) ORDER BY e.seq`

	addLinksQuery = `
INSERT INTO audit_chain (position, event, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`

	settleQuery = `DELETE FROM audit_pending WHERE event = ANY($1)`
)

// Chain gives every committed event that has none its link, and tells how many it
// did: 0 also when another process is at it.
func (t *Trail) Chain(ctx context.Context) (int, error) {
	o, err := t.opened()
	if err != nil {
		return 0, err
	}
	var waiting int64
	if err := o.pool.QueryRow(ctx, waitingQuery).Scan(&waiting); err != nil {
		return 0, fmt.Errorf("look for audit events without a link: %w", err)
	}
	t.lag.Store(waiting)
	done := 0
	for waiting > 0 {
		n := 0
		err := lead(ctx, o, func(tx pgx.Tx) (err error) {
			n, err = chain(ctx, tx)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("chain audit events: %w", err)
		}
		done += n
		if n < links {
			break
		}
	}
	if done > 0 {
		t.lag.Store(max(0, waiting-int64(done)))
	}
	return done, nil
}

// lead runs do in a transaction, unless another process leads.
func lead(ctx context.Context, o *opened, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		var leads bool
		if err := tx.QueryRow(ctx, leadQuery, int64(leaderLock)).Scan(&leads); err != nil || !leads {
			return err
		}
		return do(tx)
	})
}

// chain links up to links events. The lock is held until after the commit, so the
// next leader sees all of it.
func chain(ctx context.Context, tx pgx.Tx) (int, error) {
	position, before, err := lastLink(ctx, tx)
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, pendingQuery, links)
	if err != nil {
		return 0, err
	}
	pending, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(pending) == 0 {
		return 0, err
	}
	if rows, err = tx.Query(ctx, eventsQuery, pending); err != nil {
		return 0, err
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Record])
	if err != nil {
		return 0, err
	}
	h := sha256.New()
	var (
		positions, numbers []int64
		hashes             [][]byte
	)
	for i := range events {
		position++
		before = events[i].link(h, before)
		positions, numbers, hashes = append(positions, position), append(numbers, events[i].Seq), append(hashes, before)
	}
	var b pgx.Batch
	b.Queue(addLinksQuery, positions, numbers, hashes)
	b.Queue(settleQuery, pending)
	return len(events), tx.SendBatch(ctx, &b).Close()
}

// lastLink gives the end of the chain; 0 and the genesis of an empty one.
func lastLink(ctx context.Context, tx pgx.Tx) (position int64, hash []byte, err error) {
	err = tx.QueryRow(ctx, lastLinkQuery).Scan(&position, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, genesis, nil
	}
	return position, hash, err
}

package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/rag/openai"
)

// Outbound keeps the notes of what left the server for an online model. Noting waits
// for nobody; what the database does not take in time is counted as lost.
type Outbound struct {
	pool  atomic.Pointer[pgxpool.Pool]
	queue chan openai.Sent
	lost  atomic.Int64
	log   *slog.Logger
}

// waitingNotes is how many notes wait for the database: those of an hour at the usual
// limit.
const waitingNotes = 3000

// NewOutbound makes a keeper without a database.
func NewOutbound(log *slog.Logger) *Outbound {
	return &Outbound{queue: make(chan openai.Sent, waitingNotes), log: log}
}

// Attach gives it the database.
func (o *Outbound) Attach(pool *pgxpool.Pool) { o.pool.Store(pool) }

// Note takes a note, and writes a line of the log.
func (o *Outbound) Note(s openai.Sent) {
	o.log.Info("request to an online model", "purpose", s.Purpose, "host", s.Host, "model", s.Model, "bytes", s.Bytes,
		"sha256", s.SHA256, "status", s.Status, "used", s.Tokens, "duration_ms", s.Duration.Milliseconds())
	select {
	case o.queue <- s:
	default:
		o.lost.Add(1)
	}
}

// Lost counts notes that nobody kept.
func (o *Outbound) Lost() int64 { return o.lost.Load() }

const noteQuery = `
INSERT INTO outbound_request (sent_at, purpose, host, model, bytes, sha256, status, tokens, duration_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// Run writes notes until ctx ends, and then those that wait.
func (o *Outbound) Run(ctx context.Context) {
	for {
		select {
		case s := <-o.queue:
			o.keep(ctx, s)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			for {
				select {
				case s := <-o.queue:
					o.keep(last, s)
				default:
					return
				}
			}
		}
	}
}

func (o *Outbound) keep(ctx context.Context, s openai.Sent) {
	pool := o.pool.Load()
	if pool == nil {
		o.lost.Add(1)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, err := pool.Exec(ctx, noteQuery, s.At, s.Purpose, s.Host, s.Model, s.Bytes, s.SHA256, s.Status, s.Tokens, s.Duration.Milliseconds())
	if err != nil {
		o.lost.Add(1)
		o.log.Warn("the note of a request to an online model could not be kept", "error", err)
	}
}

// Recent gives the latest notes, newest first.
func (o *Outbound) Recent(ctx context.Context, limit int) ([]openai.Sent, error) {
	pool := o.pool.Load()
	if pool == nil {
		return nil, nil
	}
	rows, err := pool.Query(ctx, `
SELECT sent_at, purpose, host, model, bytes, sha256, status, tokens, duration_ms
FROM outbound_request ORDER BY sent_at DESC, id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read what left the server: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s openai.Sent, err error) {
		var ms int64
		err = row.Scan(&s.At, &s.Purpose, &s.Host, &s.Model, &s.Bytes, &s.SHA256, &s.Status, &s.Tokens, &ms)
		s.Duration = time.Duration(ms) * time.Millisecond
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what left the server: %w", err)
	}
	return list, nil
}

// Keeps says how long notes are kept.
func Keeps() []audit.Keep {
	return []audit.Keep{{Records: "outbound_request", Days: 365, Least: 1, Most: 3653,
		Expire: func(ctx context.Context, tx pgx.Tx, older time.Time, most int) (int64, error) {
			tag, err := tx.Exec(ctx, `DELETE FROM outbound_request WHERE id IN (
				SELECT id FROM outbound_request WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)`, older, most)
			return tag.RowsAffected(), err
		}}}
}

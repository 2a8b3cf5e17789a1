package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"cdss/cds"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// Shadow is a version that runs, or ran, beside what is in force.
type Shadow struct {
	ID                        int64
	Type, Resource, Canonical string
	StartedBy                 string
	StartedAt                 time.Time
	EndedAt                   *time.Time
	Runs, Different           int64
	Kinds                     map[string]int64 // runs by kind of difference
	Examples                  []string         // ids of decisions that differ, the newest first
}

const (
	startShadowQuery = `INSERT INTO shadow_artifact (type, resource_id, canonical, started_by) VALUES ($1, $2, $3, $4) RETURNING id, started_at`
	endShadowQuery   = `UPDATE shadow_artifact SET ended_at = now() WHERE ended_at IS NULL RETURNING canonical`

	shadowsQuery = `
SELECT s.id, s.type, s.resource_id, s.canonical, s.started_by, s.started_at, s.ended_at,
       count(r.decision_id), count(r.decision_id) FILTER (WHERE r.changes <> '[]'),
       coalesce((SELECT jsonb_object_agg(kind, n) FROM (
           SELECT c ->> 'kind' AS kind, count(DISTINCT k.decision_id) AS n
           FROM shadow_run k, jsonb_array_elements(k.changes) c WHERE k.shadow_id = s.id GROUP BY 1) x), '{}'),
       array(SELECT d.decision_id::text FROM shadow_run d WHERE d.shadow_id = s.id AND d.changes <> '[]' ORDER BY d.at DESC LIMIT 20)
FROM shadow_artifact s LEFT JOIN shadow_run r ON r.shadow_id = s.id
GROUP BY s.id ORDER BY s.id DESC LIMIT 50`

	// A run is kept with its decision, which may not be written yet.
	addShadowRunQuery = `
INSERT INTO shadow_run (decision_id, shadow_id, at, changes)
SELECT $1::uuid, $2, $3, $4 WHERE EXISTS (SELECT FROM decision WHERE id = $1::uuid)
ON CONFLICT (decision_id) DO NOTHING`

	shadowRunQuery = `SELECT r.changes, s.canonical FROM shadow_run r JOIN shadow_artifact s ON s.id = r.shadow_id WHERE r.decision_id = $1::uuid`
)

// StartShadow has a version run beside what is in force. While another one does, the
// error is of kind issue.Conflict.
func (s *Store) StartShadow(ctx context.Context, x Shadow) (Shadow, error) {
	pool, err := s.database()
	if err != nil {
		return x, err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, startShadowQuery, x.Type, x.Resource, x.Canonical, x.StartedBy).Scan(&x.ID, &x.StartedAt); err != nil {
			return err
		}
		return audit.Append(ctx, tx, shadowEvent("started", x.Canonical))
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return x, issue.New(issue.Conflict, "run %s beside: another version does already; end it first", x.Canonical)
	}
	if err != nil {
		return x, fmt.Errorf("run %s beside: %w", x.Canonical, err)
	}
	return x, nil
}

// EndShadow ends what runs beside. The error, when nothing does, is of kind
// issue.NotFound.
func (s *Store) EndShadow(ctx context.Context) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		canonical := ""
		if err := tx.QueryRow(ctx, endShadowQuery).Scan(&canonical); err != nil {
			return err
		}
		return audit.Append(ctx, tx, shadowEvent("ended", canonical))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return issue.New(issue.NotFound, "no version runs beside what is in force")
	}
	if err != nil {
		return fmt.Errorf("end what runs beside: %w", err)
	}
	return nil
}

func shadowEvent(what, canonical string) audit.Event {
	return audit.Event{Kind: audit.Configure, Entities: []audit.Entity{{Name: "shadow", What: canonical, Details: audit.Details("run", what)}}}
}

// Shadows gives what runs and ran beside, the newest first, with what came of it.
func (s *Store) Shadows(ctx context.Context) ([]Shadow, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, shadowsQuery)
	if err != nil {
		return nil, fmt.Errorf("read what ran beside: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Shadow, err error) {
		var kinds []byte
		if err = row.Scan(&x.ID, &x.Type, &x.Resource, &x.Canonical, &x.StartedBy, &x.StartedAt, &x.EndedAt, &x.Runs, &x.Different, &kinds, &x.Examples); err == nil {
			err = json.Unmarshal(kinds, &x.Kinds)
		}
		return x, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what ran beside: %w", err)
	}
	return list, nil
}

// ShadowRun gives how the version that ran beside would have answered a decision; "" as
// its canonical when none ran.
func (s *Store) ShadowRun(ctx context.Context, decision string) (canonical string, changes []cds.BesideChange, err error) {
	pool, err := s.database()
	if err != nil {
		return "", nil, err
	}
	var raw []byte
	err = pool.QueryRow(ctx, shadowRunQuery, decision).Scan(&raw, &canonical)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &changes)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read what ran beside decision %s: %w", decision, err)
	}
	return canonical, changes, nil
}

// How runs beside wait to be written.
const (
	besideEvery = 2 * time.Second
	besideMost  = 1000 // waiting; more are not recorded
	besideTries = 30   // until the decision of a run must have been written
)

type waitingRun struct {
	cds.BesideRun
	tries int
}

// Differ takes a run to record, and returns at once.
func (s *Store) Differ(r cds.BesideRun) {
	s.besideMu.Lock()
	defer s.besideMu.Unlock()
	if len(s.beside) < besideMost {
		s.beside = append(s.beside, waitingRun{BesideRun: r})
	}
}

// RunBeside writes what Differ took, until ctx ends.
func (s *Store) RunBeside(ctx context.Context) {
	tick := time.NewTicker(besideEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.WriteBeside(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("what ran beside could not be recorded", "error", err)
			}
		}
	}
}

// WriteBeside writes what waits. A run whose decision is not there yet waits on.
func (s *Store) WriteBeside(ctx context.Context) error {
	s.besideMu.Lock()
	list := s.beside
	s.beside = nil
	s.besideMu.Unlock()
	pool := s.pool.Load()
	if len(list) == 0 || pool == nil {
		return nil
	}
	var b pgx.Batch
	for _, r := range list {
		b.Queue(addShadowRunQuery, r.Decision, r.Shadow, r.At, array(r.Changes))
	}
	results := pool.SendBatch(ctx, &b)
	var again []waitingRun
	for _, r := range list {
		tag, err := results.Exec()
		if err != nil {
			results.Close()
			return fmt.Errorf("record %d runs beside: %w", len(list), err)
		}
		if r.tries++; tag.RowsAffected() == 0 && r.tries < besideTries {
			again = append(again, r)
		}
	}
	if err := results.Close(); err != nil {
		return fmt.Errorf("record %d runs beside: %w", len(list), err)
	}
	s.besideMu.Lock()
	s.beside = append(again, s.beside...)
	s.besideMu.Unlock()
	return nil
}

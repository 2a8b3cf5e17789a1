package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/fhir/issue"
	"cdss/rag/lab"
)

var _ lab.Store = (*Store)(nil)

func parseUUID(id, what string) (pgtype.UUID, error) {
	var u pgtype.UUID
	if len(id) != 36 || u.Scan(id) != nil {
		return u, issue.New(issue.NotFound, "there is no %s of this id", what)
	}
	return u, nil
}

const querySetColumns = `id::text, name, queries, revision, created_at, updated_at`

func scanSet(row pgx.CollectableRow) (lab.Set, error) {
	var s lab.Set
	var queries []byte
	if err := row.Scan(&s.ID, &s.Name, &queries, &s.Revision, &s.CreatedAt, &s.UpdatedAt); err != nil {
		return s, err
	}
	return s, json.Unmarshal(queries, &s.Queries)
}

// QuerySets implements lab.Sets.
func (s *Store) QuerySets(ctx context.Context, id string) ([]lab.Set, error) {
	sql, args := `SELECT `+querySetColumns+` FROM query_set ORDER BY name`, []any(nil)
	if id != "" {
		u, err := parseUUID(id, "query set")
		if err != nil {
			return nil, err
		}
		sql, args = `SELECT `+querySetColumns+` FROM query_set WHERE id = $1`, []any{u}
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read query sets: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanSet)
	if err != nil {
		return nil, fmt.Errorf("read query sets: %w", err)
	}
	if id != "" && len(list) == 0 {
		return nil, issue.New(issue.NotFound, "there is no query set %s", id)
	}
	return list, nil
}

// SaveQuerySet implements lab.Sets.
func (s *Store) SaveQuerySet(ctx context.Context, set lab.Set) (lab.Set, error) {
	queries, err := json.Marshal(set.Queries)
	if err != nil {
		return lab.Set{}, fmt.Errorf("save query set %s: %w", set.ID, err)
	}
	if set.Queries == nil {
		queries = []byte("[]")
	}
	sql, args := `INSERT INTO query_set (name, queries) VALUES ($1, $2) RETURNING `+querySetColumns, []any{set.Name, queries}
	if set.ID != "" {
		u, err := parseUUID(set.ID, "query set")
		if err != nil {
			return lab.Set{}, err
		}
		sql = `UPDATE query_set SET name = $1, queries = $2, revision = revision + 1, updated_at = now()
			WHERE id = $3 AND revision = $4 RETURNING ` + querySetColumns
		args = append(args, u, set.Revision)
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return lab.Set{}, fmt.Errorf("save query set %s: %w", set.ID, err)
	}
	saved, err := pgx.CollectExactlyOneRow(rows, scanSet)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return saved, nil
	case errors.As(err, &refused) && refused.Code == "23505":
		return lab.Set{}, issue.New(issue.Duplicate, "another query set has this name").At("name")
	case errors.Is(err, pgx.ErrNoRows):
		if _, err := s.QuerySets(ctx, set.ID); err != nil {
			return lab.Set{}, err
		}
		return lab.Set{}, issue.New(issue.Conflict, "the query set %s was changed by somebody else since it was read", set.ID)
	}
	return lab.Set{}, fmt.Errorf("save query set %s: %w", set.ID, err)
}

// DeleteQuerySet implements lab.Sets.
func (s *Store) DeleteQuerySet(ctx context.Context, id string) error {
	u, err := parseUUID(id, "query set")
	if err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, `DELETE FROM query_set WHERE id = $1`, u)
	if err != nil {
		return fmt.Errorf("delete query set %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return issue.New(issue.NotFound, "there is no query set %s", id)
	}
	return nil
}

// SaveRun implements lab.Runs.
func (s *Store) SaveRun(ctx context.Context, r lab.Run) (lab.Run, error) {
	u, err := parseUUID(r.Set, "query set")
	if err != nil {
		return lab.Run{}, err
	}
	report, err := json.Marshal(r.Report)
	if err != nil {
		return lab.Run{}, fmt.Errorf("save a run of query set %s: %w", r.Set, err)
	}
	results, err := json.Marshal(r.Results)
	if err != nil {
		return lab.Run{}, fmt.Errorf("save a run of query set %s: %w", r.Set, err)
	}
	err = s.pool.QueryRow(ctx, `INSERT INTO query_run (set_id, reason, corpus, program, queries, report, results)
		SELECT id, $2, $3, $4, $5, $6, $7 FROM query_set WHERE id = $1 RETURNING id::text, ran_at`,
		u, r.Reason, r.Corpus, r.Program, r.Queries, report, results).Scan(&r.ID, &r.RanAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return lab.Run{}, issue.New(issue.NotFound, "there is no query set %s", r.Set)
	}
	if err != nil {
		return lab.Run{}, fmt.Errorf("save a run of query set %s: %w", r.Set, err)
	}
	return r, nil
}

const runColumns = `id::text, set_id::text, ran_at, reason, corpus, program, queries, report`

// QueryRuns implements lab.Runs.
func (s *Store) QueryRuns(ctx context.Context, set string, limit int) ([]lab.Run, error) {
	u, err := parseUUID(set, "query set")
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT `+runColumns+` FROM query_run WHERE set_id = $1 ORDER BY ran_at DESC, id DESC LIMIT $2`, u, limit)
	if err != nil {
		return nil, fmt.Errorf("read runs of query set %s: %w", set, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (lab.Run, error) {
		var r lab.Run
		var report []byte
		if err := row.Scan(&r.ID, &r.Set, &r.RanAt, &r.Reason, &r.Corpus, &r.Program, &r.Queries, &report); err != nil {
			return r, err
		}
		return r, json.Unmarshal(report, &r.Report)
	})
	if err != nil {
		return nil, fmt.Errorf("read runs of query set %s: %w", set, err)
	}
	return list, nil
}

// QueryRun implements lab.Runs.
func (s *Store) QueryRun(ctx context.Context, set, id string) (lab.Run, error) {
	u, err := parseUUID(set, "query set")
	if err != nil {
		return lab.Run{}, err
	}
	run, err := parseUUID(id, "run")
	if err != nil {
		return lab.Run{}, err
	}
	var r lab.Run
	var report, results []byte
	err = s.pool.QueryRow(ctx, `SELECT `+runColumns+`, results FROM query_run WHERE set_id = $1 AND id = $2`, u, run).
		Scan(&r.ID, &r.Set, &r.RanAt, &r.Reason, &r.Corpus, &r.Program, &r.Queries, &report, &results)
	if errors.Is(err, pgx.ErrNoRows) {
		return lab.Run{}, issue.New(issue.NotFound, "there is no run %s of query set %s", id, set)
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(report, &r.Report), json.Unmarshal(results, &r.Results))
	}
	if err != nil {
		return lab.Run{}, fmt.Errorf("read run %s of query set %s: %w", id, set, err)
	}
	return r, nil
}

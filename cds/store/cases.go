package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// ArtifactCase is a case of this site that artifacts are tried with.
type ArtifactCase struct {
	ID        string
	Artifacts []string // canonical urls, without version
	Title     string
	Bundle    []byte
	ChangedBy string
	ChangedAt time.Time
}

const (
	artifactCasesQuery = `SELECT id, artifacts, title, bundle, changed_by, changed_at FROM artifact_case WHERE $1 = '' OR $1 = ANY(artifacts) ORDER BY id`

	saveArtifactCaseQuery = `
INSERT INTO artifact_case (id, artifacts, title, bundle, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (id) DO UPDATE SET artifacts = EXCLUDED.artifacts, title = EXCLUDED.title, bundle = EXCLUDED.bundle,
    changed_by = EXCLUDED.changed_by, changed_at = EXCLUDED.changed_at
RETURNING xmax = 0, changed_at`

	deleteArtifactCaseQuery = `DELETE FROM artifact_case WHERE id = $1`
)

// ArtifactCases gives the cases of an artifact by its canonical url, or all of them
// for "". Without a database there are none.
func (s *Store) ArtifactCases(ctx context.Context, url string) ([]ArtifactCase, error) {
	pool := s.pool.Load()
	if pool == nil {
		return nil, nil
	}
	rows, err := pool.Query(ctx, artifactCasesQuery, url)
	if err != nil {
		return nil, fmt.Errorf("read the cases of %q: %w", url, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c ArtifactCase, err error) {
		err = row.Scan(&c.ID, &c.Artifacts, &c.Title, &c.Bundle, &c.ChangedBy, &c.ChangedAt)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the cases of %q: %w", url, err)
	}
	return list, nil
}

// SaveArtifactCase stores a case, in the place of the one with its id.
func (s *Store) SaveArtifactCase(ctx context.Context, c ArtifactCase) (ArtifactCase, error) {
	pool, err := s.database()
	if err != nil {
		return c, err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		created := false
		if err := tx.QueryRow(ctx, saveArtifactCaseQuery, c.ID, c.Artifacts, c.Title, string(c.Bundle), c.ChangedBy).Scan(&created, &c.ChangedAt); err != nil {
			return err
		}
		kind := audit.Update
		if created {
			kind = audit.Create
		}
		return audit.Append(ctx, tx, caseEvent(kind, c.ID))
	})
	if unfit(err) {
		return c, issue.New(issue.Value, "save case %s: its content cannot be kept", c.ID)
	}
	if err != nil {
		return c, fmt.Errorf("save case %s: %w", c.ID, err)
	}
	return c, nil
}

// DeleteArtifactCase takes a case out. The error of one that is not there is of kind
// issue.NotFound.
func (s *Store) DeleteArtifactCase(ctx context.Context, id string) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteArtifactCaseQuery, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		return audit.Append(ctx, tx, caseEvent(audit.Delete, id))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return issue.New(issue.NotFound, "no case %s of this site", id)
	}
	if err != nil {
		return fmt.Errorf("delete case %s: %w", id, err)
	}
	return nil
}

func caseEvent(kind audit.Kind, id string) audit.Event {
	return audit.Event{Kind: kind, Entities: []audit.Entity{{Name: "case", What: "Bundle/" + id}}}
}

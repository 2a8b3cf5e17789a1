package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// mostCases is how many cases a person may keep.
const mostCases = 500

const (
	countCasesQuery = `SELECT count(*) FROM saved_case WHERE created_by = $1`
	saveCaseQuery   = `
INSERT INTO saved_case (title, language, indication, decision_id, request, recommendation, created_by, delete_after)
VALUES ($1, $2, $3, (SELECT id FROM decision WHERE id = $4), $5, $6, $7, $8)
RETURNING id::text, created_at`
	casesQuery = `
SELECT id::text, created_at, title, language, indication, coalesce(delete_after, 'infinity'::timestamptz) = 'infinity', coalesce(delete_after, now())
FROM saved_case WHERE created_by = $1 ORDER BY created_at DESC`
	caseQuery = `
SELECT id::text, created_at, title, language, indication, request, recommendation, delete_after
FROM saved_case WHERE id = $1 AND created_by = $2`
	deleteCaseQuery = `DELETE FROM saved_case WHERE id = $1 AND created_by = $2`
)

// noCase is the answer for a case that is not there and for one of somebody else.
func noCase() error { return issue.New(issue.NotFound, "there is no such case") }

// SaveCase keeps a case for its owner, and writes down whose data it holds. An error of
// kind issue.TooCostly says that the person keeps too many.
func (s *Store) SaveCase(ctx context.Context, c cds.SavedCase, decision string) (cds.SavedCase, error) {
	pool, err := s.database()
	if err != nil {
		return c, err
	}
	subject, err := s.subject(c.Patient)
	if err != nil {
		return c, err
	}
	var until *time.Time
	if !c.DeleteAfter.IsZero() {
		until = &c.DeleteAfter
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var there int
		if err := tx.QueryRow(ctx, countCasesQuery, c.Owner).Scan(&there); err != nil {
			return err
		}
		if there >= mostCases {
			return issue.New(issue.TooCostly, "%d cases are kept already; delete some first", there)
		}
		err := tx.QueryRow(ctx, saveCaseQuery, c.Title, string(c.Language), c.Indication, decision, c.Request, c.Recommendation, c.Owner, until).Scan(&c.ID, &c.CreatedAt)
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: audit.Create, Patient: subject, Data: "SavedCase/" + c.ID})
	})
	if unfit(err) {
		return c, issue.New(issue.Value, "save a case: its content cannot be kept")
	}
	if err != nil {
		return c, fmt.Errorf("save a case: %w", err)
	}
	return c, nil
}

func (s *Store) subject(patient string) (audit.Subject, error) {
	if s.subjects == nil || patient == "" {
		return nil, nil
	}
	return s.subjects.Subject(patient)
}

// Cases lists the cases of a person without their content, the latest first.
func (s *Store) Cases(ctx context.Context, owner string) ([]cds.SavedCase, error) {
	pool, err := s.database()
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, casesQuery, owner)
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c cds.SavedCase, err error) {
		var always bool
		var until time.Time
		if err = row.Scan(&c.ID, &c.CreatedAt, &c.Title, &c.Language, &c.Indication, &always, &until); err == nil && !always {
			c.DeleteAfter = until
		}
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	return list, nil
}

// Case reads a case of a person, and writes down that it was read. patientOf gives whose
// data it holds. A case of somebody else is one that is not there (issue.NotFound).
func (s *Store) Case(ctx context.Context, owner, id string, patientOf func(cds.SavedCase) string) (cds.SavedCase, error) {
	pool, err := s.database()
	if err != nil {
		return cds.SavedCase{}, err
	}
	c := cds.SavedCase{Owner: owner}
	var until *time.Time
	err = pool.QueryRow(ctx, caseQuery, id, owner).
		Scan(&c.ID, &c.CreatedAt, &c.Title, &c.Language, &c.Indication, &c.Request, &c.Recommendation, &until)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return cds.SavedCase{}, noCase()
	case err != nil:
		return cds.SavedCase{}, fmt.Errorf("read a case: %w", err)
	}
	if until != nil {
		c.DeleteAfter = *until
	}
	subject, err := s.subject(patientOf(c))
	if err != nil {
		return cds.SavedCase{}, err
	}
	// Data that cannot be accounted for are not given.
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return audit.Append(ctx, tx, audit.Event{Kind: audit.Read, Patient: subject, Data: "SavedCase/" + c.ID})
	})
	if err != nil {
		return cds.SavedCase{}, fmt.Errorf("read a case: %w", err)
	}
	return c, nil
}

// DeleteCase deletes a case of a person.
func (s *Store) DeleteCase(ctx context.Context, owner, id string) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteCaseQuery, id, owner)
		if err != nil {
			return fmt.Errorf("delete a case: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return noCase()
		}
		return audit.Append(ctx, tx, audit.Event{Kind: audit.Delete, Data: "SavedCase/" + id})
	})
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/fhir/audit"
	"cdss/fhir/task"
	"cdss/rag"
	"cdss/rag/ingest"
	"cdss/rag/parse"
)

const (
	// DO UPDATE, unlike DO NOTHING, locks the row: parallel additions to one
	// guideline come one after the other, and so do its approvals and deletions.
	addGuidelineQuery = `
INSERT INTO guideline (identifier) VALUES ($1)
ON CONFLICT (identifier) DO UPDATE SET identifier = EXCLUDED.identifier
RETURNING id`

	addVersionQuery = `
INSERT INTO guideline_version (guideline_id, version, title, publisher, language, valid_until, expired, part_of, same_as,
                               indications, file_name, sha256, uploaded_by)
VALUES (@guideline, @version, @title, @publisher, @language, @valid_until, @expired, @part_of, @same_as,
        @indications, @file_name, @sha256, @uploaded_by)
ON CONFLICT (guideline_id, version, sha256) DO NOTHING
RETURNING id`

	sameVersionQuery = `
SELECT id, indexed_at IS NOT NULL FROM guideline_version
WHERE guideline_id = $1 AND version = $2 AND sha256 = $3`

	addSourceQuery = `INSERT INTO guideline_source (version_id, format, size, content) VALUES ($1, $2, $3, $4)`
)

// Add implements ingest.Shelf.
func (s *Store) Add(ctx context.Context, a ingest.Addition) (id string, created bool, err error) {
	err = s.inTx(ctx, pgx.TxOptions{}, "add a version of guideline "+a.Identifier, func(tx pgx.Tx) error {
		var guideline string
		if err := tx.QueryRow(ctx, addGuidelineQuery, a.Identifier).Scan(&guideline); err != nil {
			return err
		}
		indications := a.Indications
		if indications == nil {
			indications = []string{}
		}
		err := tx.QueryRow(ctx, addVersionQuery, pgx.NamedArgs{
			"guideline": guideline, "version": a.Version, "title": a.Title, "publisher": a.Publisher, "language": a.Language,
			"valid_until": pgtype.Date{Time: a.ValidUntil, Valid: !a.ValidUntil.IsZero()}, "expired": a.Expired,
			"part_of": a.PartOf, "same_as": a.SameAs, "indications": indications, "file_name": a.FileName, "sha256": a.SHA256,
			"uploaded_by": a.UploadedBy,
		}).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			var complete bool
			if err := tx.QueryRow(ctx, sameVersionQuery, guideline, a.Version, a.SHA256).Scan(&id, &complete); err != nil {
				return err
			}
			if complete {
				return nil
			}
			return ask(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		created = true
		if _, err := tx.Exec(ctx, addSourceQuery, id, a.Format, len(a.Content), a.Content); err != nil {
			return err
		}
		if err := attest(ctx, tx, audit.Create, id); err != nil {
			return err
		}
		return ask(ctx, tx, id)
	})
	return id, created, err
}

func ask(ctx context.Context, tx pgx.Tx, id string) error {
	_, err := task.Ask(ctx, tx, task.Order{Kind: ingest.TaskKind, Key: id})
	return err
}

// versionRow is a row of versionsQuery.
type versionRow struct {
	ID, Identifier, Version, Title, Publisher, Language string
	ValidUntil                                          *time.Time
	Expired                                             bool
	PartOf, SameAs                                      string
	Indications                                         []string
	Status                                              rag.Status
	FileName, SHA256                                    string
	CreatedAt                                           time.Time
	ApprovedAt, RetiredAt                               *time.Time
	Format                                              parse.Format
	Size                                                int64
	Pages, Passages, Pipeline                           int
	Space                                               string
	Complete                                            bool
	UploadedBy, ApprovedBy                              string
	Flagged                                             int
	Task                                                []byte
}

// versionsQuery counts pages and passages per version by index and reads no text.
// The task comes as JSON, since a version need not have one.
const versionsQuery = `
SELECT v.id, g.identifier, v.version, v.title, v.publisher, v.language, v.valid_until, v.expired, v.part_of, v.same_as,
       v.indications, v.status, v.file_name, v.sha256, v.created_at, v.approved_at, v.retired_at,
       s.format, s.size,
       (SELECT count(*) FROM guideline_page p WHERE p.version_id = v.id) AS pages,
       (SELECT count(*) FROM passage p WHERE p.version_id = v.id) AS passages,
       v.pipeline,
       coalesce((SELECT concat_ws('/', e.kind, e.provider, e.model, e.dims, e.version) FROM embedding_space e
                 WHERE e.id = v.embedded_in), '') AS space,
       v.indexed_at IS NOT NULL AS complete, v.uploaded_by, v.approved_by,
       (SELECT count(*) FROM guideline_page p WHERE p.version_id = v.id AND p.flags <> '{}') AS flagged,
       (SELECT row_to_json(t) FROM task t WHERE t.kind = @kind AND t.key = v.id::text) AS task
FROM guideline_version v
JOIN guideline g ON g.id = v.guideline_id
JOIN guideline_source s ON s.version_id = v.id
WHERE @ids::uuid[] IS NULL OR v.id = ANY(@ids)
ORDER BY g.identifier, v.created_at DESC, v.id`

// Versions implements ingest.Shelf.
func (s *Store) Versions(ctx context.Context, ids ...string) ([]ingest.Version, error) {
	var named []pgtype.UUID
	for _, id := range ids {
		u, err := parseID(id)
		if err != nil {
			return nil, err
		}
		named = append(named, u)
	}
	rows, err := s.pool.Query(ctx, versionsQuery, pgx.NamedArgs{"kind": ingest.TaskKind, "ids": named})
	if err != nil {
		return nil, fmt.Errorf("read guideline versions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[versionRow])
	if err != nil {
		return nil, fmt.Errorf("read guideline versions: %w", err)
	}
	if len(ids) > 0 && len(list) == 0 {
		return nil, unknown(ids[0])
	}
	versions := make([]ingest.Version, 0, len(list))
	for _, r := range list {
		v, err := r.version()
		if err != nil {
			return nil, fmt.Errorf("read guideline version %s: %w", r.ID, err)
		}
		versions = append(versions, v)
	}
	return versions, nil
}

func (r versionRow) version() (ingest.Version, error) {
	v := ingest.Version{
		Document: rag.Document{
			ID: r.ID, Identifier: r.Identifier, Title: r.Title, Version: r.Version, Publisher: r.Publisher, Language: r.Language,
			PartOf: r.PartOf, SameAs: r.SameAs, Expired: r.Expired, FileName: r.FileName, SHA256: r.SHA256,
			Status: r.Status, Indications: r.Indications,
		},
		Format: r.Format, Size: r.Size, CreatedAt: r.CreatedAt.UTC(), ApprovedAt: utc(r.ApprovedAt), RetiredAt: utc(r.RetiredAt),
		Pages: r.Pages, Passages: r.Passages, Pipeline: r.Pipeline, Space: r.Space, Complete: r.Complete,
		UploadedBy: r.UploadedBy, ApprovedBy: r.ApprovedBy, Flagged: r.Flagged,
	}
	if r.ValidUntil != nil {
		v.ValidUntil = r.ValidUntil.UTC()
	}
	if r.Task == nil {
		return v, nil
	}
	var t struct {
		ID           string
		Kind, Key    string
		State        task.State
		Attempts     int
		Max          int `json:"max_attempts"`
		Stage, Error string
		Done, Total  int64
		Created      time.Time  `json:"created_at"`
		Updated      time.Time  `json:"updated_at"`
		Finished     *time.Time `json:"finished_at"`
	}
	if err := json.Unmarshal(r.Task, &t); err != nil {
		return v, err
	}
	v.Task = &task.Task{
		ID: t.ID, Kind: t.Kind, Key: t.Key, State: t.State, Attempts: t.Attempts, MaxAttempts: t.Max, Stage: t.Stage,
		Done: t.Done, Total: t.Total, Reason: t.Error, CreatedAt: t.Created, UpdatedAt: t.Updated, FinishedAt: t.Finished,
	}
	return v, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

const (
	// The lock on the guideline comes first, as in Add and Approve. It is one that
	// passages may refer to meanwhile: a worker that saves them holds their version.
	lockGuidelineQuery = `
SELECT g.id FROM guideline g JOIN guideline_version v ON v.guideline_id = g.id
WHERE v.id = $1 FOR NO KEY UPDATE OF g`

	deleteVersionQuery   = `DELETE FROM guideline_version WHERE id = $1 RETURNING status`
	deleteGuidelineQuery = `
DELETE FROM guideline g WHERE g.id = $1
AND NOT EXISTS (SELECT FROM guideline_version v WHERE v.guideline_id = g.id)`
)

// Delete implements ingest.Shelf. Bytes, pages, passages and vectors go by
// cascade.
func (s *Store) Delete(ctx context.Context, id string) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	return s.inTx(ctx, pgx.TxOptions{}, "delete guideline version "+id, func(tx pgx.Tx) error {
		guideline, err := lockGuideline(ctx, tx, u, id)
		if err != nil {
			return err
		}
		if err := attest(ctx, tx, audit.Delete, id); err != nil {
			return err
		}
		var status rag.Status
		err = tx.QueryRow(ctx, deleteVersionQuery, u).Scan(&status)
		if errors.Is(err, pgx.ErrNoRows) { // deleted while this one waited for the lock
			return unknown(id)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteGuidelineQuery, guideline); err != nil {
			return err
		}
		if err := task.Forget(ctx, tx, ingest.TaskKind, id); err != nil {
			return err
		}
		if status != rag.Active {
			return nil
		}
		return announce(ctx, tx)
	})
}

// lockGuideline makes changes of one guideline wait for each other.
func lockGuideline(ctx context.Context, tx pgx.Tx, version pgtype.UUID, id string) (guideline string, err error) {
	err = tx.QueryRow(ctx, lockGuidelineQuery, version).Scan(&guideline)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", unknown(id)
	}
	return guideline, err
}

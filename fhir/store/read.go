package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// versionRow is one row of resource_version with the id of its resource.
type versionRow struct {
	Type      string
	ID        string
	Version   int
	UpdatedAt time.Time
	Method    string
	Body      *string
}

func (r versionRow) version() (fhir.Version, error) {
	v := fhir.Version{Type: r.Type, ID: r.ID, Version: r.Version, At: r.UpdatedAt.UTC(), Method: fhir.Method(r.Method)}
	if r.Body == nil {
		return v, nil
	}
	var err error
	// What was let in once is let out, whatever the limits are by now.
	if v.Resource, err = fhir.ParseResourceWithin([]byte(*r.Body), stored); err != nil {
		// Without its kind: that a stored body cannot be read is no fault of who asks.
		return v, fmt.Errorf("read stored %s: %v", v.Ref(), err)
	}
	return v, nil
}

var stored = fhir.Limits{Depth: 256, Tokens: 10_000_000, StringBytes: 64 << 20}

const readVersionQuery = `
SELECT r.type, r.id, v.version, v.updated_at, v.method, v.body
FROM resource r
JOIN resource_version v ON v.resource = r.key AND v.version = CASE WHEN $3 = 0 THEN r.version ELSE $3 END
WHERE r.type = $1 AND r.id = $2`

// Read gives a version of a resource, 0 meaning the current one. It is an error
// of kind issue.NotFound when there is none, and of kind issue.Deleted when that
// version is a deletion.
func (s *Store) Read(ctx context.Context, typ, id string, version int) (fhir.Version, error) {
	var v fhir.Version
	if err := s.keeps(typ); err != nil {
		return v, err
	}
	err := s.read(ctx, func(tx pgx.Tx) (err error) {
		v, err = readVersion(ctx, tx, typ, id, version)
		return err
	})
	return v, err
}

func readVersion(ctx context.Context, tx pgx.Tx, typ, id string, version int) (fhir.Version, error) {
	ref := typ + "/" + id
	if version != 0 {
		ref += fmt.Sprintf("/_history/%d", version)
	}
	missing := issue.New(issue.NotFound, "read %s: there is no such resource", clip(ref))
	if !search.IsID(id) || version < 0 {
		return fhir.Version{}, missing
	}
	rows, err := tx.Query(ctx, readVersionQuery, typ, id, version)
	if err != nil {
		return fhir.Version{}, err
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[versionRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return fhir.Version{}, missing
	}
	if err != nil {
		return fhir.Version{}, err
	}
	v, err := row.version()
	if err == nil && v.Resource == nil {
		return v, issue.New(issue.Deleted, "read %s: it was deleted", ref)
	}
	return v, err
}

// The newest version first. Pages are cut by count and by size: see page.
const historyQuery = `
SELECT v.seq, COALESCE(octet_length(v.body), 0) AS size
FROM resource_version v
JOIN resource r ON r.key = v.resource
WHERE ($1 = '' OR v.type = $1) AND ($2 = '' OR r.type = $1 AND r.id = $2)
  AND ($3::timestamptz IS NULL OR v.updated_at >= $3) AND v.type = ANY($4)
ORDER BY v.seq DESC
OFFSET $5 LIMIT $6`

const countHistoryQuery = `
SELECT count(*)
FROM resource_version v
JOIN resource r ON r.key = v.resource
WHERE ($1 = '' OR v.type = $1) AND ($2 = '' OR r.type = $1 AND r.id = $2)
  AND ($3::timestamptz IS NULL OR v.updated_at >= $3) AND v.type = ANY($4)`

const readHistoryQuery = `
SELECT r.type, r.id, v.version, v.updated_at, v.method, v.body
FROM unnest($1::bigint[]) WITH ORDINALITY AS k (seq, ord)
JOIN resource_version v USING (seq)
JOIN resource r ON r.key = v.resource
ORDER BY k.ord`

// History gives the versions of a resource, of a type (id "") or of all types
// (typ ""), the newest first, from since on when it is not zero. Of an id that
// never was it is an error of kind issue.NotFound.
func (s *Store) History(ctx context.Context, typ, id string, since time.Time, count, offset int) (search.Page, error) {
	var page search.Page
	if typ != "" {
		if err := s.keeps(typ); err != nil {
			return page, err
		}
	}
	if id != "" && !search.IsID(id) {
		return page, issue.New(issue.NotFound, "read history of %s: there is no such resource", clip(typ+"/"+id))
	}
	var from *time.Time
	if !since.IsZero() {
		from = &since
	}
	count = min(max(count, 0), search.MaxCount)
	err := s.read(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, countHistoryQuery, typ, id, from, s.Types()).Scan(&page.Total)
		if err != nil {
			return err
		}
		if page.Total == 0 && id != "" {
			if _, err := readVersion(ctx, tx, typ, id, 0); issue.Is(err, issue.NotFound) {
				return issue.New(issue.NotFound, "read history of %s/%s: there is no such resource", typ, id)
			}
		}
		keys, more, err := cutPage(ctx, tx, count, historyQuery, typ, id, from, s.Types(), max(offset, 0), count+1)
		if err != nil {
			return err
		}
		page.More = more
		page.Matches, err = versions(ctx, tx, readHistoryQuery, keys)
		return err
	})
	return page, err
}

// maxPage is how many bytes of bodies one page holds: with its copies it must fit
// a server of half a gigabyte.
const maxPage = 16 << 20

// sized is the key of what could stand on a page, and how large it is.
type sized struct {
	Key  int64
	Size int64
}

// cutPage asks for the keys of a page and one more, and cuts at count and at
// maxPage; the first always stands.
func cutPage(ctx context.Context, tx pgx.Tx, count int, query string, args ...any) (keys []int64, more bool, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, false, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sized])
	if err != nil {
		return nil, false, err
	}
	var bytes int64
	for i, f := range found {
		bytes += f.Size
		if i == count || i > 0 && bytes > maxPage {
			return keys, true, nil
		}
		keys = append(keys, f.Key)
	}
	return keys, false, nil
}

// versions reads the rows of a query by keys.
func versions(ctx context.Context, tx pgx.Tx, query string, keys []int64) ([]fhir.Version, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, query, keys)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[versionRow])
	if err != nil {
		return nil, err
	}
	list := make([]fhir.Version, 0, len(found))
	for _, row := range found {
		v, err := row.version()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

const allQuery = `
SELECT r.type, r.id, v.version, v.updated_at, v.method, v.body
FROM resource r
JOIN resource_version v ON v.resource = r.key AND v.version = r.version
WHERE r.type = ANY($1) AND NOT r.deleted
ORDER BY r.key`

// All gives every current resource of the types, in the order in which they were
// first created. It is for knowledge that is compiled in memory.
func (s *Store) All(ctx context.Context, types ...string) ([]*fhir.Resource, error) {
	var list []*fhir.Resource
	err := s.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, allQuery, types)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[versionRow])
		if err != nil {
			return err
		}
		for _, row := range found {
			v, err := row.version()
			if err != nil {
				return err
			}
			list = append(list, v.Resource)
		}
		return nil
	})
	return list, err
}

// Both figures are needed: a transaction that took its numbers earlier may commit
// later, and then only the count tells.
const stampQuery = `
SELECT count(*)::text || '-' || COALESCE(max(seq), 0)::text FROM resource_version WHERE type = ANY($1)`

// Stamp gives a text that is another one after each change of a resource of the
// types, on whatever replica.
func (s *Store) Stamp(ctx context.Context, types ...string) (string, error) {
	stamp := ""
	err := s.read(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, stampQuery, types).Scan(&stamp)
	})
	return stamp, err
}

package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
)

const readManyQuery = `
SELECT r.type, r.id, v.version, v.updated_at, v.method, v.body
FROM unnest($1::text[], $2::text[]) AS k (type, id)
JOIN resource r ON r.type = k.type AND r.id = k.id
JOIN resource_version v ON v.resource = r.key AND v.version = r.version`

// loadStep is how many resources are loaded in one transaction.
const loadStep = 100

// Load stores resources that came with the program: those that are new, and those
// that differ from what is stored, by whomever. It gives how many were written.
func (s *Store) Load(ctx context.Context, resources []*fhir.Resource) (int, error) {
	written := 0
	for part := range slices.Chunk(resources, loadStep) {
		changes, err := s.differing(ctx, part)
		if err != nil {
			return written, err
		}
		if len(changes) == 0 {
			continue
		}
		if _, err := s.Apply(ctx, changes); err != nil {
			return written, err
		}
		written += len(changes)
	}
	if written >= loadStep {
		s.analyze(ctx)
	}
	return written, nil
}

// Without statistics the planner takes a table that was just filled for empty, and
// searches take ten times as long until autovacuum comes by.
const analyzeQuery = `
ANALYZE resource, resource_version, resource_token, resource_string, resource_reference, resource_date, resource_number, resource_uri`

func (s *Store) analyze(ctx context.Context) {
	pool, err := s.database()
	if err == nil {
		_, err = pool.Exec(ctx, analyzeQuery)
	}
	if err != nil {
		s.cfg.Log.Warn("statistics of FHIR resources were not renewed", "error", err)
	}
}

// differing makes changes of the resources that are not stored as they are.
func (s *Store) differing(ctx context.Context, resources []*fhir.Resource) ([]fhir.Change, error) {
	var types, ids []string
	for _, r := range resources {
		if err := s.keeps(r.Type()); err != nil {
			return nil, err
		}
		types, ids = append(types, r.Type()), append(ids, r.ID())
	}
	current := map[string]versionRow{}
	err := s.read(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, readManyQuery, types, ids)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[versionRow])
		for _, row := range found {
			current[row.Type+"/"+row.ID] = row
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var changes []fhir.Change
	for _, r := range resources {
		if row, ok := current[r.Ref()]; ok && row.Body != nil {
			same, err := r.As("", strconv.Itoa(row.Version), stamp(row.UpdatedAt))
			if err != nil {
				return nil, err
			}
			if string(same.Raw()) == *row.Body {
				continue
			}
		}
		changes = append(changes, fhir.Change{Method: fhir.Update, Type: r.Type(), ID: r.ID(), Resource: r})
	}
	return changes, nil
}

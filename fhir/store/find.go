package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// A search reads the keys of one page first, and the bodies of those that fit:
//
//	SELECT key, size FROM resource r JOIN resource_version v …
//	WHERE r.type = $1 AND NOT r.deleted AND <criteria>
//	ORDER BY <keys of _sort>, r.key OFFSET … LIMIT …
//
// Each criterion is an EXISTS over the table of its type; see where.go.
const (
	pageHead = `
SELECT r.key, octet_length(v.body) AS size
FROM resource r
JOIN resource_version v ON v.resource = r.key AND v.version = r.version
WHERE r.type = $1 AND NOT r.deleted`

	countHead = `
SELECT count(*)
FROM resource r
WHERE r.type = $1 AND NOT r.deleted`

	readPageQuery = `
SELECT r.type, r.id, v.version, v.updated_at, v.method, v.body
FROM unnest($1::bigint[]) WITH ORDINALITY AS k (key, ord)
JOIN resource r USING (key)
JOIN resource_version v ON v.resource = r.key AND v.version = r.version
ORDER BY k.ord`
)

// Search gives a page of the resources that match, and those that come along.
// With _summary=count or _total unset it counts all matches.
func (s *Store) Search(ctx context.Context, q *search.Query) (search.Page, error) {
	if err := s.keeps(q.Type); err != nil {
		return search.Page{}, err
	}
	var page search.Page
	err := s.read(ctx, func(tx pgx.Tx) (err error) {
		page, err = find(ctx, tx, q)
		return err
	})
	return page, err
}

func find(ctx context.Context, tx pgx.Tx, q *search.Query) (search.Page, error) {
	page := search.Page{Total: -1}
	b := builder{args: []any{q.Type}}
	where, err := b.criteria(q.Criteria)
	if err != nil {
		return page, err
	}
	if q.Total != search.TotalNone || q.Summary == search.SummaryCount {
		if err := tx.QueryRow(ctx, countHead+where, b.args...).Scan(&page.Total); err != nil {
			return page, err
		}
	}
	if q.Summary == search.SummaryCount {
		return page, nil
	}
	order, err := b.order(q.Sort)
	if err != nil {
		return page, err
	}
	query := pageHead + where + order + ` OFFSET ` + b.bind(q.Offset) + ` LIMIT ` + b.bind(q.Count+1)
	keys, more, err := cutPage(ctx, tx, q.Count, query, b.args...)
	if err != nil {
		return page, err
	}
	page.More = more
	if page.Matches, err = versions(ctx, tx, readPageQuery, keys); err != nil {
		return page, err
	}
	page.Included, err = include(ctx, tx, q, keys)
	return page, err
}

const (
	// $1 keys, $2 type of the source, $3 parameter or '*', $4 type of the target or '', $5 how many.
	// The two legs of a union, since one join by id or url could use neither index.
	includeQuery = `
SELECT DISTINCT key, size FROM (
  SELECT t.key, octet_length(v.body) AS size
  FROM resource_reference x
  JOIN resource s ON s.key = x.resource AND s.type = $2
  JOIN resource t ON t.type = x.type AND t.id = x.id AND NOT t.deleted
  JOIN resource_version v ON v.resource = t.key AND v.version = t.version
  WHERE x.resource = ANY($1) AND x.id <> '' AND ($3 = '*' OR x.parameter = $3) AND ($4 = '' OR t.type = $4)
  UNION ALL
  SELECT t.key, octet_length(v.body)
  FROM resource_reference x
  JOIN resource s ON s.key = x.resource AND s.type = $2
  JOIN resource_uri u ON u.parameter = 'url' AND u.value = x.url
  JOIN resource t ON t.key = u.resource AND NOT t.deleted
  JOIN resource_version v ON v.resource = t.key AND v.version = t.version
  WHERE x.resource = ANY($1) AND x.url <> '' AND ($3 = '*' OR x.parameter = $3) AND ($4 = '' OR t.type = $4)
    AND (x.version = '' OR EXISTS (
          SELECT FROM resource_token w WHERE w.resource = t.key AND w.parameter = 'version' AND w.code = x.version))
) AS found
ORDER BY key LIMIT $5`

	reverseIncludeQuery = `
SELECT DISTINCT key, size FROM (
  SELECT s.key, octet_length(v.body) AS size
  FROM resource t
  JOIN resource_reference x ON x.id = t.id AND x.type = t.type AND x.id <> ''
  JOIN resource s ON s.key = x.resource AND s.type = $2 AND NOT s.deleted
  JOIN resource_version v ON v.resource = s.key AND v.version = s.version
  WHERE t.key = ANY($1) AND ($3 = '*' OR x.parameter = $3) AND ($4 = '' OR t.type = $4)
  UNION ALL
  SELECT s.key, octet_length(v.body)
  FROM resource t
  JOIN resource_uri u ON u.resource = t.key AND u.parameter = 'url'
  JOIN resource_reference x ON x.url = u.value AND x.url <> ''
  JOIN resource s ON s.key = x.resource AND s.type = $2 AND NOT s.deleted
  JOIN resource_version v ON v.resource = s.key AND v.version = s.version
  WHERE t.key = ANY($1) AND ($3 = '*' OR x.parameter = $3) AND ($4 = '' OR t.type = $4)
    AND (x.version = '' OR EXISTS (
          SELECT FROM resource_token w WHERE w.resource = t.key AND w.parameter = 'version' AND w.code = x.version))
) AS found
ORDER BY key LIMIT $5`
)

// Bounds of what comes along with one page.
const (
	maxIncluded = 1000
	maxRounds   = 8
)

// include follows the references that q asks for, from the matches and, with
// iterate, from what came along.
func include(ctx context.Context, tx pgx.Tx, q *search.Query, matches []int64) ([]fhir.Version, error) {
	if len(q.Include) == 0 || len(matches) == 0 {
		return nil, nil
	}
	seen := map[int64]bool{}
	for _, k := range matches {
		seen[k] = true
	}
	var keys []int64
	var bytes int64
	for round, from := 0, matches; len(from) > 0 && round < maxRounds; round++ {
		var fresh []int64
		for _, i := range q.Include {
			if round > 0 && !i.Iterate {
				continue
			}
			query := includeQuery
			if i.Reverse {
				query = reverseIncludeQuery
			}
			rows, err := tx.Query(ctx, query, from, i.Source, i.Parameter.Name, i.Target, maxIncluded+1)
			if err != nil {
				return nil, err
			}
			found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sized])
			if err != nil {
				return nil, err
			}
			for _, f := range found {
				if seen[f.Key] {
					continue
				}
				seen[f.Key] = true
				fresh = append(fresh, f.Key)
				bytes += f.Size
			}
			if len(keys)+len(fresh) > maxIncluded || bytes > maxPage {
				return nil, issue.New(issue.TooCostly, "search %s: more than %d resources or %d bytes would come along; ask for a smaller page", q.Type, maxIncluded, maxPage)
			}
		}
		keys = append(keys, fresh...)
		from = fresh
	}
	slices.Sort(keys)
	return versions(ctx, tx, readPageQuery, keys)
}

// order writes ORDER BY. A resource without the key stands last.
func (b *builder) order(keys []search.Sort) (string, error) {
	sql := ` ORDER BY `
	for _, k := range keys {
		expression, err := b.sortKey(k)
		if err != nil {
			return "", err
		}
		direction := " ASC"
		if k.Descending {
			direction = " DESC"
		}
		sql += expression + direction + ` NULLS LAST, `
	}
	return sql + `r.key`, nil
}

// sortKeys gives, per type of parameter, what is compared: of several values the
// least, or descending the greatest (R4, 3.1.1.5.9).
var sortKeys = map[search.Type]struct{ table, low, high string }{
	search.TypeToken:     {"resource_token", "min(x.code)", "max(x.code)"},
	search.TypeString:    {"resource_string", "min(x.folded)", "max(x.folded)"},
	search.TypeReference: {"resource_reference", "min(x.type || '/' || x.id || x.url)", "max(x.type || '/' || x.id || x.url)"},
	search.TypeDate:      {"resource_date", "min(x.low)", "max(x.high)"},
	search.TypeNumber:    {"resource_number", "min(x.low)", "max(x.high)"},
	search.TypeQuantity:  {"resource_number", "min(COALESCE(x.base_low, x.low))", "max(COALESCE(x.base_high, x.high))"},
	search.TypeURI:       {"resource_uri", "min(x.value)", "max(x.value)"},
}

func (b *builder) sortKey(k search.Sort) (string, error) {
	switch k.Parameter.Name {
	case "_id":
		return "r.id", nil
	case "_lastUpdated":
		return "r.updated_at", nil
	}
	s, ok := sortKeys[k.Parameter.Type]
	if !ok {
		return "", fmt.Errorf("sort by %s: no order for type %q", k.Parameter.Name, k.Parameter.Type)
	}
	value := s.low
	if k.Descending {
		value = s.high
	}
	return `(SELECT ` + value + ` FROM ` + s.table + ` x WHERE x.resource = r.key AND x.parameter = ` + b.bind(k.Parameter.Name) + `)`, nil
}

package store

import (
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"cdss/fhir/search"
)

// The statements that replace what a resource is found by. Each adds all rows of
// its table at once.
var clearIndexQueries = []string{
	`DELETE FROM resource_token WHERE resource = $1`,
	`DELETE FROM resource_string WHERE resource = $1`,
	`DELETE FROM resource_reference WHERE resource = $1`,
	`DELETE FROM resource_date WHERE resource = $1`,
	`DELETE FROM resource_number WHERE resource = $1`,
	`DELETE FROM resource_uri WHERE resource = $1`,
}

const (
	addTokensQuery = `
INSERT INTO resource_token (resource, parameter, system, code, text)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])`

	addStringsQuery = `
INSERT INTO resource_string (resource, parameter, exact, folded)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[])`

	addReferencesQuery = `
INSERT INTO resource_reference (resource, parameter, type, id, url, version, system, value)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])`

	addDatesQuery = `
INSERT INTO resource_date (resource, parameter, low, high)
SELECT $1, * FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[])`

	addNumbersQuery = `
INSERT INTO resource_number (resource, parameter, low, high, system, code, unit, dimension, base_low, base_high)
SELECT $1, p, l::numeric, h::numeric, s, c, u, d, bl::numeric, bh::numeric
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
  AS n (p, l, h, s, c, u, d, bl, bh)`

	addURIsQuery = `
INSERT INTO resource_uri (resource, parameter, value)
SELECT $1, * FROM unnest($2::text[], $3::text[])`
)

// reindex queues what makes the resource findable by x and by nothing else.
func reindex(b *pgx.Batch, key int64, version int, x search.Index) {
	if version > 1 {
		for _, query := range clearIndexQueries {
			b.Queue(query, key)
		}
	}
	if len(x.Tokens) > 0 {
		c := columns(x.Tokens, func(e search.TokenEntry) []string { return []string{e.Parameter, e.System, e.Code, e.Text} })
		b.Queue(addTokensQuery, key, c[0], c[1], c[2], c[3])
	}
	if len(x.Strings) > 0 {
		c := columns(x.Strings, func(e search.StringEntry) []string { return []string{e.Parameter, e.Exact, e.Folded} })
		b.Queue(addStringsQuery, key, c[0], c[1], c[2])
	}
	if len(x.References) > 0 {
		c := columns(x.References, func(e search.ReferenceEntry) []string {
			return []string{e.Parameter, e.Type, e.ID, e.URL, e.Version, e.System, e.Value}
		})
		b.Queue(addReferencesQuery, key, c[0], c[1], c[2], c[3], c[4], c[5], c[6])
	}
	if len(x.Dates) > 0 {
		var names []string
		var low, high []pgtype.Timestamptz
		for _, e := range x.Dates {
			names = append(names, e.Parameter)
			low = append(low, instant(e.Low, pgtype.NegativeInfinity))
			high = append(high, instant(e.High, pgtype.Infinity))
		}
		b.Queue(addDatesQuery, key, names, low, high)
	}
	if len(x.Numbers) > 0 {
		c := columns(x.Numbers, func(e search.NumberEntry) []string {
			row := []string{e.Parameter, number(e.Low, "-Infinity"), number(e.High, "Infinity"), e.System, e.Code, e.Unit, e.Dimension, "0", "0"}
			if e.Dimension != "" {
				row[7], row[8] = number(e.BaseLow, "-Infinity"), number(e.BaseHigh, "Infinity")
			}
			return row
		})
		b.Queue(addNumbersQuery, key, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8])
	}
	if len(x.URIs) > 0 {
		c := columns(x.URIs, func(e search.URIEntry) []string { return []string{e.Parameter, e.Value} })
		b.Queue(addURIsQuery, key, c[0], c[1])
	}
}

// columns turns rows of texts into columns.
func columns[T any](entries []T, row func(T) []string) [][]string {
	var out [][]string
	for _, e := range entries {
		for i, text := range row(e) {
			if i == len(out) {
				out = append(out, make([]string, 0, len(entries)))
			}
			out[i] = append(out[i], text)
		}
	}
	return out
}

// instant gives t, or the infinity that an open side is.
func instant(t time.Time, open pgtype.InfinityModifier) pgtype.Timestamptz {
	if t.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: open, Valid: true}
	}
	return pgtype.Timestamptz{Time: t, Valid: true}
}

// number writes d for a cast to numeric, or the infinity that an open side is.
func number(d *apd.Decimal, open string) string {
	if d == nil {
		return open
	}
	return d.Text('f')
}

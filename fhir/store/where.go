package store

import (
	"fmt"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// builder writes the conditions of a query. Every value of the caller becomes a
// bound parameter; what is written into the text are the fragments below, chosen
// by type.
type builder struct {
	args  []any
	depth int // of chains: r, r1, r2 …
}

// bind adds a parameter and gives its name.
func (b *builder) bind(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// tables hold the entries of each type of parameter.
var tables = map[search.Type]string{
	search.TypeToken: "resource_token", search.TypeString: "resource_string", search.TypeReference: "resource_reference",
	search.TypeDate: "resource_date", search.TypeNumber: "resource_number", search.TypeQuantity: "resource_number", search.TypeURI: "resource_uri",
}

// criteria writes " AND …" for each criterion on the resource r.
func (b *builder) criteria(list []search.Criterion) (string, error) {
	var sql strings.Builder
	for _, c := range list {
		text, err := b.criterion("r", c)
		if err != nil {
			return "", err
		}
		sql.WriteString("\n  AND " + text)
	}
	return sql.String(), nil
}

// criterion writes the condition of c on the row named resource.
func (b *builder) criterion(resource string, c search.Criterion) (string, error) {
	switch c.Parameter.Name {
	case "_id":
		return b.id(resource, c)
	case "_lastUpdated":
		return b.lastUpdated(resource, c)
	}
	table, ok := tables[c.Parameter.Type]
	if !ok {
		return "", fmt.Errorf("search by %s: no table for type %q", c.Parameter.Name, c.Parameter.Type)
	}
	entry := `EXISTS (SELECT FROM ` + table + ` x WHERE x.resource = ` + resource + `.key AND x.parameter = ` + b.bind(c.Parameter.Name)
	if c.Modifier == search.ModifierMissing {
		if c.Absent {
			return `NOT ` + entry + `)`, nil
		}
		return entry + `)`, nil
	}
	if c.Target != "" && c.Chain == nil {
		entry += ` AND x.type = ` + b.bind(c.Target)
	}
	if c.Chain != nil {
		return b.chain(entry, c)
	}
	var any []string
	for _, v := range c.Values {
		text, err := b.value(c, v)
		if err != nil {
			return "", err
		}
		any = append(any, text)
	}
	sql := entry + ` AND (` + strings.Join(any, ` OR `) + `))`
	if c.Modifier == search.ModifierNot {
		return `NOT ` + sql, nil
	}
	return sql, nil
}

// chained tells whether the reference x names one of the resources %[1]s that %[2]s
// holds for: by type and id, or by canonical url, in the version asked for. The
// subqueries do not look at x, so that each is run once.
const chained = ` AND (x.id <> '' AND x.type = %[3]s AND x.id IN (
    SELECT %[1]s.id FROM resource %[1]s WHERE %[1]s.type = %[3]s AND NOT %[1]s.deleted AND %[2]s)
  OR x.url <> '' AND (x.url, x.version) IN (
    SELECT u.value, v.code
    FROM resource %[1]s
    JOIN resource_uri u ON u.resource = %[1]s.key AND u.parameter = 'url'
    CROSS JOIN LATERAL (
      SELECT '' AS code
      UNION ALL
      SELECT w.code FROM resource_token w WHERE w.resource = %[1]s.key AND w.parameter = 'version'
    ) AS v
    WHERE %[1]s.type = %[3]s AND NOT %[1]s.deleted AND %[2]s)))`

// chain writes a condition on what the reference x points to.
func (b *builder) chain(entry string, c search.Criterion) (string, error) {
	b.depth++
	target := "t" + strconv.Itoa(b.depth)
	inner, err := b.criterion(target, *c.Chain)
	b.depth--
	if err != nil {
		return "", err
	}
	return entry + fmt.Sprintf(chained, target, inner, b.bind(c.Target)), nil
}

func (b *builder) id(resource string, c search.Criterion) (string, error) {
	if c.Modifier == search.ModifierMissing {
		return strconv.FormatBool(!c.Absent), nil
	}
	if c.Modifier == search.ModifierText {
		return "", issue.New(issue.NotSupported, `search: the modifier "text" has no meaning for _id`).WithStatus(400)
	}
	var ids []string
	for _, v := range c.Values {
		if t, ok := v.(search.Token); ok && t.System == "" && !t.AnyCode {
			ids = append(ids, t.Code)
		}
	}
	sql := resource + `.id = ANY(` + b.bind(ids) + `)`
	if c.Modifier == search.ModifierNot {
		sql = `NOT ` + sql
	}
	return sql, nil
}

// lastUpdated compares the instant, in milliseconds, at which a version came.
func (b *builder) lastUpdated(resource string, c search.Criterion) (string, error) {
	if c.Modifier == search.ModifierMissing {
		return strconv.FormatBool(!c.Absent), nil
	}
	var any []string
	for _, v := range c.Values {
		d, ok := v.(search.Date)
		if !ok {
			return "", fmt.Errorf("search by _lastUpdated: a %T is no date", v)
		}
		any = append(any, b.date(d, resource+`.updated_at`, `(`+resource+`.updated_at + interval '1 millisecond')`))
	}
	return `(` + strings.Join(any, ` OR `) + `)`, nil
}

// value writes the condition of one value on the entry x.
func (b *builder) value(c search.Criterion, v search.Value) (string, error) {
	switch v := v.(type) {
	case search.Token:
		if c.Parameter.Type == search.TypeReference {
			return b.token(v, `x.system`, `x.value`), nil
		}
		return b.token(v, `x.system`, `x.code`), nil
	case search.Text:
		return b.text(c, string(v)), nil
	case search.URI:
		value := search.Key(string(v))
		switch c.Modifier {
		case search.ModifierBelow:
			return `x.value LIKE ` + b.bind(escapeLike(value)+"%"), nil
		case search.ModifierAbove:
			return `starts_with(` + b.bind(value) + `, x.value)`, nil
		}
		return `x.value = ` + b.bind(value), nil
	case search.Reference:
		return b.reference(c, v), nil
	case search.Date:
		return b.date(v, `x.low`, `x.high`), nil
	case search.Number:
		return b.number(v, v.Value.Text('f'), v.Low.Text('f'), v.High.Text('f'), `x.low`, `x.high`), nil
	case search.Quantity:
		return b.quantity(v), nil
	}
	return "", fmt.Errorf("search by %s: a value of type %T is not known", c.Parameter.Name, v)
}

func (b *builder) token(t search.Token, system, code string) string {
	var all []string
	if !t.AnySystem {
		all = append(all, system+` = `+b.bind(search.Key(t.System)))
	}
	if !t.AnyCode {
		all = append(all, code+` = `+b.bind(search.Key(t.Code)))
	}
	return `(` + strings.Join(all, ` AND `) + `)`
}

// text compares a string, or the display of a token.
func (b *builder) text(c search.Criterion, s string) string {
	folded := escapeLike(search.Fold(s))
	switch {
	case c.Parameter.Type == search.TypeToken:
		return `x.text LIKE ` + b.bind(folded+"%")
	case c.Modifier == search.ModifierExact:
		return `x.exact = ` + b.bind(s)
	case c.Modifier == search.ModifierContains:
		return `x.folded LIKE ` + b.bind("%"+folded+"%")
	}
	// The index holds the first 128 characters.
	short := []rune(search.Fold(s))
	short = short[:min(len(short), 128)]
	return `(left(x.folded, 128) LIKE ` + b.bind(escapeLike(string(short))+"%") + ` AND x.folded LIKE ` + b.bind(folded+"%") + `)`
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

func (b *builder) reference(c search.Criterion, r search.Reference) string {
	if r.URL != "" {
		sql := `x.url = ` + b.bind(search.Key(r.URL))
		if r.Version != "" {
			sql += ` AND x.version = ` + b.bind(search.Key(r.Version))
		}
		return `(` + sql + `)`
	}
	sql := `x.id = ` + b.bind(r.ID)
	switch {
	case r.Type != "":
		sql += ` AND x.type = ` + b.bind(r.Type)
	case len(c.Parameter.Targets) > 0:
		sql += ` AND x.type = ANY(` + b.bind(c.Parameter.Targets) + `)`
	}
	return `(` + sql + `)`
}

// date compares a stretch [low, high) with [d.Low, d.High) (R4, 3.1.1.4.7).
func (b *builder) date(d search.Date, low, high string) string {
	from := func() string { return b.bind(d.Low) }
	to := func() string { return b.bind(d.High) }
	within := func() string { return low + ` >= ` + from() + ` AND ` + high + ` <= ` + to() }
	switch d.Prefix {
	case search.NotEqual:
		return `NOT (` + within() + `)`
	case search.Greater:
		return high + ` > ` + to()
	case search.Less:
		return low + ` < ` + from()
	case search.AtLeast:
		return `(` + high + ` > ` + to() + ` OR ` + within() + `)`
	case search.AtMost:
		return `(` + low + ` < ` + from() + ` OR ` + within() + `)`
	case search.After:
		return low + ` >= ` + to()
	case search.Before:
		return high + ` <= ` + from()
	case search.Near:
		return `(` + low + ` < ` + to() + ` AND ` + high + ` > ` + from() + `)`
	}
	return `(` + within() + `)`
}

// number compares a stretch [low, high] with a value, or with the stretch
// [least, most) that its digits stand for.
func (b *builder) number(n search.Number, value, least, most, low, high string) string {
	bind := func(s string) string { return b.bind(s) + `::text::numeric` }
	switch n.Prefix {
	case search.NotEqual:
		return `NOT (` + low + ` >= ` + bind(least) + ` AND ` + high + ` < ` + bind(most) + `)`
	case search.Greater:
		return high + ` > ` + bind(value)
	case search.Less:
		return low + ` < ` + bind(value)
	case search.AtLeast:
		return high + ` >= ` + bind(value)
	case search.AtMost:
		return low + ` <= ` + bind(value)
	case search.After:
		return low + ` > ` + bind(value)
	case search.Before:
		return high + ` < ` + bind(value)
	case search.Near:
		return `(` + low + ` <= ` + bind(most) + ` AND ` + high + ` >= ` + bind(least) + `)`
	}
	return `(` + low + ` >= ` + bind(least) + ` AND ` + high + ` < ` + bind(most) + `)`
}

func (b *builder) quantity(q search.Quantity) string {
	n := q.Number
	if q.System == fhir.UCUM {
		if dimension, value, _ := search.Base(q.Code, &n.Value, nil); dimension != "" {
			_, least, most := search.Base(q.Code, &n.Low, &n.High)
			return `(x.dimension = ` + b.bind(dimension) + ` AND ` +
				b.number(n, value.Text('f'), least.Text('f'), most.Text('f'), `x.base_low`, `x.base_high`) + `)`
		}
	}
	plain := b.number(n, n.Value.Text('f'), n.Low.Text('f'), n.High.Text('f'), `x.low`, `x.high`)
	switch {
	case q.Code == "":
		return plain
	case q.AnySystem:
		code := b.bind(search.Key(q.Code))
		return `((x.code = ` + code + ` OR x.unit = ` + code + `) AND ` + plain + `)`
	}
	return `(x.system = ` + b.bind(search.Key(q.System)) + ` AND x.code = ` + b.bind(search.Key(q.Code)) + ` AND ` + plain + `)`
}

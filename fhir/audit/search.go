package audit

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// The order of a page. What was done last comes first, unless it is asked for
// otherwise.
const newestFirst = ` ORDER BY e.recorded DESC, e.seq DESC`

// readEvent gives an AuditEvent.
func (t *Trail) readEvent(ctx context.Context, id string, version int) (fhir.Version, error) {
	o, err := t.opened()
	if err != nil {
		return fhir.Version{}, err
	}
	missing := issue.New(issue.NotFound, "read AuditEvent: there is no such event")
	if !isUUID(id) || version > 1 {
		return fhir.Version{}, missing
	}
	rows, err := o.pool.Query(ctx, `SELECT `+recordColumns+` FROM audit_event e WHERE e.id = $1`, id)
	if err != nil {
		return fhir.Version{}, err
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Record])
	if errors.Is(err, pgx.ErrNoRows) {
		return fhir.Version{}, missing
	}
	if err != nil {
		return fhir.Version{}, err
	}
	return t.version(r)
}

// version gives an event as the one version of a resource.
func (t *Trail) version(r Record) (fhir.Version, error) {
	resource, err := r.Resource(t.cfg.Base)
	return fhir.Version{Type: "AuditEvent", ID: r.ID, Version: 1, At: r.Recorded.UTC(), Method: fhir.Create, Resource: resource}, err
}

// searchEvents answers a search of AuditEvents by the parameters of R4. Chains, some
// modifiers and orders are an error of kind issue.NotSupported (400).
func (t *Trail) searchEvents(ctx context.Context, q *search.Query) (search.Page, error) {
	o, err := t.opened()
	if err != nil {
		return search.Page{}, err
	}
	c := &conditions{base: t.cfg.Base}
	for _, criterion := range q.Criteria {
		sql, err := c.criterion(o.keys, criterion)
		if err != nil {
			return search.Page{}, err
		}
		c.add(sql)
	}
	order, err := orderOf(q.Sort)
	if err != nil {
		return search.Page{}, err
	}
	counted := q.Total != search.TotalNone || q.Summary == search.SummaryCount
	count := q.Count
	if q.Summary == search.SummaryCount {
		count = 0
	}
	return t.pageOf(ctx, o, c, order, count, q.Offset, counted)
}

// historyEvents lists events as the versions they are, the newest first.
func (t *Trail) historyEvents(ctx context.Context, id string, since time.Time, count, offset int) (search.Page, error) {
	o, err := t.opened()
	if err != nil {
		return search.Page{}, err
	}
	c := &conditions{}
	if id != "" {
		v, err := t.readEvent(ctx, id, 0)
		if err != nil || v.At.Before(since) {
			return search.Page{}, err
		}
		return search.Page{Matches: []fhir.Version{v}, Total: 1}, nil
	}
	if !since.IsZero() {
		c.add(`e.recorded >= ` + c.bind(since))
	}
	return t.pageOf(ctx, o, c, newestFirst, min(max(count, 0), search.MaxCount), max(offset, 0), true)
}

func (t *Trail) pageOf(ctx context.Context, o *opened, c *conditions, order string, count, offset int, counted bool) (search.Page, error) {
	page := search.Page{Total: -1}
	err := pgx.BeginTxFunc(ctx, o.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if counted {
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM audit_event e`+c.where(), c.args...).Scan(&page.Total); err != nil {
				return err
			}
		}
		if count == 0 {
			return nil
		}
		from := ` OFFSET ` + c.bind(offset) + ` LIMIT ` + c.bind(count+1)
		rows, err := tx.Query(ctx, `SELECT `+recordColumns+` FROM audit_event e`+c.where()+order+from, c.args...)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Record])
		if err != nil {
			return err
		}
		if len(list) > count {
			list, page.More = list[:count], true
		}
		for _, r := range list {
			v, err := t.version(r)
			if err != nil {
				return err
			}
			page.Matches = append(page.Matches, v)
		}
		return nil
	})
	return page, err
}

// orderOf writes ORDER BY for the one thing events are ordered by.
func orderOf(keys []search.Sort) (string, error) {
	if len(keys) == 0 {
		return newestFirst, nil
	}
	if k := keys[0]; len(keys) == 1 && (k.Parameter.Name == "date" || k.Parameter.Name == "_lastUpdated") {
		if k.Descending {
			return newestFirst, nil
		}
		return ` ORDER BY e.recorded, e.seq`, nil
	}
	return "", unsupported("AuditEvents are sorted by date or -date only")
}

func unsupported(format string, a ...any) error {
	return issue.New(issue.NotSupported, "search AuditEvent: "+format, a...).WithStatus(http.StatusBadRequest)
}

// criterion writes the condition of one parameter.
func (c *conditions) criterion(keys *keyring, k search.Criterion) (string, error) {
	name := k.Parameter.Name
	if k.Chain != nil {
		return "", unsupported("%q cannot be searched by properties of what it names", name)
	}
	if k.Modifier == search.ModifierMissing {
		return missing(name, k.Absent)
	}
	switch k.Modifier {
	case search.ModifierNone, search.ModifierNot, search.ModifierIdentifier, search.ModifierExact, search.ModifierContains:
	default:
		return "", unsupported("the modifier %q of %q is not supported", string(k.Modifier), name)
	}
	var any []string
	for _, v := range k.Values {
		sql, err := c.value(keys, k, v)
		if err != nil {
			return "", err
		}
		any = append(any, sql)
	}
	sql := "(" + strings.Join(any, " OR ") + ")"
	if k.Modifier == search.ModifierNot {
		sql = "NOT " + sql
	}
	return sql, nil
}

func missing(name string, absent bool) (string, error) {
	columns := map[string]string{"patient": "(e.patient IS NULL)", "agent": "(e.agent = '' AND e.client = '')", "entity": "(e.data = '')"}
	sql, ok := columns[name]
	if !ok {
		return "", unsupported("the modifier \"missing\" of %q is not supported", name)
	}
	if !absent {
		sql = "NOT " + sql
	}
	return sql, nil
}

func (c *conditions) value(keys *keyring, k search.Criterion, v search.Value) (string, error) {
	switch v := v.(type) {
	case search.Date:
		return c.date(v), nil
	case search.Token:
		return c.token(k.Parameter.Name, v)
	case search.Text:
		return c.text(k.Parameter.Name, k.Modifier, string(v))
	case search.URI:
		return c.uri(k.Parameter.Name, k.Modifier, string(v))
	case search.Reference:
		return c.reference(keys, k, v)
	}
	return "", notSearched(k.Parameter.Name)
}

func notSearched(name string) error { return unsupported("it cannot be searched by %q", name) }

// reference writes the condition of a patient, agent or entity.
func (c *conditions) reference(keys *keyring, k search.Criterion, v search.Reference) (string, error) {
	if v.URL != "" {
		return nothing, nil
	}
	typ := v.Type
	if typ == "" {
		typ = k.Target
	}
	switch k.Parameter.Name {
	case "patient":
		if typ != "" && typ != "Patient" {
			return nothing, nil
		}
		return c.patient(keys.subject(v.ID)), nil
	case "agent":
		return c.by(agentNames(typ, v.ID)...), nil
	case "entity":
		switch typ {
		case "":
			return "", unsupported("an entity is named by type and id, as in PlanDefinition/1")
		case "Patient":
			return c.patient(keys.subject(v.ID)), nil
		}
		ref := typ + "/" + v.ID
		return `((e.data = ` + c.bind(ref) + ` OR e.data LIKE ` + c.bind(escapeLike(ref)+`/\_history/%`) + `) AND e.data <> '')`, nil
	case "source": // is known by an identifier
		return nothing, nil
	}
	return "", notSearched(k.Parameter.Name)
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// agentNames gives what a reference to an agent may stand as: people by type and id
// or by a local name, software by its name.
func agentNames(typ, id string) []string {
	switch typ {
	case "":
		return []string{id, "Practitioner/" + id, "PractitionerRole/" + id, "Person/" + id, "Organization/" + id}
	case "Device":
		return []string{id, "Device/" + id}
	}
	return []string{typ + "/" + id}
}

// kinds holds for events of the kinds that carry a code. A kind with no shape of its
// own is an operation.
func (c *conditions) kinds(codings func(Kind) []fhir.Coding, t search.Token) string {
	fits := func(k Kind) bool {
		return slices.ContainsFunc(codings(k), func(code fhir.Coding) bool {
			return (t.AnySystem || code.System == t.System) && (t.AnyCode || code.Code == t.Code)
		})
	}
	var with, all []string
	for k := range shapes {
		all = append(all, string(k))
		if fits(k) {
			with = append(with, string(k))
		}
	}
	sql := `e.kind = ANY(` + c.bind(with) + `)`
	if fits("") {
		sql = `(` + sql + ` OR NOT e.kind = ANY(` + c.bind(all) + `))`
	}
	return sql
}

// date compares the moment of an event with a stretch of time (R4, 3.1.1.4.7).
func (c *conditions) date(d search.Date) string {
	at := func(comparison string, moment time.Time) string {
		return `e.recorded ` + comparison + ` ` + c.bind(moment)
	}
	switch d.Prefix {
	case search.NotEqual:
		return `(` + at("<", d.Low) + ` OR ` + at(">=", d.High) + `)`
	case search.Greater, search.After:
		return at(">=", d.High)
	case search.Less, search.Before:
		return at("<", d.Low)
	case search.AtLeast:
		return at(">=", d.Low)
	case search.AtMost:
		return at("<", d.High)
	}
	return `(` + at(">=", d.Low) + ` AND ` + at("<", d.High) + `)`
}

// isUUID tells whether s is one as it stands in ids.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, b := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (b == '-') || !dash && !(b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F') {
			return false
		}
	}
	return true
}

package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/authoring"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
)

// Lifecycle keeps the steps in the life of artifacts, what was released, and what the
// site lays over the content. Until Attach gives it a database, all is refused as
// transient. It is safe for concurrent use.
type Lifecycle struct{ pool func() *pgxpool.Pool }

// NewLifecycle returns one that asks for its database each time; nil: not ready.
func NewLifecycle(pool func() *pgxpool.Pool) *Lifecycle { return &Lifecycle{pool} }

func (l *Lifecycle) database() (*pgxpool.Pool, error) {
	if pool := l.pool(); pool != nil {
		return pool, nil
	}
	return nil, issue.New(issue.Transient, "the database is not ready")
}

// kinded gives an error of the database its kind.
func kinded(err error) error {
	var known *issue.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "CD001":
			return issue.Wrap(issue.BusinessRule, err, "what was released never changes").WithStatus(http.StatusConflict)
		case strings.HasPrefix(pg.Code, "57"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "08"), pg.Code == "40001", pg.Code == "40P01":
			return issue.Wrap(issue.Transient, err, "the database is not ready")
		}
		return err
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return issue.Wrap(issue.Transient, err, "the database is not ready")
	}
	return err
}

const addStepQuery = `
INSERT INTO artifact_step (type, id, url, version, resource_version, step, person, person_name, at, origin, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

const addReleaseQuery = `
INSERT INTO artifact_release (url, version, type, id, resource_version, sha256, approved_by, released_by, released_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// Whoever was faster put another version in force: then nothing is changed.
const putInForceQuery = `
INSERT INTO artifact_in_force (url, version, since) VALUES ($1, $2, now())
ON CONFLICT (url) DO UPDATE SET version = excluded.version, since = excluded.since WHERE artifact_in_force.version = $3`

const endForceQuery = `DELETE FROM artifact_in_force WHERE url = $1 AND version = $2`

// Note writes what is to be noted of changes, in their transaction.
func (l *Lifecycle) Note(ctx context.Context, tx pgx.Tx, r authoring.Record) error {
	var b pgx.Batch
	for _, s := range r.Steps {
		b.Queue(addStepQuery, s.Type, s.ID, s.URL, s.Version, s.ResourceVersion, s.Step, s.Person, s.Name, s.At, s.Origin, s.Note)
	}
	for _, x := range r.Releases {
		b.Queue(addReleaseQuery, x.URL, x.Version, x.Type, x.ID, x.ResourceVersion, x.SHA256, x.ApprovedBy, x.ReleasedBy, x.At)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for _, f := range r.Force {
		query, args := putInForceQuery, []any{f.URL, f.Version, f.Was}
		if f.Version == "" {
			query, args = endForceQuery, []any{f.URL, f.Was}
		}
		tag, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return issue.New(issue.Conflict, "another version of %s was put in force meanwhile", f.URL)
		}
	}
	return nil
}

// The last step of each artifact, with who contributed to it and who approved the text
// as it stands: the last approval that no change came after.
const livesQuery = `
WITH last AS (
    SELECT DISTINCT ON (type, id) type, id, url, version, step, resource_version, at
    FROM artifact_step
    ORDER BY type, id, seq DESC
), people AS (
    SELECT type, id,
           COALESCE(array_agg(DISTINCT ARRAY[person, person_name]) FILTER (WHERE step IN ('draft', 'clone', 'import', 'edit', 'submit')), '{}') AS contributors,
           COALESCE((array_agg(origin ORDER BY seq DESC) FILTER (WHERE origin <> ''))[1], '') AS origin,
           COALESCE((array_agg(person ORDER BY seq DESC) FILTER (WHERE step = 'approve'))[1], '') AS approver,
           COALESCE((array_agg(person_name ORDER BY seq DESC) FILTER (WHERE step = 'approve'))[1], '') AS approver_name
    FROM artifact_step
    GROUP BY type, id
)
SELECT l.type, l.id, l.url, l.version, l.step, l.resource_version, l.at,
       p.contributors, p.origin, p.approver, p.approver_name,
       r.released_at, COALESCE(r.sha256, '') AS sha256, f.url IS NOT NULL AS in_force
FROM last l
JOIN people p USING (type, id)
LEFT JOIN artifact_release r USING (type, id)
LEFT JOIN artifact_in_force f ON f.url = r.url AND f.version = r.version
WHERE l.step <> 'delete'`

type lifeRow struct {
	Type, ID, URL, Version, Step string
	ResourceVersion              int
	At                           time.Time
	Contributors                 [][]string
	Origin                       string
	Approver, ApproverName       string
	ReleasedAt                   *time.Time
	Sha256                       string
	InForce                      bool
}

// states that steps lead to.
var states = map[string]authoring.State{
	authoring.Submit: authoring.Submitted, authoring.Approve: authoring.Approved, authoring.Release: authoring.Released, authoring.Retire: authoring.Retired,
}

func (r lifeRow) life() authoring.Life {
	l := authoring.Life{
		Type: r.Type, ID: r.ID, URL: r.URL, Version: r.Version, State: authoring.Drafted, ResourceVersion: r.ResourceVersion, ChangedAt: r.At,
		Origin: r.Origin, SHA256: r.Sha256, InForce: r.InForce,
	}
	if s, ok := states[r.Step]; ok {
		l.State = s
	}
	for _, c := range r.Contributors {
		l.Contributors = append(l.Contributors, authoring.Person{ID: c[0], Name: c[1]})
	}
	if l.State == authoring.Approved || r.ReleasedAt != nil {
		l.Approver = authoring.Person{ID: r.Approver, Name: r.ApproverName}
	}
	if r.ReleasedAt != nil {
		l.ReleasedAt = *r.ReleasedAt
	}
	return l
}

// Lives gives where each artifact stands.
func (l *Lifecycle) Lives(ctx context.Context) ([]authoring.Life, error) {
	pool, err := l.database()
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, livesQuery)
	if err != nil {
		return nil, kinded(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[lifeRow])
	if err != nil {
		return nil, kinded(err)
	}
	list := make([]authoring.Life, len(found))
	for i, r := range found {
		list[i] = r.life()
	}
	return list, nil
}

const stepsQuery = `
SELECT step, type, id, url, version, resource_version, person, person_name AS name, at, origin, note
FROM artifact_step WHERE url = $1 ORDER BY seq DESC LIMIT 1000`

// Steps gives the steps of all versions of a url, the newest first.
func (l *Lifecycle) Steps(ctx context.Context, url string) ([]authoring.Step, error) {
	pool, err := l.database()
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, stepsQuery, url)
	if err != nil {
		return nil, kinded(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[authoring.Step])
	return list, kinded(err)
}

// The body that was released, and the one that is current: both have to be what was
// released. A plan that is not in force names nothing that runs.
const releasedQuery = `
SELECT a.type, a.id, a.url, a.version, a.resource_version, a.sha256, a.approved_by, a.released_at,
       f.url IS NOT NULL AS in_force, COALESCE(v.body, '') AS body, COALESCE(c.body, '') AS current
FROM artifact_release a
LEFT JOIN artifact_in_force f ON f.url = a.url AND f.version = a.version
LEFT JOIN resource r ON r.type = a.type AND r.id = a.id
LEFT JOIN resource_version v ON v.resource = r.key AND v.version = a.resource_version
LEFT JOIN resource_version c ON c.resource = r.key AND c.version = r.version
WHERE a.type <> 'PlanDefinition' OR f.url IS NOT NULL
ORDER BY a.released_at, a.url, a.version`

type releasedRow struct {
	Type, ID, URL, Version string
	ResourceVersion        int
	Sha256, ApprovedBy     string
	ReleasedAt             time.Time
	InForce                bool
	Body, Current          string
}

const overlayQuery = `
SELECT id::text, kind, target, replacement, indication, reason_de, reason_en, person, person_name, at FROM knowledge_overlay ORDER BY at, id`

type overlayRow struct {
	ID, Kind, Target, Replacement, Indication string
	ReasonDe, ReasonEn, Person, PersonName    string
	At                                        time.Time
}

const settingQuery = `SELECT expired, review_after_days FROM knowledge_setting`

// Revision is another text whenever anything is changed that knowledge is made of, also
// past this program: xmin is the transaction that wrote a row last.
const revisionQuery = `
SELECT md5(concat_ws('/',
    (SELECT string_agg(a.url || '|' || a.version || a.sha256 || COALESCE(f.version, '-') || COALESCE(v.xmin::text, '-') || COALESCE(c.xmin::text, '-') || COALESCE(r.version, 0)::text, ',' ORDER BY a.url, a.version)
     FROM artifact_release a
     LEFT JOIN artifact_in_force f ON f.url = a.url AND f.version = a.version
     LEFT JOIN resource r ON r.type = a.type AND r.id = a.id
     LEFT JOIN resource_version v ON v.resource = r.key AND v.version = a.resource_version
     LEFT JOIN resource_version c ON c.resource = r.key AND c.version = r.version),
    (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM knowledge_overlay),
    (SELECT xmin::text FROM knowledge_setting)))`

// Revision names the state of the site.
func (l *Lifecycle) Revision(ctx context.Context) (string, error) {
	pool, err := l.database()
	if err != nil {
		return "", err
	}
	var text string
	err = pool.QueryRow(ctx, revisionQuery).Scan(&text)
	return text, kinded(err)
}

// bodies are read within these limits: what was let in once is let out.
var bodies = fhir.Limits{Depth: 256, Tokens: 10_000_000, StringBytes: 64 << 20}

// Site gives what was released here, and what it is run by, at one moment.
func (l *Lifecycle) Site(ctx context.Context) (authoring.Site, error) {
	site := authoring.Site{Settings: authoring.Settings{Expired: "withhold"}, Overlay: []authoring.Entry{}}
	pool, err := l.database()
	if err != nil {
		return site, err
	}
	var found []releasedRow
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, revisionQuery).Scan(&site.Revision); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, releasedQuery)
		if err != nil {
			return err
		}
		if found, err = pgx.CollectRows(rows, pgx.RowToStructByName[releasedRow]); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, overlayQuery); err != nil {
			return err
		}
		entries, err := pgx.CollectRows(rows, pgx.RowToStructByName[overlayRow])
		if err != nil {
			return err
		}
		for _, e := range entries {
			site.Overlay = append(site.Overlay, e.entry())
		}
		err = tx.QueryRow(ctx, settingQuery).Scan(&site.Settings.Expired, &site.Settings.ReviewAfterDays)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return site, kinded(err)
	}
	for _, r := range found {
		s := authoring.Stored{Life: authoring.Life{
			Type: r.Type, ID: r.ID, URL: r.URL, Version: r.Version, ResourceVersion: r.ResourceVersion, SHA256: r.Sha256,
			ReleasedAt: r.ReleasedAt, InForce: r.InForce,
		}}
		// What cannot be read is nil, and told as not what was released.
		s.Body, _ = fhir.ParseResourceWithin([]byte(r.Body), bodies)
		s.Current, _ = fhir.ParseResourceWithin([]byte(r.Current), bodies)
		site.Released = append(site.Released, s)
	}
	return site, nil
}

func (r overlayRow) entry() authoring.Entry {
	return authoring.Entry{
		Overlay: knowledge.Overlay{
			ID: r.ID, Kind: r.Kind, Target: r.Target, With: r.Replacement, Indication: r.Indication, Reason: cds.Text{DE: r.ReasonDe, EN: r.ReasonEn},
		},
		By: authoring.Person{ID: r.Person, Name: r.PersonName}, At: r.At,
	}
}

// attested does a change of the site with its audit event.
func (l *Lifecycle) attested(ctx context.Context, e audit.Event, f func(tx pgx.Tx) error) error {
	pool, err := l.database()
	if err != nil {
		return err
	}
	return kinded(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return audit.Append(ctx, tx, e)
	}))
}

const addOverlayQuery = `
INSERT INTO knowledge_overlay (kind, target, replacement, indication, reason_de, reason_en, person, person_name, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (kind, target, indication) DO NOTHING
RETURNING id::text`

// AddOverlay adds an entry of the overlay. One of the same kind and target is a
// duplicate.
func (l *Lifecycle) AddOverlay(ctx context.Context, e authoring.Entry) (authoring.Entry, error) {
	event := audit.Event{Kind: audit.Configure, Entities: []audit.Entity{{Name: "overlay", What: e.Target, Details: audit.Details("kind", e.Kind, "with", e.With, "indication", e.Indication)}}}
	err := l.attested(ctx, event, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, addOverlayQuery, e.Kind, e.Target, e.With, e.Indication, e.Reason.DE, e.Reason.EN, e.By.ID, e.By.Name, e.At).Scan(&e.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			return issue.New(issue.Duplicate, "there is an entry of this kind and target already").At("target")
		}
		return err
	})
	return e, err
}

const removeOverlayQuery = `DELETE FROM knowledge_overlay WHERE id::text = $1`

// RemoveOverlay removes an entry of the overlay.
func (l *Lifecycle) RemoveOverlay(ctx context.Context, id string) error {
	event := audit.Event{Kind: audit.Configure, Entities: []audit.Entity{{Name: "overlay", What: id, Details: audit.Details("kind", "removed")}}}
	return l.attested(ctx, event, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, removeOverlayQuery, id)
		if err == nil && tag.RowsAffected() == 0 {
			return issue.New(issue.NotFound, "there is no entry of this id")
		}
		return err
	})
}

const setSettingQuery = `
INSERT INTO knowledge_setting (expired, review_after_days) VALUES ($1, $2)
ON CONFLICT (only_row) DO UPDATE SET expired = excluded.expired, review_after_days = excluded.review_after_days`

// SetSettings keeps what becomes of knowledge past its time.
func (l *Lifecycle) SetSettings(ctx context.Context, s authoring.Settings) error {
	event := audit.Event{Kind: audit.Configure, Entities: []audit.Entity{{
		Name: "knowledge", Details: audit.Details("expired", s.Expired, "reviewAfterDays", fmt.Sprint(s.ReviewAfterDays)),
	}}}
	return l.attested(ctx, event, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, setSettingQuery, s.Expired, s.ReviewAfterDays)
		return err
	})
}

const saveTablesQuery = `
INSERT INTO source_tables (name, base, version, guideline, files, person, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET base = excluded.base, version = excluded.version, guideline = excluded.guideline, files = excluded.files,
    person = excluded.person, at = excluded.at`

// SaveTables keeps the tables of a house guideline.
func (l *Lifecycle) SaveTables(ctx context.Context, t authoring.TableSet, by authoring.Person, at time.Time) error {
	event := audit.Event{Kind: "import", Entities: []audit.Entity{{Name: "tables", What: t.Name, Details: audit.Details("base", t.Base, "version", t.Version)}}}
	return l.attested(ctx, event, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, saveTablesQuery, t.Name, t.Base, t.Version, t.Guideline, object(t.Files), by.ID, at)
		return err
	})
}

const readTablesQuery = `SELECT name, base, version, guideline, files FROM source_tables WHERE name = $1`

// Tables gives the tables that were kept under a name.
func (l *Lifecycle) Tables(ctx context.Context, name string) (authoring.TableSet, error) {
	var t authoring.TableSet
	pool, err := l.database()
	if err != nil {
		return t, err
	}
	err = pool.QueryRow(ctx, readTablesQuery, name).Scan(&t.Name, &t.Base, &t.Version, &t.Guideline, &t.Files)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, issue.New(issue.NotFound, "there are no tables %q", name)
	}
	return t, kinded(err)
}

package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// MaxChanges is how many changes one call may ask for.
const MaxChanges = 1000

// Apply does all changes or none, and gives what came of each, in their order.
// Errors are of kind issue.NotFound and issue.Deleted (an update or deletion
// with Match, of what is not there), issue.Conflict (412: a stale Match),
// issue.MultipleMatches (412: a condition that several match), issue.Invalid
// (ids that do not fit, one resource changed twice), issue.NotSupported (a type
// that is not kept); of a list of changes they name the entry.
func (s *Store) Apply(ctx context.Context, changes []fhir.Change) ([]fhir.Effect, error) {
	return s.ApplyWith(ctx, changes, nil)
}

// ApplyWith is Apply with more to write in the same transaction, once what came of
// the changes is known. It may be called again where another transaction disturbed
// this one.
func (s *Store) ApplyWith(ctx context.Context, changes []fhir.Change, also func(context.Context, pgx.Tx, []fhir.Effect) error) ([]fhir.Effect, error) {
	if len(changes) > MaxChanges {
		return nil, issue.New(issue.TooCostly, "more than %d changes at once", MaxChanges)
	}
	for i := range changes {
		if err := s.check(changes[i]); err != nil {
			return nil, at(err, i, len(changes))
		}
	}
	var effects []fhir.Effect
	err := s.write(ctx, func(tx pgx.Tx) (err error) {
		t := transaction{s: s, tx: tx, effects: make([]fhir.Effect, len(changes))}
		for _, c := range changes {
			t.steps = append(t.steps, step{Change: c})
		}
		effects = t.effects
		if err := t.run(ctx); err != nil || also == nil {
			return err
		}
		return also(ctx, tx, effects)
	})
	if err != nil {
		return nil, err
	}
	return effects, nil
}

// at names the entry of a list of changes that an error is about.
func at(err error, i, of int) error {
	var known *issue.Error
	if of < 2 || !errors.As(err, &known) {
		return err
	}
	return known.At("Bundle.entry[" + strconv.Itoa(i) + "]")
}

func (s *Store) check(c fhir.Change) error {
	if err := s.keeps(c.Type); err != nil {
		return err
	}
	if c.ID != "" && !search.IsID(c.ID) {
		return issue.New(issue.Invalid, "%s: the id is not 1 to 64 letters, digits, - and .", c.Type)
	}
	if c.Method == fhir.Delete {
		return nil
	}
	if c.Resource == nil {
		return issue.New(issue.Required, "%s: there is no resource to store", c.Type)
	}
	if c.Resource.Type() != c.Type {
		return issue.New(issue.Invalid, "the resource is a %s and was sent as a %s", c.Resource.Type(), c.Type).At("resourceType")
	}
	if c.Method == fhir.Update && c.Condition == "" && c.Resource.ID() != c.ID {
		return issue.New(issue.Invalid, "update %s/%s: the id of the resource is not that of the address", c.Type, c.ID).At(c.Type + ".id")
	}
	return nil
}

// step is one change on its way.
type step struct {
	fhir.Change
	effect fhir.Effect
	done   bool // nothing is left to do
	made   bool // a version was stored
}

type transaction struct {
	s       *Store
	tx      pgx.Tx
	at      time.Time
	steps   []step
	effects []fhir.Effect
}

func (t *transaction) run(ctx context.Context) error {
	// The clock of the database, since replicas have clocks of their own; in
	// milliseconds, as meta.lastUpdated is written.
	if err := t.tx.QueryRow(ctx, `SELECT date_trunc('milliseconds', clock_timestamp())`).Scan(&t.at); err != nil {
		return err
	}
	for i := range t.steps {
		if err := t.decide(ctx, &t.steps[i]); err != nil {
			return at(err, i, len(t.steps))
		}
	}
	if err := t.distinct(); err != nil {
		return err
	}
	for i := range t.steps {
		if err := t.link(ctx, &t.steps[i]); err != nil {
			return at(err, i, len(t.steps))
		}
	}
	// Rows are taken in one order everywhere, so that two transactions wait for
	// each other and not in a circle.
	order := make([]int, len(t.steps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &t.steps[a], &t.steps[b]
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.ID, y.ID))
	})
	for _, i := range order {
		if err := t.store(ctx, &t.steps[i]); err != nil {
			return at(err, i, len(t.steps))
		}
	}
	for i := range t.steps {
		t.effects[i] = t.steps[i].effect
	}
	return t.prove(ctx)
}

// decide finds out what a change is done to: by its condition, or a new id.
func (t *transaction) decide(ctx context.Context, c *step) error {
	if c.Condition != "" {
		found, err := t.match(ctx, c.Type, c.Condition)
		if err != nil {
			return err
		}
		switch {
		case c.Method == fhir.Create && found != nil:
			c.effect, c.done, c.ID = fhir.Effect{Version: *found, Found: true}, true, found.ID
			return nil
		case c.Method == fhir.Delete && found == nil:
			c.effect, c.done = fhir.Effect{Version: fhir.Version{Type: c.Type, At: t.at, Method: fhir.Delete}}, true
			return nil
		case c.Method == fhir.Update && found != nil:
			if id := c.Resource.ID(); id != "" && id != found.ID {
				return issue.New(issue.Invalid, "update %s by a condition: the resource has another id than the one that matches", c.Type).At(c.Type + ".id")
			}
			c.ID = found.ID
		case c.Method == fhir.Update:
			c.ID = c.Resource.ID()
			if c.ID != "" && !search.IsID(c.ID) {
				return issue.New(issue.Invalid, "%s: the id is not 1 to 64 letters, digits, - and .", c.Type)
			}
		case found != nil:
			c.ID = found.ID
		}
	}
	if c.ID == "" || c.Method == fhir.Create {
		c.ID = newID()
	}
	return nil
}

// match finds the one resource that a condition names, or nil.
func (t *transaction) match(ctx context.Context, typ, condition string) (*fhir.Version, error) {
	pairs, err := search.Split(condition)
	if err != nil {
		return nil, err
	}
	q, err := search.Parse(typ, pairs, search.Options{Now: t.s.cfg.Now(), Base: t.s.cfg.Base})
	if err != nil {
		return nil, err
	}
	if len(q.Criteria) == 0 {
		return nil, issue.New(issue.Invalid, "condition on %s: it names no criterion", typ)
	}
	// Two who ask the same must not both find nothing and create.
	key := typ + "?" + search.Encode(q.Used)
	if _, err := t.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 30))`, key); err != nil {
		return nil, err
	}
	q.Count, q.Offset, q.Total, q.Include, q.Sort = 1, 0, search.TotalNone, nil, nil
	page, err := find(ctx, t.tx, q)
	if err != nil {
		return nil, err
	}
	if page.More {
		return nil, issue.New(issue.MultipleMatches, "condition on %s: more than one resource matches", typ)
	}
	if len(page.Matches) == 0 {
		return nil, nil
	}
	return &page.Matches[0], nil
}

// distinct refuses to change one resource twice, since the order in which it
// would happen is nobody's to know.
func (t *transaction) distinct() error {
	seen := map[string]bool{}
	for i, c := range t.steps {
		if c.done && !c.effect.Found || c.ID == "" {
			continue
		}
		ref := c.Type + "/" + c.ID
		if seen[ref] && !c.effect.Found {
			return at(issue.New(issue.Invalid, "%s is changed twice", ref), i, len(t.steps))
		}
		seen[ref] = true
	}
	return nil
}

// link rewrites references to what other changes create, and those that are
// searches, to "Type/id".
func (t *transaction) link(ctx context.Context, c *step) error {
	if c.done || c.Resource == nil {
		return nil
	}
	names := map[string]string{}
	for _, other := range t.steps {
		if other.FullURL == "" || other.ID == "" {
			continue
		}
		ref := other.Type + "/" + other.ID
		if other.FullURL == ref {
			continue
		}
		names[other.FullURL] = ref
		// "Patient/1" beside a fullUrl http://elsewhere/Patient/1 means that one.
		typ, id, ok := fhir.Reference{Reference: other.FullURL}.Local()
		if ok && strings.HasSuffix(other.FullURL, "/"+typ+"/"+id) && typ == other.Type && id != other.ID {
			names[typ+"/"+id] = ref
		}
	}
	for _, reference := range conditional(c.Resource) {
		typ, query, _ := strings.Cut(reference, "?")
		found, err := t.match(ctx, typ, query)
		if err != nil {
			return err
		}
		if found == nil {
			return issue.New(issue.NotFound, "a reference in %s is a search for a %s that nothing matches", c.Type, clip(typ)).WithStatus(412)
		}
		names[reference] = found.Ref()
	}
	r, err := rewrite(c.Resource, names)
	if err != nil {
		return fmt.Errorf("rewrite references of %s: %w", c.Type, err)
	}
	c.Resource = r
	return nil
}

const makeResourceQuery = `
INSERT INTO resource (type, id, version, deleted, updated_at) VALUES ($1, $2, 0, true, $3)
ON CONFLICT (type, id) DO NOTHING`

const lockResourceQuery = `SELECT key, version, deleted FROM resource WHERE type = $1 AND id = $2 FOR UPDATE`

const setResourceQuery = `UPDATE resource SET version = $2, deleted = $3, updated_at = $4 WHERE key = $1`

const addVersionQuery = `
INSERT INTO resource_version (resource, version, type, method, updated_at, body) VALUES ($1, $2, $3, $4, $5, $6)`

// store writes one change.
func (t *transaction) store(ctx context.Context, c *step) error {
	if c.done {
		return nil
	}
	if c.Method != fhir.Delete {
		if _, err := t.tx.Exec(ctx, makeResourceQuery, c.Type, c.ID, t.at); err != nil {
			return err
		}
	}
	var key int64
	var version int
	var deleted bool
	err := t.tx.QueryRow(ctx, lockResourceQuery, c.Type, c.ID).Scan(&key, &version, &deleted)
	ref := c.Type + "/" + c.ID
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return issue.New(issue.NotFound, "delete %s: there is no such resource", ref)
	case err != nil:
		return err
	case c.Match != 0 && version == 0:
		return issue.New(issue.NotFound, "change %s: there is no version %d, nor any other", ref, c.Match).WithStatus(412)
	case c.Match != 0 && c.Match != version:
		return issue.New(issue.Conflict, "change %s: version %d is not the current one, which is %d", ref, c.Match, version).WithStatus(412)
	case c.Method == fhir.Delete && deleted:
		// Deleting twice is no error (R4, 3.1.0.7).
		c.effect = fhir.Effect{Version: fhir.Version{Type: c.Type, ID: c.ID, Version: version, At: t.at, Method: fhir.Delete}}
		return nil
	}
	version++
	v := fhir.Version{Type: c.Type, ID: c.ID, Version: version, At: t.at.UTC(), Method: c.Method}
	var body *string
	var index search.Index
	if c.Method != fhir.Delete {
		if v.Resource, err = c.Resource.As(c.ID, strconv.Itoa(version), stamp(t.at)); err != nil {
			return err
		}
		if index, err = search.IndexOf(ctx, v.Resource, t.s.cfg.Base); err != nil {
			return fmt.Errorf("index %s: %w", ref, err)
		}
		if len(index.Problems) > 0 {
			t.s.cfg.Log.Warn("resource cannot be found by all parameters", "type", c.Type, "id", c.ID, "parameters", index.Problems)
		}
		text := string(v.Resource.Raw())
		body = &text
	}
	var b pgx.Batch
	b.Queue(addVersionQuery, key, version, c.Type, string(c.Method), t.at, body)
	b.Queue(setResourceQuery, key, version, c.Method == fhir.Delete, t.at)
	reindex(&b, key, version, index)
	if err := t.attest(ctx, &b, v, body, c.Activity); err != nil {
		return err
	}
	if err := t.tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	c.effect, c.made = fhir.Effect{Version: v, Created: deleted}, true
	return nil
}

// stamp is meta.lastUpdated: an instant in milliseconds.
func stamp(t time.Time) fhir.Time {
	return fhir.Time{Time: t.UTC(), Precision: fhir.Milli, HasZone: true}
}

// newID makes a random uuid (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

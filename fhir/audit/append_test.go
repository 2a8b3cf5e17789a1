package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
)

func TestEventLivesAndDiesWithItsTransaction(t *testing.T) {
	trail, pool := open(t)
	failed := errors.New("no")
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if err := audit.Append(t.Context(), tx, advice(t, trail, "Practitioner/1", "p")); err != nil {
			t.Fatal(err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if n := count(t, pool, `SELECT count(*) FROM audit_event`); n != 0 {
		t.Errorf("%d events of a transaction that was rolled back", n)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return audit.Append(t.Context(), tx, advice(t, trail, "Practitioner/1", "p"))
	})
	if err != nil {
		t.Fatal(err)
	}
	chain(t, trail, 1)
	chain(t, trail, 0)
}

func TestSameEventIsWrittenOnce(t *testing.T) {
	trail, pool := open(t)
	e := advice(t, trail, "Practitioner/1", "p")
	e.ID = "0190a1b2-0000-7000-8000-000000000001"
	write(t, trail, e, e)
	chain(t, trail, 1)
	write(t, trail, e)
	chain(t, trail, 0)
	if n := count(t, pool, `SELECT count(*) FROM audit_event`); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestNoPatientIsNamed(t *testing.T) {
	trail, pool := open(t)
	const secret = "canary-4711"
	e := advice(t, trail, "Patient/"+secret, secret)
	read := audit.Event{Kind: audit.Read, Patient: subject(t, trail, secret), Data: "Patient/" + secret + "/_history/2"}
	write(t, trail, e, read)
	chain(t, trail, 2)
	for _, table := range []string{"audit_event", "audit_subject", "audit_chain", "audit_pending", "audit_head", "audit_key"} {
		if n := count(t, pool, `SELECT count(*) FROM `+table+` x WHERE x::text LIKE '%'||$1||'%'`, secret); n != 0 {
			t.Errorf("%s names the patient", table)
		}
	}
	err := trail.Each(t.Context(), audit.Filter{Patient: secret}, func(r audit.Record) error {
		resource, err := r.Resource(base)
		if err == nil && strings.Contains(string(resource.Raw()), secret) {
			t.Errorf("the AuditEvent names the patient: %s", resource.Raw())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOfOnePatientAllEventsAndNoOther(t *testing.T) {
	trail, _ := open(t)
	other, _ := open(t)
	a, again := subject(t, trail, "a"), subject(t, trail, "a")
	if !cmp.Equal(a, again) || cmp.Equal(a, subject(t, trail, "b")) || cmp.Equal(a, subject(t, other, "a")) {
		t.Error("a subject must be the same for a patient, and another one for any other patient or installation")
	}
	for range 3 {
		write(t, trail, advice(t, trail, "Practitioner/1", "a"), advice(t, trail, "Practitioner/2", "b"))
	}
	n := 0
	err := trail.Each(t.Context(), audit.Filter{Patient: "a"}, func(r audit.Record) error {
		n++
		if r.Agent != "Practitioner/1" {
			t.Errorf("an event of %s", r.Agent)
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestCallerComesFromTheContext(t *testing.T) {
	trail, _ := open(t)
	ctx := audit.With(t.Context(), audit.Caller{Address: "192.0.2.7", Request: "abcdefgh", Client: "app"})
	ctx = audit.With(ctx, audit.Caller{User: "alice", Roles: []string{"curator"}})
	if err := trail.Write(ctx, audit.Event{Kind: audit.Approve, Data: "Guideline/1"}); err != nil {
		t.Fatal(err)
	}
	write(t, trail, audit.Event{Kind: audit.Approve, Data: "Guideline/2"})
	var got []string
	err := trail.Each(t.Context(), audit.Filter{}, func(r audit.Record) error {
		got = append(got, fmt.Sprint(r.Agent, "|", r.Client, "|", r.Detail))
		return nil
	})
	want := []string{
		`alice|app|{"roles":["curator"],"address":"192.0.2.7","request":"abcdefgh"}`,
		`|cdss|{}`,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestWhatIsSentCannotFillOrBreakTheTrail(t *testing.T) {
	trail, pool := open(t)
	long := strings.Repeat("ä\x00\xff", 100_000)
	e := audit.Event{Kind: audit.Advice, Query: long, Reason: long, Data: long, Caller: audit.Caller{User: long, Client: long, Address: long}}
	for range 1000 {
		e.Entities = append(e.Entities, audit.Entity{Name: long, What: long, Details: audit.Details("a", long)})
	}
	write(t, trail, e)
	if n := count(t, pool, `SELECT octet_length(detail) FROM audit_event`); n > 300_000 {
		t.Errorf("the event has %d bytes", n)
	}
	chain(t, trail, 1)
	if r := verify(t, pool, audit.Check{}); !r.OK() {
		t.Error(r.Faults)
	}
}

func TestForgettingAPatient(t *testing.T) {
	trail, pool := open(t)
	write(t, trail, advice(t, trail, "Practitioner/1", "a"), advice(t, trail, "Practitioner/1", "b"))
	if err := trail.Forget(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := trail.Forget(t.Context(), "a"); !issue.Is(err, issue.NotFound) {
		t.Errorf("forgotten twice: %v", err)
	}
	for patient, want := range map[string]int{"a": 0, "b": 1} {
		n := 0
		if err := trail.Each(t.Context(), audit.Filter{Patient: patient}, func(audit.Record) error { n++; return nil }); err != nil || n != want {
			t.Errorf("%d events of %s, want %d (%v)", n, patient, want, err)
		}
	}
	// Who comes back is somebody new.
	write(t, trail, advice(t, trail, "Practitioner/1", "a"))
	if n := count(t, pool, `SELECT count(DISTINCT patient) FROM audit_event`); n != 3 {
		t.Errorf("%d pseudonyms, want 3", n)
	}
	chain(t, trail, 4)
	if r := verify(t, pool, audit.Check{}); !r.OK() || r.Events != 4 {
		t.Errorf("%+v", r)
	}
}

func TestWithoutADatabaseNothingIsPretended(t *testing.T) {
	trail := audit.New(audit.Config{})
	_, subject := trail.Subject("p")
	_, chained := trail.Chain(t.Context())
	_, seen := trail.WhoSaw(t.Context(), "p", epoch, epoch)
	for name, err := range map[string]error{"subject": subject, "chain": chained, "who saw": seen, "write": trail.Write(t.Context(), audit.Event{Kind: audit.Read})} {
		if issue.Status(err) != 503 {
			t.Errorf("%s: %v, want 503", name, err)
		}
	}
}

// vault seals with one key and opens with several; sealing only turns bytes round.
type vault struct {
	primary string
	known   []string
}

func (v vault) Usable() bool { return v.primary != "" }

func (v vault) Seal(owner, secret string) (string, []byte, error) {
	return v.primary, []byte(reverse(owner + "\x00" + secret)), nil
}

func (v vault) Open(owner, key string, sealed []byte) (string, error) {
	for _, k := range append(v.known, v.primary) {
		if k == key {
			secret, ok := strings.CutPrefix(reverse(string(sealed)), owner+"\x00")
			if ok {
				return secret, nil
			}
		}
	}
	return "", issue.New(issue.BusinessRule, "no key %s", key)
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func TestKeysAreSealedAndFollowTheirSeal(t *testing.T) {
	pool := dbtest.New(t)
	with := func(v audit.Sealer) func(*audit.Config) { return func(c *audit.Config) { c.Sealer = v } }
	plain := attach(t, pool)
	before := subject(t, plain, "p")
	for _, v := range []vault{{primary: "old"}, {primary: "new", known: []string{"old"}}, {primary: "new"}} {
		if got := subject(t, attach(t, pool, with(v)), "p"); !cmp.Equal(before, got) {
			t.Errorf("with %+v the patient is another one", v)
		}
	}
	if n := count(t, pool, `SELECT count(*) FROM audit_key WHERE sealed_with = 'new'`); n != 2 {
		t.Errorf("%d of 2 keys are sealed with the new key", n)
	}
	for name, cfg := range map[string]audit.Config{"none": {}, "another": {Sealer: vault{primary: "third"}}} {
		if err := audit.New(cfg).Attach(context.Background(), pool); !issue.Is(err, issue.BusinessRule) {
			t.Errorf("opened with %s: %v", name, err)
		}
	}
}

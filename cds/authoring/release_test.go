package authoring_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds/authoring"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	cdsstore "cdss/cds/store"
	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
	"cdss/fhir/store"
	"cdss/migrations/dbtest"
)

// resources are those of a real database.
type resources struct {
	*store.Store
	records *cdsstore.Lifecycle
}

func (r resources) Write(ctx context.Context, changes []fhir.Change, note func([]fhir.Effect) (authoring.Record, error)) ([]fhir.Effect, error) {
	return r.ApplyWith(ctx, changes, func(ctx context.Context, tx pgx.Tx, effects []fhir.Effect) error {
		record, err := note(effects)
		if err != nil {
			return err
		}
		return r.records.Note(ctx, tx, record)
	})
}

// cases are those of an artifact: they fail with what is in the map.
type cases map[string]string

func (c cases) Test(_ context.Context, r *fhir.Resource, would *knowledge.Snapshot) ([]authoring.Failure, error) {
	if _, ok := would.Plan(r.Root().Child("url").String()); !ok {
		return nil, issue.New(issue.NotFound, "the plan would not run")
	}
	var list []authoring.Failure
	for name, message := range c {
		list = append(list, authoring.Failure{Case: name, Message: message})
	}
	return list, nil
}

func authored(t *testing.T, tester authoring.Tester) *authoring.Service {
	t.Helper()
	pool := dbtest.New(t)
	r := resources{store.New(store.Config{}), cdsstore.NewLifecycle(func() *pgxpool.Pool { return pool })}
	r.Attach(pool)
	list, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	var shipped []*fhir.Resource
	for _, a := range list {
		some, err := authoring.Unbundle(a)
		if err != nil {
			t.Fatal(err)
		}
		shipped = append(shipped, some...)
	}
	var s *authoring.Service
	s = authoring.New(authoring.Config{
		Resources: r, Records: r.records, Local: r.records, Tables: r.records, Tester: tester, Shipped: shipped, Now: time.Now,
		Knowledge: func() *knowledge.Snapshot {
			site, err := r.records.Site(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			snapshot, err := s.Snapshot(site)
			if err != nil {
				t.Fatal(err)
			}
			return snapshot
		},
	})
	return s
}

func as(t *testing.T, id string, roles ...smart.Role) context.Context {
	return smart.WithPerson(t.Context(), smart.Person{ID: id, Name: strings.ToUpper(id), Roles: roles})
}

const ward = `{"resourceType":"PlanDefinition","url":"https://site.example/PlanDefinition/ward","version":"1.0.0","status":"draft","title":"Ward",
 "action":[{"title":"A","documentation":[{"type":"justification","display":"undisputed"}]}]}`

func TestFailingCaseStandsInTheWay(t *testing.T) {
	t.Parallel()
	failing := cases{"elderly": "no card came"}
	s := authored(t, failing)
	kurt, anna := as(t, "kurt", smart.Curator), as(t, "anna", smart.Approver)
	plan, err := fhir.ParseResource([]byte(ward))
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.Create(kurt, plan)
	if err != nil {
		t.Fatal(err)
	}
	take := func(who context.Context, step string) error {
		_, err := s.Take(who, authoring.Wish{Step: step, Type: "PlanDefinition", ID: made.ID()})
		return err
	}
	if err := take(kurt, authoring.Submit); err != nil {
		t.Fatal(err)
	}
	if err := take(anna, authoring.Approve); err != nil {
		t.Fatal(err)
	}
	err = take(anna, authoring.Release)
	if issue.Status(err) != 422 || !strings.Contains(issue.Issues(err)[0].Diagnostics, "case elderly fails: no card came") {
		t.Errorf("release: %v", err)
	}
	if _, ok := s.Knowledge().Plan("https://site.example/PlanDefinition/ward"); ok {
		t.Error("it runs")
	}
	delete(failing, "elderly")
	if err := take(anna, authoring.Release); err != nil {
		t.Fatal(err)
	}
	if p, ok := s.Knowledge().Plan("https://site.example/PlanDefinition/ward"); !ok || !p.Site {
		t.Error("it does not run")
	}
}

func TestNobodyAndTheWrongPeople(t *testing.T) {
	t.Parallel()
	s := authored(t, nil)
	plan, err := fhir.ParseResource([]byte(ward))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		who  context.Context
		kind issue.Kind
	}{
		{"nobody", t.Context(), issue.Login},
		{"an admin", as(t, "adam", smart.Admin), issue.Forbidden},
		{"an approver", as(t, "anna", smart.Approver), issue.Forbidden},
	} {
		if _, err := s.Create(tc.who, plan); issue.KindOf(err) != tc.kind {
			t.Errorf("%s writes: %v", tc.name, err)
		}
	}
	// One person with both roles is still one person.
	both := as(t, "vera", smart.Curator, smart.Approver)
	made, err := s.Create(both, plan)
	if err != nil {
		t.Fatal(err)
	}
	wish := authoring.Wish{Type: "PlanDefinition", ID: made.ID(), Step: authoring.Submit}
	if _, err := s.Take(both, wish); err != nil {
		t.Fatal(err)
	}
	wish.Step = authoring.Approve
	if _, err := s.Take(both, wish); issue.KindOf(err) != issue.Forbidden {
		t.Errorf("who wrote it approves it: %v", err)
	}
	// Somebody else who only submits it again has contributed as well.
	wish.Step = authoring.Reject
	if _, err := s.Take(both, wish); err != nil {
		t.Fatal(err)
	}
	other := as(t, "otto", smart.Curator, smart.Approver)
	wish.Step = authoring.Submit
	if _, err := s.Take(other, wish); err != nil {
		t.Fatal(err)
	}
	wish.Step = authoring.Approve
	if _, err := s.Take(other, wish); issue.KindOf(err) != issue.Forbidden {
		t.Errorf("who submitted it approves it: %v", err)
	}
	if _, err := s.Take(as(t, "anna", smart.Approver), wish); err != nil {
		t.Errorf("a third person: %v", err)
	}
}

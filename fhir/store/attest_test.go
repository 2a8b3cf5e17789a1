package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/store"
	"cdss/fhir/validate"
	"cdss/migrations/dbtest"
)

// Each version of an artifact has an event with the hash of what is stored, and a
// Provenance that tells who made it out of which one.
func TestVersionsOfArtifactsAreAttested(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(store.Config{Base: base})
	s.Attach(pool)
	ctx := audit.With(t.Context(), audit.Caller{User: "Practitioner/7", Client: "admin", Address: "192.0.2.1"})
	change := func(changes ...fhir.Change) error {
		_, err := s.Apply(ctx, changes)
		return err
	}
	draft := put(t, `{"resourceType":"PlanDefinition","id":"p","status":"draft"}`)
	active := put(t, `{"resourceType":"PlanDefinition","id":"p","status":"active"}`)
	stale := active
	stale.Match = 9
	if err := errors.Join(change(draft), change(active), change(fhir.Change{Method: fhir.Delete, Type: "PlanDefinition", ID: "p"})); err != nil {
		t.Fatal(err)
	}
	if err := change(stale); !issue.Is(err, issue.Conflict) { // leaves no trace
		t.Fatal(err)
	}
	if err := change(fhir.Change{Method: fhir.Delete, Type: "PlanDefinition", ID: "p"}); err != nil { // is deleted already
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), `SELECT kind || ' ' || data || ' ' || agent FROM audit_event WHERE data LIKE 'PlanDefinition/%' ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	want := []string{
		"update PlanDefinition/p/_history/1 Practitioner/7", "update PlanDefinition/p/_history/2 Practitioner/7", "delete PlanDefinition/p/_history/3 Practitioner/7",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("events (-want +got):\n%s %v", diff, err)
	}
	v, err := s.Read(t.Context(), "PlanDefinition", "p", 2)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(v.Resource.Raw())
	var detail string
	if err := pool.QueryRow(t.Context(), `SELECT detail FROM audit_event WHERE data = 'PlanDefinition/p/_history/2'`).Scan(&detail); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(detail, hex.EncodeToString(sum[:])) {
		t.Errorf("the hash of what is stored is not in %s", detail)
	}

	found := page(t, s, "Provenance", "target=PlanDefinition/p&_sort=recorded").Matches
	got = nil
	for _, p := range found {
		n := p.Resource.Root()
		got = append(got, strings.Join([]string{
			n.Child("activity").Child("coding").Child("code").String(), n.Child("target").Child("reference").String(),
			n.Child("agent").Child("who").Child("type").String(), n.Child("agent").Child("who").Child("identifier").Child("value").String(),
			n.Child("entity").Child("what").Child("reference").String(),
		}, " "))
		issues, err := validate.Resource(t.Context(), p.Resource, fhirpath.Env{Now: time.Now()})
		for _, is := range issues {
			if is.Severity == issue.SeverityError {
				t.Errorf("%s in %s", is, p.Resource.Raw())
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	want = []string{
		"UPDATE PlanDefinition/p/_history/1 Practitioner 7 ", "UPDATE PlanDefinition/p/_history/2 Practitioner 7 PlanDefinition/p/_history/1",
		"DELETE PlanDefinition/p/_history/3 Practitioner 7 PlanDefinition/p/_history/2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("provenance (-want +got):\n%s", diff)
	}
}

func TestChangesOfPatientDataNameThePseudonymOnly(t *testing.T) {
	pool := dbtest.New(t)
	trail := audit.New(audit.Config{})
	if err := trail.Attach(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	s := store.New(store.Config{PatientData: true, Base: base, Subject: trail.Subject})
	s.Attach(pool)
	const secret = "canary-4711"
	apply(t, s, put(t, `{"resourceType":"Patient","id":"`+secret+`"}`),
		put(t, `{"resourceType":"Observation","id":"o","status":"final","subject":{"reference":"Patient/`+secret+`"}}`))
	apply(t, s, fhir.Change{Method: fhir.Delete, Type: "Patient", ID: secret})
	var got []string
	err := trail.Each(t.Context(), audit.Filter{Patient: secret}, func(r audit.Record) error {
		got = append(got, string(r.Kind)+" "+r.Data)
		if strings.Contains(r.Detail+r.Data, secret) {
			t.Errorf("the patient is named: %+v", r)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"update Observation/o/_history/1", "update Patient", "delete Patient"}, got); err != nil || diff != "" {
		t.Errorf("events (-want +got):\n%s %v", diff, err)
	}
	if found := page(t, s, "Provenance", ""); len(found.Matches) != 0 {
		t.Errorf("%d Provenances of patient data", len(found.Matches))
	}
}

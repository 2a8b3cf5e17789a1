package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/google/go-cmp/cmp"

	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// source holds a few resources, and finds all of a type whatever is asked.
type source []string

func (s source) Read(_ context.Context, typ, id string, _ int) (fhir.Version, error) {
	for _, v := range s.all() {
		if v.Type == typ && v.ID == id {
			return v, nil
		}
	}
	return fhir.Version{}, issue.New(issue.NotFound, "there is none")
}

func (s source) Search(_ context.Context, q *search.Query) (search.Page, error) {
	return s.of(q.Type), nil
}

func (s source) History(_ context.Context, typ, _ string, _ time.Time, _, _ int) (search.Page, error) {
	return s.of(typ), nil
}

func (s source) of(typ string) (p search.Page) {
	for _, v := range s.all() {
		if v.Type == typ {
			p.Matches = append(p.Matches, v)
		}
	}
	return p
}

func (s source) all() (list []fhir.Version) {
	for _, text := range s {
		r, err := fhir.ParseResource([]byte(text))
		if err != nil {
			panic(err)
		}
		list = append(list, fhir.Version{Type: r.Type(), ID: r.ID(), Version: 1, Resource: r})
	}
	return list
}

var stored = source{
	`{"resourceType":"Patient","id":"a"}`, `{"resourceType":"Patient","id":"b"}`,
	`{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/a"}}`,
	`{"resourceType":"Observation","id":"2","subject":{"reference":"http://elsewhere/fhir/Patient/b"}}`,
	`{"resourceType":"AllergyIntolerance","id":"3","patient":{"reference":"Patient/a"}}`,
	`{"resourceType":"PlanDefinition","id":"p"}`,
}

func query(t testing.TB, typ, text string) *search.Query {
	t.Helper()
	pairs, err := search.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	q, err := search.Parse(typ, pairs, search.Options{Now: time.Now(), Base: base})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// seen tells how many events there are about a patient.
func seen(t testing.TB, trail *audit.Trail, patient string) (kinds []audit.Kind) {
	t.Helper()
	if err := trail.Each(t.Context(), audit.Filter{Patient: patient}, func(r audit.Record) error {
		kinds = append(kinds, r.Kind)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestReadingPatientDataIsWrittenDown(t *testing.T) {
	read := func(typ, id string) func(*audit.Reader) error {
		return func(r *audit.Reader) error { _, err := r.Read(t.Context(), typ, id, 0); return err }
	}
	find := func(typ, text string) func(*audit.Reader) error {
		return func(r *audit.Reader) error { _, err := r.Search(t.Context(), query(t, typ, text)); return err }
	}
	for _, tc := range []struct {
		name string
		do   func(*audit.Reader) error
		a, b []audit.Kind
	}{
		{"a patient", read("Patient", "a"), []audit.Kind{audit.Read}, nil},
		{"a finding", read("Observation", "2"), nil, []audit.Kind{audit.Read}},
		{"an allergy", read("AllergyIntolerance", "3"), []audit.Kind{audit.Read}, nil},
		{"knowledge", read("PlanDefinition", "p"), nil, nil},
		{"findings of two", find("Observation", ""), []audit.Kind{audit.Search}, []audit.Kind{audit.Search}},
		{"who is not found, too", find("Device", "patient=Patient/b"), nil, []audit.Kind{audit.Search}},
		{"by id", find("Device", "_id=b"), nil, nil},
		{"history", func(r *audit.Reader) error {
			_, err := r.History(t.Context(), "AllergyIntolerance", "3", time.Time{}, 10, 0)
			return err
		}, []audit.Kind{audit.Search}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trail, _ := open(t)
			if err := tc.do(trail.Reader(stored)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([2][]audit.Kind{tc.a, tc.b}, [2][]audit.Kind{seen(t, trail, "a"), seen(t, trail, "b")}); diff != "" {
				t.Errorf("events about a and b (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutAuditNoPatientData(t *testing.T) {
	trail := audit.New(audit.Config{}) // has no database
	r := trail.Reader(stored)
	if v, err := r.Read(t.Context(), "Patient", "a", 0); err == nil || v.Resource != nil {
		t.Errorf("given without being written down: %v", v.Resource)
	}
	if p, err := r.Search(t.Context(), query(t, "Observation", "")); err == nil || len(p.Matches) > 0 {
		t.Errorf("%d resources given without being written down", len(p.Matches))
	}
	if _, err := r.Read(t.Context(), "PlanDefinition", "p", 0); err != nil {
		t.Errorf("knowledge: %v", err)
	}
}

// The trail as FHIR gives it: by patient, time and agent, and by what else it knows.
func TestSearchOfTheTrail(t *testing.T) {
	trail, pool := open(t)
	at := func(day int) time.Time { return time.Date(2026, 5, day, 12, 0, 0, 0, time.UTC) }
	put := func(id int, day int, e audit.Event) {
		e.ID, e.At = fmt.Sprintf("00000000-0000-7000-8000-%012d", id), at(day)
		write(t, trail, e)
	}
	one, two := advice(t, trail, "Practitioner/1", "a"), advice(t, trail, "Practitioner/2", "b")
	two.Outcome = audit.SeriousFailure
	put(1, 1, one)
	put(2, 2, two)
	put(3, 3, one)
	put(4, 4, audit.Event{Kind: audit.Update, Data: "PlanDefinition/p/_history/2", Caller: audit.Caller{User: "alice", Client: "admin", Roles: []string{"curator"}}})
	put(5, 5, audit.Event{Kind: audit.Create, Data: "PlanDefinition/p-1/_history/1", Caller: audit.Caller{User: "alice"}})
	put(6, 6, audit.Event{Kind: audit.Login, Outcome: audit.MinorFailure, Caller: audit.Caller{User: "bob"}})
	put(7, 7, audit.Event{Kind: "authorise", Caller: audit.Caller{User: "bob"}})
	var pseudonym string
	if err := pool.QueryRow(t.Context(), `SELECT patient::text FROM audit_event WHERE kind = 'advice' LIMIT 1`).Scan(&pseudonym); err != nil {
		t.Fatal(err)
	}
	r := trail.Reader(stored)
	for _, tc := range []struct{ query, want string }{
		{"patient=a", "3 1"}, {"patient=Patient/b", "2"}, {"patient=" + base + "/Patient/b", "2"}, {"patient=nobody", ""}, {"patient=a,b", "3 2 1"},
		{"patient:identifier=" + audit.PseudonymSystem + "|" + pseudonym, "3 1"}, {"patient:missing=true", "7 6 5 4"}, {"patient:missing=false", "3 2 1"},
		{"date=2026-05-02", "2"}, {"date=ge2026-05-02&date=lt2026-05-04", "3 2"}, {"date=gt2026-05-06", "7"}, {"date=ne2026-05", ""},
		{"date=sa2026-05-06", "7"}, {"date=eb2026-05-02", "1"}, {"date=le2026-05-02", "2 1"},
		{"agent=Practitioner/1", "3 1"}, {"agent=1", "3 1"}, {"agent=alice", "5 4"}, {"agent=Device/ehr", "3 2 1"}, {"agent=ehr", "3 2 1"}, {"agent:identifier=alice", "5 4"},
		{"agent=Practitioner/alice", ""}, {"agent:Practitioner=2", "2"},
		{"patient=a&date=2026-05-03&agent=Practitioner/1", "3"},
		{"action=E", "7 6 3 2 1"}, {"action=U,C", "5 4"}, {"action:not=E", "5 4"}, {"outcome=8", "2"}, {"outcome=4", "6"}, {"outcome=http://hl7.org/fhir/audit-event-outcome|4", "6"},
		{"entity=PlanDefinition/p", "4"}, {"entity=PlanDefinition/p-1", "5"}, {"entity=Patient/a", "3 1"}, {"entity:PlanDefinition=p", "4"},
		{"subtype=advice", "3 2 1"}, {"subtype=search-type", "3 2 1"}, {"subtype=" + audit.KindSystem + "|login", "6"}, {"subtype=110122", "6"},
		{"subtype=authorise", "7"}, {"subtype=http://hl7.org/fhir/restful-interaction|operation", "7"},
		{"type=rest", "7 5 4 3 2 1"}, {"type=http://dicom.nema.org/resources/ontology/DCM|110114", "6"}, {"type=rest&action=U", "4"},
		{"_id=00000000-0000-7000-8000-000000000004", "4"}, {"_id=4", ""}, {"_lastUpdated=2026-05-02", "2"},
		{"address=192.0.2", "3 2 1"}, {"address:exact=192.0.2", ""}, {"address:contains=0.2.1", "3 2 1"}, {"address=%25", ""},
		{"agent-role=curator", "4"}, {"agent-role=other|curator", ""}, {"agent-name=alice", ""}, {"altid=bob", "7 6"}, {"policy=http://x", ""},
		{"entity-name=CARD", "3 2 1"}, {"entity-name:exact=CARD", ""}, {"entity-type=1", "3 2 1"}, {"entity-type=2", "5 4 3 2 1"}, {"entity-type=4", "3 2 1"},
		{"entity-type=XrequestId", "3 2 1"}, {"entity-role=24", "3 2 1"}, {"entity-role=4", "5 4"}, {"site=" + base, "7 6 5 4 3 2 1"}, {"site=x", ""},
		{"source:identifier=" + base, "7 6 5 4 3 2 1"}, {"source=Device/1", ""}, {"_tag=x", ""},
		{"_profile=https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery", "3 1"},
		{"_profile=https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Update", "4"}, {"_profile=http://x", ""},
		{"action=http://hl7.org/fhir/audit-event-action|U", "4"}, {"action=x|U", ""}, {"subtype=" + audit.KindSystem + "|", "7 6 5 4 3 2 1"},
		{"_sort=date&_count=3", "1 2 3"}, {"_sort=-date&_count=2&_offset=1", "6 5"},
	} {
		page, err := r.Search(t.Context(), query(t, "AuditEvent", tc.query+"&action:not=R&subtype:not=search"))
		if err != nil {
			t.Errorf("%s: %v", tc.query, err)
			continue
		}
		var got []string
		for _, v := range page.Matches {
			got = append(got, strings.TrimLeft(v.ID[24:], "0"))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %v, want %s", tc.query, got, tc.want)
		}
	}
	page, err := r.Search(t.Context(), query(t, "AuditEvent", "agent=alice&_summary=count"))
	if err != nil || page.Total != 2 || len(page.Matches) > 0 {
		t.Errorf("count: %+v, %v", page, err)
	}
	page, err = r.Search(t.Context(), query(t, "AuditEvent", "agent=alice&_count=1"))
	if err != nil || page.Total != 2 || len(page.Matches) != 1 || !page.More {
		t.Errorf("a page: %+v, %v", page, err)
	}
	for _, text := range []string{"patient.name=x", "_sort=agent", "entity=p", "date:missing=true", "subtype:text=x", "_profile:below=http://x", "action=http://hl7.org/fhir/audit-event-action|"} {
		_, err := r.Search(t.Context(), query(t, "AuditEvent", text))
		if issue.Status(err) != 400 {
			t.Errorf("%s: %v, want 400", text, err)
		}
	}
}

func TestReadingTheTrailIsWrittenDown(t *testing.T) {
	trail, _ := open(t)
	e := advice(t, trail, "Practitioner/1", "a")
	e.ID = "00000000-0000-7000-8000-000000000001"
	write(t, trail, e)
	r := trail.Reader(stored)
	v, err := r.Read(t.Context(), "AuditEvent", e.ID, 0)
	if err != nil || v.Version != 1 || v.Resource.ID() != e.ID {
		t.Errorf("%+v, %v", v, err)
	}
	for _, wrong := range []struct {
		id      string
		version int
	}{{e.ID, 2}, {"00000000-0000-7000-8000-000000000002", 0}, {"x", 0}} {
		if _, err := r.Read(t.Context(), "AuditEvent", wrong.id, wrong.version); !issue.Is(err, issue.NotFound) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if _, err := r.Search(t.Context(), query(t, "AuditEvent", "patient=a")); err != nil {
		t.Fatal(err)
	}
	if page, err := r.History(t.Context(), "AuditEvent", "", time.Time{}, 10, 0); err != nil || page.Total != 3 {
		t.Errorf("history: %+v, %v", page, err)
	}
	if page, err := r.History(t.Context(), "AuditEvent", e.ID, time.Time{}, 10, 0); err != nil || len(page.Matches) != 1 {
		t.Errorf("history of one: %+v, %v", page, err)
	}
	if got := seen(t, trail, "a"); !slices.Equal(got, []audit.Kind{audit.Advice, audit.Search}) {
		t.Errorf("events about the patient: %v", got)
	}
	n := 0
	if err := trail.Each(t.Context(), audit.Filter{}, func(audit.Record) error { n++; return nil }); err != nil || n != 5 {
		t.Errorf("%d events, want those of reading, searching and twice the history too", n)
	}
	stop := errors.New("enough")
	if err := trail.Each(t.Context(), audit.Filter{}, func(audit.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
}

func TestWhoSawAndWhoDid(t *testing.T) {
	trail, _ := open(t)
	day := func(d int) time.Time { return time.Date(2026, 5, d, 0, 0, 0, 0, time.UTC) }
	put := func(d int, e audit.Event) {
		e.At = day(d)
		write(t, trail, e)
	}
	put(1, advice(t, trail, "Practitioner/1", "a"))
	put(2, advice(t, trail, "Practitioner/1", "a"))
	put(3, advice(t, trail, "Practitioner/2", "a"))
	put(4, advice(t, trail, "Practitioner/1", "b"))
	put(5, audit.Event{Kind: audit.Approve, Data: "Guideline/x", Caller: audit.Caller{User: "Practitioner/1"}})
	saw, err := trail.WhoSaw(t.Context(), "a", epoch, epoch)
	want := []audit.Sighting{
		{Agent: "Practitioner/2", Client: "ehr", Kind: audit.Advice, Events: 1, First: day(3), Last: day(3)},
		{Agent: "Practitioner/1", Client: "ehr", Kind: audit.Advice, Events: 2, First: day(1), Last: day(2)},
	}
	if diff := cmp.Diff(want, saw); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if saw, err = trail.WhoSaw(t.Context(), "a", day(2), day(3)); err != nil || len(saw) != 1 || saw[0].Events != 1 {
		t.Errorf("on the second day: %+v, %v", saw, err)
	}
	if saw, err = trail.WhoSaw(t.Context(), "c", epoch, epoch); err != nil || len(saw) != 0 {
		t.Errorf("nobody: %+v, %v", saw, err)
	}
	did, err := trail.Did(t.Context(), "Practitioner/1", epoch, epoch)
	wantDid := []audit.Deed{
		{Kind: audit.Approve, Data: "Guideline", Events: 1, First: day(5), Last: day(5)},
		{Kind: audit.Advice, Events: 3, Patients: 2, First: day(1), Last: day(4)},
	}
	if diff := cmp.Diff(wantDid, did); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, errSaw := trail.WhoSaw(t.Context(), "", epoch, epoch)
	_, errDid := trail.Did(t.Context(), "", epoch, epoch)
	if !issue.Is(errSaw, issue.Required) || !issue.Is(errDid, issue.Required) {
		t.Error("a question about nobody is answered with everybody")
	}
}

package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/api"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// hospital is one registered server that answers all queries alike.
type hospital struct {
	answer prefetch.Answer
	asked  []prefetch.Query
	told   []string
	mute   bool // the trail cannot be written
	closed bool // who asks may not read patients
}

func (h *hospital) Names() (all, launchable []string) { return []string{"hospital"}, nil }

func (h *hospital) Reader(_ context.Context, name string) (prefetch.Reader, error) {
	if h.closed {
		return nil, issue.New(issue.Forbidden, "this needs the right patients:search")
	}
	if name != "hospital" {
		return nil, issue.New(issue.NotFound, "there is no FHIR server of this name")
	}
	return h, nil
}

func (h *hospital) Read(_ context.Context, queries []prefetch.Query) map[string]prefetch.Answer {
	h.asked = append(h.asked, queries...)
	return map[string]prefetch.Answer{queries[0].Key: h.answer}
}

func (h *hospital) Searched(_ context.Context, query string, patients []string) error {
	if h.mute {
		return issue.Wrap(issue.Transient, errors.New("down"), "the database is not ready")
	}
	h.told = append(h.told, query+": "+strings.Join(patients, ","))
	return nil
}

func person(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSearchPatients(t *testing.T) {
	anna := person(t, `{"resourceType":"Patient","id":"a","gender":"female","birthDate":"1950-03-02","name":[{"use":"maiden","family":"Alt"},{"use":"official","family":"Muster","given":["Anna","Maria"]}]}`)
	dead := person(t, `{"resourceType":"Patient","id":"d","birthDate":"1950-03-02","deceasedDateTime":"2020","name":[{"text":"Doris Muster"}]}`)
	other := person(t, `{"resourceType":"Patient","id":"o","birthDate":"1951-01-01"}`)
	age := 75 // the day before her birthday
	shown := api.Patient{Reference: "Patient/a", Name: "Anna Maria Muster", Gender: "female", BirthDate: "1950-03-02", Age: &age}
	for _, tc := range []struct {
		name, body string
		answer     prefetch.Answer
		mute       bool
		status     int
		want       api.PatientList
		query      prefetch.Query
		told       string
		says       string
	}{
		{name: "by id", body: `{"server":"hospital","id":"Patient/a"}`, answer: prefetch.Answer{Resources: []*fhir.Resource{anna}}, status: 200,
			want: api.PatientList{Patients: []api.Patient{shown}, Complete: true}, query: prefetch.Query{Key: "patient", Path: "Patient/a"}, told: "read Patient of hospital: a"},
		{name: "by an id nobody has", body: `{"server":"hospital","id":"x"}`, answer: prefetch.Answer{Failure: "not-found"}, status: 200,
			want: api.PatientList{Patients: []api.Patient{}, Complete: true}, query: prefetch.Query{Key: "patient", Path: "Patient/x"}, told: "read Patient of hospital: "},
		{name: "by name and date of birth", body: `{"server":"hospital","name":"Muster, Anna","birthDate":"1950-03-02"}`,
			answer: prefetch.Answer{Resources: []*fhir.Resource{anna, dead, other}}, status: 200,
			want:  api.PatientList{Patients: []api.Patient{shown, {Reference: "Patient/d", Name: "Doris Muster", BirthDate: "1950-03-02", Deceased: true}}, Complete: true},
			query: prefetch.Query{Key: "patient", Path: `Patient?_count=50&birthdate=1950-03-02&name=Muster%5C%2C+Anna`, Post: true},
			told:  "Patient?name&birthdate of hospital: a,d"},
		{name: "more than came", body: `{"server":"hospital","name":"M","birthDate":"1950-03-02"}`, answer: prefetch.Answer{Resources: []*fhir.Resource{anna}, Failure: "fewer-than-all"}, status: 200,
			want:  api.PatientList{Patients: []api.Patient{shown}, Complete: false},
			query: prefetch.Query{Key: "patient", Path: `Patient?_count=50&birthdate=1950-03-02&name=M`, Post: true}, told: "Patient?name&birthdate of hospital: a"},
		{name: "a server that fails", body: `{"server":"hospital","id":"a"}`, answer: prefetch.Answer{Failure: "server-error"}, status: 503,
			says: `"reason":"record-server-error","detailDe":"Patienten auf dem FHIR-Server suchen: Fehler des Patientendatensystems"`},
		{name: "who cannot be accounted for", body: `{"server":"hospital","id":"a"}`, answer: prefetch.Answer{Resources: []*fhir.Resource{anna}}, mute: true, status: 503},
		{name: "no such server", body: `{"server":"other","id":"a"}`, status: 422},
		{name: "nothing to look for", body: `{"server":"hospital"}`, status: 422},
		{name: "a name alone", body: `{"server":"hospital","name":"Muster"}`, status: 422},
		{name: "both ways", body: `{"server":"hospital","id":"a","name":"Muster","birthDate":"1950-03-02"}`, status: 422},
		{name: "no date", body: `{"server":"hospital","name":"Muster","birthDate":"2. März"}`, status: 422},
		{name: "an id that is a path", body: `{"server":"hospital","id":"../Observation/1"}`, status: 422},
		{name: "an unknown member", body: `{"server":"hospital","id":"a","family":"x"}`, status: 422},
		{name: "no server", body: `{"id":"a"}`, status: 422},
		{name: "no object", body: `[]`, status: 422},
		{name: "no JSON", body: `{`, status: 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &hospital{answer: tc.answer, mute: tc.mute}
			w := send(door(t, &decider{}, func(c *api.Config) { c.Servers = h }), "POST", "/patients/search", tc.body)
			if w.Code != tc.status {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if tc.status != 200 {
				if !strings.Contains(w.Body.String(), tc.says) {
					t.Errorf("says %s, want %s", w.Body, tc.says)
				}
				if strings.Contains(w.Body.String(), "Muster") {
					t.Errorf("the refusal holds a name: %s", w.Body)
				}
				return
			}
			var got api.PatientList
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]prefetch.Query{tc.query}, h.asked); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{tc.told}, h.told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRecommendForAPatientOfAServer: the data come from the server that is named, and
// what went wrong there is told.
func TestRecommendForAPatientOfAServer(t *testing.T) {
	anna := person(t, `{"resourceType":"Patient","id":"a"}`)
	for _, tc := range []struct {
		name, body string
		answer     prefetch.Answer
		status     int
		says       string
	}{
		{"read", `{"server":"hospital","patient":"Patient/a"}`, prefetch.Answer{Resources: []*fhir.Resource{anna}}, 200, `"id":"r"`},
		{"with what a person adds", `{"server":"hospital","patient":"Patient/a","request":{"severity":"severe"}}`, prefetch.Answer{Resources: []*fhir.Resource{anna}}, 200, `"id":"r"`},
		{"nobody of that id", `{"server":"hospital","patient":"Patient/a"}`, prefetch.Answer{Failure: "not-found"}, 422, "knows no such patient"},
		{"a server that fails", `{"server":"hospital","patient":"Patient/a"}`, prefetch.Answer{Failure: "timed-out"}, 503, "could be read"},
		{"another server", `{"server":"x","patient":"Patient/a"}`, prefetch.Answer{}, 422, "no FHIR server of this name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &decider{}
			w := send(door(t, d, func(c *api.Config) { c.Servers = &hospital{answer: tc.answer} }), "POST", "/recommendations", tc.body)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if w := send(door(t, &decider{}, func(c *api.Config) { c.Servers = &hospital{closed: true} }), "POST", "/recommendations", tc.body); w.Code != 403 {
				t.Errorf("for somebody who may not read patients: %d", w.Code)
			}
			if tc.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("when to come again is not said")
			}
			if tc.status == 200 && (d.got.Patient != "a" || len(d.got.Resources) != 1) {
				t.Errorf("asked %+v", d.got)
			}
		})
	}
}

// TestTheUserOfTheExamplesExists: a client that reads what the context names finds it.
func TestTheUserOfTheExamplesExists(t *testing.T) {
	list, err := api.ExampleResources(now)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, r := range list {
		have[r.Ref()] = true
	}
	w := send(door(t, &decider{}), "GET", "/examples/cap-penicillin-anaphylaxis/hook", "")
	var call struct {
		Context struct{ UserID, PatientID, EncounterID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &call); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{call.Context.UserID, "Patient/" + call.Context.PatientID, "Encounter/" + call.Context.EncounterID} {
		if !have[ref] {
			t.Errorf("%s is not among the example resources", ref)
		}
	}
}

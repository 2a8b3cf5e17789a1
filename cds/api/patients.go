package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/cds/decide"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// PatientQuery is the body of POST /patients/search. What is looked for stands in no
// address, and so in no log.
type PatientQuery struct {
	Server    string `json:"server" doc:"name of a registered FHIR server"`
	ID        string `json:"id,omitempty" maxLength:"100" doc:"of the patient on that server, or"`
	Name      string `json:"name,omitempty" maxLength:"200" doc:"a name, together with the date of birth"`
	BirthDate string `json:"birthDate,omitempty" maxLength:"10" doc:"as YYYY-MM-DD"`
}

// Patient is who was found.
type Patient struct {
	Reference string `json:"reference" doc:"Patient/<id>, as POST /recommendations takes it"`
	Name      string `json:"name"`
	Gender    string `json:"gender"`
	BirthDate string `json:"birthDate"`
	Age       *int   `json:"age" doc:"completed years, null where it is not known"`
	Deceased  bool   `json:"deceased"`
}

// PatientList is the answer to POST /patients/search.
type PatientList struct {
	Patients []Patient `json:"patients"`
	Complete bool      `json:"complete" doc:"false where the server has more than it gave"`
}

// ServerList is the answer to GET /servers.
type ServerList struct {
	Servers    []string `json:"servers" doc:"names of the registered FHIR servers"`
	Launchable []string `json:"launchable" doc:"those of them that this app is registered with, so that a standalone SMART launch can begin there"`
}

// mostPatients bounds an answer: who finds more has to look more closely.
const mostPatients = 50

func (d *door) registerPatients(api huma.API) {
	huma.Register(api, operation("list-servers", http.MethodGet, "/servers", "List the FHIR servers that patients can be read from", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body ServerList }, error) {
			list := ServerList{Servers: []string{}, Launchable: []string{}}
			if d.Servers != nil {
				all, launchable := d.Servers.Names()
				list.Servers = append(list.Servers, all...)
				list.Launchable = append(list.Launchable, launchable...)
			}
			return &struct{ Body ServerList }{list}, nil
		})
	op := operation("search-patients", http.MethodPost, "/patients/search", "Search patients on a registered FHIR server", http.StatusOK, 400, 403, 413, 415, 422, 503)
	op.Description = "By id, or by name and date of birth."
	op.MaxBodyBytes = 16 << 10
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body PatientQuery }) (*struct{ Body PatientList }, error) {
		list, err := d.searchPatients(ctx, in.Body)
		if err != nil {
			return nil, d.fail(ctx, err)
		}
		return &struct{ Body PatientList }{list}, nil
	})
}

func (d *door) searchPatients(ctx context.Context, q PatientQuery) (PatientList, error) {
	list := PatientList{Patients: []Patient{}, Complete: true}
	query, told, err := q.query()
	if err != nil {
		return list, err
	}
	reader, err := d.reader(ctx, q.Server)
	if err != nil {
		return list, err
	}
	answer := reader.Read(ctx, []prefetch.Query{query})[query.Key]
	switch {
	case answer.Failure == "not-found" && q.ID != "":
	case answer.Failure != "" && len(answer.Resources) == 0:
		return list, prefetch.Away(answer.Failure, cds.Text{DE: "Patienten auf dem FHIR-Server suchen", EN: "search patients on the FHIR server"})
	case answer.Failure != "":
		list.Complete = false
	}
	var ids []string
	for _, r := range answer.Resources {
		// A server that passes over a parameter gives everybody.
		born := r.Root().Child("birthDate").String()
		if r.Type() != "Patient" || r.ID() == "" || q.ID == "" && born != q.BirthDate {
			continue
		}
		if len(list.Patients) == mostPatients {
			list.Complete = false
			break
		}
		ids = append(ids, r.ID())
		list.Patients = append(list.Patients, found(r, d.Now()))
	}
	if err := d.Servers.Searched(ctx, told, ids); err != nil {
		return PatientList{}, err // who cannot be accounted for is not told
	}
	return list, nil
}

// query gives the search, and the same without values.
func (q PatientQuery) query() (query prefetch.Query, told string, err error) {
	q.ID, q.Name = strings.TrimPrefix(strings.TrimSpace(q.ID), "Patient/"), strings.TrimSpace(q.Name)
	switch {
	case q.ID != "" && (q.Name != "" || q.BirthDate != ""):
		return query, "", unprocessable("id", "search by id, or by name and birthDate, not both")
	case q.ID != "" && strings.ContainsAny(q.ID, "/?&#"):
		return query, "", unprocessable("id", "this is no id of a patient")
	case q.ID != "":
		return prefetch.Query{Key: "patient", Path: "Patient/" + url.PathEscape(q.ID)}, "read Patient of " + q.Server, nil
	case q.Name == "" || q.BirthDate == "":
		return query, "", issue.New(issue.Required, "a search needs the id, or name and birthDate").
			WithStatus(http.StatusUnprocessableEntity).At("id").At("name").At("birthDate")
	}
	if _, err := time.Parse(time.DateOnly, q.BirthDate); err != nil {
		return query, "", unprocessable("birthDate", "a date as YYYY-MM-DD should stand here")
	}
	// A comma would make two names of it (FHIR R4, "Escaping Search Parameters").
	name := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`, `|`, `\|`).Replace(q.Name)
	values := url.Values{"name": {name}, "birthdate": {q.BirthDate}, "_count": {"50"}}
	return prefetch.Query{Key: "patient", Path: "Patient?" + values.Encode(), Post: true}, "Patient?name&birthdate of " + q.Server, nil
}

// reader opens a FHIR server by its name.
func (d *door) reader(ctx context.Context, name string) (prefetch.Reader, error) {
	if d.Servers == nil {
		return nil, unprocessable("server", "no FHIR server is registered")
	}
	reader, err := d.Servers.Reader(ctx, name)
	if issue.Is(err, issue.NotFound) {
		return nil, unprocessable("server", "no FHIR server of this name is registered")
	}
	return reader, err
}

// gather reads the patient of a question from a FHIR server. What came with the
// question is added.
func (d *door) gather(ctx context.Context, ask decide.Ask, server string) (decide.Ask, error) {
	reader, err := d.reader(ctx, server)
	if err != nil {
		return ask, err
	}
	entered := ask.Resources
	ask, err = d.Decider.Gather(ctx, ask, reader)
	ask.Resources = append(ask.Resources, entered...)
	if issue.Is(err, issue.NotFound) {
		return ask, unprocessable("patient", "the FHIR server knows no such patient")
	}
	return ask, err
}

// found shows a Patient.
func found(r *fhir.Resource, now time.Time) Patient {
	n := r.Root()
	p := Patient{Reference: r.Ref(), Gender: n.Child("gender").String(), BirthDate: n.Child("birthDate").String(), Name: name(n)}
	dead, known := n.Child("deceasedBoolean").Bool()
	p.Deceased = known && dead || n.Child("deceasedDateTime") != nil
	if born, ok := n.Child("birthDate").Time(); ok && born.Precision >= fhir.Day && !p.Deceased {
		years := now.Year() - born.Year()
		if now.Month() < born.Month() || now.Month() == born.Month() && now.Day() < born.Day() {
			years--
		}
		if years >= 0 {
			p.Age = &years
		}
	}
	return p
}

// name gives the official or usual name, else the first.
func name(n *fhir.Node) string {
	names := n.Children("name")
	if len(names) == 0 {
		return ""
	}
	best := names[0]
	for _, use := range []string{"usual", "official"} {
		for _, candidate := range names {
			if candidate.Child("use").String() == use {
				best = candidate
			}
		}
	}
	if text := best.Child("text").String(); text != "" {
		return text
	}
	parts := append(best.Strings("given"), best.Child("family").String())
	return strings.TrimSpace(strings.Join(parts, " "))
}

package audit

import (
	"context"
	"slices"
	"strings"
	"time"

	"cdss/fhir"
	"cdss/fhir/search"
)

// Source gives what is stored besides the trail.
type Source interface {
	Read(ctx context.Context, typ, id string, version int) (fhir.Version, error)
	Search(ctx context.Context, q *search.Query) (search.Page, error)
	History(ctx context.Context, typ, id string, since time.Time, count, offset int) (search.Page, error)
}

// Reader reads from a source and writes down whose data was read before it gives
// them: data that cannot be accounted for are not given. AuditEvents come from the
// trail, whose reading is written down too.
type Reader struct {
	trail *Trail
	from  Source
}

// Reader returns a reader over a source.
func (t *Trail) Reader(from Source) *Reader { return &Reader{t, from} }

const eventTypeName = "AuditEvent"

// Read gives a version of a resource, 0 meaning the current one.
func (r *Reader) Read(ctx context.Context, typ, id string, version int) (fhir.Version, error) {
	if typ == eventTypeName {
		v, err := r.trail.readEvent(ctx, id, version)
		if err != nil {
			return v, err
		}
		return v, r.trail.Write(ctx, Event{Kind: Read, Data: v.Ref()})
	}
	v, err := r.from.Read(ctx, typ, id, version)
	if err != nil {
		return v, err
	}
	patient := PatientOf(v.Resource)
	if patient == "" {
		return v, nil
	}
	subject, err := r.trail.Subject(patient)
	if err == nil {
		err = r.trail.Write(ctx, Event{Kind: Read, Patient: subject, Data: v.Ref()})
	}
	if err != nil {
		return fhir.Version{}, err
	}
	return v, nil
}

// Search gives a page of what matches, and what comes along.
func (r *Reader) Search(ctx context.Context, q *search.Query) (search.Page, error) {
	var page search.Page
	var err error
	if q.Type == eventTypeName {
		page, err = r.trail.searchEvents(ctx, q)
	} else {
		page, err = r.from.Search(ctx, q)
	}
	if err != nil {
		return search.Page{}, err
	}
	return r.told(ctx, page, asked(q), q.Type == eventTypeName, describe(q))
}

// History gives versions of a resource, of a type, or of all but the trail.
func (r *Reader) History(ctx context.Context, typ, id string, since time.Time, count, offset int) (search.Page, error) {
	var page search.Page
	var err error
	if typ == eventTypeName {
		page, err = r.trail.historyEvents(ctx, id, since, count, offset)
	} else {
		page, err = r.from.History(ctx, typ, id, since, count, offset)
	}
	if err != nil {
		return search.Page{}, err
	}
	query := "history of all types"
	if typ != "" {
		query = "history of " + typ
	}
	return r.told(ctx, page, nil, typ == eventTypeName, query)
}

// told writes one event for each patient whose data a page holds or who was asked
// about (BALP, PatientQuery), and of the trail itself always one.
func (r *Reader) told(ctx context.Context, page search.Page, patients []string, always bool, query string) (search.Page, error) {
	for _, list := range [][]fhir.Version{page.Matches, page.Included} {
		for _, v := range list {
			if p := PatientOf(v.Resource); p != "" && !slices.Contains(patients, p) {
				patients = append(patients, p)
			}
		}
	}
	var events []Event
	for _, p := range patients {
		subject, err := r.trail.Subject(p)
		if err != nil {
			return search.Page{}, err
		}
		events = append(events, Event{Kind: Search, Patient: subject, Query: query})
	}
	if always && len(events) == 0 {
		events = []Event{{Kind: Search, Query: query}}
	}
	if err := r.trail.Write(ctx, events...); err != nil {
		return search.Page{}, err
	}
	return page, nil
}

// describe tells a search by type and names of parameters: their values may tell of
// a patient.
func describe(q *search.Query) string {
	var names []string
	for _, p := range q.Used {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return "search of " + q.Type
	}
	return "search of " + q.Type + " by " + strings.Join(names, ", ")
}

// asked gives the patients that a search names.
func asked(q *search.Query) []string {
	var list []string
	add := func(id string) {
		if id != "" && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	for _, c := range q.Criteria {
		for _, v := range c.Values {
			switch v := v.(type) {
			case search.Reference:
				if v.Type == "Patient" || v.Type == "" && c.Parameter.Name == "patient" {
					add(v.ID)
				}
			case search.Token:
				if q.Type == "Patient" && c.Parameter.Name == "_id" {
					add(v.Code)
				}
			}
		}
	}
	return list
}

// members are the elements by which resources of R4 name their patient, as the
// patient compartment has it for the types that hold data of a single one.
var members = []string{"subject", "patient", "beneficiary", "for", "individual"}

// PatientOf gives the id of the patient a resource is about, "" for none.
func PatientOf(r *fhir.Resource) string {
	if r == nil || r.Type() == eventTypeName {
		return ""
	}
	if r.Type() == "Patient" {
		return r.ID()
	}
	for _, m := range members {
		typ, id, ok := r.Root().Child(m).Reference().Local()
		if ok && typ == "Patient" {
			return id
		}
	}
	return ""
}

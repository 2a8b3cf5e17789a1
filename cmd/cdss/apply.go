package main

import (
	"context"
	"slices"
	"sync"

	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/search"
	"cdss/fhir/store"
)

// artifacts is what $apply finds: the knowledge that runs; and in a demonstration all
// that is stored, drafts too, read again when a resource of these types has changed,
// on whatever replica.
type artifacts struct {
	store *store.Store
	demo  bool

	mu      sync.Mutex
	stamp   string
	current *knowledge.Catalogue
}

var definitionTypes = []string{"PlanDefinition", "ActivityDefinition", "Library", "Questionnaire"}

func (a *artifacts) catalogue(ctx context.Context, snapshot *knowledge.Snapshot) (*knowledge.Catalogue, error) {
	if !a.demo {
		return snapshot.Catalogue(), nil
	}
	stamp, err := a.store.Stamp(ctx, definitionTypes...)
	if err != nil {
		return nil, err
	}
	stamp += snapshot.Revision()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil && stamp == a.stamp {
		return a.current, nil
	}
	resources, err := a.store.All(ctx, definitionTypes...)
	if err != nil {
		return nil, err
	}
	for _, refused := range snapshot.Refused() {
		resources = slices.DeleteFunc(resources, func(r *fhir.Resource) bool {
			return r.Root().Child("url").String()+"|"+r.Root().Child("version").String() == refused.Artifact
		})
	}
	a.current, a.stamp = knowledge.NewCatalogue(resources), stamp
	return a.current, nil
}

// patients reads the patients of the store, of which a demonstration has some.
type patients struct{ h *house }

// clinicalTypes are what $apply reads of a patient, beside the Patient.
var clinicalTypes = []string{
	"Encounter", "Condition", "AllergyIntolerance", "MedicationRequest", "MedicationStatement", "Observation", "Procedure", "Device",
	"Flag", "DiagnosticReport", "Immunization", "ServiceRequest",
}

// Bounds of what is read of one patient.
const (
	pageSize       = 500
	maxOfOneType   = 2000
	orderOfReading = "-_lastUpdated"
)

func (p patients) Patient(ctx context.Context, id string) ([]*fhir.Resource, map[string]facts.Received, error) {
	s := p.h.fhir.store
	kept := s.Types()
	if !slices.Contains(kept, "Patient") {
		return nil, nil, nil
	}
	v, err := s.Read(ctx, "Patient", id, 0)
	switch {
	case issue.Is(err, issue.NotFound), issue.Is(err, issue.Deleted):
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	// One entry of the trail for all that is read of the patient, before it is read.
	subject, err := p.h.trail.Subject(id)
	if err == nil {
		err = p.h.trail.Write(ctx, audit.Event{Kind: audit.Read, Patient: subject, Data: v.Ref()})
	}
	if err != nil {
		return nil, nil, err
	}
	list := []*fhir.Resource{v.Resource}
	received := map[string]facts.Received{"Patient": facts.Complete}
	for _, typ := range clinicalTypes {
		if !slices.Contains(kept, typ) {
			continue
		}
		q, err := search.Parse(typ, []search.Pair{{Name: "patient", Value: "Patient/" + id}, {Name: "_sort", Value: orderOfReading}},
			search.Options{Now: p.h.now()})
		if err != nil {
			return nil, nil, err
		}
		before := len(list)
		received[typ] = facts.Complete
		for q.Count = pageSize; ; q.Offset += pageSize {
			page, err := s.Search(ctx, q)
			if err != nil {
				return nil, nil, err
			}
			for _, m := range page.Matches {
				list = append(list, m.Resource)
			}
			if !page.More {
				break
			}
			if len(list)-before >= maxOfOneType {
				received[typ] = facts.Truncated
				break
			}
		}
		if len(list) == before {
			received[typ] = facts.NoneRecorded
		}
	}
	return list, received, nil
}

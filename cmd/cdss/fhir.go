package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	cdsapi "cdss/cds/api"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/cds/operation"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/rest"
	"cdss/fhir/store"
	"cdss/fhir/terminology"
	"cdss/fhir/validate"
)

// fhirREST is the FHIR door and what it stands on.
type fhirREST struct {
	store     *store.Store
	codes     *codes
	artifacts *artifacts
	knowledge func() *knowledge.Snapshot
	door      http.Handler
}

func newFHIR(h *house) *fhirREST {
	base := ""
	if h.cfg.PublicURL != "" {
		base = h.cfg.PublicURL + "/fhir"
	}
	f := &fhirREST{store: store.New(store.Config{PatientData: h.cfg.Demo, Base: base, Log: h.log, Now: h.now, Subject: h.trail.Subject})}
	f.codes = &codes{store: f.store}
	f.artifacts, f.knowledge = &artifacts{store: f.store, demo: h.cfg.Demo}, h.knowledge.Load
	support := operation.Config{
		Decider: h.decide, Knowledge: h.knowledge.Load, Catalogue: f.artifacts.catalogue, Tables: h.tables, Patients: patients{h},
		MemberOf: f.codes.memberOf, Codes: f.codes.list, Demo: h.cfg.Demo, Now: h.now,
	}
	operations := append(terminology.Operations(f.codes.snapshot), operation.Operations(support)...)
	operations = append(operations, h.runs.Operation())
	operations = append(operations, operation.Expressions(support)...)
	operations = append(operations, operation.Steps(h.authoring)...)
	f.door = rest.New(rest.Config{
		Reader: h.trail.Reader(f.store), Writer: h.authoring.Guard(f.store), Types: f.store.Types(), ReadOnly: []string{"AuditEvent", "Provenance"}, Base: base, Origins: h.origin,
		Operations: operations, MemberOf: f.codes.memberOf, Allow: h.mayInBatch,
		Validate: func(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error) {
			return f.check(ctx, r, h.now(), true)
		},
		OnWrite: func(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error) {
			return f.check(ctx, r, h.now(), isKnowledge(r.Type()))
		},
		Version: programVersion(), Now: h.now, Log: h.log,
	}).Handler()
	return f
}

func isKnowledge(typ string) bool {
	for _, t := range store.KnowledgeTypes {
		if t == typ {
			return true
		}
	}
	return false
}

// check says what is wrong with a resource: its structure alone, or, when deep is
// asked for, all that validate knows; of a ValueSet also that it includes itself.
func (f *fhirREST) check(ctx context.Context, r *fhir.Resource, now time.Time, deep bool) ([]issue.Issue, error) {
	if !deep {
		return validate.Structure(r), nil
	}
	memberOf, err := f.codes.memberOf(ctx)
	if err != nil {
		return nil, err
	}
	issues, err := validate.Resource(ctx, r, fhirpath.Env{Now: now, MemberOf: memberOf})
	if err == nil && r.Type() == "Library" {
		return f.compiled(ctx, r, issues)
	}
	if err != nil || r.Type() != "ValueSet" || issue.From(issues) != nil {
		return issues, err
	}
	circle, err := f.codes.circle(ctx, r)
	if err != nil {
		return nil, err
	}
	return append(issues, circle...), nil
}

// compiled adds what is wrong in the CQL of a Library: an error where it cannot be
// read at all, a warning where a definition is faulty or an included library is not
// here yet.
func (f *fhirREST) compiled(ctx context.Context, r *fhir.Resource, issues []issue.Issue) ([]issue.Issue, error) {
	catalogue, err := f.artifacts.catalogue(ctx, f.knowledge())
	if err != nil {
		return nil, err
	}
	library, err := catalogue.TryCQL(r)
	for _, i := range issue.Issues(err) {
		if issue.Is(err, issue.NotFound) {
			i.Severity = issue.SeverityWarning
		}
		i.Expression = []string{"Library.content"}
		issues = append(issues, i)
	}
	if library != nil {
		for _, p := range library.Problems {
			for _, i := range issue.Issues(p.Err) {
				i.Severity, i.Expression = issue.SeverityWarning, []string{"Library.content"}
				issues = append(issues, i)
			}
		}
	}
	return issues, nil
}

// load puts what comes with the program into the store: the knowledge that is
// active, and for a demonstration the drafts and the example patients too.
func (f *fhirREST) load(ctx context.Context, demo bool, now time.Time) (int, error) {
	artifacts, err := content.Artifacts()
	if err != nil {
		return 0, err
	}
	var list []*fhir.Resource
	keep := func(r *fhir.Resource) {
		if demo || r.Root().Child("status").String() == "active" {
			list = append(list, r)
		}
	}
	for _, r := range artifacts {
		if r.Type() != "Bundle" {
			keep(r)
			continue
		}
		b, err := fhir.SplitBundle(r)
		if err != nil {
			return 0, err
		}
		for _, e := range b.Entries {
			if e.Err != nil {
				return 0, e.Err
			}
			keep(e.Resource)
		}
	}
	if demo {
		patients, err := cdsapi.ExampleResources(now)
		if err != nil {
			return 0, err
		}
		list = append(list, patients...)
	}
	return f.store.Load(ctx, list)
}

// codes is the terminology of the store, compiled, and compiled again when a
// resource of these types has changed, on whatever replica.
type codes struct {
	store *store.Store

	mu      sync.Mutex
	stamp   string
	current *terminology.Snapshot
}

var terminologyTypes = []string{"CodeSystem", "ValueSet", "ConceptMap"}

func (c *codes) snapshot(ctx context.Context) (*terminology.Snapshot, error) {
	stamp, err := c.store.Stamp(ctx, terminologyTypes...)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && stamp == c.stamp {
		return c.current, nil
	}
	resources, err := c.store.All(ctx, terminologyTypes...)
	if err != nil {
		return nil, err
	}
	// What cannot be compiled says so when it is asked for.
	c.current, _ = terminology.Load(resources)
	c.stamp = stamp
	return c.current, nil
}

func (c *codes) list(ctx context.Context) (func(string) ([]fhir.Coding, bool), error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.Codes, nil
}

func (c *codes) memberOf(ctx context.Context) (func(fhir.Coding, string) (in, ok bool), error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.MemberOf, nil
}

// known is what memory holds of value sets; nil: nothing yet.
func (c *codes) known() func(fhir.Coding, string) (in, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil
	}
	return c.current.MemberOf
}

// listed is the same for the codes of value sets.
func (c *codes) listed() func(string) (codes []fhir.Coding, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil
	}
	return c.current.Codes
}

// circle tells whether the value set, together with those that are stored,
// includes itself.
func (c *codes) circle(ctx context.Context, set *fhir.Resource) ([]issue.Issue, error) {
	resources, err := c.store.All(ctx, terminologyTypes...)
	if err != nil {
		return nil, err
	}
	var list []*fhir.Resource
	for _, r := range resources {
		if r.Ref() != set.Ref() || set.ID() == "" {
			list = append(list, r)
		}
	}
	s, _ := terminology.Load(append(list, set))
	root := set.Root()
	canonical := fhir.Canonical{URL: root.Child("url").String(), Version: root.Child("version").String()}
	if canonical.URL == "" {
		return nil, nil
	}
	if fault := s.Fault(canonical.String()); issue.Is(fault, issue.BusinessRule) {
		return []issue.Issue{{
			Severity: issue.SeverityError, Code: string(issue.BusinessRule), Diagnostics: issue.Issues(fault)[0].Diagnostics, Expression: []string{"ValueSet.compose"},
		}}, nil
	}
	return nil, nil
}

package authoring

import (
	"context"

	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Artifact gives an artifact with the knowledge it is tried in: what runs, for one in
// force, else what would run were it released as it stands.
func (s *Service) Artifact(ctx context.Context, typ, id string) (*fhir.Resource, *knowledge.Snapshot, error) {
	if _, err := s.who(ctx); err != nil {
		return nil, nil, err
	}
	v, l, err := s.find(ctx, typ, id)
	if err != nil {
		return nil, nil, err
	}
	if l.State == Shipped || l.InForce {
		return v.Resource, s.Knowledge(), nil
	}
	would, err := s.Candidate(ctx, typ, id)
	return v.Resource, would, err
}

// With gives the knowledge that would run with a text that nobody has stored, in the
// place of what has its url. The error of a text that is no artifact is of kind
// issue.Invalid.
func (s *Service) With(ctx context.Context, r *fhir.Resource) (*knowledge.Snapshot, error) {
	if _, err := s.who(ctx); err != nil {
		return nil, err
	}
	if !IsArtifact(r.Type()) || url(r) == "" || version(r) == "" {
		return nil, issue.New(issue.Invalid, "try a %s: an artifact with url and version is needed", clip(r.Type()))
	}
	site, err := s.Records.Site(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	members, err := s.withNamed(ctx, b, []member{{version: fhir.Version{Resource: r}}}, r.Ref())
	if err != nil {
		return nil, err
	}
	o := s.options(site)
	var list []knowledge.Released
	would := map[string]bool{}
	for _, m := range members {
		would[url(m.version.Resource)] = true
		active, err := m.version.Resource.Root().Object().Set("status", "active").Resource()
		if err != nil {
			return nil, err
		}
		list = append(list, knowledge.Released{Resource: active, InForce: true, SHA256: knowledge.Hash(active)})
	}
	for _, old := range o.Site {
		if !would[url(old.Resource)] {
			list = append(list, old)
		}
	}
	o.Site = list
	return knowledge.Load(s.Shipped, o)
}

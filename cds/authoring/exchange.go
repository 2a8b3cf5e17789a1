package authoring

import (
	"context"
	"slices"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Taken is what came of an import.
type Taken struct {
	Made    []*fhir.Resource
	Skipped []Skipped
}

// Skipped is what an import left out.
type Skipped struct {
	Ref    string `json:"ref"`
	Reason string `json:"reason"`
}

// mostImported bounds one import.
const mostImported = 900

// Take makes drafts of artifacts that come from elsewhere, all or none. What is here
// already under its url and version, and what is no artifact, is left out and told.
// Issues name the artifact they are about.
func (s *Service) Import(ctx context.Context, list []*fhir.Resource, note string) (Taken, error) {
	t := Taken{Made: []*fhir.Resource{}, Skipped: []Skipped{}}
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return t, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return t, err
	}
	var changes []fhir.Change
	var issues []issue.Issue
	skip := func(r *fhir.Resource, reason string) {
		ref := canonical(r)
		if ref == "|" {
			ref = r.Type() + "/" + r.ID()
		}
		t.Skipped = append(t.Skipped, Skipped{clip(ref), reason})
	}
	for _, r := range list {
		if !IsArtifact(r.Type()) {
			skip(r, "a "+clip(r.Type())+" is no artifact with a life here")
			continue
		}
		if url(r) != "" && b.taken(canonical(r)) {
			skip(r, "it is here already")
			continue
		}
		if len(changes) == mostImported {
			return t, issue.New(issue.TooCostly, "more than %d artifacts at once", mostImported)
		}
		o := clean(r, nil)
		credit(o, nil, "author", p)
		made, err := s.fresh(ctx, b, o)
		if err != nil {
			for _, i := range issue.Issues(err) {
				i.Diagnostics = clip(r.Type()+"/"+r.ID()) + ": " + i.Diagnostics
				issues = append(issues, i)
			}
			if issue.KindOf(err) == issue.Exception || len(issues) > 100 {
				return t, unprocessable(issues)
			}
			continue
		}
		l := Life{Type: made.Type(), ID: made.ID(), URL: url(made), Version: version(made)}
		b.lives[l.Ref()], b.byName[l.Canonical()] = l, l
		changes = append(changes, fhir.Change{Method: fhir.Update, Type: made.Type(), ID: made.ID(), Resource: made})
	}
	if err := unprocessable(issues); err != nil {
		return t, err
	}
	if len(changes) == 0 {
		return t, nil
	}
	effects, err := s.write(ctx, p, Import, "", note, changes...)
	if err != nil {
		return t, err
	}
	for _, e := range effects {
		t.Made = append(t.Made, e.Resource)
	}
	return t, nil
}

// Resources takes the resources out of a Bundle, or gives the one resource.
func Unbundle(r *fhir.Resource) ([]*fhir.Resource, error) {
	if r.Type() != "Bundle" {
		return []*fhir.Resource{r}, nil
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		return nil, err
	}
	var list []*fhir.Resource
	for _, e := range b.Entries {
		if e.Err != nil {
			return nil, e.Err
		}
		if e.Resource != nil {
			list = append(list, e.Resource)
		}
	}
	return list, nil
}

// Export gives the artifact of a canonical with all that it names, or, without one, all
// plans that run with what they name. The order is that of their references.
func (s *Service) Export(ctx context.Context, of string) ([]*fhir.Resource, error) {
	if _, err := s.who(ctx); err != nil {
		return nil, err
	}
	catalogue := s.Knowledge().Catalogue()
	var list []*fhir.Resource
	if of == "" {
		for _, p := range s.Knowledge().Plans() {
			if p.Resource != nil {
				list = append(list, p.Resource)
			}
		}
	} else {
		r, _ := catalogue.Find(of)
		if r == nil {
			var err error
			if r, err = s.stored(ctx, of); err != nil {
				return nil, err
			}
		}
		list = []*fhir.Resource{r}
	}
	seen := map[string]bool{}
	for _, r := range list {
		seen[canonical(r)] = true
	}
	for i := 0; i < len(list); i++ {
		for _, n := range references(list[i]) {
			r, _ := catalogue.Find(n.String())
			if r == nil {
				var err error
				if r, err = s.stored(ctx, n.String()); issue.Is(err, issue.NotFound) || issue.Is(err, issue.Deleted) {
					continue
				} else if err != nil {
					return nil, err
				}
			}
			if !seen[canonical(r)] {
				seen[canonical(r)] = true
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// stored finds a version by its canonical, whatever its state.
func (s *Service) stored(ctx context.Context, name string) (*fhir.Resource, error) {
	if r, ok := s.byURL[name]; ok {
		return r, nil
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	l, ok := b.byName[name]
	if !ok {
		if l, ok = b.inForce[name]; !ok {
			return nil, issue.New(issue.NotFound, "there is no %s", clip(name))
		}
	}
	v, err := s.Resources.Read(ctx, l.Type, l.ID, 0)
	return v.Resource, err
}

// Bundle puts artifacts into a Bundle of type collection.
func Bundle(list []*fhir.Resource) (*fhir.Resource, error) {
	o := fhir.NewResource("Bundle", "").Set("type", "collection")
	for _, r := range list {
		o.Append("entry", fhir.NewObject().Set("fullUrl", fullURL(r)).Set("resource", r))
	}
	return o.Resource()
}

func fullURL(r *fhir.Resource) string {
	u := url(r)
	if slices.Contains([]string{"", "|"}, u) {
		return ""
	}
	return u
}

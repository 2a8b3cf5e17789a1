package authoring

import (
	"context"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Writer changes what is stored: all changes or none.
type Writer interface {
	Apply(ctx context.Context, changes []fhir.Change) ([]fhir.Effect, error)
}

// Guard gives a writer for clients of FHIR: what they write of artifacts are drafts,
// and each change is a step. What came with the program, and what was released, is
// refused. Everything else goes to the writer.
func (s *Service) Guard(w Writer) Writer { return guarded{s, w} }

type guarded struct {
	s *Service
	Writer
}

func (g guarded) Apply(ctx context.Context, changes []fhir.Change) ([]fhir.Effect, error) {
	s := g.s
	artifacts := false
	for _, c := range changes {
		artifacts = artifacts || IsArtifact(c.Type)
	}
	if !artifacts {
		return g.Writer.Apply(ctx, changes)
	}
	p, err := s.who(ctx, smart.Curator)
	if err != nil {
		return nil, err
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]fhir.Change, len(changes))
	for i, c := range changes {
		list[i] = c
		if !IsArtifact(c.Type) {
			continue
		}
		var old *fhir.Resource
		if c.ID != "" && c.Method != fhir.Create {
			v, l, err := s.find(ctx, c.Type, c.ID)
			switch {
			case issue.Is(err, issue.NotFound), issue.Is(err, issue.Deleted):
			case err != nil:
				return nil, err
			default:
				if err := l.open(); err != nil {
					return nil, err
				}
				old = v.Resource
				if list[i].Match == 0 {
					list[i].Match = v.Version
				}
			}
		}
		if c.Method == fhir.Delete {
			list[i].Resource = old
			list[i].Activity = fhir.Coding{System: StepSystem, Code: Delete}
			continue
		}
		o := clean(c.Resource, old)
		if old == nil {
			credit(o, nil, "author", p)
			list[i].Activity = fhir.Coding{System: StepSystem, Code: Draft}
		} else {
			credit(o, old, "editor", p)
			list[i].Activity = fhir.Coding{System: StepSystem, Code: Edit}
		}
		if list[i].Resource, err = o.Resource(); err != nil {
			return nil, err
		}
		if name := canonical(list[i].Resource); url(list[i].Resource) != "" && b.taken(name) && (old == nil || canonical(old) != name) && c.Condition == "" {
			return nil, issue.New(issue.Duplicate, "%s is there already", clip(name)).At(c.Type + ".version")
		}
	}
	return s.Resources.Write(as(ctx, p), list, func(effects []fhir.Effect) (Record, error) {
		var r Record
		for i, e := range effects {
			if !IsArtifact(e.Type) || e.Found {
				continue
			}
			// A condition chose the target; what was released the database refuses itself.
			if _, shipped := s.shipped[e.Ref()]; shipped {
				return r, shippedLife(s.shipped[e.Ref()]).open()
			}
			of := e.Resource
			if of == nil {
				of = list[i].Resource
			}
			if of == nil || e.Version.Version == 0 {
				continue
			}
			r.Steps = append(r.Steps, stepOf(e, of, p, list[i].Activity.Code, "", ""))
		}
		return r, nil
	})
}

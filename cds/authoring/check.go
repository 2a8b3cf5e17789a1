package authoring

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Problem is what is wrong with an artifact; Blocks says that it must not be released
// with it.
type Problem struct {
	knowledge.Problem
	Blocks bool
}

// Candidate gives the knowledge that would run were an artifact released as it stands,
// with the drafts that it names.
func (s *Service) Candidate(ctx context.Context, typ, id string) (*knowledge.Snapshot, error) {
	set, err := s.group(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	return s.candidate(ctx, set)
}

func (s *Service) candidate(ctx context.Context, set *group) (*knowledge.Snapshot, error) {
	site, err := s.Records.Site(ctx)
	if err != nil {
		return nil, err
	}
	o := s.options(site)
	var list []knowledge.Released
	would := map[string]bool{}
	for _, m := range set.members {
		would[m.life.URL], would[m.life.Canonical()] = true, true
	}
	for _, r := range o.Site {
		of := canonical(r.Resource)
		if would[of] {
			continue
		}
		if would[url(r.Resource)] {
			r.InForce = false
		}
		list = append(list, r)
	}
	for _, m := range set.members {
		r, err := m.version.Resource.Root().Object().Set("status", "active").Resource()
		if err != nil {
			return nil, err
		}
		list = append(list, knowledge.Released{Resource: r, InForce: true, SHA256: knowledge.Hash(r)})
	}
	o.Site = list
	return knowledge.Load(s.Shipped, o)
}

// Snapshot makes the knowledge that runs of a state of the site.
func (s *Service) Snapshot(site Site) (*knowledge.Snapshot, error) {
	return knowledge.Load(s.Shipped, s.options(site))
}

// options lays a state of the site into the options of a snapshot. What is stored and
// not what was released gets a fault.
func (s *Service) options(site Site) knowledge.Options {
	o := s.Options
	o.LoadedAt, o.Revision = s.Now(), site.Revision
	o.ShowExpired, o.ReviewAfter = site.Settings.Expired == "show", site.Settings.ReviewAfterDays
	for _, r := range site.Released {
		k := knowledge.Released{Resource: r.Body, InForce: r.InForce, SHA256: r.SHA256}
		switch {
		case r.Body == nil || url(r.Body) != r.URL || version(r.Body) != r.Version:
			k.Fault = "what was released cannot be read, or bears another name"
			k.Resource = standIn(r.Life)
		case knowledge.Hash(r.Body) != r.SHA256:
			k.Fault = "what is stored is not what was released"
		case r.Current == nil || knowledge.Hash(r.Current) != r.SHA256:
			k.Fault = "what is shown is not what was released"
		}
		o.Site = append(o.Site, k)
	}
	for _, e := range site.Overlay {
		o.Overlay = append(o.Overlay, e.Overlay)
	}
	return o
}

// standIn bears the name of an artifact that cannot be read.
func standIn(l Life) *fhir.Resource {
	r, err := fhir.NewResource(l.Type, l.ID).Set("url", l.URL).Set("version", l.Version).Set("status", "active").Resource()
	if err != nil {
		panic("authoring: " + err.Error())
	}
	return r
}

// ready refuses a group with which something is wrong; cases are run when it is to be
// released.
func (s *Service) ready(ctx context.Context, set *group, cases bool) error {
	problems, would, err := s.problems(ctx, set)
	if err != nil {
		return err
	}
	var issues []issue.Issue
	for _, p := range problems {
		if p.Blocks {
			issues = append(issues, asIssue(p.Problem))
		}
	}
	if len(issues) == 0 && cases && s.Tester != nil {
		for _, m := range set.members {
			failures, err := s.Tester.Test(ctx, m.version.Resource, would)
			if err != nil {
				return fmt.Errorf("run the cases of %s: %w", m.life.Ref(), err)
			}
			for _, f := range failures {
				issues = append(issues, issue.Issue{
					Severity: issue.SeverityError, Code: string(issue.BusinessRule), Diagnostics: "case " + f.Case + " fails: " + f.Message, Expression: []string{m.life.Ref()},
				})
			}
		}
	}
	const most = 100
	if len(issues) > most {
		issues = append(issues[:most-1], issue.Issue{
			Severity: issue.SeverityError, Code: string(issue.BusinessRule), Diagnostics: fmt.Sprintf("and %d more", len(issues)-most+1),
		})
	}
	return unprocessable(issues)
}

func asIssue(p knowledge.Problem) issue.Issue {
	i := issue.Issue{Severity: issue.SeverityError, Code: string(issue.BusinessRule), Diagnostics: p.Artifact + ": " + p.Message}
	if p.Location != "" {
		i.Expression = []string{p.Location}
	}
	return i
}

// Problems gives what is wrong with an artifact and the drafts that it names.
func (s *Service) Problems(ctx context.Context, typ, id string) ([]Problem, error) {
	set, err := s.group(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	set.keep(func(m member) bool { return m.life.State != Released && m.life.State != Retired })
	if err := set.pin(); err != nil {
		return nil, err
	}
	list, _, err := s.problems(ctx, set)
	return list, err
}

func (s *Service) problems(ctx context.Context, set *group) ([]Problem, *knowledge.Snapshot, error) {
	var list []Problem
	of := map[string]bool{}
	for _, m := range set.members {
		of[m.life.Canonical()] = true
		if s.Check != nil {
			issues, err := s.Check(ctx, m.version.Resource)
			if err != nil {
				return nil, nil, err
			}
			for _, i := range issues {
				if i.Severity == issue.SeverityError || i.Severity == issue.SeverityFatal {
					list = append(list, Problem{knowledge.Problem{Artifact: m.life.Canonical(), Location: strings.Join(i.Expression, ", "), Message: i.Diagnostics}, true})
				}
			}
		}
		for _, n := range uncited(m.version.Resource) {
			list = append(list, Problem{knowledge.Problem{Artifact: m.life.Canonical(), Location: n.Location(), Message: "the action cites no source"}, true})
		}
	}
	would, err := s.candidate(ctx, set)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range would.Problems() {
		if of[p.Artifact] {
			list = append(list, Problem{p, true})
		}
	}
	for _, w := range would.Withheld() {
		if of[w.Artifact] {
			list = append(list, Problem{w, strings.HasPrefix(w.Message, "draft or experimental")})
		}
	}
	return list, would, nil
}

// uncited gives the actions that rest on no source: neither they, nor what they stand
// in, nor what they define, nor all that they hold cites one. A plan that as a whole
// cites its source needs none at its actions.
func uncited(r *fhir.Resource) []*fhir.Node {
	switch r.Type() {
	case "ActivityDefinition":
		if kind := r.Root().Child("kind").String(); kind == "MedicationRequest" && !cites(r.Root(), "relatedArtifact") {
			return []*fhir.Node{r.Root()}
		}
		return nil
	case "PlanDefinition":
	default:
		return nil
	}
	var list []*fhir.Node
	var walk func(actions []*fhir.Node)
	walk = func(actions []*fhir.Node) {
		for _, a := range actions {
			if cites(a, "documentation") {
				continue
			}
			inner := a.Children("action")
			switch {
			case len(inner) > 0:
				walk(inner)
			case a.Child("definitionCanonical").HasValue() && ingredient(a):
				// the regimen cites its own source
			default:
				list = append(list, a)
			}
		}
	}
	if !cites(r.Root(), "relatedArtifact") {
		walk(r.Root().Children("action"))
	}
	return list
}

func ingredient(a *fhir.Node) bool {
	return slices.ContainsFunc(a.Children("code"), func(n *fhir.Node) bool { return n.CodeableConcept().Has(content.ActionSystem, content.RoleIngredient) })
}

// cites tells whether one of the related artifacts is a citation that says where, or a
// justification in words.
func cites(n *fhir.Node, list string) bool {
	return slices.ContainsFunc(n.Children(list), func(d *fhir.Node) bool {
		switch d.Child("type").String() {
		case "citation":
			return d.Extension(content.LocatorExtension) != nil || d.Child("url").HasValue() || d.Child("citation").HasValue() || d.Child("document").Get("url").HasValue()
		case "justification":
			return d.Child("display").HasValue() || d.Child("citation").HasValue()
		}
		return false
	})
}

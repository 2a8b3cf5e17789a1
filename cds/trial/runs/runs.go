// Package runs tries the artifacts of this site: their cases, what a release would
// change, and why an answer is as it is.
//
// It owns which cases belong to an artifact (those that ship and those of the site)
// and the form in which runs, impacts and traces are told. It refuses to store
// anything of the patients it is shown, and to judge: package trial does.
package runs

import (
	"context"
	"fmt"
	"time"

	"cdss/cds"
	"cdss/cds/authoring"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/translate"
	"cdss/cds/trial"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Artifacts finds what is tried.
type Artifacts interface {
	// Artifact gives an artifact with the knowledge it is tried in.
	Artifact(ctx context.Context, typ, id string) (*fhir.Resource, *knowledge.Snapshot, error)
	// With gives the knowledge that would run with a text that nobody has stored.
	With(ctx context.Context, r *fhir.Resource) (*knowledge.Snapshot, error)
}

// Config is what runs stand on. Artifacts may be nil in a process that only tests.
type Config struct {
	Artifacts Artifacts
	Knowledge func() *knowledge.Snapshot // what runs
	Tables    recommend.Tables
	Local     func() *translate.Table // maps of local codes; nil: none
	Demo      bool
	Shipped   []*fhir.Resource // cases that come with the program
	// Site gives the cases of this site for a canonical url, all of them for "".
	Site func(ctx context.Context, url string) ([]*fhir.Resource, error)
	Now  func() time.Time
	// MemberOf and Codes tell what is in value sets, for expressions that are tried.
	// They, and what they give, may be nil: nothing is known.
	MemberOf func() func(coding fhir.Coding, valueSet string) (in, ok bool)
	Codes    func() func(valueSet string) (codes []fhir.Coding, ok bool)
}

// Service tries artifacts. It is safe for concurrent use.
type Service struct {
	Config
	shipped []trial.Case
}

// New reads the cases that ship; one that cannot be read is an error.
func New(c Config) (*Service, error) {
	s := &Service{Config: c}
	for _, b := range c.Shipped {
		x, err := trial.ReadCase(b)
		if err != nil {
			return nil, err
		}
		s.shipped = append(s.shipped, x)
	}
	return s, nil
}

// Cases gives the cases of an artifact, those of the site in place of shipped ones of
// the same id. For url "" they are all.
func (s *Service) Cases(ctx context.Context, url string) ([]trial.Case, error) {
	var list []trial.Case
	mine := map[string]bool{}
	if s.Site != nil {
		bundles, err := s.Site(ctx, url)
		if err != nil {
			return nil, err
		}
		for _, b := range bundles {
			c, err := trial.ReadCase(b)
			if err != nil {
				return nil, err
			}
			mine[c.ID] = true
			list = append(list, c)
		}
	}
	for _, c := range s.shipped {
		if !mine[c.ID] && (url == "" || c.BelongsTo(url)) {
			list = append(list, c)
		}
	}
	return list, nil
}

// version is the knowledge of a snapshot under a name.
func (s *Service) version(name string, snapshot *knowledge.Snapshot) trial.Knowledge {
	k := trial.Knowledge{Name: name, Snapshot: snapshot, Tables: s.Tables, Demo: s.Demo}
	if s.Local != nil {
		k.Local = s.Local()
	}
	return k
}

// Run runs the cases of an artifact.
func (s *Service) Run(ctx context.Context, typ, id string) (trial.CaseRun, error) {
	r, would, err := s.Artifacts.Artifact(ctx, typ, id)
	if err != nil {
		return trial.CaseRun{}, err
	}
	return s.run(ctx, r, would)
}

func (s *Service) run(ctx context.Context, r *fhir.Resource, would *knowledge.Snapshot) (trial.CaseRun, error) {
	name := canonical(r)
	list, err := s.Cases(ctx, name.URL)
	if err != nil {
		return trial.CaseRun{}, err
	}
	run := s.version("", would).Test(ctx, name.String(), list)
	if len(run.Cases) < len(list) {
		return run, issue.New(issue.Timeout, "run the cases of %s: the time was over after %d of %d", name.String(), len(run.Cases), len(list))
	}
	return run, nil
}

func canonical(r *fhir.Resource) fhir.Canonical {
	return fhir.Canonical{URL: r.Root().Child("url").String(), Version: r.Root().Child("version").String()}
}

// Test gives the cases of an artifact that fail in the knowledge that would run with
// it.
func (s *Service) Test(ctx context.Context, r *fhir.Resource, would *knowledge.Snapshot) ([]authoring.Failure, error) {
	run, err := s.run(ctx, r, would)
	if err != nil {
		return nil, err
	}
	var out []authoring.Failure
	for _, c := range run.Cases {
		if c.Passed {
			continue
		}
		f := authoring.Failure{Case: c.ID}
		for i, d := range c.Differences {
			if i > 0 {
				f.Message += "; "
			}
			f.Message += d.Text
		}
		out = append(out, f)
	}
	return out, nil
}

// Impact tells what releasing an artifact would change: for every case there is, and
// for the Bundles, each with the orders that were given.
func (s *Service) Impact(ctx context.Context, typ, id string, bundles []*fhir.Resource, lang cds.Lang) (trial.Impact, error) {
	r, would, err := s.Artifacts.Artifact(ctx, typ, id)
	if err != nil {
		return trial.Impact{}, err
	}
	list, err := s.Cases(ctx, "")
	if err != nil {
		return trial.Impact{}, err
	}
	from, to := s.version("in force", s.Knowledge()), s.version(canonical(r).String(), would)
	m := trial.ImpactOf(ctx, from, to, list, lang)
	if ctx.Err() != nil {
		return trial.Impact{}, ctx.Err() // a count that was cut off is not told as a whole one
	}
	x := trial.NewReplayer(to, &from)
	for i, b := range bundles {
		if ctx.Err() != nil {
			return trial.Impact{}, ctx.Err()
		}
		got, err := x.Bundle(ctx, i+1, b.Raw())
		if err != nil {
			return m, issue.Wrap(issue.Invalid, err, "impact of %s: Bundle %d cannot be used", canonical(r).String(), i+1).At(fmt.Sprintf("bundles[%d]", i))
		}
		m.AddBundle(got)
	}
	return m, nil
}

// Ships tells whether a case is as it came with the program.
func (s *Service) Ships(c trial.Case) bool {
	for _, x := range s.shipped {
		if x.ID == c.ID && len(x.Patient) > 0 && len(c.Patient) > 0 && x.Patient[0] == c.Patient[0] {
			return true
		}
	}
	return false
}

package runs

import (
	"context"
	"time"

	"cdss/cds"
	"cdss/cds/trial"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Question asks why an answer is as it is.
type Question struct {
	Text     *fhir.Resource // of an artifact that nobody has stored; nil: none
	Type, ID string         // of a stored artifact; "" asks what runs
	Case     string         // id of a case, or a Bundle:
	Bundle   *fhir.Resource
	Request  *cds.StructuredRequest // beside a Bundle
	At       time.Time              // zero: that of the Bundle, or now
	Language cds.Lang
	WhyNot   string // ATC code of a substance, "" for none
}

// Trace answers it.
func (s *Service) Trace(ctx context.Context, q Question) (trial.Explanation, error) {
	snapshot := s.Knowledge()
	var err error
	switch {
	case q.Text != nil:
		snapshot, err = s.Artifacts.With(ctx, q.Text)
	case q.ID != "":
		_, snapshot, err = s.Artifacts.Artifact(ctx, q.Type, q.ID)
	}
	if err != nil {
		return trial.Explanation{}, err
	}
	if q.Text != nil {
		name := canonical(q.Text).String()
		for _, p := range snapshot.Problems() {
			if p.Artifact == name {
				return trial.Explanation{}, issue.New(issue.BusinessRule, "trace %s: %s", name, p.Message).At(p.Location)
			}
		}
	}
	ask, err := s.question(ctx, q)
	if err != nil {
		return trial.Explanation{}, err
	}
	k := s.version("", snapshot)
	ask.Language, ask.All = q.Language, true
	return trial.Explain(k, k.Ask(ctx, ask, true), q.WhyNot), nil
}

func (s *Service) question(ctx context.Context, q Question) (trial.Question, error) {
	if q.Case != "" {
		list, err := s.Cases(ctx, "")
		if err != nil {
			return trial.Question{}, err
		}
		for _, c := range list {
			if c.ID == q.Case {
				return c.Question(q.Language), nil
			}
		}
		return trial.Question{}, issue.New(issue.NotFound, "trace: no case of that id")
	}
	if q.Bundle == nil {
		return trial.Question{}, issue.New(issue.Required, "trace: a Bundle or the id of a case is needed")
	}
	if trial.IsCase(q.Bundle) {
		c, err := trial.ReadCase(q.Bundle)
		return c.Question(q.Language), err
	}
	list, err := trial.ReadBundle(q.Bundle)
	if err != nil {
		return trial.Question{}, issue.Wrap(issue.Invalid, err, "trace: the Bundle cannot be used").At("bundle")
	}
	ask := trial.Question{ID: q.Bundle.ID(), Now: q.At, Request: q.Request}
	if ask.Now.IsZero() {
		if t, ok := q.Bundle.Root().Child("timestamp").Time(); ok {
			ask.Now = t.Time
		} else {
			ask.Now = s.Now()
		}
	}
	for _, r := range list {
		if r.Type() == "MedicationRequest" && r.Root().Child("status").String() == "draft" {
			ask.Drafts = append(ask.Drafts, r)
			continue
		}
		ask.Resources = append(ask.Resources, r)
	}
	return ask, nil
}

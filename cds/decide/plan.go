package decide

import (
	"context"
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/cds/render"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// templates gives what a call should bring: what a plan requires, where the service is
// a plan, else what the built-in services ask for.
func (c *call) templates() ([]prefetch.Template, error) {
	if c.req.Question != cds.AskPlan {
		return prefetch.Templates(), nil
	}
	service, ok := c.snapshot.Service(c.req.Service)
	if !ok {
		return nil, issue.New(issue.NotFound, "no CDS service has this id; GET /cds-services lists them")
	}
	c.service = service
	if service.Plan == nil {
		return prefetch.Templates(), nil
	}
	return prefetch.Derive(service.Plan.Requirements), nil
}

// plan answers a service that is a released plan: the plan is applied as it is written,
// and each of its actions is a card.
func (s *Service) plan(c *call) (cds.Response, error) {
	v := c.service
	c.rec.Knowledge = []cds.Artifact{artifactOf(v.Artifact)}
	if v.Plan == nil {
		c.miss(v.Title, cds.Text{
			DE: "der Inhalt ist nicht mehr der freigegebene und wird nicht verwendet: " + v.Artifact,
			EN: "the content is not what was released any more, and is not used: " + v.Artifact,
		}, "not-as-released")
		return s.close(c), nil
	}
	in := apply.Input{
		Definitions: c.snapshot.Catalogue(), Subject: "Patient/" + c.req.Patient,
		Data:     append(append(c.came.Resources(), c.own(c.req.Context)...), c.own(c.req.DraftOrders)...),
		Received: received(c.came.Received()), Chart: c.input.Chart, Evaluators: s.c.Evaluators, Now: c.now, Lang: c.req.Language, Bundle: true,
	}
	if c.req.Encounter != "" {
		in.Encounter = "Encounter/" + c.req.Encounter
	}
	if strings.HasPrefix(c.req.User, "Practitioner/") {
		in.Practitioner = c.req.User
	}
	if s.c.MemberOf != nil {
		in.MemberOf = s.c.MemberOf()
	}
	if s.c.Codes != nil {
		in.Codes = s.c.Codes()
	}
	type outcome struct {
		result *fhir.Resource
		err    error
	}
	o, err := within(c.ctx, s, "apply", func(ctx context.Context) outcome {
		r, err := apply.PlanDefinition(ctx, v.Plan.Resource, in)
		return outcome{r, err}
	})
	c.step("rules")
	if err == nil {
		err = o.err
	}
	if err != nil {
		c.fail(err)
		return s.close(c), nil
	}
	var open []cds.NotChecked
	c.cards, open = render.Plan(o.result, render.PlanOptions{
		Options: render.Options{Lang: c.req.Language, NewUUID: func(key string) string { return derive(c.id, key) }, Suggestions: c.req.Profile.Suggestions},
		Plan:    v.Plan.Resource, SHA256: v.Plan.SHA256,
	})
	c.rec.NotChecked = append(c.rec.NotChecked, open...)
	c.because()
	var types []string
	for _, k := range c.came.Keys {
		if k.Type != "" {
			types = append(types, k.Type)
		}
	}
	c.gaps(types...)
	if !v.Plan.Expired.IsZero() {
		c.miss(v.Title, cds.Text{DE: "die Regel ist abgelaufen", EN: "the rule has expired"}, "expired")
	}
	return s.close(c), nil
}

// received leaves out what would say that nothing else is known.
func received(m map[string]facts.Received) map[string]facts.Received {
	if len(m) == 0 {
		return nil
	}
	return m
}

func artifactOf(canonical string) cds.Artifact {
	of := fhir.ParseCanonical(canonical)
	return cds.Artifact{URL: of.URL, Version: of.Version}
}

package runs

import (
	"context"
	"time"

	"cdss/cds/content"
	"cdss/cds/trial"
	"cdss/fhir"
)

// Operation is $test of a PlanDefinition: it runs the cases that belong to it and
// answers with Parameters.
func (s *Service) Operation() fhir.Operation { return operation{s} }

type operation struct{ s *Service }

// patience bounds one call.
const patience = time.Minute

func (operation) Signature() fhir.Signature {
	return fhir.Signature{
		Name: "test", Definition: content.Base + "/OperationDefinition/PlanDefinition-test",
		Types: []string{"PlanDefinition"}, Instance: true, Pure: true,
	}
}

func (o operation) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run, err := o.s.Run(ctx, c.Type, c.ID)
	if err != nil {
		return nil, err
	}
	return parameters(run)
}

// parameters writes a run: artifact, passed, failed, each case with what differs, and
// the ids of the actions that no case reached.
func parameters(run trial.CaseRun) (*fhir.Resource, error) {
	p := fhir.NewResource("Parameters", "")
	add := func(name, kind string, value any) {
		p.Append("parameter", fhir.NewObject().Set("name", name).Set("value"+kind, value))
	}
	add("artifact", "Canonical", run.Artifact)
	add("result", "Boolean", run.Failed == 0)
	add("passed", "UnsignedInt", run.Passed)
	add("failed", "UnsignedInt", run.Failed)
	for _, c := range run.Cases {
		o := fhir.NewObject().Set("name", "case")
		part := func(name, kind string, value any) {
			o.Append("part", fhir.NewObject().Set("name", name).Set("value"+kind, value))
		}
		part("id", "Id", c.ID)
		part("title", "String", c.Title)
		part("passed", "Boolean", c.Passed)
		for _, d := range c.Differences {
			part(d.Expected, "String", d.Text)
		}
		p.Append("parameter", o)
	}
	for _, a := range run.Coverage.Never {
		add("neverTaken", "String", a.At)
	}
	for _, a := range run.Coverage.Always {
		add("alwaysTaken", "String", a.At)
	}
	return p.Resource()
}

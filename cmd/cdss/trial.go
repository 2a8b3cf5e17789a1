package main

import (
	"context"
	"fmt"

	cdsapi "cdss/cds/api"
	"cdss/cds/content/cases"
	"cdss/cds/knowledge"
	cdsstore "cdss/cds/store"
	"cdss/cds/trial"
	"cdss/cds/trial/runs"
	"cdss/fhir"
)

// newRuns makes what tries artifacts: with the cases that ship and those of this site.
func newRuns(h *house) error {
	shipped, err := cases.Bundles()
	if err != nil {
		return err
	}
	h.runs, err = runs.New(runs.Config{
		Artifacts: tried{h}, Knowledge: h.knowledge.Load, Tables: h.tables, Local: h.local.Load, Demo: h.cfg.Demo,
		Shipped: shipped, Site: siteCases{h}.bundles, Now: h.now,
		MemberOf: func() func(fhir.Coding, string) (bool, bool) { return h.fhir.codes.known() },
		Codes:    func() func(string) ([]fhir.Coding, bool) { return h.fhir.codes.listed() },
	})
	if err != nil {
		return fmt.Errorf("read the cases that come with the program: %w", err)
	}
	h.tester = h.runs
	return nil
}

// siteCases are the cases in the database.
type siteCases struct{ h *house }

func (s siteCases) bundles(ctx context.Context, url string) ([]*fhir.Resource, error) {
	list, err := s.h.decisions.ArtifactCases(ctx, url)
	if err != nil {
		return nil, err
	}
	var out []*fhir.Resource
	for _, c := range list {
		r, err := fhir.ParseResource(c.Bundle)
		if err != nil {
			return nil, fmt.Errorf("read case %s: %w", c.ID, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (s siteCases) SaveCase(ctx context.Context, c trial.Case, bundle []byte, by string) error {
	_, err := s.h.decisions.SaveArtifactCase(ctx, cdsstore.ArtifactCase{ID: c.ID, Artifacts: c.Artifacts, Title: c.Title, Bundle: bundle, ChangedBy: by})
	return err
}

func (s siteCases) DeleteCase(ctx context.Context, id string) error {
	return s.h.decisions.DeleteArtifactCase(ctx, id)
}

func (h *house) trialConfig() cdsapi.TrialConfig {
	return cdsapi.TrialConfig{Runs: h.runs, Cases: siteCases{h}, Shadows: shadows{h}, Log: h.log}
}

// tried finds what is tried; authoring is there by the time anybody asks.
type tried struct{ h *house }

func (t tried) Artifact(ctx context.Context, typ, id string) (*fhir.Resource, *knowledge.Snapshot, error) {
	return t.h.authoring.Artifact(ctx, typ, id)
}

func (t tried) With(ctx context.Context, r *fhir.Resource) (*knowledge.Snapshot, error) {
	return t.h.authoring.With(ctx, r)
}

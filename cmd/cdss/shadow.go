package main

import (
	"context"
	"time"

	cdsapi "cdss/cds/api"
	"cdss/cds/decide"
	cdsstore "cdss/cds/store"
	"cdss/fhir/smart"
)

// shadowEvery is how often a process looks whether another one had a version run
// beside, or whether the knowledge under it has changed.
const shadowEvery = 15 * time.Second

// shadows has versions run beside what is in force.
type shadows struct{ h *house }

func (s shadows) Shadows(ctx context.Context) ([]cdsapi.Shadow, error) {
	list, err := s.h.decisions.Shadows(ctx)
	if err != nil {
		return nil, err
	}
	out := []cdsapi.Shadow{}
	running := s.h.shadow.Load()
	for _, x := range list {
		v := cdsapi.Shadow{
			Type: x.Type, ID: x.Resource, Canonical: x.Canonical, StartedBy: x.StartedBy, StartedAt: x.StartedAt.UTC().Format(time.RFC3339),
			Running: running != nil && running.ID == x.ID, Runs: x.Runs, Different: x.Different, Kinds: x.Kinds, Examples: x.Examples,
		}
		if x.EndedAt != nil {
			v.EndedAt = x.EndedAt.UTC().Format(time.RFC3339)
		}
		out = append(out, v)
	}
	return out, nil
}

func (s shadows) StartShadow(ctx context.Context, typ, id string) error {
	r, _, err := s.h.authoring.Artifact(ctx, typ, id)
	if err != nil {
		return err
	}
	root := r.Root()
	p, _ := smart.PersonFrom(ctx)
	_, err = s.h.decisions.StartShadow(ctx, cdsstore.Shadow{
		Type: typ, Resource: id, Canonical: root.Child("url").String() + "|" + root.Child("version").String(), StartedBy: p.ID,
	})
	if err != nil {
		return err
	}
	return s.h.refreshShadow(ctx)
}

func (s shadows) EndShadow(ctx context.Context) error {
	if err := s.h.decisions.EndShadow(ctx); err != nil {
		return err
	}
	return s.h.refreshShadow(ctx)
}

// refreshShadow makes what runs beside equal to what the database says.
func (h *house) refreshShadow(ctx context.Context) error {
	list, err := h.decisions.Shadows(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].EndedAt != nil {
		h.shadow.Store(nil)
		return nil
	}
	would, err := h.authoring.Candidate(ctx, list[0].Type, list[0].Resource)
	if err != nil {
		h.shadow.Store(nil)
		return err
	}
	h.shadow.Store(&decide.Beside{ID: list[0].ID, Snapshot: would})
	return nil
}

// followShadow keeps what runs beside equal to what the database says.
func (h *house) followShadow(ctx context.Context) {
	for {
		if err := h.refreshShadow(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("what runs beside could not be read", "error", err)
		}
		if !sleep(ctx, shadowEvery) {
			return
		}
	}
}

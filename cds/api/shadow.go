package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Shadows has versions run beside what is in force: recorded, and shown to nobody.
type Shadows interface {
	Shadows(ctx context.Context) ([]Shadow, error)
	StartShadow(ctx context.Context, typ, id string) error
	EndShadow(ctx context.Context) error
}

// Shadow is a version that runs, or ran, beside what is in force.
type Shadow struct {
	Type      string           `json:"type"`
	ID        string           `json:"id"`
	Canonical string           `json:"canonical" doc:"url|version"`
	StartedBy string           `json:"startedBy"`
	StartedAt string           `json:"startedAt"`
	EndedAt   string           `json:"endedAt" doc:"empty while it runs"`
	Running   bool             `json:"running" doc:"it is answered with on this server"`
	Runs      int64            `json:"runs" doc:"decisions it answered as well"`
	Different int64            `json:"different" doc:"of them otherwise"`
	Kinds     map[string]int64 `json:"kinds" doc:"decisions by kind of difference"`
	Examples  []string         `json:"examples" doc:"ids of decisions that differ, newest first; cdss explain tells them"`
}

// ShadowList is the answer to GET /authoring/shadow.
type ShadowList struct {
	Shadows []Shadow `json:"shadows"`
}

func (d *trialDoor) registerShadow(api huma.API) {
	list := func(ctx context.Context) (*struct{ Body ShadowList }, error) {
		found, err := d.Shadows.Shadows(ctx)
		if err != nil {
			return nil, d.failing.fail(ctx, err)
		}
		return &struct{ Body ShadowList }{ShadowList{found}}, nil
	}
	huma.Register(api, authoringOperation("list-shadows", http.MethodGet, "/shadow", "Tell what runs and ran beside what is in force, and how its answers differ", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body ShadowList }, error) { return list(ctx) })
	huma.Register(api, authoringOperation("start-shadow", http.MethodPut, "/shadow", "Have a version run beside what is in force: recorded, shown to nobody", http.StatusOK, 404, 409),
		func(ctx context.Context, in *struct{ Body RuleName }) (*struct{ Body ShadowList }, error) {
			if err := d.Shadows.StartShadow(ctx, in.Body.Type, in.Body.ID); err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return list(ctx)
		})
	huma.Register(api, authoringOperation("end-shadow", http.MethodDelete, "/shadow", "End what runs beside", http.StatusOK, 404),
		func(ctx context.Context, _ *struct{}) (*struct{ Body ShadowList }, error) {
			if err := d.Shadows.EndShadow(ctx); err != nil {
				return nil, d.failing.fail(ctx, err)
			}
			return list(ctx)
		})
}

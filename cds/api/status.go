package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Status is what the server says of itself; the apps show it as banners.
type Status struct {
	Version   string          `json:"version"`
	Demo      bool            `json:"demo"`
	Auth      string          `json:"auth" enum:"open,required"`
	Database  DatabaseStatus  `json:"database"`
	Retrieval RetrievalStatus `json:"retrieval"`
	AI        AIStatus        `json:"ai"`
	Knowledge KnowledgeStatus `json:"knowledge"`
}

// DatabaseStatus tells whether the database answers.
type DatabaseStatus struct {
	OK bool `json:"ok"`
}

// RetrievalStatus tells what searches run on.
type RetrievalStatus struct {
	Passages   int `json:"passages"`
	Guidelines int `json:"guidelines" doc:"active versions"`
	Spaces     int `json:"spaces" doc:"embedding spaces in use"`
}

// AIStatus tells which generated text there is.
type AIStatus struct {
	Narrative  bool   `json:"narrative"`
	Embeddings string `json:"embeddings" enum:"local,online"`
}

// KnowledgeStatus tells which artifacts run.
type KnowledgeStatus struct {
	LoadedAt time.Time `json:"loadedAt"`
	Hash     string    `json:"hash" doc:"SHA-256 of the plans that answer for an indication and of the overlay, as the pocket guideline shows it"`
	Plans    int       `json:"plans"`
	Withheld int       `json:"withheld" doc:"plans that do not run, such as drafts outside of a demonstration"`
}

// Version is the answer to GET /version.
type Version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (d *door) registerStatus(api huma.API) {
	huma.Register(api, operation("read-status", http.MethodGet, "/status", "Read what the server says of itself", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body Status }, error) {
			return &struct{ Body Status }{d.Status(ctx)}, nil
		})
	huma.Register(api, operation("read-version", http.MethodGet, "/version", "Read the version of the program", http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*struct{ Body Version }, error) {
			return &struct{ Body Version }{Version{"cdss", d.Version}}, nil
		})
}

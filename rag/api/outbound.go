package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/rag/openai"
)

// Outbound tells what may leave the server for online models, and what did.
type Outbound interface {
	Destinations() []Destination
	Recent(ctx context.Context, limit int) ([]openai.Sent, error)
}

// Destination is an online model that is configured.
type Destination struct {
	Purpose string `json:"purpose" enum:"embeddings,chat"`
	Host    string `json:"host"`
	Model   string `json:"model"`
}

// OutboundRequest is the note of one request. Its content is kept nowhere.
type OutboundRequest struct {
	SentAt     time.Time `json:"sentAt"`
	Purpose    string    `json:"purpose"`
	Host       string    `json:"host"`
	Model      string    `json:"model"`
	Bytes      int       `json:"bytes"`
	SHA256     string    `json:"sha256" doc:"of the body that was sent"`
	Status     int       `json:"status" doc:"of the reply, 0 when there was none"`
	Tokens     int       `json:"tokens"`
	DurationMS int64     `json:"durationMs"`
}

// OutboundReport is the page of what leaves the server.
type OutboundReport struct {
	Destinations []Destination     `json:"destinations" doc:"empty: nothing leaves the server for an online model"`
	Requests     []OutboundRequest `json:"requests" doc:"the latest, newest first"`
}

type outboundInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type outboundOutput struct{ Body OutboundReport }

func (d *door) registerOutbound(api huma.API) {
	op := operation("list-outbound-requests", http.MethodGet, "/outbound", "What leaves the server for online models", http.StatusOK)
	huma.Register(api, op, d.listOutbound)
}

func (d *door) listOutbound(ctx context.Context, in *outboundInput) (*outboundOutput, error) {
	out := &outboundOutput{Body: OutboundReport{Destinations: orEmpty(d.outbound.Destinations()), Requests: []OutboundRequest{}}}
	list, err := d.outbound.Recent(ctx, in.Limit)
	if err != nil {
		return nil, d.fail(ctx, err)
	}
	for _, s := range list {
		out.Body.Requests = append(out.Body.Requests, OutboundRequest{
			SentAt: s.At, Purpose: s.Purpose, Host: s.Host, Model: s.Model, Bytes: s.Bytes, SHA256: s.SHA256,
			Status: s.Status, Tokens: s.Tokens, DurationMS: s.Duration.Milliseconds(),
		})
	}
	return out, nil
}

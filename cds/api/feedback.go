package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/cds"
	"cdss/fhir/issue"
)

type feedbackInput struct {
	ID   string `path:"id" format:"uuid" doc:"of the recommendation"`
	Body struct {
		Outcome string      `json:"outcome" enum:"accepted,modified,overridden"`
		Reason  *cds.Coding `json:"reason,omitempty" doc:"why, as a code"`
		Comment string      `json:"comment,omitempty" maxLength:"4000"`
		At      *time.Time  `json:"at,omitempty" doc:"when; now if left out. The same outcome of the same time is kept once"`
	}
}

func (d *door) registerFeedback(api huma.API) {
	huma.Register(api, operation("give-feedback", http.MethodPost, "/recommendations/{id}/feedback",
		"Tell what became of a recommendation", http.StatusNoContent, 422, 503),
		func(ctx context.Context, in *feedbackInput) (*struct{}, error) {
			if d.Feedback == nil {
				return nil, d.fail(ctx, issue.New(issue.Transient, "feedback cannot be kept at the moment"))
			}
			at := d.Now()
			if in.Body.At != nil {
				at = *in.Body.At
			}
			if in.Body.Reason != nil && (in.Body.Reason.Code == "" || in.Body.Reason.System == "") {
				return nil, d.fail(ctx, unprocessable("reason", "a reason has a code and a system"))
			}
			err := d.Feedback.KeepFeedback(ctx, []cds.Feedback{{
				Card: in.ID, Service: "recommendations", Outcome: cds.Outcome(in.Body.Outcome), Reason: in.Body.Reason,
				Comment: in.Body.Comment, At: at.UTC().Truncate(time.Microsecond),
			}})
			if err != nil {
				return nil, d.fail(ctx, err)
			}
			return nil, nil
		})
}

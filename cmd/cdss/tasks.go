package main

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cdss/fhir/issue"
	"cdss/fhir/task"
)

// shownTasks is how many tasks the administration is shown at most.
const shownTasks = 200

type taskBody struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind" doc:"names what does the work"`
	Key         string     `json:"key" doc:"what the work is about"`
	State       task.State `json:"state" enum:"queued,running,done,failed,cancelled"`
	Stage       string     `json:"stage"`
	Done        int64      `json:"done" doc:"within the stage"`
	Total       int64      `json:"total" doc:"of the stage, 0 while it is not known"`
	Attempts    int        `json:"attempts"`
	MaxAttempts int        `json:"maxAttempts"`
	Message     string     `json:"message" doc:"why the last attempt failed, else empty"`
	UpdatedAt   time.Time  `json:"updatedAt"`
}

type tasksOutput struct {
	Body struct {
		Tasks []taskBody `json:"tasks" doc:"those that have not ended, then the others, the latest first"`
	}
}

// registerTasks adds the list of background work.
func (h *house) registerTasks(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-tasks", Method: http.MethodGet, Path: "/system/tasks", Summary: "List background work", Tags: []string{"system"},
		Errors: []int{http.StatusServiceUnavailable},
	}, func(ctx context.Context, _ *struct{}) (*tasksOutput, error) {
		pool := h.pool.Load()
		if pool == nil {
			err := issue.New(issue.Transient, "the database is not ready")
			return nil, &problem{issue.Status(err), err}
		}
		list, err := task.New(pool, task.Config{}).Recent(ctx, shownTasks)
		if err != nil {
			h.log.ErrorContext(ctx, "request failed", "error", err)
			return nil, &problem{issue.Status(err), err}
		}
		out := &tasksOutput{}
		out.Body.Tasks = []taskBody{}
		for _, t := range list {
			out.Body.Tasks = append(out.Body.Tasks, taskBody{
				ID: t.ID, Kind: t.Kind, Key: t.Key, State: t.State, Stage: t.Stage, Done: t.Done, Total: t.Total,
				Attempts: t.Attempts, MaxAttempts: t.MaxAttempts, Message: t.Reason, UpdatedAt: t.UpdatedAt,
			})
		}
		return out, nil
	})
}

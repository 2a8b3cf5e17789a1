// Package task does durable background work: a queue in PostgreSQL whose entries
// are told to people as FHIR Task. It owns leases, attempts, back-off, progress
// and cancellation. It refuses to know what the work is, and it does not promise
// that work runs once: a worker that dies is succeeded by another, so a handler
// must be able to start again after any of its steps.
package task

import (
	"encoding/json"
	"time"
)

// State is where a task stands.
type State string

// The states of a task. A failed task is a dead letter: it keeps its reason and
// is tried again only when asked for again.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended tells whether nobody works on the task any more.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// statuses maps states to http://hl7.org/fhir/task-status (R4).
var statuses = map[State]string{
	Queued: "requested", Running: "in-progress", Done: "completed", Failed: "failed", Cancelled: "cancelled",
}

// Task is one piece of work as it stood when it was read.
type Task struct {
	ID          string // uuid
	Kind        string // names the handler
	Key         string // what the work is about; one task per kind and key
	Payload     json.RawMessage
	State       State
	Attempts    int // claims so far
	MaxAttempts int
	Stage       string // of the work, for people
	Done, Total int64  // progress within the stage
	Reason      string // of the last failure, fit to be shown; "" when there was none
	CreatedAt   time.Time
	UpdatedAt   time.Time
	FinishedAt  *time.Time
}

// FHIR gives the task as a FHIR R4 Task. The key stands as a logical reference
// (Task.focus.identifier), since what is worked on need not be a FHIR resource.
func (t Task) FHIR() json.RawMessage {
	type text struct {
		Text string `json:"text"`
	}
	type output struct {
		Type  text  `json:"type"`
		Value int64 `json:"valueInteger"`
	}
	type period struct {
		Start time.Time  `json:"start"`
		End   *time.Time `json:"end,omitempty"`
	}
	resource := struct {
		ResourceType    string    `json:"resourceType"`
		ID              string    `json:"id"`
		Status          string    `json:"status"`
		StatusReason    *text     `json:"statusReason,omitempty"`
		BusinessStatus  *text     `json:"businessStatus,omitempty"`
		Intent          string    `json:"intent"`
		Code            text      `json:"code"`
		Focus           any       `json:"focus"`
		ExecutionPeriod period    `json:"executionPeriod"`
		AuthoredOn      time.Time `json:"authoredOn"`
		LastModified    time.Time `json:"lastModified"`
		Output          []output  `json:"output,omitempty"`
	}{
		ResourceType: "Task", ID: t.ID, Status: statuses[t.State], Intent: "order", Code: text{t.Kind},
		Focus:           map[string]any{"identifier": map[string]string{"value": t.Key}},
		ExecutionPeriod: period{Start: t.CreatedAt, End: t.FinishedAt},
		AuthoredOn:      t.CreatedAt, LastModified: t.UpdatedAt,
	}
	if t.Reason != "" {
		resource.StatusReason = &text{t.Reason}
	}
	if t.Stage != "" {
		resource.BusinessStatus = &text{t.Stage}
	}
	if t.Total > 0 {
		resource.Output = []output{{text{"done"}, t.Done}, {text{"total"}, t.Total}}
	}
	raw, err := json.Marshal(resource)
	if err != nil {
		panic("task: " + err.Error()) // strings, numbers and times of our own database
	}
	return raw
}

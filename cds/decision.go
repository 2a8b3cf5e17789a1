package cds

import (
	"time"

	"cdss/fhir"
)

// Request is one hook call as the door understood it: normalised where clients
// differ, nothing of it trusted yet as far as the patient is concerned.
type Request struct {
	Service      string // id of the service that was called
	Hook         string
	HookInstance string // as sent, or made here when none came
	Client       string // id of the registered client, "" while nobody is registered
	Language     Lang
	Patient      string // bare id
	Encounter    string // bare id, or ""
	User         string // "Type/id", or ""
	FHIRServer   string // as sent; only ever compared with a registration
	Selections   []string
	DraftOrders  []*fhir.Resource
	Unreadable   int                   // draft orders that are no FHIR resource
	Prefetch     map[string]*fhir.Node // every key that came, null included
}

// Decision is what is kept of one answer: what was asked of which artifacts, what
// ran, what did not, and how long it took. It names no patient; inputs are told
// by their hashes (SAFETY rule D12).
type Decision struct {
	ID           string // uuid
	At           time.Time
	Service      string // id of the CDS service, or "recommendations" for the API
	Hook         string
	HookInstance string
	Client       string
	Language     Lang
	Inputs       map[string]string // prefetch key or part of the request -> SHA-256, lower-case hex
	Artifacts    []Artifact
	Ran          []string
	Skipped      []NotChecked
	Duration     time.Duration
	Degraded     bool // a check or a leg did not run for a fault of ours
	Cards        []IssuedCard
}

// IssuedCard is a card as feedback refers to it.
type IssuedCard struct {
	UUID        string    `json:"uuid"`
	Indicator   Indicator `json:"indicator"`
	Topic       string    `json:"topic"` // code of source.topic
	Suggestions []string  `json:"suggestions,omitempty"`
}

// Outcome is what became of a card or a recommendation.
type Outcome string

// The outcomes of CDS Hooks feedback, and the one that only our own app sends.
const (
	Accepted   Outcome = "accepted"
	Overridden Outcome = "overridden"
	Modified   Outcome = "modified"
)

// Feedback is what a person did with a card (CDS Hooks 2.0.1, Feedback), or with
// a recommendation of the app; then Card is the recommendation's id.
type Feedback struct {
	Card        string
	Service     string // service id, or "app"
	Client      string
	Outcome     Outcome
	Suggestions []string // uuids of the accepted suggestions
	Reason      *Coding
	Comment     string
	At          time.Time // outcomeTimestamp, UTC
}

package cds

import "time"

// Decision is what is kept of one answer: what was asked of which artifacts, what
// ran, what did not, and how long it took. It holds no value of a patient; inputs
// are told by their hashes and references (SAFETY rule D12).
type Decision struct {
	ID           string // uuid
	At           time.Time
	Service      string // id of the CDS service, or "recommendations" for the API
	Hook         string
	HookInstance string
	Client       string
	Language     Lang
	Inputs       map[string]DecisionInput // by prefetch key or part of the request
	References   []string                 // of the resources that the values it used were read from
	Artifacts    []Artifact
	Ran          []string
	Skipped      []NotChecked
	Timings      []Timing
	Duration     time.Duration
	Degraded     bool // a check or a leg did not run for a fault of ours
	Shadow       bool // the client was shown nothing
	Cards        []IssuedCard
	Trace        []Looked
	Asked        Asked `json:"-"`
}

// Looked is an action of a plan of which the conditions were looked at, with where the
// values came from and without any of them. Of an action that does not apply only the
// conditions that stand against it are kept.
type Looked struct {
	Plan       string            `json:"plan"` // url|version
	At         string            `json:"at"`   // ids of the path, slashes between
	Outcome    string            `json:"outcome"`
	Conditions []LookedCondition `json:"conditions"`
}

// LookedCondition is one condition.
type LookedCondition struct {
	Expression string       `json:"expression"`
	Outcome    string       `json:"outcome"` // true | false | undetermined | assumed | error
	Reads      []LookedRead `json:"reads,omitempty"`
}

// LookedRead is a named value that a condition read.
type LookedRead struct {
	Name string   `json:"name"`
	From []string `json:"from,omitempty"` // references of resources, the Patient left out; or request, computed
}

// Asked tells who asked about whom. It is for the audit trail alone, which knows a
// patient by a pseudonym: no decision is stored with it.
type Asked struct {
	Patient string // bare id, "" when nobody is known
	User    string // "Type/id", or the name of a local user
	Roles   []string
	Address string // of the network
	Request string // id of the request
}

// DecisionInput is one part of what a decision was made on.
type DecisionInput struct {
	SHA256    string `json:"sha256,omitempty"` // of the value, lower-case hex
	Origin    string `json:"origin,omitempty"` // sent | fetched | prepared
	Resources int    `json:"resources"`        // how many were used
	Why       string `json:"why,omitempty"`    // why it could not be relied on, a code
}

// Timing is how long a step took.
type Timing struct {
	Step         string  `json:"step"`
	Milliseconds float64 `json:"ms"`
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

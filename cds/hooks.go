package cds

import "encoding/json"

// Indicator is the urgency of a card (CDS Hooks 2.0.1, card attributes).
type Indicator string

// The three indicators.
const (
	Info     Indicator = "info"
	WarningI Indicator = "warning"
	Critical Indicator = "critical"
)

// Service is a CDS service as discovery shows it (CDS Hooks 2.0.1, Discovery).
type Service struct {
	Hook              string          `json:"hook"`
	Title             string          `json:"title,omitempty"`
	Description       string          `json:"description"`
	ID                string          `json:"id"`
	Prefetch          json.RawMessage `json:"prefetch,omitempty"` // ordered object: order is meaningful in 3.0
	UsageRequirements string          `json:"usageRequirements,omitempty"`
	Version           string          `json:"version,omitempty"`     // of CDS Hooks; since 3.0
	HookVersion       string          `json:"hookVersion,omitempty"` // since 3.0
}

// Response answers a hook call.
type Response struct {
	Cards         []Card   `json:"cards"`
	SystemActions []Action `json:"systemActions,omitempty"`
}

// Card is one card (CDS Hooks 2.0.1, Card Attributes). Optional members without a
// value are omitted, never null or empty.
type Card struct {
	UUID              string       `json:"uuid,omitempty"`
	Summary           string       `json:"summary"`
	Detail            string       `json:"detail,omitempty"`
	Indicator         Indicator    `json:"indicator"`
	Source            Source       `json:"source"`
	Suggestions       []Suggestion `json:"suggestions,omitempty"`
	SelectionBehavior string       `json:"selectionBehavior,omitempty"`
	OverrideReasons   []Coding     `json:"overrideReasons,omitempty"`
	Links             []Link       `json:"links,omitempty"`
}

// Source names where a card's content comes from.
type Source struct {
	Label string  `json:"label"`
	URL   string  `json:"url,omitempty"`
	Icon  string  `json:"icon,omitempty"`
	Topic *Coding `json:"topic,omitempty"`
}

// Coding is a code with system and display.
type Coding struct {
	Code    string `json:"code"`
	System  string `json:"system"`
	Display string `json:"display,omitempty"`
}

// Suggestion is a set of actions accepted together.
type Suggestion struct {
	Label         string   `json:"label"`
	UUID          string   `json:"uuid,omitempty"`
	IsRecommended bool     `json:"isRecommended,omitempty"`
	Actions       []Action `json:"actions,omitempty"`
}

// Action creates, updates or deletes a resource.
type Action struct {
	Type        string          `json:"type"` // create | update | delete
	Description string          `json:"description"`
	Resource    json.RawMessage `json:"resource,omitempty"`
	ResourceID  string          `json:"resourceId,omitempty"`
}

// Link leads out of a card.
type Link struct {
	Label      string `json:"label"`
	URL        string `json:"url"`
	Type       string `json:"type"` // absolute | smart
	AppContext string `json:"appContext,omitempty"`
}

package cds

import (
	"encoding/json"
	"time"
)

// SavedCase is a recommendation that a person chose to keep. It holds patient data and
// belongs to that person alone.
type SavedCase struct {
	ID             string
	CreatedAt      time.Time
	Title          string
	Language       Lang
	Indication     string // code, for the list
	Request        json.RawMessage
	Recommendation json.RawMessage
	DeleteAfter    time.Time // its owner's wish; zero: as long as the site keeps cases

	Owner   string // id of the person
	Patient string // id of the patient, for the audit trail; not stored
}

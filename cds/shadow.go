package cds

import "time"

// BesideRun is how the answer of a version that runs beside what is in force differs
// from the answer that was given. It holds codes alone, nothing of a patient.
type BesideRun struct {
	Decision string
	Shadow   int64 // which run of which version
	At       time.Time
	Changes  []BesideChange
}

// BesideChange is one difference.
type BesideChange struct {
	Kind   string `json:"kind"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

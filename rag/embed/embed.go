// Package embed turns text into vectors and names the space each vector lives
// in. It owns the local embedder and the interface an online one fills; it
// refuses to compare vectors of different spaces and to store anything.
package embed

import (
	"context"
	"fmt"
)

// The kinds of space: of the local table, and of a model behind an API.
const (
	Local  = "concept"
	Online = "online"
)

// Space says what a vector means. Vectors of different spaces are never
// compared: two spaces are one only when all members are equal.
type Space struct {
	Kind       string // Local or Online
	Provider   string // "local", or the host of the API
	Model      string // name of the model or table
	Dimensions int
	Version    string // changes when the same text gives another vector
}

// ID is a stable key for a space, fit for a database column.
func (s Space) ID() string {
	return fmt.Sprintf("%s/%s/%s/%d/%s", s.Kind, s.Provider, s.Model, s.Dimensions, s.Version)
}

// Embedder gives one vector of Space().Dimensions per text, in order. A text it
// knows nothing about gives a zero vector, which is neither stored nor searched.
// It is safe for concurrent use.
type Embedder interface {
	Space() Space
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Zero tells whether a vector says nothing.
func Zero(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}

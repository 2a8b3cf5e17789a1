package operation

import (
	"bytes"
	"encoding/json"
	"sync"

	"cdss/fhir"
)

// sameness remembers which resources say the same: a plan may have hundreds of
// kilobytes, and is compared at every call.
type sameness struct {
	mu    sync.Mutex
	known map[pair]bool
}

type pair struct{ a, b *fhir.Resource }

// maxPairs bounds what is remembered; beyond it all is forgotten.
const maxPairs = 1000

// as tells whether two resources say the same.
func (s *sameness) as(a, b *fhir.Resource) bool {
	if a == b {
		return true
	}
	s.mu.Lock()
	same, known := s.known[pair{a, b}]
	s.mu.Unlock()
	if known {
		return same
	}
	same = equal(a, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxPairs {
		clear(s.known)
	}
	s.known[pair{a, b}] = same
	return same
}

// equal compares all members but those that a store keeps.
func equal(a, b *fhir.Resource) bool {
	x, y := members(a), members(b)
	if len(x) != len(y) {
		return false
	}
	for name, raw := range x {
		if y[name] != raw {
			return false
		}
	}
	return true
}

func members(r *fhir.Resource) map[string]string {
	list := map[string]string{}
	for name, raw := range r.Root().Members() {
		if name == "id" || name == "meta" {
			continue
		}
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			b.Reset()
			b.Write(raw)
		}
		list[name] = b.String()
	}
	return list
}

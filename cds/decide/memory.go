package decide

import (
	"crypto/sha256"
	"sync"
	"time"

	"cdss/cds"
	"cdss/cds/prefetch"
)

// who is whose data are remembered, for whom. What one client, tenant or user may
// read is never taken for another (SAFETY T9).
type who struct{ client, tenant, server, user, patient, encounter string }

func identity(req cds.Request) who {
	return who{req.Client, req.Tenant, req.FHIRServer, req.User, req.Patient, req.Encounter}
}

func (w who) parts() []string {
	return []string{w.client, w.tenant, w.server, w.user, w.patient, w.encounter}
}

// Bounds of what is remembered between calls.
const (
	preparedFor   = 5 * time.Minute // a chart that was opened is acted on within minutes
	preparedBytes = 16 << 20        // of resources as they came
	shownFor      = 24 * time.Hour
	shownMost     = 20_000
)

// prepared keeps what a call knew of a patient for the next one: at order-sign the
// data of patient-view need not be read again. Only registered clients have theirs
// kept, since nobody can tell other callers apart.
type prepared struct {
	mu    sync.Mutex
	keys  map[who]map[string]preparedKey
	order []who // oldest first
	bytes int
}

type preparedKey struct {
	prefetch.Key
	at time.Time
}

// get gives the keys that are known and young enough.
func (p *prepared) get(of who, now time.Time) []prefetch.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []prefetch.Key
	for _, k := range p.keys[of] {
		if now.Sub(k.at) < preparedFor {
			list = append(list, k.Key)
		}
	}
	return list
}

// put notes keys, in place of what was known under the same names.
func (p *prepared) put(of who, keys []prefetch.Key, now time.Time) {
	if of.client == "" || len(keys) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = map[who]map[string]preparedKey{}
	}
	known := p.keys[of]
	p.drop(of)
	if known == nil {
		known = map[string]preparedKey{}
	}
	for _, k := range keys {
		known[k.Name] = preparedKey{k, now}
	}
	p.keys[of] = known
	p.order = append(p.order, of)
	for _, k := range known {
		p.bytes += k.Size()
	}
	for len(p.order) > 1 && (p.bytes > preparedBytes || p.stale(p.order[0], now)) {
		p.drop(p.order[0])
	}
	if p.bytes > preparedBytes {
		p.drop(of)
	}
}

// stale tells whether nothing of an entry is young enough.
func (p *prepared) stale(of who, now time.Time) bool {
	for _, k := range p.keys[of] {
		if now.Sub(k.at) < preparedFor {
			return false
		}
	}
	return true
}

func (p *prepared) forget(of who) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(of)
}

func (p *prepared) drop(of who) {
	for _, k := range p.keys[of] {
		p.bytes -= k.Size()
	}
	delete(p.keys, of)
	for i, o := range p.order {
		if o == of {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			return
		}
	}
}

// shown remembers what has been shown, by its hash.
type shown struct {
	mu sync.Mutex
	at map[[sha256.Size]byte]time.Time
}

// seen tells whether this was shown before, and notes that it is now.
func (s *shown) seen(what [sha256.Size]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[[sha256.Size]byte]time.Time{}
	}
	at, known := s.at[what]
	if len(s.at) >= shownMost && !known {
		for old, t := range s.at {
			if now.Sub(t) > shownFor {
				delete(s.at, old)
			}
		}
		if len(s.at) >= shownMost {
			clear(s.at) // showing again does no harm
		}
	}
	s.at[what] = now
	return known && now.Sub(at) <= shownFor
}

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"cdss/cds/decide"
	"cdss/rag"
	"cdss/rag/retrieve"
)

// library is one state of the index, as decisions use it: from memory alone, and
// each cited place looked up once. A lookup takes milliseconds, an answer makes a
// dozen of them, and the index never changes.
type library struct {
	*retrieve.Snapshot
	mu     sync.Mutex
	places map[string]place
}

type place struct {
	passage  rag.Passage
	document rag.Document
	ok       bool
}

// maxPlaces bounds what is remembered; the shipped knowledge cites some hundred
// places.
const maxPlaces = 10_000

// evidence gives the loaded guidelines of this moment, or none.
func (h *house) evidence() decide.Evidence {
	guidelines := h.guidelines.Load()
	if guidelines == nil {
		return nil
	}
	current, snapshot := h.library.Load(), guidelines.Snapshot()
	if current == nil || current.Snapshot != snapshot {
		current = &library{Snapshot: snapshot, places: map[string]place{}}
		h.library.Store(current)
	}
	return current
}

// placeKey tells locators apart.
func placeKey(at rag.Locator) string {
	return fmt.Sprintf("%s\x00%s\x00%d\x00%s\x00%s\x00%s", at.Document, at.Version, at.Page, at.Section, at.Hash, strings.Join(at.Terms, "\x00"))
}

// Resolve gives the passage a locator means.
func (l *library) Resolve(at rag.Locator) (rag.Passage, rag.Document, bool) {
	key := placeKey(at)
	l.mu.Lock()
	p, known := l.places[key]
	l.mu.Unlock()
	if known {
		return p.passage, p.document, p.ok
	}
	p.passage, p.document, p.ok = l.Snapshot.Resolve(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) < maxPlaces {
		l.places[key] = p
	}
	return p.passage, p.document, p.ok
}

// Search ranks passages without the database.
func (l *library) Search(ctx context.Context, q rag.Query) rag.Result {
	return l.Snapshot.Search(ctx, q, nil)
}

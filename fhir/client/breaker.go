package client

import (
	"sync"
	"time"
)

// Numbers of a breaker.
const (
	breakAfter = 5                      // failures in a row
	breakTime  = 10 * time.Second       // within which they fall, and which it then stays open
	breakLong  = time.Minute            // at most, when the server says how long to wait
	fairWait   = 100 * time.Millisecond // a time-out after less than this tells nothing of the server
)

// breaker keeps one caller from waiting for one server that does not answer. Each
// pair has its own: one client's broken server is nobody else's (SAFETY T9).
type breaker struct {
	mu       sync.Mutex
	failures int
	first    time.Time // of these failures
	until    time.Time // open until then
	probing  bool      // one request is under way to find out
}

// ticket is the right to send one request.
type ticket struct{ probe bool }

// enter tells whether a request may be sent. One that may must be ended by leave.
func (b *breaker) enter(now time.Time) (ticket, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return ticket{}, true
	}
	if now.Before(b.until) || b.probing {
		return ticket{}, false
	}
	b.probing = true
	return ticket{probe: true}, true
}

// verdict is what a request tells of the server.
type verdict int

const (
	silent  verdict = iota // nothing
	healthy                // it answers, be it with a refusal
	failing
)

// leave ends a request. It tells whether the breaker has opened by it.
func (b *breaker) leave(t ticket, v verdict, now time.Time) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.probe {
		b.probing = false
	}
	switch v {
	case healthy:
		b.failures, b.until = 0, time.Time{}
	case failing:
		if b.failures == 0 || now.Sub(b.first) > breakTime && !t.probe {
			b.failures, b.first = 0, now
		}
		b.failures++
		if t.probe || b.failures >= breakAfter {
			opened = b.until.IsZero()
			b.extend(now.Add(breakTime))
		}
	}
	return opened
}

// pause opens the breaker for as long as the server asked.
func (b *breaker) pause(d time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.extend(now.Add(min(max(d, time.Second), breakLong)))
}

func (b *breaker) extend(until time.Time) {
	if until.After(b.until) {
		b.until = until
	}
}

// open tells whether requests are held back.
func (b *breaker) open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Before(b.until)
}

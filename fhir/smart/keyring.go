package smart

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Times of fetched keys (SAFETY T1.7, T1.9).
const (
	refreshEvery = 5 * time.Minute        // in the background, so that a withdrawn key is refused within 10 min
	fetchAtMost  = time.Minute            // of one client, however many unknown kids come
	fetchLimit   = 5 * time.Second        // one fetch
	fetchWait    = 250 * time.Millisecond // a call waits so long for a fetch that is under way
	keepAtMost   = 24 * time.Hour         // the last good keys while their address does not answer
	lookEvery    = 15 * time.Second       // the background looks what is due
)

// Fetcher fetches the JWKS of a registered client from its registered address.
type Fetcher interface {
	FetchKeys(ctx context.Context, client, url string) ([]byte, error)
}

// Event is something about a client's keys that an operator counts.
type Event string

// The events.
const (
	KeysFetched    Event = "jwks_fetched"
	KeysFailed     Event = "jwks_failed"         // not fetched, or no JWKS; the last good ones stay
	KeysDuplicated Event = "jwks_duplicate_kid"  // a kid names two different keys; both are left out
	KeysTooOld     Event = "jwks_older_than_24h" // a call was refused for want of keys
)

// KeyringConfig is what a Keyring needs. Fetch and Now are required.
type KeyringConfig struct {
	Fetch Fetcher
	Now   func() time.Time
	Log   *slog.Logger                     // nil: nothing is logged
	Event func(event Event, client string) // nil: nothing is counted
}

// Keyring keeps the keys of clients that publish them at an address: in memory,
// refreshed in the background, each client's apart. It is safe for concurrent use.
type Keyring struct {
	c  KeyringConfig
	mu sync.Mutex
	of map[string]*published // by client
}

// published is what one client publishes.
type published struct {
	url     string
	set     *KeySet       // the last good one
	fetched time.Time     // when that was
	tried   time.Time     // when the last fetch began
	flight  chan struct{} // closed when the fetch under way has ended; nil: none is
	failed  bool          // the last fetch failed
}

// NewKeyring makes an empty keyring.
func NewKeyring(c KeyringConfig) *Keyring {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Event == nil {
		c.Event = func(Event, string) {}
	}
	return &Keyring{c: c, of: map[string]*published{}}
}

// Run refreshes the keys of the registered clients until ctx ends.
func (k *Keyring) Run(ctx context.Context, registered func() []Trust) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		k.refresh(registered())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// refresh begins the fetches that are due, and forgets who is registered no more.
func (k *Keyring) refresh(registered []Trust) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keep := map[string]bool{}
	for _, t := range registered {
		if t.Disabled || t.Keys != nil || t.KeysURL == "" {
			continue
		}
		keep[t.Client] = true
		p := k.published(t)
		every := refreshEvery
		if p.failed {
			every = fetchAtMost
		}
		if p.tried.IsZero() || k.c.Now().Sub(p.tried) >= every {
			k.fetch(t.Client, p)
		}
	}
	for client := range k.of {
		if !keep[client] {
			delete(k.of, client)
		}
	}
}

// published gives the entry of a client; one whose address has changed is new.
func (k *Keyring) published(t Trust) *published {
	p := k.of[t.Client]
	if p == nil || p.url != t.KeysURL {
		p = &published{url: t.KeysURL}
		k.of[t.Client] = p
	}
	return p
}

// key gives a client's key from memory. For a kid it does not know it has the keys
// fetched, unless that was tried within the last minute, and waits a little.
func (k *Keyring) key(ctx context.Context, t Trust, kid string) (any, Reason) {
	k.mu.Lock()
	p := k.published(t)
	key, reason := k.look(p, t, kid)
	if reason == "" || reason == UnfitKey {
		k.mu.Unlock()
		return key, reason
	}
	if p.flight == nil && (p.tried.IsZero() || k.c.Now().Sub(p.tried) >= fetchAtMost) {
		k.fetch(t.Client, p)
	}
	flight := p.flight
	k.mu.Unlock()
	if flight != nil {
		wait := time.NewTimer(fetchWait)
		defer wait.Stop()
		select {
		case <-flight:
		case <-wait.C:
		case <-ctx.Done():
		}
		k.mu.Lock()
		key, reason = k.look(p, t, kid)
		k.mu.Unlock()
	}
	if reason == NoKeys {
		k.c.Event(KeysTooOld, t.Client)
	}
	return key, reason
}

// look finds a key among the last good ones, if they are not too old.
func (k *Keyring) look(p *published, t Trust, kid string) (any, Reason) {
	if p.set == nil || k.c.Now().Sub(p.fetched) > keepAtMost {
		return nil, NoKeys
	}
	return p.set.Key(kid, t.Algorithm)
}

// fetch begins a fetch, unless one is under way. It outlives the call that asked
// for it, since others wait for it too.
func (k *Keyring) fetch(client string, p *published) {
	if p.flight != nil {
		return
	}
	p.tried = k.c.Now()
	p.flight = make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
		defer cancel()
		raw, err := k.c.Fetch.FetchKeys(ctx, client, p.url)
		var set *KeySet
		if err == nil {
			set, err = ParseKeys(raw)
		}
		k.mu.Lock()
		if err == nil {
			p.set, p.fetched = set, k.c.Now()
		}
		p.failed = err != nil
		close(p.flight)
		p.flight = nil
		k.mu.Unlock()
		switch {
		case err != nil:
			k.c.Event(KeysFailed, client)
			k.c.Log.Warn("fetch keys of a client", "client", client, "error", err)
		default:
			k.c.Event(KeysFetched, client)
			if len(set.Duplicates) > 0 {
				k.c.Event(KeysDuplicated, client)
				k.c.Log.Warn("a kid names two keys", "client", client, "count", len(set.Duplicates))
			}
		}
	}()
}

// Ages gives how old the last good keys of each client are. A client whose keys
// never came is not among them.
func (k *Keyring) Ages() map[string]time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	ages := map[string]time.Duration{}
	for client, p := range k.of {
		if p.set != nil {
			ages[client] = k.c.Now().Sub(p.fetched)
		}
	}
	return ages
}

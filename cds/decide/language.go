package decide

import (
	"sync"
	"time"

	"cdss/cds"
)

// languages remembers what language users speak, by whose call it was learned. That
// nobody could tell is remembered, too, so that a slow server is not asked each time.
type languages struct {
	mu sync.Mutex
	of map[who]language
}

type language struct {
	lang cds.Lang // "" not known
	at   time.Time
}

// Bounds of what is remembered of users.
const (
	languageFor  = time.Hour
	languageMost = 10_000
)

// userOf is the part of who that the user's language depends on.
func userOf(w who) who {
	return who{client: w.client, tenant: w.tenant, server: w.server, user: w.user}
}

func (l *languages) get(of who, now time.Time) (cds.Lang, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.of[userOf(of)]
	return known.lang, ok && now.Sub(known.at) < languageFor
}

func (l *languages) put(of who, lang cds.Lang, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= languageMost {
		l.of = map[who]language{} // asking again does no harm
	}
	l.of[userOf(of)] = language{lang, now}
}

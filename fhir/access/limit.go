package access

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Attempts to log in, per minute (SAFETY T17).
const (
	perAccount = 5
	perAddress = 20
)

// maxBuckets is how many accounts or addresses are remembered. When there are more,
// those that are full again are forgotten; they would be new ones anyway.
const maxBuckets = 10_000

// limiter counts attempts per key, in this process.
type limiter struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now, buckets: map[string]*rate.Limiter{}}
}

// allow takes an attempt, or tells that there were too many. While more different keys
// are tried than can be remembered, nobody new is let in.
func (l *limiter) allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[key]
	if b == nil {
		if len(l.buckets) >= maxBuckets {
			for k, old := range l.buckets {
				if old.TokensAt(now) >= float64(l.perMinute) {
					delete(l.buckets, k)
				}
			}
			if len(l.buckets) >= maxBuckets {
				return false
			}
		}
		b = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		l.buckets[key] = b
	}
	return b.AllowN(now, 1)
}

package admission

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// Rates of one client and one address (SAFETY T17; the figure of a client is that of
// issue 4, 100 calls a second, which a hook is never limited below).
const (
	ClientRate  = 100 // calls a second
	ClientBurst = 200
	// Refused tokens of an address nobody has come from yet: 30 a minute.
	StrangerRate  = 0.5
	StrangerBurst = 30
	// Refused tokens of an address from which good ones come, as behind a proxy: more, so
	// that nobody can shut out the others by coming the same way.
	ProvenRate  = 100
	ProvenBurst = 200
)

// provenFor is how long a good token speaks for the address it came from.
const provenFor = time.Hour

// most bounds how many clients and addresses are remembered.
const most = 10_000

// Limiter limits how often one client, and one address with bad tokens, may come. It
// is safe for concurrent use.
type Limiter struct {
	now  func() time.Time
	shed func(Class, Cause)
	// Proxies is how many proxies of our own stand in front: the address is taken from
	// X-Forwarded-For, that many entries from the right. 0: nobody's word is taken.
	proxies int

	mu        sync.Mutex
	clients   map[string]*rate.Limiter
	addresses map[netip.Prefix]*address
}

type address struct {
	stranger, proven *rate.Limiter
	until            time.Time // it counts as proven
	seen             time.Time
}

// NewLimiter makes a limiter. Shed counts who was turned away; it may be nil.
func NewLimiter(now func() time.Time, proxies int, shed func(Class, Cause)) *Limiter {
	if shed == nil {
		shed = func(Class, Cause) {}
	}
	return &Limiter{now: now, shed: shed, proxies: proxies, clients: map[string]*rate.Limiter{}, addresses: map[netip.Prefix]*address{}}
}

type stateKey struct{}

// Guard puts the limits around a guard that verifies tokens: an address that brought
// too many bad ones is not asked for its signature any more, and a client that comes
// more often than agreed is told when to come again.
func (l *Limiter) Guard(class func(*http.Request) (Class, int64), guard func(http.Handler) http.Handler, refuse Refuse) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		inner := guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if passed, ok := r.Context().Value(stateKey{}).(*bool); ok {
				*passed = true
			}
			principal, known := smart.From(r.Context())
			if !known || principal.Client == "" || r.Method == http.MethodOptions {
				next.ServeHTTP(w, r)
				return
			}
			l.prove(r)
			if wait := l.client(principal.Client); wait > 0 {
				of, _ := class(r)
				l.tooOften(w, r, of, Rate, wait, refuse)
				return
			}
			next.ServeHTTP(w, r)
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" || r.Method == http.MethodOptions {
				inner.ServeHTTP(w, r)
				return
			}
			if wait := l.failing(r); wait > 0 {
				of, _ := class(r)
				l.tooOften(w, r, of, BadToken, wait, refuse)
				return
			}
			passed := false
			inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stateKey{}, &passed)))
			if !passed {
				l.fail(r)
			}
		})
	}
}

func (l *Limiter) tooOften(w http.ResponseWriter, r *http.Request, class Class, cause Cause, wait time.Duration, refuse Refuse) {
	l.shed(class, cause)
	w.Header().Set("Retry-After", seconds(wait))
	refuse(w, r, issue.New(issue.Throttled, "there were too many requests; nothing was checked"))
}

// client takes one call of a client, and tells how long it has to wait for it.
func (l *Limiter) client(name string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.clients[name]
	if b == nil {
		if len(l.clients) >= most {
			clear(l.clients) // cannot be: names are those of registrations
		}
		b = rate.NewLimiter(ClientRate, ClientBurst)
		l.clients[name] = b
	}
	return take(b, l.now())
}

// take takes one from a bucket, or tells how long until there is one.
func take(b *rate.Limiter, now time.Time) time.Duration {
	reservation := b.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// failing tells how long an address that brought bad tokens has to wait.
func (l *Limiter) failing(r *http.Request) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	a := l.addresses[l.Address(r)]
	if a == nil {
		return 0
	}
	b := a.bucket(now)
	if lacking := 1 - b.TokensAt(now); lacking > 0 {
		return time.Duration(lacking / float64(b.Limit()) * float64(time.Second))
	}
	return 0
}

func (a *address) bucket(now time.Time) *rate.Limiter {
	if now.Before(a.until) {
		return a.proven
	}
	return a.stranger
}

// fail notes that an address brought a bad token.
func (l *Limiter) fail(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.address(r, now).bucket(now).AllowN(now, 1)
}

// prove notes that an address brought a good token.
func (l *Limiter) prove(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.address(r, now).until = now.Add(provenFor)
}

// address finds what is known of an address. Whoever is forgotten begins anew.
func (l *Limiter) address(r *http.Request, now time.Time) *address {
	key := l.Address(r)
	a := l.addresses[key]
	if a == nil {
		if len(l.addresses) >= most {
			for k, old := range l.addresses {
				if now.Sub(old.seen) > time.Minute && !now.Before(old.until) {
					delete(l.addresses, k)
				}
			}
			if len(l.addresses) >= most {
				clear(l.addresses)
			}
		}
		a = &address{stranger: rate.NewLimiter(StrangerRate, StrangerBurst), proven: rate.NewLimiter(ProvenRate, ProvenBurst)}
		l.addresses[key] = a
	}
	a.seen = now
	return a
}

// Address gives the network address a request came from: of IPv6 the network of 64
// bits, which is one subscriber's.
func (l *Limiter) Address(r *http.Request) netip.Prefix {
	text, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		text = r.RemoteAddr
	}
	if l.proxies > 0 {
		if behind := forwarded(r.Header.Values("X-Forwarded-For"), l.proxies); behind != "" {
			text = behind
		}
	}
	ip, err := netip.ParseAddr(text)
	if with, bad := netip.ParseAddrPort(text); err != nil && bad == nil {
		ip, err = with.Addr(), nil // some proxies write the port, too
	}
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // the bits fit
	return prefix
}

// Package admission decides at once who is let in when there is more to do than can
// be done: by what a request will cost in memory and by how many are under way, the
// more important first; and how often one client, and one address with bad tokens, may
// come.
//
// It owns the budgets and the two answers, 503 and 429, with the time to come again.
// It refuses to let anybody wait in a queue, since an answer that is late is none, and
// to answer for anybody: a hook that is turned away never looks as if there were
// nothing to say (SAFETY rule D5).
package admission

import (
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"cdss/fhir/issue"
)

// Class is how important a request is.
type Class int

// The classes, the most important first.
const (
	Hook Class = iota
	Feedback
	REST
	Search
	Ingestion
	classes
)

// String names the class in metrics.
func (c Class) String() string {
	return [classes]string{"hook", "feedback", "rest", "search", "ingestion"}[c]
}

// shares are how much of a budget may be in use when a request of a class comes and is
// still let in: the less important is turned away first, and leaves the rest free.
var shares = [classes]float64{1, 0.75, 0.5, 0.25, 0.25}

// Cause is why a request was turned away.
type Cause string

// The causes.
const (
	Busy     Cause = "busy"      // as many are under way as there may be
	Memory   Cause = "memory"    // what is under way will need what there is
	Rate     Cause = "rate"      // the client comes more often than agreed
	BadToken Cause = "bad-token" // the address brought too many tokens that were refused
)

// Config sets the budgets. Zero values take the defaults.
type Config struct {
	Requests  int   // under way at once
	Bytes     int64 // of memory that requests under way may need
	Ingesting int   // uploads under way at once
	// Shed counts a request that was turned away. Nil: nobody does.
	Shed func(Class, Cause)
}

// perCore is how many requests may be under way for each core: with the 4 to 5 ms that
// a hook call takes on one, the last of them still ends within its deadline of 450 ms.
const perCore = 64

// Defaults, and what the memory of a request is to the length of its body (SAFETY F13).
const (
	defaultBytes     = 192 << 20
	defaultIngesting = 2
	perByte          = 12
	upload           = 16 << 20 // an upload is kept on disk, whatever its length
)

// Gate lets requests in. It is safe for concurrent use.
type Gate struct {
	c  Config
	mu sync.Mutex
	// What is under way.
	requests  int
	bytes     int64
	ingesting int
}

// New makes a gate.
func New(c Config) *Gate {
	if c.Requests <= 0 {
		c.Requests = perCore * runtime.GOMAXPROCS(0)
	}
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Ingesting <= 0 {
		c.Ingesting = defaultIngesting
	}
	if c.Shed == nil {
		c.Shed = func(Class, Cause) {}
	}
	return &Gate{c: c}
}

// Weight estimates what a request will need in bytes of memory. A body of a length
// that is not told counts as the longest there may be.
func Weight(class Class, length, longest int64) int64 {
	if class == Ingestion {
		return upload
	}
	if length < 0 || length > longest {
		length = longest
	}
	return perByte * length
}

// Enter lets a request in, and gives what ends it; or says why not.
func (g *Gate) Enter(class Class, weight int64) (leave func(), cause Cause) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case class == Ingestion && g.ingesting >= g.c.Ingesting, float64(g.requests) >= shares[class]*float64(g.c.Requests):
		cause = Busy
	// What needs more than its share by itself is let in when nothing else is under way.
	case g.bytes > 0 && float64(g.bytes+weight) > shares[class]*float64(g.c.Bytes):
		cause = Memory
	}
	if cause != "" {
		g.c.Shed(class, cause)
		return nil, cause
	}
	g.requests++
	g.bytes += weight
	if class == Ingestion {
		g.ingesting++
	}
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.requests--
		g.bytes -= weight
		if class == Ingestion {
			g.ingesting--
		}
	}), ""
}

// Underway tells how many requests are under way, and how many bytes they may need.
func (g *Gate) Underway() (requests int, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests, g.bytes
}

// Refuse writes a refusal; issue.WriteOutcome is one.
type Refuse func(w http.ResponseWriter, r *http.Request, err error)

// Admit lets requests in to what is behind it, or refuses them. Class tells how
// important a request is, and how long its body may be.
func (g *Gate) Admit(class func(*http.Request) (Class, int64), refuse Refuse) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodOptions {
				next.ServeHTTP(w, r)
				return
			}
			of, longest := class(r)
			leave, cause := g.Enter(of, Weight(of, r.ContentLength, longest))
			if cause != "" {
				overloaded(w, r, refuse)
				return
			}
			defer leave()
			next.ServeHTTP(w, r)
		})
	}
}

// again is when somebody who was turned away may come again.
const again = time.Second

func overloaded(w http.ResponseWriter, r *http.Request, refuse Refuse) {
	w.Header().Set("Retry-After", seconds(again))
	refuse(w, r, issue.New(issue.Throttled, "the server has more to do than it can; nothing was checked").WithStatus(http.StatusServiceUnavailable))
}

// seconds writes Retry-After, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

package client

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cdss/fhir"
	"cdss/fhir/smart"
)

// Limits of one Fetch.
const (
	parallel   = 4                // requests at once
	MaxBody    = 5 << 20          // decoded bytes of one key, all pages together
	MaxFetch   = 16 << 20         // decoded bytes of all keys
	MaxEntries = 1000             // entries of one key
	maxPages   = 20               // of one key
	longest    = 5 * time.Second  // when the caller sets no earlier deadline
	idle       = 30 * time.Minute // a connection pool nobody used for so long is given up
)

// Config of a Client. The zero value works.
type Config struct {
	Resolver *net.Resolver    // nil: the system's
	Roots    *x509.CertPool   // nil: the system's
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
	// Observe is told how each query ended; failure is "" for a complete answer.
	Observe func(caller, server string, failure Failure, took time.Duration)
}

// Client reads from registered FHIR servers. It is safe for concurrent use, and
// keeps connections and breakers of each caller apart.
type Client struct {
	c     Config
	mu    sync.Mutex
	lines map[line]*connection
}

// line is one caller's way to one server.
type line struct{ caller, origin string }

type connection struct {
	allow   []netip.Prefix
	http    *http.Client
	breaker *breaker
	used    time.Time
}

// New makes a client.
func New(c Config) *Client {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(string, string, Failure, time.Duration) {}
	}
	return &Client{c: c, lines: map[line]*connection{}}
}

// Server is a FHIR server as one caller may use it. It must come from a
// registration: Base is where a call names a server, the result of Base.Match.
type Server struct {
	Name  string
	Base  Base
	Allow []netip.Prefix // networks that may be dialled besides public ones
}

// Credential is what a request authorises itself with. The zero value is none.
type Credential struct {
	Scheme string // Bearer or Basic
	Token  smart.Token
}

// Call is on whose behalf, where and with what is read.
type Call struct {
	Caller     string // registered client, or "" for the server's own users
	Server     Server
	Credential Credential
}

// Query is one thing to read, relative to the server's base.
type Query struct {
	Key  string // names the answer
	Path string // "Patient/123", or a search such as "Observation?patient=123"
	// Post has a search sent as POST Type/_search, so that what is searched for,
	// such as a name, stands in no address and thus in no log of others.
	Post bool
}

// Answer is what a query brought.
type Answer struct {
	// Resources are those that came, in order, without outcomes. They need not be of
	// the patient that was asked for: who uses them checks.
	Resources []*fhir.Resource
	// Failure is why there may be more than came, or something else than was asked
	// for; "" means that this is all. Only then do no resources mean that the server
	// has none.
	Failure Failure
	Status  int           // HTTP status of the last response, 0 if none came
	SHA256  string        // of the bodies as they came, decoded, lower-case hex; "" if none came
	Took    time.Duration // until the last byte
}

// Complete tells whether this is all there is.
func (a Answer) Complete() bool { return a.Failure == "" }

// Failure is why an answer cannot be relied on to be complete. The set is closed.
type Failure string

// The failures.
const (
	BadQuery      Failure = "bad-query"      // the query cannot be sent
	AddressDenied Failure = "denied"         // an address that is not allowed
	Unreachable   Failure = "unreachable"    // no name, no connection, no trusted certificate
	TimedOut      Failure = "timed-out"      // no complete answer in time
	Suspended     Failure = "suspended"      // not asked, since the server failed or asked to wait
	Unauthorized  Failure = "unauthorized"   // 401
	Forbidden     Failure = "forbidden"      // 403
	NotFound      Failure = "not-found"      // 404, 410
	Throttled     Failure = "throttled"      // 429
	Rejected      Failure = "rejected"       // another 4xx
	ServerError   Failure = "server-error"   // 5xx
	Redirected    Failure = "redirected"     // 3xx, never followed
	NotFHIR       Failure = "not-fhir"       // HTML, XML, no or broken JSON, no resource
	TooLarge      Failure = "too-large"      // more bytes, entries or pages than are read
	Outcome       Failure = "outcome"        // an OperationOutcome of an error
	WrongType     Failure = "wrong-type"     // another resource than was asked for
	NextLeaves    Failure = "next-leaves"    // the next page lies on another server
	NextLoops     Failure = "next-loops"     // the next page has been read already
	FewerThanAll  Failure = "fewer-than-all" // the server counts more than it gave
	Unreadable    Failure = "unreadable"     // an entry is no resource
)

// Fetch sends the queries, at most four at once, and gives an answer to each by
// its key. It returns when all have ended, at the latest with ctx or after five
// seconds. Nothing is sent twice.
func (c *Client) Fetch(ctx context.Context, call Call, queries []Query) map[string]Answer {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	conn := c.connection(call)
	var budget atomic.Int64
	budget.Store(MaxFetch)
	answers := make([]Answer, len(queries))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(parallel, len(queries)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(queries); i = int(next.Add(1)) - 1 {
				answers[i] = c.fetch(ctx, conn, call, queries[i], &budget)
			}
		})
	}
	workers.Wait()
	out := make(map[string]Answer, len(queries))
	for i, q := range queries {
		out[q.Key] = answers[i]
	}
	return out
}

// connection gives the caller's way to the server. Connections that were made
// under other permissions are not used again.
func (c *Client) connection(call Call) *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.c.Now()
	for key, conn := range c.lines {
		if now.Sub(conn.used) > idle {
			conn.http.CloseIdleConnections()
			delete(c.lines, key)
		}
	}
	key := line{call.Caller, call.Server.Base.origin()}
	conn := c.lines[key]
	if conn != nil && slices.Equal(conn.allow, call.Server.Allow) {
		conn.used = now
		return conn
	}
	if conn != nil {
		conn.http.CloseIdleConnections()
	}
	conn = &connection{
		allow: slices.Clone(call.Server.Allow), breaker: &breaker{}, used: now,
		http: HTTP(Transport(TransportConfig{Allow: call.Server.Allow, Resolver: c.c.Resolver, Roots: c.c.Roots})),
	}
	c.lines[key] = conn
	return conn
}

// Suspended gives how many ways from a caller to a server are held back now.
func (c *Client) Suspended() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, conn := range c.lines {
		if conn.breaker.open(c.c.Now()) {
			n++
		}
	}
	return n
}

// Close gives up idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.lines {
		conn.http.CloseIdleConnections()
	}
}

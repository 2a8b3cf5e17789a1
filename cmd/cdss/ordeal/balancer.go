package ordeal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Balancer stands in front of replicas as a hospital's proxy does: it asks each whether
// requests may come, sends them there in turn, and sends one again to another replica
// when the first gave no answer at all. Hook calls may be repeated.
type Balancer struct {
	Base    string
	Again   atomic.Int64 // requests that were sent a second time
	Nowhere atomic.Int64 // requests that no replica could take

	server   *http.Server
	backends []*backend
	next     atomic.Int64
	stop     context.CancelFunc
	checks   sync.WaitGroup
}

type backend struct {
	base    *url.URL
	healthy atomic.Bool
}

// answerTime is how long the balancer waits for an answer to begin: longer than the
// deadline of a hook, shorter than the patience of an EHR.
const answerTime = 3 * time.Second

// NewBalancer starts a balancer, and the checks of its replicas.
func NewBalancer(replicas ...*Replica) (*Balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Balancer{Base: "http://" + listener.Addr().String(), stop: stop}
	for _, r := range replicas {
		base, err := url.Parse(r.Base)
		if err != nil {
			stop()
			return nil, err
		}
		one := &backend{base: base}
		b.backends = append(b.backends, one)
		b.checks.Go(func() { one.check(ctx) })
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 5 * time.Second, ResponseHeaderTimeout: answerTime,
		DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host },
		Transport: turns{b, transport},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			b.Nowhere.Add(1)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	b.server = &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = b.server.Serve(listener) }()
	return b, nil
}

// Close ends the balancer.
func (b *Balancer) Close() {
	b.stop()
	_ = b.server.Close()
	b.checks.Wait()
}

// check asks five times a second; one bad answer is enough to be spared, one good one to
// be back.
func (o *backend) check(ctx context.Context) {
	for ctx.Err() == nil {
		status, _, _ := Get(ctx, o.base.String()+"/readyz", time.Second)
		o.healthy.Store(status == http.StatusOK)
		pause(ctx, 200*time.Millisecond)
	}
}

// errNowhere says that no replica is ready.
var errNowhere = errors.New("no replica is ready")

// turns sends a request to one replica and, when that gives no answer, to the next.
type turns struct {
	b    *Balancer
	next http.RoundTripper
}

func (t turns) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	first := int(t.b.next.Add(1))
	tried := 0
	last := errNowhere
	for i := range t.b.backends {
		o := t.b.backends[(first+i)%len(t.b.backends)]
		if !o.healthy.Load() {
			continue
		}
		if tried++; tried > 1 {
			t.b.Again.Add(1)
		}
		again := r.Clone(r.Context())
		again.URL.Scheme, again.URL.Host = o.base.Scheme, o.base.Host
		again.Body = io.NopCloser(bytes.NewReader(body))
		res, err := t.next.RoundTrip(again)
		if err == nil {
			return res, nil
		}
		last = err
		o.healthy.Store(false)
		if tried == 2 {
			break
		}
	}
	return nil, last
}

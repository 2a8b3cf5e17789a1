package client_test

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"cdss/fhir/client"
	"cdss/fhir/smart"
)

const (
	token   = "some-opaque-fhir-access-token"
	patient = "pat-4711"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// fake is a FHIR server whose answers a test writes.
type fake struct {
	*httptest.Server
	t    *testing.T
	hits atomic.Int64
	mu   sync.Mutex
	seen []*http.Request
}

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	f := &fake{t: t}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.hits.Add(1)
		f.mu.Lock()
		f.seen = append(f.seen, r)
		f.mu.Unlock()
		answer(w, r)
	}))
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // clients break off on purpose
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fake) requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*http.Request(nil), f.seen...)
}

// config trusts the certificate of the fake.
func (f *fake) config() client.Config {
	roots := x509.NewCertPool()
	roots.AddCert(f.Certificate())
	return client.Config{Roots: roots}
}

// call is one of the client ehr to the fake, at base below its root.
func (f *fake) call(base string) client.Call {
	b, err := client.ParseBase(f.URL+base, false)
	if err != nil {
		f.t.Fatal(err)
	}
	return client.Call{
		Caller:     "ehr",
		Server:     client.Server{Name: "clinic", Base: b, Allow: loopback},
		Credential: client.Credential{Scheme: "Bearer", Token: smart.NewToken(token)},
	}
}

// ask sends one query with a client of its own.
func (f *fake) ask(ctx context.Context, query string) client.Answer {
	c := client.New(f.config())
	defer c.Close()
	return c.Fetch(ctx, f.call("/fhir"), []client.Query{{Key: "k", Path: query}})["k"]
}

func fhirJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	_, _ = io.WriteString(w, text)
}

func observation(id int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","subject":{"reference":"Patient/%s"}}`, id, patient)
}

// searchset writes a Bundle of entries, each with its search mode "match".
func searchset(members string, resources ...string) string {
	var entries []string
	for _, r := range resources {
		entries = append(entries, `{"resource":`+r+`,"search":{"mode":"match"}}`)
	}
	text := `{"resourceType":"Bundle","type":"searchset"` + members
	if len(entries) > 0 {
		text += `,"entry":[` + strings.Join(entries, ",") + `]`
	}
	return text + "}"
}

func next(url string) string { return `,"link":[{"relation":"next","url":"` + url + `"}]` }

// names is a resolver that answers what a test says: the nth question for a name
// with the nth address, and from then on with the last.
type names struct {
	mu        sync.Mutex
	addresses map[string][]string
	asked     map[string]int
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(ours)
		return theirs, nil
	}}
}

// serve speaks DNS over a stream (RFC 1035, section 4.2.2).
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, raw); err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(raw) != nil || len(m.Questions) != 1 {
			return
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		q := m.Questions[0]
		if q.Type == dnsmessage.TypeA {
			if addr, ok := n.answer(strings.TrimSuffix(q.Name.String(), ".")); ok {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: addr.As4()},
				}}
			} else {
				m.RCode = dnsmessage.RCodeNameError
			}
		}
		out, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

func (n *names) answer(name string) (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.addresses[name]
	if len(list) == 0 {
		return netip.Addr{}, false
	}
	if n.asked == nil {
		n.asked = map[string]int{}
	}
	at := min(n.asked[name], len(list)-1)
	n.asked[name]++
	return netip.MustParseAddr(list[at]), true
}

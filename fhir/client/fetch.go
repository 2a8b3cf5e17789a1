package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// fetch answers one query, following its pages.
func (c *Client) fetch(ctx context.Context, conn *connection, call Call, q Query, budget *atomic.Int64) Answer {
	begin := c.c.Now()
	f := &fetching{client: c, conn: conn, call: call, budget: budget, left: MaxBody, sum: sha256.New(), seen: map[string]bool{}}
	f.answer.Failure = f.query(ctx, q)
	f.answer.Took = c.c.Now().Sub(begin)
	if f.bodies > 0 {
		f.answer.SHA256 = hex.EncodeToString(f.sum.Sum(nil))
	}
	c.c.Observe(call.Caller, call.Server.Name, f.answer.Failure, f.answer.Took)
	return f.answer
}

// fetching is one query on its way.
type fetching struct {
	client *Client
	conn   *connection
	call   Call
	budget *atomic.Int64 // decoded bytes left for all queries
	left   int64         // for this one
	answer Answer
	sum    hash.Hash
	bodies int
	seen   map[string]bool // addresses of pages
	typ    string          // asked for
	match  int             // resources of it
	total  int             // as the server counts, -1 if it does not
}

// query sends the query and reads all of its pages.
func (f *fetching) query(ctx context.Context, q Query) Failure {
	typ, id, params, ok := splitQuery(q.Path)
	if !ok || f.call.Server.Base.host == "" {
		return BadQuery
	}
	f.typ, f.total = typ, -1
	address := f.call.Server.Base.String() + "/" + typ
	if id != "" {
		resource, failure := f.get(ctx, http.MethodGet, address+"/"+id, "")
		if failure != "" {
			return failure
		}
		return f.one(resource, id)
	}
	method, body := http.MethodGet, ""
	if q.Post {
		method, body, address = http.MethodPost, params, address+"/_search"
	} else if params != "" {
		address += "?" + params
	}
	var problem Failure // of a page that was read nevertheless
	for page := 0; ; page++ {
		if page == maxPages {
			return TooLarge
		}
		resource, failure := f.get(ctx, method, address, body)
		if failure != "" {
			return failure
		}
		next, failure := f.page(resource)
		if problem == "" {
			problem = failure
		}
		if next == "" || failure == TooLarge {
			break
		}
		if address, failure = f.follow(address, next); failure != "" {
			return failure
		}
		method, body = http.MethodGet, ""
	}
	if problem == "" && f.total > f.match {
		return FewerThanAll
	}
	return problem
}

// splitQuery takes a query apart: "Type/id", "Type" or "Type?parameters".
func splitQuery(path string) (typ, id, params string, ok bool) {
	path, params, search := strings.Cut(path, "?")
	typ, id, read := strings.Cut(path, "/")
	if typ == "" || len(typ) > 64 || strings.Trim(typ, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return "", "", "", false
	}
	if read {
		return typ, id, "", !search && isID(id)
	}
	if _, err := url.ParseQuery(params); err != nil || len(params) > maxURL {
		return "", "", "", false
	}
	for i := range len(params) {
		if params[i] <= ' ' || params[i] > '~' || params[i] == '#' {
			return "", "", "", false
		}
	}
	return typ, "", params, true
}

func isID(s string) bool {
	if s == "" || len(s) > 64 || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// one takes the answer to a read.
func (f *fetching) one(r *fhir.Resource, id string) Failure {
	switch {
	case r.Type() == "OperationOutcome" && f.typ != "OperationOutcome":
		return Outcome
	case r.Type() != f.typ || r.ID() != id:
		return WrongType
	}
	f.answer.Resources = append(f.answer.Resources, r)
	return ""
}

// page takes one page of a search, and gives the address of the next.
func (f *fetching) page(r *fhir.Resource) (next string, problem Failure) {
	if r.Type() == "OperationOutcome" {
		return "", Outcome
	}
	if r.Type() != "Bundle" {
		return "", WrongType
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		return "", TooLarge
	}
	if b.Type != "searchset" && b.Type != "" {
		problem = WrongType
	}
	note := func(failure Failure) {
		if problem == "" {
			problem = failure
		}
	}
	f.total = max(f.total, b.Total)
	for _, e := range b.Entries {
		switch {
		case len(f.answer.Resources) == MaxEntries:
			return "", TooLarge
		case e.Resource == nil:
			note(Unreadable)
			continue
		case e.Resource.Type() == "OperationOutcome" && f.typ != "OperationOutcome":
			if failed(e.Resource.Root()) {
				note(Outcome)
			}
			continue
		case e.Resource.Type() == f.typ && e.SearchMode != "include":
			f.match++
		case e.SearchMode != "include":
			note(WrongType)
		}
		f.answer.Resources = append(f.answer.Resources, e.Resource)
	}
	return b.Next, problem
}

// failed tells whether an outcome beside results says that the search did not
// work as asked. A warning is none.
func failed(outcome *fhir.Node) bool {
	for _, i := range outcome.Children("issue") {
		if s := i.Child("severity").String(); s == "error" || s == "fatal" {
			return true
		}
	}
	return false
}

// follow gives the absolute address of the next page, if it lies where the token
// may go.
func (f *fetching) follow(from, link string) (string, Failure) {
	here, err := url.Parse(from)
	if err != nil {
		return "", NextLeaves
	}
	next, err := here.Parse(link)
	if err != nil || len(link) > 4*maxURL || !f.call.Server.Base.sameOrigin(next) {
		return "", NextLeaves
	}
	next.Fragment = ""
	address := next.String()
	if f.seen[address] {
		return "", NextLoops
	}
	f.seen[address] = true
	return address, ""
}

// get sends one request and reads one resource, through the breaker.
func (f *fetching) get(ctx context.Context, method, address, body string) (*fhir.Resource, Failure) {
	now := f.client.c.Now
	if ctx.Err() != nil {
		return nil, TimedOut
	}
	ticket, ok := f.conn.breaker.enter(now())
	if !ok {
		return nil, Suspended
	}
	begin := now()
	resource, failure := f.send(ctx, method, address, body)
	said := healthy
	switch failure {
	case Unreachable, ServerError:
		said = failing
	case TimedOut:
		said = failing
		if ctx.Err() == context.Canceled || now().Sub(begin) < fairWait {
			said = silent
		}
	case AddressDenied, BadQuery, Throttled:
		said = silent
	}
	if f.conn.breaker.leave(ticket, said, now()) {
		f.client.c.Log.Warn("a FHIR server is not asked for a while", "caller", f.call.Caller, "server", f.call.Server.Name, "failure", string(failure))
	}
	return resource, failure
}

func (f *fetching) send(ctx context.Context, method, address, body string) (*fhir.Resource, Failure) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, BadQuery
	}
	req.Header.Set("Accept", "application/fhir+json, application/json;q=0.9")
	req.Header.Set("User-Agent", "cdss")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c := f.call.Credential; !c.Token.IsZero() {
		req.Header.Set("Authorization", c.Scheme+" "+c.Token.Reveal())
	}
	res, err := f.conn.http.Do(req)
	if err != nil {
		return nil, f.broken(ctx, err)
	}
	defer res.Body.Close()
	f.answer.Status = res.StatusCode
	if failure := refused(res.StatusCode); failure != "" {
		if failure == Throttled || res.StatusCode == http.StatusServiceUnavailable {
			if wait, ok := retryAfter(res.Header.Get("Retry-After"), f.client.c.Now()); ok || failure == Throttled {
				f.conn.breaker.pause(wait, f.client.c.Now())
			}
		}
		return nil, failure
	}
	return f.read(ctx, res.Body, res.ContentLength)
}

// read reads a body to its end or to the limit, whichever comes first. The limit
// is on decoded bytes: what a server sends compressed is unpacked by the transport
// while it is read.
func (f *fetching) read(ctx context.Context, body io.Reader, length int64) (*fhir.Resource, Failure) {
	limit := min(f.left, f.budget.Load())
	if limit <= 0 {
		return nil, TooLarge
	}
	// What the server says of the length is only believed as far as the limit.
	buffer := bytes.NewBuffer(make([]byte, 0, max(0, min(length, limit))+bytes.MinRead))
	_, err := buffer.ReadFrom(io.LimitReader(body, limit+1))
	raw := buffer.Bytes()
	f.left -= int64(len(raw))
	f.budget.Add(-int64(len(raw)))
	if int64(len(raw)) > limit {
		return nil, TooLarge
	}
	if err != nil {
		return nil, f.broken(ctx, err)
	}
	f.sum.Write(raw)
	f.bodies++
	r, err := fhir.ParseResourceWithin(raw, fhir.Limits{Tokens: 600_000, Entries: MaxEntries})
	switch {
	case issue.Is(err, issue.TooLong):
		return nil, TooLarge
	case err != nil && ctx.Err() != nil:
		return nil, TimedOut // a server that notices our leaving may still end its answer in good form
	case err != nil:
		return nil, NotFHIR
	}
	return r, ""
}

// refused gives the failure a status means, "" for 200.
func refused(status int) Failure {
	switch {
	case status == http.StatusOK:
		return ""
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		return NotFound
	case status == http.StatusTooManyRequests:
		return Throttled
	case status >= 500:
		return ServerError
	case status >= 400:
		return Rejected
	case status >= 300:
		return Redirected
	}
	return NotFHIR // 204 and the like: no resource
}

// retryAfter reads Retry-After, seconds or a date.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 3600)) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}

// broken notes an error of the transport. Its text is not passed on: it holds the
// address, and so what was asked, or what the server sent.
func (f *fetching) broken(ctx context.Context, err error) Failure {
	failure := meaning(ctx, err)
	f.client.c.Log.Debug("read from a FHIR server", "caller", f.call.Caller, "server", f.call.Server.Name,
		"failure", string(failure), "error_type", fmt.Sprintf("%T", innermost(err)))
	return failure
}

// meaning tells what an error of the transport means.
func meaning(ctx context.Context, err error) Failure {
	var timeout net.Error
	switch {
	case errors.Is(err, errDenied):
		return AddressDenied
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	}
	return Unreachable
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

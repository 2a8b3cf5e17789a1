package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// maxReplies is how many bytes the answers to one batch may hold together.
const maxReplies = 32 << 20

// bundle answers POST [base]: a batch, each entry on its own, or a transaction,
// all or none.
func (s *Server) bundle(in *request) answer {
	if in.entry {
		return failed(issue.New(issue.NotSupported, "a Bundle within a batch is not supported").WithStatus(http.StatusBadRequest))
	}
	if in.body == nil {
		return failed(issue.New(issue.Required, "there is no Bundle in the body"))
	}
	b, err := fhir.SplitBundle(in.body)
	if err != nil {
		return failed(err)
	}
	switch b.Type {
	case "batch":
		return s.batch(in, b)
	case "transaction":
		return s.transaction(in, b)
	}
	return failed(issue.New(issue.Value, "a Bundle sent here must be a batch or a transaction, not %q", clip(b.Type)).At("Bundle.type").WithStatus(http.StatusBadRequest))
}

// entryRequest makes a request of Bundle.entry[i].
func (s *Server) entryRequest(in *request, e fhir.Entry, i int) (*request, error) {
	where := fmt.Sprintf("Bundle.entry[%d]", i)
	if e.Err != nil {
		return nil, e.Err
	}
	if e.Request == nil {
		return nil, issue.New(issue.Required, "the entry has no request").At(where + ".request")
	}
	get := func(name string) string { return e.Request.Child(name).String() }
	out := &request{
		ctx: in.ctx, method: strings.ToUpper(get("method")), base: in.base, preferred: in.preferred, entry: true, body: e.Resource, language: in.language,
		ifMatch: get("ifMatch"), ifNoneMatch: get("ifNoneMatch"), ifNoneExist: get("ifNoneExist"), ifModifiedSince: get("ifModifiedSince"),
	}
	switch out.method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	case http.MethodHead:
		out.method = http.MethodGet
	default:
		return nil, issue.New(issue.NotSupported, "the method must be GET, POST, PUT or DELETE").At(where + ".request.method").WithStatus(http.StatusBadRequest)
	}
	address := get("url")
	for _, prefix := range []string{in.base + "/", s.cfg.Prefix + "/"} {
		address = strings.TrimPrefix(address, prefix)
	}
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" {
		return nil, issue.New(issue.Invalid, "the url must be relative to the base of this server, as in Patient/1").At(where + ".request.url")
	}
	out.query = u.RawQuery
	if out.path, err = segments(u.EscapedPath()); err != nil {
		return nil, err
	}
	if s.cfg.Allow != nil {
		if err := s.cfg.Allow(out.ctx, out.method, out.path); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) batch(in *request, b *fhir.Bundle) answer {
	out := newBundle("batch-response", s.cfg.Now())
	size := 0
	for i, e := range b.Entries {
		var a answer
		switch sub, err := s.entryRequest(in, e, i); {
		case err != nil:
			a = failed(err)
		case in.ctx.Err() != nil:
			a = failed(in.ctx.Err())
		case size > maxReplies:
			a = failed(issue.New(issue.TooCostly, "the answers to this batch hold more than %d bytes; ask for less at once", maxReplies))
		default:
			a = s.answer(sub)
		}
		size += len(a.body)
		s.logged(a)
		out.entry(reply(a))
	}
	return answer{status: http.StatusOK, body: out.json()}
}

// logged logs what is a fault of this program, once, where the status is not the
// whole answer's.
func (s *Server) logged(a answer) {
	if a.err != nil && a.status >= 500 {
		s.cfg.Log.Error("entry of a FHIR batch failed", "status", a.status, "error", a.err)
	}
}

// reply is the Bundle.entry that tells of an answer.
func reply(a answer) *fhir.Object {
	e := fhir.NewObject()
	response := fhir.NewObject().Set("status", fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))).Set("location", a.location)
	if a.version != nil && a.version.Version > 0 {
		response.Set("etag", etag(a.version.Version)).Set("lastModified", instant(a.version.At))
	}
	switch {
	case a.err != nil:
		response.Set("outcome", json.RawMessage(issue.Outcome(a.err)))
	case len(a.body) > 0:
		e.Set("resource", json.RawMessage(a.body))
	}
	return e.Set("response", response)
}

// transaction does all changes or none, then reads (R4, 3.1.0.11.2).
func (s *Server) transaction(in *request, b *fhir.Bundle) answer {
	subs := make([]*request, len(b.Entries))
	var changes []fhir.Change
	var at []int // the entries of the changes
	for i, e := range b.Entries {
		sub, err := s.entryRequest(in, e, i)
		if err != nil {
			return failed(located(err, i))
		}
		subs[i] = sub
		if sub.method == http.MethodGet {
			if m, err := s.route(sub); err != nil || m[http.MethodGet] == nil {
				return failed(located(firstError(err, nothingHere()), i))
			}
			continue
		}
		c, err := s.wish(sub)
		if err != nil {
			return failed(located(err, i))
		}
		c.FullURL = e.FullURL
		changes, at = append(changes, c), append(at, i)
	}
	if err := linked(changes, at); err != nil {
		return failed(err)
	}
	replies := make([]*fhir.Object, len(subs))
	effects, err := s.cfg.Writer.Apply(in.ctx, changes)
	if err != nil {
		return failed(relocated(err, at))
	}
	for i, e := range effects {
		replies[at[i]] = reply(s.changed(subs[at[i]], changes[i], e))
	}
	out := newBundle("transaction-response", s.cfg.Now())
	for i, sub := range subs {
		if replies[i] == nil {
			a := s.answer(sub)
			s.logged(a)
			replies[i] = reply(a)
		}
		out.entry(replies[i])
	}
	return answer{status: http.StatusOK, body: out.json()}
}

// linked refuses a reference by urn to what no entry of the transaction is: once
// stored, nobody could follow it.
func linked(changes []fhir.Change, at []int) error {
	names := map[string]bool{}
	for _, c := range changes {
		names[c.FullURL] = true
	}
	for i, c := range changes {
		if n := dangling(c.Resource.Root(), names); n != nil {
			return located(issue.New(issue.Invalid, "the reference is to nothing: no entry of the transaction has this fullUrl").At(n.Location()), at[i])
		}
	}
	return nil
}

func dangling(n *fhir.Node, names map[string]bool) *fhir.Node {
	for _, k := range n.All() {
		if text := k.String(); k.Name() == "reference" && (strings.HasPrefix(text, "urn:uuid:") || strings.HasPrefix(text, "urn:oid:")) && !names[text] {
			return k
		}
		if found := dangling(k, names); found != nil {
			return found
		}
	}
	return nil
}

// wish makes the change that an entry of a transaction asks for.
func (s *Server) wish(sub *request) (fhir.Change, error) {
	m, err := s.route(sub)
	if err != nil {
		return fhir.Change{}, err
	}
	last := ""
	if len(sub.path) > 0 {
		last = sub.path[len(sub.path)-1]
	}
	if m[sub.method] == nil || strings.HasPrefix(last, "_") || strings.HasPrefix(last, "$") || len(sub.path) == 0 || len(sub.path) > 2 {
		return fhir.Change{}, issue.New(issue.NotSupported, "%s %s is not supported in a transaction", sub.method, clip(strings.Join(sub.path, "/"))).WithStatus(http.StatusBadRequest)
	}
	id := ""
	if len(sub.path) == 2 {
		id = sub.path[1]
	}
	return s.changeTo(sub, sub.path[0], id)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// search answers GET Type and POST Type/_search.
func (s *Server) search(in *request, typ string) answer {
	q, err := s.query(in, typ)
	if err != nil {
		return failed(err)
	}
	page, err := s.cfg.Reader.Search(in.ctx, q)
	if err != nil {
		return failed(err)
	}
	b := newBundle("searchset", s.cfg.Now())
	if page.Total >= 0 {
		b.set("total", page.Total)
	}
	b.links(in, typ, q.Used, q.Offset, len(page.Matches), q.Count, page.More)
	for _, v := range page.Matches {
		b.entry(fhir.NewObject().Set("fullUrl", in.base+"/"+v.Ref()).Set("resource", json.RawMessage(subset(v.Resource, q))).
			Set("search", fhir.NewObject().Set("mode", "match")))
	}
	for _, v := range page.Included {
		b.entry(fhir.NewObject().Set("fullUrl", in.base+"/"+v.Ref()).Set("resource", json.RawMessage(v.Resource.Raw())).
			Set("search", fhir.NewObject().Set("mode", "include")))
	}
	if len(q.Ignored) > 0 {
		b.entry(fhir.NewObject().Set("resource", json.RawMessage(issue.OutcomeOf(q.Ignored))).
			Set("search", fhir.NewObject().Set("mode", "outcome")))
	}
	return answer{status: http.StatusOK, body: b.json()}
}

// history answers the history of a resource, of a type, or of all.
func (s *Server) history(in *request, typ, id string) answer {
	h, err := readHistory(in)
	if err != nil {
		return failed(err)
	}
	page, err := s.cfg.Reader.History(in.ctx, typ, id, h.since, h.count, h.offset)
	if err != nil {
		return failed(err)
	}
	b := newBundle("history", s.cfg.Now())
	b.set("total", page.Total)
	path := "_history"
	if id != "" {
		path = typ + "/" + id + "/_history"
	} else if typ != "" {
		path = typ + "/_history"
	}
	b.links(in, path, h.used, h.offset, len(page.Matches), h.count, page.More)
	for _, v := range page.Matches {
		b.entry(historyEntry(in, v))
	}
	return answer{status: http.StatusOK, body: b.json()}
}

func historyEntry(in *request, v fhir.Version) *fhir.Object {
	e := fhir.NewObject().Set("fullUrl", in.base+"/"+v.Ref())
	status := "200 OK"
	url := v.Ref()
	switch {
	case v.Method == fhir.Delete:
		status = "204 No Content"
	case v.Method == fhir.Create:
		status, url = "201 Created", v.Type
		e.Set("resource", v.Resource)
	default:
		if v.Version == 1 {
			status = "201 Created"
		}
		e.Set("resource", v.Resource)
	}
	return e.Set("request", fhir.NewObject().Set("method", string(v.Method)).Set("url", url)).
		Set("response", fhir.NewObject().Set("status", status).Set("etag", etag(v.Version)).Set("lastModified", instant(v.At)))
}

// historyQuery is what a history takes (R4, 3.1.0.10).
type historyQuery struct {
	count, offset int
	since         time.Time
	used          []search.Pair
}

func readHistory(in *request) (historyQuery, error) {
	h := historyQuery{count: search.DefaultCount}
	pairs, err := search.Split(in.query)
	if err != nil {
		return h, err
	}
	number := func(p search.Pair) (int, error) {
		n, err := strconv.ParseUint(p.Value, 10, 31)
		if err != nil {
			return 0, issue.New(issue.Invalid, "history: %s must be a whole number", p.Name)
		}
		return int(n), nil
	}
	for _, p := range pairs {
		switch p.Name {
		case "_format", "_pretty":
			continue
		case "_count":
			if h.count, err = number(p); err == nil && h.count > search.MaxCount {
				if !in.preferred.lenient {
					return h, issue.New(issue.NotSupported, "history: a page holds at most %d versions", search.MaxCount).WithStatus(http.StatusBadRequest)
				}
				h.count = search.MaxCount
			}
		case "_offset":
			h.offset, err = number(p)
		case "_since":
			t, ok := fhir.ParseTime(p.Value)
			if !ok {
				return h, issue.New(issue.Invalid, "history: _since must be an instant, as in 2024-05-01T10:00:00Z")
			}
			h.since = t.Time
		default:
			if in.preferred.lenient {
				continue
			}
			return h, issue.New(issue.NotSupported, "history: %q is not known; known are _count, _since, _format and _pretty", clip(p.Name)).WithStatus(http.StatusBadRequest)
		}
		if err != nil {
			return h, err
		}
		h.used = append(h.used, p)
	}
	return h, nil
}

// instant is a time as FHIR writes it, in milliseconds.
func instant(t time.Time) fhir.Time {
	return fhir.Time{Time: t.UTC().Truncate(time.Millisecond), Precision: fhir.Milli, HasZone: true}
}

// bundle builds a Bundle as bytes: its entries may be many, and were scanned when
// they came in.
type bundle struct {
	head    *fhir.Object
	entries [][]byte
}

func newBundle(typ string, now time.Time) *bundle {
	b := &bundle{head: fhir.NewResource("Bundle", "").Set("type", typ)}
	return b.set("timestamp", instant(now))
}

func (b *bundle) set(name string, value any) *bundle {
	b.head.Set(name, value)
	return b
}

func (b *bundle) entry(o *fhir.Object) { b.entries = append(b.entries, o.JSON()) }

func (b *bundle) json() []byte {
	out := b.head.JSON()
	if len(b.entries) == 0 {
		return out
	}
	size := len(out) + 16
	for _, e := range b.entries {
		size += len(e) + 1
	}
	full := make([]byte, 0, size)
	full = append(full, out[:len(out)-1]...)
	full = append(full, `,"entry":[`...)
	for i, e := range b.entries {
		if i > 0 {
			full = append(full, ',')
		}
		full = append(full, e...)
	}
	return append(full, "]}"...)
}

// links adds self, first, previous and next. Used is what of the request had an
// effect.
func (b *bundle) links(in *request, path string, used []search.Pair, offset, shown, count int, more bool) {
	link := func(relation string, offset int) {
		pairs := make([]search.Pair, 0, len(used)+1)
		for _, p := range used {
			if p.Name != "_offset" {
				pairs = append(pairs, p)
			}
		}
		if offset > 0 {
			pairs = append(pairs, search.Pair{Name: "_offset", Value: fmt.Sprint(offset)})
		}
		url := in.base + "/" + path
		if len(pairs) > 0 {
			url += "?" + search.Encode(pairs)
		}
		b.head.Append("link", fhir.NewObject().Set("relation", relation).Set("url", url))
	}
	link("self", offset)
	if offset > 0 {
		link("first", 0)
		link("previous", max(0, offset-max(count, 1)))
	}
	if more {
		link("next", offset+max(shown, 1))
	}
}

package rest

import (
	"net/http"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// versionNumber reads a version id, which here is a number from 1 on.
func versionNumber(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil && n > 0 && s[0] != '+'
}

// match reads If-Match: 0 for none. A tag that no version of ours has can match
// nothing.
func match(header, ref string) (int, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, nil
	}
	tag := strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
	n, ok := versionNumber(tag)
	if !ok {
		return 0, issue.New(issue.Conflict, `change %s: If-Match %q names no version; it must be like W/"1"`, ref, clip(header)).WithStatus(http.StatusPreconditionFailed)
	}
	return n, nil
}

// query reads the search parameters of the address and of the form.
func (s *Server) query(in *request, typ string) (*search.Query, error) {
	pairs, err := search.Split(in.query)
	if err != nil {
		return nil, err
	}
	return search.Parse(typ, append(pairs, in.form...), search.Options{Now: s.cfg.Now(), Base: in.base, Lenient: in.preferred.lenient})
}

// readOne answers read and vread.
func (s *Server) readOne(in *request, typ, id string, version int) answer {
	q, err := s.query(in, typ)
	if err == nil && (len(q.Criteria) > 0 || len(q.Include) > 0 || len(q.Sort) > 0) {
		err = issue.New(issue.Invalid, "reading %s takes only _summary, _elements, _format and _pretty", typ)
	}
	if err != nil {
		return failed(err)
	}
	v, err := s.cfg.Reader.Read(in.ctx, typ, id, version)
	if err != nil {
		return failed(err)
	}
	if notModified(in, v.Version, v.At) {
		return answer{status: http.StatusNotModified, version: &v}
	}
	return answer{status: http.StatusOK, body: subset(v.Resource, q), version: &v}
}

// resourceOf gives the body, which must be a resource of the type.
func resourceOf(in *request, typ string) (*fhir.Resource, error) {
	if in.body == nil {
		return nil, issue.New(issue.Required, "there is no %s in the body", typ)
	}
	if in.body.Type() != typ {
		return nil, issue.New(issue.Invalid, "the body is a %s, and the address is that of %s", in.body.Type(), typ).At("resourceType")
	}
	return in.body, nil
}

// changeTo makes the change that a create, update or delete asks for, checked as
// far as that goes without the store.
func (s *Server) changeTo(in *request, typ, id string) (c fhir.Change, err error) {
	c = fhir.Change{Type: typ, ID: id}
	ref := typ
	if id != "" {
		ref += "/" + id
	}
	if c.Match, err = match(in.ifMatch, ref); err != nil {
		return c, err
	}
	switch in.method {
	case http.MethodPost:
		c.Method, c.Condition, c.Match = fhir.Create, condition(in.ifNoneExist, typ), 0
	case http.MethodPut:
		c.Method = fhir.Update
	case http.MethodDelete:
		c.Method = fhir.Delete
	}
	if id == "" && in.method != http.MethodPost {
		if c.Condition = in.query; c.Condition == "" {
			return c, issue.New(issue.Required, "%s %s needs an id, or a search that names the one resource", in.method, typ)
		}
	}
	if c.Method == fhir.Delete {
		return c, nil
	}
	if c.Resource, err = resourceOf(in, typ); err != nil {
		return c, err
	}
	if c.Method == fhir.Update && id != "" && c.Resource.ID() != id {
		return c, issue.New(issue.Invalid, "update %s: the id of the resource must be that of the address", ref).At(typ + ".id")
	}
	return c, s.check(in.ctx, c.Resource)
}

// condition takes from If-None-Exist the part that is a search; some clients send
// the whole address.
func condition(header, typ string) string {
	header = strings.TrimSpace(header)
	if _, query, ok := strings.Cut(header, "?"); ok {
		return query
	}
	return header
}

func (s *Server) create(in *request, typ string) answer { return s.change(in, typ, "") }

func (s *Server) update(in *request, typ, id string) answer { return s.change(in, typ, id) }

func (s *Server) delete(in *request, typ, id string) answer { return s.change(in, typ, id) }

func (s *Server) change(in *request, typ, id string) answer {
	c, err := s.changeTo(in, typ, id)
	if err != nil {
		return failed(err)
	}
	effects, err := s.cfg.Writer.Apply(in.ctx, []fhir.Change{c})
	if err != nil {
		return failed(err)
	}
	return s.changed(in, c, effects[0])
}

// changed tells what came of a change.
func (s *Server) changed(in *request, c fhir.Change, e fhir.Effect) answer {
	out := answer{status: http.StatusOK, version: &e.Version}
	if c.Method == fhir.Delete {
		out.status = http.StatusNoContent
		if e.ID == "" {
			out.version = nil
		}
		if in.preferred.ret == "OperationOutcome" {
			out.status, out.body = http.StatusOK, done("deleted")
		}
		return out
	}
	if e.Created {
		out.status = http.StatusCreated
	}
	if e.Created || c.Method == fhir.Create {
		out.location = in.base + "/" + e.Ref() + "/_history/" + strconv.Itoa(e.Version.Version)
	}
	switch in.preferred.ret {
	case "minimal":
	case "OperationOutcome":
		out.body = done("stored " + e.Ref() + " as version " + strconv.Itoa(e.Version.Version))
	default:
		out.body = e.Resource.Raw()
	}
	return out
}

func done(what string) []byte {
	return issue.OutcomeOf([]issue.Issue{{Severity: issue.SeverityInformation, Code: string(issue.Informational), Diagnostics: what}})
}

package rest

import (
	"net/http"
	"strings"

	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// methods are what an address takes, by HTTP method.
type methods map[string]func(in *request) answer

// answer finds out what is asked for, and does it.
func (s *Server) answer(in *request) answer {
	m, err := s.route(in)
	if err != nil {
		return failed(err)
	}
	if do, ok := m[in.method]; ok {
		return do(in)
	}
	var allowed []string
	for _, name := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if _, ok := m[name]; ok || name == http.MethodHead && m[http.MethodGet] != nil {
			allowed = append(allowed, name)
		}
	}
	allow := strings.Join(allowed, ", ")
	out := failed(issue.New(issue.NotSupported, "%s is not supported here, only %s", clip(in.method), allow).WithStatus(http.StatusMethodNotAllowed))
	out.allow = allow
	return out
}

// route gives what the address takes.
func (s *Server) route(in *request) (methods, error) {
	p := in.path
	if len(p) == 0 {
		m := methods{http.MethodPost: s.bundle}
		if in.method == http.MethodGet {
			return nil, issue.New(issue.NotSupported, "a search needs a type, as in [base]/PlanDefinition; GET [base]/metadata tells what there is").WithStatus(http.StatusNotFound)
		}
		return m, nil
	}
	switch {
	case p[0] == "metadata" && len(p) == 1:
		return methods{http.MethodGet: s.metadata}, nil
	case p[0] == "_history" && len(p) == 1:
		return methods{http.MethodGet: func(in *request) answer { return s.history(in, "", "") }}, nil
	case p[0] == "_search":
		return nil, issue.New(issue.NotSupported, "a search needs a type, as in [base]/PlanDefinition/_search").WithStatus(http.StatusNotFound)
	}
	if name, ok := strings.CutPrefix(p[0], "$"); ok {
		if len(p) > 1 {
			return nil, nothingHere()
		}
		return s.operation(name, "", "")
	}
	typ := p[0]
	// Operations may stand on types that are not stored.
	if last := p[len(p)-1]; strings.HasPrefix(last, "$") && search.IsType(typ) {
		switch len(p) {
		case 2:
			return s.operation(last[1:], typ, "")
		case 3:
			return s.operation(last[1:], typ, p[1])
		}
		return nil, nothingHere()
	}
	if err := s.keeps(typ); err != nil {
		return nil, err
	}
	switch len(p) {
	case 1:
		return s.writable(typ, methods{
			http.MethodGet: func(in *request) answer { return s.search(in, typ) },
		}, methods{
			http.MethodPost:   func(in *request) answer { return s.create(in, typ) },
			http.MethodPut:    func(in *request) answer { return s.update(in, typ, "") },
			http.MethodDelete: func(in *request) answer { return s.delete(in, typ, "") },
		}), nil
	case 2:
		switch p[1] {
		case "_search":
			return methods{http.MethodPost: func(in *request) answer { return s.search(in, typ) }}, nil
		case "_history":
			return methods{http.MethodGet: func(in *request) answer { return s.history(in, typ, "") }}, nil
		}
		if !search.IsID(p[1]) {
			return nil, issue.New(issue.NotFound, "%s: the id is not 1 to 64 letters, digits, - and .", typ)
		}
		return s.writable(typ, methods{
			http.MethodGet: func(in *request) answer { return s.readOne(in, typ, p[1], 0) },
		}, methods{
			http.MethodPut:    func(in *request) answer { return s.update(in, typ, p[1]) },
			http.MethodDelete: func(in *request) answer { return s.delete(in, typ, p[1]) },
		}), nil
	case 3:
		if p[2] == "_history" {
			return methods{http.MethodGet: func(in *request) answer { return s.history(in, typ, p[1]) }}, nil
		}
		if search.IsType(p[2]) {
			return nil, issue.New(issue.NotSupported, "compartments are not supported; search %s by its own parameters", p[2]).WithStatus(http.StatusNotFound)
		}
	case 4:
		if p[2] == "_history" {
			version, ok := versionNumber(p[3])
			if !ok {
				return nil, issue.New(issue.NotFound, "read %s/%s: there is no version %q", typ, clip(p[1]), clip(p[3]))
			}
			return methods{http.MethodGet: func(in *request) answer { return s.readOne(in, typ, p[1], version) }}, nil
		}
	}
	return nil, nothingHere()
}

// writable adds what changes a type, unless clients may only read it.
func (s *Server) writable(typ string, read, write methods) methods {
	if s.readOnly[typ] {
		return read
	}
	for name, do := range write {
		read[name] = do
	}
	return read
}

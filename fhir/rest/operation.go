package rest

import (
	"net/http"
	"slices"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// operation gives what [base]/$name, Type/$name or Type/id/$name takes.
func (s *Server) operation(name, typ, id string) (methods, error) {
	var elsewhere bool
	for _, o := range s.operations {
		sign := o.Signature()
		if sign.Name != name {
			continue
		}
		elsewhere = true
		fits := sign.System
		switch {
		case id != "":
			fits = sign.Instance
		case typ != "":
			fits = sign.Type
		}
		if !fits || typ != "" && len(sign.Types) > 0 && !slices.Contains(sign.Types, typ) {
			continue
		}
		m := methods{http.MethodPost: func(in *request) answer { return s.call(in, o, typ, id) }}
		if sign.Pure {
			m[http.MethodGet] = m[http.MethodPost]
		}
		return m, nil
	}
	if elsewhere {
		return nil, issue.New(issue.NotSupported, "the operation $%s is not offered at this address; GET metadata tells where it is", clip(name)).WithStatus(http.StatusNotFound)
	}
	return nil, issue.New(issue.NotSupported, "there is no operation $%s", clip(name)).WithStatus(http.StatusNotFound)
}

// call runs an operation.
func (s *Server) call(in *request, o fhir.Operation, typ, id string) answer {
	c := fhir.Call{Type: typ, ID: id, Language: in.language}
	var err error
	if c.Parameters, err = parameters(in); err != nil {
		return failed(err)
	}
	if c.Match, err = match(in.ifMatch, typ+"/"+id); err != nil {
		return failed(err)
	}
	if id != "" {
		if err := s.keeps(typ); err != nil {
			return failed(err)
		}
		v, err := s.cfg.Reader.Read(in.ctx, typ, id, 0)
		if err != nil {
			return failed(err)
		}
		c.Instance = v.Resource
	}
	result, err := o.Run(in.ctx, c)
	if err != nil {
		return failed(err)
	}
	out := answer{status: http.StatusOK, body: result.Raw()}
	// A resource that is stored comes with the tag that the next change has to name.
	if n, ok := versionNumber(result.Root().Get("meta", "versionId").String()); ok && !o.Signature().Pure {
		if at, ok := result.Root().Get("meta", "lastUpdated").Time(); ok {
			out.version = &fhir.Version{Type: result.Type(), ID: result.ID(), Version: n, At: at.Time}
		}
	}
	return out
}

// parameters gives the input of an operation: the Parameters of the body, or
// another resource as the parameter "resource", and what stands in the address as
// strings.
func parameters(in *request) (*fhir.Resource, error) {
	o := fhir.NewResource("Parameters", "")
	switch {
	case in.body == nil:
	case in.body.Type() == "Parameters":
		o = in.body.Root().Object()
	default:
		o.Append("parameter", fhir.NewObject().Set("name", "resource").Set("resource", in.body))
	}
	pairs, err := search.Split(in.query)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if p.Name == "_format" || p.Name == "_pretty" {
			continue
		}
		o.Append("parameter", fhir.NewObject().Set("name", p.Name).Set("valueString", p.Value))
	}
	return o.Resource()
}

package rest

import (
	"encoding/json"
	"net/http"
	"slices"

	"cdss/fhir"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// metadata answers with the CapabilityStatement.
func (s *Server) metadata(in *request) answer {
	pairs, err := search.Split(in.query)
	if err != nil {
		return failed(err)
	}
	for _, p := range pairs {
		if p.Name == "mode" && p.Value != "full" && p.Value != "normative" {
			return failed(issue.New(issue.NotSupported, "the mode %q is not supported, only full", clip(p.Value)).WithStatus(http.StatusBadRequest))
		}
	}
	return answer{status: http.StatusOK, body: s.capabilities(in.base).JSON()}
}

func codes(name string, values ...string) []*fhir.Object {
	var list []*fhir.Object
	for _, v := range values {
		list = append(list, fhir.NewObject().Set(name, v))
	}
	return list
}

// capabilities tells what this door does, at the base a client knows it by.
func (s *Server) capabilities(base string) *fhir.Object {
	return fhir.NewResource("CapabilityStatement", "").
		Set("status", "active").
		Set("date", instant(s.started)).
		Set("kind", "instance").
		Set("software", fhir.NewObject().Set("name", "cdss").Set("version", s.cfg.Version)).
		Set("implementation", fhir.NewObject().Set("description", "Clinical decision support for antibiotic therapy").Set("url", base)).
		Set("fhirVersion", "4.0.1").
		Append("format", []string{"application/fhir+json", "json"}).
		Append("rest", s.offers())
}

// offer lists types, interactions, parameters and operations. It is made of what
// the door works with, so that it cannot promise more.
func (s *Server) offer() json.RawMessage {
	rest := fhir.NewObject().Set("mode", "server").
		Set("documentation", "References may be relative, absolute or by identifier. Unknown search parameters are refused; with Prefer: handling=lenient they are left out and named in the answer.").
		Set("security", fhir.NewObject().Set("cors", true))
	for _, typ := range s.sortedTypes() {
		rest.Append("resource", s.resource(typ))
	}
	rest.Set("interaction", codes("code", "transaction", "batch", "history-system"))
	for _, o := range s.operations {
		if sign := o.Signature(); sign.System || len(sign.Types) == 0 {
			rest.Append("operation", operationOf(sign))
		}
	}
	return rest.JSON()
}

func operationOf(sign fhir.Signature) *fhir.Object {
	return fhir.NewObject().Set("name", sign.Name).Set("definition", sign.Definition)
}

func (s *Server) resource(typ string) *fhir.Object {
	o := fhir.NewObject().Set("type", typ)
	interactions := []string{"read", "vread", "history-instance", "history-type", "search-type"}
	if !s.readOnly[typ] {
		interactions = append(interactions, "create", "update", "delete")
	}
	o.Set("interaction", codes("code", interactions...)).
		Set("versioning", "versioned").Set("readHistory", true).Set("conditionalRead", "full-support")
	if !s.readOnly[typ] {
		o.Set("updateCreate", true).Set("conditionalCreate", true).Set("conditionalUpdate", true).Set("conditionalDelete", "single")
	} else {
		o.Set("updateCreate", false).Set("conditionalCreate", false).Set("conditionalUpdate", false).Set("conditionalDelete", "not-supported")
	}
	o.Append("referencePolicy", []string{"literal", "logical"})
	for _, p := range search.Parameters(typ) {
		if p.Type == search.TypeReference {
			o.Append("searchInclude", typ+":"+p.Name)
		}
	}
	for _, source := range s.sortedTypes() {
		for _, p := range search.Parameters(source) {
			if p.Type == search.TypeReference && slices.Contains(p.Targets, typ) {
				o.Append("searchRevInclude", source+":"+p.Name)
			}
		}
	}
	for _, p := range search.Parameters(typ) {
		o.Append("searchParam", fhir.NewObject().Set("name", p.Name).Set("type", string(p.Type)))
	}
	for _, op := range s.operations {
		if sign := op.Signature(); slices.Contains(sign.Types, typ) {
			o.Append("operation", operationOf(sign))
		}
	}
	return o
}

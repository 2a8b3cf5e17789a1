package rest

import (
	"context"
	"encoding/json"
	"strings"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// evaluation is $fhirpath, with the Parameters of the FHIRPath Lab's server API
// (https://github.com/brianpos/fhirpath-lab, server-api.md).
type evaluation struct{ s *Server }

// Extensions of that API: a value that no value[x] can hold, and where an element
// stands.
const (
	jsonValueURL    = "http://fhir.forms-lab.com/StructureDefinition/json-value"
	resourcePathURL = "http://fhir.forms-lab.com/StructureDefinition/resource-path"
)

// Bounds of one evaluation.
const (
	maxContexts = 1000
	maxResults  = 10_000
)

func (evaluation) Signature() fhir.Signature {
	return fhir.Signature{
		Name:       "fhirpath",
		Definition: "https://cdss.example/fhir/OperationDefinition/fhirpath",
		System:     true,
	}
}

func (e evaluation) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	source := c.Value("expression").String()
	if source == "" {
		return nil, issue.New(issue.Required, `$fhirpath: the parameter "expression" is missing`)
	}
	expression, err := fhirpath.Compile(source)
	if err != nil {
		return nil, err
	}
	resource, err := inputResource(c.Parameter("resource"))
	if err != nil {
		return nil, err
	}
	echo := fhir.NewObject().Set("name", "parameters").
		Append("part", textPart("evaluator", strings.TrimSpace("cdss "+e.s.cfg.Version)+" (R4)")).
		Append("part", textPart("expression", source))
	env := fhirpath.Env{Now: e.s.cfg.Now(), Resource: resource.Root(), Resolve: within(resource)}
	if e.s.cfg.MemberOf != nil {
		if env.MemberOf, err = e.s.cfg.MemberOf(ctx); err != nil {
			return nil, err
		}
	}
	variables := map[string]fhirpath.Collection{}
	for _, p := range c.Parameter("variables").Children("part") {
		if variables[p.Child("name").String()], err = inputValue(p); err != nil {
			return nil, err
		}
	}
	env.Var = func(name string) (fhirpath.Collection, bool, bool) {
		v, known := variables[name]
		return v, known, false
	}
	// Without a context the expression is evaluated once, on the resource or on
	// nothing.
	contexts := []fhirpath.Collection{fhirpath.FromNode(resource.Root())}
	if text := c.Value("context").String(); text != "" {
		echo.Append("part", textPart("context", text))
		selector, err := fhirpath.Compile(text)
		if err != nil {
			return nil, err
		}
		r, err := selector.Eval(ctx, contexts[0], env)
		if err != nil {
			return nil, err
		}
		if len(r.Values) > maxContexts {
			return nil, issue.New(issue.TooCostly, "$fhirpath: the context has more than %d items", maxContexts)
		}
		contexts = contexts[:0]
		for _, v := range r.Values {
			contexts = append(contexts, fhirpath.Collection{v})
		}
	}
	if resource != nil {
		echo.Append("part", fhir.NewObject().Set("name", "resource").Set("resource", resource))
	}
	if v := c.Parameter("variables"); v != nil {
		echo.Append("part", v)
	}
	out := fhir.NewResource("Parameters", "fhirpath").Append("parameter", echo)
	results := 0
	for _, focus := range contexts {
		var parts []*fhir.Object
		count := func(n int) bool { results += n; return results <= maxResults }
		env.Trace = func(name string, c fhirpath.Collection) {
			if !count(len(c) + 1) {
				return
			}
			trace := fhir.NewObject().Set("name", "trace").Set("valueString", name)
			for _, v := range c {
				trace.Append("part", part(v, resource.Root()))
			}
			parts = append(parts, trace)
		}
		r, err := expression.Eval(ctx, focus, env)
		if err != nil {
			return nil, err
		}
		if !count(len(r.Values)) {
			return nil, issue.New(issue.TooCostly, "$fhirpath: more than %d results", maxResults)
		}
		for _, v := range r.Values {
			parts = append(parts, part(v, resource.Root()))
		}
		result := fhir.NewObject().Set("name", "result")
		if len(focus) > 0 && focus[0].Node() != nil {
			result.Set("valueString", focus[0].Node().Location())
		}
		out.Append("parameter", result.Append("part", parts))
	}
	return out.Resource()
}

func textPart(name, text string) *fhir.Object {
	return fhir.NewObject().Set("name", name).Set("valueString", text)
}

// inputResource reads the parameter "resource": a resource, or its JSON as a text.
// Without one there is nothing to look at, which is fine for 1 + 1.
func inputResource(p *fhir.Node) (*fhir.Resource, error) {
	if n := p.Child("resource"); n != nil {
		return n.Resource()
	}
	text := p.Extension(jsonValueURL).Child("valueString").String()
	if text == "" {
		value, _ := p.Choice("value")
		text = value.String()
	}
	if text == "" {
		return nil, nil
	}
	if text[0] != '{' {
		return nil, issue.New(issue.NotSupported, `$fhirpath: the parameter "resource" must be a resource or its JSON; none is fetched`)
	}
	return fhir.ParseResource([]byte(text))
}

// inputValue reads the value of a variable.
func inputValue(p *fhir.Node) (fhirpath.Collection, error) {
	if n := p.Child("resource"); n != nil {
		r, err := n.Resource()
		if err != nil {
			return nil, err
		}
		return fhirpath.FromNode(r.Root()), nil
	}
	if text := p.Extension(jsonValueURL).Child("valueString").String(); text != "" {
		n, err := fhir.ParseJSON([]byte(text), fhir.Limits{})
		if err != nil {
			return nil, err
		}
		return fhirpath.FromNode(n), nil
	}
	value, _ := p.Choice("value")
	return fhirpath.FromNode(value), nil
}

// within resolves references inside a Bundle; contained resources FHIRPath finds
// by itself.
func within(r *fhir.Resource) func(string) *fhir.Node {
	if r.Type() != "Bundle" {
		return nil
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		return nil
	}
	return func(reference string) *fhir.Node { return b.Resolve(reference, "").Root() }
}

// valueTypes are the types that Parameters.parameter.value[x] may have.
var valueTypes = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq("base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt " +
		"string time unsignedInt uri url uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration " +
		"HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing ContactDetail Contributor " +
		"DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition UsageContext Dosage Meta") {
		m[name] = true
	}
	return m
}()

func rootOf(n *fhir.Node) *fhir.Node {
	for n.Parent() != nil {
		n = n.Parent()
	}
	return n
}

// part tells one value with its type, and where it stands in the resource.
func part(v fhirpath.Value, root *fhir.Node) *fhir.Object {
	raw, typ := v.JSON()
	o := fhir.NewObject().Set("name", typ)
	n := v.Node()
	if n != nil && rootOf(n) == root {
		o.Append("extension", fhir.NewObject().Set("url", resourcePathURL).Set("valueString", n.Location()))
	}
	switch text := string(raw); {
	case text == `""`:
		o.Set("name", "empty-string")
	case text == "null" || text == "":
	case n != nil && n.ResourceType() != "":
		o.Set("resource", json.RawMessage(raw))
	case valueTypes[typ]:
		o.Set("value"+strings.ToUpper(typ[:1])+typ[1:], json.RawMessage(raw))
	default:
		o.Append("extension", fhir.NewObject().Set("url", jsonValueURL).Set("valueString", text))
	}
	return o
}

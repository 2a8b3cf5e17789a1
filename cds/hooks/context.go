package hooks

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// The schemas of the contexts, by hook: HL7 cds-hooks-library, the fields a
// service cannot run without being required and the rest optional, since 46 of
// 244 public requests lack a field that the hook's definition requires.
//
//go:embed schema/*.json
var schemas embed.FS

type contextSchema struct{ schema *jsonschema.Schema }

// compileContext compiles the schema of a hook's context. It loads nothing but
// the embedded file: a reference to anywhere else is an error.
func compileContext(hook string) (*contextSchema, error) {
	file, err := schemas.Open("schema/" + hook + ".json")
	if err != nil {
		return nil, fmt.Errorf("find context schema of hook %s: %w", hook, err)
	}
	defer file.Close()
	compiler := jsonschema.NewCompiler()
	compiler.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("the schema must stand alone, and refers to %s", url)
	}
	const name = "context.json"
	if err := compiler.AddResource(name, file); err != nil {
		return nil, fmt.Errorf("read context schema of hook %s: %w", hook, err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile context schema of hook %s: %w", hook, err)
	}
	return &contextSchema{schema}, nil
}

// check holds the context against the schema. Of a resource only that it is an
// object is looked at, as resources have parsers of their own.
func (c *contextSchema) check(context *fhir.Node) error {
	err := c.schema.Validate(shallow(context, 2))
	var invalid *jsonschema.ValidationError
	if err == nil {
		return nil
	}
	if !errors.As(err, &invalid) {
		return fmt.Errorf("check context: %w", err)
	}
	var issues []issue.Issue
	for _, leaf := range leaves(invalid) {
		issues = append(issues, issue.Issue{
			Severity:    issue.SeverityError,
			Code:        string(issue.Invalid),
			Diagnostics: leaf.Message,
			Expression:  []string{"context" + expression(leaf.InstanceLocation)},
		})
	}
	return issue.From(issues)
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var list []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		list = append(list, leaves(cause)...)
	}
	return list
}

// expression makes ".selections[2]" of the JSON pointer "/selections/2".
func expression(pointer string) string {
	var b strings.Builder
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if part == "" {
			continue
		}
		if part[0] >= '0' && part[0] <= '9' {
			b.WriteString("[" + part + "]")
			continue
		}
		b.WriteString("." + expressionName(part))
	}
	return b.String()
}

// shallow gives the node as encoding/json would, down to depth levels; what lies
// deeper is an empty object.
func shallow(n *fhir.Node, depth int) any {
	switch n.Kind() {
	case fhir.KindString:
		return n.String()
	case fhir.KindBool:
		v, _ := n.Bool()
		return v
	case fhir.KindNumber:
		return 0.0 // no schema here looks at a number's value
	case fhir.KindNull, fhir.KindNone:
		return nil
	case fhir.KindArray:
		return []any{}
	}
	object := map[string]any{}
	if depth == 0 {
		return object
	}
	for name, nodes := range n.Fields() {
		if nodes[0].Index() < 0 {
			object[name] = shallow(nodes[0], depth-1)
			continue
		}
		list := make([]any, len(nodes))
		for i, element := range nodes {
			list[i] = shallow(element, depth-1)
		}
		object[name] = list
	}
	return object
}

// carried says which members of a hook's context carry resources, and what for.
var carried = map[string]struct {
	orders  []string // drafts, or orders to be looked at as if they were
	context []string // what the patient's data gain
}{
	"order-select":              {orders: []string{"draftOrders"}},
	"order-sign":                {orders: []string{"draftOrders"}},
	"medication-prescribe":      {orders: []string{"medications"}},
	"order-review":              {orders: []string{"orders"}},
	"medication-refill":         {orders: []string{"medications"}},
	"medication-verify":         {orders: []string{"medication"}},
	"problem-list-item-create":  {context: []string{"conditions"}},
	"allergyintolerance-create": {context: []string{"allergyIntolerance"}},
}

// parseContext reads the context of a call.
func (s *Server) parseContext(req *cds.Request, root *fhir.Node) error {
	context := root.Child("context")
	if context.Kind() != fhir.KindObject || context.Index() >= 0 {
		return issue.New(issue.Required, "context is missing or no object").At("context")
	}
	if err := s.contexts[req.Hook].check(context); err != nil {
		return err
	}
	req.Patient = bareID(context.Child("patientId").String(), "Patient")
	if req.Patient == "" {
		return issue.New(issue.Value, "patientId names no Patient").WithStatus(400).At("context.patientId")
	}
	req.Encounter = bareID(context.Child("encounterId").String(), "Encounter")
	// A user whose id is none is nobody that could be looked up.
	if user := context.Child("userId").String(); harmless(user) {
		req.User = user
	}
	req.Selections = context.Strings("selections")
	// Version 1.0 of order-dispatch named one order.
	req.Dispatched = append(context.Strings("dispatchedOrders"), context.Strings("order")...)
	resources := carried[req.Hook]
	for _, member := range resources.orders {
		list, unreadable := readResources(req, context.Children(member))
		req.DraftOrders = append(req.DraftOrders, list...)
		req.Unreadable += unreadable
	}
	for _, member := range resources.context {
		list, unreadable := readResources(req, context.Children(member))
		req.Context = append(req.Context, list...)
		req.Unreadable += unreadable
	}
	return nil
}

// bareID takes the type off an id: 84 of 244 public requests send "Patient/123",
// some a whole url. It gives "" for a reference to another type.
func bareID(value, typ string) string {
	if !strings.Contains(value, "/") {
		return value
	}
	t, id, ok := fhir.Reference{Reference: value}.Local()
	if ok && t == typ {
		return id
	}
	if id, ok := strings.CutPrefix(value, typ+"/"); ok && !strings.Contains(id, "/") {
		return id // an id that is none by FHIR's syntax, yet the client's
	}
	return ""
}

// readResources reads what a member of the context holds: a Bundle with or without
// type and fullUrl, an array of entries or resources, or one resource. What is no
// resource is counted, so that nobody takes it for checked. A Medication that an order
// may refer to by the fullUrl of its entry is noted in req.
func readResources(req *cds.Request, nodes []*fhir.Node) (list []*fhir.Resource, unreadable int) {
	r := reading{req: req}
	for _, n := range nodes {
		r.node(n, 0)
	}
	return r.list, r.unreadable
}

// reading is a member of the context on its way.
type reading struct {
	req        *cds.Request
	list       []*fhir.Resource
	unreadable int
}

// deepest is how far Bundles may lie in each other.
const deepest = 3

func (r *reading) node(n *fhir.Node, depth int) {
	switch {
	case n.Kind() != fhir.KindObject || depth > deepest:
		r.unreadable++
	case n.ResourceType() == "Bundle" || n.ResourceType() == "" && n.Child("entry") != nil:
		for _, e := range n.Children("entry") {
			r.entry(e, depth)
		}
	case n.ResourceType() == "" && n.Child("resource") != nil:
		r.entry(n, depth)
	case n.ResourceType() == "" && n.Index() < 0 && len(n.All()) == 0 && depth == 0:
		// An empty object: nothing is drafted yet.
	default:
		resource, err := n.Resource()
		if err != nil {
			r.unreadable++
			return
		}
		r.list = append(r.list, resource)
	}
}

func (r *reading) entry(n *fhir.Node, depth int) {
	before := len(r.list)
	r.node(n.Child("resource"), depth+1)
	if url := n.Child("fullUrl").String(); url != "" && len(r.list) == before+1 && r.list[before].Type() == "Medication" {
		if r.req.URLs == nil {
			r.req.URLs = map[string]*fhir.Resource{}
		}
		r.req.URLs[url] = r.list[before]
	}
}

package validate

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// Its origin and licence stand in schema/NOTICE.md.
//
//go:embed schema/r4.gz
var schemaFile []byte

// mostSchemas is how many resource types stay compiled. What a server is sent in
// its life are some thirty; whoever sends all 146 must not own the memory.
const mostSchemas = 48

// schemas compiles the JSON Schema of a resource type when it is first asked
// for. Types share the compiled data types, so that the second costs little.
// When there are more than fit, all go, and the next begins anew.
type schemas struct {
	compiled atomic.Pointer[map[string]*jsonschema.Schema] // never changed, replaced
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

var r4Schemas schemas

// of gives the schema of a resource type.
func (s *schemas) of(typ string) (*jsonschema.Schema, error) {
	if c := s.compiled.Load(); c != nil && (*c)[typ] != nil {
		return (*c)[typ], nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]*jsonschema.Schema{}
	if c := s.compiled.Load(); c != nil {
		if (*c)[typ] != nil {
			return (*c)[typ], nil
		}
		if len(*c) < mostSchemas {
			maps.Copy(next, *c)
		} else {
			s.compiler = nil
		}
	}
	if s.compiler == nil {
		s.compiler = jsonschema.NewCompiler()
		s.compiler.LoadURL = load
	}
	schema, err := s.compiler.Compile(place + typ + "#/definitions/" + typ)
	if err != nil {
		s.compiler = nil // it may hold half of something
		s.compiled.Store(nil)
		return nil, fmt.Errorf("compile JSON Schema of %s: %w", typ, err)
	}
	next[typ] = schema
	s.compiled.Store(&next)
	return schema, nil
}

// place is where the documents of the embedded file stand: nothing else can be
// loaded from there.
const place = "embedded:///"

// load gives a document of the embedded file. It knows no other place: left to
// itself the library reads any file that a reference names, and prints it.
func load(address string) (io.ReadCloser, error) {
	name, ok := strings.CutPrefix(address, place)
	if !ok {
		return nil, errors.New("a JSON Schema may refer to nothing outside")
	}
	z, err := gzip.NewReader(bytes.NewReader(schemaFile))
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(z, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("find JSON Schema %q: %w", path.Base(name), err)
		}
		if document, ok := strings.CutPrefix(line, name+" "); ok {
			return io.NopCloser(strings.NewReader(document)), nil
		}
	}
}

// Schema is layer L1: each resource of r, on its own, against the JSON Schema of
// its type. It is a second opinion on Structure from another source, and knows
// less: nothing of choices given twice, of the calendar, of primitives that are
// required, of reference targets. A resource of a type that R4 does not have is
// left to Structure. The error is that of the context, or a fault of the schema.
func Schema(ctx context.Context, r *fhir.Resource) ([]issue.Issue, error) {
	c := copier{walker: walker{t: r4()}}
	c.inner = append(c.inner, inner{r.Root(), []step{{r.Type(), -1}}})
	var issues []issue.Issue
	for len(c.inner) > 0 && len(issues) < mostIssues {
		if err := ctx.Err(); err != nil {
			return issues, err
		}
		next := c.inner[0]
		c.inner = c.inner[1:]
		typ := next.node.ResourceType()
		if !c.t.resource(typ) {
			continue
		}
		schema, err := r4Schemas.of(typ)
		if err != nil {
			return issues, err
		}
		c.path = next.path
		d := c.t.types[typ]
		value := c.object(next.node, d)
		err = schema.Validate(value)
		var invalid *jsonschema.ValidationError
		if errors.As(err, &invalid) {
			t := tracer{walker: walker{t: c.t, path: next.path}, node: next.node, def: d, schema: schema, value: value}
			t.tell(invalid)
			issues = append(issues, t.issues...)
		} else if err != nil {
			return issues, fmt.Errorf("check %s by JSON Schema: %w", typ, err)
		}
	}
	return issues[:min(len(issues), mostIssues)], nil
}

// inner is a resource within the one that is checked, and where it stands.
type inner struct {
	node *fhir.Node
	path []step
}

// copier makes of nodes what the JSON Schema looks at: the values of
// encoding/json, with three differences. A resource inside is an empty object,
// and waits in inner. Null in a list of primitives, which is legal and which the
// schema refuses, is left out. A number is 0, for no keyword of the schema looks
// at its value, and one of a million digits would be computed with.
type copier struct {
	walker
	inner []inner
}

func (c *copier) object(n *fhir.Node, d *typeDef) map[string]any {
	m := map[string]any{}
	for _, name := range n.EmptyLists() {
		m[name] = []any{}
	}
	for name, nodes := range n.Fields() {
		if strings.HasPrefix(name, "_") {
			m[name] = 0.0 // no _x, or it would be joined with x: wrong as a whole
			continue
		}
		e, typ := c.t.element(d, name)
		at := name
		if e != nil {
			at = e.name
		}
		var values, extras []any
		for _, k := range nodes {
			c.path = append(c.path, step{at, k.Index()})
			if k.Kind() != fhir.KindNull || k.Index() < 0 && len(k.All()) == 0 {
				values = append(values, c.value(k, typ))
			}
			if hasExtra(k) {
				extras = append(extras, c.object(k, typ))
			}
			c.path = c.path[:len(c.path)-1]
		}
		list := nodes[0].Index() >= 0
		put(m, name, values, list)
		put(m, "_"+name, extras, list)
	}
	return m
}

func put(m map[string]any, name string, values []any, list bool) {
	switch {
	case len(values) == 0:
	case list:
		m[name] = values
	default:
		m[name] = values[0]
	}
}

func (c *copier) value(n *fhir.Node, d *typeDef) any {
	switch n.Kind() {
	case fhir.KindString:
		return n.String()
	case fhir.KindNumber:
		return 0.0
	case fhir.KindBool:
		v, _ := n.Bool()
		return v
	case fhir.KindArray:
		list := make([]any, len(n.All()))
		for i, k := range n.All() {
			list[i] = c.value(k, nil)
		}
		return list
	case fhir.KindObject:
		if d != nil && d.kind == 'r' {
			c.inner = append(c.inner, inner{n, slices.Clone(c.path)})
			return map[string]any{}
		}
		return c.object(n, d)
	}
	return nil
}

// tracer follows what the schema says of a copy back to the resource it is of.
type tracer struct {
	walker
	node   *fhir.Node
	def    *typeDef
	schema *jsonschema.Schema
	value  any
}

// tell reports the leaves of e, in an order of its own: the library has none.
func (t *tracer) tell(e *jsonschema.ValidationError) {
	list := leaves(e, nil)
	slices.SortFunc(list, func(a, b *jsonschema.ValidationError) int {
		return cmp.Or(strings.Compare(a.InstanceLocation, b.InstanceLocation), strings.Compare(a.KeywordLocation, b.KeywordLocation))
	})
	for _, leaf := range list[:min(len(list), mostIssues)] {
		at := *t
		at.path = slices.Clone(t.path)
		at.follow(leaf.InstanceLocation)
		at.explain(path.Base(leaf.KeywordLocation), leaf.Message)
		t.issues = at.issues
	}
}

func leaves(e *jsonschema.ValidationError, list []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return append(list, e)
	}
	for _, cause := range e.Causes {
		list = leaves(cause, list)
	}
	return list
}

// follow goes along a JSON pointer in the copy.
func (t *tracer) follow(pointer string) {
	var list []*fhir.Node // the nodes of the list that value is, if it is one
	for _, token := range strings.Split(pointer, "/")[1:] {
		t.schema = target(t.schema)
		switch v := t.value.(type) {
		case map[string]any:
			name := unescape(token)
			list = nodesOf(t.node, name)
			at, typ := t.member(name)
			t.path = append(t.path, step{at, -1})
			t.def, t.schema, t.value = typ, t.schema.Properties[name], v[name]
			if len(list) > 0 {
				t.node = list[0]
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(v) || i >= len(list) {
				return
			}
			t.schema, _ = t.schema.Items.(*jsonschema.Schema)
			t.value, t.node = v[i], list[i]
			t.path[len(t.path)-1].index = t.node.Index()
		}
		if t.schema == nil {
			return
		}
	}
	t.schema = target(t.schema)
}

// target follows the references of a schema.
func target(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s
}

// nodesOf gives the nodes that member name of the copy was made of.
func nodesOf(n *fhir.Node, name string) []*fhir.Node {
	all, extra := n.Children(name), false
	if x, ok := strings.CutPrefix(name, "_"); ok && len(all) == 0 {
		all, extra = n.Children(x), true
	}
	var nodes []*fhir.Node
	for _, k := range all {
		if extra && hasExtra(k) || !extra && (k.Kind() != fhir.KindNull || k.Index() < 0) {
			nodes = append(nodes, k)
		}
	}
	return nodes
}

// hasExtra tells whether n is a primitive with something in its _x.
func hasExtra(n *fhir.Node) bool {
	return n.Kind() != fhir.KindObject && n.Kind() != fhir.KindArray && len(n.All()) > 0
}

// member gives the name of the element that a member of the copy belongs to, and
// its type, nil for one that is not known.
func (t *tracer) member(name string) (string, *typeDef) {
	if x, extra := strings.CutPrefix(name, "_"); extra && len(t.node.Children(name)) == 0 {
		name = x
	}
	e, typ := t.t.element(t.def, name)
	if e != nil {
		name = e.name
	}
	return clip(name), typ
}

// unescape undoes what the library does to a name in a JSON pointer.
func unescape(token string) string {
	if text, err := url.PathUnescape(token); err == nil {
		token = text
	}
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// explain reports what a keyword of the schema found wrong with the value.
func (t *tracer) explain(keyword, message string) {
	s := t.schema
	if s == nil {
		t.report(issue.Invalid, "", "by JSON Schema: %s", clip(message))
		return
	}
	object, _ := t.value.(map[string]any)
	given := describe(t.node)
	if _, ok := t.value.([]any); ok {
		given = "a list"
	}
	switch keyword {
	case "additionalProperties":
		for _, name := range slices.Sorted(maps.Keys(object)) {
			_, twin := object[strings.TrimPrefix(name, "_")]
			if at, _ := t.member(name); s.Properties[name] == nil && !(twin && strings.HasPrefix(name, "_")) {
				t.report(issue.Structure, at, "by JSON Schema there is no element %s here", at)
			}
		}
	case "required":
		if len(object) == 0 {
			t.report(issue.Structure, "", "an empty object should not stand here")
			return
		}
		for _, name := range s.Required {
			if _, ok := object[name]; !ok {
				at, _ := t.member(name)
				t.report(issue.Required, at, "%s is missing", at)
			}
		}
	case "enum":
		var codes []string
		for _, code := range s.Enum {
			codes = append(codes, fmt.Sprint(code))
		}
		t.report(issue.CodeInvalid, "", "%s is none of %s", given, some(codes))
	case "type":
		t.report(issue.Structure, "", "a JSON %s should stand here, not %s", strings.Join(s.Types, " or "), given)
	case "pattern":
		t.report(issue.Value, "", "%s does not match %s", given, s.Pattern)
	default:
		t.report(issue.Invalid, "", "by JSON Schema: %s", clip(message))
	}
}

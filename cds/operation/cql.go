package operation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/cql"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/terminology"
)

// Expressions gives the operations of CQL: Library/$evaluate and $cql, as the
// implementation guide "Using CQL with FHIR" defines them, and
// Library/$data-requirements.
func Expressions(c Config) []fhir.Operation {
	same := &sameness{known: map[pair]bool{}}
	o := operation{Config: c, same: same, typ: "Library"}
	return []fhir.Operation{evaluation{o}, expression{o}, requirements{o}}
}

// Extensions of the guide.
const (
	absentURL    = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	emptyListURL = "http://hl7.org/fhir/StructureDefinition/cqf-isEmptyList"
	cqlTypeURL   = "http://hl7.org/fhir/StructureDefinition/cqf-cqlType"
)

// maxParameters bounds the parameters of one answer.
const maxParameters = 10_000

type evaluation struct{ operation }

func (evaluation) Signature() fhir.Signature {
	return fhir.Signature{
		Name: "evaluate", Definition: "http://hl7.org/fhir/uv/cql/OperationDefinition/cql-library-evaluate",
		Types: []string{"Library"}, Type: true, Instance: true, Pure: true,
	}
}

// Run evaluates the expressions that are named, or all public ones. One that fails
// is told beside the others.
func (o evaluation) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	call, err := o.ready(ctx, c, "evaluate", strings.Fields("library url canonical version expression"))
	if err != nil {
		return nil, err
	}
	library, compiled, err := o.library(c, call)
	if err != nil {
		return nil, err
	}
	if err := unknownParameter(compiled, call.input.parameters); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range c.Parameters.Root().Children("parameter") {
		if p.Child("name").String() != "expression" {
			continue
		}
		v, _ := p.Choice("value")
		if !compiled.Defines(v.String()) {
			return nil, issue.New(issue.NotFound, "$evaluate: %s defines no %q", clip(name(library)), clip(v.String())).At(p.Location())
		}
		names = append(names, v.String())
	}
	if len(names) == 0 {
		for _, d := range compiled.Definitions() {
			if !d.Private && !d.Function {
				names = append(names, d.Name)
			}
		}
	}
	out := &answer{object: fhir.NewResource("Parameters", "")}
	run := cql.NewRun(ctx, call.env)
	for _, n := range names {
		r, err := run.Evaluate(compiled, n)
		if err := out.add(n, r, err); err != nil {
			return nil, err
		}
	}
	return out.object.Resource()
}

type expression struct{ operation }

func (expression) Signature() fhir.Signature {
	return fhir.Signature{Name: "cql", Definition: "http://hl7.org/fhir/uv/cql/OperationDefinition/cql-cql", System: true}
}

// Run evaluates one expression, in which the libraries that are named may be used.
func (o expression) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text := c.Value("expression").String()
	if text == "" {
		return nil, issue.New(issue.Required, "$cql: the parameter expression is missing").At("expression")
	}
	call, err := o.ready(ctx, c, "cql", []string{"expression", "library"})
	if err != nil {
		return nil, err
	}
	includes := map[string]*cql.Library{}
	for _, p := range c.Parameters.Root().Children("parameter") {
		if p.Child("name").String() != "library" {
			continue
		}
		url, alias := "", ""
		for _, part := range p.Children("part") {
			v, _ := part.Choice("value")
			switch part.Child("name").String() {
			case "url":
				url = v.String()
			case "name":
				alias = v.String()
			}
		}
		found, _ := call.definitions.Find(url)
		if found == nil || found.Type() != "Library" {
			return nil, issue.New(issue.NotFound, "$cql: there is no Library %s", clip(url)).At(p.Location())
		}
		compiled, err := o.compile(found, call)
		if err != nil {
			return nil, err
		}
		if alias == "" {
			alias = compiled.Name
		}
		includes[alias] = compiled
	}
	x, err := cql.Scope(includes).Expression(text)
	if err != nil {
		return nil, err
	}
	// Parameters of a call are names in its expression, as %name.
	call.env.Var = func(name string) (cql.Value, bool) {
		v, ok := call.input.parameters[strings.TrimPrefix(name, "%")]
		return cql.FromFHIR(v), ok
	}
	out := &answer{object: fhir.NewResource("Parameters", "")}
	r, err := cql.NewRun(ctx, call.env).Eval(x)
	if err := out.add("return", r, err); err != nil {
		return nil, err
	}
	return out.object.Resource()
}

type requirements struct{ operation }

func (requirements) Signature() fhir.Signature {
	return fhir.Signature{
		Name: "data-requirements", Definition: "http://hl7.org/fhir/OperationDefinition/Library-data-requirements",
		Types: []string{"Library"}, Type: true, Instance: true, Pure: true,
	}
}

// Run tells what a library retrieves, with those it includes, as a Library of type
// module-definition.
func (o requirements) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	call, err := o.ready(ctx, c, "data-requirements", strings.Fields("library url canonical version target"))
	if err != nil {
		return nil, err
	}
	library, compiled, err := o.library(c, call)
	if err != nil {
		return nil, err
	}
	out := fhir.NewResource("Library", "").Set("status", "active").Set("type", fhir.NewObject().Append("coding",
		fhir.NewObject().Set("system", "http://terminology.hl7.org/CodeSystem/library-type").Set("code", "module-definition")))
	out.Set("subjectCodeableConcept", fhir.NewObject().Append("coding", fhir.NewObject().Set("system", "http://hl7.org/fhir/resource-types").Set("code", "Patient")))
	out.Append("relatedArtifact", fhir.NewObject().Set("type", "depends-on").Set("resource", name(library)))
	for _, p := range compiled.Parameters() {
		out.Append("parameter", fhir.NewObject().Set("name", p.Name).Set("use", "in").Set("min", 0).Set("max", maximum(p.Type)).Set("type", fhirTypeOf(p.Type)))
	}
	for _, r := range compiled.Requirements() {
		out.Append("dataRequirement", r.Object())
	}
	return out.Resource()
}

func maximum(t *cql.Type) string {
	if strings.HasPrefix(t.String(), "List<") {
		return "*"
	}
	return "1"
}

// fhirTypeOf gives the FHIR type that a parameter of a CQL type is passed as.
func fhirTypeOf(t *cql.Type) string {
	s := strings.TrimSuffix(strings.TrimPrefix(t.String(), "List<"), ">")
	if strings.HasPrefix(s, "Interval<") {
		if strings.Contains(s, "Date") {
			return "Period"
		}
		return "Range"
	}
	if own, ok := strings.CutPrefix(s, "FHIR."); ok {
		return own
	}
	switch own := strings.TrimPrefix(s, "System."); own {
	case "Boolean", "Integer", "Decimal", "String", "Date", "Time":
		return strings.ToLower(own)
	case "DateTime":
		return "dateTime"
	case "Long":
		return "string"
	case "Code":
		return "Coding"
	case "Concept":
		return "CodeableConcept"
	case "Quantity", "Ratio":
		return own
	}
	return "Element"
}

// ready is a call with what it may look at.
type ready struct {
	name        string
	input       *input
	env         cql.Env
	definitions apply.Definitions
	catalogue   *knowledge.Catalogue
}

// ready reads the parameters and gathers the data.
func (o operation) ready(ctx context.Context, c fhir.Call, op string, own []string) (*ready, error) {
	r := &ready{name: op, input: &input{parameters: map[string]fhirpath.Collection{}, received: map[string]facts.Received{}, lang: cds.ParseLang(c.Language)}}
	useServer := true
	allowed := append([]string{"subject", "parameters", "useServerData", "data", "prefetchData"}, own...)
	for _, n := range c.Parameters.Root().Children("parameter") {
		v, _ := n.Choice("value")
		var err error
		switch p := n.Child("name").String(); p {
		case "subject":
			r.input.subject, err = reference(v, "subject", "Patient")
		case "parameters":
			err = r.input.bind(n.Child("resource"))
		case "useServerData":
			useServer = v.String() != "false"
		case "data":
			err = r.input.take(n.Child("resource"), "")
		case "prefetchData":
			err = r.input.prefetched(n)
		default:
			if !slices.Contains(allowed, p) {
				err = issue.New(issue.NotSupported, "$%s: the parameter %q is not supported", op, clip(p)).At(n.Location())
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if r.input.subject != "" && !strings.HasPrefix(r.input.subject, "Patient/") {
		return nil, issue.New(issue.NotSupported, "$%s: the subject has to be a Patient", op).At("subject")
	}
	if r.input.subject != "" && useServer && o.Patients != nil {
		if err := r.input.add(ctx, o.Patients); err != nil {
			return nil, err
		}
	}
	snapshot := o.Knowledge()
	var err error
	if r.catalogue, err = o.Catalogue(ctx, snapshot); err != nil {
		return nil, err
	}
	r.definitions = o.definitions(r.catalogue, r.input.data)
	return r, o.environment(ctx, r)
}

func (o operation) environment(ctx context.Context, r *ready) error {
	byRef := map[string]*fhir.Node{}
	for _, d := range r.input.data {
		if ref := d.Ref(); ref != "" && byRef[ref] == nil {
			byRef[ref] = d.Root()
		}
	}
	r.env = cql.Env{
		Now: o.Now(), Patient: byRef[r.input.subject], Parameters: map[string]cql.Value{},
		Resolve: func(reference string) *fhir.Node { return byRef[reference] },
		Data: cql.Given(r.input.data, func(typ string) (known, told bool) {
			state, told := r.input.received[typ]
			return state == facts.Complete || state == facts.NoneRecorded, told
		}),
	}
	for name, v := range r.input.parameters {
		r.env.Parameters[name] = cql.FromFHIR(v)
	}
	var err error
	r.env.MemberOf, r.env.Expand, err = o.members(ctx, r.input.data)
	return err
}

// members tells what is in value sets: those of this server, and in a demonstration
// also those that came with the call.
func (o operation) members(ctx context.Context, data []*fhir.Resource) (memberOf func(fhir.Coding, string) (in, ok bool), codes func(string) ([]fhir.Coding, bool), err error) {
	if o.MemberOf != nil {
		if memberOf, err = o.MemberOf(ctx); err != nil {
			return nil, nil, err
		}
	}
	if o.Codes != nil {
		if codes, err = o.Codes(ctx); err != nil {
			return nil, nil, err
		}
	}
	var came []*fhir.Resource
	for _, r := range data {
		if r.Type() == "ValueSet" || r.Type() == "CodeSystem" {
			came = append(came, r)
		}
	}
	if !o.Demo || len(came) == 0 {
		return memberOf, codes, nil
	}
	kept, listed := memberOf, codes
	own, _ := terminology.Load(came) // one that is faulty is not known
	return func(c fhir.Coding, set string) (in, ok bool) {
			if kept != nil {
				if in, ok = kept(c, set); ok {
					return in, ok
				}
			}
			return own.MemberOf(c, set)
		}, func(set string) ([]fhir.Coding, bool) {
			if listed != nil {
				if list, ok := listed(set); ok {
					return list, ok
				}
			}
			return own.Codes(set)
		}, nil
}

// CQL compiles a Library that is stored with those that are stored; one that came
// with the call with those that came, then with those that are stored.
func (l layered) CQL(library *fhir.Resource, _ *knowledge.Catalogue) (*cql.Library, error) {
	if found, _ := l.Catalogue.Find(name(library)); found == library {
		return l.Catalogue.CQL(library, nil)
	}
	return l.came.CQL(library, l.Catalogue)
}

// library finds and compiles the Library of a call.
func (o operation) library(c fhir.Call, r *ready) (*fhir.Resource, *cql.Library, error) {
	found, err := o.definition(c, r.catalogue)
	if err != nil {
		return nil, nil, err
	}
	compiled, err := o.compile(found, r)
	return found, compiled, err
}

// compile gives the CQL of a Library that may be evaluated here.
func (o operation) compile(library *fhir.Resource, r *ready) (*cql.Library, error) {
	if err := o.released(library, r.catalogue); err != nil {
		return nil, err
	}
	compiler, ok := r.definitions.(apply.Compiler)
	if !ok {
		return nil, issue.New(issue.NotSupported, "$%s: CQL is not evaluated here", r.name)
	}
	compiled, err := compiler.CQL(library, nil)
	if err == nil && compiled == nil {
		err = issue.New(issue.NotSupported, "$%s: %s carries no CQL", r.name, clip(name(library)))
	}
	return compiled, err
}

// unknownParameter refuses a parameter that no library has.
func unknownParameter(l *cql.Library, given map[string]fhirpath.Collection) error {
	for p := range given {
		if !l.HasParameter(p) {
			return issue.New(issue.NotFound, "$evaluate: the library has no parameter %q", clip(p)).At("parameters")
		}
	}
	return nil
}

// answer is the Parameters of an answer.
type answer struct {
	object *fhir.Object
	count  int
}

// add writes what an expression gives: its values, that there are none, or that it
// could not be evaluated. What it rests on and is not known stands beside it.
func (a *answer) add(name string, r cql.Result, err error) error {
	if err != nil {
		return a.failed(name, err)
	}
	list, isList := r.Value.Composite().(cql.List)
	if !isList {
		list = cql.List{r.Value}
	}
	if a.count += len(list) + 1; a.count > maxParameters {
		return issue.New(issue.TooCostly, "the answer has more than %d values; name fewer expressions", maxParameters)
	}
	if isList && len(list) == 0 {
		a.object.Append("parameter", marked(fhir.NewObject().Set("name", name).Set("_valueBoolean", fhir.NewObject().Append("extension",
			fhir.NewObject().Set("url", emptyListURL).Set("valueBoolean", true))), r.Unknown))
		return nil
	}
	for _, v := range list {
		p, err := parameterOf(name, v, 0)
		if err != nil {
			return a.failed(name, err)
		}
		a.object.Append("parameter", marked(p, r.Unknown))
	}
	return nil
}

// failed tells that an expression could not be evaluated.
func (a *answer) failed(name string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return issue.Wrap(issue.Timeout, err, "evaluate %q: the time was not enough", clip(name))
	}
	outcome := fhir.NewResource("OperationOutcome", "")
	for _, i := range issue.Issues(err) {
		outcome.Append("issue", fhir.NewObject().Set("severity", "error").Set("code", i.Code).Set("diagnostics", i.Diagnostics))
	}
	a.object.Append("parameter", fhir.NewObject().Set("name", name).Append("part", fhir.NewObject().Set("name", "evaluation error").Set("resource", outcome)))
	return nil
}

// marked tells what the value rests on and is not known.
func marked(o *fhir.Object, unknown []string) *fhir.Object {
	if len(unknown) == 0 {
		return o
	}
	x := fhir.NewObject().Set("url", content.NotCheckedExtension)
	for _, u := range unknown {
		x.Append("extension", fhir.NewObject().Set("url", "missing").Set("valueString", u))
	}
	return o.Append("extension", x)
}

// parameterOf writes one value. A tuple has its elements as parts, and so has an
// interval that FHIR has no type for.
func parameterOf(name string, v cql.Value, depth int) (*fhir.Object, error) {
	o := fhir.NewObject().Set("name", name)
	if depth > 20 {
		return nil, issue.New(issue.TooCostly, "tuples and lists stand more than 20 deep within each other")
	}
	parts := func(names []string, values []cql.Value) (*fhir.Object, error) {
		for i, n := range names {
			p, err := parameterOf(n, values[i], depth+1)
			if err != nil {
				return nil, err
			}
			o.Append("part", p)
		}
		return o, nil
	}
	switch c := v.Composite().(type) {
	case cql.List:
		for _, item := range c {
			p, err := parameterOf("element", item, depth+1)
			if err != nil {
				return nil, err
			}
			o.Append("part", p)
		}
		return o, nil
	case *cql.Tuple:
		if c.Type == "" {
			return parts(c.Names, c.Values)
		}
	case *cql.Interval:
		if _, _, err := cql.FHIRJSON(v); err != nil {
			return parts([]string{"low", "high", "lowClosed", "highClosed"}, []cql.Value{c.Low, c.High, fhirpath.FromBool(c.LowClosed), fhirpath.FromBool(c.HighClosed)})
		}
	case nil:
		if v.Kind() == 0 {
			return o.Set("_valueBoolean", fhir.NewObject().Append("extension", fhir.NewObject().Set("url", absentURL).Set("valueCode", "unknown"))), nil
		}
		if v.Kind() == fhirpath.Long {
			o.Append("extension", fhir.NewObject().Set("url", cqlTypeURL).Set("valueString", "System.Long"))
		}
	}
	raw, typ, err := cql.FHIRJSON(v)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Node().ResourceType() != "":
		return o.Set("resource", json.RawMessage(raw)), nil
	case typ == "":
		return nil, issue.New(issue.NotSupported, "an element of no known type cannot be answered")
	case !valueTypes[typ]:
		// No value[x] holds it, such as a backbone element: its JSON as text.
		return o.Set("valueString", string(raw)), nil
	}
	return o.Set("value"+strings.ToUpper(typ[:1])+typ[1:], json.RawMessage(raw)), nil
}

// valueTypes are the types that Parameters.parameter.value[x] takes.
var valueTypes = func() map[string]bool {
	m := map[string]bool{}
	for _, t := range strings.Fields("base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time unsignedInt uri url uuid " +
		"Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration HumanName Identifier Money Period Quantity Range Ratio Reference " +
		"SampledData Signature Timing ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition UsageContext Dosage Meta") {
		m[t] = true
	}
	return m
}()

package apply

import (
	"context"
	"strings"

	"cdss/cds"
	"cdss/cds/cql"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Compiler compiles the CQL that Libraries carry. Definitions that are one have
// CQL evaluated here.
type Compiler interface {
	// CQL gives the compiled library, nil where the Library carries none. Includes
	// are looked for among the definitions and then in under, which may be nil.
	CQL(library *fhir.Resource, under *knowledge.Catalogue) (*cql.Library, error)
}

// cqlLanguages are the names that artifacts call the language by: of an expression,
// and of the name of a definition.
var cqlLanguages = []string{"text/cql", "text/cql-expression", "text/cql.expression", "text/cql-identifier", "text/cql.identifier"}

// cqlEvaluator evaluates CQL of one call. Definitions are computed once for all
// expressions of the call.
type cqlEvaluator struct {
	compiler   Compiler
	received   map[string]facts.Received
	parameters map[string]fhirpath.Collection
	codes      func(valueSet string) (codes []fhir.Coding, ok bool)
	run        *cql.Run
	names      *Names // of the expression that is evaluated
}

// Evaluate takes the text as the name of a definition of the artifact's libraries
// where one is called so, and else, unless it must be a name, as an expression in
// the scope of the first of them.
func (c *cqlEvaluator) Evaluate(ctx context.Context, e Expression, names Names) (fhirpath.Result, error) {
	var libraries []*cql.Library
	for _, r := range e.Libraries {
		l, err := c.compiler.CQL(r, nil)
		if err != nil {
			return fhirpath.Result{}, err
		}
		if l != nil {
			libraries = append(libraries, l)
		}
	}
	c.names = &names
	if c.run == nil {
		c.run = cql.NewRun(ctx, c.env(names))
	}
	text := strings.TrimSpace(e.Text)
	if l, name := find(libraries, text); l != nil {
		return result(c.run.Evaluate(l, name))
	}
	if strings.HasSuffix(e.Language, "identifier") {
		return fhirpath.Result{}, issue.New(issue.NotFound, "no library of the artifact defines %q in CQL", clip(text))
	}
	scope := cql.Empty()
	if len(libraries) > 0 {
		scope = libraries[0]
	}
	x, err := scope.Expression(text)
	if err != nil {
		return fhirpath.Result{}, err
	}
	return result(c.run.Eval(x))
}

// cqlGap names what an evaluation of CQL did not know: a value set, or the data of a
// type.
func cqlGap(name string) (Gap, bool) {
	if url, ok := strings.CutPrefix(name, "ValueSet "); ok {
		return Gap{Fact: name, Display: cds.Text{DE: "Wertemenge " + url, EN: "value set " + url}}, true
	}
	if id, ok := fhirpath.TypeByName(name); ok && id.IsResource() {
		return Gap{Fact: name, Display: cds.Text{DE: "Daten vom Typ " + name, EN: "data of type " + name}}, true
	}
	if strings.HasPrefix(name, "reference ") || strings.HasPrefix(name, "Patient.") {
		return Gap{Fact: name, Display: both(name)}, true
	}
	return Gap{}, false
}

// find looks for a definition by its name, which may be quoted and may stand
// behind that of its library.
func find(libraries []*cql.Library, text string) (*cql.Library, string) {
	library := ""
	name := strings.Trim(text, `"`)
	if before, after, ok := strings.Cut(text, "."); ok && strings.HasPrefix(after, `"`) {
		library, name = strings.Trim(before, `"`), strings.Trim(after, `"`)
	}
	for _, l := range libraries {
		if (library == "" || l.Name == library) && l.Defines(name) {
			return l, name
		}
	}
	return nil, ""
}

// result reads a value of CQL as one of FHIRPath.
func result(r cql.Result, err error) (fhirpath.Result, error) {
	if err != nil {
		return fhirpath.Result{}, err
	}
	out := fhirpath.Result{Undetermined: len(r.Unknown) > 0, Unknown: r.Unknown}
	if !out.Undetermined {
		out.Values, err = cql.ToFHIR(r.Value)
	}
	return out, err
}

// env gives what the call knows.
func (c *cqlEvaluator) env(names Names) cql.Env {
	env := cql.Env{
		Now: names.Now, Resolve: names.Resolve, MemberOf: names.MemberOf, Expand: c.codes, Parameters: map[string]cql.Value{},
		Data: cql.Given(names.Data, func(typ string) (known, told bool) {
			state, told := c.received[typ]
			return state == facts.Complete || state == facts.NoneRecorded, told
		}),
		Var: func(name string) (cql.Value, bool) {
			value, known, unknown := c.names.Var(strings.TrimPrefix(name, "%"))
			if !known || unknown {
				return cql.Value{}, false
			}
			return cql.FromFHIR(value), true
		},
	}
	if names.Focus.ResourceType() == "Patient" {
		env.Patient = names.Focus
	} else if v, known, unknown := names.Var("subject"); known && !unknown && len(v) == 1 && v[0].Node().ResourceType() == "Patient" {
		env.Patient = v[0].Node()
	}
	for name, v := range c.parameters {
		env.Parameters[name] = cql.FromFHIR(v)
	}
	return env
}

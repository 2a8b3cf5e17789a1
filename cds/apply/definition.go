package apply

import (
	"context"
	"strconv"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Bounds of one call, nested plans included.
const (
	maxActions = 10_000
	maxDepth   = 16
)

// Definitions finds what definitions name, and compiles what they hold.
type Definitions interface {
	// Find gives the artifact of a canonical, nil if there is none, and the versions
	// of other active ones that a canonical without version could mean as well.
	Find(canonical string) (r *fhir.Resource, rivals []string)
	Compile(source string) (*fhirpath.Expression, error)
	Library(*fhir.Resource) ([]*knowledge.Definition, []knowledge.Problem)
}

// Input is all that a definition is applied to.
type Input struct {
	Definitions Definitions
	// References "Type/id". Subject is required; the others may be "".
	Subject, Encounter, Practitioner, Organization string
	Data                                           []*fhir.Resource
	Received                                       map[string]facts.Received // as in facts.Input
	Chart                                          *facts.Chart              // nil: one is made of Data
	Parameters                                     map[string]fhirpath.Collection
	Evaluators                                     map[string]Evaluator // by language, beside text/fhirpath
	MemberOf                                       func(coding fhir.Coding, valueSet string) (in, ok bool)
	Codes                                          func(valueSet string) (codes []fhir.Coding, ok bool)
	Now                                            time.Time
	Lang                                           cds.Lang
	// Bundle asks for the form of R5: a Bundle with the RequestGroup first and what
	// it refers to behind it, in place of a CarePlan that contains them.
	Bundle bool
}

// PlanDefinition applies a PlanDefinition as it is written (R4,
// PlanDefinition/$apply). What cannot be evaluated or found becomes an issue of the
// result, and an action whose conditions rest on something unknown is left out and
// said to be not checked. Where nothing but missing data stands between the subject
// and every action, the result is a GuidanceResponse that asks for them. Errors are
// of kind issue.Required, issue.Invalid and issue.TooCostly.
func PlanDefinition(ctx context.Context, plan *fhir.Resource, in Input) (*fhir.Resource, error) {
	e, err := newEngine(ctx, plan, "PlanDefinition", in)
	if err != nil {
		return nil, err
	}
	if _, err := e.plan(plan); err != nil {
		return nil, err
	}
	return e.result(plan)
}

// ActivityDefinition applies an ActivityDefinition (R4, ActivityDefinition/$apply):
// the result is the request it defines.
func ActivityDefinition(ctx context.Context, activity *fhir.Resource, in Input) (*fhir.Resource, error) {
	e, err := newEngine(ctx, activity, "ActivityDefinition", in)
	if err != nil {
		return nil, err
	}
	n := &notes{}
	made, err := e.activity(activity, n, request{})
	if err != nil {
		return nil, err
	}
	e.check(made, n)
	if outcome := n.outcome("outcome", in.Lang); outcome != nil {
		contain(made.object, outcome, "outcome")
	}
	return made.object.Resource()
}

// engine is one call.
type engine struct {
	ctx        context.Context
	in         Input
	evaluators map[string]Evaluator
	base       *Scope
	subject    *fhir.Node // nil when it did not come
	data       map[string]*fhir.Node
	taken      map[string]bool // ids of the result
	made       []*made
	open       []string // canonicals of the plans that are being applied
	actions    int      // looked at
	applied    int      // taken
	lacking    []*fhir.Object
	goals      []string // ids of Goals, in order
}

// made is a resource of the result.
type made struct {
	typ, id string
	object  *fhir.Object
	notes   *notes
	goals   []string // of a RequestGroup, by its ids
}

func newEngine(ctx context.Context, r *fhir.Resource, typ string, in Input) (*engine, error) {
	if r.Type() != typ {
		return nil, issue.New(issue.Invalid, "$apply: a %s is needed, not a %s", typ, r.Type())
	}
	if in.Subject == "" {
		return nil, issue.New(issue.Required, "$apply: the parameter subject is missing").At("subject")
	}
	e := &engine{
		ctx: ctx, in: in, data: make(map[string]*fhir.Node, len(in.Data)), taken: map[string]bool{},
		evaluators: map[string]Evaluator{"text/fhirpath": fhirPath{in.Definitions}},
	}
	if compiler, ok := in.Definitions.(Compiler); ok {
		evaluator := &cqlEvaluator{compiler: compiler, received: in.Received, parameters: in.Parameters, codes: in.Codes}
		for _, language := range cqlLanguages {
			e.evaluators[language] = evaluator
		}
	}
	for language, evaluator := range in.Evaluators {
		e.evaluators[language] = evaluator
	}
	for _, d := range in.Data {
		if ref := d.Ref(); ref != "" && e.data[ref] == nil {
			e.data[ref] = d.Root()
		}
	}
	e.subject = e.data[in.Subject]
	chart := in.Chart
	if chart == nil {
		_, id, _ := strings.Cut(in.Subject, "/")
		chart = facts.Build(facts.Input{Now: in.Now, Patient: id, Resources: in.Data, Received: in.Received})
	}
	e.base = NewScope(ctx, chart, in.Now)
	e.taken[cleanID(r.ID())] = true
	return e, nil
}

// cleanID makes an id of what was meant as one.
func cleanID(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		}
		return '-'
	}, s)
	if len(s) > 56 { // room for a number behind it
		s = s[:56]
	}
	if s == "" {
		return "applied"
	}
	return s
}

// id gives an id that is free: the wanted one, or with a number behind it.
func (e *engine) id(wanted string) string {
	wanted = cleanID(wanted)
	id := wanted
	for n := 2; e.taken[id]; n++ {
		id = wanted + "-" + strconv.Itoa(n)
	}
	e.taken[id] = true
	return id
}

// reference refers to a resource of the result.
func (e *engine) reference(m *made) *fhir.Object {
	if e.in.Bundle {
		return ref(m.typ + "/" + m.id)
	}
	return ref("#" + m.id)
}

func ref(to string) *fhir.Object {
	if to == "" {
		return nil
	}
	return fhir.NewObject().Set("reference", to)
}

package runs

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cdss/cds/cql"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// ExpressionQuestion asks about an expression, or the source of a Library, while it is
// being written.
type ExpressionQuestion struct {
	Language  string // text/fhirpath, text/cql-expression, text/cql-identifier
	Text      string
	Before    string         // what stands before the place that is written at; "" asks for no completion
	Libraries []string       // canonicals that the artifact names
	Library   *fhir.Resource // whose source is written; Text is then one of its definitions, or ""
	Type, ID  string         // of the stored artifact it belongs to, with whose drafts it is read; "": with what runs
	Case      string         // whose data it is tried on; "": on nobody's
	Bundle    *fhir.Resource
}

// ExpressionAnswer is what is to be said of it.
type ExpressionAnswer struct {
	Problems    []ExpressionProblem    `json:"problems" doc:"what is wrong, with its place"`
	Typed       string                 `json:"typed" doc:"what is written of the word that is to be completed"`
	Completions []ExpressionCompletion `json:"completions" doc:"what could stand there, best first"`
	Value       *ExpressionValue       `json:"value,omitempty" doc:"what it is worth on the data; of CQL alone"`
	Reads       []ExpressionValue      `json:"reads" doc:"the definitions that took part, in the order in which they were known"`
}

// ExpressionProblem is something wrong at a place.
type ExpressionProblem struct {
	Definition string `json:"definition,omitempty"`
	Line       int    `json:"line" doc:"from 1; 0 where there is none"`
	Column     int    `json:"column" doc:"in characters, from 1"`
	Message    string `json:"message"`
}

// ExpressionCompletion is a word that could stand there.
type ExpressionCompletion struct {
	Text string `json:"text"`
	Kind string `json:"kind" enum:"element,definition,parameter,term,library,function,type,keyword"`
	Type string `json:"type,omitempty"`
}

// ExpressionValue is a value as CQL writes it.
type ExpressionValue struct {
	Name    string   `json:"name,omitempty"`
	Text    string   `json:"text"`
	Type    string   `json:"type,omitempty"`
	Unknown []string `json:"unknown,omitempty" doc:"what was asked for and is not known"`
}

// mostReads bounds the definitions that are told, and longestValue a value.
const (
	mostReads    = 100
	longestValue = 400
)

// Expression tells what is wrong with an expression, what could be written on, and
// what it is worth on the data of a case. Faults of the expression are in the answer;
// an error says that the question cannot be understood.
func (s *Service) Expression(ctx context.Context, q ExpressionQuestion) (ExpressionAnswer, error) {
	answer := ExpressionAnswer{Problems: []ExpressionProblem{}, Completions: []ExpressionCompletion{}, Reads: []ExpressionValue{}}
	snapshot := s.Knowledge()
	if q.ID != "" {
		var err error
		if _, snapshot, err = s.Artifacts.Artifact(ctx, q.Type, q.ID); err != nil {
			return answer, err
		}
	}
	catalogue := snapshot.Catalogue()
	if q.Library == nil && !strings.HasPrefix(q.Language, "text/cql") {
		if _, err := catalogue.Compile(q.Text); err != nil {
			answer.fault("", err)
		}
		return answer, nil
	}
	libraries := answer.libraries(catalogue, q)
	scope := cql.Empty()
	if len(libraries) > 0 {
		scope = libraries[0]
	}
	if q.Before != "" {
		var list []cql.Completion
		answer.Typed, list = scope.Complete(q.Before)
		for _, c := range list {
			answer.Completions = append(answer.Completions, ExpressionCompletion{c.Text, c.Kind, c.Type})
		}
	}
	if q.Text == "" {
		return answer, nil
	}
	evaluate := answer.compile(libraries, scope, q)
	if evaluate == nil || q.Case == "" && q.Bundle == nil {
		return answer, nil
	}
	ask, err := s.question(ctx, Question{Case: q.Case, Bundle: q.Bundle})
	if err != nil {
		return answer, err
	}
	run := cql.NewRun(ctx, s.environment(append(slices.Clone(ask.Resources), ask.Drafts...), ask.Now, &answer))
	v, err := evaluate(run)
	if err != nil {
		answer.fault("", err)
		return answer, nil
	}
	answer.Value = &ExpressionValue{Text: clip(cql.Text(v.Value)), Unknown: v.Unknown}
	return answer, nil
}

// libraries compiles what the expression may name: the Library that is written, or
// those that the artifact names.
func (a *ExpressionAnswer) libraries(catalogue *knowledge.Catalogue, q ExpressionQuestion) (list []*cql.Library) {
	add := func(l *cql.Library, err error) {
		if err != nil {
			a.fault("", err)
		}
		if l != nil {
			list = append(list, l)
		}
	}
	if q.Library != nil {
		l, err := catalogue.TryCQL(q.Library)
		add(l, err)
		if l != nil {
			for _, p := range l.Problems {
				a.fault(p.Definition, p.Err)
			}
		}
		return list
	}
	for _, name := range q.Libraries {
		r, _ := catalogue.Find(name)
		if r == nil || r.Type() != "Library" {
			a.Problems = append(a.Problems, ExpressionProblem{Message: "there is no Library " + clip(name)})
			continue
		}
		add(catalogue.CQL(r, nil))
	}
	return list
}

// compile gives how the text is evaluated, nil where it cannot be.
func (a *ExpressionAnswer) compile(libraries []*cql.Library, scope *cql.Library, q ExpressionQuestion) func(*cql.Run) (cql.Result, error) {
	text := strings.TrimSpace(q.Text)
	for _, l := range libraries {
		if name := strings.Trim(text, `"`); l.Defines(name) {
			return func(r *cql.Run) (cql.Result, error) { return r.Evaluate(l, name) }
		}
	}
	if strings.HasSuffix(q.Language, "identifier") {
		a.Problems = append(a.Problems, ExpressionProblem{Message: "no library of the artifact defines " + clip(text) + " in CQL"})
		return nil
	}
	x, err := scope.Expression(text)
	if err != nil {
		a.fault("", err)
		return nil
	}
	return func(r *cql.Run) (cql.Result, error) { return r.Eval(x) }
}

// environment is what an expression may look at: the data of the case.
func (s *Service) environment(data []*fhir.Resource, now time.Time, a *ExpressionAnswer) cql.Env {
	byRef := map[string]*fhir.Node{}
	env := cql.Env{
		Now: now, Data: cql.Given(data, nil), Resolve: func(reference string) *fhir.Node { return byRef[reference] },
		Trace: func(library, name string, v cql.Value) {
			if len(a.Reads) < mostReads {
				a.Reads = append(a.Reads, ExpressionValue{Name: library + "." + name, Text: clip(cql.Text(v))})
			}
		},
	}
	for _, r := range data {
		byRef[r.Ref()] = r.Root()
		if r.Type() == "Patient" && env.Patient == nil {
			env.Patient = r.Root()
		}
	}
	if s.MemberOf != nil {
		env.MemberOf = s.MemberOf()
	}
	if s.Codes != nil {
		env.Expand = s.Codes()
	}
	return env
}

var placed = regexp.MustCompile(`line (\d+), column (\d+): `)

// fault tells an error with the place that its words name.
func (a *ExpressionAnswer) fault(definition string, err error) {
	p := ExpressionProblem{Definition: definition, Message: err.Error()}
	var known *issue.Error
	if errors.As(err, &known) {
		p.Message = known.Diagnostics
	}
	if m := placed.FindStringSubmatchIndex(p.Message); m != nil {
		p.Line, _ = strconv.Atoi(p.Message[m[2]:m[3]])
		p.Column, _ = strconv.Atoi(p.Message[m[4]:m[5]])
		p.Message = p.Message[m[1]:]
	}
	a.Problems = append(a.Problems, p)
}

func clip(text string) string {
	if runes := []rune(text); len(runes) > longestValue {
		return string(runes[:longestValue]) + "…"
	}
	return text
}

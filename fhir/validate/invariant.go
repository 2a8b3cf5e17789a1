package validate

import (
	"context"
	"sync"

	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Invariants is layer L3: the constraints of the specification, evaluated as
// FHIRPath on each element they stand on. The Env gives what they may look at
// beside the resource; without MemberOf, an invariant that needs a terminology
// is told as not evaluated. The error is that of the context.
func Invariants(ctx context.Context, r *fhir.Resource, env fhirpath.Env) ([]issue.Issue, error) {
	v := invariants{walker: walker{t: r4()}, ctx: ctx, env: env}
	v.resource(r.Root(), step{name: r.Type(), index: -1}, nil)
	return v.issues, v.err
}

type invariants struct {
	walker
	ctx context.Context
	env fhirpath.Env
	err error
}

func (v *invariants) resource(n *fhir.Node, s step, owner *fhir.Node) {
	d := v.t.types[n.ResourceType()]
	if d == nil || d.kind != 'r' {
		return
	}
	before := v.env
	v.env.Resource, v.env.Root = n, n
	if owner != nil {
		v.env.Root = owner
	}
	v.element(n, d, s, nil)
	v.env = before
}

// element checks n, of type d, and what is in it. Own are the rules of the
// element that n is a value of.
func (v *invariants) element(n *fhir.Node, d *typeDef, s step, own []*rule) {
	if v.err != nil || v.errors == mostIssues {
		return
	}
	v.path = append(v.path, s)
	defer func() { v.path = v.path[:len(v.path)-1] }()
	for _, r := range own {
		v.rule(n, r)
	}
	for t := d; t != nil; t = t.base {
		for i := range t.rules {
			// Structure sees to it that no element is empty (ele-1) and that "#id"
			// names a contained resource (ref-1), and says which.
			r := &t.rules[i]
			if r.where != "" || r.key == "ele-1" || r.key == "ref-1" {
				continue
			}
			// A contained resource has no narrative (dom-6 asks for one).
			if contained := v.env.Root != v.env.Resource; contained && r.key == "dom-6" {
				continue
			}
			v.rule(n, r)
		}
	}
	if d.kind == 'p' {
		d = v.t.types["Element"]
	}
	for name, nodes := range n.Fields() {
		e, typ := v.t.element(d, name)
		if e == nil {
			continue
		}
		rules := d.rulesOn(e.name)
		for _, k := range nodes {
			next := step{e.name, k.Index()}
			switch {
			case k.Empty():
			case typ.kind == 'r' && e.name == "contained":
				v.resource(k, next, n)
			case typ.kind == 'r':
				v.resource(k, next, nil)
			default:
				v.element(k, typ, next, rules)
			}
		}
	}
}

// rulesOn gives the invariants that d puts on one of its elements.
func (d *typeDef) rulesOn(element string) []*rule {
	var list []*rule
	for ; d != nil; d = d.base {
		for i := range d.rules {
			if d.rules[i].where == element {
				list = append(list, &d.rules[i])
			}
		}
	}
	return list
}

// rule evaluates one invariant. Only an outright false breaks it: several of
// R4's own are empty on legal data.
func (v *invariants) rule(n *fhir.Node, r *rule) {
	e, err := r.compiled()
	if err != nil {
		return // a test compiles every rule of the table
	}
	result, err := e.Eval(v.ctx, fhirpath.FromNode(n), v.env)
	if ctxErr := v.ctx.Err(); ctxErr != nil {
		v.err = ctxErr
		return
	}
	severity := issue.SeverityError
	if r.warning {
		severity = issue.SeverityWarning
	}
	switch {
	case err != nil || result.Undetermined:
		v.add(issue.SeverityInformation, issue.Incomplete, "", "the invariant %s could not be evaluated: %s", r.key, r.human)
	case result.Truth() == fhirpath.False && len(result.Values) > 0:
		v.add(severity, issue.Invariant, "", "the invariant %s does not hold: %s", r.key, r.human)
	}
}

// compile gives the rule's expression, compiled at its first use.
func compile(source string) func() (*fhirpath.Expression, error) {
	return sync.OnceValues(func() (*fhirpath.Expression, error) { return fhirpath.Compile(source) })
}

package operation

import (
	"context"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// Decider answers for plans that hold regimens.
type Decider interface {
	Answer(ctx context.Context, ask decide.Ask) cds.Recommendation
}

// Patients reads the patients that this server keeps.
type Patients interface {
	// Patient gives what is kept of a patient, and by resource type how complete
	// that is. An unknown patient has nothing, which is no error.
	Patient(ctx context.Context, id string) ([]*fhir.Resource, map[string]facts.Received, error)
}

// Config is what the operations stand on. All but Patients, MemberOf and Evaluators
// is required.
type Config struct {
	Decider   Decider
	Knowledge func() *knowledge.Snapshot
	// Catalogue gives the artifacts that may be named beside a snapshot.
	Catalogue func(ctx context.Context, s *knowledge.Snapshot) (*knowledge.Catalogue, error)
	Tables    recommend.Tables
	Patients  Patients // nil: no patient data are kept here
	MemberOf  func(ctx context.Context) (func(fhir.Coding, string) (in, ok bool), error)
	// Codes lists what is in value sets, for expressions that ask for it; may be nil.
	Codes func(ctx context.Context) (func(string) (codes []fhir.Coding, ok bool), error)
	// Evaluators evaluate expressions by language, beside FHIRPath.
	Evaluators map[string]apply.Evaluator
	Demo       bool // artifacts that are not active can be applied
	Now        func() time.Time
}

// Operations gives the operations: $apply on both types, and $r5.apply, which
// answers with a Bundle.
func Operations(c Config) []fhir.Operation {
	same := &sameness{known: map[pair]bool{}}
	return []fhir.Operation{
		operation{c, same, "PlanDefinition", false}, operation{c, same, "PlanDefinition", true},
		operation{c, same, "ActivityDefinition", false}, operation{c, same, "ActivityDefinition", true},
	}
}

// patience bounds one call.
const patience = 10 * time.Second

type operation struct {
	Config
	same   *sameness
	typ    string
	bundle bool
}

func (o operation) Signature() fhir.Signature {
	s := fhir.Signature{
		Name: "apply", Definition: "http://hl7.org/fhir/OperationDefinition/" + o.typ + "-apply",
		Types: []string{o.typ}, Type: true, Instance: true, Pure: true,
	}
	if o.bundle {
		s.Name, s.Definition = "r5.apply", content.Base+"/OperationDefinition/"+o.typ+"-r5-apply"
	}
	return s
}

func (o operation) Run(ctx context.Context, c fhir.Call) (*fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// The knowledge of this moment: a release while the call runs changes nothing of it.
	snapshot := o.Knowledge()
	o.Knowledge = func() *knowledge.Snapshot { return snapshot }
	p, err := o.read(ctx, c)
	if err != nil {
		return nil, err
	}
	catalogue, err := o.Catalogue(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	definition, err := o.definition(c, catalogue)
	if err != nil {
		return nil, err
	}
	if err := o.released(definition, catalogue); err != nil {
		return nil, err
	}
	if o.typ == "PlanDefinition" {
		plan, err := o.regimens(definition)
		if err != nil {
			return nil, err
		}
		if plan != nil {
			return o.recommend(ctx, plan, p)
		}
	}
	in := apply.Input{
		Definitions: o.definitions(catalogue, p.data), Subject: p.subject, Encounter: p.encounter, Practitioner: p.practitioner, Organization: p.organization,
		Data: p.data, Received: p.received, Parameters: p.parameters, Evaluators: o.Evaluators, Now: o.Now(), Lang: p.lang, Bundle: p.bundle,
		Chart: facts.Build(facts.Input{
			Now: o.Now(), Patient: p.patient(), Resources: p.data, Received: p.received, Indications: o.Knowledge().Indications(),
			Formulary: o.Tables.Formulary, Allergy: o.Tables.Allergy, Organisms: o.Tables.Organisms,
		}),
	}
	if in.MemberOf, in.Codes, err = o.members(ctx, p.data); err != nil {
		return nil, err
	}
	if o.typ == "ActivityDefinition" {
		r, err := apply.ActivityDefinition(ctx, definition, in)
		if err != nil || !example(definition.Root()) {
			return r, err
		}
		return r.Root().Object().Append("note", fhir.NewObject().Set("text", banner.In(p.lang))).Resource()
	}
	return apply.PlanDefinition(ctx, definition, in)
}

// definitions gives what definitions may name. In a demonstration those that came
// with the data go before those that are stored.
func (o operation) definitions(catalogue *knowledge.Catalogue, data []*fhir.Resource) apply.Definitions {
	var came []*fhir.Resource
	for _, r := range data {
		switch r.Type() {
		case "PlanDefinition", "ActivityDefinition", "Library", "Questionnaire":
			came = append(came, r)
		}
	}
	if !o.Demo || len(came) == 0 {
		return catalogue
	}
	return layered{catalogue, knowledge.NewCatalogue(came)}
}

// layered looks into the catalogue of a call first.
type layered struct {
	*knowledge.Catalogue
	came *knowledge.Catalogue
}

func (l layered) Find(canonical string) (*fhir.Resource, []string) {
	if r, rivals := l.came.Find(canonical); r != nil {
		return r, rivals
	}
	return l.Catalogue.Find(canonical)
}

// Library is remembered for this call only.
func (l layered) Library(r *fhir.Resource) ([]*knowledge.Definition, []knowledge.Problem) {
	return l.came.Library(r)
}

// definition finds what is to be applied: the instance, the one that came, or the
// one that a canonical names.
func (o operation) definition(c fhir.Call, catalogue *knowledge.Catalogue) (*fhir.Resource, error) {
	if c.Instance != nil {
		return catalogue.Own(c.Instance), nil
	}
	inline := strings.ToLower(o.typ[:1]) + o.typ[1:]
	if n := c.Parameter(inline).Child("resource"); n != nil {
		return n.Resource()
	}
	canonical := c.Value("canonical").String()
	if canonical == "" {
		canonical = c.Value("url").String()
		if v := c.Value("version").String(); v != "" && canonical != "" {
			canonical += "|" + v
		}
	}
	if canonical == "" {
		return nil, issue.New(issue.Required, "$apply: name the %s by its id in the address, or by one of the parameters %s, canonical or url", o.typ, inline)
	}
	found, _ := catalogue.Find(canonical)
	if found == nil || found.Type() != o.typ {
		return nil, issue.New(issue.NotFound, "$apply: there is no %s %s", o.typ, clip(canonical))
	}
	return found, nil
}

// released refuses what nobody released: outside of a demonstration only active
// artifacts are applied, and none that came with the call.
func (o operation) released(r *fhir.Resource, catalogue *knowledge.Catalogue) error {
	if o.Demo {
		return nil
	}
	status := r.Root().Child("status").String()
	experimental, _ := r.Root().Child("experimental").Bool()
	if status != "active" || experimental {
		return issue.New(issue.BusinessRule, "$apply %s: its status is %q%s; only what was released is applied here",
			clip(name(r)), clip(status), map[bool]string{true: ", and it is experimental"}[experimental])
	}
	if same, _ := catalogue.Find(name(r)); same == nil || !o.same.as(same, r) {
		return issue.New(issue.BusinessRule, "$apply %s: it is not what was released here under this name", clip(name(r)))
	}
	return nil
}

// regimens gives the compiled plan when r holds regimens for an indication, nil for
// any other plan. It is an error when that plan does not run, or runs in another
// form: as written it knows nothing of allergies, kidneys and interactions.
// Rules about options and orders cannot be applied without one.
func (o operation) regimens(r *fhir.Resource) (*knowledge.Plan, error) {
	if !holdsRegimens(r.Root()) {
		if hasRole(r.Root().Children("action"), content.RoleRule) {
			return nil, issue.New(issue.BusinessRule, "$apply %s: its rules are about options and orders, and are checked with them", clip(name(r)))
		}
		return nil, nil
	}
	snapshot := o.Knowledge()
	plan, ok := snapshot.Plan(name(r))
	if !ok {
		for _, w := range append(slices.Clone(snapshot.Withheld()), snapshot.Problems()...) {
			if w.Artifact == name(r) {
				return nil, issue.New(issue.BusinessRule, "$apply %s: the plan does not run: %s", clip(name(r)), clip(w.Message))
			}
		}
		return nil, issue.New(issue.BusinessRule, "$apply %s: a plan of regimens is applied only when it is among the knowledge that runs", clip(name(r)))
	}
	if !o.same.as(plan.Resource, r) {
		return nil, issue.New(issue.Conflict, "$apply %s: the plan differs from the one that runs under this name", clip(name(r)))
	}
	if plan.Indication == "" {
		return nil, issue.New(issue.BusinessRule, "$apply %s: the plan names no indication", clip(name(r)))
	}
	return plan, nil
}

// example tells whether an artifact is one of ours that nobody released: what is
// made of it is marked.
func example(root *fhir.Node) bool {
	experimental, _ := root.Child("experimental").Bool()
	return strings.HasPrefix(root.Child("url").String(), content.Base+"/") && (experimental || root.Child("status").String() != "active")
}

var banner = cds.Text{DE: content.BannerDE, EN: content.BannerEN}

// holdsRegimens tells whether a plan carries the topic of our regimens, or options
// as we write them.
func holdsRegimens(root *fhir.Node) bool {
	for _, t := range root.Children("topic") {
		if t.CodeableConcept().Has(content.PackSystem, content.PackRegimens) {
			return true
		}
	}
	return hasRole(root.Children("action"), content.RoleOption)
}

func hasRole(actions []*fhir.Node, role string) bool {
	for _, a := range actions {
		for _, code := range a.Children("code") {
			if code.CodeableConcept().Has(content.ActionSystem, role) {
				return true
			}
		}
		if hasRole(a.Children("action"), role) {
			return true
		}
	}
	return false
}

func name(r *fhir.Resource) string {
	root := r.Root()
	if url := root.Child("url").String(); url != "" {
		return fhir.Canonical{URL: url, Version: root.Child("version").String()}.String()
	}
	return r.Ref()
}

func clip(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

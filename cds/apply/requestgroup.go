package apply

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// goalURL is the standard extension that ties a request to a goal.
const goalURL = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"

// copied are the members that an action of a plan and one of a RequestGroup share.
// A prefix belongs to the plan's own table of contents.
var copied = []string{
	"title", "description", "textEquivalent", "priority", "code", "documentation", "condition", "type",
	"groupingBehavior", "selectionBehavior", "requiredBehavior", "precheckBehavior", "cardinalityBehavior",
}

// ofArtifact begin the urls of extensions that are about a definition, not about
// what is made of it.
var ofArtifact = []string{
	"http://hl7.org/fhir/uv/cpg/StructureDefinition/cpg-knowledge",
	"http://hl7.org/fhir/uv/crmi/",
	"http://hl7.org/fhir/StructureDefinition/cqf-",
	"http://hl7.org/fhir/StructureDefinition/artifact-",
	"http://hl7.org/fhir/5.0/StructureDefinition/extension-PlanDefinition.",
}

// extend copies the extensions that are not about the definition itself.
func extend(o *fhir.Object, from *fhir.Node) {
	for _, x := range from.Children("extension") {
		url := x.Child("url").String()
		if !slices.ContainsFunc(ofArtifact, func(prefix string) bool { return strings.HasPrefix(url, prefix) }) {
			o.Append("extension", x)
		}
	}
}

// step is an action of a RequestGroup while it is made.
type step struct {
	id       string
	object   *fhir.Object
	related  []*fhir.Node
	children []*step
}

// plan makes the RequestGroup of a plan, and what it refers to. The error is one
// that ends the whole call.
func (e *engine) plan(r *fhir.Resource) (*made, error) {
	root := r.Root()
	m := &made{typ: "RequestGroup", notes: &notes{}}
	if len(e.open) == 0 {
		m.id = cleanID(r.ID())
	} else {
		m.id = e.id(r.ID())
	}
	e.made = append(e.made, m)
	m.object = fhir.NewResource("RequestGroup", m.id)
	if language := root.Child("language"); language != nil {
		m.object.Set("language", language)
	}
	extend(m.object, root)
	if canonical := canonicalOf(root); canonical != "" {
		m.object.Set("instantiatesCanonical", []string{canonical})
	}
	m.object.Set("status", "active").Set("intent", "proposal").
		Set("subject", ref(e.in.Subject)).Set("encounter", ref(e.in.Encounter)).Set("author", ref(e.in.Practitioner))
	a := e.artifact(r, m.notes)
	goals := e.goalsOf(root)
	m.goals = nil
	for _, g := range goals {
		m.goals = append(m.goals, g.id)
	}
	e.open = append(e.open, a.name)
	w := &groupWalk{engine: e, artifact: a, group: m, goals: goals}
	steps, err := w.children(root.Children("action"), "", root.Extension(content.AnyApplicable), 1)
	if err != nil {
		return nil, err
	}
	e.open = e.open[:len(e.open)-1]
	ids := map[string]bool{}
	collect(steps, ids)
	for _, s := range steps {
		m.object.Append("action", s.write(ids, m.notes))
	}
	m.notes.extensions(m.object)
	return m, nil
}

func collect(steps []*step, ids map[string]bool) {
	for _, s := range steps {
		if s.id != "" {
			ids[s.id] = true
		}
		collect(s.children, ids)
	}
}

// write gives the action with its children. A relation to an action that does not
// apply is left out and told: its id would lead nowhere.
func (s *step) write(ids map[string]bool, n *notes) *fhir.Object {
	for _, r := range s.related {
		if to := r.Child("actionId").String(); !ids[to] {
			n.add(problem{
				severity: issue.SeverityInformation, code: issue.Incomplete, at: r.Location(),
				text: cds.Text{
					DE: "Bezug auf " + clip(to) + " entfällt: diese Aktion gehört nicht zum Ergebnis",
					EN: "relation to " + clip(to) + " is left out: that action is not part of the result",
				},
			})
			continue
		}
		s.object.Append("relatedAction", r)
	}
	if s.object.Has("resource") && len(s.children) > 0 {
		// An action has either a resource or actions (R4, rgp-1).
		resource := fhir.NewObject().Set("resource", member(s.object, "resource"))
		s.object.Remove("resource").Append("action", resource)
	}
	for _, c := range s.children {
		s.object.Append("action", c.write(ids, n))
	}
	return s.object
}

// member gives a member of an object.
func member(o *fhir.Object, name string) *fhir.Node {
	return tree(o).Child(name)
}

// tree reads what was built so far. What this package writes is always JSON.
func tree(o *fhir.Object) *fhir.Node {
	n, err := fhir.ParseJSON(o.JSON(), fhir.Limits{})
	if err != nil {
		return nil
	}
	return n
}

// groupWalk walks the actions of one plan.
type groupWalk struct {
	*engine
	artifact *artifact
	group    *made
	goals    []goal
}

// children walks actions in order. With any, the first that applies ends it.
func (w *groupWalk) children(actions []*fhir.Node, path string, behaviour *fhir.Node, depth int) ([]*step, error) {
	v, _ := behaviour.Choice("value")
	any := v.String() == "any"
	var list []*step
	for _, n := range actions {
		s, err := w.action(n, path, depth)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		list = append(list, s)
		if any {
			break
		}
	}
	return list, nil
}

// action gives the request action of a plan's action, nil when it does not apply.
func (w *groupWalk) action(n *fhir.Node, path string, depth int) (*step, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, issue.Wrap(issue.Timeout, err, "$apply %s: the time was not enough", w.artifact.name)
	}
	w.actions++
	if w.actions > maxActions || depth > maxDepth {
		return nil, issue.New(issue.TooCostly, "$apply %s: more than %d actions or %d levels", w.artifact.name, maxActions, maxDepth).At(n.Location())
	}
	id := n.Child("id").String()
	at := id
	if at == "" {
		at = n.Location()
		at = at[strings.LastIndexByte(at, '.')+1:]
	}
	if path != "" {
		at = path + "/" + at
	}
	title := n.Child("title").Translated(string(w.in.Lang))
	if title == "" {
		title = at
	}
	inputs, missing := w.inputs(n)
	if !w.applies(n, at, title, inputs, missing) {
		return nil, nil
	}
	w.applied++
	s := &step{id: id, object: fhir.NewObject(), related: n.Children("relatedAction")}
	s.object.Set("id", id)
	extend(s.object, n)
	for name, raw := range n.Members() {
		if slices.Contains(copied, strings.TrimPrefix(name, "_")) {
			s.object.Set(name, raw)
		}
	}
	if timing, kind := n.Choice("timing"); timing != nil {
		s.object.Set("timing"+kind, timingOf(timing, kind))
	}
	w.participants(s.object, n)
	target, err := w.definition(s.object, n, title, inputs, depth)
	if err != nil {
		return nil, err
	}
	w.dynamic(w.artifact, n, inputs, s.object, target)
	s.children, err = w.children(n.Children("action"), at, n.Extension(content.AnyApplicable), depth+1)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// applies decides the conditions of an action, and that its inputs came.
func (w *groupWalk) applies(n *fhir.Node, at, title string, inputs map[string]named, missing []Gap) bool {
	outcome := Holds
	gaps := missing
	if len(missing) > 0 {
		outcome = Open
	}
	for _, c := range n.Children("condition") {
		if c.Child("kind").String() != "applicability" {
			continue
		}
		x := c.Child("expression")
		r, err := w.evaluate(w.artifact, inputs, x, w.artifact.root)
		truth := r.Truth()
		if err == nil && !r.Undetermined && len(r.Values) == 0 {
			// Nothing is neither true nor false: what is compared is not there.
			err = issue.New(issue.Value, "the condition gives nothing: what it looks at is not there")
		}
		if err == nil && truth == fhirpath.NotBoolean {
			err = issue.New(issue.Value, "the condition gives %d values where one boolean is due", len(r.Values))
		}
		assume, _ := extensionValue(c, content.AssumeExtension).Bool()
		switch {
		case err != nil:
			w.group.notes.fail(err, x.Location(), cds.Text{
				DE: "Nicht geprüft: " + title + ". Eine Bedingung konnte nicht ausgewertet werden.",
				EN: "Not checked: " + title + ". A condition could not be evaluated.",
			})
			outcome = max(outcome, Open)
		case truth == fhirpath.True:
		case truth == fhirpath.False:
			return false
		default:
			gaps = addGaps(gaps[:len(gaps):len(gaps)], w.gaps(w.artifact, inputs, r.Unknown))
			if !assume {
				outcome = Open
			} else if outcome == Holds {
				outcome = Assumed
			}
		}
	}
	if outcome == Open || outcome == Assumed {
		w.group.notes.open(at, title, n.Location(), gaps)
	}
	if outcome == Open {
		for _, g := range gaps {
			w.lack(g)
		}
	}
	return outcome == Holds || outcome == Assumed
}

func extensionValue(n *fhir.Node, url string) *fhir.Node {
	v, _ := n.Extension(url).Choice("value")
	return v
}

// participants names who takes part, as far as the call does. A plan knows roles
// only.
func (w *groupWalk) participants(o *fhir.Object, n *fhir.Node) {
	for _, p := range n.Children("participant") {
		to := ""
		switch p.Child("type").String() {
		case "patient":
			to = w.in.Subject
		case "practitioner":
			to = w.in.Practitioner
		}
		o.Append("participant", ref(to))
	}
}

// counts are the members of Timing.repeat that are numbers. Some plans write them
// as text.
var counts = []string{
	"count", "countMax", "duration", "durationMax", "frequency", "frequencyMax", "period", "periodMax", "offset",
}

// timingOf gives a timing with its numbers as numbers.
func timingOf(n *fhir.Node, kind string) any {
	repeat := n.Child("repeat")
	if kind != "Timing" || repeat == nil {
		return json.RawMessage(n.JSON())
	}
	o := repeat.Object()
	for _, name := range counts {
		if c := repeat.Child(name); c.Kind() == fhir.KindString {
			if _, ok := fhir.ParseDecimal(c.String()); ok && json.Valid([]byte(c.String())) {
				o.Set(name, json.Number(c.String()))
			}
		}
	}
	return n.Object().Set("repeat", o)
}

// definition follows what an action names as its definition, and sets the action's
// resource. It gives what was made, nil if nothing was.
func (w *groupWalk) definition(o *fhir.Object, n *fhir.Node, title string, inputs map[string]named, depth int) (*made, error) {
	if uri := n.Child("definitionUri").String(); uri != "" {
		o.Set("resource", ref(uri))
		return nil, nil
	}
	canonical := n.Child("definitionCanonical")
	if canonical.String() == "" {
		return nil, nil
	}
	failed := func(err error) {
		w.group.notes.fail(err, canonical.Location(), cds.Text{
			DE: "Definition von " + title + " konnte nicht angewendet werden: " + clip(canonical.String()),
			EN: "definition of " + title + " could not be applied: " + clip(canonical.String()),
		})
	}
	var r *fhir.Resource
	if id, contained := strings.CutPrefix(canonical.String(), "#"); contained {
		for _, c := range w.artifact.root.Children("contained") {
			if c.Child("id").String() != id {
				continue
			}
			var err error
			if r, err = c.Resource(); err != nil {
				failed(err)
				return nil, nil
			}
			break
		}
	} else {
		var rivals []string
		r, rivals = w.in.Definitions.Find(canonical.String())
		w.rivals(w.artifact, canonical, rivals)
	}
	if r == nil {
		failed(issue.New(issue.NotFound, "there is no %s", clip(canonical.String())))
		return nil, nil
	}
	var m *made
	var err error
	switch r.Type() {
	case "ActivityDefinition":
		id := n.Child("id").String()
		if m, err = w.activity(r, w.group.notes, request{id: id, group: w.group, goals: w.pertains(n)}); err != nil {
			failed(err)
			return nil, nil
		}
		w.made = append(w.made, m)
	case "PlanDefinition":
		name := nameOf(r)
		if at := slices.Index(w.open, name); at >= 0 {
			failed(issue.New(issue.BusinessRule, "the plan leads back to itself: %s", clip(strings.Join(append(w.open[at:len(w.open):len(w.open)], name), " > "))))
			return nil, nil
		}
		if len(w.open) >= maxDepth {
			return nil, issue.New(issue.TooCostly, "$apply %s: more than %d plans within each other", name, maxDepth)
		}
		if m, err = w.plan(r); err != nil {
			return nil, err
		}
	case "Questionnaire":
		id := r.ID()
		if id == "" {
			id = "questionnaire"
		}
		m = &made{typ: "Questionnaire", id: w.id(id)}
		m.object = r.Root().Object().Set("id", m.id)
		w.made = append(w.made, m)
	default:
		o.Set("resource", ref(canonical.String()))
		return nil, nil
	}
	o.Set("resource", w.reference(m))
	return m, nil
}

// goal is a Goal of the result: the id it has in the plan, and in the result.
type goal struct{ own, id string }

// goalsOf makes the Goals of a plan.
func (e *engine) goalsOf(root *fhir.Node) []goal {
	var list []goal
	for i, g := range root.Children("goal") {
		own := g.Child("id").String()
		id := own
		if id == "" {
			id = strconv.Itoa(i + 1)
		}
		m := &made{typ: "Goal", id: e.id(id)}
		m.object = fhir.NewResource("Goal", m.id).Set("lifecycleStatus", "proposed")
		extend(m.object, g)
		m.object.Append("category", g.Child("category"))
		m.object.Set("priority", g.Child("priority")).Set("description", g.Child("description")).Set("subject", ref(e.in.Subject))
		m.object.Set("startCodeableConcept", g.Child("start"))
		for _, t := range g.Children("target") {
			target := fhir.NewObject().Set("measure", t.Child("measure"))
			if detail, kind := t.Choice("detail"); detail != nil {
				target.Set("detail"+kind, detail)
			}
			target.Set("dueDuration", t.Child("due"))
			m.object.Append("target", target)
		}
		e.made = append(e.made, m)
		e.goals = append(e.goals, m.id)
		list = append(list, goal{own: own, id: m.id})
	}
	return list
}

// pertains gives the goals that an action serves.
func (w *groupWalk) pertains(n *fhir.Node) []string {
	var list []string
	for _, wanted := range n.Strings("goalId") {
		found := false
		for _, g := range w.goals {
			if g.own == wanted {
				list, found = append(list, g.id), true
			}
		}
		if !found {
			w.group.notes.fail(issue.New(issue.NotFound, "the plan has no goal %s", clip(wanted)), n.Location(), cds.Text{
				DE: "Ziel fehlt im Plan: " + clip(wanted), EN: "goal is missing in the plan: " + clip(wanted),
			})
		}
	}
	return list
}

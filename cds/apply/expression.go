package apply

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/knowledge"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// Evaluator evaluates the expressions of one language, such as CQL. Those in
// text/fhirpath this package evaluates itself.
type Evaluator interface {
	// Evaluate gives the value of an expression. What it rests on and is not known
	// makes the result undetermined; an error says why there is none.
	Evaluate(ctx context.Context, e Expression, names Names) (fhirpath.Result, error)
}

// Expression is an expression as an artifact holds it, with the artifact's
// libraries.
type Expression struct {
	Language, Text string
	Libraries      []*fhir.Resource
}

// Names is what an expression may look at. Authors find here all there is:
//
//   - the focus, and %resource: the subject (the Patient); in an expression that
//     names %context, the definition that holds the expression
//   - %subject, %patient, %encounter, %practitioner, %organization: what the call
//     names, as far as it is among the data
//   - an action's input by its id: the data that fit the requirement
//   - the call's parameters by their names
//   - the facts of the Chart in camel case (%crb65), the lists of Scope, and the
//     named expressions of the artifact's libraries
type Names struct {
	Focus *fhir.Node
	Now   time.Time
	Data  []*fhir.Resource
	Var   func(name string) (value fhirpath.Collection, known, unknown bool)
	// Resolve gives the resource that a reference names, or nil.
	Resolve  func(reference string) *fhir.Node
	MemberOf func(coding fhir.Coding, valueSet string) (in, ok bool)
}

// fhirPath is the Evaluator of text/fhirpath.
type fhirPath struct {
	definitions Definitions
}

func (f fhirPath) Evaluate(ctx context.Context, e Expression, names Names) (fhirpath.Result, error) {
	compiled, err := f.definitions.Compile(e.Text)
	if err != nil {
		return fhirpath.Result{}, err
	}
	r, err := compiled.Eval(ctx, fhirpath.FromNode(names.Focus), fhirpath.Env{
		Resource: names.Focus, Now: names.Now, Var: names.Var, Resolve: names.Resolve, MemberOf: names.MemberOf,
	})
	if err == nil && names.Focus == nil && readsFocus(e.Text) {
		r.Undetermined, r.Unknown = true, append(slices.Clone(r.Unknown), "subject")
	}
	return r, err
}

var (
	quoted     = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|//[^\n]*|(?s:/\*.*?\*/)|@[0-9T:.+Zz-]*`)
	ofContext  = regexp.MustCompile("%`?context`?(?:[^\\pL0-9_]|$)")
	leadingRef = regexp.MustCompile("([%.$]?)\\s*([A-Za-z_][A-Za-z0-9_]*|`[^`]*`)\\s*(\\(?)")
)

// keywords of FHIRPath, and functions that look at no focus.
var keywords = strings.Fields("and or xor implies div mod in contains is as true false now today timeOfDay iif " +
	"year years month months week weeks day days hour hours minute minutes second seconds millisecond milliseconds")

// readsFocus tells whether an expression may look at its focus: a word that begins
// a path, or $this. It rather says yes.
func readsFocus(source string) bool {
	source = quoted.ReplaceAllString(source, " 0 ")
	for _, m := range leadingRef.FindAllStringSubmatch(source, -1) {
		switch m[1] {
		case "%", ".":
			continue
		case "$":
			return true
		}
		if !slices.Contains(keywords, m[2]) {
			return true
		}
	}
	return false
}

// names gives what expressions of an artifact may look at; holder is the definition
// that %context means.
func (e *engine) names(a *artifact, inputs map[string]named, text string, holder *fhir.Node) Names {
	focus := e.subject
	if ofContext.MatchString(text) {
		focus = holder
	}
	return Names{
		Focus: focus, Now: e.in.Now, Data: e.in.Data, Resolve: e.resolve, MemberOf: e.in.MemberOf,
		Var: func(name string) (fhirpath.Collection, bool, bool) {
			v := e.lookup(a, inputs, name)
			return v.value, true, v.unknown
		},
	}
}

// evaluate gives the value of an expression of an artifact.
func (e *engine) evaluate(a *artifact, inputs map[string]named, n, holder *fhir.Node) (fhirpath.Result, error) {
	x := Expression{Language: n.Child("language").String(), Text: n.Child("expression").String(), Libraries: a.libraries}
	if x.Text == "" {
		return fhirpath.Result{}, issue.New(issue.Required, "there is no expression")
	}
	evaluator, ok := e.evaluators[x.Language]
	if !ok {
		return fhirpath.Result{}, issue.New(issue.NotSupported, "expressions in %q are not evaluated here", clip(x.Language))
	}
	return evaluator.Evaluate(e.ctx, x, e.names(a, inputs, x.Text, holder))
}

// gaps tells what is unknown of the names that mattered.
func (e *engine) gaps(a *artifact, inputs map[string]named, unknown []string) []Gap {
	var list []Gap
	for _, name := range unknown {
		if g, ok := cqlGap(name); ok {
			list = addGaps(list, []Gap{g})
			continue
		}
		list = addGaps(list, e.lookup(a, inputs, name).gaps)
	}
	return list
}

// Names of what the call names, as gaps.
var callGaps = map[string]cds.Text{
	"subject":      {DE: "Daten der Person", EN: "data of the person"},
	"patient":      {DE: "Daten der Person", EN: "data of the person"},
	"encounter":    {DE: "Aufenthalt", EN: "encounter"},
	"practitioner": {DE: "behandelnde Person", EN: "practitioner"},
	"organization": {DE: "Einrichtung", EN: "organization"},
}

// lookup finds a name, from the narrowest to the widest.
func (e *engine) lookup(a *artifact, inputs map[string]named, name string) named {
	if v, ok := inputs[name]; ok {
		return v
	}
	if v, ok := e.in.Parameters[name]; ok {
		if _, reserved := callGaps[name]; !reserved {
			return named{value: v}
		}
	}
	if display, ok := callGaps[name]; ok {
		if n := e.named(name); n != nil {
			return named{value: fhirpath.FromNode(n)}
		}
		return named{unknown: true, gaps: []Gap{{Fact: name, Display: display}}}
	}
	v, _ := a.scope.lookup(a, name)
	return v
}

// named gives the resource that the call means by a name, nil if it did not come.
func (e *engine) named(name string) *fhir.Node {
	switch name {
	case "encounter":
		return e.resolve(e.in.Encounter)
	case "practitioner":
		return e.resolve(e.in.Practitioner)
	case "organization":
		return e.resolve(e.in.Organization)
	}
	return e.subject
}

func (e *engine) resolve(reference string) *fhir.Node { return e.data[reference] }

// artifact is a definition that is being applied, with its libraries.
type artifact struct {
	resource  *fhir.Resource
	root      *fhir.Node
	name      string // canonical, for messages
	libraries []*fhir.Resource
	defs      map[string]*knowledge.Definition
	scope     *Scope
	notes     *notes
}

// Definition gives a named expression of the libraries.
func (a *artifact) Definition(name string) (*knowledge.Definition, bool) {
	d, ok := a.defs[name]
	return d, ok
}

// artifact reads what a definition brings along.
func (e *engine) artifact(r *fhir.Resource, n *notes) *artifact {
	root := r.Root()
	a := &artifact{resource: r, root: root, name: nameOf(r), defs: map[string]*knowledge.Definition{}, notes: n, scope: e.base.fork()}
	for _, library := range root.Children("library") {
		if library.String() == "" {
			continue
		}
		found, rivals := e.in.Definitions.Find(library.String())
		if found == nil || found.Type() != "Library" {
			n.add(problem{
				severity: issue.SeverityError, code: issue.NotFound, at: library.Location(),
				text: cds.Text{DE: "Bibliothek fehlt: " + clip(library.String()), EN: "library is missing: " + clip(library.String())},
			})
			continue
		}
		e.rivals(a, library, rivals)
		a.libraries = append(a.libraries, found)
		definitions, problems := e.in.Definitions.Library(found)
		for _, d := range definitions {
			a.defs[d.Name] = d
		}
		for _, p := range problems {
			n.add(problem{severity: issue.SeverityWarning, code: issue.NotSupported, at: p.Location, text: both(p.Artifact + ": " + p.Message)})
		}
	}
	return a
}

// rivals tells that a canonical without version had several active ones to mean.
func (e *engine) rivals(a *artifact, at *fhir.Node, rivals []string) {
	if len(rivals) == 0 {
		return
	}
	others := clip(strings.Join(rivals, ", "))
	a.notes.add(problem{
		severity: issue.SeverityWarning, code: issue.MultipleMatches, at: at.Location(),
		text: cds.Text{
			DE: clip(at.String()) + ": mehrere Versionen sind aktiv, die neueste wurde genommen, nicht " + others,
			EN: clip(at.String()) + ": several versions are active, the newest was taken, not " + others,
		},
	})
}

func nameOf(r *fhir.Resource) string {
	if name := canonicalOf(r.Root()); name != "" {
		return name
	}
	return r.Ref()
}

// canonicalOf gives url|version, url alone, or "".
func canonicalOf(root *fhir.Node) string {
	if root.Child("url").String() == "" {
		return ""
	}
	return fhir.Canonical{URL: root.Child("url").String(), Version: root.Child("version").String()}.String()
}

// clip shortens what came from outside for a message.
func clip(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func both(s string) cds.Text { return cds.Text{DE: s, EN: s} }

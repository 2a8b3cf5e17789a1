package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cdss/fhir"
	"cdss/fhir/issue"
)

// mostIssues is where listing ends, that of errors and that of all else, so that
// no number of warnings hides an error: what is wrong a thousand times is known
// after the first hundred.
const mostIssues = 100

// Structure is layer L2: every element known and of its type, as often as the
// definition says, one type per choice, required codes, reference targets, the
// syntax of primitives and the calendar. It looks into contained resources,
// Bundle entries and parameters. A resource without issues gives nil.
//
// All it finds is an error but one: a reference to a resource of a type that
// the element does not allow is a warning, unless the element is required or
// names the patient. Real records and HL7's own examples hold such references,
// and nothing else in the resource is the less true for them. So whether a
// resource can be used is asked of issue.From, not of the number of issues.
func Structure(r *fhir.Resource) []issue.Issue {
	w := walker{t: r4()}
	w.resource(r.Root(), step{name: r.Type(), index: -1}, false)
	return w.issues
}

// step is one part of a location.
type step struct {
	name  string
	index int
}

type walker struct {
	t      *table
	path   []step
	issues []issue.Issue
	errors int // of issues
	others int
	// container is the resource that "#id" references are looked up in.
	container *fhir.Node
}

// location gives the path as FHIRPath, with more behind it if given.
func (w *walker) location(more string) string {
	var b strings.Builder
	for i, s := range w.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	if more != "" {
		b.WriteString("." + more)
	}
	return b.String()
}

func (w *walker) report(kind issue.Kind, more, format string, a ...any) {
	w.add(issue.SeverityError, kind, more, format, a...)
}

func (w *walker) add(severity string, kind issue.Kind, more, format string, a ...any) {
	count := &w.others
	if severity == issue.SeverityError {
		count = &w.errors
	}
	if *count == mostIssues {
		return
	}
	*count++
	w.issues = append(w.issues, issue.Issue{
		Severity: severity, Code: string(kind),
		Diagnostics: fmt.Sprintf(format, a...), Expression: []string{w.location(more)},
	})
}

// resource checks n as a resource standing at s.
func (w *walker) resource(n *fhir.Node, s step, contained bool) {
	w.path = append(w.path, s)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	name := n.ResourceType()
	d := w.t.types[name]
	switch {
	case n.Kind() != fhir.KindObject:
		w.report(issue.Structure, "", "a resource should stand here, not %s", describe(n))
		return
	case name == "":
		w.report(issue.Required, "resourceType", "resourceType is missing")
		return
	case !w.t.resource(name):
		w.report(issue.Structure, "resourceType", "%q is no resource of FHIR R4", clip(name))
		return
	}
	if !contained {
		before := w.container
		w.container = n
		defer func() { w.container = before }()
	}
	w.object(n, d)
}

// object checks the members of n, an object of type d.
func (w *walker) object(n *fhir.Node, d *typeDef) {
	for _, name := range n.EmptyLists() {
		w.report(issue.Structure, name, "an empty list is not allowed: leave %s out", clip(name))
	}
	if len(n.All()) == 0 {
		w.report(issue.Structure, "", "an empty object is not allowed")
		return
	}
	var chosen []*elementDef
	var chosenName []string
	for name, nodes := range n.Fields() {
		if name == "resourceType" && d.kind == 'r' {
			if nodes[0].Index() >= 0 || len(nodes[0].All()) > 0 {
				w.report(issue.Structure, name, "resourceType is one string without extensions")
			}
			continue
		}
		e, typ := w.t.element(d, name)
		switch {
		case e == nil:
			w.report(issue.Structure, clip(name), "%s has no element %s", d.name, clip(name))
			continue
		case !e.choice:
		case !slices.Contains(e.types, typ):
			w.report(issue.Structure, e.name, "%s[x] is a %s; allowed: %s", e.name, typ.name, names(e.types))
			continue
		case slices.Contains(chosen, e):
			w.report(issue.Structure, e.name, "%s[x] is given twice, as %s and as %s", e.name, chosenName[slices.Index(chosen, e)], name)
			continue
		default:
			chosen, chosenName = append(chosen, e), append(chosenName, name)
		}
		list := nodes[0].Index() >= 0
		switch {
		case list && e.max == 1:
			w.report(issue.Structure, e.name, "%s is a list, and one value is allowed", e.name)
			continue
		case !list && e.max != 1:
			w.report(issue.Structure, e.name, "%s is no list, and should be one", e.name)
			continue
		case e.max > 1 && len(nodes) > e.max:
			w.report(issue.Structure, e.name, "%s is given %d times; at most %d are allowed", e.name, len(nodes), e.max)
		}
		for _, k := range nodes {
			w.value(k, e, typ)
		}
	}
	for _, e := range d.required {
		if !has(n, e) {
			w.report(issue.Required, e.name, "%s is missing", e.name)
		}
	}
}

func has(n *fhir.Node, e *elementDef) bool {
	if e.choice {
		k, _ := n.Choice(e.name)
		return k != nil
	}
	return n.Child(e.name) != nil || slices.Contains(n.EmptyLists(), e.name)
}

// value checks one node of element e.
func (w *walker) value(n *fhir.Node, e *elementDef, typ *typeDef) {
	if typ.kind == 'r' {
		w.resource(n, step{e.name, n.Index()}, e.name == "contained")
		return
	}
	w.path = append(w.path, step{e.name, n.Index()})
	defer func() { w.path = w.path[:len(w.path)-1] }()
	if typ.kind == 'p' {
		w.primitive(n, typ, e)
		return
	}
	if n.Kind() != fhir.KindObject {
		w.report(issue.Structure, "", "a %s should stand here, not %s", typ.name, describe(n))
		return
	}
	w.object(n, typ)
	switch {
	case typ.name == "Reference":
		w.reference(n, e)
	case e.codes != nil && typ.name == "Coding":
		w.coded(n, []*fhir.Node{n}, e.codes)
	case e.codes != nil && typ.name == "CodeableConcept":
		w.coded(n, n.Children("coding"), e.codes)
	}
}

// primitive checks a value and what its _x sibling holds.
func (w *walker) primitive(n *fhir.Node, typ *typeDef, e *elementDef) {
	if k := n.Kind(); k == fhir.KindObject || k == fhir.KindArray {
		w.report(issue.Structure, "", "a %s should stand here, not %s", typ.name, describe(n))
		return
	}
	if len(n.All()) > 0 {
		w.object(n, typ)
	}
	if n.Kind() == fhir.KindNull {
		if len(n.All()) == 0 {
			w.report(issue.Structure, "", "null is not allowed: leave the element out")
		}
		return
	}
	if want := jsonKind(typ); n.Kind() != want {
		w.report(issue.Structure, "", "a %s is written as JSON %s, not as %s", typ.name, kindName(want), describe(n))
		return
	}
	if allowed := syntax(typ, n.String()); allowed != "" {
		w.report(issue.Value, "", "%q is no %s: %s", clip(n.String()), typ.name, allowed)
		return
	}
	if e.codes != nil && typ.is("string") {
		if _, ok := e.codes.codes[n.String()]; !ok {
			w.report(issue.CodeInvalid, "", "%q is not in %s: %s", clip(n.String()), e.codes.url, e.codes.list())
		}
	}
}

// list names the codes, the first of many.
func (c *codeList) list() string {
	var codes []string
	for _, system := range sortedKeys(c.systems) {
		codes = append(codes, c.systems[system]...)
	}
	return some(codes)
}

// some joins words, the first of many.
func some(words []string) string {
	const most = 24
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// coded checks that a Coding, or one of a CodeableConcept, is in the value set.
// A concept with a text alone breaks a required binding too.
func (w *walker) coded(n *fhir.Node, codings []*fhir.Node, c *codeList) {
	for _, k := range codings {
		coding := k.Coding()
		if slices.Contains(c.systems[coding.System], coding.Code) {
			return
		}
	}
	if n.Child("extension") != nil && len(codings) == 0 {
		return
	}
	given := "no code"
	if len(codings) > 0 {
		given = strconv.Quote(clip(codings[0].Child("code").String()))
	}
	w.report(issue.CodeInvalid, "", "%s is not in %s: %s", given, c.url, c.list())
}

// reference checks what a Reference names.
func (w *walker) reference(n *fhir.Node, e *elementDef) {
	ref := n.Reference()
	text := ref.Reference
	if id, ok := strings.CutPrefix(text, "#"); ok {
		if id != "" && !contains(w.container, id) {
			w.report(issue.Value, "reference", "%q names no contained resource", clip(text))
		}
		return
	}
	typ, _, local := ref.Local()
	if text != "" && !absolute(text) && (!local || strings.ContainsAny(text, " \t\r\n")) {
		w.report(issue.Value, "reference", "%q is no reference: Type/id, an absolute url, urn:uuid:… or #id", clip(text))
		return
	}
	at := "reference"
	if !local || absolute(text) && !w.t.resource(typ) {
		typ, at = ref.Type, "type"
	}
	severity := issue.SeverityWarning
	if e.min > 0 || e.patient() {
		severity = issue.SeverityError
	}
	switch {
	case at == "reference" && !w.t.resource(typ):
		w.add(severity, issue.Value, at, "%q is a reference to no resource of FHIR R4", clip(text))
	case !w.t.resource(typ) || len(e.targets) == 0 || slices.Contains(e.targets, typ):
	default:
		w.add(severity, issue.Value, at, "a reference to a %s; allowed: %s", typ, strings.Join(e.targets, ", "))
	}
}

// patient tells whether the element names the patient that a resource is about.
func (e *elementDef) patient() bool {
	return (e.name == "subject" || e.name == "patient") && slices.Contains(e.targets, "Patient")
}

func contains(resource *fhir.Node, id string) bool {
	for _, c := range resource.Children("contained") {
		if c.Child("id").String() == id {
			return true
		}
	}
	return false
}

// absolute tells whether the text is a url with a scheme.
func absolute(s string) bool {
	colon := strings.IndexByte(s, ':')
	return colon > 1 && !strings.ContainsAny(s, " \t\r\n") && strings.Trim(s[:colon], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") == ""
}

func names(types []*typeDef) string {
	var list []string
	for _, t := range types {
		list = append(list, t.name)
	}
	return strings.Join(list, ", ")
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

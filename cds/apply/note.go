package apply

import (
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// messagesURL is the standard extension that names an OperationOutcome about the
// resource it stands on.
const messagesURL = "http://hl7.org/fhir/StructureDefinition/cqf-messages"

// problem is what a call could not do.
type problem struct {
	severity    string
	code        issue.Kind
	diagnostics string // in English, how it came about
	text        cds.Text
	at          string
}

// unchecked is an action that could not be decided.
type unchecked struct {
	at, title string
	gaps      []Gap
}

// notes are what a RequestGroup has to say beside its actions.
type notes struct {
	problems  []problem
	unchecked []unchecked
}

func (n *notes) add(p problem) { n.problems = append(n.problems, p) }

// fail notes an error, with what was attempted.
func (n *notes) fail(err error, at string, text cds.Text) {
	for _, i := range issue.Issues(err) {
		n.add(problem{severity: issue.SeverityError, code: issue.Kind(i.Code), diagnostics: i.Diagnostics, at: at, text: text})
	}
}

// open notes an action that could not be decided.
func (n *notes) open(at, title, where string, gaps []Gap) {
	n.unchecked = append(n.unchecked, unchecked{at: at, title: title, gaps: gaps})
	if len(gaps) == 0 {
		return // a problem says why
	}
	var de, en, names []string
	for _, g := range gaps {
		de, en, names = append(de, g.Display.DE), append(en, g.Display.EN), append(names, g.Fact)
	}
	n.add(problem{
		severity: issue.SeverityWarning, code: issue.Incomplete, at: where,
		diagnostics: "not checked: action " + clip(at) + "; not known: " + clip(strings.Join(names, ", ")),
		text: cds.Text{
			DE: "Nicht geprüft: " + title + ". Es fehlt: " + clip(strings.Join(de, ", ")),
			EN: "Not checked: " + title + ". Missing: " + clip(strings.Join(en, ", ")),
		},
	})
}

// outcome writes the problems as OperationOutcome, nil when there are none.
func (n *notes) outcome(id string, lang cds.Lang) *fhir.Object {
	if len(n.problems) == 0 {
		return nil
	}
	o := fhir.NewResource("OperationOutcome", id)
	for _, p := range n.problems {
		i := fhir.NewObject().Set("severity", p.severity).Set("code", string(p.code))
		if text := p.text.In(lang); text != "" {
			i.Set("details", fhir.NewObject().Set("text", text))
		}
		i.Set("diagnostics", p.diagnostics)
		if p.at != "" {
			i.Set("expression", []string{p.at})
		}
		o.Append("issue", i)
	}
	return o
}

// extensions write what was not checked.
func (n *notes) extensions(o *fhir.Object) {
	for _, u := range n.unchecked {
		x := fhir.NewObject().Set("url", content.NotCheckedExtension).
			Append("extension", fhir.NewObject().Set("url", "action").Set("valueString", u.at))
		if u.title != u.at {
			x.Append("extension", fhir.NewObject().Set("url", "title").Set("valueString", u.title))
		}
		for _, g := range u.gaps {
			x.Append("extension", fhir.NewObject().Set("url", "missing").Set("valueString", g.Fact))
		}
		o.Append("extension", x)
	}
}

// contain puts an OperationOutcome into the resource it is about.
func contain(in, outcome *fhir.Object, id string) {
	in.Append("contained", outcome)
	in.Append("extension", fhir.NewObject().Set("url", messagesURL).Set("valueReference", ref("#"+id)))
}

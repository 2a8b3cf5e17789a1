package apply

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cdss/cds"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
	"cdss/fhir/validate"
)

// dynamic sets the dynamic values of holder, an action or an ActivityDefinition. A
// path that begins with "action." is about the request action, any other about the
// resource that was made. An empty value leaves the element as it is.
func (e *engine) dynamic(a *artifact, holder *fhir.Node, inputs map[string]named, action *fhir.Object, target *made) {
	for _, d := range holder.Children("dynamicValue") {
		x := d.Child("expression")
		path := strings.TrimPrefix(d.Child("path").String(), "%")
		failed := func(err error) {
			a.notes.fail(err, d.Location(), cds.Text{
				DE: "Wert für " + clip(path) + " konnte nicht bestimmt werden", EN: "value of " + clip(path) + " could not be determined",
			})
		}
		r, err := e.evaluate(a, inputs, x, a.root)
		if err != nil {
			failed(err)
			continue
		}
		if r.Undetermined {
			var names []string
			for _, g := range e.gaps(a, inputs, r.Unknown) {
				names = append(names, g.Fact)
			}
			a.notes.add(problem{
				severity: issue.SeverityWarning, code: issue.Incomplete, at: d.Location(), diagnostics: "not known: " + clip(strings.Join(names, ", ")),
				text: cds.Text{DE: "Wert für " + clip(path) + " nicht gesetzt: Daten fehlen", EN: "value of " + clip(path) + " was not set: data are missing"},
			})
			continue
		}
		if len(r.Values) == 0 {
			continue
		}
		object, typ := action, "RequestGroup.action"
		rest := path
		for strings.HasPrefix(rest, "action.") && action != nil {
			rest = strings.TrimPrefix(rest, "action.")
		}
		if rest == path {
			if target == nil {
				failed(issue.New(issue.Value, "the path is about the resource of the action, and there is none"))
				continue
			}
			object, typ = target.object, target.typ
		}
		segments, err := parsePath(rest)
		if err != nil {
			failed(err)
			continue
		}
		changed, err := put(typ, tree(object), segments, r.Values)
		if err != nil {
			failed(err)
			continue
		}
		*object = *changed
	}
}

// segment is one step of a path: a name, and the place in a list, -1 if none.
type segment struct {
	name  string
	index int
}

// Bounds of a path.
const (
	maxSegments = 12
	maxIndex    = 100
)

// parsePath reads "payload[0].contentString".
func parsePath(path string) ([]segment, error) {
	var list []segment
	for _, part := range strings.Split(path, ".") {
		s := segment{name: part, index: -1}
		if name, rest, found := strings.Cut(part, "["); found {
			number, ok := strings.CutSuffix(rest, "]")
			i, err := strconv.Atoi(number)
			if !ok || err != nil || i < 0 || i > maxIndex {
				return nil, issue.New(issue.Value, "%q is no path", clip(path))
			}
			s = segment{name: name, index: i}
		}
		if s.name == "" || len(list) == maxSegments {
			return nil, issue.New(issue.Value, "%q is no path", clip(path))
		}
		list = append(list, s)
	}
	return list, nil
}

// put gives the object with the values at the path; typ is its type in R4.
func put(typ string, current *fhir.Node, path []segment, values fhirpath.Collection) (*fhir.Object, error) {
	o := current.Object()
	at := path[0]
	m, ok := validate.MemberOf(typ, at.name)
	if ok && m.Name == "" && len(path) == 1 { // a choice by its base name takes the type of the value
		_, of := values[0].JSON()
		if of != "" {
			at.name += strings.ToUpper(of[:1]) + of[1:]
		}
		m, ok = validate.MemberOf(typ, at.name)
		if other, kind := current.Choice(path[0].name); other != nil && path[0].name+kind != at.name {
			o.Remove(path[0].name + kind) // a choice has one value
		}
	}
	if !ok || m.Name == "" {
		return nil, issue.New(issue.Value, "%s has no element %q", typ, clip(at.name))
	}
	if !m.List && at.index > 0 {
		return nil, issue.New(issue.Value, "%s.%s is no list", typ, at.name)
	}
	have := current.Children(at.name)
	if at.index > len(have) {
		return nil, issue.New(issue.Value, "%s.%s[%d]: the list has %d elements", typ, at.name, at.index, len(have))
	}
	var texts []string
	if len(path) > 1 {
		place := max(at.index, 0)
		var inner *fhir.Node
		if place < len(have) {
			inner = have[place]
		}
		sub, err := put(m.Type, inner, path[1:], values)
		if err != nil {
			return nil, err
		}
		texts = replaced(have, place, string(sub.JSON()))
	} else {
		for _, v := range values {
			text, err := convert(v, m.Type)
			if err != nil {
				return nil, fmt.Errorf("set %s.%s: %w", typ, at.name, err)
			}
			texts = append(texts, text)
		}
		if len(texts) > 1 && (!m.List || at.index >= 0) {
			return nil, issue.New(issue.Value, "%s.%s takes one value, the expression gives %d", typ, at.name, len(texts))
		}
		if at.index >= 0 {
			texts = replaced(have, at.index, texts[0])
		}
		o.Remove("_" + at.name) // translations and the like were of the old value
	}
	if m.List {
		return o.Set(at.name, json.RawMessage("["+strings.Join(texts, ",")+"]")), nil
	}
	return o.Set(at.name, json.RawMessage(texts[0])), nil
}

// replaced gives the elements of a list with another one at a place, which may be
// the one behind the last.
func replaced(have []*fhir.Node, place int, text string) []string {
	var texts []string
	for _, n := range have {
		texts = append(texts, string(n.JSON()))
	}
	if place == len(texts) {
		return append(texts, text)
	}
	texts[place] = text
	return texts
}

// convert writes a value as the type that an element has.
func convert(v fhirpath.Value, want string) (string, error) {
	raw, is := v.JSON()
	text := string(raw)
	if text == "" || text == "null" {
		return "", issue.New(issue.Value, "the value is empty")
	}
	simple := text[0] != '{' && text[0] != '['
	switch {
	case want == is:
		return text, nil
	case want == "CodeableConcept" && is == "Coding":
		return `{"coding":[` + text + `]}`, nil
	case want == "CodeableConcept" && simple && text[0] == '"':
		return `{"text":` + text + `}`, nil
	case want == "Reference" && simple && text[0] == '"':
		return `{"reference":` + text + `}`, nil
	case want == "Reference" && v.Node().ResourceType() != "" && v.Node().Child("id").String() != "":
		return string(ref(v.Node().ResourceType() + "/" + v.Node().Child("id").String()).JSON()), nil
	case want == "Quantity" && (is == "Age" || is == "Duration" || is == "Count" || is == "Distance" || is == "Money"):
		return text, nil
	case want == "Duration" && is == "Quantity", want == "Age" && is == "Quantity":
		return text, nil
	case simple && want != "" && want[0] >= 'a' && want[0] <= 'z':
		switch kind := jsonKind(want); {
		case kind == text[0], kind == '0' && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'), kind == 't' && (text == "true" || text == "false"):
			return text, nil
		case kind == '"':
			return strconv.Quote(text), nil // a number or boolean as text: digits and letters only
		}
	}
	return "", issue.New(issue.Value, "a %s cannot stand where a %s is due", is, want)
}

// jsonKind gives the first byte of how a primitive is written: a string, a number
// (0) or a boolean (t).
func jsonKind(primitive string) byte {
	switch primitive {
	case "boolean":
		return 't'
	case "integer", "decimal", "positiveInt", "unsignedInt":
		return '0'
	}
	return '"'
}

package operation

import (
	"context"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
	"cdss/cds/prefetch"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/fhir/issue"
)

// input is what a call asks for.
type input struct {
	subject, encounter, practitioner, organization string // references, "" if none
	data                                           []*fhir.Resource
	received                                       map[string]facts.Received
	unreadable                                     []issue.Issue
	truncated                                      bool
	parameters                                     map[string]fhirpath.Collection
	lang                                           cds.Lang
	bundle                                         bool
}

// patient gives the bare id of the subject.
func (p *input) patient() string { return strings.TrimPrefix(p.subject, "Patient/") }

// known are the parameters that are read by name; these of the specification say
// something about the setting and are names for expressions.
var (
	known = strings.Fields("planDefinition activityDefinition canonical url version subject encounter practitioner organization " +
		"userLanguage parameters useServerData data prefetchData form")
	setting = strings.Fields("userType userTaskContext setting settingContext")
)

// read reads the parameters, and gathers the data.
func (o operation) read(ctx context.Context, c fhir.Call) (*input, error) {
	p := &input{parameters: map[string]fhirpath.Collection{}, received: map[string]facts.Received{}, lang: cds.ParseLang(c.Language), bundle: o.bundle}
	subjects := 0
	useServer := true
	for _, n := range c.Parameters.Root().Children("parameter") {
		name := n.Child("name").String()
		v, _ := n.Choice("value")
		switch name {
		case "subject":
			subjects++
		case "useServerData":
			switch text := v.String(); text {
			case "true":
			case "false":
				useServer = false
			default:
				return nil, issue.New(issue.Value, "$apply: useServerData is true or false").At(n.Location())
			}
		case "userLanguage":
			if code := v.CodeableConcept(); len(code.Codings) > 0 {
				p.lang = cds.ParseLang(code.Codings[0].Code)
			} else if v.String() != "" {
				p.lang = cds.ParseLang(v.String())
			}
		case "form":
			switch text := v.String(); text {
			case "careplan":
				p.bundle = false
			case "bundle":
				p.bundle = true
			default:
				return nil, issue.New(issue.Value, "$apply: form is careplan or bundle").At(n.Location())
			}
		case "parameters":
			if err := p.bind(n.Child("resource")); err != nil {
				return nil, err
			}
		default:
			if slices.Contains(setting, name) {
				p.parameters[name] = append(p.parameters[name], fhirpath.FromNode(v)...)
			} else if !slices.Contains(known, name) {
				return nil, issue.New(issue.NotSupported, "$apply: the parameter %q is not supported", clip(name)).At(n.Location())
			}
		}
	}
	if subjects > 1 {
		return nil, issue.New(issue.NotSupported, "$apply: one subject at a time").At("subject")
	}
	for _, r := range []struct {
		name, typ string
		to        *string
	}{
		{"subject", "Patient", &p.subject}, {"encounter", "Encounter", &p.encounter},
		{"practitioner", "Practitioner", &p.practitioner}, {"organization", "Organization", &p.organization},
	} {
		var err error
		if *r.to, err = reference(c.Value(r.name), r.name, r.typ); err != nil {
			return nil, err
		}
	}
	if p.subject == "" {
		return nil, issue.New(issue.Required, "$apply: the parameter subject is missing").At("subject")
	}
	if !strings.HasPrefix(p.subject, "Patient/") {
		return nil, issue.New(issue.NotSupported, "$apply: the subject has to be a Patient").At("subject")
	}
	for _, n := range c.Parameters.Root().Children("parameter") {
		var err error
		switch n.Child("name").String() {
		case "data":
			err = p.take(n.Child("resource"), "")
		case "prefetchData":
			err = p.prefetched(n)
		}
		if err != nil {
			return nil, err
		}
	}
	if useServer && o.Patients != nil {
		if err := p.add(ctx, o.Patients); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// reference reads "Patient/1", "1" or a Reference.
func reference(v *fhir.Node, name, typ string) (string, error) {
	text := v.String()
	if v.Kind() == fhir.KindObject {
		text = v.Reference().Reference
	}
	if text == "" {
		if v != nil {
			return "", issue.New(issue.Value, "$apply: %s is empty", name).At(v.Location())
		}
		return "", nil
	}
	if !strings.Contains(text, "/") {
		text = typ + "/" + text
	}
	of, id, ok := fhir.Reference{Reference: text}.Local()
	if !ok || !isID(id) || of+"/"+id != text {
		return "", issue.New(issue.Value, "$apply: %s is %s/id, or the id alone", name, typ).At(v.Location())
	}
	return of + "/" + id, nil
}

func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}) < 0
}

// bind gives the call's parameters their names.
func (p *input) bind(n *fhir.Node) error {
	if n.ResourceType() != "Parameters" {
		return issue.New(issue.Invalid, "$apply: parameters has to hold a Parameters resource").At("parameters")
	}
	for _, each := range n.Children("parameter") {
		name := each.Child("name").String()
		if r := each.Child("resource"); r != nil {
			own, err := r.Resource()
			if err != nil {
				return err
			}
			p.parameters[name] = append(p.parameters[name], fhirpath.FromNode(own.Root())...)
			continue
		}
		v, _ := each.Choice("value")
		p.parameters[name] = append(p.parameters[name], fhirpath.FromNode(v)...)
	}
	return nil
}

// take adds the resources of a Bundle, or one resource. Typ is what it was asked
// for, "" if it was not.
func (p *input) take(n *fhir.Node, typ string) error {
	if n == nil {
		return issue.New(issue.Required, "$apply: data has to hold a resource").At("data")
	}
	r, err := n.Resource()
	if err != nil {
		return err
	}
	if r.Type() != "Bundle" {
		p.data = append(p.data, r)
		return nil
	}
	b, err := fhir.SplitBundle(r)
	if err != nil {
		return err
	}
	came := map[string]bool{}
	for _, e := range b.Entries {
		if e.Err != nil {
			p.unreadable = append(p.unreadable, issue.Issues(e.Err)...)
			continue
		}
		if e.SearchMode == "outcome" {
			continue
		}
		came[e.Resource.Type()] = true
		p.data = append(p.data, e.Resource)
	}
	if typ != "" && len(b.Entries) == 0 {
		p.received[typ] = facts.NoneRecorded
	}
	if b.Next != "" {
		p.truncated = true
		for t := range came {
			p.received[t] = facts.Truncated
		}
	}
	return nil
}

// prefetched reads one prefetchData: a key, and what came for it.
func (p *input) prefetched(n *fhir.Node) error {
	typ := ""
	var data *fhir.Node
	for _, part := range n.Children("part") {
		switch part.Child("name").String() {
		case "key":
			v, _ := part.Choice("value")
			for _, t := range prefetch.Templates() {
				if t.Key == v.String() {
					typ = t.Type
				}
			}
		case "descriptor":
			v, _ := part.Choice("value")
			typ = v.Child("type").String()
		case "data":
			data = part.Child("resource")
		}
	}
	if data == nil {
		return nil // the key was asked for and did not come
	}
	return p.take(data, typ)
}

// add adds what the server keeps of the patient. What came with the call is newer.
func (p *input) add(ctx context.Context, from Patients) error {
	kept, received, err := from.Patient(ctx, p.patient())
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, r := range p.data {
		have[r.Ref()] = true
	}
	for _, r := range kept {
		if !have[r.Ref()] {
			p.data = append(p.data, r)
		}
	}
	for typ, state := range received {
		if _, told := p.received[typ]; !told {
			p.received[typ] = state
		}
	}
	if len(p.received) == 0 {
		p.received = nil
	}
	return nil
}

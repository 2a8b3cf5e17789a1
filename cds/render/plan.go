package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// PlanOptions tell how the cards of an applied plan are written.
type PlanOptions struct {
	Options
	Plan   *fhir.Resource
	SHA256 string // of the plan that was released, "" if it came with the program
}

// Plan writes the cards of a plan that was applied (a Bundle with the RequestGroup
// first), as HL7's clinical reasoning maps them: a top-level action is a card, its
// children are suggestions, theirs the actions of a suggestion; and it gives what could
// not be decided. An action without children that defines a request offers it.
func Plan(applied *fhir.Resource, opts PlanOptions) ([]cds.Card, []cds.NotChecked) {
	if opts.Lang == "" {
		opts.Lang = cds.DE
	}
	w := &planWriter{PlanOptions: opts, resources: map[string]*fhir.Node{}}
	for _, e := range applied.Root().Children("entry") {
		n := e.Child("resource")
		w.resources[n.ResourceType()+"/"+n.Child("id").String()] = n
		if n.ResourceType() == "RequestGroup" && w.group == nil {
			w.group = n
		}
	}
	var cards []cds.Card
	for i, a := range w.group.Children("action") {
		cards = append(cards, w.card(i, a))
	}
	return cards, w.open()
}

type planWriter struct {
	PlanOptions
	resources map[string]*fhir.Node
	group     *fhir.Node
}

func (w *planWriter) title() string { return w.Plan.Root().Child("title").Translated(string(w.Lang)) }

// text reads a text in the language of the answer; what was applied may bear one only.
func (w *planWriter) text(n *fhir.Node) string { return n.Translated(string(w.Lang)) }

// card writes a top-level action.
func (w *planWriter) card(i int, a *fhir.Node) cds.Card {
	key := fmt.Sprintf("plan/%d", i)
	c := cds.Card{UUID: w.NewUUID(key), Indicator: urgencyOf(a.Child("priority").String())}
	c.Summary = summary(firstOf(w.text(a.Child("title")), w.text(a.Child("description")), w.title(), w.Plan.Root().Child("name").String(), w.Plan.ID()))
	c.Source = w.origin(a)
	c.Detail = w.detail(a)
	c.Links = w.links()
	c.Suggestions = w.suggestions(key, a)
	if len(c.Suggestions) > 0 {
		c.SelectionBehavior = "any"
		if s := a.Child("selectionBehavior").String(); s == "at-most-one" || s == "exactly-one" {
			c.SelectionBehavior = "at-most-one"
		}
	}
	return c
}

// urgencyOf reads the priority of an action; asap is like urgent, and none is info.
func urgencyOf(priority string) cds.Indicator {
	switch priority {
	case "urgent", "asap":
		return cds.WarningI
	case "stat":
		return cds.Critical
	}
	return cds.Info
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return "?"
}

// detail holds the description, and which version of which plan says so.
func (w *planWriter) detail(a *fhir.Node) string {
	var b strings.Builder
	if d := w.text(a.Child("description")); d != "" {
		b.WriteString(escape(d) + "\n\n")
	}
	root := w.Plan.Root()
	b.WriteString(escape(firstOf(w.title(), root.Child("name").String(), w.Plan.ID()) + ", " + root.Child("version").String()))
	if len(w.SHA256) >= 12 {
		b.WriteString(" (sha256 " + w.SHA256[:12] + ")")
	}
	return b.String()
}

// origin is the first document that an action names, else the plan.
func (w *planWriter) origin(a *fhir.Node) cds.Source {
	s := cds.Source{Topic: &cds.Coding{Code: w.Plan.Root().Child("url").String(), System: "urn:ietf:rfc:3986", Display: label(w.title())}}
	if list := a.Children("documentation"); len(list) > 0 {
		d := list[0]
		if s.Label = label(firstOf(d.Child("label").String(), d.Child("display").String(), d.Child("citation").String())); s.Label == "?" {
			s.Label = label(firstOf(w.title(), w.Plan.ID()))
		}
		s.URL = webAddress(firstOf(d.Child("url").String(), d.Get("document", "url").String()))
		return s
	}
	s.Label = label(firstOf(w.title(), w.Plan.ID()))
	return s
}

// webAddress lets through what a client may open.
func webAddress(s string) string {
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return s
	}
	return ""
}

// links are the documents of the whole plan.
func (w *planWriter) links() []cds.Link {
	var list []cds.Link
	for _, r := range w.Plan.Root().Children("relatedArtifact") {
		address := webAddress(r.Child("url").String())
		if address == "" || slices.ContainsFunc(list, func(l cds.Link) bool { return l.URL == address }) {
			continue
		}
		list = append(list, cds.Link{Label: label(firstOf(r.Child("display").String(), r.Child("label").String(), address)), URL: address, Type: "absolute"})
	}
	return list
}

// suggestions are the children of an action, or what it defines itself.
func (w *planWriter) suggestions(key string, a *fhir.Node) []cds.Suggestion {
	children := a.Children("action")
	if len(children) == 0 {
		if a.Child("resource") == nil {
			return nil
		}
		children = []*fhir.Node{a}
	}
	// A definition with children gets its resource as first child; all of one action
	// are then accepted together.
	all := slices.Contains([]string{"all", "all-or-none"}, a.Child("selectionBehavior").String())
	var list []cds.Suggestion
	for i, child := range children {
		s := cds.Suggestion{Label: label(firstOf(w.text(child.Child("title")), w.text(child.Child("description")), w.text(a.Child("title")), w.title()))}
		for _, leaf := range leaves(child) {
			if action, ok := w.action(leaf); ok {
				s.Actions = append(s.Actions, action)
			}
		}
		if len(s.Actions) == 0 && hasResource(child) || !w.carries(s) {
			continue // the client cannot carry it out, or what it creates is not there
		}
		if all && len(list) > 0 {
			list[0].Actions = append(list[0].Actions, s.Actions...)
			continue
		}
		if all {
			s.Label = label(firstOf(w.text(a.Child("title")), s.Label))
		}
		s.UUID = w.NewUUID(fmt.Sprintf("%s/%d", key, i))
		list = append(list, s)
	}
	return list
}

func hasResource(n *fhir.Node) bool {
	return slices.ContainsFunc(leaves(n), func(l *fhir.Node) bool { return l.Child("resource") != nil })
}

// leaves gives an action and all below it that stand at the end.
func leaves(a *fhir.Node) []*fhir.Node {
	children := a.Children("action")
	if len(children) == 0 {
		return []*fhir.Node{a}
	}
	var list []*fhir.Node
	for _, c := range children {
		list = append(list, leaves(c)...)
	}
	return list
}

// action makes the action of a suggestion of one that refers to a resource.
func (w *planWriter) action(a *fhir.Node) (cds.Action, bool) {
	reference := a.Get("resource", "reference").String()
	if reference == "" {
		return cds.Action{}, false
	}
	kind := "create"
	for _, c := range a.Child("type").CodeableConcept().Codings {
		switch c.Code {
		case "update":
			kind = "update"
		case "remove":
			kind = "delete"
		}
	}
	out := cds.Action{Type: kind, Description: label(firstOf(w.text(a.Child("title")), w.text(a.Child("description")), w.title()))}
	if kind == "delete" {
		out.ResourceID = reference
		return out, true
	}
	r, ok := w.resources[reference]
	if !ok || r.ResourceType() == "RequestGroup" {
		return cds.Action{}, false
	}
	out.Resource = json.RawMessage(r.JSON())
	return out, true
}

// carries tells whether the client can carry out every action of a suggestion.
func (w *planWriter) carries(s cds.Suggestion) bool {
	return w.Suggestions == nil || !slices.ContainsFunc(s.Actions, func(a cds.Action) bool { return !slices.Contains(w.Suggestions, a.Type) })
}

// open gives what of the plan could not be decided, evaluated or found.
func (w *planWriter) open() []cds.NotChecked {
	var list []cds.NotChecked
	for _, n := range w.resources {
		if n.ResourceType() != "RequestGroup" {
			continue
		}
		for _, x := range n.Extensions(content.NotCheckedExtension) {
			c := cds.NotChecked{Missing: []string{}, Reason: cds.Text{DE: "nicht entscheidbar", EN: "cannot be decided"}.In(w.Lang)}
			for _, part := range x.Children("extension") {
				v, _ := part.Choice("value")
				switch part.Child("url").String() {
				case "action":
					if c.Check == "" {
						c.Check = v.String()
					}
				case "title":
					c.Check = v.String()
				case "missing":
					c.Missing = append(c.Missing, v.String())
				}
			}
			list = append(list, c)
		}
		for _, o := range n.Children("contained") {
			if o.ResourceType() != "OperationOutcome" {
				continue
			}
			for _, i := range o.Children("issue") {
				if s := i.Child("severity").String(); s != issue.SeverityError && s != issue.SeverityWarning || strings.HasPrefix(i.Child("diagnostics").String(), "not checked: action") {
					continue
				}
				list = append(list, cds.NotChecked{
					Check: firstOf(w.title(), w.Plan.ID()), Missing: []string{},
					Reason: firstOf(i.Get("details", "text").String(), i.Child("diagnostics").String()),
				})
			}
		}
	}
	slices.SortFunc(list, func(a, b cds.NotChecked) int { return strings.Compare(a.Check+a.Reason, b.Check+b.Reason) })
	return slices.CompactFunc(list, func(a, b cds.NotChecked) bool { return a.Check == b.Check && a.Reason == b.Reason })
}

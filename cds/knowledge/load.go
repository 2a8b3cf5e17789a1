package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// loader gathers artifacts before they are compiled, and what is wrong with them.
type loader struct {
	options    Options
	activities map[string]*fhir.Node // by url|version and, the last one, by url
	problems   []Problem
	snapshot   *Snapshot
}

func load(resources []*fhir.Resource, o Options) (*Snapshot, error) {
	l := &loader{
		options: o, activities: map[string]*fhir.Node{},
		snapshot: &Snapshot{
			byIndication: map[string]*Plan{}, byPack: map[string][]*Plan{}, byCanonical: map[string]*Plan{},
			indicationBy: map[string]cds.Indication{}, definitions: map[string]*Definition{}, loadedAt: o.LoadedAt,
		},
	}
	flat, err := flatten(resources)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var plans []*fhir.Resource
	for _, r := range flat {
		root := r.Root()
		if key := canonical(root); key != "" {
			if seen[key] {
				return nil, issue.New(issue.Conflict, "load knowledge: %s stands twice", key)
			}
			seen[key] = true
		}
		switch r.Type() {
		case "CodeSystem":
			if root.Child("url").String() == content.IndicationSystem {
				l.indications(root)
			}
		case "Library":
			l.library(r)
		case "ActivityDefinition":
			l.activities[canonical(root)] = root
			l.activities[root.Child("url").String()] = root
		case "PlanDefinition":
			plans = append(plans, r)
		}
	}
	s := l.snapshot
	if len(s.indications) == 0 {
		return nil, issue.New(issue.Required, "load knowledge: no code system %s with indications", content.IndicationSystem)
	}
	l.circles()
	for _, r := range plans {
		l.plan(r)
	}
	l.index()
	s.problems = l.problems
	return s, nil
}

// flatten takes resources out of Bundles.
func flatten(resources []*fhir.Resource) ([]*fhir.Resource, error) {
	var out []*fhir.Resource
	for _, r := range resources {
		if r.Type() != "Bundle" {
			out = append(out, r)
			continue
		}
		b, err := fhir.SplitBundle(r)
		if err != nil {
			return nil, fmt.Errorf("load knowledge: split %s: %w", r.Ref(), err)
		}
		for _, e := range b.Entries {
			if e.Err != nil {
				return nil, fmt.Errorf("load knowledge: entry of %s: %w", r.Ref(), e.Err)
			}
			out = append(out, e.Resource)
		}
	}
	return out, nil
}

func canonical(root *fhir.Node) string {
	url, version := root.Child("url").String(), root.Child("version").String()
	if url == "" {
		return ""
	}
	return url + "|" + version
}

func (l *loader) problem(artifact string, at *fhir.Node, format string, a ...any) {
	location := ""
	if at != nil {
		location = at.Location()
	}
	l.problems = append(l.problems, Problem{Artifact: artifact, Location: location, Message: fmt.Sprintf(format, a...)})
}

// indications reads the code system: concepts with a category property are
// indications, the others are categories.
func (l *loader) indications(root *fhir.Node) {
	type ordered struct {
		order int
		i     cds.Indication
	}
	var list []ordered
	type category struct {
		order int
		c     cds.Category
	}
	var categories []category
	for _, c := range root.Children("concept") {
		i := cds.Indication{Code: c.Child("code").String(), Name: designated(c)}
		order := 0
		for _, p := range c.Children("property") {
			v, _ := p.Choice("value")
			switch p.Child("code").String() {
			case "alias":
				i.Alias = v.String()
			case "category":
				i.Category = v.String()
			case "order":
				order, _ = v.Int()
			case "icd-10-gm":
				i.Codes = append(i.Codes, cds.Code{System: icd10gm, Code: v.String()})
			case "snomed":
				i.Codes = append(i.Codes, cds.Code{System: snomed, Code: v.String()})
			case "words":
				i.Words = append(i.Words, v.String())
			}
		}
		if i.Category == "" {
			categories = append(categories, category{order, cds.Category{Code: i.Code, Name: i.Name}})
			continue
		}
		list = append(list, ordered{order, i})
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].order < list[b].order })
	sort.SliceStable(categories, func(a, b int) bool { return categories[a].order < categories[b].order })
	s := l.snapshot
	for _, o := range list {
		s.indications = append(s.indications, o.i)
		s.indicationBy[o.i.Code] = o.i
		if o.i.Alias != "" {
			s.indicationBy[o.i.Alias] = o.i
		}
	}
	for _, c := range categories {
		s.categories = append(s.categories, c.c)
	}
}

// Systems that codes of indications are in.
const (
	icd10gm = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
	snomed  = "http://snomed.info/sct"
)

// designated reads a concept's display, German as it stands, with its English
// designation.
func designated(concept *fhir.Node) cds.Text {
	t := cds.Text{DE: concept.Child("display").String(), EN: concept.Child("display").String()}
	for _, d := range concept.Children("designation") {
		if d.Child("language").String() == "en" {
			t.EN = d.Child("value").String()
		}
	}
	return t
}

// text reads a translated element in both languages.
func text(n *fhir.Node) cds.Text { return cds.Text{DE: n.Translated("de"), EN: n.Translated("en")} }

// plan compiles one PlanDefinition, or says why it does not run.
func (l *loader) plan(r *fhir.Resource) {
	root := r.Root()
	name := canonical(root)
	if name == "" || strings.HasSuffix(name, "|") {
		l.problem(r.Ref(), root, "url or version is missing")
		return
	}
	experimental, _ := root.Child("experimental").Bool()
	p := &Plan{
		URL: root.Child("url").String(), Version: root.Child("version").String(), ID: r.ID(),
		Name: root.Child("name").String(), Title: text(root.Child("title")), Description: text(root.Child("description")),
		Status: root.Child("status").String(), Experimental: experimental, Resource: r,
		definitions: l.snapshot.definitions,
	}
	for _, t := range root.Children("topic") {
		for _, c := range t.CodeableConcept().Codings {
			if c.System == content.PackSystem {
				p.Pack = c.Code
			}
		}
	}
	for _, u := range root.Children("useContext") {
		if u.Child("code").Coding().Code != "focus" {
			continue
		}
		v, _ := u.Choice("value")
		for _, c := range v.CodeableConcept().Codings {
			if c.System == content.IndicationSystem {
				p.Indication = c.Code
			}
		}
	}
	if reason := l.withhold(p, root); reason != "" {
		l.snapshot.withheld = append(l.snapshot.withheld, Problem{Artifact: name, Message: reason})
		return
	}
	c := &compiler{loader: l, plan: p, name: name}
	for _, a := range root.Children("action") {
		p.Actions = append(p.Actions, c.action(a, 1))
	}
	if c.failed {
		return // its problems are noted; a plan runs whole or not at all
	}
	l.snapshot.plans = append(l.snapshot.plans, p)
}

// withhold gives the reason for which a plan does not run, "" when it does.
func (l *loader) withhold(p *Plan, root *fhir.Node) string {
	switch {
	case p.Status == "retired":
		return "retired"
	case (p.Status != "active" || p.Experimental) && !l.options.Demo:
		return "draft or experimental: runs only as a demonstration"
	}
	period := root.Child("effectivePeriod").Period()
	now := l.options.LoadedAt
	if now.IsZero() {
		return ""
	}
	if period.Start.Known() && now.Before(period.Start.Time) {
		return "effective period has not begun"
	}
	if period.End.Known() && now.After(period.End.Time) {
		return "effective period has ended"
	}
	return ""
}

// index orders the plans and finds them.
func (l *loader) index() {
	s := l.snapshot
	slices.SortStableFunc(s.plans, func(a, b *Plan) int {
		if c := strings.Compare(a.URL, b.URL); c != 0 {
			return c
		}
		return CompareVersions(a.Version, b.Version)
	})
	for _, p := range s.plans {
		s.byCanonical[p.Canonical()] = p
		s.byCanonical[p.URL] = p // the last of a url wins
		if p.Pack != "" {
			s.byPack[p.Pack] = append(s.byPack[p.Pack], p)
		}
		if p.Indication == "" {
			continue
		}
		if old, taken := s.byIndication[p.Indication]; taken && old.URL != p.URL {
			l.problem(p.Canonical(), nil, "indication %s is already served by %s", p.Indication, old.Canonical())
			continue
		}
		s.byIndication[p.Indication] = p
	}
}

// errText gives an error as a message without its wrapping kinds.
func errText(err error) string {
	var e *issue.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

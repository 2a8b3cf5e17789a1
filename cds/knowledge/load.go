package knowledge

import (
	"errors"
	"fmt"
	"sort"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/issue"
)

// loader gathers artifacts before they are compiled, and what is wrong with them.
type loader struct {
	options    Options
	activities map[string]*fhir.Node // by url|version and, the one in force, by url
	libraries  map[string]map[string]*Definition
	sets       map[string]map[string]*Definition // of several libraries
	others     map[string]bool                   // canonicals of other definitions
	problems   []Problem
	snapshot   *Snapshot
}

func load(resources []*fhir.Resource, o Options) (*Snapshot, error) {
	l := &loader{
		options: o, activities: map[string]*fhir.Node{}, libraries: map[string]map[string]*Definition{},
		sets: map[string]map[string]*Definition{}, others: map[string]bool{},
		snapshot: &Snapshot{
			byIndication: map[string]*Plan{}, byPack: map[string][]*Plan{}, byCanonical: map[string]*Plan{},
			indicationBy: map[string]cds.Indication{}, definitions: map[string]*Definition{}, withheldFor: map[string]cds.Text{},
			bySubstance: map[string][]*Plan{}, byService: map[string]*Service{}, overlay: o.Overlay, revision: o.Revision, loadedAt: o.LoadedAt,
		},
	}
	flat, err := flatten(resources)
	if err != nil {
		return nil, err
	}
	if err := distinct(flat); err != nil {
		return nil, err
	}
	all := l.merge(flat)
	for _, a := range all {
		l.gather(a)
	}
	s := l.snapshot
	if len(s.indications) == 0 {
		return nil, issue.New(issue.Required, "load knowledge: no code system %s with indications", content.IndicationSystem)
	}
	l.circles("named expressions", s.definitions)
	for _, a := range l.newest(all) {
		l.plan(a)
	}
	l.loops()
	l.house()
	l.index()
	l.catalogue(all)
	l.cql()
	s.problems = l.problems
	return s, nil
}

// distinct refuses a set in which one url|version stands twice.
func distinct(resources []*fhir.Resource) error {
	seen := map[string]bool{}
	for _, r := range resources {
		key := canonical(r.Root())
		if key != "" && seen[key] {
			return issue.New(issue.Conflict, "load knowledge: %s stands twice", key)
		}
		seen[key] = true
	}
	return nil
}

// gather takes in what plans name.
func (l *loader) gather(a artifact) {
	root := a.Root()
	switch a.Type() {
	case "CodeSystem":
		if root.Child("url").String() == content.IndicationSystem {
			l.indications(root)
		}
	case "Library":
		l.library(a)
	case "ActivityDefinition":
		l.activities[canonical(root)] = root
		if a.current {
			l.activities[root.Child("url").String()] = root
		}
	case "PlanDefinition", "Questionnaire":
		l.others[canonical(root)] = true
		l.others[root.Child("url").String()] = true
	}
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

// errText gives an error as a message without its wrapping kinds.
func errText(err error) string {
	var e *issue.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

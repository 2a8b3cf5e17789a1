package knowledge

import (
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
)

// plan compiles one PlanDefinition, or says why it does not run.
func (l *loader) plan(a artifact) {
	root := a.Root()
	name := canonical(root)
	if name == "" || strings.HasSuffix(name, "|") {
		l.problem(a.Ref(), root, "url or version is missing")
		return
	}
	p := l.describe(a)
	if w := l.withhold(p, root); !w.reason.IsZero() {
		l.snapshot.withheld = append(l.snapshot.withheld, Problem{Artifact: name, Message: w.message})
		if p.Indication != "" {
			l.snapshot.withheldFor[p.Indication] = w.reason
		}
		return
	}
	c := &compiler{loader: l, plan: p, name: name, ours: p.Pack != "" || hasRoles(root.Children("action"))}
	p.definitions = c.libraries(root)
	for _, n := range root.Children("action") {
		p.Actions = append(p.Actions, c.action(n, 1))
	}
	if c.failed {
		return // its problems are noted; a plan runs whole or not at all
	}
	l.snapshot.plans = append(l.snapshot.plans, p)
}

// describe reads what a plan says of itself.
func (l *loader) describe(a artifact) *Plan {
	root := a.Root()
	experimental, _ := root.Child("experimental").Bool()
	p := &Plan{
		URL: root.Child("url").String(), Version: root.Child("version").String(), ID: a.ID(),
		Name: root.Child("name").String(), Title: text(root.Child("title")), Description: text(root.Child("description")),
		Status: root.Child("status").String(), Experimental: experimental, Resource: a.Resource, Site: a.site, SHA256: a.sha256, Hash: Hash(a.Resource),
	}
	if p.Site && a.current {
		p.Status = "active" // it is in force, whatever became of the resource since
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
	p.Triggers, p.Requirements = triggers(root.Children("action"))
	return p
}

// hasRoles tells whether a plan is written as ours are, so that its options and rules
// are compiled; any other is applied as it is written.
func hasRoles(actions []*fhir.Node) bool {
	return slices.ContainsFunc(actions, func(a *fhir.Node) bool {
		for _, code := range a.Children("code") {
			for _, c := range code.CodeableConcept().Codings {
				if c.System == content.ActionSystem {
					return true
				}
			}
		}
		return hasRoles(a.Children("action"))
	})
}

// newest gives the plans, of several versions of one url that would all run only the
// newest: the others would say the same thing twice.
func (l *loader) newest(all []artifact) []artifact {
	runs := map[string]artifact{}
	would := func(a artifact) bool {
		status := a.Root().Child("status").String()
		return a.Type() == "PlanDefinition" && (a.site || status == "active" || l.options.Demo && status == "draft")
	}
	for _, a := range all {
		if !would(a) {
			continue
		}
		url := a.Root().Child("url").String()
		if old, ok := runs[url]; !ok || CompareVersions(version(old.Resource), version(a.Resource)) < 0 {
			runs[url] = a
		}
	}
	var list []artifact
	for _, a := range all {
		if a.Type() != "PlanDefinition" {
			continue
		}
		if url := a.Root().Child("url").String(); url != "" && would(a) && runs[url].Resource != a.Resource {
			l.problem(canonical(a.Root()), a.Root().Child("status"), "two versions are active: %s runs, this one does not", version(runs[url].Resource))
			continue
		}
		list = append(list, a)
	}
	return list
}

// loops takes out the plans that lead back to themselves.
func (l *loader) loops() {
	s := l.snapshot
	byName := map[string]*Plan{}
	for _, p := range s.plans {
		byName[p.Canonical()], byName[p.URL] = p, p
	}
	const (
		open = iota + 1
		sound
		round
	)
	state := map[*Plan]int{}
	var visit func(p *Plan) bool
	visit = func(p *Plan) bool {
		switch state[p] {
		case open, round:
			return false
		case sound:
			return true
		}
		state[p] = open
		for _, n := range nested(p.Resource.Root().Children("action")) {
			next, ok := byName[n.String()]
			if ok && !visit(next) {
				l.problem(p.Canonical(), n, "the plan leads back to itself by way of %s", next.Canonical())
				state[p] = round
				return false
			}
		}
		state[p] = sound
		return true
	}
	s.plans = slices.DeleteFunc(s.plans, func(p *Plan) bool { return !visit(p) })
}

// nested gives the canonicals that actions name.
func nested(actions []*fhir.Node) []*fhir.Node {
	var list []*fhir.Node
	for _, a := range actions {
		if d := a.Child("definitionCanonical"); d != nil {
			list = append(list, d)
		}
		list = append(list, nested(a.Children("action"))...)
	}
	return list
}

// index orders the plans and finds them. What was released here goes before what came
// with the program.
func (l *loader) index() {
	s := l.snapshot
	slices.SortStableFunc(s.plans, func(a, b *Plan) int {
		switch {
		case a.Site && !b.Site:
			return -1
		case b.Site && !a.Site:
			return 1
		}
		return strings.Compare(a.URL, b.URL)
	})
	s.plans = slices.DeleteFunc(s.plans, l.beaten())
	slices.SortStableFunc(s.plans, func(a, b *Plan) int { return strings.Compare(a.URL, b.URL) })
	for _, p := range s.plans {
		s.byCanonical[p.Canonical()] = p
		s.byCanonical[p.URL] = p
		if p.Pack != "" {
			s.byPack[p.Pack] = append(s.byPack[p.Pack], p)
		}
		for _, atc := range substances(p.Actions) {
			if list := s.bySubstance[atc]; len(list) == 0 || list[len(list)-1] != p {
				s.bySubstance[atc] = append(list, p)
			}
		}
	}
	l.serve()
}

// beaten tells of a plan whose indication another one serves; it notes why.
func (l *loader) beaten() func(*Plan) bool {
	s := l.snapshot
	return func(p *Plan) bool {
		if p.Indication == "" || len(p.Triggers) > 0 {
			return false
		}
		old, taken := s.byIndication[p.Indication]
		switch {
		case !taken:
			s.byIndication[p.Indication] = p
			return false
		case old.Site && !p.Site:
			s.withheld = append(s.withheld, Problem{Artifact: p.Canonical(), Message: "this site's own " + old.Canonical() + " serves the indication"})
			s.upgrades = append(s.upgrades, p.Canonical())
			return true
		}
		l.problem(p.Canonical(), nil, "indication %s is already served by %s", p.Indication, old.Canonical())
		return p.Site
	}
}

func substances(actions []*Action) []string {
	var list []string
	for _, a := range actions {
		if a.Regimen != nil {
			list = append(list, a.Regimen.ATC)
		}
		list = append(list, substances(a.Actions)...)
	}
	return list
}

// withheld is why a plan does not run: for the log, and for people.
type withheld struct {
	message string
	reason  cds.Text
}

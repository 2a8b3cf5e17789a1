package knowledge

import (
	"cmp"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/fhir"
)

// Service is a released plan that is a CDS service by itself.
type Service struct {
	ID, Hook           string
	Title, Description cds.Text
	Artifact           string // url|version
	Plan               *Plan  // nil when it must not run
	Fault              string // why it must not
}

// triggers gives the hooks that actions name (R4, TriggerDefinition of type
// named-event), and the data that actions and their triggers require.
func triggers(actions []*fhir.Node) (hooks []string, data []*fhir.Node) {
	for _, a := range actions {
		for _, t := range a.Children("trigger") {
			if name := t.Child("name").String(); t.Child("type").String() == "named-event" && name != "" && !slices.Contains(hooks, name) {
				hooks = append(hooks, name)
			}
			data = append(data, t.Children("data")...)
		}
		data = append(data, a.Children("input")...)
		h, d := triggers(a.Children("action"))
		for _, name := range h {
			if !slices.Contains(hooks, name) {
				hooks = append(hooks, name)
			}
		}
		data = append(data, d...)
	}
	return hooks, data
}

// serviceID is the id of a plan without the version that a draft of it was given, so
// that a service keeps its address when the next version is released.
func serviceID(p *Plan) string { return strings.TrimSuffix(p.ID, "-v"+p.Version) }

// serve finds the plans that are services. One that the built-in services run carries
// a topic, and no card comes twice.
func (l *loader) serve() {
	s := l.snapshot
	for _, p := range s.plans {
		for i, hook := range p.Triggers {
			id := serviceID(p)
			switch {
			case p.Pack != "" || p.Indication != "" && len(substances(p.Actions)) > 0:
				l.problem(p.Canonical(), nil, "the plan holds regimens or carries the topic of a pack, which the built-in services run: its trigger %s is left out", hook)
			case i > 0:
				l.problem(p.Canonical(), nil, "a plan answers one hook: %s, not %s", p.Triggers[0], hook)
			case l.options.Hooks != nil && !slices.Contains(l.options.Hooks, hook):
				l.problem(p.Canonical(), nil, "no hook is named %s", hook)
			case strings.HasPrefix(id, "abs-"):
				l.problem(p.Canonical(), nil, "service id %s belongs to the built-in services", id)
			default:
				l.add(&Service{ID: id, Hook: hook, Title: p.Title, Description: p.Description, Artifact: p.Canonical(), Plan: p})
			}
		}
	}
	slices.SortFunc(s.services, func(a, b *Service) int { return cmp.Compare(a.ID, b.ID) })
}

func (l *loader) add(v *Service) {
	s := l.snapshot
	if old, taken := s.byService[v.ID]; taken {
		if old.Artifact != v.Artifact {
			l.problem(v.Artifact, nil, "service id %s is already that of %s", v.ID, old.Artifact)
		}
		return
	}
	s.byService[v.ID] = v
	s.services = append(s.services, v)
}

package knowledge

import (
	"fmt"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir/fhirpath"
)

// Kinds of an overlay entry.
const (
	Hide     = "hide"     // not offered
	Restrict = "restrict" // offered last, after a specialist decided
	Replace  = "replace"  // another regimen in its place
	Prefer   = "prefer"   // before its equals
)

// Overlay is one thing that a site changes of the content. It names codes and urls
// without a version, so that it survives an upgrade of the content.
type Overlay struct {
	ID         string
	Kind       string
	Target     string // ATC code or prefix; plan-url#action; of Replace the url of an ActivityDefinition
	With       string // of Replace: url|version of the ActivityDefinition to take
	Indication string // it is limited to this one; "" for all
	Reason     cds.Text
}

// ofSubstance tells whether the target is an ATC code or the beginning of one.
func (o Overlay) ofSubstance() bool {
	return len(o.Target) <= 7 && !strings.ContainsAny(o.Target, ":/#")
}

// meets tells whether an option of a plan is meant.
func (o Overlay) meets(p *Plan, a *Action) bool {
	if o.Indication != "" && o.Indication != p.Indication {
		return false
	}
	if !o.ofSubstance() {
		return o.Target == p.URL+"#"+a.ID
	}
	return slices.ContainsFunc(substances([]*Action{a}), func(atc string) bool { return strings.HasPrefix(atc, o.Target) })
}

// house lays the overlay over the plans. An entry that meets nothing is told.
func (l *loader) house() {
	rules := &Plan{
		URL: content.Base + "/PlanDefinition/overlay", Version: "1", ID: "overlay", Name: "Overlay", Status: "active", Pack: content.PackSafety, Site: true,
		Title: cds.Text{DE: "Hausliste", EN: "House list"}, definitions: map[string]*Definition{},
	}
	for _, o := range l.options.Overlay {
		met := false
		switch {
		case o.Kind == Replace:
			met = l.replace(o)
		case o.ofSubstance() && o.Kind != Prefer:
			if actions, err := houseRules(o); err != nil {
				l.problem("overlay "+o.ID, nil, "indication %q cannot be compared", o.Indication)
			} else {
				rules.Actions, met = append(rules.Actions, actions...), true
			}
		default:
			for _, p := range l.snapshot.plans {
				met = mark(o, p, p.Actions) || met
			}
		}
		if !met {
			l.problem("overlay "+o.ID, nil, "%s %s meets nothing that runs", o.Kind, o.Target)
		}
	}
	for _, p := range l.snapshot.plans {
		p.Actions = unhidden(p.Actions)
	}
	if len(rules.Actions) > 0 {
		l.snapshot.plans = append(l.snapshot.plans, rules)
	}
}

func reasoned(o Overlay, de, en string) cds.Text {
	return cds.Text{DE: "Hausliste: " + de + " (" + o.Reason.DE + ")", EN: "House list: " + en + " (" + o.Reason.EN + ")"}
}

// houseRules makes safety rules of what is said of a substance.
func houseRules(o Overlay) ([]*Action, error) {
	var conditions []Condition
	if o.Indication != "" {
		e, err := fhirpath.Compile(fmt.Sprintf("%%indication = '%s'", strings.NewReplacer(`\`, "", "'", "").Replace(o.Indication)))
		if err != nil {
			return nil, err
		}
		conditions = []Condition{{Expression: e}}
	}
	rule := func(id, effect, applies string, title cds.Text) *Action {
		return &Action{
			ID: "house-" + id + "-" + strings.ToLower(o.Target), Role: content.RoleRule, Effect: effect, Applies: applies, Reason: "restricted",
			Substances: []string{o.Target}, Conditions: conditions, Indicator: cds.WarningI, Title: title, Description: o.Reason,
		}
	}
	if o.Kind == Hide {
		title := cds.Text{DE: "{substance}: im Haus nicht vorgesehen", EN: "{substance}: not in use at this hospital"}
		return []*Action{rule("hide", "exclude", "options", title), rule("hide-order", "warn", "orders", title)}, nil
	}
	return []*Action{rule("restrict", "specialist", "both",
		cds.Text{DE: "{substance}: im Haus nur nach Rücksprache", EN: "{substance}: at this hospital only after consultation"})}, nil
}

// hidden marks an option to be taken out.
const hidden = "hidden"

// mark notes at the options of a plan what an entry makes of them.
func mark(o Overlay, p *Plan, actions []*Action) bool {
	met := false
	for _, a := range actions {
		if a.Role != content.RoleOption || !o.meets(p, a) {
			met = mark(o, p, a.Actions) || met
			continue
		}
		met = true
		switch o.Kind {
		case Hide:
			a.Role = hidden
			a.House = append(a.House, reasoned(o, "ausgeblendet: "+a.Title.DE, "hidden: "+a.Title.EN))
		case Restrict:
			a.Restricted = true
			a.House = append(a.House, reasoned(o, "nur nach Rücksprache", "only after consultation"))
		case Prefer:
			a.Preferred = true
			a.House = append(a.House, reasoned(o, "bevorzugt", "preferred"))
		}
	}
	return met
}

// unhidden takes hidden options out, and has those beside them say so.
func unhidden(actions []*Action) []*Action {
	var gone []cds.Text
	actions = slices.DeleteFunc(actions, func(a *Action) bool {
		if a.Role == hidden {
			gone = append(gone, a.House...)
		}
		return a.Role == hidden
	})
	for _, a := range actions {
		if a.Role == content.RoleOption {
			a.House = append(a.House, gone...)
		}
		a.Actions = unhidden(a.Actions)
	}
	return actions
}

// replace puts another regimen in the place of one, wherever a plan names it.
func (l *loader) replace(o Overlay) bool {
	root, ok := l.activities[o.With]
	if !ok {
		l.problem("overlay "+o.ID, nil, "there is no ActivityDefinition %s", o.With)
		return true // told already
	}
	met := false
	for _, p := range l.snapshot.plans {
		if o.Indication != "" && o.Indication != p.Indication {
			continue
		}
		c := &compiler{loader: l, plan: p, name: p.Canonical()}
		var walk func(option *Action, actions []*Action)
		walk = func(option *Action, actions []*Action) {
			for _, a := range actions {
				inner := option
				if a.Role == content.RoleOption {
					inner = a
				}
				walk(inner, a.Actions)
				if a.Regimen == nil || a.Regimen.URL != o.Target || a.Regimen.URL+"|"+a.Regimen.Version == o.With {
					continue
				}
				with := c.read(root)
				if with == nil {
					continue
				}
				met = true
				was := a.Regimen
				a.Regimen = with
				a.Citations = append(a.Citations[:len(a.Citations):len(a.Citations)], with.Source)
				c.source(with.Source)
				if inner != nil {
					inner.House = append(inner.House, reasoned(o, "ersetzt "+was.Name.DE, "replaces "+was.Name.EN))
				}
			}
		}
		walk(nil, p.Actions)
	}
	return met
}

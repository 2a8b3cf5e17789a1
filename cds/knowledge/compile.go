package knowledge

import (
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/fhir"
	"cdss/fhir/fhirpath"
	"cdss/rag"
)

// maxDepth bounds the nesting of actions.
const maxDepth = 16

// maxActions bounds the actions of one plan.
const maxActions = 10_000

// Condition is one applicability condition of an action.
type Condition struct {
	Expression *fhirpath.Expression
	Assume     bool // undetermined counts as true, and is told as not checked
}

// compiler compiles the actions of one plan.
type compiler struct {
	loader  *loader
	plan    *Plan
	name    string
	ours    bool // its options and rules are read; else it is applied as it is written
	actions int
	failed  bool
}

func (c *compiler) fail(at *fhir.Node, format string, a ...any) {
	c.failed = true
	c.loader.problem(c.name, at, format, a...)
}

func (c *compiler) action(n *fhir.Node, depth int) *Action {
	a := &Action{
		ID: n.Child("id").String(), Title: text(n.Child("title")), Description: text(n.Child("description")),
		Deescalation: text(value(n, content.DeescalationExtension)),
		Grade:        value(n, content.GradeExtension).String(),
		FirstOnly:    value(n, content.AnyApplicable).String() == "any",
		Indicator:    indicator(n.Child("priority").String()),
	}
	c.actions++
	if depth > maxDepth || c.actions > maxActions {
		if !c.failed {
			c.fail(n, "more than %d levels or %d actions", maxDepth, maxActions)
		}
		return a
	}
	a.Line, _ = value(n, content.LineExtension).Int()
	for _, code := range n.Children("code") {
		for _, coding := range code.CodeableConcept().Codings {
			if coding.System == content.ActionSystem {
				a.Role = coding.Code
			}
		}
	}
	for _, d := range n.Children("documentation") {
		if d.Child("type").String() != "citation" {
			continue
		}
		if at, ok := locator(d.Extension(content.LocatorExtension)); ok {
			a.Citations = append(a.Citations, at)
			c.source(at)
		}
	}
	if e := n.Extension(content.FullDoseExtension); e != nil {
		a.FullDose = &FullDose{Hours: number(value(e, "hours")), Basis: text(value(e, "basis"))}
		a.FullDose.Source, _ = locator(e.Extension(content.LocatorExtension))
	}
	if e := n.Extension(content.EffectExtension); e != nil {
		a.Effect = value(e, "effect").String()
		a.Reason = value(e, "reason").String()
		a.Applies = value(e, "applies").String()
		a.Route = value(e, "route").String()
	}
	for _, e := range n.Extensions(content.SubstanceExtension) {
		v, _ := e.Choice("value")
		a.Substances = append(a.Substances, v.String())
	}
	for _, cond := range n.Children("condition") {
		if cond.Child("kind").String() == "applicability" {
			c.condition(a, cond)
		}
	}
	if d := n.Child("definitionCanonical"); d != nil {
		if c.ours {
			a.Regimen = c.regimen(d)
		} else {
			c.named(d)
		}
		if a.Regimen != nil {
			a.Citations = append(a.Citations, a.Regimen.Source)
			c.source(a.Regimen.Source)
		}
	}
	for _, child := range n.Children("action") {
		a.Actions = append(a.Actions, c.action(child, depth+1))
	}
	return a
}

func (c *compiler) condition(a *Action, n *fhir.Node) {
	e := n.Child("expression")
	if lang := e.Child("language").String(); !c.ours && (isCQL(lang) || slices.Contains(c.loader.options.Languages, lang)) {
		return // whoever evaluates it reads it; of CQL see loader.cql
	}
	if lang := e.Child("language").String(); lang != "text/fhirpath" {
		c.fail(e.Child("language"), "language %q of a condition is not supported", lang)
		return
	}
	compiled, err := fhirpath.Compile(e.Child("expression").String())
	if err != nil {
		c.fail(e.Child("expression"), "%s", errText(err))
		return
	}
	assume, _ := value(n, content.AssumeExtension).Bool()
	a.Conditions = append(a.Conditions, Condition{Expression: compiled, Assume: assume})
}

// source notes a place that the plan cites, each once.
func (c *compiler) source(at rag.Locator) {
	place := rag.Locator{Document: at.Document, Version: at.Version, Page: at.Page, Section: at.Section}
	for _, s := range c.plan.Sources {
		if s.Document == place.Document && s.Version == place.Version && s.Page == place.Page && s.Section == place.Section {
			return
		}
	}
	c.plan.Sources = append(c.plan.Sources, place)
}

// regimen reads the ActivityDefinition that an action names.
func (c *compiler) regimen(canonical *fhir.Node) *Regimen {
	root, ok := c.loader.activities[canonical.String()]
	if !ok {
		c.fail(canonical, "no ActivityDefinition %s", canonical.String())
		return nil
	}
	r := c.read(root)
	if r == nil {
		c.fail(root, "regimen lacks substance, dose, frequency or route")
	}
	return r
}

// named tells when a plan names a definition that is not there.
func (c *compiler) named(n *fhir.Node) {
	name := n.String()
	if id, contained := strings.CutPrefix(name, "#"); contained {
		for _, r := range c.plan.Resource.Root().Children("contained") {
			if r.Child("id").String() == id {
				return
			}
		}
		c.fail(n, "nothing contained has the id %s", id)
		return
	}
	if c.loader.activities[name] == nil && !c.loader.others[name] {
		c.fail(n, "no ActivityDefinition %s, nor a PlanDefinition or Questionnaire", name)
	}
}

// read reads a regimen, nil where substance, dose, frequency or route are lacking.
func (c *compiler) read(root *fhir.Node) *Regimen {
	r := &Regimen{URL: root.Child("url").String(), Version: root.Child("version").String()}
	product, _ := root.Choice("product")
	r.Name = text(product.Child("text"))
	for _, coding := range product.CodeableConcept().Codings {
		if slices.Contains(atcSystems, coding.System) {
			r.ATC = coding.Code
		}
	}
	for _, d := range root.Children("relatedArtifact") {
		if at, ok := locator(d.Extension(content.LocatorExtension)); ok {
			r.Source = at
		}
	}
	d := root.Child("dosage")
	r.LoadingDose = text(value(d, content.LoadingExtension))
	r.Infusion = text(value(d, content.InfusionExtension))
	r.Schedule = text(value(d, content.ScheduleExtension))
	amount, kind := d.Child("doseAndRate").Choice("dose")
	low, high := amount, amount
	if kind == "Range" {
		low, high = amount.Child("low"), amount.Child("high")
	}
	r.Dose, r.DoseHigh, r.Unit = number(low.Child("value")), number(high.Child("value")), low.Child("code").String()
	repeat := d.Get("timing", "repeat")
	r.Count, r.CountHigh = number(repeat.Child("frequency")), number(repeat.Child("frequencyMax"))
	if r.CountHigh == 0 {
		r.CountHigh = r.Count
	}
	r.Period, r.PeriodUnit = number(repeat.Child("period")), repeat.Child("periodUnit").String()
	if bounds, kind := repeat.Choice("bounds"); kind == "Range" {
		r.DurationLow, r.DurationHigh = number(bounds.Get("low", "value")), number(bounds.Get("high", "value"))
		r.DurationUnit = bounds.Get("low", "code").String()
	}
	for _, coding := range d.Child("route").CodeableConcept().Codings {
		if code, ok := routes[coding.Code]; ok && coding.System == snomed {
			r.Route = code
		}
	}
	if r.ATC == "" || r.Dose <= 0 || r.Unit == "" || r.Count <= 0 || r.Period <= 0 || r.PeriodUnit == "" || r.Route == "" {
		return nil
	}
	return r
}

var atcSystems = []string{"http://www.whocc.no/atc", "http://fhir.de/CodeSystem/bfarm/atc"}

// routes are SNOMED CT routes of administration as the API names them.
var routes = map[string]string{"47625008": "iv", "26643006": "po", "78421000": "im", "37161004": "rectal"}

// value gives the value of an extension of n.
func value(n *fhir.Node, url string) *fhir.Node {
	v, _ := n.Extension(url).Choice("value")
	return v
}

func number(n *fhir.Node) float64 {
	d, ok := n.Decimal()
	if !ok {
		return 0
	}
	return float(d)
}

func float(d apd.Decimal) float64 {
	f, err := d.Float64()
	if err != nil {
		return 0
	}
	return f
}

// indicator reads the priority of an action as the urgency of a card; asap is
// like urgent, none is info.
func indicator(priority string) cds.Indicator {
	switch priority {
	case "urgent", "asap":
		return cds.WarningI
	case "stat":
		return cds.Critical
	}
	return cds.Info
}

func locator(e *fhir.Node) (rag.Locator, bool) {
	if e == nil {
		return rag.Locator{}, false
	}
	l := rag.Locator{
		Document: value(e, "document").String(), Version: value(e, "version").String(),
		Section: value(e, "section").String(), Hash: value(e, "hash").String(),
	}
	l.Page, _ = value(e, "page").Int()
	for _, t := range e.Extensions("term") {
		v, _ := t.Choice("value")
		l.Terms = append(l.Terms, v.String())
	}
	return l, l.Document != ""
}

package trial

import (
	"encoding/json"
	"strconv"
	"time"

	"cdss/fhir"
)

// Bundle writes the case in the form that ReadCase reads.
func (c Case) Bundle() (*fhir.Resource, error) {
	b := fhir.NewResource("Bundle", c.ID).Set("type", "collection").Set("timestamp", c.Now.Format(time.RFC3339))
	b.Append("entry", fhir.NewObject().Set("resource", c.parameters()))
	for _, list := range [][]*fhir.Resource{c.Patient, c.Orders} {
		for _, r := range list {
			b.Append("entry", fhir.NewObject().Set("resource", r))
		}
	}
	return b.Resource()
}

func (c Case) parameters() *fhir.Object {
	o := fhir.NewResource("Parameters", caseID)
	add := func(p *fhir.Object) { o.Append("parameter", p) }
	value := func(name, kind, v string) {
		if v != "" {
			add(fhir.NewObject().Set("name", name).Set("value"+kind, v))
		}
	}
	value("title", "String", c.Title)
	value("why", "String", c.Why)
	for _, a := range c.Artifacts {
		value("artifact", "Canonical", a)
	}
	if r := c.Request; r != nil {
		p := named("request")
		p.code("indication", r.Indication)
		p.code("severity", r.Severity)
		p.code("site", r.Site)
		for _, x := range r.RiskFactors {
			p.code("riskFactor", x)
		}
		for _, x := range r.Pathogens {
			p.text("pathogen", x)
		}
		p.text("freeText", r.FreeText)
		if r.MaxOptions > 0 {
			p.part(fhir.NewObject().Set("name", "maxOptions").Set("valueInteger", r.MaxOptions))
		}
		add(p.Object)
	}
	e := c.Expect
	value("indication", "Code", e.Indication)
	flag := func(name string, set bool) {
		if set {
			add(fhir.NewObject().Set("name", name).Set("valueBoolean", true))
		}
	}
	flag("abstains", e.Abstains)
	for _, option := range e.OffersOneOf {
		p := named("offers")
		for _, slot := range option {
			s := named("substance")
			for i, x := range slot {
				if i == 0 {
					s.substance(x)
					continue
				}
				or := named("or")
				or.substance(x)
				s.part(or.Object)
			}
			p.part(s.Object)
		}
		add(p.Object)
	}
	for _, x := range e.NeverOffers {
		value("neverOffers", "Code", x)
	}
	for _, x := range e.NeverAlone {
		value("neverAlone", "Code", x)
	}
	for _, x := range e.LastDose {
		p := named("lastDose")
		p.substance(x)
		add(p.Object)
	}
	for _, x := range e.Excludes {
		p := named("excludes")
		p.code("atc", x.ATC)
		p.code("reason", x.Reason)
		add(p.Object)
	}
	for _, x := range e.Says {
		add(x.object("says"))
	}
	for _, x := range e.DoesNotSay {
		add(x.object("doesNotSay"))
	}
	flag("silent", e.Silent)
	for _, x := range e.NotChecked {
		value("notChecked", "Code", x)
	}
	for _, x := range e.Facts {
		p := named("fact")
		p.code("name", x.Name)
		if x.Boolean {
			p.part(fhir.NewObject().Set("name", "value").Set("valueBoolean", x.Is))
		} else {
			p.number("value", x.Value)
			p.number("tolerance", x.Tolerance)
		}
		add(p.Object)
	}
	for _, x := range e.Unknown {
		value("unknown", "Code", x)
	}
	return o
}

// parameter is a parameter that gets parts.
type parameter struct{ *fhir.Object }

func named(name string) parameter { return parameter{fhir.NewObject().Set("name", name)} }

func (p parameter) part(o *fhir.Object) { p.Append("part", o) }

func (p parameter) code(name, v string) {
	if v != "" {
		p.part(fhir.NewObject().Set("name", name).Set("valueCode", v))
	}
}

func (p parameter) text(name, v string) {
	if v != "" {
		p.part(fhir.NewObject().Set("name", name).Set("valueString", v))
	}
}

func (p parameter) number(name string, v float64) {
	p.part(fhir.NewObject().Set("name", name).Set("valueDecimal", json.Number(strconv.FormatFloat(v, 'f', -1, 64))))
}

func (p parameter) substance(s Substance) {
	p.code("atc", s.ATC)
	p.text("dose", s.Dose)
	p.text("perDay", s.PerDay)
	p.code("route", s.Route)
}

func (s Saying) object(name string) *fhir.Object {
	p := named(name)
	p.code("indicator", string(s.Indicator))
	for _, w := range s.Words {
		p.text("words", w)
	}
	return p.Object
}

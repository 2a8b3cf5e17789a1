package recommend

import (
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/rag"
)

// carrier is a group of resistant organisms that a patient may be known for, and
// the substances that act on most of them.
type carrier struct {
	fact   string
	name   string
	active []string // ATC codes or prefixes
	rare   []string // categories of infection that it hardly ever causes
	place  rag.Locator
}

var carriers = []carrier{
	{
		fact: "mrsa", name: "MRSA", rare: []string{"urogenital", "gastrointestinal"},
		active: []string{"J01XA", "J01XX08", "J01XX09", "J01XX11", "J01AA12", "J01DI01", "J01DI02"},
		place:  rag.Locator{Document: guideline, Page: 149, Section: "Tabelle 7.6", Terms: []string{"MRSA", "Linezolid"}},
	},
	{
		fact: "mrgn", name: "MRGN/ESBL", rare: []string{"ear-nose-throat", "dental", "gastrointestinal"},
		active: []string{"J01DH", "J01DD52", "J01DI04", "J01DI54", "J01XB01", "J01AA12"},
		place:  rag.Locator{Document: guideline, Page: 150, Section: "Resistente Enterobacteriaceae", Terms: []string{"ESBL-bildende", "Carbapeneme"}},
	},
}

// carried gives the groups that the patient is known for.
func (s *session) carried() []carrier {
	var out []carrier
	for _, c := range carriers {
		if s.Chart.Truth(c.fact) == stewardship.Yes {
			out = append(out, c)
		}
	}
	return out
}

// actsOn tells whether one of the substances acts on the group.
func (c carrier) actsOn(j *judged) bool {
	for _, p := range j.parts {
		for _, prefix := range c.active {
			if strings.HasPrefix(p.sub.ATC, prefix) {
				return true
			}
		}
	}
	return false
}

// coversCarried tells whether, for each group that the patient is known for, one
// substance of the option acts on it and is no exclusion itself.
func (s *session) coversCarried(j *judged) bool {
	for _, c := range s.carried() {
		if c.fact == "mrsa" {
			continue // what MRSA resists is no rule of exclusion
		}
		active := false
		for _, p := range j.parts {
			acts := false
			for _, prefix := range c.active {
				acts = acts || strings.HasPrefix(p.sub.ATC, prefix)
			}
			for _, f := range p.findings {
				acts = acts && !(f.outcome == exclude && f.cover)
			}
			active = active || acts
		}
		if !active {
			return false
		}
	}
	return true
}

// warnCarriers says once for each group which of the shown options does not act
// on it: the source has no other, or leaves it open.
func (s *session) warnCarriers(shown []*judged) {
	category := ""
	if i, _ := s.Chart.Indication(); i != nil {
		category = i.Category
	}
	for _, c := range s.carried() {
		var idle []string
		for _, j := range shown {
			if !c.actsOn(j) {
				idle = addName(idle, s.label(j))
			}
		}
		if len(idle) == 0 {
			continue
		}
		w := cds.Warning{
			Code: "not-covered-" + c.fact, Indicator: cds.WarningI, Citations: s.cites(c.place),
			Summary: s.t(c.name+" bekannt oder vermutet: nicht jede Option ist dagegen wirksam", c.name+" known or suspected: not every option acts on it"),
			Detail:  s.t("Nicht sicher wirksam: ", "Not reliably active: ") + strings.Join(idle, "; ") + ".",
		}
		if len(idle) == len(shown) {
			w.Summary = s.t(c.name+" bekannt oder vermutet: keine Option der Quelle ist dagegen sicher wirksam", c.name+" known or suspected: no option of the source is reliably active on it")
			w.Detail += s.t(" Infektiologische Beratung.", " Ask infectious diseases.")
		}
		for _, r := range c.rare {
			if r == category {
				w.Indicator = cds.Info
			}
		}
		s.warn(w)
	}
}

// label names the substances of an option.
func (s *session) label(j *judged) string {
	var names []string
	for _, p := range j.parts {
		names = append(names, s.say(p.sub.Name))
	}
	return strings.Join(names, " + ")
}

package decide

import (
	"slices"
	"strings"

	"cdss/cds"
)

// record keeps a decision. Losing one is told in the log and costs no answer.
func (s *Service) record(d cds.Decision) {
	if s.c.Recorder == nil {
		return
	}
	if !s.c.Recorder.Record(d) {
		s.c.Log.Warn("decision not recorded", "decision", d.ID, "service", d.Service)
	}
}

// ran names what an answer rests on: the warnings that fired, the substances that
// were excluded and why, the definitions that were offered. It holds codes only.
func ran(rec cds.Recommendation) []string {
	var list []string
	add := func(s string) {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, o := range rec.Options {
		add(o.Definition)
	}
	for _, x := range rec.Excluded {
		add("excluded:" + x.Reason + ":" + x.ATC)
	}
	for _, w := range rec.Warnings {
		add("warning:" + w.Code)
	}
	return list
}

// skipped names the checks that did not run without what a record of the patient
// may have put into their words: the kind of check stands before a colon or a
// quotation, the reason is left out.
func skipped(list []cds.NotChecked) []cds.NotChecked {
	out := make([]cds.NotChecked, 0, len(list))
	for _, n := range list {
		check := n.Check
		if i := strings.IndexAny(check, ":„“\"«"); i >= 0 {
			check = check[:i]
		}
		out = append(out, cds.NotChecked{Check: strings.TrimSpace(check), Missing: n.Missing})
	}
	return out
}

// issued gives the cards as feedback will name them.
func issued(cards []cds.Card) []cds.IssuedCard {
	list := make([]cds.IssuedCard, 0, len(cards))
	for _, c := range cards {
		i := cds.IssuedCard{UUID: c.UUID, Indicator: c.Indicator}
		if c.Source.Topic != nil {
			i.Topic = c.Source.Topic.Code
		}
		for _, s := range c.Suggestions {
			i.Suggestions = append(i.Suggestions, s.UUID)
		}
		list = append(list, i)
	}
	return list
}

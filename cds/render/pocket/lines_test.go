package pocket

import (
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
)

// An option for a few never reads as one for all: each condition of a plan that ships
// stands in the booklet, beside what it is about.
func TestConditionsAreSaid(t *testing.T) {
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	s, err := knowledge.Load(artifacts, knowledge.Options{Demo: true, LoadedAt: time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var count func(list []*knowledge.Action) int
	count = func(list []*knowledge.Action) (n int) {
		for _, a := range list {
			n += len(a.Conditions) + count(a.Actions)
		}
		return n
	}
	total := 0
	for _, p := range plans(s) {
		b, said := &booklet{s: s, lang: cds.EN}, 0
		for i, l := range b.lines(p) {
			n := strings.Count(l.words, "Only if: ")
			if n > 0 && i > 0 && !l.keep {
				t.Errorf("%s: %q may stand on another page than what it is about", p.Indication, l.words)
			}
			said += n
		}
		if want := count(p.Actions); said != want {
			t.Errorf("%s: %d conditions said, has %d", p.Indication, said, want)
		}
		total += said
	}
	if total < 100 {
		t.Errorf("only %d conditions in all plans", total)
	}
	// Beside the option itself: moxifloxacin with linezolid is not for septic shock.
	p, _ := s.PlanFor("community-acquired-pneumonia")
	b := &booklet{s: s, lang: cds.DE}
	found, severe := false, false
	lines := b.lines(p)
	for i, l := range lines[:len(lines)-1] {
		if l.style == "B" {
			severe = l.words == "Schwere Pneumonie mit MRSA-Risiko"
		}
		if severe && strings.Contains(l.words, "Moxifloxacin") && strings.Contains(l.words, "Linezolid") {
			found = true
			if next := lines[i+1].words; !strings.HasPrefix(next, "Nur wenn: ") || !strings.Contains(next, "!= 'septic'") {
				t.Errorf("beside %q stands %q", l.words, next)
			}
		}
	}
	if !found {
		t.Error("the option of the test is gone")
	}
}

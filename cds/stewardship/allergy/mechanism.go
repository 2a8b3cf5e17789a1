package allergy

import (
	"regexp"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
)

var (
	// A denial reaches over at most two words, over no punctuation and over no "but".
	negation = regexp.MustCompile(`(?:^|\W)(?:ceine?|ceinen|ceinerlei|no|not|nicht|ohne|without|never|nie)(?: [^\s,;.:()]+){0,2} ?$`)
	contrast = regexp.MustCompile(` (?:aber|sondern|nur|but|onli|mit|wit)(?: |$)`)
	atOnce   = regexp.MustCompile(`sofort|unmittelbar|immediate|within (?:\w+ )?(?:minutes?|an hour|1 h|one hour)|(?:wenige|nach|innerhalb|after|few|in)\W+(?:\w+\W+){0,2}(?:minuten|minutes|min)(?:\W|$)|minuten nach|minutes after`)
)

// mechanism grades the reactions of an entry. The worst sign counts; a severe or
// instant course makes a harmless-looking sign unknown instead of mild.
func (t *Table) mechanism(e Entry) (Mechanism, cds.Text) {
	found := map[string]cds.Text{} // mechanism -> the reaction it was read from
	severe, quick := false, false
	note := func(text string) {
		if text == "" {
			return
		}
		text = stewardship.Clip(text, stewardship.MaxText)
		for mechanism, word := range t.signs(text) {
			if _, ok := found[mechanism]; !ok {
				found[mechanism] = word
			}
		}
		quick = quick || atOnce.MatchString(stewardship.Fold(text))
	}
	for _, r := range e.Reactions {
		severe = severe || r.Severity == "severe"
		for _, m := range r.Manifestations {
			coded := false
			for _, c := range m.Codings {
				if i, ok := t.byCode[c.Code]; ok && c.System == snomed {
					coded = true
					if _, have := found[t.reactions[i].mechanism]; !have {
						found[t.reactions[i].mechanism] = t.reactions[i].display
					}
				}
				note(c.Display)
			}
			if m.Text != "" || !coded {
				note(m.Text)
			}
		}
		note(r.Text)
	}
	note(e.Note)
	note(e.Concept.Text)
	for _, c := range e.Concept.Codings {
		note(c.Display)
	}
	high := e.Criticality == "high"

	say := func(m Mechanism, word cds.Text, de, en string) (Mechanism, cds.Text) {
		if !word.IsZero() {
			de, en = de+": "+word.DE, en+": "+word.EN
		}
		return m, cds.Text{DE: de, EN: en}
	}
	if word, ok := found["delayed-severe"]; ok {
		return say(DelayedSevere, word, "schwere verzögerte Reaktion", "severe delayed reaction")
	}
	if word, ok := found["immediate-severe"]; ok {
		return say(ImmediateSevere, word, "Sofortreaktion", "immediate reaction")
	}
	if word, ok := found["immediate"]; ok {
		if severe || quick || high {
			return say(ImmediateSevere, word, "Sofortreaktion, schwer oder innerhalb von Minuten", "immediate reaction, severe or within minutes")
		}
		return say(UnknownMechanism, word, "kann eine Sofortreaktion gewesen sein", "may have been an immediate reaction")
	}
	if word, ok := found["mild"]; ok {
		if severe || quick || high {
			return say(UnknownMechanism, word, "Hautreaktion, aber als schwer, sofort oder hochkritisch erfasst", "skin reaction, but recorded as severe, instant or of high criticality")
		}
		return say(Mild, word, "Hautreaktion", "skin reaction")
	}
	if word, ok := found["intolerance"]; ok {
		if severe && e.Type != "intolerance" || high {
			return say(UnknownMechanism, word, "Nebenwirkung, aber als schwer oder hochkritisch erfasst", "side effect, but recorded as severe or of high criticality")
		}
		return say(Intolerance, word, "Nebenwirkung", "side effect")
	}
	if e.Type == "intolerance" && e.Criticality == "low" {
		return say(Intolerance, cds.Text{}, "als Unverträglichkeit mit niedriger Kritikalität erfasst", "recorded as an intolerance of low criticality")
	}
	if quick {
		return say(ImmediateSevere, cds.Text{}, "Reaktion innerhalb von Minuten", "reaction within minutes")
	}
	return say(UnknownMechanism, cds.Text{}, "keine Reaktion beschrieben", "no reaction described")
}

// signs gives, per mechanism, the first reaction in a text that speaks for it and is
// not denied.
func (t *Table) signs(text string) map[string]cds.Text {
	folded := stewardship.Fold(text)
	out := map[string]cds.Text{}
	for _, r := range t.reactions {
		if _, ok := out[r.mechanism]; ok {
			continue
		}
		for _, w := range r.words {
			if at := wordAt(folded, w); at >= 0 {
				out[r.mechanism] = r.display
				break
			}
		}
	}
	return out
}

// wordAt finds word where it begins a word, or ends a German compound when it is
// long, and is not denied.
func wordAt(text, word string) int {
	for from := 0; ; {
		j := strings.Index(text[from:], word)
		if j < 0 {
			return -1
		}
		at := from + j
		begins := at == 0 || !isLetter(text[at-1])
		stands := at+len(word) == len(text) || !isLetter(text[at+len(word)])
		fits := begins || len(word) >= 6
		if len(word) <= 4 { // abbreviations stand alone
			fits = begins && stands
		}
		if fits && !denied(text[:at]) {
			return at
		}
		from = at + 1
	}
}

// denied tells whether the words before a sign deny it.
func denied(before string) bool {
	m := negation.FindString(before)
	return m != "" && !contrast.MatchString(m)
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80 }

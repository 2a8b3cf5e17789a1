package render

import (
	"fmt"
	"slices"
	"strings"

	"cdss/cds"
)

// carriesOut tells whether the client can carry out every action of a fix.
func (w *writer) carriesOut(fix cds.Fix) bool {
	return w.opts.Suggestions == nil || !slices.ContainsFunc(fix.Actions, func(a cds.Action) bool {
		return !slices.Contains(w.opts.Suggestions, a.Type)
	})
}

// fit makes of the cards what the client can show.
func (w *writer) fit(cards []cds.Card) []cds.Card {
	if most := w.opts.MaxCards; most > 0 && len(cards) > most {
		cards = append(cards[:most-1:most-1], w.merged(cards[most-1:]))
	}
	if w.opts.PlainText {
		for i := range cards {
			cards[i].Detail = plainText(cards[i].Detail)
		}
	}
	return cards
}

// urgency orders indicators.
var urgency = map[cds.Indicator]int{cds.Info: 0, cds.WarningI: 1, cds.Critical: 2}

// merged puts several cards into one, in their order and with all they say. Its
// suggestions are those of the first that has some, since a client offers the
// suggestions of one card as one choice.
func (w *writer) merged(cards []cds.Card) cds.Card {
	if len(cards) == 1 {
		return cards[0]
	}
	first := cards[0]
	one := cds.Card{
		UUID: w.opts.NewUUID("merged"), Summary: summary(fmt.Sprintf(w.in(wordFurther), len(cards)) + ": " + first.Summary),
		Indicator: first.Indicator, Source: first.Source,
	}
	var b strings.Builder
	for _, c := range cards {
		if urgency[c.Indicator] > urgency[one.Indicator] {
			one.Indicator = c.Indicator
		}
		if c.Source.Topic != nil && c.Source.Topic.Code == NotCheckedTopic {
			one.Source = c.Source // so that a client can tell it (SAFETY rule D11)
		}
		b.WriteString("**" + escape(c.Summary) + "**\n\n" + c.Detail + "\n\n")
		switch {
		case len(c.Suggestions) == 0:
		case len(one.Suggestions) == 0:
			one.Suggestions, one.SelectionBehavior = c.Suggestions, c.SelectionBehavior
		default:
			for _, s := range c.Suggestions {
				b.WriteString(w.in(wordSuggestion) + ": " + escape(s.Label) + "\n\n")
			}
		}
		if len(c.OverrideReasons) > 0 {
			one.OverrideReasons = c.OverrideReasons
		}
	}
	one.Detail = strings.TrimSpace(b.String())
	return one
}

// plainText takes the Markdown out of a detail of ours: the words stay, and the
// lines.
func plainText(detail string) string {
	var b strings.Builder
	for line := range strings.Lines(detail) {
		line = strings.TrimRight(line, " \n")
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			line = "  " + strings.TrimPrefix(rest, " ")
		}
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '\\' && i+1 < len(line) && line[i+1] < 0x80:
				i++
				if line[i] == '<' {
					b.WriteString("‹") // the client may show its plain text as HTML
					continue
				}
				b.WriteByte(line[i])
			case strings.HasPrefix(line[i:], "**"):
				i++
			default:
				b.WriteByte(line[i])
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cdss/cds"
	"cdss/rag"
)

// Options tell how cards are written.
type Options struct {
	Service string                  // id of the service, "" for the app
	Lang    cds.Lang                // "" means German
	NewUUID func(key string) string // gives the uuid of the card or suggestion named by key; required
	// Told says that what was not checked has been shown before: it is named in a
	// line, since silence would mean that all was checked (SAFETY rule D2).
	Told bool
	// Notice opens the detail of every card but that one: something that limits all of
	// them, such as knowledge that may be old. "" for nothing.
	Notice string

	// Reserved says that confidential data are among what was looked at: summaries, which
	// clients show in lists, tell how urgent a card is and nothing else.
	Reserved bool

	Before []cds.Card // cards that stand before all others

	// What the client can show; the zero values ask for nothing.
	MaxCards    int      // 0: as many as there are
	PlainText   bool     // detail is shown as it stands
	Suggestions []string // types of actions it carries out; nil: all
}

// TopicSystem is the code system of source.topic: what a card is about.
const TopicSystem = "https://cdss.example/fhir/CodeSystem/card-topic"

// NotCheckedTopic marks the card that says what was not checked, so that a client
// can style or count it (SAFETY rule D11).
const NotCheckedTopic = "cds-not-checked"

// writer writes the cards of one recommendation.
type writer struct {
	lang cds.Lang
	opts Options
	rec  cds.Recommendation
}

// Cards writes the cards of a recommendation: what is critical first, then the
// options together with what is mere information, then other warnings, and last
// the one card that says what was not checked. A recommendation that found nothing
// to say gives no card at all.
func Cards(rec cds.Recommendation, opts Options) []cds.Card {
	if opts.Lang == "" {
		opts.Lang = cds.DE
	}
	w := &writer{lang: opts.Lang, opts: opts, rec: rec}
	cards := append([]cds.Card{}, opts.Before...)
	for i, warning := range rec.Warnings {
		if warning.Indicator == cds.Critical {
			cards = append(cards, w.warning(i, warning))
		}
	}
	card, main := w.recommendation()
	if main {
		cards = append(cards, card)
	}
	for _, indicator := range []cds.Indicator{cds.WarningI, cds.Info} {
		for i, warning := range rec.Warnings {
			if warning.Indicator == indicator && !(main && folds(warning)) {
				cards = append(cards, w.warning(i, warning))
			}
		}
	}
	if len(rec.NotChecked) > 0 && !(main && opts.Told) {
		cards = append(cards, w.notChecked())
	}
	if opts.Reserved {
		w.reserve(cards)
	}
	return w.fit(cards)
}

// reserve takes out of the summaries what they tell of the patient.
func (w *writer) reserve(cards []cds.Card) {
	for i := range cards {
		text := wordReserved
		switch {
		case cards[i].Source.Topic != nil && cards[i].Source.Topic.Code == NotCheckedTopic:
			text = wordReservedNotChecked
		case cards[i].Indicator == cds.Critical:
			text = wordReservedCritical
		}
		cards[i].Summary = w.headline(w.in(text))
		if topic := cards[i].Source.Topic; topic != nil && topic.Code != NotCheckedTopic {
			without := *topic
			without.Display = ""
			cards[i].Source.Topic = &without
		}
	}
}

// folds tells whether a warning is said on the card with the options, where there
// is one, instead of a card of its own: it informs, and offers nothing to accept.
func folds(warning cds.Warning) bool {
	return warning.Indicator == cds.Info && len(warning.Fix) == 0
}

func (w *writer) in(t cds.Text) string { return t.In(w.lang) }

// banner opens the detail of a card, and says where it shows example content.
func (w *writer) banner(b *strings.Builder, example bool) {
	if example && w.rec.Banner != nil {
		fmt.Fprintf(b, "**%s**\n\n", escape(*w.rec.Banner))
	}
	if w.opts.Notice != "" {
		fmt.Fprintf(b, "**%s**\n\n", escape(w.opts.Notice))
	}
}

// headline marks the summary of such a card, which some clients show alone.
func (w *writer) headline(s string) string {
	if w.rec.Banner != nil {
		s = w.in(wordExample) + ": " + s
	}
	return summary(s)
}

// recommendation writes the card with the options. It is left out where no
// indication was found, for then nothing was asked.
func (w *writer) recommendation() (cds.Card, bool) {
	rec := w.rec
	if rec.Indication == nil || len(rec.Options) == 0 && rec.AbstainReason == nil {
		return cds.Card{}, false
	}
	var b strings.Builder
	name := label(rec.Indication.Display)
	head := name
	if rec.Severity != nil {
		head += " (" + w.in(severities[rec.Severity.Value]) + ")"
	}
	sources := newSources(rec.Options)
	if len(sources.list) == 0 {
		for _, warning := range rec.Warnings {
			if folds(warning) {
				for _, c := range warning.Citations {
					sources.add(c)
				}
			}
		}
	}
	card := cds.Card{
		UUID:      w.opts.NewUUID("recommendation"),
		Indicator: cds.Info,
		Source:    w.source(sources.list, cds.Coding{Code: rec.Indication.Code, System: rec.Indication.System, Display: name}),
	}
	w.banner(&b, true)
	if rec.Severity != nil {
		fmt.Fprintf(&b, "%s: %s", w.in(wordSeverity), w.in(severities[rec.Severity.Value]))
		if rec.Severity.Basis != "" {
			b.WriteString(" – " + escape(rec.Severity.Basis))
		}
		b.WriteString("\n\n")
	}
	if len(rec.Options) == 0 {
		card.Summary = w.headline(head + ": " + w.in(wordNoOption))
		b.WriteString(escape(*rec.AbstainReason) + "\n\n")
	} else {
		card.Summary = w.headline(head + ": " + w.counted())
		own, common := asides(rec.Options)
		for i, o := range rec.Options {
			w.option(&b, o, own[i], sources)
		}
		w.common(&b, common)
	}
	w.folded(&b, sources)
	w.excluded(&b)
	w.values(&b)
	w.sources(&b, sources)
	if w.opts.Told && len(rec.NotChecked) > 0 {
		b.WriteString("**" + escape(w.listed(wordStill)) + "**\n\n")
	}
	for _, note := range rec.Notes {
		b.WriteString(guard(escape(note)) + "\n\n")
	}
	b.WriteString(w.in(wordNoDecide))
	card.Detail = strings.TrimSpace(b.String())
	if len(rec.Options) > 0 {
		card.OverrideReasons = w.overrideReasons()
	}
	return card, true
}

// counted says how many options there are and names the first.
func (w *writer) counted() string {
	options := w.rec.Options
	count := "1 " + w.in(wordOption)
	if len(options) > 1 {
		count = fmt.Sprintf(w.in(wordOptions), len(options))
	}
	first := options[0]
	names := make([]string, 0, len(first.Ingredients))
	for _, i := range first.Ingredients {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	lead := w.in(wordFirst)
	if first.Specialist {
		lead = w.in(wordOnlyBy) + ":"
	}
	return count + ", " + lead + " " + strings.Join(names, " + ")
}

// source names the document a card rests on, or our own rules where it rests on
// none.
func (w *writer) source(list []rag.Citation, topic cds.Coding) cds.Source {
	name := w.in(wordOurSource)
	if len(list) > 0 {
		name = label(documentLine(list[0]))
	}
	if utf8.RuneCountInString(name) > 200 {
		name = string([]rune(name)[:199]) + "…"
	}
	return cds.Source{Label: name, Topic: &topic}
}

// warning writes one warning, with the suggestions that would mend it.
func (w *writer) warning(at int, warning cds.Warning) cds.Card {
	key := fmt.Sprintf("warning/%d/%s/%s", at, warning.Code, warning.OrderRef)
	var b strings.Builder
	head := warning.Summary
	if warning.Example {
		head = w.headline(head)
	}
	w.banner(&b, warning.Example)
	card := cds.Card{
		UUID:      w.opts.NewUUID(key),
		Summary:   summary(head),
		Indicator: warning.Indicator,
		Source:    w.source(warning.Citations, cds.Coding{Code: topicCode(warning.Code), System: TopicSystem, Display: summary(warning.Summary)}),
	}
	if warning.Detail != "" {
		b.WriteString(paragraphs(warning.Detail) + "\n\n")
	}
	list := &sources{}
	for _, c := range warning.Citations {
		list.add(c)
	}
	w.sources(&b, list)
	card.Suggestions = w.suggestions(key, warning.Fix)
	for _, fix := range warning.Fix {
		if !w.carriesOut(fix) {
			fmt.Fprintf(&b, "%s: %s\n\n", w.in(wordSuggestion), escape(fix.Label))
		}
	}
	card.Detail = strings.TrimSpace(b.String())
	if len(card.Suggestions) > 0 {
		card.SelectionBehavior = "at-most-one"
	}
	if warning.Indicator != cds.Info || len(card.Suggestions) > 0 {
		card.OverrideReasons = w.overrideReasons()
	}
	return card
}

// topicCode gives a code that is never empty, as Coding.code must not be.
func topicCode(code string) string {
	if code == "" {
		return "warning"
	}
	return code
}

// order is how the actions of a suggestion are listed. Clients apply them as a FHIR
// transaction, whatever their order (CDS Hooks 2.0.1, "Suggestion"); the reference
// sandbox applies only the first, so what comes instead stands before what goes.
var order = map[string]int{"create": 0, "update": 1, "delete": 2}

// suggestions writes the fixes of a warning. An action that the specification
// would not allow is a fault of the rule: its fix is left out, never half sent.
func (w *writer) suggestions(key string, fixes []cds.Fix) []cds.Suggestion {
	var list []cds.Suggestion
	recommended := false
	for i, fix := range fixes {
		if fix.Label == "" || len(fix.Actions) == 0 || !w.carriesOut(fix) || slices.ContainsFunc(fix.Actions, func(a cds.Action) bool { return !legal(a) }) {
			continue
		}
		actions := slices.Clone(fix.Actions)
		slices.SortStableFunc(actions, func(a, b cds.Action) int { return order[a.Type] - order[b.Type] })
		for j := range actions {
			actions[j].Description = label(actions[j].Description)
		}
		list = append(list, cds.Suggestion{
			Label:         label(fix.Label),
			UUID:          w.opts.NewUUID(fmt.Sprintf("%s/fix/%d", key, i)),
			IsRecommended: fix.Recommended && !recommended,
			Actions:       actions,
		})
		recommended = recommended || fix.Recommended
	}
	return list
}

// legal tells whether an action is one that CDS Hooks 2.0.1 ("Action") allows.
func legal(a cds.Action) bool {
	if plain(a.Description) == "" {
		return false
	}
	switch a.Type {
	case "create", "update":
		return len(a.Resource) > 0
	case "delete":
		return len(a.Resource) == 0 && a.ResourceID != ""
	}
	return false
}

// notChecked writes the one card that tells what was not checked, why, and what
// to do about it (SAFETY rules D4 and D11). Where that was told before, it is short.
func (w *writer) notChecked() cds.Card {
	card := cds.Card{
		UUID:      w.opts.NewUUID("not-checked"),
		Summary:   w.listed(wordNotChecked),
		Indicator: cds.WarningI,
		Source: cds.Source{
			Label: w.in(wordOurSource),
			Topic: &cds.Coding{Code: NotCheckedTopic, System: TopicSystem, Display: w.in(wordNotChecked)},
		},
	}
	if w.opts.Told {
		card.Summary, card.Indicator, card.Detail = w.listed(wordStill), cds.Info, w.in(wordToldBefore)
		return card
	}
	if !slices.ContainsFunc(w.rec.NotChecked, func(n cds.NotChecked) bool { return n.Why != cds.NoBand }) {
		card.Indicator = cds.Info
	}
	var b strings.Builder
	for _, n := range w.rec.NotChecked {
		fmt.Fprintf(&b, "- **%s**", escape(label(n.Check)))
		reason := escape(n.Reason)
		lacks := w.lacking(n)
		if lacks != "" {
			reason = strings.TrimSuffix(reason, ".")
		}
		if reason != "" {
			b.WriteString(": " + reason)
		}
		if lacks != "" {
			fmt.Fprintf(&b, " (%s: %s)", w.in(wordMissing), escape(lacks))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n" + w.in(wordWhatToDo))
	card.Detail = b.String()
	return card
}

// listed names as many of the checks that were not made as a summary holds, behind
// a word, and counts the rest.
func (w *writer) listed(word cds.Text) string {
	var names []string
	for _, n := range w.rec.NotChecked {
		if name := label(n.Check); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for n := len(names); n > 0; n-- {
		s := w.in(word) + ": " + strings.Join(names[:n], ", ")
		if rest := len(names) - n; rest > 0 {
			s += " " + fmt.Sprintf(w.in(wordMore), rest)
		}
		if utf8.RuneCountInString(s) <= SummaryLimit {
			return s
		}
	}
	return summary(w.in(word) + ": " + strings.Join(names, ", "))
}

// paragraphs escapes a text of several lines and keeps its lines.
func paragraphs(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		line = escape(line)
		if line != "" {
			line = guard(line)
		}
		lines = append(lines, line)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cdss/cds"
	"cdss/rag"
)

// aside is what is said of an option besides its dose, its notes sentence by
// sentence.
func aside(o cds.Option) []line {
	var list []line
	for _, s := range sentences(o.Notes) {
		list = append(list, line{wordNote, s})
	}
	list = append(list, line{wordWhy, o.Why})
	if !says(o.Why, wordGrade.DE+" "+o.Grade) && !says(o.Why, wordGrade.EN+" "+o.Grade) {
		list = append(list, line{wordGrade, o.Grade})
	}
	for _, s := range o.Interactions {
		list = append(list, line{wordInteraction, s})
	}
	list = append(list, line{wordPregnancy, o.Pregnancy})
	for _, s := range o.Monitoring {
		list = append(list, line{wordMonitoring, s})
	}
	return append(list, line{wordDeescalation, o.Deescalation})
}

type line struct {
	label cds.Text
	text  string
}

// sentences splits prose where a sentence certainly ends: behind a word of at
// least four letters that is no usual abbreviation, or behind a bracket. What is
// not split stays together, which costs a repetition and no sense.
func sentences(s string) []string {
	var list []string
	start := 0
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '.' && s[i+1] == ' ' && ends(s[start:i]) {
			list = append(list, s[start:i+1])
			start = i + 2
		}
	}
	if start < len(s) {
		list = append(list, s[start:])
	}
	return list
}

var shortened = []string{"evtl", "inkl", "incl", "resp", "approx", "Tabl", "Absch", "Kap"}

// ends tells whether text ends with a whole word, so that a full stop behind it
// ends a sentence.
func ends(text string) bool {
	if strings.HasSuffix(text, ")") {
		return true
	}
	word := text[strings.LastIndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })+1:]
	return utf8.RuneCountInString(word) >= 4 && !slices.Contains(shortened, word)
}

// asides are what is said of each option besides its dose, what all have in common
// taken out, to be said once. Of a single option nothing is common.
func asides(options []cds.Option) (each [][]line, common []line) {
	for _, o := range options {
		each = append(each, aside(o))
	}
	if len(options) < 2 {
		return each, nil
	}
	for _, l := range each[0] {
		everywhere := l.text != "" && !slices.Contains(common, l)
		for _, other := range each[1:] {
			everywhere = everywhere && slices.Contains(other, l)
		}
		if everywhere {
			common = append(common, l)
		}
	}
	for i, lines := range each {
		each[i] = slices.DeleteFunc(lines, func(l line) bool { return slices.Contains(common, l) })
	}
	return each, common
}

// option writes one option: its substances with dose lines first, then what was
// changed for this patient, then what is said of it alone.
func (w *writer) option(b *strings.Builder, o cds.Option, own []line, src *sources) {
	mark := ""
	switch {
	case o.Specialist:
		mark = " – " + w.in(wordSpecialist)
	case o.Recommended:
		mark = " – " + w.in(wordRecommended)
	}
	fmt.Fprintf(b, "**%d. %s**%s\n", o.Rank, w.names(o.Ingredients), mark)
	for _, i := range o.Ingredients {
		w.ingredient(b, i)
	}
	w.lines(b, own)
	if refs := src.refs(o.Citations); refs != "" {
		fmt.Fprintf(b, "- %s: %s\n", w.in(wordSource), refs)
	}
	b.WriteByte('\n')
}

func (w *writer) names(list []cds.Ingredient) string {
	var names []string
	last := ""
	for _, i := range list {
		if i.Name != last {
			names = append(names, escape(i.Name))
		}
		last = i.Name
	}
	return strings.Join(names, " + ")
}

func (w *writer) ingredient(b *strings.Builder, i cds.Ingredient) {
	text := i.Text
	if text == "" {
		text = i.Name
	}
	b.WriteString("- " + guard(escape(text)) + "\n")
	if i.LoadingDose != nil {
		fmt.Fprintf(b, "  - %s: %s\n", w.in(wordLoading), escape(*i.LoadingDose))
	}
	if i.Infusion != nil {
		fmt.Fprintf(b, "  - %s: %s\n", w.in(wordInfusion), escape(*i.Infusion))
	}
	for _, a := range i.Adjustments {
		label, ok := adjustments[a.Kind]
		if !ok {
			label = wordAdjusted
		}
		text := escape(a.Text)
		if a.Basis != "" {
			text = strings.TrimSuffix(text, ".") + " (" + escape(a.Basis) + ")"
		}
		fmt.Fprintf(b, "  - %s: %s", w.in(label), text)
		b.WriteByte('\n')
	}
}

// lines writes what is said, all of one label on one line.
func (w *writer) lines(b *strings.Builder, lines []line) {
	for i := 0; i < len(lines); {
		var texts []string
		label := lines[i].label
		for ; i < len(lines) && lines[i].label == label; i++ {
			if text := escape(lines[i].text); text != "" {
				texts = append(texts, text)
			}
		}
		between := " "
		if label == wordMonitoring {
			between = "; "
		}
		if len(texts) > 0 {
			fmt.Fprintf(b, "- %s: %s\n", w.in(label), strings.Join(texts, between))
		}
	}
}

// common writes what holds for all options.
func (w *writer) common(b *strings.Builder, lines []line) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "**%s**\n", w.in(wordForAll))
	w.lines(b, lines)
	b.WriteByte('\n')
}

// adjusted is the code of the information that a dose was adjusted, whose detail
// stands with the option already.
const adjusted = "renal-adjusted"

// folded writes the warnings that are mere information.
func (w *writer) folded(b *strings.Builder, src *sources) {
	wrote := false
	for _, warning := range w.rec.Warnings {
		if !folds(warning) {
			continue
		}
		if !wrote {
			fmt.Fprintf(b, "**%s**\n", w.in(wordAlso))
			wrote = true
		}
		b.WriteString("- " + guard(escape(warning.Summary)))
		detail := escape(warning.Detail)
		if warning.Code == adjusted || detail == escape(warning.Summary) {
			detail = ""
		}
		if detail != "" {
			end := "."
			if s := warning.Summary; s != "" && strings.ContainsAny(s[len(s)-1:], ".!?…:") {
				end = ""
			}
			b.WriteString(end + " " + detail)
		}
		if refs := src.refs(warning.Citations); refs != "" {
			b.WriteString(" " + refs)
		}
		b.WriteByte('\n')
	}
	if wrote {
		b.WriteByte('\n')
	}
}

// excluded lists what is not offered, and why.
func (w *writer) excluded(b *strings.Builder) {
	if len(w.rec.Excluded) == 0 {
		return
	}
	fmt.Fprintf(b, "**%s**\n", w.in(wordExcluded))
	for _, x := range w.rec.Excluded {
		reason, ok := reasons[x.Reason]
		if !ok {
			reason = reasons["other"]
		}
		fmt.Fprintf(b, "- %s: %s", escape(x.Name), w.in(reason))
		if x.Detail != "" {
			b.WriteString(" – " + escape(x.Detail))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

// shown are the facts a dose or a severity rests on, in the order they are read.
var shown = []string{
	"age", "weight", "creatinine", "creatinine-clearance-cockcroft-gault", "egfr-ckd-epi-2021", "dialysis",
	"crb-65", "curb-65", "qsofa", "pregnancy",
}

// forPneumonia are scores that grade a pneumonia and say nothing of other infections.
var forPneumonia = map[string]bool{"crb-65": true, "curb-65": true}

// values lists the facts that were used, with formula, date and age of the data
// (SAFETY rule D6).
func (w *writer) values(b *strings.Builder) {
	var lines []string
	for _, name := range shown {
		if forPneumonia[name] && (w.rec.Indication == nil || !strings.HasSuffix(w.rec.Indication.Code, "pneumonia")) {
			continue
		}
		for _, f := range w.rec.Facts {
			if f.Name == name && f.State == "known" && f.Value != nil {
				lines = append(lines, w.fact(f))
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "**%s**\n", w.in(wordValues))
	for _, line := range lines {
		b.WriteString("- " + line + "\n")
	}
	b.WriteByte('\n')
}

func (w *writer) fact(f cds.Fact) string {
	var b strings.Builder
	b.WriteString(escape(f.Display) + ": " + escape(value(w.lang, f.Value)))
	if u := plain(unit(w.lang, f.Unit)); u != "" {
		b.WriteString(" " + escape(u))
	}
	if f.Formula != "" {
		b.WriteString(" (" + escape(f.Formula) + ")")
	}
	when := f.Date
	if when == "" && len(f.Inputs) == 1 {
		when = f.Inputs[0].Date
	}
	if when != "" && f.Name != "age" {
		b.WriteString(", " + w.in(wordFrom) + " " + escape(date(w.lang, when)))
		if days, ok := daysBetween(when, w.rec.CreatedAt); ok && days > 1 {
			b.WriteString(", " + fmt.Sprintf(w.in(wordDaysOld), days))
		}
	}
	return b.String()
}

// sources numbers the citations of a card, each place once.
type sources struct {
	list []rag.Citation
}

func newSources(options []cds.Option) *sources {
	s := &sources{}
	for _, o := range options {
		for _, c := range o.Citations {
			s.add(c)
		}
	}
	return s
}

// onePlace tells whether two citations are of the same place in the same words.
func onePlace(a, b rag.Citation) bool {
	page, quote := 0, ""
	if a.Page != nil {
		page = *a.Page
	}
	if a.Quote != nil {
		quote = *a.Quote
	}
	return a.Document == b.Document && a.Version == b.Version && a.Section == b.Section &&
		(b.Page == nil && page == 0 || b.Page != nil && *b.Page == page) &&
		(b.Quote == nil && quote == "" || b.Quote != nil && *b.Quote == quote)
}

func (s *sources) add(c rag.Citation) int {
	for i, have := range s.list {
		if onePlace(have, c) {
			return i + 1
		}
	}
	s.list = append(s.list, c)
	return len(s.list)
}

func (s *sources) refs(list []rag.Citation) string {
	var refs []string
	seen := map[int]bool{}
	for _, c := range list {
		if n := s.add(c); !seen[n] {
			seen[n] = true
			refs = append(refs, fmt.Sprintf("(%d)", n))
		}
	}
	return strings.Join(refs, ", ")
}

// sources lists document, page and wording of each citation. A document is named
// in full where it comes first.
func (w *writer) sources(b *strings.Builder, s *sources) {
	if len(s.list) == 0 {
		return
	}
	fmt.Fprintf(b, "**%s**\n\n", w.in(wordSources))
	named := map[string]bool{}
	silent := false
	for i, c := range s.list {
		name := documentLine(c)
		if key := c.Document + "\x00" + c.Version; named[key] {
			name = c.Document
		} else {
			named[key] = true
		}
		fmt.Fprintf(b, "(%d) %s", i+1, escape(name))
		if c.Page != nil {
			fmt.Fprintf(b, ", %s %d", w.in(wordPage), *c.Page)
		}
		if c.Section != "" {
			b.WriteString(", " + escape(c.Section))
		}
		if c.Quote == nil {
			silent = true
			b.WriteString(" (\\*)\n\n")
			continue
		}
		b.WriteString("\n\n" + quote("", *c.Quote) + "\n\n")
	}
	if silent {
		b.WriteString("(\\*) " + w.in(wordNoQuote) + "\n\n")
	}
}

// documentLine names a document: its identifier, title and version.
func documentLine(c rag.Citation) string {
	line := c.Document
	if c.Title != "" && c.Title != c.Document {
		line += " " + c.Title
	}
	if c.Version != "" {
		line += " (" + c.Version + ")"
	}
	return line
}

package trial

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"cdss/cds"
	"cdss/cds/facts"
)

//go:embed report.html
var reportPage string

// listedEntries is how many entries the page shows; the JSON form holds more.
const listedEntries = 300

// agreementTexts name the agreements.
var agreementTexts = map[Agreement]cds.Text{
	First:       {DE: "wie empfohlen", EN: "as recommended"},
	Offered:     {DE: "eine der Optionen", EN: "one of the options"},
	Part:        {DE: "teilweise eine Option", EN: "an option in part"},
	Other:       {DE: "nicht unter den Optionen", EN: "not among the options"},
	Excluded:    {DE: "für diesen Patienten ausgeschlossen", EN: "excluded for this patient"},
	NoneDue:     {DE: "kein Antibiotikum angezeigt", EN: "no antibiotic due"},
	NoneGiven:   {DE: "Optionen vorhanden, nichts verordnet", EN: "options there, nothing ordered"},
	NoneBoth:    {DE: "nichts verordnet, nichts empfohlen", EN: "nothing ordered, nothing advised"},
	NotCompared: {DE: "nicht vergleichbar", EN: "cannot be compared"},
}

var agreementHelp = map[Agreement]cds.Text{
	First:       {DE: "dieselben Substanzen wie die an erster Stelle empfohlene Option", EN: "the same substances as the option recommended first"},
	Offered:     {DE: "dieselben Substanzen wie eine andere angebotene Option", EN: "the same substances as another option"},
	Part:        {DE: "ein Teil einer Option, oder eine Option mit etwas daneben", EN: "a part of an option, or an option with something beside it"},
	Other:       {DE: "keine Substanz einer angebotenen Option", EN: "no substance of an option that is offered"},
	Excluded:    {DE: "eine Regel schließt die Substanz aus, etwa wegen einer Allergie", EN: "a rule excludes the substance, for example for an allergy"},
	NoneDue:     {DE: "eine Regel sagt, dass keine Behandlung angezeigt ist", EN: "a rule says that no treatment is due"},
	NoneGiven:   {DE: "es gab Optionen, ein Antibiotikum wurde nicht verordnet", EN: "there were options, no antibiotic was ordered"},
	NoneBoth:    {DE: "kein Antibiotikum verordnet und keines empfohlen", EN: "no antibiotic ordered and none advised"},
	NotCompared: {DE: "keine Indikation erkannt, kein Schema freigegeben, oder die Daten reichen nicht", EN: "no indication found, no regimen released, or the data do not suffice"},
}

// kindTexts name the kinds of changes.
var kindTexts = map[string]cds.Text{
	AbstainChange:   {DE: "Optionen, wo keine waren, oder keine mehr", EN: "options where there were none, or none any more"},
	FirstChange:     {DE: "andere erste Empfehlung", EN: "another first recommendation"},
	OptionChange:    {DE: "Option neu oder weggefallen", EN: "option came or went"},
	DoseChange:      {DE: "andere Dosis", EN: "another dose"},
	ExclusionChange: {DE: "Ausschluss neu oder weggefallen", EN: "exclusion came or went"},
	CardChange:      {DE: "Hinweis zur Verordnung neu oder weggefallen", EN: "warning on the order came or went"},
	WarningChange:   {DE: "Hinweis zur Empfehlung neu oder weggefallen", EN: "warning on the recommendation came or went"},
	GapChange:       {DE: "fehlende Angabe neu oder nicht mehr", EN: "missing fact came or went"},
}

var severityTexts = map[string]cds.Text{
	"mild": {DE: "leicht", EN: "mild"}, "moderate": {DE: "mittelschwer", EN: "moderate"},
	"severe": {DE: "schwer", EN: "severe"}, "septic": {DE: "septisch", EN: "septic"},
}

var kindNames = map[string]cds.Text{"drug": {DE: "Arzneimittel", EN: "medicines"}, "laboratory": {DE: "Labor und Vitalwerte", EN: "laboratory and vital signs"}}

// Per100 gives how many of n there are for a hundred of all, 0 without any.
func Per100(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return 100 * float64(n) / float64(all)
}

// Compared is the number of moments at which an order could be held against options.
func (r Report) Compared() int {
	n := 0
	for _, a := range []Agreement{First, Offered, Part, Other, Excluded, NoneDue} {
		n += r.Agreement[a]
	}
	return n
}

// Agreed is the number of them at which the order was one of the options.
func (r Report) Agreed() int { return r.Agreement[First] + r.Agreement[Offered] }

// HTML writes the report as one page, in both languages, that needs nothing else.
func (r Report) HTML() ([]byte, error) {
	page, err := template.New("report").Funcs(template.FuncMap{
		"t":       both,
		"text":    bothOf,
		"per100":  decimal,
		"percent": func(n, all int) template.HTML { return number(Per100(n, all), 0) },
		"agree":   func(a Agreement) template.HTML { return bothOf(agreementTexts[a]) },
		"help":    func(a Agreement) template.HTML { return bothOf(agreementHelp[a]) },
		"kind":    func(k string) template.HTML { return bothOf(kindTexts[k]) },
		"codes":   func(k any) template.HTML { return bothOf(kindNames[fmt.Sprint(k)]) },
		"fact":    func(name string) template.HTML { return bothOf(facts.Display(name)) },
		"severe":  func(s string) template.HTML { return bothOf(severityTexts[s]) },
		"cut":     func(list []Entry) []Entry { return list[:min(len(list), listedEntries)] },
		"more":    func(list []Entry, left int) int { return max(0, len(list)-listedEntries) + left },
		"kinds":   Kinds,
		"all":     Agreements,
		"seconds": func(s float64) template.HTML { return number(s, 1) },
	}).Parse(reportPage)
	if err != nil {
		return nil, fmt.Errorf("read the page of reports: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, r); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return b.Bytes(), nil
}

// both writes a text in the two languages; the page shows one of them.
func both(de, en string) template.HTML {
	if en == "" {
		en = de
	}
	if de == en {
		return template.HTML(template.HTMLEscapeString(de))
	}
	return template.HTML(`<span lang="de">` + template.HTMLEscapeString(de) + `</span><span lang="en">` + template.HTMLEscapeString(en) + `</span>`)
}

func bothOf(v any) template.HTML {
	switch t := v.(type) {
	case cds.Text:
		return both(t.DE, t.EN)
	case *cds.Text:
		if t != nil {
			return both(t.DE, t.EN)
		}
	}
	return ""
}

func decimal(n, all int) template.HTML { return number(Per100(n, all), 1) }

// number writes a number with a comma in German and a point in English.
func number(f float64, decimals int) template.HTML {
	en := fmt.Sprintf("%.*f", decimals, f)
	return both(strings.Replace(en, ".", ",", 1), en)
}

// Summary writes the figures for a terminal, in English.
func (r Report) Summary(w io.Writer) {
	line := func(format string, a ...any) { fmt.Fprintf(w, format+"\n", a...) }
	line("%d Bundles replayed, %d lines unusable, %.0f a second", r.Bundles, r.BadLines, float64(r.Bundles)/max(0.001, r.Seconds))
	for i, b := range r.Bad {
		if i == 10 {
			line("  …")
			break
		}
		line("  line %d: %s", b.Line, b.Why)
	}
	line("%d decisions, %d antibiotic orders (%d without a time, %d outside every encounter)", r.Moments, r.Orders, r.Undated, r.Other)
	line("agreement: %d of %d comparable orders are one of the options (%.0f %%)", r.Agreed(), r.Compared(), Per100(r.Agreed(), r.Compared()))
	for _, a := range Agreements() {
		if n := r.Agreement[a]; n > 0 {
			line("  %5d  %s", n, agreementTexts[a].EN)
		}
	}
	line("interruptive cards: %d, %.1f for 100 antibiotic orders; of them %d say only what was not checked", r.Interruptive, Per100(r.Interruptive, r.Orders), r.GapCards)
	for _, c := range r.Codes {
		line("  %5d  %s", c.Count, c.Name)
	}
	if len(r.Missing) > 0 {
		line("not known, of %d decisions:", r.Moments)
		for i, c := range r.Missing {
			if i == 10 {
				break
			}
			line("  %5.1f %%  %s", Per100(c.Count, r.Moments), c.Name)
		}
	}
	for _, k := range r.Known {
		line("codes of %s: %d of %d read", k.Kind, k.Known, k.Count)
	}
	for i, u := range r.Unmapped {
		if i == 10 {
			break
		}
		line("  %5d  %s|%s", u.Count, u.System, u.Code)
	}
	if o := r.Ordinary; o != nil {
		line("on orders labelled right: %d interruptive cards, %.1f for 100", o.Interruptive, Per100(o.Interruptive, o.Orders))
	}
	for _, l := range r.Labels {
		line("labelled %-14s %4d orders, %4d met by a warning", l.Label, l.Orders, l.Alerted)
	}
	if m := r.Impact; m != nil {
		line("impact of %s against %s: %d of %d decisions differ", m.To, m.From, m.Changed, m.Questions)
		for _, k := range Kinds() {
			if n := m.Kinds[k]; n > 0 {
				line("  %5d  %s", n, kindTexts[k].EN)
			}
		}
	}
}

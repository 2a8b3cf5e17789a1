package pocket

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/knowledge"
	"cdss/rag"
)

// line is a paragraph of a plan, before it has a place on a page.
type line struct {
	style  string // "" | B
	size   float64
	indent float64 // millimetres
	above  float64 // space before it, millimetres
	grey   bool
	keep   bool // on the page of the line before
	words  string
}

// scribe writes what a plan says, action by action.
type scribe struct {
	s    *knowledge.Snapshot
	plan *knowledge.Plan
	lang cds.Lang
	out  []line
}

func (b *booklet) lines(p *knowledge.Plan) []line {
	w := &scribe{s: b.s, plan: p, lang: b.lang}
	for _, a := range p.Actions {
		w.action(a)
	}
	for i := range w.out[min(1, len(w.out)):] {
		// A heading keeps what follows it.
		if before := w.out[i]; before.style == "B" || before.keep && !w.out[i+1].keep && w.headed(i) {
			w.out[i+1].keep = true
		}
	}
	if len(w.out) == 0 {
		w.note(0, w.t("Diese Regel lässt sich nicht als Tafel drucken; was sie ergibt, zeigt die Anwendung.",
			"This rule cannot be printed as a table; the app shows what it gives."))
	}
	return w.out
}

// headed tells whether nothing but notes stands between a heading and line i.
func (w *scribe) headed(i int) bool {
	for ; i > 0 && w.out[i].size < body; i-- {
		continue
	}
	return w.out[i].style == "B"
}

func (w *scribe) t(de, en string) string { return cds.Text{DE: de, EN: en}.In(w.lang) }

func (w *scribe) add(l line) {
	if strings.TrimSpace(l.words) != "" {
		w.out = append(w.out, l)
	}
}

func (w *scribe) note(indent float64, words string) {
	w.add(line{size: small, indent: indent, keep: true, words: words})
}

func (w *scribe) action(a *knowledge.Action) {
	switch a.Role {
	case content.RolePopulation:
		w.add(line{style: "B", size: body, above: 1, words: a.Title.In(w.lang)})
		w.conditions(0, a)
		w.note(0, a.Description.In(w.lang))
	case content.RoleOption:
		w.option(a)
		return
	case content.RoleAdvice, content.RoleNoAntibiotic, content.RoleOutOfScope:
		w.add(line{style: "B", size: body, above: 0.6, words: a.Title.In(w.lang)})
		w.conditions(2, a)
		w.note(2, a.Description.In(w.lang))
		w.sources(a.Citations)
		return
	default:
		w.conditions(0, a)
	}
	for _, child := range a.Actions {
		w.action(child)
	}
	if d := a.Deescalation.In(w.lang); d != "" {
		w.note(2, w.t("Deeskalation: ", "De-escalation: ")+d)
	}
}

func (w *scribe) option(a *knowledge.Action) {
	var parts []string
	cited := slices.Clone(a.Citations)
	for _, part := range a.Actions {
		if part.Regimen != nil {
			parts = append(parts, Line(part.Regimen, w.lang))
			cited = append(cited, part.Regimen.Source)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, a.Title.In(w.lang)) // an option without a regimen is told all the same
	}
	mark := "– "
	if a.Line > 0 {
		mark = fmt.Sprintf("%d. ", a.Line)
	}
	if a.Preferred {
		parts[0] += " (" + w.t("hier bevorzugt", "preferred here") + ")"
	}
	if a.Restricted {
		parts[0] += " (" + w.t("nur nach Rücksprache", "only after a specialist decided") + ")"
	}
	w.add(line{size: body, indent: 2, words: mark + strings.Join(parts, "\n+ ")})
	w.conditions(5, a)
	for _, part := range a.Actions {
		w.conditions(5, part)
	}
	for _, note := range append([]cds.Text{a.Description}, a.House...) {
		w.note(5, note.In(w.lang))
	}
	if a.Grade != "" {
		w.note(5, w.t("Empfehlungsgrad ", "grade ")+a.Grade)
	}
	w.sources(cited)
}

var variable = regexp.MustCompile(`%[A-Za-z][A-Za-z0-9]*`)

// conditions says when an action counts: without that an option for a few would read as
// one for all. The expression stands as it is evaluated, with the facts by their names.
func (w *scribe) conditions(indent float64, a *knowledge.Action) {
	for _, c := range a.Conditions {
		words := variable.ReplaceAllStringFunc(c.Expression.String(), func(name string) string {
			d, ok := w.plan.Definition(name[1:])
			if !ok {
				d, ok = w.s.Definition(name[1:])
			}
			if !ok || d.Display.In(w.lang) == "" {
				return name
			}
			return "[" + d.Display.In(w.lang) + "]"
		})
		if c.Assume {
			words += w.t(" (oder unbekannt)", " (or unknown)")
		}
		w.note(indent, w.t("Nur wenn: ", "Only if: ")+words)
	}
}

func (w *scribe) sources(list []rag.Locator) {
	var said []string
	for _, l := range list {
		if l.Document == "" {
			continue
		}
		place := l.Document
		if l.Version != "" {
			place += " (" + l.Version + ")"
		}
		if l.Page > 0 {
			place += fmt.Sprintf(", %s %d", w.t("S.", "p."), l.Page)
		}
		if !slices.Contains(said, place) {
			said = append(said, place)
		}
	}
	w.add(line{size: tiny, indent: 5, grey: true, keep: true, words: strings.Join(said, "; ")})
}

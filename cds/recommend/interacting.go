package recommend

import (
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship/dose"
	"cdss/rag"
)

// interactionWarnings tells once for each interaction that counts which of the
// options have it, or that its substances are not offered for it.
func (s *session) interactionWarnings(all []*judged, shown []cds.Option) {
	offered := map[string]bool{}
	for _, o := range shown {
		for _, i := range o.Ingredients {
			offered[i.ATC] = true
		}
	}
	type told struct {
		finding
		names   []string
		at      []rag.Locator
		dropped bool
	}
	var list []*told
	byKey := map[string]*told{}
	for _, j := range all {
		for _, p := range j.parts {
			for _, f := range p.findings {
				if f.reason != "interaction" || f.outcome < warning || f.outcome != exclude && !offered[p.sub.ATC] || f.outcome == exclude && offered[p.sub.ATC] {
					continue
				}
				key := f.code + f.with.DE
				x := byKey[key]
				if x == nil {
					x = &told{finding: f, dropped: f.outcome == exclude, at: f.places}
					byKey[key], list = x, append(list, x)
				}
				x.names = addName(x.names, p.sub.Name.In(s.Lang))
			}
		}
	}
	for _, x := range list {
		names, with := strings.Join(x.names, ", "), s.say(x.with)
		w := cds.Warning{Code: x.code, Indicator: cds.WarningI, Detail: s.say(x.detail), Citations: s.cites(x.at...)}
		w.Summary = s.t("Interaktion: ", "Interaction: ") + names + s.t(" mit ", " with ") + with
		if x.dropped {
			w.Summary = s.t("Nicht angeboten wegen ", "Not offered because of ") + with + ": " + names
		}
		s.warn(w)
	}
}

// warnNoneLeft says that every option is excluded, by what, and what is left of
// combinations without the part that is.
func (s *session) warnNoneLeft(excluded []cds.Exclusion, all []*judged) {
	var reasons []string
	for _, x := range excluded {
		reasons = addName(reasons, x.Detail)
	}
	detail := prose(reasons...)
	if left := s.left(all); len(left) > 0 {
		detail = prose(detail,
			s.t("Ohne den ausgeschlossenen Partner bliebe: ", "Without the excluded partner remains: ")+strings.Join(left, "; "),
			s.t("Das ist keine vollständige Option der Quelle", "That is no complete option of the source"))
	}
	s.warn(cds.Warning{
		Code: "no-option-left", Indicator: cds.WarningI,
		Summary: s.t("Jede Option der Quelle ist ausgeschlossen: infektiologische Beratung", "Every option of the source is excluded: ask infectious diseases"),
		Detail:  detail,
	})
}

// left gives the parts of excluded combinations that may be given. What
// does not act on the pathogen is no part to go on with.
func (s *session) left(all []*judged) []string {
	var out []string
	for _, j := range all {
		if j.idle() {
			continue
		}
		for _, p := range j.parts {
			free := len(j.parts) > 1 && len(p.lines) > 0 && p.adjusted.Status != dose.Contraindicated
			only := ""
			for _, f := range p.findings {
				free = free && f.outcome < exclude
				if f.outcome == specialist {
					only = s.t(" (nur nach fachärztlicher Entscheidung)", " (only after a specialist decision)")
				}
			}
			if free {
				var lines []string
				for _, l := range p.lines {
					lines = append(lines, l.Text)
				}
				out = addName(out, strings.Join(lines, s.t(", danach ", ", then "))+only)
			}
		}
	}
	return out
}

// idle tells whether an option is out because it does not act.
func (j *judged) idle() bool {
	for _, p := range j.parts {
		for _, f := range p.findings {
			if f.outcome == exclude && f.reason == "resistance" {
				return true
			}
		}
	}
	return false
}

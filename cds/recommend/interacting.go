package recommend

import (
	"strings"

	"cdss/cds"
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

// warnNoneLeft says that every option is excluded, and by what.
func (s *session) warnNoneLeft(excluded []cds.Exclusion) {
	var reasons []string
	for _, x := range excluded {
		reasons = addName(reasons, x.Detail)
	}
	s.warn(cds.Warning{
		Code: "no-option-left", Indicator: cds.WarningI,
		Summary: s.t("Jede Option der Quelle ist ausgeschlossen: infektiologische Beratung", "Every option of the source is excluded: ask infectious diseases"),
		Detail:  prose(reasons...),
	})
}

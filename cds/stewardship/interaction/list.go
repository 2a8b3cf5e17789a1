package interaction

import (
	"io/fs"
	"sort"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// List is the named list; it never changes once loaded.
type List struct {
	name    cds.Text
	version string
	rows    []row
}

type row struct {
	id                   string
	substances, partners []string // ATC codes or prefixes
	routes               []string // of the substance; empty: all
	indicator            cds.Indicator
	exclude              bool
	kind                 string
	effect, advice       cds.Text
	source               stewardship.Source
}

// Kinds of interaction.
var kinds = map[string]bool{
	"qt": true, "serotonin": true, "cyp3a4": true, "cyp1a2": true, "potassium": true, "inr": true, "valproate": true,
	"nephrotoxic": true, "myopathy": true, "methotrexate": true, "absorption": true, "other": true,
}

func load(fsys fs.FS) (*List, error) {
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	head, err := stewardship.TableHead(fsys, "interactions.csv")
	if err != nil {
		return nil, err
	}
	l := &List{name: cds.Text{DE: head["de"], EN: head["en"]}, version: head["version"]}
	seen := map[string]bool{}
	err = stewardship.ReadTable(fsys, "interactions.csv", sources, func(r *stewardship.Row) {
		x := row{
			id: r.Need("id"), substances: r.List("substances"), partners: r.List("partners"), routes: r.List("routes"),
			indicator: cds.Indicator(r.Need("indicator")), exclude: r.Text("exclude") == "yes", kind: r.Need("kind"),
			effect: cds.Text{DE: r.Need("effect_de"), EN: r.Need("effect_en")},
			advice: cds.Text{DE: r.Need("advice_de"), EN: r.Need("advice_en")}, source: r.Source(),
		}
		switch x.indicator {
		case cds.Info, cds.WarningI, cds.Critical:
		default:
			r.Fail("indicator %q is not known", x.indicator)
		}
		if !kinds[x.kind] {
			r.Fail("kind %q is not known", x.kind)
		}
		if len(x.substances) == 0 || len(x.partners) == 0 {
			r.Fail("a row needs substances and partners")
		}
		if seen[x.id] {
			r.Fail("id %q stands twice", x.id)
		}
		seen[x.id] = true
		l.rows = append(l.rows, x)
	})
	return l, err
}

// check finds the rows of the substance that a current medicine answers. The
// substance itself among the medicines is a duplicate and not an interaction.
func (l *List) check(substance Medicine, current []Medicine, p Patient) []Finding {
	var out []Finding
	for _, x := range l.rows {
		if !fits(substance.ATC, x.substances) || len(x.routes) > 0 && substance.Route != "" && !contains(x.routes, substance.Route) {
			continue
		}
		var with []Medicine
		for _, m := range current {
			if m.ATC != substance.ATC && fits(m.ATC, x.partners) {
				with = append(with, m)
			}
		}
		if len(with) == 0 {
			continue
		}
		f := Finding{
			ID: x.id, Indicator: x.indicator, Exclude: x.exclude, Kind: x.kind, With: with,
			Effect: x.effect, Advice: x.advice, Source: x.source,
		}
		f.aggravate(p)
		out = append(out, f)
	}
	out = single(append(out, l.fromPatient(substance, p)...))
	sort.SliceStable(out, func(i, j int) bool { return weight(out[i].Indicator) > weight(out[j].Indicator) })
	return out
}

// aggravate adds what in the patient makes the interaction worse.
func (f *Finding) aggravate(p Patient) {
	add := func(de, en string) {
		f.Effect.DE += " " + de
		f.Effect.EN += " " + en
	}
	number := func(n stewardship.Number, digits int, lang cds.Lang) string {
		return stewardship.Decimal(n.Low, digits, lang)
	}
	switch f.Kind {
	case "qt":
		if p.QTc.AtLeast(500) == stewardship.Yes {
			add("QTc "+number(p.QTc, 0, cds.DE)+" ms.", "QTc "+number(p.QTc, 0, cds.EN)+" ms.")
		}
		if p.Potassium.Below(3.5) == stewardship.Yes {
			add("Kalium "+number(p.Potassium, 1, cds.DE)+" mmol/l erniedrigt.", "Potassium "+number(p.Potassium, 1, cds.EN)+" mmol/L low.")
		}
		if p.Magnesium.Below(0.7) == stewardship.Yes {
			add("Magnesium "+number(p.Magnesium, 2, cds.DE)+" mmol/l erniedrigt.", "Magnesium "+number(p.Magnesium, 2, cds.EN)+" mmol/L low.")
		}
	case "potassium":
		if p.Potassium.Above(5) == stewardship.Yes {
			add("Kalium bereits "+number(p.Potassium, 1, cds.DE)+" mmol/l.", "Potassium already "+number(p.Potassium, 1, cds.EN)+" mmol/L.")
		}
	}
}

// single drops a milder finding where a graver one of the same kind names all of
// its medicines, so that one danger is told once.
func single(findings []Finding) []Finding {
	var out []Finding
	for i, f := range findings {
		covered := false
		for j, g := range findings {
			if i != j && g.Kind == f.Kind && (weight(g.Indicator) > weight(f.Indicator) || weight(g.Indicator) == weight(f.Indicator) && j < i) && covers(g.With, f.With) {
				covered = true
			}
		}
		if !covered {
			out = append(out, f)
		}
	}
	return out
}

func covers(all, some []Medicine) bool {
	for _, m := range some {
		found := false
		for _, n := range all {
			found = found || n.ATC == m.ATC && n.Reference == m.Reference
		}
		if !found {
			return false
		}
	}
	return true
}

func weight(i cds.Indicator) int {
	switch i {
	case cds.Critical:
		return 2
	case cds.WarningI:
		return 1
	}
	return 0
}

func fits(atc string, prefixes []string) bool {
	if atc == "" {
		return false
	}
	for _, p := range prefixes {
		if strings.HasPrefix(atc, p) {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

package allergy

import (
	"io/fs"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

type sources = []stewardship.Source

// Table holds the side chains, the codes of allergens and the words of reactions;
// it never changes once loaded.
type Table struct {
	substances []formulary.Substance
	names      *formulary.Formulary
	alike      map[[2]string]bool
	codes      map[[2]string]allergen
	reactions  []reaction
	byCode     map[string]int
	sources    map[string]stewardship.Source
}

type allergen struct {
	kind string // allergen | none | none-medication | unspecified
	atc  []string
}

type reaction struct {
	display   cds.Text // German, and the English display of the code
	mechanism string
	words     []string // folded
}

// Load reads sidechains.csv, codes.csv, reactions.csv and sources.csv from the
// root of fsys; f gives the substances and their names.
func Load(fsys fs.FS, f *formulary.Formulary) (*Table, error) {
	all, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	t := &Table{
		substances: f.Substances(), names: f, alike: map[[2]string]bool{}, codes: map[[2]string]allergen{},
		byCode: map[string]int{}, sources: all,
	}
	chains := map[string]bool{}
	for _, s := range t.substances {
		chains[s.SideChain] = true
	}
	err = stewardship.ReadTable(fsys, "sidechains.csv", all, func(r *stewardship.Row) {
		a, b := r.Need("group"), r.Need("similar")
		if !chains[a] || !chains[b] || a == b {
			r.Fail("no substance has the side chain %q or %q", a, b)
		}
		r.Source()
		t.alike[[2]string{a, b}], t.alike[[2]string{b, a}] = true, true
	})
	if err != nil {
		return nil, err
	}
	err = stewardship.ReadTable(fsys, "codes.csv", all, func(r *stewardship.Row) {
		a := allergen{kind: r.Need("kind"), atc: r.List("atc")}
		switch a.kind {
		case "allergen":
			if len(a.atc) == 0 {
				r.Fail("an allergen needs an ATC code or prefix")
			}
		case "none", "none-medication", "unspecified":
		default:
			r.Fail("kind %q is not known", a.kind)
		}
		t.codes[[2]string{r.Need("system"), r.Need("code")}] = a
	})
	if err != nil {
		return nil, err
	}
	err = stewardship.ReadTable(fsys, "reactions.csv", all, func(r *stewardship.Row) {
		x := reaction{display: cds.Text{DE: r.Need("name_de"), EN: r.Need("display")}, mechanism: r.Need("mechanism")}
		switch x.mechanism {
		case "immediate-severe", "delayed-severe", "immediate", "mild", "intolerance":
		default:
			r.Fail("mechanism %q is not known", x.mechanism)
		}
		for _, w := range r.List("words") {
			x.words = append(x.words, stewardship.Fold(w))
		}
		if code := r.Text("code"); code != "" {
			t.byCode[code] = len(t.reactions)
		}
		t.reactions = append(t.reactions, x)
	})
	return t, err
}

func (t *Table) similar(a, b string) bool { return a != "" && t.alike[[2]string{a, b}] }

func withPage(s stewardship.Source, page int) stewardship.Source {
	s.Page = page
	return s
}

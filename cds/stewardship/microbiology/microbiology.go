// Package microbiology knows organisms by code and name, what they resist by
// nature, and what a susceptibility result means for a substance.
//
// It owns the German MRGN classes and the meaning of S, I and R by norm and year.
// It refuses to use an "I" of a norm older than 2019, and to overrule a laboratory
// where no rule is cited.
package microbiology

import (
	"io/fs"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Organism is a species or genus with its code.
type Organism struct {
	Code      string // SNOMED CT
	Name      cds.Text
	Group     string   // enterobacterales | ampc | pseudomonas | staphylococcus-aureus | mrsa | enterococcus | …
	Intrinsic []string // ATC codes or prefixes it resists by nature
	Source    stewardship.Source
}

// Resists tells whether the organism resists a substance by nature.
func (o Organism) Resists(atc string) bool {
	for _, p := range o.Intrinsic {
		if strings.HasPrefix(atc, p) {
			return true
		}
	}
	return false
}

// Interpretation is the laboratory's category.
type Interpretation string

// The categories of EUCAST and CLSI.
const (
	Susceptible Interpretation = "S"
	Increased   Interpretation = "I" // EUCAST since 2019: susceptible, increased exposure
	Resistant   Interpretation = "R"
)

// Result is the susceptibility of an isolate to one substance.
type Result struct {
	ATC            string
	Interpretation Interpretation
	Norm           string // EUCAST | CLSI | "" not stated
	Year           int    // of the norm, 0 not stated
	Reference      string
}

// Isolate is one cultured organism.
type Isolate struct {
	Organism  Organism
	Display   string // as the laboratory words it
	Specimen  string // blood | urine | respiratory | csf | other | ""
	At        time.Time
	Results   []Result
	Reference string
}

// Against gives what is known of the isolate and a substance: the laboratory's
// result, or resistance by nature, which overrules a reported S (EUCAST expert
// rules). known is false where nothing is.
func (i Isolate) Against(atc string) (r Result, known bool) {
	if i.Organism.Resists(atc) {
		return Result{ATC: atc, Interpretation: Resistant, Norm: "EUCAST", Reference: i.Reference}, true
	}
	for _, x := range i.Results {
		if x.ATC == atc {
			return x, true
		}
	}
	return Result{}, false
}

// Usable tells whether an "I" may be read as "susceptible, increased exposure":
// only by EUCAST from 2019 on.
func (r Result) Usable() bool {
	return r.Interpretation == Susceptible || r.Interpretation == Increased && r.Norm == "EUCAST" && r.Year >= 2019
}

// leads are the four lead classes of the German classification (KRINKO 2012).
var leads = [4][]string{{"J01CA12", "J01CR05"}, {"J01DD01", "J01DD02"}, {"J01DH02", "J01DH51"}, {"J01MA02"}}

// MRGN gives the German class of a gram-negative isolate from its results: 4MRGN
// when a carbapenem is resistant, 3MRGN when three of the four lead classes are.
// The class is "" when it is neither, known false while results for it are missing.
func (i Isolate) MRGN() (class string, known bool) {
	resistant, missing := 0, 0
	for n, lead := range leads {
		state := ""
		for _, atc := range lead {
			for _, r := range i.Results {
				if r.ATC == atc && (state == "" || r.Interpretation == Resistant) {
					state = string(r.Interpretation)
				}
			}
		}
		switch {
		case state == "R" && n == 2:
			return "4MRGN", true
		case state == "R":
			resistant++
		case state == "":
			missing++
		}
	}
	switch {
	case resistant >= 3:
		return "3MRGN", true
	case missing > 0:
		return "", false
	}
	return "", true
}

// Table holds the organisms; it never changes once loaded.
type Table struct {
	organisms []Organism
	words     [][]string
}

// Load reads organisms.csv and sources.csv from the root of fsys.
func Load(fsys fs.FS) (*Table, error) {
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	err = stewardship.ReadTable(fsys, "organisms.csv", sources, func(r *stewardship.Row) {
		t.organisms = append(t.organisms, Organism{
			Code: r.Need("code"), Name: cds.Text{DE: r.Need("name_de"), EN: r.Need("name_en")}, Group: r.Need("group"),
			Intrinsic: r.List("intrinsic"), Source: r.Source(),
		})
		var words []string
		for _, w := range r.List("words") {
			words = append(words, stewardship.Fold(w))
		}
		t.words = append(t.words, words)
	})
	return t, err
}

// Find gives the organism of a SNOMED CT code, else the one a text names. Of
// several names the resistant variant counts, then the longest.
func (t *Table) Find(code, text string) (Organism, bool) {
	best, length := -1, 0
	folded := stewardship.Fold(stewardship.Clip(text, stewardship.MaxText))
	for i, o := range t.organisms {
		if code != "" && o.Code == code && best < 0 {
			best, length = i, 1
		}
		for _, w := range t.words[i] {
			weight := len(w)
			if o.Group == "mrsa" || o.Group == "vre" {
				weight += 100
			}
			if at := strings.Index(folded, w); at >= 0 && (at == 0 || !letter(folded[at-1])) && weight > length {
				best, length = i, weight
			}
		}
	}
	if best < 0 {
		return Organism{}, false
	}
	return t.organisms[best], true
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0x80 }

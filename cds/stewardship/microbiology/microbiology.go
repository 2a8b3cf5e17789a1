// Package microbiology knows organisms by code and name, what they resist by
// nature, and what a susceptibility result means for a substance.
//
// It owns the German MRGN classes and the meaning of S, I and R by norm and year.
// It refuses to use an "I" of a norm older than 2019, and to overrule a laboratory
// where no rule is cited.
package microbiology

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Organism is a species or genus with its code.
type Organism struct {
	Code      string // SNOMED CT, "" where it is known by its words alone
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
	Only           Scope  // the infections that the breakpoint is for, "" for all
	Reference      string
}

// Scope limits a result to the infections that its breakpoint is for.
type Scope string

// The scopes that laboratories name.
const (
	CystitisOnly   Scope = "cystitis"   // uncomplicated urinary tract infection only
	MeningitisOnly Scope = "meningitis" // breakpoint for meningitis
	NotMeningitis  Scope = "not-meningitis"
)

// Fits tells whether a result may be used for an infection: of the meninges, or a
// cystitis.
func (s Scope) Fits(meningitis, cystitis bool) bool {
	switch s {
	case CystitisOnly:
		return cystitis
	case MeningitisOnly:
		return meningitis
	case NotMeningitis:
		return !meningitis
	}
	return true
}

// Isolate is one cultured organism.
type Isolate struct {
	Organism  Organism
	Display   string // as the laboratory words it
	Specimen  string // blood | urine | respiratory | csf | stool | wound | screening | ""
	At        time.Time
	Results   []Result
	Lacking   bool // results that the report names did not come or could not be read
	Reference string
}

// Against gives what is known of the isolate and a substance: the laboratory's
// result, or resistance by nature, which overrules a reported S (EUCAST expert
// rules). known is false where nothing is.
func (i Isolate) Against(atc string) (r Result, known bool) {
	if i.Organism.Resists(atc) {
		return Result{ATC: atc, Interpretation: Resistant, Norm: "EUCAST", Reference: i.Reference}, true
	}
	return i.Tested(atc)
}

// Tested gives the laboratory's result for a substance, else what a result for a
// related one implies.
func (i Isolate) Tested(atc string) (r Result, known bool) {
	for _, x := range i.Results {
		if x.ATC == atc {
			return x, true
		}
	}
	return i.implied(atc)
}

// implication says what a category of one substance means for others in some
// groups of organisms.
type implication struct {
	groups   []string
	tested   []string // ATC codes
	category Interpretation
	implies  []string // ATC codes or prefixes
}

// implications are rules that hold for a whole class (EUCAST expert rules v3):
// ampicillin stands for amoxicillin, cefotaxime for ceftriaxone; enterobacteria
// that resist a third-generation cephalosporin resist the earlier generations and
// aminopenicillins; resistance to ciprofloxacin is resistance to the class in
// gram-negatives; oxacillin stands for the beta-lactams against S. aureus.
var implications = []implication{
	{nil, []string{"J01CA01"}, Resistant, []string{"J01CA04"}},
	{nil, []string{"J01CA04"}, Resistant, []string{"J01CA01"}},
	{nil, []string{"J01CA01"}, Susceptible, []string{"J01CA04"}},
	{nil, []string{"J01CA04"}, Susceptible, []string{"J01CA01"}},
	{gramNegative, []string{"J01DD01"}, Resistant, []string{"J01DD04"}},
	{gramNegative, []string{"J01DD04"}, Resistant, []string{"J01DD01"}},
	{gramNegative, []string{"J01DD01"}, Susceptible, []string{"J01DD04"}},
	{gramNegative, []string{"J01DD04"}, Susceptible, []string{"J01DD01"}},
	{gramNegative, thirdGeneration, Resistant, []string{"J01CA", "J01DB", "J01DC"}},
	{gramNegative, []string{"J01MA02"}, Resistant, []string{"J01MA"}},
	{[]string{"staphylococcus-aureus", "mrsa"}, []string{"J01CF04", "J01DC01"}, Resistant, []string{"J01C", "J01DB", "J01DC", "J01DD", "J01DE", "J01DH"}},
	{[]string{"staphylococcus-aureus"}, []string{"J01CF04", "J01DC01"}, Susceptible, []string{"J01CF", "J01DB04", "J01DC02"}},
}

var (
	gramNegative    = []string{"enterobacterales", "ampc"}
	thirdGeneration = []string{"J01DD01", "J01DD02", "J01DD04", "J01DD13"}
)

func (i Isolate) implied(atc string) (Result, bool) {
	for _, rule := range implications {
		if rule.groups != nil && !slices.Contains(rule.groups, i.Organism.Group) || !begins(atc, rule.implies) {
			continue
		}
		for _, x := range i.Results {
			if x.Interpretation == rule.category && slices.Contains(rule.tested, x.ATC) {
				x.ATC = atc
				return x, true
			}
		}
	}
	return Result{}, false
}

// ThirdGenerationResistant tells whether an enterobacterium was tested resistant to
// a third-generation cephalosporin, as producers of ESBL are.
func (i Isolate) ThirdGenerationResistant() bool {
	if !slices.Contains(gramNegative, i.Organism.Group) {
		return false
	}
	for _, r := range i.Results {
		if r.Interpretation == Resistant && slices.Contains(thirdGeneration, r.ATC) {
			return true
		}
	}
	return false
}

func begins(atc string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(atc, p) {
			return true
		}
	}
	return false
}

// Usable tells whether an "I" may be read as "susceptible, increased exposure":
// only by EUCAST from 2019 on.
func (r Result) Usable() bool {
	return r.Interpretation == Susceptible || r.Interpretation == Increased && r.Norm == "EUCAST" && r.Year >= 2019
}

// leads are the four lead classes of the German classification (KRINKO 2012).
var leads = [4][]string{{"J01CA12", "J01CR05"}, {"J01DD01", "J01DD02"}, {"J01DH02", "J01DH51"}, {"J01MA02"}}

const carbapenems = 2 // among leads

// MRGN gives the German class of a gram-negative isolate from its results. Of
// enterobacteria and Acinetobacter, 4MRGN is resistance to a carbapenem, and 3MRGN
// to the three other lead classes; of Pseudomonas aeruginosa, resistance to all
// four and to any three. The class is "" when it is neither or the classification
// does not know the organism, known false while results for it are missing.
func (i Isolate) MRGN() (class string, known bool) {
	pseudomonas := i.Organism.Group == "pseudomonas"
	if !pseudomonas && i.Organism.Group != "acinetobacter" && !slices.Contains(gramNegative, i.Organism.Group) {
		return "", i.Organism.Group != ""
	}
	resistant, missing := 0, 0
	for n, lead := range leads {
		switch i.worst(lead) {
		case Resistant:
			if n == carbapenems && !pseudomonas {
				return "4MRGN", true
			}
			resistant++
		case "":
			missing++
		}
	}
	switch {
	case resistant == len(leads):
		return "4MRGN", true
	case missing > 0 && (pseudomonas || resistant < 3):
		return "", false
	case resistant == 3:
		return "3MRGN", true
	}
	return "", true
}

// worst gives the least favourable result for a list of substances, "" without one.
func (i Isolate) worst(atcs []string) Interpretation {
	var worst Interpretation
	for _, r := range i.Results {
		if slices.Contains(atcs, r.ATC) && (worst == "" || r.Interpretation == Resistant) {
			worst = r.Interpretation
		}
	}
	return worst
}

// For gives the isolate with only those results whose breakpoints are for an
// infection.
func (i Isolate) For(meningitis, cystitis bool) Isolate {
	fits := func(r Result) bool { return r.Only.Fits(meningitis, cystitis) }
	for n, r := range i.Results {
		if fits(r) {
			continue
		}
		kept := slices.Clone(i.Results[:n])
		for _, r := range i.Results[n+1:] {
			if fits(r) {
				kept = append(kept, r)
			}
		}
		i.Results = kept
		break
	}
	return i
}

// Derepressible tells whether an organism may begin to make AmpC during treatment,
// so that a third-generation cephalosporin that was tested susceptible fails.
func (o Organism) Derepressible() bool { return o.Group == "ampc" }

// Table holds the organisms; it never changes once loaded.
type Table struct {
	organisms []Organism
	words     [][]string
	tests     map[string]string // ATC by LOINC code of a susceptibility test
}

// Test gives the substance that a LOINC code of a susceptibility test is about.
func (t *Table) Test(loinc string) (atc string, ok bool) {
	atc, ok = t.tests[loinc]
	return atc, ok
}

// Load reads organisms.csv, susceptibilities.csv and sources.csv from the root of fsys.
func Load(fsys fs.FS) (*Table, error) {
	sources, err := stewardship.LoadSources(fsys)
	if err != nil {
		return nil, err
	}
	t := &Table{tests: map[string]string{}}
	err = stewardship.ReadTable(fsys, "susceptibilities.csv", sources, func(r *stewardship.Row) {
		code := r.Need("loinc")
		if _, twice := t.tests[code]; twice {
			r.Fail("LOINC %s stands twice", code)
		}
		t.tests[code] = r.Need("atc")
	})
	if err != nil {
		return nil, err
	}
	err = stewardship.ReadTable(fsys, "organisms.csv", sources, func(r *stewardship.Row) {
		t.organisms = append(t.organisms, Organism{
			Code: r.Text("code"), Name: cds.Text{DE: r.Need("name_de"), EN: r.Need("name_en")}, Group: r.Need("group"),
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

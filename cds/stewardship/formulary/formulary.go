// Package formulary owns what belongs to a substance and not to an indication:
// names, class, side chain, AWaRe group, renal bands, pregnancy, age limits,
// monitoring. All of it is read from the tables under cds/content/source; every
// statement names its source.
//
// It refuses to invent: a substance without a cited renal band has none, and a
// name it does not know is not guessed.
package formulary

import (
	"io/fs"
	"slices"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Class is the pharmacological class that allergy and interaction rules speak of.
type Class string

// The classes of the antimicrobial substances.
const (
	Penicillin      Class = "penicillin"
	Cephalosporin   Class = "cephalosporin"
	Carbapenem      Class = "carbapenem"
	Monobactam      Class = "monobactam"
	Fluoroquinolone Class = "fluoroquinolone"
	Macrolide       Class = "macrolide"
	Lincosamide     Class = "lincosamide"
	Aminoglycoside  Class = "aminoglycoside"
	Glycopeptide    Class = "glycopeptide"
	Oxazolidinone   Class = "oxazolidinone"
	Lipopeptide     Class = "lipopeptide"
	Tetracycline    Class = "tetracycline"
	Sulfonamide     Class = "sulfonamide"
	Nitroimidazole  Class = "nitroimidazole"
	Rifamycin       Class = "rifamycin"
	Polymyxin       Class = "polymyxin"
	Echinocandin    Class = "echinocandin"
	Azole           Class = "azole"
	OtherClass      Class = "other"
)

// BetaLactam tells whether the class has the beta-lactam ring.
func (c Class) BetaLactam() bool {
	return c == Penicillin || c == Cephalosporin || c == Carbapenem || c == Monobactam
}

// Drug is a substance that can be recognised, antimicrobial or not.
type Drug struct {
	ATC  string // WHO ATC, 7 characters
	Name cds.Text
}

// Substance is an antimicrobial substance or fixed combination.
type Substance struct {
	Drug
	Class          Class
	SideChain      string   // R1 group of a beta-lactam, "" when unique or not one
	AWaRe          string   // access | watch | reserve, "" when not listed; the strictest where it depends on the route
	AWaReList      string   // year of the WHO list
	Routes         []string // iv, po, im, inh
	Bioavailable   float64  // oral, percent; 0 when not given by mouth or not known
	WeightBased    bool     // usually dosed by weight
	Renal          []Band   // in the order of the table; empty: no cited band
	Pregnancy      Advice
	Lactation      Advice
	Liver          []LiverAdvice // mildest class first; empty: nothing cited
	Age            []AgeLimit
	Hepatic        []Note
	Monitoring     []Note
	SideEffects    []Note
	Restrictions   []Note // label or agency restrictions that a prescriber must see
	Administration []Note
	HighDoses      []Amount // for which a breakpoint "I" holds, per administration
	Maximum        []Amount // per day, by the label
	Largest        []Amount // per administration, by the label

	aware map[string]string  // by route, "" for all
	ddd   map[string]float64 // g, by route
}

// DDD gives the defined daily dose of the WHO index in grams for a route; ok is
// false where the index has none in grams.
func (s Substance) DDD(route string) (grams float64, ok bool) {
	grams, ok = s.ddd[route]
	return grams, ok
}

// LiverAdvice is what a label says from a Child-Pugh class on.
type LiverAdvice struct {
	Class   string // A (any liver disease), B or C
	Verdict Verdict
	Dose    Amount // maintenance dose that the label names; Dose 0: none
	Note
}

// InLiver gives what counts at a Child-Pugh class: the row of the highest class that
// is reached.
func (s Substance) InLiver(class string) (LiverAdvice, bool) {
	var found LiverAdvice
	for _, a := range s.Liver {
		if a.Class <= class {
			found = a
		}
	}
	return found, found.Class != ""
}

// AWaReBy gives the AWaRe group for a route; for "" the strictest of all routes.
func (s Substance) AWaReBy(route string) string {
	if g, ok := s.aware[route]; ok {
		return g
	}
	if g, ok := s.aware[""]; ok {
		return g
	}
	for _, g := range []string{"reserve", "watch", "access"} {
		for _, have := range s.aware {
			if have == g {
				return g
			}
		}
	}
	return ""
}

// Note is a statement about a substance in both languages with its source.
type Note struct {
	Text   cds.Text
	Source stewardship.Source
}

// Amount is a dose with its frequency per day, and where it is stated.
type Amount struct {
	Routes []string // none: any
	Dose   float64
	Unit   string
	Count  float64 // per day
	Note
}

// By gives the amount of a list for a route.
func By(list []Amount, route string) (Amount, bool) {
	for _, a := range list {
		if len(a.Routes) == 0 || slices.Contains(a.Routes, route) {
			return a, true
		}
	}
	return Amount{}, false
}

// Advice is what a cited source says for pregnancy.
type Advice struct {
	Verdict Verdict
	Note
}

// Verdict grades an Advice. The zero value means that nothing is cited.
type Verdict string

// The grades: usable, weigh benefit against risk, avoid unless nothing else
// helps, contraindicated by the label.
const (
	NotCited        Verdict = ""
	Usable          Verdict = "usable"
	Caution         Verdict = "caution"
	Avoid           Verdict = "avoid"
	Contraindicated Verdict = "contraindicated"
)

// AgeLimit says that below Years the verdict applies.
type AgeLimit struct {
	Years   float64
	Verdict Verdict
	Note
}

// Load reads the tables sources.csv, formulary.csv, renal.csv, hepatic.csv,
// pregnancy.csv, lactation.csv, notes.csv, amounts.csv and drugs.csv from the root of fsys. Any unreadable row stops it: a
// formulary is whole or absent.
func Load(fsys fs.FS) (*Formulary, error) { return load(fsys) }

// Lookup gives the antimicrobial substance of a full ATC code, WHO or BfArM.
func (f *Formulary) Lookup(atc string) (Substance, bool) {
	s, ok := f.byATC[strings.ToUpper(strings.TrimSpace(atc))]
	if !ok {
		return Substance{}, false
	}
	return *s, true
}

// Drug gives any recognised drug of a full ATC code.
func (f *Formulary) Drug(atc string) (Drug, bool) {
	d, ok := f.drugs[strings.ToUpper(strings.TrimSpace(atc))]
	return d, ok
}

// Substances gives all antimicrobial substances, ordered by ATC.
func (f *Formulary) Substances() []Substance {
	out := make([]Substance, 0, len(f.order))
	for _, s := range f.order {
		out = append(out, *s)
	}
	return out
}

// Version is the version of the formulary's tables.
func (f *Formulary) Version() string { return f.version }

// Source gives the source that a table row names by its id.
func (f *Formulary) Source(id string) (stewardship.Source, bool) {
	s, ok := f.sources[id]
	return s, ok
}

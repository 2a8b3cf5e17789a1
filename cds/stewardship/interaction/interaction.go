// Package interaction finds the interactions of one named, versioned list.
//
// It owns that list and the sums (QT, nephrotoxicity) over the whole medication.
// It refuses to be a general interaction check, and says so in Scope.
package interaction

import (
	"io/fs"

	"cdss/cds"
	"cdss/cds/stewardship"
)

// Scope is shown beside every result of this package.
var Scope = cds.Text{
	DE: "Geprüft wurde nur die eigene, benannte Liste wichtiger Antibiotika-Interaktionen; dies ist keine allgemeine Interaktionsprüfung.",
	EN: "Only our own named list of important antibiotic interactions was checked; this is no general interaction check.",
}

// Medicine is one current medicine, or the substance that is ordered or offered.
type Medicine struct {
	ATC       string
	Name      cds.Text
	Reference string // resource it comes from, "" for an option
	Route     string // iv | po | ..., "" when not known
}

// Finding is one interaction between the substance in question and a medicine.
type Finding struct {
	ID        string        // row of the list, stable
	Indicator cds.Indicator // critical only where a label contraindicates the pair
	Exclude   bool          // the substance must not be offered with this medicine
	Kind      string        // qt | serotonin | cyp3a4 | cyp1a2 | potassium | inr | valproate | nephrotoxic | myopathy | methotrexate | other
	With      []Medicine
	Effect    cds.Text // what happens
	Advice    cds.Text // what to do
	Source    stewardship.Source
}

// Patient holds what makes an interaction worse: QTc in ms, potassium in mmol/L.
type Patient struct {
	QTc       stewardship.Number
	Potassium stewardship.Number
	Magnesium stewardship.Number
	EGFR      stewardship.Number
}

// Load reads interactions.csv and sources.csv from the root of fsys.
func Load(fsys fs.FS) (*List, error) { return load(fsys) }

// Check gives the findings of a substance against the current medicines, worst
// first. Two medicines that interact with each other but not with the substance
// are none of its business.
func (l *List) Check(substance Medicine, current []Medicine, p Patient) []Finding {
	return l.check(substance, current, p)
}

// ProlongsQT tells whether the list knows the substance as one that prolongs the
// QT interval.
func (l *List) ProlongsQT(substance Medicine) bool {
	for _, x := range l.rows {
		if x.kind == qtKind && fits(substance.ATC, x.substances) {
			return true
		}
	}
	return false
}

// Partner tells whether the list knows a medicine as one that some antimicrobial
// should not meet: more than an information would be due.
func (l *List) Partner(m Medicine) bool {
	if l == nil {
		return false
	}
	for _, x := range l.rows {
		if x.indicator != cds.Info && fits(m.ATC, x.partners) {
			return true
		}
	}
	return false
}

// Name and Version name the list.
func (l *List) Name() cds.Text  { return l.name }
func (l *List) Version() string { return l.version }

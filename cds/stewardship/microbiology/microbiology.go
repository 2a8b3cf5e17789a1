// Package microbiology knows organisms by name and code and reads what a
// susceptibility result means for a substance.
//
// It owns the German MRGN classes and the meaning of S, I and R by norm and
// year. It refuses to use an "I" of a norm older than 2019 and to overrule a
// laboratory where no rule is cited.
package microbiology

import (
	"time"

	"cdss/cds"
)

// Organism is a species or genus with its code.
type Organism struct {
	Code  string // SNOMED CT
	Name  cds.Text
	Group string // enterobacterales | pseudomonas | staphylococcus-aureus | enterococcus | ...
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

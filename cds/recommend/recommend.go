// Package recommend turns what a plan offers into what may be offered to this
// patient: checked, dosed, excluded with a reason, ranked, and with everything
// that could not be checked said by name. It also checks draft orders.
//
// It owns the order of the questions: first what must not be given, then what
// covers the patient, then the guideline's order. It refuses to create an option
// that no artifact holds, and to give a contraindicated one a dose to accept.
package recommend

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"cdss/cds"
	"cdss/cds/apply"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/stewardship/allergy"
	"cdss/cds/stewardship/antibiogram"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
	"cdss/cds/stewardship/microbiology"
	"cdss/rag"
)

// Tables are the substance tables that checks read. A Table that is nil makes its
// check "not checked".
type Tables struct {
	Formulary    *formulary.Formulary
	Allergy      *allergy.Table
	Interactions *interaction.List
	Organisms    *microbiology.Table
	Antibiogram  *antibiogram.Table   // of the hospital; nil: none
	Cultures     map[string][]Culture // by indication; nil: none are asked for
}

// Input is all that a recommendation is made of.
type Input struct {
	Snapshot   *knowledge.Snapshot
	Tables     Tables
	Chart      *facts.Chart
	Lang       cds.Lang
	MaxOptions int                            // 1-5, 0 means what the request says, else 5; below 0 all, to compare with
	Demo       bool                           // example content may show
	Cite       func(rag.Locator) rag.Citation // nil: citations without title and quote
	ID         string                         // of the answer
	Now        time.Time
	// Received tells how the data came, by resource type. Where the source answered
	// that it has none recorded, an order is not objected to for that.
	Received map[string]facts.Received
	Trace    *apply.Trace // every condition that is looked at is written here; nil: nobody asks
}

// Findings are what checking draft orders gave.
type Findings struct {
	Warnings   []cds.Warning
	NotChecked []cds.NotChecked
	Knowledge  []cds.Artifact
	Banner     *string // said on each warning that is an Example; nil when none is
}

// Recommend gives everything of a Recommendation but evidence, narrative and
// cards. The same input gives the same answer.
func Recommend(ctx context.Context, in Input) cds.Recommendation { return compute(ctx, in) }

// CheckOrders checks the draft orders of the Chart. Without an antimicrobial
// among them, and without an order whose substance could not be read, it finds
// nothing.
func CheckOrders(ctx context.Context, in Input) Findings { return check(ctx, in) }

// LoadTables reads the substance tables from the root of a file system.
func LoadTables(fsys fs.FS) (Tables, error) {
	f, err := formulary.Load(fsys)
	if err != nil {
		return Tables{}, fmt.Errorf("load formulary: %w", err)
	}
	a, err := allergy.Load(fsys, f)
	if err != nil {
		return Tables{}, fmt.Errorf("load allergy tables: %w", err)
	}
	i, err := interaction.Load(fsys)
	if err != nil {
		return Tables{}, fmt.Errorf("load interaction list: %w", err)
	}
	m, err := microbiology.Load(fsys)
	if err != nil {
		return Tables{}, fmt.Errorf("load organisms: %w", err)
	}
	c, err := loadCultures(fsys)
	if err != nil {
		return Tables{}, fmt.Errorf("load cultures: %w", err)
	}
	return Tables{Formulary: f, Allergy: a, Interactions: i, Organisms: m, Cultures: c}, nil
}

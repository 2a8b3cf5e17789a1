// Package allergy decides what a recorded allergy means for a substance: by the
// mechanism of the reaction and the side chain, not by the class alone.
//
// It owns the reading of allergy text and the verdicts, stricter than textbooks
// for what we offer ourselves. It refuses to read a missing list as "no allergy"
// and an unreadable text as harmless.
package allergy

import (
	"time"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
)

// Mechanism is the kind of reaction.
type Mechanism string

// The mechanisms. Unknown is treated like ImmediateSevere and flagged.
const (
	UnknownMechanism Mechanism = "unknown"
	ImmediateSevere  Mechanism = "immediate-severe" // anaphylaxis, angioedema, within an hour
	DelayedSevere    Mechanism = "delayed-severe"   // SJS/TEN, DRESS, AGEP, serum sickness, haemolysis, nephritis, hepatitis
	Mild             Mechanism = "mild"             // delayed mild rash, itch
	Intolerance      Mechanism = "intolerance"      // side effect such as nausea or diarrhoea
)

// Record is one allergy or intolerance of the patient that counts. Refuted,
// resolved and mistaken entries never become one.
type Record struct {
	Reference   string   // "AllergyIntolerance/id"; "Condition/id" for a coded status
	Display     string   // as the source words it, for the clinician
	ATC         []string // ATC codes or prefixes of the culprit; empty when not recognised
	Recognised  bool     // false: the culprit could not be read, so nothing is checked against it
	Medication  bool     // false when the entry is stated to be about food or environment only
	Mechanism   Mechanism
	Basis       cds.Text  // why this mechanism
	Criticality string    // low | high | unable-to-assess | ""
	Confirmed   bool      // verificationStatus confirmed
	Recorded    time.Time // zero when not dated
}

// Outcome grades a verdict.
type Outcome int

// The grades, from harmless to forbidden.
const (
	OK         Outcome = iota // nothing recorded against it
	Warn                      // may be given; the reader must see the record
	Specialist                // only after a specialist decided; the label's contraindication is shown
	Excluded                  // not offered
)

// Verdict says what the records mean for one substance.
type Verdict struct {
	Outcome Outcome
	Reason  cds.Text
	Records []Record // the records it rests on
	Sources []stewardship.Source
	Clarify bool // the mechanism is unknown: clarifying it would change the verdict
}

// Check gives the worst verdict of all records for a substance. Records whose
// culprit was not recognised are left to the caller, who must say "not checked".
func (t *Table) Check(records []Record, s formulary.Substance) Verdict {
	return t.check(records, s)
}

// Package allergy decides what a recorded allergy means for a substance: by the
// mechanism of the reaction and the side chain, not by the class alone.
//
// It owns the reading of allergens, reactions and allergy text, and the verdicts,
// which are stricter than textbooks for what we offer ourselves. It refuses to
// read a missing list as "no allergy" and an unreadable text as harmless.
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

// Name gives the mechanism in words.
func (m Mechanism) Name() cds.Text {
	switch m {
	case ImmediateSevere:
		return cds.Text{DE: "schwere Sofortreaktion", EN: "severe immediate reaction"}
	case DelayedSevere:
		return cds.Text{DE: "schwere verzögerte Reaktion", EN: "severe delayed reaction"}
	case Mild:
		return cds.Text{DE: "milde verzögerte Reaktion", EN: "mild delayed reaction"}
	case Intolerance:
		return cds.Text{DE: "Unverträglichkeit (keine Allergie)", EN: "intolerance (no allergy)"}
	}
	return cds.Text{DE: "Art der Reaktion unbekannt", EN: "kind of reaction unknown"}
}

// Record is one allergy or intolerance of the patient that counts. Refuted,
// resolved and mistaken entries never become one.
type Record struct {
	Reference   string   // "AllergyIntolerance/id"; "Condition/id" for a coded status
	Display     string   // as the source words it, for the clinician
	ATC         []string // ATC codes or prefixes of the culprit; empty when not recognised
	Recognised  bool     // false: the culprit could not be read, so nothing is checked against it
	Medication  bool     // false when the entry is about food, environment or the like
	Mechanism   Mechanism
	Basis       cds.Text  // why this mechanism
	Criticality string    // low | high | unable-to-assess | ""
	Confirmed   bool      // verificationStatus confirmed
	Recorded    time.Time // zero when not dated
	Reacted     time.Time // when the reaction happened; zero when not told
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
	Records []Record // the records it rests on, worst first
	Sources []stewardship.Source
	Clarify bool // the mechanism is unknown: clarifying it would change the verdict
	Direct  bool // the substance or its class is the recorded culprit, not merely a relative
}

// Check gives the worst verdict of all records for a substance. Records whose
// culprit was not recognised are left to the caller, who must say "not checked".
func (t *Table) Check(records []Record, s formulary.Substance) Verdict {
	var worst Verdict
	for _, r := range records {
		if !r.Recognised {
			continue
		}
		v := t.judge(r, s)
		switch {
		case v.Outcome == OK:
		case v.Outcome > worst.Outcome || v.Outcome == worst.Outcome && v.Direct && !worst.Direct:
			v.Records = append([]Record{r}, worst.Records...)
			v.Clarify = v.Clarify || worst.Clarify && v.Outcome == worst.Outcome
			worst = v
		default:
			worst.Records = append(worst.Records, r)
		}
	}
	return worst
}

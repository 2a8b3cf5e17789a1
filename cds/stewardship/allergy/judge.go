package allergy

import (
	"iter"
	"strings"

	"cdss/cds"
	"cdss/cds/stewardship/formulary"
)

// kinship is how a substance relates to the recorded culprit.
type kinship int

const (
	stranger   kinship = iota
	betaLactam         // another beta-lactam with a dissimilar side chain
	sibling            // same class, not the culprit itself
	similarR1
	sameR1
	itself
)

// judge gives the verdict of one record.
func (t *Table) judge(r Record, s formulary.Substance) Verdict {
	k, whole := t.kin(r, s)
	if k == stranger {
		return Verdict{}
	}
	v := Verdict{Direct: k == itself || k == sibling && whole}
	if s.Class.BetaLactam() && t.culpritBetaLactam(r) {
		v.Outcome, v.Sources = t.judgeBetaLactam(r, s, k)
	} else {
		v.Outcome, v.Sources = t.judgeOther(r, k, whole)
	}
	v.Clarify = r.Mechanism == UnknownMechanism && v.Outcome > Warn
	v.Reason = reason(r, s, k, v)
	return v
}

// judgeOther is for classes without side-chain rules: the culprit itself and,
// after anything but a mild reaction, its class are out.
func (t *Table) judgeOther(r Record, k kinship, whole bool) (Outcome, sources) {
	label := sources{t.sources["smpc-beta-lactam"]}
	switch {
	case r.Mechanism == Intolerance:
		return Warn, nil
	case k == itself || whole:
		return Excluded, label
	case r.Mechanism == Mild:
		return Specialist, label
	}
	return Excluded, label
}

// judgeBetaLactam follows DOMAIN rules: severe delayed reactions take out the
// whole group; after a severe immediate or unknown one, penicillins stay out
// after a penicillin, same and similar side chains are out, dissimilar ones are a
// specialist decision because their labels name the reaction a contraindication;
// after a mild delayed one, dissimilar side chains may be given.
func (t *Table) judgeBetaLactam(r Record, s formulary.Substance, k kinship) (Outcome, sources) {
	label, chains := t.sources["smpc-beta-lactam"], t.sources["chaudhry-2019"]
	penicillinTwice := s.Class == formulary.Penicillin && t.culpritIs(r, formulary.Penicillin)
	switch r.Mechanism {
	case Intolerance:
		if k >= sibling {
			return Warn, nil
		}
		return OK, nil
	case DelayedSevere:
		if s.Class == formulary.Monobactam && k == betaLactam {
			return Specialist, sources{label, t.sources["awmf-082-006"]}
		}
		return Excluded, sources{label}
	case Mild:
		switch {
		case k == itself || k == sameR1 || k == similarR1:
			return Excluded, sources{chains}
		case penicillinTwice || k == sibling:
			return Specialist, sources{chains}
		}
		return Warn, sources{chains}
	}
	// Severe immediate, or unknown and treated like it.
	switch {
	case k == itself || k == sameR1 || k == similarR1 || penicillinTwice:
		return Excluded, sources{label, chains}
	case s.Class == formulary.Monobactam:
		return Warn, sources{withPage(t.sources["awmf-082-006"], 75)}
	case s.Class == formulary.Carbapenem && k == sibling:
		return Excluded, sources{label}
	case s.Class == formulary.Carbapenem && r.Mechanism == UnknownMechanism:
		return Warn, sources{t.sources["picard-2019"]}
	}
	return Specialist, sources{label, chains}
}

// kin finds the closest relation between the culprit and a substance. whole tells
// that the record names the substance's whole class.
func (t *Table) kin(r Record, s formulary.Substance) (closest kinship, whole bool) {
	for _, prefix := range r.ATC {
		if strings.HasPrefix(s.ATC, prefix) {
			if len(prefix) == 7 {
				closest = max(closest, itself)
			} else {
				closest, whole = itself, true
			}
		}
	}
	for c, exact := range t.culprits(r) {
		closest = max(closest, t.relate(c, &s, exact))
	}
	return closest, whole
}

func (t *Table) relate(c, s *formulary.Substance, exact bool) kinship {
	switch {
	case sameSubstance(c.ATC, s.ATC):
		return itself
	case c.SideChain != "" && c.SideChain == s.SideChain:
		return sameR1
	case t.similar(c.SideChain, s.SideChain):
		return similarR1
	case c.Class == s.Class && c.Class != formulary.OtherClass && related(c, s, exact):
		return sibling
	case c.Class.BetaLactam() && s.Class.BetaLactam():
		return betaLactam
	}
	return stranger
}

// related tells whether two members of a class are relatives for allergy. Within
// the sulfonamides' class trimethoprim is none; it counts only where the record
// names the combination itself.
func related(c, s *formulary.Substance, exact bool) bool {
	const trimethoprim, combination = "J01EA01", "J01EE01"
	if s.ATC == trimethoprim {
		return c.ATC == combination && exact
	}
	return c.ATC != trimethoprim || s.ATC == combination
}

// sameSubstance knows the two codes of vancomycin and of metronidazole, and that
// a combination holds its partner.
func sameSubstance(a, b string) bool {
	if a == b {
		return true
	}
	for _, same := range [][]string{
		{"J01XA01", "A07AA09"}, {"J01XD01", "P01AB01"},
		{"J01CA01", "J01CR01", "J01CR04"}, {"J01CA04", "J01CR02"}, {"J01CA12", "J01CR05"},
		{"J01DD02", "J01DD52"}, {"J01DH02", "J01DH52"}, {"J01DH51", "J01DH56"},
	} {
		in := func(x string) bool {
			for _, y := range same {
				if x == y {
					return true
				}
			}
			return false
		}
		if in(a) && in(b) {
			return true
		}
	}
	return false
}

// culprits walks the substances a record may mean, each with whether the record
// names this one exactly. They are the table's own, not to be changed: an answer
// asks for them some dozen times.
func (t *Table) culprits(r Record) iter.Seq2[*formulary.Substance, bool] {
	return func(yield func(*formulary.Substance, bool) bool) {
		for i := range t.substances {
			s := &t.substances[i]
			for _, prefix := range r.ATC {
				exact := len(prefix) == 7
				if strings.HasPrefix(s.ATC, prefix) && (exact || !rare[s.SideChain]) {
					if !yield(s, exact) {
						return
					}
					break
				}
			}
		}
	}
}

// rare side chains do not stand for an unspecified "penicillin" or
// "cephalosporin": counting them would tie each group to every other.
var rare = map[string]bool{"thienyl": true}

func (t *Table) culpritBetaLactam(r Record) bool {
	for c := range t.culprits(r) {
		if c.Class.BetaLactam() {
			return true
		}
	}
	return false
}

func (t *Table) culpritIs(r Record, class formulary.Class) bool {
	for c := range t.culprits(r) {
		if c.Class == class {
			return true
		}
	}
	return false
}

// reason words the verdict in both languages.
func reason(r Record, s formulary.Substance, k kinship, v Verdict) cds.Text {
	record := cds.Text{DE: "Dokumentiert: " + r.Display + ", " + r.Mechanism.Name().DE, EN: "Recorded: " + r.Display + ", " + r.Mechanism.Name().EN}
	relation := map[kinship]cds.Text{
		itself:     {DE: s.Name.DE + " ist der Auslöser oder gehört zur genannten Gruppe", EN: s.Name.EN + " is the culprit or belongs to the named group"},
		sameR1:     {DE: s.Name.DE + " hat dieselbe R1-Seitenkette wie der Auslöser", EN: s.Name.EN + " has the same R1 side chain as the culprit"},
		similarR1:  {DE: s.Name.DE + " hat eine ähnliche R1-Seitenkette wie der Auslöser", EN: s.Name.EN + " has an R1 side chain similar to the culprit's"},
		sibling:    {DE: s.Name.DE + " gehört zur selben Substanzklasse", EN: s.Name.EN + " belongs to the same class"},
		betaLactam: {DE: s.Name.DE + " hat eine andere R1-Seitenkette als der Auslöser", EN: s.Name.EN + " has another R1 side chain than the culprit"},
	}[k]
	end := map[Outcome]cds.Text{
		Warn: {DE: "kann gegeben werden; nach der ersten Gabe beobachten", EN: "may be given; observe after the first dose"},
		Specialist: {DE: "nur nach fachärztlicher Entscheidung: die Fachinformation nennt schwere Überempfindlichkeit gegen ein anderes Betalaktam als Gegenanzeige",
			EN: "only by specialist decision: the label names severe hypersensitivity to another beta-lactam as a contraindication"},
		Excluded: {DE: "nicht geben (Allergie)", EN: "do not give (allergy)"},
	}[v.Outcome]
	if v.Outcome == Specialist && !s.Class.BetaLactam() {
		end = cds.Text{DE: "nur nach fachärztlicher Entscheidung", EN: "only by specialist decision"}
	}
	if r.Mechanism == Intolerance {
		end = cds.Text{DE: "keine Allergie, kann gegeben werden", EN: "no allergy, may be given"}
	}
	if v.Clarify {
		end.DE += "; Art der Reaktion klären (z.B. PEN-FAST)"
		end.EN += "; clarify the kind of reaction (for example PEN-FAST)"
	}
	return cds.Text{DE: record.DE + ". " + relation.DE + ": " + end.DE + ".", EN: record.EN + ". " + relation.EN + ": " + end.EN + "."}
}

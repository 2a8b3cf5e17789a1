package formulary

import "cdss/cds/stewardship"

// Match is a drug named in a text.
type Match struct {
	Drug
	Term       string // as the table spells it
	Start, End int    // bytes of the text; a compound word is covered whole
}

// ClassMatch is a whole group named in a text ("penicillin", "cephalosporins").
type ClassMatch struct {
	Prefixes   []string // ATC prefixes of the group
	Term       string
	Start, End int
}

// Find gives the drugs and drug groups that a text names: INN, common synonyms
// and trade names, German and English, in any case, also inside German compound
// words. Longer names win over the shorter ones they contain. Only the first
// stewardship.MaxText bytes are read.
func (f *Formulary) Find(text string) ([]Match, []ClassMatch) {
	return f.find(stewardship.Clip(text, stewardship.MaxText))
}

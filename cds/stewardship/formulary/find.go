package formulary

// Match is a drug named in a text.
type Match struct {
	Drug
	Term       string // as the table spells it
	Start, End int    // bytes of the text; a compound word is covered whole
}

// Class matches name a whole group ("penicillin", "cephalosporins").
type ClassMatch struct {
	Prefixes   []string // ATC prefixes of the group
	Term       string
	Start, End int
}

// Find gives the drugs and drug groups that a text names: INN, common synonyms
// and trade names, German and English, in any case, also inside German compound
// words. Longer names win over the shorter ones they contain.
func (f *Formulary) Find(text string) ([]Match, []ClassMatch) { return f.find(text) }

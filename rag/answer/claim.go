package answer

import (
	"regexp"
	"slices"
	"strings"

	"cdss/rag"
)

// Vocabulary knows the names of the domain. It is safe for concurrent use.
type Vocabulary interface {
	Annotate(text string) []rag.Mention
	Kind(concept string) string // "drug", "class", "pathogen", ...; "" when not known
}

// claim is a sentence that a model made, with the words it rests on.
type claim struct {
	Text      string `json:"text"`
	PassageID string `json:"passage_id"`
	Quote     string `json:"quote"`
}

// The reasons for which a sentence is dropped.
const (
	DroppedPassage  = "unknown-passage" // cites what was not given
	DroppedQuote    = "quote"           // the quotation is not in the passage
	DroppedNumber   = "number"          // a number is not in the quotation
	DroppedConcept  = "concept"         // a drug or organism is not in the quotation
	DroppedNegation = "negation"        // one denies what the other says
	DroppedDose     = "dose"            // gives a dose, an interval or a duration
	DroppedForm     = "form"            // not one plain sentence
)

// checked is a claim whose quotation was found, and where.
type checked struct {
	text       string // "" where only the quotation may be shown
	passage    int
	start, end int // of the quotation in Passage.Quoted
}

// check holds a claim against the passage it cites. Where the sentence may not be
// shown but the quotation stands, the quotation alone remains; the reason is then
// given too.
func check(c claim, passages []rag.Hit, v Vocabulary) (checked, string) {
	n := slices.Index(labels(len(passages)), c.PassageID)
	if n < 0 {
		return checked{}, DroppedPassage
	}
	p := passages[n].Passage
	start, end, ok := Find(c.Quote, p.Quoted)
	if !ok {
		return checked{}, DroppedQuote
	}
	found := checked{passage: n, start: start, end: end}
	quote := p.Quoted[start:end]
	switch {
	case dosing(c.Text):
		return found, DroppedDose
	case !plainSentence(c.Text):
		return checked{}, DroppedForm
	case !supported(c.Text, quote):
		return checked{}, DroppedNumber
	case !named(c.Text, quote+"\n"+strings.Join(p.Section, "\n"), v):
		return checked{}, DroppedConcept
	case denies(c.Text) != denies(quote):
		return checked{}, DroppedNegation
	}
	found.text = strings.TrimSpace(c.Text)
	return found, ""
}

// binding are the kinds of concept that a claim must not bring in by itself.
var binding = []string{"drug", "class", "pathogen", "resistance"}

// named tells whether each drug and organism of a claim is in its source.
func named(claim, source string, v Vocabulary) bool {
	if v == nil {
		return true
	}
	var in []string
	for _, m := range v.Annotate(source) {
		in = append(in, m.Concept)
	}
	for _, m := range v.Annotate(claim) {
		if slices.Contains(binding, v.Kind(m.Concept)) && !slices.Contains(in, m.Concept) {
			return false
		}
	}
	return true
}

var negation = regexp.MustCompile(`(?:^|[^\p{L}])(?:nicht|kein\p{L}{0,2}|ohne|nie|niemals|weder|verzicht\p{L}*|vermeiden|vermieden|kontraindi\p{L}*|` +
	`not|no|none|never|without|neither|cannot|avoid\p{L}*|contraindicat\p{L}*|don't|doesn't|isn't|aren't)(?:$|[^\p{L}])`)

func denies(text string) bool { return negation.MatchString(fold(text, joinLines).text) }

// plainSentence refuses what could do more than say something: addresses, markup,
// characters nobody sees.
func plainSentence(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s, "<>[]{}`|\n\r\t\\*_#@") || strings.Contains(s, "://") || strings.Contains(s, "www.") {
		return false
	}
	for _, r := range s {
		switch {
		case r < 0x20, r == 0x7f, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069, r == 0xfeff, r >= 0xe0000:
			return false
		}
	}
	return true
}

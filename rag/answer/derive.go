package answer

import (
	"strings"
	"unicode"

	"cdss/rag"
	"cdss/rag/lexical"
)

// asking are the words, beside function words, that say what is wanted and nothing
// about anybody.
var asking = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
therapie behandlung behandeln behandelt mittel wahl antibiotikum antibiotika antibiotische alternative alternativen dosis dosierung
dauer therapiedauer lange initial kalkuliert kalkulierte empirisch gezielt gezielte empfohlen empfohlene empfehlung empfiehlt leitlinie
verdacht patient patienten patientin erwachsene erwachsenen schwer schwere leicht leichte mittelschwer allergie allergisch kontraindiziert
diagnostik erreger spektrum wirksam resistenz anpassen anpassung umstellen oral intravenös wechsel risiko risikofaktoren
treatment treat treated therapy drug choice antibiotic antibiotics alternative alternatives dose dosing dosage duration long empirical
empiric targeted recommended recommendation recommend guideline suspected patient patients adult adults severe mild moderate allergy allergic
contraindicated diagnosis pathogens spectrum effective resistance adjust adjustment switch oral intravenous risk factors first second line`) {
		m[w] = true
	}
	return m
}()

// Derive builds what may leave the server of a question: the names of recognised
// concepts as the table has them, and of the other words only function words and
// those of a closed list. Names, numbers and dates of a patient are on neither.
func Derive(question string, concepts []rag.Concept, v Vocabulary) string {
	var names []string
	for _, c := range concepts {
		name := c.DE
		if c.EN != c.DE {
			name += " (" + c.EN + ")"
		}
		names = append(names, name)
	}
	rest := []byte(question)
	if v != nil {
		for _, m := range v.Annotate(question) { // ranges may lie in each other
			if m.Start < 0 || m.End > len(rest) {
				continue
			}
			for i := m.Start; i < m.End; i++ {
				rest[i] = ' '
			}
		}
	}
	var words []string
	for _, w := range strings.FieldsFunc(string(rest), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if w = strings.ToLower(w); lexical.Stop(w) || asking[w] {
			words = append(words, w)
		}
	}
	line := "concepts: " + strings.Join(names, "; ")
	if len(names) == 0 {
		line = "concepts: none recognised"
	}
	return line + ". asked: " + strings.Join(words, " ")
}

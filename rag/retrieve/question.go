package retrieve

import (
	"strings"

	"cdss/rag"
	"cdss/rag/lexical"
)

// question is a query as the legs read it.
type question struct {
	text     string // without the facts that are denied
	tokens   []lexical.Weighted
	facts    [][]unit // concepts of each fact; one entry for a plain question
	units    []unit   // everything a passage should cover
	terms    []rag.Term
	concepts []rag.Concept
}

// unit is a part of a question that a passage covers or not: a concept, or a word
// no concept stands for.
type unit struct {
	concept string
	stems   []string // of a word, in both languages
	grams   []string
	text    string // as written
	weight  float64
}

// wordWeight is how much a word outside the table counts in the confidence of an
// answer, where a drug or a disease counts 1: most such words are ordinary ones.
const wordWeight = 0.2

// maxText bounds what is read of a question, in bytes: time grows with its parts.
const maxText = 4000

// facts cuts a line of coded facts ("J18.9 Pneumonie; Penicillinallergie; eGFR 28")
// and drops those that are denied: "no known allergy" must not find allergies.
func facts(text string) []string {
	parts := strings.Split(text, ";")
	if len(parts) < 2 {
		return []string{text}
	}
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !denied(p) {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return []string{text}
	}
	return kept
}

// denied tells whether a fact says that something is not there.
func denied(fact string) bool {
	first, _, _ := strings.Cut(strings.ToLower(fact), " ")
	switch strings.Trim(first, ",.:") {
	case "kein", "keine", "keinen", "keiner", "nicht", "ohne", "no", "not", "without", "denies", "negativ", "negative", "verneint", "absent":
		return true
	}
	return false
}

// analyze reads a query.
func (s *Snapshot) analyze(q rag.Query) question {
	analyzer := lexical.NewAnalyzer(s.settings.Without)
	text := q.Text
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	parts := facts(text)
	qu := question{text: strings.Join(parts, "; ")}
	add := func(text string, weight float64) {
		for _, t := range analyzer.QueryTokens(text) {
			qu.tokens = append(qu.tokens, lexical.Weighted{Token: t, Weight: weight})
		}
	}
	add(qu.text, 1)
	for _, t := range q.Terms {
		add(t.Text, t.Weight)
		qu.terms = append(qu.terms, t)
	}
	seen := map[string]int{}
	for f, part := range parts {
		var mentions []rag.Mention
		if s.expander != nil {
			mentions = s.expander.Annotate(part)
		}
		qu.facts = append(qu.facts, nil)
		share := 1.0
		if f > 0 {
			// The first says what the line is about, the later ones less and less.
			share = s.settings.OtherFacts * 2 / float64(1+f)
		}
		for _, m := range mentions {
			u := unit{concept: m.Concept, weight: share * m.Weight, text: part[m.Start:m.End]}
			if at, ok := seen[m.Concept]; ok {
				qu.units[at].weight = max(qu.units[at].weight, u.weight)
				if !hasConcept(qu.facts[f], m.Concept) {
					qu.facts[f] = append(qu.facts[f], u)
				}
				continue
			}
			seen[m.Concept] = len(qu.units)
			qu.units = append(qu.units, u)
			qu.facts[f] = append(qu.facts[f], u)
		}
		for _, w := range lexical.Words(uncovered(part, mentions)) {
			if number(w) {
				continue
			}
			u := unit{text: w, weight: share * wordWeight, stems: []string{analyzer.Stem(w, "de")}}
			if en := analyzer.Stem(w, "en"); en != u.stems[0] {
				u.stems = append(u.stems, en)
			}
			for _, t := range analyzer.Tokens(w, "de") {
				if strings.HasPrefix(t, "#") {
					u.grams = append(u.grams, t)
				}
			}
			qu.units = append(qu.units, u)
		}
	}
	for _, c := range q.Concepts {
		if _, ok := seen[c.ID]; ok || s.expander == nil {
			continue
		}
		seen[c.ID] = len(qu.units)
		u := unit{concept: c.ID, weight: s.settings.OtherFacts, text: c.DE}
		qu.units = append(qu.units, u)
		qu.facts[0] = append(qu.facts[0], u)
	}
	if s.expander != nil {
		var expanded []rag.Term
		expanded, qu.concepts = s.expander.Expand(qu.text, q.Language)
		for _, t := range expanded {
			add(t.Text, t.Weight*s.settings.Expansion)
			t.Weight *= s.settings.Expansion
			qu.terms = append(qu.terms, t)
		}
	}
	for _, c := range q.Concepts {
		if !containsConcept(qu.concepts, c.ID) {
			qu.concepts = append(qu.concepts, c)
		}
	}
	return qu
}

func hasConcept(units []unit, id string) bool {
	for _, u := range units {
		if u.concept == id {
			return true
		}
	}
	return false
}

func containsConcept(concepts []rag.Concept, id string) bool {
	for _, c := range concepts {
		if c.ID == id {
			return true
		}
	}
	return false
}

// uncovered blanks out what concepts were found in.
func uncovered(text string, mentions []rag.Mention) string {
	b := []byte(text)
	for _, m := range mentions {
		for i := m.Start; i < m.End && i < len(b); i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

func number(w string) bool {
	return strings.ContainsAny(w[:1], "0123456789")
}

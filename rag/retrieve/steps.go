package retrieve

// Step is a part of the ranking that can be taken out, to measure what it is worth.
type Step struct {
	Name  string // what is taken out
	Out   func(*Settings)
	Words bool // neither the table of concepts nor vectors take part
}

// Steps are the parts of the ranking, each to be taken out of the whole, and last
// what is left without any but the words.
func Steps() []Step {
	return []Step{
		{Name: "stems", Out: func(s *Settings) { s.Without.Stems = true }},
		{Name: "4-grams", Out: func(s *Settings) { s.Without.Grams = true }},
		{Name: "word leg", Out: func(s *Settings) { s.Lexical = 0 }},
		{Name: "concept leg", Out: func(s *Settings) { s.Concept = 0 }},
		{Name: "names of concepts in the word leg", Out: func(s *Settings) { s.Expansion = 0 }},
		{Name: "table of concepts and vectors", Out: func(*Settings) {}, Words: true},
		{Name: "vectors", Out: func(s *Settings) { s.LocalVector = 0 }},
		{Name: "weight of headings", Out: func(s *Settings) { s.Heading = 1 }},
		{Name: "b 0.3 for b 0.75", Out: func(s *Settings) { s.Length = 0.75 }},
		{Name: "rerank: share of the question covered", Out: func(s *Settings) { s.Coverage = 0 }},
		{Name: "rerank: passages that advise", Out: func(s *Settings) { s.Advice = 0 }},
		{Name: "rerank: tables", Out: func(s *Settings) { s.Table = 1 }},
		{Name: "facts after the first count less", Out: func(s *Settings) { s.Gate, s.OtherFacts = 1, 1 }},
		{Name: "rerank: neighbours in the section", Out: func(s *Settings) { s.Neighbour = 0 }},
		{Name: "near-duplicates demoted", Out: func(s *Settings) { s.Duplicate = 1 }},
		{Name: "all of these but stems and 4-grams", Words: true, Out: func(s *Settings) {
			*s = Settings{Lexical: 1, Heading: 1, Length: 0.75, Table: 1, Gate: 1, OtherFacts: 1, Duplicate: 1}
		}},
	}
}

package retrieve

import "cdss/rag/lexical"

// Settings are the weights of ranking. They were set on broad plateaus, where a
// change by a third moves nDCG@10 by less than a hundredth; `cdss eval retrieval
// --ablation` shows what each is worth.
type Settings struct {
	Without lexical.Without // kinds of tokens that are left out, to measure them

	Lexical      float64 // share of BM25 over words in the fusion
	Concept      float64 // share of BM25 over concepts
	LocalVector  float64 // share of the vector leg in the local space
	OnlineVector float64 // and in the space of an online model
	Expansion    float64 // weight of a name added by the table, in the word leg

	Heading int     // how often a heading counts
	Length  float64 // BM25 b: how much long passages are punished

	Table    float64 // factor for tables: dosing stands there
	Advice   float64 // up to this much more for passages that advise
	Coverage float64 // how much of a score depends on the share of the question covered

	Gate       float64 // factor for the further facts of a line where a passage lacks the first
	OtherFacts float64 // weight of the further facts of a line

	Neighbour float64 // share of a score that the passages beside it in the section give

	Duplicate float64 // factor for a passage most of which was shown before

	Abstain float64 // least confidence, 0 to 1, below which nothing is shown
}

// DefaultSettings are the measured ones.
func DefaultSettings() Settings {
	return Settings{
		Lexical: 0.4, Concept: 0.6, LocalVector: 0.1, OnlineVector: 0.5, Expansion: 0.3,
		Heading: 4, Length: 0.3,
		Table: 1.05, Advice: 0.15, Coverage: 0.3,
		Gate: 0.35, OtherFacts: 0.6,
		Neighbour: 0.2, Duplicate: 0.7,
		Abstain: 0.45,
	}
}

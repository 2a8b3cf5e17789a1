package cds

import "time"

// RuleUse is what became of one rule in a span of time: in how many decisions an
// action of it applied, and what people did with what came of it. Of several answers
// to one card the last one counts. Comments of people are not in it.
type RuleUse struct {
	URL       string
	Decisions int64
	Outcomes
	Reasons []ReasonCount // of overrides and changes, the most frequent first
	Weeks   []WeekUse     // with an answer, the oldest first
}

// Outcomes counts answers of people.
type Outcomes struct {
	Accepted   int64
	Modified   int64
	Overridden int64
}

// ReasonCount is how often a reason was given; code "" where none was.
type ReasonCount struct {
	System  string
	Code    string
	Display string
	Count   int64
}

// WeekUse is a week that begins on Monday (UTC).
type WeekUse struct {
	Monday time.Time
	Outcomes
}

// DecisionSpan bounds a question about what happened: From counts in, To does not. Rule and
// Client are "" for all.
type DecisionSpan struct {
	From, To time.Time
	Rule     string // canonical url
	Client   string
}

// DecisionRow is a decision as a list shows it.
type DecisionRow struct {
	ID       string
	At       time.Time
	Service  string
	Hook     string
	Client   string
	Cards    int64
	Degraded bool
	Rules    []string // canonical urls of the rules that applied
	Outcome  string   // of the last answer to it, "" while there is none
}

package observe

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
)

// Answer is what is counted of one decision: codes, and nothing of a patient.
type Answer struct {
	Service    string
	Degraded   bool     // a check or a leg did not run for a fault of ours, or the knowledge may be old
	Ran        int      // checks that ran
	NotChecked []string // of each check that did not run: why, a code
	Indicators []string // of the cards: info, warning, critical
}

// answers counts what was answered.
type answers struct {
	degraded *prometheus.CounterVec
	checks   *prometheus.CounterVec
	cards    *prometheus.CounterVec
	feedback *prometheus.CounterVec
}

func newAnswers(registry *prometheus.Registry) answers {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	a := answers{
		degraded: counter("cds_degraded_total", "Answers that a fault of this server made less than whole, by service.", "service"),
		checks:   counter("cds_checks_total", "Checks by result (ran or not_checked) and, of what was not checked, the reason as a code.", "result", "reason"),
		cards:    counter("cds_cards_total", "Cards by indicator.", "indicator"),
		feedback: counter("cds_feedback_total", "Feedback by outcome (accepted, overridden, modified).", "outcome"),
	}
	registry.MustRegister(a.degraded, a.checks, a.cards, a.feedback)
	// They are there from the start, so that an alert rule sees the first one.
	for _, reason := range []string{"fault", "timed-out"} {
		a.checks.WithLabelValues("not_checked", reason)
	}
	return a
}

// code is the form of reasons. They are a closed set in the program; what has another form
// is counted as "other", so that none can come from outside.
var code = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// Answered counts a decision.
func (m *Metrics) Answered(a Answer) {
	if a.Degraded {
		m.answers.degraded.WithLabelValues(a.Service).Inc()
	}
	m.answers.checks.WithLabelValues("ran", "").Add(float64(a.Ran))
	for _, why := range a.NotChecked {
		switch {
		case why == "":
			why = "lacking"
		case !code.MatchString(why):
			why = "other"
		}
		m.answers.checks.WithLabelValues("not_checked", why).Inc()
	}
	for _, i := range a.Indicators {
		m.answers.cards.WithLabelValues(i).Inc()
	}
}

// FeedbackCame counts feedback that was kept. The outcome is of a closed set.
func (m *Metrics) FeedbackCame(outcome string) { m.answers.feedback.WithLabelValues(outcome).Inc() }

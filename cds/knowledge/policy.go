package knowledge

import (
	"time"

	"cdss/cds"
	"cdss/fhir"
)

// withhold gives the reason for which a plan does not run, zero when it does. A plan
// past its time that runs all the same is marked.
func (l *loader) withhold(p *Plan, root *fhir.Node) withheld {
	switch {
	case p.Status == "retired":
		return withheld{"retired", cds.Text{DE: "Das Therapieschema ist zurückgezogen.", EN: "The regimen is retired."}}
	case (p.Status != "active" || p.Experimental) && !l.options.Demo:
		return withheld{
			"draft or experimental: runs only as a demonstration",
			cds.Text{DE: "Für diese Indikation ist kein Therapieschema freigegeben.", EN: "No regimen is released for this indication."},
		}
	}
	now := l.options.LoadedAt
	if now.IsZero() {
		return withheld{}
	}
	period := root.Child("effectivePeriod").Period()
	if period.Start.Known() && now.Before(period.Start.Time) {
		l.due(period.Start.Time)
		return withheld{
			"effective period has not begun",
			cds.Text{DE: "Das Therapieschema gilt noch nicht.", EN: "The regimen is not in effect yet."},
		}
	}
	if period.End.Known() {
		end := period.End.End()
		l.due(end)
		if !now.Before(end) {
			p.Expired = end
			return l.expired("effective period has ended", cds.Text{
				DE: "Das Therapieschema ist seit " + end.Format("02.01.2006") + " abgelaufen und wird zurückgehalten.",
				EN: "The regimen expired on " + end.Format("2 Jan 2006") + " and is withheld.",
			})
		}
	}
	if reviewed, ok := lastReview(root); ok && l.options.ReviewAfter > 0 {
		end := reviewed.AddDate(0, 0, l.options.ReviewAfter)
		l.due(end)
		if !now.Before(end) {
			p.Expired = end
			return l.expired("last review is too long ago", cds.Text{
				DE: "Das Therapieschema wurde zuletzt am " + reviewed.Format("02.01.2006") + " geprüft und wird zurückgehalten.",
				EN: "The regimen was last reviewed on " + reviewed.Format("2 Jan 2006") + " and is withheld.",
			})
		}
	}
	return withheld{}
}

func (l *loader) expired(message string, reason cds.Text) withheld {
	if l.options.ShowExpired {
		return withheld{}
	}
	return withheld{message, reason}
}

// lastReview gives when an artifact was last reviewed, or else approved.
func lastReview(root *fhir.Node) (time.Time, bool) {
	for _, name := range []string{"lastReviewDate", "approvalDate"} {
		if t, ok := root.Child(name).Time(); ok {
			return t.Time, true
		}
	}
	return time.Time{}, false
}

// due notes when the next snapshot is due.
func (l *loader) due(at time.Time) {
	s := l.snapshot
	if at.After(l.options.LoadedAt) && (s.until.IsZero() || at.Before(s.until)) {
		s.until = at
	}
}

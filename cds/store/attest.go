package store

import (
	"strconv"

	"cdss/cds"
	"cdss/fhir/audit"
)

// Subjects gives what stands for a patient in the audit trail.
type Subjects interface {
	Subject(patient string) (audit.Subject, error)
}

// Attest says how decisions are told to the audit trail, and where they wait on disk
// while the database is away; spool may be nil. It comes before Run. Without it the
// trail knows of no patient, and decisions wait in memory only.
func (s *Store) Attest(subjects Subjects, spool *audit.Spool) { s.subjects, s.spool = subjects, spool }

// advised is the event of a decision. It has the decision's id, so that one leads to
// the other.
func advised(d cds.Decision, patient audit.Subject) audit.Event {
	path := "/cds-services/"
	if d.Hook == "" {
		path = "/api/"
	}
	e := audit.Event{
		ID: d.ID, At: d.At, Kind: audit.Advice, Patient: patient, Query: "POST " + path + d.Service,
		Caller: audit.Caller{User: d.Asked.User, Roles: d.Asked.Roles, Client: d.Client, Address: d.Asked.Address, Request: d.Asked.Request},
	}
	if len(d.Ran) == 0 && len(d.Cards) == 0 && len(d.Skipped) > 0 {
		e.Outcome, e.Reason = audit.MinorFailure, "no check could run"
	}
	fetched := 0
	for _, in := range d.Inputs {
		if in.Origin == "fetched" {
			fetched += in.Resources
		}
	}
	e.Entities = append(e.Entities, audit.Entity{Name: "decision", What: "urn:uuid:" + d.ID, Details: audit.Details(
		"hook", d.Hook, "language", string(d.Language), "degraded", truth(d.Degraded), "shadow", truth(d.Shadow),
		"cards", strconv.Itoa(len(d.Cards)), "notChecked", strconv.Itoa(len(d.Skipped)), "fetched", strconv.Itoa(fetched),
	)})
	for _, c := range d.Cards {
		e.Entities = append(e.Entities, audit.Entity{
			Name: "card", What: "urn:uuid:" + c.UUID, Details: audit.Details("indicator", string(c.Indicator), "topic", c.Topic),
		})
	}
	for _, a := range d.Artifacts {
		rule := a.URL
		if a.Version != "" {
			rule += "|" + a.Version
		}
		e.Entities = append(e.Entities, audit.Entity{Name: "rule", What: rule, Details: audit.Details("sha256", a.SHA256)})
	}
	return e
}

// judged is the event of feedback. What was sent before gives the same id.
func judged(f cds.Feedback) audit.Event {
	at := f.At.UTC().Format("2006-01-02T15:04:05.000000Z")
	reason := ""
	if f.Reason != nil {
		reason = f.Reason.Code
	}
	return audit.Event{
		ID: audit.IDOf("feedback", f.Card, string(f.Outcome), at), Kind: audit.Feedback, Caller: audit.Caller{Client: f.Client},
		Entities: []audit.Entity{{Name: "card", What: "urn:uuid:" + f.Card, Details: audit.Details(
			"outcome", string(f.Outcome), "outcomeTimestamp", at, "reason", reason, "suggestions", strconv.Itoa(len(f.Suggestions)),
		)}},
	}
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return ""
}

package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/store"
	"cdss/migrations/dbtest"
)

const (
	ruleURL   = "https://example.org/PlanDefinition/kidney"
	ruleCard  = "0190a1b2-0000-8000-8000-0000000000a1"
	otherCard = "0190a1b2-0000-8000-8000-0000000000a2"
	second    = "0190a1b2-0000-7000-8000-000000000002"
	third     = "0190a1b2-0000-7000-8000-000000000003"
)

// An answer counts for the rule that its card comes from, the last one alone, and an
// answer to a whole recommendation for the rules that applied in it.
func TestUsed(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	looked := []cds.Looked{
		{Plan: ruleURL + "|1.0.0", At: "high-dose", Outcome: "true"},
		{Plan: "https://example.org/PlanDefinition/idle|1.0.0", At: "x", Outcome: "false"},
	}
	hook := decided(decision)
	hook.At, hook.Client, hook.Trace = monday.Add(time.Hour), "ehr", looked
	hook.Cards = []cds.IssuedCard{{UUID: ruleCard, Indicator: cds.WarningI, Topic: "high-dose"}, {UUID: otherCard, Indicator: cds.Critical, Topic: "allergy"}}
	app := decided(second)
	app.At, app.Service, app.Client, app.Trace, app.Cards = monday.Add(2*time.Hour), "recommendations", "", looked, nil
	unseen := decided(third)
	unseen.At, unseen.Shadow, unseen.Trace, unseen.Cards = monday.Add(3*time.Hour), true, looked, nil
	for _, d := range []cds.Decision{hook, app, unseen} {
		s.Record(d)
	}
	run(s)
	seen := cds.Coding{System: "https://example.org/reasons", Code: "seen", Display: "Already seen"}
	at := monday.Add(4 * time.Hour)
	for _, f := range []cds.Feedback{
		{Card: ruleCard, Client: "ehr", Outcome: cds.Accepted, At: at},
		{Card: ruleCard, Client: "ehr", Outcome: cds.Overridden, Reason: &seen, Comment: "Frau Muster", At: at.Add(time.Minute)},
		{Card: otherCard, Client: "ehr", Outcome: cds.Overridden, At: at},
		{Card: second, Service: "recommendations", Outcome: cds.Modified, At: at.AddDate(0, 0, 7)},
	} {
		if err := s.KeepFeedback(t.Context(), []cds.Feedback{f}); err != nil {
			t.Fatal(err)
		}
	}
	span := cds.DecisionSpan{From: monday, To: monday.AddDate(0, 0, 1)}
	got, err := s.Used(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	want := []cds.RuleUse{{
		URL: ruleURL, Decisions: 2, Outcomes: cds.Outcomes{Modified: 1, Overridden: 1},
		Reasons: []cds.ReasonCount{{Count: 1}, {System: seen.System, Code: seen.Code, Display: seen.Display, Count: 1}},
		Weeks:   []cds.WeekUse{{Monday: monday, Outcomes: cds.Outcomes{Overridden: 1}}, {Monday: monday.AddDate(0, 0, 7), Outcomes: cds.Outcomes{Modified: 1}}},
	}}
	for i := range got {
		for j := range got[i].Weeks {
			got[i].Weeks[j].Monday = got[i].Weeks[j].Monday.UTC()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("use of rules (-want +got):\n%s", diff)
	}
	span.Client = "ehr"
	if got, err = s.Used(t.Context(), span); err != nil || len(got) != 1 || got[0].Decisions != 1 || got[0].Overridden != 1 {
		t.Errorf("of one client: %v %v", got, err)
	}
	span.Rule = "https://example.org/PlanDefinition/other"
	if got, err = s.Used(t.Context(), span); err != nil || len(got) != 0 {
		t.Errorf("of a rule that never applied: %v %v", got, err)
	}

	rows, err := s.Decisions(t.Context(), cds.DecisionSpan{From: monday, To: monday.AddDate(0, 0, 1), Rule: ruleURL})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID+" "+r.Outcome)
	}
	if diff := cmp.Diff([]string{second + " modified", decision + " overridden"}, ids); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

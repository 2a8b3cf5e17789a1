package trial_test

import (
	"strings"
	"testing"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/trial"
)

const pneumonia = content.Base + "/PlanDefinition/regimens-community-acquired-pneumonia"

// The cases of a plan pass, and tell what of it they never reached.
func TestCasesOfAPlan(t *testing.T) {
	run := house(t).Test(t.Context(), pneumonia, allCases(t))
	if run.Failed > 0 || run.Passed < 20 || !strings.HasPrefix(run.Artifact, pneumonia+"|") {
		t.Errorf("%s: %d passed, %d failed", run.Artifact, run.Passed, run.Failed)
	}
	c := run.Coverage
	if c.Actions < 50 || len(c.Never) == 0 || len(c.Reached) != c.Actions {
		t.Errorf("coverage %d actions, %d never, %d told", c.Actions, len(c.Never), len(c.Reached))
	}
	never := map[string]bool{}
	for _, r := range c.Never {
		if r.Taken > 0 {
			t.Errorf("%s was taken %d times and stands among those never taken", r.At, r.Taken)
		}
		never[r.At] = true
	}
	taken, both := false, false
	for _, r := range c.Reached {
		if r.Taken > r.Looked {
			t.Errorf("%s was taken more often than looked at", r.At)
		}
		taken = taken || strings.HasSuffix(r.At, "severe") && r.Taken > 0 && !never[r.At]
		for _, x := range r.Conditions {
			both = both || x.True > 0 && x.False > 0
		}
	}
	if !taken || !both {
		t.Errorf("no severe pneumonia was reached (%v), or no condition came out both ways (%v)", taken, both)
	}
}

// A change that breaks what a case expects fails that case, and says what differs.
func TestABrokenPlanFailsItsCases(t *testing.T) {
	k := changed(t, pneumonia, `(%severity = 'severe' or %severity = 'septic')`, `(%severity = 'mild')`)
	run := k.Test(t.Context(), pneumonia, allCases(t))
	if run.Failed == 0 || run.Artifact != pneumonia+"|99.0.0" {
		t.Fatalf("%s: %d failed", run.Artifact, run.Failed)
	}
	for _, r := range run.Cases {
		if r.Passed != (len(r.Differences) == 0) {
			t.Errorf("%s: passed %v with differences %v", r.ID, r.Passed, r.Differences)
		}
	}
	if run := k.Test(t.Context(), content.Base+"/PlanDefinition/none", allCases(t)); len(run.Cases) != 0 || run.Coverage.Actions != 0 {
		t.Errorf("a plan that nobody has: %+v", run)
	}
}

// What a release would change is told by what a person would notice; nothing
// changes where nothing does.
func TestImpactOfARelease(t *testing.T) {
	same := trial.ImpactOf(t.Context(), house(t), house(t), allCases(t), cds.EN)
	if same.Changed != 0 || same.Questions < 40 {
		t.Errorf("the same knowledge changes %d of %d", same.Changed, same.Questions)
	}
	k := changed(t, pneumonia, `(%severity = 'severe' or %severity = 'septic')`, `(%severity = 'mild')`)
	m := trial.ImpactOf(t.Context(), house(t), k, allCases(t), cds.EN)
	if m.Changed == 0 || m.Kinds[trial.OptionChange]+m.Kinds[trial.WarningChange] == 0 || m.From != "shipped" || m.To != "changed" {
		t.Fatalf("%+v", m)
	}
	for _, c := range m.Changes {
		if !strings.HasPrefix(c.ID, "pneumonia") && !strings.HasPrefix(c.ID, "order") {
			t.Errorf("%s is about another plan and changes: %+v", c.ID, c.Changes)
		}
		for _, x := range c.Changes {
			if x.Before == x.After {
				t.Errorf("%s: %s changes from %q to the same", c.ID, x.Kind, x.Before)
			}
		}
	}
}

// A trace tells each condition with the values it read and where they came from.
func TestTraceTellsSources(t *testing.T) {
	var c trial.Case
	for _, x := range allCases(t) {
		if x.ID == "pneumonia-severe" {
			c = x
		}
	}
	a := house(t).Ask(t.Context(), c.Question(cds.EN), true)
	found := false
	for _, e := range a.Trace.Entries {
		for _, s := range e.Steps {
			for _, r := range s.Reads {
				if r.Name == "severity" && e.Plan.URL == pneumonia && strings.Contains(s.Expression, "%severity") {
					found = true
					if r.Value == "" || r.Source == "" && len(r.Inputs) == 0 {
						t.Errorf("%s read severity %q and does not say where from", e.At, r.Value)
					}
				}
			}
		}
	}
	if !found {
		t.Error("nobody looked at the severity")
	}
	plain := house(t).Ask(t.Context(), c.Question(cds.EN), false)
	if len(plain.Trace.Entries) != 0 {
		t.Error("a trace that nobody asked for")
	}
}

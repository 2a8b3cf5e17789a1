package knowledge_test

import (
	"testing"
	"time"

	"cdss/cds/content"
	"cdss/cds/knowledge"
)

// loaded gives the embedded content as a demonstration or not.
func loaded(t *testing.T, demo bool) *knowledge.Snapshot {
	t.Helper()
	resources, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	s, err := knowledge.Load(resources, knowledge.Options{Demo: demo, LoadedAt: time.Date(2026, 3, 16, 9, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContentLoadsWithoutProblems(t *testing.T) {
	s := loaded(t, true)
	for _, p := range s.Problems() {
		t.Errorf("%s %s: %s", p.Artifact, p.Location, p.Message)
	}
	if n := len(s.Indications()); n != 41 {
		t.Errorf("%d indications, want 41", n)
	}
	if n := len(s.Categories()); n != 9 {
		t.Errorf("%d categories, want 9", n)
	}
	for _, i := range s.Indications() {
		if _, ok := s.PlanFor(i.Code); !ok {
			t.Errorf("no plan for %s", i.Code)
		}
		if got, ok := s.Indication(i.Alias); !ok || got.Code != i.Code {
			t.Errorf("alias %s does not find %s", i.Alias, i.Code)
		}
	}
}

func TestExampleRegimensRunOnlyAsDemonstration(t *testing.T) {
	s := loaded(t, false)
	if _, ok := s.PlanFor("community-acquired-pneumonia"); ok {
		t.Error("a draft regimen runs outside a demonstration")
	}
	if len(s.Withheld()) == 0 {
		t.Error("the withheld regimens are not told")
	}
	if len(s.Pack(content.PackSafety)) == 0 {
		t.Error("the safety pack does not run")
	}
}

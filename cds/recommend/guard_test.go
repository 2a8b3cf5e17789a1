package recommend

import (
	"testing"

	"cdss/cds"
)

// A rule that panics is told as not checked; what was found before stays.
func TestBrokenCheckIsTold(t *testing.T) {
	s := &session{Input: Input{Lang: cds.EN}}
	found := 0
	s.guarded(cds.Text{EN: "first"}, func() { found++ })
	s.guarded(cds.Text{EN: "second"}, func() { panic("broken table") })
	s.guarded(cds.Text{EN: "third"}, func() { found++ })
	if found != 2 {
		t.Errorf("%d checks ran, want 2", found)
	}
	if len(s.gaps) != 1 || s.gaps[0].Check != "second" || s.gaps[0].Reason != "the check failed" {
		t.Errorf("gaps %+v", s.gaps)
	}
}

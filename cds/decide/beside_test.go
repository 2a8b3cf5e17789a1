package decide_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/decide"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
)

// What runs beside answers the same question, changes nothing of the answer, and says
// in codes how it differs.
func TestWhatRunsBeside(t *testing.T) {
	artifacts, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	other, err := knowledge.Load(artifacts, knowledge.Options{Demo: true, LoadedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	found := make(chan cds.BesideRun, 1)
	r := rules{recommend: func(_ context.Context, in recommend.Input) cds.Recommendation {
		atc := "J01DD04"
		if in.Snapshot == other {
			atc = "J01CR05"
		}
		return cds.Recommendation{ID: in.ID, Options: []cds.Option{{Rank: 1, Recommended: true, Ingredients: []cds.Ingredient{{ATC: atc, Route: "iv", Name: "Musterfrau"}}}}}
	}}
	s := service(t, r, func(c *decide.Config) {
		c.Beside = func() *decide.Beside { return &decide.Beside{ID: 7, Snapshot: other} }
		c.Differ = func(b cds.BesideRun) { found <- b }
	})
	rec := s.Answer(t.Context(), decide.Ask{Now: now})
	if rec.Options[0].Ingredients[0].ATC != "J01DD04" {
		t.Errorf("the answer is that of what runs beside: %+v", rec.Options)
	}
	select {
	case got := <-found:
		raw, _ := json.Marshal(got)
		if got.Shadow != 7 || got.Decision != rec.ID || !strings.Contains(string(raw), `{"kind":"first","before":"J01DD04","after":"J01CR05"}`) {
			t.Errorf("%s", raw)
		}
		if strings.Contains(string(raw), "Musterfrau") {
			t.Errorf("words are kept: %s", raw)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was compared")
	}
}

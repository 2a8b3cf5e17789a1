package recommend_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cdss/cds"
	"cdss/cds/recommend"
	"cdss/fhir"
)

// publicCase is what is judged here of a case of the reference data
// (cases/schema.md): what may be offered, what must be warned of. Doses, facts
// and citations are judged by its score.py.
type publicCase struct {
	ID          string          `json:"id"`
	AsOf        time.Time       `json:"asOf"`
	Bundle      json.RawMessage `json:"bundle"`
	DraftOrders json.RawMessage `json:"draftOrders"`
	Request     *struct {
		Indication        string   `json:"indication"`
		Severity          string   `json:"severity"`
		InfectionSite     string   `json:"infectionSite"`
		RiskFactors       []string `json:"riskFactors"`
		SuspectedPathogen []string `json:"suspectedPathogens"`
	} `json:"request"`
	Expect struct {
		AnyOf   [][]slot `json:"mustRecommendAnyOf"`
		Not     []ban    `json:"mustNotRecommend"`
		Warn    []alarm  `json:"mustWarn"`
		WarnNot []alarm  `json:"mustNotWarn"`
		Abstain bool     `json:"abstain"`
		NoCards bool     `json:"noCards"`
	} `json:"expect"`
}

type slot struct {
	ATC   string `json:"atc"`
	OneOf []slot `json:"oneOf"`
}

func (s slot) in(atcs map[string]bool) bool {
	for _, o := range s.OneOf {
		if o.in(atcs) {
			return true
		}
	}
	return atcs[s.ATC]
}

type ban struct {
	Prefix string   `json:"atcPrefix"`
	Route  any      `json:"route"`
	Mono   bool     `json:"asMonotherapy"`
	Except []string `json:"except"`
}

type alarm struct {
	About         string        `json:"about"`
	Indicator     cds.Indicator `json:"indicator"`
	Terms         [][]string    `json:"terms"`
	IfRecommended string        `json:"ifRecommended"`
}

var levels = map[cds.Indicator]int{cds.Info: 0, cds.WarningI: 1, cds.Critical: 2}

// raised tells whether a warning has at least the indicator and hits every list
// of terms.
func (a alarm) raised(list []cds.Warning) bool {
	for _, w := range list {
		text := strings.ToLower(w.Summary + " " + w.Detail)
		hit := levels[w.Indicator] >= levels[a.Indicator]
		for _, words := range a.Terms {
			one := false
			for _, word := range words {
				one = one || strings.Contains(text, strings.ToLower(word))
			}
			hit = hit && one
		}
		if hit {
			return true
		}
	}
	return false
}

func (b ban) hits(o cds.Option) bool {
	if b.Mono && len(o.Ingredients) > 1 {
		return false
	}
	for _, i := range o.Ingredients {
		hit := strings.HasPrefix(i.ATC, b.Prefix)
		for _, e := range b.Except {
			hit = hit && !strings.HasPrefix(i.ATC, e)
		}
		if r, ok := b.Route.(string); ok {
			hit = hit && strings.EqualFold(r, i.Route)
		}
		if hit {
			return true
		}
	}
	return false
}

// Over all public cases: nothing forbidden is offered or suggested, an expected
// option is offered, what must be warned of is, and the answer is the same in
// both languages but for its words.
func TestPublicCases(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "cases", "cases", "*.json"))
	if len(files) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	h := newHouse(t, true)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c publicCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(c.ID, func(t *testing.T) { h.run(t, c) })
	}
}

func (h house) run(t *testing.T, c publicCase) {
	q := question{Now: c.AsOf, Language: cds.DE, Bundle: c.Bundle, Drafts: drafts(t, c.DraftOrders)}
	if r := c.Request; r != nil {
		q.Request = &cds.StructuredRequest{Indication: r.Indication, Severity: r.Severity, Site: r.InfectionSite, RiskFactors: r.RiskFactors, Pathogens: r.SuspectedPathogen}
	}
	in := h.input(t, q)
	rec := recommend.Recommend(context.Background(), in)
	found := recommend.CheckOrders(context.Background(), in)
	warnings := append(append([]cds.Warning{}, rec.Warnings...), found.Warnings...)

	for _, b := range c.Expect.Not {
		for _, o := range rec.Options {
			if b.hits(o) {
				t.Errorf("offers %v although %s is forbidden", atcs(o), b.Prefix)
			}
		}
		for _, code := range created(t, warnings) {
			if strings.HasPrefix(code, b.Prefix) && b.Route == nil && !b.Mono && len(b.Except) == 0 {
				t.Errorf("suggests %s although %s is forbidden", code, b.Prefix)
			}
		}
	}
	if c.Expect.Abstain && (len(rec.Options) > 0 || len(created(t, warnings)) > 0 || !rec.Abstained || rec.AbstainReason == nil) {
		t.Errorf("does not abstain: %d options", len(rec.Options))
	}
	for _, a := range c.Expect.Warn {
		if a.IfRecommended == "" && !a.raised(warnings) && len(c.DraftOrders) > 0 {
			t.Errorf("no %s warning about %s", a.Indicator, a.About)
		}
	}
	if c.Expect.NoCards && len(found.Warnings)+len(found.NotChecked) > 0 {
		t.Errorf("has something to say about the orders: %+v", found)
	}
	if len(c.Expect.AnyOf) > 0 && !offered(rec.Options, c.Expect.AnyOf) {
		t.Errorf("offers none of what is expected, but %v", names(rec.Options))
	}

	in.Lang = cds.EN
	english := recommend.Recommend(context.Background(), in)
	if got, want := names(english.Options), names(rec.Options); strings.Join(got, ";") != strings.Join(want, ";") {
		t.Errorf("offers %v in English, %v in German", got, want)
	}
	sound(t, rec, found)
	sound(t, english, recommend.CheckOrders(context.Background(), in))
}

func offered(options []cds.Option, anyOf [][]slot) bool {
	for _, o := range options {
		have := atcs(o)
		for _, want := range anyOf {
			all := true
			for _, s := range want {
				all = all && s.in(have)
			}
			if all {
				return true
			}
		}
	}
	return false
}

func atcs(o cds.Option) map[string]bool {
	out := map[string]bool{}
	for _, i := range o.Ingredients {
		out[i.ATC] = true
	}
	return out
}

func names(options []cds.Option) []string {
	var out []string
	for _, o := range options {
		name := ""
		for _, i := range o.Ingredients {
			name += "+" + i.ATC
		}
		out = append(out, name)
	}
	return out
}

// created gives the ATC codes of what suggestions would order.
func created(t *testing.T, warnings []cds.Warning) []string {
	t.Helper()
	var out []string
	for _, w := range warnings {
		for _, f := range w.Fix {
			for _, a := range f.Actions {
				if a.Type == "delete" {
					continue
				}
				r, err := fhir.ParseResource(a.Resource)
				if err != nil {
					t.Fatalf("suggested resource: %v", err)
				}
				for _, c := range r.Root().Child("medicationCodeableConcept").CodeableConcept().Codings {
					if strings.Contains(c.System, "atc") {
						out = append(out, c.Code)
					}
				}
			}
		}
	}
	return out
}

func drafts(t *testing.T, raw json.RawMessage) []json.RawMessage {
	t.Helper()
	var b struct {
		Entry []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	var out []json.RawMessage
	for _, e := range b.Entry {
		out = append(out, e.Resource)
	}
	return out
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"cdss/cds"
	"cdss/migrations/dbtest"
	"cdss/rag"
)

// recommend asks the server as the clinicians' app does, about an example patient.
func (p *program) recommend(example, language string) cds.Recommendation {
	p.t.Helper()
	_, _, bundle := p.ask("GET", "/api/examples/"+example, "")
	status, _, body := p.ask("POST", "/api/recommendations", `{"bundle":`+bundle+`,"language":"`+language+`"}`)
	if status != 200 {
		p.t.Fatalf("%d %s", status, body)
	}
	var rec cds.Recommendation
	if err := json.Unmarshal([]byte(body), &rec); err != nil {
		p.t.Fatal(err)
	}
	return rec
}

// cards asks the server as an EHR does.
func (p *program) cards(example, hook string) []cds.Card {
	p.t.Helper()
	_, _, call := p.ask("GET", "/api/examples/"+example+"/hook?hook="+hook, "")
	status, _, body := p.ask("POST", "/cds-services/abs-"+hook, call, "Accept-Language", "en")
	if status != 200 {
		p.t.Fatalf("%d %s", status, body)
	}
	var r cds.Response
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		p.t.Fatal(err)
	}
	return r.Cards
}

// TestAnaphylaxisAndKidney: the patient of a first start. No penicillin is offered,
// a cephalosporin only to a specialist with the label's contraindication, and each
// dose is adjusted by a cited band or said not to be checked.
func TestAnaphylaxisAndKidney(t *testing.T) {
	p := demo(t)
	rec := p.recommend("cap-penicillin-anaphylaxis", "en")
	if rec.Indication == nil || rec.Indication.Code != "community-acquired-pneumonia" || len(rec.Options) == 0 {
		t.Fatalf("no options: %+v", rec)
	}
	if rec.Banner == nil || !strings.HasPrefix(*rec.Banner, "EXAMPLE") {
		t.Errorf("banner %v", rec.Banner)
	}
	for _, o := range rec.Options {
		if len(o.Citations) == 0 {
			t.Errorf("option %d cites nothing", o.Rank)
		}
		for _, c := range o.Citations {
			if c.Quote != nil {
				t.Errorf("a quote of a document that is not loaded: %+v", c)
			}
		}
		for _, i := range o.Ingredients {
			if strings.HasPrefix(i.ATC, "J01C") {
				t.Errorf("a penicillin is offered: %s", i.Name)
			}
			if strings.HasPrefix(i.ATC, "J01D") && !strings.HasPrefix(i.ATC, "J01DF") && !strings.HasPrefix(i.ATC, "J01DH") {
				if !o.Specialist || o.Recommended || !strings.Contains(o.Notes, "contraindication") {
					t.Errorf("%s is offered as if there were no label: %+v", i.Name, o)
				}
			}
			adjusted := slices.ContainsFunc(i.Adjustments, func(a cds.Adjustment) bool { return a.Kind == "renal" && a.Text != "" })
			unchecked := slices.ContainsFunc(rec.NotChecked, func(n cds.NotChecked) bool {
				return strings.Contains(strings.ToLower(n.Check+n.Reason), strings.ToLower(i.Name))
			})
			unchanged := slices.ContainsFunc(o.Citations, func(c rag.Citation) bool { return strings.Contains(c.Document, "renal") })
			if !adjusted && !unchecked && !unchanged {
				t.Errorf("nothing is said of the renal dose of %s", i.Name)
			}
		}
	}
	excluded := map[string]bool{}
	for _, x := range rec.Excluded {
		excluded[x.ATC] = x.Reason == "allergy"
	}
	if !excluded["J01CR01"] || !excluded["J01CR02"] {
		t.Errorf("the excluded penicillins are not told: %+v", rec.Excluded)
	}
	// The EHR is told the same.
	cards := p.cards("cap-penicillin-anaphylaxis", "patient-view")
	i := slices.IndexFunc(cards, func(c cds.Card) bool { return c.Source.Topic.Code == "community-acquired-pneumonia" })
	if i < 0 {
		t.Fatalf("no card with options: %+v", cards)
	}
	for _, o := range rec.Options {
		for _, ingredient := range o.Ingredients {
			if !strings.Contains(cards[i].Detail, ingredient.Text) {
				t.Errorf("the card does not say %q", ingredient.Text)
			}
		}
	}
	for _, c := range cards {
		if c.Source.Topic.Code != "cds-not-checked" && !strings.Contains(c.Detail, "EXAMPLE") {
			t.Errorf("a card without the banner: %s", c.Summary)
		}
	}
}

// TestCardsAreReadable: no card of an example shows the name a program gives a
// fact, or ends a sentence twice, and mere information stands on the main card.
func TestCardsAreReadable(t *testing.T) {
	p := demo(t)
	_, _, list := p.ask("GET", "/api/examples", "")
	var all struct {
		Examples []struct {
			ID string `json:"id"`
		} `json:"examples"`
	}
	if err := json.Unmarshal([]byte(list), &all); err != nil || len(all.Examples) == 0 {
		t.Fatal(err, list)
	}
	for _, example := range all.Examples {
		names := []string{"mean-blood-pressure", "respiratory-rate", "oxygen-saturation"}
		for _, f := range p.recommend(example.ID, "de").Facts {
			if strings.Contains(f.Name, "-") {
				names = append(names, f.Name)
			}
		}
		for _, hook := range []string{"patient-view", "order-select", "order-sign"} {
			_, _, call := p.ask("GET", "/api/examples/"+example.ID+"/hook?hook="+hook, "")
			for _, language := range []string{"de", "en"} {
				status, _, body := p.ask("POST", "/cds-services/abs-"+hook, call, "Accept-Language", language)
				if status == 400 {
					continue // an example without an order
				}
				var r cds.Response
				if err := json.Unmarshal([]byte(body), &r); err != nil || status != 200 {
					t.Fatal(status, err, body)
				}
				for _, c := range r.Cards {
					text := c.Summary + "\n" + c.Detail
					for _, bad := range append(names, "..", ".;", ".,") {
						if strings.Contains(text, bad) {
							i := strings.Index(text, bad)
							t.Errorf("%s %s %s: %q in %q", example.ID, hook, language, bad, text[max(0, i-60):min(len(text), i+60)])
						}
					}
					if hook == "patient-view" && c.Indicator == cds.Info && !strings.Contains(c.Detail, "Entscheidungsunterstützung") && !strings.Contains(c.Detail, "Decision support") {
						t.Errorf("%s: a card of its own for %s", example.ID, c.Summary)
					}
				}
			}
		}
	}
}

// TestOrderOfAPenicillin: an order that must not be signed is answered with a
// critical card whose suggestions bring nothing excluded back.
func TestOrderOfAPenicillin(t *testing.T) {
	p := demo(t)
	for _, hook := range []string{"order-select", "order-sign"} {
		cards := p.cards("cap-penicillin-anaphylaxis", hook)
		if !slices.ContainsFunc(cards, func(c cds.Card) bool { return c.Indicator == cds.Critical && strings.Contains(c.Summary, "llergy") }) {
			t.Errorf("%s: no critical card: %+v", hook, cards)
		}
		for _, c := range cards {
			for _, s := range c.Suggestions {
				for _, a := range s.Actions {
					if strings.Contains(string(a.Resource), `"J01C`) {
						t.Errorf("%s: %q brings a penicillin back", hook, s.Label)
					}
				}
			}
		}
	}
}

// TestFeedbackIsJoinedToItsDecision: the EHR tells what became of a card, twice, and
// the app what became of a recommendation.
func TestFeedbackIsJoinedToItsDecision(t *testing.T) {
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	card := p.cards("cap-penicillin-anaphylaxis", "order-sign")[0]
	body := `{"feedback":[{"card":"` + card.UUID + `","outcome":"accepted","acceptedSuggestions":[{"id":"` + card.Suggestions[0].UUID + `"}],"outcomeTimestamp":"2026-01-15T10:05:31Z"}]}`
	rec := p.recommend("cap-moderate", "de")
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	count := func(query string, args ...any) (n int) {
		if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	p.until(func() bool { return count("SELECT count(*) FROM decision") == 2 }, "both decisions are written")
	for range 2 {
		if status, _, answer := p.ask("POST", "/cds-services/abs-order-sign/feedback", body); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if status, _, answer := p.ask("POST", "/api/recommendations/"+rec.ID+"/feedback", `{"outcome":"modified","comment":"kürzer"}`); status != 204 {
		t.Fatalf("%d %s", status, answer)
	}
	if n := count("SELECT count(*) FROM feedback f JOIN decision d ON d.id = f.decision_id"); n != 2 {
		t.Errorf("%d entries are joined to their decision, want 2", n)
	}
	if n := count("SELECT count(*) FROM decision WHERE service = 'abs-order-sign' AND hook = 'order-sign' AND duration_ms > 0 AND checks_run <> '[]' AND inputs ? 'draftOrders' AND inputs ? 'allergies'"); n != 1 {
		t.Error("the decision does not tell what it rests on")
	}
}

// guidelineFolder gives the folder of the reference guideline, and whether it is
// there.
func guidelineFolder() (string, bool) {
	root := os.Getenv("REFERENCE_DATA_DIR")
	if root == "" {
		root = "../../../shared/data"
	}
	dir := filepath.Join(root, "guideline-s2k")
	_, err := os.Stat(dir)
	return dir, err == nil
}

var spaces = regexp.MustCompile(`\s+`)

// TestQuotesOnceLoaded: after the guideline was read in, the pages an option cites
// are quoted word by word.
func TestQuotesOnceLoaded(t *testing.T) {
	dir, ok := guidelineFolder()
	if !ok {
		t.Skipf("reference data folder absent: %s", dir)
	}
	var text strings.Builder
	for name, content := range sources(dir) {
		if name != "documents.json" {
			text.WriteString(content)
		}
	}
	// As a reader sees the file: without tags and emphasis.
	bare := func(s string) string {
		s = regexp.MustCompile(`</?[A-Za-z!][^>]*>`).ReplaceAllString(s, "")
		return spaces.ReplaceAllString(strings.NewReplacer("*", "", "\\", "", "|", "", "#", "", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s), "")
	}
	whole := bare(text.String())
	dsn := dbtest.DSN(t)
	p := start(t, true, "DATABASE_URL="+dsn, "CDSS_DEMO=1")
	count := func() (quotes int) {
		for _, o := range p.recommend("cap-moderate", "de").Options {
			for _, c := range o.Citations {
				if c.Quote != nil {
					quotes++
					if !strings.Contains(whole, bare(*c.Quote)) {
						t.Errorf("not the words of %s, p. %v: %q", c.Document, c.Page, *c.Quote)
					}
				}
			}
		}
		return quotes
	}
	if n := count(); n != 0 {
		t.Fatalf("%d quotes of what is not loaded", n)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"ingest", dir}, environment{vars: []string{"DATABASE_URL=" + dsn, "LOG_LEVEL=error"}, out: &out, err: &out}); err != nil {
		t.Fatalf("%v %s", err, out.String())
	}
	p.until(func() bool { return count() > 0 }, "the loaded pages are quoted")
	rec := p.recommend("cap-moderate", "de")
	if len(rec.Evidence) == 0 || rec.Evidence[0].Quote == "" || rec.Evidence[0].Document == "" {
		t.Errorf("no evidence beside: %+v", rec.Evidence)
	}
}

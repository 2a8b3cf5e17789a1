package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/render"
	"cdss/fhir"
)

func parsed(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

const rulePlan = `{"resourceType":"PlanDefinition","id":"rule","url":"https://x.example/rule","version":"2.1","title":"Rule","_title":{"extension":[
 {"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"en"},{"url":"content","valueString":"The rule"}]}]},
 "relatedArtifact":[{"type":"documentation","display":"Manual","url":"https://x.example/manual"},{"type":"documentation","url":"javascript:alert(1)"},{"type":"derived-from","url":"https://x.example/manual"}]}`

// cardsOf gives the cards of a RequestGroup with these actions, and what is beside it.
func cardsOf(t *testing.T, suggestions []string, members, actions string, beside ...string) ([]cds.Card, []cds.NotChecked) {
	t.Helper()
	entries := []string{`{"resource":{"resourceType":"RequestGroup","id":"g","status":"active","intent":"proposal"` + members + `,"action":[` + actions + `]}}`}
	for _, b := range beside {
		entries = append(entries, `{"resource":`+b+`}`)
	}
	return render.Plan(parsed(t, `{"resourceType":"Bundle","type":"collection","entry":[`+strings.Join(entries, ",")+`]}`), render.PlanOptions{
		Options: render.Options{Lang: cds.EN, NewUUID: func(key string) string { return key }, Suggestions: suggestions},
		Plan:    parsed(t, rulePlan), SHA256: strings.Repeat("ab", 32),
	})
}

func TestActionBecomesCard(t *testing.T) {
	cards, open := cardsOf(t, nil, "", `{"title":"Check <b>it</b>","description":"Do *this*","priority":"stat","documentation":[{"type":"citation","label":"Rule 7","url":"https://x.example/7"}]}`)
	if len(cards) != 1 || len(open) != 0 {
		t.Fatalf("%d cards, open %v", len(cards), open)
	}
	want := cds.Card{
		UUID: "plan/0", Summary: "Check ‹b>it‹/b>", Indicator: cds.Critical,
		Detail: `Do \*this\*` + "\n\n" + `The rule, 2.1 (sha256 abababababab)`,
		Source: cds.Source{Label: "Rule 7", URL: "https://x.example/7", Topic: &cds.Coding{Code: "https://x.example/rule", System: "urn:ietf:rfc:3986", Display: "The rule"}},
		Links:  []cds.Link{{Label: "Manual", URL: "https://x.example/manual", Type: "absolute"}},
	}
	got := cards[0]
	got.Detail = strings.ReplaceAll(strings.ReplaceAll(got.Detail, `\.`, "."), `\(`, "(")
	got.Detail = strings.ReplaceAll(got.Detail, `\)`, ")")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPriorityBecomesIndicator(t *testing.T) {
	for priority, want := range map[string]cds.Indicator{"": cds.Info, "routine": cds.Info, "urgent": cds.WarningI, "asap": cds.WarningI, "stat": cds.Critical, "whenever": cds.Info} {
		cards, _ := cardsOf(t, nil, "", fmt.Sprintf(`{"title":"A","priority":%q}`, priority))
		if len(cards) != 1 || cards[0].Indicator != want {
			t.Errorf("%q: %+v", priority, cards)
		}
	}
}

func TestSummaryIsShort(t *testing.T) {
	cards, _ := cardsOf(t, nil, "", `{"title":"`+strings.Repeat("ä", 300)+`"},{"description":"`+strings.Repeat("b ", 200)+`"},{}`)
	for _, c := range cards {
		if n := len([]rune(c.Summary)); n == 0 || n >= 140 {
			t.Errorf("%d characters: %s", n, c.Summary)
		}
	}
}

const (
	order = `{"resourceType":"ServiceRequest","id":"s","status":"draft","intent":"proposal"}`
	stop  = `{"title":"Stop it","type":{"coding":[{"code":"remove"}]},"resource":{"reference":"MedicationRequest/9"}}`
	do    = `{"title":"Order it","type":{"coding":[{"code":"create"}]},"resource":{"reference":"ServiceRequest/s"}}`
)

func TestChildrenBecomeSuggestions(t *testing.T) {
	show := func(cards []cds.Card) (out []string) {
		for _, c := range cards {
			for _, s := range c.Suggestions {
				line := c.SelectionBehavior + " " + s.Label + ":"
				for _, a := range s.Actions {
					line += " " + a.Type + " " + a.ResourceID
					if a.Resource != nil {
						line += "{}"
					}
				}
				out = append(out, line)
			}
		}
		return out
	}
	for _, tc := range []struct {
		name, actions string
		can           []string
		want          []string
	}{
		{"grandchildren are the actions", `{"title":"A","selectionBehavior":"at-most-one","action":[{"title":"Both","action":[` + do + `,` + stop + `]},{"title":"One","action":[` + do + `]}]}`, nil,
			[]string{"at-most-one Both: create {} delete MedicationRequest/9", "at-most-one One: create {}"}},
		{"a child that defines", `{"title":"A","action":[` + do + `]}`, nil, []string{"any Order it: create {}"}},
		{"all of them together", `{"title":"A","selectionBehavior":"all","action":[` + do + `,` + stop + `]}`, nil, []string{"any A: create {} delete MedicationRequest/9"}},
		{"the action itself", `{"title":"A","resource":{"reference":"ServiceRequest/s"}}`, nil, []string{"any A: create {}"}},
		{"words alone", `{"title":"A","action":[{"title":"Think"}]}`, nil, []string{"any Think:"}},
		{"what did not come", `{"title":"A","action":[{"title":"X","resource":{"reference":"ServiceRequest/none"}}]}`, nil, nil},
		{"a client that cannot delete", `{"title":"A","action":[` + do + `,` + stop + `]}`, []string{"create"}, []string{"any Order it: create {}"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cards, _ := cardsOf(t, tc.can, "", tc.actions, order)
			if diff := cmp.Diff(tc.want, show(cards)); diff != "" {
				t.Error(diff)
			}
			if len(tc.want) == 0 && len(cards) == 1 && cards[0].SelectionBehavior != "" {
				t.Error("a card without suggestions has a selectionBehavior")
			}
		})
	}
}

func TestWhatCouldNotBeDecidedIsTold(t *testing.T) {
	members := `,"contained":[{"resourceType":"OperationOutcome","id":"o","issue":[
	 {"severity":"warning","code":"incomplete","diagnostics":"not checked: action a; not known: age","details":{"text":"told already"}},
	 {"severity":"error","code":"not-found","diagnostics":"library is missing","details":{"text":"library x is missing"}},
	 {"severity":"information","code":"informational","diagnostics":"by the way"}]}],
	 "extension":[{"url":"` + content.NotCheckedExtension + `","extension":[{"url":"action","valueString":"a"},{"url":"title","valueString":"Check age"},{"url":"missing","valueString":"age"}]}]`
	_, open := cardsOf(t, nil, members, `{"title":"A"}`)
	want := []cds.NotChecked{
		{Check: "Check age", Reason: "cannot be decided", Missing: []string{"age"}},
		{Check: "The rule", Reason: "library x is missing", Missing: []string{}},
	}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Error(diff)
	}
}

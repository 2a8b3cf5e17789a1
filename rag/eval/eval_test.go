package eval_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cdss/fhir/issue"
	"cdss/rag"
	"cdss/rag/eval"
)

func TestFold(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"tags go, signs go", "<td>3–4x 4,5 g</td> <td>i.v.**</td>", "34x45giv"},
		{"a bare sign is no tag", "GFR <10 ml/min", "gfr10mlmin"},
		{"entities", "&#x3C;10 &amp; 2&nbsp;g", "102g"},
		{"times sign, ligature, hyphen at a line end", "2 × 5 ﬁl Richt-\nung", "2x5filrichtung"},
		{"umlauts stay", "Übelkeit", "übelkeit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := eval.Fold(tc.text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func filler() string {
	var b strings.Builder
	for i := range 150 {
		fmt.Fprintf(&b, "Filler number %d stands here. ", i)
	}
	return b.String()
}

// The expected figures are those that the reference implementation of the measures
// gives for the same run.
func TestScore(t *testing.T) {
	sources := map[string]string{
		"a.md": "# One\n\nAlphacillin is given 3x 1 g per day in severe disease. " + filler() + "Betamycin is the alternative in allergy, 2 × 500 mg.\n",
		"b.md": "<table><tr><td>Alphacillin</td><td>3x 1&nbsp;g per day in severe disease</td></tr><tr><td>GFR <10 ml/min</td><td>half</td></tr></table>",
	}
	list := []eval.Query{
		{ID: "q1", Kind: "dosing", Lang: "en", Text: "alphacillin dose", Relevant: []eval.Judgement{
			{Doc: "a.md", Quote: "Alphacillin is given 3x 1 g per day in severe disease", Grade: 3, Unit: "u1"},
			{Doc: "b.md", Quote: "3x 1&nbsp;g per day in severe disease", Grade: 3, Unit: "u1"},
			{Doc: "a.md", Quote: "Betamycin is the alternative in allergy, 2 x 500 mg", Grade: 2, Unit: "u2"},
			{Doc: "b.md", Quote: "GFR <10 ml/min</td><td>half", Grade: 1, Unit: "u3"}}},
		{ID: "q2", Kind: "lay", Lang: "de", Text: "nichts", Relevant: []eval.Judgement{
			{Doc: "a.md", Quote: "Filler number 70 stands here. Filler number 71 stands here.", Grade: 2, Unit: "u1"}}},
		{ID: "q3", Kind: "oos", Lang: "de", Text: "x"},
		{ID: "q4", Kind: "oos", Lang: "de", Text: "y"},
	}
	a := sources["a.md"]
	end := []rune(a)
	run := []eval.Line{
		{ID: "q1", Results: []eval.Found{
			{Doc: "b.md", Text: "GFR <10 ml/min\thalf", Score: .9},
			{Doc: "a.md", Text: a[7:900], Score: .8},
			{Doc: "a.md", Text: string(end[len(end)-200:]), Score: .5}}},
		{ID: "q2", Abstained: true},
		{ID: "q3", Results: []eval.Found{{Doc: "b.md", Text: "Alphacillin", Score: .9}}},
	}
	r := eval.Score(list, run, sources, 0)
	want := eval.Measures{N: 1, NDCG: 0.7363636171343382, Recall5: 1, Recall10: 1, Recall20: 1, QuoteRecall10: 1, Recall8k: 1, MRR: .5, PChar5: 0.9672911951337807, Length: 370.6666666666667}
	near := cmpopts.EquateApprox(0, 1e-9)
	if diff := cmp.Diff(want, r.PerQuery["q1"], near); diff != "" {
		t.Errorf("measures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(eval.Measures{N: 1}, r.PerQuery["q2"], near); diff != "" {
		t.Errorf("an abstention scores:\n%s", diff)
	}
	if got := r.Groups["all"].NDCG; math.Abs(got-want.NDCG/2) > 1e-9 || r.Groups["all"].N != 2 {
		t.Errorf("mean %v of %d", got, r.Groups["all"].N)
	}
	if diff := cmp.Diff(&eval.Abstention{OutOfScopeAbstained: .5, FalseAbstained: .5, AUC: .5}, r.Abstention); diff != "" {
		t.Errorf("abstention (-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	if err := r.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"ndcg@10", "all", "kind:dosing", "lang:de", "0.368", "oos_auc 0.500"} {
		if !strings.Contains(out.String(), w) {
			t.Errorf("table lacks %q:\n%s", w, out.String())
		}
	}
}

func TestLongPassagesCannotWin(t *testing.T) {
	quote := "the words that answer the question of the reader"
	list := []eval.Query{{ID: "q", Text: "x", Relevant: []eval.Judgement{{Doc: "a", Quote: quote, Grade: 3, Unit: "u"}}}}
	late := strings.Repeat("other words ", 400) + quote
	r := eval.Score(list, []eval.Line{{ID: "q", Results: []eval.Found{{Doc: "a", Text: late}}}}, map[string]string{"a": late}, 10)
	if got := r.PerQuery["q"].NDCG; got != 0 {
		t.Errorf("a quote behind the first 3,000 characters counts: %v", got)
	}
}

func TestRunAndItsFile(t *testing.T) {
	list := []eval.Query{{ID: "1", Text: "found", Lang: "en"}, {ID: "2", Text: "silence"}}
	run, err := eval.Run(context.Background(), list, 1, func(_ context.Context, q rag.Query) (rag.Result, error) {
		if q.Text == "silence" {
			return rag.Result{Abstained: true, Hits: []rag.Hit{{}}}, nil
		}
		if q.Language != "en" || q.K != 1 {
			t.Errorf("asked %+v", q)
		}
		hit := rag.Hit{Document: rag.Document{FileName: "a.md"}, Score: 0.5,
			Passage: rag.Passage{Page: 7, Quoted: "1 < 2 & 3", Section: []string{"A", "B"}}}
		return rag.Result{Hits: []rag.Hit{hit, hit}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := eval.WriteRun(&file, run); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1","abstained":false,"results":[{"doc":"a.md","page":7,"heading":"B","text":"1 < 2 & 3","score":0.5}]}
{"id":"2","abstained":true,"results":[]}
`
	if diff := cmp.Diff(want, file.String()); diff != "" {
		t.Errorf("run file (-want +got):\n%s", diff)
	}
	back, err := eval.ReadRun(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestRunStops(t *testing.T) {
	broken := errors.New("no database")
	_, err := eval.Run(context.Background(), []eval.Query{{ID: "7", Text: "x"}}, 0, func(context.Context, rag.Query) (rag.Result, error) {
		return rag.Result{}, broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "7") {
		t.Errorf("error %v", err)
	}
}

func TestLoadQueriesRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       issue.Kind
		line       string
	}{
		{"no JSON", "{\"id\":\"a\",\"query\":\"x\"}\nnonsense\n", issue.Invalid, "line 2"},
		{"no query", "{\"id\":\"a\"}\n", issue.Required, "line 1"},
		{"same id", "{\"id\":\"a\",\"query\":\"x\"}\n\n{\"id\":\"a\",\"query\":\"y\"}\n", issue.Duplicate, "line 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := eval.LoadQueries(strings.NewReader(tc.text))
			if issue.KindOf(err) != tc.want || !strings.Contains(fmt.Sprint(err), tc.line) {
				t.Errorf("error %v", err)
			}
		})
	}
	got, err := eval.LoadQueries(strings.NewReader(`{"id":"a","query":"x","relevant":[{"doc":"d","quote":"one"},{"doc":"d","quote":"two"}]}`))
	if err != nil || got[0].Relevant[0].Unit == got[0].Relevant[1].Unit {
		t.Errorf("quotes without a unit are one unit: %v, %v", got, err)
	}
}

func report(scores ...float64) eval.Report {
	r := eval.Report{PerQuery: map[string]eval.Measures{}}
	for i, s := range scores {
		r.PerQuery[fmt.Sprint(i)] = eval.Measures{NDCG: s}
	}
	return r
}

func TestCompare(t *testing.T) {
	var low, high, mixed []float64
	for i := range 40 {
		low, high = append(low, 0.4), append(high, 0.6)
		mixed = append(mixed, 0.4+0.2*float64(i%2)-0.1)
	}
	if c := eval.Compare(report(low...), report(high...)); c.P > 0.001 || c.Better != 40 || c.Worse != 0 || math.Abs(c.After-c.Before-0.2) > 1e-9 {
		t.Errorf("a clear gain: %+v", c)
	}
	if c := eval.Compare(report(low...), report(mixed...)); c.P < 0.5 {
		t.Errorf("no difference in the mean has p %v", c.P)
	}
	if c := eval.Compare(report(low...), report(low...)); c.P != 1 {
		t.Errorf("the same run has p %v", c.P)
	}
	one, two := eval.Compare(report(low...), report(mixed...)), eval.Compare(report(low...), report(mixed...))
	if one.P != two.P {
		t.Error("the test is not repeatable")
	}
	if c := eval.Compare(eval.Report{}, report(1)); c.N != 0 || c.P != 1 {
		t.Errorf("nothing in common: %+v", c)
	}
}

func TestBaseline(t *testing.T) {
	want := report(0.1, 0.2)
	want.K, want.Groups = 10, map[string]eval.Measures{"all": {N: 2, NDCG: 0.15}}
	var file bytes.Buffer
	if err := want.WriteBaseline(&file); err != nil {
		t.Fatal(err)
	}
	got, err := eval.ReadBaseline(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("baseline (-want +got):\n%s", diff)
	}
	if _, err := eval.ReadBaseline(strings.NewReader("no")); issue.KindOf(err) != issue.Invalid {
		t.Errorf("error %v", err)
	}
}

func FuzzScore(f *testing.F) {
	f.Add("Alphacillin 3x 1 g", "3x 1 g", "Alphacillin 3x 1 g <td>x</td>")
	f.Add("ÄÖ ß ﬁ <", "ß", "x\xff")
	f.Fuzz(func(t *testing.T, source, quote, text string) {
		list := []eval.Query{{ID: "q", Text: "x", Relevant: []eval.Judgement{{Doc: "a", Quote: quote, Grade: 3, Unit: "u"}}}}
		r := eval.Score(list, []eval.Line{{ID: "q", Results: []eval.Found{{Doc: "a", Text: text}}}}, map[string]string{"a": source}, 10)
		m := r.PerQuery["q"]
		for _, x := range []float64{m.NDCG, m.Recall10, m.Recall8k, m.MRR, m.PChar5} {
			if x < 0 || x > 1 || math.IsNaN(x) {
				t.Fatalf("measures %+v", m)
			}
		}
	})
}

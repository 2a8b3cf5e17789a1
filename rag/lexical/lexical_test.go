package lexical_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/rag/lexical"
)

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"stop words of both languages go", "Wie lange ist die Therapie of the infection?", []string{"lange", "therapie", "infection"}},
		{"signs separate", "Piperacillin/Tazobactam 3x 4,5 g", []string{"piperacillin", "tazobactam", "3x", "4", "5", "g"}},
		{"umlauts stay", "Übelkeit, ß", []string{"übelkeit", "ß"}},
		{"nothing", " … ", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lexical.Words(tc.text)); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	a := lexical.NewAnalyzer(lexical.Without{})
	got := a.Tokens("Infektionen", "de")
	want := []string{"infektion", "#^inf", "#infe", "#nfek", "#fekt", "#ekti", "#ktio", "#tion", "#ione", "#onen", "#nen$"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	if got := a.Tokens("CRP", "de"); !slices.Equal(got, []string{"crp", "#^crp", "#crp$"}) {
		t.Errorf("short word: %v", got)
	}
	if got := a.QueryTokens("infections"); got[0] == got[1] || !slices.Contains(got, "infect") {
		t.Errorf("a question is stemmed in both languages: %v", got[:2])
	}
	if got := a.Tokens(strings.Repeat("a", 5000), "de"); len(got) != 1 {
		t.Errorf("an endless word gave %d tokens", len(got))
	}
}

func index(passages ...string) *lexical.Index {
	b := lexical.NewBuilder()
	for _, p := range passages {
		b.Add(lexical.Field{Tokens: strings.Fields(p), Weight: 1})
	}
	return b.Build(1.2, 0.75)
}

// The formula is the one of the package comment, computed here by hand.
func TestScoreIsBM25(t *testing.T) {
	ix := index("a a b", "a c", "d")
	scores := make([]float32, 3)
	ix.Score([]lexical.Weighted{{Token: "a", Weight: 1}, {Token: "b", Weight: 0.5}}, scores)
	idf := func(df float64) float64 { return math.Log(1 + (3-df+0.5)/(df+0.5)) }
	term := func(tf, length, df float64) float64 {
		return idf(df) * tf * 2.2 / (tf + 1.2*(1-0.75+0.75*length/2))
	}
	want := []float64{term(2, 3, 2) + 0.5*term(1, 3, 1), term(1, 2, 2), 0}
	for i, w := range want {
		if math.Abs(float64(scores[i])-w) > 1e-6 {
			t.Errorf("passage %d: %v, want %v", i, scores[i], w)
		}
	}
}

func TestEqualTokensCountOnce(t *testing.T) {
	ix := index("a b", "a")
	one, two := make([]float32, 2), make([]float32, 2)
	ix.Score([]lexical.Weighted{{Token: "a", Weight: 1}}, one)
	ix.Score([]lexical.Weighted{{Token: "a", Weight: 0.3}, {Token: "a", Weight: 1}, {Token: "a", Weight: 0.7}}, two)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("a repeated word changed the scores:\n%s", diff)
	}
}

func TestFieldsWeigh(t *testing.T) {
	b := lexical.NewBuilder()
	b.Add(lexical.Field{Tokens: []string{"sepsis", "x"}, Weight: 1})
	b.Add(lexical.Field{Tokens: []string{"y", "x"}, Weight: 1}, lexical.Field{Tokens: []string{"sepsis"}, Weight: 3})
	ix := b.Build(1.2, 0.4)
	scores := make([]float32, 2)
	ix.Score([]lexical.Weighted{{Token: "sepsis", Weight: 1}}, scores)
	if scores[1] <= scores[0] {
		t.Errorf("a heading counts no more than the text: %v", scores)
	}
	if ix.TF("sepsis", 1) != 3 || ix.MaxTF("sepsis") != 3 || ix.TF("sepsis", 0) != 1 || ix.TF("absent", 0) != 0 {
		t.Error("term frequencies")
	}
}

func TestTermOfSeveralTokens(t *testing.T) {
	ix := index("a", "b", "c c")
	scores := make([]float32, 3)
	ix.ScoreTF([]float32{1, 0.5, 0}, 1, 1, scores)
	if !(scores[0] > scores[1] && scores[1] > 0 && scores[2] == 0) {
		t.Errorf("scores %v", scores)
	}
}

func TestNothing(t *testing.T) {
	ix := lexical.NewBuilder().Build(1.2, 0.4)
	ix.Score([]lexical.Weighted{{Token: "a", Weight: 1}}, nil)
	if ix.Len() != 0 || ix.Frequency("a") != 0 {
		t.Error("an empty index holds something")
	}
}

// BenchmarkScore is the word leg over 10,000 passages of a hundred words.
func BenchmarkScore(b *testing.B) {
	bl := lexical.NewBuilder()
	for i := range 10_000 {
		tokens := make([]string, 100)
		for j := range tokens {
			tokens[j] = fmt.Sprintf("w%d", (i*31+j*j*7)%5000)
		}
		bl.Add(lexical.Field{Tokens: tokens, Weight: 1})
	}
	ix := bl.Build(1.2, 0.4)
	scores := make([]float32, ix.Len())
	var q []lexical.Weighted
	for i := range 60 {
		q = append(q, lexical.Weighted{Token: fmt.Sprintf("w%d", i*37), Weight: 1})
	}
	for b.Loop() {
		clear(scores)
		ix.Score(q, scores)
	}
}

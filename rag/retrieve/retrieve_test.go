package retrieve_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/concept"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// house is a small guideline of our own: made-up recommendations in the form of real
// ones, in both languages.
var house = map[string]string{
	"urinary-de": `# Harnwegsinfektionen

## Pyelonephritis

Bei akuter Pyelonephritis wird empfohlen, sofort mit Alphacillin zu beginnen. Die Therapiedauer beträgt sieben Tage.

Seite 10

## Zystitis

Die unkomplizierte Zystitis heilt oft ohne Antibiotikum.

## Tabelle 2.1: Dosierung bei Pyelonephritis

| Wirkstoff | Dosierung | Dauer |
| --- | --- | --- |
| Ceftriaxon | 1x 2 g i.v. | 7 Tage |
| Gentamicin | 1x 5 mg/kg i.v. | 3 Tage |
| Meropenem | 3x 1 g i.v. | 10 Tage |

Seite 11
`,
	"heart-en": `# Endocarditis

## Prosthetic valve endocarditis

Vancomycin with gentamicin is recommended when a prosthetic valve is infected. Blood cultures are taken first.

## Prophylaxis

Antibiotic prophylaxis before dental procedures is recommended for patients with a prosthetic valve.

## Allergy

In patients with penicillin allergy vancomycin should be used.
`,
	"sepsis-de": `# Sepsis

Bei septischem Schock soll das Antibiotikum innerhalb der ersten Stunde gegeben werden. Zwei Blutkulturen werden zuvor abgenommen.

# Nebenwirkungen

Unter Linezolid kann mit Antidepressiva vom SSRI-Typ ein Serotoninsyndrom auftreten. Die Hepatitis ist eine seltene Nebenwirkung.
`,
	"sepsis-copy-de": `# Sepsis

Bei septischem Schock soll das Antibiotikum innerhalb der ersten Stunde gegeben werden. Zwei Blutkulturen werden zuvor abgenommen.
`,
}

type library struct {
	docs     []rag.Document
	passages []rag.Passage
}

func load(t testing.TB, change ...func(*rag.Document)) library {
	t.Helper()
	var l library
	for name, text := range house {
		d := rag.Document{ID: name, Identifier: name, FileName: name, Title: name, Version: "1.0", Status: rag.Active}
		for _, f := range change {
			f(&d)
		}
		doc, err := parse.Parse(context.Background(), name, []byte(text), parse.Meta{})
		if err != nil {
			t.Fatal(err)
		}
		l.docs = append(l.docs, d)
		l.passages = append(l.passages, parse.Segment(doc, d)...)
	}
	return l
}

func (l library) snapshot(opts retrieve.Options) *retrieve.Snapshot {
	if opts.Expander == nil {
		opts.Expander = concept.Default()
	}
	return retrieve.Build(l.docs, l.passages, opts)
}

func search(s *retrieve.Snapshot, text string) rag.Result {
	return s.Search(context.Background(), rag.Query{Text: text}, nil)
}

func TestFindsAcrossWordsAndLanguages(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	for _, tc := range []struct{ name, query, want string }{
		{"same words", "Therapiedauer der Pyelonephritis", "sieben Tage"},
		{"lay word", "Nierenbeckenentzündung: wie lange behandeln?", "sieben Tage"},
		{"English question, German passage", "antibiotics in septic shock within the first hour", "ersten Stunde"},
		{"German question, English passage", "Vorbeugung beim Zahnarzt mit künstlicher Herzklappe", "dental procedures"},
		{"abbreviation", "Linezolid unter SSRI", "Serotoninsyndrom"},
		{"trade name", "Rocephin Dosis bei Pyelonephritis", "1x 2 g"},
		{"code in a line of facts", "N10 akute Pyelonephritis; Alter 40", "Pyelonephritis"},
		{"compound", "Pyelonephritistherapie", "Pyelonephritis"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := search(s, tc.query)
			if r.Abstained || len(r.Hits) == 0 {
				t.Fatalf("abstained (%s, confidence %.2f)", r.Reason, r.Confidence)
			}
			if !strings.Contains(r.Hits[0].Passage.Quoted, tc.want) {
				t.Errorf("first passage %q lacks %q", r.Hits[0].Passage.Quoted, tc.want)
			}
		})
	}
}

func TestAbstains(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	for _, tc := range []struct{ query, reason string }{
		{"Apfelkuchen mit Streuseln backen", retrieve.ReasonNothingFound},
		{"best antibiotic for the apple cake of my aunt", retrieve.ReasonUncertain},
		{"malaria prophylaxis in travellers", retrieve.ReasonUncertain},
		{"treatment of hepatitis C with sofosbuvir", retrieve.ReasonUncertain},
		{"?", retrieve.ReasonNothingFound},
		{"", retrieve.ReasonNothingFound},
	} {
		if r := search(s, tc.query); !r.Abstained || r.Reason != tc.reason {
			t.Errorf("%q: abstained %v, reason %q, confidence %.2f; want %q", tc.query, r.Abstained, r.Reason, r.Confidence, tc.reason)
		}
	}
	empty := retrieve.Build(nil, nil, retrieve.Options{Expander: concept.Default()})
	if r := search(empty, "Sepsis"); !r.Abstained || r.Reason != retrieve.ReasonNoDocuments {
		t.Errorf("an empty snapshot answers: %+v", r)
	}
}

func TestDeniedFactsAreNotSearched(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	line := func(fact string) int {
		r := search(s, "Endocarditis; prosthetic valve; "+fact)
		return slices.IndexFunc(r.Hits, func(h rag.Hit) bool { return strings.Contains(h.Passage.Quoted, "penicillin allergy") })
	}
	with, without := line("penicillin allergy"), line("no penicillin allergy")
	if with < 0 || without >= 0 && without <= with {
		t.Errorf("passage on allergy at rank %d with it and at %d without", with, without)
	}
}

func TestRepeatedContentIsDemoted(t *testing.T) {
	r := search(load(t).snapshot(retrieve.Options{}), "septischer Schock: Antibiotikum in der ersten Stunde")
	at := func(doc string) int {
		return slices.IndexFunc(r.Hits, func(h rag.Hit) bool {
			return h.Document.ID == doc && strings.Contains(h.Passage.Quoted, "ersten Stunde")
		})
	}
	first, second := at("sepsis-copy-de"), at("sepsis-de")
	if first < 0 || second < 0 {
		t.Fatal("a copy was lost")
	}
	if later := r.Hits[max(first, second)]; later.Parts["duplicate"] == 0 || later.Score > 0.75*r.Hits[min(first, second)].Score {
		t.Errorf("the repetition is not demoted: %v", later.Parts)
	}
}

func TestOnlyNamedDocuments(t *testing.T) {
	s := load(t, func(d *rag.Document) {
		if d.ID == "heart-en" {
			d.PartOf = "whole"
		}
	}).snapshot(retrieve.Options{})
	for _, tc := range []struct {
		documents []string
		want      string
	}{{[]string{"urinary-de"}, "urinary-de"}, {[]string{"whole"}, "heart-en"}} {
		r := s.Search(context.Background(), rag.Query{Text: "gentamicin endocarditis Pyelonephritis Dosierung", Documents: tc.documents}, nil)
		if len(r.Hits) == 0 {
			t.Fatalf("%v: nothing found", tc.documents)
		}
		for _, h := range r.Hits {
			if h.Document.ID != tc.want {
				t.Errorf("%v: passage of %s", tc.documents, h.Document.ID)
			}
		}
	}
	if r := s.Search(context.Background(), rag.Query{Text: "Sepsis", Documents: []string{"none"}}, nil); !r.Abstained || r.Reason != retrieve.ReasonNoDocuments {
		t.Errorf("an unknown document gives %d passages", len(r.Hits))
	}
}

func TestSaysWhatMatched(t *testing.T) {
	r := search(load(t).snapshot(retrieve.Options{}), "Gentamicin Dosierung bei Pyelonephritis")
	h := r.Hits[0]
	want := []rag.Match{{Term: "Dosierung", Field: "heading"}, {Term: "Pyelonephritis", Field: "heading"}, {Term: "Gentamicin", Field: "table"}}
	for _, w := range want {
		if !slices.Contains(h.Matched, w) {
			t.Errorf("matched %v lacks %v", h.Matched, w)
		}
	}
	for _, part := range []string{"lexical", "concept", "coverage", "table"} {
		if h.Parts[part] <= 0 {
			t.Errorf("part %s is %v", part, h.Parts[part])
		}
	}
	if !slices.ContainsFunc(r.Query.Concepts, func(c rag.Concept) bool { return c.ID == "gentamicin" }) {
		t.Errorf("concepts %v", r.Query.Concepts)
	}
	for i := 1; i < len(r.Hits); i++ {
		if r.Hits[i].Score > r.Hits[i-1].Score {
			t.Errorf("scores rise at rank %d", i+1)
		}
	}
}

func TestResultsDoNotDependOnOrder(t *testing.T) {
	l := load(t)
	one := l.snapshot(retrieve.Options{})
	slices.Reverse(l.docs)
	slices.Reverse(l.passages)
	two := l.snapshot(retrieve.Options{})
	for _, q := range []string{"Sepsis", "Pyelonephritis Gentamicin", "prosthetic valve"} {
		if diff := cmp.Diff(search(one, q), search(two, q)); diff != "" {
			t.Errorf("%s: order of loading changed the result:\n%s", q, diff)
		}
	}
}

func TestResultsWanted(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	for k, want := range map[int]int{1: 1, 3: 3} {
		if r := s.Search(context.Background(), rag.Query{Text: "Antibiotikum bei Sepsis und Endokarditis", K: k}, nil); len(r.Hits) != want {
			t.Errorf("k %d gave %d", k, len(r.Hits))
		}
	}
}

func TestEndlessQuestionIsBounded(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	for _, text := range []string{strings.Repeat("Sepsis und ä ", 1<<18), strings.Repeat("ä", 1<<20), strings.Repeat("Sepsis;", 1<<18)} {
		if r := search(s, text); len(r.Query.Terms) > 1000 {
			t.Errorf("%d terms", len(r.Query.Terms))
		}
	}
}

func TestConcurrentSearches(t *testing.T) {
	s := load(t).snapshot(retrieve.Options{})
	want := search(s, "Pyelonephritis Gentamicin")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if diff := cmp.Diff(want, search(s, "Pyelonephritis Gentamicin")); diff != "" {
				t.Errorf("a concurrent search differs:\n%s", diff)
			}
		})
	}
	wg.Wait()
}

// broken is a vector leg that fails, and an online model that is down or answers
// with the wrong dimension.
type broken struct {
	space embed.Space
	err   error
	texts *[]string
}

func (b broken) Space() embed.Space { return b.space }

func (b broken) Embed(_ context.Context, texts []string) ([][]float32, error) {
	if b.texts != nil {
		*b.texts = append(*b.texts, texts...)
	}
	return [][]float32{{1, 0}}, b.err
}

func (b broken) Nearest(context.Context, string, []float32, int) ([]retrieve.Scored, error) {
	return nil, errors.New("connection refused")
}

func TestVectorLegFails(t *testing.T) {
	l := load(t)
	local := embed.NewConcept(concept.Default(), "1")
	want := search(l.snapshot(retrieve.Options{}), "Pyelonephritis").Hits
	for _, tc := range []struct {
		name     string
		embedder embed.Embedder
		vectors  retrieve.Vectors
	}{
		{"no index", local, nil},
		{"index down", local, broken{}},
		{"model down", broken{space: embed.Space{Kind: embed.Online, Dimensions: 2}, err: errors.New("503")}, broken{}},
		{"wrong dimension", broken{space: embed.Space{Kind: embed.Online, Dimensions: 1024}}, broken{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.snapshot(retrieve.Options{Embedder: tc.embedder}).Search(context.Background(), rag.Query{Text: "Pyelonephritis"}, tc.vectors)
			if !slices.Equal(r.Degraded, []string{"vector"}) {
				t.Errorf("degraded %v", r.Degraded)
			}
			if diff := cmp.Diff(want, r.Hits); diff != "" {
				t.Errorf("the other legs answered otherwise:\n%s", diff)
			}
		})
	}
}

func TestVectorLegRuns(t *testing.T) {
	l := load(t)
	e := embed.NewConcept(concept.Default(), "1")
	exact, err := retrieve.NewExact(context.Background(), e, l.passages)
	if err != nil {
		t.Fatal(err)
	}
	r := l.snapshot(retrieve.Options{Embedder: e}).Search(context.Background(), rag.Query{Text: "Pyelonephritis"}, exact)
	if len(r.Degraded) > 0 || r.Hits[0].Parts["vector"] <= 0 {
		t.Errorf("degraded %v, parts %v", r.Degraded, r.Hits[0].Parts)
	}
}

// What is typed may hold anything; only names of the table go to an online model.
func TestTypedWordsStayHere(t *testing.T) {
	var sent []string
	e := broken{space: embed.Space{Kind: embed.Online, Dimensions: 2}, texts: &sent}
	s := load(t).snapshot(retrieve.Options{Embedder: e})
	s.Search(context.Background(), rag.Query{Text: "Herr Mustermann, geboren am 1.2.1950, hat eine Pyelonephritis"}, broken{})
	if len(sent) != 1 || !strings.Contains(sent[0], "Pyelonephritis") {
		t.Fatalf("sent %q", sent)
	}
	for _, private := range []string{"Mustermann", "1950", "geboren"} {
		if strings.Contains(sent[0], private) {
			t.Errorf("sent %q", sent[0])
		}
	}
}

func BenchmarkSearch1k(b *testing.B)  { benchmark(b, 1_000) }
func BenchmarkSearch10k(b *testing.B) { benchmark(b, 10_000) }

func benchmark(b *testing.B, n int) {
	l := load(b)
	docs := []rag.Document{{ID: "d", Identifier: "d"}}
	var passages []rag.Passage
	for i := range n {
		p := l.passages[i%len(l.passages)]
		p.ID, p.Document, p.Ord = fmt.Sprint(i), "d", i
		p.Indexed = fmt.Sprintf("%s word%d other%d", p.Indexed, i%977, i%3001)
		passages = append(passages, p)
	}
	s := retrieve.Build(docs, passages, retrieve.Options{Expander: concept.Default()})
	b.ReportMetric(float64(s.Postings()), "postings")
	for b.Loop() {
		search(s, "Kalkulierte Therapie der Pyelonephritis mit Gentamicin bei Niereninsuffizienz")
	}
}

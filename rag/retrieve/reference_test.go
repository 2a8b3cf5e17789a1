package retrieve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cdss/cds/stewardship/concept"
	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/eval"
	"cdss/rag/parse"
	"cdss/rag/retrieve"
)

// reference is the folder of reference data; the tests that need it are skipped
// where it is absent.
func reference(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "guideline-s2k", "documents.json")); err != nil {
		t.Skip("reference data folder absent (REFERENCE_DATA_DIR)")
	}
	return dir
}

// corpus reads every file that documents.json names, as an upload would.
func corpus(t testing.TB, dir string) (library, map[string]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "documents.json"))
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := parse.ReadCatalogue(data)
	if err != nil {
		t.Fatal(err)
	}
	var l library
	sources := map[string]string{}
	for name, meta := range catalogue {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sources[name] = string(raw)
		doc, err := parse.Parse(context.Background(), name, raw, meta)
		if err != nil {
			t.Fatal(err)
		}
		d := rag.Document{ID: name, FileName: name, Identifier: meta.Identifier, Title: meta.Title, Version: meta.Version,
			Language: doc.Language, PartOf: meta.PartOf, SameAs: meta.SameAs, Status: rag.Active}
		passages := parse.Segment(doc, d)
		verbatim(t, doc, passages)
		l.docs, l.passages = append(l.docs, d), append(l.passages, passages...)
	}
	return l, sources
}

func verbatim(t testing.TB, doc *parse.Document, passages []rag.Passage) {
	t.Helper()
	pages := map[int]string{}
	for _, p := range doc.Pages {
		pages[p.Number] += p.Text + "\n\n"
	}
	for _, p := range passages {
		if !strings.Contains(pages[p.Page], p.Quoted) {
			t.Errorf("passage %d of %s is not verbatim", p.Ord, p.Document)
		}
	}
}

func queries(t testing.TB, path string) []eval.Query {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := eval.LoadQueries(f)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func measure(t testing.TB, l library, sources map[string]string, list []eval.Query, opts retrieve.Options) eval.Report {
	t.Helper()
	s := retrieve.Build(l.docs, l.passages, opts)
	var vectors retrieve.Vectors
	if opts.Embedder != nil {
		exact, err := retrieve.NewExact(context.Background(), opts.Embedder, l.passages)
		if err != nil {
			t.Fatal(err)
		}
		vectors = exact
	}
	run, err := eval.Run(context.Background(), list, 20, func(ctx context.Context, q rag.Query) (rag.Result, error) {
		return s.Search(ctx, q, vectors), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return eval.Score(list, run, sources, 10)
}

func standard() retrieve.Options {
	return retrieve.Options{Expander: concept.Default(), Embedder: embed.NewConcept(concept.Default(), concept.Default().Version())}
}

// The floors lie a little below the measured figures, so that a change that costs
// quality is seen and noise is not.
func TestReferenceQueries(t *testing.T) {
	dir := reference(t)
	l, sources := corpus(t, filepath.Join(dir, "guideline-s2k"))
	list := queries(t, filepath.Join(dir, "retrieval", "queries_public.jsonl"))
	r := measure(t, l, sources, list, standard())
	table := &strings.Builder{}
	if err := r.WriteTable(table); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d passages\n%s", len(l.passages), table)
	for group, floor := range map[string]float64{"all": 0.82, "lang:de": 0.81, "lang:en": 0.81, "kind:lay": 0.80, "kind:fhir": 0.58, "kind:clinician": 0.77} {
		if got := r.Groups[group].NDCG; got < floor {
			t.Errorf("nDCG@10 of %s is %.3f, floor %.2f", group, got, floor)
		}
	}
	if got := r.Groups["all"].Recall8k; got < 0.82 {
		t.Errorf("recall within 8,000 characters is %.3f", got)
	}
	if a := r.Abstention; a.AUC < 0.95 || a.FalseAbstained > 0.05 {
		t.Errorf("out of scope: AUC %.3f, false abstention %.3f", a.AUC, a.FalseAbstained)
	}
}

func TestScope(t *testing.T) {
	dir := reference(t)
	l, _ := corpus(t, filepath.Join(dir, "guideline-s2k"))
	s := retrieve.Build(l.docs, l.passages, standard())
	data, err := os.ReadFile(filepath.Join("testdata", "scope.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var inside, outside []rag.Result
	for line := range strings.Lines(string(data)) {
		var q struct {
			Query, Lang string
			InScope     bool
		}
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		r := s.Search(context.Background(), rag.Query{Text: q.Query, Language: q.Lang}, nil)
		if q.InScope {
			inside = append(inside, r)
		} else {
			outside = append(outside, r)
		}
	}
	if len(outside) < 60 {
		t.Fatalf("only %d queries beyond scope", len(outside))
	}
	abstained := func(rs []rag.Result) float64 {
		n := 0.0
		for _, r := range rs {
			if r.Abstained {
				n++
			}
		}
		return n / float64(len(rs))
	}
	auc := 0.0
	for _, i := range inside {
		for _, o := range outside {
			if i.Confidence > o.Confidence {
				auc++
			}
		}
	}
	auc /= float64(len(inside) * len(outside))
	t.Logf("%d within, %d beyond scope: AUC %.3f, false abstention %.3f, right abstention %.3f", len(inside), len(outside), auc, abstained(inside), abstained(outside))
	if auc < 0.96 || abstained(inside) > 0.05 || abstained(outside) < 0.8 {
		t.Error("the threshold no longer separates")
	}
}

// The demo guideline is the corpus nobody tuned ranking on.
func TestDemoGuideline(t *testing.T) {
	l, sources := corpus(t, filepath.Join("..", "ingest", "demo"))
	r := measure(t, l, sources, queries(t, filepath.Join("..", "eval", "testdata", "demo.jsonl")), standard())
	table := &strings.Builder{}
	if err := r.WriteTable(table); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d passages\n%s", len(l.passages), table)
	if all := r.Groups["all"]; all.NDCG < 0.86 || all.Recall10 < 0.9 {
		t.Errorf("nDCG@10 %.3f, recall@10 %.3f", all.NDCG, all.Recall10)
	}
	if a := r.Abstention; a.AUC < 0.95 || a.FalseAbstained > 0.1 || a.OutOfScopeAbstained < 0.9 {
		t.Errorf("abstention %+v", *a)
	}
}

// Each step that can be taken out changes what is found for some query, so that none
// is measured that does nothing.
func TestSteps(t *testing.T) {
	dir := reference(t)
	l, sources := corpus(t, filepath.Join(dir, "guideline-s2k"))
	list := queries(t, filepath.Join(dir, "retrieval", "queries_public.jsonl"))
	whole := retrieve.DefaultSettings()
	whole.Abstain = 0
	with := func(s retrieve.Settings, words bool) eval.Report {
		o := standard()
		if words {
			o.Expander, o.Embedder = nil, nil
		}
		o.Settings = &s
		return measure(t, l, sources, list, o)
	}
	full := with(whole, false)
	for _, step := range retrieve.Steps() {
		s := whole
		step.Out(&s)
		if c := eval.Compare(with(s, step.Words), full); c.Better+c.Worse == 0 {
			t.Errorf("without %s nothing changes", step.Name)
		}
	}
}

// BenchmarkReference is the time of one question: the seven files as often as it
// takes to make about n passages.
func BenchmarkReference(b *testing.B) {
	l, _ := corpus(b, filepath.Join(reference(b), "guideline-s2k"))
	for _, n := range []int{1_000, 10_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var big library
			for copyNo := 0; len(big.passages) < n; copyNo++ {
				for _, d := range l.docs {
					d.ID = fmt.Sprintf("%d-%s", copyNo, d.ID)
					big.docs = append(big.docs, d)
				}
				for _, p := range l.passages {
					p.Document = fmt.Sprintf("%d-%s", copyNo, p.Document)
					p.ID = fmt.Sprintf("%d-%s", copyNo, p.ID)
					big.passages = append(big.passages, p)
				}
			}
			list := queries(b, filepath.Join(reference(b), "retrieval", "queries_public.jsonl"))
			s := retrieve.Build(big.docs, big.passages, retrieve.Options{Expander: concept.Default()})
			var times []time.Duration
			for b.Loop() {
				for _, q := range list {
					start := time.Now()
					s.Search(context.Background(), rag.Query{Text: q.Text, Language: q.Lang}, nil)
					times = append(times, time.Since(start))
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(s.Postings())/1e6, "Mpostings")
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	l, _ := corpus(b, filepath.Join(reference(b), "guideline-s2k"))
	for b.Loop() {
		retrieve.Build(l.docs, l.passages, retrieve.Options{Expander: concept.Default()})
	}
}

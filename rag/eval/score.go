package eval

import (
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// The limits of the measures.
const (
	depth       = 20   // results counted
	window      = 800  // characters around a relevant quote that count as near, for PChar5
	maxLength   = 3000 // of a passage that is read for hits
	charBudget  = 8000 // of Recall8k
	relevantMin = 2    // lowest grade that counts as relevant
)

// Measures of one query, or their means over N queries.
type Measures struct {
	N             int     `json:"n"`
	NDCG          float64 `json:"ndcg"`      // at k, gain 2^grade - 1, units in order of first discovery
	Recall5       float64 `json:"recall5"`   // share of relevant units in the top 5
	Recall10      float64 `json:"recall10"`  //
	Recall20      float64 `json:"recall20"`  //
	QuoteRecall10 float64 `json:"qrecall10"` // the same over single quotes
	Recall8k      float64 `json:"recall8k"`  // within the first 8,000 characters returned
	MRR           float64 `json:"mrr"`       // 1 / rank of the first passage with a relevant quote
	PChar5        float64 `json:"pchar5"`    // share of the characters of the top 5 near a relevant quote
	Length        float64 `json:"length"`    // mean characters of the top 5
}

// columns lists the measures in the order they are printed.
var columns = []struct {
	name string
	get  func(*Measures) *float64
}{
	{"ndcg", func(m *Measures) *float64 { return &m.NDCG }},
	{"recall@5", func(m *Measures) *float64 { return &m.Recall5 }},
	{"recall@10", func(m *Measures) *float64 { return &m.Recall10 }},
	{"recall@20", func(m *Measures) *float64 { return &m.Recall20 }},
	{"qrecall@10", func(m *Measures) *float64 { return &m.QuoteRecall10 }},
	{"recall@8k", func(m *Measures) *float64 { return &m.Recall8k }},
	{"mrr", func(m *Measures) *float64 { return &m.MRR }},
	{"pchar@5", func(m *Measures) *float64 { return &m.PChar5 }},
	{"len", func(m *Measures) *float64 { return &m.Length }},
}

// Abstention tells how well silence is chosen.
type Abstention struct {
	OutOfScopeAbstained float64 `json:"oosAbstain"`   // higher is better
	FalseAbstained      float64 `json:"falseAbstain"` // lower is better
	AUC                 float64 `json:"oosAUC"`       // an in-scope query's top score beats an out-of-scope one's
}

// Report holds means per group ("all", "kind:<kind>", "lang:<lang>") and the
// measures of every in-scope query.
type Report struct {
	K          int                 `json:"k"`
	Groups     map[string]Measures `json:"groups"`
	PerQuery   map[string]Measures `json:"perQuery"`
	Abstention *Abstention         `json:"abstention,omitempty"` // nil unless in-scope and out-of-scope queries are both there
}

// Score measures a run. sources holds the raw text of each file by name, which
// PChar5 needs to locate quotes; k is the depth of nDCG, 10 when 0. A query
// without a line counts as one without results.
func Score(queries []Query, run []Line, sources map[string]string, k int) Report {
	if k <= 0 {
		k = 10
	}
	lines := make(map[string]Line, len(run))
	for _, l := range run {
		lines[l.ID] = l
	}
	located := map[string]*source{}
	for name, text := range sources {
		located[name] = newSource(text)
	}
	rep := Report{K: k, Groups: map[string]Measures{}, PerQuery: map[string]Measures{}}
	groups := map[string][]Measures{}
	var inside, outside []top
	for _, q := range queries {
		results := lines[q.ID].Results
		t := top{score: math.Inf(-1), any: len(results) > 0}
		for _, f := range results {
			t.score = max(t.score, f.Score)
		}
		if len(q.Relevant) == 0 {
			outside = append(outside, t)
			continue
		}
		inside = append(inside, t)
		m := measure(q, results, located, k)
		rep.PerQuery[q.ID] = m
		for _, g := range []string{"all", "kind:" + q.Kind, "lang:" + q.Lang} {
			groups[g] = append(groups[g], m)
		}
	}
	for g, ms := range groups {
		rep.Groups[g] = mean(ms)
	}
	if len(inside) > 0 && len(outside) > 0 {
		rep.Abstention = abstention(inside, outside)
	}
	return rep
}

// top is a query's best score and whether it had results at all.
type top struct {
	score float64
	any   bool
}

func abstention(inside, outside []top) *Abstention {
	var a Abstention
	for _, t := range outside {
		if !t.any {
			a.OutOfScopeAbstained++
		}
	}
	for _, t := range inside {
		if !t.any {
			a.FalseAbstained++
		}
		for _, o := range outside {
			switch {
			case t.score > o.score:
				a.AUC++
			case t.score == o.score:
				a.AUC += 0.5
			}
		}
	}
	a.OutOfScopeAbstained /= float64(len(outside))
	a.FalseAbstained /= float64(len(inside))
	a.AUC /= float64(len(inside) * len(outside))
	return &a
}

func mean(ms []Measures) Measures {
	out := Measures{N: len(ms)}
	for _, c := range columns {
		sum := 0.0
		for i := range ms {
			sum += *c.get(&ms[i])
		}
		*c.get(&out) = sum / float64(len(ms))
	}
	return out
}

func measure(q Query, results []Found, sources map[string]*source, k int) Measures {
	results = results[:min(len(results), depth)]
	m := Measures{N: 1}
	quotes := make([]string, len(q.Relevant))
	for i, r := range q.Relevant {
		quotes[i] = Fold(r.Quote)
	}
	texts := make([]string, len(results))
	for i, f := range results {
		texts[i] = Fold(cutRunes(f.Text, maxLength))
	}
	// Rank of the first passage with each quote, 0 when none has it.
	first := make([]int, len(quotes))
	for i, quote := range quotes {
		first[i] = 1 + slices.IndexFunc(texts, func(t string) bool { return strings.Contains(t, quote) })
	}
	grade, rank := map[string]int{}, map[string]int{}
	for i, r := range q.Relevant {
		grade[r.Unit] = max(grade[r.Unit], r.Grade)
		if first[i] > 0 && (rank[r.Unit] == 0 || first[i] < rank[r.Unit]) {
			rank[r.Unit] = first[i]
		}
	}
	var needed, strong int
	for _, g := range grade {
		if g >= relevantMin {
			needed++
		}
	}
	var strongRanks []int
	var strongQuotes []int
	for i, r := range q.Relevant {
		if r.Grade >= relevantMin {
			strong++
			strongQuotes = append(strongQuotes, i)
			if first[i] > 0 {
				strongRanks = append(strongRanks, first[i])
			}
		}
	}
	within := func(limit int) (units, single float64) {
		for u, g := range grade {
			if g >= relevantMin && rank[u] > 0 && rank[u] <= limit {
				units++
			}
		}
		for _, r := range strongRanks {
			if r <= limit {
				single++
			}
		}
		return units / float64(max(needed, 1)), single / float64(max(strong, 1))
	}
	m.Recall5, _ = within(5)
	m.Recall10, m.QuoteRecall10 = within(10)
	m.Recall20, _ = within(20)
	m.Recall8k = recallWithin(q, quotes, results, grade, needed)
	m.NDCG = ndcg(grade, rank, k)
	if len(strongRanks) > 0 {
		m.MRR = 1 / float64(slices.Min(strongRanks))
	}
	m.PChar5, m.Length = nearCharacters(q, quotes, strongQuotes, results, sources)
	return m
}

func recallWithin(q Query, quotes []string, results []Found, grade map[string]int, needed int) float64 {
	left := charBudget
	var seen []string
	for _, f := range results {
		if left <= 0 {
			break
		}
		seen = append(seen, Fold(cutRunes(f.Text, min(left, maxLength))))
		left -= utf8.RuneCountInString(f.Text)
	}
	got := map[string]bool{}
	for i, r := range q.Relevant {
		if grade[r.Unit] >= relevantMin && slices.ContainsFunc(seen, func(t string) bool { return strings.Contains(t, quotes[i]) }) {
			got[r.Unit] = true
		}
	}
	return float64(len(got)) / float64(max(needed, 1))
}

// ndcg takes units in order of first discovery; several new units in one passage
// take consecutive positions, so that long passages neither win nor lose.
func ndcg(grade, rank map[string]int, k int) float64 {
	units := make([]string, 0, len(rank))
	for u := range rank {
		if rank[u] > 0 {
			units = append(units, u)
		}
	}
	sort.Slice(units, func(i, j int) bool {
		a, b := units[i], units[j]
		if rank[a] != rank[b] {
			return rank[a] < rank[b]
		}
		if grade[a] != grade[b] {
			return grade[a] > grade[b]
		}
		return a < b
	})
	gain := func(g int) float64 { return math.Exp2(float64(g)) - 1 }
	position, dcg := 0, 0.0
	for _, u := range units {
		position = max(position+1, rank[u])
		if position <= k {
			dcg += gain(grade[u]) / math.Log2(float64(position)+1)
		}
	}
	ideal := make([]int, 0, len(grade))
	for _, g := range grade {
		ideal = append(ideal, g)
	}
	sort.Sort(sort.Reverse(sort.IntSlice(ideal)))
	best := 0.0
	for i, g := range ideal[:min(len(ideal), k)] {
		best += gain(g) / math.Log2(float64(i)+2)
	}
	if best == 0 {
		return 0
	}
	return dcg / best
}

func nearCharacters(q Query, quotes []string, strong []int, results []Found, sources map[string]*source) (share, length float64) {
	results = results[:min(len(results), 5)]
	total, near := 0.0, 0.0
	for _, f := range results {
		n := float64(utf8.RuneCountInString(f.Text))
		total += n
		near += n * nearShare(q, quotes, strong, f, sources[f.Doc])
	}
	if total == 0 {
		return 0, 0
	}
	return near / total, total / float64(len(results))
}

// nearShare is the share of a passage's characters within window of a relevant
// quote, in the file the passage is from.
func nearShare(q Query, quotes []string, strong []int, f Found, src *source) float64 {
	text := Fold(f.Text)
	if text == "" {
		return 0
	}
	index := runeIndex(text)
	size := int(index[len(text)])
	if src == nil {
		src = &source{ratio: 0.7, runes: []int32{0}}
	}
	w := int(window * src.ratio)
	start := -1
	if at := strings.Index(src.flat, text); at >= 0 {
		start = int(src.runes[at])
	} else if size > 160 { // a reworded head: find the middle
		runes := []rune(text)
		probe := string(runes[size/2-40 : size/2+40])
		if at := strings.Index(src.flat, probe); at >= 0 && strings.Count(src.flat, probe) == 1 {
			start = int(src.runes[at]) - (size/2 - 40)
		}
	}
	var spans [][2]int
	find := func(in string, index []int32, quote string, offset int) {
		n := utf8.RuneCountInString(quote)
		for from := 0; from < len(in); {
			at := strings.Index(in[from:], quote)
			if at < 0 {
				return
			}
			p := int(index[from+at])
			spans = append(spans, [2]int{p - w - offset, p + n + w - offset})
			_, step := utf8.DecodeRuneInString(in[from+at:])
			from += at + step
		}
	}
	for _, i := range strong {
		if start >= 0 && q.Relevant[i].Doc == f.Doc {
			find(src.flat, src.runes, quotes[i], start)
		} else {
			find(text, index, quotes[i], 0)
		}
	}
	sort.Slice(spans, func(i, j int) bool {
		return spans[i][0] < spans[j][0] || spans[i][0] == spans[j][0] && spans[i][1] < spans[j][1]
	})
	covered, end := 0, 0
	for _, sp := range spans {
		a, b := max(sp[0], end, 0), min(sp[1], size)
		if b > a {
			covered += b - a
			end = b
		}
	}
	return float64(covered) / float64(size)
}

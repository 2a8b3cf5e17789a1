package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sort"

	"cdss/fhir/issue"
)

// WriteTable prints the report, groups in rows.
func (r Report) WriteTable(w io.Writer) error {
	names := r.names()
	line := fmt.Sprintf("%-16s%5s", "group", "n")
	for _, c := range columns {
		name := c.name
		if name == "ndcg" {
			name = fmt.Sprintf("ndcg@%d", r.K)
		}
		line += fmt.Sprintf("%12s", name)
	}
	if _, err := fmt.Fprintln(w, line); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	for _, g := range names {
		m := r.Groups[g]
		line := fmt.Sprintf("%-16s%5d", g, m.N)
		for _, c := range columns {
			if c.name == "len" {
				line += fmt.Sprintf("%12.0f", *c.get(&m))
			} else {
				line += fmt.Sprintf("%12.3f", *c.get(&m))
			}
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if a := r.Abstention; a != nil {
		if _, err := fmt.Fprintf(w, "abstention      oos_abstain %.3f  false_abstain %.3f  oos_auc %.3f\n", a.OutOfScopeAbstained, a.FalseAbstained, a.AUC); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return nil
}

// names lists the groups, all queries first.
func (r Report) names() []string {
	names := make([]string, 0, len(r.Groups))
	for g := range r.Groups {
		names = append(names, g)
	}
	sort.Slice(names, func(i, j int) bool {
		if (names[i] == "all") != (names[j] == "all") {
			return names[i] == "all"
		}
		return names[i] < names[j]
	})
	return names
}

// WriteBaseline keeps a report for later comparison.
func (r Report) WriteBaseline(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return nil
}

// ReadBaseline reads what WriteBaseline wrote.
func ReadBaseline(r io.Reader) (Report, error) {
	var rep Report
	if err := json.NewDecoder(r).Decode(&rep); err != nil {
		return Report{}, issue.Wrap(issue.Invalid, err, "read baseline")
	}
	return rep, nil
}

// Comparison is the difference of two runs over the queries both have.
type Comparison struct {
	N       int
	Before  float64 // mean nDCG
	After   float64
	P       float64 // two-sided, paired randomisation test; no correction for several tests
	Better  int     // queries
	Worse   int
	Changed []Change // largest loss first
}

// Change is one query's nDCG before and after.
type Change struct {
	ID            string
	Before, After float64
}

// flips is how often signs are drawn in the randomisation test.
const flips = 5000

// Compare tests whether two reports differ in nDCG: under the null hypothesis the
// sign of each query's difference is a coin toss (Fisher's paired randomisation
// test). The draw is seeded, so that the same reports give the same p.
func Compare(before, after Report) Comparison {
	var c Comparison
	var diffs []float64
	for id, b := range before.PerQuery {
		if a, ok := after.PerQuery[id]; ok {
			c.Changed = append(c.Changed, Change{ID: id, Before: b.NDCG, After: a.NDCG})
		}
	}
	slices.SortFunc(c.Changed, func(a, b Change) int {
		if d := (a.After - a.Before) - (b.After - b.Before); d < 0 {
			return -1
		} else if d > 0 {
			return 1
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	for _, ch := range c.Changed {
		c.Before += ch.Before
		c.After += ch.After
		d := ch.After - ch.Before
		diffs = append(diffs, d)
		switch {
		case d > 1e-9:
			c.Better++
		case d < -1e-9:
			c.Worse++
		}
	}
	c.N = len(diffs)
	c.P = 1
	if c.N == 0 {
		return c
	}
	observed := abs(c.After - c.Before)
	c.Before /= float64(c.N)
	c.After /= float64(c.N)
	rng := rand.New(rand.NewPCG(1, uint64(c.N)))
	extreme := 1
	for range flips {
		sum := 0.0
		for _, d := range diffs {
			if rng.Uint64()&1 == 0 {
				d = -d
			}
			sum += d
		}
		if abs(sum) >= observed-1e-12 {
			extreme++
		}
	}
	c.P = float64(extreme) / (flips + 1)
	return c
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}

package recommend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/content"
	"cdss/cds/facts"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/fhir"
	"cdss/rag"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// house is what every test decides with: the embedded content as a demonstration.
type house struct {
	snapshot *knowledge.Snapshot
	tables   recommend.Tables
}

func newHouse(t testing.TB, demo bool) house {
	t.Helper()
	resources, err := content.Artifacts()
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := knowledge.Load(resources, knowledge.Options{Demo: demo})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := recommend.LoadTables(content.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return house{snapshot, tables}
}

// question is an input of a golden folder.
type question struct {
	Now      time.Time              `json:"now"`
	Language cds.Lang               `json:"language"`
	Request  *cds.StructuredRequest `json:"request"`
	Bundle   json.RawMessage        `json:"bundle"`
	Drafts   []json.RawMessage      `json:"drafts"`
}

func read(t testing.TB, path string) question {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var q question
	if err := json.Unmarshal(raw, &q); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return q
}

// input makes the Chart of a question.
func (h house) input(t testing.TB, q question) recommend.Input {
	t.Helper()
	bundle, err := fhir.ParseResource(q.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	split, err := fhir.SplitBundle(bundle)
	if err != nil {
		t.Fatal(err)
	}
	in := facts.Input{
		Now: q.Now, Request: q.Request, Indications: h.snapshot.Indications(),
		Formulary: h.tables.Formulary, Allergy: h.tables.Allergy, Organisms: h.tables.Organisms,
	}
	for _, e := range split.Entries {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		in.Resources = append(in.Resources, e.Resource)
	}
	for _, d := range q.Drafts {
		r, err := fhir.ParseResource(d)
		if err != nil {
			t.Fatal(err)
		}
		in.Drafts = append(in.Drafts, r)
	}
	return recommend.Input{
		Snapshot: h.snapshot, Tables: h.tables, Chart: facts.Build(in), Lang: q.Language, Demo: true, ID: "1", Now: q.Now,
	}
}

func TestGolden(t *testing.T) {
	h := newHouse(t, true)
	folders, err := filepath.Glob("testdata/*/input.json")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no golden folders: %v", err)
	}
	for _, path := range folders {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			q := read(t, path)
			in := h.input(t, q)
			got := ""
			if len(q.Drafts) > 0 {
				got = writeFindings(recommend.CheckOrders(context.Background(), in))
			} else {
				got = write(recommend.Recommend(context.Background(), in))
			}
			file := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestSameInputGivesTheSameBytes decides each golden question twice.
func TestSameInputGivesTheSameBytes(t *testing.T) {
	folders, _ := filepath.Glob("testdata/*/input.json")
	houses := []house{newHouse(t, true), newHouse(t, true), newHouse(t, true)}
	for _, path := range folders {
		q := read(t, path)
		var first string
		for _, h := range houses {
			in := h.input(t, q)
			rec, err := json.Marshal(recommend.Recommend(context.Background(), in))
			if err != nil {
				t.Fatal(err)
			}
			orders, err := json.Marshal(recommend.CheckOrders(context.Background(), in))
			if err != nil {
				t.Fatal(err)
			}
			all := string(rec) + string(orders)
			if first == "" {
				first = all
			} else if first != all {
				t.Errorf("%s: two answers differ:\n%s", path, cmp.Diff(first, all))
			}
		}
	}
}

// write turns a recommendation into what a clinician would read.
func write(r cds.Recommendation) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	if r.Banner != nil {
		line("[%s]", *r.Banner)
	}
	if r.Indication != nil {
		line("indication: %s", r.Indication.Display)
	}
	if r.Severity != nil {
		line("severity: %s (%s)", r.Severity.Value, r.Severity.Basis)
	}
	if r.Abstained {
		line("abstains: %s", *r.AbstainReason)
	}
	for _, o := range r.Options {
		mark := ""
		if o.Recommended {
			mark = " recommended"
		}
		if o.Specialist {
			mark = " specialist decision"
		}
		aware := ""
		if o.AWaRe != nil {
			aware = ", " + *o.AWaRe
		}
		line("\n%d.%s%s", o.Rank, mark, aware)
		for _, i := range o.Ingredients {
			line("   %s", i.Text)
			for _, a := range i.Adjustments {
				line("      %s: %s %s", a.Kind, a.Basis, a.Text)
			}
		}
		line("   why: %s", o.Why)
		if o.Notes != "" {
			line("   notes: %s", o.Notes)
		}
		for _, x := range o.Interactions {
			line("   interaction: %s", x)
		}
		line("   sources: %s", citations(o.Citations))
	}
	for _, e := range r.Excluded {
		line("\nexcluded: %s (%s)\n   %s\n   sources: %s", e.Name, e.Reason, e.Detail, citations(e.Citations))
	}
	writeWarnings(&b, r.Warnings, r.NotChecked)
	for _, n := range r.Notes {
		line("\nnote: %s", n)
	}
	for _, i := range r.Ignored {
		line("ignored: %s, %s", i.Reference, i.Reason)
	}
	return b.String()
}

func writeFindings(f recommend.Findings) string {
	var b strings.Builder
	if f.Banner != nil {
		fmt.Fprintf(&b, "[%s]\n", *f.Banner)
	}
	writeWarnings(&b, f.Warnings, f.NotChecked)
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func writeWarnings(b *strings.Builder, warnings []cds.Warning, gaps []cds.NotChecked) {
	for _, w := range warnings {
		fmt.Fprintf(b, "\n%s (%s): %s\n", w.Indicator, w.Code, w.Summary)
		if w.Example {
			fmt.Fprintf(b, "   example\n")
		}
		if w.OrderRef != "" {
			fmt.Fprintf(b, "   order: %s\n", w.OrderRef)
		}
		if w.Detail != "" {
			fmt.Fprintf(b, "   %s\n", w.Detail)
		}
		if len(w.Citations) > 0 {
			fmt.Fprintf(b, "   sources: %s\n", citations(w.Citations))
		}
		for _, fix := range w.Fix {
			fmt.Fprintf(b, "   suggestion: %s\n", fix.Label)
			for _, a := range fix.Actions {
				var resource bytes.Buffer
				if len(a.Resource) > 0 {
					json.Compact(&resource, a.Resource)
				}
				fmt.Fprintf(b, "      %s %s%s\n", a.Type, a.ResourceID, resource.String())
			}
		}
	}
	for _, g := range gaps {
		fmt.Fprintf(b, "\nnot checked: %s\n   %s %v\n", g.Check, g.Reason, g.Missing)
	}
}

func citations(list []rag.Citation) string {
	var out []string
	for _, c := range list {
		s := c.Document
		if c.Page != nil {
			s += fmt.Sprintf(" p. %d", *c.Page)
		}
		if c.Section != "" {
			s += " " + c.Section
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

package trial_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"cdss/cds/content"
	"cdss/cds/content/cases"
	"cdss/cds/knowledge"
	"cdss/cds/recommend"
	"cdss/cds/trial"
	"cdss/cds/trial/ward"
	"cdss/fhir"
)

var shipped = sync.OnceValues(func() (trial.Knowledge, error) { return load(nil) })

// load gives what ships with artifacts laid over it.
func load(over []*fhir.Resource) (trial.Knowledge, error) {
	k := trial.Knowledge{Name: "shipped", Demo: true}
	artifacts, err := content.Artifacts()
	if err != nil {
		return k, err
	}
	if artifacts, err = trial.Overlay(artifacts, over); err != nil {
		return k, err
	}
	if k.Tables, err = recommend.LoadTables(content.Tables()); err != nil {
		return k, err
	}
	k.Snapshot, err = knowledge.Load(artifacts, knowledge.Options{Demo: true})
	return k, err
}

func house(t testing.TB) trial.Knowledge {
	t.Helper()
	k, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// changed gives the shipped knowledge with the text of one plan changed, as its
// next version.
func changed(t testing.TB, url, old, replacement string) trial.Knowledge {
	t.Helper()
	p, ok := house(t).Snapshot.Plan(url)
	if !ok {
		t.Fatalf("no plan %s", url)
	}
	text := string(p.Resource.Raw())
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not hold %q", url, old)
	}
	text = strings.ReplaceAll(text, old, replacement)
	text = strings.Replace(text, `"`+p.Version+`"`, `"99.0.0"`, 1)
	k, err := load([]*fhir.Resource{bundle(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	if p := k.Snapshot.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	k.Name = "changed"
	return k
}

func allCases(t testing.TB) []trial.Case {
	t.Helper()
	bundles, err := cases.Bundles()
	if err != nil {
		t.Fatal(err)
	}
	var out []trial.Case
	for _, b := range bundles {
		c, err := trial.ReadCase(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// lines gives the admissions of a ward.
func lines(t testing.TB, o ward.Options) [][]byte {
	t.Helper()
	var b bytes.Buffer
	if err := ward.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\n"))
}

// replayed replays lines one after the other.
func replayed(t testing.TB, r trial.Replayer, lines [][]byte) trial.Report {
	t.Helper()
	against := ""
	if r.Against != nil {
		against = r.Against.Name
	}
	c := trial.NewCollector(r.Knowledge, against)
	for i, raw := range lines {
		b, err := r.Bundle(t.Context(), i+1, raw)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		c.Add(b)
	}
	return c.Report(true)
}

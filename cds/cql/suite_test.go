package cql_test

import (
	"bufio"
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cdss/cds/cql"
	"cdss/fhir/fhirpath"
)

// gate is the share of the official tests that must pass.
const gate = 0.95

type suiteFile struct {
	Groups []struct {
		Name  string `xml:"name,attr"`
		Tests []struct {
			Name       string `xml:"name,attr"`
			Expression struct {
				Text    string `xml:",chardata"`
				Invalid string `xml:"invalid,attr"`
			} `xml:"expression"`
			Outputs []string `xml:"output"`
		} `xml:"test"`
	} `xml:"group"`
}

// exclusions reads the list of tests that do not pass, with the reason of each.
func exclusions(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "exclusions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok || reason == "" {
			t.Fatalf("%q gives no reason", line)
		}
		list[name] = reason
	}
	return list
}

var suiteNow = time.Date(2026, 3, 15, 10, 30, 20, 123_000_000, time.UTC)

// valueOf compiles and evaluates one expression in a library without model.
func valueOf(text string) (cql.Value, error, error) {
	lib, err := cql.Compile(cql.Source{Text: "library Suite\ndefine Result: " + text}, nil)
	if err != nil {
		return cql.Value{}, err, nil
	}
	if len(lib.Problems) > 0 {
		return cql.Value{}, lib.Problems[0].Err, nil
	}
	r, err := cql.NewRun(context.Background(), cql.Env{Now: suiteNow}).Evaluate(lib, "Result")
	return r.Value, nil, err
}

// same compares two results part by part; null is null, numbers are numbers
// whatever their type, and moments have the same precision.
func same(a, b cql.Value) bool {
	if a.Kind() == 0 || b.Kind() == 0 {
		return a.Kind() == b.Kind()
	}
	x, isX := a.Decimal()
	y, isY := b.Decimal()
	if isX && isY {
		return x.Cmp(&y) == 0
	}
	if m, n := a.Moment(), b.Moment(); m != nil && n != nil {
		zone := func(m *fhirpath.Moment) time.Time {
			offset, _ := m.Zone()
			return m.Wall().Add(-time.Duration(offset) * time.Minute)
		}
		return m.Precision() == n.Precision() && m.IsTime() == n.IsTime() && zone(m).Equal(zone(n))
	}
	all := func(p, q []cql.Value) bool {
		if len(p) != len(q) {
			return false
		}
		for i := range p {
			if !same(p[i], q[i]) {
				return false
			}
		}
		return true
	}
	switch p := a.Composite().(type) {
	case cql.List:
		q, ok := b.Composite().(cql.List)
		return ok && all(p, q)
	case *cql.Interval:
		q, ok := b.Composite().(*cql.Interval)
		return ok && p.LowClosed == q.LowClosed && p.HighClosed == q.HighClosed && same(p.Low, q.Low) && same(p.High, q.High)
	case *cql.Tuple:
		q, ok := b.Composite().(*cql.Tuple)
		return ok && strings.Join(p.Names, ",") == strings.Join(q.Names, ",") && all(p.Values, q.Values)
	}
	return cql.Text(a) == cql.Text(b) || a.Kind() == fhirpath.Quantity && b.Kind() == fhirpath.Quantity && sameQuantity(a, b)
}

func sameQuantity(a, b cql.Value) bool {
	c, ok, known := fhirpath.CompareQuantities(a, b)
	return a.Text() == b.Text() && ok && known && c == 0
}

func TestSuite(t *testing.T) {
	dir := os.Getenv("REFERENCE_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "cql", "tests", "*.xml"))
	if len(files) == 0 {
		t.Skip("reference data folder absent: set REFERENCE_DATA_DIR")
	}
	excluded := exclusions(t)
	ran, passed := 0, 0
	used := map[string]bool{}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f suiteFile
		if err := xml.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSuffix(filepath.Base(path), ".xml")
		for _, g := range f.Groups {
			for _, c := range g.Tests {
				ran++
				name := base + "/" + g.Name + "/" + c.Name
				fault := judge(c.Expression.Text, c.Expression.Invalid, c.Outputs)
				reason, listed := excluded[name]
				used[name] = used[name] || listed
				switch {
				case fault == "":
					passed++
					if listed {
						t.Errorf("%s passes and is still listed: %s", name, reason)
					}
				case !listed:
					t.Errorf("%s: %s: %s", name, strings.Join(strings.Fields(c.Expression.Text), " "), fault)
				}
			}
		}
	}
	for name := range excluded {
		if !used[name] {
			t.Errorf("%s is listed and is no test", name)
		}
	}
	t.Logf("%d of %d CQL tests pass, %.2f %%", passed, ran, 100*float64(passed)/float64(ran))
	if float64(passed) < gate*float64(ran) {
		t.Errorf("only %d of %d pass", passed, ran)
	}
}

// judge tells what is wrong with the outcome of a test, "" for nothing.
func judge(text, invalid string, outputs []string) string {
	got, compileErr, runErr := valueOf(text)
	switch {
	case invalid == "semantic" || invalid == "syntax":
		if compileErr == nil {
			return "compiles, and " + invalid + " error is expected"
		}
		return ""
	case invalid == "true":
		if compileErr == nil && runErr == nil {
			return "an error is expected, got " + cql.Text(got)
		}
		return ""
	case compileErr != nil:
		return compileErr.Error()
	case runErr != nil:
		return runErr.Error()
	}
	if len(outputs) != 1 {
		return "no output"
	}
	want, compileErr, runErr := valueOf(outputs[0])
	if compileErr != nil || runErr != nil {
		return "the output cannot be read"
	}
	if !same(got, want) {
		return "want " + cql.Text(want) + ", got " + cql.Text(got)
	}
	return ""
}

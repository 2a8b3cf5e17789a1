package cql_test

import (
	"context"
	"testing"
	"time"

	"cdss/cds/cql"
	"cdss/fhir/fhirpath"
)

func integer(i int) cql.Value { return fhirpath.FromInt(int64(i)) }

// seeds are pieces of the language; the suite's expressions come from the folder
// beside the project and are tried there.
var seeds = []string{
	`1 + 2 * 3`, `'a\'b' & "x"`, `Interval[1, 10) overlaps Interval(3, null]`, `{1, 2, null} union {2}`, `Tuple { a: 1, b: { 'x' } }.b[0]`,
	`from ({1, 2}) A, ({3}) B where A < B return Tuple { s: A + B } sort by s desc`, `({1, 2}) X aggregate distinct R starting 0: R + X`,
	`@2026-03-15T10:00:00.000+01:00 + 1 month`, `difference in days between @2026 and @2026-03-01`, `days between DateTime(2014, 1, 15) and DateTime(2014, 2)`,
	`expand { Interval[@2026-01-01, @2026-02-01] } per 2 weeks`, `collapse { Interval[1, 3], Interval[4, 9] } per 1`, `5 'mg' / 2 'mL' = 2.5 'mg/mL'`,
	`case when true then 1 else null end`, `if exists [Condition] then 'a' else 'b'`, `[Observation: code in "Pneumonia"] O where O.value > 5 'mg'`,
	`Patient.name.given.first()`, `AgeInYearsAt(@2026-01-01)`, `convert '5' to Integer`, `1 'mg':2 'mL'`, `Interval[@2026-01-01, @2026-01-02] starts 3 days or more before day of @2026-02-01`,
	`Slice({1,2,3}, -2)`, `Matches('abc', 'a.*')`, `Message(1, true, 'a', 'Trace', 'b')`, `(null).descendants()`, `predecessor of 1.0`, `minimum DateTime`,
}

// FuzzCompile compiles any text as a library.
func FuzzCompile(f *testing.F) {
	f.Add(typical)
	f.Add(wardHead)
	for _, s := range seeds {
		f.Add("define X: " + s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lib, err := cql.Compile(cql.Source{Name: "F", Text: text}, func(_, name, _ string) (cql.Source, bool) {
			return cql.Source{Text: "define Y: 1"}, name == "Other"
		})
		if err == nil && lib == nil {
			t.Error("neither a library nor an error")
		}
	})
}

// FuzzEvaluate evaluates any expression on a chart, within bounds of time.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	env := wardEnv(f)
	env.Limits = cql.Limits{Steps: 50_000, Items: 2_000, Text: 10_000}
	f.Fuzz(func(t *testing.T, expression string) {
		lib, err := cql.Compile(cql.Source{Text: wardHead + "define Result: " + expression}, nil)
		if err != nil {
			return
		}
		start := time.Now()
		run := cql.NewRun(context.Background(), env)
		for _, d := range lib.Definitions() {
			if d.Function {
				continue
			}
			r, err := run.Evaluate(lib, d.Name)
			if err != nil {
				continue
			}
			_, _ = cql.ToFHIR(r.Value)
			again, err := cql.NewRun(context.Background(), env).Evaluate(lib, d.Name)
			if a, b := cql.Text(r.Value), cql.Text(again.Value); err == nil && a != b {
				t.Errorf("%q gives %q, then %q", expression, a, b)
			}
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%q took %v", expression, d)
		}
	})
}

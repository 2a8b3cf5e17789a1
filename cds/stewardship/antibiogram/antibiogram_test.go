package antibiogram_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds/stewardship/antibiogram"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/microbiology"
)

func tables(t testing.TB) (*formulary.Formulary, *microbiology.Table) {
	t.Helper()
	fsys := os.DirFS("../../content/source")
	f, err := formulary.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	m, err := microbiology.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return f, m
}

const german = `# Muster-Klinik 2025
Erreger;Substanz;n;%S;Material
E. coli;Ceftriaxon;420;88,5;urine
Escherichia coli;J01MA02;420;74;urine
Klebsiella pneumoniae;Ceftriaxon;100;80;urine
Klebsiella pneumoniae;Ciprofloxacin;100;78%;urine
Proteus mirabilis;Ceftriaxon;12;99;urine
Mischflora;Ceftriaxon;50;50;urine
E. coli;Wundermittel;50;50;urine
E. coli;Meropenem;50;101;urine
E. coli;Meropenem;viele;99;urine
`

func TestLoad(t *testing.T) {
	f, m := tables(t)
	table, problems, err := antibiogram.Load("Muster-Klinik 2025", strings.NewReader(german), f, m)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(table.Rows()); n != 4 {
		t.Errorf("%d rows count, want 4", n)
	}
	want := []antibiogram.Problem{
		{7, "fewer than 30 isolates"}, {8, "organism not recognised"}, {9, "substance not recognised"}, {10, "percentage is none from 0 to 100"}, {11, "number of isolates is no number"},
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	f, m := tables(t)
	for _, text := range []string{"", "organism,substance,n\nE. coli,Ceftriaxon,100\n", "organism,substance,n,%S\nE. coli,Ceftriaxon,5,90\n", "\x00"} {
		if _, _, err := antibiogram.Load("x", strings.NewReader(text), f, m); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestCoverage(t *testing.T) {
	f, m := tables(t)
	table, _, err := antibiogram.Load("x", strings.NewReader(german), f, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		atcs      []string
		specimen  string
		organisms []string
		want      float64
		ok        bool
	}{
		{"weighted by the isolates", []string{"J01DD04"}, "urine", nil, (88.5*420 + 80*100) / 520, true},
		{"one organism", []string{"J01MA02"}, "urine", []string{"Escherichia coli"}, 74, true},
		{"the better of two substances", []string{"J01MA02", "J01DD04"}, "urine", []string{"Klebsiella pneumoniae"}, 80, true},
		{"resistant by nature", []string{"J01XA01"}, "urine", nil, 0, true},
		{"nothing held", []string{"J01DE01"}, "urine", nil, 0, false},
		{"of another specimen", []string{"J01DD04"}, "blood", nil, 0, false},
	} {
		got, _, ok := table.Coverage(tc.atcs, tc.specimen, tc.organisms)
		if math.Abs(got-tc.want) > 1e-9 || ok != tc.ok {
			t.Errorf("%s: %g (%v), want %g (%v)", tc.name, got, ok, tc.want, tc.ok)
		}
	}
}

func FuzzLoad(f *testing.F) {
	drugs, organisms := tables(f)
	for _, seed := range []string{german, "organism\tsubstance\tn\t%S\nE. coli\tCeftriaxon\t100\t9", "a;b\n\"", "erreger,atc,n,s\n,,,\n", "\ufefforganism,substance,n,%S\nE. coli,Ceftriaxon,1e9,NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, _, err := antibiogram.Load("x", strings.NewReader(text), drugs, organisms)
		if err != nil {
			return
		}
		for _, r := range table.Rows() {
			if r.Isolates < antibiogram.Least || !(r.Susceptible >= 0 && r.Susceptible <= 100) || r.ATC == "" {
				t.Errorf("row %+v", r)
			}
		}
	})
}

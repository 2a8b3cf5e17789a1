package microbiology_test

import (
	"os"
	"slices"
	"testing"

	"cdss/cds/stewardship/microbiology"
)

func load(t *testing.T) *microbiology.Table {
	t.Helper()
	table, err := microbiology.Load(os.DirFS("../../content/source"))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestFind(t *testing.T) {
	table := load(t)
	for _, tc := range []struct{ name, code, text, want string }{
		{"code", "112283007", "", "Escherichia coli"},
		{"text", "", "E. coli 10^5 KBE/ml", "Escherichia coli"},
		{"resistant variant wins over the species", "3092008", "Staphylococcus aureus (MRSA)", "methicillin resistant Staphylococcus aureus"},
		{"faecium is not faecalis", "", "Enterococcus faecium", "Enterococcus faecium"},
		{"unknown", "", "Mischflora", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, ok := table.Find(tc.code, tc.text)
			if o.Name.EN != tc.want || ok != (tc.want != "") {
				t.Errorf("got %q, %v; want %q", o.Name.EN, ok, tc.want)
			}
		})
	}
}

func TestAgainst(t *testing.T) {
	table := load(t)
	klebsiella, _ := table.Find("56415008", "")
	i := microbiology.Isolate{Organism: klebsiella, Results: []microbiology.Result{
		{ATC: "J01CA01", Interpretation: microbiology.Susceptible}, {ATC: "J01DD04", Interpretation: microbiology.Susceptible},
	}}
	if r, known := i.Against("J01CA01"); !known || r.Interpretation != microbiology.Resistant {
		t.Errorf("ampicillin against Klebsiella = %+v, %v; resistance by nature overrules a reported S", r, known)
	}
	if r, known := i.Against("J01DD04"); !known || r.Interpretation != microbiology.Susceptible {
		t.Errorf("ceftriaxone = %+v, %v; want the laboratory's S", r, known)
	}
	if _, known := i.Against("J01MA02"); known {
		t.Error("ciprofloxacin was not tested")
	}
}

func TestResultsStandForRelatedSubstances(t *testing.T) {
	table := load(t)
	isolate := func(code string, results ...string) microbiology.Isolate {
		o, _ := table.Find(code, "")
		i := microbiology.Isolate{Organism: o}
		for n := 0; n < len(results); n += 2 {
			i.Results = append(i.Results, microbiology.Result{ATC: results[n], Interpretation: microbiology.Interpretation(results[n+1])})
		}
		return i
	}
	const coli, pseudomonas, aureus = "112283007", "52499004", "3092008"
	for _, tc := range []struct {
		name    string
		isolate microbiology.Isolate
		atc     string
		want    microbiology.Interpretation // "" nothing known
	}{
		{"ceftriaxone by cefotaxime", isolate(coli, "J01DD01", "R"), "J01DD04", "R"},
		{"an S carries over as well", isolate(coli, "J01DD01", "S"), "J01DD04", "S"},
		{"cefuroxime by ceftazidime", isolate(coli, "J01DD02", "R"), "J01DC02", "R"},
		{"cefepime is a question of its own", isolate(coli, "J01DD01", "R"), "J01DE01", ""},
		{"meropenem is not touched", isolate(coli, "J01DD01", "R"), "J01DH02", ""},
		{"levofloxacin by ciprofloxacin", isolate(coli, "J01MA02", "R"), "J01MA12", "R"},
		{"a susceptible ciprofloxacin says nothing of moxifloxacin", isolate(coli, "J01MA02", "S"), "J01MA14", ""},
		{"its own result counts before an implied one", isolate(coli, "J01MA02", "R", "J01MA12", "S"), "J01MA12", "S"},
		{"not for Pseudomonas", isolate(pseudomonas, "J01DD02", "R"), "J01CA12", ""},
		{"oxacillin stands for flucloxacillin", isolate(aureus, "J01CF04", "S"), "J01CF05", "S"},
		{"and against it", isolate(aureus, "J01CF04", "R"), "J01DB04", "R"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, known := tc.isolate.Tested(tc.atc)
			if r.Interpretation != tc.want || known != (tc.want != "") {
				t.Errorf("%s = %q, %v; want %q", tc.atc, r.Interpretation, known, tc.want)
			}
		})
	}
	if !isolate(coli, "J01DD01", "R").ThirdGenerationResistant() || isolate(coli, "J01DD01", "S").ThirdGenerationResistant() || isolate(pseudomonas, "J01DD02", "R").ThirdGenerationResistant() {
		t.Error("only an enterobacterium that resists a third-generation cephalosporin is like an ESBL producer")
	}
}

func TestIncreasedExposureNeedsItsNorm(t *testing.T) {
	for _, tc := range []struct {
		norm string
		year int
		want bool
	}{{"EUCAST", 2019, true}, {"EUCAST", 2018, false}, {"EUCAST", 0, false}, {"CLSI", 2022, false}, {"", 2022, false}} {
		r := microbiology.Result{Interpretation: microbiology.Increased, Norm: tc.norm, Year: tc.year}
		if r.Usable() != tc.want {
			t.Errorf("I by %s %d usable = %v, want %v", tc.norm, tc.year, r.Usable(), tc.want)
		}
	}
}

func TestMRGN(t *testing.T) {
	results := func(pip, cef, mer, cip string) []microbiology.Result {
		var out []microbiology.Result
		for atc, v := range map[string]string{"J01CR05": pip, "J01DD01": cef, "J01DH02": mer, "J01MA02": cip} {
			if v != "" {
				out = append(out, microbiology.Result{ATC: atc, Interpretation: microbiology.Interpretation(v)})
			}
		}
		return out
	}
	for _, tc := range []struct {
		name, group string
		results     []microbiology.Result
		class       string
		known       bool
	}{
		{"all susceptible", "enterobacterales", results("S", "S", "S", "S"), "", true},
		{"three of four", "enterobacterales", results("R", "R", "S", "R"), "3MRGN", true},
		{"carbapenem", "ampc", results("", "", "R", ""), "4MRGN", true},
		{"two of four", "enterobacterales", results("R", "R", "S", "S"), "", true},
		{"not all tested", "enterobacterales", results("R", "R", "", "S"), "", false},
		{"Pseudomonas, carbapenem alone", "pseudomonas", results("S", "S", "R", "S"), "", true},
		{"Pseudomonas, carbapenem with one not tested", "pseudomonas", results("I", "", "R", "R"), "", false},
		{"Pseudomonas, three", "pseudomonas", results("R", "S", "R", "R"), "3MRGN", true},
		{"Pseudomonas, four", "pseudomonas", results("R", "R", "R", "R"), "4MRGN", true},
		{"a staphylococcus is no rod", "mrsa", results("R", "R", "R", "R"), "", true},
		{"resistant by nature", "stenotrophomonas", results("R", "R", "R", "R"), "", true},
		{"organism not recognised", "", results("R", "R", "R", "R"), "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			class, known := microbiology.Isolate{Organism: microbiology.Organism{Group: tc.group}, Results: tc.results}.MRGN()
			if class != tc.class || known != tc.known {
				t.Errorf("got %q, %v; want %q, %v", class, known, tc.class, tc.known)
			}
		})
	}
}

// A breakpoint for cystitis or meningitis says nothing of other infections.
func TestResultsForAnInfection(t *testing.T) {
	i := microbiology.Isolate{Results: []microbiology.Result{
		{ATC: "J01CR02", Interpretation: "S", Only: microbiology.CystitisOnly}, {ATC: "J01DD04", Interpretation: "S", Only: microbiology.NotMeningitis},
		{ATC: "J01CE01", Interpretation: "R", Only: microbiology.MeningitisOnly}, {ATC: "J01DH02", Interpretation: "S"},
	}}
	for _, tc := range []struct {
		name                 string
		meningitis, cystitis bool
		want                 []string
	}{
		{"pneumonia", false, false, []string{"J01DD04", "J01DH02"}}, {"cystitis", false, true, []string{"J01CR02", "J01DD04", "J01DH02"}}, {"meningitis", true, false, []string{"J01CE01", "J01DH02"}},
	} {
		var got []string
		for _, r := range i.For(tc.meningitis, tc.cystitis).Results {
			got = append(got, r.ATC)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	if len(i.Results) != 4 {
		t.Error("the isolate itself was changed")
	}
}

func TestTestsByLOINC(t *testing.T) {
	table := load(t)
	for code, want := range map[string]string{"18906-8": "J01MA02", "18970-4": "J01CR05", "19000-9": "J01XA01", "1-1": ""} {
		if atc, ok := table.Test(code); atc != want || ok != (want != "") {
			t.Errorf("%s: %s, %v, want %s", code, atc, ok, want)
		}
	}
}

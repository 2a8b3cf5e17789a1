package interaction_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/stewardship"
	"cdss/cds/stewardship/formulary"
	"cdss/cds/stewardship/interaction"
)

func load(t *testing.T) (*interaction.List, *formulary.Formulary) {
	t.Helper()
	fsys := os.DirFS("../../content/source")
	l, err := interaction.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	f, err := formulary.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return l, f
}

func medicines(codes ...string) []interaction.Medicine {
	var out []interaction.Medicine
	for _, c := range codes {
		out = append(out, interaction.Medicine{ATC: c, Reference: "MedicationStatement/" + c})
	}
	return out
}

func TestCheck(t *testing.T) {
	l, _ := load(t)
	for _, tc := range []struct {
		name      string
		substance string
		route     string
		current   []string
		want      []string // indicator and kind, worst first
	}{
		{"ciprofloxacin and tizanidine", "J01MA02", "iv", []string{"M03BX02"}, []string{"critical cyp1a2"}},
		{"ciprofloxacin and theophylline", "J01MA02", "iv", []string{"R03DA04"}, []string{"warning cyp1a2"}},
		{"clarithromycin and simvastatin", "J01FA09", "iv", []string{"C10AA01"}, []string{"critical cyp3a4"}},
		{"azithromycin spares simvastatin", "J01FA10", "iv", []string{"C10AA01"}, nil},
		{"clarithromycin and rosuvastatin", "J01FA09", "iv", []string{"C10AA07"}, nil},
		{"carbapenem and valproate", "J01DH02", "iv", []string{"N03AG01"}, []string{"critical valproate"}},
		{"linezolid and an SSRI", "J01XX08", "iv", []string{"N06AB06"}, []string{"critical serotonin"}},
		{"linezolid and tramadol", "J01XX08", "iv", []string{"N02AX02"}, []string{"warning serotonin"}},
		{"co-trimoxazole and an ACE inhibitor", "J01EE01", "po", []string{"C09AA05"}, []string{"warning potassium"}},
		{"co-trimoxazole and spironolactone", "J01EE01", "po", []string{"C03DA01"}, []string{"warning potassium"}},
		{"co-trimoxazole and methotrexate", "J01EE01", "po", []string{"L01BA01"}, []string{"warning methotrexate"}},
		{"metronidazole and phenprocoumon", "J01XD01", "iv", []string{"B01AA04"}, []string{"warning inr"}},
		{"daptomycin and a statin", "J01XX09", "iv", []string{"C10AA05"}, []string{"warning myopathy"}},
		{"gentamicin and vancomycin", "J01GB03", "iv", []string{"J01XA01"}, []string{"warning nephrotoxic"}},
		{"QT sum", "J01MA12", "iv", []string{"C01BD01"}, []string{"warning qt"}},
		{"moxifloxacin and amiodarone is told once", "J01MA14", "iv", []string{"C01BD01"}, []string{"critical qt"}},
		{"rifampicin and apixaban", "J04AB02", "po", []string{"B01AF02"}, []string{"warning cyp3a4"}},
		{"worst first", "J01MA02", "iv", []string{"R03DA04", "M03BX02", "A10BB12"}, []string{"critical cyp1a2", "warning cyp1a2", "info other"}},
		{"calcium by mouth", "J01MA02", "po", []string{"A12AA04"}, []string{"info absorption"}},
		{"calcium is no matter by vein", "J01MA02", "iv", []string{"A12AA04"}, nil},
		{"a usual patient", "J01CR01", "iv", []string{"C09AA05", "C07AB07", "A02BC02", "B01AC06"}, nil},
		{"an unrecognised medicine has no code", "J01MA02", "iv", []string{""}, nil},
		{"the same substance is a duplicate, not an interaction", "J01FA09", "iv", []string{"J01FA09"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := l.Check(interaction.Medicine{ATC: tc.substance, Route: tc.route}, medicines(tc.current...), interaction.Patient{})
			var told []string
			for _, f := range got {
				told = append(told, string(f.Indicator)+" "+f.Kind)
				if f.Effect.DE == "" || f.Effect.EN == "" || f.Advice.DE == "" || f.Advice.EN == "" || f.Source.IsZero() || len(f.With) == 0 {
					t.Errorf("incomplete finding: %+v", f)
				}
			}
			if diff := cmp.Diff(tc.want, told); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatientMakesItWorse(t *testing.T) {
	l, _ := load(t)
	got := l.Check(interaction.Medicine{ATC: "J01MA12", Route: "iv"}, medicines("C01BD01"), interaction.Patient{Potassium: stewardship.Exactly(3.1)})
	if len(got) != 1 {
		t.Fatalf("findings = %+v", got)
	}
	want := cds.Text{
		DE: "Beide verlängern die QT-Zeit (Torsade de pointes). Kalium 3,1 mmol/l erniedrigt.",
		EN: "Both prolong the QT interval (torsades de pointes). Potassium 3.1 mmol/L low.",
	}
	if diff := cmp.Diff(want, got[0].Effect); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPatientAlone(t *testing.T) {
	l, _ := load(t)
	at := stewardship.Exactly
	for _, tc := range []struct {
		name      string
		substance string
		patient   interaction.Patient
		want      string // indicator, exclusion and what it is with
	}{
		{"QTc 500", "J01MA12", interaction.Patient{QTc: at(500)}, "warning true QTc 500 ms"},
		{"QTc 499", "J01FA10", interaction.Patient{QTc: at(499)}, "warning false QTc 499 ms"},
		{"QTc 470", "J01MA12", interaction.Patient{QTc: at(470)}, ""},
		{"QTc unknown", "J01MA12", interaction.Patient{}, ""},
		{"QTc is no matter for a penicillin", "J01CR05", interaction.Patient{QTc: at(520)}, ""},
		{"potassium 2.8", "J01MA14", interaction.Patient{Potassium: at(2.8)}, "warning false potassium 2.8 mmol/L"},
		{"potassium 5.8 and trimethoprim", "J01EE01", interaction.Patient{Potassium: at(5.8)}, "warning true potassium 5.8 mmol/L"},
		{"potassium 5.8 and a penicillin", "J01CR05", interaction.Patient{Potassium: at(5.8)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, f := range l.Check(interaction.Medicine{ATC: tc.substance, Route: "iv"}, nil, tc.patient) {
				got += fmt.Sprintf("%s %v %s", f.Indicator, f.Exclude, f.With[0].Name.EN)
				if f.Source.IsZero() || f.Advice.DE == "" {
					t.Errorf("incomplete finding: %+v", f)
				}
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// The list names itself and what it is not, and every code of it means something
// the formulary can recognise.
func TestShippedList(t *testing.T) {
	l, f := load(t)
	if l.Name().DE == "" || l.Name().EN == "" || l.Version() == "" {
		t.Errorf("the list has no name or version: %+v %q", l.Name(), l.Version())
	}
	for _, s := range f.Substances() {
		for _, partner := range f.Substances() {
			for _, finding := range l.Check(interaction.Medicine{ATC: s.ATC, Route: "iv"}, medicines(partner.ATC), interaction.Patient{}) {
				if finding.Indicator == cds.Critical && !finding.Exclude {
					t.Errorf("%s: a contraindicated pair does not exclude", finding.ID)
				}
			}
		}
	}
}
